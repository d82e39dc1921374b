package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"tenure/activities"
	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/lifecycle"
	"tenure/workflows"
)

// with is a test environment in which activities are the given functions.
func with(functions map[string]any) *testsuite.TestWorkflowEnvironment {
	env := environment(newWorld())
	for name, f := range functions {
		env.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name, DisableAlreadyRegisteredCheck: true})
	}
	return env
}

func TestPlanOperationLooksInEveryTenantForAStranger(t *testing.T) {
	var asked []string
	located := activities.Located{Tenants: []string{"contoso", "fabrikam", "tailspin"}}
	env := with(map[string]any{
		"Locate": func(context.Context, contract.PlanRequest) (activities.Located, error) { return located, nil },
		"PlanFor": func(_ context.Context, in contract.PlanRequest) (contract.PlanAnswer, error) {
			asked = append(asked, in.Request.Tenant)
			if in.Request.Tenant != "fabrikam" {
				return contract.PlanAnswer{}, fault.New(fault.NotFound, "no such user")
			}
			return contract.PlanAnswer{Tenant: in.Request.Tenant}, nil
		},
	})
	env.ExecuteWorkflow(workflows.PlanOperation, contract.PlanRequest{User: "ada"})
	var answer contract.PlanAnswer
	require.NoError(t, env.GetWorkflowResult(&answer))
	assert.Equal(t, "fabrikam", answer.Tenant)
	assert.Equal(t, []string{"contoso", "fabrikam"}, asked, "and stops where it finds them")
}

func TestPlanOperationStopsAtAnErrorThatIsNotAboutTheUser(t *testing.T) {
	asked := 0
	env := with(map[string]any{
		"Locate": func(context.Context, contract.PlanRequest) (activities.Located, error) {
			return activities.Located{Tenants: []string{"contoso", "fabrikam"}}, nil
		},
		"PlanFor": func(context.Context, contract.PlanRequest) (contract.PlanAnswer, error) {
			asked++
			return contract.PlanAnswer{}, fault.New(fault.PermissionDenied, "may not read users")
		},
	})
	env.ExecuteWorkflow(workflows.PlanOperation, contract.PlanRequest{User: "ada"})
	cause, ok := fault.Received(env.GetWorkflowError())
	require.True(t, ok)
	assert.Equal(t, fault.PermissionDenied, cause.Kind)
	assert.Equal(t, 1, asked)
}

func TestPlanOperationAsksMicrosoftOnlyWhenItMust(t *testing.T) {
	known := lifecycle.SubscriberRef{ID: "u1", UserPrincipalName: "ada@contoso.example"}
	for name, row := range map[string]struct {
		in      contract.PlanRequest
		located activities.Located
	}{
		"brief and known":   {contract.PlanRequest{Brief: true}, activities.Located{Tenants: []string{"contoso"}, Subscriber: known, Node: "acme"}},
		"busy":              {contract.PlanRequest{}, activities.Located{Tenants: []string{"contoso"}, Subscriber: known, Busy: &contract.RunRef{RunID: "r"}}},
		"request id is old": {contract.PlanRequest{}, activities.Located{Existing: &contract.RunRef{RunID: "r"}}},
	} {
		t.Run(name, func(t *testing.T) {
			env := with(map[string]any{
				"Locate": func(context.Context, contract.PlanRequest) (activities.Located, error) { return row.located, nil },
				"PlanFor": func(context.Context, contract.PlanRequest) (contract.PlanAnswer, error) {
					return contract.PlanAnswer{}, errors.New("must not be asked")
				},
			})
			env.ExecuteWorkflow(workflows.PlanOperation, row.in)
			var answer contract.PlanAnswer
			require.NoError(t, env.GetWorkflowResult(&answer))
			assert.Equal(t, row.located.Subscriber, answer.Plan.Subscriber)
			assert.Equal(t, row.located.Busy, answer.Busy)
			assert.Equal(t, row.located.Existing, answer.Existing)
		})
	}
}

// pages serves a sync of that many pages for each tenant.
func pages(count int, seen *[]string) map[string]any {
	return map[string]any{
		"LocateUser": func(context.Context, string) (activities.Located, error) {
			return activities.Located{Tenants: []string{"contoso", "fabrikam"}}, nil
		},
		"SyncPage": func(_ context.Context, in activities.SyncPageInput) (activities.SyncedPage, error) {
			*seen = append(*seen, in.Tenant+in.Page)
			page := activities.SyncedPage{Counts: contract.TenantSync{Tenant: in.Tenant, Seen: 10, Added: 1}}
			var at int
			if in.Page != "" {
				if _, err := fmt.Sscanf(in.Page, "/%d", &at); err != nil {
					return page, err
				}
			}
			if at+1 < count {
				page.Next = fmt.Sprintf("/%d", at+1)
			}
			return page, nil
		},
	}
}

func TestSyncDirectoryReadsEveryPageOfEveryTenant(t *testing.T) {
	var seen []string
	env := with(pages(3, &seen))
	env.ExecuteWorkflow(workflows.SyncDirectory, workflows.SyncProgress{})
	var result contract.SyncResult
	require.NoError(t, env.GetWorkflowResult(&result))
	assert.Equal(t, []string{"contoso", "contoso/1", "contoso/2", "fabrikam", "fabrikam/1", "fabrikam/2"}, seen)
	assert.Equal(t, []contract.TenantSync{{Tenant: "contoso", Seen: 30, Added: 3}, {Tenant: "fabrikam", Seen: 30, Added: 3}}, result.Tenants)
}

func TestSyncDirectoryGoesOnAsANewRun(t *testing.T) {
	var seen []string
	functions := pages(150, &seen)
	env := with(functions)
	env.ExecuteWorkflow(workflows.SyncDirectory, workflows.SyncProgress{})
	var again *workflow.ContinueAsNewError
	require.ErrorAs(t, env.GetWorkflowError(), &again)
	require.Len(t, seen, 200)
	var progress workflows.SyncProgress
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &progress))

	env = with(functions)
	env.ExecuteWorkflow(workflows.SyncDirectory, progress)
	var result contract.SyncResult
	require.NoError(t, env.GetWorkflowResult(&result))
	assert.Len(t, seen, 300, "where it stopped, and nothing twice")
	assert.Equal(t, 1500, result.Tenants[1].Seen)
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

func TestApplyCatalogLoadsItsNumbers(t *testing.T) {
	var loaded []contract.AddNumbersRequest
	env := with(map[string]any{
		"ApplyCatalog": func(context.Context, contract.CatalogRequest) (activities.AppliedCatalog, error) {
			return activities.AppliedCatalog{
				CatalogApplied: contract.CatalogApplied{Revision: 2, Changed: true},
				Loads:          []contract.AddNumbersRequest{{Node: "london"}, {Node: "paris"}},
			}, nil
		},
		"TenantOfNode": func(context.Context, string) (string, error) { return "contoso", nil },
		"AddNumbers": func(_ context.Context, in contract.AddNumbersRequest) (contract.NumbersAdded, error) {
			loaded = append(loaded, in)
			return contract.NumbersAdded{Added: 5, Existing: 1, InUse: 2}, nil
		},
	})
	env.ExecuteWorkflow(workflows.ApplyCatalog, contract.CatalogRequest{Actor: contract.Actor{RequestedBy: "admin"}})
	var result contract.CatalogApplied
	require.NoError(t, env.GetWorkflowResult(&result))
	assert.Equal(t, contract.NumbersAdded{Added: 10, Existing: 2, InUse: 4}, result.Numbers)
	require.Len(t, loaded, 2)
	assert.Equal(t, "admin", loaded[0].RequestedBy)
}
