package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// versionTable is where the versions that were applied are listed.
const versionTable = "tenure_schema"

// Migrate brings the schema to the version of this program. Workers that start at once on one database may all call
// it. It refuses a database that a newer program has migrated.
func (s *Store) Migrate(ctx context.Context) error {
	provider, newest, err := s.migrations()
	if err != nil {
		return fmt.Errorf("prepare the migrations: %w", err)
	}
	for reached := int64(-1); ; {
		version, err := s.SchemaVersion(ctx)
		switch {
		case err != nil:
			return err
		case version > newest:
			return fmt.Errorf("migrate the store: its schema has version %d and this program knows only %d; a newer program has migrated it", version, newest)
		case version == newest:
			return nil
		}
		if _, err = provider.Up(ctx); err == nil {
			return nil
		}
		// SQLite has no lock that outlives a transaction: of two that start at once one fails at what the other has just
		// done, and goes on from there. Without progress the error stands.
		after, versionErr := s.SchemaVersion(ctx)
		if versionErr != nil || after <= reached {
			return fmt.Errorf("migrate the store from version %d: %w", version, err)
		}
		reached = after
	}
}

// SchemaVersion is the version that the schema has; 0 when there is none yet.
func (s *Store) SchemaVersion(ctx context.Context) (int64, error) {
	var tables, version int64
	if err := s.read.QueryRowContext(ctx, s.dialect.hasTable, versionTable).Scan(&tables); err != nil {
		return 0, fmt.Errorf("read the version of the store's schema: %w", err)
	}
	if tables == 0 {
		return 0, nil
	}
	if err := s.read.QueryRowContext(ctx, `SELECT COALESCE(max(version_id), 0) FROM `+versionTable).Scan(&version); err != nil {
		return 0, fmt.Errorf("read the version of the store's schema: %w", err)
	}
	return version, nil
}

// KnownSchema is the version of the schema that this program is made for.
func (s *Store) KnownSchema() (int64, error) {
	_, newest, err := s.migrations()
	return newest, err
}

// migrations reads the embedded files, NNNNN_what.sql, one transaction each. They are handed to goose as functions and
// not as files because the name of the collation has to be replaced first.
func (s *Store) migrations() (provider *goose.Provider, newest int64, err error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return nil, 0, err
	}
	var list []*goose.Migration
	for _, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", path.Base(name), err)
		}
		raw, err := migrationFiles.ReadFile(name)
		if err != nil {
			return nil, 0, err
		}
		script := strings.ReplaceAll(string(raw), `COLLATE "C"`, s.dialect.collation)
		list = append(list, goose.NewGoMigration(version, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, script)
			return err
		}}, nil))
		newest = max(newest, version)
	}
	options := []goose.ProviderOption{
		goose.WithGoMigrations(list...), goose.WithDisableGlobalRegistry(true), goose.WithTableName(versionTable), goose.WithLogger(goose.NopLogger()),
	}
	if s.dialect.goose == goose.DialectPostgres {
		options = append(options, goose.WithSessionLocker(advisoryLock{}))
	}
	provider, err = goose.NewProvider(s.dialect.goose, s.write, nil, options...)
	return provider, newest, err
}

// advisoryLock makes migrations on one PostgreSQL wait for each other. Unlike goose's own locker it waits in the
// database and not by polling.
type advisoryLock struct{}

// advisoryKey is arbitrary; it must only be the same in every version of this program.
const advisoryKey = 7_366_387_265

// SessionLock implements lock.SessionLocker.
func (advisoryLock) SessionLock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, int64(advisoryKey))
	return err
}

// SessionUnlock implements lock.SessionLocker.
func (advisoryLock) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	var released bool
	if err := conn.QueryRowContext(ctx, `SELECT pg_advisory_unlock($1)`, int64(advisoryKey)).Scan(&released); err != nil {
		return err
	}
	if !released {
		return errors.New("the lock for migrations was not held any more")
	}
	return nil
}
