package store_test

import (
	"cmp"
	"database/sql"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tenure/internal/lifecycle"
	"tenure/internal/store"
	"tenure/internal/store/storetest"
)

// modelNumber is a number as the model has it.
type modelNumber struct {
	node, user, kind, activation   string
	state                          lifecycle.NumberState
	cooling, reserved, reservedEnd time.Time // zero for none
	reservedFor, notes             string
	heldBy, claimedFor             string
	release                        lifecycle.NumberState
	releaseEnd                     time.Time
	version                        int
}

// modelRun is an operation that has begun.
type modelRun struct {
	user              string
	active, takenOver bool
}

// model is the inventory of one tenant in memory, obvious and slow. Each of its actions also asks the store, and compares
// the answer; afterwards the whole of both is compared.
type model struct {
	t       testing.TB
	store   *store.Store
	db      *sql.DB
	clock   *watch
	numbers map[string]*modelNumber
	lines   map[string][]string // the history, also of numbers that are gone
	runs    map[string]*modelRun
	calls   int
}

var (
	modelNumbers = []string{"+101", "+102", "+103", "+104", "+105"}
	modelUsers   = []string{"anna", "ben", "carl"}
	modelNodes   = []string{customer, "acme/contoso/emea", london, paris}
	// modelPlaces are the users whom the directory knows.
	modelPlaces = map[string]string{"anna": london, "ben": customer}
)

// TestInventoryKeepsToItsModel plays random sequences of everything that can happen to numbers.
func TestInventoryKeepsToItsModel(t *testing.T) {
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	storetest.EachDatabase(t, func(t *testing.T, dsn string) {
		clock := newWatch()
		s := storetest.Open(t, dsn, store.WithClock(clock.Now))
		require.NoError(t, s.Migrate(t.Context()))
		put(t, s, synced("anna"), synced("ben"))
		place(t, s, "anna", customer, london)
		if !given["rapid.steps"] {
			setFlag(t, "rapid.steps", "120")
		}
		if !given["rapid.checks"] {
			setFlag(t, "rapid.checks", map[bool]string{true: "32", false: "12"}[strings.HasPrefix(dsn, "sqlite:")])
		}
		db := storetest.SQL(t, dsn)
		rapid.Check(t, func(r *rapid.T) {
			for _, table := range []string{"numbers", "number_history", "operations"} {
				_, err := db.ExecContext(t.Context(), `DELETE FROM `+table)
				require.NoError(r, err)
			}
			m := &model{t: t, store: s, db: db, clock: clock, numbers: map[string]*modelNumber{}, lines: map[string][]string{}, runs: map[string]*modelRun{}}
			r.Repeat(map[string]func(*rapid.T){
				"":               m.compare,
				"tick":           m.tick,
				"add":            m.add,
				"reserve":        m.reserve,
				"unreserve":      m.unreserve,
				"cool":           m.cool,
				"end cooling":    m.endCooling,
				"remove":         m.remove,
				"move":           m.move,
				"expire":         m.expire,
				"correct":        m.correct,
				"begin":          m.begin,
				"hold":           m.hold,
				"claim":          m.claim,
				"record release": m.recordRelease,
				"drop":           m.drop,
				"move held":      m.moveHeld,
				"finish":         m.finish,
				// Twice as likely, for without them the others find nothing.
				"add more":     m.add,
				"claim more":   m.claim,
				"reserve more": m.reserve,
			})
		})
	})
}

// call is the actor of one call.
func (m *model) call() store.Actor {
	m.calls++
	return by(fmt.Sprintf("call-%d", m.calls))
}

// answered compares the outcome of a call: a refusal of that code, or none.
func answered(r *rapid.T, want string, err error) {
	if want == "" {
		require.NoError(r, err)
		return
	}
	refusal, ok := err.(*lifecycle.Refusal) //nolint:errorlint // refusals are returned unwrapped
	require.Truef(r, ok, "%v instead of %s", err, want)
	require.Equal(r, want, refusal.Code)
}

