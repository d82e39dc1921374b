package graphsim_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/graphsim"
)

func TestGroupPoliciesApplyToMembersWithoutTheirOwn(t *testing.T) {
	state := graphsim.DefaultState()
	state.Groups = append(state.Groups,
		graphsim.Group{ID: "00000000-0000-4000-8000-00000000000a", DisplayName: "First", Policies: map[string]string{"teamsCallingPolicy": "NoForwarding"}},
		graphsim.Group{ID: "00000000-0000-4000-8000-00000000000b", DisplayName: "Second", Policies: map[string]string{"TeamsCallingPolicy": "AllOn", "TenantDialPlan": "UK-Dialplan"}},
	)
	s := newSim(t, &state)
	emma := s.idOf("emma.evans")
	inForce := func() map[string]string {
		list := map[string]string{}
		for _, entry := range s.configuration("emma.evans")["effectivePolicyAssignments"].([]any) {
			assigned := entry.(object)["policyAssignment"].(object)
			by, _ := assigned["groupId"].(string)
			list[entry.(object)["policyType"].(string)] = assigned["assignmentType"].(string) + " " + assigned["displayName"].(string) + by
		}
		return list
	}
	assert.Empty(t, inForce())
	s.join("Second", "emma.evans")
	assert.Equal(t, map[string]string{
		"TeamsCallingPolicy": "group AllOn00000000-0000-4000-8000-00000000000b", "TenantDialPlan": "group UK-Dialplan00000000-0000-4000-8000-00000000000b",
	}, inForce())
	s.join("First", "emma.evans")
	assert.Equal(t, "group NoForwarding00000000-0000-4000-8000-00000000000a", inForce()["TeamsCallingPolicy"], "the first group wins")

	order := object{"userId": emma, "policyType": "TeamsCallingPolicy", "policyId": s.policyID("TeamsCallingPolicy", "AllOn")}
	require.Equal(t, 204, s.do("POST", "/admin/teams/policy/userAssignments/assign", object{"value": []object{order}}).status)
	assert.Equal(t, "direct AllOn", inForce()["TeamsCallingPolicy"])
	require.Equal(t, 204, s.do("POST", "/admin/teams/policy/userAssignments/unassign", object{"value": []object{order}}).status)
	assert.Equal(t, "group NoForwarding00000000-0000-4000-8000-00000000000a", inForce()["TeamsCallingPolicy"])
	s.leave("First", "emma.evans")
	s.leave("Second", "emma.evans")
	assert.Empty(t, inForce())

	described := s.tenant.State()
	assert.Equal(t, map[string]string{"TeamsCallingPolicy": "NoForwarding"}, described.Groups[len(described.Groups)-2].Policies)
	require.NoError(t, s.tenant.SetState(described))
	described.Groups[0].Policies = map[string]string{"TeamsCallingPolicy": "Nobody's"}
	require.ErrorContains(t, s.tenant.SetState(described), "no policy Nobody's of type TeamsCallingPolicy")
}
