package workflows_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"tenure/activities"
	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/lifecycle"
	"tenure/internal/store"
	"tenure/workflows"
)

func TestAddNumbersChecksEveryNodeFirst(t *testing.T) {
	var asked []string
	var added []contract.AddNumbersRequest
	functions := map[string]any{
		"TenantOfNode": func(_ context.Context, node string) (string, error) {
			asked = append(asked, node)
			if node == "atlantis" {
				return "", &lifecycle.Refusal{Code: "unknown-node", Message: "there is no node", Invalid: true}
			}
			return "contoso", nil
		},
		"AddNumbers": func(_ context.Context, in contract.AddNumbersRequest) (contract.NumbersAdded, error) {
			added = append(added, in)
			return contract.NumbersAdded{Added: 3, Existing: 2, InUse: 1}, nil
		},
	}
	in := contract.AddNumbersRequest{
		Node: "london", Type: "directRouting", Numbers: []string{"+442079460001"}, Actor: contract.Actor{RequestedBy: "admin", Reason: "new block"},
		More: []contract.NumberBatch{{Node: "london", Type: "callingPlan", Numbers: []string{"+442079460002"}}, {Node: "paris", Type: "directRouting", Ranges: []contract.NumberRange{{From: "+33142685300", To: "+33142685309"}}}},
	}
	env := with(functions)
	env.ExecuteWorkflow(workflows.AddNumbers, in)
	var result contract.NumbersAdded
	require.NoError(t, env.GetWorkflowResult(&result))
	assert.Equal(t, contract.NumbersAdded{Added: 9, Existing: 6, InUse: 3}, result)
	assert.Equal(t, []string{"london", "paris"}, asked)
	require.Len(t, added, 3)
	for i, want := range []string{"directRouting", "callingPlan", "directRouting"} {
		assert.Equal(t, want, added[i].Type)
		assert.Equal(t, in.Actor, added[i].Actor)
		assert.Empty(t, added[i].More)
	}
	assert.Equal(t, in.More[1].Ranges, added[2].Ranges)

	added = nil
	in.More[1].Node = "atlantis"
	env = with(functions)
	env.ExecuteWorkflow(workflows.AddNumbers, in)
	require.Error(t, env.GetWorkflowError())
	assert.Empty(t, added, "nothing is added before every node is known")
}

func TestChangeNumbersOfTheTenantThatHasThem(t *testing.T) {
	var got activities.NumbersChangeIn
	env := with(map[string]any{
		"TenantOfNumbers": func(context.Context, contract.NumbersChange) (string, error) { return "fabrikam", nil },
		"ChangeNumbers": func(_ context.Context, in activities.NumbersChangeIn) (contract.NumbersChanged, error) {
			got = in
			return contract.NumbersChanged{Removed: in.Numbers}, nil
		},
	})
	in := contract.NumbersChange{Action: contract.RemoveAction, Numbers: []string{"+442079460001"}, Actor: contract.Actor{RequestedBy: "admin"}}
	env.ExecuteWorkflow(workflows.ChangeNumbers, in)
	var result contract.NumbersChanged
	require.NoError(t, env.GetWorkflowResult(&result))
	assert.Equal(t, in.Numbers, result.Removed)
	assert.Equal(t, activities.NumbersChangeIn{Tenant: "fabrikam", NumbersChange: in}, got)
}

// due is an expiry of that many batches.
func due(batches int, calls *int) map[string]any {
	return map[string]any{"ExpireNumbers": func(_ context.Context, limit int) (activities.ExpiredBatch, error) {
		*calls++
		return activities.ExpiredBatch{NumberExpiry: contract.NumberExpiry{Released: limit, Unreserved: 1}, More: *calls < batches}, nil
	}}
}

func TestExpireNumbersUntilNothingIsLeft(t *testing.T) {
	calls := 0
	env := with(due(3, &calls))
	env.ExecuteWorkflow(workflows.ExpireNumbers, contract.NumberExpiry{})
	var result contract.NumberExpiry
	require.NoError(t, env.GetWorkflowResult(&result))
	assert.Equal(t, 3, calls)
	assert.Equal(t, contract.NumberExpiry{Released: 3000, Unreserved: 3}, result)
}

func TestExpireNumbersGoesOnAsANewRun(t *testing.T) {
	calls := 0
	functions := due(250, &calls)
	env := with(functions)
	env.ExecuteWorkflow(workflows.ExpireNumbers, contract.NumberExpiry{})
	var again *workflow.ContinueAsNewError
	require.ErrorAs(t, env.GetWorkflowError(), &again)
	var so contract.NumberExpiry
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &so))
	env = with(functions)
	env.ExecuteWorkflow(workflows.ExpireNumbers, so)
	var result contract.NumberExpiry
	require.NoError(t, env.GetWorkflowResult(&result))
	assert.Equal(t, contract.NumberExpiry{Released: 250_000, Unreserved: 250}, result)
}

