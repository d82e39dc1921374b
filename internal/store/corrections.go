package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"tenure/internal/lifecycle"
)

// Correction brings one number in line with Teams (R91). Exactly one of the pointers is set.
type Correction struct {
	// Add adds a number that the inventory does not have; its tenant is that of the call.
	Add *NumberAdd
	// The others change a number that is in the inventory. Number and Version are as the number was read when the
	// correction was decided on.
	Number  string
	Version int64
	// InUse: a user has the number in Teams. It becomes Used by that user, whatever it was.
	InUse *InUse
	// NotInUse: nobody has the number in Teams. It is released if it is Used.
	NotInUse *NotInUse
	// Facts: Teams knows more about the number.
	Facts *Facts
}

// InUse names the id of the user who has a number.
type InUse struct{ UserID string }

// NotInUse is what a number is released to: Available, or Cooling for 1 to 999 days.
type NotInUse struct {
	To          lifecycle.NumberState
	CoolingDays int
}

// Facts are the type and the activation state of a number in Teams; what is empty stays as it is.
type Facts struct{ Type, Activation string }

// CorrectNumbers makes those of the corrections that still fit, and returns how many these are: a number that changed since
// it was read, or that a run holds, is left alone, as is a number to add that is there. No number is ever removed. Each
// correction leaves a line of history, and all of them one audit entry. Several corrections of one number carry the same
// version and are made in their order. The same call by the same run again changes nothing and returns the same.
//
// Refusals are "malformed-number" and "not-a-release", both Invalid; then nothing is done.
func (s *Store) CorrectNumbers(ctx context.Context, actor Actor, tenant string, corrections []Correction) (done int, err error) {
	var adds []NumberAdd
	var numbers []string
	perNumber := map[string][]Correction{}
	for _, c := range corrections {
		if c.Add != nil {
			add := *c.Add
			add.Tenant = tenant
			adds = append(adds, add)
			continue
		}
		if r := c.NotInUse; r != nil && r.To != lifecycle.Available && (r.To != lifecycle.Cooling || r.CoolingDays < 1 || r.CoolingDays > maxDays) {
			return 0, notARelease(c.Number, r.To, r.CoolingDays)
		}
		numbers = append(numbers, c.Number)
		perNumber[c.Number] = append(perNumber[c.Number], c)
	}
	inserts, err := prepareAdds(adds)
	if err != nil {
		return 0, err
	}
	err = s.update(ctx, "correct numbers", func(t *tx) error {
		added, before, err := t.addMissing(ctx, actor, tenant, inserts)
		if err != nil {
			return err
		}
		corrected, again, err := t.correct(ctx, actor, tenant, numbers, perNumber)
		if err != nil {
			return err
		}
		done = len(added) + before + len(corrected) + again
		if len(added)+len(corrected) == 0 {
			return nil
		}
		return t.audit(ctx, actor, AuditEntry{Operation: "numbers-correct", Tenant: tenant, Outcome: outcomeDone, Detail: map[string]any{"added": added, "corrected": corrected}})
	})
	if err != nil {
		return 0, err
	}
	return done, nil
}

// addMissing adds numbers and returns those that were missing, and how many of the others this run has added before.
func (t *tx) addMissing(ctx context.Context, actor Actor, tenant string, inserts []numberInsert) (added []string, before int, err error) {
	inserted, err := t.addNumbers(ctx, actor, inserts)
	if err != nil {
		return nil, 0, err
	}
	numbers := make([]string, len(inserts))
	for i, in := range inserts {
		numbers[i] = in.Number
	}
	for _, n := range inserted {
		added = append(added, n.Number)
	}
	past, err := t.eventsOf(ctx, actor.RunID, tenant, numbers)
	ours := map[string]bool{}
	for at, event := range past {
		if (event == eventAdd || event == eventAddInUse) && !slices.Contains(added, at.Number) {
			ours[at.Number] = true
		}
	}
	return added, len(ours), err
}

// correct makes the corrections of numbers that the inventory has, the first of each number before the second of any. It
// returns the number of each that it has made, and how many this run has made before.
func (t *tx) correct(ctx context.Context, actor Actor, tenant string, numbers []string, perNumber map[string][]Correction) (made []string, before int, err error) {
	rows, err := t.lockListed(ctx, tenant, numbers)
	if err != nil {
		return nil, 0, err
	}
	past, err := t.eventsOf(ctx, actor.RunID, tenant, numbers)
	if err != nil {
		return nil, 0, err
	}
	ahead := map[string]int64{} // by how much corrections have raised the version that they were decided on
	for round, more := 0, true; more; round++ {
		more = false
		var steps []numberStep
		for _, n := range rows {
			if round >= len(perNumber[n.number]) {
				continue
			}
			more = true
			c := perNumber[n.number][round]
			version := c.Version + ahead[n.number]
			switch {
			case c.leaves(past[numberVersion{tenant, n.number, version + 1}]):
				before++
				ahead[n.number]++
			case n.version == version && n.heldBy == "":
				if step := c.step(n, t.at); step != nil {
					steps = append(steps, *step)
				}
			}
		}
		after, err := t.transition(ctx, actor, steps)
		if err != nil {
			return nil, 0, err
		}
		for _, n := range after {
			i, _ := slices.BinarySearchFunc(rows, n.number, compareNumber)
			rows[i] = n
			ahead[n.number]++
			made = append(made, n.number)
		}
	}
	return made, before, nil
}

// leaves reports whether an event is one that the correction may be made of.
func (c Correction) leaves(event numberEvent) bool {
	switch {
	case c.InUse != nil:
		return event == eventFoundInUse || event == eventCorrectOwner
	case c.NotInUse != nil:
		return event == eventRelease || event == eventReleaseToCooling
	default:
		return event == eventFacts
	}
}

// step is what the correction does to a number; nil when that is as Teams has it already.
func (c Correction) step(n numberRow, at time.Time) *numberStep {
	switch {
	case c.InUse != nil && n.state != lifecycle.Used:
		return &numberStep{number: n, event: eventFoundInUse, userID: c.InUse.UserID}
	case c.InUse != nil && n.userID != c.InUse.UserID:
		return &numberStep{number: n, event: eventCorrectOwner, userID: c.InUse.UserID, detail: "was with user " + n.userID}
	case c.NotInUse != nil && n.state == lifecycle.Used:
		step := &numberStep{number: n, event: eventRelease, detail: "not in use in Teams"}
		if c.NotInUse.To == lifecycle.Cooling {
			until := lifecycle.CoolingEnd(at, c.NotInUse.CoolingDays)
			step.event, step.until = eventReleaseToCooling, &until
		}
		return step
	case c.Facts != nil:
		facts := Facts{Type: cmp.Or(c.Facts.Type, n.numberType), Activation: cmp.Or(c.Facts.Activation, n.activation)}
		if facts == (Facts{n.numberType, n.activation}) {
			return nil
		}
		return &numberStep{number: n, event: eventFacts, facts: facts, detail: fmt.Sprintf("%s, %s", facts.Type, facts.Activation)}
	}
	return nil
}
