package store_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tenure/internal/lifecycle"
	"tenure/internal/store"
	"tenure/internal/store/storetest"
)

// The inventory promises that a hundred times as many numbers cost at most five times as much.
const (
	fewNumbers  = 10_000
	manyNumbers = 1_000_000
)

// BenchmarkInventory prints what the inventory promises: claims of the next available number by 50 claimants at once, pages
// of filtered lists, and how little the size of the inventory matters to either, as the ratio of the costs. PostgreSQL is
// that of storetest, which does not wait for the disk; name another one by TENURE_TEST_POSTGRES.
func BenchmarkInventory(b *testing.B) {
	storetest.EachDatabase(b, func(b *testing.B, dsn string) {
		s := storetest.Open(b, dsn)
		require.NoError(b, s.Migrate(b.Context()))
		costs := map[string][]float64{}
		for _, size := range []int{fewNumbers, manyNumbers} {
			fill(b, dsn, size)
			run := func(name string, f func(*testing.B) float64) {
				b.Run(fmt.Sprintf("%s/numbers=%d", name, size), func(b *testing.B) {
					var cost float64
					for range b.N {
						cost = f(b)
					}
					costs[name] = append(costs[name], cost)
				})
			}
			run("claim", func(b *testing.B) float64 { return claimAtOnce(b, s, dsn, nil) })
			run("claim-of-types", func(b *testing.B) float64 {
				return claimAtOnce(b, s, dsn, []string{"directRouting", "operatorConnect"})
			})
			for name, filter := range listFilters {
				run("list-"+name, func(b *testing.B) float64 { return listAgain(b, s, filter) })
			}
		}
		for name, cost := range costs {
			if len(cost) == 2 {
				b.Run(name+"/ratio", func(b *testing.B) {
					b.ReportMetric(cost[1]/cost[0], "times")
					b.ReportMetric(0, "ns/op")
				})
			}
		}
	})
}

// claimAtOnce lets 50 claimants claim a few thousand numbers, reports how many a second and returns the seconds for one.
func claimAtOnce(b *testing.B, s *store.Store, dsn string, types []string) float64 {
	b.Helper()
	// A round ends before the small inventory does.
	const claimants, round, rounds = 50, 2000, 2
	var took time.Duration
	for range rounds {
		beginMany(b, dsn, round)
		started := time.Now()
		var next atomic.Int64
		atOnce(claimants, func(int) {
			for i := next.Add(1); i <= round; i = next.Add(1) {
				claim := store.Claim{Tenant: tenant, UserID: fmt.Sprintf("user-%d", i), Site: london, Types: types}
				if _, err := s.ClaimNumber(b.Context(), fmt.Sprintf("run-%d", i), claim); err != nil {
					b.Error(err)
					return
				}
			}
		})
		took += time.Since(started)
	}
	cost := took.Seconds() / (round * rounds)
	b.ReportMetric(1/cost, "claims/s")
	b.ReportMetric(0, "ns/op")
	return cost
}

// listFilters are the filters of the lists that administrators ask for.
var listFilters = map[string]store.NumberFilter{
	"node":          {Tenant: tenant, Node: london},
	"few-of-a-node": {Tenant: tenant, Node: "acme/contoso/emea/rome"},
	"free-of-node":  {Tenant: tenant, Node: london, State: lifecycle.Available},
	"below":         {Tenant: tenant, Node: "acme/contoso/emea", Below: true},
	"cooling":       {Tenant: tenant, State: lifecycle.Cooling},
	"type":          {Tenant: tenant, Type: "callingPlan"},
	"contains":      {Tenant: tenant, Contains: "77"},
	"user":          {Tenant: tenant, UserID: "anna"},
}

// listAgain reads the first page of a list some times, reports how long one takes and returns its seconds.
func listAgain(b *testing.B, s *store.Store, filter store.NumberFilter) float64 {
	b.Helper()
	const times = 20
	started := time.Now()
	for range times {
		list, _, err := s.ListNumbers(b.Context(), filter)
		require.NoError(b, err)
		require.NotEmpty(b, list)
	}
	cost := time.Since(started).Seconds() / times
	b.ReportMetric(cost*1000, "ms/page")
	b.ReportMetric(0, "ns/op")
	return cost
}

// fill makes an inventory of that many numbers, spread over the nodes above and at london and over the types. It writes
// around the store, which would take its time over the history.
func fill(b *testing.B, dsn string, size int) {
	b.Helper()
	db := storetest.SQL(b, dsn)
	for _, statement := range []string{
		`DELETE FROM numbers`,
		fmt.Sprintf(`INSERT INTO numbers (tenant, number, node, state, type, vendor, version, added_at, changed_at)
			WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < %d)
			SELECT '%s', '+44' || CAST(2000000000 + i AS TEXT), CASE i %% 4 WHEN 0 THEN '%s' WHEN 1 THEN '%s' ELSE '%s' END, 'available',
			CASE i / 4 %% 3 WHEN 0 THEN 'directRouting' WHEN 1 THEN 'callingPlan' ELSE 'operatorConnect' END, 'Microsoft', 1, 0, 0 FROM c`, size-1, tenant, london, customer, paris),
		// The last ones are what lists look for and claims do not find.
		fmt.Sprintf(`UPDATE numbers SET state = 'cooling', cooling_until = 1, node = 'acme/contoso/emea/rome' WHERE number > '+44%d'`, 2_000_000_000+size-21),
		fmt.Sprintf(`UPDATE numbers SET state = 'used', user_id = 'anna' WHERE number = '+44%d'`, 2_000_000_000+size-21),
	} {
		_, err := db.ExecContext(b.Context(), statement)
		require.NoError(b, err)
	}
	// PostgreSQL keeps its statistics by itself, and here there is no time for that; SQLite never has any.
	if !strings.HasPrefix(dsn, "sqlite:") {
		_, err := db.ExecContext(b.Context(), `VACUUM ANALYZE`)
		require.NoError(b, err)
	}
}

// beginMany frees every number and begins many runs, also around the store.
func beginMany(b *testing.B, dsn string, many int) {
	b.Helper()
	db := storetest.SQL(b, dsn)
	for _, statement := range []string{
		`UPDATE numbers SET held_by = '', held_at = NULL, next_user = '', version = 1 WHERE held_by <> ''`,
		`DELETE FROM number_history`,
		`DELETE FROM operations`,
		fmt.Sprintf(`INSERT INTO operations (run_id, workflow_id, tenant, subscriber_id, upn, upn_lower, operation, request_id, requested_by, reason, node, status, started_at, request, active)
			WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < %d)
			SELECT 'run-' || CAST(i AS TEXT), 'workflow-' || CAST(i AS TEXT), '%s', 'user-' || CAST(i AS TEXT), '', '', 'onboard', '', '', '', '%s', 'running', 0, '{}', TRUE FROM c`, many, tenant, london),
	} {
		_, err := db.ExecContext(b.Context(), statement)
		require.NoError(b, err)
	}
}
