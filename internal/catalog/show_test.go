package catalog_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/catalog"
	"tenure/internal/lifecycle"
)

// directoryFields are those of every form that belong to the directory.
const directoryFields = `"userPrincipalName":{"access":"read"},"displayName":{"access":"read"},"givenName":{"access":"read"},"surname":{"access":"read"},"city":{"access":"read"},
	"department":{"access":"read"},"country":{"access":"read"},"jobTitle":{"access":"read"},"userType":{"access":"read"},"accountEnabled":{"access":"read"},"enterpriseVoice":{"access":"read"}`

func TestShow(t *testing.T) {
	c := parse(t, read(t, contract))
	for _, test := range []struct{ kind, name, want string }{
		{"", "", `{"nodes":6,"tenants":1,"roles":3,"templates":8,"groups":5,"profiles":1,"policies":2,"placement":2,"protected":1,"numbers":2}`},
		{"nodes", "paris", `{"name":"paris","path":"acme/contoso/emea/paris","level":"site","tenantLevel":"acme/contoso",
			"defaults":{"usageLocation":"FR","policies":{"TenantDialPlan":"FR-Dialplan","OnlineVoiceRoutingPolicy":"FR-National"}},
			"settings":{
				"numberCooling.enabled":{"value":false,"from":"acme/contoso/emea/paris"},
				"numberCooling.days":{"value":30,"from":"acme/contoso"},
				"offboarding.licenses":{"value":"remove","from":"acme/contoso"},
				"retainAtSite":{"value":false,"from":"acme/contoso"},
				"licensePermissionMissing":{"value":"fail","from":"acme/contoso"},
				"numbersFollowUsers":{"value":true,"from":"acme/contoso"},
				"staging.enabled":{"value":false,"from":"default"},
				"staging.intervalMinutes":{"value":240,"from":"default"},
				"staging.days":{"value":14,"from":"default"},
				"sync.filter":{"value":null,"from":"default"},
				"sync.removalThreshold":{"value":10,"from":"default"},
				"sync.flowThrough":{"value":false,"from":"default"},
				"numberThreshold.percent":{"value":0,"from":"default"},"welcome":{"value":false,"from":"default"}}}`},
		{"node", "acme/contoso", `{"name":"contoso","path":"acme/contoso","level":"customer","tenant":"contoso","tenantLevel":"acme/contoso",
			"settings":{
				"numberCooling.enabled":{"value":true,"from":"acme/contoso"},
				"numberCooling.days":{"value":30,"from":"acme/contoso"},
				"offboarding.licenses":{"value":"remove","from":"acme/contoso"},
				"retainAtSite":{"value":false,"from":"acme/contoso"},
				"licensePermissionMissing":{"value":"fail","from":"acme/contoso"},
				"numbersFollowUsers":{"value":true,"from":"acme/contoso"},
				"staging.enabled":{"value":false,"from":"default"},
				"staging.intervalMinutes":{"value":240,"from":"default"},
				"staging.days":{"value":14,"from":"default"},
				"sync.filter":{"value":null,"from":"default"},
				"sync.removalThreshold":{"value":10,"from":"default"},
				"sync.flowThrough":{"value":false,"from":"default"},
				"numberThreshold.percent":{"value":0,"from":"default"},"welcome":{"value":false,"from":"default"}}}`},
		{"tenants", "contoso", `{"name":"contoso","node":"acme/contoso","level":"customer","sites":["acme/contoso/emea/london","acme/contoso/emea/paris","acme/contoso/newyork"]}`},
		{"roles", "site-admin", `{"name":"site-admin","interface":"admin","levels":["site"],"default":false}`},
		{"templates", "e5-voice", `{"kind":"m365User","name":"e5-voice","usageLocation":"${site.defaults.usageLocation}","licenses":[{"sku":"SPE_E5","disabledPlans":[]},{"sku":"MCOEV","disabledPlans":[]}]}`},
		{"templates", "location-only", `{"kind":"m365User","name":"location-only","usageLocation":"${site.defaults.usageLocation}"}`},
		{"template", "no-voice", `{"kind":"teamsUser","name":"no-voice","policies":{"OnlineVoiceRoutingPolicy":null,"TenantDialPlan":null,"TeamsCallingPolicy":null,"TeamsEmergencyCallingPolicy":null}}`},
		{"templates", "removeGroups/staff", `{"kind":"removeGroups","name":"staff","groups":["All Staff"]}`},
		{"groups", "leaver-keeps-licenses", `{"name":"leaver-keeps-licenses","node":"acme/contoso","offboarding":true,"licenses":"retain","teamsUser":"no-voice","removeGroups":"staff"}`},
		{"groups", "uk-sales", `{"name":"uk-sales","node":"acme/contoso","offboarding":false,"m365User":"e5-voice","teamsUser":"voice","addGroups":"staff"}`},
		{"profiles", "london-sales", `{"name":"london-sales","quickAddGroup":"uk-sales","number":"next","role":"site-self-service"}`},
		{"policy", "onboarding-default", `{"name":"onboarding-default","target":"onboarding","fields":{
			"usageLocation":{"access":"edit","value":"${site.defaults.usageLocation}"},"licenses":{"access":"hidden"},"groups":{"access":"edit"},"number":{"access":"edit"},
			"role":{"access":"hidden"},"policies":{"access":"edit"},"custom_string_1..10":{"access":"edit"},"custom_boolean_1..10":{"access":"edit"},` + directoryFields + `}}`},
		{"policies", "licenses-elsewhere", `{"name":"licenses-elsewhere","target":"subscriber","roles":["site-admin"],"fields":{
			"usageLocation":{"access":"read"},"licenses":{"access":"read"},"groups":{"access":"edit"},"number":{"access":"edit"},"role":{"access":"edit"},"policies":{"access":"edit"},
			"custom_string_1..10":{"access":"hidden"},"custom_boolean_1..10":{"access":"hidden"},` + directoryFields + `}}`},
		{"placement", "1", `{"rule":1,"site":"acme/contoso/emea/london","when":"user.city == \"London\" && user.userType == \"Member\"","onboard":"london-sales"}`},
		{"placement", "", `[{"rule":1,"site":"acme/contoso/emea/london","when":"user.city == \"London\" && user.userType == \"Member\"","onboard":"london-sales"},{"rule":2,"site":"acme/contoso/emea/paris","when":"user.city.startsWith(\"Paris\")"}]`},
		{"protected", "1", `{"rule":1,"when":"user.userPrincipalName.startsWith(\"svc-\")","reason":"service account"}`},
		{"numbers", "+18005550100..+18005550109", `{"node":"acme/contoso","from":"+18005550100","to":"+18005550109","count":10,"type":"callingPlan"}`},
	} {
		t.Run(test.kind+" "+test.name, func(t *testing.T) {
			v, err := c.Show(test.kind, test.name)
			require.NoError(t, err)
			text, err := json.Marshal(v)
			require.NoError(t, err)
			assert.JSONEq(t, test.want, string(text))

			text, err = yaml.Marshal(v)
			require.NoError(t, err)
			text, err = yaml.YAMLToJSON(text)
			require.NoError(t, err)
			assert.JSONEq(t, test.want, string(text), "YAML says the same")
		})
	}
}

