package lifecycle

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// PlanOnboard decides every step of Onboard (R1-R33, table O1-O8). The error is a *Refusal: what is missing is named,
// and nothing may be touched.
func PlanOnboard(req Request, s Snapshot, rules OnboardingRules, facts OnboardingFacts, now time.Time) (Plan, error) {
	o := joining(s, rules, facts, now)
	o.skus = facts.SKUs
	if err := o.refuse(); err != nil {
		return Plan{}, err
	}
	steps := append(o.steps(), verifyStep)
	welcome := req.Welcome && o.mayWelcome()
	plan, err := o.finish(req, steps)
	plan.Welcome = welcome
	return plan, err
}

// mayWelcome: R13. A message that was asked for and will not be sent hinders nothing, and is not passed over in silence.
func (o *onboarding) mayWelcome() bool {
	switch {
	case !o.rules.Welcome:
		o.warn(WarnNoWelcome, "%s will not be welcomed: the catalog does not allow it at %s (setting welcome)", o.Person.UserPrincipalName, o.rules.Site)
	case !o.facts.Notices:
		o.warn(WarnNoWelcome, "%s will not be welcomed: the worker has no webhook to ask for it", o.Person.UserPrincipalName)
	}
	return o.rules.Welcome && o.facts.Notices
}

// steps are all but verify.
func (o *onboarding) steps() []PlannedStep {
	return []PlannedStep{
		o.placeAtSite(),
		o.setUsageLocation(),
		o.addGroups(),
		o.awaitGroupLicenses(),
		o.assignLicenses(),
		o.awaitTeamsUser(),
		o.claimNumber(),
		o.assignNumber(),
		o.applyPolicies(o.rules.Teams, o.inTeams()),
		o.setRole(),
	}
}

type onboarding struct {
	planner
	rules OnboardingRules
	facts OnboardingFacts
	// kept are numbers that the user had at another site and has here again.
	kept []TeamsNumber
}

// joining is the planner of everything that brings a user to what a site gives.
func joining(s Snapshot, rules OnboardingRules, facts OnboardingFacts, now time.Time) onboarding {
	return onboarding{planner: planner{Snapshot: s, now: now, warnings: slices.Clone(rules.Warnings)}, rules: rules, facts: facts}
}

// locationPermissions allow the usage location to be written (R17, architecture.md §5.4).
var locationPermissions = append([]string{"User.ReadUpdate.All"}, licensePermissions...)

func refusal(code, hint, format string, args ...any) *Refusal {
	return &Refusal{Code: code, Hint: hint, Message: fmt.Sprintf(format, args...)}
}

// refuse names what stands in the way before anything is touched; what is particular to an operation comes after the user.
// A nil *Refusal never leaves it as an error.
func (o *onboarding) refuse(particular ...func() *Refusal) error {
	for _, check := range slices.Concat([]func() *Refusal{o.refuseUser}, particular, []func() *Refusal{o.refuseGroups, o.refuseLicenses, o.refuseNumber}) {
		if r := check(); r != nil {
			return r
		}
	}
	return nil
}

func (o *onboarding) refuseUser() *Refusal {
	who := o.Person.UserPrincipalName
	switch {
	case o.rules.Protected != "":
		return refusal("protected", "change `protected` in the catalog if this person really is to be onboarded", "%s is protected by the catalog: %s", who, o.rules.Protected)
	case o.Person.Guest:
		return refusal("guest", "", "%s is a guest; guests get no services here", who)
	case !o.Person.Enabled:
		return refusal("disabled", "enable the account in Entra first", "the account of %s is disabled", who)
	case o.Placement.Node != o.rules.Site && o.Placement.Node != o.rules.TenantLevel:
		return refusal("at-another-site", "move them with `tenure move`, or offboard them first", "%s is at %s", who, o.Placement.Node)
	}
	return nil
}

func (o *onboarding) refuseGroups() *Refusal {
	if o.rules.AddGroups == nil {
		return nil
	}
	for _, name := range o.rules.AddGroups.Groups {
		g, ok := o.facts.Groups[name]
		switch {
		case !ok:
			return refusal("unknown-entra-group", "", "template %s adds to group %q, which Entra does not have", o.rules.AddGroups.Name, name)
		case o.memberOf(g.ID):
		case !g.Kind.Writable():
			return refusal("group-not-writable", "name a security or Microsoft 365 group with assigned members", "group %s is of kind %s: its members cannot be changed here", g.DisplayName, g.Kind)
		case !o.holdsAny(groupPermissions...):
			return refusal("permission-missing", "grant and consent to the permission, then try again", "the application may not add %s to groups: it does not hold %s", o.Person.UserPrincipalName, groupPermissions[0])
		}
	}
	return nil
}

