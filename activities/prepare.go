package activities

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.temporal.io/sdk/activity"
	"golang.org/x/sync/errgroup"

	"tenure/internal/catalog"
	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/graph"
	"tenure/internal/lifecycle"
	"tenure/internal/store"
)

// Prepared is what a run starts from.
type Prepared struct {
	Plan lifecycle.Plan `json:"plan"`
}

// Prepare opens the operation, brings a user in whom Entra knows and the directory does not, makes the plan and
// holds the user's numbers for the run. Refusals are audited, and leave nothing behind that CloseRun does not end.
func (a *Activities) Prepare(ctx context.Context, req lifecycle.Request) (Prepared, error) {
	prepared, err := a.prepare(ctx, req)
	if err != nil {
		who, lookup := a.subscriberRef(ctx, req)
		if lookup != nil {
			return Prepared{}, lookup
		}
		return Prepared{}, a.auditRefusal(ctx, req, who, err)
	}
	return prepared, nil
}

func (a *Activities) prepare(ctx context.Context, req lifecycle.Request) (Prepared, error) {
	who, err := a.bringIn(ctx, req.Tenant, req.SubscriberID)
	if err != nil {
		return Prepared{}, err
	}
	info := activity.GetInfo(ctx)
	err = a.Store.Begin(ctx, store.Operation{
		RunID: info.WorkflowExecution.RunID, WorkflowID: info.WorkflowExecution.ID,
		Tenant: req.Tenant, Subscriber: lifecycle.SubscriberRef{ID: who.ID, UserPrincipalName: who.UserPrincipalName},
		Request: req, Node: who.Node, StartedAt: a.now(),
	})
	if err != nil {
		return Prepared{}, err
	}
	snapshot, err := a.snapshot(ctx, req.Tenant, who)
	if err != nil {
		return Prepared{}, err
	}
	if err := a.lookUnderHolds(ctx, info.WorkflowExecution.RunID, req.Tenant, snapshot.Inventory); err != nil {
		return Prepared{}, err
	}
	plan, err := a.plan(ctx, req, snapshot, func(c store.Claim) (lifecycle.NumberRow, error) {
		return a.Store.ClaimNumber(ctx, info.WorkflowExecution.RunID, c)
	})
	if err != nil {
		return Prepared{}, err
	}
	if req.Expect != nil {
		if changed := req.Expect.Since(plan); len(changed) > 0 {
			return Prepared{}, stale(changed)
		}
	}
	if _, err := a.Store.HoldNumbers(ctx, info.WorkflowExecution.RunID, req.Tenant, toHold(plan)); err != nil {
		return Prepared{}, err
	}
	return Prepared{Plan: plan}, nil
}

// stale refuses a plan that was approved when things were different.
func stale(changed []string) error {
	f := fault.New(fault.StalePlan, "the plan is stale: %s", strings.Join(changed, "; "))
	f.Code, f.Hint = "stale-plan", "make a new plan, look at it, and apply that one"
	return f
}

// toHold are the numbers that nobody else may have before the run ends: those that it releases, and those that a move
// keeps.
func toHold(plan lifecycle.Plan) (numbers []string) {
	for _, step := range plan.Steps {
		if step.Name.Base() == lifecycle.ReleaseNumber || step.Name == lifecycle.RemoveNumber.In(lifecycle.Leave) {
			for _, n := range step.Change.Numbers {
				numbers = append(numbers, n.Number)
			}
		}
	}
	return numbers
}

// lookUnderHolds shows numbers that the run itself holds as they are underneath, so that another attempt of Prepare, or
// a run that took over from a dead one, makes the same plan with the same digest.
func (a *Activities) lookUnderHolds(ctx context.Context, runID, tenant string, rows []lifecycle.NumberRow) error {
	for i := range rows {
		if rows[i].HeldBy != runID {
			continue
		}
		n, found, err := a.Store.Number(ctx, tenant, rows[i].Number)
		if err != nil {
			return err
		}
		if found {
			rows[i].State, rows[i].HeldBy = n.Beneath, ""
		}
	}
	return nil
}

// PlanFor makes the plan of an operation and changes nothing. A user whom the tenant does not know is NotFound. The refusal
// of a change is audited; that of a plan is only an answer.
func (a *Activities) PlanFor(ctx context.Context, in contract.PlanRequest) (contract.PlanAnswer, error) {
	answer, who, err := a.planFor(ctx, in)
	if err != nil && in.Change {
		return contract.PlanAnswer{}, a.auditRefusal(ctx, in.Request, who, err)
	}
	return answer, err
}

