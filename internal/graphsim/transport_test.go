package graphsim_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/graphsim"
)

func TestEveryAnswerCarriesTheServicesHeaders(t *testing.T) {
	s := newSim(t, nil)
	for path, units := range map[string]string{
		"/users": "2", "/users?$select=id": "1", "/users?$top=5": "1", "/subscribedSkus": "3",
		"/users/anna.archer@contoso.example": "1", "/users/anna.archer@contoso.example/memberOf": "2",
	} {
		a := s.get(path, "client-request-id", "0c1f7d7e-0000-4000-8000-000000000001")
		assert.Regexp(t, `^[0-9a-f-]{36}$`, a.header.Get("request-id"))
		assert.Equal(t, "0c1f7d7e-0000-4000-8000-000000000001", a.header.Get("client-request-id"))
		assert.Equal(t, "4.0", a.header.Get("OData-Version"))
		assert.Equal(t, units, a.header.Get("x-ms-resource-unit"), path)
		assert.Equal(t, "Mon, 23 Nov 2026 09:00:00 GMT", a.header.Get("Date"))
		assert.Contains(t, a.header.Get("Content-Type"), "application/json")
	}
	a := s.do("GET", "/users/nobody", nil, "client-request-id", "mine")
	assert.Equal(t, "mine", a.json["error"].(object)["innerError"].(object)["client-request-id"])
}

func TestBodiesMayBeCompressedAndChunked(t *testing.T) {
	s := newSim(t, nil)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write([]byte(`{"usageLocation":"FR"}`))
	require.NoError(t, w.Close())
	send := func(body io.Reader, headers ...string) int {
		// A reader that hides its length makes the client send chunks.
		request, err := http.NewRequest("PATCH", s.url+"/v1.0/users/anna.archer@contoso.example", struct{ io.Reader }{body})
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer x")
		request.Header.Set("Content-Type", "application/json; charset=utf-8")
		for i := 0; i < len(headers); i += 2 {
			request.Header.Set(headers[i], headers[i+1])
		}
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		defer response.Body.Close()
		return response.StatusCode
	}
	location := func() any {
		return s.get("/users/anna.archer@contoso.example?$select=usageLocation").json["usageLocation"]
	}
	assert.Equal(t, 204, send(&packed, "Content-Encoding", "gzip"))
	assert.Equal(t, "FR", location())
	assert.Equal(t, 204, send(bytes.NewBufferString(`{"usageLocation":"DE"}`)))
	assert.Equal(t, "DE", location())
	assert.Equal(t, 400, send(bytes.NewBufferString(`{"usageLocation":"GB"}`), "Content-Encoding", "gzip"), "plain text under a gzip header")
	assert.Equal(t, 415, send(bytes.NewBufferString(`{}`), "Content-Encoding", "br"))
	assert.Equal(t, 415, send(bytes.NewBufferString(`{}`), "Content-Type", "text/plain"))
}

func TestSegmentsAreSplitBeforeTheyAreDecoded(t *testing.T) {
	s := newSim(t, nil)
	s.do("GET", "/users/a%2Fb", nil).refused(404, "Request_ResourceNotFound", "Resource 'a/b' does not exist")
	assert.Equal(t, "/v1.0/users/a/b", s.tenant.Journal()[0].Path)
	s.do("GET", "/users('it''s')", nil).refused(404, "Request_ResourceNotFound", "Resource 'it's' does not exist")
}

func TestUnknownRoutesAreLoud(t *testing.T) {
	s := newSim(t, nil)
	s.do("GET", "/users/x/messages", nil).refused(501, "NotImplemented", "graphsim does not implement GET /users/x/messages")
	s.do("POST", "/groups/x/assignLicense", object{}).refused(501, "NotImplemented", "POST /groups/x/assignLicense")
	s.do("POST", "/users", object{}).refused(405, "Request_BadRequest", "not allowed")
	assert.Equal(t, "GET", s.do("PUT", "/subscribedSkus", object{}).header.Get("Allow"))
	s.do("GET", "//v2.0/users", nil).refused(404, "BadRequest", "Resource not found for the segment 'v2.0'.")
}

