// Package csdl holds recorded traffic of an OData service against the metadata
// (CSDL) that its owner publishes: paths, queries, request bodies and answers.
//
// Nobody here wrote the metadata of Microsoft Graph, so it can judge the client
// and the simulated tenant alike. It says nothing of what a service does, and
// nothing of error answers, which are not described by it.
package csdl

import (
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// Metadata is what a service says of its types, enumerations and operations.
// It is not changed once read.
type Metadata struct {
	aliases    map[string]string // alias to namespace
	types      map[string]structure
	enums      map[string][]string
	operations []operation
	sets       map[string]reference
}

// structure is an entity type or a complex type.
type structure struct {
	name       string
	base       string
	entity     bool
	properties []property
}

type property struct {
	name       string
	is         reference
	nullable   bool
	navigation bool
}

// reference names a type, or a collection of it.
type reference struct {
	name       string
	collection bool
}

func (r reference) String() string {
	if r.collection {
		return "Collection(" + r.name + ")"
	}
	return r.name
}

// operation is an action or a function, bound to binding.
type operation struct {
	name       string // qualified
	action     bool
	binding    reference
	parameters []property
	returns    reference // zero: nothing
}

func (o *operation) parameter(name string) (property, bool) {
	return find(o.parameters, name)
}

type document struct {
	Schemas []struct {
		Namespace string `xml:"Namespace,attr"`
		Alias     string `xml:"Alias,attr"`
		Enums     []struct {
			Name    string `xml:"Name,attr"`
			Members []struct {
				Name string `xml:"Name,attr"`
			} `xml:"Member"`
		} `xml:"EnumType"`
		Complex   []typeElement      `xml:"ComplexType"`
		Entities  []typeElement      `xml:"EntityType"`
		Actions   []operationElement `xml:"Action"`
		Functions []operationElement `xml:"Function"`
	} `xml:"DataServices>Schema"`
}

type typeElement struct {
	Name       string            `xml:"Name,attr"`
	Base       string            `xml:"BaseType,attr"`
	Properties []propertyElement `xml:"Property"`
	Navigation []propertyElement `xml:"NavigationProperty"`
}

type propertyElement struct {
	Name     string `xml:"Name,attr"`
	Type     string `xml:"Type,attr"`
	Nullable string `xml:"Nullable,attr"`
}

type operationElement struct {
	Name       string            `xml:"Name,attr"`
	Parameters []propertyElement `xml:"Parameter"`
	Returns    struct {
		Type string `xml:"Type,attr"`
	} `xml:"ReturnType"`
}

// Load reads metadata from a file. sets are the entity sets and singletons at
// the service's root, by name: extracts of a large service leave the container
// out.
func Load(path string, sets map[string]string) (*Metadata, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return Read(file, sets)
}

// Read is Load from anywhere.
func Read(from io.Reader, sets map[string]string) (*Metadata, error) {
	var source document
	if err := xml.NewDecoder(from).Decode(&source); err != nil {
		return nil, fmt.Errorf("reading the metadata: %w", err)
	}
	m := &Metadata{
		aliases: map[string]string{}, types: map[string]structure{}, enums: map[string][]string{}, sets: map[string]reference{},
	}
	for _, schema := range source.Schemas {
		m.aliases[schema.Alias] = schema.Namespace
	}
	for _, schema := range source.Schemas {
		for _, enum := range schema.Enums {
			name := schema.Namespace + "." + enum.Name
			for _, member := range enum.Members {
				m.enums[name] = append(m.enums[name], member.Name)
			}
		}
		for _, kind := range schema.Complex {
			m.add(schema.Namespace, kind, false)
		}
		for _, kind := range schema.Entities {
			m.add(schema.Namespace, kind, true)
		}
		for _, given := range schema.Actions {
			m.bind(schema.Namespace, given, true)
		}
		for _, given := range schema.Functions {
			m.bind(schema.Namespace, given, false)
		}
	}
	for name, kind := range sets {
		set := m.reference(kind)
		if _, known := m.types[set.name]; !known {
			return nil, fmt.Errorf("the metadata lacks %s, the type of %s", set.name, name)
		}
		m.sets[name] = set
	}
	return m, nil
}

func (m *Metadata) add(namespace string, given typeElement, entity bool) {
	added := structure{name: namespace + "." + given.Name, base: m.qualified(given.Base), entity: entity}
	for _, p := range given.Properties {
		added.properties = append(added.properties, m.property(p, false))
	}
	for _, p := range given.Navigation {
		added.properties = append(added.properties, m.property(p, true))
	}
	m.types[added.name] = added
}

func (m *Metadata) bind(namespace string, given operationElement, action bool) {
	if len(given.Parameters) == 0 {
		return // nothing here is unbound
	}
	added := operation{name: namespace + "." + given.Name, action: action, binding: m.reference(given.Parameters[0].Type)}
	for _, p := range given.Parameters[1:] {
		added.parameters = append(added.parameters, m.property(p, false))
	}
	if given.Returns.Type != "" {
		added.returns = m.reference(given.Returns.Type)
	}
	m.operations = append(m.operations, added)
}

func (m *Metadata) property(given propertyElement, navigation bool) property {
	return property{name: given.Name, is: m.reference(given.Type), nullable: given.Nullable != "false", navigation: navigation}
}

func (m *Metadata) reference(kind string) reference {
	element, collection := strings.CutPrefix(kind, "Collection(")
	return reference{name: m.qualified(strings.TrimSuffix(element, ")")), collection: collection}
}

// qualified writes a name with its namespace in place of the alias.
func (m *Metadata) qualified(name string) string {
	if at := strings.LastIndex(name, "."); at >= 0 {
		if namespace, ok := m.aliases[name[:at]]; ok {
			return namespace + name[at:]
		}
	}
	return name
}

// find looks for a property of a type, those of its bases included.
func (m *Metadata) find(kind, name string) (property, bool) {
	for ; kind != ""; kind = m.types[kind].base {
		if found, ok := find(m.types[kind].properties, name); ok {
			return found, true
		}
	}
	return property{}, false
}

func find(properties []property, name string) (property, bool) {
	at := slices.IndexFunc(properties, func(p property) bool { return p.name == name })
	if at < 0 {
		return property{}, false
	}
	return properties[at], true
}

// derives reports whether kind is base or one of those built on it.
func (m *Metadata) derives(kind, base string) bool {
	for ; kind != ""; kind = m.types[kind].base {
		if kind == base {
			return true
		}
	}
	return false
}

// all are the properties of a type, without links to other entities.
func (m *Metadata) all(kind string) []property {
	var properties []property
	for ; kind != ""; kind = m.types[kind].base {
		for _, p := range m.types[kind].properties {
			if !p.navigation {
				properties = append(properties, p)
			}
		}
	}
	return properties
}
