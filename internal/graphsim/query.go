package graphsim

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// query are the OData options of a request. Graph takes them with and without
// the dollar sign.
type query struct{ values url.Values }

var odataOptions = []string{"$select", "$filter", "$top", "$skip", "$count", "$orderby", "$expand", "$search", "$skiptoken", "$deltatoken", "$format"}

func parseQuery(raw string) query {
	parsed, _ := url.ParseQuery(raw)
	values := make(url.Values, len(parsed))
	for key, given := range parsed {
		name := strings.ToLower(key)
		if !strings.HasPrefix(name, "$") && slices.Contains(odataOptions, "$"+name) {
			name = "$" + name
		}
		if slices.Contains(odataOptions, name) {
			key = name
		}
		values[key] = append(values[key], given...)
	}
	return query{values}
}

func (q query) get(option string) string { return q.values.Get(option) }
func (q query) has(option string) bool   { return q.values.Has(option) }

// only refuses every OData option that the route doesn't model.
func (q query) only(route string, allowed ...string) error {
	for key := range q.values {
		if strings.HasPrefix(key, "$") && !slices.Contains(allowed, key) {
			if !slices.Contains(odataOptions, key) {
				return refuse(http.StatusBadRequest, "BadRequest", "The query parameter '%s' is not supported.", key)
			}
			return notModelled("the query option %s on %s", key, route)
		}
	}
	return nil
}

// with is the query string with one option replaced, for a link to the next
// page.
func (q query) with(option, value string, drop ...string) string {
	next := make(url.Values, len(q.values)+1)
	for key, given := range q.values {
		if !slices.Contains(drop, key) {
			next[key] = given
		}
	}
	next.Set(option, value)
	return strings.ReplaceAll(next.Encode(), "%24", "$")
}

// size reads a page size option.
func (q query) size(option string, standard, most int) (int, error) {
	if !q.has(option) {
		return standard, nil
	}
	n, err := strconv.Atoi(q.get(option))
	if err != nil || n < 1 || n > most {
		return 0, unsupportedQuery("Invalid page size specified: '%s'. Must be between 1 and %d inclusive.", q.get(option), most)
	}
	return n, nil
}

// offset reads a page token. A token of an earlier content of the tenant has
// expired.
func (d *directory) offset(q query) (int, error) {
	token := q.get("$skiptoken")
	if token == "" {
		return 0, nil
	}
	expired := refuse(http.StatusBadRequest, "Directory_ExpiredPageToken",
		"The specified page token value has expired and can no longer be included in your request.")
	decoded, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return 0, expired
	}
	epoch, position, _ := strings.Cut(string(decoded), "|")
	n, err := strconv.Atoi(position)
	if err != nil || epoch != d.epoch || n < 0 {
		return 0, expired
	}
	return n, nil
}

func (d *directory) pageToken(offset int) string {
	return base64.RawURLEncoding.EncodeToString([]byte(d.epoch + "|" + strconv.Itoa(offset)))
}

// property is one selectable property of a resource.
type property[T any] struct {
	name      string
	byDefault bool
	get       func(T) any
}

// properties are all those of one resource that are modelled.
type properties[T any] struct {
	kind     string
	list     []property[T]
	index    map[string]int
	standard []property[T]
}

func newProperties[T any](kind string, list ...property[T]) *properties[T] {
	p := &properties[T]{kind: kind, list: list, index: make(map[string]int, len(list))}
	for i, entry := range list {
		p.index[strings.ToLower(entry.name)] = i
		if entry.byDefault {
			p.standard = append(p.standard, entry)
		}
	}
	return p
}

func (p *properties[T]) find(name string) (property[T], bool) {
	if i, ok := p.index[name]; ok {
		return p.list[i], true
	}
	i, ok := p.index[strings.ToLower(name)]
	if !ok {
		return property[T]{}, false
	}
	return p.list[i], true
}

// selection reads $select; absent, it is the default set.
func (p *properties[T]) selection(q query) ([]property[T], error) {
	option := q.get("$select")
	if option == "" {
		return p.standard, nil
	}
	var selected []property[T]
	for name := range strings.SplitSeq(option, ",") {
		name = strings.TrimSpace(name)
		if name == "*" {
			return p.list, nil
		}
		found, ok := p.find(name)
		if !ok {
			return nil, refuse(http.StatusBadRequest, "BadRequest",
				"Parsing OData Select and Expand failed: Could not find a property named '%s' on type '%s'.", name, p.kind)
		}
		selected = append(selected, found)
	}
	return selected, nil
}

func project[T any](selected []property[T], entity T) map[string]any {
	body := make(map[string]any, len(selected)+2)
	for _, p := range selected {
		body[p.name] = p.get(entity)
	}
	return body
}

func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func texts(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
