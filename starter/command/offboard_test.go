package command_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/lifecycle"
)

func TestOffboardExitsAsTheRunEnds(t *testing.T) {
	tests := map[string]struct {
		run    func(workflow.Context, lifecycle.Request) (*lifecycle.Report, error)
		code   int
		status lifecycle.Status // empty: no report, an error document instead
	}{
		"completed":         {completes, 0, lifecycle.Completed},
		"rolled back":       {ends(lifecycle.RolledBack, lifecycle.Undone), 1, lifecycle.RolledBack},
		"cancelled":         {ends(lifecycle.Cancelled, lifecycle.Undone), 1, lifecycle.Cancelled},
		"held":              {ends(lifecycle.Held, lifecycle.StepFail), 2, lifecycle.Held},
		"undo incomplete":   {ends(lifecycle.Failed, lifecycle.StepFail), 6, lifecycle.Failed},
		"refused, no steps": {refusedWithEmptyReport, 5, ""},
		"refused, no plan":  {endsWith(fault.New(fault.BusinessRule, "ada is protected")), 5, ""},
		"invalid":           {endsWith(fault.New(fault.InvalidRequest, "no such group")), 3, ""},
		"number taken":      {endsWith(fault.New(fault.NumberUnavailable, "taken")), 5, ""},
		"stale":             {endsWith(fault.New(fault.StalePlan, "stale")), 5, ""},
		"permission":        {endsWith(fault.New(fault.PermissionDenied, "no permission")), 5, ""},
		"log in":            {endsWith(fault.New(fault.Unauthenticated, "no token")), 1, ""},
		"graph refused":     {endsWith(&fault.Error{Kind: fault.InvalidRequest, Message: "bad", Details: fault.Details{Status: 400}}), 1, ""},
		"unclassified":      {func(workflow.Context, lifecycle.Request) (*lifecycle.Report, error) { return nil, errors.New("broken") }, 1, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			offboards(t, test.run)
			r := newSeat(t).tenure("offboard", ada, "--yes", "-o", "json")
			r.endsAs(t, test.code, lifecycle.Offboard, test.status)
		})
	}
}

func endsWith(e *fault.Error) func(workflow.Context, lifecycle.Request) (*lifecycle.Report, error) {
	return func(workflow.Context, lifecycle.Request) (*lifecycle.Report, error) { return nil, fault.Leave(e) }
}

func refusedWithEmptyReport(ctx workflow.Context, in lifecycle.Request) (*lifecycle.Report, error) {
	return nil, contract.Ending(report(ctx, in, lifecycle.RolledBack), fault.New(fault.BusinessRule, "ada is protected"))
}

func TestOffboardSendsWhatWasAsked(t *testing.T) {
	var started kept[lifecycle.Request]
	id := offboards(t, func(ctx workflow.Context, in lifecycle.Request) (*lifecycle.Report, error) {
		started.keep(in)
		return completes(ctx, in)
	})
	asked := answers[contract.PlanRequest](t, contract.PlanOperation, plannedFor(id))
	s := newSeat(t)
	s.console.Getenv = func(key string) string { return map[string]string{"TENURE_REQUESTED_BY": "grace"}[key] }
	r := s.tenure("offboard", ada, "--yes", "--group", "Leavers", "--reason", "ticket 7", "--request-id", "req-"+id, "-o", "json")
	r.exits(t, 0)
	want := lifecycle.Request{
		Operation: lifecycle.Offboard, Group: "Leavers", RequestID: "req-" + id, RequestedBy: "grace", Reason: "ticket 7",
		OnFailure: lifecycle.OnFailureHold,
	}
	if got := asked(); got.User != ada || !reflect.DeepEqual(got.Request, want) {
		t.Errorf("planned %+v, want %+v", got, want)
	}
	want.Tenant, want.SubscriberID = tenant, id
	if !reflect.DeepEqual(started.last(), want) {
		t.Errorf("started %+v, want %+v", started.last(), want)
	}
	r.isShownInTemporal(t, want, "offboard ada@contoso.com from "+london)
}

