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

// onboarding is a run that onboards a user at london.
func onboarding(run, subscriber string) store.Operation {
	op := offboarding(run, subscriber)
	op.Request.Operation, op.Request.Site = lifecycle.Onboard, london
	return op
}

// shelf is an inventory row as a test wants it, at london, available, of direct routing and of vendor Microsoft unless
// said otherwise.
type shelf struct {
	tenant, number, node, kind, vendor string
	state                              lifecycle.NumberState
	user, reservedFor                  string
	until                              *time.Time
}

// stock puts rows into the inventory, around the store where the calls that make such a row come later.
func stock(t *testing.T, s *store.Store, dsn string, rows ...shelf) {
	t.Helper()
	for _, row := range rows {
		or := func(value, otherwise string) string {
			if value == "" {
				return otherwise
			}
			return value
		}
		vendor := or(row.vendor, "Microsoft")
		if vendor == "none" {
			vendor = ""
		}
		_, _, err := s.AddNumbers(t.Context(), admin, []store.NumberAdd{{
			Tenant: or(row.tenant, tenant), Number: row.number, Node: or(row.node, london), Type: or(row.kind, "directRouting"), Vendor: vendor, UserID: row.user,
		}})
		require.NoError(t, err)
		var cooling, reserved *int64
		if row.until != nil {
			until := row.until.UnixMicro()
			if row.state == lifecycle.Cooling {
				cooling = &until
			} else {
				reserved = &until
			}
		}
		if row.state == "" {
			row.state = lifecycle.Available
			if row.user != "" {
				row.state = lifecycle.Used
			}
		}
		_, err = storetest.SQL(t, dsn).ExecContext(t.Context(), `UPDATE numbers SET state = $1, cooling_until = $2, reserved_until = $3, reserved_for = $4 WHERE number = $5`,
			string(row.state), cooling, reserved, row.reservedFor, row.number)
		require.NoError(t, err)
	}
}

// hold lets the run of another user hold a number.
func hold(t *testing.T, s *store.Store, number string) {
	t.Helper()
	require.NoError(t, s.Begin(t.Context(), offboarding("holder", "zoe")))
	held, err := s.HoldNumbers(t.Context(), "holder", tenant, []string{number})
	require.NoError(t, err)
	require.Equal(t, []string{number}, held)
}

