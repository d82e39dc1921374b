package csdl

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Exchange is one request and its answer.
type Exchange struct {
	Method string
	// URL as it was sent, or its part from the version on: "/v1.0/users?$top=5".
	URL string
	// Body of the request; empty is none.
	Body []byte
	// Status and Answer are what came back.
	Status int
	Answer []byte
}

// Check lists everything in an exchange that the metadata does not know. Error
// answers are not looked at.
func (m *Metadata) Check(x Exchange) []Finding {
	r := &report{}
	address, err := url.Parse(x.URL)
	if err != nil {
		r.add("URL", "cannot be read")
		return r.findings
	}
	_, path, versioned := strings.Cut(address.EscapedPath(), "/v1.0/")
	if !versioned {
		r.add("URL", "is not below /v1.0")
		return r.findings
	}
	at, err := m.resolve(path)
	if err != nil {
		r.add("path", "%v", err)
		return r.findings
	}
	query := address.Query()
	m.checkQuery(r, at.reference, query)
	m.checkRequest(r, x, at)
	if x.Status >= http.StatusOK && x.Status < http.StatusMultipleChoices {
		m.checkAnswer(r, x, at, selection(query))
	}
	slices.SortFunc(r.findings, func(a, b Finding) int { return strings.Compare(a.String(), b.String()) })
	return r.findings
}

func selection(query url.Values) []string {
	option := query.Get("$select")
	if option == "" || option == "*" {
		return nil
	}
	return strings.Split(option, ",")
}

func (m *Metadata) checkRequest(r *report, x Exchange, at target) {
	isAction := at.operation != nil && at.operation.action
	switch {
	case isAction != (x.Method == http.MethodPost && !at.ref):
		r.add("method", "%s does not go with %s", x.Method, x.URL)
		return
	case x.Method == http.MethodGet || x.Method == http.MethodDelete:
		if len(x.Body) > 0 {
			r.add("body", "a %s has none", x.Method)
		}
		return
	case isAction && len(at.operation.parameters) == 0:
		if len(bytes.TrimSpace(x.Body)) > 0 && string(bytes.TrimSpace(x.Body)) != "{}" {
			r.add("body", "%s has no parameters", at.operation.name)
		}
		return
	}
	var body map[string]any
	if json.Unmarshal(x.Body, &body) != nil {
		r.add("body", "is no JSON object")
		return
	}
	switch {
	case isAction:
		m.checkParameters(r, at.operation, body)
	case at.ref:
		if _, ok := body["@odata.id"].(string); !ok || len(body) != 1 {
			r.add("body", "a reference is an @odata.id and nothing else")
		}
	default:
		m.checkObject(r, "body", at.name, body, expectation{}, false)
	}
}

func (m *Metadata) checkParameters(r *report, o *operation, body map[string]any) {
	for name, value := range body {
		found, known := o.parameter(name)
		if !known {
			r.add("body", "%s has no parameter %s", o.name, name)
			continue
		}
		m.checkValue(r, "body."+name, found.is, found.nullable, value, expectation{whole: true})
	}
	for _, p := range o.parameters {
		if _, given := body[p.name]; !given && !p.nullable {
			r.add("body", "%s needs the parameter %s", o.name, p.name)
		}
	}
}

func (m *Metadata) checkAnswer(r *report, x Exchange, at target, selected []string) {
	returns := at.reference
	if at.ref || at.count || at.operation == nil && x.Method != http.MethodGet {
		returns = reference{}
	}
	if len(x.Answer) == 0 {
		if x.Method == http.MethodGet {
			r.add("answer", "is empty")
		}
		return
	}
	if at.count {
		return // plain text
	}
	var body map[string]any
	switch {
	case json.Unmarshal(x.Answer, &body) != nil:
		r.add("answer", "is no JSON object")
	case returns.name == "" && at.operation == nil && !at.ref:
		m.checkObject(r, "answer", at.name, body, expectation{}, true)
	case returns.name == "":
		r.add("answer", "nothing is to be answered here")
	case returns.collection || !m.structured(returns.name):
		m.checkCollection(r, at, returns, body, selected)
	default:
		m.checkObject(r, "answer", returns.name, body, m.expected(at, selected), true)
	}
}

func (m *Metadata) structured(kind string) bool { return m.types[kind].name != "" }

// checkCollection is about what comes in an envelope: lists, and single values
// that are no objects.
func (m *Metadata) checkCollection(r *report, at target, returns reference, body map[string]any, selected []string) {
	value, there := body["value"]
	if !there {
		r.add("answer", "has no value")
		return
	}
	m.checkValue(r, "answer.value", returns, false, value, m.expected(at, selected))
	rest := make(map[string]any, len(body))
	for name, entry := range body {
		if name != "value" {
			rest[name] = entry
		}
	}
	m.checkObject(r, "answer", returns.String(), rest, expectation{}, true)
}

// expected is how much of each object an answer must have. Objects of the
// directory come with a default set of their properties, all others whole.
func (m *Metadata) expected(at target, selected []string) expectation {
	if at.operation != nil && strings.HasSuffix(at.operation.name, ".delta") {
		return expectation{delta: true} // only what changed need be there
	}
	inDirectory := m.derives(at.name, m.qualified("graph.directoryObject"))
	return expectation{whole: !inDirectory && len(selected) == 0, selected: selected}
}