// refuseLicenses: O7, and what Microsoft would refuse as far as it can be known before.
func (o *onboarding) refuseLicenses() *Refusal {
	t := o.rules.M365
	if t == nil {
		return nil
	}
	who := o.Person.UserPrincipalName
	if t.Demanded && t.UsageLocation != o.UsageLocation && !o.holdsAny(locationPermissions...) {
		return refusal("permission-missing", "grant and consent to the permission, or leave the value out", "the application may not set the usage location of %s: it does not hold %s", who, locationPermissions[0])
	}
	if (t.Licenses == nil && !t.Clear) || len(o.groupLicensing()) > 0 {
		return nil
	}
	if !o.MayWriteLicenses() {
		if !o.rules.LicensePermissionFails {
			return nil
		}
		return refusal("license-permission-missing", "grant and consent to the permission, leave licenses out of the template, or set licensePermissionMissing: warn", "the application may not assign licenses to %s: it does not hold %s", who, licensePermissions[0])
	}
	for _, wish := range t.Licenses {
		sku, ok := o.facts.SKUs[wish.SKU]
		if !ok {
			return refusal("unknown-license", "", "template %s lists license %s, which the tenant does not have", t.Name, wish.SKU)
		}
		for _, plan := range wish.DisabledPlans {
			if _, ok := sku.Plans[plan]; !ok {
				return refusal("unknown-service-plan", "", "template %s disables plan %s, which license %s does not have", t.Name, plan, sku.PartNumber)
			}
		}
		held := slices.ContainsFunc(o.Licenses, func(l License) bool { return l.SKUID == sku.ID })
		if !held && sku.Free < 1 {
			return refusal("no-license-left", "buy or free a unit, then try again", "no unit of %s is left for %s", sku.PartNumber, who)
		}
	}
	if r := o.refuseCallingPlans(who); r != nil {
		return r
	}
	if have := o.numbers(); len(have) > 0 && !o.willHave(func(f SKUFact) string { return f.PhonePlan }) {
		return refusal("phone-license-missing", "take the number away first, or add a license with Teams Phone", "%s has %s, and would hold no license that a telephone number needs", who, have[0].Number)
	}
	if len(t.Licenses) > 0 && t.UsageLocation == "" && o.UsageLocation == "" {
		return refusal("usage-location-missing", "give the template a usageLocation", "%s has no usage location, without which Microsoft assigns no license", who)
	}
	return nil
}

// audit is what to do where Teams and the inventory disagree about a number.
const audit = "compare the inventory with Teams by `tenure numbers audit`, or name another number"

func (o *onboarding) refuseNumber() *Refusal {
	if !o.wantsNumber() {
		return nil
	}
	who := o.Person.UserPrincipalName
	if have := o.numbers(); len(have) > 0 && !o.hasWanted() {
		return refusal("has-another-number", "offboard them first, or leave --number out", "%s already has %s", who, have[0].Number)
	}
	switch {
	case o.hasWanted():
		return nil
	case !o.holdsAny(NumberPermission):
		return refusal("permission-missing", "grant and consent to the permission, then try again", "the application may not assign a number to %s: it does not hold %s", who, NumberPermission)
	case !o.willHave(func(f SKUFact) string { return f.PhonePlan }):
		return refusal("phone-license-missing", "add a license with Teams Phone to the template or by group", "%s will hold no license that a telephone number needs", who)
	case !o.inTeams():
		return refusal("teams-license-missing", "add a license with Teams to the template or by group", "%s will hold no license for Teams, which a telephone number needs", who)
	case len(o.kept) > 0:
		return o.refuseKept()
	case o.facts.Number == nil: // not looked for yet
		return nil
	}
	switch number, teams := o.facts.Number, o.facts.InTeams; {
	case teams == nil:
		return refusal("number-not-in-teams", audit, "Teams does not have %s", number.Number)
	case teams.TargetID != "" && teams.TargetID != o.Person.ID:
		return refusal("number-taken", audit, "%s is assigned to another user in Teams, which the inventory does not know", number.Number)
	case teams.Type != number.Type:
		return refusal("number-wrong-type", audit, "%s is of type %s in Teams and %s in the inventory", number.Number, teams.Type, number.Type)
	}
	return nil
}

