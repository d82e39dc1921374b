package catalog_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/catalog"
	"tenure/internal/lifecycle"
)

// small is a catalog of one site, put together from flow mappings; what is empty is left out.
type small struct {
	settings, defaults string
	// m365, teams and groups are the bodies of the templates of quick add group g.
	m365, teams, groups string
	// profile is what profile p has beside the group g, fields the fields of the field display policy form.
	profile, fields string
}

func (s small) parse(t testing.TB) *catalog.Catalog {
	t.Helper()
	part := func(format, body string) string {
		if body == "" {
			return ""
		}
		return fmt.Sprintf(format, body)
	}
	return parse(t, "apiVersion: tenure/v1\nhierarchy:\n  {name: c, level: customer, tenant: t, children: [{name: s, level: site"+
		part(", settings: %s", s.settings)+part(", defaults: %s", s.defaults)+"}]}\n"+
		"roles:\n"+
		"  - {name: home, interface: selfService, levels: [customer], default: true}\n"+
		"  - {name: local, interface: selfService, levels: [site], default: true}\n"+
		"  - {name: boss, interface: admin, levels: [site]}\n"+
		"  - {name: deputy, interface: admin, levels: [site]}\n"+
		"templates:\n"+
		part("  m365User: [{name: m, %s}]\n", s.m365)+part("  teamsUser: [{name: t, %s}]\n", s.teams)+part("  addGroups: [{name: a, %s}]\n", s.groups)+
		"  removeGroups: []\n"+
		"quickAddGroups:\n  - {name: g, node: c"+part(", m365User: m%.0s", s.m365)+part(", teamsUser: t%.0s", s.teams)+part(", addGroups: a%.0s", s.groups)+"}\n"+
		"profiles:\n  - {name: p, quickAddGroup: g"+part(", %s", s.profile)+"}\n"+
		part("fieldDisplayPolicies:\n  - name: form\n    target: onboarding\n    fields: {%s}\n", s.fields)+
		"protected:\n  - {when: 'user.userPrincipalName.startsWith(\"svc-\")', reason: service account}\n")
}

var anna = catalog.User{UserPrincipalName: "anna@contoso.com", DisplayName: "Anna", Country: "SE", UserType: "Member"}

func onboarded(t testing.TB, c *catalog.Catalog, request lifecycle.Request) lifecycle.OnboardingRules {
	t.Helper()
	if request.Site == "" {
		request.Site = "s"
	}
	rules, err := c.OnboardingOf(anna, request)
	require.NoError(t, err)
	return rules
}

func given(s string) *string { return &s }

func TestOnboardingByAQuickAddGroup(t *testing.T) {
	c := parse(t, read(t, contract))
	for _, site := range []string{"london", london} {
		rules, err := c.OnboardingOf(anna, lifecycle.Request{Site: site, Group: "uk-sales"})
		require.NoError(t, err)
		assert.Equal(t, lifecycle.OnboardingRules{
			Site: london, TenantLevel: "acme/contoso",
			M365: &lifecycle.M365Template{Name: "e5-voice", UsageLocation: "GB", Licenses: []lifecycle.LicenseWish{{SKU: "SPE_E5"}, {SKU: "MCOEV"}}},
			Teams: &lifecycle.PolicyTemplate{Name: "voice", Policies: map[string]*string{
				"TeamsCallingPolicy": given("AllOn"), "TenantDialPlan": given("UK-Dialplan"),
				"OnlineVoiceRoutingPolicy": given("UK-National"), "TeamsEmergencyCallingPolicy": given("London-E911"),
			}},
			AddGroups:              &lifecycle.GroupTemplate{Name: "staff", Groups: []string{"All Staff"}},
			DefaultRole:            &lifecycle.Role{Name: "site-self-service", SelfService: true},
			LicensePermissionFails: true,
		}, rules, site)
	}
}

// R130: the profile adds a number and a role, and --number wins over the profile's.
func TestOnboardingByAProfile_R130(t *testing.T) {
	c := parse(t, read(t, contract))
	byGroup, err := c.OnboardingOf(anna, lifecycle.Request{Site: london, Group: "uk-sales"})
	require.NoError(t, err)
	for asked, want := range map[string]string{"": "next", "none": "none", "+44 20 7946 0000": "+442079460000"} {
		rules, err := c.OnboardingOf(anna, lifecycle.Request{Site: london, Profile: "london-sales", Number: asked})
		require.NoError(t, err)
		assert.Equal(t, want, rules.Number)
		assert.Equal(t, &lifecycle.Role{Name: "site-self-service", SelfService: true}, rules.ProfileRole)
		rules.Number, rules.ProfileRole = "", nil
		assert.Equal(t, byGroup, rules)
	}
}

// R131: neither a group nor a profile; the field display policy and what it lets somebody set.
func TestOnboardingByTheFieldDisplayPolicy_R131(t *testing.T) {
	c := parse(t, read(t, contract))
	rules, err := c.OnboardingOf(anna, lifecycle.Request{Site: "paris", Set: map[string]string{"groups": " All Staff ,, Voice,All Staff"}})
	require.NoError(t, err)
	assert.Equal(t, &lifecycle.M365Template{Name: "onboarding-default", UsageLocation: "FR"}, rules.M365)
	assert.Equal(t, &lifecycle.GroupTemplate{Name: "onboarding-default", Groups: []string{"All Staff", "Voice"}}, rules.AddGroups)
	assert.Nil(t, rules.Teams, "no policy has a value, so the site's defaults don't apply either")
	assert.Empty(t, rules.Number)
	assert.Nil(t, rules.ProfileRole)
}

