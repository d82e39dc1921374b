package lifecycle

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// PlanOffboard decides every step of QuickOffboard (R50-R65, R70, R71, table F1-F6). now serves only to show the
// release dates that are to be expected; the dates that hold are set when the numbers are released.
// The error is a *Refusal: the rules forbid the operation and nothing may be touched.
func PlanOffboard(req Request, s Snapshot, rules OffboardingRules, now time.Time) (Plan, error) {
	o := offboarding{planner: planner{Snapshot: s, now: now}, rules: rules}
	if err := o.refuse(); err != nil {
		return Plan{}, err
	}
	return o.finish(req, append(o.steps(), verifyStep))
}

// verifyStep ends every plan.
var verifyStep = PlannedStep{Name: Verify, Action: Do, Summary: "read the end state back from Microsoft and the store"}

// steps are all but verify. Later decisions look at earlier ones: which licenses can go depends on which groups go (R55).
func (o *offboarding) steps() []PlannedStep {
	return []PlannedStep{
		o.removeNumber(),
		o.disableEnterpriseVoice(),
		o.applyPolicies(o.rules.Teams, o.Teams != nil),
		o.removeGroups(),
		o.awaitGroupLicenses(),
		o.removeLicenses(),
		o.releaseNumber(),
		o.returnToTenantLevel(),
		o.setRole(),
	}
}

type offboarding struct {
	planner
	rules OffboardingRules
	// keepNumbers is for a move that takes the numbers along.
	keepNumbers bool
	leaving     []GroupChange
}

func (o *offboarding) refuse() error {
	who := o.Person.UserPrincipalName
	switch {
	case o.rules.Protected != "":
		return &Refusal{Code: "protected", Message: fmt.Sprintf("%s is protected by the catalog: %s", who, o.rules.Protected), Hint: "change `protected` in the catalog if this person really is to be offboarded"}
	case o.Person.Guest:
		return &Refusal{Code: "guest", Message: who + " is a guest; guests have no services here to offboard"}
	}
	for _, row := range o.Inventory {
		if row.HeldBy != "" && o.owns(row) {
			return &Refusal{Code: "number-held", Message: fmt.Sprintf("%s of %s is held by the run %s", row.Number, who, row.HeldBy), Hint: "wait for that run or resolve it"}
		}
	}
	if len(o.numbers()) > 0 {
		if !o.holdsAny(NumberPermission) {
			return &Refusal{Code: "permission-missing", Message: fmt.Sprintf("the application may not take the number from %s: it does not hold %s", who, NumberPermission), Hint: "grant and consent to the permission, then try again"}
		}
		for _, n := range o.numbers() {
			if n.OnPremises {
				return &Refusal{Code: "number-on-premises", Message: fmt.Sprintf("%s of %s is mastered on premises and cannot be removed in the cloud", n.Number, who), Hint: "clear msRTCSIP-Line in the local directory first"}
			}
		}
	}
	return nil
}

// removeNumber: R50, first half.
func (o *offboarding) removeNumber() PlannedStep {
	step := PlannedStep{Name: RemoveNumber, Action: LeaveAsIs, Reason: NoNumber, Summary: "the user has no number in Teams"}
	if o.Teams == nil {
		step.Summary = "Teams does not know the user, so there is no number"
	}
	if numbers := o.numbers(); len(numbers) > 0 {
		step.Action, step.Reason = Do, ""
		for _, n := range numbers {
			step.Change.Numbers = append(step.Change.Numbers, NumberChange{Number: n.Number, Type: n.Type, Category: n.Category, LocationID: n.LocationID})
		}
		step.Summary = "unassign " + numberList(step.Change.Numbers)
	}
	return step
}

// disableEnterpriseVoice: R50, second half. Microsoft switches Enterprise Voice off with the last number; there is
// nothing else that Graph could write (graph.md §5.6).
func (o *offboarding) disableEnterpriseVoice() PlannedStep {
	step := PlannedStep{Name: DisableEnterpriseVoice, Action: LeaveAsIs, Summary: "Enterprise Voice is off"}
	switch {
	case len(o.numbers()) > 0:
		step.Action, step.Summary = Do, "goes off with the number; confirmed by reading back"
	case o.Teams != nil && o.Teams.EnterpriseVoice:
		step.Action, step.Reason = SkipBecause, EnterpriseVoiceNotWritable
		step.Summary = "Enterprise Voice is on without a number, which Microsoft Graph cannot change"
		o.warn(WarnEnterpriseVoiceStillOn, "Enterprise Voice is on although %s has no number; switch it off with Set-CsPhoneNumberAssignment -EnterpriseVoiceEnabled $false", o.Person.UserPrincipalName)
	}
	return step
}

