package graphsim_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/graphsim"
)

const (
	numbers        = "/admin/teams/telephoneNumberManagement/numberAssignments"
	operations     = "/admin/teams/telephoneNumberManagement/operations"
	configurations = "/admin/teams/userConfigurations"
)

func (s *sim) listNumbers(filter string) answer {
	s.t.Helper()
	return s.get(numbers + "?$filter=" + url.QueryEscape(filter))
}

func (s *sim) number(number string) object {
	s.t.Helper()
	found := s.listNumbers("telephoneNumber eq '" + number + "'").value()
	require.Len(s.t, found, 1)
	return found[0]
}

func (s *sim) order(action string, body any) answer {
	s.t.Helper()
	return s.do("POST", numbers+"/"+action, body)
}

// operate sends an order, lets its time pass and gives the finished operation.
func (s *sim) operate(action string, body any) object {
	s.t.Helper()
	a := s.order(action, body)
	require.Equal(s.t, 202, a.status, string(a.raw))
	s.clock.Advance(300 * time.Millisecond)
	return s.get(a.header.Get("Location")).json
}

func (s *sim) configuration(user string) object {
	s.t.Helper()
	return s.get(configurations + "/" + s.idOf(user)).json
}

func assignment(number, target, kind string) object {
	return object{"telephoneNumber": number, "assignmentTargetId": target, "numberType": kind}
}

func TestNumbersAreFiltered(t *testing.T) {
	s := newSim(t, nil)
	anna := s.idOf("anna.archer")
	for filter, want := range map[string][]string{
		"telephoneNumber eq '+442079460001'":                                      {"+442079460001"},
		"telephoneNumber eq '442079460001'":                                       {"+442079460001"},
		"telephoneNumber eq '+440000000000'":                                      {},
		"assignmentTargetId eq '" + anna + "'":                                    {"+442079460001"},
		"assignmentTargetId eq '" + strings.ToUpper(anna) + "'":                   {"+442079460001"},
		"assignmentTargetId eq 'nobody'":                                          {},
		"numberType eq 'OperatorConnect'":                                         {"+442079461000"},
		"numberSource eq 'onPremises'":                                            {"+442079460999"},
		"assignmentStatus eq 'userAssigned' and numberType eq 'callingPlan'":      {"+18005550100"},
		"isoCountryCode eq 'FR' or telephoneNumber in ('+18005550101')":           {"+18005550101", "+33142685301"},
		"capabilities/any(c:c eq 'conferenceAssignment')":                         {},
		"startswith(telephoneNumber,'+3314') and assignmentCategory eq 'primary'": {"+33142685301"},
	} {
		assert.Equal(t, want, s.listNumbers(filter).names("telephoneNumber"), filter)
	}
	free := s.listNumbers("assignmentStatus eq 'unassigned' and capabilities/any(c:c eq 'userAssignment')")
	assert.Len(t, free.value(), 34-8)
	s.do("GET", numbers+"?$filter=city%20eq%20'x'", nil).refused(400, "Request_UnsupportedQuery", "city")
	unescapedPlus := s.get(numbers + "?$filter=telephoneNumber%20eq%20'+442079460001'")
	assert.Empty(t, unescapedPlus.value(), "a plus sign in a query is a space")
}

func TestNumbersArePaged(t *testing.T) {
	s := newSim(t, nil)
	var seen []string
	for link := numbers + "?$top=10&$skip=4"; link != ""; {
		a := s.get(link)
		seen = append(seen, a.names("telephoneNumber")...)
		link, _ = a.json["@odata.nextLink"].(string)
	}
	assert.Len(t, seen, 30)
	s.do("GET", numbers+"?$top=1001", nil).refused(400, "Request_UnsupportedQuery", "1000")
	s.do("GET", numbers+"?$skip=-1", nil).refused(400, "BadRequest", "$skip")
}

