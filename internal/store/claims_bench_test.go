package store_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"tenure/internal/store"
	"tenure/internal/store/storetest"
)

// BenchmarkClaimNext prints what the inventory promises: claims of the next available number by 50 claimants at once, and
// how little the size of the inventory matters. PostgreSQL is that of storetest, which does not wait for the disk; name
// another one by TENURE_TEST_POSTGRES.
func BenchmarkClaimNext(b *testing.B) {
	// A round ends before the small inventory does.
	const claimants, round = 50, 2000
	storetest.EachDatabase(b, func(b *testing.B, dsn string) {
		for _, size := range []int{10_000, 1_000_000} {
			b.Run(fmt.Sprintf("numbers=%d", size), func(b *testing.B) {
				// This level runs once; only the innermost one is repeated.
				s := storetest.Open(b, dsn)
				require.NoError(b, s.Migrate(b.Context()))
				fill(b, dsn, size)
				for _, types := range [][]string{nil, {"directRouting", "operatorConnect"}} {
					b.Run(fmt.Sprintf("types=%d", len(types)), func(b *testing.B) {
						b.ResetTimer()
						for left := b.N; left > 0; left -= round {
							many := min(left, round)
							b.StopTimer()
							beginMany(b, dsn, many)
							b.StartTimer()
							var next atomic.Int64
							atOnce(claimants, func(int) {
								for i := next.Add(1); i <= int64(many); i = next.Add(1) {
									claim := store.Claim{Tenant: tenant, UserID: fmt.Sprintf("user-%d", i), Site: london, Types: types}
									if _, err := s.ClaimNumber(b.Context(), fmt.Sprintf("run-%d", i), claim); err != nil {
										b.Error(err)
										return
									}
								}
							})
						}
						b.StopTimer()
						b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "claims/s")
					})
				}
			})
		}
	})
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
