package catalog_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/catalog"
	"tenure/internal/lifecycle"
)

// contract is the catalog that other programs apply as it stands.
const contract = "testdata/contract.yaml"

func read(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(text)
}

// edited is the contract catalog with each old text replaced, once, by the new one that follows it.
func edited(t testing.TB, oldNew ...string) string {
	t.Helper()
	text := read(t, contract)
	for i := 0; i < len(oldNew); i += 2 {
		require.Contains(t, text, oldNew[i], "the edit must apply")
		text = strings.Replace(text, oldNew[i], oldNew[i+1], 1)
	}
	return text
}

func parse(t testing.TB, text string) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Parse("catalog.yaml", []byte(text))
	require.NoError(t, err)
	return c
}

func node(t testing.TB, c *catalog.Catalog, ref string) *catalog.Node {
	t.Helper()
	n, err := c.Node(ref)
	require.NoError(t, err)
	return n
}

func refusal(t testing.TB, err error) *lifecycle.Refusal {
	t.Helper()
	var r *lifecycle.Refusal
	require.ErrorAs(t, err, &r)
	return r
}

func TestBothExamplesParseAndSayTheSame(t *testing.T) {
	assert.Empty(t, catalog.Diff(parse(t, read(t, contract)), parse(t, read(t, "../../examples/catalog.yaml"))))
}

func TestNodeIsFoundByNameOrPath(t *testing.T) {
	c := parse(t, read(t, contract))
	for _, ref := range []string{"london", "acme/contoso/emea/london"} {
		n := node(t, c, ref)
		assert.Equal(t, "acme/contoso/emea/london", n.Path(), ref)
		assert.Equal(t, "london", n.Name())
		assert.Equal(t, catalog.Site, n.Level())
		assert.True(t, n.IsSite())
		assert.Equal(t, "acme/contoso/emea", n.Parent().Path())
		assert.Equal(t, "acme/contoso", n.Tenant().Path())
	}
	root := node(t, c, "acme")
	assert.Same(t, c.Root(), root)
	assert.Nil(t, root.Parent())
	assert.Nil(t, root.Tenant(), "no tenant is attached at or above the provider")
	assert.False(t, root.IsSite())
	assert.Len(t, root.Children(), 1)
	assert.Len(t, c.Nodes(), 6)
}

func TestNodeRefusals(t *testing.T) {
	c := parse(t, edited(t, "name: newyork", "name: paris", "site: paris", "site: acme/contoso/emea/paris"))

	_, err := c.Node("londn")
	r := refusal(t, err)
	assert.Equal(t, "unknown-node", r.Code)
	assert.True(t, r.Invalid)
	assert.Contains(t, r.Error(), `did you mean "london"`)
	assert.Contains(t, r.Error(), "acme/contoso/emea/london")

	_, err = c.Node("LONDON")
	assert.Contains(t, refusal(t, err).Error(), `did you mean "london"`, "case alone is a near miss")

	_, err = c.Node("paris")
	r = refusal(t, err)
	assert.Equal(t, "ambiguous-node", r.Code)
	assert.True(t, r.Invalid)
	assert.Contains(t, r.Hint, "acme/contoso/emea/paris, acme/contoso/paris")

	assert.Equal(t, "acme/contoso/paris", node(t, c, "acme/contoso/paris").Path())
}

func TestNodeCovers(t *testing.T) {
	c := parse(t, read(t, contract))
	for _, test := range []struct {
		above, below string
		covers       bool
	}{
		{"acme", "london", true},
		{"emea", "london", true},
		{"london", "london", true},
		{"london", "emea", false},
		{"paris", "london", false},
		{"emea", "newyork", false},
	} {
		assert.Equal(t, test.covers, node(t, c, test.above).Covers(node(t, c, test.below)), "%s over %s", test.above, test.below)
	}
}

