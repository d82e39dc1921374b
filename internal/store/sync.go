package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"tenure/internal/lifecycle"
)

// SyncedSubscriber is a user as Microsoft has them.
type SyncedSubscriber struct {
	lifecycle.Person
	UsageLocation string
	// Services are all service records that the user has now; those that the store has besides are removed.
	Services []lifecycle.ServiceKind
}

// SyncResult counts what a page of a sync did to users. A change of services alone counts as a change.
type SyncResult struct {
	Added, Changed, Unchanged int
}

// Home is where a sync puts users whom it has not met before: at the tenant level, with the default role there.
type Home struct{ Node, Role string }

// PutSubscribers stores users outside of a round, all or none. New ones are put at the tenant level with the default role
// and their service records there. Known users keep their node and role and get the attributes that changed; a service
// record that appears is stored at the user's node, one that vanished is removed. Whoever is stored is no longer to be
// removed; other users are left alone. It takes the same few statements whatever the number of users.
func (s *Store) PutSubscribers(ctx context.Context, tenant, tenantLevel, defaultRole string, users []SyncedSubscriber) (result SyncResult, err error) {
	err = s.update(ctx, "store users", func(t *tx) error {
		// Whom a round that reads everybody has passed already was met all the same.
		round, _, err := t.syncOf(ctx, tenant)
		if err != nil {
			return err
		}
		p := syncPage{tx: t, tenant: tenant, round: round.number}
		result, err = p.put(ctx, Home{tenantLevel, defaultRole}, latest(users))
		return err
	})
	if err != nil {
		return SyncResult{}, err
	}
	return result, nil
}

// latest is a page with the last of a user who is on it twice; sorted, so that two pages lock users in the same order.
func latest(page []SyncedSubscriber) []SyncedSubscriber {
	page = slices.Clone(page)
	slices.SortStableFunc(page, func(a, b SyncedSubscriber) int { return strings.Compare(a.ID, b.ID) })
	once := page[:0]
	for i, sub := range page {
		if i+1 == len(page) || page[i+1].ID != sub.ID {
			once = append(once, sub)
		}
	}
	return once
}

// syncPage is the transaction of one page.
type syncPage struct {
	*tx
	tenant string
	round  int64
}

// syncedRow is what a sync writes of a subscriber.
type syncedRow struct {
	ID          string `json:"id"`
	UPN         string `json:"upn"`
	UPNLower    string `json:"upn_lower"`
	DisplayName string `json:"display_name"`
	Guest       bool   `json:"guest"`
	Enabled     bool   `json:"enabled"`
	Person      string `json:"person"`
	Seen        int64  `json:"seen"`
}

const syncedColumns = `id, upn, upn_lower, display_name, guest BOOLEAN, enabled BOOLEAN, person, seen BIGINT`

// serviceRow is a service record of a subscriber of the page.
type serviceRow struct {
	ID   string `json:"id"`
	Kind string `json:"kind"`
	Node string `json:"node"`
}

// knownSubscriber is a user of the page that the store has already.
type knownSubscriber struct {
	id, node, person string
}

func (p syncPage) put(ctx context.Context, home Home, page []SyncedSubscriber) (SyncResult, error) {
	var result SyncResult
	if len(page) == 0 {
		return result, nil
	}
	rows := make([]syncedRow, len(page))
	ids := make([]string, len(page))
	for i, sub := range page {
		person, err := json.Marshal(DirectoryUser{sub.Person, sub.UsageLocation})
		if err != nil {
			return result, fmt.Errorf("encode user %s: %w", sub.ID, err)
		}
		ids[i] = sub.ID
		rows[i] = syncedRow{sub.ID, sub.UserPrincipalName, strings.ToLower(sub.UserPrincipalName), sub.DisplayName, sub.Guest, sub.Enabled, string(person), p.round}
	}
	// Insert first: what conflicts is known, and a user whom another sync inserts at the same moment is known after it.
	inserted, err := p.insert(ctx, home, rows)
	if err != nil {
		return result, err
	}
	result.Added = len(inserted)
	known, err := p.lock(ctx, ids)
	if err != nil {
		return result, err
	}
	touched := map[string]bool{}
	var changed []syncedRow
	for _, row := range rows {
		if known[row.ID].person != row.Person {
			changed, touched[row.ID] = append(changed, row), true
		}
	}
	if err := p.change(ctx, changed); err != nil {
		return result, err
	}
	if err := p.met(ctx, ids); err != nil {
		return result, err
	}
	if _, err := p.onIDs(ctx, ids, `DELETE FROM removals WHERE tenant = $2 AND subscriber_id IN ids`); err != nil {
		return result, err
	}
	moved, err := p.putServices(ctx, page, known)
	if err != nil {
		return result, err
	}
	for _, id := range append(moved, inserted...) {
		touched[id] = true
	}
	result.Changed = len(touched) - result.Added
	result.Unchanged = len(page) - len(touched)
	return result, nil
}

