package endtoend_test

import (
	"slices"
	"strings"
	"testing"

	"go.temporal.io/sdk/client"

	"tenure/internal/contract"
	"tenure/internal/lifecycle"
)

const (
	emea    = "acme/contoso/emea"
	paris   = "acme/contoso/emea/paris"
	newyork = "acme/contoso/newyork"

	annasNumber = "+442079460001"
	// operatorNumber is a number of the tenant that no catalog loads.
	operatorNumber = "+442079461000"
)

// frPolicies are those of somebody from London whom a quick add group brought to Paris, which says nothing about emergencies.
var frPolicies = map[string]string{
	"TeamsCallingPolicy": "AllOn", "TenantDialPlan": "FR-Dialplan", "OnlineVoiceRoutingPolicy": "FR-National", "TeamsEmergencyCallingPolicy": "London-E911",
}

// move runs a move and returns its report; the exit code must be the given one.
func (x *installation) move(exit int, args ...string) report {
	x.t.Helper()
	r := x.run(append([]string{"move", "--yes", "-o", "json"}, args...)...)
	if r.exit != exit {
		x.t.Fatalf("exit %d, want %d\n%v", r.exit, exit, r)
	}
	return decode[report](x.t, r)
}

func (n numberView) events() (events []string) {
	for _, e := range n.History {
		events = append(events, e.Event)
	}
	return events
}

func TestMoveKeepsTheNumber(t *testing.T) {
	t.Parallel()
	x := install(t, setup{})
	anna := upn("anna.archer")
	plan := x.run("plan", "move", anna, "--to", "paris", "--group", "uk-sales", "--keep-number", "-o", "json")
	if plan.exit != 2 || !strings.Contains(plan.stdout, annasNumber+" moves from "+london+" to "+emea) {
		t.Errorf("the plan does not say where the number goes: %v", plan)
	}
	x.tenant.clearJournal()
	r := x.move(0, anna, "--to", "paris", "--group", "uk-sales", "--keep-number")
	r.want(t, "completed", map[string]string{
		"leave/remove-number": "done", "leave/disable-enterprise-voice": "done", "leave/apply-policies": "skipped no-template", "leave/remove-groups": "skipped no-template",
		"leave/await-group-licenses": "skipped no-group-license-expected", "leave/remove-licenses": "skipped licenses-retained", "leave/release-number": "skipped number-kept",
		"leave/return-to-tenant-level": "done", "leave/set-role": "unchanged self-service-role-kept", "leave/verify": "skipped verified-after-joining",
		"move-number":        "done",
		"join/place-at-site": "done", "join/set-usage-location": "done", "join/add-groups": "unchanged", "join/assign-licenses": "done", "join/await-teams-user": "unchanged",
		"join/claim-number": "unchanged number-kept", "join/assign-number": "done", "join/apply-policies": "done", "join/set-role": "unchanged self-service-role-kept", "join/verify": "done",
	})
	r.wantWarnings(t)
	t.Logf("%d Graph requests, %d events", len(x.tenant.journal()), x.historyLength(r.reference))
	state := x.tenant.state()
	user := state.user(t, "anna.archer")
	if !equal(user.Policies, frPolicies) || !user.EnterpriseVoice || text(user.UsageLocation) != "FR" || !slices.Equal(user.licenses(), []string{"MCOEV", "SPE_E5"}) || !slices.Equal(state.numbersOf(user.ID), []string{annasNumber}) {
		t.Errorf("she ended as %s with %v", shown(user), state.numbersOf(user.ID))
	}
	if !slices.Equal(r.After.Numbers, []string{annasNumber}) || text(r.Before.Node) != london || text(r.After.Node) != paris {
		t.Errorf("from %s to %s", shown(r.Before), shown(r.After))
	}
	x.wantPlace(t, "anna.archer", paris, "customer-self-service")
	n := x.number(annasNumber)
	if n.State != "used" || n.Node != emea || n.User == nil || n.User.ID != user.ID || !slices.Equal(n.events(), []string{"add-in-use", "hold", "move", "hold-ended"}) {
		t.Errorf("the number ended as %s", shown(n))
	}

	// Further on, with what is at hand: the number goes to the site itself, and then there is nothing left to be moved.
	r = x.move(0, anna, "--to", newyork, "--group", "untouched", "--keep-number", "--number-to", "site")
	r.want(t, "completed", map[string]string{"move-number": "done", "join/verify": "done"})
	if n := x.number(annasNumber); n.Node != newyork {
		t.Errorf("the number is at %s", n.Node)
	}
}

