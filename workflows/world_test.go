package workflows_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"tenure/activities"
	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/lifecycle"
	"tenure/workflows"
)

// world stands in for the activities: it remembers which effects are in place, so that a test can compare the end with
// the beginning, and it fails or cancels where a test wants it to.
type world struct {
	mu sync.Mutex
	// inPlace are the effects of steps that were done and not undone, by what they are on, the last one last; disorder are
	// those that were undone before a later one on the same thing.
	inPlace  map[string][]string
	disorder []string
	undone   map[string]bool
	// calls are the activities, and trail those of steps with the step that their change is of.
	calls, trail []string
	closed       []lifecycle.Status
	// statuses are what the run was shown as while it was active.
	statuses []lifecycle.Status
	// held is why it was held, each time.
	held      []string
	decisions []activities.Decision

	operation operation
	plan      lifecycle.Plan
	// fail makes an activity, or an activity on the change of a step ("SetRole join/set-role"), return that error; late makes
	// it take effect first.
	fail map[string]error
	late bool
	// before is called when an activity starts.
	before func(name string)
}

// effect is what an activity changes, and whether it sets or clears it. The first word is the thing that it is on.
type effect struct {
	what string
	set  bool
}

// operation is what the tests of an operation differ in.
type operation struct {
	workflow any
	steps    []lifecycle.StepName
	// effects are the activities that change something; doing are those of the steps. Where steps share an activity, the name
	// of the step follows that of the activity.
	effects map[string]effect
	doing   map[string]lifecycle.StepName
}

var operations = map[string]operation{
	"offboard": {workflows.QuickOffboard, offboardSteps, offboardEffects, offboardDoing},
	"onboard":  {workflows.Onboard, onboardSteps, onboardEffects, onboardDoing},
	"move":     {workflows.MoveBetweenSites, moveSteps, moveEffects, moveDoing},
	"update":   {workflows.UpdateSubscriber, updateSteps, updateEffects, updateDoing},
}

var onboardSteps = []lifecycle.StepName{
	lifecycle.PlaceAtSite, lifecycle.SetUsageLocation, lifecycle.AddGroups, lifecycle.AwaitGroupLicenses, lifecycle.AssignLicenses,
	lifecycle.AwaitTeamsUser, lifecycle.ClaimNumber, lifecycle.AssignNumber, lifecycle.ApplyPolicies, lifecycle.SetRole, lifecycle.Verify,
}

var onboardEffects = map[string]effect{
	"PlaceSubscriber": {"place", true}, "RestorePlacement": {"place", false},
	"SetUsageLocation": {"location", true}, "RestoreUsageLocation": {"location", false},
	"AddToGroups": {"groups", true}, "RemoveFromGroups": {"groups", false},
	"ReplaceDirectLicenses": {"licenses", true}, "RestoreReplacedLicenses": {"licenses", false},
	"ClaimNumbers": {"claim", true}, "DropClaims": {"claim", false},
	"AssignNumbers": {"number", true}, "UnassignNumbers": {"number", false},
	"ApplyPolicies": {"policies", true}, "RestorePolicies": {"policies", false},
	"SetRole": {"role", true}, "RestoreRole": {"role", false},
}

var onboardDoing = map[string]lifecycle.StepName{
	"PlaceSubscriber": lifecycle.PlaceAtSite, "SetUsageLocation": lifecycle.SetUsageLocation, "AddToGroups": lifecycle.AddGroups,
	"AwaitGroupLicensesBack": lifecycle.AwaitGroupLicenses, "ReplaceDirectLicenses": lifecycle.AssignLicenses,
	"AwaitTeamsUser": lifecycle.AwaitTeamsUser, "ClaimNumbers": lifecycle.ClaimNumber, "AssignNumbers": lifecycle.AssignNumber,
	"ApplyPolicies": lifecycle.ApplyPolicies, "SetRole": lifecycle.SetRole, "VerifySubscriber": lifecycle.Verify,
}

