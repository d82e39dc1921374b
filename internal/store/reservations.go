package store

import (
	"context"
	"time"

	"tenure/internal/lifecycle"
)

// Reservation is how numbers are reserved.
type Reservation struct {
	// For is the id of the user who alone may have the numbers; empty keeps everybody from them.
	For string
	// Days is after how many days of 24 hours it ends, 1 to 999; 0 for never.
	Days int
	// Notes say why.
	Notes string
}

// ReserveNumbers reserves Available numbers (R87). A reservation for a user (R88) is independent of the state: it is made
// in whatever state a number is, leaves that as it is, and takes the place of one for another user. See editNumbers for
// what holds for every change; besides, "reservation-days" (Invalid) refuses an impossible duration.
func (s *Store) ReserveNumbers(ctx context.Context, actor Actor, tenant string, numbers []string, r Reservation) ([]Number, error) {
	if err := refuseDays("reservation-days", "a reservation", r.Days, 0); err != nil {
		return nil, err
	}
	step := numberStep{event: eventReserve, notes: r.Notes}
	detail := map[string]any{"days": r.Days, "notes": r.Notes}
	if r.For != "" {
		step = numberStep{event: eventReserveFor, notes: r.Notes, userID: r.For, detail: "for user " + r.For}
		detail["for"] = r.For
	}
	return s.editNumbers(ctx, actor, numbersEdit{
		operation: "numbers-reserve", tenant: tenant, numbers: numbers, detail: detail, events: []numberEvent{step.event},
		step: func(n numberRow, at time.Time) (*numberStep, error) {
			step := step
			step.number = n
			if r.Days > 0 {
				until := lifecycle.CoolingEnd(at, r.Days)
				step.until = &until
			}
			return &step, nil
		},
	})
}

// UnreserveNumbers ends reservations of both kinds: a Reserved number becomes Available (R87), and one that is for a user,
// in whatever state, is for everybody again (R88). A number that has neither is refused with "transition-not-allowed".
// See editNumbers for what holds for every change.
func (s *Store) UnreserveNumbers(ctx context.Context, actor Actor, tenant string, numbers []string) ([]Number, error) {
	return s.editNumbers(ctx, actor, numbersEdit{
		operation: "numbers-unreserve", tenant: tenant, numbers: numbers, events: []numberEvent{eventUnreserve, eventUnreserveFor},
		step: func(n numberRow, _ time.Time) (*numberStep, error) {
			step := &numberStep{number: n, event: eventUnreserve}
			if n.reservedFor != "" {
				step.detail = "was for user " + n.reservedFor
				if n.state != lifecycle.Reserved {
					step.event = eventUnreserveFor
				}
			}
			return step, nil
		},
	})
}
