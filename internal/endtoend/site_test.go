package endtoend_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"tenure/internal/schematest"
)

// enough is the deadline of everything that only needs its time on a busy machine.
const enough = 3 * time.Minute

// installation is the product as one customer runs it: tenant, store and worker on a namespace of a Temporal server.
type installation struct {
	t         testing.TB
	dir       string
	namespace string
	server    *temporalServer
	temporal  client.Client
	tenant    *tenant
	worker    *process
	http      int
	// env is what the worker and the command have in their environment besides.
	env []string
}

var namespaces atomic.Int32

// setup is what an installation begins with; the zero value is the default tenant and the example catalog.
type setup struct {
	server *temporalServer
	// tenant edits the state before anything reads it.
	tenant func(*tenantState)
	// settings of the simulation; nil makes Microsoft quick.
	settings map[string]any
	// catalog edits the text of the example.
	catalog func(string) string
	// env is the environment of the worker and the command.
	env []string
}

// quick is a Microsoft that completes things almost at once.
var quick = map[string]any{"groupLicensingDelayMs": 50, "numberOperationMs": 50, "teamsProvisioningMs": 50, "throttle": nil}

// install brings an installation up, with the catalog in force and everybody synced and placed.
func install(t testing.TB, s setup) *installation {
	t.Helper()
	x := &installation{t: t, dir: t.TempDir(), server: s.server, env: s.env, namespace: "test-" + strconv.Itoa(int(namespaces.Add(1)))}
	if x.server == nil {
		x.server = shared
	}
	x.temporal = x.server.namespace(t, x.namespace)
	x.tenant = startTenant(t, x.dir)
	if s.tenant != nil {
		x.tenant.change(s.tenant)
	}
	if s.settings == nil {
		s.settings = quick
	}
	x.tenant.settings(s.settings)
	x.http = needPort(t)
	x.startWorker()
	x.ok("catalog", "apply", x.catalogFile(s.catalog), "--yes")
	x.ok("users", "sync", "--yes")
	x.ok("users", "place", "--onboard=false", "--yes")
	x.tenant.clearJournal()
	return x
}

func (x *installation) catalogFile(edit func(string) string) string {
	x.t.Helper()
	raw, err := os.ReadFile("../../examples/catalog.yaml")
	if err != nil {
		x.t.Fatal(err)
	}
	text := string(raw)
	if edit != nil {
		text = edit(text)
	}
	file := filepath.Join(x.t.TempDir(), "catalog.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		x.t.Fatal(err)
	}
	return file
}

// replacing makes an edit of a text in which each old part must occur exactly once.
func replacing(t testing.TB, oldnew ...string) func(string) string {
	return func(text string) string {
		t.Helper()
		for i := 0; i < len(oldnew); i += 2 {
			if n := strings.Count(text, oldnew[i]); n != 1 {
				t.Fatalf("the example has %q %d times", oldnew[i], n)
			}
			text = strings.Replace(text, oldnew[i], oldnew[i+1], 1)
		}
		return text
	}
}

// environ is a clean environment: nothing of the machine that runs the tests reaches the programs.
func environ(dir string, more ...string) []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir, "NO_PROXY=127.0.0.1"}, more...)
}

func (x *installation) environ(more ...string) []string {
	return append(append(environ(x.dir, "TEMPORAL_ADDRESS="+x.server.address, "TEMPORAL_NAMESPACE="+x.namespace), x.env...), more...)
}

// startWorker starts a worker and waits until it is ready. One that is left over is killed at the end.
func (x *installation) startWorker() {
	x.t.Helper()
	p, err := launch("the worker", syscall.SIGKILL, x.environ(
		"TENURE_STORE=sqlite:"+x.storeFile(), "TENURE_TENANT=contoso", "TENURE_GRAPH_URL="+x.tenant.address+"/v1.0",
		"TENURE_GRAPH_CREDENTIAL=simulated", "TENURE_HTTP_ADDR=127.0.0.1:"+strconv.Itoa(x.http),
	), programs.worker)
	if err != nil {
		x.t.Fatal(err)
	}
	x.worker = p
	x.t.Cleanup(func() {
		p.kill()
		if x.t.Failed() && x.worker == p {
			x.t.Logf("the worker's last words:\n%s", p.output.tail())
		}
	})
	x.awaitReady()
}

func (x *installation) storeFile() string { return filepath.Join(x.dir, "tenure.db") }

