package command_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/workflow"

	"tenure/internal/contract"
	"tenure/internal/lifecycle"
)

// asking is a sync that asks about twelve removals and tells in its result who decided what.
func asking(ctx workflow.Context, in contract.SyncRequest) (contract.SyncResult, error) {
	status := contract.SyncStatus{Status: lifecycle.Held, SyncResult: contract.SyncResult{Tenants: []contract.TenantSync{
		{Tenant: tenant, Seen: 3, Held: 12, First: []lifecycle.SubscriberRef{{ID: "id-1", UserPrincipalName: ada}, {ID: "id-2", UserPrincipalName: "bob@contoso.com"}}},
	}}}
	if err := workflow.SetQueryHandler(ctx, contract.SyncQuery, func() (contract.SyncStatus, error) { return status, nil }); err != nil {
		return status.SyncResult, err
	}
	decided := workflow.NewBufferedChannel(ctx, 1)
	if err := workflow.SetUpdateHandlerWithOptions(ctx, contract.ResolveUpdate, func(_ workflow.Context, decision contract.Resolution) error {
		status.Status = lifecycle.Running
		decided.SendAsync(decision)
		return nil
	}, workflow.UpdateHandlerOptions{Validator: func(decision contract.Resolution) error {
		if decision.Action == contract.ResolveRetry {
			return errors.New("a sync that asks takes approve or rollback")
		}
		return nil
	}}); err != nil {
		return status.SyncResult, err
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, contract.StateAttribute.ValueSet(string(lifecycle.Held))); err != nil {
		return status.SyncResult, err
	}
	var decision contract.Resolution
	decided.Receive(ctx, &decision)
	of := &status.Tenants[0]
	of.First = []lifecycle.SubscriberRef{{ID: decision.Action, UserPrincipalName: decision.RequestedBy + ": " + decision.Reason}}
	if decision.Action == contract.ResolveApprove {
		of.Removed, of.Held = of.Held, 0
	}
	return status.SyncResult, workflow.UpsertTypedSearchAttributes(ctx, contract.StateAttribute.ValueSet(string(lifecycle.Completed)))
}

func TestASyncThatAsks(t *testing.T) {
	on(t, contract.SyncDirectory, asking)
	answers[contract.RunFilter](t, contract.ListRuns, contract.Runs{Runs: []contract.Run{}})
	for name, row := range map[string]struct {
		flag string
		exit int
		says string
	}{
		"approved": {"--approve", 0, "contoso: 3 seen, 0 added, 0 updated, 12 removed\n"},
		"refused":  {"--rollback", 1, "contoso: 3 seen, 0 added, 0 updated, 12 gone and not removed:\n"},
	} {
		t.Run(name, func(t *testing.T) {
			id := "asks-" + name
			r := newSeat(t).tenure("users", "sync", "--request-id", id)
			r.exits(t, 2)
			if want := "contoso: 3 seen, 0 added, 0 updated, 12 gone and not removed:\n  " + ada + "\n  bob@contoso.com\n  and 10 more\n"; r.out != want {
				t.Errorf("got %q, want %q", r.out, want)
			}
			workflowID := contract.SyncWorkflowPrefix + id
			r.says(t, "tenure resolve "+workflowID+" --approve")
			json := newSeat(t).tenure("users", "sync", "--request-id", id, "-o", "json")
			json.exits(t, 2)
			if got := decode[contract.SyncResult](t, json); got.Tenants[0].Held != 12 {
				t.Errorf("got %s", json.out)
			}

			// Visibility lags behind.
			var held contract.Runs
			for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline) && len(held.Runs) == 0; {
				listed := newSeat(t).tenure("list", "--held", "-o", "json")
				listed.exits(t, 0)
				held = decode[contract.Runs](t, listed)
			}
			if len(held.Runs) != 1 || held.Runs[0].WorkflowID != workflowID || held.Runs[0].Operation != "sync" || held.Runs[0].Status != lifecycle.Held {
				t.Fatalf("held: %+v", held.Runs)
			}

			newSeat(t).tenure("resolve", workflowID, "--retry", "--yes").exits(t, 5)
			newSeat(t).tenure("resolve", workflowID, row.flag).exits(t, 3)
			newSeat(t).atTerminal("n\n").tenure("resolve", workflowID, row.flag).exits(t, 130)
			// By its run id, as a list shows it.
			done := newSeat(t).tenure("resolve", held.Runs[0].RunID, row.flag, "--yes", "--reason", "checked")
			done.exits(t, row.exit)
			if want := row.says + "  operator: checked\n"; !strings.HasPrefix(done.out, want) {
				t.Errorf("got %q, want %q", done.out, want)
			}
			again := newSeat(t).tenure("resolve", workflowID, row.flag, "--yes")
			again.exits(t, 5)
			again.says(t, "does not wait for this decision")
		})
	}
	newSeat(t).tenure("resolve", contract.SyncWorkflowPrefix+"nobody", "--approve", "--yes").exits(t, 3)
	newSeat(t).tenure("resolve", contract.SyncWorkflowPrefix+"nobody", "--approve", "--rollback", "--yes").exits(t, 3)
}

