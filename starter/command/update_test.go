package command_test

import (
	"reflect"
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
	a := joining(id)
	a.Plan.Operation = lifecycle.Update
	on(t, contract.UpdateSubscriber, f)
	return id, answers[contract.PlanRequest](t, contract.PlanOperation, a)
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
			var started kept[lifecycle.Request]
			id, asked := updates(t, func(ctx workflow.Context, in lifecycle.Request) (*lifecycle.Report, error) {
				started.keep(in)
				return completes(ctx, in)
			})
			want := lifecycle.Request{
				Operation: lifecycle.Update, Set: test.set, ActAs: test.role,
				RequestID: "req-" + id, RequestedBy: "operator", OnFailure: lifecycle.OnFailureRollback,
			}
			flags := append([]string{ada, "--request-id", "req-" + id}, test.arguments...)
			newSeat(t).tenure(append([]string{"plan", "update"}, flags...)...).exits(t, 2)
			if got := asked(); got.User != ada || got.Brief || !reflect.DeepEqual(got.Request, want) {
				t.Errorf("plan update asked for %+v, want %+v", got, want)
			}
			newSeat(t).tenure(append([]string{"update", "--yes"}, flags...)...).exits(t, 0)
			want.Tenant, want.SubscriberID = tenant, id
			if !reflect.DeepEqual(started.last(), want) {
				t.Errorf("started %+v, want %+v", started.last(), want)
			}
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
