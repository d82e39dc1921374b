package lifecycle

import "slices"

// Feature is a thing that is done with Microsoft Graph and that an application permission allows.
type Feature string

// The features.
const (
	FeatureReadUsers     Feature = "read-users"
	FeatureReadLicenses  Feature = "read-licenses"
	FeatureReadGroups    Feature = "read-groups"
	FeatureReadVoice     Feature = "read-voice"
	FeatureUsageLocation Feature = "usage-location"
	FeatureLicenses      Feature = "licenses"
	FeatureGroups        Feature = "groups"
	FeatureNumbers       Feature = "numbers"
	FeaturePolicies      Feature = "policies"
)

// NumberPermission and PolicyPermission are the application permissions for Teams Phone (graph.md §12).
const (
	NumberPermission = "TeamsTelephoneNumber.ReadWrite.All"
	PolicyPermission = "TeamsPolicyUserAssign.ReadWrite.All"
)

// featureTable is the one table of graph.md §12 and architecture.md §5.4.
var featureTable = []struct {
	feature Feature
	// purpose completes "may".
	purpose string
	// accepted are the permissions of which any one suffices, the least first.
	accepted []string
	// advice is what else than granting one can be done about it.
	advice string
}{
	{FeatureReadUsers, "read users", []string{"User.Read.All", "User.ReadUpdate.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}, ""},
	{FeatureReadLicenses, "read the tenant's licenses", []string{
		"LicenseAssignment.Read.All", "Organization.Read.All", "LicenseAssignment.ReadWrite.All", "Organization.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All",
	}, ""},
	{FeatureReadGroups, "read groups and their members", []string{
		"GroupMember.Read.All", "GroupMember.ReadWrite.All", "Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All",
	}, ""},
	{FeatureReadVoice, "read voice users of Teams", []string{"TeamsUserConfiguration.Read.All"}, ""},
	{FeatureUsageLocation, "set usage locations", []string{
		"User.ReadUpdate.All", "LicenseAssignment.ReadWrite.All", "User.ReadWrite.All", "Directory.ReadWrite.All",
	}, "leave usageLocation out of the m365User templates"},
	{FeatureLicenses, "assign and remove licenses", []string{"LicenseAssignment.ReadWrite.All", "User.ReadWrite.All", "Directory.ReadWrite.All"},
		"where licenses are managed elsewhere, set `offboarding: {licenses: retain}` in the settings, leave licenses out of the m365User templates, " +
			"and make licenses and usage location read-only in a field display policy; `licensePermissionMissing: warn` lets onboarding go on without them"},
	{FeatureGroups, "add and remove members of groups", []string{"GroupMember.ReadWrite.All", "Group.ReadWrite.All", "Directory.ReadWrite.All"},
		"leave addGroups and removeGroups out of the quick add groups"},
	{FeatureNumbers, "assign and unassign telephone numbers", []string{NumberPermission}, ""},
	{FeaturePolicies, "assign Teams policies", []string{PolicyPermission}, "leave teamsUser out of the quick add groups"},
}

// Features are all features, in the order in which they are shown.
func Features() []Feature {
	all := make([]Feature, len(featureTable))
	for i, row := range featureTable {
		all[i] = row.feature
	}
	return all
}

// Accepted are the application permissions of which any one allows the feature, the least first.
func (f Feature) Accepted() []string {
	for _, row := range featureTable {
		if row.feature == f {
			return slices.Clone(row.accepted)
		}
	}
	return nil
}

// FeatureNeed is a feature that something configured makes use of.
type FeatureNeed struct {
	Feature Feature
	// Because names what makes use of it.
	Because string
}

// FeaturePermission says whether a feature that is needed is allowed.
type FeaturePermission struct {
	Feature Feature `json:"feature"`
	// Purpose completes "the application may"; Because says what makes use of it.
	Purpose string `json:"purpose"`
	Because string `json:"because"`
	// Accepted are the permissions of which any one suffices, the least first.
	Accepted []string `json:"accepted"`
	// Held is the least of them that the application holds; null when it holds none.
	Held *string `json:"held"`
	// Advice is what else than granting one can be done; null when nothing is missing, or nothing else can.
	Advice *string `json:"advice"`
}

// PermissionCheck compares the permissions needed with those held.
type PermissionCheck struct {
	// Features are those needed, in the order of Features.
	Features []FeaturePermission `json:"features"`
	// Excess are permissions held that no feature makes use of: none needs it, or a lesser one that is held does.
	Excess []string `json:"excess"`
}

// Missing are the features that are needed and not allowed.
func (c PermissionCheck) Missing() []FeaturePermission {
	return slices.DeleteFunc(slices.Clone(c.Features), func(f FeaturePermission) bool { return f.Held != nil })
}

// CheckPermissions compares what is needed with the application permissions held. Of several needs for one feature the
// first counts.
func CheckPermissions(needs []FeatureNeed, held []string) PermissionCheck {
	check := PermissionCheck{Features: []FeaturePermission{}, Excess: []string{}}
	used := map[string]bool{}
	for _, row := range featureTable {
		i := slices.IndexFunc(needs, func(n FeatureNeed) bool { return n.Feature == row.feature })
		if i < 0 {
			continue
		}
		f := FeaturePermission{Feature: row.feature, Purpose: row.purpose, Because: needs[i].Because, Accepted: slices.Clone(row.accepted)}
		if least := slices.IndexFunc(row.accepted, func(p string) bool { return slices.Contains(held, p) }); least >= 0 {
			f.Held = &row.accepted[least]
			used[row.accepted[least]] = true
		} else if row.advice != "" {
			f.Advice = &row.advice
		}
		check.Features = append(check.Features, f)
	}
	for _, p := range slices.Compact(slices.Sorted(slices.Values(held))) {
		if !used[p] {
			check.Excess = append(check.Excess, p)
		}
	}
	return check
}
