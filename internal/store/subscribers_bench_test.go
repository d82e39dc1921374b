package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tenure/internal/store"
	"tenure/internal/store/storetest"
)

// BenchmarkListSite prints what lists promise: a page of one site costs the same among few users and among many.
func BenchmarkListSite(b *testing.B) {
	storetest.EachDatabase(b, func(b *testing.B, dsn string) {
		s := storetest.Open(b, dsn)
		require.NoError(b, s.Migrate(b.Context()))
		medians := map[int]time.Duration{}
		for _, size := range []int{500, 50_000} {
			fillDirectory(b, dsn, size)
			var times []time.Duration
			for range 200 {
				from := time.Now()
				list, _, err := s.ListSubscribers(b.Context(), store.SubscriberFilter{Node: london})
				times = append(times, time.Since(from))
				require.NoError(b, err)
				require.Len(b, list, 100)
			}
			slices.Sort(times)
			medians[size] = times[len(times)/2]
		}
		ratio := medians[50_000].Seconds() / medians[500].Seconds()
		b.Logf("one site of 200 users, a page of 100: %v among 500 users, %v among 50,000: ratio %.2f (promised: at most 2)", medians[500], medians[50_000], ratio)
		b.ReportMetric(ratio, "ratio")
	})
}

// fillDirectory makes a directory of that many users, 200 of them at london, around the store.
func fillDirectory(b *testing.B, dsn string, size int) {
	b.Helper()
	db := storetest.SQL(b, dsn)
	for _, statement := range []string{
		`DELETE FROM services`,
		`DELETE FROM subscribers`,
		fmt.Sprintf(`INSERT INTO subscribers (tenant, id, upn, upn_lower, display_name, guest, enabled, person, node, role, added_at, changed_at)
			WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < %d)
			SELECT '%s', 'id-' || CAST(i AS TEXT), 'user' || CAST(i AS TEXT), 'user' || CAST(i AS TEXT), '', FALSE, TRUE, '{"id":"id-' || CAST(i AS TEXT) || '","userPrincipalName":"user' || CAST(i AS TEXT) || '"}',
			CASE WHEN i %% %d = 0 THEN '%s' ELSE '%s' END, 'r', 0, 0 FROM c`, size-1, tenant, max(size/200, 1), london, paris),
		`INSERT INTO services (tenant, subscriber_id, kind, node) SELECT tenant, id, 'm365', node FROM subscribers`,
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
