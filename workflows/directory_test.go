package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"tenure/activities"
	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/lifecycle"
	"tenure/internal/store"
	"tenure/workflows"
)

// entra serves a sync of two tenants with that many pages each.
type entra struct {
	pages int
	// held are the users of each tenant who are gone and too many.
	held        map[string]int
	flowThrough bool

	read     []activities.SyncPageInput
	ended    []activities.SyncEnding
	removing []activities.SyncEnding
}

func (e *entra) functions() map[string]any {
	return map[string]any{
		"LocateUser": func(context.Context, string) (activities.Located, error) {
			return activities.Located{Tenants: []string{"contoso", "fabrikam"}}, nil
		},
		"SyncPage": func(_ context.Context, in activities.SyncPageInput) (activities.SyncedPage, error) {
			e.read = append(e.read, in)
			at, _ := strconv.Atoi(in.Page)
			page := activities.SyncedPage{Counts: contract.TenantSync{Tenant: in.Tenant, Seen: 10, Added: 1}, Round: 7}
			if at+1 < e.pages {
				page.Next = strconv.Itoa(at + 1)
			} else {
				page.Delta = "delta of " + in.Tenant
			}
			return page, nil
		},
		"EndSync": func(_ context.Context, in activities.SyncEnding) (activities.SyncEnded, error) {
			e.ended = append(e.ended, in)
			counts := contract.TenantSync{Tenant: in.Tenant, Held: e.held[in.Tenant]}
			if counts.Held == 0 {
				counts.Removed = 1
			} else {
				counts.First = []lifecycle.SubscriberRef{{ID: "u1", UserPrincipalName: "ada@contoso.example"}}
			}
			return activities.SyncEnded{Counts: counts, FlowThrough: e.flowThrough}, nil
		},
		"RemoveGone": func(_ context.Context, in activities.SyncEnding) (activities.SyncEnded, error) {
			e.removing = append(e.removing, in)
			return activities.SyncEnded{Counts: contract.TenantSync{Tenant: in.Tenant, Removed: e.held[in.Tenant], NumbersLeft: 2}}, nil
		},
	}
}

func TestSyncDirectoryReadsEveryPageOfEveryTenant(t *testing.T) {
	e := &entra{pages: 3}
	env := with(e.functions())
	env.ExecuteWorkflow(workflows.SyncDirectory, workflows.SyncProgress{SyncRequest: contract.SyncRequest{Full: true, Actor: contract.Actor{RequestedBy: "admin"}}})
	var result contract.SyncResult
	require.NoError(t, env.GetWorkflowResult(&result))
	var want []activities.SyncPageInput
	for _, tenant := range []string{"contoso", "fabrikam"} {
		want = append(want, activities.SyncPageInput{Tenant: tenant, Full: true},
			activities.SyncPageInput{Tenant: tenant, Page: "1", Round: 7, Full: true}, activities.SyncPageInput{Tenant: tenant, Page: "2", Round: 7, Full: true})
	}
	assert.Equal(t, want, e.read)
	assert.Equal(t, []activities.SyncEnding{
		{Tenant: "contoso", Round: 7, Delta: "delta of contoso", Actor: contract.Actor{RequestedBy: "admin"}},
		{Tenant: "fabrikam", Round: 7, Delta: "delta of fabrikam", Actor: contract.Actor{RequestedBy: "admin"}},
	}, e.ended, "each once, and only after its last page")
	assert.Equal(t, []contract.TenantSync{{Tenant: "contoso", Seen: 30, Added: 3, Removed: 1}, {Tenant: "fabrikam", Seen: 30, Added: 3, Removed: 1}}, result.Tenants)
}

