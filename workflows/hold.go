package workflows

import (
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"tenure/activities"
	"tenure/internal/contract"
	"tenure/internal/lifecycle"
)

// waiting is what a run waits for an operator to decide.
type waiting struct {
	step lifecycle.StepName
	// what says how the run waits, for a decision that is none of the accepted ones.
	what    string
	accepts []string
	decided workflow.Channel
}

// awaits lets operators decide from now on; done ends that.
func (r *run) awaits(ctx workflow.Context, step lifecycle.StepName, what string, accepts ...string) (w *waiting, done func()) {
	w = &waiting{step, what, accepts, workflow.NewBufferedChannel(ctx, 1)}
	r.waiting = w
	return w, func() { r.waiting = nil }
}

// takeDecisions answers the update by which operators decide. A decision stands in the audit before it takes effect.
func (r *run) takeDecisions(ctx workflow.Context) error {
	return workflow.SetUpdateHandlerWithOptions(ctx, contract.ResolveUpdate, func(ctx workflow.Context, decision contract.Resolution) error {
		w := r.waiting
		in := activities.Decision{Tenant: r.request.Tenant, Subscriber: r.report.Subscriber, Step: w.step, Resolution: decision}
		err := workflow.ExecuteActivity(onStore(ctx, storeWrite, label{summary: "record the decision: " + decision.Action}), act.RecordDecision, in).Get(ctx, nil)
		switch {
		case err != nil:
			return err
		case r.waiting != w || !w.decided.SendAsync(decision):
			return fmt.Errorf("somebody else has decided meanwhile")
		}
		return nil
	}, workflow.UpdateHandlerOptions{Validator: func(decision contract.Resolution) error {
		switch w := r.waiting; {
		case w == nil:
			return fmt.Errorf("the run waits for nobody's decision")
		case decision.Action == contract.ResolveSkip && !slices.Contains(w.accepts, decision.Action):
			return fmt.Errorf("%s; %s cannot be left out", w.what, w.step)
		case !slices.Contains(w.accepts, decision.Action):
			return fmt.Errorf("%s; it can be resolved by %s, not by %q", w.what, strings.Join(w.accepts, " or "), decision.Action)
		}
		return nil
	}})
}

// holds reports whether a permanent failure waits for an operator.
func (r *run) holds() bool {
	on := r.request.OnFailure
	if on == "" {
		on = lifecycle.DefaultOnFailure(r.request.Operation)
	}
	return on == lifecycle.OnFailureHold && !r.givenUp
}

// hold waits, shown as held, until an operator decides about the step that failed, and returns what. When the hold ends
// without a decision, or the run is cancelled, that is to roll back. Steps that fail side by side wait one after the other.
func (r *run) hold(ctx workflow.Context, step lifecycle.StepName, cause error) (action string, err error) {
	if err := r.holding.Lock(ctx); err != nil {
		return "", err
	}
	defer r.holding.Unlock()
	if r.givenUp {
		return contract.ResolveRollback, nil
	}
	accepts := []string{contract.ResolveRetry, contract.ResolveRollback}
	if _, may := lifecycle.MaySkip(step); may {
		accepts = append(accepts, contract.ResolveSkip)
	}
	w, done := r.awaits(ctx, step, fmt.Sprintf("the run is held at %s", step), accepts...)
	defer done()
	r.report.Status, r.report.Failure = lifecycle.Held, fmt.Sprintf("%s failed: %s", step, describe(cause).Message)
	r.show(ctx)
	if err := r.setStatus(ctx, lifecycle.Held); err != nil {
		return "", err
	}
	action = contract.ResolveRollback
	choice := workflow.NewSelector(ctx)
	choice.AddReceive(w.decided, func(c workflow.ReceiveChannel, _ bool) {
		var decision contract.Resolution
		c.Receive(ctx, &decision)
		action = decision.Action
	})
	choice.AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) { err = ctx.Err() })
	if r.request.HoldFor > 0 {
		timer, stop := workflow.WithCancel(ctx)
		defer stop()
		choice.AddFuture(workflow.NewTimerWithOptions(timer, r.request.HoldFor, workflow.TimerOptions{Summary: "then roll back"}), func(workflow.Future) {})
	}
	choice.Select(ctx)
	r.givenUp = action == contract.ResolveRollback
	r.report.Status, r.report.Failure = lifecycle.Running, ""
	if err != nil || r.givenUp {
		return action, err
	}
	return action, r.setStatus(ctx, lifecycle.Running)
}

// leaveOut marks a step that failed, and those that need it, as left out by an operator.
func (r *run) leaveOut(step lifecycle.StepName) {
	means, _ := lifecycle.MaySkip(step)
	entry := r.report.Step(step)
	entry.Outcome, entry.Reason, entry.Summary = lifecycle.Skipped, lifecycle.SkippedByOperator, means
	for _, other := range lifecycle.SkippedWith(step) {
		r.leftOut[other] = step
	}
}

// cancelled reports whether an error says that the run was cancelled.
func cancelled(err error) bool { return temporal.IsCanceledError(err) }