var offboardDoing = map[string]lifecycle.StepName{
	"UnassignNumbers": lifecycle.RemoveNumber, "AwaitVoiceOff": lifecycle.DisableEnterpriseVoice, "ApplyPolicies": lifecycle.ApplyPolicies,
	"RemoveFromGroups": lifecycle.RemoveGroups, "AwaitGroupLicensesGone": lifecycle.AwaitGroupLicenses,
	"RemoveDirectLicenses": lifecycle.RemoveLicenses, "ReleaseNumbers": lifecycle.ReleaseNumber,
	"PlaceSubscriber": lifecycle.ReturnToTenantLevel, "SetRole": lifecycle.SetRole, "VerifySubscriber": lifecycle.Verify,
}

var offboardEffects = map[string]effect{
	"UnassignNumbers": {"number", true}, "AssignNumbers": {"number", false},
	"ApplyPolicies": {"policies", true}, "RestorePolicies": {"policies", false},
	"RemoveFromGroups": {"groups", true}, "AddToGroups": {"groups", false},
	"RemoveDirectLicenses": {"licenses", true}, "RestoreDirectLicenses": {"licenses", false},
	"ReleaseNumbers": {"release", true}, "DropReleases": {"release", false},
	"PlaceSubscriber": {"place", true}, "RestorePlacement": {"place", false},
	"SetRole": {"role", true}, "RestoreRole": {"role", false},
}

func newWorld() *world { return worldOf(operations["offboard"]) }

func worldOf(o operation) *world {
	return &world{operation: o, inPlace: map[string][]string{}, undone: map[string]bool{}, fail: map[string]error{}, plan: fullPlan(o.steps)}
}

// fullPlan has something to do in every step.
func fullPlan(steps []lifecycle.StepName) lifecycle.Plan {
	p := lifecycle.Plan{
		Operation:  lifecycle.Offboard,
		Subscriber: lifecycle.SubscriberRef{ID: "u1", UserPrincipalName: "ada@contoso.example"},
		Warnings:   []lifecycle.Warning{{Code: lifecycle.WarnGroupNotWritable, Message: "from the plan"}},
		Before:     lifecycle.State{Numbers: []string{"+442079460001"}},
	}
	for _, name := range steps {
		p.Steps = append(p.Steps, lifecycle.PlannedStep{
			Name: name, Action: lifecycle.Do, Summary: "planned " + string(name),
			Change: lifecycle.Change{Role: &lifecycle.ValueChange{From: "before", To: string(name)}},
		})
		if name == lifecycle.Verify.In(lifecycle.Leave) {
			p.Steps[len(p.Steps)-1].Action = lifecycle.SkipBecause
		}
	}
	return p
}

// does reports whether the plan has something to do in a step.
func (w *world) does(name lifecycle.StepName) bool {
	planned, _ := w.plan.Step(name)
	return planned.Action == lifecycle.Do
}

var offboardSteps = []lifecycle.StepName{
	lifecycle.RemoveNumber, lifecycle.DisableEnterpriseVoice, lifecycle.ApplyPolicies, lifecycle.RemoveGroups,
	lifecycle.AwaitGroupLicenses, lifecycle.RemoveLicenses, lifecycle.ReleaseNumber, lifecycle.ReturnToTenantLevel,
	lifecycle.SetRole, lifecycle.Verify,
}

// enter is the beginning of every activity; step is the one that its change is of, if any.
func (w *world) enter(ctx context.Context, step string) error {
	name := activity.GetInfo(ctx).ActivityType.Name
	if w.before != nil {
		w.before(name)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, name)
	err, e, changes := w.fail[name], effect{}, false
	if step != "" {
		w.trail = append(w.trail, name+" "+step)
		if err == nil {
			err = w.fail[name+" "+step]
		}
		e, changes = w.operation.effect(name, step)
	}
	// On a server an undo begins when its step has ended, cancelled or not; this environment waits for nobody, and a step
	// that comes too late is one that never began.
	if changes && (err == nil || w.late) && !(e.set && w.undone[e.what]) {
		w.take(e)
	}
	return err
}

// effect is what an activity does with the change of a step.
func (o operation) effect(name, step string) (e effect, ok bool) {
	if e, ok = o.effects[name+" "+step]; !ok {
		e, ok = o.effects[name]
	}
	return e, ok
}

