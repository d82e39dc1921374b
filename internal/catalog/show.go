package catalog

import (
	"fmt"
	"slices"
	"strconv"

	"tenure/internal/lifecycle"
)

// View is one thing of the catalog as shown: names, texts, numbers, lists and maps only, so that it marshals to JSON and
// YAML as it is. An absent field is left out, a cleared one is null.
type View = map[string]any

// shown is a kind of thing that can be shown, and diffed under the same word.
type shown struct {
	kind, singular string
	views          func(*Catalog) []namedView
}

type namedView struct {
	name string
	view View
}

func shownKinds() []shown {
	return []shown{
		{"nodes", "node", (*Catalog).viewNodes},
		{"tenants", "tenant", (*Catalog).viewTenants},
		{"roles", "role", (*Catalog).viewRoles},
		{"templates", "template", (*Catalog).viewTemplates},
		{"groups", "group", (*Catalog).viewGroups},
		{"profiles", "profile", (*Catalog).viewProfiles},
		{"policies", "policy", (*Catalog).viewPolicies},
		{"placement", "placement", (*Catalog).viewPlacement},
		{"protected", "protected", (*Catalog).viewProtected},
		{"numbers", "number", (*Catalog).viewNumbers},
	}
}

// Kinds are the kinds that Show accepts.
func Kinds() []string {
	return namesOf(shownKinds(), func(s shown) string { return s.kind })
}

// Show returns the catalog as it takes effect: without a kind how many there are of each, with a kind all of them in the
// order of the file ([]View), with a name one (View). A node is named as Node does, a template as KIND/NAME where two kinds
// share the name, a placement or protected rule by its number, a block of numbers by its range.
// The error is a *lifecycle.Refusal: "unknown-kind", or that nothing of the name exists.
func (c *Catalog) Show(kind, name string) (any, error) {
	kinds := shownKinds()
	if kind == "" {
		counts := View{}
		for _, k := range kinds {
			counts[k.kind] = len(k.views(c))
		}
		return counts, nil
	}
	i := slices.IndexFunc(kinds, func(k shown) bool { return k.kind == kind || k.singular == kind })
	if i < 0 {
		return nil, &lifecycle.Refusal{
			Code: "unknown-kind", Invalid: true,
			Message: fmt.Sprintf("the catalog has no kind %q%s", kind, meant(kind, Kinds())),
			Hint:    "kinds: " + listed(Kinds()),
		}
	}
	views := kinds[i].views(c)
	if name == "" {
		all := make([]View, len(views))
		for j, v := range views {
			all[j] = v.view
		}
		return all, nil
	}
	if kinds[i].kind == "nodes" {
		n, err := c.Node(name)
		if err != nil {
			return nil, err
		}
		name = n.path
	}
	return pick(views, kinds[i].singular, name)
}

// pick finds a view by its name, or by its last part where that is unique.
func pick(views []namedView, what, name string) (View, error) {
	var names, matching []string
	var found View
	for _, v := range views {
		names = append(names, v.name)
		if v.name == name {
			return v.view, nil
		}
		if v.view["name"] == name {
			matching, found = append(matching, v.name), v.view
		}
	}
	switch len(matching) {
	case 1:
		return found, nil
	case 0:
		return nil, &lifecycle.Refusal{
			Code: "unknown-" + what, Invalid: true,
			Message: fmt.Sprintf("the catalog has no %s %q%s", what, name, meant(name, names)),
			Hint:    what + " names: " + listed(names),
		}
	default:
		return nil, &lifecycle.Refusal{
			Code: "ambiguous-" + what, Invalid: true,
			Message: fmt.Sprintf("the catalog has %d of the name %q", len(matching), name),
			Hint:    "name one: " + listed(matching),
		}
	}
}

func (c *Catalog) viewNodes() []namedView {
	var views []namedView
	for _, n := range c.nodes {
		v := View{"name": n.name, "path": n.path, "level": string(n.level), "settings": n.viewSettings()}
		if n.tenant != "" {
			v["tenant"] = n.tenant
		}
		if level := n.Tenant(); level != nil {
			v["tenantLevel"] = level.path
		}
		if d := n.viewDefaults(); len(d) > 0 {
			v["defaults"] = d
		}
		views = append(views, namedView{n.path, v})
	}
	return views
}

// viewSettings has every setting in force and where it comes from: a node's path, or "default".
func (n *Node) viewSettings() View {
	v := View{}
	for _, row := range settingTable {
		value, from := row.unset, "default"
		if inherited, origin := n.inherited(row.key); origin != nil {
			value, from = inherited, origin.path
		}
		v[row.key] = View{"value": plainSetting(value), "from": from}
	}
	return v
}

func plainSetting(v any) any {
	switch v := v.(type) {
	case condition:
		if v.source == "" {
			return nil
		}
		return v.source
	case lifecycle.LicenseMode:
		return string(v)
	case PermissionMode:
		return string(v)
	default:
		return v
	}
}

func (n *Node) viewDefaults() View {
	v := View{}
	show(v, "usageLocation", n.defaults.UsageLocation, same)
	show(v, "emergencyLocation", n.defaults.EmergencyLocation, same)
	if len(n.defaults.Policies) > 0 {
		policies := View{}
		for policy, f := range n.defaults.Policies {
			show(policies, policy, f, same)
		}
		v["policies"] = policies
	}
	return v
}

func same(s string) any { return s }

func source(t Text) any { return t.source }

