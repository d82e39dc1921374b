package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"tenure/internal/lifecycle"
)

// SyncRound is one pass over the users of a tenant, or over what changed among them since the pass before.
type SyncRound struct {
	// Number is what the calls of the round carry. A later round, which only begins when nothing has been heard of this one
	// for a while, ends it: its calls are refused ("sync-superseded").
	Number int64
	// Link is where Microsoft's changes begin that the round is to read; empty stands for all users.
	Link string
}

// SyncStart is how a round begins.
type SyncStart struct {
	// RunID is the run whose round it is.
	RunID string
	// Filter lets users in; Full asks for everybody.
	Filter string
	Full   bool
	// Instead is the round of the same sync that this one replaces; 0 for none.
	Instead int64
}

// syncSilence is how long nothing may be heard of a round before another run takes its turn.
const syncSilence = 5 * time.Minute

// BeginSync begins a round. It reads everybody when that is asked for, when the filter is not that of the round before, and
// when no round has ended since one that was to read everybody began: what that one did not get to is not forgotten.
// While the round of another run is under way it refuses with "sync-under-way".
func (s *Store) BeginSync(ctx context.Context, tenant string, in SyncStart) (round SyncRound, err error) {
	err = s.update(ctx, "begin a sync of "+tenant, func(t *tx) error {
		before, known, err := t.syncOf(ctx, tenant)
		if err != nil {
			return err
		}
		if before.runID != "" && before.runID != in.RunID && before.number != in.Instead && t.at.Sub(before.heardAt) < syncSilence {
			return &lifecycle.Refusal{
				Code: "sync-under-way", Message: fmt.Sprintf("a sync of %s is under way, run %s, last heard of at %s", tenant, before.runID, before.heardAt.Format(time.RFC3339)),
			}
		}
		if known && !in.Full && before.filter == in.Filter {
			round.Link = before.link
		}
		return t.QueryRowContext(ctx,
			`INSERT INTO syncs (tenant, round, run_id, heard_at, reads_all, link, filter) VALUES ($1, 1, $2, $3, $4, $5, $6)
			 ON CONFLICT (tenant) DO UPDATE SET round = syncs.round + 1, run_id = excluded.run_id, heard_at = excluded.heard_at,
				reads_all = excluded.reads_all, link = excluded.link, filter = excluded.filter
			 RETURNING round`,
			tenant, in.RunID, micros(t.at), round.Link == "", round.Link, in.Filter).Scan(&round.Number)
	})
	return round, err
}

// DropSync gives up a round that cannot go on, so that nobody waits for it. A round that is not the newest is let be.
func (s *Store) DropSync(ctx context.Context, tenant string, round int64) error {
	return s.update(ctx, "give up a sync of "+tenant, func(t *tx) error {
		_, err := t.ExecContext(ctx, `UPDATE syncs SET run_id = '' WHERE tenant = $1 AND round = $2`, tenant, round)
		return err
	})
}

// syncRow is the newest round of a tenant.
type syncRow struct {
	number              int64
	readsAll            bool
	link, filter, runID string
	heardAt, auditedAt  time.Time
}

// syncOf locks the newest round for the rest of the transaction, so that nobody is removed who is just being met.
func (t *tx) syncOf(ctx context.Context, tenant string) (row syncRow, known bool, err error) {
	found, err := query(ctx, t, func(row scanner) (r syncRow, err error) {
		var heard, audited int64
		err = row.Scan(&r.number, &r.readsAll, &r.link, &r.filter, &r.runID, &heard, &audited)
		r.heardAt, r.auditedAt = fromMicros(heard), fromMicros(audited)
		return r, err
	}, `SELECT round, reads_all, link, filter, run_id, heard_at, audited_at FROM syncs WHERE tenant = $1`+t.dialect.forUpdate, tenant)
	if err != nil || len(found) == 0 {
		return syncRow{}, false, err
	}
	return found[0], true, nil
}

// inRound locks the round for the rest of the transaction; "sync-superseded" unless it is the newest.
func (t *tx) inRound(ctx context.Context, tenant string, round int64) (syncRow, error) {
	newest, _, err := t.syncOf(ctx, tenant)
	if err == nil && newest.number != round {
		err = &lifecycle.Refusal{
			Code: "sync-superseded", Message: fmt.Sprintf("another sync of %s has begun since and does the work of this one", tenant),
		}
	}
	return newest, err
}

// SyncPage is what a round has read at a time. Everybody on it counts as met.
type SyncPage struct {
	Users []SyncedSubscriber
	// Gone are the object ids of users whom Entra reports as removed, LeftOut of those whom the filter does not let in.
	Gone, LeftOut []string
}

