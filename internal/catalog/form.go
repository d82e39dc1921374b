package catalog

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"tenure/internal/e164"
	"tenure/internal/lifecycle"
)

// answer is what one source says about a field of the onboarding form: nothing, that it is cleared, or its values.
type answer = Field[[]string]

// formField is a field of the onboarding form that takes values, from --set and from a field display policy alike.
type formField struct {
	// many takes several values: from --set separated by commas.
	many bool
	// clears takes an empty value for clearing.
	clears bool
	// read checks one value and puts it into its usual form. The error says what is accepted.
	read func(string) (string, error)
}

// formFieldRule is the rule of a field by its name; ok is false for a field that takes no values.
func formFieldRule(name string) (rule formField, ok bool) {
	switch name {
	case "usageLocation":
		return formField{read: readCountry}, true
	case "licenses":
		return formField{many: true, read: something("a SKU by name or id")}, true
	case "groups":
		return formField{many: true, read: something("a group by name or id")}, true
	case "number":
		return formField{read: readNumberWish}, true
	case "role":
		return formField{read: something("a role of the catalog")}, true
	}
	switch {
	case customFieldRule.MatchString(name) && strings.HasPrefix(name, "custom_boolean_"):
		return formField{read: readTrueFalse}, true
	case customFieldRule.MatchString(name):
		return formField{read: func(s string) (string, error) { return s, nil }}, true
	case isPolicyField(name):
		return formField{clears: true, read: something("the name or id of a policy, or nothing to clear it")}, true
	}
	return formField{}, false
}

func isPolicyField(name string) bool {
	policy, ok := strings.CutPrefix(name, policyPrefix)
	return ok && policyTypeMeant(policy)
}

const policyPrefix = "policy."

func something(accepted string) func(string) (string, error) {
	return func(s string) (string, error) {
		if s = strings.TrimSpace(s); s == "" {
			return "", errors.New("nothing is given; accepted: " + accepted)
		}
		return s, nil
	}
}

func readTrueFalse(s string) (string, error) {
	v := strings.ToLower(strings.TrimSpace(s))
	if v != "true" && v != "false" {
		return "", fmt.Errorf("%q is neither; accepted: true, false", s)
	}
	return v, nil
}

// readNumberWish reads next, none or a number in any usual form.
func readNumberWish(s string) (string, error) {
	s = strings.TrimSpace(s)
	if s == NextNumber || s == NoNumber {
		return s, nil
	}
	number, err := e164.Parse(s)
	if err != nil {
		return "", fmt.Errorf("%w; accepted: next, none, or a number like +442079460000", err)
	}
	return number, nil
}

// policyFor is the policy that counts for a request, by the role that the requester acts as (R131); nil when there is none.
// The error is a *lifecycle.Refusal "unknown-role".
func (c *Catalog) policyFor(target Target, request lifecycle.Request) (*FieldDisplayPolicy, error) {
	if _, known := c.Role(request.ActAs); !known && request.ActAs != "" {
		names := namesOf(c.roles, func(r Role) string { return r.Name })
		return nil, &lifecycle.Refusal{
			Code: "unknown-role", Invalid: true,
			Message: fmt.Sprintf("the catalog has no role %q to act as%s", request.ActAs, meant(request.ActAs, names)),
			Hint:    "roles: " + listed(names),
		}
	}
	policy, _ := c.FieldDisplayPolicy(target, request.ActAs)
	return policy, nil
}

// display is what the policy says about a field: a policy of Teams that it does not mention follows "policies". A field
// that nothing is said about can be edited. The nil policy allows everything.
func (p *FieldDisplayPolicy) display(field string) (d FieldDisplay, mentioned bool) {
	if p == nil {
		return FieldDisplay{Access: Edit}, false
	}
	if d, ok := p.Fields[field]; ok {
		return d, true
	}
	if d, ok := p.Fields["policies"]; ok && isPolicyField(field) {
		return FieldDisplay{Access: d.Access}, true
	}
	return FieldDisplay{Access: Edit}, false
}

// settable are the fields that may be named by --set where the policy is in force. The number has a flag of its own and the
// role comes from the profile, so these two are fields only where the policy makes them ones; an update has neither.
func (p *FieldDisplayPolicy) settable() []string {
	fields := []string{"usageLocation", "licenses", "groups"}
	if p != nil && p.Target == ForSubscriber {
		return append(fields, "number", "role")
	}
	for _, own := range []string{"number", "role"} {
		if _, mentioned := p.display(own); mentioned {
			fields = append(fields, own)
		}
	}
	return fields
}

