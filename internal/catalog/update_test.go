package catalog_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/catalog"
	"tenure/internal/lifecycle"
)

// subscribers is the contract catalog with these field display policies for subscribers in the place of its own.
func subscribers(t testing.TB, policies string, oldNew ...string) *catalog.Catalog {
	t.Helper()
	const own = "  - name: licenses-elsewhere\n    target: subscriber\n    roles: [site-admin]\n    fields:\n      usageLocation: {access: read}\n      licenses: {access: read}\n"
	return parse(t, edited(t, append([]string{own, policies}, oldNew...)...))
}

func TestUpdateHasTheFieldsThatAreSet(t *testing.T) {
	c := subscribers(t, "")
	rules, err := c.UpdateOf(anna, london, lifecycle.Request{Set: map[string]string{
		"usageLocation": "fr", "licenses": "SPE_E5, MCOEV,SPE_E5", "groups": "All Staff", "number": "+44 20 7946 0010", "role": "site-admin",
		"policy.TeamsCallingPolicy": "AllOn", "policy.TenantDialPlan": "",
	}})
	require.NoError(t, err)
	assert.Equal(t, lifecycle.CoolingRule{Enabled: true, Days: 30}, rules.Cooling(london))
	assert.False(t, rules.LicensesRetained)
	assert.Equal(t, lifecycle.OnboardingRules{
		Site: london, TenantLevel: "acme/contoso",
		M365:        &lifecycle.M365Template{Name: "--set", UsageLocation: "FR", Demanded: true, Licenses: []lifecycle.LicenseWish{{SKU: "SPE_E5"}, {SKU: "MCOEV"}}},
		Teams:       &lifecycle.PolicyTemplate{Name: "--set", Policies: map[string]*string{"TeamsCallingPolicy": given("AllOn"), "TenantDialPlan": nil}},
		AddGroups:   &lifecycle.GroupTemplate{Name: "--set", Groups: []string{"All Staff"}},
		Number:      "+442079460010",
		ProfileRole: &lifecycle.Role{Name: "site-admin"},
	}, rules.Join)

	// One field alone leaves everything else untouched: no template, and none of the site's defaults.
	rules, err = c.UpdateOf(anna, london, lifecycle.Request{Set: map[string]string{"number": "none"}})
	require.NoError(t, err)
	assert.Equal(t, lifecycle.OnboardingRules{Site: london, TenantLevel: "acme/contoso", Number: "none"}, rules.Join)
}

// R131: the policy that names the role counts, else the one for everybody, else there is none.
func TestUpdateObeysTheFieldDisplayPolicyOfTheRole_R131(t *testing.T) {
	const everybody = `  - name: everybody
    target: subscriber
    fields:
      licenses: {access: read, value: SPE_E5}
      number: {access: hidden}
      policies: {access: read}
      policy.TenantDialPlan: {access: edit}
`
	const admins = `  - name: admins
    target: subscriber
    roles: [site-admin]
    fields: {usageLocation: {access: read}, role: {access: hidden}, policy.TenantDialPlan: {access: hidden}}
`
	all := map[string]string{
		"usageLocation": "GB", "licenses": "SPE_E5", "groups": "All Staff", "number": "next", "role": "site-admin",
		"policy.TeamsCallingPolicy": "AllOn", "policy.TenantDialPlan": "UK-Dialplan",
	}
	for _, test := range []struct {
		name, policies, role string
		// forbidden are the fields that cannot be set, with the policy's word for why.
		forbidden map[string]string
	}{
		{"no policy", "", "", nil},
		{"no policy, for a role", "", "site-admin", nil},
		{"the one for everybody", everybody, "", map[string]string{
			"licenses": "everybody makes it read-only", "number": "everybody hides it", "policy.TeamsCallingPolicy": "everybody makes it read-only",
		}},
		{"the one for everybody, for a role without its own", everybody + admins, "site-self-service", map[string]string{
			"licenses": "everybody makes it read-only", "number": "everybody hides it", "policy.TeamsCallingPolicy": "everybody makes it read-only",
		}},
		{"the role's", everybody + admins, "site-admin", map[string]string{
			"usageLocation": "admins makes it read-only", "role": "admins hides it", "policy.TenantDialPlan": "admins hides it",
		}},
		{"the role's alone, for another role", admins, "site-self-service", nil},
		{"the role's alone, for nobody in particular", admins, "", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := subscribers(t, test.policies)
			for field, value := range all {
				_, err := c.UpdateOf(anna, london, lifecycle.Request{ActAs: test.role, Set: map[string]string{field: value}})
				says, forbidden := test.forbidden[field]
				if !forbidden {
					assert.NoError(t, err, field)
					continue
				}
				r := refusal(t, err)
				assert.Equal(t, "field-not-editable", r.Code, field)
				assert.False(t, r.Invalid, "exit 5, not 3")
				assert.Contains(t, r.Message, says)
			}
		})
	}
}

