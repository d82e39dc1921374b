package service_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"tenure/worker/service"
)

// Neither the store nor Temporal is there: these settings are refused before anything is connected.
func TestConfigurationThatCannotWorkIsRefusedAtStart(t *testing.T) {
	t.Setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
	for name, row := range map[string]struct {
		tenant service.Tenant
		says   []string
	}{
		"plain http to another machine": {
			service.Tenant{GraphURL: "http://graph.contoso.example/v1.0"}, []string{"TENURE_GRAPH_URL (--graph-url)", "plain http", "https"}},
		"no version": {
			service.Tenant{GraphURL: "https://graph.microsoft.com"}, []string{"TENURE_GRAPH_URL", "lacks the version"}},
		"simulated with the real Graph": {
			service.Tenant{GraphURL: "https://graph.microsoft.com/v1.0", Credential: service.SimulatedCredential},
			[]string{"TENURE_GRAPH_CREDENTIAL (--graph-credential)", "this machine only", "graph.microsoft.com"}},
		"simulated with a cloud": {
			service.Tenant{Cloud: "usgov", Credential: service.SimulatedCredential}, []string{"TENURE_GRAPH_CREDENTIAL", "this machine only"}},
		"anonymous": {
			service.Tenant{GraphURL: "https://graph.microsoft.com/v1.0", Credential: "anonymous"},
			[]string{"TENURE_GRAPH_CREDENTIAL", `no kind of credential "anonymous"`, "azure", "simulated"}},
		"no such cloud":      {service.Tenant{Cloud: "mars"}, []string{"cloud", `"mars"`, "usgov-dod"}},
		"the wrong cloud":    {service.Tenant{GraphURL: "https://graph.microsoft.us/v1.0", Cloud: "global"}, []string{"cloud", "graph.microsoft.us", "usgov"}},
		"cloud and no cloud": {service.Tenant{GraphURL: "https://proxy.contoso.example/v1.0", Cloud: "mars"}, []string{"cloud", `"mars"`}},
	} {
		t.Run(name, func(t *testing.T) {
			row.tenant.Name = "contoso"
			refused(t, []service.Tenant{row.tenant}, append(row.says, "tenant contoso: ")...)
		})
	}
}

func TestARefusalNamesTheKeyOfTheTenantsFile(t *testing.T) {
	tenants, err := service.Tenants(tenantsFile(t, "- name: good\n  graphUrl: http://127.0.0.1:8440/v1.0\n  credential: simulated\n- name: bad\n  graphUrl: http://10.0.0.7/v1.0"), service.Tenant{})
	require.NoError(t, err)
	refused(t, tenants, "tenant bad: ", "graphUrl in ", "tenants.yaml")
}

func TestAzureNeedsAChosenCredential(t *testing.T) {
	t.Setenv("AZURE_TOKEN_CREDENTIALS", "")
	refused(t, []service.Tenant{{Name: "contoso", GraphURL: "https://graph.microsoft.com/v1.0"}}, "tenant contoso: TENURE_GRAPH_CREDENTIAL", "AZURE_TOKEN_CREDENTIALS")
	t.Setenv("AZURE_TOKEN_CREDENTIALS", "guesswork")
	refused(t, []service.Tenant{{Name: "contoso", GraphURL: "https://graph.microsoft.com/v1.0"}}, "tenant contoso: TENURE_GRAPH_CREDENTIAL", "guesswork")
}

// refused demands one line that says all of it.
func refused(t *testing.T, tenants []service.Tenant, says ...string) {
	t.Helper()
	_, err := service.Open(t.Context(), service.Settings{Store: "sqlite:" + filepath.Join(t.TempDir(), "none", "tenure.db"), Tenants: tenants}, zap.NewNop())
	require.Error(t, err)
	for _, part := range says {
		assert.ErrorContains(t, err, part)
	}
	assert.NotContains(t, strings.TrimSpace(err.Error()), "\n")
}
