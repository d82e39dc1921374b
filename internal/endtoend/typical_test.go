package endtoend_test

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// typical makes the typical user of anna.archer: a direct license, a Direct Routing number, two groups, at London.
func typical(s *tenantState) {
	for i := range s.Groups {
		if s.Groups[i].DisplayName == "London Office" {
			s.Groups[i].Members = nil
		}
	}
}

// requestsPerRun is how many Graph requests offboarding the typical user may cost, and one more per removed group.
const requestsPerRun = 14

// eventsPerRun is how long the history of that run may be.
const eventsPerRun = 70

func TestTypicalUserIsOffboarded(t *testing.T) {
	t.Parallel()
	x := install(t, setup{tenant: typical, settings: map[string]any{}})
	was := x.tenant.state()
	anna := was.user(t, "anna.archer")

	r := x.offboard(0, upn("anna.archer"), "--reason", "leaves the company")
	requests, writes := x.tenant.journal(), x.tenant.writes()

	r.want(t, "completed", map[string]string{
		"remove-number": "done", "disable-enterprise-voice": "done", "apply-policies": "skipped no-template",
		"remove-groups": "skipped no-template", "await-group-licenses": "skipped no-group-license-expected", "remove-licenses": "done",
		"release-number": "done", "return-to-tenant-level": "done", "set-role": "unchanged self-service-role-kept", "verify": "done",
	})
	r.wantWarnings(t)
	if r.Operation != "offboard" || r.Tenant != "contoso" || r.Subscriber != (subscriber{anna.ID, upn("anna.archer")}) {
		t.Errorf("the report is about %s of %v in %s", r.Operation, r.Subscriber, r.Tenant)
	}
	if r.WorkflowID != "subscriber/contoso/"+anna.ID || r.RunID == "" || r.RequestID == "" || r.RequestedBy == "" || r.ClosedAt == nil || r.ClosedAt.Before(r.StartedAt) {
		t.Errorf("the report says of its run: %+v %q %q, from %v to %v", r.reference, r.RequestID, r.RequestedBy, r.StartedAt, r.ClosedAt)
	}
	if r.Before == nil || r.After == nil {
		t.Fatal("the report lacks the state before or after")
	}
	if b := r.Before; text(b.Node) != london || text(b.UsageLocation) != "GB" || !slices.Equal(b.Numbers, []string{"+442079460001"}) || !b.EnterpriseVoice ||
		!slices.Equal(b.Licenses, []license{{"SPE_E5", "direct"}}) || len(b.Groups) != 2 {
		t.Errorf("before: %s", shown(b))
	}
	if a := r.After; text(a.Node) != tenantLevel || text(a.UsageLocation) != "GB" || text(a.Role) != "customer-self-service" || len(a.Numbers) != 0 ||
		a.EnterpriseVoice || len(a.Licenses) != 0 || !slices.Equal(a.Groups, r.Before.Groups) {
		t.Errorf("after: %s", shown(a))
	}

	t.Run("Microsoft", func(t *testing.T) {
		is := x.tenant.state()
		now := is.user(t, "anna.archer")
		if n := is.numbersOf(anna.ID); len(n) != 0 || now.EnterpriseVoice {
			t.Errorf("numbers %v, Enterprise Voice %v", n, now.EnterpriseVoice)
		}
		if len(now.DirectLicenses) != 0 {
			t.Errorf("direct licenses %v", now.DirectLicenses)
		}
		if text(now.UsageLocation) != "GB" {
			t.Errorf("R51: usage location %s", text(now.UsageLocation))
		}
		if groups := is.groupsOf(anna.ID); !slices.Equal(groups, []string{"All Staff", "Sales UK"}) {
			t.Errorf("groups %v", groups)
		}
		if len(writes) != 2 || writes[0].Path != unassignNumber || writes[1].Path != licensePath(anna.ID) {
			t.Errorf("writes %v", writes)
		}
		// Nobody else was touched.
		for i, u := range is.Users {
			if u.ID != anna.ID && !equal(u, was.Users[i]) {
				t.Errorf("%s changed from %s to %s", u.UserPrincipalName, shown(was.Users[i]), shown(u))
			}
		}
	})
	t.Run("number", func(t *testing.T) {
		n := x.number("+442079460001")
		if n.State != "cooling" || n.User != nil || n.Node != london || n.CoolingUntil == nil {
			t.Fatalf("number %s", shown(n))
		}
		// The release is the step; London inherits 30 days.
		released := r.step(t, "release-number")
		at := n.CoolingUntil.Add(-30 * 24 * time.Hour)
		if released.StartedAt == nil || released.ClosedAt == nil || at.Before(released.StartedAt.Add(-time.Second)) || at.After(released.ClosedAt.Add(time.Second)) {
			t.Errorf("cooling ends at %v, 30 days after %v; the release ran from %v to %v", n.CoolingUntil, at, released.StartedAt, released.ClosedAt)
		}
		if shown := x.run("status", r.RunID, "-o", "json").stdout; !strings.Contains(shown, n.CoolingUntil.UTC().Truncate(time.Second).Format(time.RFC3339)) {
			t.Errorf("the report does not name the release date %v:\n%s", n.CoolingUntil, shown)
		}
		last := n.History[len(n.History)-1]
		if text(last.To) != "cooling" || text(last.RunID) != r.RunID {
			t.Errorf("the last event of the number is %s", shown(last))
		}
	})
	t.Run("directory", func(t *testing.T) {
		u := x.user("anna.archer")
		if text(u.Node) != tenantLevel || text(u.Role) != "customer-self-service" || u.Operation != nil {
			t.Errorf("user %s", shown(u))
		}
		if len(u.Services) < 3 {
			t.Errorf("service records %v", u.Services)
		}
		for _, s := range u.Services {
			if s.Node != tenantLevel {
				t.Errorf("the %s record is at %s", s.Kind, s.Node)
			}
		}
	})
	t.Run("figures", func(t *testing.T) {
		t.Logf("Graph requests of the command: %d; events in the history: %d", len(requests), x.historyLength(r.reference))
		if len(requests) > requestsPerRun {
			t.Errorf("offboarding with `--yes -o json` cost %d Graph requests, at most %d are promised: %v", len(requests), requestsPerRun, requests)
		}
		if n := x.historyLength(r.reference); n > eventsPerRun {
			t.Errorf("the history has %d events, at most %d are promised", n, eventsPerRun)
		}
	})
	t.Run("again", func(t *testing.T) {
		x.tenant.clearJournal()
		wantNothingDone(t, x, x.offboard(0, upn("anna.archer")))
		if text(x.user("anna.archer").Node) != tenantLevel || x.number("+442079460001").State != "cooling" {
			t.Error("the second run changed something")
		}
	})
}

