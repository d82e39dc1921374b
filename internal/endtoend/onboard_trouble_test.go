package endtoend_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.temporal.io/sdk/client"

	"tenure/internal/contract"
	"tenure/internal/lifecycle"
)

// newcomer is somebody for whom every step of london-sales has something to do, and something to give back.
func newcomer(u *tenantUser) {
	u.DirectLicenses = []directLicense{{"MCOPSTN1", []string{}}, {"SPE_E5", []string{"YAMMER_ENTERPRISE"}}}
	u.Policies = map[string]string{"TenantDialPlan": "FR-Dialplan", "TeamsMeetingPolicy": "AllOn"}
}

func TestFailedOnboardingIsUndone(t *testing.T) {
	t.Parallel()
	x := install(t, setup{tenant: func(s *tenantState) { join(t, s, 1, "rita.rossi", newcomer) }})
	const number = "+442079460000"
	was := x.standing("rita.rossi", number)
	if was.number.State != "available" || text(was.user.Node) != tenantLevel {
		t.Fatalf("begins with %s and %s", shown(was.number), shown(was.user))
	}
	common := map[string]string{
		"place-at-site": "undone", "set-usage-location": "undone", "add-groups": "undone", "assign-licenses": "undone", "claim-number": "undone", "verify": "pending",
	}
	for _, c := range []struct {
		name, path string
		steps      map[string]string
		attempts   int
	}{
		{"number", assignNumber, map[string]string{"assign-number": "failed", "apply-policies": "pending", "set-role": "pending"}, 1},
		{"policies", assignPolicies, map[string]string{"assign-number": "undone", "apply-policies": "failed", "set-role": "undone"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			x.tenant.clearFaults()
			x.tenant.clearJournal()
			x.tenant.fault(fault{Method: "POST", Path: c.path, Status: 400, Times: -1, Body: unknownError})
			r := x.run("onboard", upn("rita.rossi"), "--site", "london", "--profile", "london-sales", "--on-failure", "rollback", "--yes", "-o", "json")
			if r.exit != 1 || !strings.Contains(r.stderr, "The moon is in the wrong house") {
				t.Fatalf("want exit 1 and Microsoft's words on stderr\n%v", r)
			}
			rep := decode[report](t, r)
			rep.want(t, "rolled_back", common)
			rep.want(t, "rolled_back", c.steps)
			rep.wantWarnings(t)
			if n := len(concerning(x.tenant.writes(), c.path)); n != c.attempts {
				t.Errorf("a permanent error was tried %d times", n)
			}
			x.wantBack(t, "rita.rossi", number, was)
		})
	}
	x.tenant.clearFaults()
	x.onboard(0, upn("rita.rossi"), "--profile", "london-sales").want(t, "completed", map[string]string{"claim-number": "done", "verify": "done"})
	if n := x.number(number); n.State != "used" {
		t.Errorf("afterwards the number is %s", shown(n))
	}
}

func TestOnboardingIsCancelledWhileTeamsDoesNotKnowTheUser(t *testing.T) {
	t.Parallel()
	x := install(t, setup{
		tenant: func(s *tenantState) {
			join(t, s, 1, "carl.cole", func(u *tenantUser) { u.DirectLicenses = []directLicense{{"EXCHANGESTANDARD", []string{}}} })
		},
		settings: map[string]any{"teamsProvisioningMs": 3_600_000, "throttle": nil},
	})
	const number = "+442079460000"
	was := x.standing("carl.cole", number)
	run := x.beginOnboard(upn("carl.cole"), "--profile", "london-sales")
	x.awaitRetry(run, "AwaitTeamsUser")
	if n := x.number(number); n.State != "held" {
		t.Errorf("while the run waits the number is %s", n.State)
	}
	if now := x.tenant.state(); equal(now, was.tenant) {
		t.Error("nothing was done that could be undone")
	}
	wantRefusal(t, x.run("onboard", upn("carl.cole"), "--site", "london", "--group", "uk-sales", "--yes", "-o", "json"), 5, "busy", run.RunID)

	r := x.run("cancel", upn("carl.cole"), "--yes", "-o", "json")
	if r.exit != 0 {
		t.Fatalf("%v", r)
	}
	rep := decode[report](t, r)
	rep.want(t, "cancelled", map[string]string{
		"place-at-site": "undone", "set-usage-location": "undone", "add-groups": "undone", "assign-licenses": "undone", "assign-number": "pending", "apply-policies": "pending", "verify": "pending",
	})
	if rep.RunID != run.RunID {
		t.Errorf("the report is about %s", rep.RunID)
	}
	x.wantBack(t, "carl.cole", number, was)
}

