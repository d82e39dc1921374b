package catalog

import (
	"slices"

	"tenure/internal/lifecycle"
)

// Interface is the portal that a role opens (R73).
type Interface string

// The interfaces.
const (
	SelfService Interface = "selfService"
	Admin       Interface = "admin"
)

// Role is a role of the catalog.
type Role struct {
	Name      string
	Interface Interface
	// Levels are those that the role is allowed at (R72).
	Levels []Level
	// Default marks the role that users of the interface get at those levels.
	Default bool

	at spot
}

// Lifecycle is the role as the rules see it.
func (r Role) Lifecycle() *lifecycle.Role {
	return &lifecycle.Role{Name: r.Name, SelfService: r.Interface == SelfService}
}

// AllowedAt reports whether the role may be given at a level (R72).
func (r Role) AllowedAt(level Level) bool { return slices.Contains(r.Levels, level) }

// Roles are all roles in the order of the file.
func (c *Catalog) Roles() []Role { return slices.Clone(c.roles) }

// Role finds a role by name.
func (c *Catalog) Role(name string) (Role, bool) {
	i := slices.IndexFunc(c.roles, func(r Role) bool { return r.Name == name })
	if i < 0 {
		return Role{}, false
	}
	return c.roles[i], true
}

// DefaultRole is the self-service role that users get at a level (R71); ok is false when the catalog has none.
func (c *Catalog) DefaultRole(level Level) (role Role, ok bool) {
	i := slices.IndexFunc(c.roles, func(r Role) bool {
		return r.Default && r.Interface == SelfService && r.AllowedAt(level)
	})
	if i < 0 {
		return Role{}, false
	}
	return c.roles[i], true
}

func (p *parsing) readRoles(items []spot) {
	names := named{}
	defaults := map[string]Role{}
	for _, s := range items {
		fields, ok := p.mapping(s, "name", "interface", "levels", "default")
		if !ok {
			continue
		}
		p.need(s, fields, "name", "interface", "levels")
		role := Role{at: s}
		at, has := fields["name"]
		name, ok := p.name(at, has)
		if !ok || !names.claim(p.reader, at, name, "role") {
			continue
		}
		role.Name = name
		at, has = fields["interface"]
		role.Interface, _ = choice(p.reader, at, has, SelfService, Admin)
		at, has = fields["levels"]
		for _, item := range p.list(at, has) {
			if level, ok := choice(p.reader, item, true, levels...); ok && !slices.Contains(role.Levels, level) {
				role.Levels = append(role.Levels, level)
			}
		}
		if has && at.kind == list && len(at.items) == 0 {
			p.at(at, "a role needs at least one level; accepted: provider, reseller, customer, intermediate, site")
		}
		at, has = fields["default"]
		role.Default, _ = p.boolean(at, has)
		for _, level := range role.Levels {
			key := string(role.Interface) + " " + string(level)
			if first, taken := defaults[key]; role.Default && taken {
				p.at(at, "%s is already the default %s role at level %s (line %d)", first.Name, role.Interface, level, first.at.line)
			} else if role.Default {
				defaults[key] = role
			}
		}
		p.c.roles = append(p.c.roles, role)
	}
}

// role reads a reference to a role; empty when it is absent or dangling.
func (p *parsing) role(s spot, ok bool) string {
	name, ok := p.text(s, ok)
	if !ok {
		return ""
	}
	if _, known := p.c.Role(name); !known {
		var names []string
		for _, r := range p.c.roles {
			names = append(names, r.Name)
		}
		p.at(s, "there is no role %q%s; known: %s", name, meant(name, names), listed(names))
		return ""
	}
	return name
}
