package graphsim_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/graphsim"
)

type object = map[string]any

func add(sku string, disabled ...string) object {
	if disabled == nil {
		disabled = []string{}
	}
	return object{"skuId": sku, "disabledPlans": disabled}
}

func license(added []object, removed ...string) object {
	if added == nil {
		added = []object{}
	}
	if removed == nil {
		removed = []string{}
	}
	return object{"addLicenses": added, "removeLicenses": removed}
}

func (s *sim) assign(user string, body any) answer {
	s.t.Helper()
	return s.do("POST", "/users/"+user+"@contoso.example/assignLicense", body)
}

const (
	planMCOSTANDARD = "0feaeb32-d00e-4d66-bd5a-43b5b83db82c"
	planMCOEV       = "4828c8ec-dc2e-4779-b502-87ac9ce28ab7"
	planYammer      = "7547a3fe-08ee-4ccb-b430-5077c5041653"
)

func TestAssignLicenseErrors(t *testing.T) {
	full := graphsim.DefaultState()
	for i := range full.SKUs {
		if full.SKUs[i].PartNumber == "SPE_E3" {
			full.SKUs[i].Enabled = 4
		}
	}
	s := newSim(t, &full)
	e3, e5, phone, mail := s.skuID("SPE_E3"), s.skuID("SPE_E5"), s.skuID("MCOEV"), s.skuID("EXCHANGESTANDARD")
	const unknown = "11111111-2222-4333-8444-555555555555"
	for _, test := range []struct {
		name, user    string
		body          any
		status        int
		code, message string
	}{
		{"addLicenses missing", "emma.evans", object{"removeLicenses": []string{}}, 400, "Request_BadRequest", "One or more parameters of the operation 'assignLicense' are missing from the request payload. The missing parameters are: addLicenses."},
		{"removeLicenses missing", "emma.evans", object{"addLicenses": []string{}}, 400, "Request_BadRequest", "The missing parameters are: removeLicenses."},
		{"null counts as missing", "emma.evans", object{"addLicenses": nil, "removeLicenses": []string{}}, 400, "Request_BadRequest", "The missing parameters are: addLicenses."},
		{"user missing", "nobody", license(nil), 404, "Request_ResourceNotFound", "Resource 'nobody@contoso.example' does not exist"},
		{"sku to add not in tenant", "emma.evans", license([]object{add(unknown)}), 400, "Request_BadRequest", "License " + unknown + " does not correspond to a valid company License."},
		{"sku to remove not in tenant", "emma.evans", license(nil, unknown), 400, "Request_BadRequest", "License " + unknown + " does not correspond to a valid company License."},
		{"no units left", "laura.lewis", license([]object{add(e3)}), 400, "Request_BadRequest", "Subscription with SKU " + e3 + " does not have any available licenses."},
		{"no usage location", "mark.moore", license([]object{add(e5)}), 400, "Request_BadRequest", "License assignment cannot be done for user with invalid usage location."},
		{"dependency", "laura.lewis", license([]object{add(phone)}), 400, "Request_BadRequest", "License assignment failed because service plan " + planMCOEV + " depends on the service plan(s) " + planMCOSTANDARD},
		{"dependency by disabled plan", "laura.lewis", license([]object{add(e5, planMCOSTANDARD)}), 400, "Request_BadRequest", "depends on the service plan(s) " + planMCOSTANDARD},
		{"dependency by removal", "kevin.king", license(nil, e5), 400, "Request_BadRequest", "depends on the service plan(s) " + planMCOEV},
		{"mutually exclusive", "emma.evans", license([]object{add(mail)}), 400, "Request_BadRequest", "are mutually exclusive."},
		{"remove not held", "emma.evans", license(nil, phone), 400, "Request_BadRequest", "User does not have a corresponding license."},
		{"remove inherited", "ben.baker", license(nil, e3), 400, "Request_BadRequest", "User license is inherited from a group membership and it cannot be removed directly from the user."},
		{"same sku added and removed", "emma.evans", license([]object{add(e5)}, e5), 400, "Request_BadRequest", "more than once"},
		{"same sku twice", "laura.lewis", license([]object{add(e5), add(e5)}), 400, "Request_BadRequest", "more than once"},
		{"unknown disabled plan", "laura.lewis", license([]object{add(e5, unknown)}), 400, "Request_BadRequest", unknown},
		{"all or nothing", "emma.evans", license([]object{add(phone)}, mail), 400, "Request_BadRequest", "does not have a corresponding license"},
		{"empty body", "emma.evans", "", 400, "BadRequest", "Payload"},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := s.tenant.State()
			a := s.assign(test.user, test.body)
			a.t = t
			a.refused(test.status, test.code, test.message)
			assert.Equal(t, before, s.tenant.State(), "a refused call changes nothing")
		})
	}
	s.tenant.SetPermissions("User.Read.All")
	s.assign("emma.evans", license(nil)).refused(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
}

