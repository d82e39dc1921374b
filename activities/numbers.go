package activities

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"

	"tenure/internal/fault"
	"tenure/internal/graph"
	"tenure/internal/lifecycle"
	"tenure/internal/store"
)

// voicePatience is how long Enterprise Voice may stay on after the last number went, before that is a warning.
const voicePatience = 5 * time.Minute

// UnassignNumbers takes the numbers of the change from the user and follows the orders to their end. Microsoft's
// call names no user, so that each number's holder is looked at right before.
func (a *Activities) UnassignNumbers(ctx context.Context, in StepInput) (StepResult, error) {
	client, err := a.client(in.Tenant)
	if err != nil {
		return StepResult{}, err
	}
	return orderNumbers(ctx, client, in.Change.Numbers, numberOrder{
		settled: func(now *graph.NumberAssignment) bool { return now == nil || now.TargetID != in.SubscriberID },
		place: func(n lifecycle.NumberChange, now *graph.NumberAssignment) (string, error) {
			return client.UnassignNumber(ctx, n.Number, now.Type)
		},
	})
}

// AssignNumbers gives the numbers of the change to the user and follows the orders to their end. A number that
// somebody else has is NumberUnavailable. Teams may need time to know the user again after a license came back.
func (a *Activities) AssignNumbers(ctx context.Context, in StepInput) (StepResult, error) {
	client, err := a.client(in.Tenant)
	if err != nil {
		return StepResult{}, err
	}
	return orderNumbers(ctx, client, in.Change.Numbers, numberOrder{
		settled: func(now *graph.NumberAssignment) bool { return now != nil && now.TargetID == in.SubscriberID },
		// The plan looked whether the number that it claimed is free; one that is given back after an undo it did not.
		free: func(n lifecycle.NumberChange) bool { return firstTry(ctx) && n.To == lifecycle.Used },
		place: func(n lifecycle.NumberChange, now *graph.NumberAssignment) (string, error) {
			switch {
			case now == nil:
				return "", fault.New(fault.NumberUnavailable, "%s is not in the tenant", n.Number)
			case now.TargetID != "":
				return "", fault.New(fault.NumberUnavailable, "%s belongs to another user by now", n.Number)
			}
			operation, err := client.AssignNumber(ctx, graph.AssignNumber{Number: n.Number, Type: n.Type, UserID: in.SubscriberID, Category: n.Category, LocationID: n.LocationID})
			return operation, teamsKnowsNobody(ctx, err)
		},
	})
}

// RestoreLocations gives numbers that are no longer the user's the emergency location back that they had before.
func (a *Activities) RestoreLocations(ctx context.Context, in StepInput) (StepResult, error) {
	client, err := a.client(in.Tenant)
	if err != nil {
		return StepResult{}, err
	}
	for _, n := range in.Change.Numbers {
		if n.LocationID == "" {
			continue
		}
		now, err := client.NumberAssignment(ctx, n.Number)
		if err != nil {
			return StepResult{}, err
		}
		if now == nil || now.LocationID != n.LocationID {
			continue
		}
		if err := client.UpdateNumber(ctx, graph.UpdateNumber{Number: n.Number, LocationID: &n.FromLocationID}); err != nil {
			return StepResult{}, err
		}
	}
	return done(), nil
}

// teamsKnowsNobody turns Teams' answer that it does not know the user into another attempt: it may take time after a
// license came, and one service of Teams may know a user before another does.
func teamsKnowsNobody(ctx context.Context, err error) error {
	if f := (*fault.Error)(nil); errors.As(err, &f) && (f.Code == graph.CodeTeamsUserNotFound || f.Kind == fault.NotFound) {
		return notYet(ctx, "Teams does not know the user yet")
	}
	return err
}

// numberOrder is a change of who has a number: whether it is as wanted, and how to order it. now is nil for a number
// that Teams does not have.
type numberOrder struct {
	settled func(now *graph.NumberAssignment) bool
	place   func(n lifecycle.NumberChange, now *graph.NumberAssignment) (operation string, err error)
	// free reports whether a number is known to be nobody's, so that it need not be looked at first; it may be nil.
	free func(n lifecycle.NumberChange) bool
}