func (a *Activities) planFor(ctx context.Context, in contract.PlanRequest) (answer contract.PlanAnswer, subscriber lifecycle.SubscriberRef, err error) {
	tenant := in.Request.Tenant
	who, known, err := a.Store.Subscriber(ctx, tenant, in.User)
	if err != nil {
		return answer, subscriber, err
	}
	if !known {
		if who, err = a.newcomer(ctx, tenant, in.User); err != nil {
			return answer, subscriber, err
		}
	}
	subscriber = lifecycle.SubscriberRef{ID: who.ID, UserPrincipalName: who.UserPrincipalName}
	node, err := a.nodeOf(ctx, in.Request, who.Node)
	if err != nil {
		return answer, subscriber, err
	}
	if in.Brief {
		return contract.PlanAnswer{Tenant: tenant, Node: node, Plan: lifecycle.Plan{Subscriber: subscriber}}, subscriber, nil
	}
	snapshot, err := a.snapshot(ctx, tenant, who)
	if err != nil {
		return answer, subscriber, err
	}
	in.Request.SubscriberID = who.ID
	plan, err := a.plan(ctx, in.Request, snapshot, nil)
	if err != nil {
		return answer, subscriber, err
	}
	if in.Request.Expect != nil {
		if changed := in.Request.Expect.Since(plan); len(changed) > 0 {
			return answer, subscriber, stale(changed)
		}
	}
	return contract.PlanAnswer{Tenant: tenant, Node: node, Plan: plan}, subscriber, nil
}

// CloseInput ends a run.
type CloseInput struct {
	Report lifecycle.Report `json:"report"`
	// Welcome asks for the user to be welcomed when the run completed (R13).
	Welcome bool `json:"welcome,omitempty"`
}

// CloseRun ends the operation in the store. When the run completed, the numbers it holds are released as recorded;
// otherwise they stay what they were. A run that was refused before it began has nothing to close.
func (a *Activities) CloseRun(ctx context.Context, in CloseInput) error {
	completed := in.Report.Status == lifecycle.Completed
	err := a.Store.Finish(ctx, runID(ctx), store.FinishInput{
		Status: in.Report.Status, Report: in.Report, Commit: completed, Welcome: completed && in.Welcome,
	})
	var refusal *lifecycle.Refusal
	if errors.As(err, &refusal) && refusal.Code == "unknown-run" {
		return nil
	}
	return err
}

// bringIn returns the subscriber, adding it at the tenant level when only Entra knows it (architecture.md §5.4).
func (a *Activities) bringIn(ctx context.Context, tenant, user string) (store.Subscriber, error) {
	who, known, err := a.Store.Subscriber(ctx, tenant, user)
	if err != nil || known {
		return who, err
	}
	client, err := a.client(tenant)
	if err != nil {
		return who, err
	}
	record, err := client.User(ctx, user)
	if err != nil {
		return who, unknownUser(err, user)
	}
	level, role, err := a.tenantLevel(ctx, tenant)
	if err != nil {
		return who, err
	}
	if _, err := a.Store.PutSubscribers(ctx, tenant, level, role, []store.SyncedSubscriber{synced(record)}); err != nil {
		return who, err
	}
	who, known, err = a.Store.Subscriber(ctx, tenant, record.Person.ID)
	if err == nil && !known {
		err = fmt.Errorf("user %s was brought in and is not there", record.Person.ID)
	}
	return who, err
}

// newcomer is what bringIn would make, without making it.
func (a *Activities) newcomer(ctx context.Context, tenant, user string) (store.Subscriber, error) {
	client, err := a.client(tenant)
	if err != nil {
		return store.Subscriber{}, err
	}
	record, err := client.User(ctx, user)
	if err != nil {
		return store.Subscriber{}, unknownUser(err, user)
	}
	level, role, err := a.tenantLevel(ctx, tenant)
	if err != nil {
		return store.Subscriber{}, err
	}
	who := store.Subscriber{Tenant: tenant, Person: record.Person, Placement: lifecycle.Placement{Node: level, Role: role}}
	// In the order in which the store lists them: the digest of this plan is that of the plan after bringing in.
	for _, kind := range slices.Sorted(slices.Values(synced(record).Services)) {
		who.Services = append(who.Services, lifecycle.Service{Kind: kind, Node: level})
	}
	return who, nil
}

// unknownUser says of a 404 what it means here; any other error stays what it is.
func unknownUser(err error, user string) error {
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	f := fault.New(fault.NotFound, "Entra has no user %s", user)
	f.Code, f.Hint = "unknown-user", "check the spelling; a principal name or an object id is wanted"
	return f
}

// synced is a user as the store keeps it.
func synced(record graph.UserRecord) store.SyncedSubscriber {
	s := store.SyncedSubscriber{Person: record.Person, UsageLocation: record.UsageLocation, Services: []lifecycle.ServiceKind{lifecycle.ServiceM365}}
	if record.HasTeams {
		s.Services = append(s.Services, lifecycle.ServiceTeams)
	}
	if record.HasMailbox {
		s.Services = append(s.Services, lifecycle.ServiceMailbox)
	}
	return s
}

// tenantLevel is the path of a tenant's level and the default self-service role there, or an empty role.
func (a *Activities) tenantLevel(ctx context.Context, tenant string) (level, role string, err error) {
	cat, err := a.catalog(ctx)
	if err != nil {
		return "", "", err
	}
	node, err := cat.Tenant(tenant)
	if err != nil {
		return "", "", err
	}
	if r, ok := cat.DefaultRole(node.Level()); ok {
		role = r.Name
	}
	return node.Path(), role, nil
}

