package command_test

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/workflow"

	"tenure/internal/contract"
	"tenure/internal/lifecycle"
)

func entries() []contract.AuditEntry {
	return []contract.AuditEntry{
		{Seq: 2, At: began.Add(time.Hour), By: ptr("olivia"), Operation: "offboard", Subscriber: &lifecycle.SubscriberRef{ID: "u1", UserPrincipalName: ada},
			RunID: ptr("0198-run"), Reason: ptr("=cmd|' /C calc'!A0"), Outcome: "completed", Hash: "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", Previous: ptr("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")},
		{Seq: 1, At: began, Operation: "catalog-apply", Outcome: "done", Hash: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
	}
}

func TestAuditListAsJSON(t *testing.T) {
	last := answers[contract.AuditFilter](t, contract.ListAudit, contract.AuditEntries{Entries: entries(), Next: ptr("more")})
	r := newSeat(t).tenure("audit", "list", "-o", "json", "--user", ada, "--by", "olivia", "--operation", "offboard", "--outcome", "completed", "--run", "0198-run",
		"--since", "2026-03-01", "--until", "2026-03-01T12:00:00+01:00", "--limit", "2")
	r.exits(t, 0)
	since, until := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 3, 1, 11, 0, 0, 0, time.UTC)
	want := contract.AuditFilter{User: ada, By: "olivia", Operation: "offboard", Outcome: "completed", RunID: "0198-run", Since: &since, Until: &until, Page: contract.Page{Limit: 2}}
	if got, _ := json.Marshal(last()); string(got) != string(must(json.Marshal(want))) {
		t.Errorf("asked for %s", got)
	}
	var got, wanted any
	if err := json.Unmarshal([]byte(r.out), &got); err != nil {
		t.Fatal(err)
	}
	// Word for word as architecture.md §5.4 has it.
	_ = json.Unmarshal([]byte(`{"entries":[
		{"seq":2,"at":"2026-03-01T10:00:00Z","by":"olivia","operation":"offboard","subscriber":{"id":"u1","userPrincipalName":"ada@contoso.com"},"runId":"0198-run",
		 "reason":"=cmd|' /C calc'!A0","outcome":"completed","hash":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","previous":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
		{"seq":1,"at":"2026-03-01T09:00:00Z","by":null,"operation":"catalog-apply","subscriber":null,"runId":null,"reason":null,"outcome":"done","hash":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","previous":null}],
		"next":"more"}`), &wanted)
	if a, b := must(json.Marshal(got)), must(json.Marshal(wanted)); string(a) != string(b) {
		t.Errorf("got\n%s\nwant\n%s", a, b)
	}
}

func must(raw []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return raw
}

func TestAuditListAsText(t *testing.T) {
	answers[contract.AuditFilter](t, contract.ListAudit, contract.AuditEntries{Entries: entries()})
	r := newSeat(t).tenure("audit", "list")
	r.exits(t, 0)
	golden(t, "audit-list", r.out)
	r = newSeat(t).atTerminal("").tenure("audit", "list", "--color", "never")
	golden(t, "audit-list-terminal", r.out)
}

func TestAuditExport(t *testing.T) {
	all := entries()
	for i := range all {
		all[i].AuditRest = &contract.AuditRest{Tenant: ptr(tenant), Detail: json.RawMessage(`{"a":"b, c"}`)}
	}
	on(t, contract.ListAudit, func(_ workflow.Context, in contract.AuditFilter) (contract.AuditEntries, error) {
		if !in.Export {
			t.Error("an export wants all that the hashes cover, oldest first")
		}
		if in.Cursor == "" {
			return contract.AuditEntries{Entries: all[1:], Next: ptr("2")}, nil
		}
		return contract.AuditEntries{Entries: all[:1]}, nil
	})
	r := newSeat(t).tenure("audit", "export")
	r.exits(t, 0)
	records, err := csv.NewReader(strings.NewReader(r.out)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"seq", "at", "by", "operation", "tenant", "subscriberId", "userPrincipalName", "runId", "reason", "outcome", "detail", "hash", "previous"},
		{"1", "2026-03-01T09:00:00Z", "", "catalog-apply", tenant, "", "", "", "", "done", `{"a":"b, c"}`, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ""},
		{"2", "2026-03-01T10:00:00Z", "olivia", "offboard", tenant, "u1", ada, "0198-run", "'=cmd|' /C calc'!A0", "completed", `{"a":"b, c"}`, "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
	}
	if len(records) != len(want) {
		t.Fatalf("%d records, want %d:\n%s", len(records), len(want), r.out)
	}
	for i := range want {
		if a, b := strings.Join(records[i], "|"), strings.Join(want[i], "|"); a != b {
			t.Errorf("record %d is\n%s\nwant\n%s", i, a, b)
		}
	}

	file := filepath.Join(t.TempDir(), "audit.json")
	r = newSeat(t).tenure("audit", "export", "--format", "json", "--file", file)
	r.exits(t, 0)
	r.says(t, "2 entries written to "+file)
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var document contract.AuditEntries
	if err := json.Unmarshal(raw, &document); err != nil || len(document.Entries) != 2 || document.Entries[0].Seq != 1 || !strings.Contains(string(document.Entries[1].Detail), `"b, c"`) {
		t.Errorf("%v\n%s", err, raw)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 || r.out != "" {
		t.Errorf("%v %v, stdout %q", info.Mode(), err, r.out)
	}
	r = newSeat(t).tenure("audit", "export", "--file", filepath.Join(file, "below"))
	r.exits(t, 3)
	r.says(t, "the export cannot be written")
}

func TestAuditVerify(t *testing.T) {
	answers[contract.VerifyAuditRequest](t, contract.VerifyAudit, contract.AuditVerification{Checked: 12})
	r := newSeat(t).tenure("audit", "verify")
	r.exits(t, 0)
	if r.out != "12 entries, and the chain is whole\n" {
		t.Errorf("%q", r.out)
	}
	broken := int64(3)
	answers[contract.VerifyAuditRequest](t, contract.VerifyAudit, contract.AuditVerification{Checked: 2, BrokenAt: &broken, Problem: ptr("row 3 was altered")})
	r = newSeat(t).tenure("audit", "verify")
	r.exits(t, 2)
	if r.out != "the chain is broken after 2 entries: row 3 was altered\n" {
		t.Errorf("%q", r.out)
	}
	r = newSeat(t).tenure("audit", "verify", "-o", "json")
	r.exits(t, 2)
	if got := decode[contract.AuditVerification](t, r); got.Checked != 2 || *got.BrokenAt != 3 || *got.Problem != "row 3 was altered" {
		t.Errorf("%+v", got)
	}
}

func TestAuditRefusesBadInput(t *testing.T) {
	for message, args := range map[string][]string{
		"--since \"yesterday\" is neither a date":         {"audit", "list", "--since", "yesterday"},
		"--until \"2026-13-01\" is neither a date":        {"audit", "export", "--until", "2026-13-01"},
		"--since 2026-03-02 is not before":                {"audit", "list", "--since", "2026-03-02", "--until", "2026-03-01"},
		"--limit must be at least 1":                      {"audit", "list", "--limit", "0"},
		"must be one of csv, json":                        {"audit", "export", "--format", "xml"},
		"audit needs a command: export, list, verify":     {"audit"},
		"audit verify does not take the argument \"all\"": {"audit", "verify", "all"},
	} {
		r := newSeat(t).tenure(args...)
		r.exits(t, 3)
		r.says(t, message)
	}
}
