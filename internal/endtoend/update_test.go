package endtoend_test

import (
	"slices"
	"strings"
	"testing"
)

// Single things change where the user is, by the rules of onboarding; what the rules forbid is refused whole.
func TestUpdateChangesWhatIsSetAndNothingElse(t *testing.T) {
	t.Parallel()
	x := install(t, setup{})
	update := func(exit int, name string, args ...string) result {
		t.Helper()
		r := x.run(append([]string{"update", upn(name), "--yes", "-o", "json"}, args...)...)
		if r.exit != exit {
			t.Fatalf("exit %d, want %d\n%v", r.exit, exit, r)
		}
		return r
	}
	names := func(r report) (all []string) {
		for _, s := range r.Steps {
			all = append(all, s.Name)
		}
		return all
	}

	x.tenant.clearJournal()
	r := decode[report](t, update(0, "anna.archer", "--set", "usageLocation=FR"))
	r.want(t, "completed", map[string]string{"set-usage-location": "done", "verify": "done"})
	if got := names(r); !slices.Equal(got, []string{"set-usage-location", "verify"}) {
		t.Errorf("steps %v", got)
	}
	if writes := x.tenant.writes(); len(writes) != 1 {
		t.Errorf("writes %v", writes)
	}
	r = decode[report](t, update(0, "anna.archer", "--set", "policy.TeamsCallingPolicy=NoForwarding", "--set", "policy.TenantDialPlan="))
	r.want(t, "completed", map[string]string{"apply-policies": "done", "verify": "done"})
	is := x.tenant.state()
	if policies := is.user(t, "anna.archer").Policies; policies["TeamsCallingPolicy"] != "NoForwarding" || policies["TenantDialPlan"] != "" {
		t.Errorf("policies %v", policies)
	}

	// Another number: the old one is released by its node's rule when the new one works.
	r = decode[report](t, update(0, "anna.archer", "--set", "number=next"))
	r.want(t, "completed", map[string]string{"claim-number": "unchanged", "assign-number": "unchanged"})
	r = decode[report](t, update(0, "anna.archer", "--set", "number=+442079460010"))
	r.want(t, "completed", map[string]string{"remove-number": "done", "claim-number": "done", "assign-number": "done", "release-number": "done"})
	if old, now := x.number("+442079460001"), x.number("+442079460010"); old.State != "cooling" || now.State != "used" {
		t.Errorf("the old one is %s, the new one %s", old.State, now.State)
	}
	r = decode[report](t, update(0, "anna.archer", "--set", "number=none"))
	r.want(t, "completed", map[string]string{"remove-number": "done", "release-number": "done"})
	if n := x.number("+442079460010"); n.State != "cooling" {
		t.Errorf("the number given up is %s", n.State)
	}

	for name, c := range map[string]struct {
		user string
		args []string
		exit int
		says string
	}{
		"licenses that come from a group": {"ben.baker", []string{"--set", "licenses=SPE_E5"}, 5, "come from"},
		"read-only for the role":          {"anna.archer", []string{"--set", "usageLocation=GB", "--role", "site-admin"}, 5, "read-only"},
		"an unknown field":                {"anna.archer", []string{"--set", "colour=red"}, 3, "colour"},
		"an unknown role":                 {"anna.archer", []string{"--set", "usageLocation=GB", "--role", "nobody"}, 3, "nobody"},
		"nothing":                         {"anna.archer", nil, 3, "--set"},
		"a field of the directory":        {"anna.archer", []string{"--set", "city=Paris"}, 5, "directory"},
		"an unknown user":                 {"nobody", []string{"--set", "usageLocation=GB"}, 3, "nobody"},
	} {
		t.Run(name, func(t *testing.T) {
			x.tenant.clearJournal()
			if r := update(c.exit, c.user, c.args...); !strings.Contains(r.stderr, c.says) {
				t.Errorf("%v", r)
			}
			if writes := x.tenant.writes(); len(writes) != 0 {
				t.Errorf("writes %v", writes)
			}
		})
	}
	if r := x.run("plan", "update", upn("ben.baker"), "--set", "usageLocation=FR"); r.exit != 2 || !strings.Contains(r.stdout, "FR") {
		t.Errorf("%v", r)
	}
}
