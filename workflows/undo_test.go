package workflows_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

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
						if other != step {
							assert.Contains(t, []lifecycle.Outcome{lifecycle.Undone, lifecycle.Pending}, outcome, other)
						}
					}
					if step == lifecycle.Verify {
						for other, outcome := range outcomes(report) {
							if other != step {
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
				if _, changes := o.effects[name]; changes {
					env.SetOnActivityCompletedListener(func(info *activity.Info, _ converter.EncodedValue, _ error) {
						if info.ActivityType.Name == name {
							env.CancelWorkflow()
						}
					})
				} else {
					env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) {
						if info.ActivityType.Name == name {
							env.CancelWorkflow()
						}
					})
				}
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
