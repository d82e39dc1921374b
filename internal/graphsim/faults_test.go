package graphsim_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/graphsim"
)

const emmaLicenses = "/users/emma.evans@contoso.example/assignLicense"

func TestFaultFields(t *testing.T) {
	s := newSim(t, nil)
	for _, test := range []struct {
		name  string
		fault object
		want  []int // status of consecutive requests, 0 a cut connection
		check func(t *testing.T, first answer)
	}{
		{"once by default", object{"status": 503}, []int{503, 200}, func(t *testing.T, a answer) {
			a.refused(503, "ServiceUnavailable", "Service is unavailable")
		}},
		{"times and retryAfter", object{"times": 3, "status": 429, "retryAfter": 2}, []int{429, 429, 429, 200}, func(t *testing.T, a answer) {
			assert.Equal(t, "2", a.header.Get("Retry-After"))
			a.refused(429, "TooManyRequests", "")
		}},
		{"concurrency", object{"status": 409}, []int{409, 200}, func(t *testing.T, a answer) {
			a.refused(409, "Directory_ConcurrencyViolation", "Error due to concurrent requests being made to the tenant. Please wait briefly and retry.")
		}},
		{"without end", object{"times": -1, "status": 500}, []int{500, 500, 500, 500}, nil},
		{"html body", object{"status": 502, "body": "<html>bad gateway</html>"}, []int{502, 200}, func(t *testing.T, a answer) {
			assert.Equal(t, "text/html", a.header.Get("Content-Type"))
			assert.Equal(t, "<html>bad gateway</html>", string(a.raw))
		}},
		{"own content type", object{"status": 400, "body": "{}", "contentType": "application/problem+json"}, []int{400, 200}, func(t *testing.T, a answer) {
			assert.Equal(t, "application/problem+json", a.header.Get("Content-Type"))
		}},
		{"unknown status", object{"status": 418}, []int{418, 200}, func(t *testing.T, a answer) { a.refused(418, "I'mateapot", "") }},
		{"reset", object{"times": 2, "reset": true}, []int{0, 0, 200}, nil},
		{"latency alone lets it pass", object{"latencyMs": 1}, []int{200, 200}, nil},
		{"other method", object{"method": "GET", "status": 500}, []int{200}, nil},
		{"any method", object{"method": "*", "status": 500}, []int{500, 200}, nil},
		{"other path", object{"path": "/v1.0/users/*", "status": 500}, []int{200}, nil},
		{"one segment", object{"path": "/v1.0/users/*/assignLicense", "status": 500}, []int{500, 200}, nil},
		{"part of a segment", object{"path": "/v1.0/users/emma*example/assign*", "status": 500}, []int{500, 200}, nil},
		{"part that isn't there", object{"path": "/v1.0/users/anna*/assign*", "status": 500}, []int{200}, nil},
		{"many segments", object{"path": "/v1.0/**", "status": 500}, []int{500, 200}, nil},
		{"pattern in beta and qualified", object{"path": "/beta/users/*/microsoft.graph.assignLicense", "status": 500}, []int{500, 200}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			s.tenant.ClearFaults()
			added := s.do("POST", "/_sim/faults", test.fault)
			require.Equal(t, 201, added.status, string(added.raw))
			for i, want := range test.want {
				s.tenant.ClearJournal()
				a, err := s.try("POST", emmaLicenses, license(nil))
				if want == 0 {
					require.Error(t, err)
				} else {
					require.NoError(t, err)
					assert.Equal(t, want, a.status, string(a.raw))
				}
				journal := s.tenant.Journal()
				require.Len(t, journal, 1)
				assert.Equal(t, want, journal[0].Status)
				assert.Equal(t, want == 200, journal[0].Committed)
				assert.Equal(t, want != 200 || test.name == "latency alone lets it pass" && i == 0, journal[0].Fault != nil)
				if i == 0 && test.check != nil {
					a.t = t
					test.check(t, a)
				}
			}
		})
	}
}

