package command_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/workflow"

	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/lifecycle"
)

// savedPlan is a plan that `tenure plan offboard --out` saved for a new user, and what the run of applying it was asked.
func savedPlan(t *testing.T) (file string, asked *lifecycle.Request) {
	t.Helper()
	asked = new(lifecycle.Request)
	id := offboards(t, func(ctx workflow.Context, in lifecycle.Request) (*lifecycle.Report, error) {
		*asked = in
		r := report(ctx, in, lifecycle.Completed, step(lifecycle.RemoveNumber, lifecycle.Done))
		return &r, nil
	})
	answer := plannedFor(id)
	raw, err := json.Marshal(lifecycle.Request{Operation: lifecycle.Offboard, Tenant: tenant, SubscriberID: id, Group: "Leavers", RequestID: "then", RequestedBy: "planner"})
	if err != nil {
		t.Fatal(err)
	}
	answer.Plan.Request = raw
	answers[contract.PlanRequest](t, contract.PlanOperation, answer)
	file = filepath.Join(t.TempDir(), "plan.json")
	newSeat(t).tenure("plan", "offboard", ada, "--group", "Leavers", "--out", file).exits(t, 2)
	return file, asked
}

func TestApplyAsksForExactlyThePlan(t *testing.T) {
	file, asked := savedPlan(t)
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	r := newSeat(t).tenure("apply", file, "--yes", "--reason", "ticket 7", "-o", "json")
	r.exits(t, 0)
	if asked.Group != "Leavers" || asked.Tenant != tenant || asked.Reason != "ticket 7" || asked.RequestID == "then" || asked.RequestedBy == "planner" {
		t.Errorf("asked for %+v", asked)
	}
	if asked.Expect == nil || asked.Expect.Digest != "d1" || len(asked.Expect.Steps) != 4 {
		t.Errorf("expects %+v", asked.Expect)
	}
}

func TestApplyRefusesWhatIsNoPlanOfItsOwn(t *testing.T) {
	file, _ := savedPlan(t)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ text, code, says string }{
		"altered":         {strings.Replace(string(text), "remove SPE_E5", "remove nothing", 1), "altered-plan", "was altered"},
		"another request": {strings.Replace(string(text), `"Leavers"`, `"Keepers"`, 1), "altered-plan", "was altered"},
		"half":            {string(text[:len(text)/2]), "usage", "is not a saved plan"},
		"more":            {string(text) + "{}", "usage", "is not a saved plan"},
		"another field":   {strings.Replace(string(text), `"checksum"`, `"by": "me", "checksum"`, 1), "usage", "is not a saved plan"},
		"no checksum":     {`{"operation":"offboard"}`, "usage", "is not a saved plan"},
		"empty":           {"", "usage", "is not a saved plan"},
	} {
		t.Run(name, func(t *testing.T) {
			other := filepath.Join(t.TempDir(), "plan.json")
			if err := os.WriteFile(other, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			r := newSeat(t).tenure("apply", other, "--yes", "-o", "json")
			r.exits(t, 3)
			r.says(t, c.says)
			if got := decode[failure](t, r).Error.Code; got != c.code {
				t.Errorf("code %s", got)
			}
		})
	}
	missing := newSeat(t).tenure("apply", filepath.Join(t.TempDir(), "none.json"), "--yes")
	missing.exits(t, 3)
	missing.says(t, "cannot be read")
	newSeat(t).tenure("plan", "offboard", ada, "--out", t.TempDir()).exits(t, 3)
}

// A stale plan says on one line what changed since.
func TestApplyOfAStalePlan(t *testing.T) {
	file, _ := savedPlan(t)
	stale := fault.New(fault.StalePlan, "the plan is stale: the node: acme/contoso/emea/london then, acme/contoso/emea/paris now; remove-licenses was to remove SPE_E5 and would now change nothing")
	stale.Code, stale.Hint = "stale-plan", "make a new plan, look at it, and apply that one"
	failing.Lock()
	failing.err = fault.Leave(stale)
	failing.Unlock()
	on(t, contract.PlanOperation, func(ctx workflow.Context, in contract.PlanRequest) (*contract.PlanAnswer, error) {
		if !in.Change || in.Request.Expect == nil {
			t.Errorf("asked for %+v", in)
		}
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
		return nil, workflow.ExecuteActivity(ctx, fail).Get(ctx, nil)
	})
	for name, s := range map[string]*seat{"apply-stale": newSeat(t), "apply-stale-color": newSeat(t).atTerminal("")} {
		r := s.tenure("apply", file, "--yes", "--detach")
		r.exits(t, 5)
		golden(t, name, r.errout)
	}
}
