package catalog

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Target is the form that a field display policy applies to.
type Target string

// The targets. A subscriber's form is that of updating, where a blank field stays as it is and so starts as nothing.
// Offboarding has no field that could be edited: a policy for it says what others may show.
const (
	ForOnboarding  Target = "onboarding"
	ForOffboarding Target = "offboarding"
	ForSubscriber  Target = "subscriber"
)

// Access is what a role may do with a field.
type Access string

// The kinds of access.
const (
	Hidden Access = "hidden"
	Read   Access = "read"
	Edit   Access = "edit"
)

// FieldDisplayPolicy says which fields a role may see and edit, and what a blank field starts as (R131).
type FieldDisplayPolicy struct {
	Name   string
	Target Target
	// Roles are the roles that it applies to; none means every role that has no policy of its own.
	Roles  []string
	Fields map[string]FieldDisplay
}

// FieldDisplay is the policy for one field.
type FieldDisplay struct {
	Access Access
	// Value is what a blank field starts as; several texts for a field that is a list.
	Value Field[[]Text]
}

// FieldDisplayPolicies are all field display policies in the order of the file.
func (c *Catalog) FieldDisplayPolicies() []*FieldDisplayPolicy {
	return append([]*FieldDisplayPolicy(nil), c.policies...)
}

// FieldDisplayPolicy is the policy in force for a target and a role: one that names the role, else one that names none.
func (c *Catalog) FieldDisplayPolicy(target Target, role string) (*FieldDisplayPolicy, bool) {
	for _, p := range c.policies {
		if p.Target == target && slices.Contains(p.Roles, role) {
			return p, true
		}
	}
	for _, p := range c.policies {
		if p.Target == target && len(p.Roles) == 0 {
			return p, true
		}
	}
	return nil, false
}

// KeepsLicensesElsewhere reports whether a field display policy for subscribers makes usage location and licenses
// read-only or hides them, as is recommended where the application may not write licenses (R35).
func (c *Catalog) KeepsLicensesElsewhere() bool {
	return slices.ContainsFunc(c.policies, func(p *FieldDisplayPolicy) bool {
		location, _ := p.display("usageLocation")
		licenses, _ := p.display("licenses")
		return p.Target == ForSubscriber && location.Access != Edit && licenses.Access != Edit
	})
}

// form is every field of the form as the policy leaves it. "policies" and the ranges of custom fields stand for those that
// are not listed by themselves.
func (p *FieldDisplayPolicy) form() map[string]FieldDisplay {
	form := map[string]FieldDisplay{}
	for _, field := range slices.Concat(displayFields, readOnlyFields, customRanges, slices.Collect(maps.Keys(p.Fields))) {
		d, mentioned := p.display(field)
		switch {
		case strings.HasPrefix(field, "custom_") && p.Target != ForOnboarding, field == "role" && p.Target == ForOnboarding && !mentioned:
			d.Access = Hidden // The form does not have it.
		case d.Access == Edit && (p.Target == ForOffboarding || slices.Contains(readOnlyFields, field)):
			d.Access = Read
		}
		form[field] = d
	}
	return form
}

// Notes are what is right in the file and yet not what its author may expect, a sentence each.
func (c *Catalog) Notes() []string {
	notes := []string{}
	for _, p := range c.policies {
		for _, field := range slices.Sorted(maps.Keys(p.Fields)) {
			if now := p.form()[field].Access; now != p.Fields[field].Access {
				notes = append(notes, fmt.Sprintf("field display policy %s: %s is %s, for the %s form has no such field to edit", p.Name, field, now, p.Target))
			}
		}
	}
	return notes
}

// displayFields are the fields of the forms; beside them policy.TYPE, custom_string_1..10 and custom_boolean_1..10.
var displayFields = []string{"usageLocation", "licenses", "groups", "number", "role", "policies"}

// readOnlyFields belong to the directory: they can be shown and hidden, never edited (domain.md §2.1).
var readOnlyFields = []string{
	"userPrincipalName", "displayName", "givenName", "surname", "city", "department", "country", "jobTitle", "userType",
	"accountEnabled", "enterpriseVoice",
}

var customFieldRule = regexp.MustCompile(`^custom_(?:string|boolean)_(?:[1-9]|10)$`)

// customRanges stand for all custom fields of a kind.
var customRanges = []string{"custom_string_1..10", "custom_boolean_1..10"}

var customFields = listed(customRanges) + ", policy.TYPE"

