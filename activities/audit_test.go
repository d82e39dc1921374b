package activities_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/lifecycle"
)

func (c *contoso) audit(filter contract.AuditFilter) []contract.AuditEntry {
	c.t.Helper()
	return succeed(c.t, start(c.run("q"), c.acts.ListAudit, filter)).Entries
}

const guest = "felix.fischer_partner.example#EXT#"

func TestRefusalsAreAudited(t *testing.T) {
	c := newContoso(t)
	r := c.run("r1")
	refused(t, start(r, c.acts.Prepare, c.offboard(guest, "")), fault.BusinessRule, "guest")
	entries := c.audit(contract.AuditFilter{RunID: "r1", Export: true})
	require.Len(t, entries, 1)
	e := entries[0]
	require.Equal(t, "refused", e.Outcome)
	require.Equal(t, "offboard", e.Operation)
	require.Equal(t, "admin", *e.By)
	require.Equal(t, "left the company", *e.Reason)
	require.Equal(t, lifecycle.SubscriberRef{ID: c.id(guest), UserPrincipalName: c.email(guest)}, *e.Subscriber)
	var detail map[string]string
	require.NoError(t, json.Unmarshal(e.Detail, &detail))
	require.Equal(t, "guest", detail["code"])
	require.Equal(t, "request-"+guest, detail["requestId"])
	require.NotEmpty(t, detail["message"])

	closeRun(r, lifecycle.RolledBack)
	entries = c.audit(contract.AuditFilter{RunID: "r1"})
	require.Len(t, entries, 2, "its end is audited as that of every run that has begun")
	require.Equal(t, "rolled_back", entries[0].Outcome, "newest first")
}

// Only rules refuse: somebody who does not exist is a mistake of whoever asked.
func TestMistakesAreNotAuditedAsRefusals(t *testing.T) {
	c := newContoso(t)
	request := c.offboard("anna.archer", "")
	request.SubscriberID = "00000000-0000-4000-8000-000000000000"
	refused(t, start(c.run("r1"), c.acts.Prepare, request), fault.NotFound, "unknown-user")
	request = c.offboard("anna.archer", "no-such-group")
	_, err := start(c.run("r2"), c.acts.Prepare, request).try()
	require.Error(t, err)
	require.Empty(t, c.audit(contract.AuditFilter{Outcome: "refused"}))
}

func TestListAudit(t *testing.T) {
	c := newContoso(t)
	r, _ := c.begun("anna.archer", "")
	closeRun(r, lifecycle.Completed)
	for _, user := range []string{c.email("anna.archer"), "ANNA.archer@contoso.example", c.id("anna.archer")} {
		entries := c.audit(contract.AuditFilter{User: user, Operation: "offboard", By: "admin", Outcome: "completed"})
		require.Len(t, entries, 1, user)
		require.Equal(t, c.id("anna.archer"), entries[0].Subscriber.ID)
		require.Nil(t, entries[0].AuditRest, "a list is short")
		require.NotNil(t, entries[0].Previous)
	}
	require.Empty(t, c.audit(contract.AuditFilter{User: "zoe.zimmer@contoso.example"}))

	all := c.audit(contract.AuditFilter{Export: true})
	require.Nil(t, all[0].Previous)
	require.EqualValues(t, 1, all[0].Seq, "oldest first")
	for i, e := range all[1:] {
		require.Equal(t, all[i].Hash, *e.Previous)
	}
	page := succeed(t, start(c.run("q"), c.acts.ListAudit, contract.AuditFilter{Page: contract.Page{Limit: 1}}))
	require.Len(t, page.Entries, 1)
	require.NotNil(t, page.Next)
	require.Equal(t, contract.AuditVerification{Checked: int64(len(all))}, succeed(t, start(c.run("q"), c.acts.VerifyAudit, contract.VerifyAuditRequest{})))
}

func TestListRunsWithReports(t *testing.T) {
	c := newContoso(t)
	r, _ := c.begun("anna.archer", "")
	list := func(in contract.RunFilter) *lifecycle.Report {
		return succeed(t, start(c.run("q"), c.acts.ListRuns, in)).Runs[0].Report
	}
	require.Nil(t, list(contract.RunFilter{Reports: true}), "it runs")
	closeRun(r, lifecycle.RolledBack)
	require.Nil(t, list(contract.RunFilter{}))
	require.Equal(t, lifecycle.RolledBack, list(contract.RunFilter{Reports: true}).Status)
}
