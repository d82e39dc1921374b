package lifecycle

import (
	"slices"
	"strings"
	"time"
)

// UpdateRules is what the catalog and the request say about changing single things of one user where they are.
type UpdateRules struct {
	// Join has the fields that the request sets, and nothing else; Site is the node that the user is at.
	Join OnboardingRules
	// LicensesRetained: licenses are not managed here (R36).
	LicensesRetained bool
	// Cooling is the rule at a node of the inventory, for a number that is given up.
	Cooling func(node string) CoolingRule
}

// PlanUpdate decides the steps of UpdateSubscriber: those of onboarding and offboarding that the fields need, by the same
// rules (R31, R34-R36). What could not be carried out as it is asked for is refused as a whole. The error is a *Refusal:
// nothing may be touched.
func PlanUpdate(req Request, s Snapshot, rules UpdateRules, facts OnboardingFacts, now time.Time) (Plan, error) {
	leave, gives := givesUp(s, rules, now)
	var left []PlannedStep
	if gives {
		if err := leave.refuse(); err != nil {
			return Plan{}, err
		}
		left = []PlannedStep{leave.removeNumber(), leave.disableEnterpriseVoice()}
	}
	join := joining(s.with(left), rules.Join, facts, now)
	if err := join.refuse(func() *Refusal { return join.refuseLicenseEdit(rules.LicensesRetained) }); err != nil {
		return Plan{}, err
	}
	var steps []PlannedStep
	m365 := rules.Join.M365
	if m365 != nil && m365.UsageLocation != "" {
		steps = append(steps, join.setUsageLocation())
	}
	if rules.Join.AddGroups != nil {
		steps = append(steps, join.addGroups(), join.awaitGroupLicenses())
	}
	steps = append(steps, left...)
	if m365 != nil && m365.Licenses != nil {
		steps = append(steps, join.assignLicenses())
	}
	if join.wantsNumber() || rules.Join.Teams != nil {
		steps = append(steps, join.awaitTeamsUser())
	}
	if join.wantsNumber() {
		steps = append(steps, join.claimNumber(), join.assignNumber())
	}
	if rules.Join.Teams != nil {
		policies := join.applyPolicies(rules.Join.Teams, join.inTeams())
		if policies.Action == SkipBecause {
			return Plan{}, refusal(string(policies.Reason), "", "the policies of %s are not changed: %s", s.Person.UserPrincipalName, policies.Summary)
		}
		steps = append(steps, policies)
	}
	if gives {
		steps = append(steps, leave.releaseNumber())
	}
	if rules.Join.ProfileRole != nil {
		steps = append(steps, join.setRole())
	}
	join.warnings = slices.Concat(leave.warnings, join.warnings)
	join.Snapshot = s
	return join.finish(req, append(steps, verifyStep))
}

// givesUp reports whether the user is to lose what numbers they have: for another one, or for none. Where only the inventory
// has the other one on the user, it is not among them.
func givesUp(s Snapshot, rules UpdateRules, now time.Time) (offboarding, bool) {
	number := rules.Join.Number
	keep := onboarding{planner: planner{Snapshot: s}, rules: rules.Join}
	s.Inventory = filter(s.Inventory, func(r NumberRow) bool { return r.Number != number })
	leave := offboarding{planner: planner{Snapshot: s, now: now}, rules: OffboardingRules{Cooling: rules.Cooling}}
	return leave, number == NoNumberAtAll || number != "" && len(leave.numbers()) > 0 && !keep.hasWanted()
}

// refuseLicenseEdit: an edit of licenses that could not be carried out as it says is refused as a whole (R31, R35, R36).
func (o *onboarding) refuseLicenseEdit(retained bool) *Refusal {
	if t := o.rules.M365; t == nil || t.Licenses == nil {
		return nil
	}
	who := o.Person.UserPrincipalName
	switch groups := o.groupLicensing(); {
	case retained:
		return refusal("licenses-retained", "change `offboarding: {licenses: retain}` in the catalog, or assign them in Microsoft's portal", "the licenses of %s are not changed: at %s they are retained as they are", who, o.rules.Site)
	case len(groups) > 0:
		return refusal("group-license-present", "change the groups instead", "the licenses of %s are not changed directly: they come from %s", who, strings.Join(groups, ", "))
	case !o.MayWriteLicenses():
		return refusal("license-permission-missing", "grant and consent to the permission, or make the field read-only by a field display policy", "the licenses of %s are not changed: the application does not hold %s", who, licensePermissions[0])
	}
	return nil
}
