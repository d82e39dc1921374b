package workflows_test

import (
	"slices"
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

func TestOnboardCompletes(t *testing.T) {
	w := worldOf(operations["onboard"])
	env := environment(w)
	env.ExecuteWorkflow(workflows.Onboard, request)
	report, cause := ended(t, env)
	require.Nil(t, cause)
	assert.Equal(t, lifecycle.Completed, report.Status)
	for name, outcome := range outcomes(report) {
		assert.Equal(t, lifecycle.Done, outcome, name)
	}
	assert.Equal(t, []string{"claim", "groups", "licenses", "location", "number", "place", "policies", "role"}, w.left())
}

// TestOnboardOrder holds the order of architecture.md §2.
func TestOnboardOrder(t *testing.T) {
	w := worldOf(operations["onboard"])
	env := environment(w)
	env.ExecuteWorkflow(workflows.Onboard, request)
	require.NoError(t, env.GetWorkflowError())
	order := []string{"Prepare", "SetUsageLocation", "AddToGroups", "AwaitGroupLicensesBack", "ReplaceDirectLicenses", "AwaitTeamsUser", "ClaimNumbers", "AssignNumbers", "ApplyPolicies", "VerifySubscriber", "CloseRun"}
	for i := range order[1:] {
		assert.Less(t, slices.Index(w.calls, order[i]), slices.Index(w.calls, order[i+1]), "%s before %s", order[i], order[i+1])
	}
	assert.Less(t, slices.Index(w.calls, "PlaceSubscriber"), slices.Index(w.calls, "AddToGroups"))
}

// stagedWorld is a run whose user Teams does not know for a number of attempts.
func stagedWorld(attempts int) *world {
	w := worldOf(operations["onboard"])
	for i := range w.plan.Steps {
		if w.plan.Steps[i].Name == lifecycle.AwaitTeamsUser {
			w.plan.Steps[i].Change.Staging = &lifecycle.Staging{Interval: 4 * time.Hour, Bound: 14 * 24 * time.Hour}
		}
	}
	w.before = func(name string) {
		if name != "AwaitTeamsUser" {
			return
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.fail, name)
		if attempts--; attempts >= 0 {
			w.fail[name] = fault.Waiting(4*time.Hour, "Teams does not know the user yet")
		}
	}
	return w
}

func TestStagedRunGoesOnWhenTheUserAppears(t *testing.T) {
	w := stagedWorld(5)
	env := environment(w)
	start := env.Now()
	env.ExecuteWorkflow(workflows.Onboard, request)
	report, cause := ended(t, env)
	require.Nil(t, cause)
	assert.Equal(t, lifecycle.Completed, report.Status)
	assert.GreaterOrEqual(t, env.Now().Sub(start), 20*time.Hour, "it waits as long as it takes")
	assert.Equal(t, []lifecycle.Status{lifecycle.Staged, lifecycle.Running}, w.statuses)
}

// resolve sends an operator's decision and returns how it was answered.
func resolve(env *testsuite.TestWorkflowEnvironment, action string) (rejected *error) {
	rejected = new(error)
	env.UpdateWorkflow(contract.ResolveUpdate, action+" at "+env.Now().String(), &testsuite.TestUpdateCallback{
		OnReject:   func(err error) { *rejected = err },
		OnAccept:   func() {},
		OnComplete: func(any, error) {},
	}, contract.Resolution{Action: action})
	return rejected
}

func TestStagedRunLooksAtOnceWhenToldTo(t *testing.T) {
	w := stagedWorld(1)
	env := environment(w)
	start := env.Now()
	var rejected, skipped *error
	env.RegisterDelayedCallback(func() { skipped = resolve(env, "skip") }, 30*time.Second)
	env.RegisterDelayedCallback(func() { rejected = resolve(env, contract.ResolveRetry) }, time.Minute)
	env.ExecuteWorkflow(workflows.Onboard, request)
	report, _ := ended(t, env)
	assert.Equal(t, lifecycle.Completed, report.Status)
	assert.Less(t, env.Now().Sub(start), time.Hour, "not the four hours of the setting")
	require.NotNil(t, rejected)
	assert.NoError(t, *rejected)
	assert.ErrorContains(t, *skipped, "cannot be left out")
}

func TestStagedRunEndsWithItsBound(t *testing.T) {
	w := stagedWorld(1000)
	env := environment(w)
	env.ExecuteWorkflow(workflows.Onboard, request)
	report, cause := ended(t, env)
	assert.Equal(t, lifecycle.RolledBack, report.Status)
	assert.Contains(t, cause.Message, "Teams does not know the user")
	assert.Empty(t, w.left())
}

func TestStagedRunCanBeCancelled(t *testing.T) {
	w := stagedWorld(1000)
	env := environment(w)
	env.RegisterDelayedCallback(env.CancelWorkflow, time.Hour)
	env.ExecuteWorkflow(workflows.Onboard, request)
	report, _ := ended(t, env)
	assert.Equal(t, lifecycle.Cancelled, report.Status)
	assert.Empty(t, w.left())
}
