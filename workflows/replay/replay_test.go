package replay_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"tenure/internal/connect"
	"tenure/internal/contract"
	"tenure/internal/graphsim"
	"tenure/internal/lifecycle"
	"tenure/worker/workertest"
	"tenure/workflows"
)

var (
	record = flag.Bool("record", false, "record the histories anew from real runs")
	only   = flag.String("only", "", "record only histories whose names match this expression, and leave the others as they are")
)

const folder = "histories"

var identities = regexp.MustCompile(`"identity": *"[^"]*"`)

// TestHistories replays every history that was ever committed against today's workflows. Histories named bad-* are
// known not to fit and must be refused, which shows that the others can be.
func TestHistories(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	require.NoError(t, err)
	bad := 0
	types := map[string]bool{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			replayer := worker.NewWorkflowReplayer()
			workflows.Register(replayer)
			err := replayer.ReplayWorkflowHistoryFromJSONFile(connect.Quiet(), file)
			if strings.HasPrefix(filepath.Base(file), "bad-") {
				bad++
				assert.ErrorContains(t, err, "nondeterministic")
				return
			}
			assert.NoError(t, err)
			types[typeOf(t, file)] = true
		})
	}
	assert.Positive(t, bad, "a history that must fail is missing")
	for _, name := range []string{
		contract.QuickOffboard, contract.Onboard, contract.MoveBetweenSites, contract.UpdateSubscriber, contract.PlanOperation, contract.ListRuns, contract.SyncDirectory, contract.ListUsers, contract.ShowUser, contract.PlaceUsers,
		contract.ListNumbers, contract.ShowNumber, contract.AddNumbers, contract.ApplyCatalog, contract.DiffCatalog, contract.ShowCatalog,
		contract.CheckPermissions, contract.CheckWorker, contract.ListAudit, contract.VerifyAudit, contract.DeliverNotices, contract.SummarizeNumbers, contract.ChangeNumbers, contract.AuditNumbers, contract.ExpireNumbers,
	} {
		assert.True(t, types[name], "no history of %s", name)
	}
}

