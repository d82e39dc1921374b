package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"tenure/internal/lifecycle"
)

// Number is a number of the inventory with everything that is known of it.
type Number struct {
	Tenant string
	// Number is plain E.164 with its plus sign.
	Number string
	Node   string
	// State is the state as it is shown: held while a run holds the number. Beneath is the state under the hold.
	State, Beneath lifecycle.NumberState
	Type, Vendor   string
	// Activation is the activation state in Teams, as Microsoft spells it; empty when an audit has not taken it over.
	Activation string
	// Version counts the lines of the history.
	Version int64
	// User has the number; the zero value unless Beneath is Used. The name is empty when the directory here has none.
	User lifecycle.SubscriberRef
	// HeldBy is the run that holds the number since HeldAt.
	HeldBy string
	HeldAt *time.Time
	// Release is what the run that holds the number has recorded for its commit; nil without one.
	Release *Released
	// ClaimedFor is the id of the user who gets the number when the run that holds it commits; empty without a claim.
	ClaimedFor   string
	CoolingUntil *time.Time
	// ReservedUntil is when the state Reserved ends or, in another state, ReservedForUntil; nil for never.
	ReservedUntil *time.Time
	// ReservedFor is the id of the user for whom alone the number is (R88), whatever its state, until ReservedForUntil;
	// nil for ever. The name is empty when the directory here has none.
	ReservedFor, ReservedForName string
	ReservedForUntil             *time.Time
	Notes                        string
	Description                  string
	// Extra are free fields that survive a release (R93).
	Extra              map[string]string
	AddedAt, ChangedAt time.Time
	// History is the oldest line first; only Number fills it.
	History []NumberEvent
}

// NumberEvent is a line in the history of a number. From is empty for the first one.
type NumberEvent struct {
	At        time.Time
	Event     string
	From, To  lifecycle.NumberState
	RunID, By string
	// UserID is who has the number after the event, else who had it before.
	UserID string
	// Detail is what the event alone does not say, e.g. "from acme/contoso to acme/contoso/london".
	Detail string
}

// NumberAdd is a number to add.
type NumberAdd struct {
	Tenant, Number, Node string
	// Type is directRouting, callingPlan or operatorConnect.
	Type, Vendor string
	// Activation is the activation state in Teams; empty when it is not known.
	Activation string
	// UserID is who has the number in Teams; it is Available when empty.
	UserID string
}

// e164 is what the inventory stores; callers bring other forms into it.
var e164 = regexp.MustCompile(`^\+[1-9][0-9]{1,14}$`)

// numberInsert is a row to add.
type numberInsert struct {
	Tenant     string `json:"tenant"`
	Number     string `json:"number"`
	Node       string `json:"node"`
	State      string `json:"state"`
	Type       string `json:"type"`
	Vendor     string `json:"vendor"`
	Activation string `json:"activation"`
	UserID     string `json:"user_id"`
}

// prepareAdds checks numbers to add and sorts them, so that two calls at once take the rows in the same order. The first
// counts of two for the same number.
func prepareAdds(numbers []NumberAdd) ([]numberInsert, error) {
	inserts := make([]numberInsert, 0, len(numbers))
	for _, add := range numbers {
		if !e164.MatchString(add.Number) {
			return nil, &lifecycle.Refusal{Code: "malformed-number", Message: fmt.Sprintf("%q is not a number in E.164 form", add.Number), Hint: "write it as +442079460000", Invalid: true}
		}
		in := numberInsert{add.Tenant, add.Number, add.Node, "", add.Type, add.Vendor, add.Activation, add.UserID}
		n, err := in.step().after()
		if err != nil {
			return nil, err
		}
		in.State = string(n.state)
		inserts = append(inserts, in)
	}
	slices.SortStableFunc(inserts, func(a, b numberInsert) int {
		return cmp.Or(strings.Compare(a.Tenant, b.Tenant), strings.Compare(a.Number, b.Number))
	})
	return slices.CompactFunc(inserts, func(a, b numberInsert) bool { return a.Tenant == b.Tenant && a.Number == b.Number }), nil
}

