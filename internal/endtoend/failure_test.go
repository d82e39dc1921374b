package endtoend_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"
)

// unknownError is an answer that no rule knows.
const unknownError = `{"error":{"code":"Request_BadRequest","message":"The moon is in the wrong house."}}`

// everything makes anna.archer somebody for whom every step of the group leaver has something to do.
func everything(t testing.TB) func(*tenantState) {
	return func(s *tenantState) {
		e3 := s.group(t, "License E3")
		e3.Members = append(e3.Members, s.user(t, "anna.archer").ID)
	}
}

// standing is what a run must give back when it ends undone.
type standing struct {
	tenant tenantState
	user   userView
	number numberView
}

func (x *installation) standing(name, number string) standing {
	x.t.Helper()
	s := standing{x.tenant.state(), x.user(name), x.number(number)}
	// Microsoft promises no order of licenses, and those given back come last.
	for _, u := range s.tenant.Users {
		slices.SortFunc(u.DirectLicenses, func(a, b directLicense) int { return strings.Compare(a.SKU, b.SKU) })
	}
	s.user.Licenses = sortedLicenses(s.user.Licenses)
	return s
}

// wantBack compares with what was; the number's history goes on.
func (x *installation) wantBack(t *testing.T, name, number string, was standing) {
	t.Helper()
	is := x.standing(name, number)
	if !equal(was.tenant, is.tenant) {
		for i, u := range is.tenant.Users {
			if !equal(u, was.tenant.Users[i]) {
				t.Errorf("Microsoft had %s and has %s", shown(was.tenant.Users[i]), shown(u))
			}
		}
		for i, g := range is.tenant.Groups {
			if !equal(g, was.tenant.Groups[i]) {
				t.Errorf("Microsoft had %s and has %s", shown(was.tenant.Groups[i]), shown(g))
			}
		}
		for i, n := range is.tenant.Numbers {
			if !equal(n, was.tenant.Numbers[i]) {
				t.Errorf("Microsoft had %s and has %s", shown(was.tenant.Numbers[i]), shown(n))
			}
		}
		t.Error("the tenant is not as it was")
	}
	if !equal(was.user, is.user) {
		t.Errorf("the user was %s and is %s", shown(was.user), shown(is.user))
	}
	was.number.History, is.number.History = nil, nil
	if !equal(was.number, is.number) {
		t.Errorf("the number was %s and is %s", shown(was.number), shown(is.number))
	}
}

func TestPermanentFailureIsUndone(t *testing.T) {
	t.Parallel()
	x := install(t, setup{tenant: everything(t)})
	was := x.standing("anna.archer", "+442079460001")
	anna := was.tenant.user(t, "anna.archer")
	x.tenant.fault(fault{Method: "POST", Path: licensePath(anna.ID), Status: 400, Times: -1, Body: unknownError})
	x.tenant.clearJournal()

	r := x.run("offboard", upn("anna.archer"), "--group", "leaver", "--on-failure", "rollback", "--yes", "-o", "json")
	if r.exit != 1 || !strings.Contains(r.stderr, "The moon is in the wrong house") {
		t.Errorf("want exit 1 and Microsoft's words on stderr\n%v", r)
	}
	rep := decode[report](t, r)
	rep.want(t, "rolled_back", map[string]string{
		"remove-number": "undone", "disable-enterprise-voice": "undone", "apply-policies": "undone", "remove-groups": "undone",
		"await-group-licenses": "undone", "remove-licenses": "failed", "release-number": "pending", "return-to-tenant-level": "pending", "verify": "pending",
	})
	if len(concerning(x.tenant.writes(), licensePath(anna.ID))) != 1 {
		t.Error("a permanent error was tried again")
	}
	x.wantBack(t, "anna.archer", "+442079460001", was)
	if got := decode[report](t, x.run("status", upn("anna.archer"), "-o", "json")); got.Status != "rolled_back" || got.RunID != rep.RunID {
		t.Errorf("status shows %s %s", got.Status, got.RunID)
	}
	if r := x.run("status", rep.RunID, "--exit-status"); r.exit != 1 {
		t.Errorf("%v", r)
	}

	t.Run("and can be done again", func(t *testing.T) {
		x.tenant.clearFaults()
		x.offboard(0, upn("anna.archer"), "--group", "leaver").want(t, "completed", map[string]string{"remove-licenses": "done", "verify": "done"})
		if n := x.number("+442079460001"); n.State != "cooling" {
			t.Errorf("number %s", shown(n))
		}
	})
}