// refuseKept: the licenses have to allow the type of every number that is kept.
func (o *onboarding) refuseKept() *Refusal {
	types := NumberTypes(o.Snapshot, o.rules, o.facts)
	for _, n := range o.kept {
		if !slices.Contains(types, n.Type) {
			return refusal("number-wrong-type", "give them another number or the licenses that it needs", "%s is of type %s, which the licenses of %s will not allow; they allow %s", n.Number, n.Type, o.Person.UserPrincipalName, strings.Join(types, ", "))
		}
	}
	return nil
}

// groupLicensing is G of table O, as names: groups that a license is inherited from now, and groups of the template that
// bring one.
func (o *onboarding) groupLicensing() []string {
	names := map[string]bool{}
	for _, g := range o.licenseGroups() {
		names[g.DisplayName] = true
	}
	for _, l := range o.Licenses {
		if !l.Direct() && !o.memberOf(l.GroupID) {
			names[l.GroupID] = true
		}
	}
	if o.rules.AddGroups != nil {
		for _, name := range o.rules.AddGroups.Groups {
			if g := o.facts.Groups[name]; len(g.Licenses) > 0 {
				names[g.DisplayName] = true
			}
		}
	}
	var sorted []string
	for name := range names {
		sorted = append(sorted, name)
	}
	slices.Sort(sorted)
	return sorted
}

// willHave reports whether a license that the user has or gets brings a service plan that is not disabled; plan names the
// plan in a product, and is empty where the product does not have it.
func (o *onboarding) willHave(plan func(SKUFact) string) bool { return len(o.willHold(plan)) > 0 }

// willHold are the service plans of one kind that the user has or gets, by their ids.
func (o *onboarding) willHold(plan func(SKUFact) string) map[string]bool {
	held := map[string]bool{}
	brings := func(sku string, disabled []string) {
		if id := plan(o.facts.SKUs[sku]); id != "" && !slices.Contains(disabled, id) {
			held[id] = true
		}
	}
	replaced := o.rules.M365 != nil && (o.rules.M365.Licenses != nil || o.rules.M365.Clear) && len(o.groupLicensing()) == 0 && o.MayWriteLicenses()
	for _, l := range o.Licenses {
		if !(l.Direct() && replaced) && l.State != "Error" {
			brings(l.SKUID, l.DisabledPlans)
		}
	}
	if replaced {
		for _, wish := range o.rules.M365.Licenses {
			brings(wish.SKU, o.disabled(wish))
		}
	}
	if o.rules.AddGroups != nil {
		for _, name := range o.rules.AddGroups.Groups {
			for _, id := range o.facts.Groups[name].Licenses {
				brings(id, nil)
			}
		}
	}
	return held
}

// refuseCallingPlans: the two dependencies between telephony plans that are known without asking Microsoft. A calling plan
// needs Teams Phone, and nobody can have two. Others Microsoft does not publish, and refuses when licenses are assigned.
func (o *onboarding) refuseCallingPlans(who string) *Refusal {
	plans := o.willHold(func(f SKUFact) string { return f.CallingPlan })
	switch {
	case len(plans) > 1:
		return refusal("license-conflict", "leave one of them out", "%s would hold two calling plans, which exclude each other", who)
	case len(plans) == 1 && !o.willHave(func(f SKUFact) string { return f.PhonePlan }):
		return refusal("license-dependency", "add Teams Phone (MCOEV), or a license that contains it", "%s would hold a calling plan without Teams Phone, on which it depends", who)
	}
	return nil
}

// disabled are the ids of the plans that a wish switches off, sorted.
func (o *onboarding) disabled(wish LicenseWish) []string {
	var ids []string
	for _, plan := range wish.DisabledPlans {
		ids = append(ids, o.facts.SKUs[wish.SKU].Plans[plan])
	}
	slices.Sort(ids)
	return ids
}