func TestMoveToANewNumber(t *testing.T) {
	t.Parallel()
	x := install(t, setup{})
	x.ok("numbers", "add", operatorNumber, "--node", "paris", "--type", "operatorConnect", "--yes")
	x.tenant.clearJournal()
	r := x.move(0, upn("anna.archer"), "--to", "paris", "--profile", "london-sales", "--number", "next", "--offboard-group", "leaver-keeps-licenses")
	r.want(t, "completed", map[string]string{
		"leave/apply-policies": "done", "leave/remove-groups": "done", "leave/release-number": "done", "move-number": "skipped number-not-kept",
		"join/add-groups": "done", "join/claim-number": "done", "join/assign-number": "done", "join/apply-policies": "done", "join/set-role": "done", "join/verify": "done",
	})
	old, given := x.number(annasNumber), x.number(operatorNumber)
	if old.State != "cooling" || old.Node != london || old.CoolingUntil == nil || !slices.Equal(old.events(), []string{"add-in-use", "hold", "release-to-cooling"}) {
		t.Errorf("the old number ended as %s", shown(old))
	}
	if given.State != "used" || given.User == nil || given.User.UserPrincipalName != upn("anna.archer") {
		t.Errorf("the new number ended as %s", shown(given))
	}
	if released, assigned := r.step(t, "leave/release-number"), r.step(t, "join/assign-number"); released.StartedAt.Before(*assigned.ClosedAt) {
		t.Error("the old number was released before the new one worked")
	}
	state := x.tenant.state()
	if user := state.user(t, "anna.archer"); !equal(user.Policies, map[string]string{"TeamsCallingPolicy": "AllOn", "TenantDialPlan": "FR-Dialplan", "OnlineVoiceRoutingPolicy": "FR-National"}) {
		t.Errorf("her policies are %v", user.Policies)
	}
	x.wantPlace(t, "anna.archer", paris, "site-self-service")
}

func TestFailedMoveIsUndone(t *testing.T) {
	t.Parallel()
	x := install(t, setup{})
	x.ok("numbers", "add", operatorNumber, "--node", "paris", "--type", "operatorConnect", "--yes")
	was := x.standing("anna.archer", annasNumber)
	for name, c := range map[string]struct {
		path  string
		times int
		args  []string
		steps map[string]string
	}{
		"leaving": {unassignNumber, 1, []string{"--keep-number"}, map[string]string{"leave/remove-number": "failed", "move-number": "undone", "join/place-at-site": "undone", "join/assign-number": "pending"}},
		"joining": {assignPolicies, 1, []string{"--keep-number"}, map[string]string{
			"leave/remove-number": "undone", "leave/disable-enterprise-voice": "undone", "leave/return-to-tenant-level": "undone", "move-number": "undone",
			"join/place-at-site": "undone", "join/set-usage-location": "undone", "join/assign-licenses": "undone", "join/assign-number": "undone", "join/apply-policies": "failed", "join/verify": "pending",
		}},
		"joining with a new number": {assignPolicies, 1, []string{"--number", "next"}, map[string]string{
			"leave/remove-number": "undone", "leave/release-number": "undone", "join/claim-number": "undone", "join/assign-number": "undone", "join/apply-policies": "failed",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			x.tenant.fault(fault{Method: "POST", Path: c.path, Status: 400, Times: c.times, Body: unknownError})
			r := x.run(append([]string{"move", upn("anna.archer"), "--to", "paris", "--group", "uk-sales", "--yes", "-o", "json"}, c.args...)...)
			if r.exit != 1 || !strings.Contains(r.stderr, "The moon is in the wrong house") {
				t.Fatalf("want exit 1 and Microsoft's words on stderr\n%v", r)
			}
			decode[report](t, r).want(t, "rolled_back", c.steps)
			x.wantBack(t, "anna.archer", annasNumber, was)
			if n := x.number(operatorNumber); n.State != "available" {
				t.Errorf("the new number is %s", shown(n))
			}
		})
	}
}