// Everything was done and only the reading back fails: licenses, release, place and role go back too.
func TestFailureOfTheVerificationIsUndone(t *testing.T) {
	t.Parallel()
	x := install(t, setup{})
	x.ok("users", "place", upn("anna.archer"), "--site", "london", "--role", "site-admin", "--yes")
	was := x.standing("anna.archer", "+442079460001")
	anna := was.tenant.user(t, "anna.archer")
	// While the licenses go, the next reading of the user is that of the verification.
	held := x.tenant.fault(fault{Method: "POST", Path: licensePath(anna.ID), LatencyMs: 3000})
	run := x.begin(upn("anna.archer"), "--on-failure", "rollback")
	x.tenant.awaitFaults(enough, held)
	x.tenant.fault(fault{Method: "GET", Path: userPath(anna.ID), Status: 400, Body: unknownError})

	x.follow(run, 1).want(t, "rolled_back", map[string]string{
		"remove-number": "undone", "disable-enterprise-voice": "undone", "remove-licenses": "undone", "release-number": "undone",
		"return-to-tenant-level": "undone", "set-role": "undone", "verify": "failed",
	})
	x.wantBack(t, "anna.archer", "+442079460001", was)
	if x.user("anna.archer").Operation != nil {
		t.Error("the user is still busy")
	}
}

func TestIncompleteUndoSaysSo(t *testing.T) {
	t.Parallel()
	x := install(t, setup{})
	state := x.tenant.state()
	anna := state.user(t, "anna.archer")
	x.tenant.fault(fault{Method: "POST", Path: licensePath(anna.ID), Status: 400, Times: -1, Body: unknownError})
	x.tenant.fault(fault{Method: "POST", Path: assignNumber, Status: 400, Times: -1, Body: unknownError})
	r := x.offboard(6, upn("anna.archer"), "--group", "leaver", "--on-failure", "rollback")
	r.want(t, "failed", map[string]string{"remove-number": "done", "apply-policies": "undone", "remove-licenses": "failed"})
	r.wantWarnings(t, "undo-incomplete")
	now := x.tenant.state()
	if got := now.user(t, "anna.archer"); !equal(got.Policies, anna.Policies) {
		t.Errorf("the policies were %v and are %v: what can be undone was not", anna.Policies, got.Policies)
	}
}

func TestCancelledRunIsUndone(t *testing.T) {
	t.Parallel()
	x := install(t, setup{tenant: everything(t)})
	was := x.standing("anna.archer", "+442079460001")
	anna := was.tenant.user(t, "anna.archer")
	x.tenant.fault(fault{Method: "POST", Path: licensePath(anna.ID), Status: 429, RetryAfter: 600})
	run := x.begin(upn("anna.archer"), "--group", "leaver")
	x.awaitRetry(run, "RemoveDirectLicenses")
	if n := x.number("+442079460001"); n.State != "held" {
		t.Errorf("while the run goes on the number is %s", n.State)
	}

	r := x.run("cancel", upn("anna.archer"), "--yes", "-o", "json")
	if r.exit != 0 {
		t.Errorf("%v", r)
	}
	decode[report](t, r).want(t, "cancelled", map[string]string{
		"remove-number": "undone", "disable-enterprise-voice": "undone", "apply-policies": "undone", "remove-groups": "undone", "await-group-licenses": "undone",
	})
	x.wantBack(t, "anna.archer", "+442079460001", was)
	described, err := x.temporal.DescribeWorkflowExecution(t.Context(), run.WorkflowID, run.RunID)
	if err != nil || described.GetWorkflowExecutionInfo().GetStatus() != enums.WORKFLOW_EXECUTION_STATUS_CANCELED {
		t.Errorf("Temporal shows %v %v", described.GetWorkflowExecutionInfo().GetStatus(), err)
	}
	wantRefusal(t, x.run("cancel", run.RunID, "--yes", "-o", "json"), 5, "finished", "cancelled")
}

