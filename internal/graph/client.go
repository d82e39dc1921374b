// Package graph is Microsoft Graph as onboarding and offboarding need it, and the only importer of the Graph SDK.
//
// Every method answers with values of this package or of lifecycle and fails with a *fault.Error. Outcomes that
// reach the wanted state by another way (already a member, no longer a member) are successes and say that nothing
// changed. Nothing is retried here, with one exception: after a 401 the call is sent once more with a fresh token.
// Waiting is the business of the workflow, which sees Microsoft's Retry-After in the error.
//
// Each method names the least application permission that it needs (graph.md §12).
package graph

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	jsonserialization "github.com/microsoft/kiota-serialization-json-go"
	msgraphgocore "github.com/microsoftgraph/msgraph-sdk-go-core"
	"github.com/microsoftgraph/msgraph-sdk-go/groups"
	"github.com/microsoftgraph/msgraph-sdk-go/subscribedskus"
	"github.com/microsoftgraph/msgraph-sdk-go/users"
	"github.com/prometheus/client_golang/prometheus"

	"tenure/internal/fault"
	"tenure/internal/lifecycle"
)

// sdkVersion is the version that the SDK reports about itself in the SdkVersion header.
const sdkVersion = "1.89.0"

// defaultTimeout bounds one call, reading the answer included. It stays below the StartToClose of the activities.
const defaultTimeout = 30 * time.Second

// Config says which tenant to talk to and as whom.
type Config struct {
	// BaseURL is the address of Graph with its version: https://graph.microsoft.com/v1.0. Plain http is accepted for
	// this machine only.
	BaseURL string
	// Credential yields tokens: NewAzureCredential, or NewSimulatedCredential for a simulated tenant. Required.
	Credential azcore.TokenCredential
	// Cloud decides the scope of the tokens; empty means the cloud of the base URL's host, else the global one.
	Cloud Cloud
	// Tenant is the tenant's name in the catalog: the label of its metrics.
	Tenant string
	// Registerer receives the metrics; nil means none. Clients of several tenants may share one.
	Registerer prometheus.Registerer
	// OnLoad, if not nil, is told of every answer that says how loaded the tenant is. It is called before the answer is
	// used, by many goroutines at once, and must not block.
	OnLoad func(Load)
	// Transport replaces the HTTP transport underneath the pipeline; nil means one of its own.
	Transport http.RoundTripper
	// Timeout bounds one call to Graph; zero means 30 s.
	Timeout time.Duration
	// Clock replaces time.Now for the lifetime of cached answers and for Retry-After dates.
	Clock func() time.Time
}

// Client talks to one tenant. It is safe for concurrent use, and meant to be made once per tenant and process:
// it keeps connections, the token and the answers that repeat across users.
type Client struct {
	base       *url.URL
	cloud      Cloud
	credential *tokenSource
	adapter    *msgraphgocore.GraphRequestAdapterBase
	timeout    time.Duration
	clock      func() time.Time

	skus     *cache[skuList]
	policies *cache[string]
	lookups  *cache[lifecycle.Group]
	kinds    *cache[groupKind]
	skew     skew
}

// New makes a client, and refuses a configuration that cannot work or that would send a token where it must not go.
func New(cfg Config) (*Client, error) {
	base, err := parseBaseURL(cfg.BaseURL)
	if err != nil {
		return nil, err
	}
	if cfg.Credential == nil {
		return nil, errors.New("graph: a credential is required; anonymous access is not supported")
	}
	if err := guardSimulated(cfg.Credential, base); err != nil {
		return nil, err
	}
	cloud, microsofts := cloudOf(base.Hostname())
	if cfg.Cloud != "" && cfg.Cloud != cloud {
		if microsofts {
			return nil, fmt.Errorf("graph: %s belongs to the cloud %q, not to %q", base.Host, cloud, cfg.Cloud)
		}
		cloud = cfg.Cloud
	}
	scope, err := cloud.scope()
	if err != nil {
		return nil, err
	}
	c := &Client{base: base, cloud: cloud, timeout: cfg.Timeout, clock: cfg.Clock}
	if c.timeout <= 0 {
		c.timeout = defaultTimeout
	}
	if c.clock == nil {
		c.clock = time.Now
	}
	collectors, err := newMetrics(cfg.Registerer, cfg.Tenant)
	if err != nil {
		return nil, fmt.Errorf("graph: registering metrics: %w", err)
	}
	c.credential = &tokenSource{credential: cfg.Credential, scope: scope}
	auth, err := tokenProvider(c.credential, base.Hostname())
	if err != nil {
		return nil, fmt.Errorf("graph: preparing authentication: %w", err)
	}
	c.adapter, err = msgraphgocore.NewGraphRequestAdapterBaseWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(
		auth, msgraphgocore.GraphClientOptions{GraphServiceLibraryVersion: sdkVersion},
		jsonserialization.NewJsonParseNodeFactory(), jsonserialization.NewJsonSerializationWriterFactory(),
		newPipeline(cfg.Transport, collectors, cfg.OnLoad, &c.skew, c.clock))
	if err != nil {
		return nil, fmt.Errorf("graph: preparing the request adapter: %w", err)
	}
	c.adapter.SetBaseUrl(base.String())

	c.skus = newCache[skuList](skuLifetime, c.clock)
	c.policies = newCache[string](policyLifetime, c.clock)
	// Groups are shared in flight only: a license that an administrator just changed must show at once.
	c.lookups = newCache[lifecycle.Group](0, c.clock)
	c.kinds = newCache[groupKind](kindLifetime, c.clock)
	return c, nil
}

