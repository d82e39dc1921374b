package activities_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/lifecycle"
)

func (c *contoso) permissions(tenant string) *task[contract.TenantPermissions] {
	return start(c.run("q"), c.acts.CheckPermissions, tenant)
}

func TestCheckPermissions(t *testing.T) {
	c := newContoso(t)
	answer := succeed(t, c.permissions("contoso"))
	require.Equal(t, "contoso", answer.Tenant)
	require.Len(t, answer.Features, len(lifecycle.Features()), "the example makes use of everything")
	require.Empty(t, answer.Missing())
	require.Equal(t, []string{"User.EnableDisableAccount.All", "User.RevokeSessions.All"}, answer.Excess)
	require.Nil(t, answer.Problem)

	c.exchange("LicenseAssignment.ReadWrite.All", "Mail.Read")
	answer = succeed(t, c.permissions("contoso"))
	require.Len(t, answer.Missing(), 1)
	missing := answer.Missing()[0]
	require.Equal(t, lifecycle.FeatureLicenses, missing.Feature)
	require.Equal(t, "setting offboarding.licenses: remove at acme/contoso", missing.Because)
	require.NotNil(t, missing.Advice)
	require.Contains(t, answer.Excess, "Mail.Read")
	require.Nil(t, answer.Recommendation, "the example shows licenses read-only")
	require.Empty(t, c.requests(), "a token says it all")
}

func TestCheckPermissionsFollowsTheCatalogInForce(t *testing.T) {
	c := setup{catalog: exampleWith(t, "licenses: remove                   #", "licenses: retain                   #",
		"    m365User: e5-voice\n", "")}.new(t)
	c.exchange("LicenseAssignment.ReadWrite.All")
	require.Empty(t, succeed(t, c.permissions("contoso")).Missing(), "licenses are left alone")
}

func TestCheckPermissionsThatCannotBeAnswered(t *testing.T) {
	_, err := setup{empty: true}.new(t).permissions("contoso").try()
	f, ok := fault.Received(err)
	require.True(t, ok, err)
	require.Equal(t, "no-catalog", f.Code)
}

func TestCheckPermissionsOfATenantThatTheWorkerDoesNotServe(t *testing.T) {
	_, err := newContoso(t).permissions("fabrikam").try()
	f, ok := fault.Received(err)
	require.True(t, ok, err)
	require.Equal(t, fault.InvalidRequest, f.Kind)
	require.Contains(t, f.Message, "TENURE_TENANTS")
}

// R35: without the permission for licenses, a display policy that makes them read-only is recommended.
func TestR35AReadOnlyDisplayPolicyIsRecommended(t *testing.T) {
	c := setup{catalog: exampleWith(t, "target: subscriber", "target: offboarding")}.new(t)
	require.Nil(t, succeed(t, c.permissions("contoso")).Recommendation)
	c.exchange("LicenseAssignment.ReadWrite.All")
	answer := succeed(t, c.permissions("contoso"))
	require.NotNil(t, answer.Recommendation)
	require.Contains(t, *answer.Recommendation, "target: subscriber, fields: {usageLocation: {access: read}, licenses: {access: read}}")
}
