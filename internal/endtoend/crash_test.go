package endtoend_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	_ "modernc.org/sqlite"

	"tenure/internal/contract"
	"tenure/internal/lifecycle"
)

// someone is a user who is made up for a test.
type someone struct {
	name, id string
	// number is empty for a user without one.
	number string
}

// hire adds a member of London to the tenant: with a direct license, and as asked with one of the numbers that the
// example catalog loads, policies and the group that licenses E3.
func hire(t testing.TB, s *tenantState, i int, name string, number, policies, e3 bool) someone {
	t.Helper()
	who := someone{name: name, id: fmt.Sprintf("bbbbbbbb-0000-4000-8000-%012d", i)}
	u := *s.user(t, "anna.archer")
	u.ID, u.UserPrincipalName, u.DisplayName = who.id, upn(name), &who.name
	u.DirectLicenses = []directLicense{{SKU: "SPE_E5", DisabledPlans: []string{}}}
	u.EnterpriseVoice, u.Policies = number, map[string]string{}
	if policies {
		u.Policies = map[string]string{"TeamsCallingPolicy": "AllOn", "TenantDialPlan": "UK-Dialplan"}
	}
	s.Users = append(s.Users, u)
	if number {
		for i := range s.Numbers {
			if n := &s.Numbers[i]; n.AssignedTo == nil && strings.HasPrefix(n.TelephoneNumber, "+44207946000") || n.AssignedTo == nil && strings.HasPrefix(n.TelephoneNumber, "+44207946001") {
				n.AssignedTo, who.number = &u.ID, n.TelephoneNumber
				break
			}
		}
		if who.number == "" {
			t.Fatal("the tenant has too few numbers")
		}
	}
	if e3 {
		g := s.group(t, "License E3")
		g.Members = append(g.Members, u.ID)
	}
	return who
}

// of keeps the requests of a run on this user.
func (w someone) of(requests []request) []request {
	if w.number == "" {
		return concerning(requests, w.id)
	}
	return concerning(requests, w.id, w.number)
}

// wantLeft asserts the end state of users who were offboarded with the group leaver, everywhere.
func (x *installation) wantLeft(t *testing.T, people []someone) {
	t.Helper()
	state := x.tenant.state()
	placed := map[string]string{}
	for _, u := range decode[struct{ Users []userView }](t, x.ok("users", "list", "--all", "-o", "json")).Users {
		placed[u.ID] = text(u.Node) + " " + text(u.Role)
	}
	for _, who := range people {
		u := state.user(t, who.name)
		if u.EnterpriseVoice || len(u.Policies) > 0 || len(u.DirectLicenses) > 0 || len(state.numbersOf(who.id)) > 0 || slices.Contains(state.groupsOf(who.id), "License E3") || text(u.UsageLocation) != "GB" {
			t.Errorf("%s ended as %s with the numbers %v and the groups %v", who.name, shown(u), state.numbersOf(who.id), state.groupsOf(who.id))
		}
		if placed[who.id] != tenantLevel+" customer-self-service" {
			t.Errorf("%s ended at %s", who.name, placed[who.id])
		}
		if who.number == "" {
			continue
		}
		n := x.number(who.number)
		var events []string
		for _, e := range n.History {
			events = append(events, e.Event)
		}
		if n.State != "cooling" || n.User != nil || n.CoolingUntil == nil || !slices.Equal(events, []string{"add-in-use", "hold", "release-to-cooling"}) {
			t.Errorf("%s of %s ended as %s", who.number, who.name, shown(n))
		}
	}
	running := decode[struct{ Runs []reference }](t, x.ok("list", "--running", "-o", "json"))
	if len(running.Runs) > 0 {
		t.Errorf("still running: %v", running.Runs)
	}
}

// wantOnlyLostRepeated asserts what holds of the writes for one user however often the worker was killed: Microsoft
// accepted each exactly once. A second attempt is one whose first answer was lost, so that there are at most as many more
// as there were kills; and Microsoft refused it, as only the end of a membership, which needs no look before, can be asked
// for again.
func wantOnlyLostRepeated(t *testing.T, who someone, requests []request, want, kills int) {
	t.Helper()
	writes := who.of(requests)
	wantEachCommittedOnce(t, writes, want)
	attempts := map[string]int{}
	for _, w := range writes {
		attempts[w.String()]++
		if !w.Committed && (w.Method != "DELETE" || w.Status != 404) {
			t.Errorf("%s: %v was answered %d", who.name, w, w.Status)
		}
	}
	for w, n := range attempts {
		if n > 1+kills {
			t.Errorf("%s: sent %d times with %d kills: %s", who.name, n, kills, w)
		}
	}
}