func TestPlanRefusalsOfOffboard(t *testing.T) {
	tests := map[string]struct {
		err  error
		code int
		word string
	}{
		"unknown user":     {&lifecycle.Refusal{Code: "unknown-user", Message: "nobody is called " + ada, Invalid: true}, 3, "unknown-user"},
		"guest":            {&lifecycle.Refusal{Code: "guest", Message: "a guest", Hint: "none"}, 5, "guest"},
		"not found by us":  {fault.New(fault.NotFound, "no such user"), 3, "not-found"},
		"not found there":  {&fault.Error{Kind: fault.NotFound, Message: "gone", Details: fault.Details{Status: 404}}, 1, "not-found"},
		"permission":       {fault.New(fault.PermissionDenied, "no permission"), 5, "permission-denied"},
		"cannot log in":    {fault.New(fault.Unauthenticated, "no token"), 1, "unauthenticated"},
		"microsoft's code": {&fault.Error{Kind: fault.BusinessRule, Message: "license", Details: fault.Details{Status: 400, Code: "CountViolation"}}, 5, "CountViolation"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			failing.Lock()
			failing.err = fault.Leave(test.err)
			failing.Unlock()
			on(t, contract.PlanOperation, func(ctx workflow.Context, _ contract.PlanRequest) (*contract.PlanAnswer, error) {
				ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
				return nil, workflow.ExecuteActivity(ctx, fail).Get(ctx, nil)
			})
			r := newSeat(t).tenure("offboard", ada, "--yes", "-o", "json")
			r.exits(t, test.code)
			if doc := decode[failure](t, r); doc.Error.Code != test.word {
				t.Errorf("code %q, want %q", doc.Error.Code, test.word)
			}
			if !strings.HasPrefix(r.errout, "tenure: ") || strings.Count(r.errout, "\n") != 1 {
				t.Errorf("stderr is not one line: %q", r.errout)
			}
		})
	}
}

func TestBusyUserIsRefused(t *testing.T) {
	t.Run("as the store says", func(t *testing.T) {
		on(t, contract.PlanOperation, func(workflow.Context, contract.PlanRequest) (contract.PlanAnswer, error) {
			return contract.PlanAnswer{Tenant: tenant, Busy: &contract.RunRef{WorkflowID: "subscriber/contoso/x", RunID: "run-1", Operation: lifecycle.Offboard, StartedAt: &began}}, nil
		})
		for _, arguments := range [][]string{{"offboard", ada, "--yes"}, {"plan", "offboard", ada}} {
			r := newSeat(t).tenure(arguments...)
			r.exits(t, 5)
			r.says(t, "ada@contoso.com is busy: offboard has been running since 2026-03-01 09:00:00Z as subscriber/contoso/x, run run-1")
		}
	})
	t.Run("as both say, which is audited", func(t *testing.T) {
		id := offboards(t, untilSignalled)
		first := startedByHand(t, id, "first")
		var asked []string
		on(t, contract.PlanOperation, func(_ workflow.Context, in contract.PlanRequest) (contract.PlanAnswer, error) {
			asked = append(asked, fmt.Sprintf("change %v live %v", in.Change, in.LiveRun == first.GetRunID()))
			return contract.PlanAnswer{Tenant: tenant, Busy: &contract.RunRef{WorkflowID: first.GetID(), RunID: first.GetRunID()}}, nil
		})
		newSeat(t).tenure("offboard", ada, "--yes").exits(t, 5)
		newSeat(t).tenure("plan", "offboard", ada).exits(t, 5)
		if got := strings.Join(asked, ", "); got != "change true live false, change true live true, change false live false" {
			t.Errorf("asked for %s", got)
		}
		release(t, first)
	})
	t.Run("as Temporal says", func(t *testing.T) {
		id := offboards(t, untilSignalled)
		first := startedByHand(t, id, "first")
		r := newSeat(t).tenure("offboard", ada, "--yes", "--request-id", "second")
		r.exits(t, 5)
		r.says(t, "busy: offboard has been running")
		r.says(t, first.GetRunID())
		release(t, first)
	})
}

