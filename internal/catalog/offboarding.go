package catalog

import (
	"fmt"
	"strings"

	"tenure/internal/lifecycle"
)

// Offboarding is what the catalog says about offboarding a user who stands at nodePath, with the quick add group or, when
// group is empty, with the settings alone (R58). CurrentRole is left to the caller, who knows the user's role.
//
// The error is a *lifecycle.Refusal: "unknown-group" (invalid input), "group-not-visible", "group-not-for-offboarding",
// "unknown-node" for a node that an older catalog had, "no-tenant" for a node above the tenant levels, or
// "expression-error".
func (c *Catalog) Offboarding(nodePath, group string) (lifecycle.OffboardingRules, error) {
	return c.offboarding(nodePath, group, nil)
}

// OffboardingOf is Offboarding for one user: expressions may be over the user, and Protected is filled.
func (c *Catalog) OffboardingOf(user User, nodePath, group string) (lifecycle.OffboardingRules, error) {
	rules, err := c.offboarding(nodePath, group, &user)
	if err == nil {
		rules.Protected, _ = c.Protected(user)
	}
	return rules, err
}

func (c *Catalog) offboarding(nodePath, group string, user *User) (lifecycle.OffboardingRules, error) {
	n, ok := c.byPath[nodePath]
	if !ok {
		return lifecycle.OffboardingRules{}, &lifecycle.Refusal{
			Code:    "unknown-node",
			Message: fmt.Sprintf("the user stands at %s, which the catalog no longer has", nodePath),
			Hint:    "place the user at a node that exists, or apply a catalog that has it; nodes: " + listed(c.paths()),
		}
	}
	level := n.Tenant()
	if level == nil {
		return lifecycle.OffboardingRules{}, &lifecycle.Refusal{
			Code:    "no-tenant",
			Message: fmt.Sprintf("no tenant is attached at or above %s, so there is no level to return to", n.path),
		}
	}
	rules := lifecycle.OffboardingRules{
		TenantLevel:  level.path,
		RetainAtSite: n.settings.RetainAtSite,
		Licenses:     n.settings.OffboardingLicenses,
		Cooling:      c.Cooling,
	}
	if role, ok := c.DefaultRole(level.level); ok {
		rules.DefaultRole = role.Lifecycle()
	}
	if group == "" {
		return rules, nil
	}
	g, err := c.offboardingGroup(n, group)
	if err != nil {
		return lifecycle.OffboardingRules{}, err
	}
	if g.Licenses != "" {
		rules.Licenses = g.Licenses
	}
	scope := Scope{Node: n, User: user}
	if n.IsSite() {
		scope.Site = n
	}
	if g.TeamsUser != nil {
		if rules.Teams, err = g.TeamsUser.Resolve(scope); err != nil {
			return lifecycle.OffboardingRules{}, err
		}
	}
	if g.RemoveGroups != nil {
		if rules.RemoveGroups, err = g.RemoveGroups.Resolve(scope); err != nil {
			return lifecycle.OffboardingRules{}, err
		}
	}
	return rules, nil
}

func (c *Catalog) offboardingGroup(n *Node, name string) (*QuickAddGroup, error) {
	var flagged []string
	for _, g := range c.groups {
		if g.Offboarding && g.VisibleFrom(n) {
			flagged = append(flagged, g.Name)
		}
	}
	hint := "quick add groups for offboarding at " + n.path + ": " + listed(flagged)
	g, err := c.QuickAddGroup(name)
	switch {
	case err != nil:
		return nil, err
	case !g.VisibleFrom(n):
		return nil, &lifecycle.Refusal{
			Code:    "group-not-visible",
			Message: fmt.Sprintf("quick add group %s stands at %s and cannot be seen from %s", name, g.Node.path, n.path),
			Hint:    hint,
		}
	case !g.Offboarding:
		return nil, &lifecycle.Refusal{
			Code:    "group-not-for-offboarding",
			Message: fmt.Sprintf("quick add group %s is not flagged for offboarding", name),
			Hint:    hint,
		}
	}
	return g, nil
}

// Cooling is the cooling rule in force at a node of the inventory (R83).
func (c *Catalog) Cooling(node string) lifecycle.CoolingRule { return c.SettingsAt(node).NumberCooling }

// SettingsAt are the settings in force at a path. Where the catalog no longer has the node, it is the nearest one above
// that it still has.
func (c *Catalog) SettingsAt(node string) Settings {
	for path := node; path != ""; {
		if n, ok := c.byPath[path]; ok {
			return n.settings
		}
		path = path[:max(strings.LastIndexByte(path, '/'), 0)]
	}
	return unsetSettings()
}