func TestSyncDirectoryHasTheNumbersAudited(t *testing.T) {
	three := 3
	for name, row := range map[string]struct {
		failure  error
		findings *int
	}{
		"with findings": {nil, &three},
		"in vain":       {fault.New(fault.PermissionDenied, "may not read numbers"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			e := &entra{pages: 1}
			functions := e.functions()
			functions["EndSync"] = func(_ context.Context, in activities.SyncEnding) (activities.SyncEnded, error) {
				ended := activities.SyncEnded{Counts: contract.TenantSync{Tenant: in.Tenant}}
				if in.Tenant == "contoso" {
					ended.AuditAt = "acme/contoso"
				}
				return ended, nil
			}
			var scopes []string
			functions["AuditScopes"] = func(_ context.Context, node string) ([]activities.AuditScope, error) {
				scopes = append(scopes, node)
				return []activities.AuditScope{{Tenant: "contoso"}}, nil
			}
			functions["AuditNumbers"] = func(context.Context, activities.AuditPage) (activities.AuditedPage, error) {
				return activities.AuditedPage{Findings: make([]contract.NumberFinding, 3), Repairs: []store.Correction{{}}}, row.failure
			}
			var recorded []activities.NumberFindings
			functions["RecordFindings"] = func(_ context.Context, in activities.NumberFindings) error {
				recorded = append(recorded, in)
				return nil
			}
			env := with(functions)
			env.ExecuteWorkflow(workflows.SyncDirectory, workflows.SyncProgress{})
			var result contract.SyncResult
			require.NoError(t, env.GetWorkflowResult(&result), "a sync is none the worse")
			assert.Equal(t, []string{"acme/contoso"}, scopes, "where it is due, and nothing is repaired")
			assert.Equal(t, row.findings, result.Tenants[0].Findings)
			assert.Nil(t, result.Tenants[1].Findings)
			if row.failure == nil {
				assert.Equal(t, []activities.NumberFindings{{Tenant: "contoso", Findings: 3}}, recorded)
			} else {
				assert.Empty(t, recorded, "the next sync tries again")
			}
		})
	}
}

func TestSyncDirectoryGoesOnAsANewRun(t *testing.T) {
	e := &entra{pages: 150, held: map[string]int{"contoso": 12}}
	env := with(e.functions())
	env.ExecuteWorkflow(workflows.SyncDirectory, workflows.SyncProgress{})
	var again *workflow.ContinueAsNewError
	require.ErrorAs(t, env.GetWorkflowError(), &again)
	require.Len(t, e.read, 200)
	var progress workflows.SyncProgress
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &progress))

	env = with(e.functions())
	decide(env, contract.ResolveApprove)
	env.ExecuteWorkflow(workflows.SyncDirectory, progress)
	var result contract.SyncResult
	require.NoError(t, env.GetWorkflowResult(&result))
	assert.Len(t, e.read, 300, "where it stopped, and nothing twice")
	assert.Len(t, e.ended, 2)
	assert.Equal(t, 1500, result.Tenants[1].Seen)
	assert.Equal(t, 12, result.Tenants[0].Removed, "the question of the run before was not forgotten")
}

func TestSyncDirectoryThatFailsEndsNoRound(t *testing.T) {
	e := &entra{pages: 3}
	functions := e.functions()
	functions["SyncPage"] = func(_ context.Context, in activities.SyncPageInput) (activities.SyncedPage, error) {
		if in.Page != "" {
			return activities.SyncedPage{}, fault.New(fault.PermissionDenied, "may not read users")
		}
		return activities.SyncedPage{Round: 7, Next: "1"}, nil
	}
	env := with(functions)
	env.ExecuteWorkflow(workflows.SyncDirectory, workflows.SyncProgress{})
	cause, ok := fault.Received(env.GetWorkflowError())
	require.True(t, ok)
	assert.Equal(t, fault.PermissionDenied, cause.Kind)
	assert.Empty(t, e.ended, "the link stays where it was")
}

// decide answers the question of a sync after an hour.
func decide(env *testsuite.TestWorkflowEnvironment, action string) (refused *error) {
	refused = new(error)
	env.RegisterDelayedCallback(func() {
		env.UpdateWorkflow(contract.ResolveUpdate, "decision", &testsuite.TestUpdateCallback{
			OnAccept: func() {}, OnReject: func(err error) { *refused = err }, OnComplete: func(any, error) {},
		}, contract.Resolution{Action: action, Actor: contract.Actor{RequestedBy: "boss", Reason: "checked"}})
	}, time.Hour)
	return refused
}

