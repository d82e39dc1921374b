package graphsim

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	jsonType  = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
	bodyLimit = 8 << 20
)

// exchange is one Graph request, alone or as a part of a batch.
type exchange struct {
	method    string
	version   string
	segments  []string
	rawQuery  string
	header    http.Header
	body      []byte
	root      string // "http://host", for absolute links
	bodyError error  // why the body could not be read
	part      bool   // of a batch
	done      <-chan struct{}
}

// outcome is what goes back. A status of 0 is a connection that is cut.
type outcome struct {
	status int
	header http.Header
	body   []byte
}

// reply is a handler's answer; a nil body is none.
type reply struct {
	status int
	header http.Header
	body   any
}

// call is what a handler gets to see of an exchange.
type call struct {
	now    time.Time
	asOf   time.Time // what a lagging read may see
	base   string    // "http://host/v1.0"
	path   string
	args   []string // the route's placeholders
	query  query
	header http.Header
	body   []byte
	roles  []string
}

func (c *call) context(of string) string { return c.base + "/$metadata#" + of }

// decode reads the JSON body.
func (c *call) decode(into any) error {
	if len(bytes.TrimSpace(c.body)) == 0 {
		return refuse(http.StatusBadRequest, "BadRequest", "Empty Payload. JSON content expected.")
	}
	if err := json.Unmarshal(c.body, into); err != nil {
		return refuse(http.StatusBadRequest, "BadRequest", "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.")
	}
	return nil
}

func (t *Tenant) serveGraph(w http.ResponseWriter, r *http.Request) {
	x := &exchange{method: r.Method, rawQuery: r.URL.RawQuery, header: r.Header, root: root(r), done: r.Context().Done()}
	x.version, x.segments = splitPath(r.URL.EscapedPath())
	x.body, x.bodyError = readBody(r)
	var out outcome
	if len(x.segments) == 1 && x.segments[0] == batchSegment {
		out = t.serveBatch(x)
	} else {
		out = t.serve(x)
	}
	if out.status == 0 {
		cut(w)
		return
	}
	for key, values := range out.header {
		w.Header()[key] = values
	}
	body := out.body
	if len(body) >= compressedFrom && acceptsGzip(r.Header) && w.Header().Get("Content-Encoding") == "" {
		body = compressed(body)
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Vary", "Accept-Encoding")
	}
	if len(body) > 0 {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(out.status)
	_, _ = w.Write(body)
}

func root(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// readBody takes plain, chunked and gzip bodies.
func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	malformed := refuse(http.StatusBadRequest, "BadRequest", "Unable to read the request body.")
	raw, err := io.ReadAll(io.LimitReader(r.Body, bodyLimit+1))
	if err != nil {
		return nil, malformed
	}
	switch encoding := strings.ToLower(r.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
	case "gzip":
		if len(raw) == 0 {
			break
		}
		unpacked, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			return raw, malformed
		}
		plain, err := io.ReadAll(io.LimitReader(unpacked, bodyLimit+1))
		if err != nil {
			return raw, malformed
		}
		raw = plain
	default:
		return raw, refuse(http.StatusUnsupportedMediaType, "UnsupportedMediaType", "The content encoding '%s' is not supported.", encoding)
	}
	if len(raw) > bodyLimit {
		return nil, refuse(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "The request body is too large.")
	}
	if given := r.Header.Get("Content-Type"); given != "" && len(raw) > 0 {
		if kind, _, err := mime.ParseMediaType(given); err != nil || kind != "application/json" {
			return raw, refuse(http.StatusUnsupportedMediaType, "UnsupportedMediaType", "The content type '%s' is not supported.", given)
		}
	}
	return raw, nil
}

