package command

import (
	"context"
	"errors"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"tenure/internal/codec"
	"tenure/internal/contract"
	"tenure/starter/output"
)

// errand is a short workflow that answers a question or makes one administrative change.
type errand struct {
	// workflow is its type, one of the names in package contract.
	workflow string
	input    any
	// summary is what the Temporal UI shows.
	summary string
}

// started is what --detach prints.
type started struct {
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
}

// ask runs an errand that only reads.
func (c *Console) ask(ctx context.Context, e errand, answer any) error {
	run, conn, err := c.send(ctx, e, c.NewID())
	if err != nil {
		return err
	}
	err = c.wait(ctx, conn, run, answer)
	if ctx.Err() != nil {
		c.forget(conn, run, "interrupted")
		return interrupted("nothing was started")
	}
	return err
}

// change runs an errand that changes something. With --detach it only starts it and reports so.
func (c *Console) change(ctx context.Context, e errand, answer any) (detached bool, err error) {
	id := c.flags.requestID
	if id == "" {
		id = c.NewID()
	}
	run, conn, err := c.send(ctx, e, id)
	if err != nil {
		return false, err
	}
	if c.flags.detach {
		return true, c.printStarted(run.GetID(), run.GetRunID())
	}
	err = c.wait(ctx, conn, run, answer)
	if ctx.Err() != nil {
		return false, interrupted("the change goes on as " + run.GetID())
	}
	return false, err
}

func (c *Console) printStarted(workflowID, runID string) error {
	return c.result(started{workflowID, runID}, func(p output.Paper) {
		p.Line("workflow  %s", workflowID)
		p.Line("run       %s", runID)
		if ui := c.ui(workflowID, runID); ui != "" {
			p.Line("ui        %s", ui)
		}
	})
}

// send starts an errand. One with the same id that exists is joined, finished or not.
func (c *Console) send(ctx context.Context, e errand, id string) (client.WorkflowRun, *Connection, error) {
	return c.sendFor(ctx, e, id, 0)
}

// sendFor starts an errand that Temporal ends by itself when nobody waits for it any longer; zero is never.
func (c *Console) sendFor(ctx context.Context, e errand, id string, expires time.Duration) (client.WorkflowRun, *Connection, error) {
	conn, err := c.temporal(ctx)
	if err != nil {
		return nil, nil, err
	}
	workflowID := "tenure/" + e.workflow + "/" + id
	run, err := conn.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: workflowID, TaskQueue: contract.TaskQueue, StaticSummary: e.summary, WorkflowExecutionTimeout: expires,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, e.workflow, e.input)
	return run, conn, conn.reach(ctx, err)
}

// wait waits for the answer of an errand, and gives up when there is no worker to take it.
func (c *Console) wait(ctx context.Context, conn *Connection, run client.WorkflowRun, answer any) error {
	done := make(chan error, 1)
	go func() { done <- run.Get(ctx, answer) }()
	look := time.NewTicker(c.Pace.Pickup)
	defer look.Stop()
	told := false
	for {
		select {
		case err := <-done:
			var terminated *temporal.TerminatedError
			if errors.As(err, &terminated) {
				return &Failure{Exit: exitUndone, Code: "terminated", Message: run.GetID() + " was terminated from outside"}
			}
			return conn.reach(ctx, err)
		case <-look.C:
			switch unattended(ctx, conn, run) {
			case neverTaken:
				c.forget(conn, run, "no worker took it")
				return &Failure{
					Exit: exitUnreachable, Code: "no-worker",
					Message: "no worker is polling task queue " + contract.TaskQueue + " in namespace " + conn.Namespace,
					Hint:    "start tenure-worker",
				}
			case notUnderstood:
				if begun, err := conn.undecrypted(ctx, run); err != nil {
					if !begun {
						c.forget(conn, run, "no worker can decrypt it")
					}
					return err
				}
			case leftAlone:
				if !told {
					told = true
					c.talk().Line("no worker answers; %s goes on when one is back", run.GetID())
				}
			}
		}
	}
}

// attention says whether a worker looks after an errand.
type attention int

const (
	attended attention = iota
	// neverTaken: no worker has ever seen it.
	neverTaken
	// leftAlone: a worker has begun and there is none now.
	leftAlone
	// notUnderstood: workers take it and cannot go on with it.
	notUnderstood
)

// unattended looks whether an errand waits for a worker that does not exist. Temporal lists pollers for minutes after
// they are gone, so one counts only if it has asked since the errand was started: a living one would have been given it.
func unattended(ctx context.Context, conn *Connection, run client.WorkflowRun) attention {
	described, err := conn.DescribeWorkflowExecution(ctx, run.GetID(), "")
	if err != nil || described.GetPendingWorkflowTask() == nil {
		return attended
	}
	if described.GetPendingWorkflowTask().GetAttempt() > 1 {
		return notUnderstood
	}
	queue, err := conn.DescribeTaskQueue(ctx, contract.TaskQueue, enums.TASK_QUEUE_TYPE_WORKFLOW)
	if err != nil {
		return attended
	}
	since := described.GetWorkflowExecutionInfo().GetStartTime().AsTime()
	for _, poller := range queue.GetPollers() {
		if poller.GetLastAccessTime().AsTime().After(since) {
			return attended
		}
	}
	// A history of two events is the start and the first task, which nobody has taken.
	if described.GetWorkflowExecutionInfo().GetHistoryLength() <= 2 {
		return neverTaken
	}
	return leftAlone
}

// undecrypted is why workers cannot go on with an errand if that is a key which they or this command lack, and whether
// they had begun.
func (c *Connection) undecrypted(ctx context.Context, run client.WorkflowRun) (begun bool, err error) {
	events := c.GetWorkflowHistory(ctx, run.GetID(), run.GetRunID(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, failed := events.Next()
		if failed != nil {
			return begun, nil
		}
		begun = begun || event.GetEventType() == enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
		if f := event.GetWorkflowTaskFailedEventAttributes().GetFailure(); f != nil {
			err = c.Failures.FailureToError(f)
		}
	}
	var keys *codec.Error
	switch {
	case err == nil:
	case errors.As(err, &keys):
		err = keys
	case strings.Contains(err.Error(), codec.Variable):
		err = &codec.Error{Message: "the worker cannot read what this command sends: " + err.Error()}
	default:
		err = nil
	}
	return begun, err
}

// forgetTimeout bounds taking back an errand.
const forgetTimeout = 3 * time.Second

// forget takes an errand back, so that it does not run later when nobody waits for it.
func (c *Console) forget(conn *Connection, run client.WorkflowRun, reason string) {
	ctx, cancel := context.WithTimeout(context.Background(), forgetTimeout)
	defer cancel()
	err := conn.TerminateWorkflow(ctx, run.GetID(), run.GetRunID(), reason)
	var gone *serviceerror.NotFound
	if err != nil && !errors.As(err, &gone) {
		c.talk().Line("%s could not be taken back and may still run: %v", run.GetID(), err)
	}
}