func TestNumberIsReadByID(t *testing.T) {
	s := newSim(t, nil)
	listed := s.number("+18005550100")
	body := s.get(numbers + "/" + listed["id"].(string)).json
	delete(body, "@odata.context")
	assert.Equal(t, listed, body)
	assert.Equal(t, "userAssigned", body["assignmentStatus"])
	assert.Equal(t, s.idOf("kevin.king"), body["assignmentTargetId"])
	assert.NotNil(t, body["locationId"])
	s.do("GET", numbers+"/nothing", nil).refused(404, "NotFound", "nothing")
}

func TestAssigningTakesItsTimeAndTurnsVoiceOn(t *testing.T) {
	s := newSim(t, nil)
	emma := s.idOf("emma.evans")
	a := s.order("assignNumber", assignment("+442079460007", emma, "directRouting"))
	require.Equal(t, 202, a.status, string(a.raw))
	assert.Empty(t, a.raw)
	location := a.header.Get("Location")
	assert.True(t, strings.HasPrefix(location, s.url+"/v1.0"+operations+"('"), location)
	id := strings.TrimSuffix(location[strings.Index(location, "('")+2:], "')")

	steps := []struct {
		advance      time.Duration
		status       string
		activation   string
		enterprise   bool
		assignedYet  bool
		numberStatus string
	}{
		{0, "notStarted", "assignmentPending", false, false, "unassigned"},
		{100 * time.Millisecond, "running", "assignmentPending", false, false, "unassigned"},
		{199 * time.Millisecond, "running", "assignmentPending", false, false, "unassigned"},
		{time.Millisecond, "succeeded", "activated", true, true, "userAssigned"},
	}
	for _, step := range steps {
		s.clock.Advance(step.advance)
		for _, path := range []string{location, operations + "/" + id, operations + "('" + id + "')"} {
			op := s.get(path).json
			assert.Equal(t, step.status, op["status"])
			assert.Equal(t, step.status, op["numbers"].([]any)[0].(object)["status"])
			assert.Nil(t, op["numbers"].([]any)[0].(object)["statusDetail"])
		}
		number := s.number("+442079460007")
		assert.Equal(t, step.activation, number["activationState"])
		assert.Equal(t, step.numberStatus, number["assignmentStatus"])
		configuration := s.configuration("emma.evans")
		assert.Equal(t, step.enterprise, configuration["isEnterpriseVoiceEnabled"])
		if step.assignedYet {
			assert.Equal(t, []any{object{"telephoneNumber": "+442079460007", "assignmentCategory": "primary"}}, configuration["telephoneNumbers"])
		} else {
			assert.Empty(t, configuration["telephoneNumbers"])
		}
	}
	s.do("GET", operations+"/none", nil).refused(404, "NotFound", "none")
}

func TestUnassigningTurnsVoiceOff(t *testing.T) {
	s := newSim(t, nil)
	op := s.operate("unassignNumber", object{"telephoneNumber": "442079460001", "numberType": "directRouting"})
	assert.Equal(t, "succeeded", op["status"])
	assert.Nil(t, s.number("+442079460001")["assignmentTargetId"])
	assert.Equal(t, false, s.configuration("anna.archer")["isEnterpriseVoiceEnabled"])
	assert.Empty(t, s.configuration("anna.archer")["telephoneNumbers"])
	op = s.operate("unassignNumber", object{"telephoneNumber": "+442079460001", "numberType": "directRouting"})
	assert.Equal(t, "succeeded", op["status"], "detaching what nobody holds is no failure")
}

func TestVoiceStaysWhileAnotherNumberRemains(t *testing.T) {
	s := newSim(t, nil)
	second := assignment("+442079460008", s.idOf("anna.archer"), "directRouting")
	second["assignmentCategory"] = "alternate"
	require.Equal(t, "succeeded", s.operate("assignNumber", second)["status"])
	assert.Len(t, s.configuration("anna.archer")["telephoneNumbers"], 2)
	s.operate("unassignNumber", object{"telephoneNumber": "+442079460001"})
	assert.Equal(t, true, s.configuration("anna.archer")["isEnterpriseVoiceEnabled"])
	state := s.tenant.State()
	require.NoError(t, s.tenant.SetState(state))
	assert.Equal(t, state, s.tenant.State())
}

