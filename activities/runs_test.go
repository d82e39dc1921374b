package activities_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tenure/activities"
	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/lifecycle"
)

func (c *contoso) locate(user, requestID string) activities.Located {
	c.t.Helper()
	return succeed(c.t, start(c.run("q"), c.acts.Locate, contract.PlanRequest{User: user, Request: lifecycle.Request{RequestID: requestID}}))
}

func TestLocate(t *testing.T) {
	c := newContoso(t)
	anna := lifecycle.SubscriberRef{ID: c.id("anna.archer"), UserPrincipalName: c.email("anna.archer")}
	free := activities.Located{Tenants: []string{"contoso"}, Subscriber: anna, Node: london}
	require.Equal(t, free, c.locate(c.email("anna.archer"), "new"))
	require.Equal(t, free, c.locate(anna.ID, ""))
	require.Equal(t, "contoso", free.Tenant())
	require.Equal(t, activities.Located{Tenants: []string{"contoso"}}, c.locate("zoe.zimmer@contoso.example", ""))

	r, _ := c.begun("anna.archer", "")
	ref := &contract.RunRef{WorkflowID: "workflow-r1", RunID: "r1", Operation: lifecycle.Offboard, StartedAt: &monday}
	busy := free
	busy.Busy = ref
	require.Equal(t, busy, c.locate(c.email("anna.archer"), "new"))
	require.Equal(t, activities.Located{Existing: ref}, c.locate(c.email("anna.archer"), "request-anna.archer"))

	dead := contract.PlanRequest{User: anna.ID, DeadRun: "r1"}
	require.Equal(t, free, succeed(t, start(c.run("q"), c.acts.Locate, dead)), "a run that Temporal has closed keeps nobody busy")

	closeRun(r, lifecycle.RolledBack)
	require.Equal(t, free, c.locate(c.email("anna.archer"), "new"))
	require.Equal(t, activities.Located{Existing: ref}, c.locate(c.email("anna.archer"), "request-anna.archer"), "a request is one run for good")
}

func TestLocateInSeveralTenants(t *testing.T) {
	c := setup{catalog: exampleWith(t, "# The default self-service role", "    - name: fabrikam\n      level: customer\n      tenant: fabrikam\n\n# The default self-service role")}.new(t)
	where := c.locate("zoe.zimmer@contoso.example", "")
	require.Equal(t, []string{"contoso", "fabrikam"}, where.Tenants)
	require.Empty(t, where.Tenant())
	require.Equal(t, where, succeed(t, start(c.run("q"), c.acts.LocateUser, "")), "without a user all tenants are meant")
	require.Equal(t, "contoso", succeed(t, start(c.run("q"), c.acts.LocateUser, c.email("anna.archer"))).Tenant())
}

func TestLocateWithoutATenantOrACatalog(t *testing.T) {
	c := setup{empty: true}.new(t)
	locate := start(c.run("q"), c.acts.LocateUser, "")
	refused(t, locate, fault.BusinessRule, "no-catalog")
	require.NoError(t, c.apply("apiVersion: tenure/v1\nhierarchy:\n  name: acme\n  level: provider\n"))
	fail(t, locate, fault.InvalidRequest, "no Microsoft tenant")
}

func TestListRuns(t *testing.T) {
	c := newContoso(t)
	require.Equal(t, contract.Runs{Runs: []contract.Run{}}, succeed(t, start(c.run("q"), c.acts.ListRuns, contract.RunFilter{})))
	for i, name := range []string{"anna.archer", "ben.baker", "chloe.clark"} {
		c.clock.Advance(time.Minute)
		r := c.run([]string{"r1", "r2", "r3"}[i])
		succeed(t, start(r, c.acts.Prepare, c.offboard(name, "")))
		if i == 0 {
			closeRun(r, lifecycle.Completed)
		}
	}
	list := func(f contract.RunFilter) []string {
		t.Helper()
		ids := []string{}
		for _, r := range succeed(t, start(c.run("q"), c.acts.ListRuns, f)).Runs {
			ids = append(ids, r.RunID)
		}
		return ids
	}
	require.Equal(t, []string{"r3", "r2", "r1"}, list(contract.RunFilter{}), "newest first")
	require.Equal(t, []string{"r3", "r2"}, list(contract.RunFilter{Statuses: []lifecycle.Status{lifecycle.Running, lifecycle.Held}}))
	require.Equal(t, []string{"r2"}, list(contract.RunFilter{User: "BEN.baker@contoso.example"}))
	require.Equal(t, []string{"r2"}, list(contract.RunFilter{User: c.id("ben.baker")}))
	require.Equal(t, []string{"r1"}, list(contract.RunFilter{RunID: "r1"}))
	require.Equal(t, []string{"r1"}, list(contract.RunFilter{WorkflowID: "workflow-r1"}))
	require.Empty(t, list(contract.RunFilter{User: "nobody@contoso.example"}))

	page := succeed(t, start(c.run("q"), c.acts.ListRuns, contract.RunFilter{Page: contract.Page{Limit: 2}}))
	require.NotNil(t, page.Next)
	require.Equal(t, []string{"r1"}, list(contract.RunFilter{Page: contract.Page{Limit: 2, Cursor: *page.Next}}))

	at, started, closed := london, monday.Add(time.Minute), monday.Add(time.Minute)
	require.Equal(t, contract.Run{
		WorkflowID: "workflow-r1", RunID: "r1", Operation: lifecycle.Offboard, Status: lifecycle.Completed, Node: &at,
		Subscriber: lifecycle.SubscriberRef{ID: c.id("anna.archer"), UserPrincipalName: c.email("anna.archer")},
		StartedAt:  started, ClosedAt: &closed, RequestID: "request-anna.archer",
	}, succeed(t, start(c.run("q"), c.acts.ListRuns, contract.RunFilter{RunID: "r1"})).Runs[0])
	require.Empty(t, c.writes())
}