func (w *world) take(e effect) {
	thing, _, _ := strings.Cut(e.what, " ")
	there := w.inPlace[thing]
	at := slices.Index(there, e.what)
	switch {
	case e.set && at < 0:
		there = append(there, e.what)
	case !e.set && at >= 0:
		if at < len(there)-1 {
			w.disorder = append(w.disorder, e.what+" undone before "+there[len(there)-1])
		}
		there = slices.Delete(there, at, at+1)
	}
	w.inPlace[thing], w.undone[e.what] = there, !e.set
}

func (w *world) step(ctx context.Context, in activities.StepInput) (activities.StepResult, error) {
	if in.Tenant != "contoso" || in.SubscriberID != "u1" {
		return activities.StepResult{}, fmt.Errorf("wrong subscriber %s/%s", in.Tenant, in.SubscriberID)
	}
	return activities.StepResult{Outcome: lifecycle.Done}, w.enter(ctx, in.Change.Role.To)
}

// left are the effects that are still in place, and those whose undo was out of order.
func (w *world) left() []string {
	left := append([]string{}, w.disorder...)
	for _, there := range w.inPlace {
		left = append(left, there...)
	}
	slices.Sort(left)
	return left
}

func (w *world) register(env *testsuite.TestWorkflowEnvironment) {
	as := func(name string, f any) { env.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name}) }
	as("Prepare", func(ctx context.Context, _ lifecycle.Request) (activities.Prepared, error) {
		err := w.enter(ctx, "")
		return activities.Prepared{Plan: w.plan}, err
	})
	changing := map[string]bool{}
	for name := range w.operation.effects {
		name, _, _ = strings.Cut(name, " ")
		changing[name] = true
	}
	for name := range changing {
		as(name, w.step)
	}
	for _, name := range []string{"AwaitVoiceOff", "AwaitGroupLicensesGone", "AwaitGroupLicensesBack", "AwaitTeamsUser"} {
		as(name, w.step)
	}
	as("VerifySubscriber", func(ctx context.Context, in activities.VerifyInput) (activities.Verified, error) {
		err := w.enter(ctx, "")
		role := fmt.Sprintf("%d steps verified", len(in.Done))
		return activities.Verified{After: lifecycle.State{Role: &role}}, err
	})
	as("VerifyUndone", func(ctx context.Context, in activities.UndoneInput) (activities.Verified, error) {
		err := w.enter(ctx, "")
		role := fmt.Sprintf("%d steps undone", len(in.Undone))
		return activities.Verified{After: lifecycle.State{Role: &role}}, err
	})
	as("SetStatus", func(ctx context.Context, status lifecycle.Status, failure string) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.statuses = append(w.statuses, status)
		if status == lifecycle.Held {
			w.held = append(w.held, failure)
		}
		return nil
	})
	as("RecordDecision", func(ctx context.Context, in activities.Decision) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.decisions = append(w.decisions, in)
		return nil
	})
	as("CloseRun", func(ctx context.Context, in activities.CloseInput) error {
		err := w.enter(ctx, "")
		w.mu.Lock()
		defer w.mu.Unlock()
		w.closed = append(w.closed, in.Report.Status)
		return err
	})
}

// environment is a Temporal test environment in which errors leave activities as they do in the worker.
func environment(w *world) *testsuite.TestWorkflowEnvironment {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&fault.Boundary{}}})
	workflows.Register(env)
	w.register(env)
	return env
}

var request = lifecycle.Request{
	Operation: lifecycle.Offboard, Tenant: "contoso", SubscriberID: "u1", RequestID: "r1", RequestedBy: "admin", OnFailure: lifecycle.OnFailureRollback,
}

// ended reads the report however the run ended.
func ended(t *testing.T, env *testsuite.TestWorkflowEnvironment) (lifecycle.Report, *fault.Error) {
	t.Helper()
	require.True(t, env.IsWorkflowCompleted())
	if err := env.GetWorkflowError(); err != nil {
		report, cause := contract.Ended(err)
		require.NotNil(t, report, "the run ended without a report: %v", err)
		return *report, cause
	}
	var report lifecycle.Report
	require.NoError(t, env.GetWorkflowResult(&report))
	return report, nil
}

func outcomes(r lifecycle.Report) map[lifecycle.StepName]lifecycle.Outcome {
	m := map[lifecycle.StepName]lifecycle.Outcome{}
	for _, s := range r.Steps {
		m[s.Name] = s.Outcome
	}
	return m
}
