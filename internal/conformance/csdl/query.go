package csdl

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// checkQuery holds the options of a request against the type it is about.
func (m *Metadata) checkQuery(r *report, about reference, query url.Values) {
	for option, values := range query {
		value := values[0]
		name := strings.ToLower(option)
		if !strings.HasPrefix(name, "$") {
			name = "$" + name // both forms are accepted
		}
		switch name {
		case "$select":
			for selected := range strings.SplitSeq(value, ",") {
				if _, known := m.find(about.name, selected); !known && selected != "*" {
					r.add("$select", "%s has no property %s", about.name, selected)
				}
			}
		case "$expand":
			for expanded := range strings.SplitSeq(value, ",") {
				expanded, _, _ = strings.Cut(expanded, "(")
				if found, known := m.find(about.name, expanded); !known || !found.navigation {
					r.add("$expand", "%s has no navigation property %s", about.name, expanded)
				}
			}
		case "$orderby":
			for ordered := range strings.SplitSeq(value, ",") {
				path, _, _ := strings.Cut(strings.TrimSpace(ordered), " ")
				if _, err := m.follow(about, path, nil); err != nil {
					r.add("$orderby", "%v", err)
				}
			}
		case "$filter":
			if err := m.checkFilter(about, value); err != nil {
				r.add("$filter", "%v", err)
			}
		case "$top", "$skip":
			if n, err := strconv.Atoi(value); err != nil || n < 0 {
				r.add(name, "%q is no count", value)
			}
		case "$count":
			if value != "true" && value != "false" {
				r.add(name, "%q is neither true nor false", value)
			}
		case "$skiptoken", "$deltatoken", "$search", "$format":
		default:
			r.add("query", "there is no option %s", option)
		}
	}
}

// token is a part of a filter: a string literal, a path or word, or a sign.
var token = regexp.MustCompile(`'(?:[^']|'')*'|[A-Za-z0-9_$+.@-]+(?:/[A-Za-z0-9_$.@]+)*|\S`)

var (
	comparisons = []string{"eq", "ne", "gt", "ge", "lt", "le", "has", "in"}
	connectives = []string{"and", "or", "not"}
	functions   = []string{"startswith", "endswith", "contains", "tolower", "toupper", "length", "isof", "cast"}
	guid        = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)
	moment      = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$`)
)

// checkFilter holds every name and literal of a filter against the type. It
// reads names and comparisons, not the grammar: the service judges that.
func (m *Metadata) checkFilter(about reference, source string) error {
	tokens := token.FindAllString(source, -1)
	variables := map[string]reference{}
	var compared *reference // the type that the next literal is compared with
	for i := 0; i < len(tokens); i++ {
		word := tokens[i]
		called := i+1 < len(tokens) && tokens[i+1] == "("
		switch {
		case strings.ContainsAny(word[:1], "(),:"), slices.Contains(connectives, word), slices.Contains(comparisons, word):
		case called && slices.Contains(functions, strings.ToLower(word)):
		case called && (strings.HasSuffix(word, "/any") || strings.HasSuffix(word, "/all")):
			over, err := m.follow(about, word[:len(word)-len("/any")], variables)
			if err != nil {
				return err
			}
			if !over.collection || i+3 >= len(tokens) || tokens[i+3] != ":" {
				return fmt.Errorf("%s ranges over no collection", word)
			}
			variables[tokens[i+2]] = reference{name: over.name}
			i += 3
		case called:
			return fmt.Errorf("there is no function %s", word)
		case isLiteral(word):
			if compared == nil {
				return fmt.Errorf("%s is compared with nothing", word)
			}
			if problem := literalProblem(m, *compared, word); problem != "" {
				return fmt.Errorf("%s", problem)
			}
		default:
			is, err := m.follow(about, word, variables)
			if err != nil {
				return err
			}
			compared = &is
		}
	}
	return nil
}

func isLiteral(word string) bool {
	if _, err := strconv.ParseFloat(word, 64); err == nil {
		return true
	}
	return word[0] == '\'' || word == "true" || word == "false" || word == "null" || guid.MatchString(word) || moment.MatchString(word)
}

// follow gives the type at the end of a path of properties.
func (m *Metadata) follow(about reference, path string, variables map[string]reference) (reference, error) {
	at := reference{name: about.name}
	for i, name := range strings.Split(path, "/") {
		if bound, ok := variables[name]; ok && i == 0 {
			at = bound
			continue
		}
		if name == "$count" && at.collection {
			at = reference{name: "Edm.Int32"}
			continue
		}
		found, known := m.find(at.name, name)
		if !known {
			return at, fmt.Errorf("%s has no property %s", at.name, name)
		}
		at = found.is
	}
	return at, nil
}

// literalProblem says what is wrong with a literal in a URL, if anything is.
func literalProblem(m *Metadata, is reference, literal string) string {
	text, quoted := strings.CutPrefix(literal, "'")
	text = strings.TrimSuffix(text, "'")
	if literal == "null" {
		return ""
	}
	fits := quoted
	switch is.name {
	case "Edm.String":
	case "Edm.Boolean":
		fits = literal == "true" || literal == "false"
	case "Edm.Guid":
		fits = guid.MatchString(literal)
	case "Edm.DateTimeOffset":
		fits = moment.MatchString(literal)
	case "Edm.Int32", "Edm.Int64":
		_, err := strconv.Atoi(literal)
		fits = err == nil
	default:
		if m != nil && m.enums[is.name] != nil && !slices.Contains(m.enums[is.name], text) {
			return fmt.Sprintf("%s has no member %s", is.name, text)
		}
	}
	if !fits {
		return fmt.Sprintf("compares %s with %s", is.name, literal)
	}
	return ""
}
