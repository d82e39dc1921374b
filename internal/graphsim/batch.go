package graphsim

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	batchSegment = "$batch"
	batchLimit   = 20
)

type batchPart struct {
	ID        string            `json:"id"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers"`
	Body      json.RawMessage   `json:"body"`
	DependsOn []string          `json:"dependsOn"`
}

type batchAnswer struct {
	ID      string            `json:"id"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    json.RawMessage   `json:"body,omitempty"`
}

// serveBatch answers the parts in order. A part whose connection is cut by a
// fault cuts the whole answer.
func (t *Tenant) serveBatch(x *exchange) outcome {
	now := t.now()
	requestID := t.random.guid()
	header := t.standardHeader(x, requestID, now)
	entry := JournalEntry{
		At: now, Method: x.method, Path: normalPath(x.version, x.segments), Query: x.rawQuery, Body: journalBody(x.body),
		Write: isWrite(x.method), RequestID: requestID,
	}
	refuseWhole := func(out outcome, fault *Fault) outcome {
		entry.Status, entry.Fault = out.status, fault.id()
		t.journal.add(entry)
		return out
	}
	fault := t.faults.take(x.method, x.version, x.segments, t.random)
	latency := t.settings.Load().LatencyMs
	if fault != nil {
		latency += fault.LatencyMs
	}
	x.wait(latency)
	if fault != nil && !fault.AfterCommit && fault.answers() {
		return refuseWhole(fault.outcome(header, requestID, now), fault)
	}
	parts, err := t.batchParts(x, now)
	if err != nil {
		var refused *graphError
		errors.As(err, &refused)
		return refuseWhole(refused.outcome(header, requestID, now), fault)
	}
	answers := make([]batchAnswer, 0, len(parts))
	status := map[string]int{}
	for _, part := range parts {
		answer := batchAnswer{ID: part.ID}
		if slices.ContainsFunc(part.DependsOn, func(id string) bool { return status[id] >= http.StatusBadRequest }) {
			answer.Status = http.StatusFailedDependency
			answer.Body, _ = json.Marshal(errorBody("FailedDependency", "The request failed because a request it depends on failed.", requestID, header.Get("client-request-id"), now))
		} else {
			out := t.serve(part.exchange(x))
			if out.status == 0 {
				return outcome{}
			}
			answer.Status = out.status
			answer.Headers = map[string]string{}
			for key, values := range out.header {
				answer.Headers[key] = strings.Join(values, ", ")
			}
			switch {
			case len(out.body) == 0:
			case json.Valid(out.body):
				answer.Body = out.body
			default:
				answer.Body, _ = json.Marshal(string(out.body))
			}
		}
		status[part.ID] = answer.Status
		answers = append(answers, answer)
	}
	if fault != nil && fault.AfterCommit {
		return refuseWhole(fault.outcome(header, requestID, now), fault)
	}
	header.Set("Content-Type", jsonType)
	body, _ := json.Marshal(map[string]any{"responses": answers})
	return outcome{status: http.StatusOK, header: header, body: body}
}

// batchParts reads and checks the envelope; it gives the parts in an order in
// which every part comes after those it depends on.
func (t *Tenant) batchParts(x *exchange, now time.Time) ([]batchPart, error) {
	if x.bodyError != nil {
		return nil, x.bodyError
	}
	if _, err := t.authenticate(x.header, now); err != nil {
		return nil, err
	}
	if x.method != http.MethodPost {
		return nil, refuse(http.StatusMethodNotAllowed, "BadRequest", "Only POST is allowed for $batch.")
	}
	invalid := func(format string, args ...any) ([]batchPart, error) {
		return nil, refuse(http.StatusBadRequest, "BadRequest", format, args...)
	}
	var envelope struct {
		Requests []batchPart `json:"requests"`
	}
	if json.Unmarshal(x.body, &envelope) != nil || len(envelope.Requests) == 0 {
		return invalid("Invalid batch payload format.")
	}
	if len(envelope.Requests) > batchLimit {
		return invalid("Number of batch request steps exceeds the maximum value of %d.", batchLimit)
	}
	known := map[string]bool{}
	for _, part := range envelope.Requests {
		switch {
		case part.ID == "" || part.Method == "" || part.URL == "":
			return invalid("Every request in a batch needs an id, a method and a url.")
		case known[part.ID]:
			return invalid("Request Id %s has to be unique in a batch.", part.ID)
		}
		known[part.ID] = true
	}
	var sorted []batchPart
	done := map[string]bool{}
	for len(sorted) < len(envelope.Requests) {
		before := len(sorted)
		for _, part := range envelope.Requests {
			if done[part.ID] {
				continue
			}
			ready := true
			for _, id := range part.DependsOn {
				if !known[id] {
					return invalid("Request %s depends on %s, which is not in the batch.", part.ID, id)
				}
				ready = ready && done[id]
			}
			if ready {
				done[part.ID] = true
				sorted = append(sorted, part)
			}
		}
		if len(sorted) == before {
			return invalid("The dependencies of the batch form a circle.")
		}
	}
	return sorted, nil
}

// exchange makes a part of the batch a request of its own, with the
// authorization of the envelope.
func (p batchPart) exchange(envelope *exchange) *exchange {
	x := &exchange{
		method: strings.ToUpper(p.Method), version: envelope.version, root: envelope.root, part: true, done: envelope.done,
		header: http.Header{"Authorization": envelope.header["Authorization"]},
	}
	for key, value := range p.Headers {
		x.header.Set(key, value)
	}
	if x.header.Get("client-request-id") == "" {
		x.header.Set("client-request-id", envelope.header.Get("client-request-id"))
	}
	path, query, _ := strings.Cut(p.URL, "?")
	x.rawQuery = query
	_, x.segments = splitPath(envelope.version + "/" + strings.TrimPrefix(path, "/"))
	if len(p.Body) > 0 && string(p.Body) != "null" {
		x.body = p.Body
		if !strings.HasPrefix(strings.ToLower(x.header.Get("Content-Type")), "application/json") {
			x.bodyError = refuse(http.StatusBadRequest, "BadRequest", "Write request id : %s does not contain Content-Type header or body.", p.ID)
		}
	}
	return x
}
