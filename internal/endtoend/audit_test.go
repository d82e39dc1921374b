package endtoend_test

import (
	"database/sql"
	"encoding/csv"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
)

// auditEntry is an entry as architecture.md §5.4 has it.
type auditEntry struct {
	Seq        int64       `json:"seq"`
	At         time.Time   `json:"at"`
	By         *string     `json:"by"`
	Operation  string      `json:"operation"`
	Subscriber *subscriber `json:"subscriber"`
	RunID      *string     `json:"runId"`
	Reason     *string     `json:"reason"`
	Outcome    string      `json:"outcome"`
	Hash       string      `json:"hash"`
	Previous   *string     `json:"previous"`
}

func (x *installation) audit(args ...string) []auditEntry {
	x.t.Helper()
	return decode[struct {
		Entries []auditEntry `json:"entries"`
	}](x.t, x.ok(append([]string{"audit", "list", "-o", "json"}, args...)...)).Entries
}

func TestAudit(t *testing.T) {
	t.Parallel()
	x := install(t, setup{env: []string{"TENURE_REQUESTED_BY=olivia.operator"}})
	began := time.Now().UTC().Add(-time.Second)
	run := x.offboard(0, upn("anna.archer"), "--reason", "left for the circus")
	entries := x.audit("--user", upn("anna.archer"), "--operation", "offboard")
	if len(entries) != 1 {
		t.Fatalf("entries: %s", shown(entries))
	}
	if e := entries[0]; text(e.By) != "olivia.operator" || text(e.Reason) != "left for the circus" || text(e.RunID) != run.RunID || e.Outcome != "completed" ||
		e.Subscriber == nil || *e.Subscriber != run.Subscriber || e.At.Before(began) || len(e.Hash) != 64 || len(text(e.Previous)) != 64 {
		t.Errorf("%s", shown(entries[0]))
	}

	// A run that a rule refuses is recorded, although nothing was touched.
	x.ok("users", "show", upn("felix.fischer_partner.example#EXT#"))
	wantRefusal(t, x.run("offboard", upn("felix.fischer_partner.example#EXT#"), "--yes", "-o", "json"), 5, "guest", "guest")
	refused := x.audit("--outcome", "refused", "--by", "olivia.operator", "--since", began.Format(time.RFC3339))
	if len(refused) != 1 || refused[0].Subscriber == nil || refused[0].Subscriber.UserPrincipalName != upn("felix.fischer_partner.example#EXT#") {
		t.Errorf("%s", shown(refused))
	}

	all := x.audit("--all")
	r := x.ok("audit", "export")
	records, err := csv.NewReader(strings.NewReader(r.stdout)).ReadAll()
	if err != nil || len(records) != len(all)+1 || records[1][0] != "1" || records[len(all)][11] != all[0].Hash {
		t.Errorf("%v: %d records for %d entries\n%v", err, len(records), len(all), r)
	}
	file := filepath.Join(x.dir, "audit.json")
	x.ok("audit", "export", "--format", "json", "--file", file)
	if raw, err := os.ReadFile(file); err != nil || !strings.Contains(string(raw), "left for the circus") {
		t.Errorf("%v\n%s", err, raw)
	}

	x.ok("audit", "verify")
	db, err := sql.Open("sqlite", "file:"+x.storeFile()+"?_pragma=busy_timeout(30000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), `UPDATE audit SET reason = 'promoted' WHERE seq = $1`, entries[0].Seq); err != nil {
		t.Fatal(err)
	}
	if r := x.run("audit", "verify"); r.exit != 2 || !strings.Contains(r.stdout, "was altered") {
		t.Errorf("%v", r)
	}
}

// The report of a run stays available when Temporal's retention has passed, which takes the history away.
func TestReportOutlivesTheHistory(t *testing.T) {
	t.Parallel()
	x := install(t, setup{})
	run := x.offboard(0, upn("anna.archer"))
	execution := &common.WorkflowExecution{WorkflowId: run.WorkflowID, RunId: run.RunID}
	if _, err := x.temporal.WorkflowService().DeleteWorkflowExecution(t.Context(), &workflowservice.DeleteWorkflowExecutionRequest{Namespace: x.namespace, WorkflowExecution: execution}); err != nil {
		t.Fatal(err)
	}
	until(t, "Temporal has forgotten the run", enough, func() (bool, string) {
		_, err := x.temporal.DescribeWorkflowExecution(t.Context(), run.WorkflowID, run.RunID)
		var gone *serviceerror.NotFound
		if !errors.As(err, &gone) {
			return false, "it is there"
		}
		listed, err := x.temporal.WorkflowService().ListWorkflowExecutions(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Namespace: x.namespace, Query: "WorkflowType = 'QuickOffboard'"})
		return err == nil && len(listed.GetExecutions()) == 0, shown(listed)
	})
	for _, name := range []string{run.RunID, run.WorkflowID, upn("anna.archer")} {
		r := x.ok("status", name, "--watch", "--exit-status", "-o", "json")
		if got := decode[report](t, r); !equal(got, run) {
			t.Errorf("status %s shows\n%s\nwant\n%s", name, shown(got), shown(run))
		}
	}
}
