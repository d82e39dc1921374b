package catalog_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/catalog"
	"tenure/internal/lifecycle"
)

// because is what first makes use of each feature that is needed.
func because(t *testing.T, c *catalog.Catalog, tenant string) map[lifecycle.Feature]string {
	t.Helper()
	needs, err := c.Needs(tenant)
	require.NoError(t, err)
	first := map[lifecycle.Feature]string{}
	for _, n := range needs {
		if _, known := first[n.Feature]; !known {
			first[n.Feature] = n.Because
		}
	}
	return first
}

func TestNeedsOfTheExample(t *testing.T) {
	assert.Equal(t, map[lifecycle.Feature]string{
		lifecycle.FeatureReadUsers:     "every operation",
		lifecycle.FeatureReadLicenses:  "every operation",
		lifecycle.FeatureReadGroups:    "every operation",
		lifecycle.FeatureReadVoice:     "offboarding",
		lifecycle.FeatureNumbers:       "offboarding",
		lifecycle.FeatureLicenses:      "setting offboarding.licenses: remove at acme/contoso",
		lifecycle.FeatureUsageLocation: "quick add group uk-sales, m365User e5-voice",
		lifecycle.FeaturePolicies:      "quick add group uk-sales, teamsUser voice",
		lifecycle.FeatureGroups:        "quick add group uk-sales, addGroups staff",
	}, because(t, parse(t, edited(t)), "contoso"))
}

const bare = `apiVersion: tenure/v1
hierarchy:
  name: acme
  level: provider
  settings: {offboarding: {licenses: retain}}
  children:
    - {name: contoso, level: customer, tenant: contoso, children: [{name: london, level: site}]}
    - {name: fabrikam, level: customer, tenant: fabrikam}
`

func TestNeedsFollowWhatIsConfigured(t *testing.T) {
	for name, row := range map[string]struct {
		more    string
		feature lifecycle.Feature
		because string
	}{
		"nothing":        {"", "", ""},
		"blank licenses": {"templates: {m365User: [{name: t, licenses: []}]}\nquickAddGroups: [{name: g, node: london, m365User: t}]", "", ""},
		"unused":         {"templates: {m365User: [{name: t, licenses: [SPE_E5]}]}", "", ""},
		"usage location": {"templates: {m365User: [{name: t, usageLocation: GB}]}\nquickAddGroups: [{name: g, node: london, m365User: t}]", lifecycle.FeatureUsageLocation, "quick add group g, m365User t"},
		"licenses":       {"templates: {m365User: [{name: t, licenses: [SPE_E5]}]}\nquickAddGroups: [{name: g, node: acme, m365User: t}]", lifecycle.FeatureLicenses, "quick add group g, m365User t"},
		"no licenses":    {"templates: {m365User: [{name: t, licenses: null}]}\nquickAddGroups: [{name: g, node: acme, m365User: t}]", lifecycle.FeatureLicenses, "quick add group g, m365User t"},
		"removing":       {"quickAddGroups: [{name: g, node: contoso, offboarding: true, licenses: remove}]", lifecycle.FeatureLicenses, "quick add group g, licenses: remove"},
		"retaining":      {"quickAddGroups: [{name: g, node: contoso, offboarding: true, licenses: retain}]", "", ""},
		"policies":       {"templates: {teamsUser: [{name: t, policies: {TeamsCallingPolicy: null}}]}\nquickAddGroups: [{name: g, node: contoso, teamsUser: t}]", lifecycle.FeaturePolicies, "quick add group g, teamsUser t"},
		"adding":         {"templates: {addGroups: [{name: t, groups: [x]}]}\nquickAddGroups: [{name: g, node: contoso, addGroups: t}]", lifecycle.FeatureGroups, "quick add group g, addGroups t"},
		"leaving":        {"templates: {removeGroups: [{name: t, groups: [x]}]}\nquickAddGroups: [{name: g, node: contoso, offboarding: true, removeGroups: t}]", lifecycle.FeatureGroups, "quick add group g, removeGroups t"},
		"elsewhere":      {"templates: {removeGroups: [{name: t, groups: [x]}]}\nquickAddGroups: [{name: g, node: fabrikam, offboarding: true, removeGroups: t}]", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := because(t, parse(t, bare+row.more), "contoso")
			for _, always := range []lifecycle.Feature{lifecycle.FeatureReadUsers, lifecycle.FeatureReadLicenses, lifecycle.FeatureReadGroups, lifecycle.FeatureReadVoice, lifecycle.FeatureNumbers} {
				assert.Contains(t, got, always)
				delete(got, always)
			}
			want := map[lifecycle.Feature]string{}
			if row.feature != "" {
				want[row.feature] = row.because
			}
			assert.Equal(t, want, got)
		})
	}
	_, err := parse(t, bare).Needs("nobody")
	assert.Equal(t, "unknown-tenant", refusal(t, err).Code)
}
