package graph_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"tenure/internal/fault"
	"tenure/internal/graph"
)

func TestBaseURLsThatAreRefused(t *testing.T) {
	for base, reason := range map[string]string{
		"":                                        "no host",
		"graph.microsoft.com":                     "no host",
		"https://":                                "no host",
		"https://graph.microsoft.com":             "lacks the version",
		"https://graph.microsoft.com/":            "lacks the version",
		"http://graph.microsoft.com/v1.0":         "plain http",
		"http://10.0.0.7:8440/v1.0":               "plain http",
		"http://graphsim:8440/v1.0":               "plain http",
		"http://127.0.0.1.evil.example/v1.0":      "plain http",
		"http://localhost.evil.example/v1.0":      "plain http",
		"http://127.0.0.2/v1.0":                   "plain http",
		"http://0.0.0.0/v1.0":                     "plain http",
		"ftp://127.0.0.1/v1.0":                    "https://",
		"https://user:hunter2@graph.example/v1.0": "without user",
		"https://graph.example/v1.0?x=hunter2":    "without user, query",
		"https://graph.example/v1.0#x":            "without user, query",
		"http://a b/v1.0":                         "cannot be read",
	} {
		_, err := graph.New(graph.Config{BaseURL: base, Credential: granted})
		if err == nil {
			t.Errorf("%q is accepted", base)
			continue
		}
		contains(t, err.Error(), reason)
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: the error shows a secret: %v", base, err)
		}
	}
	for _, base := range []string{
		"https://graph.microsoft.com/v1.0", "https://graph.microsoft.com/beta/", "http://127.0.0.1:8440/v1.0", "http://localhost/v1.0",
		"http://[::1]:8440/v1.0", "https://proxy.corp.example/graph/v1.0",
	} {
		if _, err := graph.New(graph.Config{BaseURL: base, Credential: granted}); err != nil {
			t.Errorf("%q: %v", base, err)
		}
	}
	if _, err := graph.New(graph.Config{BaseURL: "https://graph.microsoft.com/v1.0"}); err == nil {
		t.Error("a client without a credential is accepted")
	}
	if _, err := graph.New(graph.Config{BaseURL: "https://graph.microsoft.com/v1.0", Credential: granted, Cloud: "mars"}); err == nil {
		t.Error("an unknown cloud is accepted")
	}
	if _, err := graph.New(graph.Config{BaseURL: graph.USGov.BaseURL(), Credential: granted, Cloud: graph.Global}); err == nil {
		t.Error("a token of one cloud would be sent to another")
	}
}

func TestSimulatedCredentialStaysOnThisMachine(t *testing.T) {
	hosts := []string{"graph.microsoft.com", "graph.microsoft.us", "dod-graph.microsoft.us", "microsoftgraph.chinacloudapi.cn", "proxy.corp.example", "10.0.0.7:8440"}
	sim, err := graph.NewSimulatedCredential("http://127.0.0.1:8440/v1.0")
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range hosts {
		if _, err := graph.NewSimulatedCredential("https://" + host + "/v1.0"); err == nil {
			t.Errorf("a simulated credential for %s", host)
		}
		_, err := graph.New(graph.Config{BaseURL: "https://" + host + "/v1.0", Credential: sim})
		if err == nil {
			t.Errorf("the simulated credential is accepted for %s", host)
		} else {
			contains(t, err.Error(), "this machine only", host)
		}
	}
	if _, err := graph.New(graph.Config{BaseURL: "http://127.0.0.1:9999/v1.0", Credential: sim}); err == nil {
		t.Error("the credential of another tenant is accepted")
	}
	var none *graph.SimulatedCredential
	if _, err := graph.New(graph.Config{BaseURL: "http://127.0.0.1:8440/v1.0", Credential: none}); err == nil {
		t.Error("a nil credential is accepted")
	}
	if _, err := graph.New(graph.Config{BaseURL: "http://127.0.0.1:8440/v1.0", Credential: sim}); err != nil {
		t.Error(err)
	}
}

// sim is a simulated tenant whose tokens are numbered and live for seconds.
func simulated(t *testing.T, seconds float64, roles ...string) (*server, *graph.Client, *atomic.Int32) {
	t.Helper()
	var issued atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/_sim/token" {
			n := issued.Add(1)
			reply(w, 200, fmt.Sprintf(`{"access_token":%q,"expires_in":%v,"token_type":"Bearer"}`, token(append(roles, fmt.Sprintf("n%d", n))...), seconds))
			return
		}
		reply(w, 200, `{"id":"x"}`)
	})
	sim, err := graph.NewSimulatedCredential(s.URL + "/v1.0")
	if err != nil {
		t.Fatal(err)
	}
	return s, s.client(t, func(cfg *graph.Config) { cfg.Credential = sim }), &issued
}

