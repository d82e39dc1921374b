package graphsim_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tenure/internal/graphsim"
)

var start = time.Date(2026, time.November, 23, 9, 0, 0, 0, time.UTC)

// sim is a tenant on a manual clock behind a real HTTP server.
type sim struct {
	t      *testing.T
	clock  *graphsim.ManualClock
	tenant *graphsim.Tenant
	url    string
	token  string
}

func newSim(t *testing.T, state *graphsim.State) *sim {
	t.Helper()
	return newSeededSim(t, state, 7)
}

func newSeededSim(t *testing.T, state *graphsim.State, seed uint64) *sim {
	t.Helper()
	clock := graphsim.NewManualClock(start)
	tenant, err := graphsim.New(graphsim.Options{State: state, Clock: clock.Now, Seed: seed})
	require.NoError(t, err)
	server := httptest.NewServer(tenant)
	t.Cleanup(server.Close)
	return &sim{t: t, clock: clock, tenant: tenant, url: server.URL, token: "opaque"}
}

// answer is what the client got.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	raw    []byte
	json   map[string]any
}

func (s *sim) do(method, path string, body any, headers ...string) answer {
	s.t.Helper()
	response, err := s.try(method, path, body, headers...)
	require.NoError(s.t, err)
	return response
}

func (s *sim) try(method, path string, body any, headers ...string) (answer, error) {
	s.t.Helper()
	var reader io.Reader
	switch body := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(body)
	default:
		encoded, err := json.Marshal(body)
		require.NoError(s.t, err)
		reader = bytes.NewReader(encoded)
	}
	url := path
	if !strings.HasPrefix(path, "http") {
		if !strings.HasPrefix(path, "/v1.0") && !strings.HasPrefix(path, "/beta") && !strings.HasPrefix(path, "/_sim") && !strings.HasPrefix(path, "//") {
			path = "/v1.0" + path
		}
		url = s.url + path
	}
	request, err := http.NewRequest(method, url, reader)
	require.NoError(s.t, err)
	if s.token != "" {
		request.Header.Set("Authorization", "Bearer "+s.token)
	}
	if reader != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{t: s.t, status: response.StatusCode, header: response.Header, raw: raw}
	_ = json.Unmarshal(raw, &a.json)
	return a, nil
}

func (s *sim) get(path string, headers ...string) answer {
	s.t.Helper()
	a := s.do("GET", path, nil, headers...)
	require.Equal(s.t, http.StatusOK, a.status, "%s: %s", path, a.raw)
	return a
}

func (a answer) value() []map[string]any {
	a.t.Helper()
	list, ok := a.json["value"].([]any)
	require.True(a.t, ok, "no value array in %s", a.raw)
	var entries []map[string]any
	for _, entry := range list {
		entries = append(entries, entry.(map[string]any))
	}
	return entries
}

func (a answer) names(property string) []string {
	a.t.Helper()
	names := []string{}
	for _, entry := range a.value() {
		name, _ := entry[property].(string)
		names = append(names, name)
	}
	return names
}

func (a answer) refused(status int, code, message string) {
	a.t.Helper()
	require.Equal(a.t, status, a.status, string(a.raw))
	envelope, ok := a.json["error"].(map[string]any)
	require.True(a.t, ok, "no error in %s", a.raw)
	require.Equal(a.t, code, envelope["code"])
	require.Contains(a.t, envelope["message"], message)
	inner, ok := envelope["innerError"].(map[string]any)
	require.True(a.t, ok)
	require.Equal(a.t, a.header.Get("request-id"), inner["request-id"])
	require.Regexp(a.t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$`, inner["date"])
}

// idOf is the object id of one of the default people.
func (s *sim) idOf(name string) string {
	s.t.Helper()
	return s.get("/users/" + name + "@contoso.example?$select=id").json["id"].(string)
}

func (s *sim) groupID(name string) string {
	s.t.Helper()
	for _, g := range s.tenant.State().Groups {
		if g.DisplayName == name {
			return g.ID
		}
	}
	require.Fail(s.t, "no group "+name)
	return ""
}

func (s *sim) skuID(name string) string {
	s.t.Helper()
	for _, x := range s.tenant.State().SKUs {
		if x.PartNumber == name {
			return x.ID
		}
	}
	require.Fail(s.t, "no sku "+name)
	return ""
}

// licenses lists a user's license states as "SKU direct Active".
func (s *sim) licenses(user string) []string {
	s.t.Helper()
	names := map[string]string{}
	for _, x := range s.tenant.State().SKUs {
		names[x.ID] = x.PartNumber
	}
	groups := map[string]string{}
	for _, g := range s.tenant.State().Groups {
		groups[g.ID] = g.DisplayName
	}
	list := []string{}
	for _, entry := range s.get("/users/" + user + "?$select=licenseAssignmentStates").json["licenseAssignmentStates"].([]any) {
		state := entry.(map[string]any)
		by := "direct"
		if id, ok := state["assignedByGroup"].(string); ok {
			by = groups[id]
		}
		line := names[state["skuId"].(string)] + " " + by + " " + state["state"].(string)
		if state["error"] != "None" {
			line += " " + state["error"].(string)
		}
		list = append(list, line)
	}
	return list
}

func (s *sim) consumed(sku string) float64 {
	s.t.Helper()
	for _, entry := range s.get("/subscribedSkus").value() {
		if entry["skuPartNumber"] == sku {
			return entry["consumedUnits"].(float64)
		}
	}
	require.Fail(s.t, "no sku "+sku)
	return 0
}

func (s *sim) settings(change func(*graphsim.Settings)) {
	settings := s.tenant.Settings()
	change(&settings)
	s.tenant.SetSettings(settings)
}

func newGroup(name string) graphsim.Group { return graphsim.Group{DisplayName: name} }
