package graphsim_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/graphsim"
)

// session drives a tenant through everything that makes ids, takes time or is
// left to chance, and writes down all that comes back.
func session(t *testing.T, seed uint64) string {
	t.Helper()
	s := newSeededSim(t, nil, seed)
	s.token = s.get("/_sim/token").json["access_token"].(string)
	var log strings.Builder
	do := func(method, path string, body any) answer {
		a, err := s.try(method, path, body, "Prefer", "odata.maxpagesize=4")
		if err != nil {
			log.WriteString("cut\n") // the error names ports
			return a
		}
		a.header.Del("Content-Length")
		require.NoError(t, json.NewEncoder(&log).Encode([]any{a.status, a.header, string(a.raw)}))
		return a
	}
	s.tenant.AddFault(graphsim.Fault{Method: "GET", Probability: 0.2, Status: 503})
	s.tenant.AddFault(graphsim.Fault{Method: "PATCH", Probability: 0.5, AfterCommit: true})
	s.join("License Phone", "laura.lewis")
	link := "/users/delta"
	for range 12 {
		do("GET", "/users?$top=4", nil)
		if a := do("GET", link, nil); a.json["@odata.nextLink"] != nil {
			link = a.json["@odata.nextLink"].(string)
		}
		do("PATCH", "/users/anna.archer@contoso.example", object{"city": "Paris"})
		do("POST", "/admin/teams/telephoneNumberManagement/numberAssignments/unassignNumber", object{"telephoneNumber": "+442079460001"})
		do("POST", "/$batch", object{"requests": []object{{"id": "1", "method": "GET", "url": "/groups"}, {"id": "2", "method": "GET", "url": "/users/laura.lewis@contoso.example?$select=*"}}})
		s.clock.Advance(200 * time.Millisecond)
	}
	require.NoError(t, json.NewEncoder(&log).Encode(s.tenant.Journal()))
	require.NoError(t, json.NewEncoder(&log).Encode(s.tenant.State()))
	return strings.ReplaceAll(log.String(), s.url, "http://tenant")
}

func TestTheSameSeedAndClockGiveTheSameAnswers(t *testing.T) {
	once := session(t, 7)
	for _, part := range []string{"cut", "[503,", "[202,", `\"@odata.nextLink\"`} {
		assert.Contains(t, once, part, "the session is as varied as it should be")
	}
	again := session(t, 7)
	assert.Equal(t, strings.Split(once, "\n"), strings.Split(again, "\n"))
	assert.NotEqual(t, once, session(t, 8), "the seed matters")
}
