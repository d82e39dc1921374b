package command_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/lifecycle"
)

func TestStatusFindsARun(t *testing.T) {
	id := offboards(t, completes)
	run := startedByHand(t, id, "found")
	if err := run.Get(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	row := contract.Run{WorkflowID: run.GetID(), RunID: run.GetRunID(), Operation: lifecycle.Offboard, Status: lifecycle.Completed, Subscriber: lifecycle.SubscriberRef{ID: id, UserPrincipalName: ada}}
	on(t, contract.ListRuns, func(_ workflow.Context, in contract.RunFilter) (contract.Runs, error) {
		if in.User == ada || in.User == id {
			return contract.Runs{Runs: []contract.Run{row}}, nil
		}
		if in.User != "" {
			return contract.Runs{}, fault.Leave(&lifecycle.Refusal{Code: "unknown-user", Message: "nobody is called " + in.User, Invalid: true})
		}
		return contract.Runs{Runs: []contract.Run{}}, nil
	})
	for name, argument := range map[string]string{"principal name": ada, "object id": id, "workflow id": run.GetID(), "run id": run.GetRunID()} {
		t.Run(name, func(t *testing.T) {
			r := newSeat(t).tenure("status", argument, "-o", "json")
			r.exits(t, 0)
			if got := decode[lifecycle.Report](t, r); got.RunID != run.GetRunID() || got.Status != lifecycle.Completed {
				t.Errorf("run %s %s, want %s completed", got.RunID, got.Status, run.GetRunID())
			}
		})
	}
	for argument, word := range map[string]string{"bob@contoso.com": "unknown-user", uuid.NewString(): "unknown-user", "subscriber/contoso/nobody": "unknown-run", "tenure/SyncDirectory/1": "usage"} {
		t.Run("not "+word, func(t *testing.T) {
			r := newSeat(t).tenure("status", argument, "-o", "json")
			r.exits(t, 3)
			if doc := decode[failure](t, r); doc.Error.Code != word {
				t.Errorf("%s: code %q, want %q", argument, doc.Error.Code, word)
			}
		})
	}
}

// Temporal forgets a run when its retention has passed; the store does not.
func TestStatusOfARunThatTemporalHasForgotten(t *testing.T) {
	id, run := uuid.NewString(), uuid.NewString()
	report := lifecycle.Report{
		Operation: lifecycle.Offboard, Status: lifecycle.RolledBack, Subscriber: lifecycle.SubscriberRef{ID: id, UserPrincipalName: ada}, WorkflowID: "subscriber/contoso/" + id, RunID: run,
		StartedAt: began, Steps: []lifecycle.Step{{Name: lifecycle.RemoveLicenses, Outcome: lifecycle.StepFail, Summary: "remove SPE_E5"}}, Failure: "the moon was in the wrong house",
	}
	row := contract.Run{WorkflowID: report.WorkflowID, RunID: run, Operation: lifecycle.Offboard, Status: report.Status, Subscriber: report.Subscriber, Report: &report}
	on(t, contract.ListRuns, func(_ workflow.Context, in contract.RunFilter) (contract.Runs, error) {
		if !in.Reports {
			t.Error("the report is not asked for")
		}
		return contract.Runs{Runs: []contract.Run{row}}, nil
	})
	for _, argument := range []string{ada, run, report.WorkflowID} {
		for _, watched := range []string{"--watch", "--watch=false"} {
			r := newSeat(t).tenure("status", argument, watched, "--exit-status", "-o", "json")
			r.exits(t, 1)
			r.says(t, "Temporal does not keep this run any more")
			if got := decode[lifecycle.Report](t, r); len(got.Steps) != 1 || got.Steps[0].Outcome != lifecycle.StepFail || got.Failure != report.Failure {
				t.Errorf("%+v", got)
			}
		}
	}
	row.Report = nil
	r := newSeat(t).tenure("status", run, "-o", "json")
	r.exits(t, 0)
	r.says(t, "only its row is left")
}

func TestStatusExitsAsAsked(t *testing.T) {
	tests := map[string]struct {
		run        func(workflow.Context, lifecycle.Request) (*lifecycle.Report, error)
		exitStatus int
	}{
		"completed":       {completes, 0},
		"rolled back":     {ends(lifecycle.RolledBack, lifecycle.Undone), 1},
		"cancelled":       {ends(lifecycle.Cancelled, lifecycle.Undone), 1},
		"undo incomplete": {ends(lifecycle.Failed, lifecycle.StepFail), 6},
		"refused":         {endsWith(fault.New(fault.BusinessRule, "ada is protected")), 5},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			run := startedByHand(t, offboards(t, test.run), "exits")
			_ = run.Get(t.Context(), nil)
			for _, watched := range []string{"--watch", "--watch=false"} {
				shown := newSeat(t).tenure("status", run.GetID(), watched, "-o", "json")
				shown.exits(t, 0)
				decode[lifecycle.Report](t, shown)
				newSeat(t).tenure("status", run.GetID(), watched, "--exit-status").exits(t, test.exitStatus)
			}
		})
	}
}

