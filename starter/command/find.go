package command

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"tenure/internal/contract"
	"tenure/internal/lifecycle"
)

// found is a run that the operator named.
type found struct {
	subject
	// open is false once the workflow has closed.
	open bool
	// requestID and status are from the search attributes, or from the store's row.
	requestID, tenant string
	status            lifecycle.Status
	// staged is set for a running operation that waits until Teams knows its user.
	staged    bool
	startedAt time.Time
	closedAt  *time.Time
	// kept is false when Temporal's retention has passed and only the store knows the run; report is then how it ended,
	// or nil when it left no report there.
	kept   bool
	report *lifecycle.Report
}

func unknownRun(name string) *Failure {
	return &Failure{Exit: exitUsage, Code: "unknown-run", Message: "there is no run " + name, Hint: "`tenure list` shows them"}
}

// find resolves USER|RUN to the newest run that it names. Temporal is asked first when the argument is a workflow or
// run id, so that a run can be looked at while no worker is up.
func (c *Console) find(ctx context.Context, conn *Connection, name string) (found, error) {
	filters := []contract.RunFilter{{User: name}}
	switch {
	case strings.HasPrefix(name, "tenure/"):
		return found{}, usage("see it with: temporal workflow show -w "+name, "%s is a question or an administrative change, not an operation on a user", name)
	case strings.Contains(name, "/"):
		run, err := c.describe(ctx, conn, name, "")
		if !missing(err) {
			return run, err
		}
		filters = []contract.RunFilter{{WorkflowID: name}}
	case uuid.Validate(name) == nil:
		run, err := c.describeRunID(ctx, conn, name)
		if !missing(err) {
			return run, err
		}
		filters = []contract.RunFilter{{RunID: name}, {User: name}}
	}
	row, err := c.newest(ctx, name, filters)
	if err != nil && uuid.Validate(name) == nil {
		return c.awaitRunID(ctx, conn, name, err)
	}
	if err != nil {
		return found{}, err
	}
	run, err := c.describe(ctx, conn, row.WorkflowID, row.RunID)
	if missing(err) {
		run, err = found{startedAt: row.StartedAt, closedAt: row.ClosedAt, requestID: row.RequestID, report: row.Report}, nil
		run.workflowID, run.runID, run.open = row.WorkflowID, row.RunID, false
	}
	run.operation, run.user, run.status = row.Operation, row.Subscriber, row.Status
	return run, err
}

// awaitRunID looks for a run id that nobody knows, a little longer: a run that has just been started may not be visible yet.
// When it stays unknown, the error is that of the search before.
func (c *Console) awaitRunID(ctx context.Context, conn *Connection, runID string, unknown error) (found, error) {
	for range visibilityLooks {
		select {
		case <-ctx.Done():
			return found{}, unknown
		case <-time.After(c.Pace.Progress):
		}
		if run, err := c.describeRunID(ctx, conn, runID); !missing(err) {
			return run, err
		}
	}
	return found{}, unknown
}

// visibilityLooks times Pace.Progress is how long a run may stay invisible after its start.
const visibilityLooks = 8

// newest asks the worker for the newest run that a filter matches, the filters one after the other: one that names
// nobody may be answered with an error, and the next one still find the run.
func (c *Console) newest(ctx context.Context, name string, filters []contract.RunFilter) (contract.Run, error) {
	var last error
	for _, filter := range filters {
		filter.Limit, filter.Reports = 1, true
		var answer contract.Runs
		last = c.ask(ctx, errand{contract.ListRuns, filter, "find a run"}, &answer)
		var failure *Failure
		switch {
		case errors.As(last, &failure):
			return contract.Run{}, failure
		case last == nil && len(answer.Runs) > 0:
			return answer.Runs[0], nil
		}
	}
	if last == nil {
		last = unknownRun("of " + name)
	}
	return contract.Run{}, last
}

func missing(err error) bool {
	var notFound *serviceerror.NotFound
	return errors.As(err, &notFound)
}

// describe reads a run from Temporal; an empty run id means the newest. The error passes missing for a run that
// Temporal does not have, and is a *codec.Error for one that the keys at hand do not decrypt.
func (c *Console) describe(ctx context.Context, conn *Connection, workflowID, runID string) (found, error) {
	described, err := conn.DescribeWorkflowExecution(ctx, workflowID, runID)
	if err != nil {
		return found{}, conn.reach(ctx, err)
	}
	if summary := described.GetExecutionConfig().GetUserMetadata().GetSummary(); summary != nil {
		if err := conn.Data.FromPayload(summary, new(string)); err != nil {
			return found{}, err
		}
	}
	return foundIn(described.GetWorkflowExecutionInfo()), nil
}

// describeRunID looks a run id up, which Temporal only does in its visibility store.
func (c *Console) describeRunID(ctx context.Context, conn *Connection, runID string) (found, error) {
	listed, err := conn.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{PageSize: 1, Query: fmt.Sprintf("RunId = %q", runID)})
	if err != nil {
		return found{}, conn.reach(ctx, err)
	}
	if len(listed.GetExecutions()) == 0 {
		return found{}, serviceerror.NewNotFound("no run has that id")
	}
	// Visibility lags behind; what the run itself says counts.
	return c.describe(ctx, conn, listed.Executions[0].GetExecution().GetWorkflowId(), runID)
}

func foundIn(info *workflow.WorkflowExecutionInfo) found {
	f := found{
		open: info.GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_RUNNING, kept: true,
		requestID: keyword(info.GetSearchAttributes(), contract.RequestAttribute),
		tenant:    keyword(info.GetSearchAttributes(), contract.TenantAttribute),
		status:    lifecycle.Status(keyword(info.GetSearchAttributes(), contract.StateAttribute)),
		startedAt: info.GetStartTime().AsTime(),
	}
	if closed := info.GetCloseTime(); closed != nil {
		t := closed.AsTime()
		f.closedAt = &t
	}
	if f.status == lifecycle.Staged {
		f.status, f.staged = lifecycle.Running, true
	}
	f.workflowID, f.runID = info.GetExecution().GetWorkflowId(), info.GetExecution().GetRunId()
	f.operation = lifecycle.Operation(keyword(info.GetSearchAttributes(), contract.OperationAttribute))
	if i := strings.LastIndex(f.workflowID, "/"); i >= 0 {
		f.user.ID = f.workflowID[i+1:]
	}
	return f
}

// keyword reads one search attribute, or is empty.
func keyword(attributes *commonpb.SearchAttributes, key temporal.SearchAttributeKeyKeyword) (value string) {
	payload := attributes.GetIndexedFields()[key.GetName()]
	if payload == nil || converter.GetDefaultDataConverter().FromPayload(payload, &value) != nil {
		return ""
	}
	return value
}

// outline is the report of a run of which no more than its row is known.
func (f found) outline() lifecycle.Report {
	return lifecycle.Report{
		Operation: f.operation, Tenant: f.tenant, Subscriber: f.user, WorkflowID: f.workflowID, RunID: f.runID,
		RequestID: f.requestID, Status: f.status, StartedAt: f.startedAt.UTC(), ClosedAt: f.closedAt,
	}
}
