package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types/ref"

	"tenure/internal/lifecycle"
)

// Text is a value of a template: literal text, or text with ${…} expressions in it. $${ stands for a literal ${.
type Text struct {
	source string
	parts  []part
}

// part is literal text, or an expression when program is not nil.
type part struct {
	literal string
	program *program
}

// Source is the text as written.
func (t Text) Source() string { return t.source }

// Literal is the text when nothing in it has to be evaluated.
func (t Text) Literal() (string, bool) {
	var all strings.Builder
	for _, p := range t.parts {
		if p.program != nil {
			return "", false
		}
		all.WriteString(p.literal)
	}
	return all.String(), true
}

func (t Text) empty() bool { v, plain := t.Literal(); return plain && v == "" }

func literal(s string) Text { return Text{source: s, parts: []part{{literal: s}}} }

// Value evaluates the text. It is empty when any expression in it yields nothing (an empty text, null, or a policy that
// the site's defaults do not have): such a value counts as absent. It is safe for concurrent use.
func (t Text) Value(s Scope) (string, error) {
	v, _, err := t.evaluate(s)
	return v, err
}

// evaluate is Value; empty is the expression that yields nothing, nil when there is none.
func (t Text) evaluate(s Scope) (value string, empty *program, err error) {
	var all strings.Builder
	for _, p := range t.parts {
		if p.program == nil {
			all.WriteString(p.literal)
			continue
		}
		v, err := p.program.value(s)
		if err != nil {
			return "", nil, err
		}
		if v == "" {
			return "", p.program, nil
		}
		all.WriteString(v)
	}
	return all.String(), nil, nil
}

// condition is a when: an expression with a boolean result.
type condition struct {
	source  string
	program *program
}

func (c condition) holds(s Scope) (bool, error) {
	v, err := c.program.evaluate(s)
	if err != nil || v == nil {
		return false, err
	}
	b, _ := v.Value().(bool)
	return b, nil
}

// program is a compiled expression.
type program struct {
	source string
	// overUser marks one that cannot be evaluated without a user.
	overUser bool
	// reads are the paths that it reads, e.g. site.defaults.policies.TenantDialPlan, in the order of the expression.
	reads [][]string
	run   cel.Program
}

// errNoUser is the error of an expression over a user where there is none.
var errNoUser = errors.New("it is over the user, and no user is known here")

// evaluate returns nil for an expression that yields nothing because a map has no such entry.
func (p *program) evaluate(s Scope) (ref.Val, error) {
	if p.overUser && s.User == nil {
		return nil, fmt.Errorf("%s cannot be evaluated: %w", p.source, errNoUser)
	}
	v, _, err := p.run.Eval(activation{s})
	if err != nil {
		if strings.HasPrefix(err.Error(), "no such key") {
			return nil, nil
		}
		return nil, fmt.Errorf("%s cannot be evaluated: %w", p.source, err)
	}
	return v, nil
}

func (p *program) value(s Scope) (string, error) {
	v, err := p.evaluate(s)
	if err != nil || v == nil {
		return "", err
	}
	switch native := v.Value().(type) {
	case string:
		return native, nil
	case bool:
		return strconv.FormatBool(native), nil
	case int64:
		return strconv.FormatInt(native, 10), nil
	case uint64:
		return strconv.FormatUint(native, 10), nil
	default:
		return "", nil
	}
}

// activation is a Scope as CEL wants it.
type activation struct{ Scope }

// Parent is nil: a scope stands alone.
func (activation) Parent() cel.Activation { return nil }

// inTemplate makes the refusal of an expression that failed, or whose result its field does not take. where is the
// template or policy, e.g. "m365User template e5-voice".
func inTemplate(err error, where, field string) error {
	return &lifecycle.Refusal{
		Code:    "expression-error",
		Message: fmt.Sprintf("%s, %s: %v", where, field, err),
		Hint:    "correct the expression in the catalog and apply it",
	}
}

// compiler compiles the expressions of one catalog, each text once.
type compiler struct {
	r    *reader
	done map[string]*program
}