// happens writes a line of history for an event that was just applied.
func (m *model) happens(number, event string, from lifecycle.NumberState, run string) {
	n := m.numbers[number]
	var to lifecycle.NumberState
	if n != nil {
		to = n.state
	}
	m.lines[number] = append(m.lines[number], fmt.Sprintf("%s %s-%s %s", event, from, to, run))
	if n != nil {
		n.version = len(m.lines[number])
	}
}

// let applies an event.
func (m *model) let(number, event, run string, apply func(n *modelNumber)) {
	n := m.numbers[number]
	from := n.state
	apply(n)
	m.happens(number, event, from, run)
}

// edit is a change of a list of numbers: what may refuse it, in order, and what it does.
func (m *model) edit(r *rapid.T, call func(store.Actor, []string) error, check func(*modelNumber) string, event func(*modelNumber) string, apply func(string, *modelNumber)) {
	// Mostly numbers that can take it.
	var ready []string
	for _, number := range modelNumbers {
		if n := m.numbers[number]; n != nil && n.heldBy == "" && event(n) != "" {
			ready = append(ready, number)
		}
	}
	numbers := []string{likely(r, ready)}
	if other := likely(r, modelNumbers); other != numbers[0] && rapid.IntRange(0, 2).Draw(r, "two") == 0 {
		numbers = append(numbers, other)
	}
	want, actor := "", m.call()
	refuse := func(code string) { want = cmp.Or(want, code) }
	slices.Sort(numbers)
	for _, number := range numbers {
		switch n := m.numbers[number]; {
		case n == nil:
			refuse("unknown-number")
		case n.heldBy != "":
			refuse("number-held")
		}
	}
	for _, number := range numbers {
		if want == "" && check != nil {
			refuse(check(m.numbers[number]))
		}
	}
	for _, number := range numbers {
		if want == "" && event(m.numbers[number]) == "" {
			refuse("transition-not-allowed")
		}
	}
	for range rapid.IntRange(1, 2).Draw(r, "times") {
		answered(r, want, call(actor, numbers))
	}
	if want != "" {
		return
	}
	for _, number := range numbers {
		if e := event(m.numbers[number]); e != unchanged {
			m.let(number, e, actor.RunID, func(n *modelNumber) { apply(number, n) })
		}
	}
}

// likely draws a number, one of the likely ones more often than not.
func likely(r *rapid.T, numbers []string) string {
	if len(numbers) == 0 || rapid.IntRange(0, 5).Draw(r, "unlikely") == 0 {
		numbers = modelNumbers
	}
	return rapid.SampledFrom(numbers).Draw(r, "number")
}

// unchanged stands for no event at all.
const unchanged = "unchanged"

// only is an event of one state.
func only(state lifecycle.NumberState, event string) func(*modelNumber) string {
	return func(n *modelNumber) string {
		if n.state == state {
			return event
		}
		return ""
	}
}

func days(d int) time.Duration { return time.Duration(d) * 24 * time.Hour }

func (m *model) tick(r *rapid.T) {
	m.clock.advance(time.Duration(rapid.IntRange(1, 60).Draw(r, "hours")) * time.Hour)
}

func (m *model) add(r *rapid.T) {
	number, node := rapid.SampledFrom(modelNumbers).Draw(r, "number"), rapid.SampledFrom(modelNodes).Draw(r, "node")
	user := rapid.SampledFrom(append([]string{"", "", "", "", ""}, modelUsers...)).Draw(r, "user")
	actor := m.call()
	added, existing, err := m.store.AddNumbers(m.t.Context(), actor, []store.NumberAdd{{Tenant: tenant, Number: number, Node: node, Type: "directRouting", Vendor: "Microsoft", UserID: user}})
	require.NoError(r, err)
	want := m.put(number, node, user, actor.RunID)
	require.Equal(r, []int{want, 1 - want}, []int{added, existing})
}

// put adds a number that is not there, and returns how many that are.
func (m *model) put(number, node, user, run string) int {
	if m.numbers[number] != nil {
		return 0
	}
	n := &modelNumber{node: node, user: user, kind: "directRouting", state: lifecycle.Available}
	event := "add"
	if user != "" {
		n.state, event = lifecycle.Used, "add-in-use"
	}
	m.numbers[number] = n
	m.happens(number, event, "", run)
	return 1
}

