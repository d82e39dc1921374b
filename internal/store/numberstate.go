package store

import (
	"context"
	"fmt"
	"time"

	"tenure/internal/lifecycle"
)

// numberEvent is something that happens to a number. The words stand in the history.
type numberEvent string

// The events of domain.md §6.1 that happen so far, and those of the hold.
const (
	eventAdd      numberEvent = "add"
	eventAddInUse numberEvent = "add-in-use"
	// eventFoundInUse: a run found the number with a user although the inventory had it unused (R91).
	eventFoundInUse numberEvent = "found-in-use"
	// The two outcomes of a release: cooling off and on at the number's node (R83).
	eventRelease          numberEvent = "release"
	eventReleaseToCooling numberEvent = "release-to-cooling"
	eventHold             numberEvent = "hold"
	// eventClaim is a hold with the assignment recorded that eventAssign makes when the run commits.
	eventClaim     numberEvent = "claim"
	eventAssign    numberEvent = "assign"
	eventHoldEnded numberEvent = "hold-ended"
	// eventHoldPassed: a dead run's successor holds the number now.
	eventHoldPassed numberEvent = "hold-passed"
)

// absent is the state of a number that is not in the inventory.
const absent lifecycle.NumberState = ""

// transitions is the table of domain.md §6.1: from, event, to. What is not in it is not allowed.
var transitions = map[lifecycle.NumberState]map[numberEvent]lifecycle.NumberState{
	absent: {eventAdd: lifecycle.Available, eventAddInUse: lifecycle.Used},
	lifecycle.Available: {
		eventClaim: lifecycle.Available, eventAssign: lifecycle.Used,
		eventFoundInUse: lifecycle.Used,
		eventHold:       lifecycle.Available, eventHoldEnded: lifecycle.Available, eventHoldPassed: lifecycle.Available,
	},
	lifecycle.Used: {
		eventRelease: lifecycle.Available, eventReleaseToCooling: lifecycle.Cooling,
		eventHold: lifecycle.Used, eventHoldEnded: lifecycle.Used, eventHoldPassed: lifecycle.Used,
	},
	lifecycle.Cooling: {
		eventFoundInUse: lifecycle.Used,
		eventHold:       lifecycle.Cooling, eventHoldEnded: lifecycle.Cooling, eventHoldPassed: lifecycle.Cooling,
	},
	lifecycle.Reserved: {
		eventFoundInUse: lifecycle.Used,
		eventHold:       lifecycle.Reserved, eventHoldEnded: lifecycle.Reserved, eventHoldPassed: lifecycle.Reserved,
	},
}

// numberStep is one event that happens to one number.
type numberStep struct {
	// number is the row as it was read, and locked, in the same transaction.
	number numberRow
	event  numberEvent
	// userID is for the events that make the number Used, and for eventClaim.
	userID string
	// coolingUntil is for eventReleaseToCooling.
	coolingUntil *time.Time
	// runID is for the events that begin or pass a hold.
	runID string
}

// after is the number after the step, with every side effect that the table names.
func (step numberStep) after() (numberRow, error) {
	n := step.number
	to, allowed := transitions[n.state][step.event]
	if !allowed {
		return n, &lifecycle.Refusal{Code: "transition-not-allowed", Message: fmt.Sprintf("%s is %s, which does not allow %q", n.number, n.state, step.event)}
	}
	n.state = to
	switch step.event {
	case eventAdd:
	case eventAddInUse:
		n.userID = step.userID
	case eventFoundInUse:
		n.userID, n.coolingUntil, n.reservedUntil, n.notes = step.userID, nil, nil, ""
	case eventRelease, eventReleaseToCooling:
		// R93: description cleared, extra fields kept. R88: reserved_for survives.
		n.userID, n.description, n.coolingUntil = "", "", step.coolingUntil
		n.freeHold()
	case eventAssign:
		n.userID = step.userID
		// R12. A row that names another vendor, or several, stays that: it was chosen by hand (R9).
		if n.vendor == "" {
			n.vendor = vendorMicrosoft
		}
		n.freeHold()
	case eventClaim:
		n.freeHold()
		n.heldBy, n.nextUser = step.runID, step.userID
	case eventHold, eventHoldPassed:
		n.freeHold()
		n.heldBy = step.runID
	case eventHoldEnded:
		n.freeHold()
	}
	return n, nil
}

// freeHold ends a hold, and with it what the run had recorded.
func (n *numberRow) freeHold() {
	n.heldBy, n.heldAt, n.nextState, n.nextCoolingUntil, n.nextUser = "", nil, absent, nil, ""
}

// transition is the only way that the state or the hold of a number changes after it was added. It checks each step
// against the table, writes the rows and their history, and returns the rows as they are now. One number may not be in
// two steps of one call.
func (t *tx) transition(ctx context.Context, actor Actor, steps []numberStep) ([]numberRow, error) {
	if len(steps) == 0 {
		return nil, nil
	}
	after := make([]numberRow, len(steps))
	history := make([]historyRow, len(steps))
	for i, step := range steps {
		n, err := step.after()
		if err != nil {
			return nil, err
		}
		if n.heldBy != "" && n.heldBy != step.number.heldBy {
			n.heldAt = &t.at
		}
		n.version++
		after[i], history[i] = n, step.history(n, actor, t.at)
	}
	if err := t.writeNumbers(ctx, after); err != nil {
		return nil, err
	}
	return after, t.writeHistory(ctx, history)
}

// history is the line that the step leaves. The user is the one who has the number now, else the one who had it.
func (step numberStep) history(after numberRow, actor Actor, at time.Time) historyRow {
	user := after.userID
	if user == "" {
		user = step.number.userID
	}
	return historyRow{
		Tenant: after.tenant, Number: after.number, Version: after.version, At: micros(at), Event: string(step.event),
		From: string(step.number.state), To: string(after.state), RunID: actor.RunID, By: actor.By, User: user,
	}
}
