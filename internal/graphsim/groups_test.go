package graphsim_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const onPremisesMastered = "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration."

func TestGroupKindsAsGraphShowsThem(t *testing.T) {
	s := newSim(t, nil)
	for name, want := range map[string]object{
		"All Staff":       {"groupTypes": []any{}, "mailEnabled": false, "securityEnabled": true, "onPremisesSyncEnabled": nil, "isAssignableToRole": nil},
		"Sales UK":        {"groupTypes": []any{"Unified"}, "mailEnabled": true, "securityEnabled": false, "onPremisesSyncEnabled": nil, "isAssignableToRole": nil},
		"London Office":   {"groupTypes": []any{"DynamicMembership"}, "mailEnabled": false, "securityEnabled": true, "onPremisesSyncEnabled": nil, "isAssignableToRole": nil},
		"Headquarters":    {"groupTypes": []any{}, "mailEnabled": false, "securityEnabled": true, "onPremisesSyncEnabled": true, "isAssignableToRole": nil},
		"Announcements":   {"groupTypes": []any{}, "mailEnabled": true, "securityEnabled": true, "onPremisesSyncEnabled": nil, "isAssignableToRole": nil},
		"Helpdesk Admins": {"groupTypes": []any{}, "mailEnabled": false, "securityEnabled": true, "onPremisesSyncEnabled": nil, "isAssignableToRole": true},
	} {
		body := s.get("/groups/" + s.groupID(name) + "?$select=groupTypes,mailEnabled,securityEnabled,onPremisesSyncEnabled,isAssignableToRole").json
		delete(body, "@odata.context")
		assert.Equal(t, want, body, name)
	}
}

func TestMembershipErrors(t *testing.T) {
	for _, test := range []struct {
		name, group, member, stranger string
		status                        int
		code, message                 string
	}{
		{"dynamic looks like a missing permission", "London Office", "anna.archer", "emma.evans", 403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."},
		{"synced", "Headquarters", "henry.hall", "emma.evans", 400, "Request_BadRequest", onPremisesMastered},
		{"mail-enabled", "Announcements", "oliver.owen", "emma.evans", 400, "Request_BadRequest", "Cannot Update a mail-enabled security groups and or distribution list."},
		{"role-assignable", "Helpdesk Admins", "oliver.owen", "emma.evans", 403, "Authorization_RequestDenied", "Insufficient privileges"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSim(t, nil)
			group := "/groups/" + s.groupID(test.group)
			before := s.tenant.State()
			reference := s.url + "/v1.0/directoryObjects/" + s.idOf(test.stranger)
			s.do("POST", group+"/members/$ref", object{"@odata.id": reference}).refused(test.status, test.code, test.message)
			s.do("PATCH", group, object{"members@odata.bind": []string{reference}}).refused(test.status, test.code, test.message)
			s.do("DELETE", group+"/members/"+s.idOf(test.member)+"/$ref", nil).refused(test.status, test.code, test.message)
			assert.Equal(t, before, s.tenant.State())
		})
	}

	s := newSim(t, nil)
	staff, anna, laura := "/groups/"+s.groupID("All Staff"), s.idOf("anna.archer"), s.idOf("laura.lewis")
	root := s.url + "/v1.0/directoryObjects/"
	s.do("POST", staff+"/members/$ref", object{"@odata.id": root + anna}).refused(400, "Request_BadRequest", "One or more added object references already exist for the following modified properties: 'members'.")
	s.do("DELETE", staff+"/members/"+laura+"/$ref", nil).refused(404, "Request_ResourceNotFound", "Resource '"+laura+"' does not exist or one of its queried reference-property objects are not present.")
	s.do("POST", staff+"/members/$ref", object{"@odata.id": root + "nobody"}).refused(404, "Request_ResourceNotFound", "Resource 'nobody' does not exist")
	s.do("POST", "/groups/nogroup/members/$ref", object{"@odata.id": root + anna}).refused(404, "Request_ResourceNotFound", "Resource 'nogroup' does not exist")
	s.do("DELETE", "/groups/nogroup/members/"+anna+"/$ref", nil).refused(404, "Request_ResourceNotFound", "nogroup")
	s.do("GET", "/groups/nogroup", nil).refused(404, "Request_ResourceNotFound", "nogroup")
	s.do("POST", staff+"/members/$ref", object{}).refused(400, "Request_BadRequest", "@odata.id")
	s.do("POST", staff+"/members/$ref", object{"@odata.id": root}).refused(400, "Request_BadRequest", "Invalid object reference")

	s.tenant.SetPermissions("User.Read.All", "GroupMember.Read.All")
	s.do("POST", staff+"/members/$ref", object{"@odata.id": root + laura}).refused(403, "Authorization_RequestDenied", "")
	s.do("DELETE", staff+"/members/"+anna+"/$ref", nil).refused(403, "Authorization_RequestDenied", "")
}

func TestRoleAssignableGroupNeedsTheFurtherPermission(t *testing.T) {
	s := newSim(t, nil)
	s.tenant.SetPermissions("User.Read.All", "GroupMember.ReadWrite.All", "RoleManagement.ReadWrite.Directory")
	s.join("Helpdesk Admins", "emma.evans")
	s.leave("Helpdesk Admins", "emma.evans")
}