func TestStatusOfAHeldRun(t *testing.T) {
	id := offboards(t, func(ctx workflow.Context, in lifecycle.Request) (*lifecycle.Report, error) {
		now := report(ctx, in, lifecycle.Held, step(lifecycle.RemoveNumber, lifecycle.StepFail))
		if err := workflow.SetQueryHandler(ctx, contract.ProgressQuery, func() (lifecycle.Report, error) { return now, nil }); err != nil {
			return nil, err
		}
		workflow.GetSignalChannel(ctx, "go").Receive(ctx, nil)
		return &now, nil
	})
	run := startedByHand(t, id, "held")
	newSeat(t).tenure("status", run.GetID()).exits(t, 0)
	r := newSeat(t).tenure("status", run.GetID(), "--exit-status", "-o", "json")
	r.exits(t, 2)
	if got := decode[lifecycle.Report](t, r); got.Status != lifecycle.Held || got.Warnings == nil {
		t.Errorf("got %+v", got)
	}
	signal(t, run)
}

func TestStatusWithoutAWorker(t *testing.T) {
	id := uuid.NewString()
	run, err := server.idle.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: contract.SubscriberWorkflowID(tenant, id), TaskQueue: contract.TaskQueue,
		TypedSearchAttributes: temporal.NewSearchAttributes(contract.StateAttribute.ValueSet("running"), contract.OperationAttribute.ValueSet("offboard"), contract.RequestAttribute.ValueSet("r1")),
	}, contract.QuickOffboard, lifecycle.Request{})
	if err != nil {
		t.Fatal(err)
	}
	s := newSeat(t).idle()
	s.console.Pace.Silence = 20 * time.Millisecond
	r := s.tenure("status", run.GetID(), "-o", "json")
	r.exits(t, 0)
	r.says(t, "no worker answers")
	got := decode[lifecycle.Report](t, r)
	if got.Status != lifecycle.Running || got.RunID != run.GetRunID() || got.RequestID != "r1" || got.Subscriber.ID != id {
		t.Errorf("got %+v", got)
	}
}

func TestWatchingWithoutAWorkerSaysSo(t *testing.T) {
	run, err := server.idle.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: contract.SubscriberWorkflowID(tenant, uuid.NewString()), TaskQueue: contract.TaskQueue,
	}, contract.QuickOffboard, lifecycle.Request{})
	if err != nil {
		t.Fatal(err)
	}
	s := newSeat(t).idle()
	s.console.Pace.Silence = 20 * time.Millisecond
	ended := make(chan result)
	go func() { ended <- s.tenure("status", run.GetID(), "--watch") }()
	s.err.await("no worker answers; the run goes on when one is back")
	if err := server.idle.TerminateWorkflow(t.Context(), run.GetID(), "", "end of test"); err != nil {
		t.Fatal(err)
	}
	r := <-ended
	if strings.Count(r.errout, "no worker answers") != 1 {
		t.Errorf("said more than once:\n%s", r.errout)
	}
	r.says(t, "was terminated from outside and was not undone")
	r.exits(t, 6)
}

// undoes is a QuickOffboard that undoes its step when it is cancelled.
func undoes(ctx workflow.Context, in lifecycle.Request) (*lifecycle.Report, error) {
	now := report(ctx, in, lifecycle.Running, step(lifecycle.RemoveNumber, lifecycle.Done))
	if err := workflow.SetQueryHandler(ctx, contract.ProgressQuery, func() (lifecycle.Report, error) { return now, nil }); err != nil {
		return nil, err
	}
	ctx.Done().Receive(ctx, nil)
	now.Steps[0].Outcome, now.Status = lifecycle.Undone, lifecycle.Cancelled
	return nil, contract.Ending(now, nil)
}

func TestCancelUndoes(t *testing.T) {
	run := startedByHand(t, offboards(t, undoes), "cancelled")
	r := newSeat(t).tenure("cancel", run.GetID(), "--yes", "-o", "json")
	r.exits(t, 0)
	if got := decode[lifecycle.Report](t, r); got.Status != lifecycle.Cancelled || got.Steps[0].Outcome != lifecycle.Undone {
		t.Errorf("got %+v", got)
	}

	again := newSeat(t).tenure("cancel", run.GetID(), "--yes", "-o", "json")
	again.exits(t, 5)
	again.says(t, "is finished")
	if doc := decode[failure](t, again); doc.Error.Code != "finished" {
		t.Errorf("code %q", doc.Error.Code)
	}
}

