package service_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/graph"
	"tenure/worker/service"
)

func tenantsFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tenants.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

func TestTenantsOfAFile(t *testing.T) {
	tenants, err := service.Tenants(tenantsFile(t, `
- name: contoso
  tenantId: 11111111-1111-1111-1111-111111111111
- name: fabrikam
  cloud: usgov
- name: tryout
  graphUrl: http://127.0.0.1:8440/v1.0
  credential: simulated
`), service.Tenant{})
	require.NoError(t, err)
	require.Len(t, tenants, 3)
	assert.Equal(t, "11111111-1111-1111-1111-111111111111", tenants[0].TenantID)
	assert.Equal(t, graph.USGov, tenants[1].Cloud)
	assert.Equal(t, "tryout", tenants[2].Name)
	assert.Equal(t, "http://127.0.0.1:8440/v1.0", tenants[2].GraphURL)
	assert.Equal(t, service.SimulatedCredential, tenants[2].Credential)
}

func TestTheOneTenant(t *testing.T) {
	single := service.Tenant{Name: "contoso", GraphURL: graph.Global.BaseURL(), Credential: service.AzureCredential}
	tenants, err := service.Tenants("", single)
	require.NoError(t, err)
	assert.Equal(t, []service.Tenant{single}, tenants)
}

func TestTenantsThatAreRefused(t *testing.T) {
	for name, row := range map[string]struct {
		file, single string
		says         []string
	}{
		"none given":      {says: []string{"TENURE_TENANT", "TENURE_TENANTS", "tenure-worker dev"}},
		"both given":      {file: "- name: contoso", single: "contoso", says: []string{"both given"}},
		"unknown key":     {file: "- name: contoso\n  graphURL: x", says: []string{"tenants.yaml", "graphURL"}},
		"a secret":        {file: "- name: contoso\n  clientSecret: hunter2", says: []string{"clientSecret"}},
		"missing name":    {file: "- name: contoso\n- cloud: usgov", says: []string{"entry 2 has no name of its own"}},
		"same name twice": {file: "- name: contoso\n- name: contoso", says: []string{"entry 2 has no name of its own"}},
		"same directory twice": {
			file: "- name: contoso\n  tenantId: 11111111-1111-1111-1111-11111111111a\n- name: fabrikam\n  tenantId: 11111111-1111-1111-1111-11111111111A",
			says: []string{"contoso and fabrikam have the same tenantId"}},
		"no directory twice": {file: "- name: contoso\n- name: fabrikam", says: []string{"contoso and fabrikam have the same tenantId", "each needs its own"}},
		"empty list":         {file: "[]", says: []string{"lists no tenant"}},
		"not a list":         {file: "name: contoso", says: []string{"tenants.yaml"}},
		"not YAML":           {file: "- name: [", says: []string{"tenants.yaml"}},
		"nothing in it":      {file: "", says: []string{"tenants.yaml"}},
		"name of two kinds":  {file: "- name: {a: b}", says: []string{"tenants.yaml"}},
	} {
		t.Run(name, func(t *testing.T) {
			file := ""
			if row.file != "" || name == "nothing in it" {
				file = tenantsFile(t, row.file)
			}
			_, err := service.Tenants(file, service.Tenant{Name: row.single})
			require.Error(t, err)
			for _, part := range row.says {
				assert.ErrorContains(t, err, part)
			}
			assert.NotContains(t, err.Error(), "\n")
			assert.NotContains(t, err.Error(), "hunter2")
		})
	}
	_, err := service.Tenants(filepath.Join(t.TempDir(), "none.yaml"), service.Tenant{})
	assert.ErrorContains(t, err, "none.yaml")
}