// The store keeps a terminated run as active until the next one takes over from it; nobody is busy by that.
func TestTerminatedRunKeepsNobodyBusy(t *testing.T) {
	id := offboards(t, untilSignalled)
	dead := startedByHand(t, id, "dead")
	if err := server.client.TerminateWorkflow(t.Context(), dead.GetID(), dead.GetRunID(), "test"); err != nil {
		t.Fatal(err)
	}
	on(t, contract.PlanOperation, func(_ workflow.Context, in contract.PlanRequest) (contract.PlanAnswer, error) {
		if in.DeadRun != dead.GetRunID() {
			return contract.PlanAnswer{Tenant: tenant, Busy: &contract.RunRef{WorkflowID: dead.GetID(), RunID: dead.GetRunID()}}, nil
		}
		return plannedFor(id), nil
	})
	on(t, contract.QuickOffboard, completes)
	newSeat(t).tenure("offboard", ada, "--yes").exits(t, 0)
}

func TestOffboardMakesNoPlanThatNobodySees(t *testing.T) {
	for _, row := range []struct {
		arguments []string
		brief     bool
	}{{[]string{"--yes"}, true}, {[]string{"--yes", "--detach"}, false}} {
		id := offboards(t, completes)
		last := answers[contract.PlanRequest](t, contract.PlanOperation, plannedFor(id))
		newSeat(t).tenure(append([]string{"offboard", ada}, row.arguments...)...).exits(t, 0)
		if got := last().Brief; got != row.brief {
			t.Errorf("%v: brief %v, want %v", row.arguments, got, row.brief)
		}
	}
}

func TestSameRequestIDIsOneRun(t *testing.T) {
	t.Run("running", func(t *testing.T) {
		id := offboards(t, untilSignalled)
		first := startedByHand(t, id, "the-request")
		r := newSeat(t).tenure("offboard", ada, "--yes", "--request-id", "the-request", "--detach", "-o", "json")
		r.exits(t, 0)
		if got := decode[map[string]string](t, r); got["runId"] != first.GetRunID() || got["workflowId"] != first.GetID() || len(got) != 2 {
			t.Errorf("got %v, want run %s", got, first.GetRunID())
		}
		release(t, first)
	})
	t.Run("known to the store", func(t *testing.T) {
		id := offboards(t, completes)
		first := startedByHand(t, id, "the-request")
		if err := first.Get(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		on(t, contract.PlanOperation, func(workflow.Context, contract.PlanRequest) (contract.PlanAnswer, error) {
			return contract.PlanAnswer{Existing: &contract.RunRef{WorkflowID: first.GetID(), RunID: first.GetRunID()}}, nil
		})
		r := newSeat(t).tenure("offboard", ada, "--yes", "--request-id", "the-request", "-o", "json")
		r.exits(t, 0)
		if got := decode[lifecycle.Report](t, r); got.RunID != first.GetRunID() {
			t.Errorf("run %s, want %s", got.RunID, first.GetRunID())
		}
	})
}

// untilSignalled is a QuickOffboard that goes on when the test says so.
func untilSignalled(ctx workflow.Context, in lifecycle.Request) (*lifecycle.Report, error) {
	now := report(ctx, in, lifecycle.Running, step(lifecycle.RemoveNumber, lifecycle.Pending), step(lifecycle.Verify, lifecycle.Pending))
	if err := workflow.SetQueryHandler(ctx, contract.ProgressQuery, func() (lifecycle.Report, error) { return now, nil }); err != nil {
		return nil, err
	}
	proceed := workflow.GetSignalChannel(ctx, "go")
	proceed.Receive(ctx, nil)
	now.Steps[0].StartedAt = ptr(began)
	proceed.Receive(ctx, nil)
	now.Steps[0] = step(lifecycle.RemoveNumber, lifecycle.Done)
	proceed.Receive(ctx, nil)
	now.Steps[1] = step(lifecycle.Verify, lifecycle.Done)
	now.Status, now.ClosedAt = lifecycle.Completed, ptr(began.Add(time.Minute))
	return &now, nil
}

func startedByHand(t *testing.T, id, requestID string) client.WorkflowRun {
	t.Helper()
	run, err := server.client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: contract.SubscriberWorkflowID(tenant, id), TaskQueue: contract.TaskQueue,
		TypedSearchAttributes: temporal.NewSearchAttributes(
			contract.RequestAttribute.ValueSet(requestID), contract.OperationAttribute.ValueSet("offboard"),
			contract.TenantAttribute.ValueSet(tenant), contract.StateAttribute.ValueSet("running")),
	}, contract.QuickOffboard, lifecycle.Request{Operation: lifecycle.Offboard, Tenant: tenant, SubscriberID: id, RequestID: requestID, RequestedBy: "somebody"})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func signal(t *testing.T, run client.WorkflowRun) {
	t.Helper()
	if err := server.client.SignalWorkflow(t.Context(), run.GetID(), run.GetRunID(), "go", nil); err != nil {
		t.Fatal(err)
	}
}