func TestCancelExits(t *testing.T) {
	tests := map[string]struct {
		end  func(lifecycle.Report) (*lifecycle.Report, error)
		code int
	}{
		"completed all the same": {func(r lifecycle.Report) (*lifecycle.Report, error) {
			r.Status = lifecycle.Completed
			return &r, nil
		}, 5},
		"undo incomplete": {func(r lifecycle.Report) (*lifecycle.Report, error) {
			r.Status = lifecycle.Failed
			return nil, contract.Ending(r, fault.New(fault.Unavailable, "no answer"))
		}, 6},
		"failed on its own": {func(r lifecycle.Report) (*lifecycle.Report, error) {
			r.Status = lifecycle.RolledBack
			return nil, contract.Ending(r, fault.New(fault.BusinessRule, "refused"))
		}, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			run := startedByHand(t, offboards(t, func(ctx workflow.Context, in lifecycle.Request) (*lifecycle.Report, error) {
				now := report(ctx, in, lifecycle.Running, step(lifecycle.RemoveNumber, lifecycle.Done))
				ctx.Done().Receive(ctx, nil)
				return test.end(now)
			}), "cancelled")
			newSeat(t).tenure("cancel", run.GetID(), "--yes").exits(t, test.code)
		})
	}
}

func TestCancelAsks(t *testing.T) {
	run := startedByHand(t, offboards(t, undoes), "asked")
	newSeat(t).tenure("cancel", run.GetID()).exits(t, 3)
	declined := newSeat(t).atTerminal("n\n").tenure("cancel", run.GetID())
	declined.exits(t, 130)
	declined.says(t, "and undo what it has done? [y/N]")
	newSeat(t).atTerminal("y\n").tenure("cancel", run.GetID()).exits(t, 0)
}

func TestListAsksForWhatTheFlagsSay(t *testing.T) {
	row := contract.Run{
		WorkflowID: "subscriber/contoso/1", RunID: "6f3c9c1e-0d5b-4f0e-9b1f-3a7d5c2e8a10", Operation: lifecycle.Offboard, Status: lifecycle.Held,
		Subscriber: lifecycle.SubscriberRef{ID: "1", UserPrincipalName: ada}, Node: ptr(london), StartedAt: began, RequestID: "r",
	}
	last := answers[contract.RunFilter](t, contract.ListRuns, contract.Runs{Runs: []contract.Run{row}})
	for arguments, want := range map[string]string{
		"": "", "--held": "held", "--running": "running staged", "--failed": "failed rolled_back",
	} {
		r := newSeat(t).tenure(append([]string{"list", "-o", "json"}, strings.Fields(arguments)...)...)
		r.exits(t, 0)
		var got []string
		for _, s := range last().Statuses {
			got = append(got, string(s))
		}
		if strings.Join(got, " ") != want || last().Limit != 100 {
			t.Errorf("list %s: asked for %v, limit %d", arguments, got, last().Limit)
		}
		if runs := decode[contract.Runs](t, r); len(runs.Runs) != 1 || runs.Next != nil || !strings.Contains(r.out, `"closedAt": null`) {
			t.Errorf("got %s", r.out)
		}
	}
	golden(t, "list", newSeat(t).tenure("list").out)
	golden(t, "list-terminal", newSeat(t).atTerminal("").tenure("list").out)
}

func TestAllJoinsPages(t *testing.T) {
	on(t, contract.ListRuns, func(_ workflow.Context, in contract.RunFilter) (contract.Runs, error) {
		page := contract.Runs{Runs: []contract.Run{{
			WorkflowID: "subscriber/contoso/1", RunID: "run" + in.Cursor, Operation: lifecycle.Offboard, Status: lifecycle.Completed,
			Subscriber: lifecycle.SubscriberRef{ID: "1", UserPrincipalName: ada}, StartedAt: began,
		}}}
		if in.Cursor != "2" {
			page.Next = ptr(map[string]string{"": "1", "1": "2"}[in.Cursor])
		}
		return page, nil
	})
	all := decode[contract.Runs](t, newSeat(t).tenure("list", "--all", "-o", "json"))
	if len(all.Runs) != 3 || all.Next != nil {
		t.Errorf("got %+v", all)
	}
	one := decode[contract.Runs](t, newSeat(t).tenure("list", "--limit", "1", "-o", "json"))
	if len(one.Runs) != 1 || one.Next == nil || *one.Next != "1" {
		t.Errorf("got %+v", one)
	}
	next := decode[contract.Runs](t, newSeat(t).tenure("list", "--after", "1", "-o", "json"))
	if next.Runs[0].RunID != "run1" {
		t.Errorf("got %+v", next)
	}
	if lines := newSeat(t).tenure("list", "--all", "-o", "jsonl"); strings.Count(lines.out, "\n") != 3 {
		t.Errorf("got %s", lines.out)
	}
}
