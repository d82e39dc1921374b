package graphsim_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/graphsim"
)

func TestUserIsFoundByIDAndByNameInAnyCase(t *testing.T) {
	s := newSim(t, nil)
	id := s.idOf("anna.archer")
	for _, path := range []string{
		"/users/" + id, "/users/" + strings.ToUpper(id), "/users/ANNA.Archer@contoso.example", "/users/anna.archer%40contoso.example",
		"/users('" + id + "')", "/beta/users/" + id,
	} {
		assert.Equal(t, id, s.get(path).json["id"], path)
	}
	s.do("GET", "/users/nobody@contoso.example", nil).refused(404, "Request_ResourceNotFound", "Resource 'nobody@contoso.example' does not exist")
}

func TestUserShowsTheDefaultPropertiesUnlessSelected(t *testing.T) {
	s := newSim(t, nil)
	body := s.get("/users/mark.moore@contoso.example").json
	delete(body, "@odata.context")
	assert.Len(t, body, 11)
	assert.NotContains(t, body, "usageLocation")

	for _, option := range []string{"$select", "%24select", "select"} {
		body = s.get("/users/mark.moore@contoso.example?" + option + "=id,usageLocation,assignedLicenses,onPremisesSyncEnabled").json
		assert.Contains(t, body, "usageLocation", option)
		assert.Nil(t, body["usageLocation"])
		assert.Nil(t, body["onPremisesSyncEnabled"])
		assert.Equal(t, []any{}, body["assignedLicenses"])
		assert.NotContains(t, body, "displayName")
	}
	s.do("GET", "/users/mark.moore@contoso.example?$select=shoeSize", nil).refused(400, "BadRequest", "shoeSize")
	s.do("GET", "/users?$select=mailboxSettings", nil).refused(501, "NotImplemented", "mailboxSettings")
}

func TestUserFilters(t *testing.T) {
	s := newSim(t, nil)
	e5 := s.skuID("SPE_E5")
	eventual := []string{"ConsistencyLevel", "eventual"}
	for _, test := range []struct {
		filter string
		header []string
		extra  string
		want   []string
	}{
		{filter: "userPrincipalName eq 'ANNA.archer@contoso.example'", want: []string{"Anna Archer"}},
		{filter: "startswith(displayName,'isa')", want: []string{"Isabelle Imbert"}},
		{filter: "accountEnabled eq false", want: []string{"Grace Green"}},
		{filter: "usageLocation eq 'FR'", want: []string{"Isabelle Imbert"}},
		{filter: "usageLocation eq null", want: []string{"Mark Moore"}},
		{filter: "userType eq 'Guest' or city eq 'New York'", want: []string{"Felix Fischer", "Kevin King"}},
		{filter: "city eq 'London' and (department eq 'Legal' or department eq 'IT')", want: []string{"Henry Hall", "Nina Novak", "Oliver Owen"}},
		{filter: "department in ('IT','Marketing')", want: []string{"Isabelle Imbert", "Laura Lewis", "Oliver Owen"}},
		{filter: "onPremisesSyncEnabled eq true", want: []string{"Henry Hall"}},
		{filter: "assignedLicenses/any(l:l/skuId eq " + e5 + ") and department eq 'Sales'", want: []string{"Anna Archer", "Kevin King"}},
		{filter: "not(city eq 'London') and city ne 'New York'", header: eventual, extra: "&$count=true", want: []string{"Isabelle Imbert", "Mark Moore"}},
		{filter: "endswith(userPrincipalName,'king@contoso.example')", header: eventual, extra: "&$count=true", want: []string{"Kevin King"}},
		{filter: "assignedLicenses/$count eq 0", header: eventual, extra: "&$count=true", want: []string{"Felix Fischer", "Laura Lewis", "Mark Moore"}},
	} {
		a := s.get("/users?$filter="+url.QueryEscape(test.filter)+test.extra, test.header...)
		assert.Equal(t, test.want, a.names("displayName"), test.filter)
		if test.extra != "" {
			assert.InDelta(t, len(test.want), a.json["@odata.count"], 0, test.filter)
		}
	}
}