// show puts a three-valued field into a view.
func show[T any](v View, key string, f Field[T], plain func(T) any) {
	switch f.state {
	case Cleared:
		v[key] = nil
	case Given:
		v[key] = plain(f.value)
	}
}

func (c *Catalog) viewTenants() []namedView {
	var views []namedView
	for _, n := range c.tenants {
		sites := []string{}
		for _, site := range c.nodes {
			if site.IsSite() && n.Covers(site) {
				sites = append(sites, site.path)
			}
		}
		views = append(views, namedView{n.tenant, View{"name": n.tenant, "node": n.path, "level": string(n.level), "sites": sites}})
	}
	return views
}

func (c *Catalog) viewRoles() []namedView {
	var views []namedView
	for _, r := range c.roles {
		at := make([]string, len(r.Levels))
		for i, l := range r.Levels {
			at[i] = string(l)
		}
		views = append(views, namedView{r.Name, View{"name": r.Name, "interface": string(r.Interface), "levels": at, "default": r.Default}})
	}
	return views
}

func (c *Catalog) viewTemplates() []namedView {
	var views []namedView
	add := func(kind, name string, v View) {
		v["kind"], v["name"] = kind, name
		views = append(views, namedView{kind + "/" + name, v})
	}
	for _, t := range c.m365Users {
		v := View{}
		show(v, "usageLocation", t.UsageLocation, source)
		show(v, "licenses", t.Licenses, func(licenses []License) any {
			all := make([]View, len(licenses))
			for i, l := range licenses {
				all[i] = View{"sku": l.SKU.source, "disabledPlans": append([]string{}, slices.Sorted(slices.Values(l.DisabledPlans))...)}
			}
			return all
		})
		add("m365User", t.Name, v)
	}
	for _, t := range c.teams {
		policies := View{}
		for policy, f := range t.Policies {
			show(policies, policy, f, source)
		}
		add("teamsUser", t.Name, View{"policies": policies})
	}
	for kind, templates := range map[string][]*Groups{"addGroups": c.adds, "removeGroups": c.removes} {
		for _, t := range templates {
			add(kind, t.Name, View{"groups": sources(t.Groups)})
		}
	}
	order := []string{"m365User", "teamsUser", "addGroups", "removeGroups"}
	slices.SortStableFunc(views, func(a, b namedView) int {
		return slices.Index(order, a.view["kind"].(string)) - slices.Index(order, b.view["kind"].(string))
	})
	return views
}

func sources(texts []Text) []string {
	all := make([]string, len(texts))
	for i, t := range texts {
		all[i] = t.source
	}
	return all
}

func (c *Catalog) viewGroups() []namedView {
	var views []namedView
	for _, g := range c.groups {
		v := View{"name": g.Name, "node": g.Node.path, "offboarding": g.Offboarding}
		if g.Licenses != "" {
			v["licenses"] = string(g.Licenses)
		}
		if g.M365User != nil {
			v["m365User"] = g.M365User.Name
		}
		if g.TeamsUser != nil {
			v["teamsUser"] = g.TeamsUser.Name
		}
		if g.AddGroups != nil {
			v["addGroups"] = g.AddGroups.Name
		}
		if g.RemoveGroups != nil {
			v["removeGroups"] = g.RemoveGroups.Name
		}
		views = append(views, namedView{g.Name, v})
	}
	return views
}

func (c *Catalog) viewProfiles() []namedView {
	var views []namedView
	for _, p := range c.profiles {
		v := View{"name": p.Name, "quickAddGroup": p.QuickAddGroup.Name}
		if p.Number != "" {
			v["number"] = p.Number
		}
		if p.Role != "" {
			v["role"] = p.Role
		}
		views = append(views, namedView{p.Name, v})
	}
	return views
}

// viewPolicies has every field of each form, those that the policy does not mention included.
func (c *Catalog) viewPolicies() []namedView {
	return c.policyViews((*FieldDisplayPolicy).form)
}

func (c *Catalog) policyViews(fieldsOf func(*FieldDisplayPolicy) map[string]FieldDisplay) []namedView {
	var views []namedView
	for _, p := range c.policies {
		fields := View{}
		for name, d := range fieldsOf(p) {
			f := View{"access": string(d.Access)}
			show(f, "value", d.Value, func(t []Text) any {
				if len(t) == 1 {
					return t[0].source
				}
				return sources(t)
			})
			fields[name] = f
		}
		v := View{"name": p.Name, "target": string(p.Target), "fields": fields}
		if len(p.Roles) > 0 {
			v["roles"] = slices.Clone(p.Roles)
		}
		views = append(views, namedView{p.Name, v})
	}
	return views
}

func (c *Catalog) viewPlacement() []namedView {
	var views []namedView
	for i, r := range c.placement {
		v := View{"rule": i + 1, "site": r.Site.path, "when": r.when.source}
		if r.Onboard != nil {
			v["onboard"] = r.Onboard.Name
		}
		views = append(views, namedView{strconv.Itoa(i + 1), v})
	}
	return views
}

func (c *Catalog) viewProtected() []namedView {
	var views []namedView
	for i, r := range c.protected {
		views = append(views, namedView{strconv.Itoa(i + 1), View{"rule": i + 1, "when": r.when.source, "reason": r.Reason}})
	}
	return views
}

func (c *Catalog) viewNumbers() []namedView {
	var views []namedView
	for _, l := range c.numbers {
		views = append(views, namedView{l.block.String(), View{"node": l.Node, "from": l.From, "to": l.To, "count": l.Count, "type": string(l.Type)}})
	}
	return views
}
