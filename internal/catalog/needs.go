package catalog

import (
	"fmt"
	"slices"

	"tenure/internal/lifecycle"
)

// Needs are the features of Microsoft Graph that the catalog makes use of in a tenant, each with what makes use of it:
// reading and taking numbers back always, the others when a quick add group that users of the tenant can be given, or a
// setting in force for them, says so. The error is a *lifecycle.Refusal "unknown-tenant".
func (c *Catalog) Needs(tenant string) ([]lifecycle.FeatureNeed, error) {
	level, err := c.Tenant(tenant)
	if err != nil {
		return nil, err
	}
	needs := []lifecycle.FeatureNeed{
		{Feature: lifecycle.FeatureReadUsers, Because: "every operation"},
		{Feature: lifecycle.FeatureReadLicenses, Because: "every operation"},
		{Feature: lifecycle.FeatureReadGroups, Because: "every operation"},
		{Feature: lifecycle.FeatureReadVoice, Because: "offboarding"},
		{Feature: lifecycle.FeatureNumbers, Because: "offboarding"},
	}
	if n := c.removesLicenses(level); n != nil {
		needs = append(needs, lifecycle.FeatureNeed{Feature: lifecycle.FeatureLicenses, Because: "setting offboarding.licenses: remove at " + n.path})
	}
	for _, g := range c.groups {
		if slices.ContainsFunc(c.nodes, func(n *Node) bool { return n.Tenant() == level && g.VisibleFrom(n) }) {
			needs = append(needs, g.needs()...)
		}
	}
	return needs, nil
}

// removesLicenses is the first node in the tenant where offboarding takes direct licenses away (R52), nil when none does.
func (c *Catalog) removesLicenses(level *Node) *Node {
	for _, n := range c.nodes {
		if n.Tenant() == level && n.settings.OffboardingLicenses == lifecycle.Remove {
			return n
		}
	}
	return nil
}

func (g *QuickAddGroup) needs() (needs []lifecycle.FeatureNeed) {
	need := func(f lifecycle.Feature, what string, args ...any) {
		needs = append(needs, lifecycle.FeatureNeed{Feature: f, Because: "quick add group " + g.Name + ", " + fmt.Sprintf(what, args...)})
	}
	if t := g.M365User; t != nil {
		if t.UsageLocation.State() != Absent {
			need(lifecycle.FeatureUsageLocation, "m365User %s", t.Name)
		}
		if t.Licenses.State() != Absent {
			need(lifecycle.FeatureLicenses, "m365User %s", t.Name)
		}
	}
	if g.Licenses == lifecycle.Remove {
		need(lifecycle.FeatureLicenses, "licenses: remove")
	}
	if g.TeamsUser != nil {
		need(lifecycle.FeaturePolicies, "teamsUser %s", g.TeamsUser.Name)
	}
	if g.AddGroups != nil {
		need(lifecycle.FeatureGroups, "addGroups %s", g.AddGroups.Name)
	}
	if g.RemoveGroups != nil {
		need(lifecycle.FeatureGroups, "removeGroups %s", g.RemoveGroups.Name)
	}
	return needs
}