func TestClaimNumberGuards(t *testing.T) {
	later := start.Add(48 * time.Hour)
	calling := []string{"callingPlan", "operatorConnect"}
	tests := []struct {
		name   string
		rows   []shelf
		held   string
		number string // empty asks for the next one
		types  []string
		want   string // the number that is claimed, else
		code   string
		says   []string
	}{
		{name: "an available number at the site", rows: []shelf{{number: "+101"}}, number: "+101", want: "+101"},
		{name: "R80: a number at a node above", rows: []shelf{{number: "+101", node: "acme/contoso/emea"}}, number: "+101", want: "+101"},
		{name: "R80: a number at the provider", rows: []shelf{{number: "+101", node: "acme"}}, number: "+101", want: "+101"},
		{name: "R80: a number at another site", rows: []shelf{{number: "+101", node: paris}}, number: "+101", code: "number-not-visible", says: []string{"+101", paris, london}},
		{name: "R80: a number below the site", rows: []shelf{{number: "+101", node: london + "/east"}}, number: "+101", code: "number-not-visible"},
		{name: "R80: a node whose name begins alike", rows: []shelf{{number: "+101", node: "acme/contoso/emea/lon"}}, number: "+101", code: "number-not-visible"},
		{name: "a number that is not in the inventory", number: "+101", code: "unknown-number", says: []string{"+101"}},
		{name: "a number of another tenant", rows: []shelf{{number: "+101", tenant: "fabrikam"}}, number: "+101", code: "unknown-number"},
		{name: "a number of another user", rows: []shelf{{number: "+101", user: "ben"}}, number: "+101", code: "number-taken", says: []string{"ben"}},
		{name: "R84: a cooling number", rows: []shelf{{number: "+101", state: lifecycle.Cooling, until: &later}}, number: "+101", code: "number-cooling", says: []string{"2026-03-06T05:06:07Z"}},
		{name: "R87: a reserved number", rows: []shelf{{number: "+101", state: lifecycle.Reserved, until: &later}}, number: "+101", code: "number-reserved", says: []string{"2026-03-06T05:06:07Z"}},
		{name: "R87: a number reserved for ever", rows: []shelf{{number: "+101", state: lifecycle.Reserved}}, number: "+101", code: "number-reserved", says: []string{"unreserved"}},
		{name: "R87: reserved is reserved even for this user", rows: []shelf{{number: "+101", state: lifecycle.Reserved, reservedFor: "anna"}}, number: "+101", code: "number-reserved"},
		{name: "R88: a number for this user", rows: []shelf{{number: "+101", reservedFor: "anna"}}, number: "+101", want: "+101"},
		{name: "R88: a number for another user", rows: []shelf{{number: "+101", reservedFor: "ben"}}, number: "+101", code: "number-reserved-for-another", says: []string{"ben"}},
		{name: "a number that another run holds", rows: []shelf{{number: "+101"}}, held: "+101", number: "+101", code: "number-held", says: []string{"holder"}},
		{name: "a number of another type", rows: []shelf{{number: "+101"}}, number: "+101", types: calling, code: "number-wrong-type", says: []string{"directRouting", "callingPlan, operatorConnect"}},
		{name: "a number of an accepted type", rows: []shelf{{number: "+101", kind: "operatorConnect"}}, number: "+101", types: calling, want: "+101"},
		{name: "R9: another vendor by hand", rows: []shelf{{number: "+101", vendor: "Webex Calling"}}, number: "+101", want: "+101"},
		{name: "no vendor by hand", rows: []shelf{{number: "+101", vendor: "none"}}, number: "+101", want: "+101"},

		{name: "next: the lowest of all nodes", rows: []shelf{{number: "+103"}, {number: "+102", node: customer}, {number: "+101", node: paris}}, want: "+102"},
		{name: "next: the lowest by its digits as text", rows: []shelf{{number: "+442"}, {number: "+4410"}}, want: "+4410"},
		{name: "R9: next passes by other vendors", rows: []shelf{{number: "+101", vendor: "Webex Calling"}, {number: "+102", vendor: "none"}, {number: "+103", vendor: "microsoft"}, {number: "+104"}}, want: "+104"},
		{name: "R8: next passes by what is not available", rows: []shelf{{number: "+101", user: "ben"}, {number: "+102", state: lifecycle.Cooling, until: &later}, {number: "+103", state: lifecycle.Reserved}, {number: "+104"}}, want: "+104"},
		{name: "R88: next passes by numbers for others", rows: []shelf{{number: "+101", reservedFor: "ben"}, {number: "+102"}}, want: "+102"},
		{name: "R88: next begins with numbers for this user", rows: []shelf{{number: "+101"}, {number: "+102", reservedFor: "anna"}, {number: "+103", reservedFor: "anna"}}, want: "+102"},
		{name: "R88: but not with one out of sight", rows: []shelf{{number: "+101"}, {number: "+102", reservedFor: "anna", node: paris}}, want: "+101"},
		{name: "R88: nor with one of another vendor", rows: []shelf{{number: "+101"}, {number: "+102", reservedFor: "anna", vendor: "none"}}, want: "+101"},
		{name: "R88: nor with one of another type", rows: []shelf{{number: "+101", kind: "callingPlan"}, {number: "+102", reservedFor: "anna"}}, types: calling, want: "+101"},
		{name: "R42: next passes by held numbers", rows: []shelf{{number: "+101"}, {number: "+102"}}, held: "+101", want: "+102"},
		{name: "next of accepted types", rows: []shelf{{number: "+101"}, {number: "+103", kind: "callingPlan"}, {number: "+102", kind: "operatorConnect", node: "acme"}}, types: calling, want: "+102"},
		{name: "no next one", rows: []shelf{{number: "+101", node: paris}}, code: "no-number-available", says: []string{london}},
		{name: "no next one of the types", rows: []shelf{{number: "+101"}}, types: calling, code: "no-number-available", says: []string{london, "callingPlan", "operatorConnect"}},
		{name: "no next one that is free", rows: []shelf{{number: "+101"}}, held: "+101", code: "no-number-available"},

		{name: "R5: the user's own number", rows: []shelf{{number: "+101", user: "anna"}}, number: "+101", want: "+101"},
		{name: "R5: the user's own number out of sight", rows: []shelf{{number: "+101", user: "anna", node: paris}}, number: "+101", code: "number-not-visible"},
		{name: "R5: the user's own number is next", rows: []shelf{{number: "+101"}, {number: "+102", user: "anna", vendor: "none"}, {number: "+103", reservedFor: "anna"}}, want: "+102"},
	}
	storetest.EachDatabase(t, func(t *testing.T, dsn string) {
		s := storetest.Open(t, dsn, store.WithClock(newWatch().Now))
		require.NoError(t, s.Migrate(t.Context()))
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				for _, table := range []string{"numbers", "number_history", "operations"} {
					_, err := storetest.SQL(t, dsn).ExecContext(t.Context(), `DELETE FROM `+table)
					require.NoError(t, err)
				}
				stock(t, s, dsn, test.rows...)
				if test.held != "" {
					hold(t, s, test.held)
				}
				require.NoError(t, s.Begin(t.Context(), onboarding("run", "anna")))
				before, _, err := s.ListNumbers(t.Context(), store.NumberFilter{})
				require.NoError(t, err)

				claim := store.Claim{Tenant: tenant, UserID: "anna", Site: london, Number: test.number, Types: test.types}
				peeked, peekErr := s.PeekNumber(t.Context(), claim)
				after, _, err := s.ListNumbers(t.Context(), store.NumberFilter{})
				require.NoError(t, err)
				assert.Equal(t, before, after, "a look changes nothing")
				row, err := s.ClaimNumber(t.Context(), "run", claim)
				if test.code != "" {
					refusal := refused(t, err, test.code)
					assert.Equal(t, test.code == "unknown-number", refusal.Invalid)
					for _, part := range test.says {
						assert.Contains(t, refusal.Message, part)
					}
					assert.Equal(t, refusal, refused(t, peekErr, test.code))
					assert.Zero(t, row)
					assert.Zero(t, peeked)
					after, _, err = s.ListNumbers(t.Context(), store.NumberFilter{})
					require.NoError(t, err)
					assert.Equal(t, before, after, "a refusal changes nothing")
					return
				}
				require.NoError(t, err)
				require.NoError(t, peekErr)
				assert.Equal(t, test.want, row.Number)
				n := readNumber(t, s, test.want)
				if n.User.ID == "anna" {
					assert.Equal(t, lifecycle.Used, row.State)
					assert.Equal(t, "anna", row.UserID)
					assert.Equal(t, peeked, row)
					assert.Len(t, n.History, 1, "nothing is recorded")
					assert.Empty(t, n.HeldBy)
				} else {
					assert.Equal(t, "run", n.HeldBy)
					assert.Equal(t, "anna", n.ClaimedFor)
					assert.Equal(t, []string{"add -available", "claim available-available"}, events(n))
					peeked.State, peeked.HeldBy = lifecycle.HeldState, "run"
					assert.Equal(t, peeked, row, "the same answer, but for the hold")
				}
				again, err := s.ClaimNumber(t.Context(), "run", claim)
				require.NoError(t, err)
				assert.Equal(t, row, again)
				again, err = s.PeekNumber(t.Context(), claim)
				require.NoError(t, err)
				assert.Equal(t, row, again, "what the active run holds is its own")
				assert.Equal(t, n, readNumber(t, s, test.want))
			})
		}
	})
}