func TestFaultAfterCommitLosesTheAnswerNotTheWrite(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault graphsim.Fault
		want  int
	}{
		{"cut", graphsim.Fault{Method: "PATCH", AfterCommit: true}, 0},
		{"reset", graphsim.Fault{Method: "PATCH", AfterCommit: true, Reset: true}, 0},
		{"replaced", graphsim.Fault{Method: "PATCH", AfterCommit: true, Status: 504}, 504},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSim(t, nil)
			fault := s.tenant.AddFault(test.fault)
			a, err := s.try("PATCH", "/users/mark.moore@contoso.example", object{"usageLocation": "FR"})
			if test.want == 0 {
				require.Error(t, err)
			} else {
				require.NoError(t, err)
				assert.Equal(t, test.want, a.status)
			}
			entry := s.tenant.Journal()[0]
			assert.Equal(t, test.want, entry.Status)
			assert.True(t, entry.Committed)
			assert.Equal(t, fault.ID, *entry.Fault)
			assert.Equal(t, "FR", s.get("/users/mark.moore@contoso.example?$select=usageLocation").json["usageLocation"])
		})
	}
}

func TestFaultBeforeCommitKeepsTheWriteOut(t *testing.T) {
	s := newSim(t, nil)
	s.tenant.AddFault(graphsim.Fault{Method: "PATCH", Reset: true})
	_, err := s.try("PATCH", "/users/mark.moore@contoso.example", object{"usageLocation": "FR"})
	require.Error(t, err)
	assert.Nil(t, s.get("/users/mark.moore@contoso.example?$select=usageLocation").json["usageLocation"])
	assert.False(t, s.tenant.Journal()[0].Committed)
}

func TestFaultWithProbability(t *testing.T) {
	s := newSim(t, nil)
	s.settings(func(settings *graphsim.Settings) { settings.Throttle = nil })
	s.tenant.AddFault(graphsim.Fault{Status: 503, Probability: 0.3})
	failed := 0
	for range 500 {
		if s.do("GET", "/users/anna.archer@contoso.example", nil).status == 503 {
			failed++
		}
	}
	assert.InDelta(t, 150, failed, 40)
}

func TestLatencyPassesInRealTime(t *testing.T) {
	s := newSim(t, nil)
	s.settings(func(settings *graphsim.Settings) { settings.LatencyMs = 20 })
	began := time.Now()
	s.get("/users")
	assert.GreaterOrEqual(t, time.Since(began), 20*time.Millisecond)
	s.settings(func(settings *graphsim.Settings) { settings.LatencyMs = 0 })
	s.tenant.AddFault(graphsim.Fault{LatencyMs: 20})
	began = time.Now()
	s.get("/users")
	assert.GreaterOrEqual(t, time.Since(began), 20*time.Millisecond)
}

func TestFaultsAreListedAndCleared(t *testing.T) {
	s := newSim(t, nil)
	a := s.do("POST", "/_sim/faults", []object{{"status": 500, "times": 2}, {"status": 503}})
	require.Equal(t, 201, a.status, string(a.raw))
	s.do("GET", "/users", nil)
	listed := s.get("/_sim/faults").json["faults"].([]any)
	require.Len(t, listed, 2)
	assert.InDelta(t, 1, listed[0].(object)["times"], 0)
	assert.NotEqual(t, listed[0].(object)["id"], listed[1].(object)["id"])
	require.Equal(t, 204, s.do("DELETE", "/_sim/faults", nil).status)
	assert.Empty(t, s.tenant.Faults())
	s.get("/users")
}

