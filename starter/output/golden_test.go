package output_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tenure/internal/lifecycle"
	"tenure/starter/output"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -update writes it anew)\ngot:\n%s\nwant:\n%s", file, got, want)
	}
}

func ptr[T any](v T) *T { return &v }

var began = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func state(node string, numbers ...string) lifecycle.State {
	return lifecycle.State{
		Node: ptr(node), Role: ptr("Standard"), UsageLocation: ptr("GB"), Numbers: numbers, EnterpriseVoice: len(numbers) > 0,
		Licenses: []lifecycle.LicenseState{{SKU: "SPE_E5", Assignment: "direct"}, {SKU: "MCOEV", Assignment: "group", Group: ptr("Phones")}},
		Groups:   []string{"Phones", "Sales"}, Policies: map[string]string{"TeamsCallingPolicy": "AllOn", "TenantDialPlan": "UK"},
	}
}

func plan() lifecycle.Plan {
	after := state("acme/contoso")
	after.Licenses, after.Policies, after.Groups = after.Licenses[:1], map[string]string{"TeamsCallingPolicy": "Leavers"}, []string{"Phones", "Alumni"}
	return lifecycle.Plan{
		Operation: lifecycle.Offboard, Subscriber: lifecycle.SubscriberRef{UserPrincipalName: "ada@contoso.com"},
		Steps: []lifecycle.PlannedStep{
			{Name: lifecycle.RemoveNumber, Action: lifecycle.Do, Summary: "unassign +442079460001"},
			{Name: lifecycle.DisableEnterpriseVoice, Action: lifecycle.Do, Summary: "goes off with the number; confirmed by reading back"},
			{Name: lifecycle.RemoveLicenses, Action: lifecycle.SkipBecause, Reason: lifecycle.GroupLicenseRemains, Summary: "direct licenses stay because the user keeps licenses from Phones"},
			{Name: lifecycle.SetRole, Action: lifecycle.LeaveAsIs, Reason: lifecycle.SelfServiceRoleKept, Summary: "Self-service is kept"},
			{Name: lifecycle.Verify, Action: lifecycle.Do, Summary: "read the end state back from Microsoft and the store"},
		},
		Warnings: []lifecycle.Warning{{Code: lifecycle.WarnGroupLicenseRemains, Message: "the direct licenses of ada@contoso.com stay (SPE_E5): licenses from Phones remain, and direct ones can go only when all license groups go"}},
		Before:   state("acme/contoso/emea/london", "+442079460001"), After: after,
	}
}

// onboardPlan changes everything that onboarding can change.
func onboardPlan() lifecycle.Plan {
	before := state("acme/contoso")
	before.Role, before.UsageLocation, before.Policies = ptr("Self-service"), nil, map[string]string{"TenantDialPlan": "US"}
	before.Licenses, before.Groups = []lifecycle.LicenseState{{SKU: "SPE_E3", Assignment: "direct"}}, []string{"Sales"}
	return lifecycle.Plan{
		Operation: lifecycle.Onboard, Subscriber: lifecycle.SubscriberRef{UserPrincipalName: "ada@contoso.com"},
		Steps: []lifecycle.PlannedStep{
			{Name: lifecycle.PlaceAtSite, Action: lifecycle.Do, Summary: "move from acme/contoso to acme/contoso/emea/london"},
			{Name: lifecycle.SetUsageLocation, Action: lifecycle.Do, Summary: "set GB"},
			{Name: lifecycle.AddGroups, Action: lifecycle.Do, Summary: "add to Phones"},
			{Name: lifecycle.AwaitGroupLicenses, Action: lifecycle.Do, Summary: "wait until Microsoft has assigned the licenses of Phones"},
			{Name: lifecycle.AssignLicenses, Action: lifecycle.Do, Summary: "add SPE_E5, remove SPE_E3"},
			{Name: lifecycle.AwaitTeamsUser, Action: lifecycle.Do, Summary: "wait until Teams knows the user"},
			{Name: lifecycle.ClaimNumber, Action: lifecycle.Do, Summary: "claim +442079460001"},
			{Name: lifecycle.AssignNumber, Action: lifecycle.Do, Summary: "assign +442079460001"},
			{Name: lifecycle.ApplyPolicies, Action: lifecycle.Do, Summary: "set TeamsCallingPolicy and TenantDialPlan"},
			{Name: lifecycle.SetRole, Action: lifecycle.Do, Summary: "Standard, as profile sales says"},
			{Name: lifecycle.Verify, Action: lifecycle.Do, Summary: "read the end state back from Microsoft and the store"},
		},
		Warnings: []lifecycle.Warning{{Code: lifecycle.WarnExpressionEmpty, Message: "m365 template sales: usageLocation ${site.country} yields nothing and counts as absent"}},
		Before:   before, After: state("acme/contoso/emea/london", "+442079460001"),
	}
}

