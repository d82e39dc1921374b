package activities

import (
	"context"
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
	return a.orderNumbers(ctx, in, func(client *graph.Client, n lifecycle.NumberChange, now *graph.NumberAssignment) (string, bool, error) {
		if now == nil || now.TargetID != in.SubscriberID {
			return "", false, nil
		}
		id, err := client.UnassignNumber(ctx, n.Number, now.Type)
		return id, true, err
	})
}

// AssignNumbers gives the numbers of the change to the user and follows the orders to their end. A number that
// somebody else has is NumberUnavailable. Teams may need time to know the user again after a license came back.
func (a *Activities) AssignNumbers(ctx context.Context, in StepInput) (StepResult, error) {
	return a.orderNumbers(ctx, in, func(client *graph.Client, n lifecycle.NumberChange, now *graph.NumberAssignment) (string, bool, error) {
		switch {
		case now == nil:
			return "", false, fault.New(fault.NumberUnavailable, "%s is not in the tenant", n.Number)
		case now.TargetID == in.SubscriberID:
			return "", false, nil
		case now.TargetID != "":
			return "", false, fault.New(fault.NumberUnavailable, "%s belongs to another user by now", n.Number)
		}
		if teams, err := client.TeamsUser(ctx, in.SubscriberID); err != nil {
			return "", false, err
		} else if teams == nil {
			return "", false, notYet(ctx, "Teams does not know the user yet")
		}
		id, err := client.AssignNumber(ctx, graph.AssignNumber{Number: n.Number, Type: n.Type, UserID: in.SubscriberID, Category: n.Category, LocationID: n.LocationID})
		return id, true, err
	})
}

// orderNumbers places an order for each number that place wants changed and polls them, one attempt at a time. The
// orders travel from attempt to attempt in the heartbeat, so that none is placed twice.
func (a *Activities) orderNumbers(ctx context.Context, in StepInput, place func(*graph.Client, lifecycle.NumberChange, *graph.NumberAssignment) (order string, placed bool, err error)) (StepResult, error) {
	client, err := a.client(in.Tenant)
	if err != nil {
		return StepResult{}, err
	}
	orders := map[string]string{}
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &orders); err != nil {
			return StepResult{}, fault.New(fault.InvalidRequest, "read the number orders of the attempt before: %v", err)
		}
	}
	for _, n := range in.Change.Numbers {
		if _, ordered := orders[n.Number]; ordered {
			continue
		}
		now, err := client.NumberAssignment(ctx, n.Number)
		if err != nil {
			return StepResult{}, err
		}
		order, placed, err := place(client, n, now)
		if err != nil {
			return StepResult{}, err
		}
		if placed {
			orders[n.Number] = order
			activity.RecordHeartbeat(ctx, orders)
		}
	}
	for _, number := range slices.Sorted(maps.Keys(orders)) {
		// Without an order to follow, the step that confirms is the judge.
		if orders[number] == "" {
			continue
		}
		operation, err := client.NumberOperation(ctx, orders[number])
		switch {
		case fault.Is(err, fault.NotFound):
			continue
		case err != nil:
			return StepResult{}, err
		case !operation.Finished():
			return StepResult{}, notYet(ctx, "Microsoft is still working on %s (%s)", number, operation.Status)
		}
		if err := operation.Err(); err != nil {
			// A new attempt needs a new order.
			delete(orders, number)
			activity.RecordHeartbeat(ctx, orders)
			return StepResult{}, err
		}
	}
	return done(), nil
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