func release(t *testing.T, run client.WorkflowRun) {
	t.Helper()
	for range 3 {
		signal(t, run)
	}
	if err := run.Get(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}

func TestProgressIsStreamed(t *testing.T) {
	id := offboards(t, untilSignalled)
	run := startedByHand(t, id, "watched")
	s := newSeat(t)
	ended := make(chan result)
	go func() { ended <- s.tenure("status", run.GetID(), "--watch", "-o", "jsonl") }()
	signal(t, run)
	s.out.await(`"outcome":"pending"`)
	signal(t, run)
	s.out.await(`"outcome":"done"`)
	signal(t, run)
	r := <-ended
	r.exits(t, 0)

	type event struct {
		At     time.Time         `json:"at"`
		Event  string            `json:"event"`
		Step   *lifecycle.Step   `json:"step"`
		Report *lifecycle.Report `json:"report"`
	}
	var got []string
	for line := range strings.Lines(r.out) {
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		switch {
		case e.At.IsZero():
			t.Errorf("no time in %q", line)
		case e.Step != nil:
			got = append(got, e.Event+" "+string(e.Step.Name)+" "+string(e.Step.Outcome))
		case e.Report != nil:
			got = append(got, e.Event+" "+string(e.Report.Status))
		}
	}
	want := []string{"step remove-number pending", "step remove-number done", "step verify done", "report completed"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("events:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestInterruptDetaches(t *testing.T) {
	id := offboards(t, untilSignalled)
	run := startedByHand(t, id, "interrupted")
	ctx, interrupt := context.WithCancel(t.Context())
	s := newSeat(t)
	ended := make(chan result)
	go func() { ended <- s.tenureUntil(ctx, "status", run.GetID(), "--watch") }()
	signal(t, run)
	s.err.await("remove-number")
	interrupt()
	r := <-ended
	r.exits(t, 130)
	r.says(t, "the run goes on; come back with: tenure status "+run.GetRunID()+" --watch")
	signal(t, run)
	signal(t, run)
	if err := run.Get(t.Context(), nil); err != nil {
		t.Errorf("the run did not go on: %v", err)
	}
}

func TestRetriesAreShown(t *testing.T) {
	failing.Lock()
	failing.err = fault.Leave(&fault.Error{Kind: fault.Throttled, Message: "Microsoft asked to wait", RetryAfter: time.Hour})
	failing.Unlock()
	id := offboards(t, func(ctx workflow.Context, in lifecycle.Request) (*lifecycle.Report, error) {
		now := report(ctx, in, lifecycle.Running, step(lifecycle.RemoveNumber, lifecycle.Pending))
		now.Steps[0].StartedAt = ptr(began)
		if err := workflow.SetQueryHandler(ctx, contract.ProgressQuery, func() (lifecycle.Report, error) { return now, nil }); err != nil {
			return nil, err
		}
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
		return nil, workflow.ExecuteActivity(ctx, fail).Get(ctx, nil)
	})
	run := startedByHand(t, id, "throttled")
	for name, s := range map[string]*seat{"lines": newSeat(t), "terminal": newSeat(t).atTerminal("")} {
		t.Run(name, func(t *testing.T) {
			ctx, interrupt := context.WithCancel(t.Context())
			ended := make(chan result)
			go func() { ended <- s.tenureUntil(ctx, "status", run.GetID(), "--watch") }()
			s.err.await("attempt 2 in ")
			s.err.await("Microsoft asked")
			interrupt()
			(<-ended).exits(t, 130)
		})
	}
	if err := server.client.TerminateWorkflow(t.Context(), run.GetID(), run.GetRunID(), "end of test"); err != nil {
		t.Fatal(err)
	}
}

func TestTerminatedRunIsNotCalledUndone(t *testing.T) {
	id := offboards(t, untilSignalled)
	run := startedByHand(t, id, "terminated")
	s := newSeat(t)
	ended := make(chan result)
	go func() { ended <- s.tenure("status", run.GetID(), "--watch", "--exit-status", "-o", "json") }()
	signal(t, run)
	signal(t, run)
	s.err.await("✓ remove-number")
	if err := server.client.TerminateWorkflow(t.Context(), run.GetID(), run.GetRunID(), "by hand"); err != nil {
		t.Fatal(err)
	}
	r := <-ended
	r.exits(t, 6)
	if got := decode[lifecycle.Report](t, r); got.Status != lifecycle.Failed || !strings.Contains(got.Failure, "terminated") {
		t.Errorf("status %s, failure %q", got.Status, got.Failure)
	}
}

func TestOffboardAsksAtATerminal(t *testing.T) {
	for typed, want := range map[string]struct {
		code int
		runs bool
	}{"y\n": {0, true}, "yes\n": {0, true}, "n\n": {130, false}, "\n": {130, false}, "": {130, false}} {
		t.Run(strings.TrimSpace(typed), func(t *testing.T) {
			id := offboards(t, completes)
			r := newSeat(t).atTerminal(typed).tenure("offboard", ada, "--color", "never")
			r.exits(t, want.code)
			r.says(t, "Plan: offboard ada@contoso.com at "+london)
			r.says(t, "Offboard ada@contoso.com? [y/N]")
			_, err := server.client.DescribeWorkflowExecution(t.Context(), contract.SubscriberWorkflowID(tenant, id), "")
			if ran := err == nil; ran != want.runs {
				t.Errorf("started: %v, want %v", ran, want.runs)
			}
		})
	}
}

func TestNoTerminalAndNoYes(t *testing.T) {
	id := offboards(t, completes)
	r := newSeat(t).tenure("offboard", ada)
	r.exits(t, 3)
	r.says(t, "add --yes")
	if _, err := server.client.DescribeWorkflowExecution(t.Context(), contract.SubscriberWorkflowID(tenant, id), ""); err == nil {
		t.Error("the run was started")
	}
}

func TestNoWorkerTakesTheQuestion(t *testing.T) {
	s := newSeat(t).idle()
	id := uuid.NewString()
	s.console.NewID = func() string { return id }
	r := s.tenure("users", "list", "-o", "json")
	r.exits(t, 4)
	r.says(t, "no worker is polling task queue tenure in namespace idle; start tenure-worker")
	if doc := decode[failure](t, r); doc.Error.Code != "no-worker" {
		t.Errorf("code %q", doc.Error.Code)
	}
	described, err := server.idle.DescribeWorkflowExecution(t.Context(), "tenure/ListUsers/"+id, "")
	if err != nil {
		t.Fatal(err)
	}
	if status := described.GetWorkflowExecutionInfo().GetStatus(); status != enums.WORKFLOW_EXECUTION_STATUS_TERMINATED {
		t.Errorf("the question is %s and would run later", status)
	}
}