// inTeams reports whether Teams knows the user, or will.
func (o *onboarding) inTeams() bool {
	return o.Teams != nil || o.willHave(func(f SKUFact) string { return f.TeamsPlan })
}

// The types of number (domain.md §2.2).
const (
	directRouting   = "directRouting"
	operatorConnect = "operatorConnect"
	callingPlan     = "callingPlan"
)

// NumberTypes are the types of number that the user's licenses will allow; facts.Number is not looked at.
func NumberTypes(s Snapshot, rules OnboardingRules, facts OnboardingFacts) []string {
	o := onboarding{planner: planner{Snapshot: s}, rules: rules, facts: facts}
	types := []string{directRouting, operatorConnect}
	if o.willHave(func(f SKUFact) string { return f.CallingPlan }) {
		types = append(types, callingPlan)
	}
	return types
}

// WantsNumber reports whether a number is to be claimed: one is wanted, and the user does not have it yet.
func WantsNumber(s Snapshot, rules OnboardingRules) bool {
	o := onboarding{planner: planner{Snapshot: s}, rules: rules}
	return o.wantsNumber() && !o.hasWanted()
}

// placeAtSite: R3.
func (o *onboarding) placeAtSite() PlannedStep {
	step := PlannedStep{Name: PlaceAtSite, Action: LeaveAsIs, Summary: "the user is at " + o.rules.Site}
	elsewhere := slices.ContainsFunc(o.Placement.Services, func(sv Service) bool { return sv.Node != o.rules.Site })
	if o.Placement.Node != o.rules.Site || elsewhere {
		step.Action, step.Summary = Do, fmt.Sprintf("move from %s to %s", o.Placement.Node, o.rules.Site)
		step.Change.Place = &PlaceChange{From: o.Placement.Node, To: o.rules.Site, Services: o.Placement.Services}
	}
	return step
}

// setUsageLocation: R15-R20, O3-O8. Without the permission it is attempted all the same (O6): Microsoft's word is not
// trusted either way.
func (o *onboarding) setUsageLocation() PlannedStep {
	step := PlannedStep{Name: SetUsageLocation, Action: SkipBecause}
	switch t := o.rules.M365; {
	case t == nil:
		step.Reason, step.Summary = NoTemplate, "no template for the Microsoft 365 user"
	case t.UsageLocation == "":
		step.Reason, step.Summary = NothingConfigured, "the template gives no usage location"
	case t.UsageLocation == o.UsageLocation:
		step.Action, step.Summary = LeaveAsIs, "the usage location is "+o.UsageLocation
	default:
		step.Action, step.Summary = Do, "becomes "+t.UsageLocation
		step.Change.UsageLocation = &ValueChange{From: o.UsageLocation, To: t.UsageLocation}
		if !o.holdsAny(locationPermissions...) {
			o.warn(WarnPermissionMissing, "the usage location of %s may stay %q: the application does not hold %s", o.Person.UserPrincipalName, o.UsageLocation, locationPermissions[0])
		}
	}
	return step
}

// addGroups: R25, R26, R33. Existing memberships are left alone.
func (o *onboarding) addGroups() PlannedStep {
	step := PlannedStep{Name: AddGroups, Action: SkipBecause}
	switch t := o.rules.AddGroups; {
	case t == nil:
		step.Reason, step.Summary = NoTemplate, "no template for groups to add"
		return step
	case len(t.Groups) == 0:
		step.Reason, step.Summary = NothingConfigured, "the template lists no group"
		return step
	}
	for _, name := range o.rules.AddGroups.Groups {
		if g := o.facts.Groups[name]; !o.memberOf(g.ID) {
			step.Change.Groups = append(step.Change.Groups, GroupChange{ID: g.ID, DisplayName: g.DisplayName, Licenses: g.Licenses, Join: true})
		}
	}
	if len(step.Change.Groups) == 0 {
		step.Action, step.Summary = LeaveAsIs, "the user is in all of the groups"
		return step
	}
	step.Action, step.Summary = Do, "join "+changedGroups(step.Change.Groups)
	return step
}