func (m *model) reserve(r *rapid.T) {
	reservation := store.Reservation{
		For:  rapid.SampledFrom(append([]string{"", "", ""}, modelUsers...)).Draw(r, "for"),
		Days: rapid.IntRange(0, 3).Draw(r, "days"), Notes: rapid.SampledFrom([]string{"", "fair"}).Draw(r, "notes"),
	}
	var end time.Time
	if reservation.Days > 0 {
		end = m.clock.Now().Add(days(reservation.Days))
	}
	event := only(lifecycle.Available, "reserve")
	if reservation.For != "" {
		event = func(*modelNumber) string { return "reserve-for" }
	}
	m.edit(r, func(actor store.Actor, numbers []string) error {
		_, err := m.store.ReserveNumbers(m.t.Context(), actor, tenant, numbers, reservation)
		return err
	}, nil, event, func(_ string, n *modelNumber) {
		if reservation.For == "" {
			n.state, n.reserved, n.notes = lifecycle.Reserved, end, reservation.Notes
			return
		}
		n.reservedFor, n.reservedEnd, n.notes = reservation.For, end, cmp.Or(reservation.Notes, n.notes)
	})
}

func (m *model) unreserve(r *rapid.T) {
	m.edit(r, func(actor store.Actor, numbers []string) error {
		_, err := m.store.UnreserveNumbers(m.t.Context(), actor, tenant, numbers)
		return err
	}, nil, func(n *modelNumber) string {
		switch {
		case n.state == lifecycle.Reserved:
			return "unreserve"
		case n.reservedFor != "":
			return "unreserve-for"
		}
		return ""
	}, func(_ string, n *modelNumber) {
		if n.state == lifecycle.Reserved {
			n.state = lifecycle.Available
		}
		n.reserved, n.reservedFor, n.reservedEnd, n.notes = time.Time{}, "", time.Time{}, ""
	})
}

func (m *model) cool(r *rapid.T) {
	d := rapid.IntRange(1, 3).Draw(r, "days")
	m.edit(r, func(actor store.Actor, numbers []string) error {
		var cooling []store.Cooling
		for _, number := range numbers {
			cooling = append(cooling, store.Cooling{Number: number, Days: d})
		}
		_, err := m.store.CoolNumbers(m.t.Context(), actor, tenant, cooling)
		return err
	}, nil, only(lifecycle.Available, "cool"), func(_ string, n *modelNumber) { n.state, n.cooling = lifecycle.Cooling, m.clock.Now().Add(days(d)) })
}

func (m *model) endCooling(r *rapid.T) {
	m.edit(r, func(actor store.Actor, numbers []string) error {
		_, err := m.store.EndCooling(m.t.Context(), actor, tenant, numbers)
		return err
	}, nil, only(lifecycle.Cooling, "end-cooling"), func(_ string, n *modelNumber) { n.state, n.cooling = lifecycle.Available, time.Time{} })
}

func (m *model) remove(r *rapid.T) {
	m.edit(r, func(actor store.Actor, numbers []string) error {
		return m.store.RemoveNumbers(m.t.Context(), actor, tenant, numbers)
	}, nil, only(lifecycle.Available, "remove"), func(number string, _ *modelNumber) { delete(m.numbers, number) })
}

func (m *model) move(r *rapid.T) {
	to := rapid.SampledFrom(modelNodes).Draw(r, "to")
	m.edit(r, func(actor store.Actor, numbers []string) error {
		_, err := m.store.MoveNumbers(m.t.Context(), actor, tenant, numbers, to)
		return err
	}, func(n *modelNumber) string {
		for _, user := range []string{n.user, n.reservedFor} {
			if at := modelPlaces[user]; at != "" && n.node != to && !seen(at, to) {
				return "user-out-of-sight"
			}
		}
		return ""
	}, func(n *modelNumber) string {
		if n.node == to {
			return unchanged
		}
		return "move"
	}, func(_ string, n *modelNumber) { n.node = to })
}

// seen reports whether a number at a node is visible from a place (R80).
func seen(place, node string) bool { return strings.HasPrefix(place+"/", node+"/") }

