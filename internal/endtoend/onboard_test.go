package endtoend_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// join adds somebody to the tenant whom no placement rule takes to a site: somebody at the tenant level, without licenses.
func join(t testing.TB, s *tenantState, i int, name string, edit func(*tenantUser)) someone {
	t.Helper()
	who := someone{name: name, id: fmt.Sprintf("cccccccc-0000-4000-8000-%012d", i)}
	u := *s.user(t, "laura.lewis")
	rome, fr := "Rome", "FR"
	u.ID, u.UserPrincipalName, u.DisplayName, u.City, u.UsageLocation = who.id, upn(name), &who.name, &rome, &fr
	u.DirectLicenses, u.Policies = []directLicense{}, map[string]string{}
	if edit != nil {
		edit(&u)
	}
	s.Users = append(s.Users, u)
	return who
}

// licensed gives somebody E5, with which Teams knows them.
func licensed(u *tenantUser) {
	u.DirectLicenses = []directLicense{{SKU: "SPE_E5", DisabledPlans: []string{}}}
}

// onboard runs an onboarding at London and returns its report; the exit code must be the given one.
func (x *installation) onboard(exit int, args ...string) report {
	x.t.Helper()
	r := x.run(append([]string{"onboard", "--site", "london", "--yes", "-o", "json"}, args...)...)
	if r.exit != exit {
		x.t.Fatalf("exit %d, want %d\n%v", r.exit, exit, r)
	}
	return decode[report](x.t, r)
}

// beginOnboard starts an onboarding at London and does not wait for it.
func (x *installation) beginOnboard(args ...string) reference {
	x.t.Helper()
	return decode[reference](x.t, x.ok(append([]string{"onboard", "--site", "london", "--yes", "--detach", "-o", "json"}, args...)...))
}

// ukPolicies are those of the quick add groups for London: the template's and the site's defaults.
var ukPolicies = map[string]string{
	"TeamsCallingPolicy": "AllOn", "TenantDialPlan": "UK-Dialplan", "OnlineVoiceRoutingPolicy": "UK-National", "TeamsEmergencyCallingPolicy": "London-E911",
}

// wantUnwritten holds a run on somebody who is as wanted already against R5.
func wantUnwritten(t *testing.T, x *installation, r report) {
	t.Helper()
	r.want(t, "completed", map[string]string{"verify": "done", "place-at-site": "unchanged", "claim-number": "unchanged", "assign-number": "unchanged"})
	for _, s := range r.Steps {
		if s.Name != "verify" && s.Outcome != "unchanged" && (s.Outcome != "skipped" || s.Reason == "") {
			t.Errorf("%s is %s %s", s.Name, s.Outcome, s.Reason)
		}
	}
	x.tenant.wantNoWrites()
}

func (x *installation) wantPlace(t *testing.T, name, node, role string) {
	t.Helper()
	u := x.user(name)
	if text(u.Node) != node || text(u.Role) != role || u.Operation != nil {
		t.Errorf("%s is at %s as %s, want %s as %s: %s", name, text(u.Node), text(u.Role), node, role, shown(u))
	}
	for _, s := range u.Services {
		if s.Node != node {
			t.Errorf("the %s record of %s is at %s", s.Kind, name, s.Node)
		}
	}
	if len(u.Services) == 0 {
		t.Errorf("%s has no service records", name)
	}
}

// wantNumber asserts that a number became somebody's by a run.
func (x *installation) wantNumber(t *testing.T, number string, who someone, run string) {
	t.Helper()
	n := x.number(number)
	if n.State != "used" || n.Vendor != "Microsoft" || n.User == nil || *n.User != (subscriber{who.id, upn(who.name)}) {
		t.Errorf("number %s", shown(n))
		return
	}
	if last := n.History[len(n.History)-1]; text(last.To) != "used" || text(last.RunID) != run {
		t.Errorf("the last event of the number is %s, want one of run %s", shown(last), run)
	}
}

