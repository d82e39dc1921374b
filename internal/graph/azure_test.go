package graph_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/fault"
	"tenure/internal/graph"
)

const (
	home    = "11111111-1111-1111-1111-111111111111"
	another = "33333333-3333-3333-3333-333333333333"
)

// login is Microsoft Entra and the endpoints of managed identities, as far as a credential asks for a token. The token
// is one of the tenant that the address names.
type login struct {
	mu    sync.Mutex
	asked []asked
	// tenant is whose tokens a managed identity gets.
	tenant string
}

type asked struct {
	host, path  string
	query, form url.Values
	header      http.Header
}

func (l *login) Do(r *http.Request) (*http.Response, error) {
	tenant := strings.Split(strings.Trim(r.URL.Path, "/"), "/")[0]
	answer := ""
	switch {
	case strings.Contains(r.URL.Path, "/discovery/instance"):
		answer = `{"tenant_discovery_endpoint":"https://` + r.URL.Host + `/t/v2.0/.well-known/openid-configuration","api-version":"1.1","metadata":[]}`
	case strings.HasSuffix(r.URL.Path, "openid-configuration"):
		base := "https://" + r.URL.Host + "/" + tenant
		answer = `{"authorization_endpoint":"` + base + `/authorize","token_endpoint":"` + base + `/token","issuer":"` + base + `"}`
	default:
		a := asked{host: r.URL.Host, path: r.URL.Path, query: r.URL.Query(), header: r.Header}
		if r.Body != nil {
			body, _ := io.ReadAll(r.Body)
			a.form, _ = url.ParseQuery(string(body))
		}
		l.mu.Lock()
		l.asked = append(l.asked, a)
		l.mu.Unlock()
		if uuid.Validate(tenant) != nil {
			tenant = l.tenant
		}
		answer = fmt.Sprintf(`{"token_type":"Bearer","expires_in":3599,"expires_on":"%d","resource":"r","access_token":"%s"}`, time.Now().Add(time.Hour).Unix(), tokenOf(tenant))
	}
	return &http.Response{StatusCode: 200, Status: "200", Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(answer)), Request: r}, nil
}

func (l *login) last(t *testing.T) asked {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	require.NotEmpty(t, l.asked, "nobody was asked for a token")
	return l.asked[len(l.asked)-1]
}

func tokenOf(tenant string) string {
	claims, _ := json.Marshal(map[string]any{"tid": tenant, "roles": []string{"User.Read.All"}})
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(`{"alg":"none"}`)) + "." + enc(claims) + ".c2lnbmF0dXJl"
}

// identity sets the variables that name an identity, and clears all others. Client ids differ, because what managed
// identities yield is kept for the whole process.
func identity(t *testing.T, kind string, variables ...string) (clientID string) {
	t.Helper()
	for _, name := range []string{
		"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_AUTHORITY_HOST",
		"IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT", "MSI_SECRET", "IMDS_ENDPOINT", "IDENTITY_SERVER_THUMBPRINT", "AZURE_ADDITIONALLY_ALLOWED_TENANTS",
	} {
		t.Setenv(name, "")
		require.NoError(t, os.Unsetenv(name))
	}
	clientID = uuid.NewString()
	t.Setenv("AZURE_TOKEN_CREDENTIALS", kind)
	t.Setenv("AZURE_CLIENT_ID", clientID)
	for i := 0; i < len(variables); i += 2 {
		t.Setenv(variables[i], variables[i+1])
	}
	return clientID
}

func tokenFor(t *testing.T, l *login, tenantID string) error {
	t.Helper()
	c, err := graph.NewAzureCredential(graph.AzureIdentity{TenantID: tenantID, Transport: l})
	require.NoError(t, err)
	_, err = c.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://graph.microsoft.com/.default"}})
	return err
}

func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// certificate is a self-signed one with its key, as one PEM file.
func certificate(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "tenure"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return file(t, "client.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))+string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
}

func TestWorkloadIdentity(t *testing.T) {
	l := &login{}
	id := identity(t, "WorkloadIdentityCredential", "AZURE_TENANT_ID", home, "AZURE_FEDERATED_TOKEN_FILE", file(t, "token", "federated"))
	require.NoError(t, tokenFor(t, l, ""))
	got := l.last(t)
	assert.Equal(t, "login.microsoftonline.com", got.host)
	assert.Contains(t, got.path, home)
	assert.Equal(t, "federated", got.form.Get("client_assertion"))
	assert.Equal(t, id, got.form.Get("client_id"))
	assert.Equal(t, "https://graph.microsoft.com/.default openid offline_access profile", got.form.Get("scope"))
}

func TestEnvironmentWithACertificate(t *testing.T) {
	l := &login{}
	id := identity(t, "EnvironmentCredential", "AZURE_TENANT_ID", home, "AZURE_CLIENT_CERTIFICATE_PATH", certificate(t))
	require.NoError(t, tokenFor(t, l, ""))
	got := l.last(t)
	assert.Contains(t, got.path, home)
	assert.Equal(t, id, got.form.Get("client_id"))
	assert.Equal(t, "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", got.form.Get("client_assertion_type"))
	assert.Len(t, strings.Split(got.form.Get("client_assertion"), "."), 3, "a JWT signed with the key")
	assert.Empty(t, got.form.Get("client_secret"))
}

func TestManagedIdentity(t *testing.T) {
	l := &login{tenant: home}
	id := identity(t, "ManagedIdentityCredential")
	require.NoError(t, tokenFor(t, l, ""))
	got := l.last(t)
	assert.Equal(t, "169.254.169.254", got.host)
	assert.Equal(t, id, got.query.Get("client_id"))
	assert.Equal(t, "https://graph.microsoft.com", got.query.Get("resource"))
	assert.Equal(t, "true", got.header.Get("Metadata"))
}

func TestProdTakesTheFirstThatIsConfigured(t *testing.T) {
	for name, row := range map[string]struct {
		variables []string
		host      string
		by        string
	}{
		"a secret":           {[]string{"AZURE_TENANT_ID", home, "AZURE_CLIENT_SECRET", "hunter2"}, "login.microsoftonline.com", "client_secret"},
		"a certificate":      {[]string{"AZURE_TENANT_ID", home, "AZURE_CLIENT_CERTIFICATE_PATH", certificate(t)}, "login.microsoftonline.com", "client_assertion"},
		"a federated token":  {[]string{"AZURE_TENANT_ID", home, "AZURE_FEDERATED_TOKEN_FILE", file(t, "token", "federated")}, "login.microsoftonline.com", "client_assertion"},
		"a managed identity": {nil, "169.254.169.254", ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := &login{tenant: home}
			identity(t, "prod", row.variables...)
			require.NoError(t, tokenFor(t, l, ""))
			got := l.last(t)
			assert.Equal(t, row.host, got.host)
			if row.by != "" {
				assert.NotEmpty(t, got.form.Get(row.by))
			}
		})
	}
}

