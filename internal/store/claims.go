package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tenure/internal/lifecycle"
)

// Claim is a number that a user at a site is to have.
type Claim struct {
	Tenant, UserID string
	// Site is a full path; the numbers of the site and of the nodes above it are visible from there (R80).
	Site string
	// Number is plain E.164; empty asks for the next available one.
	Number string
	// Except are numbers that the user has and is not to have again, as one who changes sites and numbers.
	Except []string
	// Types are the line types that the user's licenses fit; empty allows any.
	Types []string
}

// vendorMicrosoft is the only vendor that "next available" considers (R9), and that of every number in Teams (R12).
const vendorMicrosoft = "Microsoft"

// errOvertaken says that the number in view became somebody else's before it could be locked; the next try sees that.
var errOvertaken = errors.New("the number was taken meanwhile")

// ClaimNumber holds a number for an active run, as HoldNumbers does, and records that the run's subscriber gets it: a
// Finish with Commit makes it Used, without Commit leaves it as it was. Claiming again returns the same row, also where
// another number would be next by now.
//
// A number that is named is claimed when every guard of domain.md §6.1 holds. One that the user has already is returned
// as it is, and nothing is recorded, but that a release which this run had recorded gives way. Which one is next:
//
//  1. a number that the user has already, so that repeating an onboarding changes nothing (R5);
//  2. a number that the run holds, since a run that has followed a dead one holds what that one had claimed;
//  3. a number reserved for the user (R88);
//  4. any other of vendor Microsoft (R9).
//
// Among equals it is the lowest. No two runs ever get the same number, and none is refused while one is left.
//
// The refusals are "unknown-number" (Invalid), "number-taken", "number-cooling", "number-reserved",
// "number-reserved-for-another", "number-held", "number-not-visible", "number-wrong-type", "no-number-available", and
// "claimed-already" when the run has claimed another number than the one named.
func (s *Store) ClaimNumber(ctx context.Context, runID string, claim Claim) (row lifecycle.NumberRow, err error) {
	for {
		err = s.update(ctx, "claim a number for run "+runID, func(t *tx) error {
			op, err := t.activeRun(ctx, runID)
			if err != nil {
				return err
			}
			if claim.Tenant != op.Tenant || claim.UserID != op.Subscriber.ID {
				return &lifecycle.Refusal{Code: "not-the-subscriber", Message: fmt.Sprintf("run %s is not about user %s of %s", runID, claim.UserID, claim.Tenant)}
			}
			c := claimant{tx: t, Claim: claim, runID: runID}
			n, err := c.find(ctx, true)
			if err != nil {
				return err
			}
			n, err = c.record(ctx, op.actor(), n)
			row = n.planned()
			return err
		})
		// Somebody else changed the inventory each time, so that this comes to an end.
		if !errors.Is(err, errOvertaken) {
			break
		}
	}
	if err != nil {
		return lifecycle.NumberRow{}, err
	}
	return row, nil
}

// PeekNumber is what ClaimNumber would return or refuse now, and changes nothing. What the active operation on the user
// holds counts as it would in that operation.
func (s *Store) PeekNumber(ctx context.Context, claim Claim) (row lifecycle.NumberRow, err error) {
	err = s.view(ctx, "look for a number", func(t *tx) error {
		runs, err := query(ctx, t, scanText, `SELECT run_id FROM operations WHERE tenant = $1 AND subscriber_id = $2 AND active`, claim.Tenant, claim.UserID)
		if err != nil {
			return err
		}
		c := claimant{tx: t, Claim: claim}
		if len(runs) == 1 {
			c.runID = runs[0]
		}
		n, err := c.find(ctx, false)
		row = n.planned()
		return err
	})
	if err != nil {
		return lifecycle.NumberRow{}, err
	}
	return row, nil
}

// DropClaims undoes what ClaimNumber recorded: a commit assigns nothing any more, and the run still holds the number.
func (s *Store) DropClaims(ctx context.Context, runID string) error {
	return s.update(ctx, "drop the claims of run "+runID, func(t *tx) error {
		if _, err := t.activeRun(ctx, runID); err != nil {
			return err
		}
		_, err := t.ExecContext(ctx, `UPDATE numbers SET next_user = '', changed_at = $1 WHERE held_by = $2 AND held_by <> '' AND next_user <> ''`, micros(t.at), runID)
		return err
	})
}

// claimant looks for a number in one transaction. The run is empty where nobody is about to claim.
type claimant struct {
	*tx
	Claim
	runID string
}

