package graphsim_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/graphsim"
)

func TestFiftyThousandUsersFitIntoMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("loads a large tenant")
	}
	used := func() uint64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	before := used()
	state := manyUsers(50_000)
	state.SKUs[0].Enabled = 60_000
	group := graphsim.Group{DisplayName: "Everyone", Licenses: []string{"MCOEV"}}
	state.SKUs[2].Enabled = 60_000
	for _, u := range state.Users {
		group.Members = append(group.Members, u.UserPrincipalName)
	}
	state.Groups = append(state.Groups, group)
	tenant, err := graphsim.New(graphsim.Options{State: state})
	require.NoError(t, err)
	state = nil
	assert.Less(t, used()-before, uint64(300<<20))
	runtime.KeepAlive(tenant)
}

func BenchmarkRequests(b *testing.B) {
	tenant, err := graphsim.New(graphsim.Options{State: manyUsers(50_000), Settings: &graphsim.Settings{TokenSeconds: 3600}})
	require.NoError(b, err)
	server := httptest.NewServer(tenant)
	defer server.Close()
	token := tenant.Token().AccessToken
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	for _, path := range []string{
		"/v1.0/users/user00042@contoso.example?$select=id,usageLocation,licenseAssignmentStates",
		"/v1.0/users?$filter=userPrincipalName%20eq%20'user00042@contoso.example'",
	} {
		b.Run(path, func(b *testing.B) {
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					request, _ := http.NewRequest("GET", server.URL+path, nil)
					request.Header.Set("Authorization", "Bearer "+token)
					response, err := client.Do(request)
					if err != nil || response.StatusCode != 200 {
						b.Error(err)
						return
					}
					_, _ = io.Copy(io.Discard, response.Body)
					_ = response.Body.Close()
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
		})
	}
}
