package catalog_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/catalog"
)

// bad are catalogs with something wrong: the contract catalog with edits (old, new), or a whole text, and every line
// that the error has.
var bad = []struct {
	name  string
	edits []string
	text  string
	want  []string
}{
	{
		name: `empty`,
		want: []string{
			`catalog.yaml:1:1: the file is empty; it must begin with apiVersion: tenure/v1`,
		},
	},
	{
		name: `not yaml`,
		text: `a: b: c`,
		want: []string{
			`catalog.yaml:1:4: the file is not YAML: mapping value is not allowed in this context`,
		},
	},
	{
		name: `unfinished yaml`,
		text: `apiVersion: [1,2`,
		want: []string{
			`catalog.yaml:1:13: the file is not YAML: sequence end token ']' not found`,
		},
	},
	{
		name: `two documents`,
		text: "apiVersion: tenure/v1\n---\nb: 1\n",
		want: []string{
			`catalog.yaml:3:1: the file holds 2 YAML documents; a catalog is one`,
		},
	},
	{
		name: `a list`,
		text: `- a`,
		want: []string{
			`catalog.yaml:1:1: this is a list; a mapping with the keys apiVersion, hierarchy, roles, templates, quickAddGroups, profiles, fieldDisplayPolicies, placement, protected, numbers belongs here`,
		},
	},
	{
		name: `a word`,
		text: `x`,
		want: []string{
			`catalog.yaml:1:1: "x" is text; a mapping with the keys apiVersion, hierarchy, roles, templates, quickAddGroups, profiles, fieldDisplayPolicies, placement, protected, numbers belongs here`,
		},
	},
	{
		name: `wrong version, no hierarchy`,
		text: `apiVersion: tenure/v2`,
		want: []string{
			`catalog.yaml:1:1: hierarchy is missing`,
			`catalog.yaml:1:13: apiVersion: "tenure/v2" is not accepted (did you mean "tenure/v1"?); accepted: tenure/v1`,
		},
	},
	{
		name: `version null, hierarchy blank`,
		text: "apiVersion: null\nhierarchy:\n",
		want: []string{
			`catalog.yaml:1:13: apiVersion: a value is missing`,
			`catalog.yaml:2:1: hierarchy: a value is missing`,
		},
	},
	{
		name:  `unknown key at the top`,
		edits: []string{"roles:\n", "rolls:\n"},
		want: []string{
			`catalog.yaml:38:1: rolls: unknown key "rolls" (did you mean "roles"?); accepted: apiVersion, hierarchy, roles, templates, quickAddGroups, profiles, fieldDisplayPolicies, placement, protected, numbers`,
			`catalog.yaml:70:71: profiles[0].role: there is no role "site-self-service"; known: none`,
			`catalog.yaml:80:13: fieldDisplayPolicies[1].roles[0]: there is no role "site-admin"; known: none`,
		},
	},
	{
		name:  `unknown key in a mapping`,
		edits: []string{`numberCooling: {enabled`, `numberCoolin: {enabled`},
		want: []string{
			`catalog.yaml:13:9: hierarchy.children[0].settings.numberCoolin: unknown key "numberCoolin" (did you mean "numberCooling"?); accepted: numberCooling, offboarding, retainAtSite, licensePermissionMissing, numbersFollowUsers, staging, sync, numberThreshold, welcome`,
		},
	},
	{
		name:  `unknown key without a near one`,
		edits: []string{`    - name: newyork`, "    - colour: red\n          name: newyork"},
		want: []string{
			`catalog.yaml:34:11: hierarchy.children[0].children[1].colour: unknown key "colour"; accepted: name, level, tenant, settings, defaults, children`,
		},
	},
	{
		name:  `key twice`,
		edits: []string{`retainAtSite: false`, "retainAtSite: false\n        retainAtSite: true"},
		want: []string{
			`catalog.yaml:16:9: hierarchy.children[0].settings.retainAtSite: the key stands here twice; the first is on line 15`,
		},
	},
	{
		name:  `node without a name`,
		edits: []string{"- name: newyork\n          level: site", `- level: site`},
		want: []string{
			`catalog.yaml:34:11: hierarchy.children[0].children[1]: name is missing`,
		},
	},
	{
		name:  `name with a slash`,
		edits: []string{`- name: newyork`, `- name: new/york`},
		want: []string{
			`catalog.yaml:34:17: hierarchy.children[0].children[1].name: "new/york" cannot be a name; names have up to 128 letters, digits, spaces and . _ - @, and begin with a letter or digit`,
		},
	},
	{
		name:  `name that is a number`,
		edits: []string{`- name: newyork`, `- name: 2024`},
		want: []string{
			`catalog.yaml:34:17: hierarchy.children[0].children[1].name: "2024" is a number; text belongs here: put it in quotes`,
		},
	},
	{
		name:  `unknown level`,
		edits: []string{`level: intermediate`, `level: floor`},
		want: []string{
			`catalog.yaml:20:18: hierarchy.children[0].children[0].level: "floor" is not accepted; accepted: provider, reseller, customer, intermediate, site`,
		},
	},
	{
		name:  `level upside down`,
		edits: []string{`level: intermediate`, `level: customer`},
		want: []string{
			`catalog.yaml:20:18: hierarchy.children[0].children[0].level: customer cannot stand below customer acme/contoso; accepted: intermediate, site`,
		},
	},
	{
		name:  `intermediate below intermediate is fine, provider is not`,
		edits: []string{"level: site\n              defaults:\n                usageLocation: GB", "level: provider\n              defaults:\n                usageLocation: GB"},
		want: []string{
			`catalog.yaml:23:22: hierarchy.children[0].children[0].children[0].level: provider cannot stand below intermediate acme/contoso/emea; accepted: intermediate, site`,
			`catalog.yaml:86:12: placement[0].site: acme/contoso/emea/london is a node of level provider; users are placed at sites: acme/contoso/emea/paris, acme/contoso/newyork`,
		},
	},
	{
		name: `site at the top`,
		text: "apiVersion: tenure/v1\nhierarchy: {name: a, level: site}",
		want: []string{
			`catalog.yaml:2:29: hierarchy.level: the top of the hierarchy cannot be a node of level site; accepted: provider, reseller, customer`,
		},
	},
	{
		name: `intermediate at the top`,
		text: "apiVersion: tenure/v1\nhierarchy: {name: a, level: intermediate}",
		want: []string{
			`catalog.yaml:2:29: hierarchy.level: the top of the hierarchy cannot be a node of level intermediate; accepted: provider, reseller, customer`,
		},
	},
	{
		name: `site with children`,
		text: "apiVersion: tenure/v1\nhierarchy: {name: a, level: customer, children: [{name: b, level: site, children: [{name: c, level: site}]}]}",
		want: []string{
			`catalog.yaml:2:83: hierarchy.children[0].children: a site has no children; make b an intermediate node`,
		},
	},
	{
		name: `same path twice`,
		text: "apiVersion: tenure/v1\nhierarchy: {name: a, level: customer, children: [{name: b, level: site}, {name: b, level: site}]}",
		want: []string{
			`catalog.yaml:2:81: hierarchy.children[1].name: the node a/b stands on line 2 already`,
		},
	},
	{
		name:  `tenant in a tenant`,
		edits: []string{`level: intermediate`, "level: intermediate\n          tenant: other"},
		want: []string{
			`catalog.yaml:21:19: hierarchy.children[0].children[0].tenant: acme/contoso/emea stands below the tenant level of "contoso" (acme/contoso); a tenant cannot hold another`,
		},
	},
	{
		name: `tenant twice`,
		text: "apiVersion: tenure/v1\nhierarchy: {name: p, level: provider, children: [{name: a, level: customer, tenant: t}, {name: b, level: customer, tenant: t}]}",
		want: []string{
			`catalog.yaml:2:124: hierarchy.children[1].tenant: the tenant "t" stands on line 2 already`,
		},
	},
	{
		name:  `children that are no list`,
		edits: []string{"      children:\n        - name: emea", "      children: none\n      x:\n        - name: emea"},
		want: []string{
			`catalog.yaml:18:17: hierarchy.children[0].children: "none" is text; a list belongs here`,
			`catalog.yaml:19:7: hierarchy.children[0].x: unknown key "x"; accepted: name, level, tenant, settings, defaults, children`,
			`catalog.yaml:87:12: placement[0].site: there is no node "london"; known: acme, acme/contoso`,
			`catalog.yaml:88:12: placement[1].site: there is no node "paris"; known: acme, acme/contoso`,
			`catalog.yaml:94:12: numbers[0].node: there is no node "london"; known: acme, acme/contoso`,
		},
	},
	{
		name:  `days too many`,
		edits: []string{`days: 30`, `days: 1000`},
		want: []string{
			`catalog.yaml:13:46: hierarchy.children[0].settings.numberCooling.days: 1000 is out of range; accepted: 1 to 999`,
		},
	},
	{
		name:  `days too few`,
		edits: []string{`days: 30`, `days: 0`},
		want: []string{
			`catalog.yaml:13:46: hierarchy.children[0].settings.numberCooling.days: 0 is out of range; accepted: 1 to 999`,
		},
	},
	{
		name:  `a threshold of more than everything`,
		edits: []string{`numberCooling: {enabled: true, days: 30}`, `numberThreshold: {percent: 101}`},
		want: []string{
			`catalog.yaml:13:36: hierarchy.children[0].settings.numberThreshold.percent: 101 is out of range; accepted: 0 to 100`,
		},
	},
	{
		name:  `days in words`,
		edits: []string{`days: 30`, `days: thirty`},
		want: []string{
			`catalog.yaml:13:46: hierarchy.children[0].settings.numberCooling.days: "thirty" is text; a whole number from 1 to 999 belongs here`,
		},
	},
	{
		name:  `days blank`,
		edits: []string{`days: 30`, `days:`},
		want: []string{
			`catalog.yaml:13:40: hierarchy.children[0].settings.numberCooling.days: nothing stands here; leave the key out, or write null to clear it`,
		},
	},
	{
		name:  `days a fraction`,
		edits: []string{`days: 30`, `days: 3.5`},
		want: []string{
			`catalog.yaml:13:46: hierarchy.children[0].settings.numberCooling.days: "3.5" is a fraction; a whole number from 1 to 999 belongs here`,
		},
	},
	{
		name:  `days in hex`,
		edits: []string{`days: 30`, `days: 0x1F`},
		want: []string{
			`catalog.yaml:13:46: hierarchy.children[0].settings.numberCooling.days: "0x1F" is a number; a whole number from 1 to 999 belongs here`,
		},
	},
	{
		name:  `boolean in words`,
		edits: []string{`enabled: true`, `enabled: yes`},
		want: []string{
			`catalog.yaml:13:34: hierarchy.children[0].settings.numberCooling.enabled: "yes" is text; true or false belongs here`,
		},
	},
	{
		name:  `license mode`,
		edits: []string{`licenses: remove}`, `licenses: keep}`},
		want: []string{
			`catalog.yaml:14:33: hierarchy.children[0].settings.offboarding.licenses: "keep" is not accepted; accepted: remove, retain`,
		},
	},
	{
		name:  `permission mode`,
		edits: []string{`licensePermissionMissing: fail`, `licensePermissionMissing: Fail`},
		want: []string{
			`catalog.yaml:16:35: hierarchy.children[0].settings.licensePermissionMissing: "Fail" is not accepted (did you mean "fail"?); accepted: fail, warn`,
		},
	},
	{
		name:  `staging out of range`,
		edits: []string{`numberCooling: {enabled: true, days: 30}`, `staging: {intervalMinutes: 1441, days: 0, hours: 3}`},
		want: []string{
			`catalog.yaml:13:36: hierarchy.children[0].settings.staging.intervalMinutes: 1441 is out of range; accepted: 1 to 1440`,
			`catalog.yaml:13:48: hierarchy.children[0].settings.staging.days: 0 is out of range; accepted: 1 to 999`,
			`catalog.yaml:13:51: hierarchy.children[0].settings.staging.hours: unknown key "hours"; accepted: enabled, intervalMinutes, days`,
		},
	},
	{
		name:  `sync settings`,
		edits: []string{"numberCooling: {enabled: true, days: 30}", "sync: {filter: 'user.town == \"London\"', removalThreshold: -1, flowThrough: often, every: 5}"},
		want: []string{
			`catalog.yaml:13:29: hierarchy.children[0].settings.sync.filter: user has no field "town"; known: id, userPrincipalName, displayName, givenName, surname, city, department, country, jobTitle, userType, accountEnabled, usageLocation`,
			`catalog.yaml:13:67: hierarchy.children[0].settings.sync.removalThreshold: -1 is out of range; accepted: 0 to 1000000`,
			`catalog.yaml:13:84: hierarchy.children[0].settings.sync.flowThrough: "often" is text; true or false belongs here`,
			`catalog.yaml:13:91: hierarchy.children[0].settings.sync.every: unknown key "every"; accepted: filter, removalThreshold, flowThrough`,
		},
	},
	{
		name:  `a sync filter over what a sync does not know`,
		edits: []string{"numberCooling: {enabled: true, days: 30}", "sync: {filter: 'site.name == \"london\"'}"},
		want: []string{
			`catalog.yaml:13:25: hierarchy.children[0].settings.sync.filter: "site" is not known here; known: user`,
		},
	},
	{
		name:  `sync settings below the tenant level`,
		edits: []string{"settings:\n                numberCooling: {enabled: false}", "settings:\n                sync: {removalThreshold: 3}"},
		want: []string{
			`catalog.yaml:33:17: hierarchy.children[0].children[0].children[1].settings: a sync goes by the settings at its tenant level, acme/contoso; at acme/contoso/emea/paris below it nobody reads sync`,
		},
	},
	{
		name:  `settings of the wrong type`,
		edits: []string{"settings:\n                numberCooling: {enabled: false}", `settings: [numberCooling]`},
		want: []string{
			`catalog.yaml:32:25: hierarchy.children[0].children[0].children[1].settings: this is a list; a mapping with the keys numberCooling, offboarding, retainAtSite, licensePermissionMissing, numbersFollowUsers, staging, sync, numberThreshold, welcome belongs here`,
		},
	},
	{
		name:  `default location in small letters`,
		edits: []string{`usageLocation: US`, `usageLocation: us`},
		want: []string{
			`catalog.yaml:36:37: hierarchy.children[0].children[1].defaults.usageLocation: "us" is not a usage location; write the two capital letters of ISO 3166, like GB`,
		},
	},
	{
		name:  `default is no expression`,
		edits: []string{`usageLocation: US`, `usageLocation: "${user.country}"`},
		want: []string{
			`catalog.yaml:36:37: hierarchy.children[0].children[1].defaults.usageLocation: "${user.country}" is not a usage location; write the two capital letters of ISO 3166, like GB`,
		},
	},
	{
		name:  `default policy is no expression`,
		edits: []string{`TenantDialPlan: FR-Dialplan`, `TenantDialPlan: "${user.city}"`},
		want: []string{
			`catalog.yaml:31:44: hierarchy.children[0].children[0].children[1].defaults.policies.TenantDialPlan: an expression is not evaluated here; write the value itself`,
		},
	},
	{
		name:  `role twice`,
		edits: []string{`{name: site-admin, interface`, `{name: site-self-service, interface`},
		want: []string{
			`catalog.yaml:41:12: roles[2].name: the role "site-self-service" stands on line 40 already`,
			`catalog.yaml:80:13: fieldDisplayPolicies[1].roles[0]: there is no role "site-admin"; known: customer-self-service, site-self-service`,
		},
	},
	{
		name:  `role interface`,
		edits: []string{`interface: admin`, `interface: administrator`},
		want: []string{
			`catalog.yaml:41:35: roles[2].interface: "administrator" is not accepted; accepted: selfService, admin`,
		},
	},
	{
		name:  `role level`,
		edits: []string{`levels: [customer]`, `levels: [customers]`},
		want: []string{
			`catalog.yaml:39:68: roles[0].levels[0]: "customers" is not accepted (did you mean "customer"?); accepted: provider, reseller, customer, intermediate, site`,
		},
	},
	{
		name:  `role without levels`,
		edits: []string{`levels: [customer]`, `levels: []`},
		want: []string{
			`catalog.yaml:39:67: roles[0].levels: a role needs at least one level; accepted: provider, reseller, customer, intermediate, site`,
		},
	},
	{
		name:  `two defaults of one level`,
		edits: []string{`levels: [customer]`, `levels: [customer, site]`},
		want: []string{
			`catalog.yaml:40:80: roles[1].default: customer-self-service is already the default selfService role at level site (line 39)`,
		},
	},
	{
		name:  `template of an unknown kind`,
		edits: []string{"  removeGroups:\n    - {name: staff", "  removeGroup:\n    - {name: staff"},
		want: []string{
			`catalog.yaml:58:3: templates.removeGroup: unknown key "removeGroup" (did you mean "removeGroups"?); accepted: m365User, teamsUser, addGroups, removeGroups`,
			`catalog.yaml:66:89: quickAddGroups[3].removeGroups: there is no removeGroups template "license-groups"; known: none`,
			`catalog.yaml:67:122: quickAddGroups[4].removeGroups: there is no removeGroups template "staff"; known: none`,
		},
	},
	{
		name:  `template twice`,
		edits: []string{`{name: e3-by-group, groups`, `{name: staff, groups`},
		want: []string{
			`catalog.yaml:57:14: templates.addGroups[1].name: the addGroups template "staff" stands on line 56 already`,
			`catalog.yaml:65:102: quickAddGroups[2].addGroups: there is no addGroups template "e3-by-group"; known: staff`,
		},
	},
	{
		name:  `location in small letters`,
		edits: []string{`usageLocation: ${site.defaults.usageLocation}`, `usageLocation: gb`},
		want: []string{
			`catalog.yaml:46:22: templates.m365User[0].usageLocation: "gb" is not a usage location; write the two capital letters of ISO 3166, like GB, or an expression like ${site.defaults.usageLocation}`,
		},
	},
	{
		name:  `location blank`,
		edits: []string{`usageLocation: ${site.defaults.usageLocation}`, `usageLocation:`},
		want: []string{
			`catalog.yaml:46:7: templates.m365User[0].usageLocation: nothing stands here; leave the key out, or write null to clear it`,
		},
	},
	{
		name:  `licenses are no list`,
		edits: []string{`licenses: [SPE_E5, {sku: MCOEV, disabledPlans: []}]`, `licenses: SPE_E5`},
		want: []string{
			`catalog.yaml:47:17: templates.m365User[0].licenses: "SPE_E5" is text; a list of SKUs belongs here, like [SPE_E5, {sku: MCOEV, disabledPlans: []}]`,
		},
	},
	{
		name:  `license twice`,
		edits: []string{`licenses: [SPE_E5, {sku: MCOEV, disabledPlans: []}]`, `licenses: [SPE_E5, {sku: SPE_E5}]`},
		want: []string{
			`catalog.yaml:47:32: templates.m365User[0].licenses[1].sku: the license "SPE_E5" stands on line 47 already`,
		},
	},
	{
		name:  `license without a sku`,
		edits: []string{`{sku: MCOEV, disabledPlans: []}`, `{disabledPlans: []}`},
		want: []string{
			`catalog.yaml:47:26: templates.m365User[0].licenses[1]: sku is missing`,
		},
	},
	{
		name:  `policy type misspelt`,
		edits: []string{`policies: {TeamsCallingPolicy: AllOn}`, `policies: {teamsCallingPolicy: AllOn}`},
		want: []string{
			`catalog.yaml:52:18: templates.teamsUser[0].policies.teamsCallingPolicy: there is no Teams policy type "teamsCallingPolicy" (did you mean "TeamsCallingPolicy"?); known: CallingLineIdentity, ExternalAccessPolicy, OnlineDialOutPolicy, OnlineVoiceRoutingPolicy, OnlineVoicemailPolicy, TeamsAppPermissionPolicy, TeamsAppSetupPolicy, TeamsAudioConferencingPolicy, TeamsCallHoldPolicy, TeamsCallParkPolicy, TeamsCallingPolicy, TeamsChannelsPolicy, TeamsEmergencyCallRoutingPolicy, TeamsEmergencyCallingPolicy, TeamsEnhancedEncryptionPolicy, TeamsMeetingBroadcastPolicy, TeamsMeetingPolicy, TeamsMessagingPolicy, TeamsSharedCallingRoutingPolicy, TeamsSurvivableBranchAppliancePolicy, TeamsUpdateManagementPolicy, TeamsUpgradePolicy, TeamsVoiceApplicationsPolicy, TenantDialPlan`,
		},
	},
	{
		name:  `policies are no mapping`,
		edits: []string{`policies: {TeamsCallingPolicy: AllOn}`, `policies: [TeamsCallingPolicy]`},
		want: []string{
			`catalog.yaml:52:17: templates.teamsUser[0].policies: this is a list; a mapping of policy types to names belongs here, like {TeamsCallingPolicy: AllOn}`,
		},
	},
	{
		name:  `policy blank`,
		edits: []string{`policies: {TeamsCallingPolicy: AllOn}`, `policies: {TeamsCallingPolicy: }`},
		want: []string{
			`catalog.yaml:52:18: templates.teamsUser[0].policies.TeamsCallingPolicy: nothing stands here; leave the key out, or write null to clear it`,
		},
	},
	{
		name:  `expression: unknown variable`,
		edits: []string{`usageLocation: ${site.defaults.usageLocation}`, `usageLocation: ${sight.name}`},
		want: []string{
			`catalog.yaml:46:24: templates.m365User[0].usageLocation: there is no variable "sight"; known: site, node, user, input`,
		},
	},
	{
		name:  `expression: unknown field`,
		edits: []string{`usageLocation: ${site.defaults.usageLocation}`, `usageLocation: x-${site.default.usageLocation}`},
		want: []string{
			`catalog.yaml:46:30: templates.m365User[0].usageLocation: site has no field "default" (did you mean "defaults"?); known: name, path, level, defaults`,
		},
	},
	{
		name:  `expression: unknown field of the defaults`,
		edits: []string{`usageLocation: ${site.defaults.usageLocation}`, `usageLocation: ${site.defaults.location}`},
		want: []string{
			`catalog.yaml:46:37: templates.m365User[0].usageLocation: site.defaults has no field "location"; known: usageLocation, policies`,
		},
	},
	{
		name:  `expression: unknown field of the user`,
		edits: []string{`usageLocation: ${site.defaults.usageLocation}`, `usageLocation: ${user.town}`},
		want: []string{
			`catalog.yaml:46:28: templates.m365User[0].usageLocation: user has no field "town"; known: id, userPrincipalName, displayName, givenName, surname, city, department, country, jobTitle, userType, accountEnabled, usageLocation`,
		},
	},
	{
		name:  `expression: unknown field of the input`,
		edits: []string{`usageLocation: ${site.defaults.usageLocation}`, `usageLocation: ${input.custom_string_11}`},
		want: []string{
			`catalog.yaml:46:29: templates.m365User[0].usageLocation: input has no field "custom_string_11" (did you mean "custom_string_1"?); known: usageLocation, number, role, licenses, groups, policies, custom_string_1, custom_string_2, custom_string_3, custom_string_4, custom_string_5, custom_string_6, custom_string_7, custom_string_8, custom_string_9, custom_string_10, custom_boolean_1, custom_boolean_2, custom_boolean_3, custom_boolean_4, custom_boolean_5, custom_boolean_6, custom_boolean_7, custom_boolean_8, custom_boolean_9, custom_boolean_10`,
		},
	},
	{
		name:  `expression: not closed`,
		edits: []string{`usageLocation: ${site.defaults.usageLocation}`, `usageLocation: ${site.name`},
		want: []string{
			`catalog.yaml:46:22: templates.m365User[0].usageLocation: "${site.name" has no } that closes its ${`,
		},
	},
	{
		name:  `expression: unreadable`,
		edits: []string{`usageLocation: ${site.defaults.usageLocation}`, `usageLocation: ${site.}`},
		want: []string{
			`catalog.yaml:46:29: templates.m365User[0].usageLocation: the expression cannot be read: no viable alternative at input '.'`,
		},
	},
	{
		name:  `expression: missing`,
		edits: []string{`usageLocation: ${site.defaults.usageLocation}`, `usageLocation: ${ }`},
		want: []string{
			`catalog.yaml:46:22: templates.m365User[0].usageLocation: an expression is missing`,
		},
	},
	{
		name:  `expression: wrong result`,
		edits: []string{`usageLocation: ${site.defaults.usageLocation}`, `usageLocation: ${site.defaults.policies}`},
		want: []string{
			`catalog.yaml:46:22: templates.m365User[0].usageLocation: the expression gives map(string, string); accepted: string, bool, int, uint`,
		},
	},
	{
		name:  `expression: wrong operands`,
		edits: []string{`usageLocation: ${site.defaults.usageLocation}`, `usageLocation: ${user.city + 1}`},
		want: []string{
			`catalog.yaml:46:34: templates.m365User[0].usageLocation: found no matching overload for '_+_' applied to '(string, int)'`,
		},
	},
	{
		name:  `dangling node`,
		edits: []string{`{name: uk-sales, node: contoso`, `{name: uk-sales, node: kontoso`},
		want: []string{
			`catalog.yaml:63:28: quickAddGroups[0].node: there is no node "kontoso" (did you mean "contoso"?); known: acme, acme/contoso, acme/contoso/emea, acme/contoso/emea/london, acme/contoso/emea/paris, acme/contoso/newyork`,
		},
	},
	{
		name:  `ambiguous node`,
		edits: []string{`- name: newyork`, `- name: paris`},
		want: []string{
			`catalog.yaml:87:12: placement[1].site: 2 nodes are named "paris"; write the path: acme/contoso/emea/paris, acme/contoso/paris`,
		},
	},
	{
		name:  `dangling m365User`,
		edits: []string{`m365User: e5-voice`, `m365User: e5-voic`},
		want: []string{
			`catalog.yaml:63:47: quickAddGroups[0].m365User: there is no m365User template "e5-voic" (did you mean "e5-voice"?); known: e5-voice, location-only`,
		},
	},
	{
		name:  `dangling teamsUser`,
		edits: []string{`m365User: e5-voice, teamsUser: voice`, `m365User: e5-voice, teamsUser: video`},
		want: []string{
			`catalog.yaml:63:68: quickAddGroups[0].teamsUser: there is no teamsUser template "video"; known: voice, no-voice`,
		},
	},
	{
		name:  `dangling addGroups`,
		edits: []string{`addGroups: e3-by-group`, `addGroups: license-groups`},
		want: []string{
			`catalog.yaml:65:102: quickAddGroups[2].addGroups: there is no addGroups template "license-groups"; known: staff, e3-by-group`,
		},
	},
	{
		name:  `dangling removeGroups`,
		edits: []string{`removeGroups: staff`, `removeGroups: stuff`},
		want: []string{
			`catalog.yaml:67:122: quickAddGroups[4].removeGroups: there is no removeGroups template "stuff" (did you mean "staff"?); known: staff, license-groups`,
		},
	},
	{
		name:  `offboarding in words`,
		edits: []string{`{name: leaver, node: contoso, offboarding: true`, `{name: leaver, node: contoso, offboarding: 'true'`},
		want: []string{
			`catalog.yaml:66:48: quickAddGroups[3].offboarding: "true" is text; true or false belongs here`,
		},
	},
	{
		name:  `group twice`,
		edits: []string{`{name: untouched,`, `{name: leaver,`},
		want: []string{
			`catalog.yaml:66:12: quickAddGroups[3].name: the quick add group "leaver" stands on line 64 already`,
		},
	},
	{
		name:  `group without a node`,
		edits: []string{`{name: untouched, node: contoso`, `{name: untouched`},
		want: []string{
			`catalog.yaml:64:5: quickAddGroups[1]: node is missing`,
		},
	},
	{
		name:  `dangling quick add group`,
		edits: []string{`quickAddGroup: uk-sales`, `quickAddGroup: uk-sale`},
		want: []string{
			`catalog.yaml:70:41: profiles[0].quickAddGroup: there is no quick add group "uk-sale" (did you mean "uk-sales"?); known: uk-sales, untouched, location-and-groups, leaver, leaver-keeps-licenses`,
		},
	},
	{
		name:  `dangling role`,
		edits: []string{`role: site-self-service`, `role: self-service`},
		want: []string{
			`catalog.yaml:70:71: profiles[0].role: there is no role "self-service"; known: customer-self-service, site-self-service, site-admin`,
		},
	},
	{
		name:  `profile number`,
		edits: []string{`number: next`, `number: first`},
		want: []string{
			`catalog.yaml:70:59: profiles[0].number: "first" is not a telephone number: it contains 'f'; accepted: next, none, or a number like +442079460000`,
		},
	},
	{
		name:  `profile number of the wrong type`,
		edits: []string{`number: next`, `number: [next]`},
		want: []string{
			`catalog.yaml:70:59: profiles[0].number: this is a list; accepted: next, none, or a number like +442079460000`,
		},
	},
	{
		name:  `display target`,
		edits: []string{`target: subscriber`, `target: user`},
		want: []string{
			`catalog.yaml:79:13: fieldDisplayPolicies[1].target: "user" is not accepted; accepted: onboarding, offboarding, subscriber`,
		},
	},
	{
		name:  `display access`,
		edits: []string{`access: hidden`, `access: write`},
		want: []string{
			`catalog.yaml:77:26: fieldDisplayPolicies[0].fields.licenses.access: "write" is not accepted; accepted: hidden, read, edit`,
		},
	},
	{
		name:  `display field`,
		edits: []string{`licenses: {access: hidden}`, `license: {access: hidden}`},
		want: []string{
			`catalog.yaml:77:7: fieldDisplayPolicies[0].fields.license: unknown field "license" (did you mean "licenses"?); known: usageLocation, licenses, groups, number, role, policies, userPrincipalName, displayName, givenName, surname, city, department, country, jobTitle, userType, accountEnabled, enterpriseVoice, custom_string_1..10, custom_boolean_1..10, policy.TYPE`,
		},
	},
	{
		name:  `display field of the directory`,
		edits: []string{`licenses: {access: hidden}`, `city: {access: edit, value: Rome}`},
		want: []string{
			`catalog.yaml:77:22: fieldDisplayPolicies[0].fields.city.access: city belongs to the directory and cannot be edited; accepted: hidden, read`,
			`catalog.yaml:77:35: fieldDisplayPolicies[0].fields.city.value: city belongs to the directory and cannot be given a value`,
		},
	},
	{
		name:  `display value: usage location`,
		edits: []string{`usageLocation: {access: edit, value: "${site.defaults.usageLocation}"}`, `usageLocation: {access: read, value: UK1}`},
		want: []string{
			`catalog.yaml:76:44: fieldDisplayPolicies[0].fields.usageLocation.value: "UK1" is not a usage location; accepted: the two letters of ISO 3166, like GB`,
		},
	},
	{
		name:  `display value: value of policies`,
		edits: []string{`usageLocation: {access: edit, value: "${site.defaults.usageLocation}"}`, `policies: {access: read, value: AllOn}`},
		want: []string{
			`catalog.yaml:76:39: fieldDisplayPolicies[0].fields.policies.value: policies as a whole have no value; give one to policy.TYPE`,
		},
	},
	{
		name:  `display value: two usage locations`,
		edits: []string{`usageLocation: {access: edit, value: "${site.defaults.usageLocation}"}`, `usageLocation: {access: read, value: [GB, FR]}`},
		want: []string{
			`catalog.yaml:76:44: fieldDisplayPolicies[0].fields.usageLocation.value: usageLocation takes one value`,
		},
	},
	{
		name:  `display value: boolean`,
		edits: []string{`usageLocation: {access: edit, value: "${site.defaults.usageLocation}"}`, `custom_boolean_1: {access: read, value: maybe}`},
		want: []string{
			`catalog.yaml:76:47: fieldDisplayPolicies[0].fields.custom_boolean_1.value: "maybe" is neither; accepted: true, false`,
		},
	},
	{
		name:  `display value: number`,
		edits: []string{`usageLocation: {access: edit, value: "${site.defaults.usageLocation}"}`, `number: {access: read, value: soon}`},
		want: []string{
			`catalog.yaml:76:37: fieldDisplayPolicies[0].fields.number.value: "soon" is not a telephone number: it contains 's'; accepted: next, none, or a number like +442079460000`,
		},
	},
	{
		name:  `display value: role value`,
		edits: []string{`usageLocation: {access: edit, value: "${site.defaults.usageLocation}"}`, `role: {access: read, value: [boss]}`},
		want: []string{
			`catalog.yaml:76:35: fieldDisplayPolicies[0].fields.role.value: there is no role "boss"; known: customer-self-service, site-self-service, site-admin`,
		},
	},
	{
		name:  `display value: group of no name`,
		edits: []string{`usageLocation: {access: edit, value: "${site.defaults.usageLocation}"}`, `groups: {access: read, value: [All Staff, " "]}`},
		want: []string{
			`catalog.yaml:76:37: fieldDisplayPolicies[0].fields.groups.value: nothing is given; accepted: a group by name or id`,
		},
	},
	{
		name:  `display role`,
		edits: []string{`roles: [site-admin]`, `roles: [site-admn]`},
		want: []string{
			`catalog.yaml:80:13: fieldDisplayPolicies[1].roles[0]: there is no role "site-admn" (did you mean "site-admin"?); known: customer-self-service, site-self-service, site-admin`,
		},
	},
	{
		name:  `display policies at odds`,
		edits: []string{"target: subscriber\n    roles: [site-admin]", `target: onboarding`},
		want: []string{
			`catalog.yaml:79:13: fieldDisplayPolicies[1].target: onboarding-default already applies to every role for onboarding`,
		},
	},
	{
		name:  `placement at no site`,
		edits: []string{`site: london`, `site: emea`},
		want: []string{
			`catalog.yaml:86:12: placement[0].site: acme/contoso/emea is a node of level intermediate; users are placed at sites: acme/contoso/emea/london, acme/contoso/emea/paris, acme/contoso/newyork`,
		},
	},
	{
		name:  `placement at an unknown site`,
		edits: []string{`site: london`, `site: londn`},
		want: []string{
			`catalog.yaml:86:12: placement[0].site: there is no node "londn" (did you mean "london"?); known: acme, acme/contoso, acme/contoso/emea, acme/contoso/emea/london, acme/contoso/emea/paris, acme/contoso/newyork`,
		},
	},
	{
		name:  `placement of no tenant`,
		edits: []string{"      tenant: contoso\n", ``},
		want: []string{
			`catalog.yaml:85:12: placement[0].site: acme/contoso/emea/london belongs to no tenant, so no user can be placed there; attach a tenant at or above it`,
			`catalog.yaml:86:12: placement[1].site: acme/contoso/emea/paris belongs to no tenant, so no user can be placed there; attach a tenant at or above it`,
		},
	},
	{
		name:  `placement over the input`,
		edits: []string{`user.city ==`, `input.number ==`},
		want: []string{
			`catalog.yaml:86:27: placement[0].when: "input" is not known here; known: site, node, user`,
		},
	},
	{
		name:  `placement is no condition`,
		edits: []string{`'user.city.startsWith("Paris")'`, `user.city`},
		want: []string{
			`catalog.yaml:87:25: placement[1].when: the expression gives string; accepted: bool`,
		},
	},
	{
		name:  `placement in braces`,
		edits: []string{`'user.city.startsWith("Paris")'`, `'${user.city == "Paris"}'`},
		want: []string{
			`catalog.yaml:87:25: placement[1].when: a condition is an expression already; write it without ${ }`,
		},
	},
	{
		name:  `placement with an unknown function`,
		edits: []string{`user.city.startsWith`, `user.city.beginsWith`},
		want: []string{
			`catalog.yaml:87:46: placement[1].when: there is no function "beginsWith"; the functions of CEL's standard library are known, like startsWith, contains, matches`,
		},
	},
	{
		name:  `placement with a bad pattern`,
		edits: []string{`user.city.startsWith("Paris")`, `user.city.matches("(")`},
		want: []string{
			`catalog.yaml:87:44: placement[1].when: invalid matches argument: a text that matches understands belongs there`,
		},
	},
	{
		name:  `placement twice`,
		edits: []string{`  - {site: paris, when: 'user.city.startsWith("Paris")'}`, "  - {site: paris, when: 'user.city == \"x\"'}\n  - {site: acme/contoso/emea/paris, when: 'user.city == \"x\"'}"},
		want: []string{
			`catalog.yaml:88:5: placement[2]: the same rule stands at placement[1]`,
		},
	},
	{
		name:  `placement with an unknown profile`,
		edits: []string{`onboard: london-sales`, `onboard: london-sale`},
		want: []string{
			`catalog.yaml:86:89: placement[0].onboard: there is no profile "london-sale" (did you mean "london-sales"?); known: london-sales`,
		},
	},
	{
		name:  `placement with a profile out of sight`,
		edits: []string{`{name: uk-sales, node: contoso`, `{name: uk-sales, node: paris`},
		want: []string{
			`catalog.yaml:86:89: placement[0].onboard: profile london-sales uses quick add group uk-sales of acme/contoso/emea/paris, which acme/contoso/emea/london cannot see`,
		},
	},
	{
		name:  `protected over a node`,
		edits: []string{`user.userPrincipalName.startsWith`, `site.name.startsWith`},
		want: []string{
			`catalog.yaml:90:13: protected[0].when: "site" is not known here; known: user`,
		},
	},
	{
		name:  `protected without a reason`,
		edits: []string{`, reason: service account`, ``},
		want: []string{
			`catalog.yaml:90:5: protected[0]: reason is missing`,
		},
	},
	{
		name:  `range backwards`,
		edits: []string{`+442079460000..+442079460019`, `+442079460019..+442079460000`},
		want: []string{
			`catalog.yaml:93:27: numbers[0].range: the range runs backwards: +442079460019 comes after +442079460000; accepted: a range like "+442079460000..+442079460019"`,
		},
	},
	{
		name:  `range too large`,
		edits: []string{`+442079460000..+442079460019`, `+442079360000..+442079460000`},
		want: []string{
			`catalog.yaml:93:27: numbers[0].range: +442079360000..+442079460000 holds 100001 numbers; 100000 are allowed at once; accepted: a range like "+442079460000..+442079460019"`,
		},
	},
	{
		name:  `range of two countries`,
		edits: []string{`+442079460000..+442079460019`, `+442079460000..+18005550100`},
		want: []string{
			`catalog.yaml:93:27: numbers[0].range: +442079460000 and +18005550100 are numbers of different countries; accepted: a range like "+442079460000..+442079460019"`,
		},
	},
	{
		name:  `range of two lengths`,
		edits: []string{`+442079460000..+442079460019`, `+49301234567..+493012345678`},
		want: []string{
			`catalog.yaml:93:27: numbers[0].range: +49301234567 and +493012345678 have different lengths; accepted: a range like "+442079460000..+442079460019"`,
		},
	},
	{
		name:  `range without a country`,
		edits: []string{`+442079460000..+442079460019`, `02079460000..02079460019`},
		want: []string{
			`catalog.yaml:93:27: numbers[0].range: "02079460000" is not a telephone number with its country code; write it like +44 20 7946 0000; accepted: a range like "+442079460000..+442079460019"`,
		},
	},
	{
		name:  `range that is no number`,
		edits: []string{`+442079460000..+442079460019`, `+442079460000..+44207946001O`},
		want: []string{
			`catalog.yaml:93:27: numbers[0].range: "+44207946001O" is not a telephone number: it contains 'O'; accepted: a range like "+442079460000..+442079460019"`,
		},
	},
	{
		name:  `range too short`,
		edits: []string{`+442079460000..+442079460019`, `+4420..+4421`},
		want: []string{
			`catalog.yaml:93:27: numbers[0].range: "+4420" is not a telephone number: it has too few digits for country code +44; accepted: a range like "+442079460000..+442079460019"`,
		},
	},
	{
		name:  `ranges overlap`,
		edits: []string{`+18005550100..+18005550109`, `+442079460019..+442079460029`},
		want: []string{
			`catalog.yaml:94:28: numbers[1].range: +442079460019..+442079460029 overlaps +442079460000..+442079460019, which is loaded at acme/contoso/emea/london`,
		},
	},
	{
		name:  `number type`,
		edits: []string{`type: callingPlan`, `type: callingplan`},
		want: []string{
			`catalog.yaml:94:64: numbers[1].type: "callingplan" is not accepted (did you mean "callingPlan"?); accepted: directRouting, callingPlan, operatorConnect`,
		},
	},
	{
		name:  `number node`,
		edits: []string{`{node: london, range`, `{node: lodnon, range`},
		want: []string{
			`catalog.yaml:93:12: numbers[0].node: there is no node "lodnon" (did you mean "london"?); known: acme, acme/contoso, acme/contoso/emea, acme/contoso/emea/london, acme/contoso/emea/paris, acme/contoso/newyork`,
		},
	},
	{
		name:  `cycle of aliases`,
		edits: []string{`- {name: staff, groups: [All Staff]}`, `- &a {name: staff, groups: [*a]}`},
		want: []string{
			`catalog.yaml:56:33: templates.addGroups[0].groups[0]: the alias *a stands inside its own anchor: a cycle`,
		},
	},
	{
		name:  `unknown alias`,
		edits: []string{`- {name: staff, groups: [All Staff]}`, `- {name: staff, groups: [*a]}`},
		want: []string{
			`catalog.yaml:56:30: templates.addGroups[0].groups[0]: there is no anchor &a before this alias`,
		},
	},
	{
		name:  `merge key`,
		edits: []string{`defaults: {usageLocation: US}`, `<<: {usageLocation: US}`},
		want: []string{
			`catalog.yaml:36:11: hierarchy.children[0].children[1]: merge keys (<<) are not used in a catalog; write the values out`,
		},
	},
	{
		name:  `tag`,
		edits: []string{`usageLocation: US}`, `usageLocation: !!str US}`},
		want: []string{
			`catalog.yaml:36:37: hierarchy.children[0].children[1].defaults.usageLocation: Tag is not used in a catalog; write the value plainly`,
		},
	},
	{
		name:  `many at once, in the order of the file`,
		edits: []string{`days: 30`, `days: 0`, `level: intermediate`, `level: floor`, `m365User: e5-voice`, `m365User: e4`, `type: callingPlan`, `type: none`},
		want: []string{
			`catalog.yaml:13:46: hierarchy.children[0].settings.numberCooling.days: 0 is out of range; accepted: 1 to 999`,
			`catalog.yaml:20:18: hierarchy.children[0].children[0].level: "floor" is not accepted; accepted: provider, reseller, customer, intermediate, site`,
			`catalog.yaml:63:47: quickAddGroups[0].m365User: there is no m365User template "e4"; known: e5-voice, location-only`,
			`catalog.yaml:94:64: numbers[1].type: "none" is not accepted; accepted: directRouting, callingPlan, operatorConnect`,
		},
	},
}

func TestBadCatalogs(t *testing.T) {
	for _, test := range bad {
		t.Run(test.name, func(t *testing.T) {
			text := test.text
			if test.edits != nil {
				text = edited(t, test.edits...)
			}
			c, err := catalog.Parse("catalog.yaml", []byte(text))
			require.Error(t, err)
			assert.Nil(t, c)
			assert.Equal(t, test.want, strings.Split(err.Error(), "\n"))
			var problems *catalog.Problems
			require.True(t, errors.As(err, &problems))
			assert.Len(t, problems.List, len(test.want))
		})
	}
}