// met notes that the round has seen users, whether it lets them in or not.
func (p syncPage) met(ctx context.Context, ids []string) error {
	_, err := p.onIDs(ctx, ids, `UPDATE subscribers SET seen = $3 WHERE tenant = $2 AND seen < $3 AND id IN ids`, p.round)
	return err
}

// onIDs runs a statement over some users of the tenant, in which ids stands for theirs (parameter 1); parameter 2 is the
// tenant.
func (p syncPage) onIDs(ctx context.Context, ids []string, statement string, args ...any) (int64, error) {
	if len(ids) == 0 {
		return 0, nil
	}
	list, err := jsonRows(named(ids))
	if err != nil {
		return 0, err
	}
	statement = strings.Replace(statement, "IN ids", `IN (SELECT r.name FROM `+p.dialect.rows(1, columns("name"))+`)`, 1)
	return p.exec(ctx, statement, append([]any{list, p.tenant}, args...)...)
}

func (p syncPage) insert(ctx context.Context, home Home, rows []syncedRow) ([]string, error) {
	list, err := jsonRows(rows)
	if err != nil {
		return nil, err
	}
	const names = `id, upn, upn_lower, display_name, guest, enabled, person, seen`
	return query(ctx, p.tx, scanText,
		`INSERT INTO subscribers (tenant, node, role, added_at, changed_at, `+names+`)
		 SELECT CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS BIGINT), CAST($5 AS BIGINT), `+names+` FROM `+p.dialect.rows(1, columns(syncedColumns))+`
		 WHERE TRUE ON CONFLICT (tenant, id) DO NOTHING RETURNING id`, list, p.tenant, home.Node, home.Role, micros(p.at))
}

func (p syncPage) lock(ctx context.Context, ids []string) (map[string]knownSubscriber, error) {
	list, err := jsonRows(named(ids))
	if err != nil {
		return nil, err
	}
	found, err := query(ctx, p.tx, func(row scanner) (k knownSubscriber, err error) {
		err = row.Scan(&k.id, &k.node, &k.person)
		return k, err
	}, `SELECT id, node, person FROM subscribers WHERE tenant = $1 AND id IN (SELECT r.name FROM `+p.dialect.rows(2, columns("name"))+`) ORDER BY id`+p.dialect.forUpdate, p.tenant, list)
	known := make(map[string]knownSubscriber, len(found))
	for _, k := range found {
		known[k.id] = k
	}
	return known, err
}

func (p syncPage) change(ctx context.Context, rows []syncedRow) error {
	if len(rows) == 0 {
		return nil
	}
	list, err := jsonRows(rows)
	if err != nil {
		return err
	}
	_, err = p.ExecContext(ctx,
		`UPDATE subscribers AS s SET upn = r.upn, upn_lower = r.upn_lower, display_name = r.display_name, guest = r.guest, enabled = r.enabled, person = r.person, changed_at = $3
		 FROM `+p.dialect.rows(1, columns(syncedColumns))+` WHERE s.tenant = $2 AND s.id = r.id`, list, p.tenant, micros(p.at))
	return err
}

// putServices adds the service records that appeared and removes those that vanished; it returns the users concerned.
func (p syncPage) putServices(ctx context.Context, page []SyncedSubscriber, known map[string]knownSubscriber) (concerned []string, err error) {
	keys := make([]subscriberKey, len(page))
	for i, sub := range page {
		keys[i] = subscriberKey{p.tenant, sub.ID}
	}
	current, err := p.servicesOf(ctx, keys)
	if err != nil {
		return nil, err
	}
	var appeared, vanished []serviceRow
	for i, sub := range page {
		has := current[keys[i]]
		before := len(appeared) + len(vanished)
		for _, kind := range slices.Compact(slices.Sorted(slices.Values(sub.Services))) {
			if !slices.ContainsFunc(has, func(v lifecycle.Service) bool { return v.Kind == kind }) {
				appeared = append(appeared, serviceRow{sub.ID, string(kind), known[sub.ID].node})
			}
		}
		for _, v := range has {
			if !slices.Contains(sub.Services, v.Kind) {
				vanished = append(vanished, serviceRow{sub.ID, string(v.Kind), v.Node})
			}
		}
		if len(appeared)+len(vanished) > before {
			concerned = append(concerned, sub.ID)
		}
	}
	if err := p.onServices(ctx, appeared, `INSERT INTO services (tenant, subscriber_id, kind, node) SELECT CAST($2 AS TEXT), r.id, r.kind, r.node FROM `+p.dialect.rows(1, columns("id, kind, node"))); err != nil {
		return nil, err
	}
	return concerned, p.onServices(ctx, vanished, `DELETE FROM services WHERE tenant = $2 AND (subscriber_id, kind) IN (SELECT r.id, r.kind FROM `+p.dialect.rows(1, columns("id, kind, node"))+`)`)
}

func (p syncPage) onServices(ctx context.Context, rows []serviceRow, statement string) error {
	if len(rows) == 0 {
		return nil
	}
	list, err := jsonRows(rows)
	if err != nil {
		return err
	}
	_, err = p.ExecContext(ctx, statement, list, p.tenant)
	return err
}
