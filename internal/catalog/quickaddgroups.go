package catalog

import (
	"fmt"

	"tenure/internal/lifecycle"
)

// QuickAddGroup bundles templates under a name (domain.md §2.3). A template that is nil has a meaning: R21.
type QuickAddGroup struct {
	Name string
	// Node is where it stands; it is visible there and below.
	Node *Node
	// Offboarding marks groups that offboarding accepts, and the only ones.
	Offboarding bool
	// Licenses overrides the setting offboarding.licenses; empty leaves it in force.
	Licenses     lifecycle.LicenseMode
	M365User     *M365User
	TeamsUser    *TeamsUser
	AddGroups    *Groups
	RemoveGroups *Groups
}

// VisibleFrom reports whether users at the node may be given the group.
func (g *QuickAddGroup) VisibleFrom(n *Node) bool { return g.Node.Covers(n) }

// QuickAddGroups are all quick add groups in the order of the file.
func (c *Catalog) QuickAddGroups() []*QuickAddGroup {
	return append([]*QuickAddGroup(nil), c.groups...)
}

// QuickAddGroup finds a quick add group by name. The error is a *lifecycle.Refusal "unknown-group".
func (c *Catalog) QuickAddGroup(name string) (*QuickAddGroup, error) {
	g, ok := find(c.groups, name, groupName)
	if !ok {
		names := namesOf(c.groups, groupName)
		return nil, &lifecycle.Refusal{
			Code: "unknown-group", Invalid: true,
			Message: fmt.Sprintf("the catalog has no quick add group %q%s", name, meant(name, names)),
			Hint:    "quick add groups: " + listed(names),
		}
	}
	return g, nil
}

func groupName(g *QuickAddGroup) string { return g.Name }

func (p *parsing) readQuickAddGroups(items []spot) {
	names := named{}
	for _, s := range items {
		fields, ok := p.mapping(s, "name", "node", "m365User", "teamsUser", "addGroups", "removeGroups", "offboarding", "licenses")
		if !ok {
			continue
		}
		p.need(s, fields, "name", "node")
		g := &QuickAddGroup{}
		at, has := fields["name"]
		if name, ok := p.name(at, has); ok && names.claim(p.reader, at, name, "quick add group") {
			g.Name = name
		}
		at, has = fields["node"]
		g.Node = p.node(at, has)
		at, has = fields["offboarding"]
		g.Offboarding, _ = p.boolean(at, has)
		at, has = fields["licenses"]
		g.Licenses, _ = choice(p.reader, at, has, lifecycle.Remove, lifecycle.Retain)
		g.M365User = template(p, fields, "m365User", p.c.m365Users, func(t *M365User) string { return t.Name })
		g.TeamsUser = template(p, fields, "teamsUser", p.c.teams, func(t *TeamsUser) string { return t.Name })
		g.AddGroups = template(p, fields, "addGroups", p.c.adds, func(t *Groups) string { return t.Name })
		g.RemoveGroups = template(p, fields, "removeGroups", p.c.removes, func(t *Groups) string { return t.Name })
		p.c.groups = append(p.c.groups, g)
	}
}

// template reads a reference to a template of one kind; nil when it is absent, null or dangling.
func template[T any](p *parsing, fields map[string]spot, kind string, all []*T, nameOf func(*T) string) *T {
	s, ok := fields[kind]
	if !ok || s.kind == null {
		return nil
	}
	name, ok := p.text(s, ok)
	if !ok {
		return nil
	}
	t, ok := find(all, name, nameOf)
	if !ok {
		names := namesOf(all, nameOf)
		p.at(s, "there is no %s template %q%s; known: %s", kind, name, meant(name, names), listed(names))
		return nil
	}
	return t
}
