package fault_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"tenure/internal/fault"
	"tenure/internal/lifecycle"
)

// TestKinds is the closed list of architecture.md §3.
func TestKinds(t *testing.T) {
	for kind, retryable := range map[fault.Kind]bool{
		"Throttled": true, "Unavailable": true, "Conflict": true, "NotYet": true,
		"NotFound": false, "PermissionDenied": false, "InvalidRequest": false, "BusinessRule": false,
		"NumberUnavailable": false, "StalePlan": false, "Unauthenticated": false,
	} {
		t.Run(string(kind), func(t *testing.T) {
			e := fault.New(kind, "it %s", "failed")
			e.RetryAfter = 7 * time.Second
			e.Code, e.Hint, e.Status, e.RequestID = "code", "hint", 429, "request"
			for name, err := range map[string]error{
				"as it is": e, "wrapped": fmt.Errorf("doing this: %w", e), "joined": errors.Join(errors.New("that"), e),
			} {
				app, ok := fault.Leave(err).(*temporal.ApplicationError)
				require.True(t, ok, "%s: the outermost value decides", name)
				assert.Equal(t, string(kind), app.Type())
				assert.Equal(t, !retryable, app.NonRetryable())
				assert.Equal(t, 7*time.Second, app.NextRetryDelay())
				assert.Equal(t, err.Error(), app.Message(), "what was being done is not lost")
				back, ok := fault.Received(fmt.Errorf("activity error: %w", app))
				require.True(t, ok)
				assert.Equal(t, e.Details, back.Details)
				assert.Equal(t, kind, back.Kind)
			}
		})
	}
}

func TestLeave(t *testing.T) {
	refused := &lifecycle.Refusal{Code: "guest", Message: "a guest", Hint: "none"}
	invalid := &lifecycle.Refusal{Code: "unknown-node", Message: "no such node", Invalid: true}
	made := temporal.NewNonRetryableApplicationError("made before", "BusinessRule", nil)
	cases := []struct {
		name         string
		err          error
		kind         string
		nonRetryable bool
		message      string
	}{
		{"a rule says no", refused, "BusinessRule", true, "a guest"},
		{"a rule says no, wrapped", fmt.Errorf("hold: %w", refused), "BusinessRule", true, "a guest"},
		{"wrong input", invalid, "InvalidRequest", true, "no such node"},
		{"nobody classified it", errors.New("database is locked"), "Unavailable", false, "database is locked"},
		{"made before and wrapped since", fmt.Errorf("wrapped: %w", made), "BusinessRule", true, "made before"},
		{"the worker stops", fmt.Errorf("call: %w", context.Canceled), "Unavailable", false, "the worker stopped during the step; it is tried again"},
		{"too slow", context.DeadlineExceeded, "Unavailable", false, "context deadline exceeded"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			app, ok := fault.Leave(c.err).(*temporal.ApplicationError)
			require.True(t, ok)
			assert.Equal(t, c.kind, app.Type())
			assert.Equal(t, c.nonRetryable, app.NonRetryable())
			assert.Equal(t, c.message, app.Message())
		})
	}
	assert.NoError(t, fault.Leave(nil))
	cancelled := temporal.NewCanceledError()
	assert.Equal(t, cancelled, fault.Leave(cancelled))
	code, _ := fault.Received(fault.Leave(refused))
	assert.Equal(t, fault.Details{Code: "guest", Hint: "none"}, code.Details)
	_, ours := fault.Received(errors.New("something else"))
	assert.False(t, ours)
}

func TestBoundaryClassifiesWhatLeavesAnActivity(t *testing.T) {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&fault.Boundary{}}})
	activity := func(context.Context) (string, error) {
		return "", fmt.Errorf("releasing: %w", fault.New(fault.NumberUnavailable, "taken"))
	}
	env.RegisterActivity(activity)
	_, err := env.ExecuteActivity(activity)
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	assert.Equal(t, "NumberUnavailable", app.Type())
	assert.True(t, app.NonRetryable())
	assert.Equal(t, "releasing: taken", app.Message())
}

func TestIs(t *testing.T) {
	err := fmt.Errorf("wrapped: %w", fault.New(fault.NotFound, "gone"))
	assert.True(t, fault.Is(err, fault.NotFound))
	assert.False(t, fault.Is(err, fault.NotYet))
	assert.False(t, fault.Is(nil, fault.NotFound))
	waiting := fault.Waiting(3*time.Second, "still %d", 1)
	assert.Equal(t, fault.NotYet, waiting.Kind)
	assert.Equal(t, 3*time.Second, waiting.RetryAfter)
}
