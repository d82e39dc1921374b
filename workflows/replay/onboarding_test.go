package replay_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"tenure/examples"
	"tenure/internal/contract"
	"tenure/internal/graphsim"
	"tenure/internal/lifecycle"
	"tenure/worker/workertest"
)

// recordOnboarding records how an onboarding can go: with direct licenses, by group, staged, rolled back and cancelled.
func recordOnboarding(t *testing.T, e *workertest.Environment, save func(string, client.WorkflowRun), status func(client.WorkflowRun) lifecycle.Status) {
	laura, nina := "laura.lewis@contoso.example", "nina.novak@contoso.example"

	e.Tenant.AddFault(graphsim.Fault{Method: "POST", Path: "/v1.0/admin/teams/policy/userAssignments/assign", Status: 400})
	run := e.Onboard(t, laura, "uk-sales", "next")
	require.Equal(t, lifecycle.RolledBack, status(run))
	save("onboard-rolled-back", run)

	run = e.Onboard(t, laura, "uk-sales", "next")
	require.Equal(t, lifecycle.Completed, status(run))
	save("onboard-direct", run)
	run = e.Onboard(t, laura, "uk-sales", "next")
	require.Equal(t, lifecycle.Completed, status(run))
	save("onboard-unchanged", run)

	run = e.Onboard(t, nina, "location-and-groups", "none")
	require.Equal(t, lifecycle.Completed, status(run))
	save("onboard-by-group", run)

	// Offboarded, Teams forgets her at once, and takes its time to know her again.
	settings := e.Tenant.Settings()
	quick, slow := settings, settings
	quick.TeamsProvisioningMs, slow.TeamsProvisioningMs = 0, 4000
	e.Tenant.SetSettings(quick)
	require.Equal(t, lifecycle.Completed, status(e.Offboard(t, laura, "")))
	text := strings.Replace(string(examples.Catalog), "retainAtSite: false", "retainAtSite: false\n        staging: {enabled: true, intervalMinutes: 1}", 1)
	require.NotEqual(t, string(examples.Catalog), text)
	e.Ask(t, contract.ApplyCatalog, contract.CatalogRequest{File: "staging.yaml", Text: text}, nil)
	e.Tenant.SetSettings(slow)
	run = e.Onboard(t, laura, "uk-sales", "next")
	decision := contract.Resolution{Action: contract.ResolveRetry, Actor: contract.Actor{RequestedBy: "test"}}
	// Until the run is staged there is nothing to decide.
	require.Eventually(t, func() bool {
		update, err := e.Client.UpdateWorkflow(context.Background(), client.UpdateWorkflowOptions{
			WorkflowID: run.GetID(), RunID: run.GetRunID(), UpdateName: contract.ResolveUpdate, WaitForStage: client.WorkflowUpdateStageCompleted, Args: []any{decision},
		})
		return err == nil && update.Get(context.Background(), nil) == nil
	}, deadline, tick)
	require.Equal(t, lifecycle.Completed, status(run))
	save("onboard-staged", run)
	e.Tenant.SetSettings(settings)
}
