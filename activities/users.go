package activities

import (
	"context"

	"tenure/internal/catalog"
	"tenure/internal/contract"
	"tenure/internal/lifecycle"
	"tenure/internal/store"
)

// ListUsers lists users, at a node and below or all.
func (a *Activities) ListUsers(ctx context.Context, in contract.UserFilter) (contract.Users, error) {
	out := contract.Users{Users: []contract.User{}}
	filter := store.SubscriberFilter{Role: in.Role, Contains: in.Contains, Guests: in.Guests, Limit: in.Limit, Cursor: in.Cursor}
	if in.Node != "" {
		node, err := a.node(ctx, in.Node)
		if err != nil {
			return out, err
		}
		// One node exactly is a part of an index in the order of the list, however many users there are elsewhere.
		filter.Node, filter.Below = node.Path(), len(node.Children()) > 0
	}
	if in.Unplaced {
		cat, err := a.catalog(ctx)
		if err != nil {
			return out, err
		}
		for _, level := range cat.Tenants() {
			filter.Nodes = append(filter.Nodes, level.Path())
		}
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
	// A user has one run at a time, so the newest is the one under way if any is.
	newest, _, err := a.Store.FindOperations(ctx, store.OperationFilter{Tenant: in.Tenant, SubscriberID: who.ID, Limit: 1})
	if err != nil || len(newest) == 0 {
		return view, err
	}
	last := runOf(newest[0])
	view.LastRun = &last
	if newest[0].Active {
		view.Operation = firstRun(newest)
	}
	return view, nil
}

func (a *Activities) node(ctx context.Context, ref string) (*catalog.Node, error) {
	cat, err := a.catalog(ctx)
	if err != nil {
		return nil, err
	}
	return cat.Node(ref)
}