// CheckBaseURL says why New would refuse an address of Graph, or nil.
func CheckBaseURL(raw string) error {
	_, err := parseBaseURL(raw)
	return err
}

// parseBaseURL accepts https anywhere and http on this machine.
func parseBaseURL(raw string) (*url.URL, error) {
	base, err := url.Parse(strings.TrimRight(raw, "/"))
	if err != nil {
		return nil, fmt.Errorf("graph: the base URL cannot be read: %w", errors.Unwrap(err))
	}
	switch {
	case base.Host == "" || base.Hostname() == "":
		return nil, fmt.Errorf("graph: the base URL %q has no host; expected something like https://graph.microsoft.com/v1.0", base.Redacted())
	case base.User != nil || base.RawQuery != "" || base.Fragment != "":
		return nil, fmt.Errorf("graph: the base URL must be an address only, without user, query or fragment (host %s)", base.Host)
	case base.Path == "":
		return nil, fmt.Errorf("graph: the base URL %q lacks the version; expected something like %s/v1.0", base, base)
	case base.Scheme == "https":
		return base, nil
	case base.Scheme != "http":
		return nil, fmt.Errorf("graph: the base URL %q must begin with https://", base)
	case !loopback(base.Hostname()):
		return nil, fmt.Errorf("graph: the base URL %q is plain http to another machine, which would show the token to the network; use https", base)
	}
	return base, nil
}

// loopback reports whether host is this machine, as the SDK's authentication understands it.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && (ip.Equal(net.IPv4(127, 0, 0, 1)) || ip.Equal(net.IPv6loopback))
}

// Builders are made for every call: they share a map with the request that the adapter writes to (graph.md headline 10).

func (c *Client) users() *users.UsersRequestBuilder {
	return users.NewUsersRequestBuilderInternal(map[string]string{}, c.adapter)
}

func (c *Client) groups() *groups.GroupsRequestBuilder {
	return groups.NewGroupsRequestBuilderInternal(map[string]string{}, c.adapter)
}

func (c *Client) subscribedSKUs() *subscribedskus.SubscribedSkusRequestBuilder {
	return subscribedskus.NewSubscribedSkusRequestBuilderInternal(map[string]string{}, c.adapter)
}

// call runs one request. send must build the request anew each time: after a 401 it runs a second time.
func (c *Client) call(ctx context.Context, op operation, send func(context.Context) error) error {
	x := c.attempt(ctx, op, send)
	if x.status == http.StatusUnauthorized {
		c.credential.forget()
		x = c.attempt(ctx, op, send)
	}
	if f := x.fault(); f != nil {
		return f
	}
	return nil
}

func (c *Client) attempt(ctx context.Context, op operation, send func(context.Context) error) (x *exchange) {
	x = &exchange{operation: op, parent: ctx}
	// A deadline of our own, because the adapter would otherwise leave a running timer behind after each call.
	bounded, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	defer func() {
		// The SDK's generated parsers assert types; an answer of an unexpected shape must not end the process.
		if p := recover(); p != nil {
			x.unread = fmt.Errorf("the answer has an unexpected shape (%T at %s)", p, panicSite(debug.Stack()))
		}
	}()
	if err := send(withExchange(bounded, x)); err != nil && !x.failed() {
		x.unread = err
	}
	return x
}

// panicSite names the function that panicked, without its arguments.
func panicSite(stack []byte) string {
	lines := strings.Split(string(stack), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "panic(") && i+2 < len(lines) {
			name, _, _ := strings.Cut(lines[i+2], "(")
			return name
		}
	}
	return "unknown"
}

// ownLink holds a link from an answer to our own base URL: a token must never follow one elsewhere.
func (c *Client) ownLink(link string) error {
	u, err := url.Parse(link)
	if err != nil || u.Scheme != c.base.Scheme || !strings.EqualFold(u.Host, c.base.Host) || u.User != nil ||
		!strings.HasPrefix(u.Path, c.base.Path+"/") {
		f := fault.New(fault.InvalidRequest, "following a page link: the link does not lead back to %s", c.base.Host)
		f.Code = CodeForeignLink
		return f
	}
	return nil
}

// pagesPerList bounds the lists that are read to their end, so that pages that lead in a circle do not hold a worker.
const pagesPerList = 100

func endless(op operation) error {
	f := fault.New(fault.Unavailable, "%s: Microsoft Graph offers no end after %d pages", op.doing, pagesPerList)
	f.Code = CodeUnreadable
	return f
}
