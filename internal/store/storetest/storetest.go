// Package storetest gives tests a store on each of the two engines, so that no test can pass on one of them only.
package storetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/stretchr/testify/require"

	"tenure/internal/store"
)

// ServerVariable names an existing PostgreSQL by its URL. Each test makes a schema of its own there and drops it. When it
// is not set, one server is started for the whole process, from the binaries of the machine.
const ServerVariable = "TENURE_TEST_POSTGRES"

// Each runs a test on SQLite and on PostgreSQL, each time with a fresh database whose schema is current. open opens
// another store on that same database, as another process would; it is closed with the test. Without a PostgreSQL that
// half is skipped, but under CI=true it fails.
func Each(t *testing.T, test func(t *testing.T, open func(...store.Option) *store.Store)) {
	EachDatabase(t, func(t *testing.T, dsn string) {
		open := func(options ...store.Option) *store.Store { return Open(t, dsn, options...) }
		require.NoError(t, Open(t, dsn).Migrate(t.Context()))
		test(t, open)
	})
}

// EachDatabase is Each for benchmarks, and for tests that look at the database itself; it has no schema yet.
func EachDatabase[T runner[T]](t T, test func(t T, dsn string)) {
	t.Helper()
	t.Run("sqlite", func(t T) {
		test(t, "sqlite:"+filepath.Join(t.TempDir(), "store.db"))
	})
	t.Run("postgres", func(t T) {
		test(t, postgresSchema(t))
	})
}

// runner is a *testing.T or a *testing.B.
type runner[T any] interface {
	testing.TB
	Run(name string, f func(T)) bool
}

// Open opens a store that is closed with the test.
func Open(t testing.TB, dsn string, options ...store.Option) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), dsn, options...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// SQL opens the database behind a DSN of Each, for tests that look or reach around the store.
func SQL(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	driver, source := "pgx", dsn
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		driver, source = "sqlite", path+"?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, source)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// postgresSchema makes an empty schema and returns the URL that leads to it.
func postgresSchema(t testing.TB) string {
	t.Helper()
	server := os.Getenv(ServerVariable)
	if server == "" {
		var err error
		if server, err = ownServer(); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("no PostgreSQL to test on (set %s): %v", ServerVariable, err)
			}
			t.Skipf("no PostgreSQL to test on (set %s): %v", ServerVariable, err)
		}
	}
	address, err := url.Parse(server)
	require.NoError(t, err)
	db := SQL(t, server)
	schema := "test_" + strings.ToLower(rand.Text())
	_, err = db.ExecContext(t.Context(), `CREATE SCHEMA `+schema)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := db.ExecContext(context.Background(), `DROP SCHEMA `+schema+` CASCADE`)
		require.NoError(t, err)
	})
	query := address.Query()
	query.Set("search_path", schema)
	address.RawQuery = query.Encode()
	return address.String()
}
