package catalog

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds of a catalog file. They are far above any real catalog and keep a hostile one from exhausting the worker.
const (
	maxBytes  = 2 << 20
	maxDepth  = 64
	maxValues = 1_000_000
)

// kind is the type of a YAML value.
type kind string

const (
	// blank is a key with nothing after it, null an explicit null.
	blank   kind = "nothing"
	null    kind = "null"
	boolean kind = "a boolean"
	integer kind = "a number"
	float   kind = "a fraction"
	text    kind = "text"
	list    kind = "a list"
	mapping kind = "a mapping"
	// refused has a problem of its own already; nothing more is said about it.
	refused kind = "refused"
)

// value is a YAML value with its place. Aliases are resolved, so that one value can stand at several paths.
type value struct {
	kind         kind
	line, column int
	// text is the scalar as written, without quotes.
	text    string
	items   []*value
	entries []entry
	// size counts the values in it, aliases expanded.
	size int
}

type entry struct {
	key   *value
	value *value
}

// spot is a value at a path.
type spot struct {
	*value
	path string
}

// is says what stands here, as the beginning of a message.
func (s spot) is() string {
	switch s.kind {
	case text, boolean, integer, float:
		return fmt.Sprintf("%q is %s", s.text, s.kind)
	default:
		return "this is " + string(s.kind)
	}
}

func (s spot) item(i int) spot { return spot{s.items[i], s.path + "[" + strconv.Itoa(i) + "]"} }

func (s spot) under(key string) string {
	if s.path == "" {
		return key
	}
	return s.path + "." + key
}

// loader turns YAML into values.
type loader struct {
	r       *reader
	anchors map[string]*value
	open    map[string]bool
}

// load reads the text as exactly one YAML document; nil means that it could not be read and a problem says why.
func load(r *reader, text []byte) (root *value) {
	if len(text) > maxBytes {
		r.problem(1, 1, "", "the file has %d bytes; %d are allowed", len(text), maxBytes)
		return nil
	}
	// A parser of foreign text is not trusted to be free of panics: the worker must outlive any file.
	defer func() {
		if p := recover(); p != nil {
			r.problem(1, 1, "", "the file is not YAML that can be read: %v", p)
			root = nil
		}
	}()
	tokens := lexer.Tokenize(string(text))
	if t := tooDeep(tokens); t != nil {
		r.problem(t.Position.Line, t.Position.Column, "", "values are nested more than %d deep", maxDepth)
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		r.syntax(err)
		return nil
	}
	var bodies []ast.Node
	for _, d := range file.Docs {
		if d.Body != nil {
			bodies = append(bodies, d.Body)
		}
	}
	switch len(bodies) {
	case 0:
		r.problem(1, 1, "", "the file is empty; it must begin with apiVersion: %s", APIVersion)
		return nil
	case 1:
	default:
		line, column := place(bodies[1])
		r.problem(line, column, "", "the file holds %d YAML documents; a catalog is one", len(bodies))
		return nil
	}
	l := &loader{r: r, anchors: map[string]*value{}, open: map[string]bool{}}
	root = l.convert(bodies[0], "", 0)
	if root.size > maxValues {
		r.problem(1, 1, "", "the file expands to more than %d values through its aliases", maxValues)
		return nil
	}
	return root
}

// tooDeep finds nesting that would exhaust the parser's stack: brackets, and runs of markers without a scalar between.
func tooDeep(tokens token.Tokens) *token.Token {
	brackets, run := 0, 0
	for _, t := range tokens {
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			brackets++
		case token.SequenceEndType, token.MappingEndType:
			brackets--
		case token.SequenceEntryType, token.MappingKeyType, token.TagType, token.AnchorType:
			run++
		case token.StringType, token.SingleQuoteType, token.DoubleQuoteType, token.IntegerType, token.NullType, token.BoolType:
			run = 0
		}
		if brackets > maxDepth || run > 2*maxDepth {
			return t
		}
	}
	return nil
}

func (r *reader) syntax(err error) {
	var e yaml.Error
	if !errors.As(err, &e) || e.GetToken() == nil || e.GetToken().Position == nil {
		r.problem(1, 1, "", "the file is not YAML: %v", err)
		return
	}
	p := e.GetToken().Position
	r.problem(max(p.Line, 1), max(p.Column, 1), "", "the file is not YAML: %s", e.GetMessage())
}

