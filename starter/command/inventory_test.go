package command_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/workflow"

	"tenure/internal/contract"
	"tenure/internal/lifecycle"
)

func TestPlanOffboard(t *testing.T) {
	answers[contract.PlanRequest](t, contract.PlanOperation, plannedFor("id-1"))
	r := newSeat(t).tenure("plan", "offboard", ada, "-o", "json")
	r.exits(t, 2)
	if got := decode[lifecycle.Plan](t, r); len(got.Steps) != 4 || got.Warnings == nil {
		t.Errorf("got %s", r.out)
	}
	golden(t, "plan", newSeat(t).tenure("plan", "offboard", ada).out)

	nothing := plannedFor("id-1")
	nothing.Plan.Steps = []lifecycle.PlannedStep{{Name: lifecycle.RemoveNumber, Action: lifecycle.LeaveAsIs}, {Name: lifecycle.Verify, Action: lifecycle.Do}}
	answers[contract.PlanRequest](t, contract.PlanOperation, nothing)
	newSeat(t).tenure("plan", "offboard", ada).exits(t, 0)
}

func TestUsers(t *testing.T) {
	user := contract.User{ID: "id-1", UserPrincipalName: ada, DisplayName: "Ada \x1b[31mLovelace", Node: ptr(london), Role: ptr("Standard"), Numbers: []string{number}}
	last := answers[contract.UserFilter](t, contract.ListUsers, contract.Users{Users: []contract.User{user, {UserPrincipalName: "bob@contoso.com", Numbers: []string{}}}})
	r := newSeat(t).tenure("users", "list", "--node", "london")
	r.exits(t, 0)
	if last().Node != "london" {
		t.Errorf("asked for %+v", last())
	}
	golden(t, "users-list", r.out)
	golden(t, "users-list-terminal", newSeat(t).atTerminal("").tenure("users", "list", "--color", "never").out)

	view := contract.UserView{
		ID: "id-1", UserPrincipalName: ada, DisplayName: "Ada Lovelace", Node: ptr(london), Role: ptr("Standard"), UsageLocation: ptr("GB"),
		Licenses: []contract.UserLicense{{SKU: "SPE_E5", Assignment: "direct"}, {SKU: "MCOEV", Assignment: "group", Group: ptr("Phones")}},
		Groups:   []string{"Phones", "Sales"}, Numbers: []string{number}, EnterpriseVoice: true, Policies: map[string]string{"TeamsCallingPolicy": "AllOn"},
		Services: []lifecycle.Service{{Kind: lifecycle.ServiceM365, Node: london}},
	}
	answers[contract.ShowUserRequest](t, contract.ShowUser, view)
	golden(t, "users-show", newSeat(t).tenure("users", "show", ada).out)
	if got := decode[contract.UserView](t, newSeat(t).tenure("users", "show", ada, "-o", "json")); !reflect.DeepEqual(got, view) {
		t.Errorf("got %+v, want %+v", got, view)
	}

	synced := answers[contract.SyncRequest](t, contract.SyncDirectory, contract.SyncResult{Tenants: []contract.TenantSync{{Tenant: tenant, Seen: 12, Added: 3, Updated: 1}}})
	s := newSeat(t).tenure("users", "sync", ada, "--full", "--reason", "new hire")
	s.exits(t, 0)
	if s.out != "contoso: 12 seen, 3 added, 1 updated\n" || synced().User != ada || synced().RequestedBy != "operator" || synced().Reason != "new hire" {
		t.Errorf("said %q, asked %+v", s.out, synced())
	}
}

func TestUsersPlace(t *testing.T) {
	move := contract.Placement{User: lifecycle.SubscriberRef{ID: "id-1", UserPrincipalName: ada}, From: "acme/contoso", To: london, Rule: "London staff", Onboard: ptr("standard")}
	var changed atomic.Int32
	place := func(placements ...contract.Placement) {
		on(t, contract.PlaceUsers, func(_ workflow.Context, in contract.PlaceRequest) (contract.Placements, error) {
			if !in.PlanOnly {
				changed.Add(1)
			}
			return contract.Placements{Placements: placements}, nil
		})
	}
	place(move)
	plan := newSeat(t).tenure("users", "place", "--plan", "-o", "json")
	plan.exits(t, 2)
	if got := decode[contract.Placements](t, plan); len(got.Placements) != 1 {
		t.Errorf("got %s", plan.out)
	}
	golden(t, "users-place-plan", newSeat(t).tenure("users", "place", "--plan").out)
	newSeat(t).atTerminal("n\n").tenure("users", "place").exits(t, 130)
	if changed.Load() != 0 {
		t.Error("placed although nobody said yes")
	}
	newSeat(t).atTerminal("y\n").tenure("users", "place").exits(t, 0)
	newSeat(t).tenure("users", "place", ada, "--site", "london", "--role", "Standard", "--yes").exits(t, 0)
	if changed.Load() != 2 {
		t.Errorf("placed %d times, want 2", changed.Load())
	}
	place()
	newSeat(t).tenure("users", "place", "--plan").exits(t, 0)
	place(contract.Placement{From: london, To: london})
	newSeat(t).tenure("users", "place", "--plan").exits(t, 0)
}