func (m *model) expire(r *rapid.T) {
	actor, limit := m.call(), rapid.IntRange(1, 3).Draw(r, "limit")
	var got, want store.Expired
	for more := true; more; {
		expired, err := m.store.ExpireNumbers(m.t.Context(), actor, limit)
		require.NoError(r, err)
		got.Released, got.Unreserved, more = got.Released+expired.Released, got.Unreserved+expired.Unreserved, expired.More
	}
	due := func(end time.Time) bool { return !end.IsZero() && !end.After(m.clock.Now()) }
	for number, n := range m.numbers {
		if n.heldBy != "" {
			continue
		}
		if due(n.cooling) {
			want.Released++
			m.let(number, "cooling-ended", actor.RunID, func(n *modelNumber) { n.state, n.cooling = lifecycle.Available, time.Time{} })
		}
		if due(n.reserved) {
			want.Unreserved++
			m.let(number, "reservation-ended", actor.RunID, func(n *modelNumber) { n.state, n.reserved, n.notes = lifecycle.Available, time.Time{}, "" })
		}
		if due(n.reservedEnd) {
			want.Unreserved++
			m.let(number, "reserved-for-ended", actor.RunID, func(n *modelNumber) {
				n.reservedFor, n.reservedEnd = "", time.Time{}
				if n.state != lifecycle.Reserved {
					n.notes = ""
				}
			})
		}
	}
	require.Equal(r, want, got)
}

func (m *model) correct(r *rapid.T) {
	actor, number := m.call(), rapid.SampledFrom(modelNumbers).Draw(r, "number")
	user, node := rapid.SampledFrom(modelUsers).Draw(r, "user"), rapid.SampledFrom(modelNodes).Draw(r, "node")
	n := m.numbers[number]
	version, held := 0, false
	if n != nil {
		version, held = n.version, n.heldBy != ""
	}
	stale := rapid.IntRange(0, 3).Draw(r, "stale") == 0
	if stale {
		version--
	}
	var corrections []store.Correction
	want := 0
	for _, kind := range rapid.SliceOfN(rapid.SampledFrom([]string{"add", "in use", "available", "cooling", "facts"}), 1, 2).Draw(r, "kinds") {
		c := store.Correction{Number: number, Version: int64(version)}
		fits := n != nil && !held && !stale
		switch kind {
		case "add":
			// Adds come first, whatever their place in the list, and so there is one of its own only.
			if len(corrections) > 0 {
				continue
			}
			c = store.Correction{Add: &store.NumberAdd{Number: number, Node: node, Type: "directRouting", Vendor: "Microsoft", UserID: user}}
			want += m.put(number, node, user, actor.RunID)
		case "in use":
			c.InUse = &store.InUse{UserID: user}
			switch {
			case !fits || n.user == user:
			case n.state == lifecycle.Used:
				want++
				m.let(number, "owner-corrected", actor.RunID, func(n *modelNumber) { n.user = user })
			default:
				want++
				m.let(number, "found-in-use", actor.RunID, func(n *modelNumber) { n.found(user) })
			}
		case "facts":
			c.Facts = &store.Facts{Activation: user}
			if fits && n.activation != user {
				want++
				m.let(number, "facts-taken-over", actor.RunID, func(n *modelNumber) { n.activation = user })
			}
		default:
			c.NotInUse = &store.NotInUse{To: lifecycle.NumberState(kind), CoolingDays: 2}
			if fits && n.state == lifecycle.Used {
				want++
				m.release(number, c.NotInUse.To, m.clock.Now().Add(days(2)), actor.RunID)
			}
		}
		corrections = append(corrections, c)
		if kind == "add" {
			break
		}
	}
	for range rapid.IntRange(1, 2).Draw(r, "times") {
		done, err := m.store.CorrectNumbers(m.t.Context(), actor, tenant, corrections)
		require.NoError(r, err)
		require.Equal(r, want, done)
	}
}

func (n *modelNumber) found(user string) {
	n.state, n.user, n.cooling, n.reserved, n.notes = lifecycle.Used, user, time.Time{}, time.Time{}, ""
}

