package foreign_test

import (
	"net/url"
	"testing"
	"time"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	khttp "github.com/microsoft/kiota-http-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	assignments    = "/admin/teams/telephoneNumberManagement/numberAssignments"
	configurations = "/admin/teams/userConfigurations/"
	policies       = "/admin/teams/policy"
)

func first(t *testing.T, answer map[string]any) map[string]any {
	t.Helper()
	value, _ := answer["value"].([]any)
	require.NotEmpty(t, value)
	return value[0].(map[string]any)
}

func TestANumberIsTakenAndGivenAgain(t *testing.T) {
	c := newClient(t, longTokens())
	chloe := *c.user("chloe.clark").GetId()
	owned := map[string]string{"%24filter": "assignmentTargetId eq '" + chloe + "'"}
	answer, err := c.raw(abstractions.GET, assignments+"{?%24filter}", owned, nil)
	require.NoError(t, err)
	number := first(t, answer)["telephoneNumber"].(string)
	kind := first(t, answer)["numberType"].(string)
	assert.Equal(t, byte('+'), number[0])
	answer, err = c.raw(abstractions.GET, assignments+"{?%24filter}", map[string]string{"%24filter": "telephoneNumber eq '" + number + "'"}, nil)
	require.NoError(t, err)
	assert.Equal(t, chloe, first(t, answer)["assignmentTargetId"], "the plus sign survives the query")

	voice := func() any {
		answer, err := c.raw(abstractions.GET, configurations+chloe, nil, nil)
		require.NoError(t, err)
		return answer["isEnterpriseVoiceEnabled"]
	}
	require.Equal(t, true, voice())
	order := func(action string, body map[string]any) {
		t.Helper()
		operation := c.order(action, body)
		running, err := c.raw(abstractions.GET, operation, nil, nil)
		require.NoError(t, err)
		assert.Equal(t, "notStarted", running["status"])
		c.clock.Advance(time.Minute)
		done, err := c.raw(abstractions.GET, operation, nil, nil)
		require.NoError(t, err)
		assert.Equal(t, "succeeded", done["status"])
	}
	order("unassignNumber", map[string]any{"telephoneNumber": number, "numberType": kind})
	assert.Equal(t, false, voice())
	answer, err = c.raw(abstractions.GET, assignments+"{?%24filter}", owned, nil)
	require.NoError(t, err)
	assert.Empty(t, answer["value"])
	order("microsoft.graph.teamsAdministration.assignNumber", map[string]any{
		"telephoneNumber": number, "numberType": kind, "assignmentTargetId": chloe, "assignmentCategory": "primary",
	})
	assert.Equal(t, true, voice())

	_, err = c.raw(abstractions.POST, assignments+"/assignNumber", nil, map[string]any{"telephoneNumber": number})
	refused(t, err, 400, "BadRequest", "assignmentTargetId")
}

// order posts to an action and gives the path of the operation it started, by
// the SDK's own inspection of headers.
func (c *client) order(action string, body map[string]any) string {
	c.t.Helper()
	info := abstractions.NewRequestInformationWithMethodAndUrlTemplateAndPathParameters(abstractions.POST, "{+baseurl}"+assignments+"/"+action, map[string]string{})
	writer, err := c.adapter.GetSerializationWriterFactory().GetSerializationWriter("application/json")
	require.NoError(c.t, err)
	require.NoError(c.t, writer.WriteAnyValue("", body))
	content, err := writer.GetSerializedContent()
	require.NoError(c.t, err)
	info.SetStreamContentAndContentType(content, "application/json")
	inspection := khttp.NewHeadersInspectionOptions()
	inspection.InspectResponseHeaders = true
	info.AddRequestOptions([]abstractions.RequestOption{inspection})
	require.NoError(c.t, c.adapter.SendNoContent(c.ctx, info, errorMappings))
	location := inspection.GetResponseHeaders().Get("Location")
	require.Len(c.t, location, 1)
	address, err := url.Parse(location[0])
	require.NoError(c.t, err)
	return address.EscapedPath()[len("/v1.0"):]
}

func TestPoliciesAreFoundAssignedAndUnassigned(t *testing.T) {
	c := newClient(t, longTokens())
	emma := *c.user("emma.evans").GetId()
	answer, err := c.raw(abstractions.GET, policies+"/getPolicyId(type='TeamsCallingPolicy',name='NoForwarding')", nil, nil)
	require.NoError(t, err)
	policy := first(t, answer)["policyId"]
	assigned := func() any {
		answer, err := c.raw(abstractions.GET, configurations+emma, nil, nil)
		require.NoError(t, err)
		return answer["effectivePolicyAssignments"]
	}
	require.Empty(t, assigned())
	order := map[string]any{"value": []map[string]any{{
		"@odata.type": "#microsoft.graph.teamsAdministration.teamsPolicyUserAssignment", "userId": emma, "policyType": "TeamsCallingPolicy", "policyId": policy,
	}}}
	_, err = c.raw(abstractions.POST, policies+"/userAssignments/assign", nil, order)
	require.NoError(t, err)
	assert.Len(t, assigned(), 1)
	_, err = c.raw(abstractions.POST, policies+"/userAssignments/unassign", nil, order)
	require.NoError(t, err)
	assert.Empty(t, assigned())
}