// Worker and Temporal are killed again and again while a dozen runs are on their way.
func TestKillsWhileManyAreOffboarded(t *testing.T) {
	t.Parallel()
	server, err := startTemporal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.kill() })
	var people []someone
	x := install(t, setup{server: server, tenant: func(s *tenantState) {
		for i := range 12 {
			people = append(people, hire(t, s, i, fmt.Sprintf("leaver.%02d", i), true, true, true))
		}
	}})
	x.tenant.settings(map[string]any{"latencyMs": 100, "tokenSeconds": 600})
	// They begin side by side when there is a worker again, so that each kill meets many requests on their way.
	x.worker.kill()
	var runs []reference
	for _, who := range people {
		runs = append(runs, x.beginDirectly(t, who.id))
	}
	x.startWorker()

	workerKills := 0
	for _, kill := range []struct {
		writes           int
		worker, temporal bool
	}{{5, true, false}, {16, true, false}, {24, false, true}, {34, true, true}} {
		until(t, fmt.Sprintf("Microsoft has accepted %d writes", kill.writes), enough, func() (bool, string) {
			n := len(slices.DeleteFunc(x.tenant.writes(), func(r request) bool { return !r.Committed }))
			return n >= kill.writes, fmt.Sprint(n)
		})
		if kill.worker {
			x.worker.kill()
			workerKills++
		}
		if kill.temporal {
			server.kill()
			if err := server.start(); err != nil {
				t.Fatal(err)
			}
		}
		if kill.worker {
			x.startWorker()
		}
	}
	for _, run := range runs {
		x.follow(run, 0).want(t, "completed", map[string]string{
			"remove-number": "done", "disable-enterprise-voice": "done", "apply-policies": "done", "remove-groups": "done",
			"await-group-licenses": "done", "remove-licenses": "done", "release-number": "done", "return-to-tenant-level": "done", "verify": "done",
		})
	}
	journal := x.tenant.writes()
	for _, who := range people {
		wantOnlyLostRepeated(t, who, journal, 4, workerKills)
	}
	t.Logf("%d writes for %d users; %d answers were lost and asked for again", len(journal), len(people), len(journal)-4*len(people))
	x.wantLeft(t, people)
}

// held is how long a request is kept on its way: nearly as long as an attempt may take, so that slow machines manage to
// hold all of them at once.
const held = 28_000

// One worker is killed while runs stand before and inside every step, each held there by a request that does not come
// back or by the store.
func TestKillAtEveryStep(t *testing.T) {
	t.Parallel()
	var people []someone
	who := map[string]someone{}
	x := install(t, setup{tenant: func(s *tenantState) {
		for i, p := range []struct {
			name                 string
			number, policies, e3 bool
		}{
			{"plan", true, false, false},
			{"number.lost", true, false, false}, {"number.unsent", true, false, false}, {"order", true, false, false}, {"voice", true, false, false},
			{"policies.read", false, true, false}, {"policies.lost", false, true, false}, {"policies.unsent", false, true, false},
			{"group.lost", false, false, true}, {"group.unsent", false, false, true}, {"await", false, false, true},
			{"license.lost", false, false, false}, {"license.unsent", false, false, false},
			{"release", true, false, false}, {"verify", false, false, false}, {"close", true, false, false},
		} {
			who[p.name] = hire(t, s, 100+i, p.name, p.number, p.policies, p.e3)
			people = append(people, who[p.name])
		}
	}})
	state := x.tenant.state()
	e3 := state.group(t, "License E3").ID
	// A token must last as long as a request is held.
	x.tenant.settings(map[string]any{"tokenSeconds": 600})
	holds := map[string]string{} // whom, by fault
	hold := func(name, method, path string, status, latency int) string {
		id := x.tenant.fault(fault{Method: method, Path: path, Status: status, LatencyMs: latency})
		holds[id] = name
		return id
	}
	// pass lets one request by that would meet a hold too early.
	pass := func(path string) { x.tenant.fault(fault{Method: "GET", Path: path}) }
	runs := map[string]reference{}
	begin := func(names ...string) {
		for _, name := range names {
			runs[name] = x.beginDirectly(t, who[name].id)
		}
	}

	// Numbers name no user in their paths: first come, first held.
	lost, unsent := hold("number.lost", "POST", unassignNumber, 0, held), hold("number.unsent", "POST", unassignNumber, 503, held)
	begin("number.lost", "number.unsent")
	x.tenant.awaitFaults(enough, lost, unsent)
	order := hold("order", "GET", numberOperations, 0, held)
	begin("order")
	x.tenant.awaitFaults(enough, order)

	ids := []string{
		hold("plan", "GET", userPath(who["plan"].id), 0, held),
		hold("policies.lost", "POST", unassignPolicies, 0, held), hold("policies.unsent", "POST", unassignPolicies, 503, held),
		hold("group.lost", "DELETE", memberPath(e3, who["group.lost"].id), 0, held), hold("group.unsent", "DELETE", memberPath(e3, who["group.unsent"].id), 503, held),
		hold("license.lost", "POST", licensePath(who["license.lost"].id), 0, held), hold("license.unsent", "POST", licensePath(who["license.unsent"].id), 503, held),
	}
	// The first reading of these is that of the plan.
	for name, path := range map[string]string{
		"voice": voicePath(who["voice"].id), "policies.read": voicePath(who["policies.read"].id),
		"await": userPath(who["await"].id), "verify": userPath(who["verify"].id),
	} {
		pass(path)
		ids = append(ids, hold(name, "GET", path, 0, held))
	}
	begin("plan", "voice", "policies.read", "policies.lost", "policies.unsent", "group.lost", "group.unsent", "await", "license.lost", "license.unsent", "verify")
	x.tenant.awaitFaults(enough, ids...)

	// The last two are held for a moment before the store is, which then keeps them.
	const moment = 4000
	pass(userPath(who["close"].id))
	last := []string{hold("release", "POST", licensePath(who["release"].id), 0, moment), hold("close", "GET", userPath(who["close"].id), 0, moment)}
	begin("release", "close")
	x.tenant.awaitFaults(enough, last...)
	unlock := lockStore(t, x.storeFile())
	until(t, "two runs wait for the store", enough, func() (bool, string) {
		release, closing := x.pendingActivities(runs["release"]), x.pendingActivities(runs["close"])
		return slices.Contains(release, "ReleaseNumbers") && slices.Contains(closing, "CloseRun"), fmt.Sprint(release, closing)
	})

	answered := x.tenant.journal()
	x.worker.kill()
	unlock()
	x.startWorker()

	for _, r := range answered {
		if r.Fault != nil && holds[*r.Fault] != "" && holds[*r.Fault] != "release" && holds[*r.Fault] != "close" {
			t.Logf("on this slow machine %s was let go before the kill", holds[*r.Fault])
		}
	}
	for _, p := range people {
		x.follow(runs[p.name], 0).want(t, "completed", map[string]string{"remove-licenses": "done", "return-to-tenant-level": "done", "verify": "done"})
	}
	x.wantLeft(t, people)

	journal := x.tenant.writes()
	numberUnsent := 0
	for _, p := range people {
		// The license goes from everybody.
		want := map[bool]int{true: 2, false: 1}[p.number != "" || strings.HasPrefix(p.name, "policies") || strings.HasPrefix(p.name, "group") || p.name == "await"]
		writes := p.of(journal)
		wantEachCommittedOnce(t, writes, want)
		for _, w := range writes {
			switch {
			case w.Committed:
			case w.Status == 404 && w.Method == "DELETE" && p.name == "group.lost":
			case w.Status == 503 && w.Path == unassignNumber:
				numberUnsent++
			case w.Status == 503 && strings.HasPrefix(p.name, "policies"):
			case w.Status == 503 && strings.HasSuffix(p.name, ".unsent"):
			default:
				t.Errorf("%s: %v was answered %d", p.name, w, w.Status)
			}
		}
	}
	if numberUnsent != 1 {
		t.Errorf("%d orders for numbers were not accepted, want 1", numberUnsent)
	}
}

