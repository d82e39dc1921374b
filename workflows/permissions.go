package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"tenure/activities"
	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/lifecycle"
)

// pickup is how long a worker may take to begin looking at a tenant before the answer is that there is none.
const pickup = 20 * time.Second

// CheckPermissions asks every tenant which permissions it grants, all at once. A tenant that cannot be asked is part of
// the answer and not its end.
func CheckPermissions(ctx workflow.Context, _ contract.PermissionsRequest) (contract.Permissions, error) {
	where, err := ask[activities.Located](onStore(ctx, question, label{summary: "find the tenants"}), act.LocateUser, "")
	if err != nil {
		return contract.Permissions{}, err
	}
	pending := make([]workflow.Future, len(where.Tenants))
	for i, tenant := range where.Tenants {
		tctx := onGraph(ctx, tenant, question, label{summary: "read the permissions of " + tenant})
		o := workflow.GetActivityOptions(tctx)
		o.ScheduleToStartTimeout = pickup
		pending[i] = workflow.ExecuteActivity(workflow.WithActivityOptions(tctx, o), act.CheckPermissions, tenant)
	}
	answer := contract.Permissions{Tenants: make([]contract.TenantPermissions, len(pending))}
	for i, f := range pending {
		if err := f.Get(ctx, &answer.Tenants[i]); err != nil {
			problem := unasked(err)
			answer.Tenants[i] = contract.TenantPermissions{
				Tenant: where.Tenants[i], Problem: &problem,
				PermissionCheck: lifecycle.PermissionCheck{Features: []lifecycle.FeaturePermission{}, Excess: []string{}},
			}
		}
	}
	return answer, nil
}

// CheckWorker asks whichever worker comes first how it is set up.
func CheckWorker(ctx workflow.Context, in contract.WorkerCheckRequest) (contract.WorkerCheck, error) {
	return ask[contract.WorkerCheck](onStore(ctx, question, label{}), act.CheckWorker, in)
}

// unasked says why a tenant could not be asked. A timeout after attempts that failed holds why the last one did.
func unasked(err error) string {
	var timeout *temporal.TimeoutError
	if _, answered := fault.Received(err); !answered && errors.As(err, &timeout) {
		return "no worker that serves this tenant answered in time"
	}
	return describe(err).Message
}