// find decides which number the claim gets. To claim, the row is locked and was checked under that lock; errOvertaken
// asks for another try. No other number is locked when one is waited for, so that no two claims deadlock.
func (c claimant) find(ctx context.Context, toClaim bool) (numberRow, error) {
	own, err := c.own(ctx)
	if err != nil {
		return numberRow{}, err
	}
	own = slices.DeleteFunc(own, func(n numberRow) bool { return slices.Contains(c.Except, n.number) })
	if i := slices.IndexFunc(own, c.claimed); i >= 0 {
		if c.Number != "" && c.Number != own[i].number {
			return numberRow{}, &lifecycle.Refusal{Code: "claimed-already", Message: fmt.Sprintf("run %s has claimed %s and cannot have %s too", c.runID, own[i].number, c.Number)}
		}
		return own[i], nil
	}
	switch {
	case slices.Contains(c.Except, c.Number):
		return numberRow{}, &lifecycle.Refusal{Code: "number-had-already", Message: c.Number + " is the number that the user has", Hint: "keep it with --keep-number, or name another one"}
	case c.Number != "":
		return c.named(ctx, c.Number, toClaim)
	}
	// R9 is about choosing one; what the user has, or was to lose in this very run, is not chosen.
	own = slices.DeleteFunc(own, func(n numberRow) bool {
		return (n.vendor != vendorMicrosoft && n.userID == "") || n.nextState != absent || c.refusal(n) != nil
	})
	if len(own) > 0 {
		best := slices.MinFunc(own, func(a, b numberRow) int {
			if rank := c.rank(a) - c.rank(b); rank != 0 {
				return rank
			}
			return strings.Compare(a.number, b.number)
		})
		n, err := c.named(ctx, best.number, toClaim)
		return n, overtaken(err)
	}
	return c.free(ctx, toClaim)
}

// own reads the numbers that are connected with the user or the run already. Nothing is locked. The casts keep SQLite, which
// compares a bare parameter with the conditions of partial indexes, from preparing the statement anew for each value.
func (c claimant) own(ctx context.Context) ([]numberRow, error) {
	return query(ctx, c.tx, scanNumber, `SELECT `+numberColumns+` FROM numbers AS n WHERE (n.held_by = CAST($1 AS TEXT) AND n.held_by <> '')
		OR (n.tenant = $2 AND n.user_id = CAST($3 AS TEXT) AND n.user_id <> '') OR (n.tenant = $2 AND n.reserved_for = CAST($3 AS TEXT) AND n.reserved_for <> '') ORDER BY n.number`,
		c.runID, c.Tenant, c.UserID)
}

// claimed reports whether the run has recorded that the user gets the number.
func (c claimant) claimed(n numberRow) bool {
	return n.heldBy == c.runID && n.nextUser != "" && n.nextUser == c.UserID
}

// rank orders the numbers of own; see ClaimNumber.
func (c claimant) rank(n numberRow) int {
	switch {
	case n.userID == c.UserID:
		return 1
	case n.heldBy != "":
		return 2
	default:
		return 3
	}
}

// named reads a number and checks it.
func (c claimant) named(ctx context.Context, number string, toClaim bool) (numberRow, error) {
	statement := `SELECT ` + numberColumns + ` FROM numbers AS n WHERE n.tenant = $1 AND n.number = $2`
	if toClaim {
		statement += c.dialect.forUpdate
	}
	found, err := query(ctx, c.tx, scanNumber, statement, c.Tenant, number)
	if err != nil {
		return numberRow{}, err
	}
	if len(found) == 0 {
		return numberRow{}, unknownNumber(c.Tenant, number)
	}
	if refusal := c.refusal(found[0]); refusal != nil {
		return numberRow{}, refusal
	}
	return found[0], nil
}

func unknownNumber(tenant, number string) *lifecycle.Refusal {
	return &lifecycle.Refusal{Code: "unknown-number", Message: fmt.Sprintf("the inventory of %s has no number %s", tenant, number), Hint: "add it with `tenure numbers add`", Invalid: true}
}

// refusal checks the guards of domain.md §6.1 in their order; nil when all hold.
func (c claimant) refusal(n numberRow) *lifecycle.Refusal {
	own := n.state == lifecycle.Used && n.userID == c.UserID
	refuse := func(code, hint, format string, args ...any) *lifecycle.Refusal {
		return &lifecycle.Refusal{Code: code, Message: n.number + " " + fmt.Sprintf(format, args...), Hint: hint}
	}
	const another = "name another number, or ask for the next one"
	switch {
	case n.state == lifecycle.Used && !own:
		return refuse("number-taken", another, "is in use by user %s", n.userID)
	case n.state == lifecycle.Cooling: // R84
		return refuse("number-cooling", "end that with `tenure numbers release`, or name another number", "is cooling until %s", moment(n.coolingUntil))
	case n.state == lifecycle.Reserved: // R87
		return refuse("number-reserved", "end that with `tenure numbers unreserve`, or name another number", "is reserved%s", untilOrUnreserved(n.reservedUntil))
	case !slices.Contains(visibleFrom(c.Site), n.node): // R80
		return refuse("number-not-visible", "move it with `tenure numbers move`, or name one at the site or above it", "is at %s and not visible from %s", n.node, c.Site)
	case !own && n.reservedFor != "" && n.reservedFor != c.UserID: // R88
		return refuse("number-reserved-for-another", another, "is reserved for user %s", n.reservedFor)
	case n.heldBy != "" && n.heldBy != c.runID:
		return refuse("number-held", "wait for that run to end, or name another number", "is held by run %s", n.heldBy)
	case len(c.Types) > 0 && !slices.Contains(c.Types, n.numberType):
		return refuse("number-wrong-type", another, "is of type %s; accepted: %s", n.numberType, strings.Join(c.Types, ", "))
	}
	return nil
}

