package graphsim_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/graphsim"
)

func (s *sim) batch(requests ...object) map[string]object {
	s.t.Helper()
	a := s.do("POST", "/$batch", object{"requests": requests})
	require.Equal(s.t, 200, a.status, string(a.raw))
	answers := map[string]object{}
	for _, entry := range a.json["responses"].([]any) {
		answers[entry.(object)["id"].(string)] = entry.(object)
	}
	require.Len(s.t, answers, len(requests))
	return answers
}

func TestBatchAnswersEachPart(t *testing.T) {
	s := newSim(t, nil)
	answers := s.batch(
		object{"id": "read", "method": "GET", "url": "/users/anna.archer@contoso.example?$select=displayName", "body": nil, "dependsOn": []string{}},
		object{"id": "write", "method": "PATCH", "url": "users/mark.moore@contoso.example", "headers": object{"Content-Type": "application/json"}, "body": object{"usageLocation": "FR"}},
		object{"id": "nobody", "method": "GET", "url": "/users/nobody"},
		object{"id": "untyped", "method": "PATCH", "url": "/users/mark.moore@contoso.example", "body": object{"usageLocation": "DE"}},
		object{"id": "after", "method": "GET", "url": "/users/mark.moore@contoso.example?$select=usageLocation", "dependsOn": []string{"write"}},
		object{"id": "never", "method": "PATCH", "url": "/users/mark.moore@contoso.example", "headers": object{"Content-Type": "application/json"}, "body": object{"usageLocation": "US"}, "dependsOn": []string{"nobody"}},
		object{"id": "order", "method": "POST", "url": numbers + "/unassignNumber", "headers": object{"Content-Type": "application/json"}, "body": object{"telephoneNumber": "+442079460001"}},
	)
	assert.InDelta(t, 200, answers["read"]["status"], 0)
	assert.Equal(t, "Anna Archer", answers["read"]["body"].(object)["displayName"])
	assert.InDelta(t, 204, answers["write"]["status"], 0)
	assert.NotContains(t, answers["write"], "body")
	assert.InDelta(t, 404, answers["nobody"]["status"], 0)
	assert.Equal(t, "Request_ResourceNotFound", answers["nobody"]["body"].(object)["error"].(object)["code"])
	assert.InDelta(t, 400, answers["untyped"]["status"], 0)
	assert.InDelta(t, 424, answers["never"]["status"], 0)
	assert.Equal(t, "FR", answers["after"]["body"].(object)["usageLocation"])
	assert.InDelta(t, 202, answers["order"]["status"], 0)
	assert.Contains(t, answers["order"]["headers"].(object)["Location"], s.url+"/v1.0"+operations)

	var paths []string
	for _, entry := range s.tenant.Journal() {
		paths = append(paths, fmt.Sprintf("%s %s %d", entry.Method, entry.Path, entry.Status))
	}
	assert.ElementsMatch(t, []string{
		"GET /v1.0/users/anna.archer@contoso.example 200", "PATCH /v1.0/users/mark.moore@contoso.example 204", "GET /v1.0/users/nobody 404",
		"PATCH /v1.0/users/mark.moore@contoso.example 400", "GET /v1.0/users/mark.moore@contoso.example 200",
		"POST /v1.0" + numbers + "/unassignNumber 202",
	}, paths, "the parts stand one by one, those that never ran not at all")
}

func TestBatchIsRefusedAsAWhole(t *testing.T) {
	s := newSim(t, nil)
	get := func(id string, dependsOn ...string) object {
		return object{"id": id, "method": "GET", "url": "/users", "dependsOn": dependsOn}
	}
	var many []object
	for i := range 21 {
		many = append(many, get(fmt.Sprint(i)))
	}
	for _, test := range []struct {
		name    string
		body    any
		message string
	}{
		{"more than twenty", object{"requests": many}, "maximum value of 20"},
		{"same id twice", object{"requests": []object{get("1"), get("1")}}, "unique"},
		{"no id", object{"requests": []object{{"method": "GET", "url": "/users"}}}, "id"},
		{"unknown dependency", object{"requests": []object{get("1", "2")}}, "not in the batch"},
		{"circle", object{"requests": []object{get("1", "2"), get("2", "1")}}, "circle"},
		{"empty", object{}, "Invalid batch payload"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s.tenant.ClearJournal()
			a := s.do("POST", "/$batch", test.body)
			a.t = t
			a.refused(400, "BadRequest", test.message)
			journal := s.tenant.Journal()
			require.Len(t, journal, 1)
			assert.Equal(t, "/v1.0/$batch", journal[0].Path)
			assert.False(t, journal[0].Committed)
		})
	}
	assert.Len(t, s.batch(many[:20]...), 20)
	s.token = ""
	s.do("POST", "/$batch", object{"requests": many[:1]}).refused(401, "InvalidAuthenticationToken", "")
}

func TestBatchPartsAreThrottledAndFaultedOneByOne(t *testing.T) {
	s := newSim(t, nil)
	s.tenant.AddFault(graphsim.Fault{Method: "GET", Path: "/v1.0/users", Times: 2, Status: 429, RetryAfter: 7})
	answers := s.batch(
		object{"id": "1", "method": "GET", "url": "/users"}, object{"id": "2", "method": "GET", "url": "/users"}, object{"id": "3", "method": "GET", "url": "/users"},
	)
	assert.Equal(t, []float64{429, 429, 200}, []float64{answers["1"]["status"].(float64), answers["2"]["status"].(float64), answers["3"]["status"].(float64)})
	assert.Equal(t, "7", answers["1"]["headers"].(object)["Retry-After"])

	fault := s.tenant.AddFault(graphsim.Fault{Path: "/v1.0/$batch", Status: 503})
	s.tenant.ClearJournal()
	a := s.do("POST", "/$batch", object{"requests": []object{{"id": "1", "method": "GET", "url": "/users"}}})
	a.refused(503, "ServiceUnavailable", "")
	journal := s.tenant.Journal()
	require.Len(t, journal, 1)
	assert.Equal(t, fault.ID, *journal[0].Fault)
}
