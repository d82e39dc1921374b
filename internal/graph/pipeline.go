package graph

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	khttp "github.com/microsoft/kiota-http-go"
	msgraphgocore "github.com/microsoftgraph/msgraph-sdk-go-core"
)

const (
	// errorBodyLimit bounds what is read of an error's body; what Graph itself sends is far smaller.
	errorBodyLimit = 64 << 10
	// answerLimit bounds an answer; a page of 999 users with their plans stays below 20 MiB.
	answerLimit = 64 << 20
	// messageLimit bounds the part of an answer that is shown in an error.
	messageLimit = 600
	// retryAfterLimit bounds what Microsoft may ask us to wait.
	retryAfterLimit = time.Hour
)

// newPipeline makes the HTTP client of graph.md §8.4: explicit order, no retries, no compression, no redirects.
func newPipeline(transport http.RoundTripper, m *metrics, onLoad func(Load), skew *skew, clock func() time.Time) *http.Client {
	if transport == nil {
		own := http.DefaultTransport.(*http.Transport).Clone()
		own.MaxIdleConnsPerHost = 64
		transport = own
	}
	return &http.Client{
		Transport: khttp.NewCustomTransportWithParentTransport(
			&headerTap{next: &errorNormaliser{next: transport, clock: clock}, metrics: m, onLoad: onLoad, skew: skew, clock: clock},
			msgraphgocore.NewGraphTelemetryHandler(&msgraphgocore.GraphClientOptions{GraphServiceLibraryVersion: sdkVersion}),
			khttp.NewParametersNameDecodingHandler(),
			khttp.NewUserAgentHandler(),
		),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// headerTap counts requests and keeps what answers say in their headers.
type headerTap struct {
	next    http.RoundTripper
	metrics *metrics
	onLoad  func(Load)
	skew    *skew
	clock   func() time.Time
}

func (t *headerTap) RoundTrip(req *http.Request) (*http.Response, error) {
	x := exchangeOf(req.Context())
	began := t.clock()
	resp, err := t.next.RoundTrip(req)
	ended := t.clock()
	t.metrics.observe(x, resp, ended.Sub(began))
	if resp != nil {
		t.skew.hear(resp.Header.Get("Date"), began, ended)
	}
	if t.onLoad != nil {
		if load, says := loadOf(x, resp); says {
			t.onLoad(load)
		}
	}
	return resp, err
}

// errorNormaliser reads every answer in full and notes in the exchange what came of it. The SDK is given either
// valid JSON or a plain OData error without content of ours: whatever the other side sends, nothing panics above,
// no status is lost, and no name, number or token gets from an error into a span.
type errorNormaliser struct {
	next  http.RoundTripper
	clock func() time.Time
}

func (n *errorNormaliser) RoundTrip(req *http.Request) (*http.Response, error) {
	x := exchangeOf(req.Context())
	// The SDK sends a request twice when its token's claims are challenged; the second answer counts.
	*x = exchange{operation: x.operation, parent: x.parent}
	sent, err := replayable(req)
	if err != nil {
		x.transport = err
		return neutral(req, http.StatusServiceUnavailable, nil), nil
	}
	resp, err := n.next.RoundTrip(sent)
	if err != nil {
		x.transport = err
		return neutral(req, http.StatusServiceUnavailable, nil), nil
	}
	defer resp.Body.Close()

	x.status = resp.StatusCode
	x.requestID = firstOf(resp.Header.Get("request-id"), resp.Header.Get("x-ms-request-id"))
	x.retryAfter = retryAfter(resp.Header.Values("Retry-After"), n.clock())
	x.location = resp.Header.Get("Location")

	if resp.StatusCode >= 300 {
		// What can be read of the body is enough: it only explains a failure that the status already states.
		body, _ := readBody(resp, errorBodyLimit)
		x.code, x.message = errorText(body, resp.Header.Get("Content-Type"))
		if id := innerRequestID(body); x.requestID == "" {
			x.requestID = id
		}
		return neutral(req, max(resp.StatusCode, http.StatusBadRequest), resp.Header), nil
	}

	body, err := readBody(resp, answerLimit)
	switch {
	case err != nil:
		x.unread = err
	case len(bytes.TrimSpace(body)) > 0 && !json.Valid(body):
		x.unread = errors.New("the answer is not JSON (" + contentType(resp.Header) + ")")
	default:
		return answer(req, resp, body), nil
	}
	return neutral(req, http.StatusServiceUnavailable, resp.Header), nil
}

// replayable gives the request a length and a way to be read again, so that the transport can use another
// connection when an idle one was closed under it before anything was sent.
func replayable(req *http.Request) (*http.Request, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return req, nil
	}
	defer req.Body.Close()
	raw, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	sent := req.Clone(req.Context())
	sent.ContentLength = int64(len(raw))
	sent.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil }
	sent.Body, _ = sent.GetBody()
	return sent, nil
}

// readBody reads up to limit bytes, unpacking gzip that the transport has not unpacked. A longer body is an error.
func readBody(resp *http.Response, limit int64) ([]byte, error) {
	var from io.Reader = resp.Body
	if strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") {
		unpacked, err := gzip.NewReader(resp.Body)
		if err != nil {
			return nil, errors.New("the answer says that it is gzip and is not")
		}
		from = unpacked
	}
	body, err := io.ReadAll(io.LimitReader(from, limit+1))
	if int64(len(body)) > limit {
		return body[:limit], errors.New("the answer is larger than " + strconv.FormatInt(limit>>20, 10) + " MiB")
	}
	return body, err
}

