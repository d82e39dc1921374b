package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"tenure/internal/lifecycle"
)

// Subscriber is a user as the store has them.
type Subscriber struct {
	Tenant string
	lifecycle.Person
	// UsageLocation is what the last sync met; a run asks Microsoft.
	UsageLocation string
	// Placement is where the subscriber and each service record are, and the role.
	lifecycle.Placement
	// Numbers are those that the inventory says the user has.
	Numbers []string
	// OffboardedAt is set by an offboarding and cleared by an onboarding or a move, and when an administrator places the user
	// again; placement rules leave such a user alone (R117).
	OffboardedAt *time.Time
	// OffboardedAs is the user as Entra had them then; nil unless OffboardedAt is set.
	OffboardedAs       *DirectoryUser
	AddedAt, ChangedAt time.Time
}

// DirectoryUser is what a sync keeps of a user.
type DirectoryUser struct {
	lifecycle.Person
	UsageLocation string `json:"usageLocation,omitempty"`
}

// Subscriber finds a user by object id or user principal name; a tenant of "" searches all. Names are compared without
// regard to case. Where users share a name, those who are about to be removed give way; it refuses a name that more than one
// other user has ("ambiguous-user").
func (s *Store) Subscriber(ctx context.Context, tenant, idOrUPN string) (sub Subscriber, found bool, err error) {
	var c conditions
	c.equal("tenant", tenant)
	c.add("(id = ? OR upn_lower = ?)", idOrUPN, strings.ToLower(idOrUPN))
	err = s.view(ctx, "read a subscriber", func(t *tx) error {
		list, err := t.subscribers(ctx, c.where()+` ORDER BY tenant, id`, c.args...)
		if err == nil && len(list) > 1 {
			list, err = t.staying(ctx, list)
		}
		if err != nil || len(list) == 0 {
			return err
		}
		if len(list) > 1 {
			return &lifecycle.Refusal{
				Code: "ambiguous-user", Message: fmt.Sprintf("more than one user answers to that name: %s in %s, %s in %s", list[0].ID, list[0].Tenant, list[1].ID, list[1].Tenant),
				Hint: "use the object id; `tenure users sync` finds out when one of them is gone", Invalid: true,
			}
		}
		sub, found = list[0], true
		return nil
	})
	return sub, found, err
}

// staying are those of several users of one name who are not about to be removed, or all when every one of them is.
func (t *tx) staying(ctx context.Context, list []Subscriber) ([]Subscriber, error) {
	var stay []Subscriber
	for _, sub := range list {
		found, err := query(ctx, t, scanText, `SELECT because FROM removals WHERE tenant = $1 AND subscriber_id = $2`, sub.Tenant, sub.ID)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			stay = append(stay, sub)
		}
	}
	if len(stay) == 0 {
		return list, nil
	}
	return stay, nil
}

// SubscriberFilter selects users; empty fields select all.
type SubscriberFilter struct {
	Tenant string
	// Node is a full path; Below takes in everything below it.
	Node  string
	Below bool
	// Nodes are full paths of which the user is at one.
	Nodes []string
	Role  string
	// Contains is a part of the principal name or the display name, without regard to case.
	Contains string
	// Guests selects guests only.
	Guests bool
	// Services reads the service records as well; without it they are nil.
	Services bool
	// Limit is the size of a page: 100 when 0, at most 1000. Cursor is where the page before ended.
	Limit  int
	Cursor string
}

// ListSubscribers lists users by name, and the cursor of the next page; empty on the last one.
func (s *Store) ListSubscribers(ctx context.Context, f SubscriberFilter) (list []Subscriber, next string, err error) {
	var c conditions
	c.equal("tenant", f.Tenant)
	c.at("node", f.Node, f.Below)
	c.oneOf("node", f.Nodes)
	c.equal("role", f.Role)
	if f.Contains != "" {
		part := "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.ToLower(f.Contains)) + "%"
		c.add(`(upn_lower LIKE ? ESCAPE '\' OR lower(display_name) LIKE ? ESCAPE '\')`, part, part)
	}
	if f.Guests {
		c.add("guest")
	}
	key, err := cursorKey(f.Cursor, 3)
	if err != nil {
		return nil, "", err
	}
	if key != nil {
		c.add("(upn_lower, tenant, id) > (?, ?, ?)", key[0], key[1], key[2])
	}
	size := pageSize(f.Limit)
	err = s.view(ctx, "list subscribers", func(t *tx) error {
		list, err = t.people(ctx, c.where()+` ORDER BY upn_lower, tenant, id LIMIT `+c.arg(size+1), c.args...)
		if err == nil && f.Services {
			err = t.addServices(ctx, list)
		}
		return err
	})
	list, next = page(list, size, func(sub Subscriber) string {
		return cursorAfter(strings.ToLower(sub.UserPrincipalName), sub.Tenant, sub.ID)
	})
	return list, next, err
}