func TestEmergencyLocationIsTheSitesOrInherited(t *testing.T) {
	text := func(tenant, site string) string {
		return "apiVersion: tenure/v1\nhierarchy: {name: c, level: customer, tenant: t, defaults: {" + tenant + "}, children: [{name: s, level: site, defaults: {" + site + "}}]}\n"
	}
	for defaults, want := range map[[2]string]string{
		{"", ""}:                          "",
		{"emergencyLocation: office", ""}: "office",
		{"emergencyLocation: office", "emergencyLocation: site"}: "site",
		{"emergencyLocation: office", "emergencyLocation: null"}: "",
	} {
		rules, err := parse(t, text(defaults[0], defaults[1])).OnboardingOf(anna, lifecycle.Request{Site: "s"})
		require.NoError(t, err)
		assert.Equal(t, want, rules.EmergencyLocation, defaults)
	}
}

// A field that is hidden or only shown starts as the policy's value all the same.
func TestTheAccessDoesNotTouchTheValue_R131(t *testing.T) {
	for _, access := range []string{"hidden", "read", "edit"} {
		c := small{fields: "usageLocation: {access: " + access + ", value: IT}, policy.TeamsCallingPolicy: {access: " + access + ", value: AllOn}"}.parse(t)
		rules := onboarded(t, c, lifecycle.Request{})
		assert.Equal(t, "IT", rules.M365.UsageLocation)
		assert.False(t, rules.M365.Demanded)
		assert.Equal(t, map[string]*string{"TeamsCallingPolicy": given("AllOn")}, rules.Teams.Policies)
	}
}

// R4: whichever way in, equal values are equal rules; only what the templates are called tells them apart.
func TestTheThreeWaysInAreEqual_R4(t *testing.T) {
	defaults := "{usageLocation: GB, policies: {TenantDialPlan: UK, OnlineVoiceRoutingPolicy: null}}"
	type value struct{ yaml, set string }
	locations := []value{{}, {"DE", "DE"}, {"'${site.defaults.usageLocation}'", "gb"}, {"'${user.country}'", " SE "}}
	licenses := []value{{}, {"[SPE_E5]", "SPE_E5"}, {"[SPE_E5, '${user.country}-Phone']", "SPE_E5, SE-Phone"}}
	policies := []map[string]value{
		nil,
		{"TeamsCallingPolicy": {"AllOn", "AllOn"}},
		{"TenantDialPlan": {"null", ""}, "OnlineVoiceRoutingPolicy": {"'${site.defaults.policies.TenantDialPlan}-Route'", "UK-Route"}},
	}
	groups := []value{{}, {"[All Staff, Voice]", "All Staff,Voice"}}
	numbers := []value{{}, {"next", "next"}, {"'+442079460000'", "+44 (20) 7946 0000"}}
	roles := []value{{}, {"boss", "boss"}}

	compared := 0
	for _, location := range locations {
		for _, license := range licenses {
			for _, policy := range policies {
				for _, group := range groups {
					for i, number := range numbers {
						role := roles[i%len(roles)]
						byGroup := small{defaults: defaults, fields: "number: {access: edit}, role: {access: edit}"}
						byFields := small{defaults: defaults}
						set := map[string]string{}
						add := func(field string, v value, template *string) {
							if v.yaml == "" {
								return
							}
							byFields.fields += ", " + field + ": {access: read, value: " + v.yaml + "}"
							set[field] = v.set
							if template != nil {
								*template += ", " + strings.TrimPrefix(field, "policy.") + ": " + v.yaml
							}
						}
						var teams string
						add("usageLocation", location, &byGroup.m365)
						add("licenses", license, &byGroup.m365)
						add("groups", group, &byGroup.groups)
						add("number", number, &byGroup.profile)
						add("role", role, &byGroup.profile)
						for _, name := range slices.Sorted(maps.Keys(policy)) {
							add("policy."+name, policy[name], &teams)
						}
						for _, body := range []*string{&byGroup.m365, &byGroup.groups, &byGroup.profile, &byFields.fields, &teams} {
							*body = strings.TrimPrefix(*body, ", ")
						}
						if teams != "" {
							byGroup.teams = "policies: {" + teams + "}"
						}

						c := byGroup.parse(t)
						numberAndRole := map[string]string{}
						if role.set != "" {
							numberAndRole["role"] = role.set
						}
						ways := map[string]lifecycle.OnboardingRules{
							"quick add group": onboarded(t, c, lifecycle.Request{Group: "g", Number: number.set, Set: numberAndRole}),
							"profile":         onboarded(t, c, lifecycle.Request{Profile: "p"}),
							"policy":          onboarded(t, byFields.parse(t), lifecycle.Request{}),
							"set":             onboarded(t, c, lifecycle.Request{Set: set}),
						}
						if location.set != "" {
							require.True(t, ways["set"].M365.Demanded, "what is set is a demand (architecture.md §5.4)")
							ways["set"].M365.Demanded = false
						}
						want := nameless(ways["quick add group"])
						for way, rules := range ways {
							require.Equal(t, want, nameless(rules), "%s: %s", way, fmt.Sprint(location, license, policy, group, number))
						}
						require.Equal(t, location.yaml != "" || license.yaml != "", want.M365 != nil, "R21")
						require.Equal(t, policy != nil, want.Teams != nil)
						require.Equal(t, group.yaml != "", want.AddGroups != nil)
						require.Empty(t, want.Warnings)
						compared++
					}
				}
			}
		}
	}
	assert.Equal(t, 4*3*3*2*3, compared)
}

