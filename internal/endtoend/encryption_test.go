package endtoend_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/proxy"
	"go.temporal.io/api/query/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
)

// keyFile is a file with a new key for each id, and the setting that names it.
type keyFile struct {
	t     testing.TB
	lines map[string]string
}

func newKeys(t testing.TB, ids ...string) keyFile {
	k := keyFile{t, map[string]string{}}
	for _, id := range ids {
		secret := make([]byte, 32)
		_, _ = rand.Read(secret)
		k.lines[id] = id + ":" + base64.StdEncoding.EncodeToString(secret)
	}
	return k
}

// setting is the environment of somebody with those keys, the first one to encrypt with.
func (k keyFile) setting(ids ...string) []string {
	k.t.Helper()
	text := "# keys of a test\n"
	for _, id := range ids {
		text += k.lines[id] + "\n"
	}
	file := filepath.Join(k.t.TempDir(), "keys")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		k.t.Fatal(err)
	}
	return []string{"TENURE_ENCRYPTION_KEYS=" + file}
}

// told is what the server of an installation knows, as messages by what they are.
func (x *installation) told() map[string]proto.Message {
	x.t.Helper()
	told := map[string]proto.Message{}
	service, ctx := x.temporal.WorkflowService(), x.t.Context()
	for page, first := []byte(nil), true; first || len(page) > 0; first = false {
		listed, err := service.ListWorkflowExecutions(ctx, &workflowservice.ListWorkflowExecutionsRequest{Namespace: x.namespace, NextPageToken: page})
		if err != nil {
			x.t.Fatal(err)
		}
		page = listed.GetNextPageToken()
		for _, info := range listed.GetExecutions() {
			run := info.GetExecution()
			name := fmt.Sprintf("%s (%s)", info.GetType().GetName(), run.GetRunId())
			told["row of "+name] = info
			described, err := service.DescribeWorkflowExecution(ctx, &workflowservice.DescribeWorkflowExecutionRequest{Namespace: x.namespace, Execution: run})
			if err != nil {
				x.t.Fatal(err)
			}
			told["description of "+name] = described
			events := x.temporal.GetWorkflowHistory(ctx, run.GetWorkflowId(), run.GetRunId(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
			for events.HasNext() {
				event, err := events.Next()
				if err != nil {
					x.t.Fatal(err)
				}
				told[fmt.Sprintf("event %d of %s: %s", event.GetEventId(), name, event.GetEventType())] = event
			}
			if info.GetType().GetName() != "Onboard" && info.GetType().GetName() != "QuickOffboard" {
				continue
			}
			for _, kind := range []string{"progress", "__temporal_workflow_metadata"} {
				answer, err := service.QueryWorkflow(ctx, &workflowservice.QueryWorkflowRequest{Namespace: x.namespace, Execution: run, Query: &query.WorkflowQuery{QueryType: kind}})
				if err != nil {
					x.t.Fatalf("%s of %s: %v", kind, name, err)
				}
				told[kind+" of "+name] = answer
			}
		}
	}
	return told
}

// TestTemporalIsToldNothingPersonal has the product do what it does, and then reads everything that the server has.
func TestTemporalIsToldNothingPersonal(t *testing.T) {
	t.Parallel()
	keys := newKeys(t, "a")
	for name, env := range map[string][]string{"with a key": keys.setting("a"), "without": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			encrypted := env != nil
			var nora someone
			x := install(t, setup{
				env:    append(env, "TENURE_REQUESTED_BY=olivia.operator"),
				tenant: func(s *tenantState) { nora = join(t, s, 1, "nora.newcomer", licensed) },
			})
			state := x.tenant.state()
			words := map[string]bool{"olivia.operator": true, "left for the circus": true, "stays after all": true, "wrong house": true, "442079460": true}
			for _, u := range state.Users {
				local, _, _ := strings.Cut(u.UserPrincipalName, "@")
				words[local], words[*u.DisplayName] = true, true
			}
			for _, group := range []string{"All Staff", "License E3", "Project Falcon"} {
				words[state.group(t, group).DisplayName] = true
			}

			x.onboard(0, upn(nora.name), "--profile", "london-sales").want(t, "completed", map[string]string{"assign-number": "done"})
			x.offboard(0, upn("anna.archer"), "--group", "leaver", "--reason", "left for the circus").want(t, "completed", map[string]string{"remove-number": "done"})
			x.tenant.fault(fault{Method: "POST", Path: licensePath(state.user(t, "nina.novak").ID), Status: 400, Body: unknownError})
			held := x.offboard(2, upn("nina.novak"), "--on-failure", "hold")
			if r := x.run("resolve", held.RunID, "--rollback", "--yes", "--reason", "stays after all"); r.exit != 1 || !strings.Contains(r.stdout, "wrong house") {
				t.Errorf("want exit 1 and Microsoft's words\n%v", r)
			}
			x.tenant.fault(fault{Method: "POST", Path: licensePath(state.user(t, "emma.evans").ID), Status: 429, RetryAfter: 600, Body: unknownError})
			x.wantWatched(x.begin(upn("emma.evans")), "attempt 2 in", "wrong house")
			for _, args := range [][]string{{"users", "list"}, {"users", "show", upn(nora.name)}, {"numbers", "list"}, {"numbers", "show", "+442079460001"}, {"list"}, {"catalog", "show"}} {
				x.ok(args...)
			}

			found := map[string]string{}
			for what, message := range x.told() {
				raw, err := proto.Marshal(message)
				if err != nil {
					t.Fatal(err)
				}
				for word := range words {
					if bytes.Contains(bytes.ToLower(raw), []byte(strings.ToLower(word))) {
						found[word] = what
						if encrypted {
							t.Errorf("%q is readable in the %s", word, what)
						}
					}
				}
			}
			for word := range words {
				if _, ok := found[word]; !ok && !encrypted {
					t.Errorf("%q is nowhere, so that looking for it proves nothing", word)
				}
			}
		})
	}
}

