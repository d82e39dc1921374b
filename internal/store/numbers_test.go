package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/lifecycle"
	"tenure/internal/store"
	"tenure/internal/store/storetest"
)

func TestAddNumbers_R81_R89(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open(store.WithClock(newWatch().Now))
		put(t, s, synced("anna"))
		adds := []store.NumberAdd{
			{Tenant: tenant, Number: "+442079460001", Node: london, Type: "directRouting", Vendor: "Microsoft", UserID: "anna"},
			{Tenant: tenant, Number: "+442079460000", Node: london, Type: "directRouting"},
			{Tenant: "fabrikam", Number: "+442079460000", Node: "acme/fabrikam", Type: "callingPlan"},
		}
		added, existing, err := s.AddNumbers(t.Context(), admin, adds)
		require.NoError(t, err)
		assert.Equal(t, []int{3, 0}, []int{added, existing})
		elsewhere := store.NumberAdd{Tenant: tenant, Number: "+442079460000", Node: paris, Type: "callingPlan"}
		gap := store.NumberAdd{Tenant: tenant, Number: "+442079460002", Node: paris}
		added, existing, err = s.AddNumbers(t.Context(), admin, []store.NumberAdd{elsewhere, gap, gap})
		require.NoError(t, err)
		assert.Equal(t, []int{1, 2}, []int{added, existing})

		n := readNumber(t, s, "+442079460000")
		assert.Equal(t, store.Number{
			Tenant: tenant, Number: "+442079460000", Node: london, State: lifecycle.Available, Beneath: lifecycle.Available, Type: "directRouting",
			Version: 1, Extra: map[string]string{}, AddedAt: start, ChangedAt: start,
			History: []store.NumberEvent{{At: start, Event: "add", To: lifecycle.Available, RunID: admin.RunID, By: admin.By}},
		}, n)
		n = readNumber(t, s, "+442079460001")
		assert.Equal(t, lifecycle.Used, n.State)
		assert.Equal(t, user("anna"), n.User)
		assert.Equal(t, []store.NumberEvent{{At: start, Event: "add-in-use", To: lifecycle.Used, RunID: admin.RunID, By: admin.By, UserID: "anna"}}, n.History)
		_, found, err := s.Number(t.Context(), tenant, "+1")
		require.NoError(t, err)
		assert.False(t, found)

		for _, bad := range []string{"", "442079460000", "+0442079460000", "+44 20", "tel:+442079460000", "+4420794600001234567"} {
			_, _, err = s.AddNumbers(t.Context(), admin, []store.NumberAdd{{Tenant: tenant, Number: "+442079469999"}, {Tenant: tenant, Number: bad}})
			assert.True(t, refused(t, err, "malformed-number").Invalid)
		}
		_, found, err = s.Number(t.Context(), tenant, "+442079469999")
		require.NoError(t, err)
		assert.False(t, found, "all or none")
		trail, _, err := s.ListAudit(t.Context(), store.AuditFilter{Operation: "numbers-add", OldestFirst: true})
		require.NoError(t, err)
		require.Len(t, trail, 3, "one per call and tenant")
		assert.JSONEq(t, `{"added":2}`, string(trail[0].Detail))
	})
}

func TestAddTenThousandNumbers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open()
		adds := make([]store.NumberAdd, 10_000)
		for i := range adds {
			adds[i] = store.NumberAdd{Tenant: tenant, Number: fmt.Sprintf("+4420%08d", i), Node: london, Type: "directRouting", Vendor: "Microsoft"}
		}
		added, existing, err := s.AddNumbers(t.Context(), admin, adds)
		require.NoError(t, err)
		assert.Equal(t, []int{10_000, 0}, []int{added, existing})
		added, existing, err = s.AddNumbers(t.Context(), admin, adds)
		require.NoError(t, err)
		assert.Equal(t, []int{0, 10_000}, []int{added, existing})
	})
}