func nameless(r lifecycle.OnboardingRules) lifecycle.OnboardingRules {
	if r.M365 != nil {
		m := *r.M365
		m.Name, r.M365 = "", &m
	}
	if r.Teams != nil {
		r.Teams = &lifecycle.PolicyTemplate{Policies: r.Teams.Policies}
	}
	if r.AddGroups != nil {
		r.AddGroups = &lifecycle.GroupTemplate{Groups: r.AddGroups.Groups}
	}
	return r
}

// Every combination of sources, for every kind of field: what is set, then template or profile, then the policy's value,
// then the site's default.
func TestThePrecedenceOfAValue_R11(t *testing.T) {
	type field struct {
		name string
		// values are what set, template, policy and site say.
		values [4]string
		result func(lifecycle.OnboardingRules) string
	}
	policyResult := func(name string) func(lifecycle.OnboardingRules) string {
		return func(r lifecycle.OnboardingRules) string {
			if r.Teams == nil || r.Teams.Policies[name] == nil {
				return ""
			}
			return *r.Teams.Policies[name]
		}
	}
	for _, f := range []field{
		{"usageLocation", [4]string{"AA", "BB", "CC", "DD"}, func(r lifecycle.OnboardingRules) string {
			if r.M365 == nil {
				return ""
			}
			return r.M365.UsageLocation
		}},
		{"licenses", [4]string{"set", "template", "policy"}, func(r lifecycle.OnboardingRules) string {
			if r.M365 == nil || len(r.M365.Licenses) == 0 {
				return ""
			}
			return r.M365.Licenses[0].SKU
		}},
		{"groups", [4]string{"set", "template", "policy"}, func(r lifecycle.OnboardingRules) string {
			if r.AddGroups == nil {
				return ""
			}
			return strings.Join(r.AddGroups.Groups, ",")
		}},
		{"policy.TenantDialPlan", [4]string{"set", "template", "policy", "site"}, policyResult("TenantDialPlan")},
		{"policy.TeamsCallingPolicy", [4]string{"set", "template", "policy"}, policyResult("TeamsCallingPolicy")},
		{"number", [4]string{"none", "next", "+442079460000"}, func(r lifecycle.OnboardingRules) string { return r.Number }},
		{"role", [4]string{"boss", "deputy", "local"}, func(r lifecycle.OnboardingRules) string {
			if r.ProfileRole == nil {
				return ""
			}
			return r.ProfileRole.Name
		}},
	} {
		for sources := range 16 {
			says := func(source int) bool { return sources&(1<<source) != 0 && f.values[source] != "" }
			// Every template exists, so that only the values decide.
			s := small{m365: "licenses: []", teams: "policies: {}", groups: "groups: []", fields: f.name + ": {access: edit}"}
			request := lifecycle.Request{Profile: "p"}
			if says(0) {
				request.Set = map[string]string{f.name: f.values[0]}
			}
			if says(1) {
				policy, isPolicy := strings.CutPrefix(f.name, "policy.")
				switch {
				case isPolicy:
					s.teams = "policies: {" + policy + ": " + f.values[1] + "}"
				case f.name == "usageLocation":
					s.m365 = "usageLocation: " + f.values[1]
				case f.name == "licenses":
					s.m365 = "licenses: [" + f.values[1] + "]"
				case f.name == "groups":
					s.groups = "groups: [" + f.values[1] + "]"
				default:
					s.profile = f.name + ": " + f.values[1]
				}
			}
			if says(2) {
				s.fields = f.name + ": {access: edit, value: '" + f.values[2] + "'}"
			}
			if says(3) {
				s.defaults = "{usageLocation: DD, policies: {TenantDialPlan: site}}"
			}
			want := ""
			for source, value := range f.values {
				// The site's usage location is for expressions, never a value of its own (R16).
				if says(source) && want == "" && !(source == 3 && f.name == "usageLocation") {
					want = value
				}
			}
			assert.Equal(t, want, f.result(onboarded(t, s.parse(t), request)), "%s, sources %04b", f.name, sources)
		}
	}
}

// R21: a template that the quick add group leaves out stays out, whatever the field display policy fills in; what
// somebody sets makes it up.
func TestAGroupWithoutATemplate_R21(t *testing.T) {
	s := small{
		defaults: "{policies: {TenantDialPlan: UK}}",
		fields:   "usageLocation: {access: edit, value: GB}, licenses: {access: edit, value: [SPE_E5]}, groups: {access: edit, value: [Staff]}, policy.TeamsCallingPolicy: {access: edit, value: AllOn}",
	}
	for _, request := range []lifecycle.Request{{Group: "g"}, {Profile: "p"}} {
		rules := onboarded(t, s.parse(t), request)
		assert.Nil(t, rules.M365)
		assert.Nil(t, rules.Teams)
		assert.Nil(t, rules.AddGroups)

		request.Set = map[string]string{"usageLocation": "FR", "groups": "A", "policy.TeamsMeetingPolicy": "Kiosk"}
		rules = onboarded(t, s.parse(t), request)
		assert.Equal(t, &lifecycle.M365Template{Name: "--set", UsageLocation: "FR", Demanded: true}, rules.M365)
		assert.Equal(t, &lifecycle.GroupTemplate{Name: "--set", Groups: []string{"A"}}, rules.AddGroups)
		assert.Equal(t, &lifecycle.PolicyTemplate{Name: "--set", Policies: map[string]*string{
			"TeamsMeetingPolicy": given("Kiosk"), "TenantDialPlan": given("UK"),
		}}, rules.Teams)
	}

	s.m365 = "licenses: null"
	rules := onboarded(t, s.parse(t), lifecycle.Request{Group: "g"})
	assert.Equal(t, &lifecycle.M365Template{Name: "m", UsageLocation: "GB", Clear: true}, rules.M365, "a template that is there has its blanks filled")
}