func TestSimulatedTokensAreKeptWhileTheyLive(t *testing.T) {
	s, c, issued := simulated(t, 3600)
	for range 3 {
		if _, err := c.User(t.Context(), adele); err != nil {
			t.Fatal(err)
		}
	}
	if n := issued.Load(); n != 1 {
		t.Errorf("%d tokens were issued; want 1", n)
	}
	if got := s.last(t).header.Get("Authorization"); got != "Bearer "+token("n1") {
		t.Errorf("sent %q", got)
	}
	_, c, issued = simulated(t, 0)
	for range 3 {
		if _, err := c.User(t.Context(), adele); err != nil {
			t.Fatal(err)
		}
	}
	if n := issued.Load(); n != 3 {
		t.Errorf("%d tokens were issued for dead ones; want 3", n)
	}
}

func TestARefusedTokenIsRenewedOnce(t *testing.T) {
	for name, row := range map[string]struct {
		accepted string
		calls    int
		ok       bool
	}{"the next is accepted": {"n2", 2, true}, "the next is refused too": {"none", 2, false}} {
		t.Run(name, func(t *testing.T) {
			var issued, calls atomic.Int32
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/_sim/token" {
					reply(w, 200, fmt.Sprintf(`{"access_token":%q,"expires_in":60}`, token(fmt.Sprintf("n%d", issued.Add(1)))))
					return
				}
				calls.Add(1)
				if r.Header.Get("Authorization") != "Bearer "+token(row.accepted) {
					reply(w, 401, refused("InvalidAuthenticationToken", "Access token has expired or is not yet valid."))
					return
				}
				w.WriteHeader(204)
			})
			sim, err := graph.NewSimulatedCredential(s.URL + "/v1.0")
			if err != nil {
				t.Fatal(err)
			}
			c := s.client(t, func(cfg *graph.Config) { cfg.Credential = sim })
			err = c.SetUsageLocation(t.Context(), adele, "GB")
			if row.ok && err != nil {
				t.Error(err)
			}
			if !row.ok {
				wantKind(t, err, fault.Unauthenticated, "InvalidAuthenticationToken")
			}
			if n := int(calls.Load()); n != row.calls {
				t.Errorf("%d calls; want %d", n, row.calls)
			}
			// The body must survive being sent twice.
			sameJSON(t, s.last(t).body, `{"@odata.type":"#microsoft.graph.user","usageLocation":"GB"}`)
		})
	}
}

func TestClaimsChallenges(t *testing.T) {
	for name, challenge := range map[string]string{
		"readable":          `Bearer realm="", claims="eyJhIjoxfQ=="`,
		"without quotes":    `Bearer claims=abc`,
		"not base64":        `Bearer claims="*"`,
		"empty":             `Bearer claims=""`,
		"claims first word": `Bearer claims_x=1, claims="eyJhIjoxfQ=="`,
		"basic":             `Basic realm="x"`,
	} {
		t.Run(name, func(t *testing.T) {
			_, c := always(t, 401, refused("InvalidAuthenticationToken", "Continuous access evaluation resulted in challenge"), "WWW-Authenticate", challenge)
			_, err := c.User(t.Context(), adele)
			if f := wantKind(t, err, fault.Unauthenticated, "InvalidAuthenticationToken"); f.Status != 401 {
				t.Errorf("status %d", f.Status)
			}
		})
	}
	t.Run("met", func(t *testing.T) {
		var calls atomic.Int32
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if calls.Add(1) == 1 {
				w.Header().Set("WWW-Authenticate", `Bearer realm="", claims="eyJhIjoxfQ=="`)
				reply(w, 401, refused("InvalidAuthenticationToken", "challenge"))
				return
			}
			reply(w, 200, `{"id":"x"}`)
		})
		if _, err := s.client(t).User(t.Context(), "x"); err != nil {
			t.Fatal(err)
		}
	})
}