// wantWatched follows a run until the progress shows a line with all of the parts.
func (x *installation) wantWatched(run reference, parts ...string) {
	x.t.Helper()
	p, err := launch("tenure status --watch", syscall.SIGKILL, x.environ(), programs.tenure, "status", run.RunID, "--watch")
	if err != nil {
		x.t.Fatal(err)
	}
	defer p.kill()
	until(x.t, fmt.Sprintf("the progress shows %q", parts), enough, func() (bool, string) {
		for line := range strings.Lines(p.output.String()) {
			if !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line, part) }) {
				return true, ""
			}
		}
		return false, p.output.tail()
	})
}

func TestKeysAreRotated(t *testing.T) {
	t.Parallel()
	keys := newKeys(t, "a", "b", "c")
	x := install(t, setup{env: keys.setting("a")})
	run := x.offboard(0, upn("anna.archer"))
	x.worker.kill()
	x.env = keys.setting("b", "a")
	x.startWorker()

	if r := decode[report](t, x.ok("status", run.RunID, "-o", "json")); r.Subscriber.UserPrincipalName != upn("anna.archer") || r.Status != "completed" {
		t.Errorf("what the first key encrypted reads %s", shown(r))
	}
	x.wantEncryptedWith("QuickOffboard", "a")
	x.ok("users", "list")
	x.wantEncryptedWith("ListUsers", "b")
	for name, c := range map[string]struct {
		env     []string
		message string
		args    []string
	}{
		"a key was taken away too early":     {keys.setting("b"), `encrypted with key "a", which is not among those`, []string{"status", run.RunID}},
		"the command was forgotten":          {[]string{"TENURE_ENCRYPTION_KEYS="}, `encrypted with key "a" and no key is configured`, []string{"status", run.RunID}},
		"the answer is encrypted":            {keys.setting("a"), `encrypted with key "b", which is not among those`, []string{"users", "list"}},
		"another key of that id":             {newKeys(t, "b").setting("b"), `key "b" of TENURE_ENCRYPTION_KEYS does not fit`, []string{"users", "list"}},
		"the command's key is not there yet": {keys.setting("c", "b"), `encrypted with key "c", which is not among those`, []string{"users", "list"}},
		"no such file":                       {[]string{"TENURE_ENCRYPTION_KEYS=/nowhere"}, "/nowhere", []string{"users", "list"}},
	} {
		t.Run(name, func(t *testing.T) {
			wantRefusal(t, command(t, append(x.environ(), c.env...), append(c.args, "-o", "json")...), 3, "encryption-keys", c.message)
		})
	}
}

// wantEncryptedWith wants every payload in the histories of a workflow type to name that key.
func (x *installation) wantEncryptedWith(workflowType, key string) {
	x.t.Helper()
	payloads := 0
	for what, message := range x.told() {
		event, ok := message.(*history.HistoryEvent)
		if !ok || !strings.Contains(what, " of "+workflowType+" (") {
			continue
		}
		err := proxy.VisitPayloads(x.t.Context(), event, proxy.VisitPayloadsOptions{
			SkipSearchAttributes: true,
			Visitor: func(_ *proxy.VisitPayloadsContext, found []*common.Payload) ([]*common.Payload, error) {
				for _, p := range found {
					payloads++
					if got := string(p.GetMetadata()["encryption-key-id"]); got != key {
						x.t.Errorf("a payload in %s is encrypted with %q, want %q", what, got, key)
					}
				}
				return found, nil
			},
		})
		if err != nil {
			x.t.Fatal(err)
		}
	}
	if payloads == 0 {
		x.t.Errorf("%s has no payloads", workflowType)
	}
}

