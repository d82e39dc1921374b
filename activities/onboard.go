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

// planOnboard looks up what the rules at hand need to know of the tenant, gets the number and plans.
func (a *Activities) planOnboard(ctx context.Context, cat *catalog.Catalog, req lifecycle.Request, s lifecycle.Snapshot, claim func(store.Claim) (lifecycle.NumberRow, error)) (lifecycle.Plan, error) {
	rules, err := cat.OnboardingOf(catalog.UserOf(s), req)
	if err != nil {
		return lifecycle.Plan{}, err
	}
	site, err := cat.Node(rules.Site)
	if err != nil {
		return lifecycle.Plan{}, err
	}
	if level := site.Tenant(); level == nil || level.TenantName() != req.Tenant {
		return lifecycle.Plan{}, &lifecycle.Refusal{Code: "other-tenant", Message: fmt.Sprintf("%s belongs to another tenant than %s", rules.Site, s.Person.UserPrincipalName)}
	}
	if role, ok := cat.Role(s.Placement.Role); ok {
		rules.CurrentRole = role.Lifecycle()
	}
	if err := a.resolvePolicies(ctx, req.Tenant, rules.Teams); err != nil {
		return lifecycle.Plan{}, err
	}
	facts, err := a.onboardingFacts(ctx, req.Tenant, rules)
	if err != nil {
		return lifecycle.Plan{}, err
	}
	settings := site.Settings().Staging
	facts.Staging = lifecycle.Staging{Interval: settings.Interval, Bound: settings.Bound}
	// What is refused without looking at numbers must not take one first.
	if _, err := lifecycle.PlanOnboard(req, s, rules, facts, a.now()); err != nil {
		return lifecycle.Plan{}, err
	}
	if lifecycle.WantsNumber(s, rules) {
		wanted := store.Claim{Tenant: req.Tenant, UserID: s.Person.ID, Site: rules.Site, Types: lifecycle.NumberTypes(s, rules, facts)}
		if rules.Number != lifecycle.NextNumber {
			wanted.Number = rules.Number
		}
		row, err := claim(wanted)
		if err != nil {
			return lifecycle.Plan{}, err
		}
		facts.Number = &row
	}
	return lifecycle.PlanOnboard(req, s, rules, facts, a.now())
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

// SetUsageLocation sets the usage location of the change. It is tried even without the permission, and Microsoft's
// word is not trusted (R18): what counts is what is read back. Without the permission it is skipped with a warning.
func (a *Activities) SetUsageLocation(ctx context.Context, in StepInput) (StepResult, error) {
	return a.setLocation(ctx, in, in.Change.UsageLocation.To)
}

// RestoreUsageLocation puts the former value back. One that was empty stays what it became: Microsoft takes no null.
func (a *Activities) RestoreUsageLocation(ctx context.Context, in StepInput) (StepResult, error) {
	if in.Change.UsageLocation.From == "" {
		return done(), nil
	}
	return a.setLocation(ctx, in, in.Change.UsageLocation.From)
}

func (a *Activities) setLocation(ctx context.Context, in StepInput, location string) (StepResult, error) {
	client, err := a.client(in.Tenant)
	if err != nil {
		return StepResult{}, err
	}
	user, err := client.User(ctx, in.SubscriberID)
	if err != nil || user.UsageLocation == location {
		return done(), err
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
	return a.replaceLicenses(ctx, in, in.Change.Licenses, in.Change.RemovedLicenses)
}

// RestoreReplacedLicenses puts the direct licenses back that ReplaceDirectLicenses replaced.
func (a *Activities) RestoreReplacedLicenses(ctx context.Context, in StepInput) (StepResult, error) {
	return a.replaceLicenses(ctx, in, in.Change.RemovedLicenses, in.Change.Licenses)
}

// replaceLicenses computes what is left to do from what the user holds now; a license on both sides is one that stays
// with other disabled plans.
func (a *Activities) replaceLicenses(ctx context.Context, in StepInput, wanted, unwanted []lifecycle.LicenseChange) (StepResult, error) {
	client, err := a.client(in.Tenant)
	if err != nil {
		return StepResult{}, err
	}
	user, err := client.User(ctx, in.SubscriberID)
	if err != nil {
		return StepResult{}, err
	}
	var add []lifecycle.LicenseChange
	for _, l := range wanted {
		if !slices.ContainsFunc(user.Licenses, func(have lifecycle.License) bool {
			return have.Direct() && have.SKUID == l.SKUID && samePlans(have.DisabledPlans, l.DisabledPlans)
		}) {
			add = append(add, l)
		}
	}
	var remove []string
	for _, l := range unwanted {
		stays := slices.ContainsFunc(wanted, func(w lifecycle.LicenseChange) bool { return w.SKUID == l.SKUID })
		if !stays && holdsDirectly(user.Licenses, l) {
			remove = append(remove, l.SKUID)
		}
	}
	err = client.ChangeLicenses(ctx, in.SubscriberID, add, remove)
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

// AwaitTeamsUser waits until Teams knows the user. A staged run looks at intervals that grow up to the setting.
func (a *Activities) AwaitTeamsUser(ctx context.Context, in StepInput) (StepResult, error) {
	client, err := a.client(in.Tenant)
	if err != nil {
		return StepResult{}, err
	}
	teams, err := client.TeamsUser(ctx, in.SubscriberID)
	if err != nil || teams != nil {
		return done(), err
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