func (p *parsing) readDisplayPolicies(items []spot) {
	names, bound := named{}, map[string]string{}
	for _, s := range items {
		fields, ok := p.mapping(s, "name", "target", "roles", "fields")
		if !ok {
			continue
		}
		p.need(s, fields, "name", "target")
		policy := &FieldDisplayPolicy{Fields: map[string]FieldDisplay{}}
		at, has := fields["name"]
		if name, ok := p.name(at, has); ok && names.claim(p.reader, at, name, "field display policy") {
			policy.Name = name
		}
		target, has := fields["target"]
		policy.Target, _ = choice(p.reader, target, has, ForOnboarding, ForOffboarding, ForSubscriber)
		at, has = fields["roles"]
		for _, item := range p.list(at, has) {
			if role := p.role(item, true); role != "" {
				policy.Roles = append(policy.Roles, role)
			}
		}
		p.claimTarget(bound, target, policy)
		at, has = fields["fields"]
		if has && at.kind != blank && at.kind != null {
			p.readDisplayFields(at, policy)
		}
		p.c.policies = append(p.c.policies, policy)
	}
}

// claimTarget reports two policies that would both apply to the same role.
func (p *parsing) claimTarget(bound map[string]string, s spot, policy *FieldDisplayPolicy) {
	if policy.Target == "" {
		return
	}
	roles := policy.Roles
	if len(roles) == 0 {
		roles = []string{""}
	}
	for _, role := range roles {
		key := string(policy.Target) + " " + role
		if other, taken := bound[key]; taken {
			who := "every role"
			if role != "" {
				who = "role " + role
			}
			p.at(s, "%s already applies to %s for %s", other, who, policy.Target)
			continue
		}
		bound[key] = policy.Name
	}
}

func (p *parsing) readDisplayFields(s spot, policy *FieldDisplayPolicy) {
	if s.kind != mapping {
		p.at(s, "%s; a mapping of fields belongs here, like {usageLocation: {access: read}}", s.is())
		return
	}
	for _, e := range s.entries {
		name, at := e.key.text, spot{e.value, s.under(e.key.text)}
		if !p.checkDisplayField(e.key, at.path, name) {
			continue
		}
		fields, ok := p.mapping(at, "access", "value")
		if !ok {
			continue
		}
		p.need(at, fields, "access")
		var d FieldDisplay
		access, has := fields["access"]
		d.Access, _ = choice(p.reader, access, has, Hidden, Read, Edit)
		value, has := fields["value"]
		d.Value = dropEmpty(three(p.reader, value, has, p.startValue), func(t []Text) bool { return len(t) == 0 })
		if slices.Contains(readOnlyFields, name) {
			if d.Access == Edit {
				p.at(access, "%s belongs to the directory and cannot be edited; accepted: hidden, read", name)
			}
			if has {
				p.at(value, "%s belongs to the directory and cannot be given a value", name)
			}
		}
		p.checkStartValue(value, name, d.Value)
		policy.Fields[name] = d
	}
}

// checkStartValue reports what the field would refuse when a user is onboarded.
func (p *parsing) checkStartValue(s spot, name string, v Field[[]Text]) {
	texts, ok := v.Value()
	if !ok {
		return
	}
	rule, ok := formFieldRule(name)
	switch {
	case name == "policies":
		p.at(s, "policies as a whole have no value; give one to policy.TYPE")
		return
	case !ok:
		return
	case !rule.many && len(texts) > 1:
		p.at(s, "%s takes one value", name)
		return
	}
	for _, t := range texts {
		plain, isPlain := t.Literal()
		if !isPlain {
			continue
		}
		if _, err := rule.read(plain); err != nil {
			p.at(s, "%v", err)
		} else if _, known := p.c.Role(plain); name == "role" && !known {
			p.at(s, "there is no role %q; known: %s", plain, listed(namesOf(p.c.roles, func(r Role) string { return r.Name })))
		}
	}
}

func (p *parsing) checkDisplayField(key *value, path, name string) bool {
	known := append(slices.Clone(displayFields), readOnlyFields...)
	if slices.Contains(known, name) || customFieldRule.MatchString(name) {
		return true
	}
	if policy, ok := strings.CutPrefix(name, "policy."); ok {
		return p.checkPolicyType(key.line, key.column, path, policy)
	}
	p.problem(key.line, key.column, path, "unknown field %q%s; known: %s, %s", name, meant(name, known), listed(known), customFields)
	return false
}

// startValue reads what a field starts as: a scalar, or a list of them.
func (p *parsing) startValue(s spot) ([]Text, bool) {
	switch s.kind {
	case boolean:
		v, _ := p.boolean(s, true)
		return []Text{literal(strconv.FormatBool(v))}, true
	case integer:
		return []Text{literal(s.text)}, true
	case list:
		var texts []Text
		for _, item := range p.list(s, true) {
			if t, ok := p.expression(item); ok {
				texts = append(texts, t)
			}
		}
		return texts, true
	default:
		t, ok := p.expression(s)
		return []Text{t}, ok && !t.empty()
	}
}