func TestClaimNumberNeedsTheSubscribersActiveRun(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, dsn string) {
		s := storetest.Open(t, dsn)
		require.NoError(t, s.Migrate(t.Context()))
		stock(t, s, dsn, shelf{number: "+101"})
		claim := store.Claim{Tenant: tenant, UserID: "anna", Site: london}
		_, err := s.ClaimNumber(t.Context(), "run", claim)
		refused(t, err, "unknown-run")
		refused(t, s.DropClaims(t.Context(), "run"), "unknown-run")
		require.NoError(t, s.Begin(t.Context(), onboarding("run", "anna")))
		for _, other := range []store.Claim{{Tenant: tenant, UserID: "ben", Site: london}, {Tenant: "fabrikam", UserID: "anna", Site: london}} {
			_, err = s.ClaimNumber(t.Context(), "run", other)
			refused(t, err, "not-the-subscriber")
		}
		require.NoError(t, s.Finish(t.Context(), "run", store.FinishInput{Status: lifecycle.Completed, Commit: true}))
		_, err = s.ClaimNumber(t.Context(), "run", claim)
		refused(t, err, "run-closed")
		refused(t, s.DropClaims(t.Context(), "run"), "run-closed")
		assert.Equal(t, []string{"add -available"}, events(readNumber(t, s, "+101")))
	})
}

