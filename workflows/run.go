package workflows

import (
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"

	"tenure/activities"
	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/lifecycle"
)

// act names activities by method reference; it is never dereferenced in a workflow.
var act *activities.Activities

// run is one operation on one subscriber: its plan, its report so far, and how to undo what was done.
type run struct {
	request       lifecycle.Request
	plan          lifecycle.Plan
	report        lifecycle.Report
	compensations []compensation

	// shownAs is the status that lists show.
	shownAs lifecycle.Status
	// waiting is what an operator can decide now, or nil. holding is locked by the step that holds the run. givenUp says
	// that the run is to be undone; leftOut are steps that cannot be done without one that an operator left out.
	waiting *waiting
	holding workflow.Mutex
	givenUp bool
	leftOut map[lifecycle.StepName]lifecycle.StepName
}

// work is what one step does and how it is undone. A nil undo means that the step changes nothing of its own.
type work struct {
	do, undo task
	// undoes are later steps that are reversed together with this one.
	undoes []lifecycle.StepName
}

// task runs one or more activities and returns the result of the last.
type task func(ctx workflow.Context, l label) (activities.StepResult, error)

type compensation struct {
	work
	step lifecycle.StepName
}

func newRun(ctx workflow.Context, req lifecycle.Request) *run {
	info := workflow.GetInfo(ctx)
	return &run{
		request: req, shownAs: lifecycle.Running, holding: workflow.NewMutex(ctx), leftOut: map[lifecycle.StepName]lifecycle.StepName{},
		report: lifecycle.Report{
			Operation: req.Operation, Tenant: req.Tenant,
			Subscriber: lifecycle.SubscriberRef{ID: req.SubscriberID},
			WorkflowID: info.WorkflowExecution.ID, RunID: info.WorkflowExecution.RunID,
			RequestID: req.RequestID, RequestedBy: req.RequestedBy,
			Status: lifecycle.Running, StartedAt: info.WorkflowStartTime.UTC(),
			Steps: []lifecycle.Step{}, Warnings: []lifecycle.Warning{},
		},
	}
}

// execute plans, runs the steps and commits, or undoes what was done.
func (r *run) execute(ctx workflow.Context, steps func(workflow.Context) error) (*lifecycle.Report, error) {
	err := workflow.SetQueryHandler(ctx, contract.ProgressQuery, func() (lifecycle.Report, error) { return r.report, nil })
	if err != nil {
		return nil, err
	}
	if err := r.takeDecisions(ctx); err != nil {
		return nil, err
	}
	err = r.prepare(ctx)
	if err == nil {
		err = steps(ctx)
	}
	// From here on a cancellation comes too late: the run ends whole, one way or the other.
	end, _ := workflow.NewDisconnectedContext(ctx)
	if err != nil {
		return nil, r.rollBack(end, err)
	}
	if err := r.close(end, lifecycle.Completed); err != nil {
		return nil, err
	}
	return &r.report, nil
}

// prepare opens the operation in the store, holds the user's numbers and makes the plan.
func (r *run) prepare(ctx workflow.Context) error {
	prepared, err := ask[activities.Prepared](onGraph(ctx, r.request.Tenant, planning, label{"plan", "read the user and plan"}), act.Prepare, r.request)
	if err != nil {
		return err
	}
	r.plan = prepared.Plan
	r.report.Subscriber = r.plan.Subscriber
	r.report.Warnings = append(r.report.Warnings, r.plan.Warnings...)
	r.report.Before = &r.plan.Before
	for _, s := range r.plan.Steps {
		r.report.Steps = append(r.report.Steps, lifecycle.Step{Name: s.Name, Outcome: lifecycle.Pending, Reason: s.Reason, Summary: s.Summary, Detail: s.Change})
	}
	r.show(ctx)
	return nil
}

// change is the planned change of a step.
func (r *run) change(name lifecycle.StepName) lifecycle.Change {
	planned, _ := r.plan.Step(name)
	return planned.Change
}

// step carries out one planned step. The compensation is registered before anything is done.
func (r *run) step(ctx workflow.Context, name lifecycle.StepName, w work) error {
	planned, ok := r.plan.Step(name)
	if !ok {
		return nil // An update has only the steps that its fields need.
	}
	entry := r.report.Step(name)
	if without, out := r.leftOut[name]; out && planned.Action == lifecycle.Do {
		entry.Outcome, entry.Reason, entry.Summary = lifecycle.Skipped, lifecycle.SkippedByOperator, "cannot be done without "+string(without)
		r.show(ctx)
		return nil
	}
	switch planned.Action {
	case lifecycle.LeaveAsIs:
		entry.Outcome = lifecycle.Unchanged
	case lifecycle.SkipBecause:
		entry.Outcome = lifecycle.Skipped
	case lifecycle.Do:
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.compensations = append(r.compensations, compensation{work: w, step: name})
		return r.try(ctx, planned, w)
	}
	r.show(ctx)
	return nil
}