// removeGroups: R50d, R64. Only groups of the template, and of these only memberships that exist.
func (o *offboarding) removeGroups() PlannedStep {
	step := PlannedStep{Name: RemoveGroups, Action: SkipBecause}
	switch {
	case o.rules.RemoveGroups == nil:
		step.Reason, step.Summary = NoTemplate, "no template for groups to remove"
		return step
	case len(o.rules.RemoveGroups.Groups) == 0:
		step.Reason, step.Summary = NothingConfigured, "the template lists no group"
		return step
	}
	for _, g := range o.Groups {
		if !slices.ContainsFunc(o.rules.RemoveGroups.Groups, func(name string) bool { return name == g.ID || strings.EqualFold(name, g.DisplayName) }) {
			continue
		}
		if !g.Kind.Writable() {
			o.warn(WarnGroupNotWritable, "%s stays a member of %s: members of a group of kind %s cannot be changed here", o.Person.UserPrincipalName, g.DisplayName, g.Kind)
			continue
		}
		step.Change.Groups = append(step.Change.Groups, GroupChange{ID: g.ID, DisplayName: g.DisplayName, Licenses: o.inheritedFrom(g.ID)})
	}
	switch {
	case len(step.Change.Groups) == 0:
		step.Action, step.Summary = LeaveAsIs, "the user is in none of the groups that can be removed"
	case !o.holdsAny(groupPermissions...):
		step.Reason, step.Summary = PermissionMissing, "the application does not hold "+groupPermissions[0]
		o.warn(WarnPermissionMissing, "%s stays in the groups of template %s: the application does not hold %s", o.Person.UserPrincipalName, o.rules.RemoveGroups.Name, groupPermissions[0])
		step.Change.Groups = nil
	default:
		step.Action, step.Summary = Do, "leave "+changedGroups(step.Change.Groups)
		o.leaving = step.Change.Groups
	}
	return step
}

func (o *offboarding) inheritedFrom(groupID string) []string {
	var skus []string
	for _, l := range o.Licenses {
		if l.GroupID == groupID {
			skus = append(skus, l.SKUID)
		}
	}
	return skus
}

// awaitGroupLicenses: Microsoft takes inherited licenses away some time after the membership ended.
func (o *offboarding) awaitGroupLicenses() PlannedStep {
	step := PlannedStep{Name: AwaitGroupLicenses, Action: SkipBecause, Reason: NoGroupLicenseExpected, Summary: "no license comes from a group that is left"}
	for _, g := range o.leaving {
		if len(g.Licenses) > 0 {
			step.Change.Groups = append(step.Change.Groups, g)
		}
	}
	if len(step.Change.Groups) > 0 {
		step.Action, step.Reason, step.Summary = Do, "", "wait until the licenses of "+changedGroups(step.Change.Groups)+" are gone"
	}
	return step
}

// removeLicenses is the decision table F1-F6. The order of the cases is the order of precedence: what is configured
// (F1, F6), what is there, what is permitted (F5), what the remaining groups forbid (F4); what is left is F2 and F3.
func (o *offboarding) removeLicenses() PlannedStep {
	step := PlannedStep{Name: RemoveLicenses, Action: SkipBecause}
	direct := o.directLicenses()
	remaining := o.remainingLicenseGroups()
	switch {
	case o.rules.Licenses == Retain: // F1, F6
		step.Reason, step.Summary = LicensesRetained, "licenses are left as they are, as configured"
	case len(direct) == 0:
		step.Action, step.Summary = LeaveAsIs, "the user has no direct license"
	case !o.MayWriteLicenses(): // F5, R53
		step.Reason, step.Summary = LicensePermissionMissing, "direct licenses stay: the application does not hold "+licensePermissions[0]
		o.warn(WarnLicensePermissionMissing, "the direct licenses of %s stay (%s): the application does not hold %s; configure `licenses: retain` if that is intended", o.Person.UserPrincipalName, licenseList(direct), licensePermissions[0])
	case len(remaining) > 0: // F4, R55
		step.Reason, step.Summary = GroupLicenseRemains, "direct licenses stay because the user keeps licenses from "+strings.Join(remaining, ", ")
		o.warn(WarnGroupLicenseRemains, "the direct licenses of %s stay (%s): licenses from %s remain, and direct ones can go only when all license groups go", o.Person.UserPrincipalName, licenseList(direct), strings.Join(remaining, ", "))
	default: // F2, F3
		for _, l := range direct {
			step.Change.Licenses = append(step.Change.Licenses, LicenseChange{SKUID: l.SKUID, SKU: l.SKU, DisabledPlans: l.DisabledPlans})
		}
		step.Action, step.Summary = Do, "remove "+licenseList(direct)
	}
	return step
}

// remainingLicenseGroups is LG − RG of table F, as names. A group that a license is inherited from counts even when
// it is not among the memberships that could be read.
func (o *offboarding) remainingLicenseGroups() []string {
	leaving := map[string]bool{}
	for _, g := range o.leaving {
		leaving[g.ID] = true
	}
	names := map[string]string{}
	for _, l := range o.Licenses {
		if !l.Direct() {
			names[l.GroupID] = l.GroupID
		}
	}
	for _, g := range o.licenseGroups() {
		names[g.ID] = g.DisplayName
	}
	var remaining []string
	for id, name := range names {
		if !leaving[id] {
			remaining = append(remaining, name)
		}
	}
	slices.Sort(remaining)
	return remaining
}

