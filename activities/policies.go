package activities

import (
	"context"

	"tenure/internal/graph"
	"tenure/internal/lifecycle"
)

// ApplyPolicies sets and clears the policies of the change, as far as they differ.
func (a *Activities) ApplyPolicies(ctx context.Context, in StepInput) (StepResult, error) {
	return a.setPolicies(ctx, in, func(c lifecycle.PolicyChange) *lifecycle.PolicyRef { return c.To })
}

// RestorePolicies puts back what the user had before the change.
func (a *Activities) RestorePolicies(ctx context.Context, in StepInput) (StepResult, error) {
	return a.setPolicies(ctx, in, func(c lifecycle.PolicyChange) *lifecycle.PolicyRef { return c.From })
}

func (a *Activities) setPolicies(ctx context.Context, in StepInput, wanted func(lifecycle.PolicyChange) *lifecycle.PolicyRef) (StepResult, error) {
	client, err := a.client(in.Tenant)
	if err != nil {
		return StepResult{}, err
	}
	teams, err := client.TeamsUser(ctx, in.SubscriberID)
	if err != nil {
		return StepResult{}, err
	}
	if teams == nil {
		return StepResult{}, notYet(ctx, "Teams does not know the user")
	}
	direct := map[string]string{}
	for _, p := range teams.Policies {
		if p.Direct {
			direct[p.Type] = p.ID
		}
	}
	var assign []graph.PolicyAssignment
	var unassign []string
	for _, c := range in.Change.Policies {
		id, has := direct[c.Type]
		switch want := wanted(c); {
		case want == nil && has:
			unassign = append(unassign, c.Type)
		case want != nil && id != want.ID:
			assign = append(assign, graph.PolicyAssignment{Type: c.Type, ID: want.ID})
		}
	}
	if len(unassign) > 0 {
		if err := client.UnassignPolicies(ctx, in.SubscriberID, unassign); err != nil {
			return StepResult{}, err
		}
	}
	if len(assign) > 0 {
		if err := client.AssignPolicies(ctx, in.SubscriberID, assign); err != nil {
			return StepResult{}, err
		}
	}
	return done(), nil
}