func syncStatus(t *testing.T, env *testsuite.TestWorkflowEnvironment) contract.SyncStatus {
	t.Helper()
	value, err := env.QueryWorkflow(contract.SyncQuery)
	require.NoError(t, err)
	var status contract.SyncStatus
	require.NoError(t, value.Get(&status))
	return status
}

func TestSyncDirectoryAsksBeforeItRemovesMany_R111(t *testing.T) {
	for action, row := range map[string]struct {
		removed int
		status  lifecycle.Status
	}{
		contract.ResolveApprove:  {12, lifecycle.Completed},
		contract.ResolveRollback: {0, lifecycle.RolledBack},
	} {
		t.Run(action, func(t *testing.T) {
			e := &entra{pages: 1, held: map[string]int{"contoso": 12}}
			env := with(e.functions())
			var states []string
			env.OnUpsertTypedSearchAttributes(mock.Anything).Run(func(args mock.Arguments) {
				state, _ := args.Get(0).(temporal.SearchAttributes).GetKeyword(contract.StateAttribute)
				states = append(states, state)
			}).Return(nil)
			var asked contract.SyncStatus
			env.RegisterDelayedCallback(func() { asked = syncStatus(t, env) }, time.Minute)
			refused := decide(env, action)
			env.ExecuteWorkflow(workflows.SyncDirectory, workflows.SyncProgress{})
			var result contract.SyncResult
			require.NoError(t, env.GetWorkflowResult(&result))
			require.NoError(t, *refused)
			assert.Equal(t, lifecycle.Held, asked.Status)
			assert.Equal(t, 12, asked.Tenants[0].Held)
			assert.Equal(t, "ada@contoso.example", asked.Tenants[0].First[0].UserPrincipalName)
			assert.Equal(t, 1, asked.Tenants[1].Removed, "the other tenant is not kept waiting")
			assert.Equal(t, []string{"held", string(row.status)}, states)
			assert.Equal(t, row.removed, result.Tenants[0].Removed)
			assert.Equal(t, 12-row.removed, result.Tenants[0].Held)
			if row.removed == 0 {
				assert.Empty(t, e.removing)
				return
			}
			assert.Equal(t, 2, result.Tenants[0].NumbersLeft)
			assert.Equal(t, []activities.SyncEnding{{Tenant: "contoso", Round: 7, Delta: "delta of contoso", Actor: contract.Actor{RequestedBy: "boss", Reason: "checked"}}}, e.removing,
				"on behalf of whoever decided, and no more than was counted")
		})
	}
}

func TestSyncDirectoryTakesNoOtherDecision(t *testing.T) {
	e := &entra{pages: 1, held: map[string]int{"contoso": 12}}
	env := with(e.functions())
	refused := decide(env, contract.ResolveRetry)
	env.RegisterDelayedCallback(func() {
		assert.ErrorContains(t, *refused, "approve or rollback")
		assert.Equal(t, lifecycle.Held, syncStatus(t, env).Status)
		env.CancelWorkflow()
	}, 2*time.Hour)
	env.ExecuteWorkflow(workflows.SyncDirectory, workflows.SyncProgress{})
	assert.True(t, temporal.IsCanceledError(env.GetWorkflowError()))
	assert.Empty(t, e.removing, "cancelled is not approved")
}

func TestSyncDirectoryOfOneUser(t *testing.T) {
	env := with(map[string]any{
		"LocateUser": func(context.Context, string) (activities.Located, error) {
			return activities.Located{Tenants: []string{"contoso", "fabrikam"}}, nil
		},
		"SyncUser": func(_ context.Context, in activities.UserInTenant) (activities.SyncedPage, error) {
			if in.Tenant == "contoso" {
				return activities.SyncedPage{}, fault.New(fault.NotFound, "no such user")
			}
			return activities.SyncedPage{Counts: contract.TenantSync{Tenant: in.Tenant, Seen: 1}}, nil
		},
	})
	env.ExecuteWorkflow(workflows.SyncDirectory, workflows.SyncProgress{SyncRequest: contract.SyncRequest{User: "ada"}})
	var result contract.SyncResult
	require.NoError(t, env.GetWorkflowResult(&result))
	assert.Equal(t, []contract.TenantSync{{Tenant: "fabrikam", Seen: 1}}, result.Tenants)
}