func TestOnboardDirectly(t *testing.T) {
	t.Parallel()
	var tess, owen, una someone
	x := install(t, setup{
		tenant: func(s *tenantState) {
			tess = join(t, s, 1, "tess.tully", nil)
			// He has what the template has not, what it has otherwise, and what it says nothing about.
			owen = join(t, s, 2, "owen.ott", func(u *tenantUser) {
				u.DirectLicenses = []directLicense{{"MCOPSTN1", []string{}}, {"SPE_E5", []string{"YAMMER_ENTERPRISE"}}}
				u.Policies = map[string]string{"TenantDialPlan": "FR-Dialplan", "TeamsCallingPolicy": "NoForwarding", "TeamsMeetingPolicy": "AllOn"}
			})
		},
		// The site says otherwise than the template, which wins (R11).
		catalog: replacing(t, "TeamsEmergencyCallingPolicy: London-E911", "TeamsEmergencyCallingPolicy: London-E911\n                  TeamsCallingPolicy: NoForwarding"),
	})
	// Nobody synced since, so that only Entra knows her.
	x.tenant.change(func(s *tenantState) { una = join(t, s, 3, "una.unknown", nil) })
	x.tenant.clearJournal()
	was := x.tenant.state()

	for _, c := range []struct {
		who      someone
		args     []string
		number   string
		role     string
		roleStep string
		policies map[string]string
		writes   int
	}{
		{tess, []string{"--profile", "london-sales"}, "+442079460000", "site-self-service", "done", ukPolicies, 5},
		{owen, []string{"--group", "uk-sales", "--number", "next"}, "+442079460006", "customer-self-service", "unchanged self-service-role-kept",
			map[string]string{"TeamsCallingPolicy": "AllOn", "TenantDialPlan": "UK-Dialplan", "OnlineVoiceRoutingPolicy": "UK-National", "TeamsEmergencyCallingPolicy": "London-E911", "TeamsMeetingPolicy": "AllOn"}, 5},
		{una, []string{"--profile", "london-sales", "--number", "+44 20 7946 0011"}, "+442079460011", "site-self-service", "done", ukPolicies, 5},
	} {
		x.tenant.clearJournal()
		r := x.onboard(0, append([]string{upn(c.who.name)}, c.args...)...)
		requests, writes := x.tenant.journal(), x.tenant.writes()
		t.Logf("%s: %d Graph requests, %d writes, %d events", c.who.name, len(requests), len(writes), x.historyLength(r.reference))
		await := "done"
		if c.who == owen {
			await = "unchanged"
		}
		r.want(t, "completed", map[string]string{
			"place-at-site": "done", "set-usage-location": "done", "add-groups": "done", "await-group-licenses": "skipped no-group-license-expected",
			"assign-licenses": "done", "await-teams-user": await, "claim-number": "done", "assign-number": "done", "apply-policies": "done",
			"set-role": c.roleStep, "verify": "done",
		})
		r.wantWarnings(t)
		if r.Tenant != "contoso" || r.Subscriber != (subscriber{c.who.id, upn(c.who.name)}) || r.WorkflowID != "subscriber/contoso/"+c.who.id || r.RunID == "" || r.ClosedAt == nil {
			t.Errorf("the report says of its run: %s", shown(r))
		}
		if r.Before == nil || r.After == nil {
			t.Fatal("the report lacks the state before or after")
		}
		if b := r.Before; text(b.Node) != tenantLevel || text(b.Role) != "customer-self-service" || text(b.UsageLocation) != "FR" || len(b.Numbers) != 0 || b.EnterpriseVoice || len(b.Groups) != 0 {
			t.Errorf("before: %s", shown(b))
		}
		if a := r.After; text(a.Node) != london || text(a.Role) != c.role || text(a.UsageLocation) != "GB" || !slices.Equal(a.Numbers, []string{c.number}) ||
			!a.EnterpriseVoice || !equal(a.Policies, c.policies) || !slices.Equal(a.Groups, []string{"All Staff"}) ||
			!equal(sortedLicenses(a.Licenses), []license{{"MCOEV", "direct"}, {"SPE_E5", "direct"}}) {
			t.Errorf("after: %s", shown(a))
		}

		is := x.tenant.state()
		now := is.user(t, c.who.name)
		for _, l := range now.DirectLicenses {
			if len(l.DisabledPlans) > 0 {
				t.Errorf("disabled plans: %v", l)
			}
		}
		if !slices.Equal(now.licenses(), []string{"MCOEV", "SPE_E5"}) || text(now.UsageLocation) != "GB" || !now.EnterpriseVoice || !equal(now.Policies, c.policies) ||
			!slices.Equal(is.groupsOf(c.who.id), []string{"All Staff"}) || !slices.Equal(is.numbersOf(c.who.id), []string{c.number}) {
			t.Errorf("Microsoft has %s with the numbers %v and the groups %v", shown(now), is.numbersOf(c.who.id), is.groupsOf(c.who.id))
		}
		for i, u := range is.Users {
			if u.ID != c.who.id && !equal(u, was.Users[i]) {
				t.Errorf("%s changed from %s to %s", u.UserPrincipalName, shown(was.Users[i]), shown(u))
			}
		}
		wantEachCommittedOnce(t, writes, c.writes)
		if n := len(concerning(writes, licensePath(c.who.id))); n != 1 {
			t.Errorf("%d calls for licenses, want one that does all", n)
		}
		x.wantNumber(t, c.number, c.who, r.RunID)
		x.wantPlace(t, c.who.name, london, c.role)

		x.tenant.clearJournal()
		history := len(x.number(c.number).History)
		again := x.onboard(0, append([]string{upn(c.who.name)}, c.args...)...)
		wantUnwritten(t, x, again)
		if n := len(x.number(c.number).History); n != history {
			t.Errorf("the second run gave the number %d events more", n-history)
		}
		if !equal(x.tenant.state(), is) {
			t.Error("the second run changed the tenant")
		}
		x.wantPlace(t, c.who.name, london, c.role)
		was = is
	}

	off := x.offboard(0, upn("tess.tully"), "--group", "leaver")
	off.want(t, "completed", map[string]string{"remove-number": "done", "remove-licenses": "done", "release-number": "done", "return-to-tenant-level": "done", "verify": "done"})
	if n := x.number("+442079460000"); n.State != "cooling" || n.User != nil || n.CoolingUntil == nil {
		t.Errorf("after offboarding the number is %s", shown(n))
	}
	is := x.tenant.state()
	if u := is.user(t, "tess.tully"); len(u.DirectLicenses) > 0 || u.EnterpriseVoice || len(is.numbersOf(tess.id)) > 0 {
		t.Errorf("after offboarding Microsoft has %s", shown(u))
	}
	x.wantPlace(t, "tess.tully", tenantLevel, "site-self-service")
	// A number that rests is nobody's next one.
	x.onboard(0, upn("tess.tully"), "--profile", "london-sales").want(t, "completed", map[string]string{"claim-number": "done", "verify": "done"})
	if got := x.user("tess.tully").Numbers; !slices.Equal(got, []string{"+442079460007"}) {
		t.Errorf("the second time she got %v", got)
	}
}