func TestTheThreeValuesOfAField(t *testing.T) {
	both := []lifecycle.Request{{Group: "g"}, {}}
	for _, test := range []struct {
		name  string
		small small
		// want are the rules by the group and by the fields.
		want func(lifecycle.OnboardingRules) any
		as   [2]any
	}{
		{"licenses absent (R23)", small{m365: "usageLocation: GB", fields: "usageLocation: {access: edit, value: GB}"},
			func(r lifecycle.OnboardingRules) any { return []any{r.M365.Licenses == nil, r.M365.Clear} }, [2]any{[]any{true, false}, []any{true, false}}},
		{"licenses blank (R23)", small{m365: "usageLocation: GB, licenses: []", fields: "usageLocation: {access: edit, value: GB}, licenses: {access: edit, value: []}"},
			func(r lifecycle.OnboardingRules) any { return []any{r.M365.Licenses == nil, r.M365.Clear} }, [2]any{[]any{true, false}, []any{true, false}}},
		{"licenses null", small{m365: "licenses: null", fields: "licenses: {access: edit, value: null}"},
			func(r lifecycle.OnboardingRules) any { return []any{r.M365.Licenses == nil, r.M365.Clear} }, [2]any{[]any{true, true}, []any{true, true}}},
		{"usage location null writes nothing", small{m365: "usageLocation: null", fields: "usageLocation: {access: edit, value: null}"},
			func(r lifecycle.OnboardingRules) any { return r.M365 }, [2]any{&lifecycle.M365Template{Name: "m"}, (*lifecycle.M365Template)(nil)}},
		{"a policy null clears over the site's default (R11)", small{
			defaults: "{policies: {TenantDialPlan: UK, TeamsMeetingPolicy: null}}",
			teams:    "policies: {TenantDialPlan: null}", fields: "policy.TenantDialPlan: {access: edit, value: null}",
		}, func(r lifecycle.OnboardingRules) any { return r.Teams.Policies }, [2]any{
			map[string]*string{"TenantDialPlan": nil, "TeamsMeetingPolicy": nil}, map[string]*string{"TenantDialPlan": nil, "TeamsMeetingPolicy": nil},
		}},
		{"an empty teamsUser template takes the site's defaults", small{defaults: "{policies: {TenantDialPlan: UK}}", teams: "policies: {}"},
			func(r lifecycle.OnboardingRules) any { return r.Teams }, [2]any{
				&lifecycle.PolicyTemplate{Name: "t", Policies: map[string]*string{"TenantDialPlan": given("UK")}}, (*lifecycle.PolicyTemplate)(nil),
			}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for i, request := range both {
				assert.Equal(t, test.as[i], test.want(onboarded(t, test.small.parse(t), request)))
			}
		})
	}
}

func TestANullInTheTemplateIsAnAnswer(t *testing.T) {
	s := small{
		m365: "usageLocation: null, licenses: null", teams: "policies: {TeamsCallingPolicy: null}",
		fields: "usageLocation: {access: edit, value: GB}, licenses: {access: edit, value: [E5]}, policy.TeamsCallingPolicy: {access: edit, value: AllOn}",
	}
	rules := onboarded(t, s.parse(t), lifecycle.Request{Group: "g"})
	assert.Equal(t, &lifecycle.M365Template{Name: "m", Clear: true}, rules.M365)
	assert.Equal(t, map[string]*string{"TeamsCallingPolicy": nil}, rules.Teams.Policies)

	rules = onboarded(t, s.parse(t), lifecycle.Request{Group: "g", Set: map[string]string{"licenses": "E3", "policy.TeamsCallingPolicy": "X"}})
	assert.Equal(t, []lifecycle.LicenseWish{{SKU: "E3"}}, rules.M365.Licenses)
	assert.False(t, rules.M365.Clear)
	assert.Equal(t, "X", *rules.Teams.Policies["TeamsCallingPolicy"])
}

func TestClearingAPolicyByAnEmptyValue(t *testing.T) {
	s := small{defaults: "{policies: {TenantDialPlan: UK}}", teams: "policies: {TenantDialPlan: DE}"}
	for _, request := range []lifecycle.Request{{Group: "g"}, {}} {
		request.Set = map[string]string{"policy.TenantDialPlan": ""}
		assert.Equal(t, map[string]*string{"TenantDialPlan": nil}, onboarded(t, s.parse(t), request).Teams.Policies)
	}
}

func TestLicensesOfATemplate_R24(t *testing.T) {
	c := small{m365: "licenses: [{sku: '${user.country}', disabledPlans: [SWAY]}, '${input.custom_string_1}', SE, '${input.custom_string_2}-X']"}.parse(t)
	rules := onboarded(t, c, lifecycle.Request{Group: "g", Set: map[string]string{"custom_string_2": "y"}})
	assert.Equal(t, []lifecycle.LicenseWish{{SKU: "SE", DisabledPlans: []string{"SWAY"}}, {SKU: "y-X"}}, rules.M365.Licenses)
	assert.Len(t, rules.Warnings, 1, "custom_string_1 is empty")

	c = small{m365: "licenses: ['${input.custom_string_1}']"}.parse(t)
	rules = onboarded(t, c, lifecycle.Request{Group: "g"})
	assert.Nil(t, rules.M365.Licenses, "R23: a list in which nothing is left is blank")
	assert.False(t, rules.M365.Clear)
}

