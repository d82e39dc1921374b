package graphsim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Fault is something that goes wrong on purpose. A fault with neither Status,
// Reset nor ClaimsChallenge lets the request pass, late by LatencyMs, or loses its answer when
// AfterCommit is set.
type Fault struct {
	// ID is given by the tenant.
	ID string `json:"id"`
	// Method of the requests that are hit. Empty or * is every method.
	Method string `json:"method"`
	// Path in normal form: decoded, with /v1.0 and short action names; * stands
	// for one segment or a part of it, ** for any number of segments. Empty is
	// every path.
	Path string `json:"path"`
	// Times is how often the fault happens. Zero is once, or without end for a
	// fault with a Probability below 1; negative is without end.
	Times int `json:"times"`
	// Status of the answer.
	Status int `json:"status"`
	// RetryAfter adds the header, in seconds; 0 adds none.
	RetryAfter int `json:"retryAfter"`
	// Body of the answer. Empty is an error in Graph's envelope that goes with
	// the status.
	Body string `json:"body"`
	// ContentType of the body. Empty is JSON or HTML, as the body begins.
	ContentType string `json:"contentType"`
	// AfterCommit lets the request take effect and then loses the answer, by
	// cutting the connection or, with a Status, by giving another one.
	AfterCommit bool `json:"afterCommit"`
	// ClaimsChallenge refuses the token, in the way of continuous access
	// evaluation: 401 with the claims that a new one must be asked for with.
	ClaimsChallenge bool `json:"claimsChallenge,omitempty"`
	// Reset cuts the connection instead of answering.
	Reset bool `json:"reset"`
	// LatencyMs delays the request, in real time.
	LatencyMs int `json:"latencyMs"`
	// Probability that a request is hit. Zero and one are always.
	Probability float64 `json:"probability"`
}

// id is the fault's id for the journal.
func (f *Fault) id() *string {
	if f == nil {
		return nil
	}
	return &f.ID
}

// faultScript holds the faults that can still happen.
type faultScript struct {
	mu     sync.Mutex
	active atomic.Bool
	last   int
	faults []*scripted
}

type scripted struct {
	Fault
	pattern []string // nil: every path
	left    int      // negative: without end
}

func (s *faultScript) add(fault Fault) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	fault.ID = "fault-" + strconv.Itoa(s.last)
	entry := &scripted{Fault: fault, left: fault.Times}
	if fault.Times == 0 {
		entry.left = 1
		if fault.Probability > 0 && fault.Probability < 1 {
			entry.left = -1
		}
	}
	if fault.Path != "" {
		version, segments := splitPath(fault.Path)
		entry.pattern = strings.Split(strings.TrimPrefix(normalPath(version, segments), "/"), "/")
	}
	s.faults = append(s.faults, entry)
	s.active.Store(true)
	return fault
}

func (s *faultScript) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
	s.active.Store(false)
}

func (s *faultScript) list() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Fault, 0, len(s.faults))
	for _, entry := range s.faults {
		fault := entry.Fault
		fault.Times = entry.left
		list = append(list, fault)
	}
	return list
}

// take finds the fault that hits a request and uses it up once. A batch as a
// whole is hit only by a path that names it; other faults are left to its parts.
func (s *faultScript) take(method, version string, segments []string, random *randomness) *Fault {
	if !s.active.Load() {
		return nil
	}
	if version == "beta" {
		version = "v1.0"
	}
	path := append([]string{version}, segments...)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, entry := range s.faults {
		if !entry.matches(method, path) || entry.Probability > 0 && entry.Probability < 1 && random.chance() >= entry.Probability {
			continue
		}
		if entry.left > 0 {
			entry.left--
		}
		if entry.left == 0 {
			s.faults = slices.Delete(s.faults, i, i+1)
			s.active.Store(len(s.faults) > 0)
		}
		hit := entry.Fault
		return &hit
	}
	return nil
}

func (s *scripted) matches(method string, path []string) bool {
	if s.Method != "" && s.Method != "*" && !strings.EqualFold(s.Method, method) {
		return false
	}
	if path[len(path)-1] == batchSegment {
		return len(s.pattern) > 0 && s.pattern[len(s.pattern)-1] == batchSegment && matchPath(s.pattern, path)
	}
	return s.pattern == nil || matchPath(s.pattern, path)
}

func matchPath(pattern, path []string) bool {
	for i, wanted := range pattern {
		if wanted == "**" {
			for from := i; from <= len(path); from++ {
				if matchPath(pattern[i+1:], path[from:]) {
					return true
				}
			}
			return false
		}
		if i >= len(path) || !matchSegment(wanted, path[i]) {
			return false
		}
	}
	return len(pattern) == len(path)
}

func matchSegment(wanted, given string) bool {
	first, rest, wild := strings.Cut(strings.ToLower(wanted), "*")
	given = strings.ToLower(given)
	if !wild {
		return first == given
	}
	given, ok := strings.CutPrefix(given, first)
	if !ok {
		return false
	}
	parts := strings.Split(rest, "*")
	for _, part := range parts[:len(parts)-1] {
		at := strings.Index(given, part)
		if at < 0 {
			return false
		}
		given = given[at+len(part):]
	}
	return strings.HasSuffix(given, parts[len(parts)-1])
}

// answers reports whether the fault answers in place of the service.
func (f *Fault) answers() bool { return f.Reset || f.Status != 0 || f.ClaimsChallenge }

// outcome is the answer that the fault gives in place of the service's.
func (f *Fault) outcome(header http.Header, requestID string, now time.Time) outcome {
	if f.ClaimsChallenge && !f.Reset {
		return claimsChallenge(now).outcome(header, requestID, now)
	}
	if f.Reset || f.Status == 0 {
		return outcome{}
	}
	if f.RetryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(f.RetryAfter))
	}
	body := []byte(f.Body)
	kind := f.ContentType
	switch {
	case f.Body == "" && f.Status >= http.StatusBadRequest:
		code, message := statusError(f.Status)
		clientRequestID := header.Get("client-request-id")
		body, _ = json.Marshal(errorBody(code, message, requestID, clientRequestID, now))
		if kind == "" {
			kind = jsonType
		}
	case kind == "" && (strings.HasPrefix(strings.TrimSpace(f.Body), "{") || strings.HasPrefix(strings.TrimSpace(f.Body), "[")):
		kind = jsonType
	case kind == "" && f.Body != "":
		kind = "text/html"
	}
	if kind != "" {
		header.Set("Content-Type", kind)
	}
	return outcome{status: f.Status, header: header, body: body}
}
