package activities

import (
	"context"
	"errors"
	"fmt"

	"tenure/internal/catalog"
	"tenure/internal/contract"
	"tenure/internal/lifecycle"
	"tenure/internal/store"
)

// ListUsers lists users at a node and below, or all.
func (a *Activities) ListUsers(ctx context.Context, in contract.UserFilter) (contract.Users, error) {
	out := contract.Users{Users: []contract.User{}}
	filter := store.SubscriberFilter{Below: true, Limit: in.Limit, Cursor: in.Cursor}
	if in.Node != "" {
		node, err := a.node(ctx, in.Node)
		if err != nil {
			return out, err
		}
		filter.Node = node.Path()
	}
	list, next, err := a.Store.ListSubscribers(ctx, filter)
	for _, u := range list {
		out.Users = append(out.Users, contract.User{
			ID: u.ID, UserPrincipalName: u.UserPrincipalName, DisplayName: u.DisplayName,
			Node: orNull(u.Node), Role: orNull(u.Role), Numbers: append([]string{}, u.Numbers...),
		})
	}
	out.Next = orNull(next)
	return out, err
}

// ShowUser reads one user from Microsoft and the store. A user whom only Entra knows is shown without a place.
func (a *Activities) ShowUser(ctx context.Context, in UserInTenant) (contract.UserView, error) {
	who, known, err := a.Store.Subscriber(ctx, in.Tenant, in.User)
	if err != nil {
		return contract.UserView{}, err
	}
	if !known {
		if who, err = a.newcomer(ctx, in.Tenant, in.User); err != nil {
			return contract.UserView{}, err
		}
		who.Placement = lifecycle.Placement{}
	}
	s, err := a.snapshot(ctx, in.Tenant, who)
	if err != nil {
		return contract.UserView{}, err
	}
	st := s.State()
	view := contract.UserView{
		ID: s.Person.ID, UserPrincipalName: s.Person.UserPrincipalName, DisplayName: s.Person.DisplayName,
		Node: st.Node, Role: st.Role, UsageLocation: st.UsageLocation, Licenses: []contract.UserLicense{}, Groups: st.Groups,
		Numbers: st.Numbers, EnterpriseVoice: st.EnterpriseVoice, Policies: st.Policies, Services: append([]lifecycle.Service{}, who.Services...),
	}
	for _, l := range st.Licenses {
		view.Licenses = append(view.Licenses, contract.UserLicense(l))
	}
	rows, _, err := a.Store.FindOperations(ctx, store.OperationFilter{
		Tenant: in.Tenant, SubscriberID: who.ID, Statuses: lifecycle.Active(), Limit: 1,
	})
	view.Operation = firstRun(rows)
	return view, err
}

// SyncPageInput is where a sync stands in one tenant; Page is empty for the first page.
type SyncPageInput struct {
	Tenant string `json:"tenant"`
	Page   string `json:"page,omitempty"`
}

// SyncedPage is what one page brought; Next is empty on the last one.
type SyncedPage struct {
	Counts contract.TenantSync `json:"counts"`
	Next   string              `json:"next,omitempty"`
}

// SyncPage reads one page of users from Entra into the directory (R110).
func (a *Activities) SyncPage(ctx context.Context, in SyncPageInput) (SyncedPage, error) {
	client, err := a.client(in.Tenant)
	if err != nil {
		return SyncedPage{}, err
	}
	records, next, err := client.ListUsers(ctx, in.Page)
	if err != nil {
		return SyncedPage{}, err
	}
	page := make([]store.SyncedSubscriber, len(records))
	for i, r := range records {
		page[i] = synced(r)
	}
	counts, err := a.putPage(ctx, in.Tenant, page)
	return SyncedPage{Counts: counts, Next: next}, err
}

