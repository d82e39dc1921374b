package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tenure/internal/lifecycle"
)

// numberRow is a row of the table numbers, as far as events change it.
type numberRow struct {
	tenant, number, node, numberType, vendor string
	activation                               string
	// state is the state underneath a hold.
	state                         lifecycle.NumberState
	userID                        string
	coolingUntil                  *time.Time
	reservedUntil                 *time.Time
	reservedFor                   string
	reservedForUntil              *time.Time
	notes, description, extraJSON string
	heldBy                        string
	heldAt                        *time.Time
	nextState                     lifecycle.NumberState
	nextCoolingUntil              *time.Time
	nextUser                      string
	version                       int64
	addedAt, changedAt            time.Time
}

// shown is the state as everybody sees it.
func (n numberRow) shown() lifecycle.NumberState {
	if n.heldBy != "" {
		return lifecycle.HeldState
	}
	return n.state
}

// planned is the number as a planner sees it.
func (n numberRow) planned() lifecycle.NumberRow {
	return lifecycle.NumberRow{
		Number: n.number, Node: n.node, State: n.shown(), Type: n.numberType, Vendor: n.vendor,
		UserID: n.userID, HeldBy: n.heldBy, CoolingUntil: n.coolingUntil,
	}
}

const numberColumns = `n.tenant, n.number, n.node, n.type, n.vendor, n.activation, n.state, n.user_id, n.cooling_until, n.reserved_for, n.reserved_for_until, n.reserved_until, n.notes, n.description, n.extra, n.held_by, n.held_at, n.next_state, n.next_cooling_until, n.next_user, n.version, n.added_at, n.changed_at`

func scanNumber(row scanner) (n numberRow, err error) {
	err = n.scan(row)
	return n, err
}

// scan reads numberColumns and whatever columns follow them.
func (n *numberRow) scan(row scanner, more ...any) error {
	var cooling, reserved, reservedFor, held, nextCooling sql.NullInt64
	var added, changed int64
	err := row.Scan(append([]any{
		&n.tenant, &n.number, &n.node, &n.numberType, &n.vendor, &n.activation, &n.state, &n.userID, &cooling, &n.reservedFor, &reservedFor, &reserved,
		&n.notes, &n.description, &n.extraJSON, &n.heldBy, &held, &n.nextState, &nextCooling, &n.nextUser, &n.version, &added, &changed,
	}, more...)...)
	n.coolingUntil, n.reservedUntil, n.reservedForUntil = fromMicrosOrNull(cooling), fromMicrosOrNull(reserved), fromMicrosOrNull(reservedFor)
	n.heldAt, n.nextCoolingUntil = fromMicrosOrNull(held), fromMicrosOrNull(nextCooling)
	n.addedAt, n.changedAt = fromMicros(added), fromMicros(changed)
	return err
}

// lockNumbers reads and locks numbers, always in the same order.
func (t *tx) lockNumbers(ctx context.Context, where string, args ...any) ([]numberRow, error) {
	return query(ctx, t, scanNumber, `SELECT `+numberColumns+` FROM numbers AS n WHERE `+where+` ORDER BY n.tenant, n.number`+t.dialect.forUpdate, args...)
}

// lockHeld locks the numbers that a run holds. The second condition repeats that of the partial index, which no engine
// infers from a parameter.
func (t *tx) lockHeld(ctx context.Context, runID string) ([]numberRow, error) {
	return t.lockNumbers(ctx, `n.held_by = $1 AND n.held_by <> ''`, runID)
}

// lockListed locks those of the listed numbers that are in the inventory.
func (t *tx) lockListed(ctx context.Context, tenant string, numbers []string) ([]numberRow, error) {
	list, err := jsonRows(named(numbers))
	if err != nil {
		return nil, err
	}
	return t.lockNumbers(ctx, `n.tenant = $1 AND n.number IN (SELECT r.name FROM `+t.dialect.rows(2, columns("name"))+`)`, tenant, list)
}

// listed is a row of a list of numbers or ids.
type listed struct {
	Name string `json:"name"`
}

func named(list []string) []listed {
	rows := make([]listed, len(list))
	for i, item := range list {
		rows[i].Name = item
	}
	return rows
}

// numberChange is what an update writes of a numberRow.
type numberChange struct {
	Tenant           string `json:"tenant"`
	Number           string `json:"number"`
	Node             string `json:"node"`
	Type             string `json:"type"`
	Vendor           string `json:"vendor"`
	Activation       string `json:"activation"`
	State            string `json:"state"`
	UserID           string `json:"user_id"`
	CoolingUntil     *int64 `json:"cooling_until"`
	ReservedUntil    *int64 `json:"reserved_until"`
	ReservedFor      string `json:"reserved_for"`
	ReservedForUntil *int64 `json:"reserved_for_until"`
	Notes            string `json:"notes"`
	Description      string `json:"description"`
	HeldBy           string `json:"held_by"`
	HeldAt           *int64 `json:"held_at"`
	NextState        string `json:"next_state"`
	NextCoolingUntil *int64 `json:"next_cooling_until"`
	NextUser         string `json:"next_user"`
	Version          int64  `json:"version"`
}

const numberChangeColumns = `tenant, number, node, type, vendor, activation, state, user_id, cooling_until BIGINT, reserved_until BIGINT, reserved_for, reserved_for_until BIGINT, notes, description, held_by, held_at BIGINT, next_state, next_cooling_until BIGINT, next_user, version BIGINT`

