package command_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/workflow"

	"tenure/internal/contract"
	"tenure/internal/lifecycle"
)

type reports struct {
	Reports []lifecycle.Report `json:"reports"`
}

// two starts two runs that go on when they are told.
func two(t *testing.T) (first, second client.WorkflowRun) {
	t.Helper()
	return startedByHand(t, offboards(t, untilSignalled), "one"), startedByHand(t, offboards(t, untilSignalled), "two")
}

func TestSeveralRunsAreWatchedTogether(t *testing.T) {
	first, second := two(t)
	s := newSeat(t)
	ended := make(chan result)
	go func() {
		ended <- s.tenure("status", first.GetID(), second.GetRunID(), first.GetRunID(), "--watch", "-o", "jsonl")
	}()
	signal(t, first)
	s.out.await(`"runId":"` + first.GetRunID() + `","step":{"name":"remove-number","outcome":"pending"`)
	signal(t, second)
	s.out.await(`"runId":"` + second.GetRunID() + `","step":{"name":"remove-number","outcome":"pending"`)
	for _, run := range []client.WorkflowRun{second, first} {
		signal(t, run)
		signal(t, run)
		s.out.await(`"report":{"operation":"offboard","tenant":"contoso","subscriber":{"id":"` + strings.TrimPrefix(run.GetID(), "subscriber/contoso/"))
	}
	r := <-ended
	r.exits(t, 0)
	told := map[string][]string{}
	for line := range strings.Lines(r.out) {
		var e struct {
			Event, RunID string
			Step         *lifecycle.Step
			Report       *lifecycle.Report
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		if e.Report != nil {
			told[e.Report.RunID] = append(told[e.Report.RunID], "report "+string(e.Report.Status))
		} else {
			told[e.RunID] = append(told[e.RunID], string(e.Step.Name)+" "+string(e.Step.Outcome))
		}
	}
	for _, run := range []client.WorkflowRun{first, second} {
		if got := strings.Join(told[run.GetRunID()], ", "); got != "remove-number pending, remove-number done, verify done, report completed" {
			t.Errorf("told of %s: %s", run.GetRunID(), got)
		}
	}
	if len(told) != 2 {
		t.Errorf("told of %d runs, and one was named twice", len(told))
	}
}

func TestSeveralRunsOnATerminal(t *testing.T) {
	first, second := two(t)
	s := newSeat(t).atTerminal("")
	ended := make(chan result)
	go func() {
		ended <- s.tenure("status", first.GetID(), second.GetID(), "--watch", "--color", "never")
	}()
	signal(t, first)
	s.err.await("0/2   remove-number")
	signal(t, first)
	s.err.await("1/2")
	signal(t, first)
	release(t, second)
	r := <-ended
	r.exits(t, 0)
	if strings.Count(r.out, "completed") != 2 || !strings.Contains(r.out, first.GetRunID()) || !strings.Contains(r.out, "2/2") {
		t.Errorf("%s", r.out)
	}
}

func TestSeveralRunsAreReattachedTo(t *testing.T) {
	first, second := two(t)
	ctx, interrupt := context.WithCancel(t.Context())
	s := newSeat(t)
	ended := make(chan result)
	go func() { ended <- s.tenureUntil(ctx, "status", first.GetID(), second.GetID(), "--watch") }()
	signal(t, first)
	s.err.await(":  ▸ remove-number")
	interrupt()
	r := <-ended
	r.exits(t, 130)
	r.says(t, "the runs go on; come back with: tenure status "+first.GetID()+" "+second.GetID()+" --watch")
	for _, run := range []client.WorkflowRun{first, second} {
		for range 3 {
			signal(t, run)
		}
	}
	again := newSeat(t).tenure("status", first.GetID(), second.GetID(), "--watch", "-o", "json")
	again.exits(t, 0)
	if got := decode[reports](t, again); len(got.Reports) != 2 || got.Reports[0].RunID != first.GetRunID() || got.Reports[1].Status != lifecycle.Completed {
		t.Errorf("%s", again.out)
	}
}

func TestSeveralRunsExitAsTheWorst(t *testing.T) {
	good := startedByHand(t, offboards(t, completes), "good")
	_ = good.Get(t.Context(), nil)
	bad := startedByHand(t, offboards(t, ends(lifecycle.Failed, lifecycle.StepFail)), "bad")
	_ = bad.Get(t.Context(), nil)
	newSeat(t).tenure("status", bad.GetID(), good.GetID()).exits(t, 0)
	r := newSeat(t).tenure("status", bad.GetID(), good.GetID(), "--exit-status", "-o", "json")
	r.exits(t, 6)
	decode[reports](t, r)
	on(t, contract.ListRuns, func(workflow.Context, contract.RunFilter) (contract.Runs, error) {
		return contract.Runs{Runs: []contract.Run{}}, nil
	})
	newSeat(t).tenure("status", good.GetID(), "subscriber/contoso/nobody").exits(t, 3)
}