// PutPage stores a page of a round, all or none, its users as PutSubscribers does (R110). Users who are gone or left out
// stay until EndSync, which counts them first (R111). Storing a page again changes nothing.
func (s *Store) PutPage(ctx context.Context, tenant string, round int64, home Home, page SyncPage) (result SyncResult, err error) {
	err = s.update(ctx, "store a page of users", func(t *tx) error {
		if _, err := t.inRound(ctx, tenant, round); err != nil {
			return err
		}
		if _, err := t.ExecContext(ctx, `UPDATE syncs SET heard_at = $1 WHERE tenant = $2`, micros(t.at), tenant); err != nil {
			return err
		}
		p := syncPage{tx: t, tenant: tenant, round: round}
		if result, err = p.put(ctx, home, latest(page.Users)); err != nil {
			return err
		}
		if err := p.met(ctx, page.LeftOut); err != nil {
			return err
		}
		if err := p.toRemove(ctx, page.Gone, "deleted"); err != nil {
			return err
		}
		return p.toRemove(ctx, page.LeftOut, "filtered")
	})
	if err != nil {
		return SyncResult{}, err
	}
	return result, nil
}

// Namesakes are the ids of a tenant's users besides the one who have that principal name here, in any case.
func (s *Store) Namesakes(ctx context.Context, tenant, upn, besides string) (ids []string, err error) {
	err = s.view(ctx, "look for namesakes", func(t *tx) error {
		ids, err = query(ctx, t, scanText, `SELECT id FROM subscribers WHERE tenant = $1 AND upn_lower = $2 AND id <> $3 ORDER BY id`, tenant, strings.ToLower(upn), besides)
		return err
	})
	return ids, err
}

// MarkGone notes outside of a round that Entra no longer has users: they give way to those of the same name, and the next
// round removes them (R111).
func (s *Store) MarkGone(ctx context.Context, tenant string, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	return s.update(ctx, "mark users as gone", func(t *tx) error {
		round, _, err := t.syncOf(ctx, tenant)
		if err != nil {
			return err
		}
		return syncPage{tx: t, tenant: tenant, round: round.number}.toRemove(ctx, ids, "deleted")
	})
}

func (p syncPage) toRemove(ctx context.Context, ids []string, because string) error {
	_, err := p.onIDs(ctx, ids, `INSERT INTO removals (tenant, subscriber_id, because, round)
		SELECT tenant, id, CAST($3 AS TEXT), CAST($4 AS BIGINT) FROM subscribers WHERE tenant = $2 AND id IN ids
		ON CONFLICT (tenant, subscriber_id) DO NOTHING`, because, p.round)
	return err
}

// SyncEnd is what became of the users who are gone.
type SyncEnd struct {
	// Removed are how many the actor's run has removed, NumbersLeft how many numbers they had; these stay Used, for an audit
	// of the inventory to find.
	Removed, NumbersLeft int
	// Busy are those who stay for now because a run has them; the next sync removes them.
	Busy int
	// Held are those who wait for a decision because they are more than the threshold; First are the first of them by name.
	Held  int
	First []lifecycle.SubscriberRef
	// AuditDue says that the inventory should be compared with Teams now: after a round that read everybody, where numbers
	// were left, and a day after the time before.
	AuditDue bool
}

// auditInterval is how long rounds that read only what has changed go without an audit, which reads every number.
const auditInterval = 24 * time.Hour

// heldShown is how many of the users who wait for a decision are named.
const heldShown = 10

// EndSync ends a round, whose pages are all stored: link is where the next one begins. Who is gone is removed, those whom no
// page of a round that read everybody showed with them; unless they are more than the threshold: then nobody is, and
// they wait for RemoveGone (R111). Ending a round again changes nothing but to remove who was busy.
func (s *Store) EndSync(ctx context.Context, actor Actor, tenant string, round int64, link string, threshold int) (end SyncEnd, err error) {
	err = s.update(ctx, "end the sync of "+tenant, func(t *tx) error {
		sync, err := t.inRound(ctx, tenant, round)
		if err != nil {
			return err
		}
		if sync.readsAll {
			if _, err := t.ExecContext(ctx,
				`INSERT INTO removals (tenant, subscriber_id, because, round) SELECT tenant, id, 'unseen', CAST($2 AS BIGINT) FROM subscribers
				 WHERE tenant = $1 AND seen < $2 ON CONFLICT (tenant, subscriber_id) DO NOTHING`, tenant, round); err != nil {
				return err
			}
		}
		if _, err := t.ExecContext(ctx, `UPDATE syncs SET link = $1, run_id = '' WHERE tenant = $2`, link, tenant); err != nil {
			return err
		}
		gone, err := t.gone(ctx, tenant, round)
		if err != nil {
			return err
		}
		defer func() {
			end.AuditDue = sync.readsAll || end.NumbersLeft > 0 || t.at.Sub(sync.auditedAt) >= auditInterval
		}()
		if len(gone) <= threshold {
			end, err = t.remove(ctx, actor, tenant, gone)
			return err
		}
		end, err = t.removed(ctx, actor, tenant)
		end.Held = len(gone)
		for _, g := range gone[:min(len(gone), heldShown)] {
			end.First = append(end.First, lifecycle.SubscriberRef{ID: g.id, UserPrincipalName: g.upn})
		}
		return err
	})
	if err != nil {
		return SyncEnd{}, err
	}
	return end, nil
}

