package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"

	"tenure/internal/catalog"
	"tenure/internal/fault"
	"tenure/internal/graph"
	"tenure/internal/lifecycle"
	"tenure/internal/store"
)

// planOnboard resolves what joining the site goes by, finds the number and plans.
func (a *Activities) planOnboard(ctx context.Context, cat *catalog.Catalog, req lifecycle.Request, s lifecycle.Snapshot, claim claimNumber) (lifecycle.Plan, error) {
	rules, facts, err := a.joining(ctx, cat, req, s)
	if err != nil {
		return lifecycle.Plan{}, err
	}
	wanted := func() (store.Claim, bool) { return claimOf(s, rules, facts) }
	return a.planWithNumber(ctx, req.Tenant, facts, wanted, claim, func(facts lifecycle.OnboardingFacts) (lifecycle.Plan, error) {
		return lifecycle.PlanOnboard(req, s, rules, facts, a.now())
	})
}

// currentRole is the role that the user holds; nil when it is none that the catalog knows.
func currentRole(cat *catalog.Catalog, s lifecycle.Snapshot) *lifecycle.Role {
	role, ok := cat.Role(s.Placement.Role)
	if !ok {
		return nil
	}
	return role.Lifecycle()
}

// joining is what the catalog says about the user at the site of the request, and what has to be known of the tenant for it.
func (a *Activities) joining(ctx context.Context, cat *catalog.Catalog, req lifecycle.Request, s lifecycle.Snapshot) (rules lifecycle.OnboardingRules, facts lifecycle.OnboardingFacts, err error) {
	if rules, err = cat.OnboardingOf(catalog.UserOf(s), req); err != nil {
		return rules, facts, err
	}
	site, err := cat.Node(rules.Site)
	if err != nil {
		return rules, facts, err
	}
	if level := site.Tenant(); level == nil || level.TenantName() != req.Tenant {
		return rules, facts, &lifecycle.Refusal{Code: "other-tenant", Message: fmt.Sprintf("%s belongs to another tenant than %s", rules.Site, s.Person.UserPrincipalName)}
	}
	rules.CurrentRole = currentRole(cat, s)
	facts, err = a.factsFor(ctx, cat, req.Tenant, rules)
	return rules, facts, err
}

// factsFor is what the rules at hand need to know of the tenant; policies are resolved in place.
func (a *Activities) factsFor(ctx context.Context, cat *catalog.Catalog, tenant string, rules lifecycle.OnboardingRules) (lifecycle.OnboardingFacts, error) {
	if err := a.resolvePolicies(ctx, tenant, rules.Teams); err != nil {
		return lifecycle.OnboardingFacts{}, err
	}
	facts, err := a.onboardingFacts(ctx, tenant, rules)
	staging := cat.SettingsAt(rules.Site).Staging
	facts.Staging = lifecycle.Staging{Interval: staging.Interval, Bound: staging.Bound}
	facts.Notices = a.Webhook != nil
	return facts, err
}

// claimOf is the number that the user of a snapshot is to get; ok is false when none is wanted.
func claimOf(s lifecycle.Snapshot, rules lifecycle.OnboardingRules, facts lifecycle.OnboardingFacts) (c store.Claim, ok bool) {
	c = store.Claim{Tenant: s.Tenant, UserID: s.Person.ID, Site: rules.Site, Types: lifecycle.NumberTypes(s, rules, facts)}
	if rules.Number != lifecycle.NextNumber {
		c.Number = rules.Number
	}
	return c, lifecycle.WantsNumber(s, rules)
}

// planWithNumber plans, with the number that is wanted when nothing else is refused any more. claim takes that number; when
// it is nil, nothing may change.
func (a *Activities) planWithNumber(ctx context.Context, tenant string, facts lifecycle.OnboardingFacts, wanted func() (store.Claim, bool), claim claimNumber, decide func(lifecycle.OnboardingFacts) (lifecycle.Plan, error)) (lifecycle.Plan, error) {
	plan, err := decide(facts)
	if refused := new(lifecycle.Refusal); errors.As(err, &refused) && refused.Code == "no-license-left" {
		// The count of units may be minutes old, and a unit free again since.
		if err = a.recountSKUs(ctx, tenant, facts); err == nil {
			plan, err = decide(facts)
		}
	}
	if err != nil {
		return plan, err
	}
	number, ok := wanted()
	if !ok {
		return plan, nil
	}
	with := func(row lifecycle.NumberRow) (lifecycle.Plan, error) {
		if facts.InTeams, err = a.inTeams(ctx, tenant, row.Number); err != nil {
			return lifecycle.Plan{}, err
		}
		facts.Number = &row
		return decide(facts)
	}
	row, err := a.Store.PeekNumber(ctx, number)
	if err != nil {
		return lifecycle.Plan{}, err
	}
	if plan, err = with(row); err != nil || claim == nil {
		return plan, err
	}
	claimed, err := claim(number)
	if err != nil || claimed.Number == row.Number {
		return plan, err
	}
	return with(claimed) // Somebody else was faster with the one in view.
}