// try carries out a step until it is done, left out, or given up.
func (r *run) try(ctx workflow.Context, planned lifecycle.PlannedStep, w work) error {
	for {
		err := r.attempt(ctx, planned, w)
		if err == nil || cancelled(err) || !r.holds() {
			return err
		}
		action, held := r.hold(ctx, planned.Name, err)
		switch {
		case held != nil:
			return held
		case action == contract.ResolveSkip:
			r.leaveOut(planned.Name)
			r.show(ctx)
			return nil
		case action != contract.ResolveRetry:
			return err
		}
	}
}

// attempt carries out a step once, with all the patience of its activities.
func (r *run) attempt(ctx workflow.Context, planned lifecycle.PlannedStep, w work) error {
	entry := r.report.Step(planned.Name)
	started := workflow.Now(ctx).UTC()
	entry.Outcome, entry.Error, entry.StartedAt, entry.ClosedAt = lifecycle.Pending, "", &started, nil
	r.show(ctx)
	result, err := w.do(ctx, label{string(planned.Name), planned.Summary})
	closed := workflow.Now(ctx).UTC()
	entry.ClosedAt = &closed
	if err != nil {
		entry.Outcome, entry.Error = lifecycle.StepFail, describe(err).Message
		if cancelled(err) {
			entry.Outcome, entry.Error = lifecycle.Pending, ""
		}
		r.show(ctx)
		return fmt.Errorf("%s: %w", planned.Name, err)
	}
	entry.Outcome, entry.Reason = result.Outcome, result.Reason
	if result.Summary != "" {
		entry.Summary = result.Summary
	}
	if result.Change != nil {
		entry.Detail = *result.Change
	}
	r.report.Warnings = append(r.report.Warnings, result.Warnings...)
	r.show(ctx)
	return nil
}

// rollBack undoes in reverse order and closes the run; it returns the error that the workflow ends with.
func (r *run) rollBack(ctx workflow.Context, cause error) error {
	failure := describe(cause)
	r.report.Failure = failure.Message
	if cancelled(cause) {
		r.report.Failure = "cancelled on request"
	}
	r.show(ctx)
	if err := r.setStatus(ctx, lifecycle.Running); err != nil {
		workflow.GetLogger(ctx).Warn("lists still show the run as waiting while it is undone", "error", err)
	}
	var undone []lifecycle.PlannedStep
	for _, c := range slices.Backward(r.compensations) {
		if c.undo == nil {
			continue
		}
		if _, err := c.undo(ctx, label{"undo-" + string(c.step), "undo " + string(c.step)}); err != nil {
			r.undoFailed(fmt.Sprintf("%s could not be undone: %s", c.step, describe(err).Message))
		} else {
			planned, _ := r.plan.Step(c.step)
			undone = append(undone, planned)
			r.markUndone(c)
		}
		r.show(ctx)
	}
	slices.Reverse(undone)
	r.verifyUndone(ctx, undone)
	status := lifecycle.RolledBack
	switch {
	case len(r.report.UndoFailures) > 0:
		status = lifecycle.Failed
		failure.Message += "; " + strings.Join(r.report.UndoFailures, "; ")
	case cancelled(cause):
		status = lifecycle.Cancelled
	case len(r.report.Steps) > 0:
		failure.Message += "; everything done was undone"
	}
	if err := r.close(ctx, status); err != nil {
		return err
	}
	return contract.Ending(r.report, failure)
}

// verifyUndone reads back that everything is as before; undone is in the order in which it was done. Without anything undone, nothing was changed.
func (r *run) verifyUndone(ctx workflow.Context, undone []lifecycle.PlannedStep) {
	if len(undone) == 0 {
		r.report.After = r.report.Before
		return
	}
	in := activities.UndoneInput{Tenant: r.request.Tenant, SubscriberID: r.request.SubscriberID, Before: r.plan.Before, Undone: undone}
	verified, err := ask[activities.Verified](onGraph(ctx, r.request.Tenant, verifying, label{"verify-undo", "verify that everything is as before"}), act.VerifyUndone, in)
	if err != nil {
		r.undoFailed("the undo could not be verified: " + describe(err).Message)
		return
	}
	r.report.After = &verified.After
}

