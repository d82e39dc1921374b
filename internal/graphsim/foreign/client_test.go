package foreign_test

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	"github.com/microsoft/kiota-abstractions-go/store"
	form "github.com/microsoft/kiota-serialization-form-go"
	jsons "github.com/microsoft/kiota-serialization-json-go"
	multipart "github.com/microsoft/kiota-serialization-multipart-go"
	text "github.com/microsoft/kiota-serialization-text-go"
	core "github.com/microsoftgraph/msgraph-sdk-go-core"
	"github.com/microsoftgraph/msgraph-sdk-go-core/authentication"
	"github.com/microsoftgraph/msgraph-sdk-go/groups"
	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"
	"github.com/microsoftgraph/msgraph-sdk-go/subscribedskus"
	"github.com/microsoftgraph/msgraph-sdk-go/users"
	"github.com/stretchr/testify/require"

	"tenure/internal/graphsim"
)

// errorMappings is what every generated builder of the SDK passes along.
var errorMappings = abstractions.ErrorMappings{"XXX": odataerrors.CreateODataErrorFromDiscriminatorValue}

// TestMain registers what NewGraphServiceClient registers. The registries are
// global to the process.
func TestMain(m *testing.M) {
	type writers = serialization.SerializationWriterFactory
	type parsers = serialization.ParseNodeFactory
	abstractions.RegisterDefaultSerializer(func() writers { return jsons.NewJsonSerializationWriterFactory() })
	abstractions.RegisterDefaultSerializer(func() writers { return text.NewTextSerializationWriterFactory() })
	abstractions.RegisterDefaultSerializer(func() writers { return form.NewFormSerializationWriterFactory() })
	abstractions.RegisterDefaultSerializer(func() writers { return multipart.NewMultipartSerializationWriterFactory() })
	abstractions.RegisterDefaultDeserializer(func() parsers { return jsons.NewJsonParseNodeFactory() })
	abstractions.RegisterDefaultDeserializer(func() parsers { return text.NewTextParseNodeFactory() })
	abstractions.RegisterDefaultDeserializer(func() parsers { return form.NewFormParseNodeFactory() })
	if err := core.RegisterError(core.BatchRequestErrorRegistryKey, abstractions.ErrorMappings{
		"4XX": odataerrors.CreateODataErrorFromDiscriminatorValue, "5XX": odataerrors.CreateODataErrorFromDiscriminatorValue,
	}); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// retryAfter is the shortest wait that Graph can ask for.
const retryAfter = time.Second

// client is the SDK's default client of a simulated tenant.
type client struct {
	t       *testing.T
	ctx     context.Context
	tenant  *graphsim.Tenant
	clock   *graphsim.ManualClock
	adapter *core.GraphRequestAdapterBase
	logins  *credential
	seen    *headers
}

func newClient(t *testing.T, settings graphsim.Settings) *client {
	t.Helper()
	return connect(t, graphsim.Options{Settings: &settings})
}

func connect(t *testing.T, options graphsim.Options) *client {
	t.Helper()
	clock := graphsim.NewManualClock(time.Now())
	options.Clock = clock.Now
	tenant, err := graphsim.New(options)
	require.NoError(t, err)
	seen := &headers{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.add(r)
		if r.Header.Get("Retry-Attempt") != "" {
			clock.Advance(retryAfter) // the client has waited in real time
		}
		tenant.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	logins := &credential{url: server.URL + "/_sim/token"}
	provider, err := authentication.NewAzureIdentityAuthenticationProviderWithScopesAndValidHosts(
		logins, []string{"https://graph.microsoft.com/.default"}, []string{"127.0.0.1"})
	require.NoError(t, err)
	adapter, err := core.NewGraphRequestAdapterBase(provider, core.GraphClientOptions{GraphServiceLibraryVersion: "1.89.0"})
	require.NoError(t, err)
	adapter.SetBaseUrl(server.URL + "/v1.0")
	adapter.EnableBackingStore(store.BackingStoreFactoryInstance)
	return &client{t: t, ctx: t.Context(), tenant: tenant, clock: clock, adapter: adapter, logins: logins, seen: seen}
}

func longTokens() graphsim.Settings {
	settings := graphsim.DefaultSettings()
	settings.TokenSeconds = 3600
	return settings
}

func (c *client) users() *users.UsersRequestBuilder {
	return users.NewUsersRequestBuilderInternal(map[string]string{}, c.adapter)
}

func (c *client) groups() *groups.GroupsRequestBuilder {
	return groups.NewGroupsRequestBuilderInternal(map[string]string{}, c.adapter)
}

func (c *client) skus() *subscribedskus.SubscribedSkusRequestBuilder {
	return subscribedskus.NewSubscribedSkusRequestBuilderInternal(map[string]string{}, c.adapter)
}

// raw sends what the SDK has no builder for.
func (c *client) raw(method abstractions.HttpMethod, template string, query map[string]string, body any) (map[string]any, error) {
	c.t.Helper()
	info := abstractions.NewRequestInformationWithMethodAndUrlTemplateAndPathParameters(method, "{+baseurl}"+template, map[string]string{})
	maps.Copy(info.QueryParameters, query)
	info.Headers.TryAdd("Accept", "application/json")
	if body != nil {
		encoded, err := json.Marshal(body)
		require.NoError(c.t, err)
		info.SetStreamContentAndContentType(encoded, "application/json")
	}
	answer, err := c.adapter.SendPrimitive(c.ctx, info, "[]byte", errorMappings)
	if err != nil {
		return nil, err
	}
	var decoded map[string]any
	if content, _ := answer.([]byte); len(content) > 0 {
		require.NoError(c.t, json.Unmarshal(content, &decoded))
	}
	return decoded, nil
}

// credential gets its tokens from the tenant, as azidentity would from Entra.
type credential struct {
	url    string
	mu     sync.Mutex
	claims []string // asked for, in order
}

func (c *credential) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	c.mu.Lock()
	c.claims = append(c.claims, options.Claims)
	c.mu.Unlock()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url, nil)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	defer response.Body.Close()
	var token graphsim.Token
	err = json.NewDecoder(response.Body).Decode(&token)
	return azcore.AccessToken{Token: token.AccessToken, ExpiresOn: time.Now().Add(time.Duration(token.ExpiresIn) * time.Second)}, err
}

func (c *credential) asked() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.claims...)
}

// headers are those of the requests that reached the tenant.
type headers struct {
	mu  sync.Mutex
	all []http.Header
}

func (h *headers) add(r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, r.Header.Clone())
}

// values are those of one header, of the requests that had it.
func (h *headers) values(name string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var values []string
	for _, header := range h.all {
		if given := header.Get(name); given != "" {
			values = append(values, given)
		}
	}
	return values
}

func pointer[T any](v T) *T { return &v }