// wantNothingDone holds a run against what offboarding somebody a second time must be.
func wantNothingDone(t *testing.T, x *installation, r report) {
	t.Helper()
	r.want(t, "completed", map[string]string{"verify": "done", "remove-number": "unchanged no-number", "return-to-tenant-level": "unchanged"})
	for _, s := range r.Steps {
		if s.Name != "verify" && s.Outcome != "unchanged" && (s.Outcome != "skipped" || s.Reason == "") {
			t.Errorf("%s is %s %s", s.Name, s.Outcome, s.Reason)
		}
	}
	if w := x.tenant.writes(); len(w) > 0 {
		t.Errorf("Microsoft was written to: %v", w)
	}
}

// The figure holds for a quick add group too: one request more for each group that is removed.
func TestRequestsOfAnOffboardingWithGroups(t *testing.T) {
	t.Parallel()
	x := install(t, setup{})
	before := x.tenant.state()
	anna := before.user(t, "anna.archer")
	r := x.offboard(0, upn("anna.archer"), "--group", "leaver-keeps-licenses")
	r.want(t, "completed", map[string]string{
		"remove-number": "done", "apply-policies": "done", "remove-groups": "done", "await-group-licenses": "skipped no-group-license-expected",
		"remove-licenses": "skipped licenses-retained", "release-number": "done", "verify": "done",
	})
	requests := x.tenant.journal()
	t.Logf("Graph requests: %d; events: %d", len(requests), x.historyLength(r.reference))
	if len(requests) > requestsPerRun+1 {
		t.Errorf("%d Graph requests, at most %d are promised: %v", len(requests), requestsPerRun+1, requests)
	}
	after := x.tenant.state()
	if got := after.groupsOf(anna.ID); !slices.Equal(got, []string{"London Office", "Sales UK"}) {
		t.Errorf("groups %v", got)
	}
	if got := after.user(t, "anna.archer"); !slices.Equal(got.licenses(), []string{"SPE_E5"}) || len(got.Policies) != 0 {
		t.Errorf("licenses %v, policies %v", got.licenses(), got.Policies)
	}

	x.tenant.clearJournal()
	again := x.offboard(0, upn("anna.archer"), "--group", "leaver-keeps-licenses")
	wantNothingDone(t, x, again)
	again.want(t, "completed", map[string]string{"apply-policies": "unchanged", "remove-groups": "unchanged", "remove-licenses": "skipped licenses-retained"})
}
