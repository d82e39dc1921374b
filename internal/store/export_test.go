package store

import (
	"time"

	"tenure/internal/lifecycle"
)

// Events are the events that happen to a number in one state or another.
func Events() map[string]bool {
	events := map[string]bool{}
	for _, of := range transitions {
		for event := range of {
			events[string(event)] = true
		}
	}
	return events
}

// After is the state that an event leads to, or the refusal.
func After(state lifecycle.NumberState, event string) (lifecycle.NumberState, error) {
	until := time.Unix(0, 0)
	n, err := numberStep{number: numberRow{number: "+101", state: state}, event: numberEvent(event), userID: "anna", runID: "run", until: &until}.after()
	return n.state, err
}
