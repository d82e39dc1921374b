package workflows_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"

	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/lifecycle"
	"tenure/workflows"
)

func TestQuickOffboardCompletes(t *testing.T) {
	w := newWorld()
	env := environment(w)
	env.ExecuteWorkflow(workflows.QuickOffboard, request)

	report, cause := ended(t, env)
	require.Nil(t, cause)
	assert.Equal(t, lifecycle.Completed, report.Status)
	assert.Equal(t, []lifecycle.Status{lifecycle.Completed}, w.closed)
	for name, outcome := range outcomes(report) {
		assert.Equal(t, lifecycle.Done, outcome, name)
	}
	assert.Equal(t, []string{"groups", "licenses", "number", "place", "policies", "release", "role"}, w.left())
	assert.Equal(t, w.plan.Subscriber, report.Subscriber)
	assert.Equal(t, w.plan.Warnings, report.Warnings)
	assert.Equal(t, &w.plan.Before, report.Before)
	require.NotNil(t, report.After)
	assert.Equal(t, "9 steps verified", *report.After.Role, "after is what was read back")
	assert.NotNil(t, report.ClosedAt)
	assert.Empty(t, report.Failure)
}

// TestOrder holds the order of architecture.md §2.
func TestOrder(t *testing.T) {
	w := newWorld()
	env := environment(w)
	env.ExecuteWorkflow(workflows.QuickOffboard, request)
	require.NoError(t, env.GetWorkflowError())
	for _, pair := range [][2]string{
		{"Prepare", "UnassignNumbers"}, {"UnassignNumbers", "AwaitVoiceOff"}, {"AwaitVoiceOff", "ApplyPolicies"},
		{"AwaitVoiceOff", "RemoveFromGroups"}, {"RemoveFromGroups", "AwaitGroupLicensesGone"},
		{"AwaitGroupLicensesGone", "RemoveDirectLicenses"}, {"ApplyPolicies", "RemoveDirectLicenses"},
		{"RemoveDirectLicenses", "ReleaseNumbers"}, {"RemoveDirectLicenses", "PlaceSubscriber"},
		{"ReleaseNumbers", "VerifySubscriber"}, {"PlaceSubscriber", "VerifySubscriber"}, {"SetRole", "VerifySubscriber"},
		{"VerifySubscriber", "CloseRun"},
	} {
		first, second := slices.Index(w.calls, pair[0]), slices.Index(w.calls, pair[1])
		require.GreaterOrEqual(t, first, 0, pair[0])
		assert.Less(t, first, second, "%s before %s", pair[0], pair[1])
	}
}

func TestStepsWithNothingToDoRunNoActivity(t *testing.T) {
	w := newWorld()
	for i := range w.plan.Steps {
		switch w.plan.Steps[i].Name {
		case lifecycle.Verify:
		case lifecycle.RemoveLicenses:
			w.plan.Steps[i].Action, w.plan.Steps[i].Reason = lifecycle.SkipBecause, lifecycle.LicensesRetained
		default:
			w.plan.Steps[i].Action = lifecycle.LeaveAsIs
		}
	}
	env := environment(w)
	env.ExecuteWorkflow(workflows.QuickOffboard, request)
	report, _ := ended(t, env)
	assert.Equal(t, []string{"Prepare", "VerifySubscriber", "CloseRun"}, w.calls)
	assert.Equal(t, lifecycle.Skipped, report.Step(lifecycle.RemoveLicenses).Outcome)
	assert.Equal(t, lifecycle.LicensesRetained, report.Step(lifecycle.RemoveLicenses).Reason)
	assert.Equal(t, lifecycle.Unchanged, report.Step(lifecycle.RemoveNumber).Outcome)
}

func TestCancellationWhileAStepWaitsToBeTriedAgain(t *testing.T) {
	w := newWorld()
	w.fail["AwaitVoiceOff"] = fault.Waiting(time.Hour, "not yet")
	env := environment(w)
	env.RegisterDelayedCallback(env.CancelWorkflow, time.Minute)
	env.ExecuteWorkflow(workflows.QuickOffboard, request)
	report, _ := ended(t, env)
	assert.Equal(t, lifecycle.Cancelled, report.Status)
	assert.Empty(t, w.left())
	assert.Equal(t, lifecycle.Undone, report.Step(lifecycle.RemoveNumber).Outcome)
}

// TestUndoThatFailsIsReported: the others are still undone, and the report says what is left.
func TestUndoThatFailsIsReported(t *testing.T) {
	for _, undoing := range []string{"AssignNumbers", "RestorePolicies", "AddToGroups", "AwaitGroupLicensesBack", "RestoreDirectLicenses", "DropReleases", "RestorePlacement", "RestoreRole"} {
		t.Run(undoing, func(t *testing.T) {
			w := newWorld()
			w.fail["VerifySubscriber"] = fault.New(fault.InvalidRequest, "the cause")
			w.fail[undoing] = fault.New(fault.NumberUnavailable, "it is gone")
			env := environment(w)
			env.ExecuteWorkflow(workflows.QuickOffboard, request)

			report, cause := ended(t, env)
			assert.Equal(t, lifecycle.Failed, report.Status)
			assert.Equal(t, []lifecycle.Status{lifecycle.Failed}, w.closed)
			assert.Equal(t, fault.InvalidRequest, cause.Kind, "the original error stands beside the undo's")
			assert.Contains(t, cause.Message, "the cause")
			assert.Contains(t, cause.Message, "it is gone")
			require.Len(t, report.UndoFailures, 1)
			assert.Equal(t, lifecycle.WarnUndoIncomplete, report.Warnings[len(report.Warnings)-1].Code)
			if e, ok := offboardEffects[undoing]; ok {
				assert.Equal(t, []string{e.what}, w.left())
			} else {
				assert.Empty(t, w.left())
			}
		})
	}
}

