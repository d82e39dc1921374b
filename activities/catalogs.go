package activities

import (
	"context"
	"errors"

	"tenure/internal/catalog"
	"tenure/internal/contract"
	"tenure/internal/lifecycle"
	"tenure/internal/store"
)

// AppliedCatalog is what applying did, and the numbers that are to be loaded now.
type AppliedCatalog struct {
	contract.CatalogApplied
	Loads []contract.AddNumbersRequest `json:"loads"`
}

// ApplyCatalog checks a catalog and puts it in force. Applying the one in force again changes nothing and still loads
// its missing numbers.
func (a *Activities) ApplyCatalog(ctx context.Context, in contract.CatalogRequest) (AppliedCatalog, error) {
	diff, parsed, err := a.compare(ctx, in)
	if err != nil {
		return AppliedCatalog{}, err
	}
	if err := a.refuseOrphans(ctx, parsed); err != nil {
		return AppliedCatalog{}, err
	}
	actor := store.Actor{By: in.RequestedBy, Reason: in.Reason, RunID: runID(ctx)}
	revision, changed, err := a.Store.SaveCatalog(ctx, actor, []byte(in.Text))
	if err != nil {
		return AppliedCatalog{}, err
	}
	out := AppliedCatalog{
		CatalogApplied: contract.CatalogApplied{Revision: revision, Changed: changed, Differences: diff.Differences},
		Loads:          []contract.AddNumbersRequest{},
	}
	for _, load := range parsed.NumberLoads() {
		out.Loads = append(out.Loads, contract.AddNumbersRequest{
			Node: load.Node, Type: string(load.Type), Ranges: []contract.NumberRange{{From: load.From, To: load.To}},
		})
	}
	return out, nil
}

// DiffCatalog says what applying would change; a catalog with mistakes is refused like there.
func (a *Activities) DiffCatalog(ctx context.Context, in contract.CatalogRequest) (contract.CatalogDiff, error) {
	diff, _, err := a.compare(ctx, in)
	return diff, err
}

// ShowCatalog answers with a part of the catalog in force as it takes effect.
func (a *Activities) ShowCatalog(ctx context.Context, in contract.ShowCatalogRequest) (any, error) {
	cat, err := a.catalog(ctx)
	if err != nil {
		return nil, err
	}
	return cat.Show(in.Kind, in.Name)
}

func (a *Activities) compare(ctx context.Context, in contract.CatalogRequest) (contract.CatalogDiff, *catalog.Catalog, error) {
	diff := contract.CatalogDiff{Differences: []contract.CatalogDifference{}}
	parsed, err := catalog.Parse(in.File, []byte(in.Text))
	if err != nil {
		return diff, nil, &lifecycle.Refusal{Code: "catalog-invalid", Message: err.Error(), Invalid: true}
	}
	current, err := a.catalog(ctx)
	var refusal *lifecycle.Refusal
	// The first catalog, or one that replaces an unreadable one, differs from nothing.
	if err != nil && !errors.As(err, &refusal) {
		return diff, nil, err
	}
	for _, d := range catalog.Diff(current, parsed) {
		diff.Differences = append(diff.Differences, contract.CatalogDifference{Kind: d.Kind, Name: d.Name, Action: string(d.Action), Detail: d.Detail})
	}
	return diff, parsed, nil
}

// refuseOrphans refuses a catalog without a node that users or numbers stand at: they would be lost.
func (a *Activities) refuseOrphans(ctx context.Context, next *catalog.Catalog) error {
	current, err := a.catalog(ctx)
	if refusal := (*lifecycle.Refusal)(nil); errors.As(err, &refusal) {
		// Without a catalog in force, or without one that can be read, there is nothing to compare with.
		return nil
	}
	if err != nil {
		return err
	}
	for _, node := range current.Nodes() {
		// A node is found by its name too; users and numbers stand at its path.
		if kept, err := next.Node(node.Path()); err == nil && kept.Path() == node.Path() {
			continue
		}
		users, _, err := a.Store.ListSubscribers(ctx, store.SubscriberFilter{Node: node.Path(), Limit: 1})
		if err != nil {
			return err
		}
		numbers, _, err := a.Store.ListNumbers(ctx, store.NumberFilter{Node: node.Path(), Limit: 1})
		if err != nil {
			return err
		}
		if len(users)+len(numbers) > 0 {
			return &lifecycle.Refusal{Code: "node-in-use", Message: "the catalog drops " + node.Path() + ", where users or numbers are", Hint: "move them first, or keep the node"}
		}
	}
	return nil
}