func TestSyncSaysAllThatItDid(t *testing.T) {
	last := answers[contract.SyncRequest](t, contract.SyncDirectory, contract.SyncResult{Tenants: []contract.TenantSync{
		{Tenant: tenant, Seen: 9, Added: 1, LeftOut: 2, Removed: 3, NumbersLeft: 4, Busy: 5, Placed: 6, Onboarding: 7},
	}})
	r := newSeat(t).tenure("users", "sync", "--full")
	r.exits(t, 0)
	want := "contoso: 9 seen, 1 added, 0 updated, 2 left out by the filter, 3 removed, 4 numbers of theirs left for an audit of the inventory, 5 gone but busy, 6 placed, 7 onboardings started\n"
	if r.out != want || !last().Full {
		t.Errorf("got %q, asked %+v", r.out, last())
	}
}

func TestUsersListFiltersAndCSV(t *testing.T) {
	last := answers[contract.UserFilter](t, contract.ListUsers, contract.Users{Users: []contract.User{
		{ID: "id-1", UserPrincipalName: ada, DisplayName: `Lovelace, "Ada"`, Node: ptr(london), Role: ptr("Standard"), Numbers: []string{number, "+442079460009"}},
		{ID: "id-2", UserPrincipalName: "bob@contoso.com", Numbers: []string{}},
	}})
	r := newSeat(t).tenure("users", "list", "--node", "london", "--role", "Standard", "--contains", "love", "--unplaced", "--guests", "--limit", "7", "--csv")
	r.exits(t, 0)
	if want := (contract.UserFilter{Node: "london", Role: "Standard", Contains: "love", Unplaced: true, Guests: true, Page: contract.Page{Limit: 7}}); last() != want {
		t.Errorf("asked for %+v", last())
	}
	want := "id,userPrincipalName,displayName,node,role,numbers\n" +
		`id-1,ada@contoso.com,"Lovelace, ""Ada""",acme/contoso/emea/london,Standard,+442079460001 +442079460009` + "\nid-2,bob@contoso.com,,,,\n"
	if r.out != want {
		t.Errorf("got %q", r.out)
	}
	newSeat(t).tenure("users", "list", "--csv", "-o", "json").exits(t, 3)
}

func TestUsersShowNamesTheLastRunToPeopleOnly(t *testing.T) {
	view := contract.UserView{
		ID: "id-1", UserPrincipalName: ada, Licenses: []contract.UserLicense{}, Groups: []string{}, Numbers: []string{}, Policies: map[string]string{}, Services: []lifecycle.Service{},
		LastRun: &contract.Run{RunID: "run-1", Operation: lifecycle.Offboard, Status: lifecycle.RolledBack, StartedAt: began},
	}
	answers[contract.ShowUserRequest](t, contract.ShowUser, view)
	newSeat(t).tenure("users", "show", ada).prints(t, "last run", "offboard", "rolled_back", "run-1")
	json := newSeat(t).tenure("users", "show", ada, "-o", "json")
	view.LastRun = nil
	if got := decode[contract.UserView](t, json); !reflect.DeepEqual(got, view) || strings.Contains(json.out, "lastRun") {
		t.Errorf("got %s", json.out)
	}
}

func (r result) prints(t *testing.T, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(r.out, part) {
			t.Errorf("stdout lacks %q: %s", part, r.out)
		}
	}
}

func TestUsersPlaceAsksForEveryPartAndOnboards(t *testing.T) {
	var asked []contract.PlaceRequest
	on(t, contract.PlaceUsers, func(_ workflow.Context, in contract.PlaceRequest) (contract.Placements, error) {
		asked = append(asked, in)
		p := contract.Placement{User: lifecycle.SubscriberRef{ID: in.Cursor, UserPrincipalName: ada}, From: "acme/contoso", To: london, Rule: "r", Onboard: ptr("standard")}
		switch {
		case !in.PlanOnly:
			return contract.Placements{Placements: []contract.Placement{p}, Placed: 2, Onboarding: 1, Busy: []lifecycle.SubscriberRef{{UserPrincipalName: "bob@contoso.com"}}}, nil
		case in.Cursor == "":
			return contract.Placements{Placements: []contract.Placement{p}, Next: ptr("more")}, nil
		}
		return contract.Placements{Placements: []contract.Placement{p}}, nil
	})
	r := newSeat(t).atTerminal("y\n").tenure("users", "place")
	r.exits(t, 0)
	r.says(t, "Place 2, and onboard 2 of them?")
	r.says(t, "2 were placed; the first 1 are shown")
	r.says(t, "1 onboardings were started")
	r.says(t, "bob@contoso.com was left alone")
	if len(asked) != 3 || asked[1].Cursor != "more" || !asked[2].Onboard || asked[2].PlanOnly {
		t.Errorf("asked %+v", asked)
	}
	newSeat(t).tenure("users", "place", ada, "--site", "london", "--yes").exits(t, 0)
	if by := asked[len(asked)-1]; by.Onboard || by.User != ada {
		t.Errorf("by hand: %+v", by)
	}
}
