package command_test

import (
	"context"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"tenure/internal/contract"
	"tenure/internal/lifecycle"
)

// everythingNeeded needs every feature, for reasons of its own.
func everythingNeeded() (needs []lifecycle.FeatureNeed) {
	for _, f := range lifecycle.Features() {
		needs = append(needs, lifecycle.FeatureNeed{Feature: f, Because: "test of " + string(f)})
	}
	return needs
}

// polled makes somebody ask the test server for work on a queue.
func polled(t *testing.T, queue string) {
	t.Helper()
	w := worker.New(server.client, queue, worker.Options{DisableWorkflowWorker: true})
	w.RegisterActivity(fail)
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	for seen := false; !seen; {
		described, err := server.client.DescribeTaskQueue(t.Context(), queue, enums.TASK_QUEUE_TYPE_ACTIVITY)
		if err != nil {
			t.Fatal(err)
		}
		seen = len(described.GetPollers()) > 0
	}
}

type diagnosis struct {
	Checks []struct {
		Check   string  `json:"check"`
		Subject *string `json:"subject"`
		State   string  `json:"state"`
		Message string  `json:"message"`
		Remedy  *string `json:"remedy"`
	} `json:"checks"`
	Tenants  []contract.TenantPermissions `json:"tenants"`
	Problems int                          `json:"problems"`
	Warnings int                          `json:"warnings"`
}

// state is the state of the check of a name, the subject behind it where there is one.
func (d diagnosis) state(name string) string {
	for _, c := range d.Checks {
		if c.Check == name || (c.Subject != nil && c.Check+" "+*c.Subject == name) {
			return c.State
		}
	}
	return ""
}

func healthy() contract.WorkerCheck {
	return contract.WorkerCheck{
		Version: "v1.2.3", At: time.Now(), Schema: 7, KnownSchema: 7, Tenants: []string{"contoso"}, Keys: []string{},
		Catalog: &contract.CatalogRevision{Number: 3, AppliedAt: began, By: ptr("grace")},
		Clocks:  []contract.TenantClock{{Tenant: "contoso", Ahead: time.Second}},
	}
}

// varying are the parts of a diagnosis that the server decides.
var varying = regexp.MustCompile(`server [0-9.]+ at [0-9.:]+`)

func TestDoctor(t *testing.T) {
	least := []string{
		"User.Read.All", "Organization.Read.All", "GroupMember.ReadWrite.All", "TeamsUserConfiguration.Read.All",
		"LicenseAssignment.ReadWrite.All", "TeamsTelephoneNumber.ReadWrite.All", "TeamsPolicyUserAssign.ReadWrite.All",
	}
	good := contract.TenantPermissions{Tenant: "contoso", PermissionCheck: lifecycle.CheckPermissions(everythingNeeded(), least)}
	lacking := contract.TenantPermissions{Tenant: "fabrikam", Recommendation: ptr("show licenses read-only"), PermissionCheck: lifecycle.CheckPermissions(everythingNeeded(), []string{
		"Directory.Read.All", "User.ReadUpdate.All", "GroupMember.ReadWrite.All", "TeamsUserConfiguration.Read.All", "TeamsPolicyUserAssign.ReadWrite.All", "Mail.Read",
	})}
	silent := contract.TenantPermissions{
		Tenant: "litware", Problem: ptr("no worker that serves this tenant answered in time"),
		PermissionCheck: lifecycle.PermissionCheck{Features: []lifecycle.FeaturePermission{}, Excess: []string{}},
	}
	generous := contract.TenantPermissions{Tenant: "contoso", PermissionCheck: lifecycle.CheckPermissions(everythingNeeded(), append(least, "Mail.Read"))}
	polled(t, contract.GraphQueue("contoso"))
	for name, row := range map[string]struct {
		change  func(*contract.WorkerCheck)
		tenants []contract.TenantPermissions
		exit    int
		// states are the checks that are not ok, by name.
		states map[string]string
		golden bool
	}{
		"doctor-good": {func(*contract.WorkerCheck) {}, []contract.TenantPermissions{good}, 0, map[string]string{}, true},
		"doctor": {func(w *contract.WorkerCheck) {
			w.Tenants, w.Schema, w.Clocks[0].Ahead = []string{"contoso", "fabrikam", "litware"}, 6, -30*time.Second
		}, []contract.TenantPermissions{good, lacking, silent}, 2, map[string]string{
			"queue graph-fabrikam": "problem", "queue graph-litware": "problem", "store": "problem", "clock Microsoft of contoso": "warning",
			"permissions fabrikam": "problem", "permissions litware": "problem", "display-policy fabrikam": "warning",
		}, true},
		"excess":       {func(*contract.WorkerCheck) {}, []contract.TenantPermissions{generous}, 0, map[string]string{"permissions contoso": "warning"}, false},
		"other keys":   {func(w *contract.WorkerCheck) { w.Keys = []string{"new", "old"} }, []contract.TenantPermissions{good}, 0, map[string]string{"encryption": "warning"}, false},
		"no catalog":   {func(w *contract.WorkerCheck) { w.Catalog, w.Tenants = nil, []string{} }, []contract.TenantPermissions{}, 2, map[string]string{"catalog": "problem"}, false},
		"bad catalog":  {func(w *contract.WorkerCheck) { w.CatalogProblem, w.Tenants = ptr("unknown level"), []string{} }, []contract.TenantPermissions{}, 2, map[string]string{"catalog": "problem"}, false},
		"slow clock":   {func(w *contract.WorkerCheck) { w.At = w.At.Add(-time.Hour) }, []contract.TenantPermissions{good}, 2, map[string]string{"clock worker": "problem"}, false},
		"clock beside": {func(w *contract.WorkerCheck) { w.At = w.At.Add(time.Minute) }, []contract.TenantPermissions{good}, 0, map[string]string{"clock worker": "warning"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := healthy()
			row.change(&w)
			answers[contract.WorkerCheckRequest](t, contract.CheckWorker, w)
			answers[contract.PermissionsRequest](t, contract.CheckPermissions, contract.Permissions{Tenants: row.tenants})
			r := newSeat(t).tenure("doctor", "-o", "json")
			r.exits(t, row.exit)
			got := decode[diagnosis](t, r)
			problems, warnings := 0, 0
			for _, c := range got.Checks {
				name := c.Check
				if c.Subject != nil {
					name += " " + *c.Subject
				}
				want := row.states[name]
				if want == "" {
					want = "ok"
				}
				if c.State != want || (c.State != "ok" && (c.Remedy == nil || *c.Remedy == "")) {
					t.Errorf("%s is %s, want %s with a remedy: %s", name, c.State, want, c.Message)
				}
				if c.State == "problem" {
					problems++
				}
				if c.State == "warning" {
					warnings++
				}
			}
			for name, want := range row.states {
				if got.state(name) != want {
					t.Errorf("%s is %q, want %s", name, got.state(name), want)
				}
			}
			if got.Problems != problems || got.Warnings != warnings || len(got.Tenants) != len(row.tenants) {
				t.Errorf("%d problems, %d warnings, %d tenants", got.Problems, got.Warnings, len(got.Tenants))
			}
			if row.golden {
				for _, s := range []struct {
					suffix string
					seat   *seat
				}{{"", newSeat(t)}, {"-color", newSeat(t).atTerminal("")}} {
					text := s.seat.tenure("doctor")
					text.exits(t, row.exit)
					golden(t, name+s.suffix, varying.ReplaceAllString(text.out, "server 1.0.0 at 127.0.0.1:7233"))
				}
			}
		})
	}
	newSeat(t).tenure("doctor", "contoso").exits(t, 3)
}

