package endtoend_test

import (
	"strings"
	"testing"
)

// A leaver's offboarding that fails waits for an operator, who sees why and decides.
func TestHeldOffboardingWaitsForAnOperator(t *testing.T) {
	t.Parallel()
	x := install(t, setup{})
	state := x.tenant.state()
	anna := state.user(t, "anna.archer")
	x.tenant.fault(fault{Method: "POST", Path: licensePath(anna.ID), Status: 400, Times: -1, Body: unknownError})

	r := x.offboard(2, upn("anna.archer"))
	r.want(t, "held", map[string]string{"remove-number": "done", "remove-licenses": "failed", "release-number": "pending", "verify": "pending"})
	if n := x.number("+442079460001"); n.State != "held" {
		t.Errorf("the number of a held run is %s", n.State)
	}
	for _, args := range [][]string{{"status", upn("anna.archer")}, {"status", r.RunID, "--watch"}} {
		if shown := x.ok(args...); !strings.Contains(shown.stdout, "held") || !strings.Contains(shown.stdout, "The moon is in the wrong house") {
			t.Errorf("%v", shown)
		}
	}
	if held := x.ok("list", "--held", "-o", "json"); !strings.Contains(held.stdout, r.RunID) || !strings.Contains(held.stdout, `"held"`) {
		t.Errorf("%v", held)
	}
	if busy := x.run("onboard", upn("anna.archer"), "--site", "london", "--group", "untouched", "--yes"); busy.exit != 5 {
		t.Errorf("%v", busy)
	}

	// The cause is still there: the run is held again, and everything that was done still is.
	if again := x.run("resolve", r.RunID, "--retry", "--yes", "-o", "json"); again.exit != 2 || decode[report](t, again).Status != "held" {
		t.Errorf("%v", again)
	}
	x.tenant.clearFaults()
	done := decode[report](t, x.ok("resolve", r.RunID, "--retry", "--yes", "--reason", "Microsoft mended it", "-o", "json"))
	done.want(t, "completed", map[string]string{"remove-number": "done", "remove-licenses": "done", "release-number": "done", "verify": "done"})
	if late := x.run("resolve", r.RunID, "--retry", "--yes"); late.exit != 5 {
		t.Errorf("%v", late)
	}

	t.Run("left out", func(t *testing.T) {
		before := x.tenant.state()
		kevin := before.user(t, "kevin.king")
		x.tenant.fault(fault{Method: "POST", Path: licensePath(kevin.ID), Status: 400, Times: -1, Body: unknownError})
		x.tenant.fault(fault{Method: "POST", Path: unassignNumber, Status: 400, Body: unknownError})
		first := x.offboard(2, upn("kevin.king"))
		first.want(t, "held", map[string]string{"remove-number": "failed"})
		if r := x.run("resolve", first.RunID, "--skip", "--yes"); r.exit != 5 || !strings.Contains(r.stderr, "cannot be left out") {
			t.Errorf("%v", r)
		}
		second := x.run("resolve", first.RunID, "--retry", "--yes", "-o", "json")
		decode[report](t, second).want(t, "held", map[string]string{"remove-number": "done", "remove-licenses": "failed"})
		r := decode[report](t, x.ok("resolve", first.RunID, "--skip", "--yes", "-o", "json"))
		r.want(t, "completed", map[string]string{"remove-licenses": "skipped skipped-by-operator", "release-number": "done", "verify": "done"})
		is := x.tenant.state()
		if licenses := is.user(t, "kevin.king").DirectLicenses; len(licenses) != len(kevin.DirectLicenses) {
			t.Errorf("licenses %v", licenses)
		}
	})
}

func TestHeldOffboardingRolledBack(t *testing.T) {
	t.Parallel()
	x := install(t, setup{})
	was := x.standing("anna.archer", "+442079460001")
	x.tenant.fault(fault{Method: "POST", Path: licensePath(was.tenant.user(t, "anna.archer").ID), Status: 400, Times: -1, Body: unknownError})
	run := x.begin(upn("anna.archer"))
	x.follow(run, 2).want(t, "held", map[string]string{"remove-licenses": "failed"})

	// Nobody loses a held run with a worker.
	x.worker.kill()
	x.startWorker()
	r := x.run("resolve", run.RunID, "--rollback", "--yes", "-o", "json")
	if r.exit != 1 {
		t.Fatalf("%v", r)
	}
	decode[report](t, r).want(t, "rolled_back", map[string]string{"remove-number": "undone", "remove-licenses": "failed"})
	x.wantBack(t, "anna.archer", "+442079460001", was)
}