// audit is an audit of two tenants, each of three pages with that many findings, of which one in two can be repaired.
func audit(findings int, seen *[]string, repairs *int) map[string]any {
	return map[string]any{
		"AuditScopes": func(context.Context, string) ([]activities.AuditScope, error) {
			return []activities.AuditScope{{Tenant: "contoso"}, {Tenant: "fabrikam"}}, nil
		},
		"AuditNumbers": func(_ context.Context, in activities.AuditPage) (activities.AuditedPage, error) {
			*seen = append(*seen, fmt.Sprintf("%s %d", in.Scope.Tenant, in.Position.Skip))
			page := activities.AuditedPage{Next: &activities.AuditPosition{Skip: in.Position.Skip + 1}}
			if in.Position.Skip == 2 {
				page.Next = nil
			}
			for i := range findings {
				page.Findings = append(page.Findings, contract.NumberFinding{Code: contract.InUse})
				if i%2 == 0 {
					page.Repairs = append(page.Repairs, store.Correction{Number: "+442079460001"})
				}
			}
			return page, nil
		},
		"RepairNumbers": func(_ context.Context, in activities.NumberRepairs) (int, error) {
			*repairs++
			if in.RequestedBy != "admin" {
				return 0, fault.New(fault.InvalidRequest, "by %q", in.RequestedBy)
			}
			return len(in.Repairs), nil
		},
	}
}

func TestAuditNumbersPageByPage(t *testing.T) {
	everything := []string{"contoso 0", "contoso 1", "contoso 2", "fabrikam 0", "fabrikam 1", "fabrikam 2"}
	for name, row := range map[string]struct {
		fix      bool
		findings int
		repairs  int
		want     contract.NumberAudit
	}{
		"looking":              {false, 2, 0, contract.NumberAudit{}},
		"repairing":            {true, 2, 6, contract.NumberAudit{Fixed: 6}},
		"nothing to repair":    {true, 0, 0, contract.NumberAudit{}},
		"more than are listed": {true, 500, 6, contract.NumberAudit{Fixed: 1500, More: 1000}},
	} {
		t.Run(name, func(t *testing.T) {
			var seen []string
			repairs := 0
			env := with(audit(row.findings, &seen, &repairs))
			in := contract.NumberAuditRequest{Fix: row.fix, Actor: contract.Actor{RequestedBy: "admin"}}
			env.ExecuteWorkflow(workflows.AuditNumbers, workflows.NumberAuditProgress{NumberAuditRequest: in})
			var result contract.NumberAudit
			require.NoError(t, env.GetWorkflowResult(&result))
			assert.Equal(t, everything, seen)
			assert.Equal(t, row.repairs, repairs)
			assert.NotNil(t, result.Findings)
			assert.Len(t, result.Findings, min(6*row.findings, contract.MaxFindings))
			assert.Equal(t, 6*row.findings, result.Found())
			result.Findings = nil
			assert.Equal(t, row.want, result)
		})
	}
}

func TestAuditNumbersGoesOnAsANewRun(t *testing.T) {
	var seen []string
	repairs := 0
	functions := audit(2, &seen, &repairs)
	env := with(functions)
	pages := 0
	env.SetOnActivityCompletedListener(func(info *activity.Info, _ converter.EncodedValue, _ error) {
		if info.ActivityType.Name == "AuditNumbers" {
			pages++
			env.SetContinueAsNewSuggested(pages == 2)
		}
	})
	env.ExecuteWorkflow(workflows.AuditNumbers, workflows.NumberAuditProgress{NumberAuditRequest: contract.NumberAuditRequest{Actor: contract.Actor{RequestedBy: "admin"}, Fix: true}})
	var again *workflow.ContinueAsNewError
	require.ErrorAs(t, env.GetWorkflowError(), &again)
	require.Len(t, seen, 2)
	var progress workflows.NumberAuditProgress
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &progress))
	env = with(functions)
	env.ExecuteWorkflow(workflows.AuditNumbers, progress)
	var result contract.NumberAudit
	require.NoError(t, env.GetWorkflowResult(&result))
	assert.Equal(t, []string{"contoso 0", "contoso 1", "contoso 2", "fabrikam 0", "fabrikam 1", "fabrikam 2"}, seen, "where it stopped, and nothing twice")
	assert.Len(t, result.Findings, 12)
	assert.Equal(t, 6, result.Fixed)
}
