package graphsim_test

import (
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/conformance/csdl"
)

// TestAnswersAgreeWithMicrosoftsMetadata is about everything that can be read
// here; what the client of internal/graph says is tested in
// internal/conformance.
func TestAnswersAgreeWithMicrosoftsMetadata(t *testing.T) {
	m, err := csdl.Graph()
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("no metadata of Microsoft Graph to compare with (%v); set GRAPH_CSDL to its file", err)
	}
	require.NoError(t, err)
	s := newSim(t, nil)
	location := s.order("unassignNumber", object{"telephoneNumber": "+442079460001"}).header.Get("Location")
	s.join("License Phone", "laura.lewis")
	s.clock.Advance(2 * time.Second)
	failed := s.order("assignNumber", assignment("+442079460010", s.idOf("mark.moore"), "directRouting")).header.Get("Location")
	s.clock.Advance(2 * time.Second)
	for _, path := range []string{
		"/users?$select=*",
		"/users",
		"/users/$count",
		"/users/laura.lewis@contoso.example?$select=*",
		"/users/delta?$select=*",
		"/groups?$select=*",
		"/users/oliver.owen@contoso.example/memberOf",
		"/users/oliver.owen@contoso.example/memberOf/microsoft.graph.group?$count=true",
		"/groups/" + s.groupID("All Staff") + "/members",
		"/groups/" + s.groupID("License Phone") + "/membersWithLicenseErrors",
		"/subscribedSkus",
		"/users/anna.archer@contoso.example/licenseDetails",
		"/users/anna.archer@contoso.example/licenseDetails/getTeamsLicensingDetails",
		numbers,
		numbers + "/" + s.number("+18005550100")["id"].(string),
		location,
		failed,
		configurations,
		"/admin/teams/policy/getPolicyId(type='TenantDialPlan',name='UK-Dialplan')",
	} {
		a := s.get(path, "ConsistencyLevel", "eventual")
		if value, isCollection := a.json["value"].([]any); isCollection {
			require.NotEmpty(t, value, path)
		}
		address := path
		if !strings.HasPrefix(path, "http") {
			address = "/v1.0" + path
		}
		assert.Empty(t, m.Check(csdl.Exchange{Method: http.MethodGet, URL: address, Status: a.status, Answer: a.raw}), path)
	}
	assert.Equal(t, "failed", s.get(failed).json["status"])
}
