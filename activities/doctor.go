package activities

import (
	"context"
	"errors"
	"maps"
	"slices"

	"tenure/internal/contract"
	"tenure/internal/lifecycle"
	"tenure/internal/version"
)

// CheckWorker says how this worker is set up and what its store holds. A catalog that is missing or that it cannot read is
// part of the answer.
func (a *Activities) CheckWorker(ctx context.Context, _ contract.WorkerCheckRequest) (contract.WorkerCheck, error) {
	answer := contract.WorkerCheck{
		Version: version.Version, At: a.now(), Keys: append([]string{}, a.KeyIDs...), Tenants: []string{}, Clocks: []contract.TenantClock{},
	}
	for _, tenant := range slices.Sorted(maps.Keys(a.Graph)) {
		if ahead, known := a.Graph[tenant].Ahead(); known {
			answer.Clocks = append(answer.Clocks, contract.TenantClock{Tenant: tenant, Ahead: ahead})
		}
	}
	var err error
	if answer.Schema, err = a.Store.SchemaVersion(ctx); err != nil {
		return answer, err
	}
	if answer.KnownSchema, err = a.Store.KnownSchema(); err != nil {
		return answer, err
	}
	revision, found, err := a.Store.Catalog(ctx)
	if err != nil || !found {
		return answer, err
	}
	answer.Catalog = &contract.CatalogRevision{Number: revision.Number, AppliedAt: revision.AppliedAt, By: orNull(revision.By)}
	cat, err := a.catalog(ctx)
	var refusal *lifecycle.Refusal
	switch {
	case errors.As(err, &refusal):
		answer.CatalogProblem = &refusal.Message
		return answer, nil
	case err != nil:
		return answer, err
	}
	for _, tenant := range cat.Tenants() {
		answer.Tenants = append(answer.Tenants, tenant.TenantName())
	}
	return answer, nil
}