func (m *model) release(number string, to lifecycle.NumberState, until time.Time, run string) {
	event := "release"
	if to == lifecycle.Cooling {
		event = "release-to-cooling"
	}
	m.let(number, event, run, func(n *modelNumber) {
		n.state, n.user, n.cooling = to, "", time.Time{}
		if to == lifecycle.Cooling {
			n.cooling = until
		}
		n.free()
	})
}

func (n *modelNumber) free() {
	n.heldBy, n.claimedFor, n.release, n.releaseEnd = "", "", "", time.Time{}
}

// pick draws a run, one of the active ones more often than not.
func (m *model) pick(r *rapid.T) (string, *modelRun) {
	if len(m.runs) == 0 {
		r.Skip("no run yet")
	}
	all := slices.Sorted(maps.Keys(m.runs))
	active := slices.DeleteFunc(slices.Clone(all), func(id string) bool { return !m.runs[id].active })
	if len(active) > 0 && rapid.IntRange(0, 7).Draw(r, "closed") > 0 {
		all = active
	}
	id := rapid.SampledFrom(all).Draw(r, "run")
	return id, m.runs[id]
}

// of lists the numbers that a run holds.
func (m *model) of(run string) (held []string) {
	for _, number := range modelNumbers {
		if n := m.numbers[number]; n != nil && n.heldBy == run {
			held = append(held, number)
		}
	}
	return held
}

func (m *model) begin(r *rapid.T) {
	user := rapid.SampledFrom(modelUsers).Draw(r, "user")
	m.calls++
	id := fmt.Sprintf("run-%03d", m.calls)
	op := offboarding(id, user)
	want, dead := "", ""
	for other, run := range m.runs {
		if run.active && run.user == user {
			dead = other
		}
	}
	if dead != "" && rapid.Bool().Draw(r, "another workflow") {
		op.WorkflowID, want = "another", "busy"
	}
	answered(r, want, m.store.Begin(m.t.Context(), op))
	if want != "" {
		return
	}
	m.runs[id] = &modelRun{user: user, active: true}
	if dead == "" {
		return
	}
	m.runs[dead].active, m.runs[dead].takenOver = false, true
	for _, number := range m.of(dead) {
		m.let(number, "hold-passed", id, func(n *modelNumber) {
			n.free()
			n.heldBy = id
		})
	}
}

func (m *model) hold(r *rapid.T) {
	id, run := m.pick(r)
	numbers := rapid.SliceOfNDistinct(rapid.SampledFrom(modelNumbers), 1, 2, rapid.ID).Draw(r, "numbers")
	slices.Sort(numbers)
	want := ""
	var held []string
	if !run.active {
		want = "run-closed"
	}
	for _, number := range numbers {
		n := m.numbers[number]
		if n == nil {
			continue
		}
		if n.heldBy != "" && n.heldBy != id {
			want = cmp.Or(want, "number-held")
		}
		held = append(held, number)
	}
	got, err := m.store.HoldNumbers(m.t.Context(), id, tenant, numbers)
	answered(r, want, err)
	if want != "" {
		return
	}
	require.Equal(r, held, got)
	for _, number := range held {
		if m.numbers[number].heldBy == "" {
			m.let(number, "hold", id, func(n *modelNumber) { n.heldBy = id })
		}
	}
}

func (m *model) claim(r *rapid.T) {
	id, run := m.pick(r)
	named := rapid.SampledFrom(append([]string{"", "", "", "", ""}, modelNumbers...)).Draw(r, "number")
	number, want := m.claimable(id, run, named)
	row, err := m.store.ClaimNumber(m.t.Context(), id, store.Claim{Tenant: tenant, UserID: run.user, Site: london, Number: named})
	answered(r, want, err)
	if want != "" {
		return
	}
	require.Equal(r, number, row.Number)
	switch n := m.numbers[number]; {
	case n.state != lifecycle.Used && n.claimedFor == "":
		m.let(number, "claim", id, func(n *modelNumber) {
			n.free()
			n.heldBy, n.claimedFor = id, run.user
		})
	case n.state == lifecycle.Used && n.heldBy == id:
		n.release, n.releaseEnd = "", time.Time{}
	}
}

