package conformance_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tenure/internal/conformance/csdl"
	"tenure/internal/graph"
	"tenure/internal/graphsim"
)

// tenant is the simulated tenant with a client whose traffic is recorded.
type tenant struct {
	t     *testing.T
	ctx   context.Context
	sim   *graphsim.Tenant
	clock *graphsim.ManualClock
	graph *graph.Client
	tape  *recorder
	url   string
}

func newTenant(t *testing.T) *tenant {
	t.Helper()
	clock := graphsim.NewManualClock(time.Now())
	settings := graphsim.DefaultSettings()
	settings.TokenSeconds = 3600
	sim, err := graphsim.New(graphsim.Options{Clock: clock.Now, Settings: &settings})
	require.NoError(t, err)
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	base := server.URL + "/v1.0"
	credential, err := graph.NewSimulatedCredential(base)
	require.NoError(t, err)
	tape := &recorder{}
	client, err := graph.New(graph.Config{BaseURL: base, Credential: credential, Tenant: "contoso", Transport: tape})
	require.NoError(t, err)
	return &tenant{t: t, ctx: t.Context(), sim: sim, clock: clock, graph: client, tape: tape, url: base}
}

// recorder is the transport underneath the client: it sees what is sent.
type recorder struct {
	mu        sync.Mutex
	exchanges []csdl.Exchange
}

func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	x := csdl.Exchange{Method: request.Method, URL: request.URL.String()}
	if request.Body != nil {
		sent, err := io.ReadAll(request.Body)
		if err != nil {
			return nil, err
		}
		request.Body.Close()
		x.Body = sent
		request = request.Clone(request.Context())
		request.Body = io.NopCloser(bytes.NewReader(sent))
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	x.Status = response.StatusCode
	if x.Answer, err = io.ReadAll(response.Body); err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(x.Answer))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.exchanges = append(r.exchanges, x)
	return response, nil
}

func (r *recorder) recorded() []csdl.Exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]csdl.Exchange(nil), r.exchanges...)
}
