package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"time"
)

// Revision is a catalog as it was applied.
type Revision struct {
	Number int64
	// Digest is the sha256 of the text, in hexadecimal.
	Digest     string
	Text       []byte
	AppliedAt  time.Time
	By, Reason string
}

// SaveCatalog makes a text the catalog in force and returns its revision. A text that is in force already changes
// nothing: its revision is returned, and changed is false. The text has been checked by the caller.
func (s *Store) SaveCatalog(ctx context.Context, actor Actor, text []byte) (revision int64, changed bool, err error) {
	sum := sha256.Sum256(text)
	digest := hex.EncodeToString(sum[:])
	err = s.update(ctx, "save the catalog", func(t *tx) error {
		var current string
		// Locks the head, so that of two catalogs applied at once the second one sees the first.
		if err := t.QueryRowContext(ctx, `SELECT seq, digest FROM heads WHERE name = 'catalog'`+t.dialect.forUpdate).Scan(&revision, &current); err != nil {
			return err
		}
		if changed = current != digest; !changed {
			return nil
		}
		revision++
		if _, err := t.ExecContext(ctx, `UPDATE heads SET seq = $1, digest = $2 WHERE name = 'catalog'`, revision, digest); err != nil {
			return err
		}
		if _, err := t.ExecContext(ctx, `INSERT INTO catalog_revisions (`+revisionColumns+`) VALUES ($1, $2, $3, $4, $5, $6)`,
			revision, digest, string(text), micros(t.at), actor.By, actor.Reason); err != nil {
			return err
		}
		return t.audit(ctx, actor, AuditEntry{Operation: "catalog-apply", Outcome: outcomeDone, Detail: map[string]any{"revision": revision, "digest": digest}})
	})
	if err != nil {
		return 0, false, err
	}
	return revision, changed, nil
}

// Catalog is the catalog in force; found is false before the first one was applied.
func (s *Store) Catalog(ctx context.Context) (r Revision, found bool, err error) {
	err = s.view(ctx, "read the catalog", func(t *tx) error {
		r, err = scanRevision(t.QueryRowContext(ctx, `SELECT `+revisionColumns+` FROM catalog_revisions ORDER BY revision DESC LIMIT 1`))
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		found = err == nil
		return err
	})
	return r, found, err
}

const revisionColumns = `revision, digest, text, applied_at, applied_by, reason`

func scanRevision(row scanner) (r Revision, err error) {
	var text string
	var at int64
	err = row.Scan(&r.Number, &r.Digest, &text, &at, &r.By, &r.Reason)
	r.Text, r.AppliedAt = []byte(text), fromMicros(at)
	return r, err
}
