package catalog

import (
	"fmt"

	"tenure/internal/lifecycle"
)

// User is a user as expressions see one.
type User struct {
	ID, UserPrincipalName, DisplayName, GivenName, Surname string
	City, Department, Country, JobTitle                    string
	// UserType is Member or Guest.
	UserType       string
	AccountEnabled bool
	UsageLocation  string
}

// UserOf is the user of a snapshot.
func UserOf(s lifecycle.Snapshot) User {
	p := s.Person
	kind := "Member"
	if p.Guest {
		kind = "Guest"
	}
	return User{
		ID: p.ID, UserPrincipalName: p.UserPrincipalName, DisplayName: p.DisplayName, GivenName: p.GivenName, Surname: p.Surname,
		City: p.City, Department: p.Department, Country: p.Country, JobTitle: p.JobTitle,
		UserType: kind, AccountEnabled: p.Enabled, UsageLocation: s.UsageLocation,
	}
}

// Input is what the request itself carries, as expressions see it.
type Input struct {
	// CustomString and CustomBoolean are custom_string_1..10 and custom_boolean_1..10 (domain.md §2.5).
	CustomString                [10]string
	CustomBoolean               [10]bool
	UsageLocation, Number, Role string
	Licenses, Groups            []string
	Policies                    map[string]string
}

// Scope is what expressions are evaluated over. What is nil has no values: a site that is nil is a user at no site. Only
// an expression over a user cannot be evaluated without one.
type Scope struct {
	Site, Node *Node
	User       *User
	Input      *Input
}

// ResolveName gives CEL a variable.
func (s Scope) ResolveName(name string) (any, bool) {
	switch name {
	case "site":
		return s.Site, true
	case "node":
		return s.Node, true
	case "user":
		return s.User, true
	case "input":
		return s.Input, true
	}
	return nil, false
}

// attribute is one field of a variable: its type for the checker, and how it is read.
type attribute struct {
	name string
	kind attributeKind
	get  func(object any) any
}

type attributeKind int

const (
	textAttribute attributeKind = iota
	booleanAttribute
	textsAttribute
	mapAttribute
	// objectAttribute leads to the fields of defaultsFields.
	objectAttribute
)

func ofNode(name string, kind attributeKind, get func(*Node) any) attribute {
	return attribute{name, kind, func(o any) any {
		n, _ := o.(*Node)
		if n == nil {
			n = nowhere
		}
		return get(n)
	}}
}

// nowhere stands for the site of a user who is at none.
var nowhere = &Node{policies: map[string]string{}}

func ofUser(name string, get func(*User) string) attribute {
	return attribute{name, textAttribute, func(o any) any { return get(o.(*User)) }}
}

func ofInput(name string, kind attributeKind, get func(*Input) any) attribute {
	return attribute{name, kind, func(o any) any {
		in, _ := o.(*Input)
		if in == nil {
			in = &Input{}
		}
		return get(in)
	}}
}

var nodeFields = []attribute{
	ofNode("name", textAttribute, func(n *Node) any { return n.name }),
	ofNode("path", textAttribute, func(n *Node) any { return n.path }),
	ofNode("level", textAttribute, func(n *Node) any { return string(n.level) }),
	ofNode("defaults", objectAttribute, func(n *Node) any { return n }),
}

var defaultsFields = []attribute{
	ofNode("usageLocation", textAttribute, func(n *Node) any { v, _ := n.defaults.UsageLocation.Value(); return v }),
	ofNode("policies", mapAttribute, func(n *Node) any { return n.policies }),
}

var userFields = []attribute{
	ofUser("id", func(u *User) string { return u.ID }),
	ofUser("userPrincipalName", func(u *User) string { return u.UserPrincipalName }),
	ofUser("displayName", func(u *User) string { return u.DisplayName }),
	ofUser("givenName", func(u *User) string { return u.GivenName }),
	ofUser("surname", func(u *User) string { return u.Surname }),
	ofUser("city", func(u *User) string { return u.City }),
	ofUser("department", func(u *User) string { return u.Department }),
	ofUser("country", func(u *User) string { return u.Country }),
	ofUser("jobTitle", func(u *User) string { return u.JobTitle }),
	ofUser("userType", func(u *User) string { return u.UserType }),
	{"accountEnabled", booleanAttribute, func(o any) any { return o.(*User).AccountEnabled }},
	ofUser("usageLocation", func(u *User) string { return u.UsageLocation }),
}

// inputFields is a function because it has twenty rows that only a catalog being parsed needs.
func inputFields() []attribute {
	fields := []attribute{
		ofInput("usageLocation", textAttribute, func(in *Input) any { return in.UsageLocation }),
		ofInput("number", textAttribute, func(in *Input) any { return in.Number }),
		ofInput("role", textAttribute, func(in *Input) any { return in.Role }),
		ofInput("licenses", textsAttribute, func(in *Input) any { return in.Licenses }),
		ofInput("groups", textsAttribute, func(in *Input) any { return in.Groups }),
		ofInput("policies", mapAttribute, func(in *Input) any { return in.Policies }),
	}
	for i := range 10 {
		fields = append(fields, ofInput(fmt.Sprintf("custom_string_%d", i+1), textAttribute, func(in *Input) any { return in.CustomString[i] }))
	}
	for i := range 10 {
		fields = append(fields, ofInput(fmt.Sprintf("custom_boolean_%d", i+1), booleanAttribute, func(in *Input) any { return in.CustomBoolean[i] }))
	}
	return fields
}