func TestNumberOrdersAreRefused(t *testing.T) {
	s := newSim(t, nil)
	emma, anna := s.idOf("emma.evans"), s.idOf("anna.archer")
	fresh := s.idOf("laura.lewis")
	require.Equal(t, 200, s.assign("laura.lewis", license([]object{add(s.skuID("SPE_E5"))})).status)
	category := assignment("+442079460010", emma, "directRouting")
	category["assignmentCategory"] = "shared"
	private := assignment("+442079460010", anna, "directRouting")
	private["assignmentCategory"] = "private"
	require.Equal(t, "succeeded", s.operate("assignNumber", private)["status"])
	private["telephoneNumber"] = "+442079460011"
	before := s.tenant.State()
	for _, test := range []struct {
		name, action string
		body         object
		message      string
	}{
		{"no number", "assignNumber", object{"assignmentTargetId": emma, "numberType": "directRouting"}, "'telephoneNumber'"},
		{"no target", "assignNumber", object{"telephoneNumber": "+442079460010", "numberType": "directRouting"}, "'assignmentTargetId'"},
		{"no type", "assignNumber", object{"telephoneNumber": "+442079460010", "assignmentTargetId": emma}, "'numberType'"},
		{"not a number", "assignNumber", assignment("020 7946", emma, "directRouting"), "is not a valid E.164 number"},
		{"invalid type", "assignNumber", assignment("+442079460010", emma, "pigeon"), "'pigeon'"},
		{"invalid category", "assignNumber", category, "'shared'"},
		{"number not in tenant", "assignNumber", assignment("+442079469999", emma, "directRouting"), "Telephone Number '+442079469999' is not found from tenant '"},
		{"other type", "assignNumber", assignment("+442079460010", emma, "callingPlan"), "is not of type 'callingPlan'"},
		{"on-premises number", "assignNumber", assignment("+442079460999", emma, "directRouting"), "synchronized from on-premises"},
		{"user not in directory", "assignNumber", assignment("+442079460010", "nobody", "directRouting"), "The user 'nobody' is not found"},
		{"user not yet in Teams", "assignNumber", assignment("+442079460010", fresh, "directRouting"), "The user '" + fresh + "' is not found"},
		{"held by another", "assignNumber", assignment("+442079460001", emma, "directRouting"), "has already been assigned to another user"},
		{"second primary", "assignNumber", assignment("+442079460012", anna, "directRouting"), "already has a primary telephone number assigned"},
		{"second private", "assignNumber", private, "already has a private telephone number assigned"},
		{"unassign without number", "unassignNumber", object{"numberType": "directRouting"}, "'telephoneNumber'"},
		{"unassign unknown", "unassignNumber", object{"telephoneNumber": "+442079469999"}, "is not found from tenant"},
		{"unassign other type", "unassignNumber", object{"telephoneNumber": "+442079460001", "numberType": "callingPlan"}, "is not of type"},
		{"unassign on-premises", "unassignNumber", object{"telephoneNumber": "+442079460999"}, "synchronized from on-premises"},
		{"update without number", "updateNumber", object{}, "'telephoneNumber'"},
		{"update unknown", "updateNumber", object{"telephoneNumber": "+442079469999"}, "is not found from tenant"},
		{"update lookup", "updateNumber", object{"telephoneNumber": "+442079460001", "reverseNumberLookupOptions": []string{"x"}}, "'x'"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := s.order(test.action, test.body)
			a.t = t
			a.refused(400, "BadRequest", test.message)
		})
	}
	assert.Equal(t, before, s.tenant.State())
}

func TestNumberNeedsAPhoneLicense(t *testing.T) {
	s := newSim(t, nil)
	op := s.operate("assignNumber", assignment("+442079460010", s.idOf("laura.lewis"), "directRouting"))
	assert.Equal(t, "failed", op["status"])
	detail := op["numbers"].([]any)[0].(object)["statusDetail"]
	assert.Equal(t, "User '"+s.idOf("laura.lewis")+"' lacks appropriate licenses to assign a 'DirectRouting' number", detail)
	assert.Equal(t, "assignmentFailed", s.number("+442079460010")["activationState"])

	op = s.operate("assignNumber", assignment("+442079460010", s.idOf("oliver.owen"), "directRouting"))
	assert.Equal(t, "succeeded", op["status"])
	assert.Equal(t, "activated", s.number("+442079460010")["activationState"])
}