func sortedLicenses(all []license) []license {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b license) int { return strings.Compare(a.SKU, b.SKU) })
	return all
}

func TestOnboardByGroup(t *testing.T) {
	t.Parallel()
	var people [3]someone
	x := install(t, setup{
		tenant: func(s *tenantState) {
			for i, name := range []string{"gwen.grey", "glen.gold", "gina.gull"} {
				people[i] = join(t, s, i, name, nil)
			}
			people[2] = join(t, s, 3, "gina.gell", licensed)
			for _, sku := range s.SKUs {
				// Ben, Chloe, David and Grace hold four.
				if sku["skuPartNumber"] == "SPE_E3" {
					sku["enabled"] = 6
				}
			}
		},
		catalog: replacing(t, "  - name: leaver                             #",
			"  - name: by-group-and-listed\n    node: contoso\n    m365User: e5-voice\n    teamsUser: voice\n    addGroups: e3-by-group\n"+
				"  - name: only-the-group\n    node: contoso\n    addGroups: e3-by-group\n"+
				"  - name: leaver                             #"),
	})
	for i, c := range []struct {
		group    string
		steps    map[string]string
		warnings []string
		location string
		policies map[string]string
	}{
		{"location-and-groups", map[string]string{"assign-licenses": "skipped nothing-configured", "set-usage-location": "done", "await-teams-user": "done", "apply-policies": "done"}, nil, "GB", ukPolicies},
		{"by-group-and-listed", map[string]string{"assign-licenses": "skipped group-license-present", "set-usage-location": "done", "await-teams-user": "done", "apply-policies": "done"}, []string{"group-license-present"}, "GB", ukPolicies},
		// No unit is left for the third.
		{"only-the-group", map[string]string{"assign-licenses": "skipped no-template", "set-usage-location": "skipped no-template", "await-teams-user": "skipped nothing-configured", "apply-policies": "skipped no-template"}, []string{"group-license-error"}, "FR", map[string]string{}},
	} {
		who := people[i]
		x.tenant.clearJournal()
		before := x.tenant.state()
		r := x.onboard(0, upn(who.name), "--group", c.group)
		r.want(t, "completed", c.steps)
		r.want(t, "completed", map[string]string{
			"place-at-site": "done", "add-groups": "done", "await-group-licenses": "done", "claim-number": "skipped no-number-wanted",
			"assign-number": "skipped no-number-wanted", "set-role": "unchanged self-service-role-kept", "verify": "done",
		})
		r.wantWarnings(t, c.warnings...)
		if asked := concerning(x.tenant.writes(), "assignLicense"); len(asked) > 0 {
			t.Errorf("%s: licenses were written: %v", c.group, asked)
		}
		is := x.tenant.state()
		if u := is.user(t, who.name); !slices.Equal(is.groupsOf(who.id), []string{"License E3"}) || !equal(u.DirectLicenses, before.user(t, who.name).DirectLicenses) || text(u.UsageLocation) != c.location || !equal(u.Policies, c.policies) {
			t.Errorf("%s: Microsoft has %s with the groups %v", c.group, shown(u), is.groupsOf(who.id))
		}
		if i < 2 && !equal(r.After.Licenses, []license{{"SPE_E3", "group"}}) {
			t.Errorf("%s: after: %s", c.group, shown(r.After))
		}
		x.wantPlace(t, who.name, london, "customer-self-service")

		x.tenant.clearJournal()
		again := x.onboard(0, upn(who.name), "--group", c.group)
		again.want(t, "completed", map[string]string{"place-at-site": "unchanged", "add-groups": "unchanged", "verify": "done", "assign-licenses": c.steps["assign-licenses"]})
		x.tenant.wantNoWrites()
	}
}

