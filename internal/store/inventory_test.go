package store_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/lifecycle"
	"tenure/internal/store"
	"tenure/internal/store/storetest"
)

// by is the administrator in a run of that id.
func by(run string) store.Actor {
	return store.Actor{By: admin.By, Reason: admin.Reason, RunID: run}
}

// shelves is one number in each state, at london: +101 available, +102 used by anna, +103 reserved, +104 cooling, and
// +105 available and held by a run about zoe.
func shelves(t *testing.T, s *store.Store) {
	t.Helper()
	for _, n := range []string{"+101", "+103", "+104", "+105"} {
		_, _, err := s.AddNumbers(t.Context(), admin, []store.NumberAdd{{Tenant: tenant, Number: n, Node: london, Type: "directRouting", Vendor: "Microsoft"}})
		require.NoError(t, err)
	}
	addUsed(t, s, "anna", "+102")
	_, err := s.ReserveNumbers(t.Context(), admin, tenant, []string{"+103"}, store.Reservation{Notes: "lobby"})
	require.NoError(t, err)
	_, err = s.CoolNumbers(t.Context(), admin, tenant, []store.Cooling{{Number: "+104", Days: 5}})
	require.NoError(t, err)
	hold(t, s, "+105")
}

// inventory is every number as it is now.
func inventory(t *testing.T, s *store.Store) map[string]store.Number {
	t.Helper()
	list, next, err := s.ListNumbers(t.Context(), store.NumberFilter{Limit: 1000})
	require.NoError(t, err)
	require.Empty(t, next)
	all := map[string]store.Number{}
	for _, n := range list {
		all[n.Number] = n
	}
	return all
}

// edits are the changes that administrators make to lists of numbers.
var edits = []struct {
	name, operation string
	// allowed are the states in which the change is possible.
	allowed []lifecycle.NumberState
	edit    func(t *testing.T, s *store.Store, actor store.Actor, numbers ...string) ([]store.Number, error)
}{
	{"reserve", "numbers-reserve", []lifecycle.NumberState{lifecycle.Available}, func(t *testing.T, s *store.Store, actor store.Actor, numbers ...string) ([]store.Number, error) {
		return s.ReserveNumbers(t.Context(), actor, tenant, numbers, store.Reservation{Days: 3, Notes: "fair"})
	}},
	{
		"reserve for a user", "numbers-reserve", []lifecycle.NumberState{lifecycle.Available, lifecycle.Used, lifecycle.Reserved, lifecycle.Cooling},
		func(t *testing.T, s *store.Store, actor store.Actor, numbers ...string) ([]store.Number, error) {
			return s.ReserveNumbers(t.Context(), actor, tenant, numbers, store.Reservation{For: "ben", Days: 3})
		},
	},
	{"unreserve", "numbers-unreserve", []lifecycle.NumberState{lifecycle.Reserved}, func(t *testing.T, s *store.Store, actor store.Actor, numbers ...string) ([]store.Number, error) {
		return s.UnreserveNumbers(t.Context(), actor, tenant, numbers)
	}},
	{"cool", "numbers-cool", []lifecycle.NumberState{lifecycle.Available}, func(t *testing.T, s *store.Store, actor store.Actor, numbers ...string) ([]store.Number, error) {
		var cooling []store.Cooling
		for _, n := range numbers {
			cooling = append(cooling, store.Cooling{Number: n, Days: 7})
		}
		return s.CoolNumbers(t.Context(), actor, tenant, cooling)
	}},
	{"end cooling", "numbers-release", []lifecycle.NumberState{lifecycle.Cooling}, func(t *testing.T, s *store.Store, actor store.Actor, numbers ...string) ([]store.Number, error) {
		return s.EndCooling(t.Context(), actor, tenant, numbers)
	}},
	{"remove", "numbers-remove", []lifecycle.NumberState{lifecycle.Available}, func(t *testing.T, s *store.Store, actor store.Actor, numbers ...string) ([]store.Number, error) {
		return nil, s.RemoveNumbers(t.Context(), actor, tenant, numbers)
	}},
	{
		"move", "numbers-move", []lifecycle.NumberState{lifecycle.Available, lifecycle.Used, lifecycle.Reserved, lifecycle.Cooling},
		func(t *testing.T, s *store.Store, actor store.Actor, numbers ...string) ([]store.Number, error) {
			return s.MoveNumbers(t.Context(), actor, tenant, numbers, customer)
		},
	},
}