func (r *run) undoFailed(message string) {
	r.report.UndoFailures = append(r.report.UndoFailures, message)
	r.report.Warnings = append(r.report.Warnings, lifecycle.Warning{Code: lifecycle.WarnUndoIncomplete, Message: message})
}

func (r *run) markUndone(c compensation) {
	for _, name := range append([]lifecycle.StepName{c.step}, c.undoes...) {
		entry := r.report.Step(name)
		if entry == nil {
			continue // An update has only the steps that its fields need.
		}
		if entry.Outcome == lifecycle.Done || (entry.Outcome == lifecycle.Pending && entry.StartedAt != nil) {
			entry.Outcome = lifecycle.Undone
		}
	}
}

// setStatus shows in the search attribute and in lists how the run stands while it is active.
func (r *run) setStatus(ctx workflow.Context, status lifecycle.Status) error {
	if status == r.shownAs {
		return nil
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, contract.StateAttribute.ValueSet(string(status))); err != nil {
		return err
	}
	r.shownAs = status
	return workflow.ExecuteActivity(onStore(ctx, storeWrite, label{summary: "show the run as " + string(status)}), act.SetStatus, status, r.report.Failure).Get(ctx, nil)
}

// close ends the operation in the store. With lifecycle.Completed the numbers that the run holds are released for good;
// otherwise they are what they were before.
func (r *run) close(ctx workflow.Context, status lifecycle.Status) error {
	now := workflow.Now(ctx).UTC()
	r.report.Status, r.report.ClosedAt = status, &now
	in := activities.CloseInput{Report: r.report, Welcome: r.plan.Welcome}
	if err := workflow.ExecuteActivity(onStore(ctx, closing, label{"close", "close the run: " + string(status)}), act.CloseRun, in).Get(ctx, nil); err != nil {
		return err
	}
	r.show(ctx)
	return workflow.UpsertTypedSearchAttributes(ctx, contract.StateAttribute.ValueSet(string(status)))
}

// graph makes a task of one activity on the tenant's queue.
func (r *run) graph(k kind, activity any, change lifecycle.Change) task {
	return func(ctx workflow.Context, l label) (activities.StepResult, error) {
		return ask[activities.StepResult](onGraph(ctx, r.request.Tenant, k, l), activity, r.input(change))
	}
}

// store makes a task of one activity on the workflow's own queue.
func (r *run) store(activity any, change lifecycle.Change) task {
	return func(ctx workflow.Context, l label) (activities.StepResult, error) {
		return ask[activities.StepResult](onStore(ctx, storeWrite, l), activity, r.input(change))
	}
}

func (r *run) input(change lifecycle.Change) activities.StepInput {
	return activities.StepInput{Tenant: r.request.Tenant, SubscriberID: r.request.SubscriberID, Change: change}
}

// both makes one task of two, the second after the first.
func both(first, second task) task {
	return func(ctx workflow.Context, l label) (activities.StepResult, error) {
		if result, err := first(ctx, l); err != nil {
			return result, err
		}
		return second(ctx, l)
	}
}

// regardless makes one task of two, the second whatever became of the first.
func regardless(first, second task) task {
	return func(ctx workflow.Context, l label) (activities.StepResult, error) {
		if _, err := first(ctx, l); err != nil {
			workflow.GetLogger(ctx).Warn("a task failed whose result does not decide", "task", l.id, "error", err)
		}
		return second(ctx, l)
	}
}

// inOrder runs steps one after the other until one fails.
func inOrder(ctx workflow.Context, steps ...func(workflow.Context) error) error {
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// series makes one step of several that follow each other.
func series(steps ...func(workflow.Context) error) func(workflow.Context) error {
	return func(ctx workflow.Context) error { return inOrder(ctx, steps...) }
}

// atOnce runs steps side by side, waits for all of them and returns the first error in their order.
func atOnce(steps ...func(workflow.Context) error) func(workflow.Context) error {
	return func(ctx workflow.Context) error {
		errs := make([]error, len(steps))
		wg := workflow.NewWaitGroup(ctx)
		for i, step := range steps {
			wg.Add(1)
			workflow.Go(ctx, func(ctx workflow.Context) {
				defer wg.Done()
				errs[i] = step(ctx)
			})
		}
		wg.Wait(ctx)
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// describe turns the error of a step into a classified one, however it came about.
func describe(err error) *fault.Error {
	if f, ok := fault.Received(err); ok {
		return f
	}
	return fault.New(fault.Unavailable, "%s", err.Error())
}