func newCompiler(r *reader) *compiler { return &compiler{r, map[string]*program{}} }

// condition reads a when over some of the variables.
func (p *parsing) condition(s spot, ok bool, variables ...string) (condition, bool) {
	if ok && s.kind == boolean {
		// Plain true is how somebody says "everybody".
		s.value = &value{kind: text, line: s.line, column: s.column, text: strings.ToLower(s.text)}
	}
	source, ok := p.text(s, ok)
	if !ok {
		return condition{}, false
	}
	source = strings.TrimSpace(source)
	if strings.HasPrefix(source, "${") {
		p.at(s, "a condition is an expression already; write it without ${ }")
		return condition{}, false
	}
	compiled, ok := p.expressions.compile(s, source, 0, variables, "bool")
	return condition{source, compiled}, ok
}

// expression reads a text that may hold expressions over all variables.
func (p *parsing) expression(s spot) (Text, bool) {
	source, ok := p.text(s, true)
	if !ok {
		return Text{}, false
	}
	t := Text{source: source}
	good := true
	for rest, offset := source, 0; rest != ""; {
		before, inside, after, err := nextExpression(rest)
		if err != nil {
			p.at(s, "%v", err)
			return Text{}, false
		}
		if before != "" {
			t.parts = append(t.parts, part{literal: strings.ReplaceAll(before, "$${", "${")})
		}
		if inside != nil {
			compiled, ok := p.expressions.compile(s, *inside, offset+utf8.RuneCountInString(before)+2, variableNames, "string", "bool", "int", "uint")
			good = good && ok
			t.parts = append(t.parts, part{program: compiled})
		}
		offset += utf8.RuneCountInString(rest) - utf8.RuneCountInString(after)
		rest = after
	}
	return t, good
}

func holdsExpression(s string) bool {
	_, inside, _, err := nextExpression(s)
	return err != nil || inside != nil
}

// nextExpression cuts the text at its first ${…}; inside is nil when there is none.
func nextExpression(s string) (before string, inside *string, after string, err error) {
	start := -1
	for i := 0; i+1 < len(s) && start < 0; i++ {
		switch {
		case strings.HasPrefix(s[i:], "$${"):
			i += 2
		case strings.HasPrefix(s[i:], "${"):
			start = i
		}
	}
	if start < 0 {
		return s, nil, "", nil
	}
	end := closing(s[start+2:])
	if end < 0 {
		return "", nil, "", fmt.Errorf("%q has no } that closes its ${", s)
	}
	expression := s[start+2 : start+2+end]
	return s[:start], &expression, s[start+2+end+1:], nil
}

// closing is the index of the brace that closes an expression, quotes and inner braces respected, or -1.
func closing(s string) int {
	depth, quote := 0, byte(0)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0 && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '{':
			depth++
		case c == '}' && depth == 0:
			return i
		case c == '}':
			depth--
		}
	}
	return -1
}

