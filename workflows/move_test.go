package workflows_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/fault"
	"tenure/internal/lifecycle"
	"tenure/workflows"
)

// A move is made of the steps of offboarding and of onboarding, and so are these.
var (
	moveSteps   = slices.Concat(in(lifecycle.Leave, offboardSteps), []lifecycle.StepName{lifecycle.MoveNumber}, in(lifecycle.Join, onboardSteps))
	moveEffects = joined(effectsIn(lifecycle.Leave, offboardDoing, offboardEffects), effectsIn(lifecycle.Join, onboardDoing, onboardEffects), map[string]effect{
		"MoveHeldNumbers move-number": {"inventory", true}, "RestoreHeldNumbers move-number": {"inventory", false},
	})
	moveDoing = joined(doingIn(lifecycle.Leave, offboardDoing), doingIn(lifecycle.Join, onboardDoing), map[string]lifecycle.StepName{
		"MoveHeldNumbers move-number": lifecycle.MoveNumber, "VerifySubscriber": lifecycle.Verify.In(lifecycle.Join),
	})
)

func in(prefix string, steps []lifecycle.StepName) (names []lifecycle.StepName) {
	for _, s := range steps {
		names = append(names, s.In(prefix))
	}
	return names
}

// changeOf is the step whose change a step's activity gets: what confirms the end of a number gets that of its removal.
func changeOf(step lifecycle.StepName) lifecycle.StepName {
	if step == lifecycle.DisableEnterpriseVoice {
		return lifecycle.RemoveNumber
	}
	return step
}

func doingIn(prefix string, doing map[string]lifecycle.StepName) map[string]lifecycle.StepName {
	m := map[string]lifecycle.StepName{}
	for name, step := range doing {
		if step != lifecycle.Verify {
			m[name+" "+string(changeOf(step).In(prefix))] = step.In(prefix)
		}
	}
	return m
}

func effectsIn(prefix string, doing map[string]lifecycle.StepName, effects map[string]effect) map[string]effect {
	m := map[string]effect{}
	for name, step := range doing {
		for other, e := range effects {
			if done, changes := effects[name]; changes && e.what == done.what {
				m[other+" "+string(step.In(prefix))] = effect{e.what + " " + prefix, e.set}
			}
		}
	}
	return m
}

func joined[V any](all ...map[string]V) map[string]V {
	m := map[string]V{}
	for _, one := range all {
		maps.Copy(m, one)
	}
	return m
}

// moveWith is a move in which the steps of that name, without their prefix, are as the action says.
func moveWith(actions map[lifecycle.StepName]lifecycle.Action) *world {
	w := worldOf(operations["move"])
	for i := range w.plan.Steps {
		if action, ok := actions[w.plan.Steps[i].Name]; ok {
			w.plan.Steps[i].Action = action
		}
	}
	return w
}

// The ways in which a move goes. Kept licenses and a kept number are the usual one.
var (
	everything = map[lifecycle.StepName]lifecycle.Action{}
	keptNumber = map[lifecycle.StepName]lifecycle.Action{
		"leave/apply-policies": "skip", "leave/remove-groups": "skip", "leave/await-group-licenses": "skip", "leave/remove-licenses": "skip",
		"leave/release-number": "skip", "join/claim-number": "unchanged",
	}
)

func TestMoveCompletes(t *testing.T) {
	w := moveWith(everything)
	env := environment(w)
	env.ExecuteWorkflow(workflows.MoveBetweenSites, request)
	report, cause := ended(t, env)
	require.Nil(t, cause)
	assert.Equal(t, lifecycle.Completed, report.Status)
	for name, outcome := range outcomes(report) {
		if name == "leave/verify" {
			assert.Equal(t, lifecycle.Skipped, outcome, "a move is read back once, at its end")
			continue
		}
		assert.Equal(t, lifecycle.Done, outcome, name)
	}
	assert.Len(t, w.left(), 16)
	assert.Equal(t, 1, strings.Count(strings.Join(w.calls, " "), "VerifySubscriber"))
	require.NotNil(t, report.After)
	assert.Equal(t, "20 steps verified", *report.After.Role, "all but the two verifications")
}