// awaitRetry waits until an activity of the run waits for its next attempt, and returns how long Temporal waits.
func (x *installation) awaitRetry(run reference, activity string) (interval time.Duration) {
	x.t.Helper()
	until(x.t, activity+" waits for another attempt", enough, func() (bool, string) {
		described, err := x.temporal.DescribeWorkflowExecution(x.t.Context(), run.WorkflowID, run.RunID)
		if err != nil {
			return false, err.Error()
		}
		state := described.GetWorkflowExecutionInfo().GetStatus().String()
		if described.GetWorkflowExecutionInfo().GetCloseTime() != nil {
			x.t.Fatalf("the run ended (%s) and %s was never tried again", state, activity)
		}
		for _, p := range described.GetPendingActivities() {
			state += " " + p.GetActivityType().GetName() + " " + p.GetLastFailure().GetMessage()
			if p.GetActivityType().GetName() == activity && p.GetAttempt() > 1 && p.GetNextAttemptScheduleTime() != nil {
				interval = p.GetCurrentRetryInterval().AsDuration()
				return true, ""
			}
		}
		return false, state
	})
	return interval
}

func TestThrottlingIsWaitedForByTemporal(t *testing.T) {
	t.Parallel()
	x := install(t, setup{})
	x.tenant.fault(fault{Method: "POST", Path: unassignNumber, Status: 429, RetryAfter: 7})
	run := x.begin(upn("anna.archer"))
	if wait := x.awaitRetry(run, "UnassignNumbers"); wait < 7*time.Second {
		t.Errorf("Temporal waits %v, Microsoft asked for 7 s", wait)
	}
	described, err := x.temporal.DescribeWorkflowExecution(t.Context(), run.WorkflowID, run.RunID)
	if err != nil {
		t.Fatal(err)
	}
	if p := described.GetPendingActivities(); len(p) != 1 || p[0].GetState() != enums.PENDING_ACTIVITY_STATE_SCHEDULED || p[0].GetLastFailure().GetApplicationFailureInfo().GetType() != "Throttled" {
		t.Errorf("pending: %v", p)
	}
	// The command shows it to whoever looks.
	if r := x.run("status", run.RunID, "-o", "json"); r.exit != 0 || decode[report](t, r).Status != "running" {
		t.Errorf("%v", r)
	}
	x.follow(run, 0).want(t, "completed", map[string]string{"remove-number": "done", "verify": "done"})
	var answers []int
	for _, q := range concerning(x.tenant.writes(), unassignNumber) {
		answers = append(answers, q.Status)
	}
	if !slices.Equal(answers, []int{429, 202}) {
		t.Errorf("unassignNumber was answered %v", answers)
	}
}

// Microsoft accepts a change and its answer gets lost: nothing is asked for twice, except what cannot be known.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	x := install(t, setup{tenant: everything(t)})
	state := x.tenant.state()
	anna, e3 := state.user(t, "anna.archer"), state.group(t, "License E3")
	for _, path := range []string{unassignNumber, unassignPolicies, memberPath(e3.ID, anna.ID), licensePath(anna.ID)} {
		x.tenant.fault(fault{Path: path, AfterCommit: true})
	}
	x.offboard(0, upn("anna.archer"), "--group", "leaver").want(t, "completed", map[string]string{
		"remove-number": "done", "apply-policies": "done", "remove-groups": "done", "await-group-licenses": "done", "remove-licenses": "done",
	})
	wantEachCommittedOnce(t, x.tenant.writes(), 4)
	if n := x.number("+442079460001"); n.State != "cooling" {
		t.Errorf("number %s", shown(n))
	}
}

// wantEachCommittedOnce asserts that of all the writes there are want different ones, and that Microsoft accepted each
// exactly once.
func wantEachCommittedOnce(t *testing.T, writes []request, want int) {
	t.Helper()
	committed := map[string]int{}
	for _, w := range writes {
		committed[w.String()] += 0
		if w.Committed {
			committed[w.String()]++
		}
	}
	for w, n := range committed {
		if n != 1 {
			t.Errorf("accepted %d times: %s", n, w)
		}
	}
	if len(committed) != want {
		t.Errorf("%d different writes, want %d: %v", len(committed), want, writes)
	}
}
