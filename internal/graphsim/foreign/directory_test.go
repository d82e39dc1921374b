package foreign_test

import (
	"testing"

	"github.com/google/uuid"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	core "github.com/microsoftgraph/msgraph-sdk-go-core"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"
	"github.com/microsoftgraph/msgraph-sdk-go/users"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func refused(t *testing.T, err error, status int, code, message string) {
	t.Helper()
	var odata *odataerrors.ODataError
	require.ErrorAs(t, err, &odata)
	assert.Equal(t, status, odata.GetStatusCode())
	require.NotNil(t, odata.GetErrorEscaped())
	assert.Equal(t, code, *odata.GetErrorEscaped().GetCode())
	assert.Contains(t, *odata.GetErrorEscaped().GetMessage(), message)
	assert.NotEmpty(t, *odata.GetErrorEscaped().GetInnerError().GetRequestId())
}

func (c *client) user(name string, fields ...string) models.Userable {
	c.t.Helper()
	u, err := c.users().ByUserId(name+"@contoso.example").Get(c.ctx, &users.UserItemRequestBuilderGetRequestConfiguration{
		QueryParameters: &users.UserItemRequestBuilderGetQueryParameters{Select: append([]string{"id"}, fields...)},
	})
	require.NoError(c.t, err)
	return u
}

func (c *client) sku(name string) models.SubscribedSkuable {
	c.t.Helper()
	answer, err := c.skus().Get(c.ctx, nil)
	require.NoError(c.t, err)
	for _, s := range answer.GetValue() {
		if *s.GetSkuPartNumber() == name {
			return s
		}
	}
	require.Fail(c.t, "no "+name)
	return nil
}

func TestUsersAreReadListedAndPaged(t *testing.T) {
	c := newClient(t, longTokens())
	u := c.user("chloe.clark", "displayName", "usageLocation", "accountEnabled", "licenseAssignmentStates", "assignedPlans", "onPremisesSyncEnabled")
	assert.Equal(t, "Chloe Clark", *u.GetDisplayName())
	assert.True(t, *u.GetAccountEnabled())
	assert.Nil(t, u.GetOnPremisesSyncEnabled())
	require.Len(t, u.GetLicenseAssignmentStates(), 2)
	assert.NotEmpty(t, *u.GetLicenseAssignmentStates()[0].GetAssignedByGroup())
	assert.NotNil(t, u.GetLicenseAssignmentStates()[0].GetLastUpdatedDateTime())
	assert.NotEmpty(t, u.GetAssignedPlans())

	first, err := c.users().Get(c.ctx, &users.UsersRequestBuilderGetRequestConfiguration{
		QueryParameters: &users.UsersRequestBuilderGetQueryParameters{Select: []string{"id", "displayName"}, Top: pointer[int32](4)},
	})
	require.NoError(t, err)
	pages, err := core.NewPageIterator[models.Userable](first, c.adapter, models.CreateUserCollectionResponseFromDiscriminatorValue)
	require.NoError(t, err)
	var names []string
	require.NoError(t, pages.Iterate(c.ctx, func(u models.Userable) bool {
		names = append(names, *u.GetDisplayName())
		return true
	}))
	assert.Len(t, names, len(c.tenant.State().Users))

	advanced := abstractions.NewRequestHeaders()
	advanced.Add("ConsistencyLevel", "eventual")
	query := &users.UsersRequestBuilderGetQueryParameters{Filter: pointer("endsWith(userPrincipalName,'archer@contoso.example')"), Count: pointer(true)}
	found, err := c.users().Get(c.ctx, &users.UsersRequestBuilderGetRequestConfiguration{Headers: advanced, QueryParameters: query})
	require.NoError(t, err)
	assert.EqualValues(t, 1, *found.GetOdataCount())
	assert.Equal(t, "anna.archer@contoso.example", *found.GetValue()[0].GetUserPrincipalName())
	_, err = c.users().Get(c.ctx, &users.UsersRequestBuilderGetRequestConfiguration{QueryParameters: query})
	refused(t, err, 400, "Request_UnsupportedQuery", "ConsistencyLevel")

	_, err = c.users().ByUserId("nobody@contoso.example").Get(c.ctx, nil)
	refused(t, err, 404, "Request_ResourceNotFound", "nobody@contoso.example")
}

func TestChangesAreFollowed(t *testing.T) {
	c := newClient(t, longTokens())
	all, err := c.users().Delta().GetAsDeltaGetResponse(c.ctx, &users.DeltaRequestBuilderGetRequestConfiguration{
		QueryParameters: &users.DeltaRequestBuilderGetQueryParameters{Select: []string{"displayName", "usageLocation"}},
	})
	require.NoError(t, err)
	assert.Len(t, all.GetValue(), len(c.tenant.State().Users))
	require.NotNil(t, all.GetOdataDeltaLink())

	c.tenant.SetPermissions("Directory.ReadWrite.All")
	change := models.NewUser()
	change.SetUsageLocation(pointer("FR"))
	_, err = c.users().ByUserId("anna.archer@contoso.example").Patch(c.ctx, change, nil)
	require.NoError(t, err)
	require.NoError(t, c.users().ByUserId("laura.lewis@contoso.example").Delete(c.ctx, nil))

	changed, err := users.NewDeltaRequestBuilder(*all.GetOdataDeltaLink(), c.adapter).GetAsDeltaGetResponse(c.ctx, nil)
	require.NoError(t, err)
	require.Len(t, changed.GetValue(), 2)
	assert.Equal(t, "FR", *changed.GetValue()[0].GetUsageLocation())
	assert.Contains(t, changed.GetValue()[1].GetAdditionalData(), "@removed")

	require.NoError(t, c.tenant.SetState(c.tenant.State()))
	_, err = users.NewDeltaRequestBuilder(*changed.GetOdataDeltaLink(), c.adapter).GetAsDeltaGetResponse(c.ctx, nil)
	refused(t, err, 410, "syncStateNotFound", "restart")
}

func TestWritesAreCompressedAndTakeEffect(t *testing.T) {
	c := newClient(t, longTokens())
	change := models.NewUser() // the SDK writes @odata.type beside what is set
	change.SetUsageLocation(pointer("FR"))
	answer, err := c.users().ByUserId("emma.evans@contoso.example").Patch(c.ctx, change, nil)
	require.NoError(t, err)
	assert.Nil(t, answer)
	assert.Equal(t, "FR", *c.user("emma.evans", "usageLocation").GetUsageLocation())
	assert.Equal(t, []string{"gzip"}, c.seen.values("Content-Encoding"), "the default client compresses what it sends")
	assert.NotContains(t, c.statuses(), 415, "and is not asked for plain text")

	change.SetUsageLocation(pointer("Paris"))
	_, err = c.users().ByUserId("emma.evans@contoso.example").Patch(c.ctx, change, nil)
	refused(t, err, 400, "Request_BadRequest", "usageLocation")

	revoked, err := c.users().ByUserId("emma.evans@contoso.example").RevokeSignInSessions().PostAsRevokeSignInSessionsPostResponse(c.ctx, nil)
	require.NoError(t, err)
	assert.True(t, *revoked.GetValue())
}

func TestLicensesAreAddedAndRemoved(t *testing.T) {
	c := newClient(t, longTokens())
	e5 := c.sku("SPE_E5")
	held := func() []uuid.UUID {
		ids := []uuid.UUID{}
		for _, l := range c.user("emma.evans", "assignedLicenses").GetAssignedLicenses() {
			ids = append(ids, *l.GetSkuId())
		}
		return ids
	}
	require.Equal(t, []uuid.UUID{*e5.GetSkuId()}, held())
	consumed := *e5.GetConsumedUnits()

	removal := users.NewItemAssignLicensePostRequestBody()
	removal.SetAddLicenses([]models.AssignedLicenseable{})
	removal.SetRemoveLicenses([]uuid.UUID{*e5.GetSkuId()})
	u, err := c.users().ByUserId("emma.evans@contoso.example").AssignLicense().Post(c.ctx, removal, nil)
	require.NoError(t, err)
	assert.NotEmpty(t, *u.GetId())
	assert.Empty(t, held())
	assert.Equal(t, consumed-1, *c.sku("SPE_E5").GetConsumedUnits())
	_, err = c.users().ByUserId("emma.evans@contoso.example").AssignLicense().Post(c.ctx, removal, nil)
	refused(t, err, 400, "Request_BadRequest", "User does not have a corresponding license.")

	license := models.NewAssignedLicense()
	license.SetSkuId(e5.GetSkuId())
	license.SetDisabledPlans([]uuid.UUID{*e5.GetServicePlans()[0].GetServicePlanId()})
	addition := users.NewItemAssignLicensePostRequestBody()
	addition.SetAddLicenses([]models.AssignedLicenseable{license})
	_, err = c.users().ByUserId("emma.evans@contoso.example").AssignLicense().Post(c.ctx, addition, nil)
	refused(t, err, 400, "Request_BadRequest", "removeLicenses")
	addition.SetRemoveLicenses([]uuid.UUID{})
	_, err = c.users().ByUserId("emma.evans@contoso.example").AssignLicense().Post(c.ctx, addition, nil)
	require.NoError(t, err)
	assert.Equal(t, []uuid.UUID{*e5.GetSkuId()}, held())

	details, err := c.users().ByUserId("emma.evans@contoso.example").LicenseDetails().Get(c.ctx, nil)
	require.NoError(t, err)
	require.Len(t, details.GetValue(), 1)
	assert.Equal(t, "SPE_E5", *details.GetValue()[0].GetSkuPartNumber())
	_, err = c.users().ByUserId("chloe.clark@contoso.example").ReprocessLicenseAssignment().Post(c.ctx, nil)
	require.NoError(t, err)
}

func TestGroupsAreJoinedAndLeft(t *testing.T) {
	c := newClient(t, longTokens())
	laura := *c.user("laura.lewis").GetId()
	var group string
	for _, g := range c.tenant.State().Groups {
		if g.DisplayName == "All Staff" {
			group = g.ID
		}
	}
	memberships := func() (kinds []string) {
		mixed, err := c.users().ByUserId(laura).MemberOf().Get(c.ctx, nil)
		require.NoError(t, err)
		for _, o := range mixed.GetValue() {
			assert.Implements(t, (*models.Groupable)(nil), o, "@odata.type decides")
			kinds = append(kinds, *o.GetOdataType()+" "+*o.GetId())
		}
		advanced := abstractions.NewRequestHeaders()
		advanced.Add("ConsistencyLevel", "eventual")
		cast, err := c.users().ByUserId(laura).MemberOf().GraphGroup().Get(c.ctx, &users.ItemMemberOfGraphGroupRequestBuilderGetRequestConfiguration{
			Headers:         advanced,
			QueryParameters: &users.ItemMemberOfGraphGroupRequestBuilderGetQueryParameters{Count: pointer(true)},
		})
		require.NoError(t, err)
		assert.Len(t, cast.GetValue(), len(kinds))
		return kinds
	}
	before := memberships()

	reference := models.NewReferenceCreate()
	reference.SetOdataId(pointer(c.adapter.GetBaseUrl() + "/directoryObjects/" + laura))
	require.NoError(t, c.groups().ByGroupId(group).Members().Ref().Post(c.ctx, reference, nil))
	assert.ElementsMatch(t, append(before, "#microsoft.graph.group "+group), memberships())
	refused(t, c.groups().ByGroupId(group).Members().Ref().Post(c.ctx, reference, nil), 400, "Request_BadRequest", "already exist")

	members, err := c.groups().ByGroupId(group).Members().Get(c.ctx, nil)
	require.NoError(t, err)
	assert.NotEmpty(t, members.GetValue())

	require.NoError(t, c.groups().ByGroupId(group).Members().ByDirectoryObjectId(laura).Ref().Delete(c.ctx, nil))
	assert.Equal(t, before, memberships())
	refused(t, c.groups().ByGroupId(group).Members().ByDirectoryObjectId(laura).Ref().Delete(c.ctx, nil), 404, "Request_ResourceNotFound", laura)

	bind := models.NewGroup()
	bind.SetAdditionalData(map[string]any{"members@odata.bind": []string{c.adapter.GetBaseUrl() + "/directoryObjects/" + laura}})
	_, err = c.groups().ByGroupId(group).Patch(c.ctx, bind, nil)
	require.NoError(t, err)
	assert.Len(t, memberships(), len(before)+1)
}
