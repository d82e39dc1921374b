package catalog_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/catalog"
	"tenure/internal/lifecycle"
)

const london = "acme/contoso/emea/london"

func TestOffboardingWithoutAGroupFollowsTheSettings_R58(t *testing.T) {
	c := parse(t, edited(t, "retainAtSite: false", "retainAtSite: true", "licenses: remove}", "licenses: retain}"))
	rules, err := c.Offboarding(london, "")
	require.NoError(t, err)
	assert.Equal(t, "acme/contoso", rules.TenantLevel)
	assert.True(t, rules.RetainAtSite, "R59")
	assert.Equal(t, lifecycle.Retain, rules.Licenses, "R54")
	assert.Nil(t, rules.Teams)
	assert.Nil(t, rules.RemoveGroups)
	assert.Equal(t, &lifecycle.Role{Name: "customer-self-service", SelfService: true}, rules.DefaultRole, "R71")
	assert.Nil(t, rules.CurrentRole)
	assert.Equal(t, lifecycle.CoolingRule{Enabled: true, Days: 30}, rules.Cooling(london))
	assert.False(t, rules.Cooling("acme/contoso/emea/paris").Enabled)
}

func TestOffboardingGroupOverridesTheLicenses(t *testing.T) {
	for _, test := range []struct {
		setting string
		group   string
		want    lifecycle.LicenseMode
	}{
		{"remove", "", lifecycle.Remove},
		{"remove", "leaver", lifecycle.Remove},
		{"remove", "leaver-keeps-licenses", lifecycle.Retain},
		{"retain", "leaver", lifecycle.Retain},
		{"retain", "leaver-removes", lifecycle.Remove},
	} {
		c := parse(t, edited(t, "licenses: remove}", "licenses: "+test.setting+"}",
			"  - {name: leaver, ", "  - {name: leaver-removes, node: contoso, offboarding: true, licenses: remove}\n  - {name: leaver, "))
		rules, err := c.Offboarding(london, test.group)
		require.NoError(t, err)
		assert.Equal(t, test.want, rules.Licenses, "setting %s, group %q", test.setting, test.group)
	}
}

func TestOffboardingResolvesTheTemplates_R50a_R50d(t *testing.T) {
	c := parse(t, edited(t, "TeamsCallingPolicy: null", "TeamsCallingPolicy: 'Leaver-${node.name}'", "TeamsEmergencyCallingPolicy: null", "TeamsMeetingPolicy: '${site.defaults.policies.TeamsMeetingPolicy}'"))
	for _, test := range []struct{ at, calling string }{
		{london, "Leaver-london"},
		{"acme/contoso", "Leaver-contoso"}, // the tenant level is a node like any
	} {
		rules, err := c.Offboarding(test.at, "leaver")
		require.NoError(t, err)
		assert.Equal(t, &lifecycle.PolicyTemplate{Name: "no-voice", Policies: map[string]*string{
			"OnlineVoiceRoutingPolicy": nil, "TenantDialPlan": nil, "TeamsCallingPolicy": &test.calling,
			// TeamsMeetingPolicy yields nothing, so it counts as absent.
		}}, rules.Teams)
		assert.Equal(t, &lifecycle.GroupTemplate{Name: "license-groups", Groups: []string{"License E3", "License Phone"}}, rules.RemoveGroups)
	}
}

func TestOffboardingRefusals(t *testing.T) {
	text := edited(t,
		"  - {name: leaver, node: contoso", "  - {name: paris-leaver, node: paris, offboarding: true}\n  - {name: paris-joiner, node: paris}\n  - {name: by-city, node: contoso, offboarding: true, teamsUser: by-city}\n  - {name: leaver, node: contoso",
		"    - name: no-voice", "    - {name: by-city, policies: {TeamsCallingPolicy: '${user.city}'}}\n    - name: no-voice")
	c := parse(t, text)
	for _, test := range []struct {
		name, node, group string
		code              string
		invalid           bool
		hint              string
	}{
		{"unknown group", london, "leavr", "unknown-group", true, "quick add groups: "},
		{"group of another site", london, "paris-leaver", "group-not-visible", false, "at acme/contoso/emea/london: by-city, leaver, leaver-keeps-licenses"},
		{"invisible before unflagged", london, "paris-joiner", "group-not-visible", false, "leaver"},
		{"without the flag", london, "uk-sales", "group-not-for-offboarding", false, "at acme/contoso/emea/london: by-city, leaver, leaver-keeps-licenses"},
		{"a site group at the tenant level", "acme/contoso", "paris-leaver", "group-not-visible", false, "leaver"},
		{"node that is gone", "acme/contoso/emea/rome", "leaver", "unknown-node", false, "place the user"},
		{"a name is no path", "london", "leaver", "unknown-node", false, "place the user"},
		{"no tenant above", "acme", "", "no-tenant", false, ""},
		{"expression over a user that is not given", london, "by-city", "expression-error", false, "correct the expression"},
	} {
		t.Run(test.name, func(t *testing.T) {
			rules, err := c.Offboarding(test.node, test.group)
			r := refusal(t, err)
			assert.Equal(t, test.code, r.Code)
			assert.Equal(t, test.invalid, r.Invalid)
			assert.Contains(t, r.Hint, test.hint)
			assert.Zero(t, rules.TenantLevel)
		})
	}

	rules, err := c.OffboardingOf(catalog.User{City: "Oslo"}, london, "by-city")
	require.NoError(t, err)
	assert.Equal(t, "Oslo", *rules.Teams.Policies["TeamsCallingPolicy"])
	assert.Empty(t, rules.Protected)
}

func TestOffboardingOfAProtectedUser(t *testing.T) {
	c := parse(t, read(t, contract))
	rules, err := c.OffboardingOf(catalog.User{UserPrincipalName: "svc-backup@contoso.com"}, london, "leaver")
	require.NoError(t, err)
	assert.Equal(t, "service account", rules.Protected)
}