// snapshot reads the user from Microsoft, all of it at once, and from the store.
func (a *Activities) snapshot(ctx context.Context, tenant string, who store.Subscriber) (lifecycle.Snapshot, error) {
	client, err := a.client(tenant)
	if err != nil {
		return lifecycle.Snapshot{}, err
	}
	s := lifecycle.Snapshot{Tenant: tenant, Placement: who.Placement}
	var numbers []graph.NumberAssignment
	reads, rctx := errgroup.WithContext(ctx)
	reads.Go(func() error {
		record, err := client.User(rctx, who.ID)
		s.Person, s.UsageLocation, s.Licenses = record.Person, record.UsageLocation, record.Licenses
		return unknownUser(err, who.UserPrincipalName)
	})
	// Of a user who is gone this read may be the first to come back.
	reads.Go(func() (err error) {
		s.Groups, err = client.Memberships(rctx, who.ID)
		return unknownUser(err, who.UserPrincipalName)
	})
	reads.Go(func() (err error) { s.Teams, err = client.TeamsUser(rctx, who.ID); return err })
	reads.Go(func() (err error) { numbers, err = client.NumbersOf(rctx, who.ID); return err })
	reads.Go(func() (err error) { s.Permissions, err = client.Permissions(rctx); return err })
	if err := reads.Wait(); err != nil {
		return s, err
	}
	s.Teams = withNumbers(s.Teams, numbers)
	var held []string
	for _, n := range numbers {
		held = append(held, n.Number)
	}
	s.Inventory, err = a.Store.NumbersOf(ctx, tenant, who.ID, held)
	return s, err
}

// withNumbers completes a Teams record with what only the number assignments know. They are the fresher source: a
// number that Teams' user record does not show yet, or shows still, counts as the assignments say.
func withNumbers(teams *lifecycle.TeamsUser, numbers []graph.NumberAssignment) *lifecycle.TeamsUser {
	if teams == nil {
		if len(numbers) == 0 {
			return nil
		}
		teams = &lifecycle.TeamsUser{}
	}
	teams.Numbers = nil
	for _, n := range numbers {
		teams.Numbers = append(teams.Numbers, lifecycle.TeamsNumber{
			Number: n.Number, Type: n.Type, Category: n.Category, LocationID: n.LocationID, OnPremises: n.OnPremises(),
		})
	}
	return teams
}

// claimNumber takes a number for a run, which holds it from then on.
type claimNumber func(store.Claim) (lifecycle.NumberRow, error)

// plan lets the rules decide. claim is nil when nothing may change.
func (a *Activities) plan(ctx context.Context, req lifecycle.Request, s lifecycle.Snapshot, claim claimNumber) (lifecycle.Plan, error) {
	cat, err := a.catalog(ctx)
	if err != nil {
		return lifecycle.Plan{}, err
	}
	switch req.Operation {
	case lifecycle.Offboard:
		return a.planOffboard(ctx, cat, req, s)
	case lifecycle.Onboard:
		return a.planOnboard(ctx, cat, req, s, claim)
	case lifecycle.Update:
		return a.planUpdate(ctx, cat, req, s, claim)
	case lifecycle.Move:
		return a.planMove(ctx, cat, req, s, claim)
	}
	return lifecycle.Plan{}, &lifecycle.Refusal{Code: "unknown-operation", Message: fmt.Sprintf("there is no operation %q", req.Operation), Invalid: true}
}

func (a *Activities) planOffboard(ctx context.Context, cat *catalog.Catalog, req lifecycle.Request, s lifecycle.Snapshot) (lifecycle.Plan, error) {
	rules, err := cat.OffboardingOf(catalog.UserOf(s), s.Placement.Node, req.Group)
	if err != nil {
		return lifecycle.Plan{}, err
	}
	rules.CurrentRole = currentRole(cat, s)
	if err := a.resolvePolicies(ctx, req.Tenant, rules.Teams); err != nil {
		return lifecycle.Plan{}, err
	}
	return lifecycle.PlanOffboard(req, s, rules, a.now())
}

// policyID is the form of Microsoft's opaque policy ids, as against names that people give.
var policyID = regexp.MustCompile(`^[A-Za-z0-9_-]{20,}={0,2}$`)

// resolvePolicies looks the policies up that a template sets; names and ids both serve. No template is fine.
func (a *Activities) resolvePolicies(ctx context.Context, tenant string, template *lifecycle.PolicyTemplate) error {
	if template == nil {
		return nil
	}
	client, err := a.client(tenant)
	if err != nil {
		return err
	}
	template.Resolved = map[string]lifecycle.PolicyRef{}
	for kind, want := range template.Policies {
		if want == nil {
			continue
		}
		id, err := client.PolicyID(ctx, kind, *want)
		var f *fault.Error
		if errors.As(err, &f) && f.Kind == fault.BusinessRule && policyID.MatchString(*want) {
			id, err = *want, nil
		}
		if err != nil {
			return err
		}
		template.Resolved[kind] = lifecycle.PolicyRef{ID: id, Name: *want}
	}
	return nil
}
