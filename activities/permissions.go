package activities

import (
	"context"

	"tenure/internal/contract"
	"tenure/internal/lifecycle"
)

// CheckPermissions compares the permissions that a tenant grants with those that the catalog in force needs. It asks for
// a token and nothing else; it may be called outside Temporal.
func (a *Activities) CheckPermissions(ctx context.Context, tenant string) (contract.TenantPermissions, error) {
	answer := contract.TenantPermissions{Tenant: tenant}
	client, err := a.client(tenant)
	if err != nil {
		return answer, err
	}
	cat, err := a.catalog(ctx)
	if err != nil {
		return answer, err
	}
	needs, err := cat.Needs(tenant)
	if err != nil {
		return answer, err
	}
	held, err := client.Permissions(ctx)
	if err != nil {
		return answer, err
	}
	answer.PermissionCheck = lifecycle.CheckPermissions(needs, held)
	return answer, nil
}