// inTeams is a number as Teams has it; nil when Teams does not have it.
func (a *Activities) inTeams(ctx context.Context, tenant, number string) (*lifecycle.NumberInTeams, error) {
	client, err := a.client(tenant)
	if err != nil {
		return nil, err
	}
	now, err := client.NumberAssignment(ctx, number)
	if err != nil || now == nil {
		return nil, err
	}
	return &lifecycle.NumberInTeams{Type: now.Type, LocationID: now.LocationID, TargetID: now.TargetID}, nil
}

// The service plans that decide what a license allows in Teams.
const (
	planTeams      = "TEAMS1"
	planPhone      = "MCOEV"
	planCallingOne = "MCOPSTN1"
	planCallingTwo = "MCOPSTN2"
)

func (a *Activities) onboardingFacts(ctx context.Context, tenant string, rules lifecycle.OnboardingRules) (lifecycle.OnboardingFacts, error) {
	facts := lifecycle.OnboardingFacts{SKUs: map[string]lifecycle.SKUFact{}, Groups: map[string]lifecycle.Group{}}
	client, err := a.client(tenant)
	if err != nil {
		return facts, err
	}
	skus, err := client.SKUs(ctx)
	if err != nil {
		return facts, err
	}
	addSKUs(facts, skus)
	if rules.AddGroups == nil {
		return facts, nil
	}
	for _, name := range rules.AddGroups.Groups {
		g, err := client.Group(ctx, name)
		switch {
		case fault.Is(err, fault.NotFound): // the planner refuses it by name
		case err != nil:
			return facts, err
		default:
			facts.Groups[name] = g
		}
	}
	return facts, nil
}

// recountSKUs brings the units of the facts up to date.
func (a *Activities) recountSKUs(ctx context.Context, tenant string, facts lifecycle.OnboardingFacts) error {
	client, err := a.client(tenant)
	if err != nil {
		return err
	}
	skus, err := client.RecountSKUs(ctx)
	addSKUs(facts, skus)
	return err
}

func addSKUs(facts lifecycle.OnboardingFacts, skus []graph.SKU) {
	for _, sku := range skus {
		fact := lifecycle.SKUFact{ID: sku.ID, PartNumber: sku.PartNumber, Free: sku.Enabled - sku.Consumed, Plans: map[string]string{}}
		for _, p := range sku.ServicePlans {
			fact.Plans[p.Name], fact.Plans[p.ID] = p.ID, p.ID
			switch p.Name {
			case planTeams:
				fact.TeamsPlan = p.ID
			case planPhone:
				fact.PhonePlan = p.ID
			case planCallingOne, planCallingTwo:
				fact.CallingPlan = p.ID
			}
		}
		facts.SKUs[sku.ID], facts.SKUs[sku.PartNumber] = fact, fact
	}
}

// SetUsageLocation sets the usage location of the change. It is tried even without the permission, and Microsoft's
// word is not trusted (R18): what counts is what is read back. Without the permission it is skipped with a warning.
func (a *Activities) SetUsageLocation(ctx context.Context, in StepInput) (StepResult, error) {
	return a.setLocation(ctx, in, in.Change.UsageLocation.To, firstTry(ctx))
}

// RestoreUsageLocation puts the former value back. One that was empty stays what it became: Microsoft takes no null.
func (a *Activities) RestoreUsageLocation(ctx context.Context, in StepInput) (StepResult, error) {
	if in.Change.UsageLocation.From == "" {
		return done(), nil
	}
	return a.setLocation(ctx, in, in.Change.UsageLocation.From, false)
}

// setLocation writes the location unless it is there; differs says that it is known not to be.
func (a *Activities) setLocation(ctx context.Context, in StepInput, location string, differs bool) (StepResult, error) {
	client, err := a.client(in.Tenant)
	if err != nil {
		return StepResult{}, err
	}
	if !differs {
		if user, err := client.User(ctx, in.SubscriberID); err != nil || user.UsageLocation == location {
			return done(), err
		}
	}
	err = client.SetUsageLocation(ctx, in.SubscriberID, location)
	if fault.Is(err, fault.PermissionDenied) {
		return StepResult{
			Outcome: lifecycle.Skipped, Reason: lifecycle.PermissionMissing, Summary: "the usage location stays: Microsoft refused the permission",
			Warnings: []lifecycle.Warning{{Code: lifecycle.WarnUsageLocationNotConfirmed, Message: "the usage location stays as it is: " + err.Error()}},
		}, nil
	}
	return done(), err
}

// ReplaceDirectLicenses adds and removes the direct licenses of the change in one request, all or nothing (R24).
func (a *Activities) ReplaceDirectLicenses(ctx context.Context, in StepInput) (StepResult, error) {
	client, err := a.client(in.Tenant)
	if err != nil {
		return StepResult{}, err
	}
	have := directly(in.Change.RemovedLicenses)
	if !firstTry(ctx) {
		if have, err = directLicenses(ctx, client, in.SubscriberID); err != nil {
			return StepResult{}, err
		}
	}
	return replaceLicenses(ctx, client, in.SubscriberID, have, in.Change.Licenses, in.Change.RemovedLicenses)
}

