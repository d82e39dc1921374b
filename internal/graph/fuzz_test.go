package graph_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"tenure/internal/fault"
	"tenure/internal/graph"
)

// offline is a client whose every request gets this answer.
func offline(t *testing.T, status int, body string, header http.Header) *graph.Client {
	t.Helper()
	c, err := graph.New(graph.Config{
		BaseURL: "https://graph.microsoft.com/v1.0", Credential: granted,
		Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Header: header.Clone(), Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1, Request: r}, nil
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Whatever the other side answers: a classified error or a value, and no panic.
func FuzzErrorBodies(f *testing.F) {
	for _, body := range []string{
		"", "{}", "[]", "null", `{"error":null}`, `{"error":{}}`, `{"error":"x"}`, `{"error":{"code":1}}`, refused("a", "b"), "<html>", "\x1f\x8b", "\xff",
		"Bearer eyJhbGciOiJub25lIn0.eyJyb2xlcyI6W119.c2ln", `{"error":{"message":"eyJhbGciOiJub25lIn0.eyJyb2xlcyI6W119.x"}}`,
	} {
		f.Add(uint16(400), body, "application/json", "gzip", "Bearer claims=x")
		f.Add(uint16(502), body, "text/html", "", "")
		f.Add(uint16(401), body, "", "", `Bearer realm="", claims="eyJhIjoxfQ=="`)
	}
	f.Fuzz(func(t *testing.T, status uint16, body, contentType, encoding, challenge string) {
		code := 300 + int(status)%300
		c := offline(t, code, body, http.Header{"Content-Type": {contentType}, "Content-Encoding": {encoding}, "Www-Authenticate": {challenge}})
		_, err := c.User(context.Background(), adele)
		e := classified(t, err)
		if e.Status != code {
			t.Errorf("status %d became %d", code, e.Status)
		}
		if !utf8.ValidString(e.Message) || strings.ContainsAny(e.Message, "\n\r\x00") || len(e.Message) > 4000 || strings.Contains(e.Message, "eyJhbGciOiJub25lIn0") {
			t.Errorf("message %.300q", e.Message)
		}
		if code == 429 != (e.Kind == fault.Throttled) && code != 509 {
			t.Errorf("%d is %s", code, e.Kind)
		}
	})
}

func FuzzAnswers(f *testing.F) {
	for _, body := range []string{
		adeleRecord, skus, configuration, numberRow, `{"value":[` + numberRow + `]}`, `{"value":[null]}`, `{"value":{}}`, `[null]`, `{"value":[[]]}`, "null", "0", `""`,
		`{"id":"x","status":"failed","numbers":[{"status":"failed","statusDetail":"x"}]}`, `{"value":[{"id":"x","@removed":{}}],"@odata.nextLink":"%zz"}`,
		`{"value":[{"id":"x"}],"@odata.nextLink":"https://graph.microsoft.com/v1.0/again"}`,
		`{"id":"x","groupTypes":[null],"assignedLicenses":[null]}`, `{"value":[{"groupTypes":[1]}]}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		ctx := context.Background()
		c := offline(t, 200, body, http.Header{"Content-Type": {"application/json"}})
		var errs []error
		note := func(err error) { errs = append(errs, err) }
		_, err := c.User(ctx, adele)
		note(err)
		_, err = c.FindUsers(ctx, graph.UserQuery{}, "")
		note(err)
		_, err = c.DeltaUsers(ctx, "")
		note(err)
		_, err = c.Memberships(ctx, adele)
		note(err)
		_, err = c.Group(ctx, group1)
		note(err)
		_, err = c.Group(ctx, "Staff")
		note(err)
		_, err = c.SKUs(ctx)
		note(err)
		_, err = c.LicenseDetails(ctx, adele)
		note(err)
		_, err = c.TeamsUser(ctx, adele)
		note(err)
		_, err = c.NumberAssignment(ctx, "+1")
		note(err)
		_, _, err = c.ListNumberAssignments(ctx, 0)
		note(err)
		op, err := c.NumberOperation(ctx, "o")
		note(err)
		note(op.Err())
		_, err = c.PolicyID(ctx, "TeamsCallingPolicy", "AllOn")
		note(err)
		for _, err := range errs {
			if err != nil {
				classified(t, err)
			}
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	for _, v := range []string{"7", "0.5", "-1", "1e400", "NaN", "Inf", "0x10", "Mon, 23 Nov 2026 04:00:30 GMT", "Sat, 31 Dec 9999 23:59:59 GMT", "", " ", "１"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, value string) {
		c := offline(t, 429, "", http.Header{"Retry-After": {value}})
		_, err := c.User(context.Background(), adele)
		if e := classified(t, err); e.RetryAfter < 0 || e.RetryAfter > time.Hour {
			t.Errorf("%q asks for %v", value, e.RetryAfter)
		}
	})
}

func FuzzLocation(f *testing.F) {
	for _, v := range []string{"/operations('a')", "/operations/a", "/operations/%2", "//operations('')", "\x00"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, value string) {
		c := offline(t, 202, "", http.Header{"Location": {value}})
		if _, err := c.UnassignNumber(context.Background(), "+1", "directRouting"); err != nil {
			t.Errorf("%q: %v", value, err)
		}
	})
}

func FuzzTokens(f *testing.F) {
	for _, v := range []string{token("a"), "a.b.c", "..", "", "a.e30.c", "a.bnVsbA.c"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, value string) {
		c, err := graph.New(graph.Config{BaseURL: "https://graph.microsoft.com/v1.0", Credential: credential(func(context.Context) (string, error) { return value, nil })})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Permissions(context.Background()); err != nil {
			e := classified(t, err)
			if len(value) > 20 && strings.Contains(e.Message, value) {
				t.Errorf("the message shows the token: %s", e.Message)
			}
		}
	})
}