func TestRefusedOnboardingsTouchNothing(t *testing.T) {
	t.Parallel()
	x := install(t, setup{
		tenant: func(s *tenantState) {
			for _, sku := range s.SKUs {
				// Ben and David hold it directly, Chloe by group.
				if sku["skuPartNumber"] == "MCOEV" {
					sku["enabled"] = 3
				}
			}
		},
		catalog: replacing(t,
			"  addGroups:\n    - name: staff\n      groups: [All Staff]\n",
			"  addGroups:\n    - name: staff\n      groups: [All Staff]\n    - name: dynamic\n      groups: [London Office]\n    - name: nowhere\n      groups: [Atlantis Office]\n",
			"  - name: leaver                             #",
			"  - name: paris-only\n    node: paris\n    teamsUser: voice\n  - name: dynamic-group\n    node: contoso\n    addGroups: dynamic\n"+
				"  - name: unknown-group\n    node: contoso\n    addGroups: nowhere\n  - name: leaver                             #"),
	})
	x.ok("numbers", "add", "+442079461000", "--node", "paris", "--type", "operatorConnect", "--yes")
	x.offboard(0, upn("anna.archer"))
	x.tenant.clearJournal()
	before, inventory := x.tenant.state(), x.ok("numbers", "list", "--all", "-o", "json").stdout
	users := x.ok("users", "list", "--all", "-o", "json").stdout
	emma, laura := upn("emma.evans"), upn("laura.lewis")
	type call struct {
		args []string
		exit int
		// code may be empty; says is what stderr must name, and also what its hint does.
		code, says, also string
	}
	calls := map[string]call{
		"guest":                      {[]string{"felix.fischer_partner.example#EXT#@contoso.example", "--site", "london", "--group", "untouched"}, 5, "guest", "guest", ""},
		"disabled":                   {[]string{upn("grace.green"), "--site", "london", "--group", "untouched"}, 5, "disabled", "grace.green", ""},
		"protected":                  {[]string{upn("svc-backup"), "--site", "london", "--group", "untouched"}, 5, "protected", "service account", ""},
		"unknown user":               {[]string{"nobody@contoso.example", "--site", "london", "--group", "untouched"}, 3, "unknown-user", "nobody@contoso.example", ""},
		"not a site":                 {[]string{emma, "--site", "emea", "--group", "untouched"}, 5, "not-a-site", "acme/contoso/emea", london},
		"unknown site":               {[]string{emma, "--site", "atlantis", "--group", "untouched"}, 3, "unknown-node", "atlantis", ""},
		"unknown group":              {[]string{emma, "--site", "london", "--group", "nonesuch"}, 3, "unknown-group", "nonesuch", ""},
		"unknown profile":            {[]string{emma, "--site", "london", "--profile", "nonesuch"}, 3, "unknown-profile", "nonesuch", ""},
		"invisible group":            {[]string{emma, "--site", "london", "--group", "paris-only"}, 5, "group-not-visible", "paris-only", ""},
		"offboarding group":          {[]string{emma, "--site", "london", "--group", "leaver"}, 5, "group-for-offboarding", "leaver", "uk-sales"},
		"group and profile":          {[]string{emma, "--site", "london", "--group", "uk-sales", "--profile", "london-sales"}, 3, "", "profile", ""},
		"no way in":                  {[]string{emma, "--site", "london"}, 3, "", "--group", ""},
		"no site":                    {[]string{emma, "--group", "untouched"}, 3, "", "--site", ""},
		"number taken":               {[]string{emma, "--site", "london", "--group", "untouched", "--number", "+442079460002"}, 5, "number-taken", "+442079460002", ""},
		"number cooling":             {[]string{emma, "--site", "london", "--group", "untouched", "--number", "+442079460001"}, 5, "number-cooling", "+442079460001", ""},
		"number invisible":           {[]string{emma, "--site", "london", "--group", "untouched", "--number", "+442079461000"}, 5, "number-not-visible", "+442079461000", ""},
		"number of the wrong type":   {[]string{emma, "--site", "london", "--group", "untouched", "--number", "+18005550101"}, 5, "number-wrong-type", "+18005550101", "directRouting"},
		"number without license":     {[]string{laura, "--site", "london", "--group", "untouched", "--number", "next"}, 5, "phone-license-missing", "laura.lewis", ""},
		"another number":             {[]string{upn("ben.baker"), "--site", "london", "--group", "untouched", "--number", "+442079460010"}, 5, "has-another-number", "+442079460002", ""},
		"unknown number":             {[]string{emma, "--site", "london", "--group", "untouched", "--number", "+4915112345678"}, 3, "unknown-number", "+4915112345678", ""},
		"malformed number":           {[]string{emma, "--site", "london", "--group", "untouched", "--number", "+44abc"}, 3, "", "+44abc", ""},
		"at another site":            {[]string{upn("isabelle.imbert"), "--site", "london", "--group", "untouched"}, 5, "at-another-site", "acme/contoso/emea/paris", "tenure move"},
		"no unit left":               {[]string{laura, "--site", "london", "--group", "uk-sales"}, 5, "no-license-left", "MCOEV", ""},
		"group that is not writable": {[]string{laura, "--site", "london", "--group", "dynamic-group"}, 5, "group-not-writable", "London Office", ""},
		"group that Entra lacks":     {[]string{laura, "--site", "london", "--group", "unknown-group"}, 5, "unknown-entra-group", "Atlantis Office", ""},
		"hidden field":               {[]string{laura, "--site", "london", "--group", "uk-sales", "--set", "licenses=SPE_E5"}, 5, "field-not-editable", "licenses", ""},
		"unknown field":              {[]string{laura, "--site", "london", "--group", "uk-sales", "--set", "favourite=blue"}, 3, "unknown-field", "favourite", ""},
		"invalid value":              {[]string{laura, "--site", "london", "--group", "uk-sales", "--set", "usageLocation=Albion"}, 3, "invalid-value", "Albion", ""},
	}
	// One after the other: a run that is about to be refused keeps its user busy.
	t.Run("refused", func(t *testing.T) {
		for name, test := range calls {
			t.Run(name, func(t *testing.T) {
				r := x.run(append([]string{"onboard", "--yes", "-o", "json"}, test.args...)...)
				wantRefusal(t, r, test.exit, test.code, test.says)
				if !strings.Contains(r.stderr+r.stdout, test.also) {
					t.Errorf("does not name %q: %v", test.also, r)
				}
			})
		}
	})
	x.tenant.wantNoWrites()
	if !equal(before, x.tenant.state()) {
		t.Error("the tenant changed")
	}
	if x.ok("numbers", "list", "--all", "-o", "json").stdout != inventory || x.ok("users", "list", "--all", "-o", "json").stdout != users {
		t.Error("the inventory or the directory changed")
	}
}