func TestEditsAreForTheirStatesOnlyAndAllOrNone(t *testing.T) {
	numbers := map[lifecycle.NumberState]string{lifecycle.Available: "+101", lifecycle.Used: "+102", lifecycle.Reserved: "+103", lifecycle.Cooling: "+104"}
	for _, e := range edits {
		t.Run(e.name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
				s := open(store.WithClock(newWatch().Now))
				shelves(t, s)
				good := numbers[e.allowed[0]]
				before := inventory(t, s)
				for state, number := range numbers {
					if slices.Contains(e.allowed, state) {
						continue
					}
					_, err := e.edit(t, s, by("run"), good, number)
					refusal := refused(t, err, "transition-not-allowed")
					assert.False(t, refusal.Invalid)
					assert.Contains(t, refusal.Message, number)
					assert.Contains(t, refusal.Message, string(state), "says from which state it is")
				}
				_, err := e.edit(t, s, by("run"), good, "+105")
				assert.Contains(t, refused(t, err, "number-held").Message, "+105 is held by run holder")
				_, err = e.edit(t, s, by("run"), good, "+999")
				assert.True(t, refused(t, err, "unknown-number").Invalid)
				assert.Equal(t, before, inventory(t, s), "all or none")
				trail, _, err := s.ListAudit(t.Context(), store.AuditFilter{RunID: "run"})
				require.NoError(t, err)
				assert.Empty(t, trail)

				var all []string
				for _, state := range e.allowed {
					all = append(all, numbers[state])
				}
				first, err := e.edit(t, s, by("run"), append(all, all[0])...)
				require.NoError(t, err)
				after := inventory(t, s)
				again, err := e.edit(t, s, by("run"), all...)
				require.NoError(t, err)
				assert.Equal(t, first, again, "the same answer")
				assert.Equal(t, after, inventory(t, s), "and nothing changed")
				trail, _, err = s.ListAudit(t.Context(), store.AuditFilter{RunID: "run"})
				require.NoError(t, err)
				require.Len(t, trail, 1)
				assert.Equal(t, e.operation, trail[0].Operation)
				var detail struct{ Numbers []string }
				require.NoError(t, json.Unmarshal(trail[0].Detail, &detail))
				assert.Equal(t, all, detail.Numbers)
				for i, n := range first {
					assert.Equal(t, all[i], n.Number)
					history := readNumber(t, s, n.Number).History
					assert.Equal(t, "run", history[len(history)-1].RunID)
				}
			})
		})
	}
}

// A retry comes late: others have changed the numbers since.
func TestEditRepeatedByItsRunAfterOthers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open()
		shelves(t, s)
		reserve := func(run string) error {
			_, err := s.ReserveNumbers(t.Context(), by(run), tenant, []string{"+101"}, store.Reservation{})
			return err
		}
		require.NoError(t, reserve("first"))
		_, err := s.UnreserveNumbers(t.Context(), by("second"), tenant, []string{"+101"})
		require.NoError(t, err)
		require.NoError(t, reserve("first"), "repeated")
		assert.Equal(t, lifecycle.Available, readNumber(t, s, "+101").State, "it does not happen twice")
		require.NoError(t, reserve("third"))
		assert.Equal(t, lifecycle.Reserved, readNumber(t, s, "+101").State)
		require.NoError(t, s.RemoveNumbers(t.Context(), by("removal"), tenant, []string{}))
	})
}