// O1, R21: without a template for the Microsoft 365 user nobody touches it.
func TestOnboardLeavesTheMicrosoft365UserAlone(t *testing.T) {
	t.Parallel()
	var who someone
	x := install(t, setup{tenant: func(s *tenantState) { who = join(t, s, 1, "uma.ulrich", licensed) }})
	before := x.tenant.state()
	r := x.onboard(0, upn(who.name), "--group", "untouched", "--number", "next")
	r.want(t, "completed", map[string]string{
		"place-at-site": "done", "set-usage-location": "skipped no-template", "add-groups": "skipped no-template", "await-group-licenses": "skipped no-group-license-expected",
		"assign-licenses": "skipped no-template", "await-teams-user": "unchanged", "claim-number": "done", "assign-number": "done", "apply-policies": "done", "verify": "done",
	})
	r.wantWarnings(t)
	for _, w := range x.tenant.writes() {
		if w.Method == "PATCH" || strings.HasPrefix(w.Path, "/v1.0/users") || strings.HasPrefix(w.Path, "/v1.0/groups") {
			t.Errorf("the user was written to: %v", w)
		}
	}
	wantEachCommittedOnce(t, x.tenant.writes(), 2)
	is := x.tenant.state()
	was, now := before.user(t, who.name), is.user(t, who.name)
	if !equal(was.DirectLicenses, now.DirectLicenses) || text(now.UsageLocation) != "FR" || len(is.groupsOf(who.id)) > 0 || !equal(now.Policies, ukPolicies) || !now.EnterpriseVoice {
		t.Errorf("from %s to %s", shown(was), shown(now))
	}
	x.wantNumber(t, "+442079460000", who, r.RunID)
	x.wantPlace(t, who.name, london, "customer-self-service")
}

