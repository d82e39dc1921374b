package workflows

import (
	"go.temporal.io/sdk/workflow"

	"tenure/internal/lifecycle"
)

// Onboard brings a user to a site with usage location, licenses, groups, number, policies and role as planned
// (domain.md §3). It completes only when the end state has been read back; otherwise everything that was done is undone,
// and it closes as failed or, after a cancellation, as cancelled (contract.Ending).
func Onboard(ctx workflow.Context, req lifecycle.Request) (*lifecycle.Report, error) {
	o := onboard{newRun(ctx, req)}
	return o.execute(ctx, o.steps)
}

type onboard struct{ *run }

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
	return o.step(ctx, lifecycle.AwaitTeamsUser, work{do: o.graph(graphPoll, act.AwaitTeamsUser, lifecycle.Change{})})
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
	return o.step(ctx, lifecycle.AssignNumber, work{
		do:   o.graph(graphWrite, act.AssignNumbers, change),
		undo: both(o.graph(graphWrite, act.UnassignNumbers, change), o.graph(graphPoll, act.AwaitVoiceOff, change)),
	})
}