func TestControlCallsAreRefused(t *testing.T) {
	s := newSim(t, nil)
	for _, test := range []struct {
		method, path string
		body         any
		message      string
	}{
		{"POST", "/faults", object{"stauts": 500}, "stauts"},
		{"POST", "/faults", object{"status": 42}, "42"},
		{"POST", "/faults", object{"status": 500, "probability": 2}, "probability"},
		{"POST", "/faults", []object{{"status": 42}}, "42"},
		{"PATCH", "/settings", object{"latency": 5}, "latency"},
		{"PATCH", "/settings", object{"latencyMs": -5}, "negative"},
		{"PUT", "/permissions", object{}, "roles"},
		{"PUT", "/state", "[]", "state"},
		{"PUT", "/state", object{"users": []object{{"userPrincipalName": "a"}, {"userPrincipalName": "A"}}}, "given twice"},
		{"PUT", "/state", object{"users": []object{{"userPrincipalName": "a", "directLicenses": []object{{"sku": "NONE"}}}}}, "no sku NONE"},
		{"PUT", "/state", object{"users": []object{{"userPrincipalName": "a", "policies": object{"TenantDialPlan": "x"}}}}, "no policy x"},
		{"PUT", "/state", object{"groups": []object{{"displayName": "g", "members": []string{"a"}}}}, "no user a"},
		{"PUT", "/state", object{"groups": []object{{"displayName": "g", "licenses": []string{"X"}}}}, "no sku X"},
		{"PUT", "/state", object{"groups": []object{{"displayName": "g", "kind": "odd"}}}, "odd"},
		{"PUT", "/state", object{"numbers": []object{{"telephoneNumber": "+1", "assignedTo": "a"}}}, "no user a"},
		{"PUT", "/state", object{"numbers": []object{{"telephoneNumber": "+1"}, {"telephoneNumber": "1"}}}, "given twice"},
		{"PUT", "/state", object{"skus": []object{{"skuPartNumber": "A"}, {"skuPartNumber": "a"}}}, "given twice"},
	} {
		before := s.tenant.State()
		a := s.do(test.method, "/_sim"+test.path, test.body)
		assert.Equal(t, 400, a.status, "%s %s %s", test.method, test.path, a.raw)
		assert.Contains(t, string(a.raw), test.message)
		assert.Equal(t, before, s.tenant.State())
	}
	assert.Equal(t, 404, s.do("GET", "/_sim/nothing", nil).status)
	assert.Equal(t, 404, s.do("POST", "/_sim/state", nil).status)
}

func TestJournal(t *testing.T) {
	s := newSim(t, nil)
	s.do("PATCH", "/beta/users/anna.archer%40contoso.example?x=%24y", `{"usageLocation" : "GB"}`)
	s.do("POST", "/users/emma.evans@contoso.example/microsoft.graph.assignLicense", "not json")
	s.get("/admin/teams/telephoneNumberManagement/numberAssignments")
	s.do("GET", operations+"('x')", nil)
	entries := s.get("/_sim/journal").json["requests"].([]any)
	require.Len(t, entries, 4)
	for i, want := range []object{
		{"seq": 1.0, "method": "PATCH", "path": "/v1.0/users/anna.archer@contoso.example", "query": "x=%24y", "body": object{"usageLocation": "GB"}, "status": 204.0, "write": true, "committed": true},
		{"seq": 2.0, "method": "POST", "path": "/v1.0/users/emma.evans@contoso.example/assignLicense", "query": "", "body": "not json", "status": 400.0, "write": true, "committed": false},
		{"seq": 3.0, "method": "GET", "path": "/v1.0/admin/teams/telephoneNumberManagement/numberAssignments", "query": "", "body": nil, "status": 200.0, "write": false, "committed": false},
		{"seq": 4.0, "method": "GET", "path": "/v1.0" + operations + "/x", "query": "", "body": nil, "status": 404.0, "write": false, "committed": false},
	} {
		entry := entries[i].(object)
		assert.Regexp(t, `^[0-9a-f-]{36}$`, entry["requestId"])
		want["requestId"], want["at"], want["fault"] = entry["requestId"], "2026-11-23T09:00:00Z", nil
		assert.Equal(t, want, entry)
	}
	require.Equal(t, 204, s.do("DELETE", "/_sim/journal", nil).status)
	assert.Equal(t, "{\"requests\":[]}\n", string(s.get("/_sim/journal").raw))
	s.get("/users")
	assert.Equal(t, uint64(5), s.tenant.Journal()[0].Seq)
	require.NoError(t, s.tenant.SetState(s.tenant.State()))
	assert.Len(t, s.tenant.Journal(), 1, "the journal outlives the state")
}

func TestSettings(t *testing.T) {
	s := newSim(t, nil)
	assert.JSONEq(t, `{"latencyMs":0,"readLagMs":0,"tokenSeconds":5,"groupLicensingDelayMs":1500,"numberOperationMs":300,
		"teamsProvisioningMs":1500,"throttle":{"writes":3000,"windowSeconds":150}}`, string(s.get("/_sim/settings").raw))
	a := s.do("PATCH", "/_sim/settings", object{"tokenSeconds": 60, "throttle": object{"writes": 5}})
	require.Equal(t, 200, a.status)
	settings := s.tenant.Settings()
	assert.Equal(t, 60, settings.TokenSeconds)
	assert.Equal(t, 300, settings.NumberOperationMs)
	assert.Equal(t, graphsim.Throttle{Writes: 5, WindowSeconds: 150}, *settings.Throttle)
	assert.Equal(t, 60, s.tenant.Token().ExpiresIn)
	require.Equal(t, 200, s.do("PATCH", "/_sim/settings", `{"throttle":null}`).status)
	assert.Nil(t, s.tenant.Settings().Throttle)
}

