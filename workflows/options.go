package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"tenure/internal/contract"
)

// kind is a kind of step as far as retries and time are concerned.
type kind int

const (
	// graphWrite changes something in Microsoft 365; it is waited for when the run is cancelled.
	graphWrite kind = iota
	// graphPoll looks whether Microsoft has finished something that takes its time.
	graphPoll
	// verifying reads the end state back, with patience for Microsoft's directory to become consistent.
	verifying
	// planning reads everything and decides.
	planning
	// storeWrite changes the store only.
	storeWrite
	// closing ends a run in the store; it is never given up.
	closing
	// question answers somebody who waits at a terminal.
	question
	// bulk reads or writes many rows in one go.
	bulk
	// delivering sends notices, for as long as there are any.
	delivering
)

// budgets is the one table of time limits. startToClose bounds one attempt; scheduleToClose is the budget of all
// attempts together (zero: no limit). The budgets on Microsoft Graph outlast the longest Retry-After that is believed,
// one hour.
var budgets = map[kind]struct{ startToClose, scheduleToClose, firstRetry, lastRetry time.Duration }{
	graphWrite: {30 * time.Second, 2 * time.Hour, time.Second, time.Minute},
	graphPoll:  {30 * time.Second, 2 * time.Hour, time.Second, 30 * time.Second},
	verifying:  {30 * time.Second, 15 * time.Minute, time.Second, 30 * time.Second},
	planning:   {60 * time.Second, 2 * time.Hour, time.Second, time.Minute},
	storeWrite: {15 * time.Second, 2 * time.Hour, time.Second, time.Minute},
	closing:    {15 * time.Second, 0, time.Second, time.Minute},
	question:   {60 * time.Second, 2 * time.Minute, time.Second, 10 * time.Second},
	bulk:       {5 * time.Minute, 30 * time.Minute, time.Second, time.Minute},
	delivering: {5 * time.Minute, 0, time.Second, 5 * time.Minute},
}

// label is how an activity shows in the Temporal UI and among the pending ones: by the step that it serves.
type label struct{ id, summary string }

func options(k kind, l label) workflow.ActivityOptions {
	b := budgets[k]
	return workflow.ActivityOptions{
		StartToCloseTimeout:    b.startToClose,
		ScheduleToCloseTimeout: b.scheduleToClose,
		WaitForCancellation:    true,
		ActivityID:             l.id,
		Summary:                l.summary,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    b.firstRetry,
			BackoffCoefficient: 2,
			MaximumInterval:    b.lastRetry,
		},
	}
}

// onStore makes activities run on the workflow's own queue, where they are dispatched without a round trip.
func onStore(ctx workflow.Context, k kind, l label) workflow.Context {
	return workflow.WithActivityOptions(ctx, options(k, l))
}

// onGraphFor is onGraph for polling with a budget of its own.
func onGraphFor(ctx workflow.Context, tenant string, budget time.Duration, l label) workflow.Context {
	o := options(graphPoll, l)
	o.TaskQueue, o.ScheduleToCloseTimeout = contract.GraphQueue(tenant), budget
	return workflow.WithActivityOptions(ctx, o)
}

// onGraph makes activities run on the tenant's queue, whose rate stays below Microsoft's quota.
func onGraph(ctx workflow.Context, tenant string, k kind, l label) workflow.Context {
	o := options(k, l)
	o.TaskQueue = contract.GraphQueue(tenant)
	return workflow.WithActivityOptions(ctx, o)
}
