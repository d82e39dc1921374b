package contract

import "tenure/internal/lifecycle"

// CheckPermissions asks which permissions the tenants grant, and which the catalog in force needs.
const CheckPermissions = "CheckPermissions"

// PermissionsRequest asks for every tenant of the catalog in force.
type PermissionsRequest struct{}

// Permissions is the answer, in the order of the catalog.
type Permissions struct {
	Tenants []TenantPermissions `json:"tenants"`
}

// TenantPermissions is one tenant's part. Where Problem says why it could not be looked at, the rest is empty.
type TenantPermissions struct {
	Tenant string `json:"tenant"`
	lifecycle.PermissionCheck
	Problem *string `json:"problem"`
	// Recommendation is what the catalog should have while the permission for licenses is missing, or null (R35).
	Recommendation *string `json:"recommendation"`
}
