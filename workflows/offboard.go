package workflows

import (
	"go.temporal.io/sdk/workflow"

	"tenure/internal/lifecycle"
)

// QuickOffboard takes a user's voice service, licenses and groups away as planned, releases the number and returns
// the user to the tenant level (domain.md §4). It completes only when the end state has been read back; otherwise
// everything that was done is undone, and it closes as failed or, after a cancellation, as cancelled
// (contract.Ending).
func QuickOffboard(ctx workflow.Context, req lifecycle.Request) (*lifecycle.Report, error) {
	o := quickOffboard{phase{run: newRun(ctx, req)}}
	return o.execute(ctx, o.steps)
}

type quickOffboard struct{ phase }

// steps is the order of architecture.md §2. A phone license is never removed while a number is attached, and direct
// licenses wait for the inherited ones to go.
func (o quickOffboard) steps(ctx workflow.Context) error {
	return inOrder(ctx,
		o.removeNumber,
		o.disableEnterpriseVoice,
		atOnce(o.applyPolicies, o.removeGroups),
		o.awaitGroupLicenses,
		o.removeLicenses,
		atOnce(o.releaseNumber, o.returnToTenantLevel, o.setRole),
		o.verify,
	)
}

func (o quickOffboard) removeNumber(ctx workflow.Context) error {
	change := o.change(lifecycle.RemoveNumber)
	return o.step(ctx, lifecycle.RemoveNumber, work{
		do:     o.graph(graphWrite, act.UnassignNumbers, change),
		undo:   o.graph(graphWrite, act.AssignNumbers, change),
		undoes: []lifecycle.StepName{lifecycle.DisableEnterpriseVoice},
	})
}

func (o quickOffboard) disableEnterpriseVoice(ctx workflow.Context) error {
	return o.step(ctx, lifecycle.DisableEnterpriseVoice, work{
		do: o.graph(graphPoll, act.AwaitVoiceOff, o.change(lifecycle.RemoveNumber)),
	})
}

func (o quickOffboard) removeGroups(ctx workflow.Context) error {
	return o.step(ctx, lifecycle.RemoveGroups, work{
		do:     o.graph(graphWrite, act.RemoveFromGroups, o.change(lifecycle.RemoveGroups)),
		undo:   o.joinGroupsAgain(),
		undoes: []lifecycle.StepName{lifecycle.AwaitGroupLicenses},
	})
}

// takesLicensing reports whether groups or licenses are taken away.
func (o quickOffboard) takesLicensing() bool {
	return o.does(lifecycle.RemoveGroups) || o.does(lifecycle.RemoveLicenses)
}

// joinGroupsAgain brings memberships and the licenses that come with them back. It may run twice.
func (o quickOffboard) joinGroupsAgain() task {
	change := o.change(lifecycle.RemoveGroups)
	return both(o.graph(graphWrite, act.AddToGroups, change), o.graph(graphPoll, act.AwaitGroupLicensesBack, change))
}

func (o quickOffboard) awaitGroupLicenses(ctx workflow.Context) error {
	return o.step(ctx, lifecycle.AwaitGroupLicenses, work{
		do: o.graph(graphPoll, act.AwaitGroupLicensesGone, o.change(lifecycle.AwaitGroupLicenses)),
	})
}

func (o quickOffboard) removeLicenses(ctx workflow.Context) error {
	change := o.change(lifecycle.RemoveLicenses)
	undo := o.graph(graphWrite, act.RestoreDirectLicenses, change)
	if o.does(lifecycle.RemoveGroups) {
		// A direct license may stand on one that comes from a group: Microsoft takes it back only after that one. What goes
		// wrong with the groups is reported when their own step is undone.
		undo = regardless(o.joinGroupsAgain(), undo)
	}
	return o.step(ctx, lifecycle.RemoveLicenses, work{do: o.graph(graphWrite, act.RemoveDirectLicenses, change), undo: undo})
}

func (o quickOffboard) releaseNumber(ctx workflow.Context) error {
	change := o.change(lifecycle.ReleaseNumber)
	return o.step(ctx, lifecycle.ReleaseNumber, work{
		do:   o.store(act.ReleaseNumbers, change),
		undo: o.store(act.DropReleases, change),
	})
}

func (o quickOffboard) returnToTenantLevel(ctx workflow.Context) error {
	return o.placeStep(ctx, lifecycle.ReturnToTenantLevel)
}
