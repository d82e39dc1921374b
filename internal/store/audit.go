package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tenure/internal/lifecycle"
)

// AuditEntry is what happened, for the audit. Who made it happen is the Actor.
type AuditEntry struct {
	// Operation is a short word: "offboard", "place", "catalog-apply", "numbers-add".
	Operation string
	Tenant    string
	// Subscriber is the zero value where the change concerns nobody in particular.
	Subscriber lifecycle.SubscriberRef
	// Outcome is a status of a run, "refused", or "done".
	Outcome string
	// Detail is anything that encodes as JSON; nil for nothing. It holds no secret.
	Detail any
}

// AuditRow is a link of the audit's chain.
type AuditRow struct {
	Seq        int64                   `json:"seq"`
	At         time.Time               `json:"at"`
	By         string                  `json:"by"`
	Operation  string                  `json:"operation"`
	Tenant     string                  `json:"tenant"`
	Subscriber lifecycle.SubscriberRef `json:"subscriber"`
	RunID      string                  `json:"runId"`
	Reason     string                  `json:"reason"`
	Outcome    string                  `json:"outcome"`
	// Detail is canonical: compact, its keys sorted; "null" for none.
	Detail json.RawMessage `json:"detail"`
	// Previous is the hash of the row before, empty in the first; Hash covers Previous and everything above.
	Previous string `json:"-"`
	Hash     string `json:"-"`
}

// chained is the hash of the row: sha256 over the hash of the row before and the canonical JSON of this one, which is
// the fields in the order of the struct.
func (r AuditRow) chained() (string, error) {
	raw, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(append([]byte(r.Previous), raw...))
	return hex.EncodeToString(sum[:]), nil
}

// Audit appends one entry for a change that is made outside the store. What the store itself changes on behalf of an
// administrator it audits in the transaction of the change. Calling it twice appends twice.
func (s *Store) Audit(ctx context.Context, actor Actor, entry AuditEntry) error {
	return s.update(ctx, "append to the audit", func(t *tx) error { return t.audit(ctx, actor, entry) })
}

// audit appends an entry. It is the last thing that a transaction does: from here on everybody else's waits.
func (t *tx) audit(ctx context.Context, actor Actor, entry AuditEntry) error {
	detail, err := canonical(entry.Detail)
	if err != nil {
		return fmt.Errorf("audit: encode the detail: %w", err)
	}
	row := AuditRow{
		At: t.at, By: actor.By, Operation: entry.Operation, Tenant: entry.Tenant, Subscriber: entry.Subscriber,
		RunID: actor.RunID, Reason: actor.Reason, Outcome: entry.Outcome, Detail: detail,
	}
	// The update locks the head until the commit, so that on PostgreSQL too entries get in one after the other.
	if err := t.QueryRowContext(ctx, `UPDATE heads SET seq = seq + 1 WHERE name = 'audit' RETURNING seq, digest`).Scan(&row.Seq, &row.Previous); err != nil {
		return fmt.Errorf("audit: lock the head of the chain: %w", err)
	}
	if row.Hash, err = row.chained(); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	if _, err := t.ExecContext(ctx,
		`INSERT INTO audit (`+auditColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		row.Seq, micros(row.At), row.By, row.Operation, row.Tenant, row.Subscriber.ID, row.Subscriber.UserPrincipalName,
		row.RunID, row.Reason, row.Outcome, string(row.Detail), row.Previous, row.Hash); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	if _, err := t.ExecContext(ctx, `UPDATE heads SET digest = $1 WHERE name = 'audit'`, row.Hash); err != nil {
		return fmt.Errorf("audit: move the head of the chain: %w", err)
	}
	return nil
}

const auditColumns = `seq, at, by_whom, operation, tenant, subscriber_id, upn, run_id, reason, outcome, detail, previous, hash`

func scanAudit(row scanner) (r AuditRow, err error) {
	var at int64
	var detail string
	err = row.Scan(&r.Seq, &at, &r.By, &r.Operation, &r.Tenant, &r.Subscriber.ID, &r.Subscriber.UserPrincipalName, &r.RunID, &r.Reason, &r.Outcome, &detail, &r.Previous, &r.Hash)
	r.At, r.Detail = fromMicros(at), json.RawMessage(detail)
	return r, err
}

// canonical encodes a value so that equal values have equal bytes.
func canonical(value any) (json.RawMessage, error) {
	raw, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var plain any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&plain); err != nil {
		return nil, err
	}
	return json.Marshal(plain)
}