// A value is what a blank field of a form starts as. An update has no blank fields: what is not set stays.
func TestUpdateIsNotFilledIn(t *testing.T) {
	c := subscribers(t, "  - {name: everybody, target: subscriber, fields: {usageLocation: {access: edit, value: FR}, groups: {access: hidden, value: All Staff}, policy.TenantDialPlan: {access: edit, value: FR-Dialplan}}}\n")
	rules, err := c.UpdateOf(anna, london, lifecycle.Request{Set: map[string]string{"role": "site-admin"}})
	require.NoError(t, err)
	assert.Equal(t, lifecycle.OnboardingRules{Site: london, TenantLevel: "acme/contoso", ProfileRole: &lifecycle.Role{Name: "site-admin"}}, rules.Join)
}

func TestUpdateFollowsTheNodeOfTheUser(t *testing.T) {
	c := parse(t, edited(t,
		"licenses: remove}", "licenses: retain}",
		"numberCooling: {enabled: false}\n", "numberCooling: {enabled: false}\n                offboarding: {licenses: remove}\n                staging: {enabled: true}\n"))
	for _, test := range []struct {
		at                string
		retained, staging bool
	}{
		{london, true, false}, // inherited
		{"acme/contoso/emea/paris", false, true},
		{"acme/contoso", true, false}, // the tenant level is a node like any
	} {
		rules, err := c.UpdateOf(anna, test.at, lifecycle.Request{Set: map[string]string{"usageLocation": "GB"}})
		require.NoError(t, err)
		assert.Equal(t, test.at, rules.Join.Site)
		assert.Equal(t, test.retained, rules.LicensesRetained, "R36 at %s", test.at)
		assert.Equal(t, test.staging, rules.Join.Staging, test.at)
	}
	rules, err := c.UpdateOf(catalog.User{UserPrincipalName: "svc-backup@contoso.com"}, london, lifecycle.Request{Set: map[string]string{"usageLocation": "GB"}})
	require.NoError(t, err)
	assert.Equal(t, "service account", rules.Join.Protected)
}

