package activities

import (
	"context"
	"fmt"

	"tenure/internal/catalog"
	"tenure/internal/contract"
	"tenure/internal/e164"
	"tenure/internal/graph"
	"tenure/internal/lifecycle"
	"tenure/internal/store"
)

// microsoft is the vendor of numbers that Teams users can have (domain.md §2.7).
const microsoft = "Microsoft"

// TenantOfNode is the tenant that a node of the inventory belongs to. A node above the tenant levels belongs to the
// only tenant below it; with several below it, it is refused, because a number is unique in one tenant.
func (a *Activities) TenantOfNode(ctx context.Context, ref string) (string, error) {
	cat, err := a.catalog(ctx)
	if err != nil {
		return "", err
	}
	node, err := cat.Node(ref)
	if err != nil {
		return "", err
	}
	if level := node.Tenant(); level != nil {
		return level.TenantName(), nil
	}
	var below []string
	for _, level := range cat.Tenants() {
		if node.Covers(level) {
			below = append(below, level.TenantName())
		}
	}
	if len(below) != 1 {
		return "", &lifecycle.Refusal{Code: "no-tenant", Message: fmt.Sprintf("%s belongs to no single Microsoft tenant (%d below it)", node.Path(), len(below)), Hint: "name a node at or below a tenant level"}
	}
	return below[0], nil
}

// AddNumbers adds numbers to the inventory. Teams says who has them: those are Used from the start
// (architecture.md §5.4). Existing numbers are left as they are.
func (a *Activities) AddNumbers(ctx context.Context, in contract.AddNumbersRequest) (contract.NumbersAdded, error) {
	var out contract.NumbersAdded
	node, err := a.node(ctx, in.Node)
	if err != nil {
		return out, err
	}
	tenant, err := a.TenantOfNode(ctx, in.Node)
	if err != nil {
		return out, err
	}
	numbers, err := expand(in)
	if err != nil {
		return out, err
	}
	holders, err := a.holders(ctx, tenant, numbers)
	if err != nil {
		return out, err
	}
	adds := make([]store.NumberAdd, len(numbers))
	for i, n := range numbers {
		adds[i] = store.NumberAdd{Tenant: tenant, Number: n, Node: node.Path(), Type: in.Type, Vendor: microsoft, UserID: holders[n]}
		if holders[n] != "" {
			out.InUse++
		}
	}
	actor := store.Actor{By: in.RequestedBy, Reason: in.Reason, RunID: runID(ctx)}
	out.Added, out.Existing, err = a.Store.AddNumbers(ctx, actor, adds)
	return out, err
}

// expand checks and normalises what was asked for; a number that is named twice counts once.
func expand(in contract.AddNumbersRequest) ([]string, error) {
	invalid := func(err error) error {
		return &lifecycle.Refusal{Code: "malformed-number", Message: err.Error(), Invalid: true}
	}
	known := false
	for _, t := range catalog.NumberTypes() {
		known = known || string(t) == in.Type
	}
	if !known {
		return nil, &lifecycle.Refusal{Code: "unknown-number-type", Message: fmt.Sprintf("there is no number type %q", in.Type), Hint: fmt.Sprintf("accepted: %v", catalog.NumberTypes()), Invalid: true}
	}
	var numbers []string
	seen := map[string]bool{}
	add := func(n string) {
		if !seen[n] {
			seen[n] = true
			numbers = append(numbers, n)
		}
	}
	for _, text := range in.Numbers {
		n, err := e164.Parse(text)
		if err != nil {
			return nil, invalid(err)
		}
		add(n)
	}
	for _, r := range in.Ranges {
		block, err := e164.Range(r.From, r.To)
		if err != nil {
			return nil, invalid(err)
		}
		for n := range block.All() {
			add(n)
		}
	}
	return numbers, nil
}

// fewNumbers is up to how many numbers are asked for one by one rather than by reading the tenant's whole list.
const fewNumbers = 5