// place is where a node begins.
func place(n ast.Node) (line, column int) {
	if n == nil {
		return 1, 1
	}
	switch v := n.(type) {
	case *ast.MappingValueNode:
		return place(v.Key)
	case *ast.MappingNode:
		if !v.IsFlowStyle && len(v.Values) > 0 {
			return place(v.Values[0])
		}
	case *ast.AnchorNode:
		return position(v.Start)
	case *ast.AliasNode:
		return position(v.Start)
	}
	return position(n.GetToken())
}

func position(t *token.Token) (line, column int) {
	if t == nil || t.Position == nil {
		return 1, 1
	}
	return max(t.Position.Line, 1), max(t.Position.Column, 1)
}

func (l *loader) convert(n ast.Node, path string, depth int) *value {
	line, column := place(n)
	v := &value{kind: blank, line: line, column: column, size: 1}
	if n == nil {
		return v
	}
	if depth > maxDepth {
		v.kind = refused
		l.r.problem(line, column, path, "values are nested more than %d deep", maxDepth)
		return v
	}
	if t := n.GetToken(); t != nil {
		v.text = t.Value
	}
	switch n := n.(type) {
	case *ast.NullNode:
		if t := n.GetToken(); t != nil && t.Type != token.ImplicitNullType {
			v.kind = null
		}
	case *ast.BoolNode:
		v.kind = boolean
	case *ast.IntegerNode:
		v.kind = integer
	case *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		v.kind = float
	case *ast.StringNode:
		v.kind, v.text = text, n.Value
	case *ast.LiteralNode:
		v.kind, v.text = text, ""
		if n.Value != nil {
			v.text = strings.TrimRight(n.Value.Value, "\n")
		}
	case *ast.MappingNode:
		l.mapping(v, n.Values, path, depth)
	case *ast.MappingValueNode:
		l.mapping(v, []*ast.MappingValueNode{n}, path, depth)
	case *ast.SequenceNode:
		v.kind = list
		for i, item := range n.Values {
			child := l.convert(item, fmt.Sprintf("%s[%d]", path, i), depth+1)
			v.items = append(v.items, child)
			v.size = min(v.size+child.size, maxValues+1)
		}
	case *ast.AnchorNode:
		name := n.Name.GetToken().Value
		l.open[name] = true
		inner := l.convert(n.Value, path, depth+1)
		delete(l.open, name)
		l.anchors[name] = inner
		return inner
	case *ast.AliasNode:
		return l.alias(n, v, path)
	default:
		v.kind = refused
		l.r.problem(line, column, path, "%s is not used in a catalog; write the value plainly", n.Type())
	}
	return v
}

func (l *loader) alias(n *ast.AliasNode, v *value, path string) *value {
	name := n.Value.GetToken().Value
	v.kind = refused
	if l.open[name] {
		l.r.problem(v.line, v.column, path, "the alias *%s stands inside its own anchor: a cycle", name)
		return v
	}
	target, ok := l.anchors[name]
	if !ok {
		l.r.problem(v.line, v.column, path, "there is no anchor &%s before this alias", name)
		return v
	}
	return target
}

func (l *loader) mapping(v *value, values []*ast.MappingValueNode, path string, depth int) {
	v.kind = mapping
	seen := map[string]int{}
	for _, e := range values {
		if e.Key.IsMergeKey() {
			line, column := place(e.Key)
			l.r.problem(line, column, path, "merge keys (<<) are not used in a catalog; write the values out")
			continue
		}
		key := l.convert(e.Key, path, depth+1)
		key.text = keyText(e.Key, key)
		childPath := spot{v, path}.under(key.text)
		if first, ok := seen[key.text]; ok {
			l.r.problem(key.line, key.column, childPath, "the key stands here twice; the first is on line %d", first)
			continue
		}
		seen[key.text] = key.line
		child := l.convert(e.Value, childPath, depth+1)
		if child.kind == blank {
			child.line, child.column = key.line, key.column
		}
		v.entries = append(v.entries, entry{key, child})
		v.size = min(v.size+child.size, maxValues+1)
	}
}

func keyText(n ast.MapKeyNode, v *value) string {
	if s, ok := n.(*ast.StringNode); ok {
		return s.Value
	}
	return v.text
}
