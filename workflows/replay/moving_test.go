package replay_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"tenure/internal/contract"
	"tenure/internal/graphsim"
	"tenure/internal/lifecycle"
	"tenure/worker/workertest"
)

// recordMoving records how a move can go: with the number kept, with and without a move in the inventory, with a new one, and
// rolled back while leaving and while joining.
func recordMoving(t *testing.T, e *workertest.Environment, save func(string, client.WorkflowRun), status func(client.WorkflowRun) lifecycle.Status) {
	const orders = "/v1.0/admin/teams/telephoneNumberManagement/numberAssignments/"
	david, kevin := "david.doyle@contoso.example", "kevin.king@contoso.example"
	kept := lifecycle.Request{Group: "untouched", KeepNumber: true}
	moves := func(name, user, site string, how lifecycle.Request, want lifecycle.Status) {
		how.Site = site
		run := e.Move(t, user, how)
		require.Equal(t, want, status(run), name)
		save(name, run)
	}

	e.Tenant.AddFault(graphsim.Fault{Method: "POST", Path: orders + "unassignNumber", Status: 400})
	moves("move-rolled-back-leaving", david, "paris", kept, lifecycle.RolledBack)
	e.Tenant.AddFault(graphsim.Fault{Method: "POST", Path: orders + "assignNumber", Status: 400})
	moves("move-rolled-back-joining", david, "paris", kept, lifecycle.RolledBack)
	moves("move-number-along", david, "paris", kept, lifecycle.Completed)

	e.Ask(t, contract.PlaceUsers, contract.PlaceRequest{User: kevin, Site: "newyork", Actor: contract.Actor{RequestedBy: "test"}}, nil)
	moves("move-number-kept", kevin, "paris", kept, lifecycle.Completed)
	moves("move-number-new", kevin, "newyork", lifecycle.Request{Group: "untouched", Number: lifecycle.NextNumber, OffboardGroup: "leaver"}, lifecycle.Completed)
}
