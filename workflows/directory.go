package workflows

import (
	"fmt"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"tenure/activities"
	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/lifecycle"
)

// syncPagesPerRun bounds the history of one sync; it goes on as a new run after that many pages.
const syncPagesPerRun = 200

// SyncProgress is where a sync stands when it goes on as a new run.
type SyncProgress struct {
	contract.SyncRequest
	Result contract.SyncResult `json:"result"`
	// Pending are the tenants still to read, the first one in Round from Page on.
	Pending []string `json:"pending,omitempty"`
	Page    string   `json:"page,omitempty"`
	Round   int64    `json:"round,omitempty"`
	Started bool     `json:"started,omitempty"`
	// Held are the rounds that ended with a question.
	Held []activities.SyncEnding `json:"held,omitempty"`
}

// SyncDirectory reads users from Entra into the directory: new ones arrive at the tenant level, known ones keep their place
// and get changed attributes, those who are gone are removed (R110). When they are more than the threshold it waits for a
// decision by contract.ResolveUpdate (R111). What it answers to contract.SyncQuery says how far it is.
func SyncDirectory(ctx workflow.Context, in SyncProgress) (contract.SyncResult, error) {
	s := sync{in, lifecycle.Running}
	if err := workflow.SetQueryHandler(ctx, contract.SyncQuery, func() (contract.SyncStatus, error) {
		return contract.SyncStatus{Status: s.status, SyncResult: s.Result}, nil
	}); err != nil {
		return s.Result, err
	}
	if !s.Started {
		where, err := ask[activities.Located](onStore(ctx, question, label{summary: "find the tenants"}), act.LocateUser, s.User)
		if err != nil {
			return s.Result, err
		}
		s.Pending, s.Started, s.Result.Tenants = where.Tenants, true, []contract.TenantSync{}
	}
	if s.User != "" {
		return s.one(ctx)
	}
	for pages := 0; len(s.Pending) > 0; pages++ {
		if pages == syncPagesPerRun {
			return s.Result, workflow.NewContinueAsNewError(ctx, SyncDirectory, s.SyncProgress)
		}
		if err := s.page(ctx); err != nil {
			return s.Result, err
		}
	}
	return s.Result, s.hold(ctx)
}

// sync is a SyncDirectory under way.
type sync struct {
	SyncProgress
	status lifecycle.Status
}

// page reads one page of the first tenant, and after its last page ends the round.
func (s *sync) page(ctx workflow.Context) error {
	tenant := s.Pending[0]
	page, err := ask[activities.SyncedPage](onGraph(ctx, tenant, bulk, label{summary: "read users of " + tenant}), act.SyncPage,
		activities.SyncPageInput{Tenant: tenant, Page: s.Page, Round: s.Round, Full: s.Full})
	if err != nil {
		return err
	}
	s.add(page.Counts)
	s.Page, s.Round = page.Next, page.Round
	if page.Next != "" {
		return nil
	}
	s.Pending, s.Round = s.Pending[1:], 0
	// What was recorded by a version without rounds ends here.
	if page.Delta == "" {
		return nil
	}
	ending := activities.SyncEnding{Tenant: tenant, Round: page.Round, Delta: page.Delta, Actor: s.Actor}
	ended, err := ask[activities.SyncEnded](onStore(ctx, bulk, label{summary: "remove those of " + tenant + " who are gone"}), act.EndSync, ending)
	if err != nil {
		return err
	}
	s.add(ended.Counts)
	if ended.Counts.Held > 0 {
		s.Held = append(s.Held, ending)
	}
	if ended.FlowThrough {
		if err := s.place(ctx, tenant); err != nil {
			return err
		}
	}
	return s.audit(ctx, tenant, ended.AuditAt)
}

// audit compares the tenant's numbers in Teams with the inventory, where asked for, and repairs nothing (R91). Users are
// synced all the same when it fails.
func (s *sync) audit(ctx workflow.Context, tenant, level string) error {
	if level == "" {
		return nil
	}
	child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:    "tenure/" + contract.AuditNumbers + "/" + workflow.GetInfo(ctx).FirstRunID + "/" + tenant,
		StaticSummary: "compare the numbers of " + tenant + " with Teams",
	})
	var found contract.NumberAudit
	err := workflow.ExecuteChildWorkflow(child, contract.AuditNumbers, NumberAuditProgress{
		NumberAuditRequest: contract.NumberAuditRequest{Node: level, Actor: s.Actor},
	}).Get(ctx, &found)
	if err != nil {
		workflow.GetLogger(ctx).Warn("the numbers could not be compared with Teams", "tenant", tenant, "error", err)
		return ctx.Err()
	}
	findings := found.Found()
	s.of(tenant).Findings = &findings
	return workflow.ExecuteActivity(onStore(ctx, storeWrite, label{summary: "record the findings"}), act.RecordFindings,
		activities.NumberFindings{Tenant: tenant, Findings: findings}).Get(ctx, nil)
}

