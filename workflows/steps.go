package workflows

import (
	"go.temporal.io/sdk/workflow"

	"tenure/internal/lifecycle"
)

// The steps of this file belong to more than one operation.

func (r *run) applyPolicies(ctx workflow.Context) error {
	change := r.change(lifecycle.ApplyPolicies)
	return r.step(ctx, lifecycle.ApplyPolicies, work{
		do:   r.graph(graphWrite, act.ApplyPolicies, change),
		undo: r.graph(graphWrite, act.RestorePolicies, change),
	})
}

// placeStep moves the subscriber, under the name that the step has in the operation.
func (r *run) placeStep(ctx workflow.Context, name lifecycle.StepName) error {
	change := r.change(name)
	return r.step(ctx, name, work{
		do:   r.store(act.PlaceSubscriber, change),
		undo: r.store(act.RestorePlacement, change),
	})
}

func (r *run) setRole(ctx workflow.Context) error {
	change := r.change(lifecycle.SetRole)
	return r.step(ctx, lifecycle.SetRole, work{
		do:   r.store(act.SetRole, change),
		undo: r.store(act.RestoreRole, change),
	})
}
