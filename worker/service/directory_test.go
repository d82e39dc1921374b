package service_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"tenure/examples"
	"tenure/internal/contract"
	"tenure/internal/graphsim"
	"tenure/internal/lifecycle"
	"tenure/worker/workertest"
)

// TestNewcomersFlowThroughAndManyWhoAreGoneAreAskedAbout goes from Entra to the desk and back, on a real server (R110-R115).
func TestNewcomersFlowThroughAndManyWhoAreGoneAreAskedAbout(t *testing.T) {
	e := workertest.Start(t, graphsim.Options{Settings: &graphsim.Settings{TokenSeconds: 3600}})
	text := strings.Replace(string(examples.Catalog), "        retainAtSite: false ", "        sync: {flowThrough: true, removalThreshold: 2}\n        retainAtSite: false ", 1)
	e.Ask(t, contract.ApplyCatalog, contract.CatalogRequest{File: "catalog.yaml", Text: text}, nil)
	edit := func(change func(*graphsim.State)) {
		state := e.Tenant.State()
		change(&state)
		require.NoError(t, e.Tenant.SetState(state))
	}
	ids := []string{uuid.NewString(), uuid.NewString(), uuid.NewString()}
	edit(func(s *graphsim.State) {
		for i, id := range ids {
			s.Users = append(s.Users, graphsim.User{
				ID: id, UserPrincipalName: fmt.Sprintf("new%d@contoso.example", i), DisplayName: fmt.Sprintf("New %d", i),
				City: "London", UserType: "Member", AccountEnabled: s.Users[0].AccountEnabled,
			})
		}
		for i := range s.SKUs {
			s.SKUs[i].Enabled += len(ids)
		}
	})

	var result contract.SyncResult
	e.Ask(t, contract.SyncDirectory, contract.SyncRequest{Actor: contract.Actor{RequestedBy: "schedule"}}, &result)
	require.Len(t, result.Tenants, 1)
	assert.Equal(t, 3, result.Tenants[0].Added)
	assert.Equal(t, 3, result.Tenants[0].Placed)
	assert.Equal(t, 3, result.Tenants[0].Onboarding)
	numbers := map[string]bool{}
	for _, id := range ids {
		run := e.Client.GetWorkflow(t.Context(), contract.SubscriberWorkflowID("contoso", id), "")
		var report lifecycle.Report
		require.NoError(t, run.Get(t.Context(), &report))
		assert.Equal(t, lifecycle.Completed, report.Status)
		assert.Equal(t, "schedule", report.RequestedBy)
		assert.Contains(t, report.RequestID, id)
		numbers[report.After.Numbers[0]] = true
		described, err := e.Client.DescribeWorkflowExecution(t.Context(), run.GetID(), run.GetRunID())
		require.NoError(t, err)
		assert.EqualValues(t, 4, described.GetWorkflowExecutionInfo().GetPriority().GetPriorityKey(), "nobody waits for it")
	}
	assert.Len(t, numbers, 3)
	e.Ask(t, contract.SyncDirectory, contract.SyncRequest{}, &result)
	assert.Zero(t, result.Tenants[0].Placed)

	edit(func(s *graphsim.State) {
		s.Users = slices.DeleteFunc(s.Users, func(u graphsim.User) bool { return slices.Contains(ids, u.ID) })
		for i := range s.Groups {
			s.Groups[i].Members = slices.DeleteFunc(s.Groups[i].Members, func(id string) bool { return slices.Contains(ids, id) })
		}
		for i := range s.Numbers {
			if slices.Contains(ids, s.Numbers[i].AssignedTo) {
				s.Numbers[i].AssignedTo = ""
			}
		}
	})
	sync, err := e.Client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: contract.SyncWorkflowPrefix + "asks", TaskQueue: contract.TaskQueue}, contract.SyncDirectory, contract.SyncRequest{})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		var status contract.SyncStatus
		value, err := e.Client.QueryWorkflow(t.Context(), sync.GetID(), "", contract.SyncQuery)
		return err == nil && value.Get(&status) == nil && status.Status == lifecycle.Held && status.Tenants[0].Held == 3
	}, time.Minute, 20*time.Millisecond)
	update, err := e.Client.UpdateWorkflow(context.Background(), client.UpdateWorkflowOptions{
		WorkflowID: sync.GetID(), UpdateName: contract.ResolveUpdate, WaitForStage: client.WorkflowUpdateStageCompleted,
		Args: []any{contract.Resolution{Action: contract.ResolveApprove, Actor: contract.Actor{RequestedBy: "boss"}}},
	})
	require.NoError(t, err)
	require.NoError(t, update.Get(t.Context(), nil))
	require.NoError(t, sync.Get(t.Context(), &result))
	assert.Equal(t, 3, result.Tenants[0].Removed)
	assert.Equal(t, 3, result.Tenants[0].NumbersLeft)
	var left contract.Numbers
	e.Ask(t, contract.ListNumbers, contract.NumberFilter{Node: "london", State: lifecycle.Used}, &left)
	for _, n := range left.Numbers {
		delete(numbers, n.Number)
	}
	assert.Empty(t, numbers, "their numbers are still Used, and nobody's to take")
}