// awaitGroupLicenses: Microsoft assigns what comes with a membership some time after it began.
func (o *onboarding) awaitGroupLicenses() PlannedStep {
	step := PlannedStep{Name: AwaitGroupLicenses, Action: SkipBecause, Reason: NoGroupLicenseExpected, Summary: "no license comes with a group that is joined"}
	for _, g := range o.addGroups().Change.Groups {
		if len(g.Licenses) > 0 {
			step.Change.Groups = append(step.Change.Groups, g)
		}
	}
	if len(step.Change.Groups) > 0 {
		step.Action, step.Reason, step.Summary = Do, "", "wait until the licenses of "+changedGroups(step.Change.Groups)+" are there"
	}
	return step
}

// assignLicenses is the license column of table O1-O8, the cases in order of precedence.
func (o *onboarding) assignLicenses() PlannedStep {
	step := PlannedStep{Name: AssignLicenses, Action: SkipBecause}
	t := o.rules.M365
	switch {
	case t == nil: // O1
		step.Reason, step.Summary = NoTemplate, "no template for the Microsoft 365 user"
		return step
	case t.Licenses == nil && !t.Clear: // O2, O3, O6
		step.Reason, step.Summary = NothingConfigured, "the template lists no license"
		return step
	}
	if groups := o.groupLicensing(); len(groups) > 0 { // O5, O8, R31, R32
		step.Reason, step.Summary = GroupLicensePresent, "direct licenses are not touched: licenses come from "+strings.Join(groups, ", ")
		o.warn(WarnGroupLicensePresent, "the licenses of template %s were not assigned: %s is licensed by %s", t.Name, o.Person.UserPrincipalName, strings.Join(groups, ", "))
		return step
	}
	if !o.MayWriteLicenses() { // O7 with licensePermissionMissing: warn
		step.Reason, step.Summary = LicensePermissionMissing, "no license is assigned: the application does not hold "+licensePermissions[0]
		o.warn(WarnLicensePermissionMissing, "the licenses of template %s were not assigned to %s: the application does not hold %s", t.Name, o.Person.UserPrincipalName, licensePermissions[0])
		return step
	}
	wanted := map[string]bool{} // O4, R24
	for _, wish := range t.Licenses {
		sku := o.facts.SKUs[wish.SKU]
		wanted[sku.ID] = true
		change := LicenseChange{SKUID: sku.ID, SKU: sku.PartNumber, DisabledPlans: o.disabled(wish)}
		if !o.holdsAs(change) {
			step.Change.Licenses = append(step.Change.Licenses, change)
		}
	}
	for _, l := range o.directLicenses() {
		// One that stays with other disabled plans is among the new ones; undo needs what it was.
		replaced := slices.ContainsFunc(step.Change.Licenses, func(c LicenseChange) bool { return c.SKUID == l.SKUID })
		if !wanted[l.SKUID] || replaced {
			step.Change.RemovedLicenses = append(step.Change.RemovedLicenses, LicenseChange{SKUID: l.SKUID, SKU: l.SKU, DisabledPlans: l.DisabledPlans})
		}
	}
	if len(step.Change.Licenses)+len(step.Change.RemovedLicenses) == 0 {
		step.Action, step.Summary = LeaveAsIs, "the direct licenses are those of the template"
		return step
	}
	step.Action, step.Summary = Do, licenseSummary(step.Change)
	return step
}

func licenseSummary(c Change) string {
	var parts []string
	for _, l := range c.Licenses {
		parts = append(parts, "assign "+l.SKU)
	}
	for _, l := range c.RemovedLicenses {
		if !slices.ContainsFunc(c.Licenses, func(n LicenseChange) bool { return n.SKUID == l.SKUID }) {
			parts = append(parts, "remove "+l.SKU)
		}
	}
	return strings.Join(parts, ", ")
}

func (o *onboarding) wantsNumber() bool {
	return len(o.kept) > 0 || o.rules.Number != "" && o.rules.Number != NoNumberAtAll
}

// hasWanted reports whether the user has the number asked for; with next, any number is it (R5: running again updates).
func (o *onboarding) hasWanted() bool {
	return slices.ContainsFunc(o.numbers(), func(n TeamsNumber) bool { return o.rules.Number == NextNumber || n.Number == o.rules.Number })
}