// serve answers one request and enters it into the journal. The journal has
// the entry before the client has the answer.
func (t *Tenant) serve(x *exchange) outcome {
	now := t.now()
	path := normalPath(x.version, x.segments)
	fault := t.faults.take(x.method, x.version, x.segments, t.random)
	latency := 0
	if !x.part {
		latency = t.settings.Load().LatencyMs
	}
	if fault != nil {
		latency += fault.LatencyMs
	}
	if latency > 0 {
		x.wait(latency)
		now = t.now()
	}

	requestID := t.random.guid()
	header := t.standardHeader(x, requestID, now)
	var out outcome
	committed := false
	if fault != nil && !fault.AfterCommit && fault.answers() {
		out = fault.outcome(header, requestID, now)
	} else {
		out = t.process(x, header, requestID, now)
		committed = isWrite(x.method) && out.status < 400
		if fault != nil && fault.AfterCommit {
			out = fault.outcome(t.standardHeader(x, requestID, now), requestID, now)
		}
	}
	t.journal.add(JournalEntry{
		At: now, Method: x.method, Path: path, Query: x.rawQuery, Body: journalBody(x.body), Status: out.status,
		Write: isWrite(x.method), Committed: committed, RequestID: requestID, Fault: fault.id(),
	})
	return out
}

// wait lets real time pass, unless the client goes away first.
func (x *exchange) wait(ms int) {
	if ms <= 0 {
		return
	}
	timer := time.NewTimer(time.Duration(ms) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-x.done:
	}
}

// process is the service itself, with nothing scripted.
func (t *Tenant) process(x *exchange, header http.Header, requestID string, now time.Time) outcome {
	answer, err := t.handle(x, header, now)
	if err != nil {
		var refused *graphError
		if !errors.As(err, &refused) {
			refused = &graphError{status: http.StatusInternalServerError, code: "InternalServerError", message: err.Error()}
		}
		return refused.outcome(header, requestID, now)
	}
	for key, values := range answer.header {
		header[key] = values
	}
	out := outcome{status: answer.status, header: header}
	switch body := answer.body.(type) {
	case nil:
	case string:
		header.Set("Content-Type", "text/plain")
		out.body = []byte(body)
	default:
		header.Set("Content-Type", jsonType)
		var encoded bytes.Buffer
		encoder := json.NewEncoder(&encoded)
		encoder.SetEscapeHTML(false) // links keep their & as Graph writes it
		if err := encoder.Encode(body); err != nil {
			return outcome{status: http.StatusInternalServerError, header: header, body: []byte(err.Error())}
		}
		out.body = encoded.Bytes()
	}
	return out
}

func (t *Tenant) handle(x *exchange, header http.Header, now time.Time) (reply, error) {
	if x.bodyError != nil {
		return reply{}, x.bodyError
	}
	if x.version != "v1.0" && x.version != "beta" {
		return reply{}, refuse(http.StatusNotFound, "BadRequest", "Resource not found for the segment '%s'.", x.version)
	}
	roles, err := t.authenticate(x.header, now)
	if err != nil {
		return reply{}, err
	}
	r, args, err := findRoute(x.method, x.segments)
	if err != nil {
		return reply{}, err
	}
	q := parseQuery(x.rawQuery)
	units := r.units(q)
	header.Set("x-ms-resource-unit", strconv.Itoa(units))
	settings := t.settings.Load()
	if err := t.throttle.take(settings.Throttle, isWrite(x.method), units, now, header); err != nil {
		return reply{}, err
	}
	c := &call{
		now: now, asOf: now.Add(-time.Duration(settings.ReadLagMs) * time.Millisecond), base: x.root + "/" + x.version,
		path: normalPath(x.version, x.segments), args: args, query: q, header: x.header, body: x.body,
		roles: roles,
	}
	if err := r.access.check(roles); err != nil {
		return reply{}, err
	}
	t.settle(now)
	if isWrite(x.method) {
		t.mu.Lock()
		defer t.mu.Unlock()
	} else {
		t.mu.RLock()
		defer t.mu.RUnlock()
	}
	return r.handle(t.dir, c)
}

func (t *Tenant) standardHeader(x *exchange, requestID string, now time.Time) http.Header {
	header := http.Header{
		"Date":          {now.Format(http.TimeFormat)},
		"Odata-Version": {"4.0"},
		"Request-Id":    {requestID},
		"Cache-Control": {"no-cache"},
	}
	if given := x.header.Get("client-request-id"); given != "" {
		header.Set("client-request-id", given)
	} else {
		header.Set("client-request-id", requestID)
	}
	return header
}

func isWrite(method string) bool { return method != http.MethodGet && method != http.MethodHead }

// cut ends the connection without an answer, as a reset where that is possible.
func cut(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
