package store

import (
	"context"
	"time"

	"tenure/internal/lifecycle"
)

// Cooling is a number to cool, for 1 to 999 days of 24 hours (R85).
type Cooling struct {
	Number string
	Days   int
}

// CoolNumbers lets Available numbers cool, each for its own time. The last one counts of two for the same number. See
// editNumbers for what holds for every change; besides, "cooling-days" (Invalid) refuses an impossible duration.
func (s *Store) CoolNumbers(ctx context.Context, actor Actor, tenant string, cooling []Cooling) ([]Number, error) {
	days := map[string]int{}
	numbers := make([]string, len(cooling))
	for i, c := range cooling {
		if err := refuseDays("cooling-days", "cooling of "+c.Number, c.Days, 1); err != nil {
			return nil, err
		}
		numbers[i], days[c.Number] = c.Number, c.Days
	}
	return s.editNumbers(ctx, actor, numbersEdit{
		operation: "numbers-cool", tenant: tenant, numbers: numbers, events: []numberEvent{eventCool},
		step: func(n numberRow, at time.Time) (*numberStep, error) {
			until := lifecycle.CoolingEnd(at, days[n.number])
			return &numberStep{number: n, event: eventCool, until: &until}, nil
		},
	})
}

// EndCooling makes Cooling numbers Available before their time (R85). See editNumbers for what holds for every change.
func (s *Store) EndCooling(ctx context.Context, actor Actor, tenant string, numbers []string) ([]Number, error) {
	return s.editNumbers(ctx, actor, numbersEdit{
		operation: "numbers-release", tenant: tenant, numbers: numbers, events: []numberEvent{eventEndCooling},
		step: func(n numberRow, _ time.Time) (*numberStep, error) {
			return &numberStep{number: n, event: eventEndCooling}, nil
		},
	})
}