func bearer(t *testing.T, claims object) string {
	payload, err := json.Marshal(claims)
	require.NoError(t, err)
	return "e30." + base64.RawURLEncoding.EncodeToString(payload) + ".sig"
}

func TestTokens(t *testing.T) {
	s := newSim(t, nil)
	issued := s.get("/_sim/token").json
	assert.Equal(t, "Bearer", issued["token_type"])
	assert.InDelta(t, 5, issued["expires_in"], 0)
	for _, test := range []struct {
		name, token, header string
		advance             time.Duration
		status              int
		message             string
	}{
		{name: "opaque", token: "anything", status: 200},
		{name: "issued", token: issued["access_token"].(string), status: 200},
		{name: "own roles", token: bearer(t, object{"roles": []string{"User.Read.All"}}), status: 200},
		{name: "no roles", token: bearer(t, object{"sub": "x"}), status: 200},
		{name: "other roles", token: bearer(t, object{"roles": []string{}}), status: 403},
		{name: "none", status: 401, message: "Access token is empty."},
		{name: "other scheme", header: "Basic abc", status: 401, message: "Access token is empty."},
		{name: "expired", token: issued["access_token"].(string), advance: 5 * time.Second, status: 401, message: "Lifetime validation failed, the token is expired."},
	} {
		t.Run(test.name, func(t *testing.T) {
			s.clock.Advance(test.advance)
			s.token = test.token
			var headers []string
			if test.header != "" {
				headers = []string{"Authorization", test.header}
			}
			a := s.do("GET", "/users", nil, headers...)
			assert.Equal(t, test.status, a.status, string(a.raw))
			if test.status == 401 {
				a.refused(401, "InvalidAuthenticationToken", test.message)
				assert.Contains(t, a.header.Get("WWW-Authenticate"), "Bearer")
			}
		})
	}
}

