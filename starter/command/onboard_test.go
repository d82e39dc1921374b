package command_test

import (
	"strings"
	"testing"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/workflow"

	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/lifecycle"
)

func TestOnboardExitsAsTheRunEnds(t *testing.T) {
	tests := map[string]struct {
		run    func(workflow.Context, lifecycle.Request) (*lifecycle.Report, error)
		code   int
		status lifecycle.Status // empty: no report, an error document instead
	}{
		"completed":       {completes, 0, lifecycle.Completed},
		"rolled back":     {ends(lifecycle.RolledBack, lifecycle.Undone), 1, lifecycle.RolledBack},
		"undo incomplete": {ends(lifecycle.Failed, lifecycle.StepFail), 6, lifecycle.Failed},
		"refused":         {refusedWithEmptyReport, 5, ""},
		"unknown profile": {endsWith(fault.New(fault.InvalidRequest, "no such profile")), 3, ""},
		"number taken":    {endsWith(fault.New(fault.NumberUnavailable, "taken")), 5, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			onboards(t, test.run)
			r := newSeat(t).tenure("onboard", ada, "--site", "london", "--group", "Phones", "--yes", "-o", "json")
			r.endsAs(t, test.code, lifecycle.Onboard, test.status)
		})
	}
}

// The three ways in send one shape (R4), and `plan onboard` sends what `onboard` does.
func TestOnboardSendsWhatWasAsked(t *testing.T) {
	tests := map[string]struct {
		arguments []string
		want      lifecycle.Request
	}{
		"quick add group": {[]string{"--site", "london", "--group", "Phones"}, lifecycle.Request{Site: "london", Group: "Phones"}},
		"profile": {
			[]string{"--site", london, "--profile", "sales", "--number", "next", "--welcome"},
			lifecycle.Request{Site: london, Profile: "sales", Number: lifecycle.NextNumber, Welcome: true},
		},
		"field display policy": {
			[]string{"--site", "london", "--set", "licenses=SPE_E5,MCOEV", "--set", "custom_string_1=a=b", "--set", "policy.TenantDialPlan=", "--number", "none"},
			lifecycle.Request{Site: "london", Number: lifecycle.NoNumberAtAll, Set: map[string]string{
				"licenses": "SPE_E5,MCOEV", "custom_string_1": "a=b", "policy.TenantDialPlan": "",
			}},
		},
		"as a role": {
			[]string{"--site", "london", "--set", "usageLocation=GB", "--role", "site-admin"},
			lifecycle.Request{Site: "london", ActAs: "site-admin", Set: map[string]string{"usageLocation": "GB"}},
		},
		"group, number and fields": {
			[]string{"--site", "london", "--group", "Phones", "--number", `\+44 20 7946-0001`, "--set", "usageLocation=GB"},
			lifecycle.Request{Site: "london", Group: "Phones", Number: number, Set: map[string]string{"usageLocation": "GB"}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			sends(t, lifecycle.Onboard, onboards, joining, test.arguments, test.want, "onboard ada@contoso.com at "+london)
		})
	}
}

func TestPlanOnboard(t *testing.T) {
	answers[contract.PlanRequest](t, contract.PlanOperation, joining("id-1"))
	arguments := []string{"plan", "onboard", ada, "--site", "london", "--group", "Phones"}
	r := newSeat(t).tenure(append(arguments, "-o", "json")...)
	r.exits(t, 2)
	if got := decode[lifecycle.Plan](t, r); len(got.Steps) != 6 || got.Warnings == nil || got.Operation != lifecycle.Onboard {
		t.Errorf("got %s", r.out)
	}
	golden(t, "plan-onboard", newSeat(t).tenure(arguments...).out)

	update := joining("id-1")
	update.Plan.Steps = []lifecycle.PlannedStep{{Name: lifecycle.PlaceAtSite, Action: lifecycle.LeaveAsIs}, {Name: lifecycle.Verify, Action: lifecycle.Do}}
	answers[contract.PlanRequest](t, contract.PlanOperation, update)
	newSeat(t).tenure(arguments...).exits(t, 0)
}

func TestOnboardAsksAtATerminal(t *testing.T) {
	for typed, want := range map[string]struct {
		code int
		runs bool
	}{"y\n": {0, true}, "n\n": {130, false}} {
		t.Run(strings.TrimSpace(typed), func(t *testing.T) {
			id := onboards(t, completes)
			r := newSeat(t).atTerminal(typed).tenure("onboard", ada, "--site", "london", "--profile", "sales", "--color", "never")
			r.exits(t, want.code)
			r.says(t, "Plan: onboard ada@contoso.com at "+london)
			r.says(t, "Onboard ada@contoso.com? [y/N]")
			_, err := server.client.DescribeWorkflowExecution(t.Context(), contract.SubscriberWorkflowID(tenant, id), "")
			if ran := err == nil; ran != want.runs {
				t.Errorf("started: %v, want %v", ran, want.runs)
			}
		})
	}
}