func TestClaimNumberAgain(t *testing.T) {
	claim := store.Claim{Tenant: tenant, UserID: "anna", Site: london}
	storetest.EachDatabase(t, func(t *testing.T, dsn string) {
		s := storetest.Open(t, dsn)
		require.NoError(t, s.Migrate(t.Context()))
		stock(t, s, dsn, shelf{number: "+105"}, shelf{number: "+106"})
		require.NoError(t, s.Begin(t.Context(), onboarding("run", "anna")))
		got, err := s.ClaimNumber(t.Context(), "run", claim)
		require.NoError(t, err)
		require.Equal(t, "+105", got.Number)
		stock(t, s, dsn, shelf{number: "+101"}, shelf{number: "+102", reservedFor: "anna"})

		again, err := s.ClaimNumber(t.Context(), "run", claim)
		require.NoError(t, err)
		assert.Equal(t, got, again, "although others would be next by now")
		other := claim
		other.Number = "+106"
		_, err = s.ClaimNumber(t.Context(), "run", other)
		assert.Contains(t, refused(t, err, "claimed-already").Message, "+105")
		_, err = s.RecordRelease(t.Context(), "run", tenant, []store.Release{{Number: "+105", To: lifecycle.Available}})
		refused(t, err, "number-claimed")

		for range 2 {
			require.NoError(t, s.DropClaims(t.Context(), "run"))
			n := readNumber(t, s, "+105")
			assert.Empty(t, n.ClaimedFor)
			assert.Equal(t, "run", n.HeldBy, "the hold stays")
		}
		again, err = s.ClaimNumber(t.Context(), "run", claim)
		require.NoError(t, err)
		assert.Equal(t, got, again, "what the run holds comes first")
		require.NoError(t, s.DropClaims(t.Context(), "run"))
		again, err = s.ClaimNumber(t.Context(), "run", other)
		require.NoError(t, err)
		assert.Equal(t, "+106", again.Number)
		require.NoError(t, s.Finish(t.Context(), "run", store.FinishInput{Status: lifecycle.Completed, Commit: true}))
		assert.Equal(t, lifecycle.Available, readNumber(t, s, "+105").State)
		assert.Equal(t, "anna", readNumber(t, s, "+106").User.ID)
	})
}

func TestFinishAssignsWhatWasClaimed_R12(t *testing.T) {
	clock := newWatch()
	storetest.EachDatabase(t, func(t *testing.T, dsn string) {
		s := storetest.Open(t, dsn, store.WithClock(clock.Now))
		require.NoError(t, s.Migrate(t.Context()))
		for i, vendor := range []string{"Microsoft", "none", "Webex Calling"} {
			run, number := fmt.Sprintf("run-%d", i), fmt.Sprintf("+10%d", i)
			stock(t, s, dsn, shelf{number: number, vendor: vendor})
			describe(t, dsn, number)
			require.NoError(t, s.Begin(t.Context(), onboarding(run, "anna")))
			_, err := s.ClaimNumber(t.Context(), run, store.Claim{Tenant: tenant, UserID: "anna", Site: london, Number: number})
			require.NoError(t, err)
			for range 2 {
				require.NoError(t, s.Finish(t.Context(), run, store.FinishInput{Status: lifecycle.Completed, Commit: true}))
				n := readNumber(t, s, number)
				assert.Equal(t, lifecycle.Used, n.State)
				assert.Equal(t, "anna", n.User.ID)
				assert.Equal(t, map[string]string{"Microsoft": "Microsoft", "none": "Microsoft", "Webex Calling": "Webex Calling"}[vendor], n.Vendor)
				assert.Empty(t, n.HeldBy)
				assert.Nil(t, n.HeldAt)
				assert.Empty(t, n.ClaimedFor)
				assert.Equal(t, "anna", n.ReservedFor, "R88: independent of the state")
				assert.Equal(t, []string{"add -available", "claim available-available", "assign available-used"}, events(n))
				assert.Equal(t, store.NumberEvent{At: clock.Now(), Event: "assign", From: lifecycle.Available, To: lifecycle.Used, RunID: run, By: "operator@contoso.example", UserID: "anna"}, n.History[2])
			}
		}
	})
}

