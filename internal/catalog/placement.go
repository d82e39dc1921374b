package catalog

import (
	"fmt"
	"slices"
)

// PlacementRule places synced users at a site (R113-R115).
type PlacementRule struct {
	// Site is where it places; Onboard the profile that they are onboarded with, or nil.
	Site    *Node
	Onboard *Profile

	when condition
}

// When is the condition as written.
func (r *PlacementRule) When() string { return r.when.source }

// Placement is the decision for one user.
type Placement struct {
	Site *Node
	// Rule is the number of the rule, counted from 1 as people do; Text is the rule as shown.
	Rule int
	Text string
	// Onboard is the profile to onboard with, or nil.
	Onboard *Profile
}

// PlacementRules are the rules in their order.
func (c *Catalog) PlacementRules() []*PlacementRule {
	return append([]*PlacementRule(nil), c.placement...)
}

// Place finds the site of a user of the tenant: the first rule that matches wins, and rules for sites of other tenants
// are passed over. ok is false when none matches. An error names the rule that could not be evaluated.
func (c *Catalog) Place(tenant string, user User) (placed Placement, ok bool, err error) {
	for i, r := range c.placement {
		level := r.Site.Tenant()
		if level == nil || level.tenant != tenant {
			continue
		}
		match, err := r.when.holds(Scope{Site: r.Site, Node: level, User: &user})
		if err != nil {
			return Placement{}, false, fmt.Errorf("placement rule %d (%s): %w", i+1, r.when.source, err)
		}
		if match {
			return Placement{Site: r.Site, Rule: i + 1, Text: r.text(), Onboard: r.Onboard}, true, nil
		}
	}
	return Placement{}, false, nil
}

// PlaceAgain is Place for a user who was offboarded on purpose, as they were then (R117). The rule that matches catches them
// only when something has changed that it looks at; until then they stay where the offboarding left them.
func (c *Catalog) PlaceAgain(tenant string, user, offboarded User) (placed Placement, ok bool, err error) {
	placed, ok, err = c.Place(tenant, user)
	if !ok || err != nil || !c.placement[placed.Rule-1].tellsApart(&user, &offboarded) {
		return Placement{}, false, err
	}
	return placed, true, nil
}

// tellsApart reports whether two users differ in an attribute that the rule reads.
func (r *PlacementRule) tellsApart(a, b *User) bool {
	return slices.ContainsFunc(userFields, func(f attribute) bool {
		return f.get(a) != f.get(b) && slices.ContainsFunc(r.when.program.reads, func(path []string) bool {
			return slices.Equal(path, []string{"user", f.name})
		})
	})
}

func (r *PlacementRule) text() string { return r.Site.path + " when " + r.when.source }

func (p *parsing) readPlacement(items []spot) {
	seen := map[string]int{}
	for i, s := range items {
		fields, ok := p.mapping(s, "site", "when", "onboard")
		if !ok {
			continue
		}
		p.need(s, fields, "site", "when")
		r := &PlacementRule{}
		at, has := fields["site"]
		r.Site = p.node(at, has)
		switch {
		case r.Site == nil || r.Site.level == "":
		case !r.Site.IsSite():
			p.at(at, "%s is a node of level %s; users are placed at sites: %s", r.Site.path, r.Site.level, listed(p.c.sites()))
		case r.Site.Tenant() == nil:
			p.at(at, "%s belongs to no tenant, so no user can be placed there; attach a tenant at or above it", r.Site.path)
		}
		at, has = fields["when"]
		r.when, _ = p.condition(at, has, "site", "node", "user")
		at, has = fields["onboard"]
		r.Onboard = p.onboard(at, has, r.Site)
		if r.Site != nil && r.when.source != "" {
			if first, again := seen[r.text()]; again {
				p.at(s, "the same rule stands at placement[%d]", first)
			}
			seen[r.text()] = i
		}
		p.c.placement = append(p.c.placement, r)
	}
}

// onboard reads a reference to a profile whose quick add group the site can see.
func (p *parsing) onboard(s spot, ok bool, site *Node) *Profile {
	name, ok := p.text(s, ok)
	if !ok {
		return nil
	}
	profile, known := find(p.c.profiles, name, profileName)
	if !known {
		names := namesOf(p.c.profiles, profileName)
		p.at(s, "there is no profile %q%s; known: %s", name, meant(name, names), listed(names))
		return nil
	}
	if g := profile.QuickAddGroup; g != nil && g.Node != nil && site != nil && !g.VisibleFrom(site) {
		p.at(s, "profile %s uses quick add group %s of %s, which %s cannot see", name, g.Name, g.Node.path, site.path)
	}
	return profile
}

func (c *Catalog) sites() []string {
	var paths []string
	for _, n := range c.nodes {
		if n.IsSite() {
			paths = append(paths, n.path)
		}
	}
	return paths
}