func TestReserveNumbers_R87_R88(t *testing.T) {
	clock := newWatch()
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open(store.WithClock(clock.Now))
		put(t, s, synced("ben"))
		shelves(t, s)
		until := clock.Now().Add(72 * time.Hour)
		got, err := s.ReserveNumbers(t.Context(), by("1"), tenant, []string{"+101"}, store.Reservation{Days: 3, Notes: "fair"})
		require.NoError(t, err)
		assert.Equal(t, []any{lifecycle.Reserved, &until, "fair"}, []any{got[0].State, got[0].ReservedUntil, got[0].Notes})

		got, err = s.ReserveNumbers(t.Context(), by("2"), tenant, []string{"+101", "+102", "+103"}, store.Reservation{For: "ben", Days: 1})
		require.NoError(t, err)
		untilFor := clock.Now().Add(24 * time.Hour)
		for i, state := range []lifecycle.NumberState{lifecycle.Reserved, lifecycle.Used, lifecycle.Reserved} {
			assert.Equal(t, state, got[i].State, "the state is independent")
			assert.Equal(t, []string{"ben", "ben@contoso.example"}, []string{got[i].ReservedFor, got[i].ReservedForName})
			assert.Equal(t, &untilFor, got[i].ReservedForUntil)
		}
		assert.Equal(t, &until, got[0].ReservedUntil, "that of the state")
		assert.Equal(t, &untilFor, got[1].ReservedUntil)
		assert.Nil(t, got[2].ReservedUntil)
		assert.Equal(t, []string{"fair", "lobby"}, []string{got[0].Notes, got[2].Notes})

		got, err = s.UnreserveNumbers(t.Context(), by("3"), tenant, []string{"+101", "+102"})
		require.NoError(t, err)
		for i, state := range []lifecycle.NumberState{lifecycle.Available, lifecycle.Used} {
			assert.Equal(t, state, got[i].State)
			assert.Empty(t, got[i].ReservedFor)
			assert.Nil(t, got[i].ReservedUntil)
			assert.Nil(t, got[i].ReservedForUntil)
			assert.Empty(t, got[i].Notes)
		}
		assert.Equal(t, []string{"add -available", "reserve available-reserved", "reserve-for reserved-reserved", "unreserve reserved-available"}, events(readNumber(t, s, "+101")))
		n := readNumber(t, s, "+102")
		assert.Equal(t, []string{"add-in-use -used", "reserve-for used-used", "unreserve-for used-used"}, events(n))
		assert.Equal(t, []string{"", "for user ben", "was for user ben"}, []string{n.History[0].Detail, n.History[1].Detail, n.History[2].Detail})
		for _, days := range []int{-1, 1000} {
			_, err = s.ReserveNumbers(t.Context(), by("4"), tenant, []string{"+101"}, store.Reservation{Days: days})
			assert.True(t, refused(t, err, "reservation-days").Invalid)
		}
	})
}

func TestCoolNumbers_R85(t *testing.T) {
	clock := newWatch()
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open(store.WithClock(clock.Now))
		shelves(t, s)
		for _, days := range []int{0, -1, 1000} {
			_, err := s.CoolNumbers(t.Context(), by("1"), tenant, []store.Cooling{{Number: "+101", Days: days}})
			assert.True(t, refused(t, err, "cooling-days").Invalid)
		}
		got, err := s.CoolNumbers(t.Context(), by("1"), tenant, []store.Cooling{{Number: "+101", Days: 999}})
		require.NoError(t, err)
		assert.Equal(t, clock.Now().Add(999*24*time.Hour), *got[0].CoolingUntil)
		got, err = s.EndCooling(t.Context(), by("2"), tenant, []string{"+101"})
		require.NoError(t, err)
		assert.Equal(t, lifecycle.Available, got[0].State)
		assert.Nil(t, got[0].CoolingUntil)
		assert.Equal(t, []string{"add -available", "cool available-cooling", "end-cooling cooling-available"}, events(readNumber(t, s, "+101")))
	})
}

func TestRemovedNumberContinuesItsHistory_R89(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open()
		adds := []store.NumberAdd{{Tenant: tenant, Number: "+101", Node: london}, {Tenant: tenant, Number: "+102", Node: london}}
		_, _, err := s.AddNumbers(t.Context(), by("1"), adds[:1])
		require.NoError(t, err)
		for range 2 {
			require.NoError(t, s.RemoveNumbers(t.Context(), by("2"), tenant, []string{"+101"}))
			_, found, err := s.Number(t.Context(), tenant, "+101")
			require.NoError(t, err)
			assert.False(t, found)
		}
		added, existing, err := s.AddNumbers(t.Context(), by("3"), adds)
		require.NoError(t, err)
		assert.Equal(t, []int{2, 0}, []int{added, existing})
		n := readNumber(t, s, "+101")
		assert.Equal(t, []string{"add -available", "remove available-", "add -available"}, events(n))
		assert.EqualValues(t, 3, n.Version)
		assert.EqualValues(t, 1, readNumber(t, s, "+102").Version)
		require.NoError(t, s.RemoveNumbers(t.Context(), by("4"), tenant, []string{"+101"}))
	})
}