func TestWhatExpressionsSeeOfTheRequest(t *testing.T) {
	seen := "input.usageLocation + '|' + input.number + '|' + input.role + '|' + (input.licenses == ['E5', 'E3'] ? 'licenses' : '') + '|' + (input.groups == ['A'] ? 'groups' : '')" +
		" + '|' + ('TenantDialPlan' in input.policies ? input.policies.TenantDialPlan : '') + '|' + input.custom_string_1 + input.custom_string_10 + '|' + (input.custom_boolean_3 ? 'yes' : 'no') + '|' + node.name + site.path"
	s := small{teams: `policies: {TeamsCallingPolicy: "${` + seen + `}"}`, fields: "role: {access: edit}, number: {access: edit}"}
	request := lifecycle.Request{Group: "g", Number: "next", Set: map[string]string{
		"usageLocation": "gb", "role": "boss", "licenses": "E5,E3", "groups": "A", "policy.TenantDialPlan": "UK",
		"custom_string_1": "${user.city} ", "custom_string_10": "", "custom_boolean_3": "TRUE",
	}}
	assert.Equal(t, "GB|next|boss|licenses|groups|UK|${user.city} |yes|sc/s", *onboarded(t, s.parse(t), request).Teams.Policies["TeamsCallingPolicy"],
		"what is set is never evaluated")

	s.fields = "usageLocation: {access: read, value: '${input.custom_string_1}'}, number: {access: read, value: none}, role: {access: read, value: deputy}, licenses: {access: read, value: [E5, E3]}, " +
		"groups: {access: read, value: A}, policy.TenantDialPlan: {access: read, value: '${input.custom_string_1}'}, custom_string_1: {access: read, value: '${site.defaults.usageLocation}'}, custom_boolean_3: {access: read, value: true}"
	s.defaults = "{usageLocation: FR}"
	assert.Equal(t, "FR|none|deputy|licenses|groups|FR|FR|yes|sc/s", *onboarded(t, s.parse(t), lifecycle.Request{Group: "g"}).Teams.Policies["TeamsCallingPolicy"],
		"a blank field holds what the policy fills in")

	s.profile = "number: next, role: boss"
	s.fields = "role: {access: edit, value: local}"
	assert.Contains(t, *onboarded(t, s.parse(t), lifecycle.Request{Profile: "p"}).Teams.Policies["TeamsCallingPolicy"], "|next|boss|")
	request = lifecycle.Request{Profile: "p", Number: "none", Set: map[string]string{"role": "deputy"}}
	assert.Contains(t, *onboarded(t, s.parse(t), request).Teams.Policies["TeamsCallingPolicy"], "|none|deputy|", "what is asked for goes before the profile")
}

func TestAnExpressionThatYieldsNothingIsAWarning(t *testing.T) {
	warning := func(message string) lifecycle.Warning {
		return lifecycle.Warning{Code: lifecycle.WarnExpressionEmpty, Message: message}
	}
	for _, test := range []struct {
		name    string
		small   small
		request lifecycle.Request
		want    []lifecycle.Warning
	}{
		{"in every template, in a fixed order", small{
			m365: "usageLocation: '${site.defaults.usageLocation}', licenses: ['${user.city}']", groups: "groups: ['${input.custom_string_1}']",
			teams: "policies: {TenantDialPlan: 'x-${site.defaults.policies.TenantDialPlan}', TeamsCallingPolicy: '${user.displayName == \"Bob\" && input.custom_boolean_1 ? \"A\" : \"\"}'}",
		}, lifecycle.Request{Group: "g"}, []lifecycle.Warning{
			warning(`m365User template m, usageLocation: ${site.defaults.usageLocation} yields nothing and counts as absent (site.defaults.usageLocation is empty)`),
			warning(`m365User template m, licenses: ${user.city} yields nothing and counts as absent (user.city is empty)`),
			warning(`groups template a, groups: ${input.custom_string_1} yields nothing and counts as absent (input.custom_string_1 is empty)`),
			warning(`teamsUser template t, TeamsCallingPolicy: ${user.displayName == "Bob" && input.custom_boolean_1 ? "A" : ""} yields nothing and counts as absent (user.displayName is "Anna", input.custom_boolean_1 is false)`),
			warning(`teamsUser template t, TenantDialPlan: ${site.defaults.policies.TenantDialPlan} yields nothing and counts as absent (site.defaults.policies.TenantDialPlan is empty)`),
		}},
		{"in the field display policy", small{fields: "usageLocation: {access: edit, value: '${user.city}'}, custom_string_2: {access: edit, value: '${user.city}'}"},
			lifecycle.Request{}, []lifecycle.Warning{
				warning(`field display policy form, custom_string_2: ${user.city} yields nothing and counts as absent (user.city is empty)`),
				warning(`field display policy form, usageLocation: ${user.city} yields nothing and counts as absent (user.city is empty)`),
			}},
		{"what is read by key, lists and maps", small{
			defaults: "{policies: {Abc: " + strings.Repeat("x", 60) + "}}",
			fields:   `usageLocation: {access: edit, value: "${site.defaults.policies['TenantDialPlan']}"}, groups: {access: edit, value: "${size(site.defaults.policies) == 0 || input.licenses.exists(l, l == 'E5') ? 'a' : ''}"}`,
		}, lifecycle.Request{Set: map[string]string{"licenses": "E3,F3"}}, []lifecycle.Warning{
			warning(`field display policy form, usageLocation: ${site.defaults.policies['TenantDialPlan']} yields nothing and counts as absent (site.defaults.policies.TenantDialPlan is empty)`),
			warning(`field display policy form, groups: ${size(site.defaults.policies) == 0 || input.licenses.exists(l, l == 'E5') ? 'a' : ''} yields nothing and counts as absent (site.defaults.policies is "Abc=` + strings.Repeat("x", 36) + `…", input.licenses is "E3, F3")`),
		}},
		{"once, and with what a policy is", small{
			defaults: "{policies: {TenantDialPlan: UK}}",
			groups:   `groups: ["${site.defaults.policies.TenantDialPlan == 'UK' ? '' : 'x'}", "a-${site.defaults.policies.TenantDialPlan == 'UK' ? '' : 'x'}"]`,
		}, lifecycle.Request{Group: "g"}, []lifecycle.Warning{
			warning(`groups template a, groups: ${site.defaults.policies.TenantDialPlan == 'UK' ? '' : 'x'} yields nothing and counts as absent (site.defaults.policies.TenantDialPlan is "UK")`),
		}},
		{"not where it doesn't matter: set", small{m365: "usageLocation: '${user.city}'", fields: "usageLocation: {access: edit, value: '${user.city}'}"},
			lifecycle.Request{Group: "g", Set: map[string]string{"usageLocation": "GB"}}, nil},
		{"not where it doesn't matter: in the template", small{m365: "usageLocation: GB", fields: "usageLocation: {access: edit, value: '${user.city}'}"},
			lifecycle.Request{Group: "g"}, nil},
		{"not where it doesn't matter: no template", small{fields: "usageLocation: {access: edit, value: '${user.city}'}"}, lifecycle.Request{Group: "g"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, test.want, onboarded(t, test.small.parse(t), test.request).Warnings)
		})
	}
}

