package activities

import (
	"context"

	"tenure/internal/graph"
	"tenure/internal/lifecycle"
)

// ApplyPolicies sets and clears the policies of the change, as far as they differ.
func (a *Activities) ApplyPolicies(ctx context.Context, in StepInput) (StepResult, error) {
	return a.setPolicies(ctx, in, firstTry(ctx), func(c lifecycle.PolicyChange) *lifecycle.PolicyRef { return c.To })
}

// RestorePolicies puts back what the user had before the change.
func (a *Activities) RestorePolicies(ctx context.Context, in StepInput) (StepResult, error) {
	return a.setPolicies(ctx, in, false, func(c lifecycle.PolicyChange) *lifecycle.PolicyRef { return c.From })
}

// setPolicies brings the policies of the change to what is wanted. asPlanned says that they are what the change starts from.
func (a *Activities) setPolicies(ctx context.Context, in StepInput, asPlanned bool, wanted func(lifecycle.PolicyChange) *lifecycle.PolicyRef) (StepResult, error) {
	client, err := a.client(in.Tenant)
	if err != nil {
		return StepResult{}, err
	}
	direct := map[string]string{}
	if asPlanned {
		for _, c := range in.Change.Policies {
			if c.From != nil {
				direct[c.Type] = c.From.ID
			}
		}
	} else {
		teams, err := client.TeamsUser(ctx, in.SubscriberID)
		if err != nil {
			return StepResult{}, err
		}
		if teams == nil {
			return StepResult{}, notYet(ctx, "Teams does not know the user")
		}
		for _, p := range teams.Policies {
			if p.Direct {
				direct[p.Type] = p.ID
			}
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
			return StepResult{}, teamsKnowsNobody(ctx, err)
		}
	}
	if len(assign) > 0 {
		if err := client.AssignPolicies(ctx, in.SubscriberID, assign); err != nil {
			return StepResult{}, teamsKnowsNobody(ctx, err)
		}
	}
	return done(), nil
}
