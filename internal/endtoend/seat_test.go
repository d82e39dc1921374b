package endtoend_test

import (
	"strings"
	"testing"
)

type diagnosis struct {
	Checks []struct {
		Check   string  `json:"check"`
		Subject *string `json:"subject"`
		State   string  `json:"state"`
		Message string  `json:"message"`
		Remedy  *string `json:"remedy"`
	} `json:"checks"`
	Tenants  []any `json:"tenants"`
	Problems int   `json:"problems"`
	Warnings int   `json:"warnings"`
}

func (d diagnosis) of(check string) (states []string) {
	for _, c := range d.Checks {
		if c.Check == check {
			states = append(states, c.State)
		}
	}
	return states
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	x := install(t, setup{env: newKeys(t, "a").setting("a")})
	well := decode[diagnosis](t, x.ok("doctor", "-o", "json"))
	if well.Problems != 0 || len(well.Tenants) != 1 {
		t.Errorf("%s", shown(well))
	}
	for check, want := range map[string]string{
		"temporal": "ok", "namespace": "ok", "search-attributes": "ok", "schedule": "ok ok", "queue": "ok ok", "worker": "ok", "encryption": "ok",
		"store": "ok", "catalog": "ok", "clock": "ok ok ok", "permissions": "warning",
	} {
		if got := strings.Join(well.of(check), " "); got != want {
			t.Errorf("%s is %q, want %q: %s", check, got, want, shown(well.Checks))
		}
	}
	other := command(t, environ(x.dir, append(newKeys(t, "b").setting("b"), "TEMPORAL_ADDRESS="+shared.address, "TEMPORAL_NAMESPACE="+x.namespace)...), "doctor")
	if other.exit != 2 || !strings.Contains(other.stdout, "✗ encryption") {
		t.Errorf("%v", other)
	}
}

// Nobody offboards themselves without saying so, and each refusal is recorded.
func TestNobodyOffboardsThemselvesByAccident(t *testing.T) {
	t.Parallel()
	x := install(t, setup{env: []string{"TENURE_REQUESTED_BY=Anna.Archer"}})
	x.tenant.clearJournal()
	for _, args := range [][]string{{"plan", "offboard"}, {"offboard", "--yes"}, {"offboard", "--yes", "--detach"}, {"move", "--to", "paris", "--group", "uk-sales", "--yes"}} {
		wantRefusal(t, x.run(append(args, upn("anna.archer"), "-o", "json")...), 5, "yourself", "themselves")
	}
	x.tenant.wantNoWrites()
	if refused := x.audit("--outcome", "refused", "--user", upn("anna.archer")); len(refused) != 3 {
		t.Errorf("%d refusals are recorded, want those of the three changes: %s", len(refused), shown(refused))
	}
	decode[report](t, x.ok("offboard", upn("anna.archer"), "--yes", "--yourself", "-o", "json")).want(t, "completed", map[string]string{"verify": "done"})
	decode[report](t, x.ok("offboard", upn("kevin.king"), "--yes", "-o", "json")).want(t, "completed", map[string]string{"verify": "done"})

	both := x.ok("status", upn("anna.archer"), upn("kevin.king"), "--watch", "-o", "json")
	if strings.Count(both.stdout, `"status": "completed"`) != 2 {
		t.Errorf("%v", both)
	}
	if offered := x.ok("__complete", "offboard", "anna").stdout; !strings.HasPrefix(offered, upn("anna.archer")+"\t") {
		t.Errorf("completion offers %s", offered)
	}
	if offered := x.ok("__complete", "onboard", "x", "--site", "lon").stdout; !strings.HasPrefix(offered, "london\t") {
		t.Errorf("completion offers %s", offered)
	}
}
