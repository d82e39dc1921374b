package replay_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"tenure/internal/contract"
	"tenure/internal/graphsim"
	"tenure/internal/lifecycle"
	"tenure/worker/workertest"
)

// recordHolding records offboardings that were held: tried again, gone on without the step, and rolled back.
func recordHolding(t *testing.T, e *workertest.Environment, save func(string, client.WorkflowRun), status func(client.WorkflowRun) lifecycle.Status) {
	for _, how := range []struct {
		name, user, action string
		want               lifecycle.Status
	}{
		{"offboard-held-retried", "emma.evans@contoso.example", contract.ResolveRetry, lifecycle.Completed},
		{"offboard-held-skipped", "isabelle.imbert@contoso.example", contract.ResolveSkip, lifecycle.Completed},
		{"offboard-held-rolled-back", "oliver.owen@contoso.example", contract.ResolveRollback, lifecycle.RolledBack},
	} {
		e.Tenant.AddFault(graphsim.Fault{Method: "POST", Path: "/v1.0/users/*/assignLicense", Status: 400})
		var view contract.UserView
		e.Ask(t, contract.ShowUser, contract.ShowUserRequest{User: how.user}, &view)
		run := e.Run(t, contract.QuickOffboard, lifecycle.Request{Operation: lifecycle.Offboard, SubscriberID: view.ID, OnFailure: lifecycle.OnFailureHold})
		require.Eventually(t, func() bool {
			var report lifecycle.Report
			answer, err := e.Client.QueryWorkflow(context.Background(), run.GetID(), run.GetRunID(), contract.ProgressQuery)
			return err == nil && answer.Get(&report) == nil && report.Status == lifecycle.Held
		}, deadline, tick, how.name)
		update, err := e.Client.UpdateWorkflow(context.Background(), client.UpdateWorkflowOptions{
			WorkflowID: run.GetID(), RunID: run.GetRunID(), UpdateName: contract.ResolveUpdate, WaitForStage: client.WorkflowUpdateStageCompleted,
			Args: []any{contract.Resolution{Action: how.action, Actor: contract.Actor{RequestedBy: "test"}}},
		})
		require.NoError(t, err)
		require.NoError(t, update.Get(context.Background(), nil), how.name)
		require.Equal(t, how.want, status(run), how.name)
		save(how.name, run)
		e.Tenant.ClearFaults()
	}
}
