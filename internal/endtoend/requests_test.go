package endtoend_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestOneRequestIsOneRunAndABusyUserIsLeftAlone(t *testing.T) {
	t.Parallel()
	x := install(t, setup{})
	x.tenant.fault(fault{Method: "POST", Path: unassignNumber, Status: 429, RetryAfter: 12})
	// At the same moment, from two terminals.
	var runs [2]reference
	var both sync.WaitGroup
	for i := range runs {
		both.Go(func() {
			runs[i] = decode[reference](t, x.run("offboard", upn("anna.archer"), "--request-id", "ticket-4711", "--yes", "--detach", "-o", "json"))
		})
	}
	both.Wait()
	if runs[0] != runs[1] || runs[0].RunID == "" {
		t.Fatalf("one request id gave the runs %v", runs)
	}
	x.awaitRetry(runs[0], "UnassignNumbers")

	other := x.run("offboard", upn("anna.archer"), "--request-id", "ticket-4712", "--yes", "-o", "json")
	wantRefusal(t, other, 5, "busy", runs[0].RunID)
	if !strings.Contains(other.stderr, "offboard") || !strings.Contains(other.stderr, runs[0].WorkflowID) {
		t.Errorf("does not say what is running: %s", other.stderr)
	}
	if again := x.begin(upn("anna.archer"), "--request-id", "ticket-4711"); again != runs[0] {
		t.Errorf("the request in progress gave %v, want %v", again, runs[0])
	}

	r := x.follow(runs[0], 0)
	r.want(t, "completed", map[string]string{"verify": "done"})
	if r.RequestID != "ticket-4711" {
		t.Errorf("request %s", r.RequestID)
	}
	x.tenant.clearJournal()
	// Long after its end, too.
	if late := x.offboard(0, upn("anna.archer"), "--request-id", "ticket-4711"); late.RunID != runs[0].RunID || late.Status != "completed" {
		t.Errorf("the finished request gave %s %s", late.RunID, late.Status)
	}
	x.tenant.wantNoWrites()
	listed := decode[struct {
		Runs []struct {
			RunID     string `json:"runId"`
			Status    string `json:"status"`
			RequestID string `json:"requestId"`
		} `json:"runs"`
	}](t, x.ok("list", "-o", "json"))
	if len(listed.Runs) != 1 || listed.Runs[0].RunID != runs[0].RunID || listed.Runs[0].Status != "completed" || listed.Runs[0].RequestID != "ticket-4711" {
		t.Errorf("runs %+v", listed.Runs)
	}
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	x := install(t, setup{})
	before, inventory := x.tenant.state(), x.ok("numbers", "list", "--all", "-o", "json").stdout
	users := x.ok("users", "list", "--all", "-o", "json").stdout
	typo := filepath.Join(t.TempDir(), "typo.yaml")
	text, err := os.ReadFile("../../examples/catalog.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(typo, []byte(replacing(t, "retainAtSite: false", "retainAtSight: false")(string(text))), 0o600); err != nil {
		t.Fatal(err)
	}
	type call struct {
		args []string
		env  string
		exit int
		// says is what stderr must name.
		says string
	}
	calls := map[string]call{
		"unknown user":            {args: []string{"offboard", "nobody@contoso.example", "--yes"}, exit: 3, says: "nobody@contoso.example"},
		"unknown user to plan":    {args: []string{"plan", "offboard", "nobody@contoso.example"}, exit: 3, says: "nobody@contoso.example"},
		"unknown node":            {args: []string{"users", "place", upn("anna.archer"), "--site", "atlantis", "--yes"}, exit: 3, says: "atlantis"},
		"unknown node of numbers": {args: []string{"numbers", "list", "--node", "atlantis"}, exit: 3, says: "atlantis"},
		"malformed number":        {args: []string{"numbers", "add", "+44abc", "--node", "london", "--type", "directRouting", "--yes"}, exit: 3, says: "+44abc"},
		"unknown number":          {args: []string{"numbers", "show", "+4915112345678"}, exit: 3, says: "+4915112345678"},
		"unknown quick add group": {args: []string{"offboard", upn("anna.archer"), "--group", "nonesuch", "--yes"}, exit: 3, says: "nonesuch"},
		"no --yes and nobody to ask": {
			args: []string{"offboard", upn("anna.archer")}, exit: 3, says: "--yes",
		},
		"unknown flag":  {args: []string{"offboard", upn("anna.archer"), "--hard"}, exit: 3, says: "--hard"},
		"unknown run":   {args: []string{"cancel", "01a206bd-8389-7594-a9e3-349087bc4904", "--yes"}, exit: 3, says: "01a206bd-8389-7594-a9e3-349087bc4904"},
		"no server":     {args: []string{"offboard", upn("anna.archer"), "--yes"}, env: "TEMPORAL_ADDRESS=127.0.0.1:1", exit: 4, says: "127.0.0.1:1"},
		"no namespace":  {args: []string{"users", "list"}, env: "TEMPORAL_NAMESPACE=elsewhere", exit: 4, says: "elsewhere"},
		"typo to check": {args: []string{"catalog", "check", typo}, exit: 3, says: `typo.yaml:31:9: hierarchy.children[0].settings.retainAtSight: unknown key`},
		"typo to apply": {args: []string{"catalog", "apply", typo, "--yes"}, exit: 3, says: `typo.yaml:31:9: hierarchy.children[0].settings.retainAtSight: unknown key`},
	}
	t.Run("refused", func(t *testing.T) {
		for name, test := range calls {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				r := command(t, x.environ(test.env), append(test.args, "-o", "json")...)
				wantRefusal(t, r, test.exit, "", test.says)
			})
		}
	})
	x.tenant.wantNoWrites()
	if !equal(before, x.tenant.state()) {
		t.Error("the tenant changed")
	}
	if x.ok("numbers", "list", "--all", "-o", "json").stdout != inventory || x.ok("users", "list", "--all", "-o", "json").stdout != users {
		t.Error("the inventory or the directory changed")
	}
}
