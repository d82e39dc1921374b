package catalog

import (
	"bytes"
	"strings"
)

// parsing is the state of one Parse.
type parsing struct {
	*reader
	c           *Catalog
	tenantNames named
	expressions *compiler
}

// Parse reads a catalog; file is the name that problems carry. The error is a *Problems with everything that is wrong.
func Parse(file string, text []byte) (*Catalog, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	p := &parsing{
		reader: &reader{file: file, lines: strings.Split(string(text), "\n")},
		c: &Catalog{
			file: file, byPath: map[string]*Node{}, byName: map[string][]*Node{},
		},
		tenantNames: named{},
	}
	p.expressions = newCompiler(p.reader)
	if root := load(p.reader, text); root != nil {
		p.read(spot{root, ""})
	}
	if len(p.problems) > 0 {
		return nil, &Problems{List: inOrder(p.problems)}
	}
	return p.c, nil
}

// read goes from what others refer to, to those who refer.
func (p *parsing) read(s spot) {
	fields, ok := p.mapping(s, "apiVersion", "hierarchy", "roles", "templates", "quickAddGroups", "profiles", "fieldDisplayPolicies", "placement", "protected", "numbers")
	if !ok {
		return
	}
	p.need(s, fields, "apiVersion", "hierarchy")
	if at, has := fields["apiVersion"]; has {
		choice(p.reader, at, has, APIVersion)
	}
	if at, has := fields["hierarchy"]; has {
		p.readHierarchy(at, nil)
	}
	section := func(key string) []spot {
		at, has := fields[key]
		return p.list(at, has)
	}
	p.readRoles(section("roles"))
	if at, has := fields["templates"]; has && at.kind != blank && at.kind != null {
		p.readTemplates(at)
	}
	p.readQuickAddGroups(section("quickAddGroups"))
	p.readProfiles(section("profiles"))
	p.readDisplayPolicies(section("fieldDisplayPolicies"))
	p.readPlacement(section("placement"))
	p.readProtected(section("protected"))
	p.readNumbers(section("numbers"))
}
