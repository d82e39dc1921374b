package replay_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"tenure/internal/graphsim"
	"tenure/internal/lifecycle"
	"tenure/worker/workertest"
)

// recordUpdating records how an update can go: a first number, licenses alone and another number rolled back, and several
// fields with another number.
func recordUpdating(t *testing.T, e *workertest.Environment, save func(string, client.WorkflowRun), status func(client.WorkflowRun) lifecycle.Status) {
	oliver := "oliver.owen@contoso.example"
	updates := func(name string, set map[string]string, want lifecycle.Status) {
		run := e.Update(t, oliver, set)
		require.Equal(t, want, status(run), name)
		save(name, run)
	}

	updates("update-first-number", map[string]string{"number": "next"}, lifecycle.Completed)
	// Undoing licenses alone comes across a step that such a plan does not have.
	e.Tenant.AddFault(graphsim.Fault{Method: "POST", Path: "/v1.0/users/*/assignLicense", Status: 400})
	updates("update-rolled-back-licenses", map[string]string{"licenses": "SPE_E5,MCOEV"}, lifecycle.RolledBack)
	e.Tenant.AddFault(graphsim.Fault{Method: "POST", Path: "/v1.0/admin/teams/telephoneNumberManagement/numberAssignments/assignNumber", Status: 400})
	updates("update-rolled-back-number", map[string]string{"number": "+442079460014"}, lifecycle.RolledBack)
	updates("update-completed", map[string]string{
		"usageLocation": "FR", "licenses": "SPE_E5,MCOEV", "number": "+442079460014", "policy.TeamsCallingPolicy": "NoForwarding", "role": "site-admin",
	}, lifecycle.Completed)
}