// claimable is the number that a claim gets, or the code of its refusal.
func (m *model) claimable(id string, run *modelRun, named string) (number, refusal string) {
	if !run.active {
		return "", "run-closed"
	}
	guard := func(n *modelNumber) string {
		switch {
		case n.state == lifecycle.Used && n.user != run.user:
			return "number-taken"
		case n.state == lifecycle.Cooling:
			return "number-cooling"
		case n.state == lifecycle.Reserved:
			return "number-reserved"
		case !seen(london, n.node):
			return "number-not-visible"
		case n.state != lifecycle.Used && n.reservedFor != "" && n.reservedFor != run.user:
			return "number-reserved-for-another"
		case n.heldBy != "" && n.heldBy != id:
			return "number-held"
		}
		return ""
	}
	best := 9
	for _, candidate := range modelNumbers {
		n := m.numbers[candidate]
		if n == nil {
			continue
		}
		rank := 9
		switch {
		case n.heldBy == id && n.claimedFor != "":
			if named != "" && named != candidate {
				return "", "claimed-already"
			}
			return candidate, ""
		case guard(n) != "" || n.release != "":
		case n.user == run.user:
			rank = 1
		case n.heldBy == id:
			rank = 2
		case n.reservedFor == run.user:
			rank = 3
		default:
			rank = 4
		}
		if rank < best {
			number, best = candidate, rank
		}
	}
	switch {
	case named == "" && number == "":
		return "", "no-number-available"
	case named == "":
		return number, ""
	case m.numbers[named] == nil:
		return "", "unknown-number"
	}
	return named, guard(m.numbers[named])
}

func (m *model) recordRelease(r *rapid.T) {
	id, run := m.pick(r)
	number, d := likely(r, m.of(id)), rapid.IntRange(1, 3).Draw(r, "days")
	to := rapid.SampledFrom([]lifecycle.NumberState{lifecycle.Available, lifecycle.Cooling}).Draw(r, "to")
	n := m.numbers[number]
	want := ""
	switch {
	case !run.active:
		want = "run-closed"
	case n == nil || n.heldBy != id:
		want = "number-not-held"
	case n.user != "" && n.user != run.user:
		want = "number-of-another"
	case n.claimedFor != "":
		want = "number-claimed"
	}
	_, err := m.store.RecordRelease(m.t.Context(), id, tenant, []store.Release{{Number: number, To: to, CoolingDays: d}})
	answered(r, want, err)
	if want == "" && n.release == "" {
		n.release = to
		if to == lifecycle.Cooling {
			n.releaseEnd = m.clock.Now().Add(days(d))
		}
	}
}

func (m *model) drop(r *rapid.T) {
	id, run := m.pick(r)
	want, call := "", m.store.DropReleases
	claims := rapid.Bool().Draw(r, "claims")
	if claims {
		call = m.store.DropClaims
	}
	if !run.active {
		want = "run-closed"
	}
	answered(r, want, call(m.t.Context(), id))
	if want != "" {
		return
	}
	for _, number := range m.of(id) {
		if n := m.numbers[number]; claims {
			n.claimedFor = ""
		} else {
			n.release, n.releaseEnd = "", time.Time{}
		}
	}
}

func (m *model) moveHeld(r *rapid.T) {
	id, run := m.pick(r)
	number := likely(r, m.of(id))
	change := lifecycle.PlaceChange{From: rapid.SampledFrom(modelNodes).Draw(r, "from"), To: rapid.SampledFrom(modelNodes).Draw(r, "to")}
	from, to, call := change.From, change.To, m.store.MoveHeldNumber
	if rapid.Bool().Draw(r, "back") {
		from, to, call = to, from, m.store.RestoreHeldNumber
	}
	n := m.numbers[number]
	want := ""
	switch {
	case !run.active:
		want = "run-closed"
	case n == nil || n.heldBy != id:
		want = "number-not-held"
	case n.node != to && n.node != from:
		want = "number-moved"
	}
	answered(r, want, call(m.t.Context(), id, tenant, number, change))
	if want == "" && n.node != to {
		m.let(number, "move", id, func(n *modelNumber) { n.node = to })
	}
}