// SyncUser reads one user from Entra into the directory.
func (a *Activities) SyncUser(ctx context.Context, in UserInTenant) (SyncedPage, error) {
	client, err := a.client(in.Tenant)
	if err != nil {
		return SyncedPage{}, err
	}
	record, err := client.User(ctx, in.User)
	if err != nil {
		return SyncedPage{}, unknownUser(err, in.User)
	}
	counts, err := a.putPage(ctx, in.Tenant, []store.SyncedSubscriber{synced(record)})
	return SyncedPage{Counts: counts}, err
}

func (a *Activities) putPage(ctx context.Context, tenant string, page []store.SyncedSubscriber) (contract.TenantSync, error) {
	level, role, err := a.tenantLevel(ctx, tenant)
	if err != nil {
		return contract.TenantSync{}, err
	}
	result, err := a.Store.PutSubscribers(ctx, tenant, level, role, page)
	return contract.TenantSync{Tenant: tenant, Seen: len(page), Added: result.Added, Updated: result.Changed}, err
}

// PlaceUsers places one user by hand, or by the catalog's rules those who are at a tenant level and were not
// offboarded on purpose (R113-R117) and whom no run has just now. With PlanOnly it only says who would go where.
func (a *Activities) PlaceUsers(ctx context.Context, in contract.PlaceRequest) (contract.Placements, error) {
	cat, err := a.catalog(ctx)
	if err != nil {
		return contract.Placements{}, err
	}
	moves := []move{}
	if in.User != "" {
		m, err := a.byHand(ctx, cat, in)
		if err != nil {
			return contract.Placements{}, err
		}
		moves = append(moves, m...)
	} else {
		for _, level := range cat.Tenants() {
			m, err := a.byRules(ctx, cat, level)
			if err != nil {
				return contract.Placements{}, err
			}
			moves = append(moves, m...)
		}
	}
	out := contract.Placements{Placements: []contract.Placement{}}
	actor := store.Actor{By: in.RequestedBy, Reason: in.Reason, RunID: runID(ctx)}
	for _, m := range moves {
		if in.PlanOnly {
			out.Placements = append(out.Placements, m.Placement)
			continue
		}
		err := a.Store.Place(ctx, actor, m.tenant, m.User.ID, lifecycle.PlaceChange{From: m.From, To: m.To})
		if refusal := (*lifecycle.Refusal)(nil); in.User == "" && errors.As(err, &refusal) {
			// A run or somebody's hand has taken this one since the rules were asked; the others are still to be placed.
			continue
		}
		if err != nil {
			return out, fmt.Errorf("place %s at %s: %w", m.User.UserPrincipalName, m.To, err)
		}
		out.Placements = append(out.Placements, m.Placement)
		if m.role != m.roleBefore {
			if err := a.Store.SetRole(ctx, actor, m.tenant, m.User.ID, lifecycle.ValueChange{From: m.roleBefore, To: m.role}); err != nil {
				return out, fmt.Errorf("give %s the role %s: %w", m.User.UserPrincipalName, m.role, err)
			}
		}
	}
	return out, nil
}

// move is a placement with what else changes.
type move struct {
	contract.Placement
	tenant, roleBefore, role string
}