// freeForAll are the numbers that everybody at or below their node may have as the next one (R9). It is the condition of
// the indexes numbers_next and numbers_next_type to the letter: no engine infers it from parameters.
const freeForAll = `state = 'available' AND vendor = 'Microsoft' AND held_by = '' AND reserved_for = ''`

// free finds the lowest number that is free for all.
func (c claimant) free(ctx context.Context, toClaim bool) (numberRow, error) {
	lock := ""
	if toClaim {
		// Others that claim at this moment are passed by, so that claims do not queue for one number.
		lock = c.dialect.skipLocked
	}
	found, err := c.lowest(ctx, lock)
	if err != nil || len(found) == 1 {
		return first(found), err
	}
	if lock != "" {
		// What was passed by may be left over yet: wait for whoever has it.
		if found, err = c.lowest(ctx, ""); err != nil {
			return numberRow{}, err
		}
		if len(found) == 1 {
			n, err := c.named(ctx, found[0].number, toClaim)
			return n, overtaken(err)
		}
	}
	of := ""
	if len(c.Types) > 0 {
		of = " of type " + strings.Join(c.Types, " or ")
	}
	return numberRow{}, &lifecycle.Refusal{
		Code: "no-number-available", Message: fmt.Sprintf("no Microsoft number%s is available at %s or above it", of, c.Site), Hint: "add numbers with `tenure numbers add`, or name one",
	}
}

// lowest reads the lowest free number that the lock allows. Each node, and each type where types matter, is one range of
// an index, of which only as many are read as may be locked by others.
func (c claimant) lowest(ctx context.Context, lock string) ([]numberRow, error) {
	var args conditions
	tenant := args.arg(c.Tenant)
	// Not a parameter, or PostgreSQL would not know how few they are and make a new plan for each claim.
	limit := strconv.Itoa(c.dialect.contenders)
	types := slices.Compact(slices.Sorted(slices.Values(c.Types)))
	var ranges []string
	add := func(condition string) {
		ranges = append(ranges, `SELECT number FROM (SELECT number FROM numbers WHERE tenant = `+tenant+condition+` AND `+freeForAll+` ORDER BY number LIMIT `+limit+`) AS r`)
	}
	for _, node := range visibleFrom(c.Site) {
		at := ` AND node = ` + args.arg(node)
		if len(types) == 0 {
			add(at)
		}
		for _, kind := range types {
			add(at + ` AND type = ` + args.arg(kind))
		}
	}
	candidates := `SELECT number FROM (` + strings.Join(ranges, ` UNION ALL `) + `) AS r ORDER BY number LIMIT ` + limit
	// The condition again, for the row may have changed since, in a form that keeps PostgreSQL from reading one of the
	// indexes as a whole instead of the few numbers.
	return query(ctx, c.tx, scanNumber, `SELECT `+numberColumns+` FROM numbers AS n WHERE n.tenant = `+tenant+` AND n.number `+c.dialect.in(candidates)+`
		AND n.vendor = 'Microsoft' AND n.state || n.held_by || n.reserved_for = 'available' ORDER BY n.number LIMIT 1`+lock, args.args...)
}

// record writes what find has decided and returns the row as it is now.
func (c claimant) record(ctx context.Context, actor Actor, n numberRow) (numberRow, error) {
	switch {
	case c.claimed(n):
		return n, nil
	case n.state != lifecycle.Used:
		after, err := c.transition(ctx, actor, []numberStep{{number: n, event: eventClaim, runID: c.runID, userID: c.UserID}})
		return first(after), err
	case n.heldBy == c.runID && n.nextState != absent:
		n.nextState, n.nextCoolingUntil = absent, nil
		_, err := c.ExecContext(ctx, `UPDATE numbers SET next_state = '', next_cooling_until = NULL, changed_at = $1 WHERE tenant = $2 AND number = $3 AND held_by = $4`, micros(c.at), n.tenant, n.number, n.heldBy)
		return n, err
	}
	return n, nil
}

// visibleFrom lists a site and every node above it (R80).
func visibleFrom(site string) []string {
	nodes := []string{site}
	for i := strings.LastIndexByte(site, '/'); i >= 0; i = strings.LastIndexByte(site[:i], '/') {
		nodes = append(nodes, site[:i])
	}
	return nodes
}

// overtaken turns a refusal of a number that was fine a moment ago into errOvertaken.
func overtaken(err error) error {
	var refusal *lifecycle.Refusal
	if errors.As(err, &refusal) {
		return errOvertaken
	}
	return err
}

// first is the one row of a result, or the zero value.
func first(rows []numberRow) numberRow {
	if len(rows) == 0 {
		return numberRow{}
	}
	return rows[0]
}

func moment(t *time.Time) string {
	if t == nil {
		return "an unknown time"
	}
	return t.Format(time.RFC3339)
}
