package command_test

import (
	"testing"

	"github.com/google/uuid"
	"go.temporal.io/sdk/workflow"

	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/lifecycle"
)

// moving is the plan of a move that keeps the number.
func moving(id string) contract.PlanAnswer {
	a := joining(id)
	a.Plan.Operation = lifecycle.Move
	steps := []lifecycle.PlannedStep{
		{Name: lifecycle.RemoveNumber.In(lifecycle.Leave), Action: lifecycle.Do, Summary: "unassign " + number},
		{Name: lifecycle.Verify.In(lifecycle.Leave), Action: lifecycle.SkipBecause, Reason: lifecycle.VerifiedAfterJoining, Summary: "the end state is read back once, after joining"},
		{Name: lifecycle.MoveNumber, Action: lifecycle.Do, Summary: number + " moves from acme/contoso/emea/paris to acme/contoso/emea"},
	}
	for _, step := range a.Plan.Steps {
		step.Name = step.Name.In(lifecycle.Join)
		steps = append(steps, step)
	}
	a.Plan.Steps = steps
	return a
}

func moves(t *testing.T, f func(workflow.Context, lifecycle.Request) (*lifecycle.Report, error)) string {
	t.Helper()
	id := uuid.NewString()
	on(t, contract.MoveBetweenSites, f)
	return id
}

func TestMoveExitsAsTheRunEnds(t *testing.T) {
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
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			answers[contract.PlanRequest](t, contract.PlanOperation, moving(moves(t, test.run)))
			r := newSeat(t).tenure("move", ada, "--to", "london", "--group", "Phones", "--keep-number", "--yes", "-o", "json")
			r.endsAs(t, test.code, lifecycle.Move, test.status)
		})
	}
}

// `plan move` sends what `move` does.
func TestMoveSendsWhatWasAsked(t *testing.T) {
	tests := map[string]struct {
		arguments []string
		want      lifecycle.Request
	}{
		"number kept":              {[]string{"--to", "london", "--profile", "sales", "--keep-number"}, lifecycle.Request{Site: "london", Profile: "sales", KeepNumber: true}},
		"number kept at the site":  {[]string{"--to", london, "--group", "Phones", "--keep-number", "--number-to", "site"}, lifecycle.Request{Site: london, Group: "Phones", KeepNumber: true, NumberTo: lifecycle.NumberToSite}},
		"number kept and shared":   {[]string{"--to", london, "--group", "Phones", "--keep-number", "--number-to", "shared"}, lifecycle.Request{Site: london, Group: "Phones", KeepNumber: true, NumberTo: lifecycle.NumberToShared}},
		"another number":           {[]string{"--to", "london", "--group", "Phones", "--number", `\+44 20 7946-0001`}, lifecycle.Request{Site: "london", Group: "Phones", Number: number}},
		"as the profile says":      {[]string{"--to", "london", "--profile", "sales"}, lifecycle.Request{Site: "london", Profile: "sales"}},
		"leaving groups, by field": {[]string{"--to", "london", "--set", "licenses=SPE_E5", "--offboard-group", "Leavers", "--number", "none"}, lifecycle.Request{Site: "london", Number: lifecycle.NoNumberAtAll, OffboardGroup: "Leavers", Set: map[string]string{"licenses": "SPE_E5"}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			sends(t, lifecycle.Move, moves, moving, test.arguments, test.want, "move ada@contoso.com to "+london)
		})
	}
}

func TestPlanMove(t *testing.T) {
	answers[contract.PlanRequest](t, contract.PlanOperation, moving("id-1"))
	arguments := []string{"plan", "move", ada, "--to", "london", "--group", "Phones", "--keep-number"}
	newSeat(t).tenure(append(arguments, "-o", "json")...).exits(t, 2)
	golden(t, "plan-move", newSeat(t).tenure(arguments...).out)
}

func TestMoveAsksAtATerminal(t *testing.T) {
	answers[contract.PlanRequest](t, contract.PlanOperation, moving(moves(t, completes)))
	r := newSeat(t).atTerminal("n\n").tenure("move", ada, "--to", "london", "--group", "Phones", "--keep-number", "--color", "never")
	r.exits(t, 130)
	r.says(t, "Plan: move ada@contoso.com to "+london)
	r.says(t, "Move ada@contoso.com? [y/N]")
}