// RemoveGone removes, however many they are, the users whom the rounds up to this one found gone and who have not come back
// since. Doing it again changes nothing but to remove who was busy.
func (s *Store) RemoveGone(ctx context.Context, actor Actor, tenant string, round int64) (end SyncEnd, err error) {
	err = s.update(ctx, "remove users of "+tenant, func(t *tx) error {
		if _, _, err := t.syncOf(ctx, tenant); err != nil {
			return err
		}
		gone, err := t.gone(ctx, tenant, round)
		if err != nil {
			return err
		}
		end, err = t.remove(ctx, actor, tenant, gone)
		end.AuditDue = end.NumbersLeft > 0
		return err
	})
	if err != nil {
		return SyncEnd{}, err
	}
	return end, nil
}

// RecordFindings keeps how many findings an audit of the tenant's numbers had, for Findings and SyncEnd.AuditDue.
func (s *Store) RecordFindings(ctx context.Context, tenant string, findings int) error {
	return s.update(ctx, "record the findings at "+tenant, func(t *tx) error {
		_, err := t.ExecContext(ctx, `UPDATE syncs SET audited_at = $1, findings = $2 WHERE tenant = $3`, micros(t.at), findings, tenant)
		return err
	})
}

// Findings are how many findings the newest audit after a sync had, by tenant.
func (s *Store) Findings(ctx context.Context) (map[string]int, error) {
	found := map[string]int{}
	err := s.view(ctx, "read the findings", func(t *tx) error {
		_, err := query(ctx, t, func(row scanner) (none struct{}, err error) {
			var tenant string
			var findings int
			err = row.Scan(&tenant, &findings)
			found[tenant] = findings
			return none, err
		}, `SELECT tenant, findings FROM syncs WHERE findings IS NOT NULL`)
		return err
	})
	return found, err
}

// goneRow is a user to be removed.
type goneRow struct {
	id, upn, because string
	busy             bool
}

func (t *tx) gone(ctx context.Context, tenant string, round int64) ([]goneRow, error) {
	return query(ctx, t, func(row scanner) (g goneRow, err error) {
		err = row.Scan(&g.id, &g.upn, &g.because, &g.busy)
		return g, err
	}, `SELECT s.id, s.upn, r.because, EXISTS (SELECT 1 FROM operations AS o WHERE o.tenant = s.tenant AND o.subscriber_id = s.id AND o.active)
		FROM removals AS r JOIN subscribers AS s ON s.tenant = r.tenant AND s.id = r.subscriber_id
		WHERE r.tenant = $1 AND r.round <= $2 ORDER BY s.upn_lower, s.id`, tenant, round)
}

// remove deletes users and their service records. The audit keeps what is needed to see who they were; their numbers, their
// runs and what was reserved for them (R88) stay as they are.
func (t *tx) remove(ctx context.Context, actor Actor, tenant string, gone []goneRow) (SyncEnd, error) {
	busy, because := 0, map[string]string{}
	var ids []string
	for _, g := range gone {
		if g.busy {
			busy++
			continue
		}
		ids, because[g.id] = append(ids, g.id), g.because
	}
	if len(ids) > 0 {
		list, err := jsonRows(named(ids))
		if err != nil {
			return SyncEnd{}, err
		}
		where := ` WHERE tenant = $1 AND id IN (SELECT r.name FROM ` + t.dialect.rows(2, columns("name")) + `)`
		leaving, err := t.subscribers(ctx, where+` ORDER BY upn_lower, id`, tenant, list)
		if err != nil {
			return SyncEnd{}, err
		}
		if _, err := t.ExecContext(ctx, `DELETE FROM subscribers`+where, tenant, list); err != nil {
			return SyncEnd{}, err
		}
		for _, sub := range leaving {
			if err := t.audit(ctx, actor, AuditEntry{
				Operation: auditRemoved, Tenant: tenant, Subscriber: lifecycle.SubscriberRef{ID: sub.ID, UserPrincipalName: sub.UserPrincipalName}, Outcome: outcomeDone,
				Detail: map[string]any{"because": because[sub.ID], "node": sub.Node, "role": sub.Role, "numbers": sub.Numbers},
			}); err != nil {
				return SyncEnd{}, err
			}
		}
	}
	end, err := t.removed(ctx, actor, tenant)
	end.Busy = busy
	return end, err
}

// auditRemoved is the word of the audit for a user whom a sync removed.
const auditRemoved = "remove-user"

// removed counts what the actor's run has removed in the tenant. It asks the audit, so that a repeated call answers the same.
func (t *tx) removed(ctx context.Context, actor Actor, tenant string) (end SyncEnd, err error) {
	const entries = ` FROM audit AS a WHERE a.run_id = $1 AND a.tenant = $2 AND a.operation = '` + auditRemoved + `'`
	err = t.QueryRowContext(ctx, `SELECT (SELECT count(*)`+entries+`),
		(SELECT count(*) FROM numbers AS n WHERE n.tenant = $2 AND n.user_id <> '' AND n.user_id IN (SELECT a.subscriber_id`+entries+`))`,
		actor.RunID, tenant).Scan(&end.Removed, &end.NumbersLeft)
	return end, err
}