// TestMoveOrder: whatever is joined, and whatever is left, these hold.
func TestMoveOrder(t *testing.T) {
	replaced := []lifecycle.LicenseChange{{SKUID: "e5-id"}}
	const unassign, assign = "UnassignNumbers leave/remove-number", "AssignNumbers join/assign-number"
	for name, c := range map[string]struct {
		actions  map[lifecycle.StepName]lifecycle.Action
		removed  []lifecycle.LicenseChange
		lineDown []string
	}{
		"everything": {everything, nil, []string{
			"AwaitVoiceOff leave/remove-number", "ApplyPolicies leave/apply-policies", "RemoveFromGroups leave/remove-groups", "AwaitGroupLicensesGone leave/await-group-licenses",
			"RemoveDirectLicenses leave/remove-licenses", "AddToGroups join/add-groups", "AwaitGroupLicensesBack join/await-group-licenses",
			"ReplaceDirectLicenses join/assign-licenses", "AwaitTeamsUser join/await-teams-user", "ClaimNumbers join/claim-number",
		}},
		"kept number": {joined2(keptNumber, "join/await-teams-user", "unchanged"), nil, []string{"AwaitVoiceOff leave/remove-number"}},
		"kept number, licenses replaced": {joined2(keptNumber, "join/await-teams-user", "unchanged"), replaced, []string{
			"AwaitVoiceOff leave/remove-number", "ReplaceDirectLicenses join/assign-licenses",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := moveWith(c.actions)
			for i := range w.plan.Steps {
				if w.plan.Steps[i].Name == "join/assign-licenses" {
					w.plan.Steps[i].Change.RemovedLicenses = c.removed
				}
			}
			env := environment(w)
			env.ExecuteWorkflow(workflows.MoveBetweenSites, request)
			require.NoError(t, env.GetWorkflowError())
			from, to := slices.Index(w.trail, unassign), slices.Index(w.trail, assign)
			require.True(t, 0 <= from && from < to, "unassign before assign: %v", w.trail)
			assert.ElementsMatch(t, c.lineDown, w.trail[from+1:to], "what is done while the line is down")
			for _, pair := range [][2]string{
				{"MoveHeldNumbers move-number", unassign}, {"MoveHeldNumbers move-number", "ClaimNumbers join/claim-number"},
				{"PlaceSubscriber leave/return-to-tenant-level", "PlaceSubscriber join/place-at-site"}, {"SetRole leave/set-role", "SetRole join/set-role"},
				{"ApplyPolicies leave/apply-policies", "ApplyPolicies join/apply-policies"}, {"RemoveFromGroups leave/remove-groups", "AddToGroups join/add-groups"},
				{"SetUsageLocation join/set-usage-location", "ReplaceDirectLicenses join/assign-licenses"}, {"AddToGroups join/add-groups", "AwaitGroupLicensesBack join/await-group-licenses"},
				{"AwaitGroupLicensesBack join/await-group-licenses", "ReplaceDirectLicenses join/assign-licenses"},
				{"ReplaceDirectLicenses join/assign-licenses", "AwaitTeamsUser join/await-teams-user"}, {"AwaitTeamsUser join/await-teams-user", assign},
				{assign, "ReleaseNumbers leave/release-number"}, {assign, "ApplyPolicies join/apply-policies"},
			} {
				first, second := slices.Index(w.trail, pair[0]), slices.Index(w.trail, pair[1])
				if second >= 0 && first >= 0 {
					assert.Less(t, first, second, "%s before %s", pair[0], pair[1])
				}
			}
			for _, step := range w.plan.Steps {
				if step.Action == lifecycle.Do && step.Name != "join/verify" {
					assert.True(t, slices.ContainsFunc(w.trail, func(call string) bool {
						return strings.HasSuffix(call, " "+string(changeOf(step.Name))) || step.Name == "leave/disable-enterprise-voice"
					}), "%s was not done", step.Name)
				}
			}
		})
	}
}

// joined2 is the actions with one more.
func joined2(actions map[lifecycle.StepName]lifecycle.Action, step lifecycle.StepName, action lifecycle.Action) map[lifecycle.StepName]lifecycle.Action {
	m := maps.Clone(actions)
	m[step] = action
	return m
}

// TestMoveIsUndoneInReverse: with licenses kept, joining does before leaving what can be done then, and so the undo has
// another order.
func TestMoveIsUndoneInReverse(t *testing.T) {
	for name, removed := range map[string][]lifecycle.LicenseChange{"licenses added": nil, "licenses replaced": {{SKUID: "e5-id"}}} {
		for activity, step := range moveDoing {
			w := moveWith(keptNumber)
			for i := range w.plan.Steps {
				if w.plan.Steps[i].Name == "join/assign-licenses" {
					w.plan.Steps[i].Change.RemovedLicenses = removed
				}
			}
			if !w.does(step) {
				continue
			}
			t.Run(name+" "+activity, func(t *testing.T) {
				w.fail[activity] = fault.New(fault.InvalidRequest, "Microsoft says no")
				w.late = true
				env := environment(w)
				env.ExecuteWorkflow(workflows.MoveBetweenSites, request)
				report, _ := ended(t, env)
				assert.Equal(t, lifecycle.RolledBack, report.Status)
				assert.Empty(t, w.left())
			})
		}
	}
}
