package catalog

import (
	"regexp"
	"slices"

	"tenure/internal/lifecycle"
)

// M365User is a template for usage location and direct licenses (R22).
type M365User struct {
	Name string
	// UsageLocation is an ISO 3166 alpha-2 code or an expression. It is independent of the licenses (R15).
	UsageLocation Field[Text]
	// Licenses are the whole set of direct licenses that a user gets (R24). A blank list is the same as none at all: no
	// license call is made (R23). Cleared takes every direct license away.
	Licenses Field[[]License]
}

// License is a SKU by part number or id, with the service plans that are switched off.
type License struct {
	SKU           Text
	DisabledPlans []string
}

// TeamsUser is a template for Teams voice settings: policies by type, absent left untouched, null cleared (R50a, R11).
type TeamsUser struct {
	Name     string
	Policies map[string]Field[Text]
}

// Groups is a template that adds to or removes from groups, by name or id (R25, R50d).
type Groups struct {
	Name   string
	Groups []Text
}

// Resolve evaluates the template. A policy whose expression yields nothing counts as absent.
func (t *TeamsUser) Resolve(s Scope) (*lifecycle.PolicyTemplate, error) {
	resolved := &lifecycle.PolicyTemplate{Name: t.Name, Policies: map[string]*string{}}
	for policy, f := range t.Policies {
		switch f.state {
		case Cleared:
			resolved.Policies[policy] = nil
		case Given:
			v, err := f.value.Value(s)
			if err != nil {
				return nil, inTemplate(err, "teamsUser", t.Name, policy)
			}
			if v != "" {
				resolved.Policies[policy] = &v
			}
		}
	}
	return resolved, nil
}

// Resolve evaluates the template. A group whose expression yields nothing is left out.
func (t *Groups) Resolve(s Scope) (*lifecycle.GroupTemplate, error) {
	resolved := &lifecycle.GroupTemplate{Name: t.Name}
	for _, g := range t.Groups {
		v, err := g.Value(s)
		if err != nil {
			return nil, inTemplate(err, "groups", t.Name, g.Source())
		}
		if v != "" && !slices.Contains(resolved.Groups, v) {
			resolved.Groups = append(resolved.Groups, v)
		}
	}
	return resolved, nil
}

// M365User finds a template by name, as the other three finders do.
func (c *Catalog) M365User(name string) (*M365User, bool) {
	return find(c.m365Users, name, func(t *M365User) string { return t.Name })
}

// TeamsUser finds a teamsUser template.
func (c *Catalog) TeamsUser(name string) (*TeamsUser, bool) {
	return find(c.teams, name, func(t *TeamsUser) string { return t.Name })
}

// AddGroups finds an addGroups template.
func (c *Catalog) AddGroups(name string) (*Groups, bool) {
	return find(c.adds, name, func(t *Groups) string { return t.Name })
}

// RemoveGroups finds a removeGroups template.
func (c *Catalog) RemoveGroups(name string) (*Groups, bool) {
	return find(c.removes, name, func(t *Groups) string { return t.Name })
}

func find[T any](all []T, name string, nameOf func(T) string) (found T, ok bool) {
	i := slices.IndexFunc(all, func(t T) bool { return nameOf(t) == name })
	if i < 0 {
		return found, false
	}
	return all[i], true
}

func namesOf[T any](all []T, nameOf func(T) string) []string {
	names := make([]string, len(all))
	for i, t := range all {
		names[i] = nameOf(t)
	}
	return names
}