// What yields nothing is absent, so the next in precedence answers.
func TestAnExpressionThatYieldsNothingCountsAsAbsent(t *testing.T) {
	c := small{
		defaults: "{policies: {TenantDialPlan: UK}}", m365: "usageLocation: '${user.city}', licenses: ['${user.city}']", teams: "policies: {TenantDialPlan: '${user.city}'}", groups: "groups: ['${user.city}']",
		fields: "usageLocation: {access: edit, value: '${user.country}'}, licenses: {access: edit, value: E3}, groups: {access: edit, value: Staff}",
	}.parse(t)
	rules := onboarded(t, c, lifecycle.Request{Group: "g"})
	assert.Equal(t, "SE", rules.M365.UsageLocation)
	assert.Equal(t, "UK", *rules.Teams.Policies["TenantDialPlan"])
	assert.Equal(t, []lifecycle.LicenseWish{{SKU: "E3"}}, rules.M365.Licenses)
	assert.Equal(t, []string{"Staff"}, rules.AddGroups.Groups)
	assert.Len(t, rules.Warnings, 4)

	rules = onboarded(t, small{groups: "groups: ['${user.city}']"}.parse(t), lifecycle.Request{Group: "g"})
	assert.Equal(t, &lifecycle.GroupTemplate{Name: "a"}, rules.AddGroups, "a template in which nothing is left is a template")
}

