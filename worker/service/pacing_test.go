package service_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	taskqueue "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"

	"tenure/internal/contract"
	"tenure/internal/graphsim"
	"tenure/worker/workertest"
)

func rateLimit(t *testing.T, e *workertest.Environment) *taskqueue.RateLimitConfig {
	t.Helper()
	described, err := e.Client.WorkflowService().DescribeTaskQueue(context.Background(), &workflowservice.DescribeTaskQueueRequest{
		Namespace: "default", TaskQueue: &taskqueue.TaskQueue{Name: contract.GraphQueue("contoso")},
		TaskQueueType: enums.TASK_QUEUE_TYPE_ACTIVITY, ReportConfig: true,
	})
	require.NoError(t, err)
	return described.GetConfig().GetQueueRateLimit()
}

func TestThrottlingSlowsTheQueueDownForAllWorkers(t *testing.T) {
	e := workertest.Start(t, graphsim.Options{})
	require.Nil(t, rateLimit(t, e).GetRateLimit(), "a simulated tenant is not limited before it says so")

	throttled := graphsim.Fault{Method: "GET", Path: "/v1.0/users/*", Status: 429, RetryAfter: 1}
	show := func() {
		e.Tenant.AddFault(throttled)
		e.Ask(t, contract.ShowUser, contract.ShowUserRequest{User: "anna.archer@contoso.example"}, nil)
	}
	show()
	require.Eventually(t, func() bool { return rateLimit(t, e).GetRateLimit() != nil }, time.Minute, 20*time.Millisecond)
	limit := rateLimit(t, e)
	assert.InDelta(t, 9, limit.GetRateLimit().GetRequestsPerSecond(), 0.01)
	assert.Equal(t, "tenure: Microsoft Graph asks to slow down", limit.GetMetadata().GetReason())

	_, err := e.Client.WorkflowService().UpdateTaskQueueConfig(context.Background(), &workflowservice.UpdateTaskQueueConfigRequest{
		Namespace: "default", Identity: "operator", TaskQueue: contract.GraphQueue("contoso"), TaskQueueType: enums.TASK_QUEUE_TYPE_ACTIVITY,
		UpdateQueueRateLimit: &workflowservice.UpdateTaskQueueConfigRequest_RateLimitUpdate{
			RateLimit: &taskqueue.RateLimit{RequestsPerSecond: 50}, Reason: "audit week",
		},
	})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return rateLimit(t, e).GetRateLimit().GetRequestsPerSecond() == 50 }, time.Minute, 20*time.Millisecond)
	for range 5 {
		show()
	}
	assert.Equal(t, "audit week", rateLimit(t, e).GetMetadata().GetReason(), "what an operator sets is left alone")
}