// rules serves a placing of that many parts of one person each.
type rules struct {
	parts int
	moved []activities.MoveInput
	asked []contract.PlaceRequest
}

func (r *rules) functions() map[string]any {
	profile := "london-sales"
	return map[string]any{
		"PlaceUsers": func(_ context.Context, in contract.PlaceRequest) (activities.PlacementPlan, error) {
			r.asked = append(r.asked, in)
			at, _ := strconv.Atoi(in.Cursor)
			who := lifecycle.SubscriberRef{ID: fmt.Sprintf("u%d", at), UserPrincipalName: fmt.Sprintf("user%d@contoso.example", at)}
			p := contract.Placement{User: who, From: "acme/contoso", To: "acme/contoso/london"}
			if at%2 == 0 {
				p.Onboard = &profile
			}
			plan := activities.PlacementPlan{Placements: contract.Placements{Placements: []contract.Placement{p}}}
			if at+1 < r.parts {
				next := strconv.Itoa(at + 1)
				plan.Next = &next
			}
			if !in.PlanOnly {
				plan.Moves = []activities.Move{{Placement: p, Tenant: "contoso"}}
			}
			return plan, nil
		},
		"MoveUsers": func(_ context.Context, in activities.MoveInput) (contract.Placements, error) {
			r.moved = append(r.moved, in)
			return contract.Placements{Placements: []contract.Placement{in.Moves[0].Placement}, Placed: 1}, nil
		},
	}
}

func TestPlaceUsersStartsTheOnboardingsThatTheRulesAskFor_R115(t *testing.T) {
	r := &rules{parts: 4}
	env := with(r.functions())
	var started []lifecycle.Request
	var options []workflow.ChildWorkflowOptions
	env.OnWorkflow(contract.Onboard, mock.Anything, mock.Anything).Return(func(ctx workflow.Context, in lifecycle.Request) (*lifecycle.Report, error) {
		started = append(started, in)
		options = append(options, workflow.ChildWorkflowOptions{WorkflowID: workflow.GetInfo(ctx).WorkflowExecution.ID})
		return nil, errors.New("what becomes of it is not the placing's business")
	})
	env.ExecuteWorkflow(workflows.PlaceUsers, workflows.PlacingProgress{PlaceRequest: contract.PlaceRequest{Onboard: true, Actor: contract.Actor{RequestedBy: "admin", Reason: "new"}}})
	var result contract.Placements
	require.NoError(t, env.GetWorkflowResult(&result))
	assert.Equal(t, 4, result.Placed)
	assert.Equal(t, 2, result.Onboarding)
	assert.Len(t, result.Placements, 4)
	require.Len(t, started, 2, "only whose rule says so")
	assert.Equal(t, "subscriber/contoso/u0", options[0].WorkflowID)
	first := started[0]
	assert.NotEmpty(t, first.RequestID)
	assert.NotEqual(t, first.RequestID, started[1].RequestID)
	first.RequestID = ""
	assert.Equal(t, lifecycle.Request{
		Operation: lifecycle.Onboard, Tenant: "contoso", SubscriberID: "u0", Site: "acme/contoso/london", Profile: "london-sales",
		RequestedBy: "admin", Reason: "new", OnFailure: lifecycle.OnFailureRollback,
	}, first)
}

func TestPlaceUsersOnboardsNobodyUnlessAsked(t *testing.T) {
	r := &rules{parts: 3}
	env := with(r.functions())
	env.OnWorkflow(contract.Onboard, mock.Anything, mock.Anything).Panic("nobody asked for it")
	env.ExecuteWorkflow(workflows.PlaceUsers, workflows.PlacingProgress{})
	var result contract.Placements
	require.NoError(t, env.GetWorkflowResult(&result))
	assert.Equal(t, 3, result.Placed)
	assert.Zero(t, result.Onboarding)
}