func TestMoveNumbers_R80_R94(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open()
		put(t, s, synced("anna"), synced("ben"))
		require.NoError(t, s.Place(t.Context(), by("place"), tenant, "anna", lifecycle.PlaceChange{From: customer, To: london}))
		addUsed(t, s, "anna", "+101")
		addUsed(t, s, "nobody-knows", "+102")
		_, _, err := s.AddNumbers(t.Context(), admin, []store.NumberAdd{{Tenant: tenant, Number: "+103", Node: london}, {Tenant: tenant, Number: "+104", Node: paris}})
		require.NoError(t, err)
		_, err = s.ReserveNumbers(t.Context(), by("reserve"), tenant, []string{"+103"}, store.Reservation{For: "anna"})
		require.NoError(t, err)
		for _, number := range []string{"+101", "+103"} {
			_, err = s.MoveNumbers(t.Context(), by("1"), tenant, []string{number, "+102"}, paris)
			refusal := refused(t, err, "user-out-of-sight")
			for _, part := range []string{number, "anna", london, paris} {
				assert.Contains(t, refusal.Message, part)
			}
		}
		assert.Equal(t, london, readNumber(t, s, "+102").Node)
		got, err := s.MoveNumbers(t.Context(), by("2"), tenant, []string{"+102", "+104"}, paris)
		require.NoError(t, err)
		assert.Equal(t, []string{paris, paris}, []string{got[0].Node, got[1].Node})
		n := readNumber(t, s, "+102")
		assert.Equal(t, []string{"add-in-use -used", "move used-used"}, events(n))
		assert.Equal(t, "from "+london+" to "+paris, n.History[1].Detail)
		assert.Len(t, readNumber(t, s, "+104").History, 1, "it was there")
		got, err = s.MoveNumbers(t.Context(), by("3"), tenant, []string{"+101", "+103"}, "acme/contoso/emea")
		require.NoError(t, err)
		assert.Equal(t, "acme/contoso/emea", got[0].Node)
	})
}

func TestMoveHeldNumber(t *testing.T) {
	change := lifecycle.PlaceChange{From: london, To: customer}
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open()
		addUsed(t, s, "anna", "+101", "+102")
		require.NoError(t, s.Begin(t.Context(), offboarding("run", "anna")))
		_, err := s.HoldNumbers(t.Context(), "run", tenant, []string{"+101"})
		require.NoError(t, err)
		for _, number := range []string{"+102", "+999"} {
			refused(t, s.MoveHeldNumber(t.Context(), "run", tenant, number, change), "number-not-held")
			refused(t, s.RestoreHeldNumber(t.Context(), "run", tenant, number, change), "number-not-held")
		}
		require.NoError(t, s.RestoreHeldNumber(t.Context(), "run", tenant, "+101", change), "safe when it never moved")
		for range 2 {
			require.NoError(t, s.MoveHeldNumber(t.Context(), "run", tenant, "+101", change))
			n := readNumber(t, s, "+101")
			assert.Equal(t, customer, n.Node)
			assert.Equal(t, "run", n.HeldBy)
		}
		refused(t, s.MoveHeldNumber(t.Context(), "run", tenant, "+101", lifecycle.PlaceChange{From: london, To: paris}), "number-moved")
		for range 2 {
			require.NoError(t, s.RestoreHeldNumber(t.Context(), "run", tenant, "+101", change))
			assert.Equal(t, london, readNumber(t, s, "+101").Node)
		}
		require.NoError(t, s.Finish(t.Context(), "run", store.FinishInput{Status: lifecycle.RolledBack}))
		refused(t, s.MoveHeldNumber(t.Context(), "run", tenant, "+101", change), "run-closed")
		n := readNumber(t, s, "+101")
		assert.Equal(t, []string{"add-in-use -used", "hold used-used", "move used-used", "move used-used", "hold-ended used-used"}, events(n))
		assert.Equal(t, "from "+customer+" to "+london, n.History[3].Detail)
	})
}

