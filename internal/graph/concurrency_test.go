package graph_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"tenure/internal/graph"
	"tenure/internal/lifecycle"
)

// Run with -race: the SDK's builders and requests share maps when they are reused.
func TestOneClientForManyCallers(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimPrefix(r.URL.Path, "/v1.0")
		switch {
		case r.URL.Path == "/_sim/token":
			reply(w, 200, `{"access_token":"`+token("User.Read.All")+`","expires_in":0.05}`)
		case path == "/subscribedSkus":
			reply(w, 200, skus)
		case strings.Contains(path, "getPolicyId"):
			reply(w, 200, `{"value":[{"name":"AllOn","policyId":"p"}]}`)
		case strings.HasPrefix(path, "/admin/teams/userConfigurations"):
			reply(w, 200, configuration)
		case strings.HasPrefix(path, "/admin/teams/telephoneNumberManagement/numberAssignments"):
			reply(w, 200, `{"value":[]}`)
		case strings.Contains(path, "/memberOf"):
			reply(w, 200, `{"value":[{"id":"`+group1+`"}]}`)
		case strings.HasPrefix(path, "/groups/") && r.Method == "GET":
			reply(w, 200, `{"id":"`+group1+`","assignedLicenses":[{"skuId":"`+e5+`"}]}`)
		case strings.HasPrefix(path, "/groups/"):
			w.WriteHeader(204)
		case strings.HasSuffix(path, "/assignLicense"):
			reply(w, 429, refused("TooManyRequests", "x"))
		default:
			// Each caller must get the answer to its own question.
			reply(w, 200, `{"id":"`+strings.TrimPrefix(path, "/users/")+`","licenseAssignmentStates":[{"skuId":"`+e5+`"}]}`)
		}
	})
	sim, err := graph.NewSimulatedCredential(s.URL + "/v1.0")
	if err != nil {
		t.Fatal(err)
	}
	c := s.client(t, func(cfg *graph.Config) { cfg.Credential, cfg.Registerer = sim, prometheus.NewRegistry() })
	ctx := t.Context()
	var wg sync.WaitGroup
	for i := range 300 {
		wg.Go(func() {
			who := strings.Repeat("x", i%7+1)
			var err error
			switch i % 10 {
			case 0, 1, 2:
				var u graph.UserRecord
				if u, err = c.User(ctx, who); err == nil && (u.Person.ID != who || u.Licenses[0].SKU != "SPE_E5") {
					t.Errorf("asked for %s, got %+v", who, u)
				}
			case 3:
				if err = c.ChangeLicenses(ctx, who, []lifecycle.LicenseChange{{SKUID: e5}}, nil); err == nil {
					t.Error("a throttled call succeeded")
				}
				err = nil
			case 4:
				var g lifecycle.Group
				if g, err = c.Group(ctx, group1); err == nil {
					// The answer is shared in flight; a caller may change its own.
					g.Licenses[0] = who
				}
			case 5:
				_, err = c.Memberships(ctx, who)
			case 6:
				_, err = c.TeamsUser(ctx, who)
			case 7:
				_, err = c.NumbersOf(ctx, who)
			case 8:
				_, err = c.PolicyID(ctx, "TeamsCallingPolicy", "AllOn")
			case 9:
				if _, err = c.Permissions(ctx); err == nil {
					_, err = c.AddMember(ctx, group1, who)
				}
			}
			if err != nil {
				t.Errorf("call %d: %v", i, err)
			}
		})
	}
	wg.Wait()
}