// beginDirectly starts a run as the tenure command does, without the plan that it shows first, so that the requests of
// the run are the first for this user.
func (x *installation) beginDirectly(t testing.TB, id string) reference {
	t.Helper()
	run, err := x.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: contract.SubscriberWorkflowID("contoso", id), TaskQueue: contract.TaskQueue,
	}, contract.QuickOffboard, lifecycle.Request{
		Operation: lifecycle.Offboard, Tenant: "contoso", SubscriberID: id, Group: "leaver", RequestID: "direct-" + id, RequestedBy: "test", OnFailure: lifecycle.OnFailureRollback,
	})
	if err != nil {
		t.Fatal(err)
	}
	return reference{run.GetID(), run.GetRunID()}
}

// lockStore keeps everybody from writing to a store until it is unlocked.
func lockStore(t testing.TB, file string) (unlock func()) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(file)+"?_pragma=busy_timeout(20000)&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatalf("lock the store: %v", err)
	}
	return func() {
		if err := tx.Rollback(); err != nil {
			t.Errorf("unlock the store: %v", err)
		}
		db.Close()
	}
}

// A worker that is asked to stop finishes what it has begun: nothing is sent twice, and the next worker goes on.
func TestGracefulStopLosesNothing(t *testing.T) {
	t.Parallel()
	var people []someone
	x := install(t, setup{tenant: func(s *tenantState) {
		for i := range 6 {
			people = append(people, hire(t, s, i, fmt.Sprintf("leaver.%02d", i), true, true, true))
		}
	}})
	x.tenant.settings(map[string]any{"latencyMs": 150, "tokenSeconds": 600})
	var runs []reference
	for _, who := range people {
		runs = append(runs, x.begin(upn(who.name), "--group", "leaver"))
	}
	for _, writes := range []int{4, 14} {
		until(t, fmt.Sprintf("%d writes", writes), enough, func() (bool, string) {
			n := len(x.tenant.writes())
			return n >= writes, fmt.Sprint(n)
		})
		x.worker.signal(t, syscall.SIGTERM)
		if code := x.worker.awaitExit(t, 35*time.Second); code != 0 {
			t.Errorf("the worker left with %d:\n%s", code, x.worker.output.tail())
		}
		x.startWorker()
	}
	for _, run := range runs {
		x.follow(run, 0).want(t, "completed", map[string]string{"remove-licenses": "done", "verify": "done"})
	}
	x.wantLeft(t, people)
	journal := x.tenant.writes()
	for _, who := range people {
		wantOnlyLostRepeated(t, who, journal, 4, 0)
	}
}