func TestOnboardMakesNoPlanThatNobodySees(t *testing.T) {
	for _, row := range []struct {
		arguments []string
		brief     bool
	}{{[]string{"--yes"}, true}, {[]string{"--yes", "--detach"}, false}} {
		id := onboards(t, completes)
		last := answers[contract.PlanRequest](t, contract.PlanOperation, joining(id))
		newSeat(t).tenure(append([]string{"onboard", ada, "--site", "london", "--group", "Phones"}, row.arguments...)...).exits(t, 0)
		if got := last().Brief; got != row.brief {
			t.Errorf("%v: brief %v, want %v", row.arguments, got, row.brief)
		}
	}
}

// Whatever changes a user keeps the user busy for every other operation.
func TestOneOperationOnAUserAtATime(t *testing.T) {
	id := offboards(t, untilSignalled)
	leaving := startedByHand(t, id, "leaving")
	answers[contract.PlanRequest](t, contract.PlanOperation, joining(id))
	r := newSeat(t).tenure("onboard", ada, "--site", "london", "--group", "Phones", "--yes")
	r.exits(t, 5)
	r.says(t, "busy: offboard has been running")
	r.says(t, leaving.GetRunID())
	release(t, leaving)
}

// staysStaged is an Onboard that waits until Teams knows the user, and goes on when the test says so.
func staysStaged(ctx workflow.Context, in lifecycle.Request) (*lifecycle.Report, error) {
	now := report(ctx, in, lifecycle.Running, step(lifecycle.AssignLicenses, lifecycle.Done), step(lifecycle.AwaitTeamsUser, lifecycle.Pending))
	now.Steps[1].StartedAt = ptr(began)
	if err := workflow.SetQueryHandler(ctx, contract.ProgressQuery, func() (lifecycle.Report, error) { return now, nil }); err != nil {
		return nil, err
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, contract.StateAttribute.ValueSet("staged")); err != nil {
		return nil, err
	}
	workflow.GetSignalChannel(ctx, "go").Receive(ctx, nil)
	now.Steps[1], now.Status = step(lifecycle.AwaitTeamsUser, lifecycle.Done), lifecycle.Completed
	return &now, nil
}

// TenureState says staged; the status that programs read stays running (architecture.md §5.2, §5.4).
func TestStagedRunIsShownAsSuch(t *testing.T) {
	id := onboards(t, staysStaged)
	run, err := server.client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: contract.SubscriberWorkflowID(tenant, id), TaskQueue: contract.TaskQueue,
	}, contract.Onboard, lifecycle.Request{Operation: lifecycle.Onboard, Tenant: tenant, SubscriberID: id})
	if err != nil {
		t.Fatal(err)
	}
	// An answered query means that the first task, which stages the run, is done.
	if _, err := server.client.QueryWorkflow(t.Context(), run.GetID(), run.GetRunID(), contract.ProgressQuery); err != nil {
		t.Fatal(err)
	}
	row := contract.Run{WorkflowID: run.GetID(), RunID: run.GetRunID(), Operation: lifecycle.Onboard, Status: "staged", Subscriber: lifecycle.SubscriberRef{ID: id, UserPrincipalName: ada}, StartedAt: began}
	answers[contract.RunFilter](t, contract.ListRuns, contract.Runs{Runs: []contract.Run{row}})
	for _, name := range []string{run.GetID(), ada} {
		r := newSeat(t).tenure("status", name)
		r.exits(t, 0)
		if want := "onboard ada@contoso.com: staged, waiting until Teams knows the user\n"; !strings.Contains(r.out, want) {
			t.Errorf("status %s does not say %q:\n%s", name, want, r.out)
		}
	}
	r := newSeat(t).tenure("status", run.GetID(), "--exit-status", "-o", "json")
	r.exits(t, 0)
	if got := decode[lifecycle.Report](t, r); got.Status != lifecycle.Running {
		t.Errorf("status %q for programs", got.Status)
	}
	if r := newSeat(t).tenure("list"); !strings.Contains(r.out, "\nstaged  onboard ") {
		t.Errorf("list: %s", r.out)
	}
	signal(t, run)
	if err := run.Get(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	newSeat(t).tenure("status", run.GetID(), "--exit-status").exits(t, 0)
}