func TestListNumbers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open()
		_, _, err := s.AddNumbers(t.Context(), admin, []store.NumberAdd{
			{Tenant: tenant, Number: "+100", Node: "acme/contoso/emea", Type: "callingPlan"},
			{Tenant: tenant, Number: "+101", Node: london, Type: "directRouting"},
			{Tenant: tenant, Number: "+102", Node: "acme/contoso/emea2/rome", Type: "directRouting"},
			{Tenant: tenant, Number: "+103", Node: london, Type: "directRouting", UserID: "anna"},
			{Tenant: tenant, Number: "+104", Node: london, Type: "directRouting", UserID: "anna"},
			{Tenant: "fabrikam", Number: "+101", Node: "acme/fabrikam"},
		})
		require.NoError(t, err)
		require.NoError(t, s.Begin(t.Context(), offboarding("run", "anna")))
		_, err = s.HoldNumbers(t.Context(), "run", tenant, []string{"+104"})
		require.NoError(t, err)
		tests := []struct {
			name   string
			filter store.NumberFilter
			want   []string
		}{
			{"all", store.NumberFilter{}, []string{"+100", "+101", "+102", "+103", "+104", "+101"}},
			{"tenant", store.NumberFilter{Tenant: "fabrikam"}, []string{"+101"}},
			{"at a node", store.NumberFilter{Node: "acme/contoso/emea"}, []string{"+100"}},
			{"at or below", store.NumberFilter{Tenant: tenant, Node: "acme/contoso/emea", Below: true}, []string{"+100", "+101", "+103", "+104"}},
			{"available", store.NumberFilter{Tenant: tenant, State: lifecycle.Available}, []string{"+100", "+101", "+102"}},
			{"used and not held", store.NumberFilter{Tenant: tenant, State: lifecycle.Used}, []string{"+103"}},
			{"held", store.NumberFilter{State: lifecycle.HeldState}, []string{"+104"}},
			{"type", store.NumberFilter{Type: "callingPlan"}, []string{"+100"}},
			{"user", store.NumberFilter{Tenant: tenant, UserID: "anna"}, []string{"+103", "+104"}},
			{"contains", store.NumberFilter{Tenant: tenant, Contains: "04"}, []string{"+104"}},
			{"contains no pattern", store.NumberFilter{Tenant: tenant, Contains: "1_4"}, nil},
		}
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				for limit := 1; limit <= 7; limit++ {
					var got []string
					filter := test.filter
					for filter.Limit = limit; ; {
						list, next, err := s.ListNumbers(t.Context(), filter)
						require.NoError(t, err)
						for _, n := range list {
							got = append(got, n.Number)
						}
						if filter.Cursor = next; next == "" {
							break
						}
					}
					require.Equalf(t, test.want, got, "in pages of %d", limit)
				}
			})
		}
	})
}

func TestNumbersOf(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open()
		addUsed(t, s, "anna", "+105", "+103")
		addUsed(t, s, "ben", "+104", "+109")
		_, _, err := s.AddNumbers(t.Context(), admin, []store.NumberAdd{{Tenant: tenant, Number: "+101", Node: london}, {Tenant: "fabrikam", Number: "+104", Node: "acme/fabrikam"}})
		require.NoError(t, err)
		require.NoError(t, s.Begin(t.Context(), offboarding("run", "anna")))
		_, err = s.HoldNumbers(t.Context(), "run", tenant, []string{"+103"})
		require.NoError(t, err)
		got, err := s.NumbersOf(t.Context(), tenant, "anna", []string{"+104", "+103", "+999"})
		require.NoError(t, err)
		assert.Equal(t, []lifecycle.NumberRow{
			{Number: "+103", Node: london, State: lifecycle.HeldState, Type: "directRouting", Vendor: "Microsoft", UserID: "anna", HeldBy: "run"},
			{Number: "+104", Node: london, State: lifecycle.Used, Type: "directRouting", Vendor: "Microsoft", UserID: "ben"},
			{Number: "+105", Node: london, State: lifecycle.Used, Type: "directRouting", Vendor: "Microsoft", UserID: "anna"},
		}, got)
		got, err = s.NumbersOf(t.Context(), tenant, "", nil)
		require.NoError(t, err)
		assert.Equal(t, []lifecycle.NumberRow{}, got, "free numbers belong to nobody")
	})
}

func TestHoldNumbers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open()
		addUsed(t, s, "anna", "+101", "+102")
		require.NoError(t, s.Begin(t.Context(), offboarding("run-a", "anna")))
		require.NoError(t, s.Begin(t.Context(), offboarding("run-b", "ben")))
		for range 2 {
			held, err := s.HoldNumbers(t.Context(), "run-a", tenant, []string{"+102", "+999"})
			require.NoError(t, err)
			assert.Equal(t, []string{"+102"}, held)
		}
		assert.Equal(t, []string{"add-in-use -used", "hold used-used"}, events(readNumber(t, s, "+102")))
		_, err := s.HoldNumbers(t.Context(), "run-b", tenant, []string{"+101", "+102"})
		assert.Contains(t, refused(t, err, "number-held").Message, "run-a")
		assert.Empty(t, readNumber(t, s, "+101").HeldBy, "all or none")
		_, err = s.HoldNumbers(t.Context(), "run-c", tenant, []string{"+101"})
		refused(t, err, "unknown-run")
	})
}