func (a *Activities) byHand(ctx context.Context, cat *catalog.Catalog, in contract.PlaceRequest) ([]move, error) {
	node, err := cat.Node(in.Site)
	if err != nil {
		return nil, err
	}
	who, known, err := a.Store.Subscriber(ctx, "", in.User)
	if err != nil {
		return nil, err
	}
	if !known {
		return nil, &lifecycle.Refusal{Code: "unknown-user", Message: "the directory does not know " + in.User, Hint: "run `tenure users sync " + in.User + "` if Entra does", Invalid: true}
	}
	level, err := cat.Tenant(who.Tenant)
	switch {
	case err != nil:
		return nil, err
	case !node.IsSite():
		return nil, &lifecycle.Refusal{Code: "not-a-site", Message: fmt.Sprintf("%s is a node of level %s; users are placed at sites", node.Path(), node.Level())}
	case !level.Covers(node):
		return nil, &lifecycle.Refusal{Code: "other-tenant", Message: fmt.Sprintf("%s belongs to another tenant than %s", node.Path(), who.UserPrincipalName)}
	case who.Guest:
		return nil, &lifecycle.Refusal{Code: "guest", Message: who.UserPrincipalName + " is a guest; guests stay at the tenant level"}
	}
	role := roleAt(cat, who.Role, node)
	if in.Role != "" {
		wanted, ok := cat.Role(in.Role)
		if !ok {
			return nil, &lifecycle.Refusal{Code: "unknown-role", Message: fmt.Sprintf("there is no role %q", in.Role), Hint: "see `tenure catalog show roles`", Invalid: true}
		}
		if !wanted.AllowedAt(node.Level()) {
			return nil, &lifecycle.Refusal{Code: "role-not-allowed", Message: fmt.Sprintf("the role %s is not allowed at level %s", in.Role, node.Level())}
		}
		role = in.Role
	}
	if who.Node == node.Path() && role == who.Role {
		return nil, nil
	}
	return []move{{Placement: placement(who, node.Path(), "", nil), tenant: who.Tenant, roleBefore: who.Role, role: role}}, nil
}

func (a *Activities) byRules(ctx context.Context, cat *catalog.Catalog, level *catalog.Node) ([]move, error) {
	busy, err := a.busy(ctx, level.TenantName())
	if err != nil {
		return nil, err
	}
	var moves []move
	for cursor := ""; ; {
		list, next, err := a.Store.ListSubscribers(ctx, store.SubscriberFilter{Tenant: level.TenantName(), Node: level.Path(), Limit: 1000, Cursor: cursor})
		if err != nil {
			return nil, err
		}
		for _, who := range list {
			if who.OffboardedAt != nil || who.Guest || busy[who.ID] {
				continue
			}
			placed, ok, err := cat.Place(level.TenantName(), catalog.UserOf(lifecycle.Snapshot{Person: who.Person}))
			if err != nil {
				return nil, err
			}
			if !ok {
				continue
			}
			var onboard *string
			if placed.Onboard != nil {
				onboard = &placed.Onboard.Name
			}
			moves = append(moves, move{
				Placement: placement(who, placed.Site.Path(), placed.Text, onboard),
				tenant:    who.Tenant, roleBefore: who.Role, role: roleAt(cat, who.Role, placed.Site),
			})
		}
		if cursor = next; cursor == "" {
			return moves, nil
		}
	}
}

// busy are the users of a tenant whom a run has now, by object id.
func (a *Activities) busy(ctx context.Context, tenant string) (map[string]bool, error) {
	users := map[string]bool{}
	for cursor := ""; ; {
		runs, next, err := a.Store.FindOperations(ctx, store.OperationFilter{
			Tenant: tenant, Statuses: lifecycle.Active(), Limit: 1000, Cursor: cursor,
		})
		if err != nil {
			return nil, err
		}
		for _, r := range runs {
			users[r.Subscriber.ID] = true
		}
		if cursor = next; cursor == "" {
			return users, nil
		}
	}
}

func placement(who store.Subscriber, to, rule string, onboard *string) contract.Placement {
	return contract.Placement{
		User: lifecycle.SubscriberRef{ID: who.ID, UserPrincipalName: who.UserPrincipalName},
		From: who.Node, To: to, Rule: rule, Onboard: onboard,
	}
}

// roleAt is the role after placing: a self-service role is kept, else it is the node's default (architecture.md §5.4).
func roleAt(cat *catalog.Catalog, current string, node *catalog.Node) string {
	if role, ok := cat.Role(current); ok && role.Interface == catalog.SelfService {
		return current
	}
	if role, ok := cat.DefaultRole(node.Level()); ok {
		return role.Name
	}
	return current
}

func (a *Activities) node(ctx context.Context, ref string) (*catalog.Node, error) {
	cat, err := a.catalog(ctx)
	if err != nil {
		return nil, err
	}
	return cat.Node(ref)
}