func TestExpireNumbers_R86_R87_R88(t *testing.T) {
	day := 24 * time.Hour
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		clock := newWatch()
		s := open(store.WithClock(clock.Now))
		var adds []store.NumberAdd
		for i := range 8 {
			adds = append(adds, store.NumberAdd{Tenant: tenant, Number: fmt.Sprintf("+10%d", i), Node: london})
		}
		_, _, err := s.AddNumbers(t.Context(), admin, adds)
		require.NoError(t, err)
		_, err = s.CoolNumbers(t.Context(), admin, tenant, []store.Cooling{{Number: "+100", Days: 2}, {Number: "+101", Days: 1}, {Number: "+102", Days: 1}, {Number: "+103", Days: 3}})
		require.NoError(t, err)
		_, err = s.ReserveNumbers(t.Context(), admin, tenant, []string{"+104"}, store.Reservation{Days: 2, Notes: "fair"})
		require.NoError(t, err)
		_, err = s.ReserveNumbers(t.Context(), admin, tenant, []string{"+105"}, store.Reservation{Notes: "for ever"})
		require.NoError(t, err)
		_, err = s.ReserveNumbers(t.Context(), by("for"), tenant, []string{"+100", "+105", "+106"}, store.Reservation{For: "ben", Days: 2})
		require.NoError(t, err)
		_, err = s.ReserveNumbers(t.Context(), by("for"), tenant, []string{"+104", "+107"}, store.Reservation{For: "anna"})
		require.NoError(t, err)
		hold(t, s, "+102")

		clock.advance(day - time.Microsecond)
		expired, err := s.ExpireNumbers(t.Context(), by("0"), 100)
		require.NoError(t, err)
		assert.Zero(t, expired)
		clock.advance(day + time.Microsecond)
		total := store.Expired{}
		for more := true; more; {
			expired, err := s.ExpireNumbers(t.Context(), by("expiry"), 2)
			require.NoError(t, err)
			assert.LessOrEqual(t, expired.Released+expired.Unreserved, 2)
			total.Released += expired.Released
			total.Unreserved += expired.Unreserved
			more = expired.More
		}
		assert.Equal(t, store.Expired{Released: 2, Unreserved: 4}, total)
		states := map[string]lifecycle.NumberState{
			"+100": lifecycle.Available, "+101": lifecycle.Available, "+102": lifecycle.HeldState, "+103": lifecycle.Cooling,
			"+104": lifecycle.Available, "+105": lifecycle.Reserved, "+106": lifecycle.Available, "+107": lifecycle.Available,
		}
		for number, state := range states {
			assert.Equal(t, state, readNumber(t, s, number).State, number)
		}
		assert.Equal(t, []string{"add -available", "cool available-cooling", "reserve-for cooling-cooling", "cooling-ended cooling-available", "reserved-for-ended available-available"}, events(readNumber(t, s, "+100")))
		assert.Equal(t, []string{"anna", "", ""}, []string{readNumber(t, s, "+104").ReservedFor, readNumber(t, s, "+104").Notes, readNumber(t, s, "+105").ReservedFor})
		assert.Equal(t, "for ever", readNumber(t, s, "+105").Notes)
		trail, _, err := s.ListAudit(t.Context(), store.AuditFilter{Operation: "numbers-expire", OldestFirst: true})
		require.NoError(t, err)
		require.Len(t, trail, 3, "one for each batch that did something")
		assert.JSONEq(t, `{"released":2,"unreserved":0}`, string(trail[0].Detail))

		require.NoError(t, s.Finish(t.Context(), "holder", store.FinishInput{Status: lifecycle.RolledBack}))
		expired, err = s.ExpireNumbers(t.Context(), by("later"), 2)
		require.NoError(t, err)
		assert.Equal(t, store.Expired{Released: 1}, expired, "after the end of its hold")
	})
}

