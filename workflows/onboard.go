package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"tenure/activities"
	"tenure/internal/contract"
	"tenure/internal/lifecycle"
)

// Onboard brings a user to a site with usage location, licenses, groups, number, policies and role as planned
// (domain.md §3). It completes only when the end state has been read back; otherwise everything that was done is undone,
// and it closes as failed or, after a cancellation, as cancelled (contract.Ending).
func Onboard(ctx workflow.Context, req lifecycle.Request) (*lifecycle.Report, error) {
	o := onboard{phase{run: newRun(ctx, req)}}
	return o.execute(ctx, o.steps)
}

type onboard struct{ phase }

// steps is the order of architecture.md §2: Microsoft refuses licenses without a usage location, direct licenses depend
// on inherited ones, and a number needs a user whom Teams knows.
func (o onboard) steps(ctx workflow.Context) error {
	return inOrder(ctx,
		atOnce(o.placeAtSite, o.setUsageLocation),
		o.addGroups,
		o.awaitGroupLicenses,
		o.assignLicenses,
		o.awaitTeamsUser,
		o.claimNumber,
		o.assignNumber,
		atOnce(o.applyPolicies, o.setRole),
		o.verify,
	)
}

func (o onboard) placeAtSite(ctx workflow.Context) error {
	return o.placeStep(ctx, lifecycle.PlaceAtSite)
}

func (o onboard) setUsageLocation(ctx workflow.Context) error {
	change := o.change(lifecycle.SetUsageLocation)
	return o.step(ctx, lifecycle.SetUsageLocation, work{
		do:   o.graph(graphWrite, act.SetUsageLocation, change),
		undo: o.graph(graphWrite, act.RestoreUsageLocation, change),
	})
}

func (o onboard) addGroups(ctx workflow.Context) error {
	change := o.change(lifecycle.AddGroups)
	return o.step(ctx, lifecycle.AddGroups, work{
		do:     o.graph(graphWrite, act.AddToGroups, change),
		undo:   both(o.graph(graphWrite, act.RemoveFromGroups, change), o.graph(graphPoll, act.AwaitGroupLicensesGone, change)),
		undoes: []lifecycle.StepName{lifecycle.AwaitGroupLicenses},
	})
}

func (o onboard) awaitGroupLicenses(ctx workflow.Context) error {
	return o.step(ctx, lifecycle.AwaitGroupLicenses, work{
		do: o.graph(graphPoll, act.AwaitGroupLicensesBack, o.change(lifecycle.AwaitGroupLicenses)),
	})
}

func (o onboard) assignLicenses(ctx workflow.Context) error {
	change := o.change(lifecycle.AssignLicenses)
	return o.step(ctx, lifecycle.AssignLicenses, work{
		do:     o.graph(graphWrite, act.ReplaceDirectLicenses, change),
		undo:   o.graph(graphWrite, act.RestoreReplacedLicenses, change),
		undoes: []lifecycle.StepName{lifecycle.AwaitTeamsUser},
	})
}

func (o onboard) awaitTeamsUser(ctx workflow.Context) error {
	do := o.graph(graphPoll, act.AwaitTeamsUser, o.change(lifecycle.AwaitTeamsUser))
	if o.change(lifecycle.AwaitTeamsUser).Staging != nil {
		do = o.awaitStaged
	}
	return o.step(ctx, lifecycle.AwaitTeamsUser, work{do: do})
}

func (o onboard) claimNumber(ctx workflow.Context) error {
	change := o.change(lifecycle.ClaimNumber)
	return o.step(ctx, lifecycle.ClaimNumber, work{
		do:   o.store(act.ClaimNumbers, change),
		undo: o.store(act.DropClaims, change),
	})
}

func (o onboard) assignNumber(ctx workflow.Context) error {
	change := o.change(lifecycle.AssignNumber)
	undo := both(o.graph(graphWrite, act.UnassignNumbers, change), o.graph(graphPoll, act.AwaitVoiceOff, change))
	if slices.ContainsFunc(change.Numbers, func(n lifecycle.NumberChange) bool { return n.LocationID != "" }) {
		undo = both(undo, o.graph(graphWrite, act.RestoreLocations, change))
	}
	return o.step(ctx, lifecycle.AssignNumber, work{
		do:   o.graph(graphWrite, act.AssignNumbers, change),
		undo: undo,
	})
}

// awaitStaged waits as awaitTeamsUser does, shown as staged, and looks at once when an operator asks for it.
func (o onboard) awaitStaged(ctx workflow.Context, l label) (activities.StepResult, error) {
	change := o.change(lifecycle.AwaitTeamsUser)
	w, done := o.awaits(ctx, lifecycle.AwaitTeamsUser.In(o.prefix), "the run is staged until Teams knows the user, or until it is cancelled", contract.ResolveRetry)
	defer done()
	if err := o.setStatus(ctx, lifecycle.Staged); err != nil {
		return activities.StepResult{}, err
	}
	until := workflow.Now(ctx).Add(change.Staging.Bound)
	for {
		attempt, stop := workflow.WithCancel(ctx)
		looking := workflow.ExecuteActivity(onGraphFor(attempt, o.request.Tenant, until.Sub(workflow.Now(ctx)), l), act.AwaitTeamsUser, o.input(change))
		var result activities.StepResult
		var err error
		ended := false
		choice := workflow.NewSelector(ctx)
		choice.AddFuture(looking, func(f workflow.Future) { ended, err = true, f.Get(ctx, &result) })
		choice.AddReceive(w.decided, func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, nil) })
		choice.Select(ctx)
		if !ended {
			stop()
			// It may have found the user just now.
			if err = looking.Get(ctx, &result); cancelled(err) && ctx.Err() == nil {
				continue
			}
		}
		stop()
		if err != nil {
			return result, err
		}
		return result, o.setStatus(ctx, lifecycle.Running)
	}
}
