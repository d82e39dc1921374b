package activities

import (
	"context"

	"tenure/internal/catalog"
	"tenure/internal/lifecycle"
	"tenure/internal/store"
)

// planUpdate resolves what the fields of an update ask for, finds the number and plans.
func (a *Activities) planUpdate(ctx context.Context, cat *catalog.Catalog, req lifecycle.Request, s lifecycle.Snapshot, claim claimNumber) (lifecycle.Plan, error) {
	rules, err := cat.UpdateOf(catalog.UserOf(s), s.Placement.Node, req)
	if err != nil {
		return lifecycle.Plan{}, err
	}
	rules.Join.CurrentRole = currentRole(cat, s)
	facts, err := a.factsFor(ctx, cat, req.Tenant, rules.Join)
	if err != nil {
		return lifecycle.Plan{}, err
	}
	wanted := func() (store.Claim, bool) { return claimOf(s, rules.Join, facts) }
	return a.planWithNumber(ctx, req.Tenant, facts, wanted, claim, func(facts lifecycle.OnboardingFacts) (lifecycle.Plan, error) {
		return lifecycle.PlanUpdate(req, s, rules, facts, a.now())
	})
}
