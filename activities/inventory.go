package activities

import (
	"context"
	"fmt"
	"math"
	"time"

	"go.temporal.io/sdk/activity"

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
	client, err := a.client(tenant)
	if err != nil {
		return out, err
	}
	inTeams, err := assignments(ctx, client, numbers)
	if err != nil {
		return out, err
	}
	adds := make([]store.NumberAdd, len(numbers))
	for i, n := range numbers {
		adds[i] = store.NumberAdd{Tenant: tenant, Number: n, Node: node.Path(), Type: in.Type, Vendor: microsoft, UserID: inTeams[n].TargetID, Activation: inTeams[n].Activation}
		if adds[i].UserID != "" {
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
		if len(numbers) > contract.MaxBatch {
			return nil, &lifecycle.Refusal{Code: "too-many-numbers", Message: fmt.Sprintf("more than %d numbers are too many at once", contract.MaxBatch), Hint: "add them in parts", Invalid: true}
		}
	}
	return numbers, nil
}

// fewNumbers is up to how many numbers are asked for one by one rather than by reading the tenant's whole list.
const fewNumbers = 5

// assignments asks Teams about numbers; those that it does not have are missing in the answer. Reading everything that the
// tenant has, it says after each page that it lives.
func assignments(ctx context.Context, client *graph.Client, numbers []string) (map[string]graph.NumberAssignment, error) {
	found := map[string]graph.NumberAssignment{}
	if len(numbers) <= fewNumbers {
		for _, n := range numbers {
			assigned, err := client.NumberAssignment(ctx, n)
			if err != nil {
				return nil, err
			}
			if assigned != nil {
				found[n] = *assigned
			}
		}
		return found, nil
	}
	wanted := make(map[string]bool, len(numbers))
	for _, n := range numbers {
		wanted[n] = true
	}
	err := eachAssignment(ctx, client, func(n graph.NumberAssignment) {
		if wanted[n.Number] {
			found[n.Number] = n
		}
	})
	return found, err
}

// eachAssignment reads everything that the tenant has, page by page.
func eachAssignment(ctx context.Context, client *graph.Client, visit func(graph.NumberAssignment)) error {
	for skip := 0; ; {
		page, next, err := client.ListNumberAssignments(ctx, skip)
		if err != nil {
			return err
		}
		for _, n := range page {
			visit(n)
		}
		if next == 0 {
			return nil
		}
		skip = next
		activity.RecordHeartbeat(ctx, skip)
	}
}

// ListNumbers lists the inventory in ascending order.
func (a *Activities) ListNumbers(ctx context.Context, in contract.NumberFilter) (contract.Numbers, error) {
	filter, err := a.numberFilter(ctx, in)
	if err != nil {
		return contract.Numbers{}, err
	}
	list, next, err := a.Store.ListNumbers(ctx, filter)
	return contract.Numbers{Numbers: a.numberRows(list), Next: orNull(next)}, err
}

func (a *Activities) numberFilter(ctx context.Context, in contract.NumberFilter) (store.NumberFilter, error) {
	filter := store.NumberFilter{Below: in.Below, State: in.State, Type: in.Type, Contains: in.Contains, Limit: in.Limit, Cursor: in.Cursor}
	if in.Node != "" {
		node, err := a.node(ctx, in.Node)
		if err != nil {
			return filter, err
		}
		filter.Node = node.Path()
	}
	if in.User != "" {
		who, err := a.known(ctx, in.User)
		if err != nil {
			return filter, err
		}
		filter.Tenant, filter.UserID = who.Tenant, who.ID
	}
	return filter, nil
}

// known finds somebody whom the directory must know.
func (a *Activities) known(ctx context.Context, user string) (store.Subscriber, error) {
	who, known, err := a.Store.Subscriber(ctx, "", user)
	if err == nil && !known {
		err = &lifecycle.Refusal{Code: "unknown-user", Message: "the directory does not know " + user, Hint: "read it with `tenure users sync`", Invalid: true}
	}
	return who, err
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
			view := contract.NumberView{Number: a.numberRow(n), History: []contract.NumberEvent{}}
			for _, e := range n.History {
				view.History = append(view.History, contract.NumberEvent{
					At: e.At, Event: e.Event, From: stateOrNull(e.From), To: stateOrNull(e.To), RunID: orNull(e.RunID), By: orNull(e.By), Detail: e.Detail,
				})
			}
			return view, nil
		}
	}
	return contract.NumberView{}, unknownNumber(number)
}

func (a *Activities) numberRows(list []store.Number) []contract.Number {
	rows := make([]contract.Number, len(list))
	for i, n := range list {
		rows[i] = a.numberRow(n)
	}
	return rows
}

func (a *Activities) numberRow(n store.Number) contract.Number {
	row := contract.Number{
		Number: n.Number, Node: n.Node, State: n.State, Type: n.Type, Vendor: orNull(n.Vendor),
		ReservedUntil: n.ReservedUntil, CoolingUntil: n.CoolingUntil, Notes: orNull(n.Notes),
	}
	if n.Activation != activated {
		row.Activation = n.Activation
	}
	if n.User.ID != "" {
		row.User = &n.User
	}
	if n.ReservedFor != "" {
		row.ReservedFor = &lifecycle.SubscriberRef{ID: n.ReservedFor, UserPrincipalName: n.ReservedForName}
	}
	for _, end := range []*time.Time{n.ReservedUntil, n.CoolingUntil} {
		if end != nil {
			days := max(0, int(math.Ceil(end.Sub(a.now()).Hours()/24)))
			row.DaysLeft = &days
		}
	}
	return row
}

func stateOrNull(s lifecycle.NumberState) *lifecycle.NumberState {
	if s == "" {
		return nil
	}
	return &s
}