func TestCancelledMoveIsUndone(t *testing.T) {
	t.Parallel()
	x := install(t, setup{})
	was := x.standing("anna.archer", annasNumber)
	x.tenant.fault(fault{Method: "POST", Path: assignNumber, Status: 429, RetryAfter: 600, Times: 1})
	run := decode[reference](t, x.ok("move", upn("anna.archer"), "--to", "paris", "--group", "uk-sales", "--keep-number", "--yes", "--detach", "-o", "json"))
	x.awaitRetry(run, "AssignNumbers")
	if n := x.number(annasNumber); n.State != "held" || n.Node != emea {
		t.Errorf("while the line is down the number is %s", shown(n))
	}
	wantRefusal(t, x.run("offboard", upn("anna.archer"), "--yes", "-o", "json"), 5, "busy", run.RunID)
	r := x.run("cancel", upn("anna.archer"), "--yes", "-o", "json")
	if r.exit != 0 {
		t.Fatalf("%v", r)
	}
	decode[report](t, r).want(t, "cancelled", map[string]string{"leave/remove-number": "undone", "move-number": "undone", "join/place-at-site": "undone", "join/assign-number": "undone"})
	x.wantBack(t, "anna.archer", annasNumber, was)
}

func TestRefusedMovesTouchNothing(t *testing.T) {
	t.Parallel()
	x := install(t, setup{catalog: replacing(t, "numbersFollowUsers: true", "numbersFollowUsers: false")})
	before, inventory := x.tenant.state(), x.ok("numbers", "list", "--all", "-o", "json").stdout
	users := x.ok("users", "list", "--all", "-o", "json").stdout
	anna := upn("anna.archer")
	for name, c := range map[string]struct {
		args       []string
		exit       int
		code, says string
	}{
		"may not follow":   {[]string{anna, "--to", "paris", "--group", "uk-sales", "--keep-number"}, 5, "number-may-not-move", annasNumber},
		"same site":        {[]string{anna, "--to", "london", "--group", "uk-sales", "--keep-number"}, 5, "same-site", london},
		"not a site":       {[]string{anna, "--to", "emea", "--group", "uk-sales", "--keep-number"}, 5, "not-a-site", emea},
		"not at a site":    {[]string{upn("kevin.king"), "--to", "paris", "--group", "uk-sales", "--keep-number"}, 5, "not-at-a-site", tenantLevel},
		"guest":            {[]string{"felix.fischer_partner.example#EXT#@contoso.example", "--to", "paris", "--group", "untouched"}, 5, "guest", "guest"},
		"disabled":         {[]string{upn("grace.green"), "--to", "paris", "--group", "untouched"}, 5, "disabled", "grace.green"},
		"protected":        {[]string{upn("svc-backup"), "--to", "paris", "--group", "untouched"}, 5, "protected", "service account"},
		"no number there":  {[]string{anna, "--to", "paris", "--group", "uk-sales", "--number", "next"}, 5, "no-number-available", paris},
		"wrong type":       {[]string{anna, "--to", "paris", "--group", "uk-sales", "--number", "+18005550101"}, 5, "number-wrong-type", "callingPlan"},
		"the same number":  {[]string{anna, "--to", "paris", "--group", "uk-sales", "--number", annasNumber}, 5, "number-had-already", annasNumber},
		"not for leaving":  {[]string{anna, "--to", "paris", "--group", "uk-sales", "--number", "none", "--offboard-group", "uk-sales"}, 5, "group-not-for-offboarding", "uk-sales"},
		"unknown site":     {[]string{anna, "--to", "atlantis", "--group", "uk-sales", "--keep-number"}, 3, "unknown-node", "atlantis"},
		"unknown profile":  {[]string{anna, "--to", "paris", "--profile", "nonesuch", "--keep-number"}, 3, "unknown-profile", "nonesuch"},
		"unknown user":     {[]string{"nobody@contoso.example", "--to", "paris", "--group", "untouched"}, 3, "unknown-user", "nobody@contoso.example"},
		"contradictory":    {[]string{anna, "--to", "paris", "--group", "uk-sales", "--keep-number", "--number", "next"}, 3, "usage", "--keep-number and --number contradict each other"},
		"somewhere, what?": {[]string{anna, "--to", "paris", "--group", "uk-sales", "--number-to", "site"}, 3, "usage", "--number-to needs --keep-number"},
	} {
		t.Run(name, func(t *testing.T) {
			wantRefusal(t, x.run(append([]string{"move", "--yes", "-o", "json"}, c.args...)...), c.exit, c.code, c.says)
		})
	}
	x.tenant.wantNoWrites()
	if !equal(before, x.tenant.state()) {
		t.Error("the tenant changed")
	}
	if x.ok("numbers", "list", "--all", "-o", "json").stdout != inventory || x.ok("users", "list", "--all", "-o", "json").stdout != users {
		t.Error("the inventory or the directory changed")
	}
}