func TestAssignLicenseIsAtomicAndCountsUnits(t *testing.T) {
	s := newSim(t, nil)
	e3, e5, phone := s.skuID("SPE_E3"), s.skuID("SPE_E5"), s.skuID("MCOEV")
	used3, used5 := s.consumed("SPE_E3"), s.consumed("SPE_E5")

	a := s.assign("emma.evans", license([]object{add(e3), add(phone)}, e5))
	require.Equal(t, 200, a.status, string(a.raw))
	assert.Equal(t, "Emma Evans", a.json["displayName"])
	assert.Len(t, a.json["assignedLicenses"], 2)
	assert.Equal(t, []string{"SPE_E3 direct Active", "MCOEV direct Active"}, s.licenses("emma.evans@contoso.example"))
	assert.InDelta(t, used3+1, s.consumed("SPE_E3"), 0)
	assert.InDelta(t, used5-1, s.consumed("SPE_E5"), 0)

	require.Equal(t, 200, s.assign("emma.evans", license([]object{add(e3)})).status, "adding what is held is no error")
	assert.InDelta(t, used3+1, s.consumed("SPE_E3"), 0)
	require.Equal(t, 200, s.assign("emma.evans", license(nil, e3, phone)).status)
	assert.Empty(t, s.licenses("emma.evans@contoso.example"))
	assert.InDelta(t, used3, s.consumed("SPE_E3"), 0)
	require.Equal(t, 200, s.assign("emma.evans", license(nil)).status)
}

func TestDisabledPlansAreReplacedAndUnited(t *testing.T) {
	s := newSim(t, nil)
	e3, e5 := s.skuID("SPE_E3"), s.skuID("SPE_E5")
	disabled := func(user, sku string) []any {
		for _, l := range s.get("/users/" + user + "@contoso.example?$select=assignedLicenses").json["assignedLicenses"].([]any) {
			if entry := l.(object); entry["skuId"] == sku {
				return entry["disabledPlans"].([]any)
			}
		}
		return nil
	}
	assert.Equal(t, []any{planYammer}, disabled("oliver.owen", e5))
	require.Equal(t, 200, s.assign("oliver.owen", license([]object{add(e5)})).status)
	assert.Equal(t, []any{}, disabled("oliver.owen", e5))

	require.Equal(t, 200, s.assign("ben.baker", license([]object{add(e3, planYammer)})).status)
	assert.Equal(t, []any{}, disabled("ben.baker", e3), "the group's license still enables the plan")
	assert.Equal(t, []string{"MCOEV direct Active", "SPE_E3 direct Active", "SPE_E3 License E3 Active"}, s.licenses("ben.baker@contoso.example"))
}

func TestDirectAndInheritedTakeOneUnit(t *testing.T) {
	s := newSim(t, nil)
	e3 := s.skuID("SPE_E3")
	used := s.consumed("SPE_E3")
	require.Equal(t, 200, s.assign("ben.baker", license([]object{add(e3)})).status)
	assert.InDelta(t, used, s.consumed("SPE_E3"), 0)
	require.Equal(t, 200, s.assign("ben.baker", license(nil, e3)).status, "the direct one can be removed")
	assert.InDelta(t, used, s.consumed("SPE_E3"), 0)
}

