package endtoend_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tenure/internal/schematest"
)

// A saved plan is carried out exactly, or refused with what changed since.
func TestApplyASavedPlan(t *testing.T) {
	t.Parallel()
	x := install(t, setup{})
	file := filepath.Join(t.TempDir(), "plan.json")
	if r := x.run("plan", "offboard", upn("anna.archer"), "--group", "leaver", "--out", file); r.exit != 2 {
		t.Fatalf("%v", r)
	}
	if saved, err := os.ReadFile(file); err != nil || schematest.Validate("saved-plan", string(saved)) != nil {
		t.Errorf("%v, %v", err, schematest.Validate("saved-plan", string(saved)))
	}
	x.ok("users", "place", upn("anna.archer"), "--site", "paris", "--yes")
	x.tenant.clearJournal()
	stale := x.run("apply", file, "--yes", "-o", "json")
	if stale.exit != 5 || !strings.Contains(stale.stderr, "acme/contoso/emea/paris") || !strings.Contains(stale.stdout, `"stale-plan"`) {
		t.Errorf("%v", stale)
	}
	if writes := x.tenant.writes(); len(writes) != 0 {
		t.Errorf("a stale plan wrote %v", writes)
	}

	x.ok("users", "place", upn("anna.archer"), "--site", "london", "--yes")
	if r := x.run("plan", "offboard", upn("anna.archer"), "--group", "leaver", "--out", file); r.exit != 2 {
		t.Fatalf("%v", r)
	}
	done := decode[report](t, x.ok("apply", file, "--yes", "-o", "json"))
	done.want(t, "completed", map[string]string{"remove-number": "done", "verify": "done"})
	if again := x.run("apply", file, "--yes"); again.exit != 5 {
		t.Errorf("applied twice: %v", again)
	}
	join := filepath.Join(t.TempDir(), "join.json")
	if r := x.run("plan", "onboard", upn("anna.archer"), "--site", "paris", "--group", "uk-sales", "--number", "none", "--out", join); r.exit != 2 {
		t.Fatalf("%v", r)
	}
	decode[report](t, x.ok("apply", join, "--yes", "-o", "json")).want(t, "completed", map[string]string{"place-at-site": "done"})
}