func TestDeletingAMemberWithoutRefIsRefused(t *testing.T) {
	s := newSim(t, nil)
	s.tenant.SetPermissions("Directory.ReadWrite.All")
	before := s.tenant.State()
	s.do("DELETE", "/groups/"+s.groupID("All Staff")+"/members/"+s.idOf("anna.archer"), nil).refused(405, "Refused", "would delete the user")
	assert.Equal(t, before, s.tenant.State())
}

func TestMembershipChangesAreSeenOnBothSides(t *testing.T) {
	s := newSim(t, nil)
	const laura = "/users/laura.lewis@contoso.example/memberOf"
	for _, group := range []string{"Project Falcon", "Sales UK"} {
		s.join(group, "laura.lewis")
	}
	a := s.get(laura)
	assert.Equal(t, []string{"Project Falcon", "Sales UK"}, a.names("displayName"))
	assert.Equal(t, []string{"#microsoft.graph.group", "#microsoft.graph.group"}, a.names("@odata.type"))
	members := s.get("/groups/" + s.groupID("Project Falcon") + "/members?$select=displayName")
	assert.Equal(t, []string{"Emma Evans", "Isabelle Imbert", "Laura Lewis"}, members.names("displayName"))
	s.leave("Project Falcon", "laura.lewis")
	assert.Equal(t, []string{"Sales UK"}, s.get(laura).names("displayName"))
}

func TestMemberOfCastIsAnAdvancedQuery(t *testing.T) {
	s := newSim(t, nil)
	const path = "/users/david.doyle@contoso.example/memberOf/microsoft.graph.group?$select=id,displayName,assignedLicenses"
	s.do("GET", path, nil).refused(400, "Request_UnsupportedQuery", "ConsistencyLevel")
	s.do("GET", path+"&$count=true", nil).refused(400, "Request_UnsupportedQuery", "ConsistencyLevel")
	a := s.get(path+"&$count=true", "ConsistencyLevel", "eventual")
	assert.Equal(t, []string{"All Staff", "License E3", "License Audio"}, a.names("displayName"))
	assert.InDelta(t, 3, a.json["@odata.count"], 0)
	assert.Equal(t, []any{object{"skuId": s.skuID("SPE_E3"), "disabledPlans": []any{}}}, a.value()[1]["assignedLicenses"])

	first := s.get(path+"&$count=true&$top=2", "ConsistencyLevel", "eventual")
	assert.Len(t, first.value(), 2)
	second := s.get(first.json["@odata.nextLink"].(string), "ConsistencyLevel", "eventual")
	assert.Equal(t, []string{"License Audio"}, second.names("displayName"))
}

func TestBindAddsUpToTwentyOrNone(t *testing.T) {
	s := newSim(t, manyUsers(30))
	state := s.tenant.State()
	state.Groups = append(state.Groups, newGroup("Everyone"))
	require.NoError(t, s.tenant.SetState(state))
	group := "/groups/" + s.groupID("Everyone")
	references := make([]string, 0, len(state.Users))
	for _, u := range state.Users {
		references = append(references, s.url+"/v1.0/directoryObjects/"+u.ID)
	}
	bind := func(list []string) answer {
		return s.do("PATCH", group, object{"@odata.type": "#microsoft.graph.group", "members@odata.bind": list})
	}
	members := func() int { return len(s.get(group + "/members").value()) }

	bind(references[:21]).refused(400, "Request_BadRequest", "exceeds the limit of 20")
	assert.Equal(t, 0, members())
	require.Equal(t, 204, bind(references[:20]).status)
	assert.Equal(t, 20, members())
	bind(references[19:25]).refused(400, "Request_BadRequest", "already exist")
	assert.Equal(t, 20, members())
	bind([]string{references[25], s.url + "/v1.0/directoryObjects/nobody"}).refused(404, "Request_ResourceNotFound", "nobody")
	assert.Equal(t, 20, members())
	s.do("PATCH", group, object{"displayName": "x"}).refused(501, "NotImplemented", "displayName")
}

func TestGroupsAreListedFilteredAndPaged(t *testing.T) {
	s := newSim(t, nil)
	a := s.get("/groups?$select=displayName&$filter=" + url.QueryEscape("displayName eq 'license e3'"))
	assert.Equal(t, []string{"License E3"}, a.names("displayName"))
	a = s.get("/groups?$filter=" + url.QueryEscape("startswith(displayName,'License') and assignedLicenses/any(x:x/skuId eq "+s.skuID("MCOEV")+")"))
	assert.Equal(t, []string{"License Phone"}, a.names("displayName"))
	a = s.get("/groups?$filter=" + url.QueryEscape("groupTypes/any(c:c eq 'Unified')"))
	assert.Equal(t, []string{"Sales UK"}, a.names("displayName"))
	count := 0
	for link := "/groups?$top=4"; link != ""; {
		a := s.get(link)
		count += len(a.value())
		link, _ = a.json["@odata.nextLink"].(string)
	}
	assert.Equal(t, 10, count)
}
