package store_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/store"
	"tenure/internal/store/storetest"
)

func appendAudit(t *testing.T, s *store.Store, operation string) {
	t.Helper()
	require.NoError(t, s.Audit(t.Context(), admin, store.AuditEntry{Operation: operation, Tenant: tenant, Subscriber: user("anna"), Outcome: "done", Detail: map[string]any{"b": 1, "a": "ü"}}))
}

func TestAuditChainHasNoForks(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		stores := []*store.Store{open(), open()}
		const many = 60
		atOnce(many, func(i int) {
			assert.NoError(t, stores[i%2].Audit(t.Context(), admin, store.AuditEntry{Operation: "op-" + strconv.Itoa(i), Outcome: "done"}))
		})
		v, err := stores[0].VerifyAudit(t.Context())
		require.NoError(t, err)
		assert.Equal(t, store.Verification{Checked: many}, v)
	})
}

func TestVerifyAuditFindsWhatWasChanged(t *testing.T) {
	tests := []struct {
		name, statement string
		want            store.Verification
	}{
		{"nothing", `UPDATE audit SET reason = reason`, store.Verification{Checked: 5}},
		{"a reason", `UPDATE audit SET reason = 'another' WHERE seq = 3`, store.Verification{Checked: 2, BrokenAt: 3, Problem: "row 3 was altered"}},
		{"a time", `UPDATE audit SET at = at + 1 WHERE seq = 2`, store.Verification{Checked: 1, BrokenAt: 2, Problem: "row 2 was altered"}},
		{"a user", `UPDATE audit SET upn = '' WHERE seq = 1`, store.Verification{BrokenAt: 1, Problem: "row 1 was altered"}},
		{"a detail", `UPDATE audit SET detail = '{"a":"ü","b":2}' WHERE seq = 5`, store.Verification{Checked: 4, BrokenAt: 5, Problem: "row 5 was altered"}},
		{"a detail that is no JSON", `UPDATE audit SET detail = '{' WHERE seq = 5`, store.Verification{Checked: 4, BrokenAt: 5, Problem: "row 5 was altered"}},
		{"a link", `UPDATE audit SET previous = hash WHERE seq = 4`, store.Verification{Checked: 3, BrokenAt: 4, Problem: "row 4 does not follow from row 3"}},
		{"a row gone", `DELETE FROM audit WHERE seq = 2`, store.Verification{Checked: 1, BrokenAt: 2, Problem: "row 2 is missing"}},
		{"the last rows gone", `DELETE FROM audit WHERE seq > 3`, store.Verification{Checked: 3, BrokenAt: 4, Problem: "row 4 is missing: the chain had 5 rows"}},
		{"the head gone", `DELETE FROM heads WHERE name = 'audit'`, store.Verification{Problem: "the head of the chain is missing"}},
		{"the head moved back", `UPDATE heads SET seq = 4 WHERE name = 'audit'`, store.Verification{Checked: 5, BrokenAt: 5, Problem: "row 5 is not the one that was appended last"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			storetest.EachDatabase(t, func(t *testing.T, dsn string) {
				s := storetest.Open(t, dsn)
				require.NoError(t, s.Migrate(t.Context()))
				for range 5 {
					appendAudit(t, s, "place")
				}
				_, err := storetest.SQL(t, dsn).ExecContext(t.Context(), test.statement)
				require.NoError(t, err)
				v, err := s.VerifyAudit(t.Context())
				require.NoError(t, err)
				assert.Equal(t, test.want, v)
			})
		})
	}
}

func TestListAudit(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		clock := newWatch()
		s := open(store.WithClock(clock.Now))
		for i := range 5 {
			appendAudit(t, s, []string{"place", "set-role"}[i%2])
			clock.advance(time.Minute)
		}
		since, until := start.Add(time.Minute), start.Add(3*time.Minute)
		tests := []struct {
			name   string
			filter store.AuditFilter
			want   []int64
		}{
			{"newest first", store.AuditFilter{}, []int64{5, 4, 3, 2, 1}},
			{"oldest first", store.AuditFilter{OldestFirst: true}, []int64{1, 2, 3, 4, 5}},
			{"operation", store.AuditFilter{Operation: "set-role", Tenant: tenant, SubscriberID: "anna", RunID: admin.RunID, By: admin.By}, []int64{4, 2}},
			{"a time", store.AuditFilter{Since: &since, Until: &until}, []int64{3, 2}},
			{"somebody else", store.AuditFilter{By: "nobody"}, nil},
			{"an outcome", store.AuditFilter{Outcome: "done", Operation: "set-role"}, []int64{4, 2}},
			{"another outcome", store.AuditFilter{Outcome: "refused"}, nil},
			{"a principal name", store.AuditFilter{Subscriber: strings.ToUpper(user("anna").UserPrincipalName), Operation: "set-role"}, []int64{4, 2}},
			{"an object id", store.AuditFilter{Subscriber: "anna", Operation: "set-role"}, []int64{4, 2}},
			{"another name", store.AuditFilter{Subscriber: "ben"}, nil},
		}
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				for limit := 1; limit <= 6; limit++ {
					var got []int64
					filter := test.filter
					for filter.Limit = limit; ; {
						list, next, err := s.ListAudit(t.Context(), filter)
						require.NoError(t, err)
						for _, row := range list {
							got = append(got, row.Seq)
						}
						if filter.Cursor = next; next == "" {
							break
						}
					}
					require.Equalf(t, test.want, got, "in pages of %d", limit)
				}
			})
		}
		list, _, err := s.ListAudit(t.Context(), store.AuditFilter{OldestFirst: true, Limit: 1})
		require.NoError(t, err)
		assert.Equal(t, `{"a":"ü","b":1}`, string(list[0].Detail))
		assert.Equal(t, start, list[0].At)
		assert.Empty(t, list[0].Previous)
		assert.Len(t, list[0].Hash, 64)
	})
}

func TestSaveCatalog(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open(store.WithClock(newWatch().Now))
		_, found, err := s.Catalog(t.Context())
		require.NoError(t, err)
		require.False(t, found)
		steps := []struct {
			text     string
			revision int64
			changed  bool
		}{{"a: 1", 1, true}, {"a: 1", 1, false}, {"a: 2", 2, true}, {"a: 1", 3, true}, {"a: 1", 3, false}}
		for _, step := range steps {
			revision, changed, err := s.SaveCatalog(t.Context(), admin, []byte(step.text))
			require.NoError(t, err)
			require.Equal(t, step.revision, revision)
			require.Equal(t, step.changed, changed)
			current, found, err := s.Catalog(t.Context())
			require.NoError(t, err)
			require.True(t, found)
			require.Equal(t, step.text, string(current.Text))
			require.Equal(t, step.revision, current.Number)
		}
		current, _, err := s.Catalog(t.Context())
		require.NoError(t, err)
		assert.Equal(t, start, current.AppliedAt)
		assert.Equal(t, admin.By, current.By)
		assert.Equal(t, admin.Reason, current.Reason)
		trail, _, err := s.ListAudit(t.Context(), store.AuditFilter{Operation: "catalog-apply"})
		require.NoError(t, err)
		assert.Len(t, trail, 3)
	})
}

func TestSaveCatalogTwoStoresRacing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		stores := []*store.Store{open(), open()}
		atOnce(16, func(i int) {
			_, _, err := stores[i%2].SaveCatalog(t.Context(), admin, []byte("text "+strconv.Itoa(i)))
			assert.NoError(t, err)
		})
		current, _, err := stores[0].Catalog(t.Context())
		require.NoError(t, err)
		assert.EqualValues(t, 16, current.Number)
	})
}