// accept reads the values of --set. The error is a *lifecycle.Refusal: "unknown-field" or "invalid-value" (invalid
// input), or "field-not-editable".
func (p *FieldDisplayPolicy) accept(set map[string]string) (map[string]answer, error) {
	answers := map[string]answer{}
	for _, field := range slices.Sorted(maps.Keys(set)) {
		rule, ok := formFieldRule(field)
		settable := p.settable()
		switch d, _ := p.display(field); {
		case slices.Contains(readOnlyFields, field):
			return nil, &lifecycle.Refusal{
				Code:    "field-not-editable",
				Message: field + " belongs to the directory and cannot be set",
				Hint:    "fields: " + listed(settable) + ", " + customFields,
			}
		case !ok, (field == "number" || field == "role") && !slices.Contains(settable, field):
			return nil, &lifecycle.Refusal{
				Code: "unknown-field", Invalid: true,
				Message: fmt.Sprintf("there is no field %q to set%s", field, meant(field, settable)),
				Hint:    "fields: " + listed(settable) + ", " + customFields,
			}
		case d.Access != Edit:
			return nil, p.forbids(field, d.Access)
		}
		a, err := rule.answer(set[field])
		if err != nil {
			return nil, &lifecycle.Refusal{Code: "invalid-value", Invalid: true, Message: fmt.Sprintf("%s: %v", field, err)}
		}
		answers[field] = a
	}
	return answers, nil
}

func (p *FieldDisplayPolicy) forbids(field string, access Access) *lifecycle.Refusal {
	how := map[Access]string{Hidden: "hides it", Read: "makes it read-only"}[access]
	return &lifecycle.Refusal{
		Code:    "field-not-editable",
		Message: fmt.Sprintf("%s cannot be set: field display policy %s %s", field, p.Name, how),
		Hint:    "leave it out, or allow it in the policy with access: edit",
	}
}

// answer reads one value of --set, which is literal text.
func (f formField) answer(text string) (answer, error) {
	if f.clears && strings.TrimSpace(text) == "" {
		return Clear[[]string](), nil
	}
	parts := []string{text}
	if f.many {
		parts = slices.DeleteFunc(strings.Split(text, ","), func(s string) bool { return strings.TrimSpace(s) == "" })
		if len(parts) == 0 {
			parts = []string{""}
		}
	}
	var values []string
	for _, part := range parts {
		v, err := f.read(part)
		if err != nil {
			return answer{}, err
		}
		if !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	return Give(values), nil
}

// filled is what a field display policy gives for one field, with the warnings that evaluating it gave.
type filled struct {
	answer
	warnings []lifecycle.Warning
}

// fill evaluates the policy's value of a field.
func (p *FieldDisplayPolicy) fill(field string, s Scope) (filled, error) {
	where, r := "field display policy "+p.Name, &resolution{scope: s}
	d := p.Fields[field]
	texts, ok := d.Value.Value()
	rule, known := formFieldRule(field)
	if !ok || !known {
		return filled{answer: answer{state: d.Value.state}}, nil
	}
	var values []string
	for _, t := range texts {
		v, err := r.value(t, where, field)
		if err != nil {
			return filled{}, err
		}
		if v == "" {
			continue
		}
		if v, err = rule.read(v); err != nil {
			return filled{}, inTemplate(err, where, field)
		}
		if !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	return filled{dropEmpty(Give(values), func(v []string) bool { return len(v) == 0 }), r.warnings}, nil
}

// put makes what a field holds visible to expressions.
func (in *Input) put(field string, a answer) {
	values, ok := a.Value()
	if !ok {
		return
	}
	number, _ := strconv.Atoi(field[strings.LastIndexByte(field, '_')+1:])
	switch {
	case field == "usageLocation":
		in.UsageLocation = values[0]
	case field == "number":
		in.Number = values[0]
	case field == "role":
		in.Role = values[0]
	case field == "licenses":
		in.Licenses = values
	case field == "groups":
		in.Groups = values
	case strings.HasPrefix(field, policyPrefix):
		in.Policies[strings.TrimPrefix(field, policyPrefix)] = values[0]
	case strings.HasPrefix(field, "custom_string_"):
		in.CustomString[number-1] = values[0]
	case strings.HasPrefix(field, "custom_boolean_"):
		in.CustomBoolean[number-1] = values[0] == "true"
	}
}
