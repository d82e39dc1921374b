package activities_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"tenure/internal/fault"
)

// run is a workflow run in whose name activities are executed.
type run struct {
	*contoso
	info activity.Info
}

// run begins a run. Runs of one user have the same workflow id in Temporal; here it is the run id unless a test says
// otherwise.
func (c *contoso) run(id string) *run {
	return &run{c, activity.Info{WorkflowExecution: workflow.Execution{ID: "workflow-" + id, RunID: id}}}
}

// task is one activity as Temporal works through it: the same input and the growing number of the attempt, with what the
// attempt before left in its heartbeat.
type task[Out any] struct {
	run       *run
	act, in   any
	attempt   int32
	scheduled time.Time
	heartbeat map[string]string
	// forgetful attempts lose their heartbeat, as a worker that is killed does.
	forgetful bool
}

func start[In, Out any](r *run, act func(context.Context, In) (Out, error), in In) *task[Out] {
	return &task[Out]{run: r, act: act, in: in, scheduled: r.clock.Now()}
}

// try makes the next attempt.
func (k *task[Out]) try() (Out, error) {
	k.attempt++
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&fault.Boundary{}, &posing{edit: func(i *activity.Info) {
		i.WorkflowExecution = k.run.info.WorkflowExecution
		i.Attempt, i.ScheduledTime = k.attempt, k.scheduled
	}}}})
	env.RegisterActivity(k.run.acts)
	env.RegisterActivity(k.run.placing)
	if k.heartbeat != nil {
		env.SetHeartbeatDetails(k.heartbeat)
	}
	env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
		var orders map[string]string
		if details.Get(&orders) == nil && !k.forgetful {
			k.heartbeat = orders
		}
	})
	var out Out
	value, err := env.ExecuteActivity(k.act, k.in)
	if err == nil && value.HasValue() {
		err = value.Get(&out)
	}
	return out, err
}

// posing lets an activity believe that it is a certain attempt of a certain run.
type posing struct {
	interceptor.WorkerInterceptorBase
	edit func(*activity.Info)
}

func (p *posing) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &posingInbound{interceptor.ActivityInboundInterceptorBase{Next: next}, p}
}

type posingInbound struct {
	interceptor.ActivityInboundInterceptorBase
	*posing
}

func (p *posingInbound) Init(outbound interceptor.ActivityOutboundInterceptor) error {
	return p.Next.Init(&posingOutbound{interceptor.ActivityOutboundInterceptorBase{Next: outbound}, p.posing})
}

type posingOutbound struct {
	interceptor.ActivityOutboundInterceptorBase
	*posing
}

func (p *posingOutbound) GetInfo(ctx context.Context) activity.Info {
	info := p.Next.GetInfo(ctx)
	p.edit(&info)
	return info
}

// succeed makes an attempt that must succeed.
func succeed[Out any](t *testing.T, k *task[Out]) Out {
	t.Helper()
	out, err := k.try()
	require.NoError(t, err)
	return out
}

// failure is an error as Temporal got it from an activity.
type failure struct {
	*temporal.ApplicationError
	fault.Details
	kind fault.Kind
}

var (
	retryable = []fault.Kind{fault.Throttled, fault.Unavailable, fault.Conflict, fault.NotYet}
	permanent = []fault.Kind{fault.NotFound, fault.PermissionDenied, fault.InvalidRequest, fault.BusinessRule, fault.NumberUnavailable, fault.StalePlan, fault.Unauthenticated}
)

// fail makes an attempt that must fail in that way, and checks what holds for every error that leaves an activity
// (architecture.md §3).
func fail[Out any](t *testing.T, k *task[Out], kind fault.Kind, parts ...string) failure {
	t.Helper()
	_, err := k.try()
	f := left(t, err)
	require.Equal(t, kind, f.kind, "%v", err)
	for _, part := range parts {
		require.Contains(t, f.Message(), part)
	}
	return f
}

// left reads an error that left an activity: its outermost value is an ApplicationError of a type of the closed list,
// retryable as the type says.
func left(t *testing.T, err error) failure {
	t.Helper()
	require.Error(t, err)
	var around *temporal.ActivityError
	require.ErrorAs(t, err, &around)
	app, ok := errors.Unwrap(around).(*temporal.ApplicationError)
	require.True(t, ok, "outermost is %T: %v", errors.Unwrap(around), err)
	f := failure{ApplicationError: app, kind: fault.Kind(app.Type())}
	require.True(t, slices.Contains(append(retryable, permanent...), f.kind), "type %q is not in the closed list: %v", app.Type(), err)
	require.Equal(t, slices.Contains(permanent, f.kind), app.NonRetryable(), "%v", err)
	require.NotEmpty(t, app.Message())
	if app.HasDetails() {
		require.NoError(t, app.Details(&f.Details))
	}
	return f
}

// refused makes an attempt that a rule, or the check of the input, must refuse with that code.
func refused[Out any](t *testing.T, k *task[Out], kind fault.Kind, code string, parts ...string) failure {
	t.Helper()
	f := fail(t, k, kind, parts...)
	require.Equal(t, code, f.Code, f.Message())
	return f
}
