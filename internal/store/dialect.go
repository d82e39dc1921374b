package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
)

// dialect is where the two engines differ. Both take $1 as a placeholder, ON CONFLICT, RETURNING and UPDATE … FROM.
type dialect struct {
	goose goose.Dialect
	// snapshot is the isolation that gives several reads one consistent state.
	snapshot sql.IsolationLevel
	// forUpdate locks the rows that a SELECT returns until the end of the transaction. SQLite needs nothing: a
	// transaction that may write has the whole database to itself from its beginning.
	forUpdate string
	// skipLocked is forUpdate that passes by what others have locked.
	skipLocked string
	// contenders is among how many free numbers of a node one is found that nobody has locked; it is about how many
	// transactions may claim at once.
	contenders int
	// in compares a column with the few rows that a SELECT returns. PostgreSQL has to be told that they are few, or it may
	// read all the table in order beside them.
	in func(rows string) string
	// inOrder goes before a column to keep the engine from reading by its range and sorting then what is wanted in another
	// order. SQLite needs it: it knows nothing of how many rows a range has.
	inOrder string
	// collation replaces COLLATE "C" in the migrations.
	collation string
	// hasTable asks whether the table $1 exists.
	hasTable string
	// rows makes a table out of a JSON array of objects in parameter n.
	rows func(n int, columns []column) string
}

// column is a field of the objects that dialect.rows reads.
type column struct{ name, kind string }

// columns reads "name kind" pairs; the kind defaults to TEXT.
func columns(list string) []column {
	var cs []column
	for item := range strings.SplitSeq(list, ",") {
		name, kind, _ := strings.Cut(strings.TrimSpace(item), " ")
		if kind == "" {
			kind = "TEXT"
		}
		cs = append(cs, column{name, kind})
	}
	return cs
}

// jsonRows encodes the parameter of dialect.rows.
func jsonRows[T any](items []T) (string, error) {
	raw, err := json.Marshal(items)
	return string(raw), err
}

var sqliteDialect = dialect{
	goose:      goose.DialectSQLite3,
	contenders: 1,
	in:         func(rows string) string { return `IN (` + rows + `)` },
	inOrder:    "+",
	collation:  "COLLATE BINARY",
	hasTable:   `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = $1`,
	rows: func(n int, columns []column) string {
		fields := make([]string, len(columns))
		for i, c := range columns {
			fields[i] = fmt.Sprintf("value->>'$.%s' AS %s", c.name, c.name)
		}
		return fmt.Sprintf("(SELECT %s FROM json_each($%d)) AS r", strings.Join(fields, ", "), n)
	},
}

var postgresDialect = dialect{
	goose:      goose.DialectPostgres,
	snapshot:   sql.LevelRepeatableRead,
	forUpdate:  " FOR UPDATE",
	skipLocked: " FOR UPDATE SKIP LOCKED",
	contenders: 32,
	in:         func(rows string) string { return `= ANY (ARRAY(` + rows + `))` },
	collation:  `COLLATE "C"`,
	hasTable:   `SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = current_schema() AND tablename = $1`,
	rows: func(n int, columns []column) string {
		fields := make([]string, len(columns))
		for i, c := range columns {
			fields[i] = c.name + " " + c.kind
		}
		return fmt.Sprintf("json_to_recordset($%d::text::json) AS r(%s)", n, strings.Join(fields, ", "))
	},
}

// sqliteReaders and postgresConnections bound the connections of one process.
const (
	sqliteReaders       = 4
	postgresConnections = 20
)

// openSQLite opens a file. The write-ahead log lets readers go on beside the one writer; with it, synchronous NORMAL
// keeps the database whole through any crash of the process.
func (s *Store) openSQLite(ctx context.Context, path string) error {
	if path == "" {
		return fmt.Errorf(`"sqlite:" names no file`)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	// Made here so that only its owner may read it: it says who has which number.
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the path is the setting TENURE_STORE
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	dsn := (&url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: url.Values{
		"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "foreign_keys(1)", "synchronous(NORMAL)"},
		"_txlock": {"immediate"},
	}.Encode()}).String()
	s.dialect = sqliteDialect
	connector, err := sqlite.NewConnector(dsn)
	if err != nil {
		return err
	}
	s.write, s.read = sql.OpenDB(preparing{connector}), sql.OpenDB(preparing{connector})
	s.write.SetMaxOpenConns(1)
	s.read.SetMaxOpenConns(sqliteReaders)
	// The first connection switches the file to the write-ahead log, which must not race with the readers' connections.
	if err := s.write.PingContext(ctx); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func (s *Store) openPostgres(dsn string) error {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return err
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "tenure"
	}
	s.dialect = postgresDialect
	s.write = stdlib.OpenDB(*config)
	s.write.SetMaxOpenConns(postgresConnections)
	s.write.SetMaxIdleConns(postgresConnections)
	s.read = s.write
	return nil
}