// R4: the same values by each of the three ways in are the same onboarding.
func TestThreeWaysIn(t *testing.T) {
	t.Parallel()
	var people [3]someone
	x := install(t, setup{
		tenant: func(s *tenantState) {
			for i := range people {
				people[i] = join(t, s, i, fmt.Sprintf("way.%d", i), nil)
			}
		},
		catalog: replacing(t, "      licenses:\n        access: hidden", "      licenses:\n        access: edit\n      role:\n        access: edit\n      policy.TeamsCallingPolicy:\n        access: read\n        value: AllOn"),
	})
	type end struct {
		Tenant   tenantUser
		Groups   []string
		User     userView
		Before   *userState
		After    *userState
		Outcomes []string
	}
	var ends []end
	for i, args := range [][]string{
		{"--profile", "london-sales"},
		{"--group", "uk-sales", "--number", "next", "--set", "role=site-self-service"},
		{"--set", "licenses=SPE_E5,MCOEV", "--set", "groups=All Staff", "--set", "role=site-self-service", "--number", "next"},
	} {
		who := people[i]
		r := x.onboard(0, append([]string{upn(who.name)}, args...)...)
		r.wantWarnings(t)
		is := x.tenant.state()
		number := is.numbersOf(who.id)
		if want := []string{"+442079460000", "+442079460006", "+442079460007"}[i]; !slices.Equal(number, []string{want}) {
			t.Fatalf("%v gave the numbers %v, want %s", args, number, want)
		}
		x.wantNumber(t, number[0], who, r.RunID)
		e := end{Tenant: *is.user(t, who.name), Groups: is.groupsOf(who.id), User: x.user(who.name), Before: r.Before, After: r.After}
		for _, s := range r.Steps {
			e.Outcomes = append(e.Outcomes, s.Name+" "+s.Outcome+" "+s.Reason)
		}
		// What distinguishes the people is not what the ways differ in.
		e.Tenant.ID, e.Tenant.UserPrincipalName, e.Tenant.DisplayName = "", "", nil
		e.User.subscriber, e.User.Numbers, e.After.Numbers = subscriber{}, nil, nil
		slices.SortFunc(e.Tenant.DirectLicenses, func(a, b directLicense) int { return strings.Compare(a.SKU, b.SKU) })
		e.User.Licenses, e.After.Licenses = sortedLicenses(e.User.Licenses), sortedLicenses(e.After.Licenses)
		ends = append(ends, e)
	}
	if e := ends[0]; !equal(e.Tenant.Policies, ukPolicies) || text(e.User.Role) != "site-self-service" || len(e.Tenant.DirectLicenses) != 2 || text(e.Tenant.UsageLocation) != "GB" || !slices.Equal(e.Groups, []string{"All Staff"}) {
		t.Errorf("the profile ended in %s", shown(e))
	}
	for i, way := range []string{"quick add group", "field display policy"} {
		if !equal(ends[0], ends[i+1]) {
			t.Errorf("the profile ended in\n%s\nthe %s in\n%s", shown(ends[0]), way, shown(ends[i+1]))
		}
	}
}