// answer is the response as the SDK may see it: JSON that is whole, or nothing.
func answer(req *http.Request, resp *http.Response, body []byte) *http.Response {
	header := resp.Header.Clone()
	header.Del("Content-Encoding")
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	return &http.Response{
		Status: resp.Status, StatusCode: resp.StatusCode, Proto: resp.Proto, ProtoMajor: resp.ProtoMajor, ProtoMinor: resp.ProtoMinor,
		Header: header, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Request: req,
	}
}

const neutralBody = `{"error":{"code":"failed","message":"the request failed"}}`

// neutral is the error that the SDK is told about. Headers are kept, except a claims challenge that the SDK would
// stumble over.
func neutral(req *http.Request, status int, header http.Header) *http.Response {
	kept := header.Clone()
	if kept == nil {
		kept = http.Header{}
	}
	for _, challenge := range kept.Values("WWW-Authenticate") {
		if !readableChallenge.MatchString(challenge) {
			kept.Del("WWW-Authenticate")
		}
	}
	kept.Del("Content-Encoding")
	resp := answer(req, &http.Response{Status: strconv.Itoa(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: kept}, []byte(neutralBody))
	return resp
}

// readableChallenge is a continuous access evaluation challenge whose claims are quoted base64; the SDK indexes
// into the match of the quotes without looking.
var readableChallenge = regexp.MustCompile(`(?i)^Bearer\s[^\r\n]*\bclaims="[A-Za-z0-9+/]+={0,2}"`)

// errorText finds code and message in an error's body, whatever its form.
func errorText(body []byte, contentType string) (code, message string) {
	var odata struct {
		Error json.RawMessage `json:"error"`
		// Some front ends answer {"code","message"} or {"error","error_description"} without the envelope.
		Code        string `json:"code"`
		Message     string `json:"message"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &odata) == nil {
		var inner struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		}
		var word string
		switch {
		case json.Unmarshal(odata.Error, &inner) == nil && inner.Code+inner.Message != "":
			return shown(inner.Code, 100), shown(inner.Message, messageLimit)
		case json.Unmarshal(odata.Error, &word) == nil && word != "":
			return shown(word, 100), shown(odata.Description, messageLimit)
		case odata.Code+odata.Message != "":
			return shown(odata.Code, 100), shown(odata.Message, messageLimit)
		}
	}
	text := string(body)
	if strings.Contains(strings.ToLower(contentType), "html") || strings.HasPrefix(strings.TrimSpace(text), "<") {
		text = markup.ReplaceAllString(text, " ")
	}
	return "", shown(text, messageLimit)
}

func innerRequestID(body []byte) string {
	var odata struct {
		Error struct {
			Inner struct {
				RequestID string `json:"request-id"`
			} `json:"innerError"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &odata) != nil {
		return ""
	}
	return shown(odata.Error.Inner.RequestID, 100)
}

var (
	markup = regexp.MustCompile(`(?is)<(script|style)\b.*?</(script|style)>|<[^>]*>`)
	// secrets are bearer tokens and JWTs, and the values of fields that hold such; proxies like to echo requests, with
	// escapes that glue a token to what stands before it (%3DeyJ…).
	secrets = regexp.MustCompile(`(?i)(?:\b|%20)bearer(?:\s|%20)+[^\s"'<>,]+|(?-i:\beyJ[A-Za-z0-9_-]+|eyJ[A-Za-z0-9_-]{15,})(\.[A-Za-z0-9_-]*)*|\b(access_token|client_secret|client_assertion|refresh_token|assertion)((?:"|%22)?\s*(?:[=:]|%3[ad])\s*(?:"|%22)?)[^\s"'&<>,]+`)
)

// shown makes foreign text fit for an error: one line, bounded, valid UTF-8, and without anything like a token.
func shown(text string, limit int) string {
	// Secrets go first: cutting could leave a part of one that is no longer recognised.
	text = secrets.ReplaceAllString(text, "[redacted]")
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "?"), func(r rune) bool { return r <= ' ' || r == 0x7f }), " ")
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return text
}

// retryAfter reads Retry-After as seconds (whole or not) or as a date. What lies in the past or cannot be read is
// zero, which leaves the delay to the retry policy; what is absurd is cut to an hour.
func retryAfter(values []string, now time.Time) time.Duration {
	for _, v := range values {
		v = strings.TrimSpace(v)
		if at, err := http.ParseTime(v); err == nil {
			return min(max(at.Sub(now), 0), retryAfterLimit)
		}
		// A number too large to represent comes back as infinity, which is what it means.
		seconds, err := strconv.ParseFloat(v, 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) || seconds != seconds {
			continue
		}
		if seconds >= retryAfterLimit.Seconds() {
			return retryAfterLimit
		}
		return time.Duration(max(seconds, 0) * float64(time.Second))
	}
	return 0
}

func contentType(h http.Header) string {
	if t := h.Get("Content-Type"); t != "" {
		return shown(t, 60)
	}
	return "without a content type"
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return shown(v, 100)
		}
	}
	return ""
}
