package service_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tenure/examples"
	"tenure/internal/contract"
	"tenure/internal/graphsim"
	"tenure/worker/workertest"
)

// BenchmarkSync reads a large tenant for the first time, in a worker process of its own, and then what changed. The
// simulated tenant and Temporal share the machine with it.
func BenchmarkSync(b *testing.B) {
	const users, changes = 50_000, 100
	state := graphsim.DefaultState()
	people := len(state.Users) + users
	for i := range users {
		state.Users = append(state.Users, graphsim.User{
			ID: person(i), UserPrincipalName: fmt.Sprintf("bench%05d@contoso.example", i), DisplayName: fmt.Sprintf("Bench %d", i),
			City: "Leeds", UserType: "Member", UsageLocation: "GB", DirectLicenses: []graphsim.DirectLicense{{SKU: "SPE_E5"}},
		})
	}
	for i := range state.SKUs {
		state.SKUs[i].Enabled += users
	}
	state.Permissions = append(graphsim.LeastPermissions(), "User.ReadWrite.All")
	for range b.N {
		tenant, err := graphsim.New(graphsim.Options{State: &state, Settings: &graphsim.Settings{TokenSeconds: 3600}})
		require.NoError(b, err)
		address := workertest.Serve(b, tenant)
		server := workertest.StartTemporal(b)
		process := startWorker(b, server.FrontendHostPort(), address)
		e := &workertest.Environment{Client: server.Client(), Tenant: tenant}
		e.Ask(b, contract.ApplyCatalog, contract.CatalogRequest{File: "examples/catalog.yaml", Text: string(examples.Catalog)}, nil)

		var result contract.SyncResult
		from := time.Now()
		e.Ask(b, contract.SyncDirectory, contract.SyncRequest{}, &result)
		took := time.Since(from)
		require.Equal(b, []contract.TenantSync{{Tenant: "contoso", Seen: people, Added: people, Findings: result.Tenants[0].Findings}}, result.Tenants)
		rate, peak := float64(people)/took.Seconds(), memoryMiB(b, process.Process.Pid, "VmHWM")
		b.Logf("first sync of %d users: %v, %.0f users/s (promised: at least 2,000), worker %d MiB resident at most (promised: under 250 MB)", people, took.Round(time.Millisecond), rate, peak)
		b.ReportMetric(rate, "users/s")
		b.ReportMetric(float64(peak), "MiB")

		for i := range changes {
			relocate(b, address, person(i*users/changes))
		}
		tenant.ClearJournal()
		e.Ask(b, contract.SyncDirectory, contract.SyncRequest{}, &result)
		require.Equal(b, []contract.TenantSync{{Tenant: "contoso", Seen: changes, Updated: changes}}, result.Tenants)
		requests := len(tenant.Journal())
		b.Logf("delta of %d changes among %d users: %d requests", changes, people, requests)
		b.ReportMetric(float64(requests), "delta-requests")
	}
}

// relocate changes the city of somebody in Entra.
func relocate(b *testing.B, address, id string) {
	request, err := http.NewRequestWithContext(b.Context(), http.MethodPatch, address+"/v1.0/users/"+id, strings.NewReader(`{"city":"York"}`))
	require.NoError(b, err)
	request.Header.Set("Authorization", "Bearer opaque")
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	require.NoError(b, err)
	require.NoError(b, answer.Body.Close())
	require.Equal(b, http.StatusNoContent, answer.StatusCode)
}
