package activities

import (
	"context"
	"slices"

	"tenure/internal/contract"
	"tenure/internal/lifecycle"
)

// licensesElsewhere is what Microsoft's permissions leave to the catalog (R35).
const licensesElsewhere = "as long as the application may not write licenses, show usage location and licenses read-only, so that nobody tries; add to the " +
	"catalog: fieldDisplayPolicies: [{name: licenses-elsewhere, target: subscriber, fields: {usageLocation: {access: read}, licenses: {access: read}}}]"

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
	noLicenses := func(f lifecycle.FeaturePermission) bool { return f.Feature == lifecycle.FeatureLicenses }
	if slices.ContainsFunc(answer.Missing(), noLicenses) && !cat.KeepsLicensesElsewhere() {
		answer.Recommendation = orNull(licensesElsewhere)
	}
	return answer, nil
}
