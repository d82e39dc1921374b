package workflows

import (
	"go.temporal.io/sdk/workflow"

	"tenure/internal/lifecycle"
)

// MoveBetweenSites takes a user's voice service at the old site away and gives the one of the new site, as planned, with one
// history and one undo (domain.md §7). A number that is kept is held from the first step to the last; one that is not is
// released when the run commits, that is after the new one works. It ends as QuickOffboard and Onboard do.
func MoveBetweenSites(ctx workflow.Context, req lifecycle.Request) (*lifecycle.Report, error) {
	run := newRun(ctx, req)
	m := move{run, quickOffboard{phase{run, lifecycle.Leave}}, onboard{phase{run, lifecycle.Join}}}
	return m.execute(ctx, m.steps)
}

type move struct {
	*run
	leave quickOffboard
	join  onboard
}

// steps does before the line goes down what can be done then, and afterwards what can wait until it is up again. What
// leaving takes away is gone before joining gives, and a license goes only when no number is attached.
func (m move) steps(ctx workflow.Context) error {
	groups := series(m.join.addGroups, m.join.awaitGroupLicenses)
	early, late := series(groups, m.join.assignLicenses), series()
	switch {
	case m.leave.takesLicensing():
		early, late = series(), early
	case len(m.join.change(lifecycle.AssignLicenses).RemovedLicenses) > 0:
		early, late = groups, m.join.assignLicenses
	}
	return inOrder(ctx,
		atOnce(m.moveNumber, series(m.leave.returnToTenantLevel, m.join.placeAtSite), series(m.join.setUsageLocation, early)),
		m.leave.removeNumber,
		m.leave.disableEnterpriseVoice,
		atOnce(m.leave.applyPolicies, m.leave.removeGroups),
		m.leave.awaitGroupLicenses,
		m.leave.removeLicenses,
		late,
		m.join.awaitTeamsUser,
		m.join.claimNumber,
		m.join.assignNumber,
		atOnce(m.join.applyPolicies, m.leave.releaseNumber, series(m.leave.setRole, m.join.setRole)),
		m.leave.verify,
		m.join.verify,
	)
}

// moveNumber takes a number that is kept along in the inventory, to where the new site sees it.
func (m move) moveNumber(ctx workflow.Context) error {
	change := m.change(lifecycle.MoveNumber)
	return m.step(ctx, lifecycle.MoveNumber, work{
		do:   m.store(act.MoveHeldNumbers, change),
		undo: m.store(act.RestoreHeldNumbers, change),
	})
}