func TestOnboardingRefusals(t *testing.T) {
	text := edited(t,
		"  - {name: leaver, node: contoso", "  - {name: paris-only, node: paris}\n  - {name: by-country, node: contoso, m365User: by-country}\n  - {name: by-size, node: contoso, addGroups: by-size}\n  - {name: leaver, node: contoso",
		"    - name: location-only", "    - {name: by-country, usageLocation: '${user.country}'}\n    - name: location-only",
		"    - {name: e3-by-group", "    - {name: by-size, groups: ['${user.displayName.matches(user.city) ? \"\" : \"x\"}']}\n    - {name: e3-by-group",
		"profiles:", "profiles:\n  - {name: parisian, quickAddGroup: paris-only}\n  - {name: goodbye, quickAddGroup: leaver}\n  - {name: misplaced, quickAddGroup: uk-sales, role: customer-self-service}",
		"licenses: {access: hidden}\n", "licenses: {access: hidden}\n      groups: {access: read}\n      policies: {access: read}\n      policy.TenantDialPlan: {access: edit}\n",
	)
	open := edited(t, "    target: onboarding\n    fields:\n      usageLocation: {access: edit, value: \"${site.defaults.usageLocation}\"}\n      licenses: {access: hidden}",
		"    target: onboarding\n    fields:\n      number: {access: edit, value: '${user.city}'}\n      role: {access: edit}")
	user := catalog.User{Country: "United Kingdom", City: "(", DisplayName: "x"}
	const fields = "fields: usageLocation, licenses, groups, custom_string_1..10, custom_boolean_1..10, policy.TYPE"
	const groups = "at acme/contoso/emea/london: uk-sales, untouched, location-and-groups, by-country, by-size"
	for _, test := range []struct {
		name    string
		text    string
		request lifecycle.Request
		code    string
		invalid bool
		message string
		hint    string
	}{
		{"no site", text, lifecycle.Request{Group: "uk-sales"}, "unknown-node", true, "names no site", "acme/contoso/newyork"},
		{"unknown site", text, lifecycle.Request{Site: "londn", Group: "uk-sales"}, "unknown-node", true, `did you mean "london"`, "nodes: "},
		{"not a site", text, lifecycle.Request{Site: "emea", Group: "uk-sales"}, "not-a-site", false, "level intermediate", "sites: acme/contoso/emea/london"},
		{"group and profile", text, lifecycle.Request{Site: london, Group: "uk-sales", Profile: "london-sales"}, "contradictory", true, "uk-sales and profile london-sales", "name one"},
		{"unknown group", text, lifecycle.Request{Site: london, Group: "uk-sale"}, "unknown-group", true, `did you mean "uk-sales"`, "quick add groups: "},
		{"unknown profile", text, lifecycle.Request{Site: london, Profile: "london-sale"}, "unknown-profile", true, `did you mean "london-sales"`, "profiles: parisian"},
		{"group of another site", text, lifecycle.Request{Site: london, Group: "paris-only"}, "group-not-visible", false, "paris-only stands at acme/contoso/emea/paris", groups},
		{"profile of another site", text, lifecycle.Request{Site: london, Profile: "parisian"}, "group-not-visible", false, "paris-only of profile parisian", groups},
		{"offboarding group", text, lifecycle.Request{Site: london, Group: "leaver"}, "group-for-offboarding", false, "leaver is for offboarding", groups},
		{"profile of an offboarding group", text, lifecycle.Request{Site: london, Profile: "goodbye"}, "group-for-offboarding", false, "of profile goodbye", groups},
		{"profile's role is of another level", text, lifecycle.Request{Site: london, Profile: "misplaced"}, "role-not-allowed", false, "customer-self-service is not allowed at level site", "site-self-service, site-admin"},
		{"malformed number", text, lifecycle.Request{Site: london, Group: "uk-sales", Number: "12"}, "malformed-number", true, "12", ""},

		{"unknown field", text, set("usagelocation", "GB"), "unknown-field", true, `did you mean "usageLocation"`, fields},
		{"field of nothing", text, set("", "GB"), "unknown-field", true, `""`, fields},
		{"number is no field here", text, set("number", "next"), "unknown-field", true, "number", fields},
		{"role is no field here", text, set("role", "site-admin"), "unknown-field", true, "role", fields},
		{"policies as a whole", text, set("policies", "x"), "unknown-field", true, "policies", fields},
		{"slip in a policy type", text, set("policy.TenantDialPlans", "x"), "unknown-field", true, "policy.TenantDialPlans", fields},
		{"custom string 11", text, set("custom_string_11", "x"), "unknown-field", true, "custom_string_11", fields},
		{"field of the directory", text, set("city", "Rome"), "field-not-editable", false, "belongs to the directory", fields},
		{"hidden", text, set("licenses", "SPE_E5"), "field-not-editable", false, "field display policy onboarding-default hides it", "access: edit"},
		{"read-only", text, set("groups", "All Staff"), "field-not-editable", false, "onboarding-default makes it read-only", "access: edit"},
		{"read-only as all policies are", text, set("policy.TeamsCallingPolicy", "AllOn"), "field-not-editable", false, "policy.TeamsCallingPolicy cannot be set", "access: edit"},
		{"usage location empty", text, set("usageLocation", ""), "invalid-value", true, "accepted: the two letters", ""},
		{"usage location of three letters", text, set("usageLocation", "GBR"), "invalid-value", true, `"GBR" is not a usage location`, ""},
		{"licenses empty", open, set("licenses", " , "), "invalid-value", true, "licenses: nothing is given", ""},
		{"groups empty", open, set("groups", ""), "invalid-value", true, "groups: nothing is given", ""},
		{"custom boolean", text, set("custom_boolean_1", "yes"), "invalid-value", true, "accepted: true, false", ""},
		{"custom boolean empty", text, set("custom_boolean_10", ""), "invalid-value", true, "accepted: true, false", ""},
		{"number as a field", open, set("number", "soon"), "invalid-value", true, "accepted: next, none, or a number", ""},
		{"unknown role as a field", open, with(set("role", "site-admn"), lifecycle.Request{Number: "none"}), "unknown-role", true, `did you mean "site-admin"`, "roles: "},
		{"role of another level as a field", open, with(set("role", "customer-self-service"), lifecycle.Request{Number: "none"}), "role-not-allowed", false, "level site", "roles for it"},
		{"two numbers", open, with(set("number", "next"), lifecycle.Request{Number: "none"}), "contradictory", true, "none and, as a field, next", "once"},

		{"number that the policy hides", strings.Replace(open, "number: {access: edit, value: '${user.city}'}", "number: {access: hidden}", 1), lifecycle.Request{Site: london, Group: "untouched", Number: "next"}, "field-not-editable", false, "number cannot be set", "access: edit"},
		{"number that the policy shows", strings.Replace(open, "number: {access: edit, value: '${user.city}'}", "number: {access: read}", 1), lifecycle.Request{Site: london, Group: "untouched", Number: "next"}, "field-not-editable", false, "read-only", "access: edit"},

		{"expression that gives no usage location", text, lifecycle.Request{Site: london, Group: "by-country"}, "expression-error", false, `m365User template by-country, usageLocation: "United Kingdom" is not a usage location`, "correct the expression"},
		{"expression that fails", text, lifecycle.Request{Site: london, Group: "by-size"}, "expression-error", false, "groups template by-size", "correct the expression"},
		{"filled value of no use", open, lifecycle.Request{Site: london}, "expression-error", false, "field display policy onboarding-default, number: ", "correct the expression"},
	} {
		t.Run(test.name, func(t *testing.T) {
			rules, err := parse(t, test.text).OnboardingOf(user, test.request)
			r := refusal(t, err)
			assert.Equal(t, test.code, r.Code)
			assert.Equal(t, test.invalid, r.Invalid)
			assert.Contains(t, r.Message, test.message)
			assert.Contains(t, r.Hint, test.hint)
			if test.hint == groups {
				assert.True(t, strings.HasSuffix(r.Hint, groups), "only groups for onboarding are offered: %s", r.Hint)
			}
			assert.Zero(t, rules)
		})
	}

	rules, err := parse(t, text).OnboardingOf(user, set("policy.TenantDialPlan", "UK"))
	require.NoError(t, err, "named itself, a policy does not follow policies")
	assert.Equal(t, "UK", *rules.Teams.Policies["TenantDialPlan"])
	_, err = parse(t, open).OnboardingOf(user, with(set("number", "+44 20 7946 0000"), lifecycle.Request{Number: "+442079460000"}))
	require.NoError(t, err, "the same number twice is no contradiction")
}

