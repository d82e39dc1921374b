package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tenure/internal/lifecycle"
)

// numberEvent is something that happens to a number. The words stand in the history.
type numberEvent string

// The events of domain.md §6.1, and those that leave the state as it is.
const (
	eventAdd      numberEvent = "add"
	eventAddInUse numberEvent = "add-in-use"
	// eventFoundInUse: somebody has the number in Teams although the inventory had it unused (R91).
	eventFoundInUse numberEvent = "found-in-use"
	// eventCorrectOwner: another has the number in Teams than the inventory said (R91).
	eventCorrectOwner numberEvent = "owner-corrected"
	eventAssign       numberEvent = "assign"
	// The two outcomes of a release: cooling off and on at the number's node (R83).
	eventRelease          numberEvent = "release"
	eventReleaseToCooling numberEvent = "release-to-cooling"
	// Cooling by hand (R85), and the two ways out of it: by hand and because its time is over (R86).
	eventCool         numberEvent = "cool"
	eventEndCooling   numberEvent = "end-cooling"
	eventCoolingEnded numberEvent = "cooling-ended"
	// The state Reserved (R87), and the two ways out of it.
	eventReserve          numberEvent = "reserve"
	eventUnreserve        numberEvent = "unreserve"
	eventReservationEnded numberEvent = "reservation-ended"
	// A user for whom alone the number is, whatever its state (R88), and the two ways for that to end.
	eventReserveFor       numberEvent = "reserve-for"
	eventUnreserveFor     numberEvent = "unreserve-for"
	eventReservedForEnded numberEvent = "reserved-for-ended"
	// eventMove: the number is at another node (R94).
	eventMove numberEvent = "move"
	// eventFacts: type or activation are as Teams has them (R91).
	eventFacts  numberEvent = "facts-taken-over"
	eventRemove numberEvent = "remove"
	eventHold   numberEvent = "hold"
	// eventClaim is a hold with the assignment recorded that eventAssign makes when the run commits.
	eventClaim     numberEvent = "claim"
	eventHoldEnded numberEvent = "hold-ended"
	// eventHoldPassed: a dead run's successor holds the number now.
	eventHoldPassed numberEvent = "hold-passed"
)

// ofHold are the events that change nothing but the hold.
var ofHold = []numberEvent{eventHold, eventClaim, eventHoldEnded, eventHoldPassed}

// absent is the state of a number that is not in the inventory.
const absent lifecycle.NumberState = ""

// transitions is the table of domain.md §6.1: from, event, to. What is not in it is not allowed.
var transitions = map[lifecycle.NumberState]map[numberEvent]lifecycle.NumberState{
	absent: {eventAdd: lifecycle.Available, eventAddInUse: lifecycle.Used},
	lifecycle.Available: {
		eventAssign: lifecycle.Used, eventFoundInUse: lifecycle.Used,
		eventReserve: lifecycle.Reserved, eventCool: lifecycle.Cooling, eventRemove: absent,
		eventReserveFor: lifecycle.Available, eventUnreserveFor: lifecycle.Available, eventReservedForEnded: lifecycle.Available,
		eventMove: lifecycle.Available, eventFacts: lifecycle.Available,
		eventHold: lifecycle.Available, eventClaim: lifecycle.Available, eventHoldEnded: lifecycle.Available, eventHoldPassed: lifecycle.Available,
	},
	lifecycle.Used: {
		eventRelease: lifecycle.Available, eventReleaseToCooling: lifecycle.Cooling, eventCorrectOwner: lifecycle.Used,
		eventReserveFor: lifecycle.Used, eventUnreserveFor: lifecycle.Used, eventReservedForEnded: lifecycle.Used,
		eventMove: lifecycle.Used, eventFacts: lifecycle.Used,
		eventHold: lifecycle.Used, eventHoldEnded: lifecycle.Used, eventHoldPassed: lifecycle.Used,
	},
	lifecycle.Cooling: {
		eventFoundInUse: lifecycle.Used, eventEndCooling: lifecycle.Available, eventCoolingEnded: lifecycle.Available,
		eventReserveFor: lifecycle.Cooling, eventUnreserveFor: lifecycle.Cooling, eventReservedForEnded: lifecycle.Cooling,
		eventMove: lifecycle.Cooling, eventFacts: lifecycle.Cooling,
		eventHold: lifecycle.Cooling, eventHoldEnded: lifecycle.Cooling, eventHoldPassed: lifecycle.Cooling,
	},
	lifecycle.Reserved: {
		// eventUnreserve ends both reservations, so that there is no eventUnreserveFor here.
		eventFoundInUse: lifecycle.Used, eventUnreserve: lifecycle.Available, eventReservationEnded: lifecycle.Available,
		eventReserveFor: lifecycle.Reserved, eventReservedForEnded: lifecycle.Reserved,
		eventMove: lifecycle.Reserved, eventFacts: lifecycle.Reserved,
		eventHold: lifecycle.Reserved, eventHoldEnded: lifecycle.Reserved, eventHoldPassed: lifecycle.Reserved,
	},
}

// numberStep is one event that happens to one number.
type numberStep struct {
	// number is the row as it was read, and locked, in the same transaction.
	number numberRow
	event  numberEvent
	// userID is for the events that make the number Used, for eventCorrectOwner, eventClaim and eventReserveFor.
	userID string
	// until is for the events that begin a cooling or a reservation; nil for a reservation without end.
	until *time.Time
	// notes are for the events that begin a reservation.
	notes string
	// node is for eventMove.
	node string
	// facts are for eventFacts.
	facts Facts
	// runID is for the events that begin or pass a hold.
	runID string
	// detail stands in the history beside the event.
	detail string
}

