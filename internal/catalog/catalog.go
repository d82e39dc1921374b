// Package catalog reads what an administrator decides ahead of time: the hierarchy with its settings, templates, quick
// add groups, profiles, field display policies, roles, placement rules and initial numbers. A catalog is text under
// version control; everything in it is checked when it is parsed, never first when a user is touched.
package catalog

import (
	"fmt"
	"slices"

	"tenure/internal/lifecycle"
)

// APIVersion is the version of the format that this package reads.
const APIVersion = "tenure/v1"

// Catalog is a parsed and checked catalog. It is immutable and safe for concurrent use.
type Catalog struct {
	file string
	root *Node
	// nodes are in the order of the file; byPath has one for each full path, byName all of one name.
	nodes   []*Node
	byPath  map[string]*Node
	byName  map[string][]*Node
	tenants []*Node

	roles     []Role
	m365Users []*M365User
	teams     []*TeamsUser
	adds      []*Groups
	removes   []*Groups
	groups    []*QuickAddGroup
	profiles  []*Profile
	policies  []*FieldDisplayPolicy
	placement []*PlacementRule
	protected []*ProtectedRule
	numbers   []NumberLoad
}

// Root is the top of the hierarchy.
func (c *Catalog) Root() *Node { return c.root }

// Nodes are all nodes, each after its parent.
func (c *Catalog) Nodes() []*Node { return slices.Clone(c.nodes) }

// Node finds a node by its name or its full path. The error is a *lifecycle.Refusal: "unknown-node", or
// "ambiguous-node" for a name that several nodes bear.
func (c *Catalog) Node(ref string) (*Node, error) {
	if n, ok := c.byPath[ref]; ok {
		return n, nil
	}
	switch found := c.byName[ref]; len(found) {
	case 1:
		return found[0], nil
	case 0:
		return nil, &lifecycle.Refusal{
			Code: "unknown-node", Invalid: true,
			Message: fmt.Sprintf("the catalog has no node %q%s", ref, meant(ref, c.nodeWords())),
			Hint:    "nodes: " + listed(c.paths()),
		}
	default:
		var paths []string
		for _, n := range found {
			paths = append(paths, n.path)
		}
		return nil, &lifecycle.Refusal{
			Code: "ambiguous-node", Invalid: true,
			Message: fmt.Sprintf("%d nodes are named %q", len(found), ref),
			Hint:    "name one by its path: " + listed(paths),
		}
	}
}

func (c *Catalog) paths() []string {
	paths := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		paths[i] = n.path
	}
	return paths
}

func (c *Catalog) nodeWords() []string {
	words := c.paths()
	for _, n := range c.nodes {
		words = append(words, n.name)
	}
	return words
}

// Tenants are the tenant levels: the nodes that a Microsoft tenant is attached to, in the order of the file.
func (c *Catalog) Tenants() []*Node { return slices.Clone(c.tenants) }

// Tenant is the tenant level of the tenant of that name. The error is a *lifecycle.Refusal "unknown-tenant".
func (c *Catalog) Tenant(name string) (*Node, error) {
	var names []string
	for _, n := range c.tenants {
		if n.tenant == name {
			return n, nil
		}
		names = append(names, n.tenant)
	}
	return nil, &lifecycle.Refusal{
		Code: "unknown-tenant", Invalid: true,
		Message: fmt.Sprintf("the catalog has no tenant %q%s", name, meant(name, names)),
		Hint:    "tenants: " + listed(names),
	}
}
