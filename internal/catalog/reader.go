package catalog

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// reader checks values against what the format accepts and collects every problem, so that all are reported at once.
type reader struct {
	file     string
	lines    []string
	problems []Problem
}

func (r *reader) problem(line, column int, path, format string, args ...any) {
	r.problems = append(r.problems, Problem{File: r.file, Line: line, Column: column, Path: path, Message: fmt.Sprintf(format, args...)})
}

func (r *reader) at(s spot, format string, args ...any) {
	if s.kind == refused {
		return
	}
	r.problem(s.line, s.column, s.path, format, args...)
}

// mapping returns the values by key; a key that is not accepted is a problem. ok is false when s is no mapping.
func (r *reader) mapping(s spot, accepted ...string) (fields map[string]spot, ok bool) {
	if s.kind != mapping {
		r.at(s, "%s; a mapping with the keys %s belongs here", s.is(), listed(accepted))
		return nil, false
	}
	fields = map[string]spot{}
	for _, e := range s.entries {
		key := e.key.text
		if !slices.Contains(accepted, key) {
			r.problem(e.key.line, e.key.column, s.under(key), "unknown key %q%s; accepted: %s", key, meant(key, accepted), listed(accepted))
			continue
		}
		fields[key] = spot{e.value, s.under(key)}
	}
	return fields, true
}

// need reports the keys that are missing or empty.
func (r *reader) need(s spot, fields map[string]spot, keys ...string) {
	for _, key := range keys {
		f, ok := fields[key]
		switch {
		case !ok:
			r.at(s, "%s is missing", key)
		case f.kind == blank || f.kind == null:
			r.at(f, "a value is missing")
			delete(fields, key)
		}
	}
}

// list returns the items; an absent or empty section has none.
func (r *reader) list(s spot, ok bool) []spot {
	if !ok || s.kind == blank || s.kind == null {
		return nil
	}
	if s.kind != list {
		r.at(s, "%s; a list belongs here", s.is())
		return nil
	}
	items := make([]spot, len(s.items))
	for i := range s.items {
		items[i] = s.item(i)
	}
	return items
}

func (r *reader) text(s spot, ok bool) (string, bool) {
	if !ok {
		return "", false
	}
	switch s.kind {
	case text:
		return s.text, true
	case boolean, integer, float:
		r.at(s, "%s; text belongs here: put it in quotes", s.is())
	default:
		r.at(s, "%s; text belongs here", s.is())
	}
	return "", false
}

func (r *reader) boolean(s spot, ok bool) (value, read bool) {
	if !ok {
		return false, false
	}
	if s.kind != boolean {
		r.at(s, "%s; true or false belongs here", s.is())
		return false, false
	}
	return strings.EqualFold(s.text, "true"), true
}

func (r *reader) integer(s spot, low, high int) (int, bool) {
	n, err := strconv.Atoi(s.text)
	switch {
	case s.kind != integer || err != nil:
		r.at(s, "%s; a whole number from %d to %d belongs here", s.is(), low, high)
		return 0, false
	case n < low || n > high:
		r.at(s, "%d is out of range; accepted: %d to %d", n, low, high)
		return 0, false
	}
	return n, true
}

// choice reads one of the accepted words.
func choice[T ~string](r *reader, s spot, ok bool, accepted ...T) (T, bool) {
	word, ok := r.text(s, ok)
	if !ok {
		return "", false
	}
	if slices.Contains(accepted, T(word)) {
		return T(word), true
	}
	words := make([]string, len(accepted))
	for i, a := range accepted {
		words[i] = string(a)
	}
	r.at(s, "%q is not accepted%s; accepted: %s", word, meant(word, words), listed(words))
	return "", false
}

// nameRule keeps names usable in paths, on command lines and in messages.
var nameRule = regexp.MustCompile(`^[\pL\pN](?:[\pL\pN ._@-]*[\pL\pN._-])?$`)

// name reads the required name of a thing.
func (r *reader) name(s spot, ok bool) (string, bool) {
	name, ok := r.text(s, ok)
	if ok && (!nameRule.MatchString(name) || len(name) > 128) {
		r.at(s, "%q cannot be a name; names have up to 128 letters, digits, spaces and . _ - @, and begin with a letter or digit", name)
		return "", false
	}
	return name, ok
}

// named registers a name and reports one that is taken; what says what kind of thing bears it.
type named map[string]spot

func (n named) claim(r *reader, s spot, name, what string) bool {
	if first, ok := n[name]; ok {
		r.at(s, "the %s %q stands on line %d already", what, name, first.line)
		return false
	}
	n[name] = s
	return true
}

// three reads a three-valued field: absent, null or a value. A key with nothing after it is refused, because YAML reads
// it as null and somebody who leaves a field blank does not mean to clear it (R23).
func three[T any](r *reader, s spot, ok bool, read func(spot) (T, bool)) Field[T] {
	if !ok {
		return Field[T]{}
	}
	switch s.kind {
	case blank:
		r.at(s, "nothing stands here; leave the key out, or write null to clear it")
		return Field[T]{}
	case null:
		return Clear[T]()
	}
	v, ok := read(s)
	if !ok {
		return Field[T]{}
	}
	return Give(v)
}
