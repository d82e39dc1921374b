package graphsim_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// round follows one round of change tracking to its delta link.
func (s *sim) round(link string, headers ...string) (entries []object, deltaLink string) {
	s.t.Helper()
	for {
		a := s.get(link, headers...)
		entries = append(entries, a.value()...)
		if next, ok := a.json["@odata.nextLink"].(string); ok {
			link = next
			continue
		}
		deltaLink, _ = a.json["@odata.deltaLink"].(string)
		require.True(s.t, strings.HasPrefix(deltaLink, s.url+"/v1.0/users/delta?$deltatoken="), deltaLink)
		return entries, deltaLink
	}
}

func TestDeltaTellsWhatChangedSinceTheLastRound(t *testing.T) {
	s := newSim(t, nil)
	all, link := s.round("/users/delta?$select=displayName,city,assignedLicenses", "Prefer", "odata.maxpagesize=4")
	assert.Len(t, all, 15)
	assert.Contains(t, all[0], "city")
	none, link := s.round(link)
	assert.Empty(t, none)

	s.tenant.SetPermissions("Directory.ReadWrite.All")
	require.Equal(t, 204, s.do("PATCH", "/users/anna.archer@contoso.example", object{"city": "Paris"}).status)
	require.Equal(t, 200, s.assign("emma.evans", license(nil, s.skuID("SPE_E5"))).status)
	laura := s.idOf("laura.lewis")
	require.Equal(t, 204, s.do("DELETE", "/users/"+laura, nil).status)
	changed, next := s.round(link)
	require.Len(t, changed, 3)
	assert.Equal(t, "Paris", changed[0]["city"])
	assert.Empty(t, changed[1]["assignedLicenses"])
	assert.NotContains(t, changed[0], "usageLocation", "links keep the selection")
	assert.Equal(t, object{"id": laura, "@removed": object{"reason": "changed"}}, changed[2])

	again, _ := s.round(link)
	assert.Len(t, again, 3, "a delta link can be used again")
	none, _ = s.round(next)
	assert.Empty(t, none)
	fresh, _ := s.round("/users/delta")
	assert.Len(t, fresh, 14)
}

func TestDeltaStartsAgainAfterTheTenantIsReplaced(t *testing.T) {
	s := newSim(t, nil)
	first := s.get("/users/delta", "Prefer", "odata.maxpagesize=4").json["@odata.nextLink"].(string)
	_, link := s.round("/users/delta")
	require.Equal(t, 204, s.do("PUT", "/_sim/state", s.tenant.State()).status)
	for _, expired := range []string{link, first, "/users/delta?$deltatoken=rubbish"} {
		a := s.do("GET", expired, nil)
		a.refused(410, "syncStateNotFound", "not found")
		assert.NotEmpty(t, a.header.Get("Location"))
	}
}

func TestDeltaFromNow(t *testing.T) {
	s := newSim(t, nil)
	none, link := s.round("/users/delta?$deltatoken=latest&$select=usageLocation")
	assert.Empty(t, none)
	require.Equal(t, 204, s.do("PATCH", "/users/mark.moore@contoso.example", object{"usageLocation": "FR"}).status)
	changed, _ := s.round(link)
	assert.Equal(t, []object{{"id": s.idOf("mark.moore"), "usageLocation": "FR"}}, changed)
}

func TestDeltaIsFilteredByIDOnly(t *testing.T) {
	s := newSim(t, nil)
	anna, ben := s.idOf("anna.archer"), s.idOf("ben.baker")
	two, link := s.round("/users/delta?$filter=" + url.QueryEscape("id eq '"+anna+"' or id eq '"+ben+"'"))
	assert.Len(t, two, 2)
	for _, user := range []string{"anna.archer", "emma.evans"} {
		require.Equal(t, 204, s.do("PATCH", "/users/"+user+"@contoso.example", object{"usageLocation": "FR"}).status)
	}
	one, _ := s.round(link)
	assert.Len(t, one, 1)
	s.do("GET", "/users/delta?$filter=city%20eq%20'London'", nil).refused(400, "Request_UnsupportedQuery", "id")
	var many []string
	for range 51 {
		many = append(many, "id eq '"+anna+"'")
	}
	s.do("GET", "/users/delta?$filter="+url.QueryEscape(strings.Join(many, " or ")), nil).refused(400, "Request_UnsupportedQuery", "50")
}
