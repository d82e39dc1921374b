package catalog

import (
	"slices"
)

// Level is the kind of a node (domain.md §1).
type Level string

// The levels, from the top down. Only intermediate nodes may stand below their own level.
const (
	Provider     Level = "provider"
	Reseller     Level = "reseller"
	Customer     Level = "customer"
	Intermediate Level = "intermediate"
	Site         Level = "site"
)

var levels = []Level{Provider, Reseller, Customer, Intermediate, Site}

// mayHold reports whether a node of level child may stand directly below one of level l. Levels may be left out.
func (l Level) mayHold(child Level) bool {
	if l == Intermediate && child == Intermediate {
		return true
	}
	return slices.Index(levels, l) < slices.Index(levels, child)
}

// Node is a node of the hierarchy. It belongs to one Catalog and is immutable.
type Node struct {
	name, path string
	level      Level
	parent     *Node
	children   []*Node
	tenant     string

	declared map[string]Field[any]
	settings Settings
	origins  map[string]*Node

	ownDefaults Defaults
	defaults    Defaults
	// policies are the policies that the defaults set, as expressions see them.
	policies map[string]string

	at spot
}

// Defaults are the values of a site that templates build on (R11). Nodes inherit them field by field, as settings are.
type Defaults struct {
	UsageLocation Field[string]
	// EmergencyLocation is the id of the emergency location in Teams that calling plan and operator connect numbers get.
	EmergencyLocation Field[string]
	Policies          map[string]Field[string]
}

// Name is the node's own name.
func (n *Node) Name() string { return n.name }

// Path is the full path, e.g. acme/contoso/emea/london. It is how everything outside this package identifies a node.
func (n *Node) Path() string { return n.path }

// Level is the node's level.
func (n *Node) Level() Level { return n.level }

// IsSite reports whether users can be onboarded here.
func (n *Node) IsSite() bool { return n.level == Site }

// Parent is the node above, nil at the top.
func (n *Node) Parent() *Node { return n.parent }

// Children are the nodes directly below.
func (n *Node) Children() []*Node { return slices.Clone(n.children) }

// TenantName is the Microsoft tenant attached to this very node, or empty.
func (n *Node) TenantName() string { return n.tenant }

// Tenant is the tenant level of this node: the nearest node, itself included, that a tenant is attached to (R50e). It is
// nil above the tenant levels.
func (n *Node) Tenant() *Node {
	for ; n != nil; n = n.parent {
		if n.tenant != "" {
			return n
		}
	}
	return nil
}

// Covers reports whether other is this node or below it: what stands at a node is visible there (R80).
func (n *Node) Covers(other *Node) bool {
	for ; other != nil; other = other.parent {
		if other == n {
			return true
		}
	}
	return false
}

// Defaults are the effective defaults of the node.
func (n *Node) Defaults() Defaults { return n.defaults }

// readHierarchy reads a node and what is below it.
func (p *parsing) readHierarchy(s spot, parent *Node) {
	fields, ok := p.mapping(s, "name", "level", "tenant", "settings", "defaults", "children")
	if !ok {
		return
	}
	p.need(s, fields, "name", "level")
	n := &Node{parent: parent, at: s}
	nameAt, hasName := fields["name"]
	n.name, _ = p.name(nameAt, hasName)
	levelAt, hasLevel := fields["level"]
	n.level, ok = choice(p.reader, levelAt, hasLevel, levels...)
	if ok {
		p.checkLevel(levelAt, n.level, parent)
	}
	n.path = n.name
	if parent != nil {
		n.path = parent.path + "/" + n.name
		parent.children = append(parent.children, n)
	} else {
		p.c.root = n
	}
	if n.name != "" {
		if first, taken := p.c.byPath[n.path]; taken {
			p.at(nameAt, "the node %s stands on line %d already", n.path, first.at.line)
		} else {
			p.c.byPath[n.path] = n
			p.c.byName[n.name] = append(p.c.byName[n.name], n)
			p.c.nodes = append(p.c.nodes, n)
		}
	}
	p.readTenant(fields, n)
	p.readSettings(fields, n)
	p.readDefaults(fields, n)

	children, hasChildren := fields["children"]
	below := p.list(children, hasChildren)
	if n.level == Site && len(below) > 0 {
		p.at(children, "a site has no children; make %s an intermediate node", n.name)
	}
	for _, child := range below {
		p.readHierarchy(child, n)
	}
}