// compile checks an expression that begins at an offset (in characters) of the scalar at s.
func (c *compiler) compile(s spot, source string, offset int, variables []string, results ...string) (*program, bool) {
	key := strings.Join(variables, " ") + "\x00" + strings.Join(results, " ") + "\x00" + source
	if done, ok := c.done[key]; ok {
		return done, true
	}
	report := func(line, column int, format string, args ...any) {
		l, col := c.locate(s, source, offset, line, column)
		c.r.problem(l, col, s.path, format, args...)
	}
	words, err := theVocabulary()
	if err != nil {
		c.r.at(s, "%v", err)
		return nil, false
	}
	if strings.TrimSpace(source) == "" {
		c.r.at(s, "an expression is missing")
		return nil, false
	}
	parsed, issues := words.env.Parse(source)
	if issues.Err() != nil {
		for _, e := range issues.Errors()[:1] {
			report(e.Location.Line(), e.Location.Column(), "the expression cannot be read: %s", firstLine(e.Message))
		}
		return nil, false
	}
	expressions := map[int64]ast.Expr{}
	overUser, good := false, true
	var reads pathReader
	ast.PreOrderVisit(parsed.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		expressions[e.ID()] = e
		reads.visit(e)
		if e.Kind() != ast.IdentKind || !slices.Contains(variableNames, e.AsIdent()) {
			return
		}
		overUser = overUser || e.AsIdent() == "user"
		if !slices.Contains(variables, e.AsIdent()) {
			at := parsed.NativeRep().SourceInfo().GetStartLocation(e.ID())
			report(at.Line(), at.Column(), "%q is not known here; known: %s", e.AsIdent(), listed(variables))
			good = false
		}
	}))
	if !good {
		return nil, false
	}
	checked, issues := words.env.Check(parsed)
	if issues.Err() != nil {
		for _, e := range issues.Errors() {
			report(e.Location.Line(), e.Location.Column(), "%s", words.explain(e.Message, expressions[e.ExprID], variables))
		}
		return nil, false
	}
	if result := checked.OutputType().String(); !slices.Contains(results, result) {
		c.r.at(s, "the expression gives %s; accepted: %s", result, listed(results))
		return nil, false
	}
	run, err := words.env.Program(checked, cel.CostLimit(maxCost), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		c.r.at(s, "the expression cannot be used: %s", firstLine(err.Error()))
		return nil, false
	}
	c.done[key] = &program{source: source, overUser: overUser, reads: reads.paths, run: run}
	return c.done[key], true
}

func firstLine(s string) string {
	first, _, _ := strings.Cut(s, "\n")
	return strings.TrimPrefix(first, "Syntax error: ")
}

// explain says what CEL's checker says, with what would be accepted.
func (v *vocabulary) explain(message string, e ast.Expr, variables []string) string {
	switch {
	case e == nil:
	case strings.HasPrefix(message, "undefined field") && e.Kind() == ast.SelectKind:
		field := e.AsSelect().FieldName()
		object, typeName := subject(e.AsSelect().Operand())
		if typeName == "" {
			break
		}
		names := namesOf(v.fields[typeName], func(a attribute) string { return a.name })
		return fmt.Sprintf("%s has no field %q%s; known: %s", object, field, meant(field, names), listed(names))
	case strings.HasPrefix(message, "undeclared reference") && e.Kind() == ast.IdentKind:
		return fmt.Sprintf("there is no variable %q%s; known: %s", e.AsIdent(), meant(e.AsIdent(), variables), listed(variables))
	case strings.HasPrefix(message, "undeclared reference") && e.Kind() == ast.CallKind:
		return fmt.Sprintf("there is no function %q; the functions of CEL's standard library are known, like startsWith, contains, matches", e.AsCall().FunctionName())
	case strings.HasPrefix(message, "invalid ") && strings.HasSuffix(message, " argument"):
		return fmt.Sprintf("%s: a text that %s understands belongs there", message, strings.Fields(message)[1])
	}
	return firstLine(message)
}

// subject is the variable, or its defaults, whose field an expression selects.
func subject(operand ast.Expr) (object, typeName string) {
	switch operand.Kind() {
	case ast.IdentKind:
		return operand.AsIdent(), variableTypes[operand.AsIdent()]
	case ast.SelectKind:
		if parent, t := subject(operand.AsSelect().Operand()); t == nodeType && operand.AsSelect().FieldName() == "defaults" {
			return parent + ".defaults", defaultsType
		}
	}
	return "", ""
}

// locate turns a place in an expression into one in the file. It is exact for a scalar that stands on one line as it is,
// and the beginning of the scalar otherwise.
func (c *compiler) locate(s spot, source string, offset, line, column int) (int, int) {
	if line != 1 || s.line > len(c.r.lines) || strings.Contains(source, "\n") {
		return s.line, s.column
	}
	row := []rune(c.r.lines[s.line-1])
	if s.column-1 > len(row) {
		return s.line, s.column
	}
	before, _, found := strings.Cut(string(row[s.column-1:]), s.text)
	if !found || s.text == "" {
		return s.line, s.column
	}
	return s.line, s.column + utf8.RuneCountInString(before) + offset + column
}
