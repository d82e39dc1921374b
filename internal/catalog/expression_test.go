package catalog_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/catalog"
)

// usageLocation compiles a text as the usage location of template e5-voice.
func usageLocation(t testing.TB, expression string) (*catalog.Catalog, catalog.Text) {
	t.Helper()
	c := parse(t, edited(t, "usageLocation: ${site.defaults.usageLocation}", "usageLocation: '"+strings.ReplaceAll(expression, "'", "''")+"'"))
	template, _ := c.M365User("e5-voice")
	text, ok := template.UsageLocation.Value()
	require.True(t, ok)
	return c, text
}

func TestExpressions(t *testing.T) {
	user := &catalog.User{
		ID: "id-1", UserPrincipalName: "ann@contoso.com", DisplayName: "Ann Lee", GivenName: "Ann", Surname: "Lee", City: "London", Department: "Sales",
		Country: "UK", JobTitle: "Clerk", UserType: "Member", AccountEnabled: true, UsageLocation: "GB",
	}
	input := &catalog.Input{UsageLocation: "NO", Number: "+441", Role: "r", Licenses: []string{"A", "B"}, Groups: []string{"G"}, Policies: map[string]string{"TenantDialPlan": "X"}}
	input.CustomString[0], input.CustomString[9] = "one", "ten"
	input.CustomBoolean[9] = true
	for expression, want := range map[string]string{
		"GB":                             "GB",
		"${site.defaults.usageLocation}": "GB",
		"${site.name} ${site.level}":     "london site",
		"${site.path}":                   london,
		"${site.defaults.policies.TenantDialPlan}":    "UK-Dialplan",
		"${site.defaults.policies['TenantDialPlan']}": "UK-Dialplan",
		"${node.name}":                                            "contoso",
		"${node.defaults.usageLocation}":                          "",
		"${user.id}${user.userPrincipalName}":                     "id-1ann@contoso.com",
		"${user.displayName}|${user.givenName}|${user.surname}":   "Ann Lee|Ann|Lee",
		"${user.city}|${user.department}|${user.country}":         "London|Sales|UK",
		"${user.jobTitle}|${user.userType}|${user.usageLocation}": "Clerk|Member|GB",
		"${user.accountEnabled}":                                  "true",
		"${user.accountEnabled ? 'on' : 'off'}":                   "on",
		"${input.custom_string_1}${input.custom_string_10}":       "oneten",
		"${input.custom_boolean_1} ${input.custom_boolean_10}":    "false true",
		"${input.usageLocation}|${input.number}|${input.role}":    "NO|+441|r",
		"${input.licenses[1]}${input.groups[0]}":                  "BG",
		"${input.policies.TenantDialPlan}":                        "X",
		"${size(input.licenses)}":                                 "2",
		"${has(input.policies.X) ? 'y' : 'n'}":                    "n",
		"${has(user.city) ? 'y' : 'n'}":                           "y",
		"${'{' + '}'}":                                            "{}",
		`${'a\'}b'}`:                                              "a'}b",
		"${{'a': 'b'}['a']}":                                      "b",
		"$${literal} ${user.city}":                                "${literal} London",
		// What yields nothing counts as absent, whatever stands beside it.
		"${input.custom_string_2}":                       "",
		"x-${input.custom_string_2}":                     "",
		"x-${site.defaults.policies.TeamsMeetingPolicy}": "",
	} {
		t.Run(expression, func(t *testing.T) {
			c, text := usageLocation(t, expression)
			got, err := text.Value(catalog.Scope{Site: node(t, c, "london"), Node: node(t, c, "contoso"), User: user, Input: input})
			require.NoError(t, err)
			assert.Equal(t, want, got)
			assert.Equal(t, expression, text.Source())
		})
	}
}

func TestExpressionsWithoutTheirVariables(t *testing.T) {
	_, text := usageLocation(t, "${site.defaults.usageLocation}${node.path}${input.custom_string_1}")
	v, err := text.Value(catalog.Scope{})
	require.NoError(t, err)
	assert.Empty(t, v, "no site and no input have no values")

	_, text = usageLocation(t, "${user.city}")
	_, err = text.Value(catalog.Scope{})
	require.ErrorContains(t, err, "no user is known")
}

func TestLiteralTextIsNotEvaluated(t *testing.T) {
	c := parse(t, edited(t, "groups: [License E3]}", "groups: ['costs $5', '$${x}']}"))
	g, _ := c.AddGroups("e3-by-group")
	resolved, err := g.Resolve(catalog.Scope{})
	require.NoError(t, err)
	assert.Equal(t, []string{"costs $5", "${x}"}, resolved.Groups)
}

func TestGroupsThatYieldNothingAreLeftOut(t *testing.T) {
	c := parse(t, edited(t, "groups: [License E3]}", "groups: ['${input.custom_string_1}', A, '${input.custom_string_2}']}"))
	g, _ := c.AddGroups("e3-by-group")
	input := &catalog.Input{}
	input.CustomString[1] = "A"
	resolved, err := g.Resolve(catalog.Scope{Input: input})
	require.NoError(t, err)
	assert.Equal(t, []string{"A"}, resolved.Groups)
}

func TestExpressionsAreSafeForConcurrentUse(t *testing.T) {
	c := parse(t, read(t, contract))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 200 {
				_, ok, err := c.Place("contoso", catalog.User{City: "Paris", UserType: "Member"})
				assert.NoError(t, err)
				assert.True(t, ok)
				_, err = c.Offboarding(london, "leaver")
				assert.NoError(t, err)
			}
		})
	}
	group.Wait()
}

func BenchmarkPlace(b *testing.B) {
	c := parse(b, read(b, contract))
	user := catalog.User{City: "Paris", UserType: "Member"}
	for b.Loop() {
		if _, ok, err := c.Place("contoso", user); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	text := []byte(read(b, contract))
	for b.Loop() {
		if _, err := catalog.Parse("catalog.yaml", text); err != nil {
			b.Fatal(err)
		}
	}
}