func typeOf(t *testing.T, file string) string {
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	var h history.History
	require.NoError(t, temporalproto.CustomJSONUnmarshalOptions{}.Unmarshal(raw, &h))
	return h.Events[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowType().GetName()
}

// TestRecordHistories writes the histories; `make histories` runs it.
func TestRecordHistories(t *testing.T) {
	if !*record {
		t.Skip("records only with -record (make histories)")
	}
	require.NoError(t, os.MkdirAll(folder, 0o755))
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(receiver.Close)
	t.Setenv("TENURE_WEBHOOK_URL", receiver.URL)
	t.Setenv("TENURE_WEBHOOK_SECRET", "whsec_"+base64.StdEncoding.EncodeToString(make([]byte, 32)))
	e := workertest.Start(t, graphsim.Options{})
	anna, ben := "anna.archer@contoso.example", "ben.baker@contoso.example"

	save := func(name string, run client.WorkflowRun) {
		if !regexp.MustCompile(*only).MatchString(name) {
			return
		}
		var h history.History
		for it := e.Client.GetWorkflowHistory(context.Background(), run.GetID(), run.GetRunID(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); it.HasNext(); {
			event, err := it.Next()
			require.NoError(t, err)
			h.Events = append(h.Events, event)
		}
		raw, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(&h)
		require.NoError(t, err)
		// Who recorded is nobody's business and would change with every recording.
		raw = identities.ReplaceAll(raw, []byte(`"identity": "recorded"`))
		require.NoError(t, os.WriteFile(filepath.Join(folder, name+".json"), append(raw, '\n'), 0o644))
		if name == "offboard-completed" {
			// As if a release had put another activity in the place of one that runs have already been through.
			other := bytes.ReplaceAll(raw, []byte(`"AwaitVoiceOff"`), []byte(`"DisableVoice"`))
			require.NotEqual(t, raw, other)
			require.NoError(t, os.WriteFile(filepath.Join(folder, "bad-offboard-other-activity.json"), append(other, '\n'), 0o644))
		}
	}
	status := func(run client.WorkflowRun) lifecycle.Status {
		var report lifecycle.Report
		err := run.Get(context.Background(), &report)
		if err == nil {
			return report.Status
		}
		ended, _ := contract.Ended(err)
		require.NotNil(t, ended, "%v", err)
		return ended.Status
	}

	run := e.Offboard(t, anna, "")
	require.Equal(t, lifecycle.Completed, status(run))
	save("offboard-completed", run)

	run = e.Offboard(t, anna, "")
	require.Equal(t, lifecycle.Completed, status(run))
	save("offboard-unchanged", run)

	// A permission that is missing from the start is a warning in the plan.
	all := e.Tenant.Permissions()
	without := []string{}
	for _, p := range all {
		if p != "LicenseAssignment.ReadWrite.All" {
			without = append(without, p)
		}
	}
	e.Tenant.SetPermissions(without...)
	expireTokens(e.Tenant)
	run = e.Offboard(t, ben, "leaver")
	require.Equal(t, lifecycle.Completed, status(run))
	save("offboard-with-warnings", run)
	e.Tenant.SetPermissions(all...)
	expireTokens(e.Tenant)

	chloe, david := "chloe.clark@contoso.example", "david.doyle@contoso.example"
	e.Tenant.AddFault(graphsim.Fault{Method: "POST", Path: "/v1.0/users/*/assignLicense", Status: 429, RetryAfter: 1})
	run = e.Offboard(t, "henry.hall@contoso.example", "leaver")
	require.Equal(t, lifecycle.Completed, status(run))
	save("offboard-throttled", run)

	// The policies come after the number, so that failing there undoes something.
	e.Tenant.AddFault(graphsim.Fault{Method: "POST", Path: "/v1.0/admin/teams/policy/userAssignments/unassign", Times: -1, Status: 400})
	run = e.Offboard(t, chloe, "leaver")
	require.Equal(t, lifecycle.RolledBack, status(run))
	save("offboard-rolled-back", run)
	e.Tenant.ClearFaults()

	fault := e.Tenant.AddFault(graphsim.Fault{Method: "POST", Path: "/v1.0/admin/teams/policy/userAssignments/unassign", Times: -1, Status: 429, RetryAfter: 600})
	run = e.Offboard(t, david, "leaver")
	require.Eventually(t, func() bool {
		for _, r := range e.Tenant.Journal() {
			if r.Fault != nil && *r.Fault == fault.ID {
				return true
			}
		}
		return false
	}, deadline, tick)
	require.NoError(t, e.Client.CancelWorkflow(context.Background(), run.GetID(), run.GetRunID()))
	require.Equal(t, lifecycle.Cancelled, status(run))
	save("offboard-cancelled", run)
	e.Tenant.ClearFaults()

	run = e.Offboard(t, "felix.fischer_partner.example#EXT#@contoso.example", "")
	require.Equal(t, lifecycle.RolledBack, status(run))
	save("offboard-refused", run)

	recordOnboarding(t, e, save, status)
	recordMoving(t, e, save, status)
	recordHolding(t, e, save, status)
	recordUpdating(t, e, save, status)

	for name, input := range map[string]any{
		contract.PlanOperation:    contract.PlanRequest{User: david, Request: lifecycle.Request{Operation: lifecycle.Offboard}},
		contract.ListRuns:         contract.RunFilter{User: anna},
		contract.SyncDirectory:    contract.SyncRequest{},
		contract.ListUsers:        contract.UserFilter{Node: "london"},
		contract.ShowUser:         contract.ShowUserRequest{User: david},
		contract.PlaceUsers:       contract.PlaceRequest{PlanOnly: true},
		contract.ListNumbers:      contract.NumberFilter{Node: "london"},
		contract.ShowNumber:       contract.ShowNumberRequest{Number: "+442079460001"},
		contract.AddNumbers:       contract.AddNumbersRequest{Node: "paris", Type: "directRouting", Numbers: []string{"+33123456789"}},
		contract.SummarizeNumbers: contract.NumberFilter{Node: "london"},
		contract.ChangeNumbers:    contract.NumbersChange{Action: contract.ReserveAction, Numbers: []string{"+442079460018"}, Days: 3},
		contract.AuditNumbers:     contract.NumberAuditRequest{Fix: true},
		contract.ExpireNumbers:    contract.NumberExpiry{},
		contract.ApplyCatalog:     catalogRequest(),
		contract.DiffCatalog:      catalogRequest(),
		contract.ShowCatalog:      contract.ShowCatalogRequest{},
		contract.CheckPermissions: contract.PermissionsRequest{},
		contract.CheckWorker:      contract.WorkerCheckRequest{},
		contract.ListAudit:        contract.AuditFilter{User: anna},
		contract.VerifyAudit:      contract.VerifyAuditRequest{},
		contract.DeliverNotices:   contract.NoticesDelivered{},
	} {
		run, err := e.Client.ExecuteWorkflow(context.Background(), client.StartWorkflowOptions{ID: "tenure/" + name + "/recorded", TaskQueue: contract.TaskQueue}, name, input)
		require.NoError(t, err)
		require.NoError(t, run.Get(context.Background(), nil), name)
		save(kebab(name), run)
	}

	// Everybody is read, and then the numbers are compared with Teams.
	run, err := e.Client.ExecuteWorkflow(context.Background(), client.StartWorkflowOptions{ID: "tenure/sync/recorded", TaskQueue: contract.TaskQueue}, contract.SyncDirectory, contract.SyncRequest{Full: true})
	require.NoError(t, err)
	require.NoError(t, run.Get(context.Background(), nil))
	save("sync-directory-full", run)
}
