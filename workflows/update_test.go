package workflows_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/fault"
	"tenure/internal/lifecycle"
	"tenure/workflows"
)

// An update of every field, with one number for another.
var (
	updateSteps = []lifecycle.StepName{
		lifecycle.SetUsageLocation, lifecycle.AddGroups, lifecycle.AwaitGroupLicenses, lifecycle.RemoveNumber, lifecycle.DisableEnterpriseVoice,
		lifecycle.AssignLicenses, lifecycle.AwaitTeamsUser, lifecycle.ClaimNumber, lifecycle.AssignNumber, lifecycle.ApplyPolicies,
		lifecycle.ReleaseNumber, lifecycle.SetRole, lifecycle.Verify,
	}
	updateEffects = joined(onboardEffects, map[string]effect{
		"UnassignNumbers remove-number": {"number old", true}, "AssignNumbers remove-number": {"number old", false},
		"AssignNumbers assign-number": {"number new", true}, "UnassignNumbers assign-number": {"number new", false},
		"ReleaseNumbers": {"release", true}, "DropReleases": {"release", false},
	})
	updateDoing = map[string]lifecycle.StepName{
		"SetUsageLocation": lifecycle.SetUsageLocation, "AddToGroups": lifecycle.AddGroups, "AwaitGroupLicensesBack": lifecycle.AwaitGroupLicenses,
		"UnassignNumbers remove-number": lifecycle.RemoveNumber, "AwaitVoiceOff remove-number": lifecycle.DisableEnterpriseVoice,
		"ReplaceDirectLicenses": lifecycle.AssignLicenses, "AwaitTeamsUser": lifecycle.AwaitTeamsUser, "ClaimNumbers": lifecycle.ClaimNumber,
		"AssignNumbers assign-number": lifecycle.AssignNumber, "ApplyPolicies": lifecycle.ApplyPolicies, "ReleaseNumbers": lifecycle.ReleaseNumber,
		"SetRole": lifecycle.SetRole, "VerifySubscriber": lifecycle.Verify,
	}
)

func TestUpdateCompletes(t *testing.T) {
	w := worldOf(operations["update"])
	env := environment(w)
	env.ExecuteWorkflow(workflows.UpdateSubscriber, request)
	report, cause := ended(t, env)
	require.Nil(t, cause)
	assert.Equal(t, lifecycle.Completed, report.Status)
	for name, outcome := range outcomes(report) {
		assert.Equal(t, lifecycle.Done, outcome, name)
	}
	assert.Equal(t, []string{"claim", "groups", "licenses", "location", "number new", "number old", "policies", "release", "role"}, w.left())
}

// TestUpdateOrder: a license goes only when no number is attached, and a number is released only when the other works.
func TestUpdateOrder(t *testing.T) {
	w := worldOf(operations["update"])
	env := environment(w)
	env.ExecuteWorkflow(workflows.UpdateSubscriber, request)
	require.NoError(t, env.GetWorkflowError())
	order := []string{
		"SetUsageLocation set-usage-location", "AddToGroups add-groups", "AwaitGroupLicensesBack await-group-licenses", "UnassignNumbers remove-number",
		"AwaitVoiceOff remove-number", "ReplaceDirectLicenses assign-licenses", "AwaitTeamsUser await-teams-user", "ClaimNumbers claim-number",
		"AssignNumbers assign-number",
	}
	assert.Equal(t, order, w.trail[:len(order)])
	assert.ElementsMatch(t, []string{"ApplyPolicies apply-policies", "ReleaseNumbers release-number", "SetRole set-role"}, w.trail[len(order):])
}

// TestUpdateOfASingleThing: the plan has nothing but the steps of the field, and what is not in it is neither done nor undone.
func TestUpdateOfASingleThing(t *testing.T) {
	for field, steps := range map[string][]lifecycle.StepName{
		"usageLocation":  {lifecycle.SetUsageLocation},
		"licenses":       {lifecycle.AssignLicenses},
		"groups":         {lifecycle.AddGroups, lifecycle.AwaitGroupLicenses},
		"number":         {lifecycle.AwaitTeamsUser, lifecycle.ClaimNumber, lifecycle.AssignNumber},
		"number=none":    {lifecycle.RemoveNumber, lifecycle.DisableEnterpriseVoice, lifecycle.ReleaseNumber},
		"another number": {lifecycle.RemoveNumber, lifecycle.DisableEnterpriseVoice, lifecycle.AwaitTeamsUser, lifecycle.ClaimNumber, lifecycle.AssignNumber, lifecycle.ReleaseNumber},
		"policy.TYPE":    {lifecycle.AwaitTeamsUser, lifecycle.ApplyPolicies},
		"role":           {lifecycle.SetRole},
	} {
		for _, fails := range []bool{false, true} {
			t.Run(field+map[bool]string{false: " done", true: " undone"}[fails], func(t *testing.T) {
				w := worldOf(operations["update"])
				w.plan = fullPlan(append(slices.Clone(steps), lifecycle.Verify))
				if fails {
					w.fail["VerifySubscriber"] = fault.New(fault.InvalidRequest, "Microsoft says no")
				}
				env := environment(w)
				env.ExecuteWorkflow(workflows.UpdateSubscriber, request)
				report, _ := ended(t, env)
				want := map[lifecycle.StepName]lifecycle.Outcome{lifecycle.Verify: lifecycle.Done}
				for _, s := range steps {
					want[s] = lifecycle.Done
				}
				if !fails {
					assert.Equal(t, lifecycle.Completed, report.Status)
					assert.Equal(t, want, outcomes(report))
					return
				}
				assert.Equal(t, lifecycle.RolledBack, report.Status)
				assert.Empty(t, w.left())
				assert.ElementsMatch(t, slices.Collect(maps.Keys(want)), slices.Collect(maps.Keys(outcomes(report))))
			})
		}
	}
}
