package catalog_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"tenure/internal/catalog"
)

func TestDiff(t *testing.T) {
	for _, test := range []struct {
		name  string
		edits []string
		want  []string
	}{
		{"nothing", nil, nil},
		{"comments and layout", []string{"apiVersion: tenure/v1\n", "# new\napiVersion: 'tenure/v1'\n\n\n"}, nil},
		{"a node by its path", []string{"{name: untouched, node: contoso", "{name: untouched, node: acme/contoso"}, nil},
		{"order of what has none", []string{"[SPE_E5, {sku: MCOEV, disabledPlans: []}]", "[MCOEV, {sku: SPE_E5}]", "[License E3, License Phone]", "[License Phone, License E3]"}, nil},
		{"explicit default", []string{"{name: site-admin, interface: admin, levels: [site]}", "{name: site-admin, interface: admin, levels: [site], default: false}"}, nil},
		{"nodes", []string{"name: newyork", "name: boston"}, []string{
			"added nodes acme/contoso/boston: defaults.usageLocation: US; level: site",
			"removed nodes acme/contoso/newyork: defaults.usageLocation: US; level: site",
		}},
		{"tenant and defaults", []string{"tenant: contoso", "tenant: fabrikam", "usageLocation: FR\n", "usageLocation: null\n", "TenantDialPlan: UK-Dialplan, ", ""}, []string{
			"changed nodes acme/contoso: tenant: contoso -> fabrikam",
			"changed nodes acme/contoso/emea/london: defaults.policies.TenantDialPlan: UK-Dialplan -> absent",
			"changed nodes acme/contoso/emea/paris: defaults.usageLocation: FR -> null",
		}},
		{"settings", []string{"days: 30", "days: 10", "licenses: remove}", "licenses: retain}", "{enabled: false}", "{days: 5}"}, []string{
			"changed settings acme/contoso: numberCooling.days: 30 -> 10; offboarding.licenses: remove -> retain",
			"changed settings acme/contoso/emea/paris: numberCooling.days: absent -> 5; numberCooling.enabled: false -> absent",
		}},
		{"roles", []string{"name: site-admin, interface: admin, levels: [site]", "name: site-admin, interface: admin, levels: [site, customer]"}, []string{
			"changed roles site-admin: levels: [site] -> [customer, site]",
		}},
		{"templates", []string{"TenantDialPlan: null, ", "", "groups: [License E3]}", "groups: []}", ", {sku: MCOEV, disabledPlans: []}", ""}, []string{
			"changed templates addGroups/e3-by-group: groups: [License E3] -> []",
			`changed templates m365User/e5-voice: licenses: [{"disabledPlans":[],"sku":"MCOEV"}, {"disabledPlans":[],"sku":"SPE_E5"}] -> [{"disabledPlans":[],"sku":"SPE_E5"}]`,
			"changed templates teamsUser/no-voice: policies.TenantDialPlan: null -> absent",
		}},
		{"groups", []string{"{name: leaver, node: contoso, offboarding: true, ", "{name: leaver, node: emea, "}, []string{
			"changed groups leaver: node: acme/contoso -> acme/contoso/emea; offboarding: true -> false",
		}},
		{"profiles", []string{"number: next", "number: none"}, []string{"changed profiles london-sales: number: next -> none"}},
		{"policies", []string{"access: hidden", "access: read"}, []string{"changed policies onboarding-default: fields.licenses.access: hidden -> read"}},
		{"placement", []string{`"London"`, `"Londres"`, "{site: paris, when: 'user.city.startsWith(\"Paris\")'}", "{site: paris, when: 'user.city.startsWith(\"Paris\")', onboard: london-sales}"}, []string{
			`removed placement acme/contoso/emea/london when user.city == "London" && user.userType == "Member": onboard: london-sales`,
			`added placement acme/contoso/emea/london when user.city == "Londres" && user.userType == "Member": onboard: london-sales`,
			`changed placement acme/contoso/emea/paris when user.city.startsWith("Paris"): onboard: absent -> london-sales`,
		}},
		{"order of placement", []string{"  - {site: london", "  - {site: paris, when: 'user.city.startsWith(\"Paris\")'}\n  - {site: london", "\n  - {site: paris, when: 'user.city.startsWith(\"Paris\")'}\n\n", "\n\n"}, []string{
			`changed placement order: acme/contoso/emea/london when user.city == "London" && user.userType == "Member", acme/contoso/emea/paris when user.city.startsWith("Paris") -> acme/contoso/emea/paris when user.city.startsWith("Paris"), acme/contoso/emea/london when user.city == "London" && user.userType == "Member"`,
		}},
		{"protected", []string{"reason: service account", "reason: robots"}, []string{`changed protected user.userPrincipalName.startsWith("svc-"): reason: service account -> robots`}},
		{"numbers", []string{"{node: london, range", "{node: emea, range", "5550109", "5550110"}, []string{
			"removed numbers +18005550100..+18005550109: node: acme/contoso; type: callingPlan",
			"added numbers +18005550100..+18005550110: node: acme/contoso; type: callingPlan",
			"changed numbers +442079460000..+442079460019: node: acme/contoso/emea/london -> acme/contoso/emea",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			before, after := parse(t, read(t, contract)), parse(t, edited(t, test.edits...))
			assert.Equal(t, test.want, lines(catalog.Diff(before, after)))
			assert.Len(t, catalog.Diff(after, before), len(test.want), "the way back has as many")
		})
	}
}