func (m *model) finish(r *rapid.T) {
	id, run := m.pick(r)
	commit := rapid.Bool().Draw(r, "commit")
	want := ""
	if run.takenOver {
		want = "run-closed"
	}
	answered(r, want, m.store.Finish(m.t.Context(), id, store.FinishInput{Status: lifecycle.Completed, Commit: commit}))
	if !run.active {
		return
	}
	run.active = false
	for _, number := range m.of(id) {
		switch n := m.numbers[number]; {
		case !commit || (n.release == "" && n.claimedFor == ""):
			m.let(number, "hold-ended", id, (*modelNumber).free)
		case n.claimedFor != "":
			m.let(number, "assign", id, func(n *modelNumber) {
				n.state, n.user = lifecycle.Used, n.claimedFor
				n.free()
			})
		default:
			if n.state != lifecycle.Used {
				m.let(number, "found-in-use", id, func(n *modelNumber) { n.found(run.user) })
			}
			m.release(number, n.release, n.releaseEnd, id)
		}
	}
}

// compare reads the store as a whole: it is as the model, and by itself it makes sense.
func (m *model) compare(r *rapid.T) {
	list, _, err := m.store.ListNumbers(m.t.Context(), store.NumberFilter{})
	require.NoError(r, err)
	got := map[string]modelNumber{}
	at := func(t *time.Time) (u time.Time) {
		if t != nil {
			u = *t
		}
		return u
	}
	for _, n := range list {
		is := modelNumber{
			node: n.Node, user: n.User.ID, kind: n.Type, activation: n.Activation, state: n.Beneath, cooling: at(n.CoolingUntil),
			reservedFor: n.ReservedFor, reservedEnd: at(n.ReservedForUntil), notes: n.Notes, heldBy: n.HeldBy, claimedFor: n.ClaimedFor, version: int(n.Version),
		}
		if n.Beneath == lifecycle.Reserved {
			is.reserved = at(n.ReservedUntil)
		}
		if n.Release != nil {
			is.release, is.releaseEnd = n.Release.To, at(n.Release.CoolingUntil)
		}
		got[n.Number] = is

		require.Contains(r, []lifecycle.NumberState{lifecycle.Available, lifecycle.Used, lifecycle.Reserved, lifecycle.Cooling}, n.Beneath, "one state")
		require.Equal(r, n.Beneath == lifecycle.Used, n.User.ID != "", "an owner if it is used")
		require.False(r, n.User.ID != "" && n.ClaimedFor != "", "never two users")
		if n.HeldBy != "" {
			require.True(r, m.runs[n.HeldBy].active, "held by a run that is under way")
		}
	}
	want := map[string]modelNumber{}
	for number, n := range m.numbers {
		want[number] = *n
	}
	require.Equal(r, want, got)

	rows, err := m.db.QueryContext(m.t.Context(), `SELECT number, version, event, from_state, to_state, run_id FROM number_history ORDER BY number, version`)
	require.NoError(r, err)
	defer func() { require.NoError(r, rows.Close()) }()
	lines, state := map[string][]string{}, map[string]string{}
	for rows.Next() {
		var number, event, from, to, run string
		var version int
		require.NoError(r, rows.Scan(&number, &version, &event, &from, &to, &run))
		lines[number] = append(lines[number], fmt.Sprintf("%s %s-%s %s", event, from, to, run))
		require.Len(r, lines[number], version, "no line is missing")
		require.Equal(r, state[number], from, "the history is continuous")
		state[number] = to
	}
	require.NoError(r, rows.Err())
	require.Equal(r, m.lines, lines)
	for number, last := range state {
		require.Equal(r, string(got[number].state), last, "nothing vanishes but by being removed")
	}
}

// setFlag sets a flag for one test.
func setFlag(t *testing.T, name, value string) {
	t.Helper()
	before := flag.Lookup(name).Value.String()
	require.NoError(t, flag.Set(name, value))
	t.Cleanup(func() { require.NoError(t, flag.Set(name, before)) })
}