func TestSummarizeNumbers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open()
		shelves(t, s)
		_, _, err := s.AddNumbers(t.Context(), admin, []store.NumberAdd{
			{Tenant: tenant, Number: "+201", Node: paris, Type: "callingPlan"}, {Tenant: tenant, Number: "+202", Node: customer}, {Tenant: "fabrikam", Number: "+12", Node: "acme/fabrikam"},
		})
		require.NoError(t, err)
		got, err := s.SummarizeNumbers(t.Context(), store.NumberFilter{})
		require.NoError(t, err)
		atLondon := store.NodeSummary{Tenant: tenant, Node: london, Total: 5, Available: 1, Used: 1, Reserved: 1, Cooling: 1, Held: 1}
		atParis := store.NodeSummary{Tenant: tenant, Node: paris, Total: 1, Available: 1}
		assert.Equal(t, []store.NodeSummary{
			{Tenant: tenant, Node: customer, Total: 1, Available: 1}, atLondon, atParis, {Tenant: "fabrikam", Node: "acme/fabrikam", Total: 1, Available: 1},
		}, got)
		got, err = s.SummarizeNumbers(t.Context(), store.NumberFilter{Tenant: tenant, Node: "acme/contoso/emea", Below: true})
		require.NoError(t, err)
		assert.Equal(t, []store.NodeSummary{atLondon, atParis}, got)
		got, err = s.SummarizeNumbers(t.Context(), store.NumberFilter{Type: "callingPlan"})
		require.NoError(t, err)
		assert.Equal(t, []store.NodeSummary{atParis}, got)
	})
}

func TestCorrectNumbers_R91(t *testing.T) {
	clock := newWatch()
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open(store.WithClock(clock.Now))
		shelves(t, s)
		addUsed(t, s, "carl", "+106", "+107", "+108")
		was := inventory(t, s)
		_, err := s.MoveNumbers(t.Context(), by("other"), tenant, []string{"+108"}, customer)
		require.NoError(t, err)
		at := func(number string) store.Correction {
			return store.Correction{Number: number, Version: was[number].Version}
		}
		correction := func(number string, set func(*store.Correction)) store.Correction {
			c := at(number)
			set(&c)
			return c
		}
		inUse := func(c *store.Correction) { c.InUse = &store.InUse{UserID: "ben"} }
		facts := func(c *store.Correction) { c.Facts = &store.Facts{Type: "operatorConnect", Activation: "activated"} }
		corrections := []store.Correction{
			{Add: &store.NumberAdd{Number: "+201", Node: london, Type: "callingPlan", Vendor: "Microsoft", Activation: "activated"}},
			{Add: &store.NumberAdd{Number: "+202", Node: london, UserID: "ben"}},
			{Add: &store.NumberAdd{Number: "+101", Node: london, UserID: "ben"}},
			correction("+101", facts), correction("+101", inUse), correction("+102", inUse), correction("+103", inUse), correction("+104", inUse), correction("+105", inUse),
			correction("+106", func(c *store.Correction) { c.NotInUse = &store.NotInUse{To: lifecycle.Available} }),
			correction("+107", func(c *store.Correction) { c.NotInUse = &store.NotInUse{To: lifecycle.Cooling, CoolingDays: 2} }),
			correction("+107", facts),
			correction("+108", inUse),
			correction("+999", inUse),
		}
		for range 2 {
			done, err := s.CorrectNumbers(t.Context(), by("audit"), tenant, corrections)
			require.NoError(t, err)
			assert.Equal(t, 10, done, "not the one that is there, the held one, the one that moved since, and the unknown one")
			assert.Equal(t, []string{"add -available", "facts-taken-over available-available", "found-in-use available-used"}, events(readNumber(t, s, "+101")))
			assert.Equal(t, []string{"add-in-use -used", "owner-corrected used-used"}, events(readNumber(t, s, "+102")))
			assert.Equal(t, []string{"add -available", "reserve available-reserved", "found-in-use reserved-used"}, events(readNumber(t, s, "+103")))
			assert.Equal(t, []string{"add -available", "cool available-cooling", "found-in-use cooling-used"}, events(readNumber(t, s, "+104")))
			for _, number := range []string{"+101", "+102", "+103", "+104", "+202"} {
				n := readNumber(t, s, number)
				assert.Equal(t, "ben", n.User.ID)
				assert.Nil(t, n.CoolingUntil)
				assert.Empty(t, n.Notes)
			}
			assert.Equal(t, lifecycle.Available, readNumber(t, s, "+105").Beneath)
			assert.Equal(t, lifecycle.Available, readNumber(t, s, "+106").State)
			n := readNumber(t, s, "+107")
			assert.Equal(t, clock.Now().Add(48*time.Hour), *n.CoolingUntil)
			assert.Equal(t, []string{"operatorConnect", "activated"}, []string{n.Type, n.Activation})
			assert.Equal(t, "carl", readNumber(t, s, "+108").User.ID)
			assert.Equal(t, "activated", readNumber(t, s, "+201").Activation)
		}
		done, err := s.CorrectNumbers(t.Context(), by("second audit"), tenant, corrections)
		require.NoError(t, err)
		assert.Zero(t, done)
		trail, _, err := s.ListAudit(t.Context(), store.AuditFilter{Operation: "numbers-correct"})
		require.NoError(t, err)
		require.Len(t, trail, 1)

		for _, bad := range []store.NotInUse{{To: lifecycle.Used}, {To: lifecycle.Cooling}, {To: lifecycle.Cooling, CoolingDays: 1000}} {
			_, err = s.CorrectNumbers(t.Context(), by("third audit"), tenant, []store.Correction{{Number: "+102", Version: 2, NotInUse: &bad}})
			assert.True(t, refused(t, err, "not-a-release").Invalid)
		}
	})
}