func TestFinishWithoutCommitLeavesAClaimedNumberAsItWas(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, dsn string) {
		s := storetest.Open(t, dsn, store.WithClock(newWatch().Now))
		require.NoError(t, s.Migrate(t.Context()))
		stock(t, s, dsn, shelf{number: number, vendor: "none"})
		describe(t, dsn, number)
		before := readNumber(t, s, number)
		for i, drop := range []bool{false, true} {
			run := fmt.Sprintf("run-%d", i)
			require.NoError(t, s.Begin(t.Context(), onboarding(run, "anna")))
			_, err := s.ClaimNumber(t.Context(), run, store.Claim{Tenant: tenant, UserID: "anna", Site: london, Number: number})
			require.NoError(t, err)
			if drop {
				require.NoError(t, s.DropClaims(t.Context(), run))
			}
			require.NoError(t, s.Finish(t.Context(), run, store.FinishInput{Status: lifecycle.RolledBack, Commit: drop}))
			after := readNumber(t, s, number)
			assert.Equal(t, []string{"claim available-available", "hold-ended available-available"}, events(after)[1+2*i:])
			after.History, after.Version = before.History, before.Version
			assert.Equal(t, before, after)
		}
	})
}

// A move keeps a number that leaving had recorded to be released.
func TestClaimNumberOverItsOwnRelease(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, dsn string) {
		s := storetest.Open(t, dsn)
		require.NoError(t, s.Migrate(t.Context()))
		stock(t, s, dsn, shelf{number: "+101", user: "anna"}, shelf{number: "+102"}, shelf{number: "+103"})
		require.NoError(t, s.Begin(t.Context(), onboarding("run", "anna")))
		_, err := s.HoldNumbers(t.Context(), "run", tenant, []string{"+101", "+102"})
		require.NoError(t, err)
		_, err = s.RecordRelease(t.Context(), "run", tenant, []store.Release{{Number: "+101", To: lifecycle.Cooling, CoolingDays: 3}, {Number: "+102", To: lifecycle.Cooling, CoolingDays: 3}})
		require.NoError(t, err)
		next, err := s.PeekNumber(t.Context(), store.Claim{Tenant: tenant, UserID: "anna", Site: london})
		require.NoError(t, err)
		assert.Equal(t, "+103", next.Number, "what the run gives up is not next")
		for _, number := range []string{"+101", "+102"} {
			_, err = s.ClaimNumber(t.Context(), "run", store.Claim{Tenant: tenant, UserID: "anna", Site: london, Number: number})
			require.NoError(t, err)
			n := readNumber(t, s, number)
			assert.Nil(t, n.Release)
			assert.Equal(t, "run", n.HeldBy)
		}
		require.NoError(t, s.Finish(t.Context(), "run", store.FinishInput{Status: lifecycle.Completed, Commit: true}))
		assert.Equal(t, "anna", readNumber(t, s, "+101").User.ID)
		assert.Equal(t, []string{"add-in-use -used", "hold used-used", "hold-ended used-used"}, events(readNumber(t, s, "+101")))
		assert.Equal(t, "anna", readNumber(t, s, "+102").User.ID)
	})
}

func TestClaimsPassToTheSuccessorOfADeadRun(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, dsn string) {
		s := storetest.Open(t, dsn)
		require.NoError(t, s.Migrate(t.Context()))
		stock(t, s, dsn, shelf{number: "+105"})
		claim := store.Claim{Tenant: tenant, UserID: "anna", Site: london}
		require.NoError(t, s.Begin(t.Context(), onboarding("dead", "anna")))
		_, err := s.ClaimNumber(t.Context(), "dead", claim)
		require.NoError(t, err)
		stock(t, s, dsn, shelf{number: "+101"})
		require.NoError(t, s.Begin(t.Context(), onboarding("next", "anna")))
		n := readNumber(t, s, "+105")
		assert.Equal(t, "next", n.HeldBy)
		assert.Empty(t, n.ClaimedFor, "the successor makes a plan of its own")
		_, err = s.ClaimNumber(t.Context(), "dead", claim)
		refused(t, err, "run-closed")
		got, err := s.ClaimNumber(t.Context(), "next", claim)
		require.NoError(t, err)
		assert.Equal(t, "+105", got.Number, "what it holds already")
		assert.Equal(t, []string{"add -available", "claim available-available", "hold-passed available-available", "claim available-available"}, events(readNumber(t, s, "+105")))
	})
}

