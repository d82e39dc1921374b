package workflows_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/lifecycle"
	"tenure/workflows"
)

func TestOnboardCompletes(t *testing.T) {
	w := worldOf(operations["onboard"])
	env := environment(w)
	env.ExecuteWorkflow(workflows.Onboard, request)
	report, cause := ended(t, env)
	require.Nil(t, cause)
	assert.Equal(t, lifecycle.Completed, report.Status)
	for name, outcome := range outcomes(report) {
		assert.Equal(t, lifecycle.Done, outcome, name)
	}
	assert.Equal(t, []string{"claim", "groups", "licenses", "location", "number", "place", "policies", "role"}, w.left())
}

// TestOnboardOrder holds the order of architecture.md §2.
func TestOnboardOrder(t *testing.T) {
	w := worldOf(operations["onboard"])
	env := environment(w)
	env.ExecuteWorkflow(workflows.Onboard, request)
	require.NoError(t, env.GetWorkflowError())
	order := []string{"Prepare", "SetUsageLocation", "AddToGroups", "AwaitGroupLicensesBack", "ReplaceDirectLicenses", "AwaitTeamsUser", "ClaimNumbers", "AssignNumbers", "ApplyPolicies", "VerifySubscriber", "CloseRun"}
	for i := range order[1:] {
		assert.Less(t, slices.Index(w.calls, order[i]), slices.Index(w.calls, order[i+1]), "%s before %s", order[i], order[i+1])
	}
	assert.Less(t, slices.Index(w.calls, "PlaceSubscriber"), slices.Index(w.calls, "AddToGroups"))
}