// O7: what the application may not write is refused before anything is touched.
func TestOnboardingWithoutThePermissionForLicenses(t *testing.T) {
	t.Parallel()
	x := install(t, setup{tenant: func(s *tenantState) {
		s.Permissions = slices.DeleteFunc(s.Permissions, func(p string) bool { return strings.HasPrefix(p, "LicenseAssignment") })
	}})
	before, laura := x.tenant.state(), upn("laura.lewis")
	wantRefusal(t, x.run("onboard", laura, "--site", "london", "--profile", "london-sales", "--yes", "-o", "json"), 5, "license-permission-missing", "LicenseAssignment.ReadWrite.All")
	x.tenant.wantNoWrites()
	if !equal(before, x.tenant.state()) {
		t.Error("the tenant changed")
	}
	if n := x.number("+442079460000"); n.State != "available" {
		t.Errorf("the number is %s", n.State)
	}
}

// More people than numbers, all at once.
func TestFortyUsersForTwentyFiveNumbers(t *testing.T) {
	t.Parallel()
	const users, free = 40, 25
	var people []someone
	x := install(t, setup{
		tenant: func(s *tenantState) {
			for i := range users {
				people = append(people, join(t, s, i, fmt.Sprintf("rush.%02d", i), licensed))
			}
			for i := range 10 {
				n := *s.number(t, "+442079460019")
				n.TelephoneNumber = fmt.Sprintf("+4420794600%02d", 20+i)
				s.Numbers = append(s.Numbers, n)
			}
		},
		catalog: replacing(t, "+442079460019", "+442079460029"),
	})
	results := make([]result, users)
	var all sync.WaitGroup
	for i, who := range people {
		all.Go(func() {
			results[i] = x.run("onboard", upn(who.name), "--site", "london", "--group", "untouched", "--number", "next", "--yes", "-o", "json")
		})
	}
	all.Wait()
	state := x.tenant.state()
	holder := map[string]string{}
	refused := 0
	for i, r := range results {
		who := people[i]
		have := state.numbersOf(who.id)
		switch r.exit {
		case 0:
			rep := decode[report](t, r)
			rep.want(t, "completed", map[string]string{"claim-number": "done", "assign-number": "done", "apply-policies": "done", "verify": "done"})
			if len(have) != 1 || rep.After == nil || !slices.Equal(rep.After.Numbers, have) {
				t.Errorf("%s has %v; the report: %s", who.name, have, shown(rep.After))
				continue
			}
			if holder[have[0]] != "" {
				t.Errorf("%s and %s have %s", who.name, holder[have[0]], have[0])
			}
			holder[have[0]] = who.name
		case 5:
			refused++
			// With so many at once the command may have had to say that it waits; the last line is the refusal.
			lines := strings.SplitAfter(r.stderr, "\n")
			r.stderr = strings.Join(lines[max(0, len(lines)-2):], "")
			wantRefusal(t, r, 5, "no-number-available", "no Microsoft number")
			if len(have) > 0 || len(concerning(x.tenant.writes(), who.id)) > 0 {
				t.Errorf("%s was refused and has %v", who.name, have)
			}
		default:
			t.Errorf("%v", r)
		}
	}
	if len(holder) != free || refused != users-free {
		t.Errorf("%d numbers were given and %d users refused, want %d and %d", len(holder), refused, free, users-free)
	}
	listed := decode[struct{ Numbers []numberView }](t, x.ok("numbers", "list", "--all", "--node", "london", "-o", "json")).Numbers
	for _, n := range listed {
		if who := holder[n.Number]; n.State != "used" || (who != "" && (n.User == nil || n.User.UserPrincipalName != upn(who))) {
			t.Errorf("%s of %q ended as %s", n.Number, who, shown(n))
		}
	}
	if len(listed) != free+5 {
		t.Errorf("%d numbers at London", len(listed))
	}
	if running := decode[struct{ Runs []reference }](t, x.ok("list", "--running", "-o", "json")).Runs; len(running) > 0 {
		t.Errorf("still running: %v", running)
	}
	for i, who := range people {
		if u := x.user(who.name); u.Operation != nil || text(u.Node) != map[int]string{0: london, 5: tenantLevel}[results[i].exit] {
			t.Errorf("%s ended as %s", who.name, shown(u))
		}
	}
}

