package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/lifecycle"
	"tenure/workflows"
)

// held is the request whose permanent failures wait for an operator.
func held(o lifecycle.Operation) lifecycle.Request {
	r := request
	r.Operation, r.OnFailure = o, lifecycle.OnFailureHold
	return r
}

// inProgress is the report as a query sees it.
func inProgress(t *testing.T, env *testsuite.TestWorkflowEnvironment) lifecycle.Report {
	t.Helper()
	value, err := env.QueryWorkflow(contract.ProgressQuery)
	require.NoError(t, err)
	var report lifecycle.Report
	require.NoError(t, value.Get(&report))
	return report
}

// mend makes what failed work from now on.
func (w *world) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fail = map[string]error{}
}

var broken = fault.New(fault.InvalidRequest, "Microsoft says no")

// TestHeldAtEveryStep: whatever step fails for good, the run waits, says so, and goes on to its end when the cause was mended.
func TestHeldAtEveryStep(t *testing.T) {
	for which, o := range operations {
		for name, step := range o.doing {
			t.Run(which+" "+name, func(t *testing.T) {
				w := worldOf(o)
				w.fail[name] = broken
				env := environment(w)
				env.RegisterDelayedCallback(func() {
					report := inProgress(t, env)
					assert.Equal(t, lifecycle.Held, report.Status)
					assert.Contains(t, report.Failure, string(step))
					assert.Contains(t, report.Failure, "Microsoft says no")
					assert.Equal(t, lifecycle.StepFail, report.Step(step).Outcome)
					w.mend()
					resolve(env, contract.ResolveRetry)
				}, time.Hour)
				env.ExecuteWorkflow(o.workflow, held(lifecycle.Operation(which)))

				report, cause := ended(t, env)
				require.Nil(t, cause)
				assert.Equal(t, lifecycle.Completed, report.Status)
				assert.Empty(t, report.Failure)
				for other, outcome := range outcomes(report) {
					assert.Contains(t, []lifecycle.Outcome{lifecycle.Done, lifecycle.Skipped}, outcome, other)
				}
				assert.Equal(t, []lifecycle.Status{lifecycle.Held, lifecycle.Running}, w.statuses)
				require.Len(t, w.held, 1)
				assert.Contains(t, w.held[0], string(step)+" failed: Microsoft says no", "the notice says why")
				require.Len(t, w.decisions, 1)
				assert.Equal(t, step, w.decisions[0].Step)
				assert.Equal(t, contract.ResolveRetry, w.decisions[0].Action)
				assert.Equal(t, report.Subscriber, w.decisions[0].Subscriber)
			})
		}
	}
}

// TestHeldStepLeftOut: only where the rules allow it, and what cannot be done without it is left out too.
func TestHeldStepLeftOut(t *testing.T) {
	for which, o := range operations {
		for name, step := range o.doing {
			t.Run(which+" "+name, func(t *testing.T) {
				w := worldOf(o)
				w.fail[name] = broken
				env := environment(w)
				var answer *error
				env.RegisterDelayedCallback(func() { answer = resolve(env, contract.ResolveSkip) }, time.Hour)
				env.RegisterDelayedCallback(func() { resolve(env, contract.ResolveRollback) }, 2*time.Hour)
				env.ExecuteWorkflow(o.workflow, held(lifecycle.Operation(which)))

				report, _ := ended(t, env)
				if means, may := lifecycle.MaySkip(step); may {
					assert.NoError(t, *answer)
					assert.Equal(t, lifecycle.Completed, report.Status)
					assert.Equal(t, means, report.Step(step).Summary)
					for _, left := range append(lifecycle.SkippedWith(step), step) {
						if entry := report.Step(left); entry != nil { // Not every operation has them all.
							assert.Equal(t, lifecycle.Skipped, entry.Outcome, left)
							assert.Equal(t, lifecycle.SkippedByOperator, entry.Reason, left)
						}
					}
				} else {
					assert.ErrorContains(t, *answer, "cannot be left out")
					assert.Equal(t, lifecycle.RolledBack, report.Status)
				}
			})
		}
	}
}