func TestFinishEndsTheMarkOfAnOffboarding_R117(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open()
		put(t, s, synced("anna"))
		require.NoError(t, s.Begin(t.Context(), offboarding("leave", "anna")))
		require.NoError(t, s.Finish(t.Context(), "leave", store.FinishInput{Status: lifecycle.Completed, Commit: true}))
		for i, commit := range []bool{false, true} {
			require.NotNil(t, readSubscriber(t, s, "anna").OffboardedAt)
			run := fmt.Sprintf("join-%d", i)
			require.NoError(t, s.Begin(t.Context(), onboarding(run, "anna")))
			require.NoError(t, s.Finish(t.Context(), run, store.FinishInput{Status: lifecycle.Completed, Commit: commit}))
		}
		assert.Nil(t, readSubscriber(t, s, "anna").OffboardedAt)
	})
}

// tally counts what became of many calls at once.
type tally struct {
	mu      sync.Mutex
	numbers map[string]string
	refused map[string]int
}

func newTally() *tally { return &tally{numbers: map[string]string{}, refused: map[string]int{}} }

func (c *tally) note(t *testing.T, run string, row lifecycle.NumberRow, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		assert.Emptyf(t, c.numbers[row.Number], "%s has two claimants", row.Number)
		assert.Equal(t, run, row.HeldBy)
		c.numbers[row.Number] = run
		return
	}
	refusal, ok := err.(*lifecycle.Refusal) //nolint:errorlint // refusals are returned unwrapped
	if assert.Truef(t, ok, "%v", err) {
		c.refused[refusal.Code]++
	}
}

func TestManyClaimFewNumbers(t *testing.T) {
	const claimants, numbers = 200, 150
	storetest.EachDatabase(t, func(t *testing.T, dsn string) {
		stores := []*store.Store{storetest.Open(t, dsn), storetest.Open(t, dsn)}
		require.NoError(t, stores[0].Migrate(t.Context()))
		var adds []store.NumberAdd
		for i := range numbers {
			adds = append(adds, store.NumberAdd{Tenant: tenant, Number: fmt.Sprintf("+44%04d", i), Node: []string{london, customer, "acme"}[i%3], Type: "directRouting", Vendor: "Microsoft"})
		}
		_, _, err := stores[0].AddNumbers(t.Context(), admin, adds)
		require.NoError(t, err)
		run := func(i int) string { return fmt.Sprintf("run-%03d", i) }
		who := func(i int) string { return fmt.Sprintf("user-%03d", i) }
		for i := range claimants {
			require.NoError(t, stores[0].Begin(t.Context(), onboarding(run(i), who(i))))
		}
		count := newTally()
		atOnce(claimants, func(i int) {
			row, err := stores[i%2].ClaimNumber(t.Context(), run(i), store.Claim{Tenant: tenant, UserID: who(i), Site: london})
			count.note(t, run(i), row, err)
		})
		assert.Len(t, count.numbers, numbers)
		assert.Equal(t, map[string]int{"no-number-available": claimants - numbers}, count.refused)

		// Half of them commit: those have their numbers, and the numbers of the others are free again.
		atOnce(claimants, func(i int) {
			assert.NoError(t, stores[i%2].Finish(t.Context(), run(i), store.FinishInput{Status: lifecycle.Completed, Commit: i%2 == 0}))
		})
		for claimed, by := range count.numbers {
			var i int
			_, err := fmt.Sscanf(by, "run-%d", &i)
			require.NoError(t, err)
			n := readNumber(t, stores[0], claimed)
			if i%2 == 0 {
				assert.Equal(t, lifecycle.Used, n.State)
				assert.Equal(t, who(i), n.User.ID)
			} else {
				assert.Equal(t, lifecycle.Available, n.State)
			}
			assert.Len(t, n.History, 3)
		}
	})
}

// Nobody is refused while a claim is under way that leaves its number in the end.
func TestClaimNumberWaitsForAClaimThatIsGivenUp(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, dsn string) {
		s := storetest.Open(t, dsn)
		require.NoError(t, s.Migrate(t.Context()))
		stock(t, s, dsn, shelf{number: "+101"})
		require.NoError(t, s.Begin(t.Context(), onboarding("run", "anna")))
		other, err := storetest.SQL(t, dsn).BeginTx(t.Context(), nil)
		require.NoError(t, err)
		_, err = other.ExecContext(t.Context(), `UPDATE numbers SET held_by = 'other' WHERE number = '+101'`)
		require.NoError(t, err)
		type answer struct {
			row lifecycle.NumberRow
			err error
		}
		answers := make(chan answer, 1)
		go func() {
			row, err := s.ClaimNumber(t.Context(), "run", store.Claim{Tenant: tenant, UserID: "anna", Site: london})
			answers <- answer{row, err}
		}()
		waits(t, dsn, func() bool { return len(answers) > 0 })
		require.NoError(t, other.Rollback())
		got := <-answers
		require.NoError(t, got.err)
		assert.Equal(t, "+101", got.row.Number)
	})
}