func TestUpdateRefusals(t *testing.T) {
	c := parse(t, read(t, contract))
	for _, test := range []struct {
		name, at, role, field, value string
		code                         string
		invalid                      bool
		says                         string
	}{
		{"a node that is gone", "acme/contoso/emea/rome", "", "usageLocation", "GB", "unknown-node", false, "place the user"},
		{"no tenant above", "acme", "", "usageLocation", "GB", "no-tenant", false, "acme"},
		{"an unknown role to act as", london, "site-admn", "usageLocation", "GB", "unknown-role", true, `did you mean "site-admin"?`},
		{"nothing", london, "", "", "", "nothing-to-update", true, "usageLocation, licenses, groups, number, role, policy.TYPE"},
		{"a read-only field", london, "site-admin", "licenses", "SPE_E5", "field-not-editable", false, "licenses-elsewhere makes it read-only"},
		{"a field of the directory", london, "", "city", "Paris", "field-not-editable", false, "belongs to the directory"},
		{"an unknown field", london, "", "license", "SPE_E5", "unknown-field", true, `did you mean "licenses"?`},
		{"an unknown policy type", london, "", "policy.teamsCallingPolicy", "AllOn", "unknown-field", true, "policy.teamsCallingPolicy"},
		{"policies as a whole", london, "", "policies", "AllOn", "unknown-field", true, "policies"},
		{"a custom string", london, "", "custom_string_1", "x", "unknown-field", true, "serves templates"},
		{"a custom boolean", london, "", "custom_boolean_10", "true", "unknown-field", true, "serves templates"},
		{"no country", london, "", "usageLocation", "Britain", "invalid-value", true, "two letters"},
		{"a usage location cleared", london, "", "usageLocation", "", "invalid-value", true, "usageLocation"},
		{"licenses cleared", london, "", "licenses", "", "invalid-value", true, "licenses"},
		{"no number", london, "", "number", "soon", "invalid-value", true, "next, none"},
		{"an unknown role", london, "", "role", "site-admn", "unknown-role", true, `did you mean "site-admin"?`},
		{"R72 a role of another level", london, "", "role", "customer-self-service", "role-not-allowed", false, "site-self-service, site-admin"},
		{"R72 a site's role at the tenant level", "acme/contoso", "", "role", "site-admin", "role-not-allowed", false, "customer-self-service"},
	} {
		t.Run(test.name, func(t *testing.T) {
			set := map[string]string{}
			if test.field != "" {
				set[test.field] = test.value
			}
			_, err := c.UpdateOf(anna, test.at, lifecycle.Request{ActAs: test.role, Set: set})
			r := refusal(t, err)
			assert.Equal(t, test.code, r.Code)
			assert.Equal(t, test.invalid, r.Invalid)
			assert.Contains(t, r.Error(), test.says)
		})
	}
}

// Number and role are fields of every update; of an onboarding only where the policy makes them ones.
func TestNumberAndRoleAreFieldsOfAnUpdate(t *testing.T) {
	c := parse(t, read(t, contract))
	for field, value := range map[string]string{"number": "next", "role": "site-admin"} {
		set := map[string]string{field: value}
		_, err := c.UpdateOf(anna, london, lifecycle.Request{Set: set})
		assert.NoError(t, err)
		_, err = c.OnboardingOf(anna, lifecycle.Request{Site: london, Set: set})
		assert.Equal(t, "unknown-field", refusal(t, err).Code)
	}
}

// R35, R36: the example for where licenses are managed elsewhere asks for no permission for them and lets nobody edit them.
func TestTheExampleForLicensesElsewhere(t *testing.T) {
	c := parse(t, read(t, "../../examples/licenses-elsewhere.yaml"))
	assert.Empty(t, c.Notes())
	needs := because(t, c, "contoso")
	assert.NotContains(t, needs, lifecycle.FeatureLicenses)
	assert.NotContains(t, needs, lifecycle.FeatureUsageLocation)
	for _, role := range append(c.Roles(), catalog.Role{}) {
		for field, value := range map[string]string{"usageLocation": "GB", "licenses": "SPE_E5"} {
			_, err := c.UpdateOf(anna, "acme/contoso/london", lifecycle.Request{ActAs: role.Name, Set: map[string]string{field: value}})
			assert.Equal(t, "field-not-editable", refusal(t, err).Code, "%s as %q", field, role.Name)
			_, err = c.OnboardingOf(anna, lifecycle.Request{Site: "london", Group: "sales", ActAs: role.Name, Set: map[string]string{field: value}})
			assert.Equal(t, "field-not-editable", refusal(t, err).Code, "%s as %q", field, role.Name)
		}
		rules, err := c.UpdateOf(anna, "acme/contoso/london", lifecycle.Request{ActAs: role.Name, Set: map[string]string{"number": "next", "policy.TenantDialPlan": ""}})
		require.NoError(t, err)
		assert.True(t, rules.LicensesRetained)
	}
	assert.Nil(t, onboarded(t, c, lifecycle.Request{Site: "london", Group: "sales"}).M365, "R21")
	leaving, err := c.Offboarding("acme/contoso/london", "")
	require.NoError(t, err)
	assert.Equal(t, lifecycle.Retain, leaving.Licenses)
}
