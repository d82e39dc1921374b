package graph

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/microsoft/kiota-abstractions-go/authentication"
	kauth "github.com/microsoft/kiota-authentication-azure-go"

	"tenure/internal/fault"
)

// Cloud is one of Microsoft's clouds. Its name stands in the settings of a tenant.
type Cloud string

// The clouds of graph.md §8.5.
const (
	Global     Cloud = "global"
	USGov      Cloud = "usgov"
	USGovDoD   Cloud = "usgov-dod"
	China      Cloud = "china"
	apiVersion       = "/v1.0"
)

var clouds = map[Cloud]struct {
	host      string
	authority cloud.Configuration
}{
	Global:   {"graph.microsoft.com", cloud.AzurePublic},
	USGov:    {"graph.microsoft.us", cloud.AzureGovernment},
	USGovDoD: {"dod-graph.microsoft.us", cloud.AzureGovernment},
	China:    {"microsoftgraph.chinacloudapi.cn", cloud.AzureChina},
}

// BaseURL is the address of Graph v1.0 in the cloud, or empty for a cloud that does not exist.
func (c Cloud) BaseURL() string {
	if known, ok := clouds[c]; ok {
		return "https://" + known.host + apiVersion
	}
	return ""
}

func (c Cloud) scope() (string, error) {
	known, ok := clouds[c]
	if !ok {
		return "", fmt.Errorf("graph: unknown cloud %q; use global, usgov, usgov-dod or china", c)
	}
	return "https://" + known.host + "/.default", nil
}

// CloudAt is the cloud that an address of Graph belongs to: the global one for hosts that are not Microsoft's.
func CloudAt(baseURL string) Cloud {
	at, err := url.Parse(baseURL)
	if err != nil {
		return Global
	}
	cloud, _ := cloudOf(at.Hostname())
	return cloud
}

// cloudOf finds the cloud of a host: the global one for hosts that are not Microsoft's.
func cloudOf(host string) (cloud Cloud, microsofts bool) {
	for name, known := range clouds {
		if strings.EqualFold(known.host, host) {
			return name, true
		}
	}
	return Global, false
}

// SimulatedCredential takes its tokens from a simulated tenant on this machine.
type SimulatedCredential struct {
	url    string
	host   string
	client *http.Client
	clock  func() time.Time
	tokens *cache[azcore.AccessToken]

	mu      sync.Mutex
	current azcore.AccessToken
	renewAt time.Time
}

// NewSimulatedCredential makes a credential for the simulated tenant that serves baseURL. It refuses every host but
// this machine, in particular all real ones.
func NewSimulatedCredential(baseURL string) (*SimulatedCredential, error) {
	base, err := parseBaseURL(baseURL)
	if err != nil {
		return nil, err
	}
	if !loopback(base.Hostname()) {
		return nil, fmt.Errorf("graph: the simulated credential is for a tenant on this machine only, not for %s", base.Host)
	}
	token := url.URL{Scheme: base.Scheme, Host: base.Host, Path: "/_sim/token"}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	return &SimulatedCredential{
		url: token.String(), host: base.Host,
		client: &http.Client{
			Transport: transport, Timeout: 10 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		clock:  time.Now,
		tokens: newCache[azcore.AccessToken](0, time.Now),
	}, nil
}

// guardSimulated keeps a simulated credential on the machine and at the tenant that it was made for.
func guardSimulated(credential azcore.TokenCredential, base *url.URL) error {
	sim, ok := credential.(*SimulatedCredential)
	switch {
	case !ok:
		return nil
	case sim == nil:
		return errors.New("graph: the simulated credential is nil")
	case !loopback(base.Hostname()):
		return fmt.Errorf("graph: the simulated credential is for a tenant on this machine only, not for %s", base.Host)
	case !strings.EqualFold(sim.host, base.Host):
		return fmt.Errorf("graph: the simulated credential belongs to %s, the base URL to %s", sim.host, base.Host)
	}
	return nil
}

// GetToken implements azcore.TokenCredential. A token is used until a fifth of its life, at most a minute, is left.
func (s *SimulatedCredential) GetToken(ctx context.Context, _ policy.TokenRequestOptions) (azcore.AccessToken, error) {
	s.mu.Lock()
	token, fresh := s.current, s.clock().Before(s.renewAt)
	s.mu.Unlock()
	if fresh {
		return token, nil
	}
	return s.tokens.reload(ctx, "token", s.fetch)
}

func (s *SimulatedCredential) fetch(ctx context.Context) (azcore.AccessToken, error) {
	asked := s.clock()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		f := fault.New(fault.Unavailable, "getting a token from the simulated tenant: the connection failed: %s", networkCause(err))
		return azcore.AccessToken{}, f
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, errorBodyLimit))
	if err != nil || resp.StatusCode != http.StatusOK {
		kind := fault.Unauthenticated
		if err != nil || resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests {
			kind = fault.Unavailable
		}
		f := fault.New(kind, "getting a token from the simulated tenant: it answered %d", resp.StatusCode)
		f.Status = resp.StatusCode
		return azcore.AccessToken{}, f
	}
	var answer struct {
		AccessToken string  `json:"access_token"`
		ExpiresIn   float64 `json:"expires_in"`
	}
	// The body is not quoted: it may hold a token.
	if json.Unmarshal(body, &answer) != nil || answer.AccessToken == "" {
		return azcore.AccessToken{}, fault.New(fault.Unauthenticated, "getting a token from the simulated tenant: the answer holds no token")
	}
	life := time.Duration(min(max(answer.ExpiresIn, 0), 86400) * float64(time.Second))
	token := azcore.AccessToken{Token: answer.AccessToken, ExpiresOn: asked.Add(life)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current, s.renewAt = token, token.ExpiresOn.Add(-min(life/5, time.Minute))
	return token, nil
}