func TestClaimNumberWaitsForAClaimThatSucceeds(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, dsn string) {
		s := storetest.Open(t, dsn)
		require.NoError(t, s.Migrate(t.Context()))
		stock(t, s, dsn, shelf{number: "+101"})
		require.NoError(t, s.Begin(t.Context(), onboarding("run", "anna")))
		other, err := storetest.SQL(t, dsn).BeginTx(t.Context(), nil)
		require.NoError(t, err)
		_, err = other.ExecContext(t.Context(), `UPDATE numbers SET held_by = 'other' WHERE number = '+101'`)
		require.NoError(t, err)
		answers := make(chan error, 1)
		go func() {
			_, err := s.ClaimNumber(t.Context(), "run", store.Claim{Tenant: tenant, UserID: "anna", Site: london})
			answers <- err
		}()
		waits(t, dsn, func() bool { return len(answers) > 0 })
		require.NoError(t, other.Commit())
		refused(t, <-answers, "no-number-available")
	})
}

// waits returns when a connection to PostgreSQL waits for a lock. In SQLite nobody can see who waits, nor does the
// outcome depend on it.
func waits(t *testing.T, dsn string, answered func() bool) {
	t.Helper()
	if dsn[:7] == "sqlite:" {
		return
	}
	db := storetest.SQL(t, dsn)
	require.Eventually(t, func() bool {
		require.False(t, answered(), "it should wait")
		var waiting int
		err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%FOR UPDATE' AND datname = current_database()`).Scan(&waiting)
		return err == nil && waiting > 0
	}, 10*time.Second, 5*time.Millisecond)
}

// Offboardings hold some of the numbers that onboardings claim, by name and as the next one, at the same moment.
func TestClaimsAndHoldsRacing(t *testing.T) {
	const many, numbers = 60, 20
	storetest.EachDatabase(t, func(t *testing.T, dsn string) {
		stores := []*store.Store{storetest.Open(t, dsn), storetest.Open(t, dsn)}
		require.NoError(t, stores[0].Migrate(t.Context()))
		names := make([]string, numbers)
		for i := range names {
			names[i] = fmt.Sprintf("+44%02d", i)
			stock(t, stores[0], dsn, shelf{number: names[i]})
		}
		run := func(i int) string { return fmt.Sprintf("run-%02d", i) }
		who := func(i int) string { return fmt.Sprintf("user-%02d", i) }
		for i := range many {
			op := onboarding(run(i), who(i))
			if i%3 == 0 {
				op = offboarding(run(i), who(i))
			}
			require.NoError(t, stores[0].Begin(t.Context(), op))
		}
		count := newTally()
		atOnce(many, func(i int) {
			s := stores[i%2]
			pair := []string{names[(i*7)%numbers], names[(i*3+1)%numbers]}
			switch i % 3 {
			case 0:
				held, err := s.HoldNumbers(t.Context(), run(i), tenant, pair)
				if err != nil {
					count.note(t, run(i), lifecycle.NumberRow{}, err)
				}
				for _, number := range held {
					count.note(t, run(i), lifecycle.NumberRow{Number: number, HeldBy: run(i)}, nil)
				}
			case 1:
				row, err := s.ClaimNumber(t.Context(), run(i), store.Claim{Tenant: tenant, UserID: who(i), Site: london, Number: pair[0]})
				count.note(t, run(i), row, err)
			default:
				row, err := s.ClaimNumber(t.Context(), run(i), store.Claim{Tenant: tenant, UserID: who(i), Site: london})
				count.note(t, run(i), row, err)
			}
		})
		for code := range count.refused {
			assert.Contains(t, []string{"number-held", "no-number-available"}, code)
		}
		for _, number := range names {
			n := readNumber(t, stores[1], number)
			assert.Equal(t, count.numbers[number], n.HeldBy)
		}
		if count.refused["no-number-available"] > 0 {
			assert.Len(t, count.numbers, numbers, "refused although one was left")
		}
	})
}
