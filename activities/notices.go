package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"

	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/store"
	"tenure/internal/webhook"
)

const (
	// noticePatience is how old a notice is that is given up when it cannot be delivered.
	noticePatience = 3 * 24 * time.Hour
	// A notice that could not be delivered is tried again after as long as it has waited already, within these bounds.
	shortestPostponement, longestPostponement = 5 * time.Second, time.Hour
)

// NoticeBatch is what a batch did, and whether there is more to do.
type NoticeBatch struct {
	contract.NoticesDelivered
	More bool `json:"more"`
}

// DeliverNotices sends what is due to the webhook, the longest due first, up to a limit. What the receiver takes is done
// with, what it refuses is postponed. When it takes nothing, the batch ends with that error: how long to leave it alone is
// Temporal's to say, and the next attempt begins with the next notice. A batch that is broken off sends a notice again
// under its id.
func (a *Activities) DeliverNotices(ctx context.Context, limit int) (NoticeBatch, error) {
	var batch NoticeBatch
	if a.Webhook == nil {
		return batch, fault.New(fault.Unavailable, "there are notices, and this worker has no webhook: set TENURE_WEBHOOK_URL as for the other workers")
	}
	due, err := a.Store.DueNotices(ctx, limit)
	if err != nil {
		return batch, err
	}
	for _, n := range due {
		err := a.Webhook.Send(ctx, n.ID, n.Body, a.now())
		switch {
		case err == nil:
			batch.Delivered++
			err = a.Store.NoticeDelivered(ctx, n.ID)
		case errors.Is(err, webhook.ErrGone), a.now().Sub(n.At) >= noticePatience && ctx.Err() == nil:
			batch.GivenUp++
			err = a.Store.GiveUpNotice(ctx, n.ID, err.Error())
		case ctx.Err() == nil:
			err = a.postpone(ctx, n, err)
		}
		if err != nil {
			return batch, err
		}
		activity.RecordHeartbeat(ctx)
	}
	batch.More = len(due) == limit
	return batch, nil
}

// postpone returns why others need not be tried now either, or why the notice could not be postponed.
func (a *Activities) postpone(ctx context.Context, n store.OutgoingNotice, cause error) error {
	delay := min(max(a.now().Sub(n.At), shortestPostponement), longestPostponement)
	if err := a.Store.PostponeNotice(ctx, n.ID, delay); err != nil {
		return err
	}
	if fault.Is(cause, fault.InvalidRequest) {
		activity.GetLogger(ctx).Warn("the webhook does not take a notice", "notice", n.ID, "error", cause, "again in", delay.String())
		return nil
	}
	return cause
}
