package activities

import (
	"context"

	"tenure/internal/catalog"
	"tenure/internal/lifecycle"
	"tenure/internal/store"
)

// planMove resolves what leaving and joining go by, finds the number and plans (domain.md §7).
func (a *Activities) planMove(ctx context.Context, cat *catalog.Catalog, req lifecycle.Request, s lifecycle.Snapshot, claim claimNumber) (lifecycle.Plan, error) {
	rules := lifecycle.MoveRules{
		KeepNumber: req.KeepNumber, ToSite: req.NumberTo == lifecycle.NumberToSite,
		MayFollow: func(node string) bool { return cat.SettingsAt(node).NumbersFollowUsers },
	}
	if at, err := cat.Node(s.Placement.Node); err == nil {
		rules.FromSite = at.IsSite()
	}
	var err error
	if rules.Leave, err = cat.LeavingOf(catalog.UserOf(s), s.Placement.Node, req.OffboardGroup); err != nil {
		return lifecycle.Plan{}, err
	}
	if err := a.resolvePolicies(ctx, req.Tenant, rules.Leave.Teams); err != nil {
		return lifecycle.Plan{}, err
	}
	var facts lifecycle.OnboardingFacts
	if rules.Join, facts, err = a.joining(ctx, cat, req, s); err != nil {
		return lifecycle.Plan{}, err
	}
	rules.Leave.CurrentRole = rules.Join.CurrentRole
	if req.KeepNumber {
		rules.Join.Number = ""
	}
	wanted := func() (store.Claim, bool) {
		c, ok := claimOf(lifecycle.Left(s, rules, facts), rules.Join, facts)
		for _, row := range s.Inventory {
			c.Except = append(c.Except, row.Number)
		}
		return c, ok
	}
	return a.planWithNumber(ctx, req.Tenant, facts, wanted, claim, func(facts lifecycle.OnboardingFacts) (lifecycle.Plan, error) {
		return lifecycle.PlanMove(req, s, rules, facts, a.now())
	})
}

// MoveHeldNumbers moves numbers that the run holds to the nodes of the change (domain.md §7.2).
func (a *Activities) MoveHeldNumbers(ctx context.Context, in StepInput) (StepResult, error) {
	for _, n := range in.Change.Numbers {
		if err := a.Store.MoveHeldNumber(ctx, runID(ctx), in.Tenant, n.Number, lifecycle.PlaceChange{From: n.FromNode, To: n.ToNode}); err != nil {
			return StepResult{}, err
		}
	}
	return done(), nil
}

// RestoreHeldNumbers moves the numbers of the change back to where they were.
func (a *Activities) RestoreHeldNumbers(ctx context.Context, in StepInput) (StepResult, error) {
	for _, n := range in.Change.Numbers {
		if err := a.Store.RestoreHeldNumber(ctx, runID(ctx), in.Tenant, n.Number, lifecycle.PlaceChange{From: n.FromNode, To: n.ToNode}); err != nil {
			return StepResult{}, err
		}
	}
	return done(), nil
}