// RestoreReplacedLicenses puts the direct licenses back that ReplaceDirectLicenses replaced.
func (a *Activities) RestoreReplacedLicenses(ctx context.Context, in StepInput) (StepResult, error) {
	client, err := a.client(in.Tenant)
	if err != nil {
		return StepResult{}, err
	}
	have, err := directLicenses(ctx, client, in.SubscriberID)
	if err != nil {
		return StepResult{}, err
	}
	return replaceLicenses(ctx, client, in.SubscriberID, have, in.Change.RemovedLicenses, in.Change.Licenses)
}

// directLicenses are the direct licenses that the user holds now.
func directLicenses(ctx context.Context, client *graph.Client, id string) ([]lifecycle.License, error) {
	user, err := client.User(ctx, id)
	return slices.DeleteFunc(user.Licenses, func(l lifecycle.License) bool { return !l.Direct() }), err
}

// directly are the licenses of a change as a user holds them.
func directly(changes []lifecycle.LicenseChange) []lifecycle.License {
	licenses := make([]lifecycle.License, len(changes))
	for i, c := range changes {
		licenses[i] = lifecycle.License{SKUID: c.SKUID, SKU: c.SKU, DisabledPlans: c.DisabledPlans}
	}
	return licenses
}

// replaceLicenses computes what is left to do from the direct licenses that the user has; a license that is both wanted
// and unwanted is one that stays with other disabled plans.
func replaceLicenses(ctx context.Context, client *graph.Client, id string, have []lifecycle.License, wanted, unwanted []lifecycle.LicenseChange) (StepResult, error) {
	var add []lifecycle.LicenseChange
	for _, l := range wanted {
		if !slices.ContainsFunc(have, func(h lifecycle.License) bool {
			return h.SKUID == l.SKUID && samePlans(h.DisabledPlans, l.DisabledPlans)
		}) {
			add = append(add, l)
		}
	}
	var remove []string
	for _, l := range unwanted {
		stays := slices.ContainsFunc(wanted, func(w lifecycle.LicenseChange) bool { return w.SKUID == l.SKUID })
		if !stays && holdsDirectly(have, l) {
			remove = append(remove, l.SKUID)
		}
	}
	err := client.ChangeLicenses(ctx, id, add, remove)
	var f *fault.Error
	if errors.As(err, &f) && (f.Code == graph.CodeUsageLocation || f.Code == graph.CodeLicenseNotHeld) {
		// The usage location that was just set may take some seconds to be seen, and licenses may change meanwhile.
		return StepResult{}, fault.New(fault.Conflict, "%s", f.Message)
	}
	return done(), err
}

func samePlans(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

// AwaitTeamsUser waits until Teams knows the user. A staged run looks at intervals that grow up to the setting. Nobody is
// waited for in vain: when Microsoft could not assign a license of the change's groups, and the user has no license that
// Teams knows people by, that is a BusinessRule.
func (a *Activities) AwaitTeamsUser(ctx context.Context, in StepInput) (StepResult, error) {
	client, err := a.client(in.Tenant)
	if err != nil {
		return StepResult{}, err
	}
	teams, err := client.TeamsUser(ctx, in.SubscriberID)
	if err != nil || teams != nil {
		return done(), err
	}
	if len(in.Change.Groups) > 0 {
		user, err := client.User(ctx, in.SubscriberID)
		if err != nil {
			return StepResult{}, err
		}
		if failed := failedByGroup(user.Licenses, in.Change.Groups); len(failed) > 0 && !user.HasTeams {
			return StepResult{}, fault.New(fault.BusinessRule, "Teams will not know the user: Microsoft could not assign %s by group: %s", failed[0].SKU, failed[0].Error)
		}
	}
	if staging := in.Change.Staging; staging != nil {
		attempt := min(activity.GetInfo(ctx).Attempt-1, 20)
		return StepResult{}, fault.Waiting(min(time.Second<<attempt, staging.Interval), "Teams does not know the user yet; the run is staged")
	}
	return StepResult{}, notYet(ctx, "Teams does not know the user yet")
}

// ClaimNumbers makes sure that the run holds the numbers of the plan, to be the user's when the run completes (R12).
// They were claimed when the plan was made; after a takeover or an undo they are claimed again.
func (a *Activities) ClaimNumbers(ctx context.Context, in StepInput) (StepResult, error) {
	site := in.Change.Place
	for _, n := range in.Change.Numbers {
		if _, err := a.Store.ClaimNumber(ctx, runID(ctx), store.Claim{Tenant: in.Tenant, UserID: in.SubscriberID, Site: site.To, Number: n.Number}); err != nil {
			return StepResult{}, err
		}
	}
	return done(), nil
}

// DropClaims undoes ClaimNumbers; the numbers stay held until the run is closed.
func (a *Activities) DropClaims(ctx context.Context, _ StepInput) (StepResult, error) {
	return done(), a.Store.DropClaims(ctx, runID(ctx))
}