func TestUserQueriesAreRefused(t *testing.T) {
	s := newSim(t, nil)
	for _, test := range []struct {
		query, code, message string
		status               int
		header               []string
	}{
		{query: "$filter=endsWith(mail,'x')", status: 400, code: "Request_UnsupportedQuery", message: "Operator 'endsWith' is not supported because the 'ConsistencyLevel:eventual' header is missing. Refer to https://aka.ms/graph-docs/advanced-queries"},
		{query: "$filter=city ne 'x'&$count=true", status: 400, code: "Request_UnsupportedQuery", message: "ConsistencyLevel"},
		{query: "$filter=city ne 'x'", status: 400, code: "Request_UnsupportedQuery", message: "$count=true", header: []string{"ConsistencyLevel", "eventual"}},
		{query: "$filter=city eq 'x'&$orderby=displayName", status: 400, code: "Request_UnsupportedQuery", message: "$orderby"},
		{query: "$filter=shoeSize eq 4", status: 400, code: "Request_UnsupportedQuery", message: "shoeSize"},
		{query: "$filter=city eq", status: 400, code: "BadRequest", message: "Invalid filter clause"},
		{query: "$filter=city eq 'x' city", status: 400, code: "BadRequest", message: "Invalid filter clause"},
		{query: "$top=1000", status: 400, code: "Request_UnsupportedQuery", message: "between 1 and 999"},
		{query: "$skip=1", status: 400, code: "Request_BadRequest", message: "$skip"},
		{query: "$expand=manager", status: 501, code: "NotImplemented", message: "$expand"},
		{query: "$wat=1", status: 400, code: "BadRequest", message: "$wat"},
		{query: "$skiptoken=rubbish", status: 400, code: "Directory_ExpiredPageToken", message: "expired"},
	} {
		t.Run(test.query, func(t *testing.T) {
			a := s.do("GET", "/users?"+strings.ReplaceAll(test.query, " ", "%20"), nil, test.header...)
			a.t = t
			a.refused(test.status, test.code, test.message)
		})
	}
}

func manyUsers(n int) *graphsim.State {
	state := graphsim.DefaultState()
	state.Users, state.Groups, state.Numbers = nil, nil, nil
	for i := range n {
		state.Users = append(state.Users, graphsim.User{
			UserPrincipalName: fmt.Sprintf("user%05d@contoso.example", i), DisplayName: fmt.Sprintf("User %05d", i), UsageLocation: "GB",
			City: []string{"London", "Paris"}[i%2], DirectLicenses: []graphsim.DirectLicense{{SKU: "SPE_E5"}},
		})
	}
	return &state
}

func TestUsersArePagedByAbsoluteLinks(t *testing.T) {
	s := newSim(t, manyUsers(250))
	for _, test := range []struct {
		query string
		pages []int
	}{
		{"$select=displayName", []int{100, 100, 50}},
		{"$top=120&$filter=city%20eq%20'Paris'", []int{120, 5}},
		{"$top=125&$filter=city%20eq%20'Paris'", []int{125}},
		{"$top=999", []int{250}},
	} {
		var sizes []int
		seen := map[string]bool{}
		for link := "/users?" + test.query; link != ""; {
			a := s.get(link)
			sizes = append(sizes, len(a.value()))
			for _, name := range a.names("displayName") {
				assert.False(t, seen[name])
				seen[name] = true
			}
			link, _ = a.json["@odata.nextLink"].(string)
			if link != "" {
				assert.True(t, strings.HasPrefix(link, s.url+"/v1.0/users?"), link)
				assert.Contains(t, link, "$skiptoken=")
			}
		}
		assert.Equal(t, test.pages, sizes, test.query)
	}
	link := s.get("/users?$top=5").json["@odata.nextLink"].(string)
	require.NoError(t, s.tenant.SetState(s.tenant.State()))
	s.do("GET", link, nil).refused(400, "Directory_ExpiredPageToken", "expired")
}

