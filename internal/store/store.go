// Package store remembers who is where, every telephone number, every operation and who changed what. It keeps them in
// SQLite for one machine or in PostgreSQL for several, with one schema and the same statements.
//
// Every change of state is a compare and set under the id of the run that makes it, so that repeating a call changes
// nothing. What a rule forbids is returned as a *lifecycle.Refusal, unwrapped; any other error is trouble with the
// database and may be tried again.
//
// Locks are always taken in the order sync, operation, subscriber, numbers (by number), heads; so no two calls deadlock.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"tenure/internal/lifecycle"
)

// Store is a database. It is safe for concurrent use, and on PostgreSQL several processes may use the same one.
type Store struct {
	// read and write are the same pool on PostgreSQL. SQLite has one writer at a time: its write pool is one connection,
	// so that writers queue here in order and by their context instead of polling for the lock of the file.
	read, write *sql.DB
	dialect     dialect
	clock       func() time.Time
	outbox      bool
}

// Option changes how a store behaves.
type Option func(*Store)

// WithClock replaces the clock that release dates and all other times come from; default time.Now.
func WithClock(now func() time.Time) Option {
	return func(s *Store) { s.clock = now }
}

// Actor is on whose behalf something is changed.
type Actor struct {
	// By is who asked, Reason why.
	By, Reason string
	// RunID is the Temporal run that makes the change.
	RunID string
}

// Open opens the database of a dsn: "sqlite:PATH", one file whose folder is created, or "postgres://…". It neither
// connects to PostgreSQL (see Ping) nor touches the schema (see Migrate).
func Open(ctx context.Context, dsn string, options ...Option) (*Store, error) {
	s := &Store{clock: time.Now}
	for _, o := range options {
		o(s)
	}
	scheme, rest, _ := strings.Cut(dsn, ":")
	var err error
	switch scheme {
	case "sqlite":
		err = s.openSQLite(ctx, rest)
	case "postgres", "postgresql":
		err = s.openPostgres(dsn)
	default:
		// The DSN itself may hold a password.
		err = errors.New(`the store's address begins neither with "sqlite:" nor with "postgres://"`)
	}
	if err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	return s, nil
}

// Ping checks that the database answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.read.PingContext(ctx); err != nil {
		return fmt.Errorf("reach the store: %w", err)
	}
	return nil
}

// Close waits for running calls and closes the database.
func (s *Store) Close() error {
	if s.read == s.write {
		return s.write.Close()
	}
	return errors.Join(s.read.Close(), s.write.Close())
}

// now is the present moment as the database can hold it.
func (s *Store) now() time.Time { return s.clock().UTC().Truncate(time.Microsecond) }

// tx is a transaction and the moment that everything in it happens at.
type tx struct {
	*sql.Tx
	dialect dialect
	outbox  bool
	at      time.Time
}

// update runs f in a transaction that may write. It commits when f returns nil. A refusal is passed on as it is; other
// errors are wrapped with what was being done.
func (s *Store) update(ctx context.Context, doing string, f func(*tx) error) error {
	return s.inTx(ctx, s.write, nil, doing, f)
}

// view runs f on one consistent state of the database.
func (s *Store) view(ctx context.Context, doing string, f func(*tx) error) error {
	return s.inTx(ctx, s.read, &sql.TxOptions{ReadOnly: true, Isolation: s.dialect.snapshot}, doing, f)
}

func (s *Store) inTx(ctx context.Context, db *sql.DB, options *sql.TxOptions, doing string, f func(*tx) error) error {
	t, err := db.BeginTx(ctx, options)
	if err != nil {
		return fmt.Errorf("%s: begin: %w", doing, err)
	}
	// After a commit the rollback does nothing; after an error its own error would say nothing new.
	defer func() { _ = t.Rollback() }()
	if err := f(&tx{Tx: t, dialect: s.dialect, outbox: s.outbox, at: s.now()}); err != nil {
		var refusal *lifecycle.Refusal
		if errors.As(err, &refusal) {
			return refusal
		}
		return fmt.Errorf("%s: %w", doing, err)
	}
	if err := t.Commit(); err != nil {
		return fmt.Errorf("%s: commit: %w", doing, err)
	}
	return nil
}

// exec runs a statement and returns how many rows it changed.
func (t *tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	result, err := t.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// query collects the rows that a statement returns, each read by scan.
func query[T any](ctx context.Context, t *tx, scan func(scanner) (T, error), statement string, args ...any) ([]T, error) {
	rows, err := t.QueryContext(ctx, statement, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var found []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		found = append(found, one)
	}
	return found, rows.Err()
}

// scanner is a row.
type scanner interface{ Scan(...any) error }

func scanText(row scanner) (text string, err error) {
	err = row.Scan(&text)
	return text, err
}
