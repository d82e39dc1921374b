package fault

import (
	"context"

	"go.temporal.io/sdk/interceptor"
)

// Boundary is the worker interceptor that passes every error that leaves an activity through Leave.
type Boundary struct {
	interceptor.WorkerInterceptorBase
}

// InterceptActivity implements interceptor.WorkerInterceptor.
func (*Boundary) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &boundaryInbound{interceptor.ActivityInboundInterceptorBase{Next: next}}
}

type boundaryInbound struct {
	interceptor.ActivityInboundInterceptorBase
}

// ExecuteActivity implements interceptor.ActivityInboundInterceptor.
func (b *boundaryInbound) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	result, err := b.Next.ExecuteActivity(ctx, in)
	return result, Leave(err)
}