// holders asks Teams which users have the numbers.
func (a *Activities) holders(ctx context.Context, tenant string, numbers []string) (map[string]string, error) {
	client, err := a.client(tenant)
	if err != nil {
		return nil, err
	}
	holders := map[string]string{}
	if len(numbers) <= fewNumbers {
		for _, n := range numbers {
			assigned, err := client.NumberAssignment(ctx, n)
			if err != nil {
				return nil, err
			}
			if assigned != nil && assigned.TargetID != "" {
				holders[n] = assigned.TargetID
			}
		}
		return holders, nil
	}
	for skip := 0; ; {
		var page []graph.NumberAssignment
		if page, skip, err = client.ListNumberAssignments(ctx, skip); err != nil {
			return nil, err
		}
		for _, n := range page {
			if n.TargetID != "" {
				holders[n.Number] = n.TargetID
			}
		}
		if skip == 0 {
			return holders, nil
		}
	}
}

// ListNumbers lists the inventory in ascending order.
func (a *Activities) ListNumbers(ctx context.Context, in contract.NumberFilter) (contract.Numbers, error) {
	out := contract.Numbers{Numbers: []contract.Number{}}
	filter := store.NumberFilter{Below: in.Below, State: in.State, Type: in.Type, Contains: in.Contains, Limit: in.Limit, Cursor: in.Cursor}
	if in.Node != "" {
		node, err := a.node(ctx, in.Node)
		if err != nil {
			return out, err
		}
		filter.Node = node.Path()
	}
	if in.User != "" {
		who, known, err := a.Store.Subscriber(ctx, "", in.User)
		if err != nil {
			return out, err
		}
		if !known {
			return out, &lifecycle.Refusal{Code: "unknown-user", Message: "the directory does not know " + in.User, Invalid: true}
		}
		filter.Tenant, filter.UserID = who.Tenant, who.ID
	}
	list, next, err := a.Store.ListNumbers(ctx, filter)
	for _, n := range list {
		out.Numbers = append(out.Numbers, numberRow(n))
	}
	out.Next = orNull(next)
	return out, err
}

// ShowNumber reads one number with its history.
func (a *Activities) ShowNumber(ctx context.Context, in contract.ShowNumberRequest) (contract.NumberView, error) {
	number, err := e164.Parse(in.Number)
	if err != nil {
		return contract.NumberView{}, &lifecycle.Refusal{Code: "malformed-number", Message: err.Error(), Invalid: true}
	}
	cat, err := a.catalog(ctx)
	if err != nil {
		return contract.NumberView{}, err
	}
	for _, level := range cat.Tenants() {
		n, found, err := a.Store.Number(ctx, level.TenantName(), number)
		if err != nil {
			return contract.NumberView{}, err
		}
		if found {
			view := contract.NumberView{Number: numberRow(n), History: []contract.NumberEvent{}}
			for _, e := range n.History {
				view.History = append(view.History, contract.NumberEvent{
					At: e.At, Event: e.Event, From: stateOrNull(e.From), To: stateOrNull(e.To), RunID: orNull(e.RunID), By: orNull(e.By),
				})
			}
			return view, nil
		}
	}
	return contract.NumberView{}, &lifecycle.Refusal{Code: "unknown-number", Message: "the inventory does not have " + number, Hint: "see `tenure numbers list`", Invalid: true}
}

func numberRow(n store.Number) contract.Number {
	row := contract.Number{
		Number: n.Number, Node: n.Node, State: n.State, Type: n.Type, Vendor: orNull(n.Vendor),
		ReservedUntil: n.ReservedUntil, CoolingUntil: n.CoolingUntil, Notes: orNull(n.Notes),
	}
	if n.User.ID != "" {
		row.User = &n.User
	}
	if n.ReservedFor != "" {
		row.ReservedFor = &lifecycle.SubscriberRef{ID: n.ReservedFor}
	}
	return row
}

func stateOrNull(s lifecycle.NumberState) *lifecycle.NumberState {
	if s == "" {
		return nil
	}
	return &s
}