func TestHeldAndRolledBack(t *testing.T) {
	for which, o := range operations {
		for name, step := range o.doing {
			t.Run(which+" "+name, func(t *testing.T) {
				w := worldOf(o)
				w.fail[name] = broken
				env := environment(w)
				var unknown *error
				env.RegisterDelayedCallback(func() { unknown = resolve(env, "give-up") }, time.Minute)
				env.RegisterDelayedCallback(func() { resolve(env, contract.ResolveRollback) }, time.Hour)
				env.ExecuteWorkflow(o.workflow, held(lifecycle.Operation(which)))

				report, cause := ended(t, env)
				assert.ErrorContains(t, *unknown, "retry or rollback")
				assert.Equal(t, lifecycle.RolledBack, report.Status)
				assert.Contains(t, cause.Message, "Microsoft says no")
				assert.Equal(t, lifecycle.StepFail, report.Step(step).Outcome)
				assert.Equal(t, []lifecycle.Status{lifecycle.Held, lifecycle.Running}, w.statuses)
				assert.Empty(t, w.left())
			})
		}
	}
}

func TestAHoldCanHaveAnEnd(t *testing.T) {
	w := newWorld()
	w.fail["RemoveDirectLicenses"] = broken
	env := environment(w)
	start := env.Now()
	limited := held(lifecycle.Offboard)
	limited.HoldFor = 24 * time.Hour
	env.ExecuteWorkflow(workflows.QuickOffboard, limited)
	report, _ := ended(t, env)
	assert.Equal(t, lifecycle.RolledBack, report.Status)
	assert.Equal(t, 24*time.Hour, env.Now().Sub(start).Round(time.Hour))
	assert.Empty(t, w.left())
	assert.Empty(t, w.decisions)
}

func TestAHeldRunCanBeCancelled(t *testing.T) {
	w := newWorld()
	w.fail["RemoveDirectLicenses"] = broken
	env := environment(w)
	env.RegisterDelayedCallback(env.CancelWorkflow, time.Hour)
	env.ExecuteWorkflow(workflows.QuickOffboard, held(lifecycle.Offboard))
	report, _ := ended(t, env)
	assert.Equal(t, lifecycle.Cancelled, report.Status)
	assert.Empty(t, w.left())
}

// TestStepsThatFailSideBySideAreDecidedOneByOne, until one decision gives the run up.
func TestStepsThatFailSideBySideAreDecidedOneByOne(t *testing.T) {
	for second, want := range map[string]lifecycle.Status{contract.ResolveSkip: lifecycle.Completed, contract.ResolveRollback: lifecycle.RolledBack} {
		w := newWorld()
		w.fail["ApplyPolicies"], w.fail["RemoveFromGroups"] = broken, broken
		env := environment(w)
		env.RegisterDelayedCallback(func() { resolve(env, contract.ResolveSkip) }, time.Hour)
		env.RegisterDelayedCallback(func() { resolve(env, second) }, 2*time.Hour)
		env.ExecuteWorkflow(workflows.QuickOffboard, held(lifecycle.Offboard))
		report, _ := ended(t, env)
		assert.Equal(t, want, report.Status)
		require.Len(t, w.decisions, 2)
		assert.NotEqual(t, w.decisions[0].Step, w.decisions[1].Step)
	}
}

func TestNobodyDecidesAboutARunThatGoesOn(t *testing.T) {
	w := newWorld()
	w.fail["AwaitVoiceOff"] = fault.Waiting(time.Minute, "not yet")
	env := environment(w)
	var answer *error
	env.RegisterDelayedCallback(func() { answer = resolve(env, contract.ResolveRetry); w.mend() }, 30*time.Second)
	env.ExecuteWorkflow(workflows.QuickOffboard, held(lifecycle.Offboard))
	report, _ := ended(t, env)
	assert.Equal(t, lifecycle.Completed, report.Status)
	assert.ErrorContains(t, *answer, "nobody's decision")
}

// TestWhatHappensAfterAFailureUnlessSomebodySays: a leaver does not get access back by themselves.
func TestWhatHappensAfterAFailureUnlessSomebodySays(t *testing.T) {
	for which, holds := range map[string]bool{"offboard": true, "onboard": false, "update": false} {
		o := operations[which]
		w := worldOf(o)
		w.fail["SetRole"] = broken
		env := environment(w)
		env.RegisterDelayedCallback(func() { resolve(env, contract.ResolveRollback) }, time.Hour)
		silent := held(lifecycle.Operation(which))
		silent.OnFailure = ""
		env.ExecuteWorkflow(o.workflow, silent)
		report, _ := ended(t, env)
		assert.Equal(t, lifecycle.RolledBack, report.Status)
		assert.Equal(t, holds, len(w.decisions) == 1, which)
	}
}