func TestTenantLevelIsWhereTheTenantIsAttached(t *testing.T) {
	text := edited(t, "      tenant: contoso\n", "", "level: intermediate\n", "level: intermediate\n          tenant: europe\n", "        - name: newyork\n", "        - name: newyork\n          tenant: america\n")
	c := parse(t, text)
	assert.Equal(t, "acme/contoso/emea", node(t, c, "london").Tenant().Path(), "an intermediate node can be the tenant level")
	assert.Equal(t, "acme/contoso/newyork", node(t, c, "newyork").Tenant().Path())
	assert.Nil(t, node(t, c, "contoso").Tenant())

	var names []string
	for _, n := range c.Tenants() {
		names = append(names, n.TenantName()+" at "+n.Path())
	}
	assert.Equal(t, []string{"europe at acme/contoso/emea", "america at acme/contoso/newyork"}, names)

	level, err := c.Tenant("europe")
	require.NoError(t, err)
	assert.Equal(t, "acme/contoso/emea", level.Path())

	_, err = c.Tenant("europa")
	r := refusal(t, err)
	assert.Equal(t, "unknown-tenant", r.Code)
	assert.True(t, r.Invalid)
	assert.Equal(t, "tenants: europe, america", r.Hint)
}

func TestRoles(t *testing.T) {
	c := parse(t, read(t, contract))
	for _, test := range []struct {
		level catalog.Level
		role  string
	}{
		{catalog.Customer, "customer-self-service"},
		{catalog.Site, "site-self-service"},
		{catalog.Provider, ""},
		{catalog.Intermediate, ""},
	} {
		role, ok := c.DefaultRole(test.level)
		assert.Equal(t, test.role != "", ok, test.level)
		assert.Equal(t, test.role, role.Name, test.level)
	}
	admin, ok := c.Role("site-admin")
	require.True(t, ok)
	assert.Equal(t, &lifecycle.Role{Name: "site-admin"}, admin.Lifecycle())
	assert.True(t, admin.AllowedAt(catalog.Site), "R72")
	assert.False(t, admin.AllowedAt(catalog.Customer), "R72")
	self, _ := c.Role("site-self-service")
	assert.True(t, self.Lifecycle().SelfService)
	_, ok = c.Role("nobody")
	assert.False(t, ok)
	assert.Len(t, c.Roles(), 3)
}

// An admin role marked default must not become what offboarded users get (R71).
func TestDefaultRoleIsSelfServiceOnly_R71(t *testing.T) {
	c := parse(t, edited(t, "{name: site-admin, interface: admin, levels: [site]}", "{name: top-admin, interface: admin, levels: [provider], default: true}", "roles: [site-admin]", "roles: [top-admin]"))
	_, ok := c.DefaultRole(catalog.Provider)
	assert.False(t, ok)
}

func TestProfilesAndGroups(t *testing.T) {
	c := parse(t, edited(t, "number: next", "number: +442079460007"))
	p, err := c.Profile("london-sales")
	require.NoError(t, err)
	assert.Equal(t, "uk-sales", p.QuickAddGroup.Name)
	assert.Equal(t, "+442079460007", p.Number, "an unquoted number is no integer")
	assert.Equal(t, "site-self-service", p.Role)
	_, err = c.Profile("london-sale")
	assert.Equal(t, "unknown-profile", refusal(t, err).Code)
	assert.True(t, refusal(t, err).Invalid)

	g, err := c.QuickAddGroup("untouched")
	require.NoError(t, err)
	assert.Nil(t, g.M365User, "R21: without the template the user is untouched")
	assert.True(t, g.VisibleFrom(node(t, c, "london")))
	assert.True(t, g.VisibleFrom(node(t, c, "contoso")))
	assert.False(t, g.VisibleFrom(node(t, c, "acme")))
	_, err = c.QuickAddGroup("untuched")
	r := refusal(t, err)
	assert.Equal(t, "unknown-group", r.Code)
	assert.True(t, r.Invalid)
	assert.Contains(t, r.Error(), `did you mean "untouched"`)
}