// place lets newcomers flow through to their sites (R113).
func (s *sync) place(ctx workflow.Context, tenant string) error {
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:    "tenure/" + contract.PlaceUsers + "/" + workflow.GetInfo(ctx).FirstRunID + "/" + tenant,
		StaticSummary: "place newcomers of " + tenant,
	})
	var placed contract.Placements
	err := workflow.ExecuteChildWorkflow(ctx, contract.PlaceUsers, PlacingProgress{
		PlaceRequest: contract.PlaceRequest{Tenant: tenant, Onboard: true, Actor: s.Actor},
	}).Get(ctx, &placed)
	s.add(contract.TenantSync{Tenant: tenant, Placed: placed.Placed, Onboarding: placed.Onboarding})
	return err
}

// one reads one user, from the first tenant that knows it.
func (s *sync) one(ctx workflow.Context) (contract.SyncResult, error) {
	var failed error
	for _, tenant := range s.Pending {
		page, err := ask[activities.SyncedPage](onGraph(ctx, tenant, question, label{}), act.SyncUser, activities.UserInTenant{Tenant: tenant, User: s.User})
		if err == nil {
			return contract.SyncResult{Tenants: []contract.TenantSync{page.Counts}}, nil
		}
		if failed = err; describe(err).Kind != fault.NotFound {
			break
		}
	}
	return s.Result, failed
}

// hold waits until somebody has decided about users who are gone and are too many to be removed without asking. The
// decision is about those counted when the question was asked.
func (s *sync) hold(ctx workflow.Context) error {
	if len(s.Held) == 0 {
		return nil
	}
	decided := workflow.NewBufferedChannel(ctx, 1)
	s.status = lifecycle.Held
	err := workflow.SetUpdateHandlerWithOptions(ctx, contract.ResolveUpdate, func(ctx workflow.Context, decision contract.Resolution) error {
		s.status = lifecycle.Running
		decided.SendAsync(decision)
		return nil
	}, workflow.UpdateHandlerOptions{Validator: func(decision contract.Resolution) error {
		switch {
		case s.status != lifecycle.Held:
			return fmt.Errorf("the sync waits for nobody's decision")
		case decision.Action != contract.ResolveApprove && decision.Action != contract.ResolveRollback:
			return fmt.Errorf("a sync that asks about removals takes approve or rollback, not %q", decision.Action)
		}
		return nil
	}})
	if err != nil {
		return err
	}
	if err := s.show(ctx, "waits for a decision"); err != nil {
		return err
	}
	var decision contract.Resolution
	choice := workflow.NewSelector(ctx)
	choice.AddReceive(decided, func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, &decision) })
	choice.AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {})
	choice.Select(ctx)
	switch decision.Action {
	case contract.ResolveApprove:
		return s.approve(ctx, decision.Actor)
	case contract.ResolveRollback:
		s.status = lifecycle.RolledBack
		return s.show(ctx, "nobody was removed, as "+decision.RequestedBy+" decided")
	}
	return ctx.Err()
}

func (s *sync) approve(ctx workflow.Context, by contract.Actor) error {
	for _, ending := range s.Held {
		ending.Actor = by
		removed, err := ask[activities.SyncEnded](onStore(ctx, bulk, label{summary: "remove those of " + ending.Tenant + " who are gone"}), act.RemoveGone, ending)
		if err != nil {
			return err
		}
		of := s.of(ending.Tenant)
		of.Removed, of.NumbersLeft, of.Busy, of.Held, of.First = removed.Counts.Removed, removed.Counts.NumbersLeft, removed.Counts.Busy, 0, nil
		if err := s.audit(ctx, ending.Tenant, removed.AuditAt); err != nil {
			return err
		}
	}
	s.status = lifecycle.Completed
	return s.show(ctx, "removed, as "+by.RequestedBy+" decided")
}

// show says in the Temporal UI and in search attributes what a sync that has asked is at.
func (s *sync) show(ctx workflow.Context, what string) error {
	details := "**sync: " + what + "**\n"
	for _, ending := range s.Held {
		of := s.of(ending.Tenant)
		details += fmt.Sprintf("\n%s: %d users are gone and still here, %d removed\n", of.Tenant, of.Held, of.Removed)
		for _, who := range of.First {
			details += "\n- " + who.UserPrincipalName
		}
	}
	workflow.SetCurrentDetails(ctx, details)
	return workflow.UpsertTypedSearchAttributes(ctx,
		contract.OperationAttribute.ValueSet(contract.SyncOperation), contract.StateAttribute.ValueSet(string(s.status)))
}

// of are the counts of a tenant.
func (s *sync) of(tenant string) *contract.TenantSync {
	for i := range s.Result.Tenants {
		if s.Result.Tenants[i].Tenant == tenant {
			return &s.Result.Tenants[i]
		}
	}
	s.Result.Tenants = append(s.Result.Tenants, contract.TenantSync{Tenant: tenant})
	return &s.Result.Tenants[len(s.Result.Tenants)-1]
}

