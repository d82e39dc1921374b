package graph_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/fault"
	"tenure/internal/graph"
)

// graph.md §1.2: advanced queries need ConsistencyLevel: eventual and $count=true, and plain ones are better off without.
func TestFindUsersAsksAdvancedQueriesAsSuch(t *testing.T) {
	for name, row := range map[string]struct {
		query    graph.UserQuery
		advanced bool
		filter   string
		search   string
		orderBy  string
	}{
		"everybody":        {query: graph.UserQuery{}},
		"plain filter":     {query: graph.UserQuery{Filter: "accountEnabled eq true"}, filter: "accountEnabled eq true"},
		"plain order":      {query: graph.UserQuery{OrderBy: []string{"displayName desc", "id"}}, orderBy: "displayName desc,id"},
		"any":              {query: graph.UserQuery{Filter: "assignedLicenses/any(l:l/skuId eq " + e5 + ")"}, filter: "assignedLicenses/any(l:l/skuId eq " + e5 + ")"},
		"quoted words":     {query: graph.UserQuery{Filter: "displayName eq " + graph.Quoted("O'Neill is not endsWith")}, filter: "displayName eq 'O''Neill is not endsWith'"},
		"word in a name":   {query: graph.UserQuery{Filter: "noteworthy eq 'x'"}, filter: "noteworthy eq 'x'"},
		"endsWith":         {query: graph.UserQuery{Filter: "endsWith(mail,'@contoso.com')"}, advanced: true, filter: "endsWith(mail,'@contoso.com')"},
		"ne":               {query: graph.UserQuery{Filter: "usageLocation ne 'GB'"}, advanced: true, filter: "usageLocation ne 'GB'"},
		"not":              {query: graph.UserQuery{Filter: "NOT(startswith(displayName,'x'))"}, advanced: true, filter: "NOT(startswith(displayName,'x'))"},
		"length":           {query: graph.UserQuery{Filter: "assignedLicenses/$count eq 0"}, advanced: true, filter: "assignedLicenses/$count eq 0"},
		"search":           {query: graph.UserQuery{Search: `"displayName:ada"`}, advanced: true, search: `"displayName:ada"`},
		"filter and order": {query: graph.UserQuery{Filter: "accountEnabled eq true", OrderBy: []string{"displayName"}}, advanced: true, filter: "accountEnabled eq true", orderBy: "displayName"},
		"count":            {query: graph.UserQuery{Count: true}, advanced: true},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := always(t, 200, `{"@odata.count":7,"value":[{"id":"1"}]}`)
			page, err := c.FindUsers(t.Context(), row.query, "")
			require.NoError(t, err)
			require.Len(t, page.Users, 1)
			require.NotNil(t, page.Count)
			assert.EqualValues(t, 7, *page.Count)

			sent := s.last(t)
			asked, err := url.ParseQuery(sent.query)
			require.NoError(t, err)
			assert.Equal(t, row.filter, asked.Get("$filter"))
			assert.Equal(t, row.search, asked.Get("$search"))
			assert.Equal(t, row.orderBy, asked.Get("$orderby"))
			assert.Contains(t, asked.Get("$select"), "licenseAssignmentStates")
			level, count := "", ""
			if row.advanced {
				level, count = "eventual", "true"
			}
			assert.Equal(t, level, sent.header.Get("ConsistencyLevel"))
			assert.Equal(t, count, asked.Get("$count"))
		})
	}
}

func TestFindUsersKeepsTheHeaderOnLaterPages(t *testing.T) {
	var s *server
	s = serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("$skiptoken") == "" {
			reply(w, 200, fmt.Sprintf(`{"value":[{"id":"1"}],"@odata.nextLink":"%s/v1.0/users?$count=true&$skiptoken=a"}`, s.URL))
			return
		}
		reply(w, 200, `{"value":[{"id":"2"}]}`)
	})
	c := s.client(t)
	query := graph.UserQuery{Filter: "usageLocation ne 'GB'"}
	first, err := c.FindUsers(t.Context(), query, "")
	require.NoError(t, err)
	assert.Nil(t, first.Count)
	second, err := c.FindUsers(t.Context(), query, first.Next)
	require.NoError(t, err)
	assert.Empty(t, second.Next)
	assert.Equal(t, "2", second.Users[0].Person.ID)
	assert.Equal(t, "eventual", s.last(t).header.Get("ConsistencyLevel"))
	_, err = c.FindUsers(t.Context(), graph.UserQuery{}, first.Next)
	require.NoError(t, err)
	assert.Empty(t, s.last(t).header.Get("ConsistencyLevel"))
}

func TestFindUsersDoesNotFollowForeignLinks(t *testing.T) {
	s, c := always(t, 200, `{"value":[]}`)
	_, err := c.FindUsers(t.Context(), graph.UserQuery{}, "https://graph.evil.example/v1.0/users")
	wantKind(t, err, fault.InvalidRequest, "foreign-link")
	assert.Empty(t, s.requests())
}

func TestSimulatedQueries(t *testing.T) {
	c := newContoso(t)
	page, err := c.graph.FindUsers(t.Context(), graph.UserQuery{Filter: "endsWith(userPrincipalName,'@contoso.example') and usageLocation ne 'GB'", Count: true}, "")
	require.NoError(t, err)
	require.NotEmpty(t, page.Users)
	require.NotNil(t, page.Count)
	assert.EqualValues(t, len(page.Users), *page.Count)
	for _, u := range page.Users {
		assert.NotEqual(t, "GB", u.UsageLocation)
	}
}
