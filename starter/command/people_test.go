package command_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/workflow"

	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/lifecycle"
)

const (
	ada    = "ada@contoso.com"
	tenant = "contoso"
	london = "acme/contoso/emea/london"
	number = "+442079460001"
)

var began = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func ptr[T any](v T) *T { return &v }

// asked is a request as a plan holds it.
var asked = []byte(`{"operation":"offboard","tenant":"contoso","subscriberId":"id-1","requestId":"r1","requestedBy":"operator"}`)

// plannedFor is the answer to PlanOperation for a user of that object id who has a number and a license to lose.
func plannedFor(id string) contract.PlanAnswer {
	return contract.PlanAnswer{Tenant: tenant, Node: london, Plan: lifecycle.Plan{
		Operation: lifecycle.Offboard, Subscriber: lifecycle.SubscriberRef{ID: id, UserPrincipalName: ada},
		Digest: "d1", Request: asked,
		Steps: []lifecycle.PlannedStep{
			{Name: lifecycle.RemoveNumber, Action: lifecycle.Do, Summary: "unassign " + number},
			{Name: lifecycle.ApplyPolicies, Action: lifecycle.SkipBecause, Reason: lifecycle.NoTemplate, Summary: "no Teams template"},
			{Name: lifecycle.RemoveLicenses, Action: lifecycle.Do, Summary: "remove SPE_E5"},
			{Name: lifecycle.Verify, Action: lifecycle.Do, Summary: "read the end state back from Microsoft and the store"},
		},
		Before: before(), After: after(),
	}}
}

// joining is the answer to PlanOperation for a user of that object id who is at the tenant level and comes to London.
func joining(id string) contract.PlanAnswer {
	return contract.PlanAnswer{Tenant: tenant, Node: london, Plan: lifecycle.Plan{
		Operation: lifecycle.Onboard, Subscriber: lifecycle.SubscriberRef{ID: id, UserPrincipalName: ada},
		Digest: "d1", Request: asked,
		Steps: []lifecycle.PlannedStep{
			{Name: lifecycle.PlaceAtSite, Action: lifecycle.Do, Summary: "move from acme/contoso to " + london},
			{Name: lifecycle.AssignLicenses, Action: lifecycle.Do, Summary: "add SPE_E5"},
			{Name: lifecycle.ClaimNumber, Action: lifecycle.Do, Summary: "claim " + number},
			{Name: lifecycle.AssignNumber, Action: lifecycle.Do, Summary: "assign " + number},
			{Name: lifecycle.ApplyPolicies, Action: lifecycle.SkipBecause, Reason: lifecycle.NoTemplate, Summary: "no Teams template"},
			{Name: lifecycle.Verify, Action: lifecycle.Do, Summary: "read the end state back from Microsoft and the store"},
		},
		Before: after(), After: before(),
	}}
}

func before() lifecycle.State {
	return lifecycle.State{
		Node: ptr(london), Role: ptr("Standard"), UsageLocation: ptr("GB"), Numbers: []string{number}, EnterpriseVoice: true,
		Licenses: []lifecycle.LicenseState{{SKU: "SPE_E5", Assignment: "direct"}}, Groups: []string{"Sales"},
		Policies: map[string]string{"TeamsCallingPolicy": "AllOn"},
	}
}

func after() lifecycle.State {
	s := before()
	s.Node, s.Role, s.Numbers, s.EnterpriseVoice, s.Licenses = ptr("acme/contoso"), ptr("Self-service"), []string{}, false, []lifecycle.LicenseState{}
	return s
}

// report is the report of a run in the state that the test wants.
func report(ctx workflow.Context, in lifecycle.Request, status lifecycle.Status, steps ...lifecycle.Step) lifecycle.Report {
	info := workflow.GetInfo(ctx)
	r := lifecycle.Report{
		Operation: in.Operation, Tenant: in.Tenant, Subscriber: lifecycle.SubscriberRef{ID: in.SubscriberID, UserPrincipalName: ada},
		WorkflowID: info.WorkflowExecution.ID, RunID: info.WorkflowExecution.RunID, RequestID: in.RequestID, RequestedBy: in.RequestedBy,
		Status: status, StartedAt: began, Steps: steps,
	}
	if status != lifecycle.Running && status != lifecycle.Held {
		r.ClosedAt = ptr(began.Add(12 * time.Second))
	}
	return r
}

func step(name lifecycle.StepName, outcome lifecycle.Outcome) lifecycle.Step {
	s := lifecycle.Step{Name: name, Outcome: outcome, Summary: string(name) + " of ada"}
	if outcome != lifecycle.Pending {
		s.StartedAt, s.ClosedAt = ptr(began), ptr(began.Add(time.Second))
	}
	return s
}

// offboards makes PlanOperation answer for a new user, and QuickOffboard do what f says. It returns the object id.
func offboards(t *testing.T, f func(workflow.Context, lifecycle.Request) (*lifecycle.Report, error)) string {
	t.Helper()
	id := uuid.NewString()
	answers[contract.PlanRequest](t, contract.PlanOperation, plannedFor(id))
	on(t, contract.QuickOffboard, f)
	return id
}

// onboards makes PlanOperation answer for a new user, and Onboard do what f says. It returns the object id.
func onboards(t *testing.T, f func(workflow.Context, lifecycle.Request) (*lifecycle.Report, error)) string {
	t.Helper()
	id := uuid.NewString()
	answers[contract.PlanRequest](t, contract.PlanOperation, joining(id))
	on(t, contract.Onboard, f)
	return id
}

// completes is an operation that ends well at once.
func completes(ctx workflow.Context, in lifecycle.Request) (*lifecycle.Report, error) {
	r := report(ctx, in, lifecycle.Completed, step(lifecycle.RemoveNumber, lifecycle.Done), step(lifecycle.Verify, lifecycle.Done))
	r.Before, r.After = ptr(before()), ptr(after())
	return &r, nil
}

// ends is an operation that ends with a status other than completed.
func ends(status lifecycle.Status, outcome lifecycle.Outcome) func(workflow.Context, lifecycle.Request) (*lifecycle.Report, error) {
	return func(ctx workflow.Context, in lifecycle.Request) (*lifecycle.Report, error) {
		r := report(ctx, in, status, step(lifecycle.RemoveNumber, outcome))
		r.Failure = "Microsoft refused to remove the license"
		return nil, contract.Ending(r, fault.New(fault.InvalidRequest, "%s", r.Failure))
	}
}
