package catalog_test

import (
	"encoding/json"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/catalog"
)

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
		{"policy", "onboarding-default", `{"name":"onboarding-default","target":"onboarding","fields":{"usageLocation":{"access":"edit","value":"${site.defaults.usageLocation}"},"licenses":{"access":"hidden"}}}`},
		{"policies", "licenses-elsewhere", `{"name":"licenses-elsewhere","target":"subscriber","roles":["site-admin"],"fields":{"usageLocation":{"access":"read"},"licenses":{"access":"read"}}}`},
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