func TestRacingOrdersAreDecidedWhenTheWorkIsDone(t *testing.T) {
	s := newSim(t, nil)
	first := s.order("assignNumber", assignment("+442079460010", s.idOf("emma.evans"), "directRouting"))
	second := s.order("assignNumber", assignment("+442079460010", s.idOf("oliver.owen"), "directRouting"))
	require.Equal(t, []int{202, 202}, []int{first.status, second.status})
	s.clock.Advance(time.Second)
	assert.Equal(t, "succeeded", s.get(first.header.Get("Location")).json["status"])
	failed := s.get(second.header.Get("Location")).json
	assert.Equal(t, "failed", failed["status"])
	assert.Equal(t, s.idOf("emma.evans"), s.number("+442079460010")["assignmentTargetId"])
}

func TestAssigningAgainToTheHolderSucceeds(t *testing.T) {
	s := newSim(t, nil)
	op := s.operate("assignNumber", assignment("+442079460001", s.idOf("anna.archer"), "directRouting"))
	assert.Equal(t, "succeeded", op["status"])
	assert.Len(t, s.configuration("anna.archer")["telephoneNumbers"], 1)
}

func TestLosingThePhoneLicenseLeavesTheNumberStuck(t *testing.T) {
	s := newSim(t, nil)
	e5, e3 := s.skuID("SPE_E5"), s.skuID("SPE_E3")
	require.Equal(t, 200, s.assign("anna.archer", license([]object{add(e3)}, e5)).status)
	s.clock.Advance(time.Minute)
	assert.Equal(t, s.idOf("anna.archer"), s.number("+442079460001")["assignmentTargetId"])
	op := s.operate("unassignNumber", object{"telephoneNumber": "+442079460001"})
	assert.Equal(t, "failed", op["status"])
	assert.Contains(t, op["numbers"].([]any)[0].(object)["statusDetail"], "lacks appropriate licenses")
	assert.Equal(t, true, s.configuration("anna.archer")["isEnterpriseVoiceEnabled"])

	require.Equal(t, 200, s.assign("anna.archer", license([]object{add(e5)}, e3)).status)
	assert.Equal(t, "succeeded", s.operate("unassignNumber", object{"telephoneNumber": "+442079460001"})["status"])
}

func TestUpdateNumberKeepsWhatIsNotNamed(t *testing.T) {
	s := newSim(t, nil)
	before := s.number("+18005550100")
	a := s.order("microsoft.graph.teamsAdministration.updateNumber", object{"telephoneNumber": "+18005550100", "networkSiteId": "site", "reverseNumberLookupOptions": []string{"skipInternalVoip"}})
	require.Equal(t, 200, a.status, string(a.raw))
	after := s.number("+18005550100")
	assert.Equal(t, before["locationId"], after["locationId"])
	assert.Equal(t, "site", after["networkSiteId"])
	assert.Equal(t, []any{"skipInternalVoip"}, after["reverseNumberLookupOptions"])
	s.order("updateNumber", object{"telephoneNumber": "+18005550100", "locationId": "", "networkSiteId": nil})
	after = s.number("+18005550100")
	assert.Nil(t, after["locationId"])
	assert.Equal(t, "site", after["networkSiteId"])
}

func TestQualifiedActionNamesAreTheSame(t *testing.T) {
	s := newSim(t, nil)
	op := s.operate("microsoft.graph.teamsAdministration.unassignNumber", object{"telephoneNumber": "+442079460001"})
	assert.Equal(t, "succeeded", op["status"])
	op = s.operate("microsoft.graph.teamsAdministration.assignNumber", assignment("+442079460001", s.idOf("emma.evans"), "directRouting"))
	assert.Equal(t, "succeeded", op["status"])
	journal := s.tenant.Journal()
	var actions []string
	for _, entry := range journal {
		if entry.Write {
			actions = append(actions, entry.Path)
		}
	}
	assert.Equal(t, []string{"/v1.0" + numbers + "/unassignNumber", "/v1.0" + numbers + "/assignNumber"}, actions)
}

