package graph_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"tenure/internal/fault"
	"tenure/internal/graph"
)

const (
	adele  = "87d349ed-44d7-43e1-9a83-5f2406dee5bd"
	group1 = "02bd9fd6-8f93-4758-87c3-1fb73740a315"
	group2 = "45b7d2e7-b882-4a80-ba97-10b7a63b8fa4"
	e5     = "06ebc4ee-1bb5-47dd-8120-11324bc54e06"
	mcoev  = "e43b5b99-8dfb-405f-9987-dc307f34bcbd"
)

// token is a JWT with these roles.
func token(roles ...string) string {
	claims, _ := json.Marshal(map[string]any{"aud": "https://graph.microsoft.com", "roles": roles})
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(`{"alg":"none"}`)) + "." + enc(claims) + ".c2lnbmF0dXJl"
}

// credential is a token of a test's own making.
type credential func(context.Context) (string, error)

func (c credential) GetToken(ctx context.Context, _ policy.TokenRequestOptions) (azcore.AccessToken, error) {
	t, err := c(ctx)
	return azcore.AccessToken{Token: t}, err
}

var granted = credential(func(context.Context) (string, error) { return token("User.Read.All"), nil })

// request is one that a server saw.
type request struct {
	method, path, query, body string
	header                    http.Header
	length                    int64
}

// server answers every request with a handler, and remembers them.
type server struct {
	*httptest.Server
	mu   sync.Mutex
	seen []request
}

func (s *server) requests() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]request(nil), s.seen...)
}

func (s *server) last(t *testing.T) request {
	t.Helper()
	all := s.requests()
	if len(all) == 0 {
		t.Fatal("no request was sent")
	}
	return all[len(all)-1]
}

func serve(t *testing.T, h http.HandlerFunc) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.seen = append(s.seen, request{r.Method, r.URL.Path, r.URL.RawQuery, string(body), r.Header.Clone(), r.ContentLength})
		s.mu.Unlock()
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// client is a client of the server.
func (s *server) client(t *testing.T, with ...func(*graph.Config)) *graph.Client {
	t.Helper()
	cfg := graph.Config{BaseURL: s.URL + "/v1.0", Credential: granted, Tenant: "contoso"}
	for _, w := range with {
		w(&cfg)
	}
	c, err := graph.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// reply writes JSON.
func reply(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	io.WriteString(w, body)
}

// always is a server that gives one answer to everything, and its client.
func always(t *testing.T, status int, body string, headers ...string) (*server, *graph.Client) {
	t.Helper()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		reply(w, status, body)
	})
	return s, s.client(t)
}

// refused is Microsoft's error body.
func refused(code, message string) string {
	body, _ := json.Marshal(map[string]any{"error": map[string]any{
		"code": code, "message": message,
		"innerError": map[string]string{"date": "2026-11-23T02:10:11", "request-id": "inner-id", "client-request-id": "x"},
	}})
	return string(body)
}

// classified takes a fault out of an error, and demands that it is the outermost value.
func classified(t *testing.T, err error) *fault.Error {
	t.Helper()
	if err == nil {
		t.Fatal("no error; wanted one")
	}
	f, ok := err.(*fault.Error) //nolint:errorlint // the outermost value is the point
	if !ok {
		t.Fatalf("error is a %T (%v), not a *fault.Error", err, err)
	}
	return f
}

func wantKind(t *testing.T, err error, kind fault.Kind, code string) *fault.Error {
	t.Helper()
	f := classified(t, err)
	if f.Kind != kind || f.Code != code {
		t.Fatalf("got %s %q (%s); want %s %q", f.Kind, f.Code, f.Message, kind, code)
	}
	return f
}

func sameJSON(t *testing.T, got, want string) {
	t.Helper()
	var g, w any
	if err := errors.Join(json.Unmarshal([]byte(got), &g), json.Unmarshal([]byte(want), &w)); err != nil {
		t.Fatalf("%v in %q or %q", err, got, want)
	}
	gs, _ := json.Marshal(g)
	ws, _ := json.Marshal(w)
	if string(gs) != string(ws) {
		t.Fatalf("got  %s\nwant %s", gs, ws)
	}
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q lacks %q", text, p)
		}
	}
}

// roundTrip is a transport without a network.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// scopeSpy notes for which scopes a token is asked.
type scopeSpy struct{ scopes *[]string }

func (s scopeSpy) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	*s.scopes = append(*s.scopes, o.Scopes...)
	return azcore.AccessToken{Token: token()}, nil
}