func (s *SimulatedCredential) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.renewAt = time.Time{}
}

// tokenSource hands the SDK tokens of one scope, and notes in the exchange when there is none.
type tokenSource struct {
	credential azcore.TokenCredential
	scope      string
}

// GetToken implements azcore.TokenCredential.
func (t *tokenSource) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token, err := t.credential.GetToken(ctx, options)
	if err == nil && token.Token == "" {
		err = errors.New("the credential yielded an empty token")
	}
	if err != nil {
		exchangeOf(ctx).token = err
		// The SDK writes the error into a span, so it is not given the one that quotes the login's answer.
		return azcore.AccessToken{}, errors.New("no token")
	}
	return token, nil
}

// forget makes the next request fetch a new token, where the credential keeps tokens itself. azidentity renews
// expired ones by its own clock.
func (t *tokenSource) forget() {
	if f, ok := t.credential.(interface{ forget() }); ok {
		f.forget()
	}
}

// tokenProvider adds tokens to requests for host only. Scope and host are explicit: left to itself the SDK sends
// requests to hosts that it does not know without a token, silently.
func tokenProvider(source *tokenSource, host string) (authentication.AuthenticationProvider, error) {
	return kauth.NewAzureIdentityAuthenticationProviderWithScopesAndValidHosts(source, []string{source.scope}, []string{host})
}

var loginCode = regexp.MustCompile(`AADSTS\d+:[^\r\n"\\]{0,200}`)

// tokenFault says why there is no token without quoting the login's answer beyond Entra's own explanation.
func (x *exchange) tokenFault() *fault.Error {
	var classified *fault.Error
	if errors.As(x.token, &classified) {
		f := fault.New(classified.Kind, "%s: %s", x.operation.doing, classified.Message)
		f.Details = classified.Details
		return f
	}
	var failed *azidentity.AuthenticationFailedError
	refused := errors.As(x.token, &failed)
	switch {
	case errors.Is(x.token, context.Canceled), errors.Is(x.token, context.DeadlineExceeded), isTimeout(x.token):
		return fault.New(fault.Unavailable, "%s: logging in to Microsoft Entra did not finish in time", x.operation.doing)
	case refused && failed.RawResponse != nil && (failed.RawResponse.StatusCode >= 500 || failed.RawResponse.StatusCode == http.StatusTooManyRequests):
		f := fault.New(fault.Unavailable, "%s: Microsoft Entra answered %d to the login", x.operation.doing, failed.RawResponse.StatusCode)
		f.Status = failed.RawResponse.StatusCode
		return f
	case refused && failed.RawResponse == nil && networkTrouble.MatchString(x.token.Error()):
		return fault.New(fault.Unavailable, "%s: Microsoft Entra cannot be reached for the login", x.operation.doing)
	}
	why := loginCode.FindString(x.token.Error())
	if why == "" {
		why = x.token.Error()
	}
	f := fault.New(fault.Unauthenticated, "%s: no token for Microsoft Graph: %s", x.operation.doing, shown(why, messageLimit))
	f.Code, f.Hint = "no-token", "check AZURE_TOKEN_CREDENTIALS and the AZURE_* variables that the credential needs"
	return f
}

// networkTrouble recognises what the login library reports as text only.
var networkTrouble = regexp.MustCompile(`(?i)dial tcp|no such host|connection re|timeout|deadline exceeded|\bEOF\b|network is unreachable`)

var opPermissions = operation{"GET token", "reading the granted permissions", ""}

// Permissions lists the application permissions that the token carries in its roles claim, sorted. A credential
// that keeps tokens itself is asked for a new one, which the following calls use too, so that the answer and what the
// calls may do agree. Needs no permission.
func (c *Client) Permissions(ctx context.Context) ([]string, error) {
	x := &exchange{operation: opPermissions, parent: ctx}
	bounded, cancel := context.WithTimeout(withExchange(ctx, x), c.timeout)
	defer cancel()
	c.credential.forget()
	token, err := c.credential.GetToken(bounded, policy.TokenRequestOptions{Scopes: []string{c.credential.scope}, EnableCAE: true})
	if err != nil {
		return nil, x.fault()
	}
	roles, err := rolesOf(token.Token)
	if err != nil {
		return nil, fault.New(fault.Unauthenticated, "%s: %s", opPermissions.doing, err)
	}
	return roles, nil
}

// rolesOf reads the roles claim.
func rolesOf(token string) ([]string, error) {
	var claims struct {
		Roles []string `json:"roles"`
	}
	if err := claimsOf(token, &claims); err != nil {
		return nil, err
	}
	slices.Sort(claims.Roles)
	return slices.Compact(append([]string{}, claims.Roles...)), nil
}

// claimsOf reads claims. The signature is not ours to check: the token is only shown to its audience.
func claimsOf(token string, into any) error {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return errors.New("the token is not a JWT")
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return errors.New("the token's claims are not base64")
	}
	if json.Unmarshal(payload, into) != nil {
		return errors.New("the token's claims cannot be read")
	}
	return nil
}