// writeNumbers writes rows whose version was raised by one since they were read.
func (t *tx) writeNumbers(ctx context.Context, rows []numberRow) error {
	if len(rows) == 0 {
		return nil
	}
	changes := make([]numberChange, len(rows))
	for i, n := range rows {
		changes[i] = numberChange{
			Tenant: n.tenant, Number: n.number, Node: n.node, Type: n.numberType, Vendor: n.vendor, Activation: n.activation,
			State: string(n.state), UserID: n.userID, CoolingUntil: microsOrNull(n.coolingUntil), ReservedUntil: microsOrNull(n.reservedUntil),
			ReservedFor: n.reservedFor, ReservedForUntil: microsOrNull(n.reservedForUntil), Notes: n.notes, Description: n.description, HeldBy: n.heldBy, HeldAt: microsOrNull(n.heldAt),
			NextState: string(n.nextState), NextCoolingUntil: microsOrNull(n.nextCoolingUntil), NextUser: n.nextUser, Version: n.version,
		}
	}
	list, err := jsonRows(changes)
	if err != nil {
		return err
	}
	written, err := t.exec(ctx,
		`UPDATE numbers AS n SET node = r.node, type = r.type, vendor = r.vendor, activation = r.activation, state = r.state, user_id = r.user_id,
		 cooling_until = r.cooling_until, reserved_until = r.reserved_until, reserved_for = r.reserved_for, reserved_for_until = r.reserved_for_until, notes = r.notes,
		 description = r.description, held_by = r.held_by, held_at = r.held_at, next_state = r.next_state, next_cooling_until = r.next_cooling_until,
		 next_user = r.next_user, version = r.version, changed_at = $2
		 FROM `+t.dialect.rows(1, columns(numberChangeColumns))+`
		 WHERE n.tenant = r.tenant AND n.number = r.number AND n.version = r.version - 1`, list, micros(t.at))
	return allChanged(written, rows, err)
}

// writeHold is writeNumbers for one row of which nothing but the hold has changed.
func (t *tx) writeHold(ctx context.Context, rows []numberRow) error {
	n := rows[0]
	written, err := t.exec(ctx,
		`UPDATE numbers SET held_by = $1, held_at = $2, next_state = $3, next_cooling_until = $4, next_user = $5, version = $6, changed_at = $7
		 WHERE tenant = $8 AND number = $9 AND version = $6 - 1`,
		n.heldBy, microsOrNull(n.heldAt), string(n.nextState), microsOrNull(n.nextCoolingUntil), n.nextUser, n.version, micros(t.at), n.tenant, n.number)
	return allChanged(written, rows, err)
}

// deleteNumbers removes rows whose version was raised by one since they were read.
func (t *tx) deleteNumbers(ctx context.Context, rows []numberRow) error {
	if len(rows) == 0 {
		return nil
	}
	keys := make([]numberVersion, len(rows))
	for i, n := range rows {
		keys[i] = numberVersion{n.tenant, n.number, n.version}
	}
	list, err := jsonRows(keys)
	if err != nil {
		return err
	}
	deleted, err := t.exec(ctx, `DELETE FROM numbers WHERE (tenant, number, version) IN (SELECT r.tenant, r.number, r.version - 1 FROM `+t.dialect.rows(1, columns(numberVersionColumns))+`)`, list)
	return allChanged(deleted, rows, err)
}

func allChanged(changed int64, rows []numberRow, err error) error {
	if err == nil && changed != int64(len(rows)) {
		err = fmt.Errorf("%d of %d numbers were changed by somebody else meanwhile", int64(len(rows))-changed, len(rows))
	}
	return err
}

// numberVersion is a number at one moment of its history.
type numberVersion struct {
	Tenant  string `json:"tenant"`
	Number  string `json:"number"`
	Version int64  `json:"version"`
}

const numberVersionColumns = `tenant, number, version BIGINT`

func scanNumberVersion(row scanner) (n numberVersion, err error) {
	err = row.Scan(&n.Tenant, &n.Number, &n.Version)
	return n, err
}

// historyRow is a row of the table number_history.
type historyRow struct {
	Tenant  string `json:"tenant"`
	Number  string `json:"number"`
	Version int64  `json:"version"`
	At      int64  `json:"at"`
	Event   string `json:"event"`
	From    string `json:"from_state"`
	To      string `json:"to_state"`
	RunID   string `json:"run_id"`
	By      string `json:"by_whom"`
	User    string `json:"user_id"`
	Detail  string `json:"detail"`
}

const historyColumns = `tenant, number, version BIGINT, at BIGINT, event, from_state, to_state, run_id, by_whom, user_id, detail`

func (t *tx) writeHistory(ctx context.Context, rows []historyRow) error {
	const names = `tenant, number, version, at, event, from_state, to_state, run_id, by_whom, user_id, detail`
	if len(rows) == 1 {
		r := rows[0]
		_, err := t.ExecContext(ctx, `INSERT INTO number_history (`+names+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
			r.Tenant, r.Number, r.Version, r.At, r.Event, r.From, r.To, r.RunID, r.By, r.User, r.Detail)
		return err
	}
	list, err := jsonRows(rows)
	if err != nil {
		return err
	}
	_, err = t.ExecContext(ctx, `INSERT INTO number_history (`+names+`) SELECT `+names+` FROM `+t.dialect.rows(1, columns(historyColumns)), list)
	return err
}