// movePlan keeps the number and takes it along in the inventory.
func movePlan() lifecycle.Plan {
	before := state("acme/contoso/emea/london", "+442079460001")
	after := state("acme/contoso/emea/paris", "+442079460001")
	after.Policies = map[string]string{"TeamsCallingPolicy": "AllOn", "TenantDialPlan": "FR"}
	return lifecycle.Plan{
		Operation: lifecycle.Move, Subscriber: lifecycle.SubscriberRef{UserPrincipalName: "ada@contoso.com"},
		Steps: []lifecycle.PlannedStep{
			{Name: lifecycle.RemoveNumber.In(lifecycle.Leave), Action: lifecycle.Do, Summary: "unassign +442079460001"},
			{Name: lifecycle.DisableEnterpriseVoice.In(lifecycle.Leave), Action: lifecycle.Do, Summary: "goes off with the number; confirmed by reading back"},
			{Name: lifecycle.ReleaseNumber.In(lifecycle.Leave), Action: lifecycle.SkipBecause, Reason: lifecycle.NumberKept, Summary: "the user keeps +442079460001"},
			{Name: lifecycle.ReturnToTenantLevel.In(lifecycle.Leave), Action: lifecycle.Do, Summary: "move from acme/contoso/emea/london to acme/contoso"},
			{Name: lifecycle.Verify.In(lifecycle.Leave), Action: lifecycle.SkipBecause, Reason: lifecycle.VerifiedAfterJoining, Summary: "the end state is read back once, after joining"},
			{Name: lifecycle.MoveNumber, Action: lifecycle.Do, Summary: "+442079460001 moves from acme/contoso/emea/london to acme/contoso/emea"},
			{Name: lifecycle.PlaceAtSite.In(lifecycle.Join), Action: lifecycle.Do, Summary: "move from acme/contoso to acme/contoso/emea/paris"},
			{Name: lifecycle.AssignNumber.In(lifecycle.Join), Action: lifecycle.Do, Summary: "assign +442079460001"},
			{Name: lifecycle.ApplyPolicies.In(lifecycle.Join), Action: lifecycle.Do, Summary: "TenantDialPlan = FR"},
			{Name: lifecycle.Verify.In(lifecycle.Join), Action: lifecycle.Do, Summary: "read the end state back from Microsoft and the store"},
		},
		Before: before, After: after,
	}
}

// staged is the report of an onboarding that waits for Teams.
func staged() lifecycle.Report {
	p := onboardPlan()
	r := lifecycle.Report{
		Operation: p.Operation, Subscriber: p.Subscriber, WorkflowID: "subscriber/contoso/0b5e", RunID: "6f3c", RequestID: "ticket-7", RequestedBy: "grace",
		Status: lifecycle.Staged, StartedAt: began, Before: &p.Before,
	}
	for _, s := range p.Steps {
		step := lifecycle.Step{Name: s.Name, Outcome: lifecycle.Done, Summary: s.Summary}
		if len(r.Steps) > 4 {
			step.Outcome = lifecycle.Pending
		}
		if s.Name == lifecycle.AwaitTeamsUser {
			step.StartedAt = ptr(began)
		}
		r.Steps = append(r.Steps, step)
	}
	return r
}