// AuditFilter selects rows of the audit; empty fields select all.
type AuditFilter struct {
	Tenant, SubscriberID, RunID, Operation, Outcome, By string
	// Subscriber is an id or, without regard to case, a principal name as it was then.
	Subscriber string
	// Since and Until bound the time: at or after, before.
	Since, Until *time.Time
	// OldestFirst turns the order round, for an export.
	OldestFirst bool
	// Limit is the size of a page: 100 when 0, at most 1000. Cursor is where the page before ended.
	Limit  int
	Cursor string
}

// ListAudit lists the audit, newest first, and the cursor of the next page; empty on the last one.
func (s *Store) ListAudit(ctx context.Context, f AuditFilter) (list []AuditRow, next string, err error) {
	order, beyond := "DESC", "seq < ?"
	if f.OldestFirst {
		order, beyond = "ASC", "seq > ?"
	}
	var c conditions
	c.equal("tenant", f.Tenant)
	c.equal("subscriber_id", f.SubscriberID)
	c.equal("run_id", f.RunID)
	c.equal("operation", f.Operation)
	c.equal("outcome", f.Outcome)
	c.equal("by_whom", f.By)
	if f.Subscriber != "" {
		c.add("(subscriber_id = ? OR lower(upn) = ?)", f.Subscriber, strings.ToLower(f.Subscriber))
	}
	if f.Since != nil {
		c.add("at >= ?", micros(*f.Since))
	}
	if f.Until != nil {
		c.add("at < ?", micros(*f.Until))
	}
	key, err := cursorKey(f.Cursor, 1)
	if err != nil {
		return nil, "", err
	}
	if key != nil {
		seq, err := cursorNumber(key[0])
		if err != nil {
			return nil, "", err
		}
		c.add(beyond, seq)
	}
	size := pageSize(f.Limit)
	err = s.view(ctx, "list the audit", func(t *tx) error {
		list, err = query(ctx, t, scanAudit, `SELECT `+auditColumns+` FROM audit`+c.where()+` ORDER BY seq `+order+` LIMIT `+c.arg(size+1), c.args...)
		return err
	})
	list, next = page(list, size, func(r AuditRow) string { return cursorAfter(strconv.FormatInt(r.Seq, 10)) })
	return list, next, err
}

// Verification is the result of checking the audit's chain.
type Verification struct {
	// Checked is how many rows are in order, from the first on.
	Checked int64
	// Problem says what is wrong, and BrokenAt with which row; empty and 0 when the chain is whole.
	Problem  string
	BrokenAt int64
}

// VerifyAudit walks the whole chain: no row may be missing, altered or added, the last ones included. What it finds
// wrong is in the Verification; the error is for a database that cannot be read.
func (s *Store) VerifyAudit(ctx context.Context) (v Verification, err error) {
	err = s.view(ctx, "verify the audit", func(t *tx) error {
		v, err = t.verifyAudit(ctx)
		return err
	})
	return v, err
}

func (t *tx) verifyAudit(ctx context.Context) (v Verification, err error) {
	var last int64
	var head string
	if err := t.QueryRowContext(ctx, `SELECT seq, digest FROM heads WHERE name = 'audit'`).Scan(&last, &head); errors.Is(err, sql.ErrNoRows) {
		return Verification{Problem: "the head of the chain is missing"}, nil
	} else if err != nil {
		return v, err
	}
	rows, err := t.QueryContext(ctx, `SELECT `+auditColumns+` FROM audit ORDER BY seq`)
	if err != nil {
		return v, err
	}
	defer func() { _ = rows.Close() }()
	previous := ""
	for rows.Next() {
		row, err := scanAudit(rows)
		if err != nil {
			return v, err
		}
		hash, err := row.chained()
		if err != nil {
			// The detail is no JSON any more.
			hash = ""
		}
		expected := v.Checked + 1
		switch {
		case row.Seq != expected:
			v.BrokenAt, v.Problem = expected, fmt.Sprintf("row %d is missing", expected)
		case row.Previous != previous:
			v.BrokenAt, v.Problem = row.Seq, fmt.Sprintf("row %d does not follow from row %d", row.Seq, v.Checked)
		case row.Hash != hash:
			v.BrokenAt, v.Problem = row.Seq, fmt.Sprintf("row %d was altered", row.Seq)
		}
		if v.Problem != "" {
			return v, nil
		}
		v.Checked, previous = row.Seq, row.Hash
	}
	if err := rows.Err(); err != nil {
		return v, err
	}
	switch {
	case v.Checked < last:
		v.BrokenAt, v.Problem = v.Checked+1, fmt.Sprintf("row %d is missing: the chain had %d rows", v.Checked+1, last)
	case v.Checked > last, previous != head:
		v.BrokenAt, v.Problem = v.Checked, fmt.Sprintf("row %d is not the one that was appended last", v.Checked)
	}
	return v, nil
}