func TestHoldNumbersTwoStoresRacing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		stores := []*store.Store{open(), open()}
		_, _, err := stores[0].AddNumbers(t.Context(), admin, []store.NumberAdd{{Tenant: tenant, Number: number, Node: london}, {Tenant: tenant, Number: "+12", Node: london}})
		require.NoError(t, err)
		const many = 50
		run := func(i int) string { return fmt.Sprintf("run-%02d", i) }
		for i := range many {
			require.NoError(t, stores[0].Begin(t.Context(), offboarding(run(i), fmt.Sprintf("user-%02d", i))))
		}
		var mu sync.Mutex
		var winners []string
		atOnce(many, func(i int) {
			wanted := []string{number, "+12"}
			if i%3 == 0 {
				wanted = []string{"+12", number}
			}
			_, err := stores[i%2].HoldNumbers(t.Context(), run(i), tenant, wanted)
			if err == nil {
				mu.Lock()
				defer mu.Unlock()
				winners = append(winners, run(i))
				return
			}
			refusal, ok := err.(*lifecycle.Refusal) //nolint:errorlint // refusals are returned unwrapped
			if assert.Truef(t, ok, "%v", err) {
				assert.Equal(t, "number-held", refusal.Code)
			}
		})
		require.Len(t, winners, 1)
		for _, held := range []string{number, "+12"} {
			n := readNumber(t, stores[1], held)
			assert.Equal(t, winners[0], n.HeldBy)
			assert.Len(t, n.History, 2)
		}
	})
}

// describe sets what a release has to clear and to keep; the calls that set it come with the reservations.
func describe(t *testing.T, dsn, number string) {
	t.Helper()
	_, err := storetest.SQL(t, dsn).ExecContext(t.Context(),
		`UPDATE numbers SET description = 'Anna''s desk', reserved_for = 'anna', extra = '{"floor":"3"}', notes = 'kept' WHERE number = $1`, number)
	require.NoError(t, err)
}

func TestFinishReleasesAsRecorded_R83_R88_R93(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, dsn string) {
		clock := newWatch()
		s := storetest.Open(t, dsn, store.WithClock(clock.Now))
		require.NoError(t, s.Migrate(t.Context()))
		addUsed(t, s, "anna", "+101", "+102", "+103")
		describe(t, dsn, "+101")
		_, _, err := s.AddNumbers(t.Context(), admin, []store.NumberAdd{{Tenant: tenant, Number: "+104", Node: london}})
		require.NoError(t, err)
		require.NoError(t, s.Begin(t.Context(), offboarding("run", "anna")))
		_, err = s.HoldNumbers(t.Context(), "run", tenant, []string{"+101", "+102", "+103", "+104"})
		require.NoError(t, err)

		releases := []store.Release{{Number: "+102", To: lifecycle.Available}, {Number: "+101", To: lifecycle.Cooling, CoolingDays: 30}, {Number: "+104", To: lifecycle.Cooling, CoolingDays: 1}}
		until, untilOther := start.Add(30*24*time.Hour), start.Add(24*time.Hour)
		want := []store.Released{{Number: "+102", To: lifecycle.Available}, {Number: "+101", To: lifecycle.Cooling, CoolingUntil: &until}, {Number: "+104", To: lifecycle.Cooling, CoolingUntil: &untilOther}}
		for range 2 {
			got, err := s.RecordRelease(t.Context(), "run", tenant, releases)
			require.NoError(t, err)
			require.Equal(t, want, got)
			clock.advance(36 * time.Hour) // the date is that of the first call
		}
		n := readNumber(t, s, "+101")
		assert.Equal(t, lifecycle.HeldState, n.State)
		assert.Equal(t, lifecycle.Used, n.Beneath)
		assert.Equal(t, "anna", n.User.ID)
		assert.Equal(t, &want[1], n.Release)

		for range 2 {
			require.NoError(t, s.Finish(t.Context(), "run", store.FinishInput{Status: lifecycle.Completed, Commit: true}))
			n = readNumber(t, s, "+101")
			assert.Equal(t, lifecycle.Cooling, n.State)
			assert.Equal(t, until, *n.CoolingUntil)
			assert.Empty(t, n.User)
			assert.Empty(t, n.HeldBy)
			assert.Nil(t, n.HeldAt)
			assert.Nil(t, n.Release)
			assert.Empty(t, n.Description, "R93: description cleared")
			assert.Equal(t, map[string]string{"floor": "3"}, n.Extra, "R93: extra fields kept")
			assert.Equal(t, "anna", n.ReservedFor, "R88: survives")
			assert.Equal(t, []string{"add-in-use -used", "hold used-used", "release-to-cooling used-cooling"}, events(n))
			last := n.History[2]
			assert.Equal(t, store.NumberEvent{At: clock.Now(), Event: "release-to-cooling", From: lifecycle.Used, To: lifecycle.Cooling, RunID: "run", By: "operator@contoso.example", UserID: "anna"}, last)

			n = readNumber(t, s, "+102")
			assert.Equal(t, lifecycle.Available, n.State)
			assert.Nil(t, n.CoolingUntil)
			assert.Empty(t, n.User)
			n = readNumber(t, s, "+103")
			assert.Equal(t, lifecycle.Used, n.State, "nothing was recorded")
			assert.Equal(t, "anna", n.User.ID)
			assert.Equal(t, []string{"add-in-use -used", "hold used-used", "hold-ended used-used"}, events(n))
			n = readNumber(t, s, "+104")
			assert.Equal(t, lifecycle.Cooling, n.State)
			assert.Equal(t, []string{"add -available", "hold available-available", "found-in-use available-used", "release-to-cooling used-cooling"}, events(n), "only the table's transitions")
		}
	})
}