func TestPermissions(t *testing.T) {
	s, c, issued := simulated(t, 3600, "User.Read.All", "GroupMember.ReadWrite.All")
	got, err := c.Permissions(t.Context())
	if err != nil || !reflect.DeepEqual(got, []string{"GroupMember.ReadWrite.All", "User.Read.All", "n1"}) {
		t.Errorf("got %v, %v", got, err)
	}
	// What was granted since must show, and the calls that follow must have it.
	if got, err = c.Permissions(t.Context()); err != nil || got[2] != "n2" {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := c.User(t.Context(), adele); err != nil || issued.Load() != 2 {
		t.Errorf("%v, %d tokens", err, issued.Load())
	}
	contains(t, s.last(t).header.Get("Authorization"), token("User.Read.All", "GroupMember.ReadWrite.All", "n2"))

	for name, tok := range map[string]string{"opaque": "abc", "two parts": "a.b", "not base64": "a.*.c", "not JSON": "a.YWJj.c", "roles of another type": "a.eyJyb2xlcyI6MX0.c"} {
		c := s.client(t, func(cfg *graph.Config) {
			cfg.Credential = credential(func(context.Context) (string, error) { return tok, nil })
		})
		_, err := c.Permissions(t.Context())
		if f := wantKind(t, err, fault.Unauthenticated, ""); strings.Contains(f.Message, tok) {
			t.Errorf("%s: the message shows the token: %s", name, f.Message)
		}
	}
	c = s.client(t, func(cfg *graph.Config) {
		cfg.Credential = credential(func(context.Context) (string, error) { return "e30.e30.x", nil })
	})
	if got, err := c.Permissions(t.Context()); err != nil || got == nil || len(got) != 0 {
		t.Errorf("no roles: %v, %v", got, err)
	}
}

func TestNoToken(t *testing.T) {
	for name, row := range map[string]struct {
		err  error
		kind fault.Kind
	}{
		"refused":      {errors.New("ClientSecretCredential: AADSTS7000215: Invalid client secret provided.\r\nTrace ID: x"), fault.Unauthenticated},
		"late":         {context.DeadlineExceeded, fault.Unavailable},
		"timed out":    {&url.Error{Op: "Post", URL: "https://login", Err: context.DeadlineExceeded}, fault.Unavailable},
		"leaky":        {errors.New("client_secret=hunter2 was refused for " + token("a")), fault.Unauthenticated},
		"empty string": {nil, fault.Unauthenticated},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := always(t, 200, `{"id":"x"}`)
			c := s.client(t, func(cfg *graph.Config) {
				cfg.Credential = credential(func(context.Context) (string, error) { return "", row.err })
			})
			_, err := c.User(t.Context(), adele)
			f := classified(t, err)
			if f.Kind != row.kind {
				t.Errorf("got %s: %s", f.Kind, f.Message)
			}
			if strings.Contains(f.Message, "hunter2") || strings.Contains(f.Message, "eyJ") || strings.Contains(f.Message, "Trace") {
				t.Errorf("the message says too much: %s", f.Message)
			}
			if len(s.requests()) != 0 {
				t.Error("a request was sent without a token")
			}
			if _, err := c.Permissions(t.Context()); classified(t, err).Kind != row.kind {
				t.Errorf("permissions: %v", err)
			}
		})
	}
}

func TestSimulatedTokenTrouble(t *testing.T) {
	for name, row := range map[string]struct {
		status int
		body   string
		kind   fault.Kind
	}{
		"down":       {500, "", fault.Unavailable},
		"throttled":  {429, "", fault.Unavailable},
		"refused":    {403, "", fault.Unauthenticated},
		"redirected": {302, "", fault.Unauthenticated},
		"no token":   {200, `{}`, fault.Unauthenticated},
		"not JSON":   {200, `<html>`, fault.Unauthenticated},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "https://evil.example/")
				w.WriteHeader(row.status)
				io.WriteString(w, row.body)
			})
			sim, err := graph.NewSimulatedCredential(s.URL + "/v1.0")
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.client(t, func(cfg *graph.Config) { cfg.Credential = sim }).User(t.Context(), adele)
			if f := classified(t, err); f.Kind != row.kind {
				t.Errorf("got %s: %s", f.Kind, f.Message)
			}
		})
	}
}

// entra answers token requests as Microsoft Entra does, and remembers their hosts.
type entra struct {
	mu     sync.Mutex
	hosts  []string
	status int
	body   string
}

