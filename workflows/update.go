package workflows

import (
	"go.temporal.io/sdk/workflow"

	"tenure/internal/lifecycle"
)

// UpdateSubscriber changes single things of a user where they are, as planned: the steps of onboarding and offboarding that
// the fields of the request need. It ends as Onboard does.
func UpdateSubscriber(ctx workflow.Context, req lifecycle.Request) (*lifecycle.Report, error) {
	p := phase{run: newRun(ctx, req)}
	u := update{quickOffboard{p}, onboard{p}}
	return p.execute(ctx, u.steps)
}

// update has the steps of both; those that its plan lacks are passed over.
type update struct {
	leave quickOffboard
	join  onboard
}

// steps takes a number away before licenses change, and releases it when the other one works.
func (u update) steps(ctx workflow.Context) error {
	return inOrder(ctx,
		u.join.setUsageLocation,
		u.join.addGroups,
		u.join.awaitGroupLicenses,
		u.leave.removeNumber,
		u.leave.disableEnterpriseVoice,
		u.join.assignLicenses,
		u.join.awaitTeamsUser,
		u.join.claimNumber,
		u.join.assignNumber,
		atOnce(u.join.applyPolicies, u.leave.releaseNumber, u.join.setRole),
		u.join.verify,
	)
}
