package catalog_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/catalog"
	"tenure/internal/lifecycle"
)

func TestPlaceTakesTheFirstRuleThatMatches_R115(t *testing.T) {
	c := parse(t, edited(t, "protected:", "  - {site: newyork, when: 'user.accountEnabled && node.name == \"contoso\" && site.defaults.usageLocation == \"US\"'}\n\nprotected:"))
	for _, test := range []struct {
		name string
		user catalog.User
		rule int
		site string
	}{
		{"first", catalog.User{City: "London", UserType: "Member", AccountEnabled: true}, 1, london},
		{"both parts of a condition", catalog.User{City: "London", UserType: "Guest"}, 0, ""},
		{"second", catalog.User{City: "Paris 9e", AccountEnabled: true}, 2, "acme/contoso/emea/paris"},
		{"last, over site and node", catalog.User{AccountEnabled: true}, 3, "acme/contoso/newyork"},
		{"none", catalog.User{}, 0, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			placed, ok, err := c.Place("contoso", test.user)
			require.NoError(t, err)
			require.Equal(t, test.rule != 0, ok)
			assert.Equal(t, test.rule, placed.Rule)
			if ok {
				assert.Equal(t, test.site, placed.Site.Path())
				assert.Contains(t, placed.Text, test.site+" when ")
			}
		})
	}
	placed, _, _ := c.Place("contoso", catalog.User{City: "London", UserType: "Member"})
	assert.Equal(t, "london-sales", placed.Onboard.Name)
	assert.Equal(t, "uk-sales", placed.Onboard.QuickAddGroup.Name)
}

func TestPlaceAgainOnlyWhoHasChangedInWhatTheRuleReads_R117(t *testing.T) {
	c := parse(t, edited(t, "protected:", "  - {site: newyork, when: 'true'}\n\nprotected:"))
	was := catalog.User{City: "London", UserType: "Member", Department: "Sales"}
	for name, row := range map[string]struct {
		change func(*catalog.User)
		site   string
	}{
		"nothing":                            {func(*catalog.User) {}, ""},
		"what no rule reads":                 {func(u *catalog.User) { u.Department, u.AccountEnabled, u.DisplayName = "IT", true, "New" }, ""},
		"into another site":                  {func(u *catalog.User) { u.City = "Paris" }, "acme/contoso/emea/paris"},
		"away, to a rule that reads nothing": {func(u *catalog.User) { u.City = "Oslo" }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			is := was
			row.change(&is)
			placed, ok, err := c.PlaceAgain("contoso", is, was)
			require.NoError(t, err)
			require.Equal(t, row.site != "", ok)
			if ok {
				assert.Equal(t, row.site, placed.Site.Path())
			}
		})
	}
	placed, ok, err := c.PlaceAgain("contoso", was, catalog.User{City: "London", UserType: "Guest"})
	require.NoError(t, err)
	require.True(t, ok, "any attribute that the rule reads counts")
	assert.Equal(t, london, placed.Site.Path())
}

func TestPlacePassesOverSitesOfOtherTenants(t *testing.T) {
	text := edited(t, "      tenant: contoso\n", "", "level: intermediate\n", "level: intermediate\n          tenant: europe\n", "        - name: newyork\n", "        - name: newyork\n          tenant: america\n",
		"protected:", "  - {site: newyork, when: 'true'}\n\nprotected:")
	c := parse(t, text)
	user := catalog.User{City: "London", UserType: "Member"}
	for tenant, site := range map[string]string{"europe": london, "america": "acme/contoso/newyork", "nowhere": ""} {
		placed, ok, err := c.Place(tenant, user)
		require.NoError(t, err)
		require.Equal(t, site != "", ok, tenant)
		if ok {
			assert.Equal(t, site, placed.Site.Path())
		}
	}
}

func TestConditionsAreBounded(t *testing.T) {
	// Nothing short of nested loops over literals is dear enough; a catalog must not stop the worker with one.
	ten := "[0,1,2,3,4,5,6,7,8,9]"
	dear := ten + ".all(a, " + ten + ".all(b, " + ten + ".all(c, " + ten + ".all(d, " + ten + ".all(e, a + b + c + d + e >= 0 || user.city == \"x\")))))"
	c := parse(t, edited(t, `'user.city == "London" && user.userType == "Member"'`, "'"+dear+"'", `'user.userPrincipalName.startsWith("svc-")'`, "'"+dear+"'"))
	_, _, err := c.Place("contoso", catalog.User{})
	require.ErrorContains(t, err, "placement rule 1")
	require.ErrorContains(t, err, "cost limit")

	reason, protected := c.Protected(catalog.User{})
	assert.True(t, protected, "a rule that cannot be evaluated protects")
	assert.Contains(t, reason, "cannot be evaluated")
}

func TestProtected(t *testing.T) {
	c := parse(t, edited(t, "reason: service account}", "reason: service account}\n  - {when: user.department == 'Board', reason: the board}"))
	for _, test := range []struct {
		user   catalog.User
		reason string
	}{
		{catalog.User{UserPrincipalName: "svc-scan@contoso.com"}, "service account"},
		{catalog.User{UserPrincipalName: "svc-scan@contoso.com", Department: "Board"}, "service account"},
		{catalog.User{UserPrincipalName: "ann@contoso.com", Department: "Board"}, "the board"},
		{catalog.User{UserPrincipalName: "ann@contoso.com"}, ""},
	} {
		reason, protected := c.Protected(test.user)
		assert.Equal(t, test.reason != "", protected)
		assert.Equal(t, test.reason, reason)
	}
}

func TestUserOfASnapshot(t *testing.T) {
	person := lifecycle.Person{ID: "1", UserPrincipalName: "u", DisplayName: "d", Guest: true, Enabled: true, GivenName: "g", Surname: "s", City: "c", Department: "e", Country: "o", JobTitle: "j"}
	assert.Equal(t, catalog.User{
		ID: "1", UserPrincipalName: "u", DisplayName: "d", UserType: "Guest", AccountEnabled: true, GivenName: "g", Surname: "s",
		City: "c", Department: "e", Country: "o", JobTitle: "j", UsageLocation: "GB",
	}, catalog.UserOf(lifecycle.Snapshot{Person: person, UsageLocation: "GB"}))
	assert.Equal(t, "Member", catalog.UserOf(lifecycle.Snapshot{}).UserType)
}