// The worker is killed while the line of one is down, and while another's number is on its way back.
func TestKillInTheMiddleOfAMove(t *testing.T) {
	t.Parallel()
	var lost, unsent someone
	x := install(t, setup{tenant: func(s *tenantState) {
		lost, unsent = hire(t, s, 1, "number.lost", true, true, false), hire(t, s, 2, "number.unsent", true, true, false)
	}})
	x.tenant.settings(map[string]any{"tokenSeconds": 600})
	runs := map[string]reference{}
	begin := func(who someone) {
		run, err := x.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
			ID: contract.SubscriberWorkflowID("contoso", who.id), TaskQueue: contract.TaskQueue,
		}, contract.MoveBetweenSites, lifecycle.Request{
			Operation: lifecycle.Move, Tenant: "contoso", SubscriberID: who.id, Site: "paris", Group: "uk-sales", KeepNumber: true, RequestID: "direct-" + who.id, RequestedBy: "test", OnFailure: lifecycle.OnFailureRollback,
		})
		if err != nil {
			t.Fatal(err)
		}
		runs[who.name] = reference{run.GetID(), run.GetRunID()}
	}
	ids := []string{x.tenant.fault(fault{Method: "POST", Path: unassignNumber, LatencyMs: held})}
	begin(lost)
	x.tenant.awaitFaults(enough, ids...)
	ids = append(ids, x.tenant.fault(fault{Method: "POST", Path: assignNumber, Status: 503, LatencyMs: held}))
	begin(unsent)
	x.tenant.awaitFaults(enough, ids...)
	x.worker.kill()
	x.startWorker()

	for _, who := range []someone{lost, unsent} {
		r := x.follow(runs[who.name], 0)
		r.want(t, "completed", map[string]string{"leave/remove-number": "done", "move-number": "done", "join/assign-number": "done", "join/apply-policies": "done", "join/verify": "done"})
		state := x.tenant.state()
		if numbers := state.numbersOf(who.id); !slices.Equal(numbers, []string{who.number}) {
			t.Errorf("%s has %v", who.name, numbers)
		}
		n := x.number(who.number)
		if n.State != "used" || n.Node != emea || n.User == nil || n.User.ID != who.id || !slices.Equal(n.events(), []string{"add-in-use", "hold", "move", "hold-ended"}) {
			t.Errorf("%s of %s ended as %s", who.number, who.name, shown(n))
		}
		x.wantPlace(t, who.name, paris, "customer-self-service")
		wantEachCommittedOnce(t, who.of(x.tenant.writes()), 6)
	}
}
