package store

import (
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
	// User has the number; the zero value unless Beneath is Used. The name is empty when the directory here has none.
	User lifecycle.SubscriberRef
	// HeldBy is the run that holds the number since HeldAt.
	HeldBy string
	HeldAt *time.Time
	// Release is what the run that holds the number has recorded for its commit; nil without one.
	Release *Released
	// ClaimedFor is the id of the user who gets the number when the run that holds it commits; empty without a claim.
	ClaimedFor    string
	CoolingUntil  *time.Time
	ReservedFor   string
	ReservedUntil *time.Time
	Notes         string
	Description   string
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
}

// NumberAdd is a number to add.
type NumberAdd struct {
	Tenant, Number, Node string
	// Type is directRouting, callingPlan or operatorConnect.
	Type, Vendor string
	// UserID is who has the number in Teams; it is Available when empty.
	UserID string
}

// e164 is what the inventory stores; callers bring other forms into it.
var e164 = regexp.MustCompile(`^\+[1-9][0-9]{1,14}$`)

// AddNumbers adds numbers, all or none. Those that exist are left as they are, wherever they are (R81, R89).
func (s *Store) AddNumbers(ctx context.Context, actor Actor, numbers []NumberAdd) (added, existing int, err error) {
	type insert struct {
		Tenant string `json:"tenant"`
		Number string `json:"number"`
		Node   string `json:"node"`
		State  string `json:"state"`
		Type   string `json:"type"`
		Vendor string `json:"vendor"`
		UserID string `json:"user_id"`
	}
	type key struct{ tenant, number string }
	steps := map[key]numberStep{}
	var inserts []insert
	for _, add := range numbers {
		if !e164.MatchString(add.Number) {
			return 0, 0, &lifecycle.Refusal{Code: "malformed-number", Message: fmt.Sprintf("%q is not a number in E.164 form", add.Number), Hint: "write it as +442079460000", Invalid: true}
		}
		k := key{add.Tenant, add.Number}
		if _, twice := steps[k]; twice {
			continue
		}
		step := numberStep{number: numberRow{tenant: add.Tenant, number: add.Number}, event: eventAdd}
		if add.UserID != "" {
			step.event, step.userID = eventAddInUse, add.UserID
		}
		n, err := step.after()
		if err != nil {
			return 0, 0, err
		}
		steps[k] = step
		inserts = append(inserts, insert{add.Tenant, add.Number, add.Node, string(n.state), add.Type, add.Vendor, n.userID})
	}
	if len(inserts) == 0 {
		return 0, 0, nil
	}
	// Two calls at once take the rows in the same order.
	slices.SortFunc(inserts, func(a, b insert) int {
		return strings.Compare(a.Tenant+"\x00"+a.Number, b.Tenant+"\x00"+b.Number)
	})
	list, err := jsonRows(inserts)
	if err != nil {
		return 0, 0, fmt.Errorf("add numbers: %w", err)
	}
	err = s.update(ctx, "add numbers", func(t *tx) error {
		const names = `tenant, number, node, state, type, vendor, user_id`
		inserted, err := query(ctx, t, func(row scanner) (k key, err error) {
			err = row.Scan(&k.tenant, &k.number)
			return k, err
		}, `INSERT INTO numbers (`+names+`, version, added_at, changed_at)
		    SELECT `+names+`, 1, CAST($2 AS BIGINT), CAST($2 AS BIGINT) FROM `+t.dialect.rows(1, columns(names))+`
		    WHERE TRUE ON CONFLICT (tenant, number) DO NOTHING RETURNING tenant, number`, list, micros(t.at))
		if err != nil {
			return err
		}
		added, existing = len(inserted), len(numbers)-len(inserted)
		if added == 0 {
			return nil
		}
		history := make([]historyRow, added)
		perTenant := map[string]int{}
		for i, k := range inserted {
			n, err := steps[k].after()
			if err != nil {
				return err
			}
			n.version = 1
			history[i] = steps[k].history(n, actor, t.at)
			perTenant[k.tenant]++
		}
		if err := t.writeHistory(ctx, history); err != nil {
			return err
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

// Number is one number with its history; found is false when the inventory does not have it.
func (s *Store) Number(ctx context.Context, tenant, number string) (n Number, found bool, err error) {
	err = s.view(ctx, "read a number", func(t *tx) error {
		rows, err := query(ctx, t, scanShown, selectNumbers+` WHERE n.tenant = $1 AND n.number = $2`, tenant, number)
		if err != nil || len(rows) == 0 {
			return err
		}
		n, found = rows[0], true
		n.History, err = query(ctx, t, scanHistory,
			`SELECT at, event, from_state, to_state, run_id, by_whom, user_id FROM number_history WHERE tenant = $1 AND number = $2 ORDER BY version`, tenant, number)
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

// ListNumbers lists numbers in ascending order within each tenant, without their history, and the cursor of the next
// page; empty on the last one.
func (s *Store) ListNumbers(ctx context.Context, f NumberFilter) (list []Number, next string, err error) {
	var c conditions
	c.equal("n.tenant", f.Tenant)
	c.at("n.node", f.Node, f.Below)
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

// selectNumbers joins the name of the user, as far as the directory here has it.
const selectNumbers = `SELECT ` + numberColumns + `, COALESCE(s.upn, '') FROM numbers AS n LEFT JOIN subscribers AS s ON s.tenant = n.tenant AND s.id = n.user_id`

func scanShown(row scanner) (Number, error) {
	var r numberRow
	var upn string
	if err := r.scan(row, &upn); err != nil {
		return Number{}, err
	}
	n := Number{
		Tenant: r.tenant, Number: r.number, Node: r.node, State: r.shown(), Beneath: r.state, Type: r.numberType, Vendor: r.vendor,
		HeldBy: r.heldBy, HeldAt: r.heldAt, ClaimedFor: r.nextUser, CoolingUntil: r.coolingUntil, ReservedFor: r.reservedFor, ReservedUntil: r.reservedUntil,
		Notes: r.notes, Description: r.description, AddedAt: r.addedAt, ChangedAt: r.changedAt,
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
	err = row.Scan(&at, &e.Event, &e.From, &e.To, &e.RunID, &e.By, &e.UserID)
	e.At = fromMicros(at)
	return e, err
}
