package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tenure/internal/lifecycle"
)

// numbersEdit is a change that an administrator makes to a list of numbers.
type numbersEdit struct {
	// operation is the audit's word for it.
	operation, tenant string
	numbers           []string
	// events are those that the change may be made of.
	events []numberEvent
	// check looks at all numbers that are to be changed before the first of them is; nil for no such check.
	check func(*tx, []numberRow) error
	// step is what happens to one number at that moment; nil when it is as wanted already.
	step func(n numberRow, at time.Time) (*numberStep, error)
	// detail is what the audit says beside the numbers; it may be nil.
	detail map[string]any
}

// editNumbers makes a change to all numbers of a list or to none, with a line of history each and one audit entry, and
// returns the numbers as they are now, sorted. A number on which this change is the latest that the actor's run has made is
// left alone, so that a call may be repeated after its commit, whatever others did meanwhile.
//
// It refuses numbers that are not in the inventory ("unknown-number", Invalid), those that a run holds ("number-held") and
// those whose state does not allow the change ("transition-not-allowed").
func (s *Store) editNumbers(ctx context.Context, actor Actor, e numbersEdit) (now []Number, err error) {
	e.numbers = slices.Compact(slices.Sorted(slices.Values(e.numbers)))
	err = s.update(ctx, e.operation, func(t *tx) error {
		rows, err := t.lockListed(ctx, e.tenant, e.numbers)
		if err != nil {
			return err
		}
		past, err := t.eventsOf(ctx, actor.RunID, e.tenant, e.numbers)
		if err != nil {
			return err
		}
		latest := map[string]numberVersion{}
		for at := range past {
			if at.Version > latest[at.Number].Version {
				latest[at.Number] = at
			}
		}
		var todo []numberRow
		for _, number := range e.numbers {
			i, known := slices.BinarySearchFunc(rows, number, compareNumber)
			switch {
			case slices.Contains(e.events, past[latest[number]]):
			case !known:
				return unknownNumber(e.tenant, number)
			case rows[i].heldBy != "":
				return numberHeld(rows[i])
			default:
				todo = append(todo, rows[i])
			}
		}
		if e.check != nil {
			if err := e.check(t, todo); err != nil {
				return err
			}
		}
		var steps []numberStep
		var changed []string
		for _, n := range todo {
			step, err := e.step(n, t.at)
			if err != nil {
				return err
			}
			if step != nil {
				steps, changed = append(steps, *step), append(changed, n.number)
			}
		}
		if _, err := t.transition(ctx, actor, steps); err != nil {
			return err
		}
		if now, err = t.listed(ctx, e.tenant, e.numbers); err != nil || len(steps) == 0 {
			return err
		}
		detail := map[string]any{"numbers": changed}
		maps.Copy(detail, e.detail)
		return t.audit(ctx, actor, AuditEntry{Operation: e.operation, Tenant: e.tenant, Outcome: outcomeDone, Detail: detail})
	})
	if err != nil {
		return nil, err
	}
	return now, nil
}

func compareNumber(n numberRow, number string) int { return strings.Compare(n.number, number) }

// maxDays bounds every duration that is given in days (R85).
const maxDays = 999

// refuseDays refuses a duration out of bounds.
func refuseDays(code, what string, days, least int) error {
	if days >= least && days <= maxDays {
		return nil
	}
	return &lifecycle.Refusal{Code: code, Message: fmt.Sprintf("%s cannot last %d days", what, days), Hint: fmt.Sprintf("give %d to %d days", least, maxDays), Invalid: true}
}

// eventsOf is what a run made happen to the listed numbers, by the version that it made; nothing for a run without an id.
func (t *tx) eventsOf(ctx context.Context, runID, tenant string, numbers []string) (map[numberVersion]numberEvent, error) {
	past := map[numberVersion]numberEvent{}
	if runID == "" || len(numbers) == 0 {
		return past, nil
	}
	list, err := jsonRows(named(numbers))
	if err != nil {
		return nil, err
	}
	// CROSS JOIN has SQLite look up each number of the list; it would go through the tenant's whole history otherwise.
	_, err = query(ctx, t, func(row scanner) (none struct{}, err error) {
		at := numberVersion{Tenant: tenant}
		var event numberEvent
		err = row.Scan(&at.Number, &at.Version, &event)
		past[at] = event
		return none, err
	}, `SELECT h.number, h.version, h.event FROM `+t.dialect.rows(1, columns("name"))+` CROSS JOIN number_history AS h WHERE h.tenant = $2 AND h.number = r.name AND h.run_id = $3`, list, tenant, runID)
	return past, err
}

// listed reads those of the listed numbers that are in the inventory, sorted and without their history.
func (t *tx) listed(ctx context.Context, tenant string, numbers []string) ([]Number, error) {
	list, err := jsonRows(named(numbers))
	if err != nil {
		return nil, err
	}
	return query(ctx, t, scanShown, selectNumbers+` WHERE n.tenant = $1 AND n.number IN (SELECT r.name FROM `+t.dialect.rows(2, columns("name"))+`) ORDER BY n.number`, tenant, list)
}

// RemoveNumbers takes Available numbers out of the inventory (R89). Their history stays, and goes on when a number is
// added again. Refusals are those of every change; see editNumbers.
func (s *Store) RemoveNumbers(ctx context.Context, actor Actor, tenant string, numbers []string) error {
	_, err := s.editNumbers(ctx, actor, numbersEdit{
		operation: "numbers-remove", tenant: tenant, numbers: numbers, events: []numberEvent{eventRemove},
		step: func(n numberRow, _ time.Time) (*numberStep, error) {
			return &numberStep{number: n, event: eventRemove}, nil
		},
	})
	return err
}