func (s *sim) join(group, user string) {
	s.t.Helper()
	a := s.do("POST", "/groups/"+s.groupID(group)+"/members/$ref", object{"@odata.id": s.url + "/v1.0/directoryObjects/" + s.idOf(user)})
	require.Equal(s.t, 204, a.status, string(a.raw))
}

func (s *sim) leave(group, user string) {
	s.t.Helper()
	a := s.do("DELETE", "/groups/"+s.groupID(group)+"/members/"+s.idOf(user)+"/$ref", nil)
	require.Equal(s.t, 204, a.status, string(a.raw))
}

func (s *sim) processing(group string) string {
	s.t.Helper()
	state, _ := s.get("/groups/" + s.groupID(group) + "?$select=licenseProcessingState").json["licenseProcessingState"].(object)
	text, _ := state["state"].(string)
	return text
}

func TestGroupLicensesFollowMembershipLater(t *testing.T) {
	s := newSim(t, nil)
	const mark = "mark.moore@contoso.example"
	s.join("License E3", "mark.moore")
	assert.Empty(t, s.licenses(mark))
	assert.Equal(t, "QueuedForProcessing", s.processing("License E3"))
	s.clock.Advance(1499 * time.Millisecond)
	assert.Empty(t, s.licenses(mark))
	s.clock.Advance(time.Millisecond)
	assert.Equal(t, []string{"SPE_E3 License E3 Active"}, s.licenses(mark), "no usage location is no obstacle for a group")
	assert.Equal(t, "ProcessingComplete", s.processing("License E3"))

	s.leave("License E3", "mark.moore")
	assert.Len(t, s.licenses(mark), 1)
	s.clock.Advance(1500 * time.Millisecond)
	assert.Empty(t, s.licenses(mark))
	assert.Empty(t, s.processing("All Staff"))
}

func TestLeavingBeforeProcessingLeavesNothing(t *testing.T) {
	s := newSim(t, nil)
	s.join("License E3", "mark.moore")
	s.clock.Advance(time.Second)
	s.leave("License E3", "mark.moore")
	s.clock.Advance(time.Second)
	assert.Empty(t, s.licenses("mark.moore@contoso.example"))
	s.clock.Advance(time.Second)
	assert.Empty(t, s.licenses("mark.moore@contoso.example"))
}

func TestGroupLicenseFailuresAreRecordedOnTheUser(t *testing.T) {
	for _, test := range []struct {
		name, group, user string
		change            func(*graphsim.State)
		want              []string
		reprocess         string
	}{
		{
			name: "no units", group: "License E3", user: "laura.lewis",
			change:    func(s *graphsim.State) { s.SKUs[1].Enabled = 4 },
			want:      []string{"SPE_E3 License E3 Error CountViolation"},
			reprocess: "does not have any available licenses",
		},
		{
			name: "dependency", group: "License Phone", user: "laura.lewis",
			want:      []string{"MCOEV License Phone Error DependencyViolation"},
			reprocess: "depends on the service plan(s) " + planMCOSTANDARD,
		},
		{
			name: "mutually exclusive", group: "License E3", user: "svc-backup",
			want:      []string{"EXCHANGESTANDARD direct Active", "SPE_E3 License E3 Error MutuallyExclusiveViolation"},
			reprocess: "are mutually exclusive",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			state := graphsim.DefaultState()
			if test.change != nil {
				test.change(&state)
			}
			s := newSim(t, &state)
			s.join(test.group, test.user)
			s.clock.Advance(2 * time.Second)
			assert.Equal(t, test.want, s.licenses(test.user+"@contoso.example"))
			body := s.get("/groups/" + s.groupID(test.group) + "?$select=hasMembersWithLicenseErrors").json
			assert.Equal(t, true, body["hasMembersWithLicenseErrors"])
			failing := s.get("/groups/" + s.groupID(test.group) + "/membersWithLicenseErrors")
			assert.Equal(t, []string{s.idOf(test.user)}, failing.names("id"))
			assert.Equal(t, []string{"#microsoft.graph.user"}, failing.names("@odata.type"))
			s.do("POST", "/users/"+test.user+"@contoso.example/reprocessLicenseAssignment", nil).refused(400, "Request_BadRequest", test.reprocess)
		})
	}
}