// releaseNumber: R50b, R83. What the inventory says the user has is released too when Teams has lost it already.
func (o *offboarding) releaseNumber() PlannedStep {
	step := PlannedStep{Name: ReleaseNumber, Action: LeaveAsIs, Reason: NoNumber, Summary: "the user has no number in the inventory"}
	if o.keepNumbers && len(o.numbers()) > 0 {
		step.Action, step.Reason, step.Summary = SkipBecause, NumberKept, "the user keeps "+o.numbers()[0].Number
		return step
	}
	known := map[string]bool{}
	for _, row := range o.Inventory {
		known[row.Number] = true
		if !o.owns(row) {
			step.Action, step.Reason, step.Summary = SkipBecause, NumberOfAnother, "the inventory gives "+row.Number+" to another user"
			o.warn(WarnNumberOfAnother, "%s is not released: Teams has it on %s, the inventory on user %s", row.Number, o.Person.UserPrincipalName, row.UserID)
			continue
		}
		change := NumberChange{Number: row.Number, Type: row.Type, To: Available}
		if rule := o.rules.Cooling(row.Node); rule.Enabled {
			change.To, change.CoolingDays = Cooling, rule.Days
			change.CoolingUntil = CoolingEnd(o.now, rule.Days).Format(time.RFC3339)
		}
		step.Change.Numbers = append(step.Change.Numbers, change)
	}
	for _, n := range o.numbers() {
		if !known[n.Number] {
			step.Action, step.Reason, step.Summary = SkipBecause, NumberNotInInventory, n.Number+" is not in the inventory"
			o.warn(WarnNumberNotInInventory, "%s of %s is not in the inventory; nothing can be released there", n.Number, o.Person.UserPrincipalName)
		}
	}
	if len(step.Change.Numbers) > 0 {
		step.Action, step.Reason, step.Summary = Do, "", ReleaseSummary(step.Change.Numbers)
	}
	return step
}

// owns reports whether a row is this user's to release: its own, or one that nobody is known to have.
func (o *offboarding) owns(row NumberRow) bool { return row.UserID == "" || row.UserID == o.Person.ID }

// CoolingEnd is the moment at which a number released at that time becomes available again: exactly days × 24 h
// later, in UTC (architecture.md §5.4).
func CoolingEnd(released time.Time, days int) time.Time {
	return released.UTC().Add(time.Duration(days) * 24 * time.Hour)
}

// returnToTenantLevel: R50e, R59.
func (o *offboarding) returnToTenantLevel() PlannedStep {
	step := PlannedStep{Name: ReturnToTenantLevel, Action: LeaveAsIs, Summary: "the user is at the tenant level"}
	elsewhere := slices.ContainsFunc(o.Placement.Services, func(sv Service) bool { return sv.Node != o.rules.TenantLevel })
	switch {
	case o.Placement.Node == o.rules.TenantLevel && !elsewhere:
	case o.rules.RetainAtSite:
		step.Action, step.Reason, step.Summary = SkipBecause, RetainedAtSite, "the user stays at "+o.Placement.Node+", as configured"
	default:
		step.Action, step.Summary = Do, fmt.Sprintf("move from %s to %s", o.Placement.Node, o.rules.TenantLevel)
		step.Change.Place = &PlaceChange{From: o.Placement.Node, To: o.rules.TenantLevel, Services: o.Placement.Services}
	}
	return step
}

// setRole: R70, R71.
func (o *offboarding) setRole() PlannedStep {
	step := PlannedStep{Name: SetRole, Action: LeaveAsIs}
	switch current, wanted := o.rules.CurrentRole, o.rules.DefaultRole; {
	case o.rules.RetainAtSite && o.Placement.Node != o.rules.TenantLevel:
		step.Action, step.Reason, step.Summary = SkipBecause, RetainedAtSite, "the role stays with the user at the site"
	case current != nil && current.SelfService:
		step.Reason, step.Summary = SelfServiceRoleKept, current.Name+" is kept"
	case wanted == nil:
		step.Action, step.Reason, step.Summary = SkipBecause, NoRole, "the catalog has no default self-service role for "+o.rules.TenantLevel
		o.warn(WarnNoRole, "the role of %s stays %q: the catalog has no default self-service role for %s", o.Person.UserPrincipalName, o.Placement.Role, o.rules.TenantLevel)
	default:
		step.Action, step.Summary = Do, "becomes "+wanted.Name
		step.Change.Role = &ValueChange{From: o.Placement.Role, To: wanted.Name}
	}
	return step
}

// ReleaseSummary says where released numbers go.
func ReleaseSummary(numbers []NumberChange) string {
	parts := make([]string, len(numbers))
	for i, n := range numbers {
		parts[i] = n.Number + " becomes available"
		if n.To == Cooling {
			parts[i] = fmt.Sprintf("%s cools for %d days until %s", n.Number, n.CoolingDays, n.CoolingUntil)
		}
	}
	return strings.Join(parts, ", ")
}