func TestUsersAreCountedAndOrdered(t *testing.T) {
	s := newSim(t, nil)
	a := s.get("/users/$count", "ConsistencyLevel", "eventual")
	assert.Equal(t, "15", string(a.raw))
	s.do("GET", "/users/$count", nil).refused(400, "Request_UnsupportedQuery", "ConsistencyLevel")
	names := s.get("/users?$orderby=displayName%20desc&$top=2").names("displayName")
	assert.Equal(t, []string{"Oliver Owen", "Nina Novak"}, names)
}

func TestPatchUser(t *testing.T) {
	all := []string{"User.ReadWrite.All"}
	for _, test := range []struct {
		name, user, body string
		roles            []string
		status           int
		code, message    string
		check            string
		want             any
	}{
		{name: "sets the usage location", user: "mark.moore", body: `{"usageLocation":"FR"}`, roles: []string{"User.ReadUpdate.All"}, status: 204, check: "usageLocation", want: "FR"},
		{name: "LicenseAssignment suffices for it", user: "mark.moore", body: `{"@odata.type":"#microsoft.graph.user","usageLocation":"FR"}`, roles: []string{"LicenseAssignment.ReadWrite.All"}, status: 204, check: "usageLocation", want: "FR"},
		{name: "same location without permission", user: "anna.archer", body: `{"usageLocation":"GB"}`, roles: []string{}, status: 204, check: "usageLocation", want: "GB"},
		{name: "other location without permission", user: "anna.archer", body: `{"usageLocation":"FR"}`, roles: []string{"User.Read.All"}, status: 403, code: "Authorization_RequestDenied", message: "Insufficient privileges to complete the operation.", check: "usageLocation", want: "GB"},
		{name: "unknown country", user: "anna.archer", body: `{"usageLocation":"XX"}`, roles: all, status: 400, code: "Request_BadRequest", message: "Invalid value specified for property 'usageLocation' of resource 'User'.", check: "usageLocation", want: "GB"},
		{name: "country name", user: "anna.archer", body: `{"usageLocation":"France"}`, roles: all, status: 400, code: "Request_BadRequest", message: "Invalid value"},
		{name: "null location", user: "anna.archer", body: `{"usageLocation":null}`, roles: all, status: 400, code: "Request_BadRequest", message: "Invalid value"},
		{name: "synced location", user: "henry.hall", body: `{"usageLocation":"FR"}`, roles: all, status: 400, code: "Request_BadRequest", message: "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration.", check: "usageLocation", want: "GB"},
		{name: "same synced location", user: "henry.hall", body: `{"usageLocation":"GB"}`, roles: all, status: 204},
		{name: "blocks sign-in", user: "anna.archer", body: `{"accountEnabled":false}`, roles: []string{"User.EnableDisableAccount.All"}, status: 204, check: "accountEnabled", want: false},
		{name: "blocking needs its permission", user: "anna.archer", body: `{"accountEnabled":false}`, roles: []string{"User.ReadUpdate.All"}, status: 403, code: "Authorization_RequestDenied", check: "accountEnabled", want: true},
		{name: "synced account", user: "henry.hall", body: `{"accountEnabled":false}`, roles: all, status: 400, code: "Request_BadRequest", message: "on-premises mastered"},
		{name: "account null", user: "anna.archer", body: `{"accountEnabled":null}`, roles: all, status: 400, code: "Request_BadRequest", message: "Invalid value"},
		{name: "clears phones", user: "anna.archer", body: `{"businessPhones":[]}`, roles: all, status: 204},
		{name: "other properties", user: "anna.archer", body: `{"jobTitle":"Buyer","city":"Paris"}`, roles: all, status: 204, check: "jobTitle", want: "Buyer"},
		{name: "all or nothing", user: "anna.archer", body: `{"city":"Paris","usageLocation":"XX"}`, roles: all, status: 400, code: "Request_BadRequest", message: "usageLocation", check: "city", want: "London"},
		{name: "unknown property", user: "anna.archer", body: `{"shoeSize":4}`, roles: all, status: 400, code: "Request_BadRequest", message: "shoeSize"},
		{name: "property not modelled", user: "anna.archer", body: `{"userType":"Guest"}`, roles: all, status: 501, code: "NotImplemented", message: "userType"},
		{name: "nobody", user: "nobody", body: `{"usageLocation":"FR"}`, roles: all, status: 404, code: "Request_ResourceNotFound"},
		{name: "not JSON", user: "anna.archer", body: `{`, roles: all, status: 400, code: "BadRequest"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSim(t, nil)
			s.tenant.SetPermissions(test.roles...)
			a := s.do("PATCH", "/users/"+test.user+"@contoso.example", test.body)
			if test.code != "" {
				a.refused(test.status, test.code, test.message)
			}
			assert.Equal(t, test.status, a.status, string(a.raw))
			if test.status == 204 {
				assert.Empty(t, a.raw)
			}
			if test.check != "" {
				s.tenant.SetPermissions("User.Read.All")
				assert.Equal(t, test.want, s.get("/users/" + test.user + "@contoso.example?$select=" + test.check).json[test.check])
			}
		})
	}
}