func TestShowOfNothingIsAnEmptyList(t *testing.T) {
	c := parse(t, hierarchy(nil))
	for _, kind := range []string{"roles", "templates", "groups", "profiles", "policies", "placement", "protected", "numbers"} {
		v, err := c.Show(kind, "")
		require.NoError(t, err)
		text, err := json.Marshal(v)
		require.NoError(t, err)
		assert.Equal(t, "[]", string(text), kind)
	}
}

func TestShowRefusals(t *testing.T) {
	c := parse(t, read(t, contract))
	for _, test := range []struct{ kind, name, code, says string }{
		{"role s", "", "unknown-kind", "nodes, tenants, roles, templates, groups, profiles, policies, placement, protected, numbers"},
		{"nods", "", "unknown-kind", `did you mean "nodes"?`},
		{"nodes", "rome", "unknown-node", "acme/contoso/emea/london"},
		{"groups", "leavr", "unknown-group", `did you mean "leaver"?`},
		{"roles", "admin", "unknown-role", "customer-self-service, site-self-service, site-admin"},
		{"templates", "staff", "ambiguous-template", "addGroups/staff, removeGroups/staff"},
		{"templates", "none", "unknown-template", "m365User/e5-voice"},
		{"profiles", "x", "unknown-profile", "london-sales"},
		{"policies", "x", "unknown-policy", "onboarding-default, licenses-elsewhere"},
		{"placement", "3", "unknown-placement", "1, 2"},
		{"protected", "svc", "unknown-protected", "1"},
		{"numbers", "+441", "unknown-number", "+442079460000..+442079460019"},
		{"tenants", "fabrikam", "unknown-tenant", "contoso"},
	} {
		_, err := c.Show(test.kind, test.name)
		r := refusal(t, err)
		assert.Equal(t, test.code, r.Code, "%s %s", test.kind, test.name)
		assert.True(t, r.Invalid)
		assert.Contains(t, r.Error(), test.says)
	}
}

