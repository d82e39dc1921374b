package graphsim

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// condition is a parsed $filter.
type condition interface {
	// holds judges one resource, whose fields it reads through the resolver.
	holds(field resolver) bool
	// walk visits the condition and everything inside it.
	walk(visit func(condition))
}

// resolver gives the value of a path: a string, bool, int, []string or nil.
type resolver func(path string) any

type (
	junction struct { // and, or
		or          bool
		left, right condition
	}
	negation   struct{ inner condition }
	comparison struct {
		path, operator string
		value          literal
	}
	membership struct {
		path   string
		values []literal
	}
	matching struct { // startswith, endswith, contains
		function, path string
		value          literal
	}
	anyOf struct { // path/any(x:...), the inner paths already absolute
		path, element string
		inner         condition
	}
)

type literal struct {
	kind  literalKind
	text  string
	truth bool
	n     int
}

type literalKind int

const (
	textLiteral literalKind = iota
	boolLiteral
	numberLiteral
	nullLiteral
)

func (c junction) holds(field resolver) bool {
	if c.or {
		return c.left.holds(field) || c.right.holds(field)
	}
	return c.left.holds(field) && c.right.holds(field)
}
func (c negation) holds(field resolver) bool { return !c.inner.holds(field) }

func (c comparison) holds(field resolver) bool { return compare(field(c.path), c.operator, c.value) }

func (c membership) holds(field resolver) bool {
	value := field(c.path)
	return slices.ContainsFunc(c.values, func(l literal) bool { return compare(value, "eq", l) })
}

func (c matching) holds(field resolver) bool {
	value, _ := field(c.path).(string)
	value, wanted := strings.ToLower(value), strings.ToLower(c.value.text)
	switch c.function {
	case "startswith":
		return strings.HasPrefix(value, wanted)
	case "endswith":
		return strings.HasSuffix(value, wanted)
	default:
		return strings.Contains(value, wanted)
	}
}

func (c anyOf) holds(field resolver) bool {
	elements, _ := field(c.element).([]string)
	return slices.ContainsFunc(elements, func(element string) bool {
		return c.inner.holds(func(string) any { return element })
	})
}

func (c junction) walk(visit func(condition)) {
	visit(c)
	c.left.walk(visit)
	c.right.walk(visit)
}
func (c negation) walk(visit func(condition)) {
	visit(c)
	c.inner.walk(visit)
}
func (c comparison) walk(visit func(condition)) { visit(c) }
func (c membership) walk(visit func(condition)) { visit(c) }
func (c matching) walk(visit func(condition))   { visit(c) }
func (c anyOf) walk(visit func(condition)) {
	visit(c)
	c.inner.walk(visit)
}

func compare(value any, operator string, wanted literal) bool {
	switch operator {
	case "eq":
		return equal(value, wanted)
	case "ne":
		return !equal(value, wanted)
	}
	order, comparable := 0, false
	switch v := value.(type) {
	case string:
		order, comparable = strings.Compare(strings.ToLower(v), strings.ToLower(wanted.text)), wanted.kind == textLiteral
	case int:
		order, comparable = v-wanted.n, wanted.kind == numberLiteral
	}
	if !comparable {
		return false
	}
	switch operator {
	case "ge":
		return order >= 0
	case "gt":
		return order > 0
	case "le":
		return order <= 0
	default:
		return order < 0
	}
}

func equal(value any, wanted literal) bool {
	switch v := value.(type) {
	case nil:
		return wanted.kind == nullLiteral
	case bool:
		return wanted.kind == boolLiteral && v == wanted.truth
	case int:
		return wanted.kind == numberLiteral && v == wanted.n
	case string:
		return wanted.kind == textLiteral && strings.EqualFold(v, wanted.text)
	}
	return false
}

// paths are the absolute paths that a condition reads.
func paths(c condition) []string {
	var read []string
	c.walk(func(c condition) {
		switch c := c.(type) {
		case comparison:
			read = append(read, c.path)
		case membership:
			read = append(read, c.path)
		case matching:
			read = append(read, c.path)
		case anyOf:
			read = append(read, c.element)
		}
	})
	return read
}

// advanced names the first operator that the directory only offers with
// ConsistencyLevel: eventual and $count=true; empty when there is none.
func advanced(c condition) string {
	operator := ""
	note := func(name string) {
		if operator == "" {
			operator = name
		}
	}
	c.walk(func(c condition) {
		switch c := c.(type) {
		case negation:
			note("not")
		case comparison:
			if c.operator == "ne" {
				note("ne")
			}
			if strings.HasSuffix(c.path, "/$count") {
				note("$count")
			}
		case matching:
			if c.function == "endswith" {
				note("endsWith")
			} else if c.function == "contains" {
				note("contains")
			}
		}
	})
	return operator
}

// parseFilter reads the part of OData's filter language that Graph's directory
// and Teams resources take.
func parseFilter(source string) (condition, error) {
	p := &filterParser{source: source}
	if err := p.tokenize(); err != nil {
		return nil, err
	}
	c, err := p.disjunction()
	if err != nil {
		return nil, err
	}
	if p.position < len(p.tokens) {
		return nil, p.syntax()
	}
	return c, nil
}

type filterToken struct {
	text   string
	quoted bool
}

type filterParser struct {
	source   string
	tokens   []filterToken
	position int
	variable string // of the enclosing any()
	path     string // that the variable stands for
}

func (p *filterParser) syntax() error {
	return refuse(http.StatusBadRequest, "BadRequest", "Invalid filter clause: '%s'.", p.source)
}

