package catalog

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Change is what a Difference does.
type Change string

// The changes.
const (
	Added   Change = "added"
	Removed Change = "removed"
	Changed Change = "changed"
)

// Difference is one thing that two catalogs disagree about.
type Difference struct {
	// Kind is one of Kinds, or settings.
	Kind string `json:"kind"`
	// Name is the thing within its kind: a node by its path, a template as KIND/NAME, a rule as it reads.
	Name   string `json:"name"`
	Action Change `json:"action"`
	// Detail is what it holds, or for a change each field with its old and new value.
	Detail string `json:"detail"`
}

// String is the difference on one line.
func (d Difference) String() string {
	if d.Detail == "" {
		return fmt.Sprintf("%s %s %s", d.Action, d.Kind, d.Name)
	}
	return fmt.Sprintf("%s %s %s: %s", d.Action, d.Kind, d.Name, d.Detail)
}

// diffKinds is the order in which differences are listed.
var diffKinds = []string{"nodes", "settings", "roles", "templates", "groups", "profiles", "policies", "placement", "protected", "numbers"}

// fact is one thing that a catalog says, in a form that is equal exactly when the meaning is.
type fact struct {
	kind, name string
	fields     map[string]string
}

// Diff lists what changes in meaning from one catalog to another: comments, layout, the order of what has no order, and
// whether a node is named by name or path make no difference. A nil catalog is an empty one. The order is always the same.
func Diff(before, after *Catalog) []Difference {
	old, next := before.facts(), after.facts()
	differences := []Difference{}
	for key, f := range next {
		was, ok := old[key]
		switch {
		case !ok:
			differences = append(differences, Difference{f.kind, f.name, Added, contents(f.fields)})
		case !maps.Equal(was.fields, f.fields):
			differences = append(differences, Difference{f.kind, f.name, Changed, changes(was.fields, f.fields)})
		}
	}
	for key, f := range old {
		if _, ok := next[key]; !ok {
			differences = append(differences, Difference{f.kind, f.name, Removed, contents(f.fields)})
		}
	}
	differences = append(differences, reordered(before, after)...)
	slices.SortFunc(differences, func(a, b Difference) int {
		return cmp.Or(
			cmp.Compare(slices.Index(diffKinds, a.Kind), slices.Index(diffKinds, b.Kind)),
			cmp.Compare(a.Name, b.Name), cmp.Compare(a.Action, b.Action))
	})
	return differences
}

func contents(fields map[string]string) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		parts = append(parts, key+": "+fields[key])
	}
	return strings.Join(parts, "; ")
}

func changes(was, is map[string]string) string {
	keys := map[string]bool{}
	for key := range was {
		keys[key] = true
	}
	for key := range is {
		keys[key] = true
	}
	orAbsent := func(fields map[string]string, key string) string {
		if v, ok := fields[key]; ok {
			return v
		}
		return "absent"
	}
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if a, b := orAbsent(was, key), orAbsent(is, key); a != b {
			parts = append(parts, fmt.Sprintf("%s: %s -> %s", key, a, b))
		}
	}
	return strings.Join(parts, "; ")
}

// reordered reports placement rules that both catalogs have and whose order differs, because the first match wins.
func reordered(before, after *Catalog) []Difference {
	was, is := before.ruleTexts(), after.ruleTexts()
	common := func(of, in []string) []string {
		return slices.DeleteFunc(slices.Clone(of), func(s string) bool { return !slices.Contains(in, s) })
	}
	a, b := common(was, is), common(is, was)
	if slices.Equal(a, b) {
		return nil
	}
	return []Difference{{"placement", "order", Changed, strings.Join(a, ", ") + " -> " + strings.Join(b, ", ")}}
}

func (c *Catalog) ruleTexts() []string {
	if c == nil {
		return nil
	}
	return namesOf(c.placement, (*PlacementRule).text)
}

// facts are everything that the catalog says, by kind and name.
func (c *Catalog) facts() map[string]fact {
	facts := map[string]fact{}
	if c == nil {
		return facts
	}
	add := func(kind, name string, v View) {
		fields := map[string]string{}
		flatten(fields, "", v)
		facts[kind+" "+name] = fact{kind, name, fields}
	}
	for _, n := range c.nodes {
		add("nodes", n.path, n.declaration())
		if len(n.declared) > 0 {
			settings := View{}
			for key, f := range n.declared {
				show(settings, key, f, plainSetting)
			}
			add("settings", n.path, settings)
		}
	}
	for kind, views := range map[string][]namedView{
		"roles": c.viewRoles(), "templates": c.viewTemplates(), "groups": c.viewGroups(), "profiles": c.viewProfiles(),
		"policies": c.policyViews(func(p *FieldDisplayPolicy) map[string]FieldDisplay { return p.Fields }),
	} {
		for _, v := range views {
			view := maps.Clone(v.view)
			delete(view, "name")
			delete(view, "kind")
			add(kind, v.name, view)
		}
	}
	for _, r := range c.placement {
		v := View{}
		if r.Onboard != nil {
			v["onboard"] = r.Onboard.Name
		}
		add("placement", r.text(), v)
	}
	for _, r := range c.protected {
		add("protected", r.when.source, View{"reason": r.Reason})
	}
	for _, l := range c.numbers {
		add("numbers", l.block.String(), View{"node": l.Node, "type": string(l.Type)})
	}
	return facts
}

// declaration is what the file says of the node itself, without its settings and what it inherits.
func (n *Node) declaration() View {
	v := View{"level": string(n.level)}
	if n.tenant != "" {
		v["tenant"] = n.tenant
	}
	defaults := View{}
	show(defaults, "usageLocation", n.ownDefaults.UsageLocation, same)
	show(defaults, "emergencyLocation", n.ownDefaults.EmergencyLocation, same)
	for policy, f := range n.ownDefaults.Policies {
		show(defaults, "policies."+policy, f, same)
	}
	v["defaults"] = defaults
	return v
}

// flatten writes a view as dotted keys. Lists in a catalog are sets, so their items are sorted.
func flatten(fields map[string]string, prefix string, v View) {
	for key, value := range v {
		switch value := value.(type) {
		case View:
			flatten(fields, prefix+key+".", value)
		case []string:
			fields[prefix+key] = "[" + listedSorted(value) + "]"
			if len(value) == 0 {
				fields[prefix+key] = "[]"
			}
		case []View:
			var items []string
			for _, item := range value {
				// Marshalling cannot fail: a view holds only plain values.
				text, _ := json.Marshal(item)
				items = append(items, string(text))
			}
			fields[prefix+key] = "[" + listedSorted(items) + "]"
		case nil:
			fields[prefix+key] = "null"
		default:
			fields[prefix+key] = fmt.Sprint(value)
		}
	}
}
