package workflows_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"

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