// A worker that was started without the key must not take what it cannot read for the failure of a step.
func TestWorkerWithoutTheKeyLeavesRunsAlone(t *testing.T) {
	t.Parallel()
	env := newKeys(t, "a").setting("a")
	x := install(t, setup{env: env})
	was := x.standing("anna.archer", "+442079460001")
	anna := was.tenant.user(t, "anna.archer")
	x.tenant.fault(fault{Method: "POST", Path: licensePath(anna.ID), Status: 429, RetryAfter: 600})
	run := x.begin(upn("anna.archer"))
	x.awaitRetry(run, "RemoveDirectLicenses")
	x.worker.kill()
	x.env = nil
	x.startWorker()

	if err := x.temporal.CancelWorkflow(t.Context(), run.WorkflowID, run.RunID); err != nil {
		t.Fatal(err)
	}
	until(t, "the worker has tried and failed", enough, func() (bool, string) {
		events := x.temporal.GetWorkflowHistory(t.Context(), run.WorkflowID, run.RunID, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		last := ""
		for events.HasNext() {
			event, err := events.Next()
			if err != nil {
				return false, err.Error()
			}
			if f := event.GetWorkflowTaskFailedEventAttributes().GetFailure(); strings.Contains(f.GetMessage(), `encrypted with key "a" and no key is configured`) {
				return true, ""
			}
			last = event.String()
		}
		return false, last
	})
	if s := x.workflowStatus(run); s != enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
		t.Errorf("the run is %s", s)
	}
	x.worker.kill()
	x.env = env
	x.startWorker()
	x.follow(run, 1).want(t, "cancelled", map[string]string{"remove-number": "undone"})
	x.wantBack(t, "anna.archer", "+442079460001", was)
}

func (x *installation) workflowStatus(run reference) enums.WorkflowExecutionStatus {
	x.t.Helper()
	described, err := x.temporal.DescribeWorkflowExecution(x.t.Context(), run.WorkflowID, run.RunID)
	if err != nil {
		x.t.Fatal(err)
	}
	return described.GetWorkflowExecutionInfo().GetStatus()
}

// codecServer is the environment of a worker with a codec server.
func codecServer(port int, token string) []string {
	return []string{"TENURE_CODEC_ADDR=127.0.0.1:" + strconv.Itoa(port), "TENURE_CODEC_TOKEN=" + token, "TENURE_TEMPORAL_UI=https://temporal.example"}
}

func TestCodecServerReadsWhatTheWorkerWrote(t *testing.T) {
	t.Parallel()
	port := needPort(t)
	env := newKeys(t, "a").setting("a")
	x := install(t, setup{env: append(env, codecServer(port, "s3cret")...)})
	run := x.offboard(0, upn("anna.archer"))
	events := x.temporal.GetWorkflowHistory(t.Context(), run.WorkflowID, run.RunID, false, enums.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT)
	event, err := events.Next()
	if err != nil {
		t.Fatal(err)
	}
	sealed := event.GetWorkflowExecutionCompletedEventAttributes().GetResult()
	remote := converter.NewRemotePayloadCodec(converter.RemotePayloadCodecOptions{
		Endpoint: "http://127.0.0.1:" + strconv.Itoa(port),
		ModifyRequest: func(r *http.Request) error {
			r.Header.Set("Authorization", "Bearer s3cret")
			r.Header.Set("Origin", "https://temporal.example")
			return nil
		},
	})
	opened, err := remote.Decode(sealed.GetPayloads())
	if err != nil || len(opened) != 1 || !bytes.Contains(opened[0].GetData(), []byte(upn("anna.archer"))) {
		t.Errorf("the report reads %v %v", opened, err)
	}
	// Temporal's own command reads the same way.
	show := exec.CommandContext(t.Context(), programs.temporal, "workflow", "show", "--address", x.server.address, "--namespace", x.namespace, "-w", run.WorkflowID, "--output", "json",
		"--codec-endpoint", "http://127.0.0.1:"+strconv.Itoa(port), "--codec-auth", "Bearer s3cret")
	show.Env = environ(x.dir)
	shown, err := show.CombinedOutput()
	if encrypted := base64.StdEncoding.EncodeToString([]byte("binary/encrypted")); err != nil || strings.Contains(string(shown), encrypted) {
		t.Errorf("temporal workflow show: %v\n%.2000s", err, shown)
	}
	for name, c := range map[string]struct {
		env  []string
		says string
	}{
		"no key":       {[]string{"TENURE_ENCRYPTION_KEYS="}, "TENURE_ENCRYPTION_KEYS"},
		"no UI":        {[]string{"TENURE_TEMPORAL_UI="}, "TENURE_TEMPORAL_UI"},
		"no such keys": {[]string{"TENURE_ENCRYPTION_KEYS=/nowhere"}, "/nowhere"},
	} {
		p, err := launch("the worker", syscall.SIGKILL, x.environ(append([]string{"TENURE_STORE=sqlite:" + filepath.Join(t.TempDir(), "other.db"), "TENURE_TENANT=contoso",
			"TENURE_GRAPH_URL=" + x.tenant.address + "/v1.0", "TENURE_GRAPH_CREDENTIAL=simulated", "TENURE_HTTP_ADDR=127.0.0.1:" + strconv.Itoa(needPort(t))}, c.env...)...), programs.worker)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.kill)
		last := ""
		if code := p.awaitExit(t, enough); code == 1 {
			lines := strings.Split(strings.TrimSpace(p.output.String()), "\n")
			last = lines[len(lines)-1]
		}
		if !strings.HasPrefix(last, "tenure-worker: ") || !strings.Contains(last, c.says) {
			t.Errorf("%s: the worker should end with a line about %s:\n%s", name, c.says, p.output.tail())
		}
	}
}
