package lifecycle_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/lifecycle"
)

// graph.md §12 and architecture.md §5.4: the least permission of each feature, and others that do as well.
func TestAcceptedPermissions(t *testing.T) {
	for feature, row := range map[lifecycle.Feature]struct {
		least string
		also  []string
		not   []string
	}{
		lifecycle.FeatureReadUsers:     {"User.Read.All", []string{"User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}, []string{"User.ReadBasic.All"}},
		lifecycle.FeatureReadLicenses:  {"LicenseAssignment.Read.All", []string{"Organization.Read.All", "Directory.Read.All"}, []string{"User.Read.All"}},
		lifecycle.FeatureReadGroups:    {"GroupMember.Read.All", []string{"Group.Read.All", "Directory.Read.All"}, []string{"User.Read.All"}},
		lifecycle.FeatureReadVoice:     {"TeamsUserConfiguration.Read.All", nil, []string{"Directory.ReadWrite.All"}},
		lifecycle.FeatureUsageLocation: {"User.ReadUpdate.All", []string{"LicenseAssignment.ReadWrite.All", "User.ReadWrite.All", "Directory.ReadWrite.All"}, []string{"User.Read.All", "LicenseAssignment.Read.All"}},
		lifecycle.FeatureLicenses:      {"LicenseAssignment.ReadWrite.All", []string{"User.ReadWrite.All", "Directory.ReadWrite.All"}, []string{"User.ReadUpdate.All", "LicenseAssignment.Read.All"}},
		lifecycle.FeatureGroups:        {"GroupMember.ReadWrite.All", []string{"Group.ReadWrite.All", "Directory.ReadWrite.All"}, []string{"GroupMember.Read.All", "User.ReadWrite.All"}},
		lifecycle.FeatureNumbers:       {"TeamsTelephoneNumber.ReadWrite.All", nil, []string{"TeamsTelephoneNumber.Read.All", "Directory.ReadWrite.All"}},
		lifecycle.FeaturePolicies:      {"TeamsPolicyUserAssign.ReadWrite.All", nil, []string{"Directory.ReadWrite.All"}},
	} {
		accepted := feature.Accepted()
		assert.Equal(t, row.least, accepted[0], feature)
		assert.Subset(t, accepted, row.also, feature)
		for _, p := range row.not {
			assert.NotContains(t, accepted, p, feature)
		}
		assert.Contains(t, lifecycle.Features(), feature)
	}
	assert.Len(t, lifecycle.Features(), 9, "each feature has a row above")
	assert.Empty(t, lifecycle.Feature("flying").Accepted())
}

func needs(features ...lifecycle.Feature) (all []lifecycle.FeatureNeed) {
	for _, f := range features {
		all = append(all, lifecycle.FeatureNeed{Feature: f, Because: "test of " + string(f)})
	}
	return all
}

func TestCheckPermissions(t *testing.T) {
	for name, row := range map[string]struct {
		needs   []lifecycle.FeatureNeed
		held    []string
		missing []lifecycle.Feature
		excess  []string
	}{
		"nothing needed, nothing held": {},
		"the least":                    {needs: needs(lifecycle.FeatureReadUsers), held: []string{"User.Read.All"}},
		"missing":                      {needs: needs(lifecycle.FeatureReadUsers, lifecycle.FeatureNumbers), held: []string{"User.Read.All"}, missing: []lifecycle.Feature{lifecycle.FeatureNumbers}},
		"one for several":              {needs: needs(lifecycle.FeatureLicenses, lifecycle.FeatureReadLicenses, lifecycle.FeatureUsageLocation), held: []string{"LicenseAssignment.ReadWrite.All"}},
		"never needed":                 {needs: needs(lifecycle.FeatureReadUsers), held: []string{"User.Read.All", "Mail.Read"}, excess: []string{"Mail.Read"}},
		"more than is used": {
			needs: needs(lifecycle.FeatureGroups), held: []string{"Group.ReadWrite.All", "Directory.ReadWrite.All", "GroupMember.ReadWrite.All"},
			excess: []string{"Directory.ReadWrite.All", "Group.ReadWrite.All"}},
		"needed by one, more than another uses": {
			needs: needs(lifecycle.FeatureReadUsers, lifecycle.FeatureLicenses), held: []string{"User.Read.All", "User.ReadWrite.All"}},
		"of no use without its feature": {needs: needs(lifecycle.FeatureReadUsers), held: []string{"TeamsTelephoneNumber.ReadWrite.All", "User.Read.All"}, excess: []string{"TeamsTelephoneNumber.ReadWrite.All"}},
		"twice in the token":            {held: []string{"Mail.Read", "Mail.Read"}, excess: []string{"Mail.Read"}},
	} {
		t.Run(name, func(t *testing.T) {
			before := slices.Clone(row.held)
			check := lifecycle.CheckPermissions(row.needs, row.held)
			assert.Equal(t, before, row.held)
			var missing []lifecycle.Feature
			for _, f := range check.Missing() {
				missing = append(missing, f.Feature)
			}
			assert.Equal(t, row.missing, missing)
			assert.ElementsMatch(t, row.excess, check.Excess)
			assert.True(t, slices.IsSorted(check.Excess))
			assert.Len(t, check.Features, len(row.needs))
		})
	}
}

func TestCheckPermissionsExplains(t *testing.T) {
	twice := append(needs(lifecycle.FeatureLicenses), lifecycle.FeatureNeed{Feature: lifecycle.FeatureLicenses, Because: "later"})
	check := lifecycle.CheckPermissions(twice, nil)
	require.Len(t, check.Features, 1)
	f := check.Features[0]
	assert.Equal(t, "test of licenses", f.Because)
	assert.Equal(t, "assign and remove licenses", f.Purpose)
	assert.Nil(t, f.Held)
	require.NotNil(t, f.Advice)
	assert.Contains(t, *f.Advice, "licenses: retain", "R54")
	assert.Contains(t, *f.Advice, "field display policy", "R35")

	check = lifecycle.CheckPermissions(twice, []string{"Directory.ReadWrite.All"})
	require.NotNil(t, check.Features[0].Held)
	assert.Equal(t, "Directory.ReadWrite.All", *check.Features[0].Held)
	assert.Nil(t, check.Features[0].Advice)
}