func TestKindsAreShownAsListed(t *testing.T) {
	c := parse(t, read(t, contract))
	for _, kind := range catalog.Kinds() {
		_, err := c.Show(kind, "")
		assert.NoError(t, err)
	}
}

// The form that is shown is the one that is obeyed: what it lets be edited can be set, and nothing else.
func TestTheFormThatIsShownIsTheOneThatCounts_R131(t *testing.T) {
	values := map[string]string{
		"usageLocation": "GB", "licenses": "SPE_E5", "groups": "All Staff", "number": "next", "role": "site-admin", "policy.TenantDialPlan": "UK-Dialplan",
		"policy.TeamsCallingPolicy": "AllOn", "city": "Paris", "custom_string_1": "x", "custom_boolean_2": "true",
	}
	const fields = "{usageLocation: {access: read, value: GB}, groups: {access: hidden}, city: {access: hidden}, role: {access: edit}, policies: {access: read}, policy.TenantDialPlan: {access: edit}, custom_string_1: {access: hidden}, custom_boolean_2: {access: edit}}"
	for _, target := range []string{"onboarding", "subscriber"} {
		for name, policy := range map[string]string{"mentioned": fields, "unmentioned": "{}"} {
			t.Run(target+" "+name, func(t *testing.T) {
				own := read(t, contract)
				own = own[strings.Index(own, "fieldDisplayPolicies:"):strings.Index(own, "placement:")]
				c := parse(t, edited(t, own, "fieldDisplayPolicies: [{name: form, target: "+target+", fields: "+policy+"}]\n\n"))
				v, err := c.Show("policy", "form")
				require.NoError(t, err)
				form := v.(catalog.View)["fields"].(catalog.View)
				access := func(field string) any {
					for _, key := range []string{field, kindOf(field)} {
						if d, ok := form[key]; ok {
							return d.(catalog.View)["access"]
						}
					}
					t.Fatalf("the form has no %s", field)
					return nil
				}
				for field, value := range values {
					set := map[string]string{field: value}
					if target == "subscriber" {
						_, err = c.UpdateOf(anna, london, lifecycle.Request{Set: set})
					} else if field == "number" {
						_, err = c.OnboardingOf(anna, lifecycle.Request{Site: london, Number: value})
					} else {
						_, err = c.OnboardingOf(anna, lifecycle.Request{Site: london, Set: set})
					}
					assert.Equal(t, access(field) == "edit", err == nil, "%s is %v: %v", field, access(field), err)
				}
				assert.Len(t, c.Notes(), map[string]int{"subscriber mentioned": 1}[target+" "+name])
			})
		}
	}
}

// kindOf is the key under which a form has the fields of a kind that are not listed by themselves.
func kindOf(field string) string {
	for prefix, key := range map[string]string{"policy.": "policies", "custom_string_": "custom_string_1..10", "custom_boolean_": "custom_boolean_1..10"} {
		if strings.HasPrefix(field, prefix) {
			return key
		}
	}
	return field
}

// Nothing can be edited when offboarding, whatever the policy says, and that is noted.
func TestTheFormOfOffboardingIsReadOnly(t *testing.T) {
	c := parse(t, edited(t, "  - name: licenses-elsewhere", "  - {name: leaving, target: offboarding, fields: {licenses: {access: edit}, number: {access: read}, groups: {access: hidden}, custom_string_1: {access: edit}}}\n  - name: licenses-elsewhere"))
	v, err := c.Show("policy", "leaving")
	require.NoError(t, err)
	for field, d := range v.(catalog.View)["fields"].(catalog.View) {
		assert.NotEqual(t, "edit", d.(catalog.View)["access"], field)
	}
	assert.Equal(t, []string{
		"field display policy leaving: custom_string_1 is hidden, for the offboarding form has no such field to edit",
		"field display policy leaving: licenses is read, for the offboarding form has no such field to edit",
	}, c.Notes())
	assert.Empty(t, parse(t, read(t, contract)).Notes())
}