func TestTeamsKnowsWhoeverHoldsItsLicense(t *testing.T) {
	s := newSim(t, nil)
	laura := configurations + "/" + s.idOf("laura.lewis")
	s.do("GET", laura, nil).refused(404, "NotFound", "is not found")
	require.Equal(t, 200, s.assign("laura.lewis", license([]object{add(s.skuID("SPE_E5"))})).status)
	s.clock.Advance(1499 * time.Millisecond)
	s.do("GET", laura, nil).refused(404, "NotFound", "is not found")
	s.clock.Advance(time.Millisecond)
	body := s.get(laura).json
	assert.Equal(t, []any{"Teams", "PhoneSystem", "AudioConferencing"}, body["featureTypes"])
	assert.Equal(t, "user", body["accountType"])
	require.Equal(t, 200, s.assign("laura.lewis", license(nil, s.skuID("SPE_E5"))).status)
	s.get(laura)
	s.clock.Advance(1500 * time.Millisecond)
	s.do("GET", laura, nil).refused(404, "NotFound", "is not found")
}

func TestConfigurationsArePagedAndFiltered(t *testing.T) {
	s := newSim(t, nil)
	var pages []int
	for link := configurations + "?$top=5&$select=userPrincipalName"; link != ""; {
		a := s.get(link)
		pages = append(pages, len(a.value()))
		link, _ = a.json["@odata.nextLink"].(string)
	}
	assert.Equal(t, []int{5, 5, 1}, pages)
	a := s.get(configurations + "?$filter=" + url.QueryEscape("isEnterpriseVoiceEnabled eq false"))
	assert.Equal(t, []string{"emma.evans@contoso.example", "grace.green@contoso.example", "oliver.owen@contoso.example"}, a.names("userPrincipalName"))
	a = s.get(configurations + "?$filter=" + url.QueryEscape("telephoneNumbers/any(n:n/telephoneNumber eq '+442079460001')"))
	assert.Equal(t, []string{"anna.archer@contoso.example"}, a.names("userPrincipalName"))
}

func (s *sim) policyID(kind, name string) string {
	s.t.Helper()
	value := s.get("/admin/teams/policy/getPolicyId(type='" + kind + "',name='" + url.PathEscape(name) + "')").value()
	require.Len(s.t, value, 1)
	return value[0]["policyId"].(string)
}

func (s *sim) policies(user string) map[string]string {
	s.t.Helper()
	list := map[string]string{}
	for _, entry := range s.configuration(user)["effectivePolicyAssignments"].([]any) {
		assigned := entry.(object)["policyAssignment"].(object)
		assert.Equal(s.t, "direct", assigned["assignmentType"])
		list[entry.(object)["policyType"].(string)] = assigned["displayName"].(string)
	}
	return list
}