func TestPlaceUsersReportsWhoIsBusy(t *testing.T) {
	r := &rules{parts: 1}
	functions := r.functions()
	functions["MoveUsers"] = func(_ context.Context, in activities.MoveInput) (contract.Placements, error) {
		// The first onboarding of two for one person keeps the second from starting.
		p := in.Moves[0].Placement
		return contract.Placements{Placements: []contract.Placement{p, p}, Placed: 2, Busy: []lifecycle.SubscriberRef{{ID: "u9"}}}, nil
	}
	env := with(functions)
	env.OnWorkflow(contract.Onboard, mock.Anything, mock.Anything).Return(&lifecycle.Report{}, nil)
	env.ExecuteWorkflow(workflows.PlaceUsers, workflows.PlacingProgress{PlaceRequest: contract.PlaceRequest{Onboard: true}})
	var result contract.Placements
	require.NoError(t, env.GetWorkflowResult(&result))
	assert.Equal(t, 2, result.Placed)
	assert.Equal(t, 1, result.Onboarding)
	assert.Equal(t, []lifecycle.SubscriberRef{{ID: "u9"}, {ID: "u0", UserPrincipalName: "user0@contoso.example"}}, result.Busy)
}

func TestPlaceUsersPlansOnePart(t *testing.T) {
	r := &rules{parts: 3}
	env := with(r.functions())
	env.ExecuteWorkflow(workflows.PlaceUsers, workflows.PlacingProgress{PlaceRequest: contract.PlaceRequest{PlanOnly: true, Cursor: "1"}})
	var result contract.Placements
	require.NoError(t, env.GetWorkflowResult(&result))
	assert.Equal(t, "u1", result.Placements[0].User.ID)
	assert.Equal(t, "2", *result.Next)
	assert.Empty(t, r.moved)
	assert.Len(t, r.asked, 1)
}

func TestPlaceUsersGoesOnAsANewRun(t *testing.T) {
	r := &rules{parts: 6}
	env := with(r.functions())
	env.ExecuteWorkflow(workflows.PlaceUsers, workflows.PlacingProgress{})
	var again *workflow.ContinueAsNewError
	require.ErrorAs(t, env.GetWorkflowError(), &again)
	require.Len(t, r.moved, 4)
	var progress workflows.PlacingProgress
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &progress))
	env = with(r.functions())
	env.ExecuteWorkflow(workflows.PlaceUsers, progress)
	var result contract.Placements
	require.NoError(t, env.GetWorkflowResult(&result))
	assert.Len(t, r.moved, 6)
	assert.Equal(t, 6, result.Placed)
	assert.Len(t, result.Placements, 6)
}

func TestSyncDirectoryLetsNewcomersFlowThrough_R113(t *testing.T) {
	e, r := &entra{pages: 1, flowThrough: true}, &rules{parts: 1}
	functions := e.functions()
	for name, f := range r.functions() {
		functions[name] = f
	}
	env := with(functions)
	onboarded := 0
	env.OnWorkflow(contract.Onboard, mock.Anything, mock.Anything).Return(func(workflow.Context, lifecycle.Request) (*lifecycle.Report, error) {
		onboarded++
		return &lifecycle.Report{}, nil
	})
	env.ExecuteWorkflow(workflows.SyncDirectory, workflows.SyncProgress{SyncRequest: contract.SyncRequest{Actor: contract.Actor{RequestedBy: "schedule"}}})
	var result contract.SyncResult
	require.NoError(t, env.GetWorkflowResult(&result))
	assert.Equal(t, []contract.PlaceRequest{
		{Tenant: "contoso", Onboard: true, Actor: contract.Actor{RequestedBy: "schedule"}}, {Tenant: "fabrikam", Onboard: true, Actor: contract.Actor{RequestedBy: "schedule"}},
	}, r.asked, "each tenant when its users are in")
	assert.Equal(t, 1, result.Tenants[0].Placed)
	assert.Equal(t, 1, result.Tenants[0].Onboarding)
}