// A direct license may stand on one that comes from a group.
func TestGroupLicensesComeBackBeforeDirectOnes(t *testing.T) {
	w := newWorld()
	w.fail["VerifySubscriber"] = fault.New(fault.InvalidRequest, "the cause")
	env := environment(w)
	env.ExecuteWorkflow(workflows.QuickOffboard, request)
	direct := slices.Index(w.calls, "RestoreDirectLicenses")
	assert.Less(t, slices.Index(w.calls, "AddToGroups"), direct)
	assert.Less(t, slices.Index(w.calls, "AwaitGroupLicensesBack"), direct)
	assert.Positive(t, direct)
}

func TestUndoThatCannotBeVerifiedIsReported(t *testing.T) {
	w := newWorld()
	w.fail["RemoveDirectLicenses"] = fault.New(fault.InvalidRequest, "the cause")
	w.fail["VerifyUndone"] = fault.New(fault.NotFound, "the user is gone")
	env := environment(w)
	env.ExecuteWorkflow(workflows.QuickOffboard, request)
	report, cause := ended(t, env)
	assert.Equal(t, lifecycle.Failed, report.Status)
	assert.Nil(t, report.After, "nobody knows the state now")
	assert.Contains(t, cause.Message, "the user is gone")
}

func TestRetryableErrorsAreWaitedFor(t *testing.T) {
	w := newWorld()
	tries := 0
	var seen []time.Duration
	env := environment(w)
	start := env.Now()
	w.before = func(name string) {
		if name != "RemoveDirectLicenses" {
			return
		}
		seen = append(seen, env.Now().Sub(start))
		tries++
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.fail, name)
		if tries < 4 {
			w.fail[name] = &fault.Error{Kind: fault.Throttled, Message: "slow down", RetryAfter: 90 * time.Second}
		}
	}
	env.ExecuteWorkflow(workflows.QuickOffboard, request)
	report, _ := ended(t, env)
	assert.Equal(t, lifecycle.Completed, report.Status)
	require.Len(t, seen, 4)
	assert.GreaterOrEqual(t, seen[3]-seen[0], 270*time.Second, "Microsoft's Retry-After, and Temporal that waits")
}

func TestBudgetOfAStepEndsInUndo(t *testing.T) {
	w := newWorld()
	w.fail["RemoveDirectLicenses"] = fault.New(fault.Unavailable, "503 all day")
	env := environment(w)
	env.SetTestTimeout(time.Minute)
	env.ExecuteWorkflow(workflows.QuickOffboard, request)
	report, cause := ended(t, env)
	assert.Equal(t, lifecycle.RolledBack, report.Status)
	assert.Contains(t, cause.Message, "503 all day", "the last error is what the operator needs to see")
	assert.Empty(t, w.left())
}

func TestRefusedBeforeAnythingIsTouched(t *testing.T) {
	w := newWorld()
	w.fail["Prepare"] = &lifecycle.Refusal{Code: "guest", Message: "guests have no services", Hint: "none"}
	env := environment(w)
	env.ExecuteWorkflow(workflows.QuickOffboard, request)
	report, cause := ended(t, env)
	assert.Equal(t, fault.BusinessRule, cause.Kind)
	assert.Equal(t, "guest", cause.Code)
	assert.Equal(t, "guests have no services", cause.Message)
	assert.Empty(t, report.Steps, "no plan, no steps: how the command tells a refusal")
	assert.Equal(t, []string{"Prepare", "CloseRun"}, w.calls)
}

func TestProgressCanBeQueriedAllTheTime(t *testing.T) {
	w := newWorld()
	env := environment(w)
	seen := map[lifecycle.Outcome]bool{}
	// The listener runs in the environment's own loop, where a query does not race with the workflow.
	env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) {
		value, err := env.QueryWorkflow(contract.ProgressQuery)
		if !assert.NoError(t, err) {
			return
		}
		var report lifecycle.Report
		assert.NoError(t, value.Get(&report))
		if step := report.Step(lifecycle.RemoveLicenses); step != nil {
			seen[step.Outcome] = true
			if info.ActivityType.Name == "RemoveDirectLicenses" {
				assert.NotNil(t, step.StartedAt)
			}
		}
	})
	env.ExecuteWorkflow(workflows.QuickOffboard, request)
	require.NoError(t, env.GetWorkflowError())
	assert.Equal(t, map[lifecycle.Outcome]bool{lifecycle.Pending: true, lifecycle.Done: true}, seen)
}

func TestWhatAStepFoundGoesIntoTheReport(t *testing.T) {
	w := newWorld()
	env := environment(w)
	env.ExecuteWorkflow(workflows.QuickOffboard, request)
	report, _ := ended(t, env)
	assert.Equal(t, "planned remove-number", report.Step(lifecycle.RemoveNumber).Summary, "without a word of its own the plan's stands")
	assert.Equal(t, "remove-number", report.Step(lifecycle.RemoveNumber).Detail.Role.To)
}
