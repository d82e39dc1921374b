package store_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/lifecycle"
	"tenure/internal/store"
	"tenure/internal/store/storetest"
)

const (
	tenant   = "contoso"
	customer = "acme/contoso"
	london   = "acme/contoso/emea/london"
	paris    = "acme/contoso/emea/paris"
	number   = "+442079460000"
)

// start is a moment with microseconds, which both engines must keep.
var start = time.Date(2026, 3, 4, 5, 6, 7, 123456000, time.UTC)

var admin = store.Actor{By: "admin@contoso.example", Reason: "ticket 7", RunID: "admin-run"}

// watch is a clock that tests set.
type watch struct {
	mu  sync.Mutex
	now time.Time
}

func newWatch() *watch { return &watch{now: start} }

func (w *watch) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *watch) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func user(id string) lifecycle.SubscriberRef {
	return lifecycle.SubscriberRef{ID: id, UserPrincipalName: id + "@contoso.example"}
}

// offboarding is a run that offboards a user.
func offboarding(run, subscriber string) store.Operation {
	return store.Operation{
		RunID: run, WorkflowID: "subscriber/contoso/" + subscriber, Tenant: tenant, Subscriber: user(subscriber), Node: london, StartedAt: start,
		Request: lifecycle.Request{
			Operation: lifecycle.Offboard, Tenant: tenant, SubscriberID: subscriber,
			RequestID: "request-of-" + run, RequestedBy: "operator@contoso.example", Reason: "left",
		},
	}
}

func refused(t *testing.T, err error, code string) *lifecycle.Refusal {
	t.Helper()
	require.Error(t, err)
	refusal, ok := err.(*lifecycle.Refusal) //nolint:errorlint // refusals are returned unwrapped
	require.Truef(t, ok, "not a refusal: %v", err)
	require.Equal(t, code, refusal.Code)
	require.NotEmpty(t, refusal.Message)
	return refusal
}

// addUsed adds numbers that a user has, at london.
func addUsed(t *testing.T, s *store.Store, subscriber string, numbers ...string) {
	t.Helper()
	var adds []store.NumberAdd
	for _, n := range numbers {
		adds = append(adds, store.NumberAdd{Tenant: tenant, Number: n, Node: london, Type: "directRouting", Vendor: "Microsoft", UserID: subscriber})
	}
	added, _, err := s.AddNumbers(t.Context(), admin, adds)
	require.NoError(t, err)
	require.Equal(t, len(numbers), added)
}

func readNumber(t *testing.T, s *store.Store, number string) store.Number {
	t.Helper()
	n, found, err := s.Number(t.Context(), tenant, number)
	require.NoError(t, err)
	require.True(t, found)
	return n
}

func readOperation(t *testing.T, s *store.Store, run string) store.OperationRow {
	t.Helper()
	list, next, err := s.FindOperations(t.Context(), store.OperationFilter{RunID: run})
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Empty(t, next)
	return list[0]
}

// events are a number's history in short: "hold used-used".
func events(n store.Number) []string {
	var list []string
	for _, e := range n.History {
		list = append(list, fmt.Sprintf("%s %s-%s", e.Event, e.From, e.To))
	}
	return list
}

// atOnce runs f from many goroutines that start together.
func atOnce(many int, f func(i int)) {
	gate := make(chan struct{})
	var wg sync.WaitGroup
	for i := range many {
		wg.Go(func() {
			<-gate
			f(i)
		})
	}
	close(gate)
	wg.Wait()
}

func TestOpenRefusesOtherAddresses(t *testing.T) {
	for _, dsn := range []string{"", "sqlite:", "mysql://root:secret@host/db", "store.db", "postgres://user:secret@host:notaport/db"} {
		t.Run(dsn, func(t *testing.T) {
			_, err := store.Open(t.Context(), dsn)
			require.Error(t, err)
			assert.NotContains(t, err.Error(), "secret")
		})
	}
}

func TestMigrateManyAtOnce(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, dsn string) {
		first := storetest.Open(t, dsn)
		version, err := first.SchemaVersion(t.Context())
		require.NoError(t, err)
		require.Zero(t, version)
		stores := make([]*store.Store, 8)
		for i := range stores {
			stores[i] = storetest.Open(t, dsn)
		}
		atOnce(len(stores), func(i int) { assert.NoError(t, stores[i].Migrate(t.Context())) })
		version, err = first.SchemaVersion(t.Context())
		require.NoError(t, err)
		require.Positive(t, version)

		_, _, err = first.SaveCatalog(t.Context(), admin, []byte("hierarchy: {}"))
		require.NoError(t, err)
		require.NoError(t, first.Migrate(t.Context()), "migrating again")
		_, found, err := first.Catalog(t.Context())
		require.NoError(t, err)
		require.True(t, found, "what was stored survives")
		require.NoError(t, first.Ping(t.Context()))
	})
}

func TestMigrateWaitsForAnotherOnPostgreSQL(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, dsn string) {
		if strings.HasPrefix(dsn, "sqlite:") {
			t.Skip("SQLite has no lock that outlives a transaction")
		}
		s, other := storetest.Open(t, dsn), storetest.SQL(t, dsn)
		conn, err := other.Conn(t.Context())
		require.NoError(t, err)
		const key = 7_366_387_265 // the same in every version, or two versions would not wait for each other
		_, err = conn.ExecContext(t.Context(), `SELECT pg_advisory_lock($1)`, int64(key))
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() { done <- s.Migrate(t.Context()) }()
		require.Eventually(t, func() bool {
			var waiting int
			err := other.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`).Scan(&waiting)
			return err == nil && waiting == 1 && len(done) == 0
		}, 10*time.Second, 5*time.Millisecond)
		_, err = conn.ExecContext(t.Context(), `SELECT pg_advisory_unlock($1)`, int64(key))
		require.NoError(t, err)
		require.NoError(t, conn.Close())
		require.NoError(t, <-done)
	})
}

func TestMigrateRefusesANewerSchema(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, dsn string) {
		s := storetest.Open(t, dsn)
		require.NoError(t, s.Migrate(t.Context()))
		_, err := storetest.SQL(t, dsn).ExecContext(t.Context(), `UPDATE tenure_schema SET version_id = 99 WHERE version_id = 1`)
		require.NoError(t, err)
		require.ErrorContains(t, s.Migrate(t.Context()), "a newer program")
	})
}

func mustJSON(t *testing.T, value any) string {
	t.Helper()
	raw, err := json.Marshal(value)
	require.NoError(t, err)
	return string(raw)
}
