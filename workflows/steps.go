package workflows

import (
	"go.temporal.io/sdk/workflow"

	"tenure/activities"
	"tenure/internal/lifecycle"
)

// phase is a part of an operation whose steps have their names under a prefix; an operation of one part has none.
type phase struct {
	*run
	prefix string
}

func (p phase) change(name lifecycle.StepName) lifecycle.Change {
	return p.run.change(name.In(p.prefix))
}

// does reports whether the plan has something to do in a step.
func (p phase) does(name lifecycle.StepName) bool {
	planned, _ := p.plan.Step(name.In(p.prefix))
	return planned.Action == lifecycle.Do
}

func (p phase) step(ctx workflow.Context, name lifecycle.StepName, w work) error {
	undoes := make([]lifecycle.StepName, len(w.undoes))
	for i, later := range w.undoes {
		undoes[i] = later.In(p.prefix)
	}
	w.undoes = undoes
	return p.run.step(ctx, name.In(p.prefix), w)
}

// The steps that follow belong to more than one operation.

func (p phase) applyPolicies(ctx workflow.Context) error {
	change := p.change(lifecycle.ApplyPolicies)
	return p.step(ctx, lifecycle.ApplyPolicies, work{
		do:   p.graph(graphWrite, act.ApplyPolicies, change),
		undo: p.graph(graphWrite, act.RestorePolicies, change),
	})
}

// placeStep moves the subscriber, under the name that the step has in the operation.
func (p phase) placeStep(ctx workflow.Context, name lifecycle.StepName) error {
	change := p.change(name)
	return p.step(ctx, name, work{
		do:   p.store(act.PlaceSubscriber, change),
		undo: p.store(act.RestorePlacement, change),
	})
}

// verify reads the end state back and compares it with what was done.
func (p phase) verify(ctx workflow.Context) error {
	var verified activities.Verified
	err := p.step(ctx, lifecycle.Verify, work{do: func(ctx workflow.Context, l label) (activities.StepResult, error) {
		in := activities.VerifyInput{Tenant: p.request.Tenant, SubscriberID: p.request.SubscriberID, Before: p.plan.Before}
		for _, s := range p.plan.Steps {
			if entry := p.report.Step(s.Name); entry.Outcome == lifecycle.Done {
				in.Done = append(in.Done, s)
			}
		}
		err := workflow.ExecuteActivity(onGraph(ctx, p.request.Tenant, verifying, l), act.VerifySubscriber, in).Get(ctx, &verified)
		return activities.StepResult{Outcome: lifecycle.Done, Summary: "Microsoft and the store agree with the plan"}, err
	}})
	if err == nil && p.does(lifecycle.Verify) {
		p.report.After = &verified.After
	}
	return err
}

func (p phase) setRole(ctx workflow.Context) error {
	change := p.change(lifecycle.SetRole)
	return p.step(ctx, lifecycle.SetRole, work{
		do:   p.store(act.SetRole, change),
		undo: p.store(act.RestoreRole, change),
	})
}