func TestSyncedUserWithoutLocationCanBeGivenOne(t *testing.T) {
	synced := true
	s := newSim(t, &graphsim.State{
		Users:       []graphsim.User{{UserPrincipalName: "h@contoso.example", OnPremisesSyncEnabled: &synced}},
		Permissions: graphsim.LeastPermissions(),
	})
	for _, location := range []string{"GB", "FR"} {
		assert.Equal(t, 204, s.do("PATCH", "/users/h@contoso.example", map[string]any{"usageLocation": location}).status)
	}
}

func TestBasicPermissionHidesWhatIsNotBasic(t *testing.T) {
	s := newSim(t, nil)
	s.tenant.SetPermissions("User.ReadBasic.All")
	body := s.get("/users/anna.archer@contoso.example?$select=displayName,usageLocation").json
	assert.Equal(t, "Anna Archer", body["displayName"])
	assert.Nil(t, body["usageLocation"])
}

func TestRevokeSignInSessions(t *testing.T) {
	s := newSim(t, nil)
	for _, path := range []string{"revokeSignInSessions", "microsoft.graph.revokeSignInSessions"} {
		a := s.do("POST", "/users/anna.archer@contoso.example/"+path, nil)
		assert.Equal(t, 200, a.status)
		assert.Equal(t, true, a.json["value"])
	}
	assert.Equal(t, "2026-11-23T09:00:00Z", s.get("/users/anna.archer@contoso.example?$select=signInSessionsValidFromDateTime").json["signInSessionsValidFromDateTime"])
	s.tenant.SetPermissions("User.Read.All")
	s.do("POST", "/users/anna.archer@contoso.example/revokeSignInSessions", nil).refused(403, "Authorization_RequestDenied", "")
}

func TestDeletedUserIsGoneAndFreesLicenses(t *testing.T) {
	s := newSim(t, nil)
	s.do("DELETE", "/users/anna.archer@contoso.example", nil).refused(403, "Authorization_RequestDenied", "")
	before := s.consumed("SPE_E5")
	s.tenant.SetPermissions("Directory.ReadWrite.All")
	require.Equal(t, http.StatusNoContent, s.do("DELETE", "/users/anna.archer@contoso.example", nil).status)
	assert.InDelta(t, before-1, s.consumed("SPE_E5"), 0)
	s.do("GET", "/users/anna.archer@contoso.example", nil).refused(404, "Request_ResourceNotFound", "")
	assert.Len(t, s.get("/users").value(), 14)
	require.NoError(t, s.tenant.SetState(s.tenant.State()), "what is left is a consistent state")
}