func (in numberInsert) step() numberStep {
	step := numberStep{number: numberRow{tenant: in.Tenant, number: in.Number}, event: eventAdd}
	if in.UserID != "" {
		step.event, step.userID = eventAddInUse, in.UserID
	}
	return step
}

// AddNumbers adds numbers, all or none. Those that exist are left as they are, wherever they are (R81, R89).
func (s *Store) AddNumbers(ctx context.Context, actor Actor, numbers []NumberAdd) (added, existing int, err error) {
	inserts, err := prepareAdds(numbers)
	if err != nil {
		return 0, 0, err
	}
	err = s.update(ctx, "add numbers", func(t *tx) error {
		inserted, err := t.addNumbers(ctx, actor, inserts)
		if err != nil {
			return err
		}
		added, existing = len(inserted), len(numbers)-len(inserted)
		perTenant := map[string]int{}
		for _, n := range inserted {
			perTenant[n.Tenant]++
		}
		for _, tenant := range slices.Sorted(maps.Keys(perTenant)) {
			if err := t.audit(ctx, actor, AuditEntry{Operation: "numbers-add", Tenant: tenant, Outcome: outcomeDone, Detail: map[string]int{"added": perTenant[tenant]}}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, 0, err
	}
	return added, existing, nil
}

// addNumbers inserts those rows that are not there, with their history, and returns which ones those are.
func (t *tx) addNumbers(ctx context.Context, actor Actor, inserts []numberInsert) ([]numberVersion, error) {
	if len(inserts) == 0 {
		return nil, nil
	}
	list, err := jsonRows(inserts)
	if err != nil {
		return nil, err
	}
	const names = `tenant, number, node, state, type, vendor, activation, user_id`
	inserted, err := query(ctx, t, scanNumberVersion,
		`INSERT INTO numbers (`+names+`, version, added_at, changed_at)
		 SELECT `+names+`, 1, CAST($2 AS BIGINT), CAST($2 AS BIGINT) FROM `+t.dialect.rows(1, columns(names))+`
		 WHERE TRUE ON CONFLICT (tenant, number) DO NOTHING RETURNING tenant, number, version`, list, micros(t.at))
	if err != nil || len(inserted) == 0 {
		return nil, err
	}
	continued, err := t.continueHistory(ctx, inserted)
	if err != nil {
		return nil, err
	}
	at := make(map[[2]string]int64, len(inserted))
	for _, n := range slices.Concat(inserted, continued) {
		at[[2]string{n.Tenant, n.Number}] = n.Version
	}
	history := make([]historyRow, 0, len(inserted))
	for _, in := range inserts {
		version, ours := at[[2]string{in.Tenant, in.Number}]
		if !ours {
			continue
		}
		n, err := in.step().after()
		if err != nil {
			return nil, err
		}
		n.version = version
		history = append(history, in.step().history(n, actor, t.at))
	}
	return inserted, t.writeHistory(ctx, history)
}

// continueHistory raises the version of numbers that were removed once beyond their history, and returns them. It is a
// statement of its own because only after the insert has waited for a removal that is under way can that be seen.
func (t *tx) continueHistory(ctx context.Context, inserted []numberVersion) ([]numberVersion, error) {
	list, err := jsonRows(inserted)
	if err != nil {
		return nil, err
	}
	return query(ctx, t, scanNumberVersion,
		`UPDATE numbers SET version = past.lines + 1 FROM (
		 SELECT h.tenant AS t, h.number AS n, max(h.version) AS lines FROM `+t.dialect.rows(1, columns(numberVersionColumns))+`
		 JOIN number_history AS h ON h.tenant = r.tenant AND h.number = r.number GROUP BY h.tenant, h.number) AS past
		 WHERE tenant = past.t AND number = past.n RETURNING tenant, number, version`, list)
}

// Number is one number with its history; found is false when the inventory does not have it.
func (s *Store) Number(ctx context.Context, tenant, number string) (n Number, found bool, err error) {
	err = s.view(ctx, "read a number", func(t *tx) error {
		rows, err := query(ctx, t, scanShown, selectNumbers+` WHERE n.tenant = $1 AND n.number = $2`, tenant, number)
		if err != nil || len(rows) == 0 {
			return err
		}
		n, found = rows[0], true
		n.History, err = query(ctx, t, scanHistory,
			`SELECT at, event, from_state, to_state, run_id, by_whom, user_id, detail FROM number_history WHERE tenant = $1 AND number = $2 ORDER BY version`, tenant, number)
		return err
	})
	return n, found, err
}

// NumberFilter selects numbers; empty fields select all.
type NumberFilter struct {
	Tenant string
	// Node is a full path; Below takes in everything below it.
	Node  string
	Below bool
	// State is the state as it is shown, held included.
	State lifecycle.NumberState
	Type  string
	// Contains is a part of the number.
	Contains string
	// UserID is who has the number.
	UserID string
	// Limit is the size of a page: 100 when 0, at most 1000. Cursor is where the page before ended.
	Limit  int
	Cursor string
}

// conditions are those of the filter, on numbers AS n; below is the column to which those of a whole branch apply.
func (f NumberFilter) conditions(below string) (c conditions) {
	c.equal("n.tenant", f.Tenant)
	if f.Below {
		c.at(below, f.Node, true)
	} else {
		c.at("n.node", f.Node, false)
	}
	c.equal("n.type", f.Type)
	if f.UserID != "" {
		c.add("n.user_id = ? AND n.user_id <> ''", f.UserID)
	}
	switch f.State {
	case absent:
	case lifecycle.HeldState:
		c.add("n.held_by <> ''")
	default:
		c.add("n.state = ? AND n.held_by = ''", string(f.State))
	}
	if f.Contains != "" {
		c.add(`n.number LIKE ? ESCAPE '\'`, "%"+strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(f.Contains)+"%")
	}
	return c
}

// ListNumbers lists numbers in ascending order within each tenant, without their history, and the cursor of the next
// page; empty on the last one.
func (s *Store) ListNumbers(ctx context.Context, f NumberFilter) (list []Number, next string, err error) {
	c := f.conditions(s.dialect.inOrder + "n.node")
	key, err := cursorKey(f.Cursor, 2)
	if err != nil {
		return nil, "", err
	}
	switch {
	case key == nil:
	case f.Tenant != "":
		c.add("n.number > ?", key[1])
	default:
		c.add("(n.tenant, n.number) > (?, ?)", key[0], key[1])
	}
	size := pageSize(f.Limit)
	err = s.view(ctx, "list numbers", func(t *tx) error {
		list, err = query(ctx, t, scanShown, selectNumbers+c.where()+` ORDER BY n.tenant, n.number LIMIT `+c.arg(size+1), c.args...)
		return err
	})
	list, next = page(list, size, func(n Number) string { return cursorAfter(n.Tenant, n.Number) })
	return list, next, err
}

// NodeSummary counts the numbers of a node by the state that is shown; the states add up to Total.
type NodeSummary struct {
	Tenant, Node                                    string
	Total, Available, Used, Reserved, Cooling, Held int
}

// SummarizeNumbers counts the numbers that a filter selects, node by node and sorted by tenant and node. The filter's page is
// of no account.
func (s *Store) SummarizeNumbers(ctx context.Context, f NumberFilter) (list []NodeSummary, err error) {
	c := f.conditions("n.node")
	err = s.view(ctx, "summarize numbers", func(t *tx) error {
		list, err = query(ctx, t, scanSummary, `SELECT n.tenant, n.node, count(*),
			count(CASE WHEN n.held_by = '' AND n.state = 'available' THEN 1 END), count(CASE WHEN n.held_by = '' AND n.state = 'used' THEN 1 END),
			count(CASE WHEN n.held_by = '' AND n.state = 'reserved' THEN 1 END), count(CASE WHEN n.held_by = '' AND n.state = 'cooling' THEN 1 END),
			count(CASE WHEN n.held_by <> '' THEN 1 END) FROM numbers AS n`+c.where()+` GROUP BY n.tenant, n.node ORDER BY n.tenant, n.node`, c.args...)
		return err
	})
	return list, err
}

func scanSummary(row scanner) (n NodeSummary, err error) {
	err = row.Scan(&n.Tenant, &n.Node, &n.Total, &n.Available, &n.Used, &n.Reserved, &n.Cooling, &n.Held)
	return n, err
}

// NumbersOf is what a planner has to know of the inventory: every number that the user has, and those of the listed
// numbers that are in it, whoever has them. Sorted by number. The state of a held number is held; UserID and
// CoolingUntil still say what is underneath.
func (s *Store) NumbersOf(ctx context.Context, tenant, userID string, numbers []string) (rows []lifecycle.NumberRow, err error) {
	list, err := jsonRows(named(numbers))
	if err != nil {
		return nil, fmt.Errorf("read the numbers of a user: %w", err)
	}
	rows = []lifecycle.NumberRow{}
	err = s.view(ctx, "read the numbers of a user", func(t *tx) error {
		found, err := query(ctx, t, scanNumber,
			`SELECT `+numberColumns+` FROM numbers AS n WHERE n.tenant = $1 AND n.number IN (
			 SELECT number FROM numbers WHERE tenant = $1 AND user_id = $2 AND user_id <> '' UNION ALL SELECT r.name FROM `+t.dialect.rows(3, columns("name"))+`)
			 ORDER BY n.number`,
			tenant, userID, list)
		for _, n := range found {
			rows = append(rows, n.planned())
		}
		return err
	})
	return rows, err
}

// selectNumbers joins the names of the users, as far as the directory here has them.
const selectNumbers = `SELECT ` + numberColumns + `, COALESCE(s.upn, ''), COALESCE(f.upn, '') FROM numbers AS n
	LEFT JOIN subscribers AS s ON s.tenant = n.tenant AND s.id = n.user_id LEFT JOIN subscribers AS f ON f.tenant = n.tenant AND f.id = n.reserved_for`

func scanShown(row scanner) (Number, error) {
	var r numberRow
	var upn, reservedForName string
	if err := r.scan(row, &upn, &reservedForName); err != nil {
		return Number{}, err
	}
	n := Number{
		Tenant: r.tenant, Number: r.number, Node: r.node, State: r.shown(), Beneath: r.state, Type: r.numberType, Vendor: r.vendor,
		Activation: r.activation, Version: r.version, HeldBy: r.heldBy, HeldAt: r.heldAt, ClaimedFor: r.nextUser, CoolingUntil: r.coolingUntil,
		ReservedUntil: r.reservedUntil, ReservedFor: r.reservedFor, ReservedForName: reservedForName, ReservedForUntil: r.reservedForUntil,
		Notes: r.notes, Description: r.description, AddedAt: r.addedAt, ChangedAt: r.changedAt,
	}
	if r.state != lifecycle.Reserved {
		n.ReservedUntil = r.reservedForUntil
	}
	if r.userID != "" {
		n.User = lifecycle.SubscriberRef{ID: r.userID, UserPrincipalName: upn}
	}
	if r.nextState != absent {
		n.Release = &Released{Number: r.number, To: r.nextState, CoolingUntil: r.nextCoolingUntil}
	}
	if err := json.Unmarshal([]byte(r.extraJSON), &n.Extra); err != nil {
		return n, fmt.Errorf("decode the extra fields of %s: %w", r.number, err)
	}
	return n, nil
}

func scanHistory(row scanner) (e NumberEvent, err error) {
	var at int64
	err = row.Scan(&at, &e.Event, &e.From, &e.To, &e.RunID, &e.By, &e.UserID, &e.Detail)
	e.At = fromMicros(at)
	return e, err
}