func TestDoctorWithoutAWorker(t *testing.T) {
	r := newSeat(t).idle().tenure("doctor", "-o", "json")
	r.exits(t, 2)
	got := decode[diagnosis](t, r)
	if got.state("queue tenure") != "problem" || got.state("temporal") != "ok" || got.state("search-attributes") != "ok" || got.state("store") != "" {
		t.Errorf("%+v", got)
	}
}

func TestDoctorNamesMissingSearchAttributes(t *testing.T) {
	operator, batch := server.idle.OperatorService(), contract.BatchAttribute.GetName()
	if _, err := operator.RemoveSearchAttributes(t.Context(), &operatorservice.RemoveSearchAttributesRequest{Namespace: idle, SearchAttributes: []string{batch}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		add := &operatorservice.AddSearchAttributesRequest{Namespace: idle, SearchAttributes: map[string]enums.IndexedValueType{batch: enums.INDEXED_VALUE_TYPE_KEYWORD}}
		if _, err := operator.AddSearchAttributes(context.Background(), add); err != nil {
			t.Error(err)
		}
	})
	r := newSeat(t).idle().tenure("doctor", "-o", "json")
	r.exits(t, 2)
	if got := decode[diagnosis](t, r); got.state("search-attributes") != "problem" || !strings.Contains(r.out, "search-attribute create --namespace idle --name TenureBatch --type Keyword\"") {
		t.Errorf("%s", r.out)
	}
}

func TestDoctorWithoutANamespace(t *testing.T) {
	s := newSeat(t)
	t.Setenv("TEMPORAL_NAMESPACE", "nowhere")
	r := s.tenure("doctor", "-o", "json")
	r.exits(t, 2)
	if got := decode[diagnosis](t, r); got.state("namespace nowhere") != "problem" {
		t.Errorf("%+v", got)
	}
}

func TestDoctorWithoutTemporal(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := newSeat(t)
	t.Setenv("TEMPORAL_ADDRESS", listener.Addr().String())
	listener.Close()
	r := s.tenure("doctor", "-o", "json")
	r.exits(t, 4)
	if doc := decode[failure](t, r); doc.Error.Code != "temporal-unreachable" {
		t.Errorf("code %q", doc.Error.Code)
	}
}

// A schedule that somebody paused is said, with the command that ends it.
func TestDoctorSeesPausedSchedules(t *testing.T) {
	answers[contract.WorkerCheckRequest](t, contract.CheckWorker, healthy())
	answers[contract.PermissionsRequest](t, contract.CheckPermissions, contract.Permissions{Tenants: []contract.TenantPermissions{}})
	for _, paused := range []bool{false, true} {
		schedule, err := server.client.ScheduleClient().Create(t.Context(), client.ScheduleOptions{
			ID: contract.NumberExpirySchedule, Paused: paused, Spec: client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: time.Hour}}},
			Action: &client.ScheduleWorkflowAction{ID: "expiry", Workflow: "Expire", TaskQueue: "nobody"},
		})
		if err != nil {
			t.Fatal(err)
		}
		text := newSeat(t).tenure("doctor").out
		if err := schedule.Delete(t.Context()); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text, "temporal schedule toggle --unpause --schedule-id tenure-number-expiry") != paused || strings.Contains(text, "runs next at 20") == paused {
			t.Errorf("paused %v:\n%s", paused, text)
		}
	}
}
