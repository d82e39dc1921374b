package activities

import (
	"context"
	"fmt"

	"tenure/internal/catalog"
	"tenure/internal/contract"
	"tenure/internal/e164"
	"tenure/internal/lifecycle"
	"tenure/internal/store"
)

// NumbersChangeIn is a change of numbers of one tenant.
type NumbersChangeIn struct {
	Tenant string `json:"tenant"`
	contract.NumbersChange
}

// TenantOfNumbers checks a change and says whose inventory it is about: that of the user's tenant, or of the one tenant
// that has the numbers. A number is unique within a tenant only, so that numbers of several are refused.
func (a *Activities) TenantOfNumbers(ctx context.Context, in contract.NumbersChange) (string, error) {
	numbers, err := plainNumbers(in.Numbers)
	if err != nil {
		return "", err
	}
	if in.Days < 0 || in.Days > contract.MaxDays {
		return "", &lifecycle.Refusal{Code: "days-out-of-range", Message: fmt.Sprintf("%d days are out of range", in.Days), Hint: fmt.Sprintf("accepted: 1 to %d", contract.MaxDays), Invalid: true}
	}
	if len(in.Notes) > contract.MaxNotes {
		return "", &lifecycle.Refusal{Code: "notes-too-long", Message: fmt.Sprintf("the notes have %d bytes; %d are allowed", len(in.Notes), contract.MaxNotes), Invalid: true}
	}
	cat, err := a.catalog(ctx)
	if err != nil {
		return "", err
	}
	if in.For != "" {
		who, err := a.known(ctx, in.For)
		return who.Tenant, err
	}
	var having []string
	for _, level := range cat.Tenants() {
		rows, err := a.Store.NumbersNamed(ctx, level.TenantName(), numbers)
		if err != nil {
			return "", err
		}
		if len(rows) > 0 {
			having = append(having, level.TenantName())
		}
	}
	switch len(having) {
	case 0:
		return "", unknownNumber(numbers[0])
	case 1:
		return having[0], nil
	default:
		return "", &lifecycle.Refusal{Code: "several-tenants", Message: fmt.Sprintf("these are numbers of several tenants: %v", having), Hint: "change those of one tenant at a time", Invalid: true}
	}
}

// plainNumbers checks the numbers of a change and makes plain E.164 of them.
func plainNumbers(texts []string) ([]string, error) {
	if len(texts) == 0 || len(texts) > contract.MaxChanged {
		return nil, &lifecycle.Refusal{Code: "too-many-numbers", Message: fmt.Sprintf("%d numbers cannot be changed at once", len(texts)), Hint: fmt.Sprintf("name 1 to %d", contract.MaxChanged), Invalid: true}
	}
	numbers := make([]string, len(texts))
	for i, text := range texts {
		n, err := e164.Parse(text)
		if err != nil {
			return nil, &lifecycle.Refusal{Code: "malformed-number", Message: err.Error(), Invalid: true}
		}
		numbers[i] = n
	}
	return numbers, nil
}

func unknownNumber(number string) error {
	return &lifecycle.Refusal{Code: "unknown-number", Message: "the inventory does not have " + number, Hint: "see `tenure numbers list`", Invalid: true}
}

// ChangeNumbers makes a change that an administrator asks for, to all numbers that are named or to none (domain.md §6.1).
func (a *Activities) ChangeNumbers(ctx context.Context, in NumbersChangeIn) (contract.NumbersChanged, error) {
	numbers, err := plainNumbers(in.Numbers)
	if err != nil {
		return contract.NumbersChanged{}, err
	}
	actor := store.Actor{By: in.RequestedBy, Reason: in.Reason, RunID: runID(ctx)}
	var changed []store.Number
	var removed []string
	switch in.Action {
	case contract.ReserveAction:
		changed, err = a.reserve(ctx, actor, in, numbers)
	case contract.UnreserveAction:
		changed, err = a.Store.UnreserveNumbers(ctx, actor, in.Tenant, numbers)
	case contract.CoolAction:
		changed, err = a.cool(ctx, actor, in, numbers)
	case contract.ReleaseAction:
		changed, err = a.Store.EndCooling(ctx, actor, in.Tenant, numbers)
	case contract.MoveAction:
		changed, err = a.move(ctx, actor, in, numbers)
	case contract.RemoveAction:
		removed, err = numbers, a.Store.RemoveNumbers(ctx, actor, in.Tenant, numbers)
	default:
		err = &lifecycle.Refusal{Code: "unknown-action", Message: fmt.Sprintf("numbers cannot be changed by %q", in.Action), Invalid: true}
	}
	if err != nil {
		return contract.NumbersChanged{}, err
	}
	return contract.NumbersChanged{Numbers: a.numberRows(changed), Removed: removed}, nil
}

// reserve: R87, or for a user R88.
func (a *Activities) reserve(ctx context.Context, actor store.Actor, in NumbersChangeIn, numbers []string) ([]store.Number, error) {
	reservation := store.Reservation{Days: in.Days, Notes: in.Notes}
	if in.For != "" {
		who, err := a.known(ctx, in.For)
		if err != nil {
			return nil, err
		}
		reservation.For = who.ID
	}
	return a.Store.ReserveNumbers(ctx, actor, in.Tenant, numbers, reservation)
}

// cool: R85. Without days each number cools as long as its own node has it, whether released ones cool there or not.
func (a *Activities) cool(ctx context.Context, actor store.Actor, in NumbersChangeIn, numbers []string) ([]store.Number, error) {
	cat, err := a.catalog(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := a.numbersNamed(ctx, in.Tenant, numbers)
	if err != nil {
		return nil, err
	}
	coolings := make([]store.Cooling, len(numbers))
	for i, number := range numbers {
		coolings[i] = store.Cooling{Number: number, Days: in.Days}
		if in.Days == 0 {
			coolings[i].Days = cat.Cooling(rows[number].Node).Days
		}
	}
	return a.Store.CoolNumbers(ctx, actor, in.Tenant, coolings)
}

// move: R94. A number stays with its tenant, so that only nodes will do that the tenant's users are below or at.
func (a *Activities) move(ctx context.Context, actor store.Actor, in NumbersChangeIn, numbers []string) ([]store.Number, error) {
	cat, err := a.catalog(ctx)
	if err != nil {
		return nil, err
	}
	to, err := cat.Node(in.To)
	if err != nil {
		return nil, err
	}
	if !belongsTo(cat, to, in.Tenant) {
		return nil, &lifecycle.Refusal{Code: "other-tenant", Message: fmt.Sprintf("%s does not belong to tenant %s, whose numbers these are", to.Path(), in.Tenant), Hint: "name a node of that tenant"}
	}
	return a.Store.MoveNumbers(ctx, actor, in.Tenant, numbers, to.Path())
}

// belongsTo reports whether numbers of the tenant may stand at the node: at the tenant level, below it or above it.
func belongsTo(cat *catalog.Catalog, node *catalog.Node, tenant string) bool {
	for _, level := range cat.Tenants() {
		if level.TenantName() == tenant && (level.Covers(node) || node.Covers(level)) {
			return true
		}
	}
	return false
}

// numbersNamed reads those of the numbers that the tenant's inventory has.
func (a *Activities) numbersNamed(ctx context.Context, tenant string, numbers []string) (map[string]store.Number, error) {
	list, err := a.Store.NumbersNamed(ctx, tenant, numbers)
	rows := make(map[string]store.Number, len(list))
	for _, n := range list {
		rows[n.Number] = n
	}
	return rows, err
}