func TestOnlyTheNamedCredentialIsTried(t *testing.T) {
	for kind, missing := range map[string]string{
		"WorkloadIdentityCredential": "no token file",
		"EnvironmentCredential":      "AZURE_TENANT_ID",
	} {
		l := &login{tenant: home}
		identity(t, kind)
		assert.ErrorContains(t, tokenFor(t, l, ""), missing, kind)
		assert.Empty(t, l.asked, "%s: nobody else is asked", kind)
	}
	identity(t, "guesswork")
	_, err := graph.NewAzureCredential(graph.AzureIdentity{})
	require.ErrorContains(t, err, "guesswork")
	assert.NotContains(t, err.Error(), "\n")
}

// A worker with several tenants has one identity and must never work in another tenant than the one it was told.
func TestTheTokenIsOfTheTenantThatTheSettingsName(t *testing.T) {
	federated := file(t, "token", "federated")
	for name, variables := range map[string][]string{
		"a secret":          {"EnvironmentCredential", "AZURE_CLIENT_SECRET", "hunter2"},
		"a certificate":     {"EnvironmentCredential", "AZURE_CLIENT_CERTIFICATE_PATH", certificate(t)},
		"a federated token": {"WorkloadIdentityCredential", "AZURE_FEDERATED_TOKEN_FILE", federated},
	} {
		for _, tenant := range []string{home, another} {
			l := &login{}
			identity(t, variables[0], append([]string{"AZURE_TENANT_ID", home}, variables[1:]...)...)
			require.NoError(t, tokenFor(t, l, tenant), name)
			assert.Contains(t, l.last(t).path, tenant, name)
		}
	}

	identity(t, "ManagedIdentityCredential")
	require.NoError(t, tokenFor(t, &login{tenant: another}, another))
	identity(t, "ManagedIdentityCredential")
	require.NoError(t, tokenFor(t, &login{tenant: home}, "contoso.onmicrosoft.com"), "a domain cannot be compared")
	identity(t, "ManagedIdentityCredential")
	l := &login{tenant: home}
	c, err := graph.NewAzureCredential(graph.AzureIdentity{TenantID: another, Transport: l})
	require.NoError(t, err)
	s, _ := always(t, 200, `{"id":"x"}`)
	_, err = s.client(t, func(cfg *graph.Config) { cfg.Credential = c }).User(t.Context(), adele)
	f := classified(t, err)
	assert.Equal(t, fault.Unauthenticated, f.Kind)
	assert.Contains(t, f.Message, another)
	assert.Contains(t, f.Message, home)
	assert.Empty(t, s.requests(), "the token of the wrong tenant goes nowhere")
}

func TestUnusableKeyFilesAreNamed(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	for name, path := range map[string]string{
		"absent":     filepath.Join(t.TempDir(), "none.pem"),
		"not PEM":    file(t, "client.pem", "hunter2"),
		"a key only": file(t, "client.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))),
	} {
		l := &login{}
		identity(t, "EnvironmentCredential", "AZURE_TENANT_ID", home, "AZURE_CLIENT_CERTIFICATE_PATH", path)
		err := tokenFor(t, l, "")
		require.Error(t, err, name)
		assert.NotContains(t, err.Error(), "hunter2", name)
		assert.Empty(t, l.asked, name)
	}
}

func TestCloudAt(t *testing.T) {
	for base, cloud := range map[string]graph.Cloud{
		"https://graph.microsoft.com/v1.0":             graph.Global,
		"https://graph.microsoft.us/v1.0":              graph.USGov,
		"https://DOD-graph.microsoft.us/v1.0":          graph.USGovDoD,
		"https://microsoftgraph.chinacloudapi.cn/beta": graph.China,
		"https://proxy.contoso.example/v1.0":           graph.Global,
		"%zz":                                          graph.Global,
	} {
		assert.Equal(t, cloud, graph.CloudAt(base), base)
	}
}