const subscriberColumns = `tenant, person, node, role, offboarded_at, offboarded_as, added_at, changed_at`

// subscribers reads users with their service records and numbers.
func (t *tx) subscribers(ctx context.Context, where string, args ...any) ([]Subscriber, error) {
	list, err := t.people(ctx, where, args...)
	if err != nil {
		return nil, err
	}
	return list, t.addServices(ctx, list)
}

// people reads users with their numbers.
func (t *tx) people(ctx context.Context, where string, args ...any) ([]Subscriber, error) {
	list, err := query(ctx, t, scanSubscriber, `SELECT `+subscriberColumns+` FROM subscribers`+where, args...)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	keys, position := keysOf(list)
	encoded, err := jsonRows(keys)
	if err != nil {
		return nil, err
	}
	_, err = query(ctx, t, func(row scanner) (none struct{}, err error) {
		var key subscriberKey
		var number string
		err = row.Scan(&key.Tenant, &key.ID, &number)
		if err == nil {
			list[position[key]].Numbers = append(list[position[key]].Numbers, number)
		}
		return none, err
	}, `SELECT n.tenant, n.user_id, n.number FROM numbers AS n JOIN `+t.dialect.rows(1, columns("tenant, id"))+` ON n.tenant = r.tenant AND n.user_id = r.id WHERE n.user_id <> '' ORDER BY n.number`, encoded)
	return list, err
}

// addServices reads the service records of users into them.
func (t *tx) addServices(ctx context.Context, list []Subscriber) error {
	if len(list) == 0 {
		return nil
	}
	keys, position := keysOf(list)
	services, err := t.servicesOf(ctx, keys)
	for key, records := range services {
		list[position[key]].Services = records
	}
	return err
}

func keysOf(list []Subscriber) (keys []subscriberKey, position map[subscriberKey]int) {
	keys, position = make([]subscriberKey, len(list)), map[subscriberKey]int{}
	for i, sub := range list {
		keys[i] = subscriberKey{sub.Tenant, sub.ID}
		position[keys[i]] = i
	}
	return keys, position
}

type subscriberKey struct {
	Tenant string `json:"tenant"`
	ID     string `json:"id"`
}

func scanSubscriber(row scanner) (sub Subscriber, err error) {
	var person, offboardedAs string
	var offboarded sql.NullInt64
	var added, changed int64
	if err = row.Scan(&sub.Tenant, &person, &sub.Node, &sub.Role, &offboarded, &offboardedAs, &added, &changed); err != nil {
		return sub, err
	}
	sub.OffboardedAt, sub.AddedAt, sub.ChangedAt = fromMicrosOrNull(offboarded), fromMicros(added), fromMicros(changed)
	var now DirectoryUser
	err = json.Unmarshal([]byte(person), &now)
	sub.Person, sub.UsageLocation = now.Person, now.UsageLocation
	if err == nil && sub.OffboardedAt != nil {
		sub.OffboardedAs = &DirectoryUser{}
		err = json.Unmarshal([]byte(offboardedAs), sub.OffboardedAs)
	}
	if err != nil {
		err = fmt.Errorf("decode a subscriber of %s: %w", sub.Tenant, err)
	}
	return sub, err
}

// servicesOf reads service records, sorted by kind.
func (t *tx) servicesOf(ctx context.Context, keys []subscriberKey) (map[subscriberKey][]lifecycle.Service, error) {
	encoded, err := jsonRows(keys)
	if err != nil {
		return nil, err
	}
	services := map[subscriberKey][]lifecycle.Service{}
	_, err = query(ctx, t, func(row scanner) (none struct{}, err error) {
		var key subscriberKey
		var service lifecycle.Service
		err = row.Scan(&key.Tenant, &key.ID, &service.Kind, &service.Node)
		services[key] = append(services[key], service)
		return none, err
	}, `SELECT v.tenant, v.subscriber_id, v.kind, v.node FROM services AS v JOIN `+t.dialect.rows(1, columns("tenant, id"))+` ON v.tenant = r.tenant AND v.subscriber_id = r.id ORDER BY v.kind`, encoded)
	return services, err
}
