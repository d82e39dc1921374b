package service

import (
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/prometheus/client_golang/prometheus"

	"tenure/internal/graph"
)

// connectTenants makes a Graph client for each tenant. A configuration that cannot work is refused here, at the start.
func (s *Service) connectTenants() error {
	s.graph, s.pacing = map[string]*graph.Client{}, map[string]*pacing{}
	rates, err := newRates(s.metrics)
	if err != nil {
		return err
	}
	for _, t := range s.settings.Tenants {
		p := s.newPacing(t, rates)
		client, err := t.connect(s.metrics, p.hear)
		if err != nil {
			return fmt.Errorf("tenant %s: %w", t.Name, err)
		}
		s.graph[t.Name], s.pacing[t.Name] = client, p
	}
	return nil
}

// connect makes the client. Errors name the setting to mend.
func (t Tenant) connect(metrics prometheus.Registerer, onLoad func(graph.Load)) (*graph.Client, error) {
	url := t.GraphURL
	if url == "" {
		cloud := t.Cloud
		if cloud == "" {
			cloud = graph.Global
		}
		if url = cloud.BaseURL(); url == "" {
			return nil, t.wrong("cloud", fmt.Errorf("there is no cloud %q; accepted: global, usgov, usgov-dod, china", cloud))
		}
	}
	if err := graph.CheckBaseURL(url); err != nil {
		return nil, t.wrong("graphUrl", err)
	}
	var credential azcore.TokenCredential
	var err error
	switch t.Credential {
	case "", AzureCredential:
		cloud := t.Cloud
		if cloud == "" {
			// The login has to be of the cloud that the token is for.
			cloud = graph.CloudAt(url)
		}
		credential, err = graph.NewAzureCredential(graph.AzureIdentity{Cloud: cloud, TenantID: t.TenantID})
	case SimulatedCredential:
		credential, err = graph.NewSimulatedCredential(url)
	default:
		err = fmt.Errorf("there is no kind of credential %q; accepted: %s, %s", t.Credential, AzureCredential, SimulatedCredential)
	}
	if err != nil {
		return nil, t.wrong("credential", err)
	}
	client, err := graph.New(graph.Config{BaseURL: url, Credential: credential, Cloud: t.Cloud, Tenant: t.Name, Registerer: metrics, OnLoad: onLoad})
	if err != nil {
		return nil, t.wrong("cloud", err)
	}
	return client, nil
}

// singleSettings are the settings of the one tenant by the key that they have in a tenants file.
var singleSettings = map[string]string{
	"graphUrl":   "TENURE_GRAPH_URL (--graph-url)",
	"credential": "TENURE_GRAPH_CREDENTIAL (--graph-credential)",
}

// wrong says which setting cannot work.
func (t Tenant) wrong(key string, err error) error {
	setting, single := singleSettings[key]
	if t.file != "" || !single {
		setting = key
	}
	if t.file != "" {
		setting += " in " + t.file
	}
	return fmt.Errorf("%s: %w", setting, err)
}

// graphRate is how many activities a second a tenant's queue hands out to all workers together; zero is no limit.
// Microsoft allows an application 3,000 writes in 150 s (graph.md §8.1), and no activity but those on groups writes
// more than once. A simulated tenant says itself when it has enough.
func (t Tenant) graphRate() float64 {
	if t.Credential == SimulatedCredential {
		return 0
	}
	return quotaRate
}