func TestFinishWithoutCommitLeavesNumbersAsTheyWere(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, dsn string) {
		s := storetest.Open(t, dsn, store.WithClock(newWatch().Now))
		require.NoError(t, s.Migrate(t.Context()))
		addUsed(t, s, "anna", number)
		describe(t, dsn, number)
		before := readNumber(t, s, number)
		require.NoError(t, s.Begin(t.Context(), offboarding("run", "anna")))
		_, err := s.HoldNumbers(t.Context(), "run", tenant, []string{number})
		require.NoError(t, err)
		_, err = s.RecordRelease(t.Context(), "run", tenant, []store.Release{{Number: number, To: lifecycle.Cooling, CoolingDays: 3}})
		require.NoError(t, err)
		require.NoError(t, s.Finish(t.Context(), "run", store.FinishInput{Status: lifecycle.RolledBack}))
		after := readNumber(t, s, number)
		assert.Equal(t, []string{"add-in-use -used", "hold used-used", "hold-ended used-used"}, events(after))
		before.History, after.History, after.Version = nil, nil, before.Version
		assert.Equal(t, before, after)
	})
}

func TestDropReleases(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open()
		addUsed(t, s, "anna", number)
		require.NoError(t, s.Begin(t.Context(), offboarding("run", "anna")))
		require.NoError(t, s.DropReleases(t.Context(), "run"), "safe when nothing was recorded")
		_, err := s.HoldNumbers(t.Context(), "run", tenant, []string{number})
		require.NoError(t, err)
		_, err = s.RecordRelease(t.Context(), "run", tenant, []store.Release{{Number: number, To: lifecycle.Cooling, CoolingDays: 3}})
		require.NoError(t, err)
		for range 2 {
			require.NoError(t, s.DropReleases(t.Context(), "run"))
			n := readNumber(t, s, number)
			assert.Nil(t, n.Release)
			assert.Equal(t, "run", n.HeldBy)
		}
		require.NoError(t, s.Finish(t.Context(), "run", store.FinishInput{Status: lifecycle.Completed, Commit: true}))
		assert.Equal(t, lifecycle.Used, readNumber(t, s, number).State)
	})
}

func TestRecordReleaseRefuses(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open()
		addUsed(t, s, "anna", "+101", "+102")
		addUsed(t, s, "ben", "+103")
		require.NoError(t, s.Begin(t.Context(), offboarding("run", "anna")))
		_, err := s.HoldNumbers(t.Context(), "run", tenant, []string{"+101", "+103"})
		require.NoError(t, err)
		tests := []struct {
			name    string
			release store.Release
			code    string
		}{
			{"a number that it does not hold", store.Release{Number: "+102", To: lifecycle.Available}, "number-not-held"},
			{"a number that is not in the inventory", store.Release{Number: "+999", To: lifecycle.Available}, "number-not-held"},
			{"a number of another user", store.Release{Number: "+103", To: lifecycle.Available}, "number-of-another"},
			{"to be used", store.Release{Number: "+101", To: lifecycle.Used}, "not-a-release"},
			{"to cool for no time", store.Release{Number: "+101", To: lifecycle.Cooling}, "not-a-release"},
		}
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				releases := []store.Release{test.release}
				if test.release.Number != "+101" {
					releases = []store.Release{{Number: "+101", To: lifecycle.Available}, test.release}
				}
				_, err := s.RecordRelease(t.Context(), "run", tenant, releases)
				refused(t, err, test.code)
				assert.Nil(t, readNumber(t, s, "+101").Release, "all or none")
			})
		}
	})
}
