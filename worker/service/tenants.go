package service

import (
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/prometheus/client_golang/prometheus"

	"tenure/internal/graph"
)

// connectTenants makes a Graph client for each tenant. A configuration that cannot work is refused here, at the start.
func connectTenants(tenants []Tenant, metrics prometheus.Registerer) (map[string]*graph.Client, error) {
	clients := map[string]*graph.Client{}
	for _, t := range tenants {
		client, err := t.connect(metrics)
		if err != nil {
			return nil, fmt.Errorf("tenant %s: %w", t.Name, err)
		}
		clients[t.Name] = client
	}
	return clients, nil
}

func (t Tenant) connect(metrics prometheus.Registerer) (*graph.Client, error) {
	url := t.GraphURL
	if url == "" {
		cloud := t.Cloud
		if cloud == "" {
			cloud = graph.Global
		}
		if url = cloud.BaseURL(); url == "" {
			return nil, fmt.Errorf("there is no cloud %q", cloud)
		}
	}
	var credential azcore.TokenCredential
	var err error
	switch t.Credential {
	case "", AzureCredential:
		credential, err = graph.NewAzureCredential(graph.AzureIdentity{Cloud: t.Cloud, TenantID: t.TenantID})
	case SimulatedCredential:
		credential, err = graph.NewSimulatedCredential(url)
	default:
		err = fmt.Errorf("there is no kind of credential %q; accepted: %s, %s", t.Credential, AzureCredential, SimulatedCredential)
	}
	if err != nil {
		return nil, err
	}
	return graph.New(graph.Config{BaseURL: url, Credential: credential, Cloud: t.Cloud, Tenant: t.Name, Registerer: metrics})
}

// graphRate is how many activities a second a tenant's queue hands out to all workers together; zero is no limit.
// Microsoft allows an application 3,000 writes in 150 s (graph.md §8.1), and no activity but those on groups writes
// more than once. A simulated tenant says itself when it has enough.
func (t Tenant) graphRate() float64 {
	if t.Credential == SimulatedCredential {
		return 0
	}
	return 18
}