func (s *sync) add(more contract.TenantSync) {
	of := s.of(more.Tenant)
	of.Seen += more.Seen
	of.Added += more.Added
	of.Updated += more.Updated
	of.LeftOut += more.LeftOut
	of.Removed += more.Removed
	of.NumbersLeft += more.NumbersLeft
	of.Busy += more.Busy
	of.Held += more.Held
	of.First = append(of.First, more.First...)
	of.Placed += more.Placed
	of.Onboarding += more.Onboarding
}

// placingPartsPerRun bounds the history of one placing, and how many onboardings it has begun.
const placingPartsPerRun = 4

// PlacingProgress is where a placing stands when it goes on as a new run.
type PlacingProgress struct {
	contract.PlaceRequest
	Result contract.Placements `json:"result"`
}

// PlaceUsers places one user by hand, or those at the tenant level by the catalog's rules, part by part, and when asked
// starts the onboarding of those whose rule says so (R113-R117). The onboardings go on by themselves. With PlanOnly
// it answers with one part of the plan.
func PlaceUsers(ctx workflow.Context, in PlacingProgress) (contract.Placements, error) {
	for parts := 0; ; parts++ {
		if parts == placingPartsPerRun {
			return in.Result, workflow.NewContinueAsNewError(ctx, PlaceUsers, in)
		}
		plan, err := ask[activities.PlacementPlan](onStore(ctx, bulk, label{}), act.PlaceUsers, in.PlaceRequest)
		if err != nil || in.PlanOnly {
			return plan.Placements, err
		}
		// What was recorded by a version that placed at once has no moves and was all.
		placed := plan.Placements
		if len(plan.Moves) > 0 {
			move := activities.MoveInput{Moves: plan.Moves, ByHand: in.User != "", Actor: in.Actor}
			if placed, err = ask[contract.Placements](onStore(ctx, bulk, label{summary: fmt.Sprintf("place %d", len(plan.Moves))}), act.MoveUsers, move); err != nil {
				return in.Result, err
			}
		}
		if in.Onboard {
			if err := onboardPlaced(ctx, in.Actor, plan.Moves, &placed); err != nil {
				return in.Result, err
			}
		}
		in.Result = joined(in.Result, placed)
		if plan.Next == nil {
			return in.Result, nil
		}
		in.Cursor = *plan.Next
	}
}

func joined(all, more contract.Placements) contract.Placements {
	room := max(contract.PlacementsShown-len(all.Placements), 0)
	all.Placements = append(all.Placements, more.Placements[:min(room, len(more.Placements))]...)
	all.Placed += more.Placed
	all.Onboarding += more.Onboarding
	all.Busy = append(all.Busy, more.Busy...)
	return all
}

// onboardPlaced starts the onboardings that the rules ask for and does not wait for them. They give way to what people
// wait for, and their request ids follow from this run, so that nobody is onboarded twice by it.
func onboardPlaced(ctx workflow.Context, by contract.Actor, moves []activities.Move, placed *contract.Placements) error {
	tenants := map[string]string{}
	for _, m := range moves {
		tenants[m.User.ID] = m.Tenant
	}
	var started []workflow.ChildWorkflowFuture
	var people []lifecycle.SubscriberRef
	for _, p := range placed.Placements {
		if p.Onboard == nil {
			continue
		}
		request := lifecycle.Request{
			Operation: lifecycle.Onboard, Tenant: tenants[p.User.ID], SubscriberID: p.User.ID, Site: p.To, Profile: *p.Onboard,
			RequestID: workflow.GetInfo(ctx).FirstRunID + "/" + p.User.ID, RequestedBy: by.RequestedBy, Reason: by.Reason, OnFailure: lifecycle.OnFailureRollback,
		}
		child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
			WorkflowID:            contract.SubscriberWorkflowID(request.Tenant, request.SubscriberID),
			ParentClosePolicy:     enums.PARENT_CLOSE_POLICY_ABANDON,
			StaticSummary:         fmt.Sprintf("onboard %s at %s", p.User.UserPrincipalName, p.To),
			TypedSearchAttributes: contract.RunAttributes(request, p.To),
			Priority:              temporal.Priority{PriorityKey: bulkPriority},
		})
		started = append(started, workflow.ExecuteChildWorkflow(child, contract.Onboard, request))
		people = append(people, p.User)
	}
	for i, child := range started {
		err := child.GetChildWorkflowExecution().Get(ctx, nil)
		switch {
		case temporal.IsWorkflowExecutionAlreadyStartedError(err):
			placed.Busy = append(placed.Busy, people[i])
		case err != nil:
			return err
		default:
			placed.Onboarding++
		}
	}
	return nil
}

// bulkPriority is that of runs that nobody waits for; Temporal's default is 3, and 5 the lowest.
const bulkPriority = 4
