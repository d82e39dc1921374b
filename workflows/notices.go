package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"tenure/activities"
	"tenure/internal/contract"
)

// A delivery sends noticeBatch notices in one activity, which says after each that it lives, and goes on as a new run
// after noticeBatchesPerRun of them.
const (
	noticeBatch         = 10
	noticeBatchesPerRun = 200
	noticeWord          = 30 * time.Second
)

// DeliverNotices delivers what is due until nothing is. While the receiver does not take a notice it waits and tries the
// next, as Temporal's retries have it; no run waits for it.
func DeliverNotices(ctx workflow.Context, in contract.NoticesDelivered) (contract.NoticesDelivered, error) {
	o := options(delivering, label{summary: "deliver what is due"})
	o.HeartbeatTimeout = noticeWord
	sending := workflow.WithActivityOptions(ctx, o)
	for range noticeBatchesPerRun {
		batch, err := ask[activities.NoticeBatch](sending, act.DeliverNotices, noticeBatch)
		if err != nil {
			return in, err
		}
		in.Delivered += batch.Delivered
		in.GivenUp += batch.GivenUp
		if !batch.More {
			return in, nil
		}
	}
	return in, workflow.NewContinueAsNewError(ctx, DeliverNotices, in)
}
