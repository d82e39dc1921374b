package graphsim

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// deltaToken is where a round of change tracking stands. It carries the
// options of the first request, which links repeat without showing them.
type deltaToken struct {
	Epoch  string   `json:"e"`
	Since  uint64   `json:"s"` // changes up to here are known
	Round  uint64   `json:"r"` // changes up to here are in this round
	Offset int      `json:"o,omitempty"`
	Select string   `json:"q,omitempty"`
	IDs    []string `json:"i,omitempty"`
}

func (t deltaToken) encode() string {
	encoded, _ := json.Marshal(t)
	return base64.RawURLEncoding.EncodeToString(encoded)
}

const deltaFilterLimit = 50

var returnMinimal = regexp.MustCompile(`(?i)\breturn\s*=\s*minimal\b`)

var maxPageSize = regexp.MustCompile(`(?i)odata\.maxpagesize\s*=\s*(\d+)`)

func (d *directory) userDelta(c *call) (reply, error) {
	if err := c.query.only(c.path, "$select", "$filter", "$top", "$skiptoken", "$deltatoken"); err != nil {
		return reply{}, err
	}
	token, err := d.deltaStart(c)
	if err != nil {
		return reply{}, err
	}
	if token.Select != "" {
		c.query.values = url.Values{"$select": {token.Select}}
	}
	selected, err := userSelection(c, true)
	if err != nil {
		return reply{}, err
	}
	size, err := c.query.size("$top", 100, 999)
	if err != nil {
		return reply{}, err
	}
	if preferred := maxPageSize.FindStringSubmatch(c.header.Get("Prefer")); preferred != nil {
		if n, err := strconv.Atoi(preferred[1]); err == nil && n > 0 {
			size = min(n, 999)
		}
	}

	minimal := returnMinimal.MatchString(strings.Join(c.header.Values("Prefer"), ",")) && token.Since > 0

	value := []map[string]any{}
	next := -1
	for i := token.Offset; i < len(d.accounts); i++ {
		p := d.accounts[i].asOf(c.asOf)
		if p.revision <= token.Since || token.Since == 0 && p.removed || token.IDs != nil && !slices.Contains(token.IDs, strings.ToLower(p.id)) {
			continue
		}
		shown := selected
		if minimal && !p.removed {
			if shown = changedSince(selected, p, token.Since); len(shown) == 0 {
				continue
			}
		}
		if len(value) == size {
			next = i
			break
		}
		if p.removed {
			value = append(value, map[string]any{"id": p.id, "@removed": map[string]any{"reason": "changed"}})
			continue
		}
		entry := project(shown, p)
		entry["id"] = p.id
		value = append(value, entry)
	}
	body := map[string]any{"@odata.context": c.context("users" + selectedContext(c.query)), "value": value}
	if next >= 0 {
		token.Offset = next
		body["@odata.nextLink"] = c.base + "/users/delta?$skiptoken=" + token.encode()
	} else {
		token.Since, token.Offset = token.Round, 0
		body["@odata.deltaLink"] = c.base + "/users/delta?$deltatoken=" + token.encode()
	}
	answer := reply{status: http.StatusOK, body: body}
	if minimal {
		answer.header = http.Header{"Preference-Applied": {"return=minimal"}}
	}
	return answer, nil
}

// changedSince narrows a selection to what a client lacks that knows the
// revision.
func changedSince(selected []property[*person], p *person, known uint64) []property[*person] {
	var changed []property[*person]
	for _, property := range selected {
		if p.touched[property.name] > known {
			changed = append(changed, property)
		}
	}
	return changed
}

// touch notes which properties differ between two versions of a user. Nobody
// asks before the first round of change tracking has begun.
func (d *directory) touch(old, next *person) {
	if !d.tracked.Load() {
		return
	}
	next.touched = maps.Clone(old.touched)
	if next.touched == nil {
		next.touched = map[string]uint64{}
	}
	for _, property := range userProperties.list {
		if !reflect.DeepEqual(property.get(old), property.get(next)) {
			next.touched[property.name] = next.revision
		}
	}
}

// deltaStart reads the token of the request, or begins a first round.
func (d *directory) deltaStart(c *call) (deltaToken, error) {
	now := deltaToken{Epoch: d.epoch, Round: d.visibleRevision(c), Select: c.query.get("$select")}
	d.tracked.Store(true)
	given := c.query.get("$skiptoken")
	if given == "" {
		given = c.query.get("$deltatoken")
	}
	switch given {
	case "":
		ids, err := deltaIDs(c.query)
		now.IDs = ids
		return now, err
	case "latest":
		now.Since = now.Round
		return now, nil
	}
	expired := &graphError{
		status: http.StatusGone, code: "syncStateNotFound",
		message: "The sync state generation is not found; please restart with a full synchronization.",
		header:  http.Header{"Location": {c.base + "/users/delta?$deltatoken="}},
	}
	var token deltaToken
	decoded, err := base64.RawURLEncoding.DecodeString(given)
	if err != nil || json.Unmarshal(decoded, &token) != nil || token.Epoch != d.epoch {
		return token, expired
	}
	if c.query.has("$deltatoken") {
		token.Round = now.Round
	}
	return token, nil
}

// visibleRevision is the last change that a lagging reader can see.
func (d *directory) visibleRevision(c *call) uint64 {
	if !c.asOf.Before(c.now) {
		return d.revision
	}
	var visible uint64
	for _, a := range d.accounts {
		visible = max(visible, a.asOf(c.asOf).revision)
	}
	return visible
}

// deltaIDs reads the only filter that change tracking takes: id eq, joined by or.
func deltaIDs(q query) ([]string, error) {
	if q.get("$filter") == "" {
		return nil, nil
	}
	parsed, err := parseFilter(q.get("$filter"))
	if err != nil {
		return nil, err
	}
	ids := []string{}
	unsupported := false
	parsed.walk(func(c condition) {
		switch c := c.(type) {
		case junction:
			unsupported = unsupported || !c.or
		case comparison:
			unsupported = unsupported || c.path != "id" || c.operator != "eq"
			ids = append(ids, strings.ToLower(c.value.text))
		default:
			unsupported = true
		}
	})
	if unsupported || len(ids) > deltaFilterLimit {
		return nil, unsupportedQuery("Change tracking is only supported with a filter on 'id', of at most %d ids.", deltaFilterLimit)
	}
	return ids, nil
}
