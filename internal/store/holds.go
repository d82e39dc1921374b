package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tenure/internal/lifecycle"
)

// Release is what a run wants to become of a number that it holds.
type Release struct {
	Number string
	// To is Available or Cooling; CoolingDays counts for Cooling only.
	To          lifecycle.NumberState
	CoolingDays int
}

// Released is what is recorded to become of a number when the run commits.
type Released struct {
	Number string
	To     lifecycle.NumberState
	// CoolingUntil is exact; nil unless To is Cooling.
	CoolingUntil *time.Time
}

// HoldNumbers holds numbers for an active run until it ends, so that undo can always give them back. It returns those
// that the run holds now; numbers that are not in the inventory are left out. When another run holds one of them, none
// is held: "number-held". Holding again changes nothing.
func (s *Store) HoldNumbers(ctx context.Context, runID, tenant string, numbers []string) (held []string, err error) {
	err = s.update(ctx, "hold numbers for run "+runID, func(t *tx) error {
		op, err := t.activeRun(ctx, runID)
		if err != nil {
			return err
		}
		rows, err := t.lockListed(ctx, tenant, numbers)
		if err != nil {
			return err
		}
		held = nil
		var steps []numberStep
		for _, n := range rows {
			switch n.heldBy {
			case runID:
			case "":
				steps = append(steps, numberStep{number: n, event: eventHold, runID: runID})
			default:
				return numberHeld(n)
			}
			held = append(held, n.number)
		}
		_, err = t.transition(ctx, op.actor(), steps)
		return err
	})
	if err != nil {
		return nil, err
	}
	return held, nil
}

// RecordRelease records what becomes of numbers when the run commits; until then they stay as they are, held. Cooling
// ends exactly CoolingDays × 24 h from now (R83). What is recorded already stands: a repeated call returns it unchanged.
// The result is in the order of the releases.
//
// It refuses numbers that the run does not hold ("number-not-held"), numbers of another user ("number-of-another") and
// numbers that the run has claimed ("number-claimed").
func (s *Store) RecordRelease(ctx context.Context, runID, tenant string, releases []Release) (recorded []Released, err error) {
	err = s.update(ctx, "record releases of run "+runID, func(t *tx) error {
		op, err := t.activeRun(ctx, runID)
		if err != nil {
			return err
		}
		numbers := make([]string, len(releases))
		for i, r := range releases {
			numbers[i] = r.Number
		}
		rows, err := t.lockListed(ctx, tenant, numbers)
		if err != nil {
			return err
		}
		recorded = nil
		for _, r := range releases {
			i := slices.IndexFunc(rows, func(n numberRow) bool { return n.number == r.Number })
			if i < 0 || rows[i].heldBy != runID {
				return &lifecycle.Refusal{Code: "number-not-held", Message: fmt.Sprintf("%s cannot be released: run %s does not hold it", r.Number, runID)}
			}
			if owner := rows[i].userID; owner != "" && owner != op.Subscriber.ID {
				return &lifecycle.Refusal{Code: "number-of-another", Message: fmt.Sprintf("%s cannot be released: the inventory says that user %s has it", r.Number, owner), Hint: "correct the inventory with `tenure numbers audit`"}
			}
			if rows[i].nextUser != "" {
				return &lifecycle.Refusal{Code: "number-claimed", Message: fmt.Sprintf("%s cannot be released: run %s has claimed it", r.Number, runID)}
			}
			release, err := t.recordRelease(ctx, &rows[i], r)
			if err != nil {
				return err
			}
			recorded = append(recorded, release)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return recorded, nil
}

func (t *tx) recordRelease(ctx context.Context, n *numberRow, r Release) (Released, error) {
	if n.nextState == absent {
		switch {
		case r.To == lifecycle.Available:
		case r.To == lifecycle.Cooling && r.CoolingDays > 0:
			until := lifecycle.CoolingEnd(t.at, r.CoolingDays)
			n.nextCoolingUntil = &until
		default:
			return Released{}, notARelease(r.Number, r.To, r.CoolingDays)
		}
		n.nextState = r.To
		if _, err := t.ExecContext(ctx, `UPDATE numbers SET next_state = $1, next_cooling_until = $2, changed_at = $3 WHERE tenant = $4 AND number = $5 AND held_by = $6`,
			string(n.nextState), microsOrNull(n.nextCoolingUntil), micros(t.at), n.tenant, n.number, n.heldBy); err != nil {
			return Released{}, err
		}
	}
	return Released{Number: n.number, To: n.nextState, CoolingUntil: n.nextCoolingUntil}, nil
}

func notARelease(number string, to lifecycle.NumberState, days int) *lifecycle.Refusal {
	return &lifecycle.Refusal{Code: "not-a-release", Message: fmt.Sprintf("%s cannot be released to %q for %d days", number, to, days), Invalid: true}
}

// DropReleases undoes RecordRelease: nothing is recorded any more, and the run still holds its numbers.
func (s *Store) DropReleases(ctx context.Context, runID string) error {
	return s.update(ctx, "drop the releases of run "+runID, func(t *tx) error {
		if _, err := t.activeRun(ctx, runID); err != nil {
			return err
		}
		_, err := t.ExecContext(ctx, `UPDATE numbers SET next_state = '', next_cooling_until = NULL, changed_at = $1 WHERE held_by = $2 AND held_by <> '' AND next_state <> ''`, micros(t.at), runID)
		return err
	})
}

// endHolds ends every hold of a run, with the recorded releases and assignments when it commits.
func (t *tx) endHolds(ctx context.Context, op OperationRow, commit bool) error {
	held, err := t.lockHeld(ctx, op.RunID)
	if err != nil {
		return err
	}
	var ended, found, releases []numberStep
	release := func(n numberRow) {
		step := numberStep{number: n, event: eventRelease}
		if n.nextState == lifecycle.Cooling {
			step.event, step.until = eventReleaseToCooling, n.nextCoolingUntil
		}
		releases = append(releases, step)
	}
	for _, n := range held {
		switch {
		case !commit || (n.nextState == absent && n.nextUser == ""):
			ended = append(ended, numberStep{number: n, event: eventHoldEnded})
		case n.nextUser != "":
			ended = append(ended, numberStep{number: n, event: eventAssign, userID: n.nextUser})
		case n.state == lifecycle.Used:
			release(n)
		default:
			// The run took from the user what the inventory did not know to be in use.
			found = append(found, numberStep{number: n, event: eventFoundInUse, userID: op.Subscriber.ID})
		}
	}
	nowUsed, err := t.transition(ctx, op.actor(), found)
	if err != nil {
		return err
	}
	for _, n := range nowUsed {
		release(n)
	}
	_, err = t.transition(ctx, op.actor(), append(ended, releases...))
	return err
}