func report(status lifecycle.Status) lifecycle.Report {
	p := plan()
	r := lifecycle.Report{
		Operation: p.Operation, Subscriber: p.Subscriber, WorkflowID: "subscriber/contoso/0b5e", RunID: "6f3c", RequestID: "ticket-7", RequestedBy: "grace",
		Status: status, StartedAt: began, ClosedAt: ptr(began.Add(83 * time.Second)), Warnings: p.Warnings, Before: &p.Before, After: &p.After,
	}
	outcomes := []lifecycle.Outcome{lifecycle.Done, lifecycle.Done, lifecycle.Skipped, lifecycle.Unchanged, lifecycle.Done}
	if status != lifecycle.Completed {
		outcomes = []lifecycle.Outcome{lifecycle.Undone, lifecycle.Undone, lifecycle.StepFail, lifecycle.Pending, lifecycle.Pending}
		r.Failure, r.After = "remove-licenses: Microsoft refused to remove SPE_E5", nil
	}
	if status == lifecycle.Failed {
		r.UndoFailures = []string{"+442079460001 could not be given back: Microsoft answered 403"}
	}
	for i, s := range p.Steps {
		step := lifecycle.Step{Name: s.Name, Outcome: outcomes[i], Reason: s.Reason, Summary: s.Summary}
		if step.Outcome == lifecycle.StepFail {
			step.Error, step.Reason = r.Failure, ""
		}
		r.Steps = append(r.Steps, step)
	}
	return r
}

// The text of plans and reports at 80 columns, with and without color.
func TestTextAt80Columns(t *testing.T) {
	texts := map[string]func(output.Paper){
		"plan":         func(p output.Paper) { p.Plan(plan(), "acme/contoso/emea/london") },
		"plan-onboard": func(p output.Paper) { p.Plan(onboardPlan(), "acme/contoso/emea/london") },
		"plan-move":    func(p output.Paper) { p.Plan(movePlan(), "acme/contoso/emea/paris") },
		"staged":       func(p output.Paper) { p.Report(staged(), "") },
		"completed":    func(p output.Paper) { p.Report(report(lifecycle.Completed), "http://127.0.0.1:8233/x") },
		"rolled-back":  func(p output.Paper) { p.Report(report(lifecycle.RolledBack), "") },
		"failed":       func(p output.Paper) { p.Report(report(lifecycle.Failed), "") },
	}
	for name, print := range texts {
		t.Run(name, func(t *testing.T) {
			var plain, colored strings.Builder
			print(output.Paper{Writer: &plain, Columns: 80})
			print(output.Paper{Writer: &colored, Columns: 80, Style: output.NewStyle(true)})
			golden(t, name, plain.String())
			golden(t, name+"-color", colored.String())
			for line := range strings.Lines(plain.String()) {
				if output.Width(strings.TrimRight(line, "\n")) > 80 {
					t.Errorf("wider than 80 columns: %s", line)
				}
			}
		})
	}
}

func TestTablesFitTheTerminal(t *testing.T) {
	columns := []output.Column{{Title: "KEY"}, {Title: "NAME", Flexible: true}, {Title: "NODE", Optional: true}, {Title: "ROLE", Optional: true}}
	rows := func() [][]output.Cell {
		return [][]output.Cell{{output.Text("k1"), output.Text("a rather long display name"), output.Text("acme/london"), output.Text("Standard")}}
	}
	for width, want := range map[int]string{
		0:  "KEY  NAME                        NODE         ROLE\nk1   a rather long display name  acme/london  Standard\n",
		50: "KEY  NAME                        NODE\nk1   a rather long display name  acme/london\n",
		31: "KEY  NAME\nk1   a rather long display name\n",
		20: "KEY  NAME\nk1   a rather long …\n",
	} {
		var b strings.Builder
		output.Paper{Writer: &b, Columns: width}.Table(columns, rows())
		if b.String() != want {
			t.Errorf("at %d columns:\n%s\nwant:\n%s", width, b.String(), want)
		}
	}
}

func TestTextFromOutsideCannotDriveTheTerminal(t *testing.T) {
	if got := output.Plain("a\x1b[2Jb\x07\u202ec\nd"); got != "a [2Jb  c d" {
		t.Errorf("got %q", got)
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 400 * time.Millisecond: "0.4s", 12 * time.Second: "12s", 125 * time.Second: "2m05s",
		62 * time.Minute: "1h02m", 72 * time.Hour: "3d",
	} {
		if got := output.Duration(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
