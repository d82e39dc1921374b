package store

import (
	"context"
	"maps"
	"slices"
)

// Expired is what a batch of ExpireNumbers did.
type Expired struct {
	// Released counts numbers whose cooling ended, Unreserved reservations of both kinds.
	Released, Unreserved int
	// More says that there may be more to do at once.
	More bool
}

// due is one kind of thing that ends by itself. The condition is that of its index to the letter, with what is due first.
type due struct {
	condition, column string
	event             numberEvent
}

var dues = []due{
	{`n.state = 'cooling' AND n.held_by = ''`, `n.cooling_until`, eventCoolingEnded},
	{`n.state = 'reserved' AND n.held_by = '' AND n.reserved_until IS NOT NULL`, `n.reserved_until`, eventReservationEnded},
	{`n.held_by = '' AND n.reserved_for_until IS NOT NULL`, `n.reserved_for_until`, eventReservedForEnded},
}

// ExpireNumbers ends what is due by now, at most limit things of it, the longest due first: cooling (R86, however long ago
// it was due), reservations (R87) and reservations for a user (R88). Held numbers wait for the end of their hold. Each
// thing ends exactly once, however many call at once; what another call has in hand is passed by. A batch that did
// something leaves one audit entry for each tenant.
func (s *Store) ExpireNumbers(ctx context.Context, actor Actor, limit int) (expired Expired, err error) {
	limit = max(limit, 1)
	err = s.update(ctx, "expire numbers", func(t *tx) error {
		expired = Expired{}
		perTenant := map[string]*Expired{}
		for _, d := range dues {
			left := limit - expired.Released - expired.Unreserved
			if left <= 0 {
				break
			}
			rows, err := query(ctx, t, scanNumber,
				`SELECT `+numberColumns+` FROM numbers AS n WHERE `+d.condition+` AND `+d.column+` <= $1 ORDER BY `+d.column+` LIMIT $2`+t.dialect.skipLocked, micros(t.at), left)
			if err != nil {
				return err
			}
			steps := make([]numberStep, len(rows))
			for i, n := range rows {
				steps[i] = numberStep{number: n, event: d.event}
				of := perTenant[n.tenant]
				if of == nil {
					of = &Expired{}
					perTenant[n.tenant] = of
				}
				for _, e := range []*Expired{of, &expired} {
					if d.event == eventCoolingEnded {
						e.Released++
					} else {
						e.Unreserved++
					}
				}
			}
			if _, err := t.transition(ctx, actor, steps); err != nil {
				return err
			}
		}
		expired.More = expired.Released+expired.Unreserved == limit
		for _, tenant := range slices.Sorted(maps.Keys(perTenant)) {
			of := perTenant[tenant]
			if err := t.audit(ctx, actor, AuditEntry{Operation: "numbers-expire", Tenant: tenant, Outcome: outcomeDone, Detail: map[string]int{"released": of.Released, "unreserved": of.Unreserved}}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Expired{}, err
	}
	return expired, nil
}
