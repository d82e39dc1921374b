package service

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueue "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"

	"tenure/internal/pace"
)

// ours begins the reason of every limit that a worker sets; one with another reason is an operator's.
const ours = "tenure: "

// taskQueue is the activities of a task queue at the Temporal server, as pace.Queue.
type taskQueue struct {
	server    workflowservice.WorkflowServiceClient
	namespace string
	name      string
	// onSet is told of every limit that was set.
	onSet func(rate float64, reason string)
}

// Limit implements pace.Queue.
func (q *taskQueue) Limit(ctx context.Context) (pace.Limit, error) {
	described, err := q.server.DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
		Namespace: q.namespace, TaskQueue: &taskqueue.TaskQueue{Name: q.name, Kind: enums.TASK_QUEUE_KIND_NORMAL},
		TaskQueueType: enums.TASK_QUEUE_TYPE_ACTIVITY, ReportConfig: true,
	})
	if err != nil {
		return pace.Limit{}, q.unset(err)
	}
	return limitOf(described.GetConfig().GetQueueRateLimit()), nil
}

// SetLimit implements pace.Queue.
func (q *taskQueue) SetLimit(ctx context.Context, rate float64, reason string) (pace.Limit, error) {
	update := &workflowservice.UpdateTaskQueueConfigRequest_RateLimitUpdate{Reason: ours + reason}
	if rate > 0 {
		update.RateLimit = &taskqueue.RateLimit{RequestsPerSecond: float32(rate)}
	}
	updated, err := q.server.UpdateTaskQueueConfig(ctx, &workflowservice.UpdateTaskQueueConfigRequest{
		Namespace: q.namespace, Identity: identity(), TaskQueue: q.name, TaskQueueType: enums.TASK_QUEUE_TYPE_ACTIVITY,
		UpdateQueueRateLimit: update,
	})
	if err != nil {
		return pace.Limit{}, q.unset(err)
	}
	q.onSet(rate, reason)
	return limitOf(updated.GetConfig().GetQueueRateLimit()), nil
}

// unset tells a server that cannot set limits, or does not let this worker, from one that did not answer.
func (q *taskQueue) unset(err error) error {
	var unknown *serviceerror.Unimplemented
	var denied *serviceerror.PermissionDenied
	if errors.As(err, &unknown) || errors.As(err, &denied) {
		return fmt.Errorf("task queue %s: %w: %w", q.name, pace.ErrUnsupported, err)
	}
	return fmt.Errorf("task queue %s: %w", q.name, err)
}

func limitOf(set *taskqueue.RateLimitConfig) pace.Limit {
	by := set.GetMetadata()
	limit := pace.Limit{Rate: float64(set.GetRateLimit().GetRequestsPerSecond())}
	if by != nil {
		limit.Mark = by.GetUpdateIdentity() + " " + by.GetUpdateTime().AsTime().String()
	}
	limit.Foreign = set.GetRateLimit() != nil && !strings.HasPrefix(by.GetReason(), ours)
	return limit
}