func (x *installation) awaitReady() {
	x.t.Helper()
	awaitReady(x.t, x.worker, x.http)
}

func awaitReady(t testing.TB, p *process, port int) {
	t.Helper()
	until(t, p.name+" is ready", enough, func() (bool, string) {
		if !p.running() {
			t.Fatalf("%s ended: %v\n%s", p.name, p.err, p.output.tail())
		}
		answer, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/readyz", port))
		if err != nil {
			return false, err.Error()
		}
		defer answer.Body.Close()
		text, _ := io.ReadAll(answer.Body)
		return answer.StatusCode == http.StatusOK, string(text)
	})
}

// result is what a command left.
type result struct {
	args           []string
	exit           int
	stdout, stderr string
}

func (r result) String() string {
	return fmt.Sprintf("tenure %s: exit %d\n%s\n%s", strings.Join(r.args, " "), r.exit, r.stdout, r.stderr)
}

// run runs the tenure command to its end, without a terminal.
func (x *installation) run(args ...string) result {
	x.t.Helper()
	return command(x.t, x.environ(), args...)
}

func command(t testing.TB, env []string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), enough)
	defer cancel()
	cmd := exec.CommandContext(ctx, programs.tenure, args...)
	cmd.Env = env
	// Like every other process it dies with the test, wherefore the thread that starts it must last as long.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	err := cmd.Run()
	t.Logf("%v: tenure %s", time.Since(began).Round(time.Millisecond), strings.Join(args, " "))
	r := result{args, cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	var exited *exec.ExitError
	if err != nil && !errors.As(err, &exited) || ctx.Err() != nil {
		t.Fatalf("%v: %v", r, errors.Join(err, ctx.Err()))
	}
	schematest.Check(t, args, r.stdout)
	return r
}

// ok runs a command that must succeed.
func (x *installation) ok(args ...string) result {
	x.t.Helper()
	r := x.run(args...)
	if r.exit != 0 {
		x.t.Fatalf("%v", r)
	}
	return r
}

// decode reads the one JSON document that a command printed.
func decode[T any](t testing.TB, r result) (out T) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.stdout), &out); err != nil {
		t.Fatalf("%v\n%v", err, r)
	}
	return out
}

// offboard runs an offboarding and returns its report; the exit code must be the given one.
func (x *installation) offboard(exit int, args ...string) report {
	x.t.Helper()
	r := x.run(append([]string{"offboard", "--yes", "-o", "json"}, args...)...)
	if r.exit != exit {
		x.t.Fatalf("exit %d, want %d\n%v", r.exit, exit, r)
	}
	return decode[report](x.t, r)
}

// begin starts an offboarding and does not wait for it.
func (x *installation) begin(args ...string) reference {
	x.t.Helper()
	r := x.ok(append([]string{"offboard", "--yes", "--detach", "-o", "json"}, args...)...)
	return decode[reference](x.t, r)
}

// follow waits for a run to end and returns its report.
func (x *installation) follow(run reference, exit int) report {
	x.t.Helper()
	r := x.run("status", run.RunID, "--watch", "--exit-status", "-o", "json")
	if r.exit != exit {
		x.t.Fatalf("exit %d, want %d\n%v", r.exit, exit, r)
	}
	return decode[report](x.t, r)
}

func (x *installation) number(number string) numberView {
	x.t.Helper()
	return decode[numberView](x.t, x.ok("numbers", "show", number, "-o", "json"))
}

func (x *installation) user(name string) userView {
	x.t.Helper()
	return decode[userView](x.t, x.ok("users", "show", upn(name), "-o", "json"))
}

// pendingActivities are the activities of a run that are tried now or later.
func (x *installation) pendingActivities(run reference) (names []string) {
	x.t.Helper()
	described, err := x.temporal.DescribeWorkflowExecution(x.t.Context(), run.WorkflowID, run.RunID)
	if err != nil {
		x.t.Fatal(err)
	}
	for _, p := range described.GetPendingActivities() {
		names = append(names, p.GetActivityType().GetName())
	}
	return names
}

// historyLength is the number of events of a run.
func (x *installation) historyLength(run reference) int64 {
	x.t.Helper()
	described, err := x.temporal.DescribeWorkflowExecution(x.t.Context(), run.WorkflowID, run.RunID)
	if err != nil {
		x.t.Fatal(err)
	}
	return described.GetWorkflowExecutionInfo().GetHistoryLength()
}

// upn is the principal name of somebody in the default tenant.
func upn(name string) string { return name + "@contoso.example" }
