package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tenure/internal/lifecycle"
)

// MoveNumbers moves numbers to the node of a full path (R94); one that is there already stays as it is. A number whose user,
// or the user for whom it is reserved, could not see it there from their own node is refused with "user-out-of-sight"
// (R80); a user whom the directory here does not know is no obstacle. See editNumbers for what holds for every change.
func (s *Store) MoveNumbers(ctx context.Context, actor Actor, tenant string, numbers []string, to string) ([]Number, error) {
	return s.editNumbers(ctx, actor, numbersEdit{
		operation: "numbers-move", tenant: tenant, numbers: numbers, detail: map[string]any{"to": to}, events: []numberEvent{eventMove},
		check: func(t *tx, rows []numberRow) error { return t.refuseOutOfSight(ctx, tenant, rows, to) },
		step: func(n numberRow, _ time.Time) (*numberStep, error) {
			if n.node == to {
				return nil, nil
			}
			step := moved(n, to)
			return &step, nil
		},
	})
}

func moved(n numberRow, to string) numberStep {
	return numberStep{number: n, event: eventMove, node: to, detail: fmt.Sprintf("from %s to %s", n.node, to)}
}

// refuseOutOfSight refuses when a user of one of the numbers could not see it at a node.
func (t *tx) refuseOutOfSight(ctx context.Context, tenant string, rows []numberRow, to string) error {
	var numbers []string
	for _, n := range rows {
		if n.node != to {
			numbers = append(numbers, n.number)
		}
	}
	list, err := jsonRows(named(numbers))
	if err != nil {
		return err
	}
	type holder struct{ number, id, node string }
	// One SELECT for each kind of user, for each has an index; the conditions are those of the indexes.
	of := func(column string) string {
		return `SELECT n.number, s.id, s.node FROM ` + t.dialect.rows(2, columns("name")) + ` JOIN numbers AS n ON n.tenant = $1 AND n.number = r.name JOIN subscribers AS s ON s.tenant = n.tenant AND s.id = ` + column + ` AND ` + column + ` <> ''`
	}
	holders, err := query(ctx, t, func(row scanner) (h holder, err error) {
		err = row.Scan(&h.number, &h.id, &h.node)
		return h, err
	}, of("n.user_id")+` UNION ALL `+of("n.reserved_for")+` ORDER BY 1`, tenant, list)
	if err != nil {
		return err
	}
	for _, h := range holders {
		if !slices.Contains(visibleFrom(h.node), to) {
			return &lifecycle.Refusal{
				Code: "user-out-of-sight", Message: fmt.Sprintf("user %s is at %s and could not see %s at %s", h.id, h.node, h.number, to),
				Hint: "move it to a node at or above the user's, or end what connects it with the user",
			}
		}
	}
	return nil
}

// MoveHeldNumber moves a number that an active run holds from change.From to change.To, at once and under its hold. When it
// is at To already, nothing changes. It refuses a number that the run does not hold ("number-not-held") and one that is at
// neither node ("number-moved").
func (s *Store) MoveHeldNumber(ctx context.Context, runID, tenant, number string, change lifecycle.PlaceChange) error {
	return s.moveHeld(ctx, runID, tenant, number, change.From, change.To)
}

// RestoreHeldNumber undoes MoveHeldNumber, and is safe when that never ran. Refusals are the same.
func (s *Store) RestoreHeldNumber(ctx context.Context, runID, tenant, number string, change lifecycle.PlaceChange) error {
	return s.moveHeld(ctx, runID, tenant, number, change.To, change.From)
}

func (s *Store) moveHeld(ctx context.Context, runID, tenant, number, from, to string) error {
	return s.update(ctx, "move a number of run "+runID, func(t *tx) error {
		op, err := t.activeRun(ctx, runID)
		if err != nil {
			return err
		}
		rows, err := t.lockListed(ctx, tenant, []string{number})
		if err != nil {
			return err
		}
		if len(rows) == 0 || rows[0].heldBy != runID {
			return &lifecycle.Refusal{Code: "number-not-held", Message: fmt.Sprintf("%s cannot be moved: run %s does not hold it", number, runID)}
		}
		switch rows[0].node {
		case to:
			return nil
		case from:
			_, err = t.transition(ctx, op.actor(), []numberStep{moved(rows[0], to)})
			return err
		}
		return &lifecycle.Refusal{Code: "number-moved", Message: fmt.Sprintf("%s is at %s, neither at %s nor at %s", number, rows[0].node, from, to), Hint: "make a new plan"}
	})
}