// beginOnboardDirectly starts an onboarding by the profile london-sales without the plan that the command shows first.
func (x *installation) beginOnboardDirectly(t testing.TB, id string) reference {
	t.Helper()
	run, err := x.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: contract.SubscriberWorkflowID("contoso", id), TaskQueue: contract.TaskQueue,
	}, contract.Onboard, lifecycle.Request{
		Operation: lifecycle.Onboard, Tenant: "contoso", SubscriberID: id, Site: "london", Profile: "london-sales", RequestID: "direct-" + id, RequestedBy: "test", OnFailure: lifecycle.OnFailureRollback,
	})
	if err != nil {
		t.Fatal(err)
	}
	return reference{run.GetID(), run.GetRunID()}
}

// The worker is killed while runs stand before and inside every step, each held there by a request that does not come back.
func TestKillAtEveryStepOfOnboarding(t *testing.T) {
	t.Parallel()
	names := []string{"plan", "location.lost", "group.lost", "license.lost", "license.unsent", "number.lost", "number.unsent", "policies.lost", "teams", "verify"}
	var people []someone
	who := map[string]someone{}
	x := install(t, setup{tenant: func(s *tenantState) {
		for i, name := range names {
			who[name] = join(t, s, i, name, licensed)
			people = append(people, who[name])
		}
	}})
	state := x.tenant.state()
	staff := state.group(t, "All Staff").ID
	x.tenant.settings(map[string]any{"tokenSeconds": 600})
	holds := map[string]string{} // whom, by fault
	hold := func(name, method, path string, status int) string {
		id := x.tenant.fault(fault{Method: method, Path: path, Status: status, LatencyMs: held})
		holds[id] = name
		return id
	}
	pass := func(path string) { x.tenant.fault(fault{Method: "GET", Path: path}) }
	runs := map[string]reference{}
	begin := func(names ...string) {
		for _, name := range names {
			runs[name] = x.beginOnboardDirectly(t, who[name].id)
		}
	}
	// These name no user in their paths: first come, first held.
	for _, first := range []struct {
		path  string
		names []string
	}{
		{"/v1.0/groups/" + staff + "/members/$ref", []string{"group.lost"}},
		{assignPolicies, []string{"policies.lost"}},
		{assignNumber, []string{"number.lost", "number.unsent"}},
	} {
		var ids []string
		for _, name := range first.names {
			ids = append(ids, hold(name, "POST", first.path, map[bool]int{true: 503}[strings.HasSuffix(name, ".unsent")]))
		}
		begin(first.names...)
		x.tenant.awaitFaults(enough, ids...)
	}
	ids := []string{
		hold("plan", "GET", userPath(who["plan"].id), 0), hold("location.lost", "PATCH", userPath(who["location.lost"].id), 0),
		hold("license.lost", "POST", licensePath(who["license.lost"].id), 0), hold("license.unsent", "POST", licensePath(who["license.unsent"].id), 503),
	}
	// The first reading is that of the plan.
	pass(voicePath(who["teams"].id))
	ids = append(ids, hold("teams", "GET", voicePath(who["teams"].id), 0))
	// Between the plan and the verification nobody reads the user: first attempts trust the plan.
	pass(userPath(who["verify"].id))
	ids = append(ids, hold("verify", "GET", userPath(who["verify"].id), 0))
	begin("plan", "location.lost", "license.lost", "license.unsent", "teams", "verify")
	x.tenant.awaitFaults(enough, ids...)

	answered := x.tenant.journal()
	x.worker.kill()
	x.startWorker()
	for _, r := range answered {
		if r.Fault != nil && holds[*r.Fault] != "" {
			t.Logf("%s was let go before the kill", holds[*r.Fault])
		}
	}
	for _, p := range people {
		x.follow(runs[p.name], 0).want(t, "completed", map[string]string{
			"place-at-site": "done", "set-usage-location": "done", "add-groups": "done", "assign-licenses": "done",
			"claim-number": "done", "assign-number": "done", "apply-policies": "done", "set-role": "done", "verify": "done",
		})
	}
	journal, is := x.tenant.writes(), x.tenant.state()
	given := map[string]bool{}
	for _, p := range people {
		numbers := is.numbersOf(p.id)
		u := is.user(t, p.name)
		if len(numbers) != 1 || given[numbers[0]] || !equal(u.Policies, ukPolicies) || !slices.Equal(u.licenses(), []string{"MCOEV", "SPE_E5"}) ||
			text(u.UsageLocation) != "GB" || !u.EnterpriseVoice || !slices.Equal(is.groupsOf(p.id), []string{"All Staff"}) {
			t.Errorf("%s ended as %s with the numbers %v and the groups %v", p.name, shown(u), numbers, is.groupsOf(p.id))
			continue
		}
		given[numbers[0]] = true
		x.wantNumber(t, numbers[0], p, runs[p.name].RunID)
		x.wantPlace(t, p.name, london, "site-self-service")
		writes := concerning(journal, p.id)
		wantEachCommittedOnce(t, writes, 5)
		for _, w := range writes {
			switch {
			case w.Committed:
			case w.Status == 503 && strings.HasSuffix(p.name, ".unsent") || w.Status == 503 && strings.HasPrefix(p.name, "number."):
			// A membership needs no look before; one that exists is refused.
			case w.Status == 400 && strings.HasSuffix(w.Path, "/members/$ref") && p.name == "group.lost":
			default:
				t.Errorf("%s: %v was answered %d", p.name, w, w.Status)
			}
		}
	}
	held := decode[struct{ Numbers []numberView }](t, x.ok("numbers", "list", "--all", "--state", "held", "-o", "json")).Numbers
	if len(held) > 0 {
		t.Errorf("still held: %s", shown(held))
	}
}
