package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"tenure/internal/lifecycle"
)

// WithOutbox makes the store keep a notice of every run that is held or ends, until it is delivered. Without it nobody
// would ever take them out again.
func WithOutbox() Option {
	return func(s *Store) { s.outbox = true }
}

// OutgoingNotice is a notice on its way.
type OutgoingNotice struct {
	ID string
	At time.Time
	// Body is the JSON of a lifecycle.Notice; it never changes.
	Body []byte
}

// notify keeps a notice of a run, for as long as it takes to deliver it.
func (t *tx) notify(ctx context.Context, op OperationRow, event string, status lifecycle.Status, node, failure string, welcome *lifecycle.Welcome) error {
	if !t.outbox {
		return nil
	}
	n := lifecycle.Notice{
		ID: uuid.NewString(), Event: event, At: t.at,
		Operation: op.Request.Operation, Tenant: op.Tenant, Node: textOrNull(node), Subscriber: op.Subscriber,
		RunID: op.RunID, WorkflowID: op.WorkflowID, RequestID: op.Request.RequestID, RequestedBy: op.Request.RequestedBy,
		Status: status, Failure: textOrNull(failure), Welcome: welcome,
	}
	body, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("encode a notice of run %s: %w", op.RunID, err)
	}
	_, err = t.ExecContext(ctx, `INSERT INTO outbox (id, at, due, body) VALUES ($1, $2, $2, $3)`, n.ID, micros(t.at), string(body))
	return err
}

// notifyEnd keeps the notice of a run's end and, where the user is to be welcomed, that one (R13).
func (t *tx) notifyEnd(ctx context.Context, op OperationRow, in FinishInput) error {
	node := op.Node
	if after := in.Report.After; after != nil && after.Node != nil {
		node = *after.Node
	}
	if err := t.notify(ctx, op, lifecycle.RunEvent(in.Status), in.Status, node, in.Report.Failure, nil); err != nil || !in.Welcome {
		return err
	}
	people, err := t.people(ctx, ` WHERE tenant = $1 AND id = $2`, op.Tenant, op.Subscriber.ID)
	if err != nil || len(people) == 0 {
		return err
	}
	welcome := &lifecycle.Welcome{DisplayName: people[0].DisplayName, Numbers: append([]string{}, people[0].Numbers...), Site: people[0].Node}
	return t.notify(ctx, op, lifecycle.WelcomeEvent, in.Status, node, "", welcome)
}

func textOrNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// NoticesDue reports whether there is a notice to deliver by now.
func (s *Store) NoticesDue(ctx context.Context) (due bool, err error) {
	err = s.view(ctx, "look for notices", func(t *tx) error {
		return t.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM outbox WHERE due <= $1)`, micros(t.at)).Scan(&due)
	})
	return due, err
}

// DueNotices are the notices to deliver by now, at most limit of them, the longest due first. They stay until they are
// NoticeDelivered or given up, so that none is lost when nobody finishes what was begun.
func (s *Store) DueNotices(ctx context.Context, limit int) (list []OutgoingNotice, err error) {
	err = s.view(ctx, "list notices", func(t *tx) error {
		list, err = query(ctx, t, func(row scanner) (n OutgoingNotice, err error) {
			var at int64
			var body string
			err = row.Scan(&n.ID, &at, &body)
			n.At, n.Body = fromMicros(at), []byte(body)
			return n, err
		}, `SELECT id, at, body FROM outbox WHERE due <= $1 ORDER BY due, id LIMIT $2`, micros(t.at), limit)
		return err
	})
	return list, err
}

// NoticeDelivered takes a notice out. Doing it again changes nothing.
func (s *Store) NoticeDelivered(ctx context.Context, id string) error {
	return s.update(ctx, "take out notice "+id, func(t *tx) error {
		_, err := t.ExecContext(ctx, `DELETE FROM outbox WHERE id = $1`, id)
		return err
	})
}

// PostponeNotice tries a notice again after a delay, the others before it.
func (s *Store) PostponeNotice(ctx context.Context, id string, delay time.Duration) error {
	return s.update(ctx, "postpone notice "+id, func(t *tx) error {
		_, err := t.ExecContext(ctx, `UPDATE outbox SET due = $1 WHERE id = $2`, micros(t.at.Add(delay)), id)
		return err
	})
}

// outcomeGivenUp is the audit's outcome of a notice that could not be delivered.
const outcomeGivenUp = "given-up"

// GiveUpNotice takes a notice out undelivered and says so, and why, in the audit. Doing it again changes nothing.
func (s *Store) GiveUpNotice(ctx context.Context, id, why string) error {
	return s.update(ctx, "give up notice "+id, func(t *tx) error {
		bodies, err := query(ctx, t, scanText, `DELETE FROM outbox WHERE id = $1 RETURNING body`, id)
		if err != nil || len(bodies) == 0 {
			return err
		}
		var n lifecycle.Notice
		if err := json.Unmarshal([]byte(bodies[0]), &n); err != nil {
			return fmt.Errorf("decode notice %s: %w", id, err)
		}
		return t.audit(ctx, Actor{By: "webhook", Reason: why, RunID: n.RunID}, AuditEntry{
			Operation: "notice", Tenant: n.Tenant, Subscriber: n.Subscriber, Outcome: outcomeGivenUp,
			Detail: map[string]any{"id": n.ID, "event": n.Event, "at": n.At},
		})
	})
}
