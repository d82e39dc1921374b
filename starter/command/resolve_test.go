package command_test

import (
	"errors"
	"testing"

	"go.temporal.io/sdk/workflow"

	"tenure/internal/contract"
	"tenure/internal/lifecycle"
)

// staged is an operation that waits until an operator lets it try again, and tells who did.
func staged(ctx workflow.Context, in lifecycle.Request) (*lifecycle.Report, error) {
	now := workflow.NewBufferedChannel(ctx, 1)
	err := workflow.SetUpdateHandlerWithOptions(ctx, contract.ResolveUpdate, func(_ workflow.Context, decision contract.Resolution) error {
		now.SendAsync(decision)
		return nil
	}, workflow.UpdateHandlerOptions{Validator: func(decision contract.Resolution) error {
		if decision.Action != contract.ResolveRetry {
			return errors.New("not that way")
		}
		return nil
	}})
	if err != nil {
		return nil, err
	}
	var decision contract.Resolution
	now.Receive(ctx, &decision)
	r := report(ctx, in, lifecycle.Completed, step(lifecycle.AwaitTeamsUser, lifecycle.Done))
	r.Steps[0].Summary = decision.RequestedBy + ": " + decision.Reason
	return &r, nil
}

func TestResolveLetsAStagedRunTryAgain(t *testing.T) {
	run := startedByHand(t, offboards(t, staged), "staged")
	r := newSeat(t).tenure("resolve", run.GetID(), "--retry", "--yes", "--reason", "licensed today", "-o", "json")
	r.exits(t, 0)
	got := decode[lifecycle.Report](t, r)
	if got.Status != lifecycle.Completed || got.Steps[0].Summary != "operator: licensed today" {
		t.Errorf("status %s, step %q", got.Status, got.Steps[0].Summary)
	}
	again := newSeat(t).tenure("resolve", run.GetID(), "--retry", "--yes", "-o", "json")
	again.exits(t, 5)
	if doc := decode[failure](t, again); doc.Error.Code != "not-waiting" {
		t.Errorf("code %q", doc.Error.Code)
	}
}

func TestResolveOfARunThatDoesNotWait(t *testing.T) {
	run := startedByHand(t, offboards(t, untilSignalled), "busy working")
	r := newSeat(t).tenure("resolve", run.GetID(), "--retry", "--yes")
	r.exits(t, 5)
	r.says(t, "does not wait for this decision")
	release(t, run)
}

func TestResolveNeedsToKnowHow(t *testing.T) {
	newSeat(t).tenure("resolve", ada, "--yes").exits(t, 3)
	newSeat(t).tenure("resolve", ada, "--retry").exits(t, 3)
	newSeat(t).tenure("resolve", "--retry").exits(t, 3)
}