func TestTokenCarriesThePermissionsOfItsMoment(t *testing.T) {
	s := newSim(t, nil)
	old := s.tenant.Token()
	a := s.do("PUT", "/_sim/permissions", object{"roles": []string{"User.Read.All"}})
	require.Equal(t, 200, a.status)
	assert.Equal(t, []any{"User.Read.All"}, a.json["roles"])
	s.token = old.AccessToken
	s.get("/subscribedSkus")
	s.token = s.tenant.Token().AccessToken
	s.do("GET", "/subscribedSkus", nil).refused(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
	assert.Equal(t, []string{"User.Read.All"}, s.tenant.State().Permissions)
}

func TestDirectoryPermissions(t *testing.T) {
	for _, test := range []struct {
		method, path string
		allowed      [][]string
		refused      [][]string
	}{
		{"GET", "/users", [][]string{{"User.Read.All"}, {"Directory.Read.All"}, {"User.ReadBasic.All"}}, [][]string{{}, {"LicenseAssignment.ReadWrite.All"}}},
		{"GET", "/users/delta", [][]string{{"User.Read.All"}}, [][]string{{"User.ReadBasic.All"}}},
		{"GET", "/users/anna.archer@contoso.example/memberOf", [][]string{{"GroupMember.Read.All", "User.Read.All"}, {"Directory.Read.All"}}, [][]string{{"User.Read.All"}, {"GroupMember.Read.All"}}},
		{"GET", "/users/anna.archer@contoso.example/licenseDetails", [][]string{{"LicenseAssignment.Read.All"}, {"User.Read.All"}}, [][]string{{"GroupMember.Read.All"}}},
		{"GET", "/groups", [][]string{{"GroupMember.Read.All"}, {"Group.ReadWrite.All"}}, [][]string{{"User.Read.All"}}},
		{"POST", "/users/anna.archer@contoso.example/assignLicense", [][]string{{"LicenseAssignment.ReadWrite.All"}, {"User.ReadWrite.All"}, {"Directory.ReadWrite.All"}}, [][]string{{"LicenseAssignment.Read.All", "User.ReadUpdate.All"}}},
		{"POST", "/users/anna.archer@contoso.example/reprocessLicenseAssignment", [][]string{{"LicenseAssignment.ReadWrite.All"}}, [][]string{{"User.Read.All"}}},
	} {
		s := newSim(t, nil)
		for _, roles := range test.allowed {
			s.tenant.SetPermissions(roles...)
			assert.Equal(t, 200, s.do(test.method, test.path, license(nil)).status, "%s %s %v", test.method, test.path, roles)
		}
		for _, roles := range test.refused {
			s.tenant.SetPermissions(roles...)
			s.do(test.method, test.path, license(nil)).refused(403, "Authorization_RequestDenied", "Insufficient privileges")
		}
	}
}

func TestWritesAreThrottled(t *testing.T) {
	s := newSim(t, nil)
	a := s.do("PATCH", "/_sim/settings", object{"throttle": object{"writes": 10, "windowSeconds": 100}})
	require.Equal(t, 200, a.status, string(a.raw))
	write := func() answer { return s.assign("emma.evans", license(nil)) }
	for i := range 10 {
		a := write()
		require.Equal(t, 200, a.status)
		assert.Equal(t, i >= 8, a.header.Get("x-ms-throttle-limit-percentage") != "", "warned from 80%%: write %d", i)
	}
	a = write()
	a.refused(429, "TooManyRequests", "Too many requests")
	assert.Equal(t, "10", a.header.Get("Retry-After"))
	assert.Equal(t, "WriteLimitExceeded", a.header.Get("x-ms-throttle-information"))
	assert.Contains(t, a.header.Get("x-ms-throttle-scope"), "Tenant_Application/ReadWrite/")
	s.get("/users")
	s.clock.Advance(9 * time.Second)
	assert.Equal(t, "1", write().header.Get("Retry-After"))
	s.clock.Advance(time.Second)
	assert.Equal(t, 200, write().status)
	assert.Equal(t, 429, write().status)
	s.settings(func(settings *graphsim.Settings) { settings.Throttle = nil })
	assert.Equal(t, 200, write().status)
}

func TestReadsMayLagBehindWrites(t *testing.T) {
	s := newSim(t, nil)
	s.settings(func(settings *graphsim.Settings) { settings.ReadLagMs = 1000 })
	s.clock.Advance(time.Minute)
	const user = "/users/emma.evans@contoso.example"
	id := s.idOf("emma.evans")
	location := func() any { return s.get(user + "?$select=usageLocation").json["usageLocation"] }

	require.Equal(t, 204, s.do("PATCH", user, object{"usageLocation": "FR"}).status)
	s.clock.Advance(600 * time.Millisecond)
	require.Equal(t, 204, s.do("PATCH", user, object{"usageLocation": "DE"}).status)
	assert.Equal(t, "GB", location())
	s.clock.Advance(400 * time.Millisecond)
	assert.Equal(t, "FR", location())
	s.clock.Advance(600 * time.Millisecond)
	assert.Equal(t, "DE", location())

	s.join("Sales UK", "emma.evans")
	assert.NotContains(t, s.get(user+"/memberOf").names("displayName"), "Sales UK")
	s.clock.Advance(time.Second)
	assert.Contains(t, s.get(user+"/memberOf").names("displayName"), "Sales UK")

	s.operate("assignNumber", assignment("+442079460010", id, "directRouting"))
	assert.Empty(t, s.configuration("emma.evans")["telephoneNumbers"])
	assert.Empty(t, s.listNumbers("assignmentTargetId eq '"+id+"'").value())
	s.clock.Advance(time.Second)
	assert.Len(t, s.configuration("emma.evans")["telephoneNumbers"], 1)
	assert.Len(t, s.listNumbers("assignmentTargetId eq '"+id+"'").value(), 1)
}