func TestTemplatesAreThreeValued(t *testing.T) {
	c := parse(t, edited(t, "    - name: location-only\n      usageLocation: ${site.defaults.usageLocation}", "    - {name: location-only, usageLocation: null, licenses: []}\n    - {name: bare, licenses: null}"))
	for _, test := range []struct {
		name          string
		usageLocation catalog.FieldState
		licenses      catalog.FieldState
	}{
		{"e5-voice", catalog.Given, catalog.Given},
		{"location-only", catalog.Cleared, catalog.Absent}, // R23: a blank list makes no license call
		{"bare", catalog.Absent, catalog.Cleared},
	} {
		template, ok := c.M365User(test.name)
		require.True(t, ok, test.name)
		assert.Equal(t, test.usageLocation, template.UsageLocation.State(), test.name)
		assert.Equal(t, test.licenses, template.Licenses.State(), test.name)
	}
	e5, _ := c.M365User("e5-voice")
	licenses, ok := e5.Licenses.Value()
	require.True(t, ok)
	require.Len(t, licenses, 2)
	assert.Equal(t, "SPE_E5", licenses[0].SKU.Source())
	assert.Equal(t, "MCOEV", licenses[1].SKU.Source())

	none, ok := c.TeamsUser("no-voice")
	require.True(t, ok)
	assert.Equal(t, catalog.Cleared, none.Policies["TenantDialPlan"].State())
	assert.Equal(t, catalog.Absent, none.Policies["TeamsMeetingPolicy"].State())
	add, ok := c.AddGroups("staff")
	require.True(t, ok)
	assert.Len(t, add.Groups, 1)
	_, ok = c.RemoveGroups("e3-by-group")
	assert.False(t, ok, "adding and removing are templates of different kinds")
}

func TestNumberLoads(t *testing.T) {
	c := parse(t, read(t, contract))
	loads := c.NumberLoads()
	require.Len(t, loads, 2)
	assert.Equal(t, "acme/contoso/emea/london", loads[0].Node)
	assert.Equal(t, catalog.DirectRouting, loads[0].Type)
	assert.Equal(t, 20, loads[0].Count)
	var numbers []string
	for n := range loads[0].All() {
		numbers = append(numbers, n)
	}
	require.Len(t, numbers, 20)
	assert.Equal(t, "+442079460000", numbers[0])
	assert.Equal(t, "+442079460019", numbers[19])
	assert.Equal(t, catalog.CallingPlan, loads[1].Type)
}

func TestFieldDisplayPolicyOfARole_R131(t *testing.T) {
	c := parse(t, edited(t, "  - name: licenses-elsewhere", "  - {name: everybody, target: subscriber, fields: {licenses: {access: edit, value: [SPE_E5, MCOEV]}, custom_boolean_3: {access: edit, value: true}, policy.TeamsCallingPolicy: {access: read}}}\n  - name: licenses-elsewhere"))
	for _, test := range []struct {
		target       catalog.Target
		role, policy string
	}{
		{catalog.ForSubscriber, "site-admin", "licenses-elsewhere"},
		{catalog.ForSubscriber, "site-self-service", "everybody"},
		{catalog.ForOnboarding, "site-admin", "onboarding-default"},
		{catalog.ForOffboarding, "site-admin", ""},
	} {
		p, ok := c.FieldDisplayPolicy(test.target, test.role)
		require.Equal(t, test.policy != "", ok)
		if ok {
			assert.Equal(t, test.policy, p.Name)
		}
	}
	p, _ := c.FieldDisplayPolicy(catalog.ForSubscriber, "")
	assert.Equal(t, catalog.Edit, p.Fields["licenses"].Access)
	values, ok := p.Fields["licenses"].Value.Value()
	require.True(t, ok)
	assert.Len(t, values, 2)
	yes, _ := p.Fields["custom_boolean_3"].Value.Value()
	assert.Equal(t, "true", yes[0].Source())
	assert.Equal(t, catalog.Absent, p.Fields["policy.TeamsCallingPolicy"].Value.State())
}