func TestNumbers(t *testing.T) {
	cooling := contract.Number{Number: number, Node: london, State: lifecycle.Cooling, Type: "directRouting", CoolingUntil: ptr(began.Add(720 * time.Hour))}
	used := contract.Number{Number: "+442079460002", Node: london, State: lifecycle.Used, Type: "callingPlan", User: &lifecycle.SubscriberRef{ID: "id-1", UserPrincipalName: ada}}
	last := answers[contract.NumberFilter](t, contract.ListNumbers, contract.Numbers{Numbers: []contract.Number{cooling, used}})
	r := newSeat(t).tenure("numbers", "list", "--node", "emea", "--below", "--state", "cooling", "--type", "directRouting", "--contains", "7946", "--user", ada, "--limit", "7")
	r.exits(t, 0)
	want := contract.NumberFilter{Node: "emea", Below: true, State: lifecycle.Cooling, Type: "directRouting", Contains: "7946", User: ada, Page: contract.Page{Limit: 7}}
	if last() != want {
		t.Errorf("asked %+v, want %+v", last(), want)
	}
	golden(t, "numbers-list", r.out)
	golden(t, "numbers-list-color", newSeat(t).tenure("numbers", "list", "--color", "always").out)

	shown := answers[contract.ShowNumberRequest](t, contract.ShowNumber, contract.NumberView{Number: cooling, History: []contract.NumberEvent{
		{At: began, Event: "add", To: ptr(lifecycle.Available), By: ptr("operator")},
		{At: began.Add(time.Hour), Event: "release", From: ptr(lifecycle.Used), To: ptr(lifecycle.Cooling), RunID: ptr("run-1"), By: ptr("operator")},
	}})
	one := newSeat(t).tenure("numbers", "show", `\+44 20 7946 0001`)
	one.exits(t, 0)
	if shown().Number != number {
		t.Errorf("asked for %q", shown().Number)
	}
	golden(t, "numbers-show", one.out)
	asJSON := newSeat(t).tenure("numbers", "show", number, "-o", "json")
	var fields map[string]any
	if err := json.Unmarshal([]byte(asJSON.out), &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields("number node state type vendor user reservedFor reservedUntil coolingUntil notes history") {
		if _, ok := fields[name]; !ok {
			t.Errorf("no %s in %s", name, asJSON.out)
		}
	}
}

func TestNumbersAdd(t *testing.T) {
	file := filepath.Join(t.TempDir(), "numbers.csv")
	if err := os.WriteFile(file, []byte("\ufeffNumber,notes\n\"+44 20 7946 0003\",reception\n+442079460004\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var runs atomic.Int32
	var got kept[contract.AddNumbersRequest]
	on(t, contract.AddNumbers, func(_ workflow.Context, in contract.AddNumbersRequest) (contract.NumbersAdded, error) {
		runs.Add(1)
		got.keep(in)
		return contract.NumbersAdded{Added: 2, Existing: 1, InUse: 1}, nil
	})
	where := []string{"--node", "london", "--type", "directRouting", "--yes"}
	tests := map[string]struct {
		arguments []string
		numbers   []string
		ranges    []contract.NumberRange
	}{
		"single": {[]string{"0044 20 7946 0001", "tel:+442079460002"}, []string{number, "+442079460002"}, nil},
		"ranges": {[]string{"--range", "+442079460100..+442079460199", "--range", "+442079460300..+442079460309"}, nil, []contract.NumberRange{{From: "+442079460100", To: "+442079460199"}, {From: "+442079460300", To: "+442079460309"}}},
		"csv":    {[]string{"--csv", file}, []string{"+442079460003", "+442079460004"}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := newSeat(t).tenure(append(append([]string{"numbers", "add"}, test.arguments...), where...)...)
			r.exits(t, 0)
			want := contract.AddNumbersRequest{Node: "london", Type: "directRouting", Numbers: test.numbers, Ranges: test.ranges, Actor: contract.Actor{RequestedBy: "operator"}}
			if !reflect.DeepEqual(got.last(), want) {
				t.Errorf("asked %+v, want %+v", got.last(), want)
			}
			if r.out != "2 added (1 of them used in Teams), 1 there already\n" {
				t.Errorf("said %q", r.out)
			}
		})
	}

	runs.Store(0)
	once := append([]string{"numbers", "add", number, "--request-id", "once-" + uuid.NewString(), "-o", "json"}, where...)
	for range 2 {
		r := newSeat(t).tenure(once...)
		r.exits(t, 0)
		if added := decode[contract.NumbersAdded](t, r); added.Added != 2 {
			t.Errorf("got %+v", added)
		}
	}
	if runs.Load() != 1 {
		t.Errorf("the same request ran %d times", runs.Load())
	}
}

func TestCatalog(t *testing.T) {
	const example = "testdata/catalog.yaml"
	newSeat(t).tenure("catalog", "check", example).exits(t, 0)
	noted := filepath.Join(t.TempDir(), "noted.yaml")
	text, _ := os.ReadFile(example)
	if err := os.WriteFile(noted, append(text, "fieldDisplayPolicies: [{name: leaving, target: offboarding, fields: {licenses: {access: edit}}}]\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := newSeat(t).tenure("catalog", "check", noted); r.code != 0 || !strings.Contains(r.out, "no problems\nnote: field display policy leaving: licenses is read") {
		t.Errorf("exit %d, said %q", r.code, r.out)
	}
	if r := newSeat(t).tenure("catalog", "check", example, "-o", "json"); !strings.Contains(r.out, `"notes": []`) {
		t.Errorf("said %q", r.out)
	}

	added := []contract.CatalogDifference{{Kind: "node", Name: "acme/contoso/emea/paris", Action: "add"}, {Kind: "role", Name: "Old", Action: "remove"}, {Kind: "template", Name: "Leavers", Action: "change", Detail: "licenses: remove → retain"}}
	compared := answers[contract.CatalogRequest](t, contract.DiffCatalog, contract.CatalogDiff{Differences: added})
	applied := answers[contract.CatalogRequest](t, contract.ApplyCatalog, contract.CatalogApplied{Revision: 4, Changed: true, Differences: added, Numbers: contract.NumbersAdded{Added: 10}})
	diff := newSeat(t).tenure("catalog", "diff", example)
	diff.exits(t, 2)
	golden(t, "catalog-diff", diff.out)
	if text, _ := os.ReadFile(example); compared().Text != string(text) || compared().File != example {
		t.Error("the file was not sent as it is")
	}
	newSeat(t).atTerminal("n\n").tenure("catalog", "apply", example).exits(t, 130)
	if applied().Text != "" {
		t.Error("applied although nobody said yes")
	}
	r := newSeat(t).tenure("catalog", "apply", example, "--yes", "--reason", "Paris")
	r.exits(t, 0)
	if r.out != "revision 4 is in force\nnumbers: 10 added, 0 there already\n" || applied().Reason != "Paris" {
		t.Errorf("said %q, asked by %+v", r.out, applied().Actor)
	}

	answers[contract.CatalogRequest](t, contract.DiffCatalog, contract.CatalogDiff{})
	same := newSeat(t).tenure("catalog", "diff", example, "-o", "json")
	same.exits(t, 0)
	if strings.Join(strings.Fields(same.out), "") != `{"differences":[]}` {
		t.Errorf("got %s", same.out)
	}

	asked := answers[contract.ShowCatalogRequest](t, contract.ShowCatalog, map[string]any{"roles": []string{"Standard"}})
	shown := newSeat(t).tenure("catalog", "show", "roles", "Standard")
	shown.exits(t, 0)
	if asked().Kind != "roles" || asked().Name != "Standard" || shown.out != "roles:\n- Standard\n" {
		t.Errorf("asked %+v, said %q", asked(), shown.out)
	}
}

func TestDetachedChange(t *testing.T) {
	answers[contract.SyncRequest](t, contract.SyncDirectory, contract.SyncResult{})
	r := newSeat(t).tenure("users", "sync", "--detach", "-o", "json")
	r.exits(t, 0)
	got := decode[map[string]string](t, r)
	if err := server.client.GetWorkflow(t.Context(), got["workflowId"], got["runId"]).Get(t.Context(), nil); err != nil {
		t.Error(err)
	}
}
