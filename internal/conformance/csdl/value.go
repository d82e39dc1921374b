package csdl

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Finding is one place where traffic and metadata disagree.
type Finding struct {
	// At is where in the exchange: "answer.value[0].skuId".
	At string
	// Problem says what is wrong there.
	Problem string
}

func (f Finding) String() string { return f.At + ": " + f.Problem }

type report struct{ findings []Finding }

func (r *report) add(at, problem string, args ...any) {
	r.findings = append(r.findings, Finding{At: at, Problem: fmt.Sprintf(problem, args...)})
}

// expectation says how much of an object must be there.
type expectation struct {
	// whole demands every property that may not be null, apart from the key.
	whole bool
	// selected are properties that were asked for.
	selected []string
	// delta allows objects that were removed.
	delta bool
}

// annotations may stand beside properties; those of links and counts only at
// the top of an answer.
var (
	annotations = []string{"odata.type", "odata.id", "odata.etag", "odata.editLink", "odata.bind"}
	envelope    = []string{"odata.context", "odata.nextLink", "odata.deltaLink", "odata.count"}
)

// checkObject holds an object against a type.
func (m *Metadata) checkObject(r *report, at string, kind string, body any, want expectation, top bool) {
	object, ok := body.(map[string]any)
	if !ok {
		r.add(at, "is no object of %s but %s", kind, shape(body))
		return
	}
	if removed, gone := object["@removed"]; gone && want.delta {
		m.checkRemoved(r, at, object, removed)
		return
	}
	if given, ok := object["@odata.type"].(string); ok {
		derived := m.qualified(strings.TrimPrefix(given, "#"))
		if !m.derives(derived, kind) || !strings.HasPrefix(given, "#") {
			r.add(at+".@odata.type", "%s is no %s", given, kind)
			return
		}
		kind = derived
	}
	for name, value := range object {
		property, annotation, annotated := strings.Cut(name, "@")
		found, known := m.find(kind, property)
		switch {
		case annotated && !slices.Contains(annotations, annotation) && (!top || !slices.Contains(envelope, annotation)):
			r.add(at, "there is no annotation @%s", annotation)
		case annotated && property != "" && !known:
			r.add(at, "%s has no property %s to annotate", kind, property)
		case annotated && annotation == "odata.bind":
			m.checkLinks(r, at+"."+name, found, value)
		case annotated && annotation == "odata.count":
			m.checkValue(r, at+"."+name, reference{name: "Edm.Int32"}, false, value, expectation{})
		case annotated:
			m.checkValue(r, at+"."+name, reference{name: "Edm.String"}, false, value, expectation{})
		case !known:
			r.add(at, "%s has no property %s", kind, name)
		default:
			m.checkValue(r, at+"."+name, found.is, found.nullable, value, want.inner())
		}
	}
	for _, name := range want.selected {
		if _, there := object[name]; !there {
			r.add(at, "lacks %s, which was selected", name)
		}
	}
	if want.whole {
		for _, p := range m.all(kind) {
			if _, there := object[p.name]; !there && !p.nullable && p.name != "id" {
				r.add(at, "lacks %s, which %s always has", p.name, kind)
			}
		}
	}
}

// inner is what is expected of objects inside: all of it, as nobody can select
// there.
func (e expectation) inner() expectation { return expectation{whole: true} }

func (m *Metadata) checkRemoved(r *report, at string, object map[string]any, removed any) {
	reason, _ := removed.(map[string]any)
	if reason["reason"] != "changed" && reason["reason"] != "deleted" {
		r.add(at+".@removed", "the reason is neither changed nor deleted")
	}
	if _, ok := object["id"].(string); !ok || len(object) != 2 {
		r.add(at, "a removed object has its id and nothing else")
	}
}

// checkLinks is about "members@odata.bind".
func (m *Metadata) checkLinks(r *report, at string, to property, value any) {
	if !to.navigation {
		r.add(at, "%s is no navigation property", to.name)
		return
	}
	m.checkValue(r, at, reference{name: "Edm.String", collection: to.is.collection}, false, value, expectation{})
}

// checkValue holds one value against a type.
func (m *Metadata) checkValue(r *report, at string, is reference, nullable bool, value any, want expectation) {
	if is.collection {
		list, ok := value.([]any)
		if !ok {
			if value != nil || !nullable {
				r.add(at, "is no array of %s but %s", is.name, shape(value))
			}
			return
		}
		for i, entry := range list {
			m.checkValue(r, fmt.Sprintf("%s[%d]", at, i), reference{name: is.name}, false, entry, want)
		}
		return
	}
	if value == nil {
		if !nullable {
			r.add(at, "is null, which %s must not be here", is.name)
		}
		return
	}
	if members, isEnum := m.enums[is.name]; isEnum {
		if given, ok := value.(string); !ok || !slices.Contains(members, given) {
			r.add(at, "%s has no member %v", is.name, value)
		}
		return
	}
	if _, structured := m.types[is.name]; structured {
		m.checkObject(r, at, is.name, value, want, false)
		return
	}
	fits, known := fitsPrimitive(is.name, value)
	switch {
	case !known:
		r.add(at, "the type %s is not described", is.name)
	case !fits:
		r.add(at, "is no %s but %s", is.name, shape(value))
	}
}

func fitsPrimitive(kind string, value any) (fits, known bool) {
	text, isText := value.(string)
	switch kind {
	case "Edm.String":
		return isText, true
	case "Edm.Boolean":
		_, ok := value.(bool)
		return ok, true
	case "Edm.Int32":
		n, ok := value.(float64)
		return ok && n == math.Trunc(n) && math.Abs(n) <= math.MaxInt32, true
	case "Edm.Guid":
		return isText && guid.MatchString(text), true
	case "Edm.DateTimeOffset":
		_, err := time.Parse(time.RFC3339, text)
		return isText && err == nil, true
	}
	return false, false
}

// shape says what a value is without showing it whole.
func shape(value any) string {
	switch value := value.(type) {
	case nil:
		return "null"
	case map[string]any:
		return "an object"
	case []any:
		return "an array"
	case string:
		return fmt.Sprintf("the text %.40q", value)
	default:
		return fmt.Sprintf("%v", value)
	}
}
