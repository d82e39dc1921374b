package csdl

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// target is what a path addresses.
type target struct {
	reference
	operation *operation
	ref       bool // a link to the entity, and not the entity
	count     bool
}

// resolve follows a path, given below the service's root and still escaped.
func (m *Metadata) resolve(path string) (target, error) {
	segments := strings.Split(strings.Trim(path, "/"), "/")
	var at target
	for i, escaped := range segments {
		segment, err := url.PathUnescape(escaped)
		if err != nil {
			return at, fmt.Errorf("%s cannot be unescaped", escaped)
		}
		name, arguments, called := strings.Cut(segment, "(")
		if !called {
			name = segment
		}
		arguments = strings.TrimSuffix(arguments, ")")
		if i == 0 {
			set, known := m.sets[name]
			if !known {
				return at, fmt.Errorf("the service has no %s", name)
			}
			at.reference = set
			if called {
				at.collection = false
			}
			continue
		}
		if at.operation != nil || at.ref || at.count {
			return at, fmt.Errorf("nothing follows %s", segments[i-1])
		}
		if err := m.step(&at, segment, name, arguments, called); err != nil {
			return at, err
		}
	}
	return at, nil
}

// step goes one segment further.
func (m *Metadata) step(at *target, segment, name, arguments string, called bool) error {
	switch {
	case segment == "$ref":
		at.ref = true
		return nil
	case segment == "$count" && at.collection:
		at.count = true
		return nil
	}
	if cast := m.qualified(name); !called && m.types[cast].name != "" {
		if !m.derives(cast, at.name) {
			return fmt.Errorf("%s is no %s", cast, at.name)
		}
		at.name = cast
		return nil
	}
	if found := m.bound(name, at.reference); found != nil {
		at.operation = found
		at.reference = found.returns
		return checkArguments(found, arguments)
	}
	if at.collection {
		// What is neither a type nor an operation is a key.
		if !m.types[at.name].entity {
			return fmt.Errorf("%s has no keys", at.reference)
		}
		at.collection = false
		return nil
	}
	found, known := m.find(at.name, name)
	if !known {
		return fmt.Errorf("%s has no %s", at.name, name)
	}
	at.reference = found.is
	if called {
		at.collection = false
	}
	return nil
}

// bound finds the operation of that name, short or qualified, on a type.
func (m *Metadata) bound(name string, on reference) *operation {
	name = m.qualified(name)
	for i := range m.operations {
		o := &m.operations[i]
		short := o.name[strings.LastIndex(o.name, ".")+1:]
		if (name == short || name == o.name) && o.binding.collection == on.collection && m.derives(on.name, o.binding.name) {
			return o
		}
	}
	return nil
}

// checkArguments holds name='value' pairs against a function's parameters.
func checkArguments(o *operation, source string) error {
	if o.action {
		if source != "" {
			return fmt.Errorf("%s is an action and takes its parameters in the body", o.name)
		}
		return nil
	}
	var given []string
	for _, part := range splitArguments(source) {
		name, value, _ := strings.Cut(part, "=")
		found, known := o.parameter(name)
		if !known {
			return fmt.Errorf("%s has no parameter %s", o.name, name)
		}
		if problem := literalProblem(nil, found.is, value); problem != "" {
			return fmt.Errorf("the parameter %s of %s %s", name, o.name, problem)
		}
		given = append(given, name)
	}
	for _, p := range o.parameters {
		if !p.nullable && !slices.Contains(given, p.name) {
			return fmt.Errorf("%s needs the parameter %s", o.name, p.name)
		}
	}
	return nil
}

// splitArguments cuts at commas outside of quotes.
func splitArguments(source string) []string {
	var parts []string
	quoted, from := false, 0
	for i := range len(source) {
		switch {
		case source[i] == '\'':
			quoted = !quoted
		case source[i] == ',' && !quoted:
			parts = append(parts, strings.TrimSpace(source[from:i]))
			from = i + 1
		}
	}
	if rest := strings.TrimSpace(source[from:]); rest != "" {
		parts = append(parts, rest)
	}
	return parts
}
