package command_test

import (
	"testing"

	"github.com/google/uuid"
	"go.temporal.io/sdk/workflow"

	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/lifecycle"
)

// updates makes f the update, and returns the user whom a plan is about.
func updates(t *testing.T, f func(workflow.Context, lifecycle.Request) (*lifecycle.Report, error)) (id string, asked func() contract.PlanRequest) {
	t.Helper()
	id = uuid.NewString()
	on(t, contract.UpdateSubscriber, f)
	return id, answers[contract.PlanRequest](t, contract.PlanOperation, updating(id))
}

// updating is the answer to PlanOperation for an update of the user of that object id.
func updating(id string) contract.PlanAnswer {
	a := joining(id)
	a.Plan.Operation = lifecycle.Update
	return a
}

func TestUpdateExitsAsTheRunEnds(t *testing.T) {
	tests := map[string]struct {
		run  func(workflow.Context, lifecycle.Request) (*lifecycle.Report, error)
		code int
	}{
		"completed":          {completes, 0},
		"rolled back":        {ends(lifecycle.RolledBack, lifecycle.Undone), 1},
		"undo incomplete":    {ends(lifecycle.Failed, lifecycle.StepFail), 6},
		"a read-only field":  {refusedWithEmptyReport, 5},
		"an unknown field":   {endsWith(fault.New(fault.InvalidRequest, "there is no field colour")), 3},
		"the number is gone": {endsWith(fault.New(fault.NumberUnavailable, "taken")), 5},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			updates(t, test.run)
			newSeat(t).tenure("update", ada, "--set", "number=next", "--yes", "-o", "json").exits(t, test.code)
		})
	}
}

func TestUpdateSendsWhatWasAsked(t *testing.T) {
	tests := map[string]struct {
		arguments []string
		set       map[string]string
		role      string
	}{
		"fields":           {[]string{"--set", "licenses=SPE_E5,MCOEV", "--set", "policy.TenantDialPlan="}, map[string]string{"licenses": "SPE_E5,MCOEV", "policy.TenantDialPlan": ""}, ""},
		"fields as a role": {[]string{"--set", "number=next", "--role", "site-admin"}, map[string]string{"number": "next"}, "site-admin"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			stage := func(t *testing.T, f func(workflow.Context, lifecycle.Request) (*lifecycle.Report, error)) string {
				id, _ := updates(t, f)
				return id
			}
			want := lifecycle.Request{Set: test.set, ActAs: test.role}
			sends(t, lifecycle.Update, stage, updating, test.arguments, want, "update ada@contoso.com at "+london)
		})
	}
}

// What is wrong with the words is said before anybody is asked.
func TestUpdateRefusesWhatItCannotRead(t *testing.T) {
	_, asked := updates(t, completes)
	for name, arguments := range map[string][]string{
		"nothing to set":  {"update", ada},
		"no value":        {"update", ada, "--set", "licenses"},
		"a field twice":   {"update", ada, "--set", "number=next", "--set", "number=none"},
		"nobody":          {"update", "--set", "number=next"},
		"without a --yes": {"update", ada, "--set", "number=next"},
	} {
		t.Run(name, func(t *testing.T) { newSeat(t).tenure(arguments...).exits(t, 3) })
	}
	if asked().User != "" {
		t.Errorf("a plan was asked for: %+v", asked())
	}
}