func (p *filterParser) tokenize() error {
	s := p.source
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == ' ' || c == '\t':
			i++
		case c == '(' || c == ')' || c == ',' || c == ':':
			p.tokens = append(p.tokens, filterToken{text: string(c)})
			i++
		case c == '\'':
			var quoted strings.Builder
			i++
			for ; ; i++ {
				if i >= len(s) {
					return p.syntax()
				}
				if s[i] == '\'' {
					if i+1 < len(s) && s[i+1] == '\'' {
						i++
					} else {
						break
					}
				}
				quoted.WriteByte(s[i])
			}
			i++
			p.tokens = append(p.tokens, filterToken{text: quoted.String(), quoted: true})
		default:
			start := i
			for i < len(s) && !strings.ContainsRune(" \t(),:'", rune(s[i])) {
				i++
			}
			p.tokens = append(p.tokens, filterToken{text: s[start:i]})
		}
	}
	return nil
}

func (p *filterParser) peek() (filterToken, bool) {
	if p.position < len(p.tokens) {
		return p.tokens[p.position], true
	}
	return filterToken{}, false
}

func (p *filterParser) take() filterToken {
	t, _ := p.peek()
	p.position++
	return t
}

func (p *filterParser) accept(word string) bool {
	if t, ok := p.peek(); ok && !t.quoted && strings.EqualFold(t.text, word) {
		p.position++
		return true
	}
	return false
}

func (p *filterParser) disjunction() (condition, error) {
	left, err := p.conjunction()
	for err == nil && p.accept("or") {
		var right condition
		if right, err = p.conjunction(); err == nil {
			left = junction{or: true, left: left, right: right}
		}
	}
	return left, err
}

func (p *filterParser) conjunction() (condition, error) {
	left, err := p.unary()
	for err == nil && p.accept("and") {
		var right condition
		if right, err = p.unary(); err == nil {
			left = junction{left: left, right: right}
		}
	}
	return left, err
}

func (p *filterParser) unary() (condition, error) {
	if p.accept("not") {
		inner, err := p.unary()
		return negation{inner}, err
	}
	if p.accept("(") {
		inner, err := p.disjunction()
		if err == nil && !p.accept(")") {
			err = p.syntax()
		}
		return inner, err
	}
	first := p.take()
	if first.text == "" || first.quoted {
		return nil, p.syntax()
	}
	if p.accept("(") {
		return p.call(first.text)
	}
	path := p.absolute(first.text)
	operator := strings.ToLower(p.take().text)
	switch operator {
	case "eq", "ne", "ge", "gt", "le", "lt":
		value, err := p.literal()
		return comparison{path: path, operator: operator, value: value}, err
	case "in":
		if !p.accept("(") {
			return nil, p.syntax()
		}
		in := membership{path: path}
		for {
			value, err := p.literal()
			if err != nil {
				return nil, err
			}
			in.values = append(in.values, value)
			if p.accept(")") {
				return in, nil
			}
			if !p.accept(",") {
				return nil, p.syntax()
			}
		}
	}
	return nil, p.syntax()
}

func (p *filterParser) call(name string) (condition, error) {
	if collection, found := strings.CutSuffix(name, "/any"); found {
		return p.lambda(collection)
	}
	function := strings.ToLower(name)
	if !slices.Contains([]string{"startswith", "endswith", "contains"}, function) {
		return nil, p.syntax()
	}
	path := p.absolute(p.take().text)
	if !p.accept(",") {
		return nil, p.syntax()
	}
	value, err := p.literal()
	if err == nil && !p.accept(")") {
		err = p.syntax()
	}
	return matching{function: function, path: path, value: value}, err
}

func (p *filterParser) lambda(collection string) (condition, error) {
	if p.variable != "" {
		return nil, notModelled("any() inside any() in $filter")
	}
	p.variable, p.path = p.take().text, collection
	defer func() { p.variable, p.path = "", "" }()
	if !p.accept(":") {
		return nil, p.syntax()
	}
	inner, err := p.disjunction()
	if err != nil {
		return nil, err
	}
	if !p.accept(")") {
		return nil, p.syntax()
	}
	read := slices.Compact(paths(inner))
	if len(read) != 1 {
		return nil, notModelled("any() over more than one property in $filter")
	}
	return anyOf{path: collection, element: read[0], inner: inner}, nil
}

// absolute replaces the variable of the enclosing any() by what it runs over.
func (p *filterParser) absolute(path string) string {
	if p.variable == "" {
		return path
	}
	if path == p.variable {
		return p.path
	}
	if rest, found := strings.CutPrefix(path, p.variable+"/"); found {
		return p.path + "/" + rest
	}
	return path
}

func (p *filterParser) literal() (literal, error) {
	t, ok := p.peek()
	if !ok {
		return literal{}, p.syntax()
	}
	p.position++
	if t.quoted {
		return literal{text: t.text}, nil
	}
	switch t.text {
	case "true", "false":
		return literal{kind: boolLiteral, truth: t.text == "true"}, nil
	case "null":
		return literal{kind: nullLiteral}, nil
	case "(", ")", ",", ":":
		return literal{}, p.syntax()
	}
	if n, err := strconv.Atoi(t.text); err == nil {
		return literal{kind: numberLiteral, n: n}, nil
	}
	return literal{text: t.text}, nil
}

// filter parses the option and checks that every path in it can be filtered.
func filter(q query, filterable func(path string) bool) (condition, error) {
	if q.get("$filter") == "" {
		return nil, nil
	}
	c, err := parseFilter(q.get("$filter"))
	if err != nil {
		return nil, err
	}
	for _, path := range paths(c) {
		if !filterable(path) {
			return nil, unsupportedQuery("Unsupported or invalid query filter clause specified for property '%s' of resource.", path)
		}
	}
	return c, nil
}