// awaitTeamsUser: a number and policies need a user whom Teams knows.
func (o *onboarding) awaitTeamsUser() PlannedStep {
	step := PlannedStep{Name: AwaitTeamsUser, Action: LeaveAsIs, Summary: "Teams knows the user"}
	switch {
	case !o.wantsNumber() && (o.rules.Teams == nil || len(o.rules.Teams.Policies) == 0):
		step.Action, step.Reason, step.Summary = SkipBecause, NothingConfigured, "neither a number nor a policy is wanted"
	case !o.inTeams():
		step.Action, step.Reason, step.Summary = SkipBecause, NotInTeams, "the user will hold no license for Teams"
	case o.Teams == nil:
		step.Action, step.Summary = Do, "wait until Teams knows the user"
		step.Change.Groups = o.awaitGroupLicenses().Change.Groups
		if o.rules.Staging {
			step.Change.Staging = &o.facts.Staging
			step.Summary = fmt.Sprintf("wait, staged, until Teams knows the user: look at least every %v, for at most %v", o.facts.Staging.Interval, o.facts.Staging.Bound)
		}
	}
	return step
}

// claimNumber: R8, R9, R12. The row was chosen, and is held, before the plan was made.
func (o *onboarding) claimNumber() PlannedStep {
	step := PlannedStep{Name: ClaimNumber, Action: LeaveAsIs}
	switch {
	case len(o.kept) > 0:
		step.Reason, step.Summary = NumberKept, "the user keeps "+o.kept[0].Number
	case !o.wantsNumber():
		step.Action, step.Reason, step.Summary = SkipBecause, NoNumberWanted, "no number is wanted"
	case o.hasWanted():
		step.Summary = "the user has " + o.numbers()[0].Number
	case o.facts.Number != nil:
		step.Action, step.Summary = Do, "claim "+o.facts.Number.Number+" at "+o.facts.Number.Node
		step.Change.Numbers = []NumberChange{o.numberChange()}
		step.Change.Place = &PlaceChange{From: o.facts.Number.Node, To: o.rules.Site}
	}
	return step
}

func (o *onboarding) assignNumber() PlannedStep {
	step := o.claimNumber()
	step.Name = AssignNumber
	if len(o.kept) > 0 {
		step.Action, step.Reason = Do, ""
		for _, n := range o.kept {
			step.Change.Numbers = append(step.Change.Numbers, o.located(NumberChange{Number: n.Number, Type: n.Type, Category: n.Category}, n.LocationID))
		}
	}
	if step.Action == Do {
		step.Summary = "assign " + numberList(step.Change.Numbers)
		if step.Change.Numbers[0].LocationID != "" {
			step.Summary += " with the emergency location of " + o.rules.Site
		}
	}
	return step
}

// numberChange is what becomes of the claimed number.
func (o *onboarding) numberChange() NumberChange {
	return o.located(NumberChange{Number: o.facts.Number.Number, Type: o.facts.Number.Type, To: Used}, o.facts.InTeams.LocationID)
}

// located adds the site's emergency location where it is another than the number's. Where a direct routing number is,
// Teams finds out by itself.
func (o *onboarding) located(n NumberChange, current string) NumberChange {
	if at := o.rules.EmergencyLocation; at != "" && n.Type != directRouting && at != current {
		n.LocationID, n.FromLocationID = at, current
	}
	return n
}

// setRole: a profile's role wins; otherwise a self-service role is kept (R70), otherwise the site's default.
func (o *onboarding) setRole() PlannedStep {
	step := PlannedStep{Name: SetRole, Action: LeaveAsIs}
	current, wanted := o.rules.CurrentRole, o.rules.ProfileRole
	switch {
	case wanted == nil && current != nil && current.SelfService:
		step.Reason, step.Summary = SelfServiceRoleKept, current.Name+" is kept"
		return step
	case wanted == nil:
		wanted = o.rules.DefaultRole
	}
	switch {
	case wanted == nil:
		step.Action, step.Reason, step.Summary = SkipBecause, NoRole, "the catalog has no default self-service role for "+o.rules.Site
		o.warn(WarnNoRole, "the role of %s stays %q: the catalog has no default self-service role for %s", o.Person.UserPrincipalName, o.Placement.Role, o.rules.Site)
	case wanted.Name == o.Placement.Role:
		step.Summary = wanted.Name + " is the role already"
	default:
		step.Action, step.Summary = Do, "becomes "+wanted.Name
		step.Change.Role = &ValueChange{From: o.Placement.Role, To: wanted.Name}
	}
	return step
}