// The hint of fields names number and role where the policy makes them fields.
func TestUnknownFieldListsWhatThePolicyHas(t *testing.T) {
	c := small{fields: "number: {access: edit}, role: {access: hidden}"}.parse(t)
	_, err := c.OnboardingOf(anna, lifecycle.Request{Site: "s", Set: map[string]string{"x": ""}})
	assert.Contains(t, refusal(t, err).Hint, "fields: usageLocation, licenses, groups, number, role, custom_string")
}

func set(field, value string) lifecycle.Request {
	return lifecycle.Request{Site: london, Set: map[string]string{field: value}}
}

func with(r, more lifecycle.Request) lifecycle.Request {
	r.Number = more.Number
	return r
}

func TestOnboardingAboveTheTenants(t *testing.T) {
	c := parse(t, strings.Replace(hierarchy(nil), ", tenant: t", "", 1))
	_, err := c.OnboardingOf(anna, lifecycle.Request{Site: "s"})
	assert.Equal(t, "no-tenant", refusal(t, err).Code)
}

// A policy that names roles counts for who acts as one of them (R131); one for another form says nothing about onboarding.
func TestThePolicyOfARoleCountsForWhoActsAsIt(t *testing.T) {
	c := parse(t, edited(t, "    target: onboarding\n", "    target: onboarding\n    roles: [site-admin]\n"))
	request := lifecycle.Request{Site: london, Set: map[string]string{"licenses": "SPE_E5"}}
	for _, role := range []string{"", "site-self-service"} {
		request.ActAs = role
		rules, err := c.OnboardingOf(anna, request)
		require.NoError(t, err)
		assert.Equal(t, &lifecycle.M365Template{Name: "--set", Licenses: []lifecycle.LicenseWish{{SKU: "SPE_E5"}}}, rules.M365)
	}
	request.ActAs = "site-admin"
	_, err := c.OnboardingOf(anna, request)
	assert.Equal(t, "field-not-editable", refusal(t, err).Code)
	request.ActAs = "site-admn"
	_, err = c.OnboardingOf(anna, request)
	assert.Equal(t, "unknown-role", refusal(t, err).Code)
	assert.True(t, refusal(t, err).Invalid)
}

func TestTheSettingsOfTheSite(t *testing.T) {
	rules := onboarded(t, small{}.parse(t), lifecycle.Request{})
	assert.Equal(t, lifecycle.OnboardingRules{
		Site: "c/s", TenantLevel: "c", LicensePermissionFails: true, DefaultRole: &lifecycle.Role{Name: "local", SelfService: true},
	}, rules)

	c := parse(t, edited(t, "licensePermissionMissing: fail", "licensePermissionMissing: warn\n        staging: {enabled: true}",
		"numberCooling: {enabled: false}", "numberCooling: {enabled: false}\n                staging: {enabled: false}"))
	for site, staging := range map[string]bool{"london": true, "paris": false} {
		rules := onboarded(t, c, lifecycle.Request{Site: site})
		assert.False(t, rules.LicensePermissionFails, "O7")
		assert.Equal(t, staging, rules.Staging)
	}
}

func TestOnboardingOfAProtectedUser(t *testing.T) {
	rules, err := small{}.parse(t).OnboardingOf(catalog.User{UserPrincipalName: "svc-backup@contoso.com"}, lifecycle.Request{Site: "s"})
	require.NoError(t, err)
	assert.Equal(t, "service account", rules.Protected)
	assert.Empty(t, onboarded(t, small{}.parse(t), lifecycle.Request{}).Protected)
}

// Resolving hands out nothing that the catalog keeps.
func TestTheRulesAreTheCallersOwn(t *testing.T) {
	c := small{m365: "licenses: [{sku: E5, disabledPlans: [SWAY]}]", groups: "groups: [A]"}.parse(t)
	first := onboarded(t, c, lifecycle.Request{Group: "g"})
	first.M365.Licenses[0].DisabledPlans[0], first.AddGroups.Groups[0] = "X", "X"
	second := onboarded(t, c, lifecycle.Request{Group: "g"})
	assert.Equal(t, "SWAY", second.M365.Licenses[0].DisabledPlans[0])
	assert.Equal(t, "A", second.AddGroups.Groups[0])
}