func (e *entra) Do(r *http.Request) (*http.Response, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.hosts = append(e.hosts, r.URL.Host)
	body := e.body
	status := e.status
	switch {
	case strings.Contains(r.URL.Path, "/discovery/instance"):
		status, body = 200, `{"tenant_discovery_endpoint":"https://`+r.URL.Host+`/t/v2.0/.well-known/openid-configuration","api-version":"1.1","metadata":[]}`
	case strings.HasSuffix(r.URL.Path, "openid-configuration"):
		base := "https://" + r.URL.Host + "/11111111-1111-1111-1111-111111111111"
		status, body = 200, `{"authorization_endpoint":"`+base+`/authorize","token_endpoint":"`+base+`/token","issuer":"`+base+`"}`
	}
	return &http.Response{StatusCode: status, Status: fmt.Sprint(status), Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func TestAzureCredential(t *testing.T) {
	if _, err := graph.NewAzureCredential(graph.AzureIdentity{Cloud: "mars"}); err == nil {
		t.Error("an unknown cloud is accepted")
	}
	t.Setenv("AZURE_TOKEN_CREDENTIALS", "")
	if _, err := graph.NewAzureCredential(graph.AzureIdentity{}); err == nil || !strings.Contains(err.Error(), "AZURE_TOKEN_CREDENTIALS") {
		t.Errorf("without AZURE_TOKEN_CREDENTIALS: %v", err)
	}
	t.Setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
	t.Setenv("AZURE_TENANT_ID", "11111111-1111-1111-1111-111111111111")
	t.Setenv("AZURE_CLIENT_ID", "22222222-2222-2222-2222-222222222222")
	t.Setenv("AZURE_CLIENT_SECRET", "hunter2")
	for cloud, host := range map[graph.Cloud]string{"": "login.microsoftonline.com", graph.USGov: "login.microsoftonline.us", graph.USGovDoD: "login.microsoftonline.us", graph.China: "login.chinacloudapi.cn"} {
		e := &entra{status: 200, body: `{"token_type":"Bearer","expires_in":3599,"access_token":"` + token("User.Read.All") + `"}`}
		cred, err := graph.NewAzureCredential(graph.AzureIdentity{Cloud: cloud, Transport: e})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cred.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://graph.microsoft.com/.default"}}); err != nil {
			t.Errorf("%s: %v", cloud, err)
		}
		if got := e.hosts[len(e.hosts)-1]; got != host {
			t.Errorf("%s logs in at %s; want %s", cloud, got, host)
		}
	}
	for _, row := range []struct {
		status int
		body   string
		kind   fault.Kind
		says   string
	}{
		{401, `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided. Trace ID: 1"}`, fault.Unauthenticated, "AADSTS7000215"},
		{503, `{}`, fault.Unavailable, "503"},
	} {
		cred, err := graph.NewAzureCredential(graph.AzureIdentity{Transport: &entra{status: row.status, body: row.body}})
		if err != nil {
			t.Fatal(err)
		}
		s, _ := always(t, 200, `{"id":"x"}`)
		_, err = s.client(t, func(cfg *graph.Config) { cfg.Credential = cred }).User(t.Context(), adele)
		f := classified(t, err)
		if f.Kind != row.kind || strings.Contains(f.Message, "hunter2") {
			t.Errorf("got %s: %s", f.Kind, f.Message)
		}
		contains(t, f.Message, row.says)
	}
}

func TestCloudsHaveTheirOwnAddressAndScope(t *testing.T) {
	for cloud, root := range map[graph.Cloud]string{
		graph.Global: "https://graph.microsoft.com", graph.USGov: "https://graph.microsoft.us",
		graph.USGovDoD: "https://dod-graph.microsoft.us", graph.China: "https://microsoftgraph.chinacloudapi.cn",
	} {
		if got := cloud.BaseURL(); got != root+"/v1.0" {
			t.Errorf("%s is at %q", cloud, got)
		}
		var scopes []string
		c, err := graph.New(graph.Config{
			BaseURL: cloud.BaseURL(), Credential: scopeSpy{&scopes},
			Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				if r.Header.Get("Authorization") == "" {
					t.Errorf("%s: no token was sent", cloud)
				}
				return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"id":"x"}`))}, nil
			}),
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.User(t.Context(), "x"); err != nil {
			t.Error(err)
		}
		if !reflect.DeepEqual(scopes, []string{root + "/.default"}) {
			t.Errorf("%s: scopes %v", cloud, scopes)
		}
	}
	if got := graph.Cloud("mars").BaseURL(); got != "" {
		t.Errorf("mars is at %q", got)
	}
}