// 10,000 numbers cool for up to 30 days, and nobody is there for 60. Then two workers start at once.
func TestExpireEverythingOnceHoweverLate_R86(t *testing.T) {
	const many, batch, days = 10_000, 250, 30
	storetest.EachDatabase(t, func(t *testing.T, dsn string) {
		clock := newWatch()
		stores := []*store.Store{storetest.Open(t, dsn, store.WithClock(clock.Now)), storetest.Open(t, dsn, store.WithClock(clock.Now))}
		require.NoError(t, stores[0].Migrate(t.Context()))
		adds := make([]store.NumberAdd, many)
		cooling := make([]store.Cooling, many)
		for i := range many {
			number := fmt.Sprintf("+4420%08d", i)
			adds[i] = store.NumberAdd{Tenant: tenant, Number: number, Node: london, Type: "directRouting", Vendor: "Microsoft"}
			cooling[i] = store.Cooling{Number: number, Days: 1 + i%days}
		}
		_, _, err := stores[0].AddNumbers(t.Context(), admin, adds)
		require.NoError(t, err)
		_, err = stores[0].CoolNumbers(t.Context(), by("cool"), tenant, cooling)
		require.NoError(t, err)
		clock.advance(60 * 24 * time.Hour)

		var released [4]int
		atOnce(len(released), func(i int) {
			for more := true; more; {
				expired, err := stores[i%2].ExpireNumbers(t.Context(), by(fmt.Sprintf("expiry-%d", i)), batch)
				if !assert.NoError(t, err) {
					return
				}
				released[i] += expired.Released
				more = expired.More
			}
		})
		assert.Equal(t, many, released[0]+released[1]+released[2]+released[3])
		left, err := stores[1].ExpireNumbers(t.Context(), by("after"), batch)
		require.NoError(t, err)
		assert.Zero(t, left)
		summary, err := stores[1].SummarizeNumbers(t.Context(), store.NumberFilter{})
		require.NoError(t, err)
		assert.Equal(t, []store.NodeSummary{{Tenant: tenant, Node: london, Total: many, Available: many}}, summary)

		db := storetest.SQL(t, dsn)
		var lines, numbers int
		require.NoError(t, db.QueryRowContext(t.Context(), `SELECT count(*), count(DISTINCT number) FROM number_history WHERE event = 'cooling-ended'`).Scan(&lines, &numbers))
		assert.Equal(t, []int{many, many}, []int{lines, numbers}, "each once")
		var audited int
		for cursor := ""; ; {
			trail, next, err := stores[0].ListAudit(t.Context(), store.AuditFilter{Operation: "numbers-expire", Cursor: cursor})
			require.NoError(t, err)
			for _, row := range trail {
				var detail struct{ Released int }
				require.NoError(t, json.Unmarshal(row.Detail, &detail))
				assert.LessOrEqual(t, detail.Released, batch)
				audited += detail.Released
			}
			if cursor = next; next == "" {
				break
			}
		}
		assert.Equal(t, many, audited)
		verified, err := stores[1].VerifyAudit(t.Context())
		require.NoError(t, err)
		assert.Empty(t, verified.Problem)
	})
}