func TestReprocessGivesWhatIsPossibleNow(t *testing.T) {
	s := newSim(t, nil)
	const laura = "laura.lewis@contoso.example"
	s.join("License Phone", "laura.lewis")
	s.clock.Advance(2 * time.Second)
	require.Equal(t, 200, s.assign("laura.lewis", license([]object{add(s.skuID("SPE_E3"))})).status)
	assert.Contains(t, s.licenses(laura), "MCOEV License Phone Error DependencyViolation")
	for range 2 {
		a := s.do("POST", "/users/"+laura+"/reprocessLicenseAssignment", nil)
		require.Equal(t, 200, a.status, string(a.raw))
	}
	assert.Equal(t, []string{"SPE_E3 direct Active", "MCOEV License Phone Active"}, s.licenses(laura))
}

func TestDependentGroupsMayBeJoinedInAnyOrder(t *testing.T) {
	s := newSim(t, nil)
	s.join("License Phone", "laura.lewis")
	s.join("License E3", "laura.lewis")
	s.clock.Advance(1500 * time.Millisecond)
	assert.ElementsMatch(t, []string{"SPE_E3 License E3 Active", "MCOEV License Phone Active"}, s.licenses("laura.lewis@contoso.example"))
}

func TestLicenseDetails(t *testing.T) {
	s := newSim(t, nil)
	a := s.get("/users/chloe.clark@contoso.example/licenseDetails")
	assert.ElementsMatch(t, []string{"SPE_E3", "MCOEV"}, a.names("skuPartNumber"))
	plans := s.get("/users/oliver.owen@contoso.example/licenseDetails").value()[0]["servicePlans"].([]any)
	status := map[string]any{}
	for _, p := range plans {
		status[p.(object)["servicePlanName"].(string)] = p.(object)["provisioningStatus"]
	}
	assert.Equal(t, "Disabled", status["YAMMER_ENTERPRISE"])
	assert.Equal(t, "Success", status["TEAMS1"])

	for user, want := range map[string]bool{"anna.archer": true, "laura.lewis": false} {
		for _, function := range []string{"getTeamsLicensingDetails()", "microsoft.graph.getTeamsLicensingDetails()", "getTeamsLicensingDetails"} {
			body := s.get("/users/" + user + "@contoso.example/licenseDetails/" + function).json
			assert.Equal(t, want, body["hasTeamsLicense"], "%s %s", user, function)
		}
	}
}

func TestSubscribedSKUs(t *testing.T) {
	s := newSim(t, nil)
	first := s.get("/subscribedSkus").value()[0]
	assert.Equal(t, "SPE_E5", first["skuPartNumber"])
	assert.InDelta(t, 7, first["consumedUnits"], 0)
	assert.Equal(t, object{"enabled": 250.0, "suspended": 0.0, "warning": 0.0, "lockedOut": 0.0}, first["prepaidUnits"])
	assert.Equal(t, "SPE_E5", s.get("/subscribedSkus/" + first["id"].(string)).json["skuPartNumber"])
	assert.Equal(t, object{"skuId": first["skuId"]}, s.get("/subscribedSkus?$select=skuId").value()[0])
	s.do("GET", "/subscribedSkus?$filter=x", nil).refused(501, "NotImplemented", "$filter")
	for role, status := range map[string]int{"Organization.Read.All": 200, "LicenseAssignment.Read.All": 200, "User.Read.All": 403} {
		s.tenant.SetPermissions(role)
		assert.Equal(t, status, s.do("GET", "/subscribedSkus", nil).status, role)
	}
}