func (p *parsing) readTemplates(s spot) {
	sections, ok := p.mapping(s, "m365User", "teamsUser", "addGroups", "removeGroups")
	if !ok {
		return
	}
	section := func(key string, keys []string, read func(name string, fields map[string]spot)) {
		at, has := sections[key]
		names := named{}
		for _, item := range p.list(at, has) {
			fields, ok := p.mapping(item, append([]string{"name"}, keys...)...)
			if !ok {
				continue
			}
			p.need(item, fields, "name")
			nameAt, has := fields["name"]
			name, ok := p.name(nameAt, has)
			if ok && !names.claim(p.reader, nameAt, name, key+" template") {
				continue
			}
			read(name, fields)
		}
	}
	section("m365User", []string{"usageLocation", "licenses"}, func(name string, fields map[string]spot) {
		t := &M365User{Name: name}
		at, has := fields["usageLocation"]
		t.UsageLocation = dropEmpty(three(p.reader, at, has, p.usageLocation), Text.empty)
		at, has = fields["licenses"]
		t.Licenses = dropEmpty(three(p.reader, at, has, p.licenses), func(l []License) bool { return len(l) == 0 })
		p.c.m365Users = append(p.c.m365Users, t)
	})
	section("teamsUser", []string{"policies"}, func(name string, fields map[string]spot) {
		at, has := fields["policies"]
		policies := readPolicies(p.reader, at, has, p.expression)
		for policy, f := range policies {
			policies[policy] = dropEmpty(f, Text.empty)
		}
		p.c.teams = append(p.c.teams, &TeamsUser{name, policies})
	})
	groups := func(to *[]*Groups) func(string, map[string]spot) {
		return func(name string, fields map[string]spot) {
			at, has := fields["groups"]
			t := &Groups{Name: name}
			for _, item := range p.list(at, has) {
				if g, ok := p.expression(item); ok {
					t.Groups = append(t.Groups, g)
				}
			}
			*to = append(*to, t)
		}
	}
	section("addGroups", []string{"groups"}, groups(&p.c.adds))
	section("removeGroups", []string{"groups"}, groups(&p.c.removes))
}

// dropEmpty treats a blank value as absent (R16, R23).
func dropEmpty[T any](f Field[T], empty func(T) bool) Field[T] {
	if f.state == Given && empty(f.value) {
		return Field[T]{}
	}
	return f
}

var countryRule = regexp.MustCompile(`^[A-Z]{2}$`)

// country reads a literal usage location.
func (p *parsing) country(s spot) (string, bool) {
	code, ok := p.text(s, true)
	if ok && !countryRule.MatchString(code) {
		p.at(s, "%q is not a usage location; write the two capital letters of ISO 3166, like GB", code)
		return "", false
	}
	return code, ok
}

func (p *parsing) usageLocation(s spot) (Text, bool) {
	t, ok := p.expression(s)
	if literal, plain := t.Literal(); ok && plain && literal != "" && !countryRule.MatchString(literal) {
		p.at(s, "%q is not a usage location; write the two capital letters of ISO 3166, like GB, or an expression like ${site.defaults.usageLocation}", literal)
		return Text{}, false
	}
	return t, ok
}

func (p *parsing) licenses(s spot) ([]License, bool) {
	if s.kind != list {
		p.at(s, "%s; a list of SKUs belongs here, like [SPE_E5, {sku: MCOEV, disabledPlans: []}]", s.is())
		return nil, false
	}
	licenses := []License{}
	seen := named{}
	for _, item := range p.list(s, true) {
		var l License
		at, ok := item, true
		if item.kind == mapping {
			fields, _ := p.mapping(item, "sku", "disabledPlans")
			p.need(item, fields, "sku")
			at, ok = fields["sku"]
			plans, has := fields["disabledPlans"]
			l.DisabledPlans = p.texts(plans, has)
		}
		if !ok {
			continue
		}
		if l.SKU, ok = p.expression(at); !ok {
			continue
		}
		if l.SKU.empty() {
			p.at(at, "a SKU needs a name or an id")
			continue
		}
		if seen.claim(p.reader, at, l.SKU.Source(), "license") {
			licenses = append(licenses, l)
		}
	}
	return licenses, true
}

// texts reads a list of plain texts.
func (p *parsing) texts(s spot, ok bool) []string {
	var texts []string
	for _, item := range p.list(s, ok) {
		if t, ok := p.plain(item, true); ok {
			texts = append(texts, t)
		}
	}
	return texts
}

// plain reads a text that is not evaluated; an expression there would be taken literally, so it is refused.
func (p *parsing) plain(s spot, ok bool) (string, bool) {
	t, ok := p.text(s, ok)
	switch {
	case !ok:
		return "", false
	case t == "":
		p.at(s, "nothing stands between the quotes; a name belongs here")
		return "", false
	case holdsExpression(t):
		p.at(s, "an expression is not evaluated here; write the value itself")
		return "", false
	}
	return t, true
}
