package workflows_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"tenure/activities"
	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/lifecycle"
	"tenure/workflows"
)

func TestCheckPermissionsAnswersForEveryTenant(t *testing.T) {
	// Without the worker's interceptor, so that a timeout stays one.
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	workflows.Register(env)
	var mu sync.Mutex
	queues := map[string]string{}
	env.RegisterActivityWithOptions(func(context.Context, string) (activities.Located, error) {
		return activities.Located{Tenants: []string{"contoso", "fabrikam", "litware", "tailspin"}}, nil
	}, activity.RegisterOptions{Name: "LocateUser"})
	env.RegisterActivityWithOptions(func(ctx context.Context, tenant string) (contract.TenantPermissions, error) {
		mu.Lock()
		queues[tenant] = activity.GetInfo(ctx).TaskQueue
		mu.Unlock()
		switch tenant {
		case "fabrikam":
			return contract.TenantPermissions{}, fault.Leave(fault.New(fault.Unauthenticated, "the client secret has expired"))
		case "litware":
			return contract.TenantPermissions{}, temporal.NewTimeoutError(enums.TIMEOUT_TYPE_SCHEDULE_TO_START, nil)
		}
		return contract.TenantPermissions{Tenant: tenant, PermissionCheck: lifecycle.CheckPermissions(nil, []string{"Mail.Read"})}, nil
	}, activity.RegisterOptions{Name: "CheckPermissions"})

	env.ExecuteWorkflow(contract.CheckPermissions, contract.PermissionsRequest{})
	require.NoError(t, env.GetWorkflowError())
	var answer contract.Permissions
	require.NoError(t, env.GetWorkflowResult(&answer))
	require.Len(t, answer.Tenants, 4)
	for i, tenant := range []string{"contoso", "fabrikam", "litware", "tailspin"} {
		assert.Equal(t, tenant, answer.Tenants[i].Tenant)
		assert.Equal(t, contract.GraphQueue(tenant), queues[tenant])
	}
	for _, i := range []int{0, 3} {
		assert.Equal(t, []string{"Mail.Read"}, answer.Tenants[i].Excess)
		assert.Nil(t, answer.Tenants[i].Problem)
	}
	require.NotNil(t, answer.Tenants[1].Problem)
	assert.Contains(t, *answer.Tenants[1].Problem, "the client secret has expired")
	assert.NotNil(t, answer.Tenants[1].Features)
	require.NotNil(t, answer.Tenants[2].Problem)
	assert.Equal(t, "no worker that serves this tenant answered in time", *answer.Tenants[2].Problem)
}

func TestCheckPermissionsNeedsACatalog(t *testing.T) {
	env := environment(newWorld())
	env.RegisterActivityWithOptions(func(context.Context, string) (activities.Located, error) {
		return activities.Located{}, &lifecycle.Refusal{Code: "no-catalog", Message: "no catalog has been applied yet"}
	}, activity.RegisterOptions{Name: "LocateUser"})
	env.ExecuteWorkflow(contract.CheckPermissions, contract.PermissionsRequest{})
	f, ok := fault.Received(env.GetWorkflowError())
	require.True(t, ok)
	assert.Equal(t, "no-catalog", f.Code)
}