func (p *parsing) checkLevel(s spot, level Level, parent *Node) {
	switch {
	case parent == nil && (level == Site || level == Intermediate):
		p.at(s, "the top of the hierarchy cannot be a node of level %s; accepted: provider, reseller, customer", level)
	case parent != nil && parent.level != "" && parent.level != Site && !parent.level.mayHold(level):
		var accepted []string
		for _, l := range levels {
			if parent.level.mayHold(l) {
				accepted = append(accepted, string(l))
			}
		}
		p.at(s, "%s cannot stand below %s %s; accepted: %s", level, parent.level, parent.path, listed(accepted))
	}
}

func (p *parsing) readTenant(fields map[string]spot, n *Node) {
	s, ok := fields["tenant"]
	name, ok := p.name(s, ok)
	if !ok {
		return
	}
	if above := n.parent.Tenant(); above != nil {
		p.at(s, "%s stands below the tenant level of %q (%s); a tenant cannot hold another", n.path, above.tenant, above.path)
		return
	}
	if p.tenantNames.claim(p.reader, s, name, "tenant") {
		n.tenant = name
		p.c.tenants = append(p.c.tenants, n)
	}
}

func (p *parsing) readDefaults(fields map[string]spot, n *Node) {
	n.ownDefaults.Policies = map[string]Field[string]{}
	if s, ok := fields["defaults"]; ok && s.kind != blank && s.kind != null {
		if d, ok := p.mapping(s, "usageLocation", "emergencyLocation", "policies"); ok {
			at, has := d["usageLocation"]
			n.ownDefaults.UsageLocation = three(p.reader, at, has, p.country)
			at, has = d["emergencyLocation"]
			n.ownDefaults.EmergencyLocation = three(p.reader, at, has, func(s spot) (string, bool) { return p.plain(s, true) })
			at, has = d["policies"]
			n.ownDefaults.Policies = readPolicies(p.reader, at, has, func(s spot) (string, bool) {
				return p.plain(s, true)
			})
		}
	}
	n.defaults = Defaults{
		UsageLocation: n.ownDefaults.UsageLocation, EmergencyLocation: n.ownDefaults.EmergencyLocation,
		Policies: map[string]Field[string]{},
	}
	if n.parent != nil {
		if n.defaults.UsageLocation.state == Absent {
			n.defaults.UsageLocation = n.parent.defaults.UsageLocation
		}
		if n.defaults.EmergencyLocation.state == Absent {
			n.defaults.EmergencyLocation = n.parent.defaults.EmergencyLocation
		}
		for policy, v := range n.parent.defaults.Policies {
			n.defaults.Policies[policy] = v
		}
	}
	for policy, v := range n.ownDefaults.Policies {
		n.defaults.Policies[policy] = v
	}
	n.policies = map[string]string{}
	for policy, v := range n.defaults.Policies {
		if name, ok := v.Value(); ok {
			n.policies[policy] = name
		}
	}
}

// node reads a reference to a node by name or path.
func (p *parsing) node(s spot, ok bool) *Node {
	ref, ok := p.text(s, ok)
	if !ok {
		return nil
	}
	if n, ok := p.c.byPath[ref]; ok {
		return n
	}
	switch found := p.c.byName[ref]; len(found) {
	case 1:
		return found[0]
	case 0:
		p.at(s, "there is no node %q%s; known: %s", ref, meant(ref, p.c.nodeWords()), listed(p.c.paths()))
	default:
		var paths []string
		for _, n := range found {
			paths = append(paths, n.path)
		}
		p.at(s, "%d nodes are named %q; write the path: %s", len(found), ref, listed(paths))
	}
	return nil
}