func lines(differences []catalog.Difference) []string {
	var all []string
	for _, d := range differences {
		all = append(all, d.String())
	}
	return all
}

func TestDiffWithNoCatalogBefore(t *testing.T) {
	c := parse(t, read(t, contract))
	differences := catalog.Diff(nil, c)
	kinds := map[string]int{}
	for _, d := range differences {
		assert.Equal(t, catalog.Added, d.Action)
		kinds[d.Kind]++
	}
	assert.Equal(t, map[string]int{"nodes": 6, "settings": 2, "roles": 3, "templates": 8, "groups": 5, "profiles": 1, "policies": 2, "placement": 2, "protected": 1, "numbers": 2}, kinds)
	assert.Equal(t, lines(differences), lines(catalog.Diff(nil, c)), "the order is always the same")
	assert.Len(t, catalog.Diff(c, nil), len(differences))
}

// One meaning written twice, in another order and with nodes by name or by path, is no difference; and a difference that
// was made is one.
func TestDiffOfOneMeaningIsEmpty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sites := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{3,8}`), 1, 5, rapid.ID).Draw(t, "sites")
		days := rapid.IntRange(1, 998).Draw(t, "days")
		groups := rapid.SliceOfNDistinct(rapid.StringMatching(`g[a-z]{2,6}`), 0, 4, rapid.ID).Draw(t, "groups")
		write := func(days int, shuffle bool) string {
			sites, groups := slices.Clone(sites), slices.Clone(groups)
			prefix := ""
			if shuffle {
				slices.Reverse(sites)
				groups = rapid.Permutation(groups).Draw(t, "order of groups")
				prefix = "Top/"
			}
			var nodes, bundles, members []string
			for _, s := range sites {
				nodes = append(nodes, fmt.Sprintf("{name: %s, level: site}", s))
			}
			for _, g := range groups {
				members = append(members, "member "+g)
				bundles = append(bundles, fmt.Sprintf("  - {name: %s, node: %s, offboarding: true, removeGroups: r}", g, prefix+slices.Min(sites)))
			}
			top := []string{
				fmt.Sprintf("hierarchy: {name: Top, level: customer, tenant: t, settings: {numberCooling: {days: %d}}, children: [%s]}", days, strings.Join(nodes, ", ")),
				fmt.Sprintf("templates: {removeGroups: [{name: r, groups: [%s]}]}", strings.Join(members, ", ")),
				"quickAddGroups:\n" + strings.Join(bundles, "\n"),
			}
			if shuffle {
				slices.Reverse(top)
			}
			return "apiVersion: tenure/v1\n" + strings.Join(top, "\n") + "\n"
		}
		read := func(text string) *catalog.Catalog {
			c, err := catalog.Parse("c", []byte(text))
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			return c
		}
		one := read(write(days, false))
		if d := catalog.Diff(one, read(write(days, true))); len(d) != 0 {
			t.Fatalf("one meaning differs: %v", d)
		}
		if d := catalog.Diff(one, read(write(days+1, true))); len(d) != 1 || d[0].Kind != "settings" {
			t.Fatalf("one setting differs: %v", d)
		}
	})
}
