package catalog

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

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
	r := &resolution{scope: s}
	for policy := range t.Policies {
		f, err := t.policy(r, policy)
		if err != nil {
			return nil, err
		}
		addPolicy(resolved.Policies, policy, f)
	}
	return resolved, nil
}

func (t *TeamsUser) policy(r *resolution, policy string) (Field[string], error) {
	return r.field(t.Policies[policy], "teamsUser template "+t.Name, policy)
}

// Resolve evaluates the template. A group whose expression yields nothing is left out.
func (t *Groups) Resolve(s Scope) (*lifecycle.GroupTemplate, error) {
	groups, err := t.resolve(&resolution{scope: s})
	if err != nil {
		return nil, err
	}
	return &lifecycle.GroupTemplate{Name: t.Name, Groups: groups}, nil
}

func (t *Groups) resolve(r *resolution) (groups []string, err error) {
	for _, g := range t.Groups {
		v, err := r.value(g, "groups template "+t.Name, "groups")
		if err != nil {
			return nil, err
		}
		if v != "" && !slices.Contains(groups, v) {
			groups = append(groups, v)
		}
	}
	return groups, nil
}

// usageLocation: R15, R16, R19.
func (t *M365User) usageLocation(r *resolution) (Field[string], error) {
	where := "m365User template " + t.Name
	f, err := r.field(t.UsageLocation, where, "usageLocation")
	v, ok := f.Value()
	if err != nil || !ok {
		return f, err
	}
	code, err := readCountry(v)
	if err != nil {
		return f, inTemplate(err, where, "usageLocation")
	}
	return Give(code), nil
}

// licenses: a list in which nothing is left counts as blank (R23).
func (t *M365User) licenses(r *resolution) (Field[[]lifecycle.LicenseWish], error) {
	licenses, ok := t.Licenses.Value()
	if !ok {
		return Field[[]lifecycle.LicenseWish]{state: t.Licenses.state}, nil
	}
	var wishes []lifecycle.LicenseWish
	for _, l := range licenses {
		sku, err := r.value(l.SKU, "m365User template "+t.Name, "licenses")
		if err != nil {
			return Field[[]lifecycle.LicenseWish]{}, err
		}
		if sku != "" && !slices.ContainsFunc(wishes, func(w lifecycle.LicenseWish) bool { return w.SKU == sku }) {
			wishes = append(wishes, lifecycle.LicenseWish{SKU: sku, DisabledPlans: slices.Clone(l.DisabledPlans)})
		}
	}
	return dropEmpty(Give(wishes), func(w []lifecycle.LicenseWish) bool { return len(w) == 0 }), nil
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

// readCountry reads a usage location that somebody typed or an expression yields, in capitals or not.
func readCountry(s string) (string, error) {
	code := strings.ToUpper(strings.TrimSpace(s))
	if !countryRule.MatchString(code) {
		return "", fmt.Errorf("%q is not a usage location; accepted: the two letters of ISO 3166, like GB", s)
	}
	return code, nil
}

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