// after is the number after the step, with every side effect that the table names.
func (step numberStep) after() (numberRow, error) {
	n := step.number
	to, allowed := transitions[n.state][step.event]
	if !allowed {
		return n, notAllowed(n, step.event)
	}
	n.state = to
	switch step.event {
	case eventAdd, eventRemove:
	case eventAddInUse:
		n.userID = step.userID
	case eventCorrectOwner:
		n.userID = step.userID
		n.inTeams()
	case eventFoundInUse:
		n.userID, n.coolingUntil, n.reservedUntil, n.notes = step.userID, nil, nil, ""
		n.inTeams()
	case eventRelease, eventReleaseToCooling:
		// R93: description cleared, extra fields kept. R88: reserved_for survives.
		n.userID, n.description, n.coolingUntil = "", "", step.until
		n.freeHold()
	case eventAssign:
		n.userID = step.userID
		n.inTeams()
		n.freeHold()
	case eventCool:
		n.coolingUntil = step.until
	case eventEndCooling, eventCoolingEnded:
		n.coolingUntil = nil
	case eventReserve:
		n.reservedUntil, n.notes = step.until, step.notes
	case eventUnreserve:
		n.reservedUntil, n.notes, n.reservedFor, n.reservedForUntil = nil, "", "", nil
	case eventReservationEnded:
		n.reservedUntil, n.notes = nil, ""
	case eventReserveFor:
		n.reservedFor, n.reservedForUntil = step.userID, step.until
		if step.notes != "" {
			n.notes = step.notes
		}
	case eventUnreserveFor, eventReservedForEnded:
		n.reservedFor, n.reservedForUntil = "", nil
		// The notes of a state Reserved are its own.
		if n.state != lifecycle.Reserved {
			n.notes = ""
		}
	case eventMove:
		n.node = step.node
	case eventFacts:
		n.numberType, n.activation = step.facts.Type, step.facts.Activation
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

// notAllowed says in which state a number is that an event may not happen to.
func notAllowed(n numberRow, event numberEvent) *lifecycle.Refusal {
	r := &lifecycle.Refusal{Code: "transition-not-allowed"}
	switch n.state {
	case lifecycle.Used:
		r.Message, r.Hint = fmt.Sprintf("%s is used, by user %s", n.number, n.userID), "a number becomes free when its user is offboarded"
	case lifecycle.Cooling:
		r.Message, r.Hint = fmt.Sprintf("%s is cooling until %s", n.number, moment(n.coolingUntil)), "end that with `tenure numbers release`"
	case lifecycle.Reserved:
		r.Message, r.Hint = fmt.Sprintf("%s is reserved%s", n.number, untilOrUnreserved(n.reservedUntil)), "end that with `tenure numbers unreserve`"
	case lifecycle.Available:
		r.Message = n.number + " is available"
	default:
		r.Message = n.number + " is not in the inventory"
	}
	r.Message += fmt.Sprintf(", which does not allow %q", event)
	return r
}

// numberHeld says that a number is in the hands of a run.
func numberHeld(n numberRow) *lifecycle.Refusal {
	return &lifecycle.Refusal{Code: "number-held", Message: fmt.Sprintf("%s is held by run %s", n.number, n.heldBy), Hint: "wait for that run to end"}
}

func untilOrUnreserved(until *time.Time) string {
	if until == nil {
		return " until it is unreserved"
	}
	return " until " + moment(until)
}

// inTeams makes the vendor Microsoft (R12, R82). A row that names another, or several, stays that: it was chosen by hand (R9).
func (n *numberRow) inTeams() {
	if n.vendor == "" {
		n.vendor = vendorMicrosoft
	}
}

// freeHold ends a hold, and with it what the run had recorded.
func (n *numberRow) freeHold() {
	n.heldBy, n.heldAt, n.nextState, n.nextCoolingUntil, n.nextUser = "", nil, absent, nil, ""
}

// transition is the only way that anything of a number changes after it was added, but for what a run records under its
// hold. It checks each step against the table and that a held number is changed by its own run only, writes the rows and
// their history, and returns the rows as they are now. One number may not be in two steps of one call.
func (t *tx) transition(ctx context.Context, actor Actor, steps []numberStep) ([]numberRow, error) {
	if len(steps) == 0 {
		return nil, nil
	}
	after := make([]numberRow, len(steps))
	history := make([]historyRow, len(steps))
	var kept, removed []numberRow
	for i, step := range steps {
		if held := step.number.heldBy; held != "" && held != actor.RunID && step.event != eventHoldPassed {
			return nil, numberHeld(step.number)
		}
		n, err := step.after()
		if err != nil {
			return nil, err
		}
		if n.heldBy != "" && n.heldBy != step.number.heldBy {
			n.heldAt = &t.at
		}
		n.version++
		if n.state == absent {
			removed = append(removed, n)
		} else {
			kept = append(kept, n)
		}
		after[i], history[i] = n, step.history(n, actor, t.at)
	}
	write := t.writeNumbers
	if len(steps) == 1 && slices.Contains(ofHold, steps[0].event) {
		// Most events are of this kind, and many wait for them at once.
		write = t.writeHold
	}
	if err := write(ctx, kept); err != nil {
		return nil, err
	}
	if err := t.deleteNumbers(ctx, removed); err != nil {
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
		From: string(step.number.state), To: string(after.state), RunID: actor.RunID, By: actor.By, User: user, Detail: step.detail,
	}
}
