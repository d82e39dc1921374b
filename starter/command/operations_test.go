package command_test

import (
	"reflect"
	"testing"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"tenure/internal/contract"
	"tenure/internal/lifecycle"
)

// The checks of this file are those of every operation's command.

// endsAs demands the exit code, and the report with its status; without a status it is an error document instead.
func (r result) endsAs(t *testing.T, code int, operation lifecycle.Operation, status lifecycle.Status) {
	t.Helper()
	r.exits(t, code)
	if status == "" {
		if doc := decode[failure](t, r); doc.Error.Code == "" || doc.Error.Message == "" {
			t.Errorf("the error document is incomplete: %s", r.out)
		}
		return
	}
	got := decode[lifecycle.Report](t, r)
	if got.Status != status || got.Operation != operation || got.Subscriber.UserPrincipalName != ada {
		t.Errorf("report of %s of %s: %s, want of %s of %s: %s", got.Operation, got.Subscriber.UserPrincipalName, got.Status, operation, ada, status)
	}
}

// sends demands that the command and its plan ask for what is wanted, and that the run is started with it and shows who it
// is for. stage makes the workflow do what it is given and returns the user's object id; planned is the answer to PlanOperation.
func sends(t *testing.T, operation lifecycle.Operation, stage func(*testing.T, func(workflow.Context, lifecycle.Request) (*lifecycle.Report, error)) string,
	planned func(id string) contract.PlanAnswer, arguments []string, want lifecycle.Request, summary string) {
	t.Helper()
	var started kept[lifecycle.Request]
	id := stage(t, func(ctx workflow.Context, in lifecycle.Request) (*lifecycle.Report, error) {
		started.keep(in)
		return completes(ctx, in)
	})
	asked := answers[contract.PlanRequest](t, contract.PlanOperation, planned(id))
	want.Operation, want.RequestID, want.RequestedBy = operation, "req-"+id, "operator"
	want.Reason, want.OnFailure = "ticket 7", lifecycle.OnFailureRollback
	flags := append([]string{ada, "--reason", "ticket 7", "--request-id", "req-" + id}, arguments...)

	newSeat(t).tenure(append([]string{"plan", string(operation)}, flags...)...).exits(t, 2)
	if got := asked(); got.User != ada || got.Brief || !reflect.DeepEqual(got.Request, want) {
		t.Errorf("plan %s asked for %+v, want %+v", operation, got, want)
	}
	r := newSeat(t).tenure(append([]string{string(operation), "--yes", "-o", "json"}, flags...)...)
	r.exits(t, 0)
	if got := asked(); got.User != ada || !got.Brief || !reflect.DeepEqual(got.Request, want) {
		t.Errorf("%s asked for %+v, want %+v", operation, got, want)
	}
	want.Tenant, want.SubscriberID = tenant, id
	if !reflect.DeepEqual(started.last(), want) {
		t.Errorf("started %+v, want %+v", started.last(), want)
	}
	r.isShownInTemporal(t, want, summary)
}

// isShownInTemporal demands the workflow id, the search attributes and the summary of the run that a report is of.
func (r result) isShownInTemporal(t *testing.T, want lifecycle.Request, summary string) {
	t.Helper()
	run := decode[lifecycle.Report](t, r)
	if run.WorkflowID != contract.SubscriberWorkflowID(want.Tenant, want.SubscriberID) {
		t.Errorf("workflow id %s", run.WorkflowID)
	}
	described, err := server.client.DescribeWorkflow(t.Context(), run.WorkflowID, run.RunID)
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range map[temporal.SearchAttributeKeyKeyword]string{
		contract.OperationAttribute: string(want.Operation), contract.TenantAttribute: want.Tenant, contract.NodeAttribute: london,
		contract.StateAttribute: "running", contract.RequestAttribute: want.RequestID,
	} {
		if got, _ := described.TypedSearchAttributes.GetKeyword(key); got != value {
			t.Errorf("%s = %q, want %q", key.GetName(), got, value)
		}
	}
	if got, err := described.GetStaticSummary(); err != nil || got != summary {
		t.Errorf("summary %q, want %q, %v", got, summary, err)
	}
}
