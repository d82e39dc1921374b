package store_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/lifecycle"
	"tenure/internal/store"
)

// The table of domain.md §6.1, an event a line: what it makes of a number that is absent, available, used, reserved,
// cooling. "-" is refused.
func TestTransitionsAreThoseOfTheTable(t *testing.T) {
	const (
		no    = lifecycle.NumberState("-")
		none  = lifecycle.NumberState("")
		avail = lifecycle.Available
		used  = lifecycle.Used
		resvd = lifecycle.Reserved
		cool  = lifecycle.Cooling
	)
	from := []lifecycle.NumberState{none, avail, used, resvd, cool}
	table := map[string][]lifecycle.NumberState{
		// – add / range / audit (free); – audit / sync (in use)
		"add":        {avail, no, no, no, no},
		"add-in-use": {used, no, no, no, no},
		// Available assign; Cooling, Reserved and, since a hold may be under it, Available: audit finds in use
		"assign":       {no, used, no, no, no},
		"found-in-use": {no, used, no, used, used},
		// Used by another
		"owner-corrected": {no, no, used, no, no},
		// Available reserve; Reserved unreserve / end date
		"reserve":           {no, resvd, no, no, no},
		"unreserve":         {no, no, no, avail, no},
		"reservation-ended": {no, no, no, avail, no},
		// Available apply cooling; Cooling expiry job / manual remove
		"cool":          {no, cool, no, no, no},
		"end-cooling":   {no, no, no, no, avail},
		"cooling-ended": {no, no, no, no, avail},
		// Used release, cooling off and on
		"release":            {no, no, avail, no, no},
		"release-to-cooling": {no, no, cool, no, no},
		// Available delete
		"remove": {no, none, no, no, no},
		// R88: independent of the state; unreserve ends both kinds
		"reserve-for":        {no, avail, used, resvd, cool},
		"unreserve-for":      {no, avail, used, no, cool},
		"reserved-for-ended": {no, avail, used, resvd, cool},
		// R94, R91
		"move":             {no, avail, used, resvd, cool},
		"facts-taken-over": {no, avail, used, resvd, cool},
		// The hold; R42
		"hold":        {no, avail, used, resvd, cool},
		"claim":       {no, avail, no, no, no},
		"hold-ended":  {no, avail, used, resvd, cool},
		"hold-passed": {no, avail, used, resvd, cool},
	}
	for event := range store.Events() {
		assert.Containsf(t, table, event, "an event that is not in the table")
	}
	for event, to := range table {
		for i, state := range from {
			got, err := store.After(state, event)
			if to[i] == no {
				refusal := refused(t, err, "transition-not-allowed")
				assert.Contains(t, refusal.Message, event)
				continue
			}
			require.NoErrorf(t, err, "%s of %q", event, state)
			assert.Equalf(t, to[i], got, "%s of %q", event, state)
		}
	}
}
