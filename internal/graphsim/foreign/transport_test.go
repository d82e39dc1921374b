package foreign_test

import (
	"fmt"
	"net/http"
	"testing"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	khttp "github.com/microsoft/kiota-http-go"
	core "github.com/microsoftgraph/msgraph-sdk-go-core"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/graphsim"
)

func (c *client) statuses() (list []int) {
	for _, entry := range c.tenant.Journal() {
		list = append(list, entry.Status)
	}
	return list
}

func TestThrottledReadsAreRetriedByTheClient(t *testing.T) {
	c := newClient(t, longTokens())
	c.tenant.AddFault(graphsim.Fault{Method: "GET", Path: "/v1.0/users/*", Status: 429, RetryAfter: 1})
	c.user("anna.archer")
	assert.Equal(t, []int{429, 200}, c.statuses())
	assert.Equal(t, []string{"1"}, c.seen.values("Retry-Attempt"))
}

// Compression is turned off here because the client corrupts the body of a
// compressed write that it retries, in about three of four clients: its
// handlers stand in random order (kiota-http-go#183).
func TestWritesBeyondTheQuotaAreRetriedByTheClient(t *testing.T) {
	settings := longTokens()
	settings.Throttle = &graphsim.Throttle{Writes: 1, WindowSeconds: 1}
	c := newClient(t, settings)
	plain := &users.UserItemRequestBuilderPatchRequestConfiguration{Options: []abstractions.RequestOption{khttp.NewCompressionOptionsReference(false)}}
	for _, location := range []string{"FR", "DE"} {
		change := models.NewUser()
		change.SetUsageLocation(pointer(location))
		_, err := c.users().ByUserId("emma.evans@contoso.example").Patch(c.ctx, change, plain)
		require.NoError(t, err)
	}
	assert.Equal(t, []int{204, 429, 204}, c.statuses())
	assert.Equal(t, "DE", *c.user("emma.evans", "usageLocation").GetUsageLocation())
}

func TestABatchIsAnsweredPartByPart(t *testing.T) {
	c := newClient(t, longTokens())
	batch := core.NewBatchRequest(c.adapter)
	add := func(info *abstractions.RequestInformation, err error) core.BatchItem {
		t.Helper()
		require.NoError(t, err)
		item, err := batch.AddBatchRequestStep(*info)
		require.NoError(t, err)
		return item
	}
	emma := c.users().ByUserId("emma.evans@contoso.example")
	read := add(emma.ToGetRequestInformation(c.ctx, nil)) // "body":null and "dependsOn":[]
	change := models.NewUser()
	change.SetUsageLocation(pointer("FR"))
	write := add(c.users().ByUserId("emma.evans@contoso.example").ToPatchRequestInformation(c.ctx, change, nil))
	missing := add(c.users().ByUserId("nobody").ToGetRequestInformation(c.ctx, nil))
	dependent := add(c.users().ToGetRequestInformation(c.ctx, nil))
	dependent.DependsOnItem(missing)
	listed := add(c.users().ToGetRequestInformation(c.ctx, nil))
	listed.DependsOnItem(write)

	answers, err := batch.Send(c.ctx, c.adapter)
	require.NoError(t, err)
	assert.Equal(t, map[string]int32{
		*read.GetId(): http.StatusOK, *write.GetId(): http.StatusNoContent, *missing.GetId(): http.StatusNotFound,
		*dependent.GetId(): http.StatusFailedDependency, *listed.GetId(): http.StatusOK,
	}, answers.GetStatusCodes())
	u, err := core.GetBatchResponseById[models.Userable](answers, *read.GetId(), models.CreateUserFromDiscriminatorValue)
	require.NoError(t, err)
	assert.Equal(t, "Emma Evans", *u.GetDisplayName())
	_, err = core.GetBatchResponseById[models.Userable](answers, *missing.GetId(), models.CreateUserFromDiscriminatorValue)
	require.Error(t, err)
	all, err := core.GetBatchResponseById[models.UserCollectionResponseable](answers, *listed.GetId(), models.CreateUserCollectionResponseFromDiscriminatorValue)
	require.NoError(t, err)
	assert.Len(t, all.GetValue(), len(c.tenant.State().Users))
	assert.Equal(t, "FR", *c.user("emma.evans", "usageLocation").GetUsageLocation())
}

func TestAClaimsChallengeIsMetWithANewToken(t *testing.T) {
	c := newClient(t, longTokens())
	c.tenant.AddFault(graphsim.Fault{Method: "GET", ClaimsChallenge: true})
	c.user("anna.archer")
	assert.Equal(t, []int{401, 200}, c.statuses())
	asked := c.logins.asked()
	require.Len(t, asked, 2)
	assert.Empty(t, asked[0])
	assert.Contains(t, asked[1], `"nbf"`)
}

func TestPermissionsOfTheTokenDecide(t *testing.T) {
	c := newClient(t, longTokens())
	c.tenant.SetPermissions("User.Read.All")
	c.user("anna.archer")
	_, err := c.groups().Get(c.ctx, nil)
	refused(t, err, 403, "Authorization_RequestDenied", "Insufficient privileges")
	_, err = c.raw(abstractions.GET, configurations+"x", nil, nil)
	refused(t, err, 403, "Forbidden", "TeamsUserConfiguration.Read.All")
}

func TestALargeAnswerArrivesCompressed(t *testing.T) {
	state := graphsim.DefaultState()
	for i := range 300 {
		state.Users = append(state.Users, graphsim.User{UserPrincipalName: fmt.Sprintf("user%03d@contoso.example", i)})
	}
	settings := longTokens()
	c := connect(t, graphsim.Options{State: &state, Settings: &settings})
	all, err := c.users().Get(c.ctx, &users.UsersRequestBuilderGetRequestConfiguration{
		QueryParameters: &users.UsersRequestBuilderGetQueryParameters{Top: pointer[int32](999)},
	})
	require.NoError(t, err)
	assert.Len(t, all.GetValue(), len(state.Users))
	assert.Contains(t, c.seen.values("Accept-Encoding")[0], "gzip")
}