// orderNumbers places an order for each number that is not as wanted, and looks how far the orders are; what is still
// under way is NotYet. The orders travel from attempt to attempt in the heartbeat, so that none is placed twice.
func orderNumbers(ctx context.Context, client *graph.Client, numbers []lifecycle.NumberChange, order numberOrder) (StepResult, error) {
	operations := map[string]string{}
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &operations); err != nil {
			return StepResult{}, fault.New(fault.InvalidRequest, "read the number orders of the attempt before: %v", err)
		}
	}
	for _, n := range numbers {
		if _, ordered := operations[n.Number]; ordered {
			continue
		}
		now := &graph.NumberAssignment{Number: n.Number, Type: n.Type}
		if order.free == nil || !order.free(n) {
			var err error
			if now, err = client.NumberAssignment(ctx, n.Number); err != nil {
				return StepResult{}, err
			}
		}
		if order.settled(now) {
			continue
		}
		operation, err := order.place(n, now)
		if err != nil {
			return StepResult{}, err
		}
		operations[n.Number] = operation
		activity.RecordHeartbeat(ctx, operations)
	}
	for _, number := range slices.Sorted(maps.Keys(operations)) {
		over, err := followOrder(ctx, client, number, operations[number], order)
		if err != nil && over {
			// A new attempt needs a new order.
			delete(operations, number)
			activity.RecordHeartbeat(ctx, operations)
		}
		if err != nil {
			return StepResult{}, err
		}
	}
	return done(), nil
}

// followOrder looks at an order once and reports whether it is over, well or with an error. Microsoft does not say how
// long it keeps operations, and may name none: then the number itself tells. An order that Microsoft has forgotten
// without a trace is a Conflict that asks for another one; one that never had a name may still be under way.
func followOrder(ctx context.Context, client *graph.Client, number, operation string, order numberOrder) (over bool, err error) {
	if operation != "" {
		progress, err := client.NumberOperation(ctx, operation)
		if err == nil && !progress.Finished() {
			return false, notYet(ctx, "Microsoft is still working on %s (%s)", number, progress.Status)
		}
		if err == nil {
			return true, progress.Err()
		}
		if !fault.Is(err, fault.NotFound) {
			return false, err
		}
	}
	now, err := client.NumberAssignment(ctx, number)
	if err != nil || order.settled(now) {
		return false, err
	}
	if operation == "" {
		return false, notYet(ctx, "Microsoft has taken the order for %s, and the number is as it was", number)
	}
	return true, fault.New(fault.Conflict, "Microsoft no longer knows the order for %s and the number is as it was", number)
}

// AwaitVoiceOff confirms that the user has no number and that Enterprise Voice is off. When only Enterprise Voice
// stays on, that becomes a warning in time: Graph has no way to switch it off.
func (a *Activities) AwaitVoiceOff(ctx context.Context, in StepInput) (StepResult, error) {
	client, err := a.client(in.Tenant)
	if err != nil {
		return StepResult{}, err
	}
	teams, err := client.TeamsUser(ctx, in.SubscriberID)
	if err != nil || teams == nil {
		return done(), err
	}
	for _, n := range in.Change.Numbers {
		if slices.ContainsFunc(teams.Numbers, func(t lifecycle.TeamsNumber) bool { return t.Number == n.Number }) {
			return StepResult{}, notYet(ctx, "Teams still shows %s on the user", n.Number)
		}
	}
	if !teams.EnterpriseVoice || len(teams.Numbers) > 0 {
		return done(), nil
	}
	if a.now().Sub(activity.GetInfo(ctx).ScheduledTime) < voicePatience {
		return StepResult{}, notYet(ctx, "Enterprise Voice is still on")
	}
	r := done()
	r.Summary = "the number is gone and Enterprise Voice is still on"
	r.Warnings = []lifecycle.Warning{{Code: lifecycle.WarnEnterpriseVoiceStillOn, Message: "Enterprise Voice stays on without a number; switch it off with Set-CsPhoneNumberAssignment -EnterpriseVoiceEnabled $false"}}
	return r, nil
}

// ReleaseNumbers records where the run's numbers go (R83). They stay held until the run is closed.
func (a *Activities) ReleaseNumbers(ctx context.Context, in StepInput) (StepResult, error) {
	var releases []store.Release
	for _, n := range in.Change.Numbers {
		releases = append(releases, store.Release{Number: n.Number, To: n.To, CoolingDays: n.CoolingDays})
	}
	recorded, err := a.Store.RecordRelease(ctx, runID(ctx), in.Tenant, releases)
	if err != nil {
		return StepResult{}, err
	}
	change := lifecycle.Change{Numbers: slices.Clone(in.Change.Numbers)}
	for i := range change.Numbers {
		for _, r := range recorded {
			if r.Number == change.Numbers[i].Number && r.CoolingUntil != nil {
				change.Numbers[i].CoolingUntil = r.CoolingUntil.Format(time.RFC3339)
			}
		}
	}
	r := done()
	r.Change, r.Summary = &change, lifecycle.ReleaseSummary(change.Numbers)
	return r, nil
}

// DropReleases forgets what ReleaseNumbers recorded; the numbers stay held and the user's.
func (a *Activities) DropReleases(ctx context.Context, _ StepInput) (StepResult, error) {
	return done(), a.Store.DropReleases(ctx, runID(ctx))
}
