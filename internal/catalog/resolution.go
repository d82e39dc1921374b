package catalog

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"

	"tenure/internal/lifecycle"
)

// resolution evaluates texts over one scope and keeps a warning for each expression that yields nothing.
type resolution struct {
	scope    Scope
	warnings []lifecycle.Warning
}

// value is empty when an expression of the text yields nothing. The error is a *lifecycle.Refusal "expression-error".
func (r *resolution) value(t Text, where, field string) (string, error) {
	v, empty, err := t.evaluate(r.scope)
	if err != nil {
		return "", inTemplate(err, where, field)
	}
	if empty != nil {
		r.warn(lifecycle.Warning{
			Code:    lifecycle.WarnExpressionEmpty,
			Message: fmt.Sprintf("%s, %s: ${%s} yields nothing and counts as absent%s", where, field, empty.source, empty.holding(r.scope)),
		})
	}
	return v, nil
}

// field evaluates a three-valued text; one that yields nothing is absent.
func (r *resolution) field(f Field[Text], where, field string) (Field[string], error) {
	t, ok := f.Value()
	if !ok {
		return Field[string]{state: f.state}, nil
	}
	v, err := r.value(t, where, field)
	return dropEmpty(Give(v), func(s string) bool { return s == "" }), err
}

func (r *resolution) warn(warnings ...lifecycle.Warning) {
	for _, w := range warnings {
		if !slices.Contains(r.warnings, w) {
			r.warnings = append(r.warnings, w)
		}
	}
}

// Bounds of a warning: how many values it shows, and how much of each.
const (
	maxShown      = 6
	maxShownRunes = 40
)

// holding says what the variables hold that the program reads: " (site.name is "london", user.city is empty)".
func (p *program) holding(s Scope) string {
	var all []string
	for _, path := range p.reads {
		all = append(all, strings.Join(path, ".")+" is "+shownValue(s.at(path)))
	}
	if len(all) > maxShown {
		all = append(all[:maxShown], "…")
	}
	if len(all) == 0 {
		return ""
	}
	return " (" + strings.Join(all, ", ") + ")"
}

// at is the value at a path of the variables, nil where there is none.
func (s Scope) at(path []string) any {
	words, err := theVocabulary()
	if err != nil {
		return nil
	}
	object, _ := s.ResolveName(path[0])
	typeName := variableTypes[path[0]]
	for i, name := range path[1:] {
		a, ok := find(words.fields[typeName], name, func(a attribute) string { return a.name })
		if !ok {
			return nil
		}
		object, typeName = a.get(object), defaultsType
		if m, isMap := object.(map[string]string); isMap && i+2 < len(path) {
			return m[path[i+2]]
		}
	}
	return object
}

func shownValue(v any) string {
	shown := ""
	switch v := v.(type) {
	case bool:
		return strconv.FormatBool(v)
	case string:
		shown = v
	case []string:
		shown = strings.Join(v, ", ")
	case map[string]string:
		var pairs []string
		for key, value := range v {
			pairs = append(pairs, key+"="+value)
		}
		slices.Sort(pairs)
		shown = strings.Join(pairs, ", ")
	}
	if shown == "" {
		return "empty"
	}
	if runes := []rune(shown); len(runes) > maxShownRunes {
		shown = string(runes[:maxShownRunes]) + "…"
	}
	return strconv.Quote(shown)
}

// pathReader collects the paths that an expression reads, when it is shown each part after what the part stands in.
type pathReader struct {
	paths [][]string
	// inside are the parts of a path that is collected already.
	inside map[int64]bool
}

func (r *pathReader) visit(e ast.Expr) {
	path, parts := pathOf(e)
	if len(path) < 2 || r.inside[e.ID()] {
		return
	}
	if r.inside == nil {
		r.inside = map[int64]bool{}
	}
	for _, part := range parts {
		r.inside[part] = true
	}
	if !slices.ContainsFunc(r.paths, func(p []string) bool { return slices.Equal(p, path) }) {
		r.paths = append(r.paths, path)
	}
}

// pathOf is the path from a variable that e selects, empty when it selects none, and the ids of the parts of e.
func pathOf(e ast.Expr) (path []string, parts []int64) {
	switch e.Kind() {
	case ast.IdentKind:
		if name := e.AsIdent(); slices.Contains(variableNames, name) {
			return []string{name}, []int64{e.ID()}
		}
	case ast.SelectKind:
		if path, parts := pathOf(e.AsSelect().Operand()); path != nil {
			return append(path, e.AsSelect().FieldName()), append(parts, e.ID())
		}
	case ast.CallKind:
		call := e.AsCall()
		if call.FunctionName() != operators.Index || call.Args()[1].Kind() != ast.LiteralKind {
			break
		}
		key, isText := call.Args()[1].AsLiteral().Value().(string)
		if path, parts := pathOf(call.Args()[0]); path != nil && isText {
			return append(path, key), append(parts, e.ID())
		}
	}
	return nil, nil
}