func TestPoliciesAreAssignedAndUnassigned(t *testing.T) {
	s := newSim(t, nil)
	const path = "/admin/teams/policy/userAssignments/"
	id := s.idOf("emma.evans")
	assign := func(kind, policy string) answer {
		return s.do("POST", path+"assign", object{"value": []object{{
			"@odata.type": "#microsoft.graph.teamsAdministration.teamsPolicyUserAssignment", "userId": id, "policyType": kind, "policyId": policy,
		}}})
	}
	for range 2 {
		a := assign("teamsCallingPolicy", s.policyID("TeamsCallingPolicy", "NoForwarding"))
		require.Equal(t, 204, a.status, string(a.raw))
		assert.Empty(t, a.raw)
	}
	require.Equal(t, 204, assign("TenantDialPlan", s.policyID("TenantDialPlan", "UK-Dialplan")).status)
	assert.Equal(t, map[string]string{"TeamsCallingPolicy": "NoForwarding", "TenantDialPlan": "UK-Dialplan"}, s.policies("emma.evans"))
	for range 2 {
		a := s.do("POST", path+"unassign", object{"value": []object{{"userId": id, "policyType": "TenantDialPlan"}}})
		require.Equal(t, 204, a.status, string(a.raw))
	}
	assert.Equal(t, map[string]string{"TeamsCallingPolicy": "NoForwarding"}, s.policies("emma.evans"))
	assert.Len(t, s.policies("anna.archer"), 4, "nobody else is touched")
	require.Equal(t, 204, s.do("POST", path+"unassign", object{"value": []object{{"userId": s.idOf("ben.baker"), "policyType": "TenantDialPlan"}}}).status)
	assert.Len(t, s.policies("anna.archer"), 4)

	assign("TeamsCallingPolicy", "nothing").refused(400, "BadRequest", "'nothing'")
	assign("TenantDialPlan", s.policyID("TeamsCallingPolicy", "AllOn")).refused(400, "BadRequest", "is not found")
	assign("NoSuchPolicy", "x").refused(400, "BadRequest", "NoSuchPolicy")
	id = s.idOf("laura.lewis")
	assign("TenantDialPlan", s.policyID("TenantDialPlan", "UK-Dialplan")).refused(404, "NotFound", "is not found")
	s.do("POST", path+"assign", object{}).refused(400, "BadRequest", "'value'")
}

func TestPolicyIDs(t *testing.T) {
	s := newSim(t, nil)
	const call = "/admin/teams/policy/getPolicyId"
	first := s.get(call + "(type='TeamsCallingPolicy',name='AllOn')").value()
	assert.Equal(t, "Tag:AllOn", first[0]["name"])
	for _, other := range []string{"(name='Tag:AllOn',type='teamsCallingPolicy')", "(type=%27TeamsCallingPolicy%27,%20name=%27allon%27)"} {
		assert.Equal(t, first, s.get(call+other).value(), other)
	}
	assert.Equal(t, first, s.get("/admin/teams/policy/microsoft.graph.teamsAdministration.getPolicyId(type='TeamsCallingPolicy',name='AllOn')").value())
	assert.Empty(t, s.get(call+"(type='TeamsCallingPolicy',name='O''Brien')").value())
	s.do("GET", call+"(type='NoSuchPolicy',name='x')", nil).refused(400, "BadRequest", "NoSuchPolicy")
	s.do("GET", call+"(type='TeamsCallingPolicy')", nil).refused(400, "BadRequest", "'name'")
}

func TestTeamsRefusesInItsOwnWords(t *testing.T) {
	for _, test := range []struct{ method, path, needs string }{
		{"GET", numbers, "TeamsTelephoneNumber.Read.All, TeamsTelephoneNumber.ReadWrite.All"},
		{"POST", numbers + "/assignNumber", "TeamsTelephoneNumber.ReadWrite.All"},
		{"POST", numbers + "/unassignNumber", "TeamsTelephoneNumber.ReadWrite.All"},
		{"POST", numbers + "/updateNumber", "TeamsTelephoneNumber.ReadWrite.All"},
		{"GET", operations + "/x", "TeamsTelephoneNumber.Read.All, TeamsTelephoneNumber.ReadWrite.All"},
		{"GET", configurations, "TeamsUserConfiguration.Read.All"},
		{"GET", configurations + "/x", "TeamsUserConfiguration.Read.All"},
		{"GET", "/admin/teams/policy/getPolicyId(type='a',name='b')", "TeamsPolicyUserAssign.ReadWrite.All"},
		{"POST", "/admin/teams/policy/userAssignments/assign", "TeamsPolicyUserAssign.ReadWrite.All"},
		{"POST", "/admin/teams/policy/userAssignments/unassign", "TeamsPolicyUserAssign.ReadWrite.All"},
	} {
		t.Run(test.method+" "+test.path, func(t *testing.T) {
			s := newSim(t, &graphsim.State{Permissions: []string{"User.Read.All", "Group.Read.All"}})
			s.do(test.method, test.path, nil).refused(403, "Forbidden",
				"Missing role permissions on the request. API requires one of '"+test.needs+"'. Roles on the request 'User.Read.All, Group.Read.All'.")
		})
	}
}
