package store

import (
	"context"
	"fmt"

	"tenure/internal/lifecycle"
)

// Place moves a user and all service records of the user from change.From to change.To (R3, R50e). When everything is at
// To already, nothing changes; a user who is at neither end refuses with "placement-changed".
//
// The actor's run is either an active operation on this user, whose account Finish gives, or an administrator's
// workflow, which the store knows nothing of: then the change is audited, the user no longer counts as offboarded, and
// it is refused as "busy" while an operation on the user is active. A closed operation refuses with "run-closed".
func (s *Store) Place(ctx context.Context, actor Actor, tenant, subscriberID string, change lifecycle.PlaceChange) error {
	return s.update(ctx, "place user "+subscriberID, func(t *tx) error {
		return t.edit(ctx, actor, tenant, subscriberID, "place", func(sub Subscriber, byAdmin bool) (any, error) {
			if sub.Node != change.From && sub.Node != change.To {
				return nil, placementChanged(sub, change)
			}
			moved := sub.Node != change.To
			if moved {
				if err := t.setPlace(ctx, sub, change.To); err != nil {
					return nil, err
				}
			}
			services, err := t.exec(ctx, `UPDATE services SET node = $1 WHERE tenant = $2 AND subscriber_id = $3 AND node <> $1`, change.To, tenant, subscriberID)
			if err != nil || (!moved && services == 0) {
				return nil, err
			}
			if byAdmin {
				if _, err := t.ExecContext(ctx, `UPDATE subscribers SET offboarded_at = NULL WHERE tenant = $1 AND id = $2`, tenant, subscriberID); err != nil {
					return nil, err
				}
			}
			return map[string]string{"from": sub.Node, "to": change.To}, nil
		})
	})
}

// RestorePlace undoes Place: the user is at change.From again and each service record where change.Services had it. A
// record that appeared since goes to the user's node; one that Microsoft no longer has does not come back. It is safe when
// Place never ran. Refusals are those of Place.
func (s *Store) RestorePlace(ctx context.Context, actor Actor, tenant, subscriberID string, change lifecycle.PlaceChange) error {
	return s.update(ctx, "put user "+subscriberID+" back", func(t *tx) error {
		return t.edit(ctx, actor, tenant, subscriberID, "place", func(sub Subscriber, _ bool) (any, error) {
			if sub.Node != change.From && sub.Node != change.To {
				return nil, placementChanged(sub, change)
			}
			changed := sub.Node != change.From
			if changed {
				if err := t.setPlace(ctx, sub, change.From); err != nil {
					return nil, err
				}
			}
			was := map[lifecycle.ServiceKind]string{}
			for _, v := range change.Services {
				was[v.Kind] = v.Node
			}
			for _, v := range sub.Services {
				node, known := was[v.Kind]
				if !known {
					node = change.From
				}
				if v.Node == node {
					continue
				}
				changed = true
				if _, err := t.ExecContext(ctx, `UPDATE services SET node = $1 WHERE tenant = $2 AND subscriber_id = $3 AND kind = $4`, node, tenant, subscriberID, string(v.Kind)); err != nil {
					return nil, err
				}
			}
			if !changed {
				return nil, nil
			}
			return map[string]string{"from": sub.Node, "to": change.From}, nil
		})
	})
}

// SetRole replaces a user's role. When it is change.To already, nothing changes; any role but the two refuses with
// "role-changed". The actor is as in Place. To undo it, swap From and To.
func (s *Store) SetRole(ctx context.Context, actor Actor, tenant, subscriberID string, change lifecycle.ValueChange) error {
	return s.update(ctx, "set the role of user "+subscriberID, func(t *tx) error {
		return t.edit(ctx, actor, tenant, subscriberID, "set-role", func(sub Subscriber, _ bool) (any, error) {
			switch sub.Role {
			case change.To:
				return nil, nil
			case change.From:
			default:
				return nil, &lifecycle.Refusal{Code: "role-changed", Message: fmt.Sprintf("user %s has the role %q, neither %q nor %q", subscriberID, sub.Role, change.From, change.To), Hint: "make a new plan"}
			}
			if _, err := t.ExecContext(ctx, `UPDATE subscribers SET role = $1, changed_at = $2 WHERE tenant = $3 AND id = $4`, change.To, micros(t.at), tenant, subscriberID); err != nil {
				return nil, err
			}
			return map[string]string{"from": change.From, "to": change.To}, nil
		})
	})
}

// edit locks a user for one change, on behalf of an operation or an administrator. The change returns what to audit; nil
// when there was nothing to change.
func (t *tx) edit(ctx context.Context, actor Actor, tenant, subscriberID, what string, change func(sub Subscriber, byAdmin bool) (detail any, err error)) error {
	byAdmin, err := t.admit(ctx, actor.RunID, tenant, subscriberID)
	if err != nil {
		return err
	}
	if _, err := query(ctx, t, scanText, `SELECT id FROM subscribers WHERE tenant = $1 AND id = $2`+t.dialect.forUpdate, tenant, subscriberID); err != nil {
		return err
	}
	found, err := t.subscribers(ctx, ` WHERE tenant = $1 AND id = $2`, tenant, subscriberID)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return &lifecycle.Refusal{Code: "unknown-user", Message: fmt.Sprintf("the directory has no user %s in %s", subscriberID, tenant), Hint: "bring the user in with `tenure users sync`", Invalid: true}
	}
	detail, err := change(found[0], byAdmin)
	if err != nil || detail == nil || !byAdmin {
		return err
	}
	return t.audit(ctx, actor, AuditEntry{
		Operation: what, Tenant: tenant, Outcome: outcomeDone, Detail: detail,
		Subscriber: lifecycle.SubscriberRef{ID: subscriberID, UserPrincipalName: found[0].UserPrincipalName},
	})
}

// admit decides whether a run may change a user: the user's own active operation may, and an administrator's workflow
// while there is none.
func (t *tx) admit(ctx context.Context, runID, tenant, subscriberID string) (byAdmin bool, err error) {
	runs, err := t.lockOperations(ctx, `(run_id = $1 AND run_id <> '') OR (tenant = $2 AND subscriber_id = $3 AND active)`, runID, tenant, subscriberID)
	if err != nil {
		return false, err
	}
	byAdmin = true
	for _, op := range runs {
		switch {
		case op.RunID != runID:
			return false, busy(op)
		case !op.Active:
			return false, runClosed(op)
		}
		byAdmin = false
	}
	return byAdmin, nil
}

func (t *tx) setPlace(ctx context.Context, sub Subscriber, node string) error {
	_, err := t.ExecContext(ctx, `UPDATE subscribers SET node = $1, changed_at = $2 WHERE tenant = $3 AND id = $4`, node, micros(t.at), sub.Tenant, sub.ID)
	return err
}

func placementChanged(sub Subscriber, change lifecycle.PlaceChange) *lifecycle.Refusal {
	return &lifecycle.Refusal{
		Code: "placement-changed", Message: fmt.Sprintf("user %s is at %s, neither at %s nor at %s", sub.ID, sub.Node, change.From, change.To), Hint: "make a new plan",
	}
}
