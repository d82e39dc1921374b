package activities

import (
	"context"

	"tenure/internal/contract"
	"tenure/internal/store"
)

// SummarizeNumbers counts the inventory by node and state, and says where too few numbers are available (R95).
func (a *Activities) SummarizeNumbers(ctx context.Context, in contract.NumberFilter) (contract.NumberSummary, error) {
	filter, err := a.numberFilter(ctx, in)
	if err != nil {
		return contract.NumberSummary{}, err
	}
	nodes, err := a.nodeNumbers(ctx, filter)
	return contract.NumberSummary{Summary: nodes}, err
}

// NumbersByNode counts the whole inventory; it may be called outside Temporal.
func (a *Activities) NumbersByNode(ctx context.Context) ([]contract.NodeNumbers, error) {
	return a.nodeNumbers(ctx, store.NumberFilter{})
}

func (a *Activities) nodeNumbers(ctx context.Context, filter store.NumberFilter) ([]contract.NodeNumbers, error) {
	cat, err := a.catalog(ctx)
	if err != nil {
		return nil, err
	}
	counts, err := a.Store.SummarizeNumbers(ctx, filter)
	nodes := make([]contract.NodeNumbers, len(counts))
	for i, c := range counts {
		n := contract.NodeNumbers{
			Node: c.Node, Tenant: c.Tenant, Total: c.Total, Available: c.Available, Used: c.Used, Reserved: c.Reserved, Cooling: c.Cooling, Held: c.Held,
		}
		if n.Total > 0 {
			n.Share = 100 * float64(n.Available) / float64(n.Total)
		}
		if threshold := cat.SettingsAt(n.Node).NumberThreshold; threshold > 0 {
			n.Threshold, n.Low = &threshold, n.Available*100 < threshold*n.Total
		}
		nodes[i] = n
	}
	return nodes, err
}

// ExpiredBatch is what a batch did, and whether there is more to do.
type ExpiredBatch struct {
	contract.NumberExpiry
	More bool `json:"more"`
}

// ExpireNumbers ends what is due, up to a limit: cooling numbers become available, reservations are taken back (R86, R87).
func (a *Activities) ExpireNumbers(ctx context.Context, limit int) (ExpiredBatch, error) {
	actor := store.Actor{By: contract.NumberExpirySchedule, Reason: "its time has come", RunID: runID(ctx)}
	done, err := a.Store.ExpireNumbers(ctx, actor, limit)
	return ExpiredBatch{contract.NumberExpiry{Released: done.Released, Unreserved: done.Unreserved}, done.More}, err
}
