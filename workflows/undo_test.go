package workflows_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"tenure/activities"
	"tenure/internal/fault"
	"tenure/internal/lifecycle"
)

// TestFailureAtEveryStep: whatever fails for good, and whether or not it had taken effect, all is undone.
func TestFailureAtEveryStep(t *testing.T) {
	for which, o := range operations {
		for name, step := range o.doing {
			for _, late := range []bool{false, true} {
				t.Run(which+" "+name+map[bool]string{false: " before", true: " after"}[late]+" its effect", func(t *testing.T) {
					w := worldOf(o)
					w.late = late
					w.fail[name] = fault.New(fault.InvalidRequest, "Microsoft says no")
					env := environment(w)
					env.ExecuteWorkflow(o.workflow, request)

					report, cause := ended(t, env)
					assert.Equal(t, lifecycle.RolledBack, report.Status)
					assert.Equal(t, []lifecycle.Status{lifecycle.RolledBack}, w.closed)
					assert.Empty(t, w.left())
					assert.Equal(t, fault.InvalidRequest, cause.Kind)
					assert.Contains(t, cause.Message, "Microsoft says no")
					assert.Contains(t, report.Failure, "Microsoft says no")
					assert.Equal(t, lifecycle.StepFail, report.Step(step).Outcome)
					assert.Contains(t, report.Step(step).Error, "Microsoft says no")
					require.NotNil(t, report.After)
					assert.Contains(t, w.calls, "VerifyUndone", "as before is read back, not claimed")
					for other, outcome := range outcomes(report) {
						if other != step && w.does(other) {
							assert.Contains(t, []lifecycle.Outcome{lifecycle.Undone, lifecycle.Pending}, outcome, other)
						}
					}
					if step.Base() == lifecycle.Verify {
						for other, outcome := range outcomes(report) {
							if other != step && w.does(other) {
								assert.Equal(t, lifecycle.Undone, outcome, "%s, if only together with another", other)
							}
						}
					}
				})
			}
		}
	}
}

// TestCancellationAtEveryStep: cancelling asks for undo, wherever the run is. Here that is when an activity that changes
// something has done so, for this environment does not wait for one that is cancelled; on a server cancelling in the middle
// is tested end to end.
func TestCancellationAtEveryStep(t *testing.T) {
	for which, o := range operations {
		for name := range o.doing {
			t.Run(which+" "+name, func(t *testing.T) {
				w := worldOf(o)
				env := environment(w)
				cancelAt(env, name, o)
				env.ExecuteWorkflow(o.workflow, request)

				report, cause := ended(t, env)
				require.Nil(t, cause)
				assert.True(t, temporal.IsCanceledError(env.GetWorkflowError()))
				assert.Equal(t, lifecycle.Cancelled, report.Status)
				assert.Equal(t, []lifecycle.Status{lifecycle.Cancelled}, w.closed)
				assert.Empty(t, w.left())
			})
		}
	}
}

// cancelAt cancels the run when the activity starts, or when it has made its change. Steps may share an activity, and only
// its start tells of which one the change is.
func cancelAt(env *testsuite.TestWorkflowEnvironment, name string, o operation) {
	activityType, step, shared := strings.Cut(name, " ")
	_, changes := o.effects[name]
	wanted := map[string]bool{}
	env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, args converter.EncodedValues) {
		if info.ActivityType.Name != activityType {
			return
		}
		var in activities.StepInput
		if shared && (args.Get(&in) != nil || in.Change.Role.To != step) {
			return
		}
		if wanted[info.ActivityID] = true; !changes {
			env.CancelWorkflow()
		}
	})
	env.SetOnActivityCompletedListener(func(info *activity.Info, _ converter.EncodedValue, _ error) {
		if changes && wanted[info.ActivityID] {
			env.CancelWorkflow()
		}
	})
}