func TestStateRoundTrip(t *testing.T) {
	s := newSim(t, nil)
	raw := s.get("/_sim/state").raw
	require.Equal(t, 204, s.do("PUT", "/_sim/state", string(raw)).status)
	assert.JSONEq(t, string(raw), string(s.get("/_sim/state").raw))

	var generic map[string][]json.RawMessage
	require.NoError(t, json.Unmarshal(raw, &generic))
	assert.ElementsMatch(t, []string{"skus", "users", "groups", "numbers", "policies", "permissions"}, keys(generic))
	var mark object
	for _, u := range generic["users"] {
		var user object
		require.NoError(t, json.Unmarshal(u, &user))
		if user["userPrincipalName"] == "mark.moore@contoso.example" {
			mark = user
		}
	}
	id := mark["id"]
	assert.Equal(t, object{
		"id": id, "userPrincipalName": "mark.moore@contoso.example", "displayName": "Mark Moore", "givenName": "Mark", "surname": "Moore",
		"city": "Paris 2e", "department": "Engineering", "userType": "Member", "accountEnabled": true, "usageLocation": nil,
		"onPremisesSyncEnabled": nil, "directLicenses": []any{}, "enterpriseVoice": false, "policies": object{},
	}, mark)
}

func keys[V any](m map[string]V) []string {
	var list []string
	for key := range m {
		list = append(list, key)
	}
	return list
}

func TestStateHoldsAtOnceByNamesOrIDs(t *testing.T) {
	s := newSim(t, nil)
	state := `{
		"skus":[{"skuId":"05e9a617-0261-4cee-bb44-138d3ef5d965","skuPartNumber":"SPE_E3","enabled":1,"servicePlans":[{"name":"TEAMS1"},{"id":"0feaeb32-d00e-4d66-bd5a-43b5b83db82c"}]},
		        {"skuPartNumber":"MCOEV","enabled":5,"servicePlans":[{"name":"MCOEV"}]}],
		"users":[{"id":"00000000-0000-4000-8000-000000000001","userPrincipalName":"a@x.example","enterpriseVoice":true,"policies":{"TenantDialPlan":"policy-7"}},
		         {"userPrincipalName":"b@x.example","accountEnabled":false,"directLicenses":[{"sku":"e43b5b99-8dfb-405f-9987-dc307f34bcbd"}]}],
		"groups":[{"id":"g1","displayName":"Licensed","licenses":["05e9a617-0261-4cee-bb44-138d3ef5d965"],"members":["00000000-0000-4000-8000-000000000001","B@x.example"]}],
		"numbers":[{"telephoneNumber":"441","assignedTo":"A@x.example"}],
		"policies":[{"type":"TenantDialPlan","name":"UK","id":"policy-7"}],
		"permissions":["User.Read.All","TeamsUserConfiguration.Read.All","Directory.Read.All"]}`
	a := s.do("PUT", "/_sim/state", state)
	require.Equal(t, 204, a.status, string(a.raw))
	assert.Equal(t, []string{"SPE_E3 Licensed Active"}, s.licenses("a@x.example"))
	assert.Equal(t, []string{"MCOEV direct Active", "SPE_E3 Licensed Error CountViolation"}, s.licenses("b@x.example"))
	configuration := s.get(configurations + "/00000000-0000-4000-8000-000000000001").json
	assert.Equal(t, true, configuration["isEnterpriseVoiceEnabled"])
	assert.Equal(t, []any{object{"telephoneNumber": "+441", "assignmentCategory": "primary"}}, configuration["telephoneNumbers"])
	assert.Equal(t, "UK", configuration["effectivePolicyAssignments"].([]any)[0].(object)["policyAssignment"].(object)["displayName"])
	plans := s.tenant.State().SKUs[0].ServicePlans
	assert.Equal(t, []graphsim.ServicePlan{{ID: "57ff2da0-773e-42df-b2af-ffb7a2317929", Name: "TEAMS1"}, {ID: planMCOSTANDARD, Name: "MCOSTANDARD"}}, plans)
	assert.Equal(t, false, s.get("/users/b@x.example?$select=accountEnabled").json["accountEnabled"])
}
