package service

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"tenure/internal/graph"
)

// Settings is what the worker needs to know besides the standard Temporal settings.
type Settings struct {
	// Store is sqlite:PATH or postgres://….
	Store string
	// HTTPAddr is where health and metrics are served; empty serves nothing.
	HTTPAddr string
	// Tenants are the Microsoft tenants that this worker serves.
	Tenants []Tenant
	// Codec decrypts for Temporal's UI.
	Codec CodecServer
	// SyncEvery is how often the directory is read by itself; 0 is never.
	SyncEvery time.Duration
	// Webhook is who is told of runs that are held or end.
	Webhook Webhook
}

// The kinds of credential.
const (
	// AzureCredential logs in by azidentity with its AZURE_* variables.
	AzureCredential = "azure"
	// SimulatedCredential gets its tokens from a simulated tenant on this machine.
	SimulatedCredential = "simulated"
)

// Tenant is a Microsoft tenant as the worker connects to it. Secrets are never part of it: azidentity takes them
// from its own variables and files.
type Tenant struct {
	// Name is the tenant's name in the catalog.
	Name string `yaml:"name"`
	// TenantID is the directory to log in to; empty means that of the AZURE_* variables. Of several tenants each needs
	// its own.
	TenantID string `yaml:"tenantId"`
	// Cloud is global, usgov, usgov-dod or china; GraphURL, with the version, wins over it.
	Cloud    graph.Cloud `yaml:"cloud"`
	GraphURL string      `yaml:"graphUrl"`
	// Credential is azure (default) or simulated.
	Credential string `yaml:"credential"`

	// file is the tenants file that the tenant stands in; empty for a single one.
	file string
}

// Tenants reads the tenants from a file, or takes the single one; exactly one of the two must be given.
func Tenants(file string, single Tenant) ([]Tenant, error) {
	switch {
	case file != "" && single.Name != "":
		return nil, fmt.Errorf("a tenants file and a single tenant are both given; use one of TENURE_TENANTS (--tenants) and TENURE_TENANT (--tenant)")
	case file == "" && single.Name == "":
		return nil, fmt.Errorf("no Microsoft tenant is given; set TENURE_TENANT (--tenant) to its name in the catalog, or TENURE_TENANTS (--tenants) to a file that lists several; `tenure-worker dev` runs with a simulated one")
	case file == "":
		return []Tenant{single}, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the tenants file: %w", err)
	}
	var tenants []Tenant
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(&tenants); err != nil {
		// Without the lines around the mistake, which may hold a secret that stands where none belongs.
		return nil, fmt.Errorf("read the tenants file %s: %s", file, yaml.FormatError(err, false, false))
	}
	names, directories := map[string]bool{}, map[string]string{}
	for i := range tenants {
		if tenants[i].Name == "" || names[tenants[i].Name] {
			return nil, fmt.Errorf("tenants file %s: entry %d has no name of its own", file, i+1)
		}
		names[tenants[i].Name] = true
		if t := tenants[i]; t.Credential != SimulatedCredential {
			if other, taken := directories[strings.ToLower(t.TenantID)]; taken {
				return nil, fmt.Errorf("tenants file %s: %s and %s have the same tenantId %q; with several tenants each needs its own", file, other, t.Name, t.TenantID)
			}
			directories[strings.ToLower(t.TenantID)] = t.Name
		}
		tenants[i].file = file
	}
	if len(tenants) == 0 {
		return nil, fmt.Errorf("tenants file %s lists no tenant", file)
	}
	return tenants, nil
}
