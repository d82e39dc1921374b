package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"tenure/activities"
	"tenure/internal/contract"
)

// The workflows of this file are the number inventory's: questions, administrative changes, the audit and the expiry.

// ListNumbers lists the inventory.
func ListNumbers(ctx workflow.Context, in contract.NumberFilter) (contract.Numbers, error) {
	return ask[contract.Numbers](onStore(ctx, question, label{}), act.ListNumbers, in)
}

// ShowNumber reads one number with its history.
func ShowNumber(ctx workflow.Context, in contract.ShowNumberRequest) (contract.NumberView, error) {
	return ask[contract.NumberView](onStore(ctx, question, label{}), act.ShowNumber, in)
}

// SummarizeNumbers counts the inventory by node and state.
func SummarizeNumbers(ctx workflow.Context, in contract.NumberFilter) (contract.NumberSummary, error) {
	return ask[contract.NumberSummary](onStore(ctx, question, label{}), act.SummarizeNumbers, in)
}

// AddNumbers adds numbers to the inventory; Teams is asked who has them. Every node is known to exist before anything is
// added. Each batch is added whole or not at all; asking again adds what is missing.
func AddNumbers(ctx workflow.Context, in contract.AddNumbersRequest) (contract.NumbersAdded, error) {
	batches := []contract.AddNumbersRequest{in}
	for _, b := range in.More {
		batches = append(batches, contract.AddNumbersRequest{Node: b.Node, Type: b.Type, Numbers: b.Numbers, Ranges: b.Ranges, Actor: in.Actor})
	}
	batches[0].More = nil
	tenants := map[string]string{}
	for _, b := range batches {
		if _, known := tenants[b.Node]; known {
			continue
		}
		tenant, err := ask[string](onStore(ctx, question, label{summary: "find the tenant"}), act.TenantOfNode, b.Node)
		if err != nil {
			return contract.NumbersAdded{}, err
		}
		tenants[b.Node] = tenant
	}
	var all contract.NumbersAdded
	for _, b := range batches {
		added, err := ask[contract.NumbersAdded](onGraph(ctx, tenants[b.Node], bulk, label{summary: "add to " + b.Node}), act.AddNumbers, b)
		if err != nil {
			return all, err
		}
		all.Added += added.Added
		all.Existing += added.Existing
		all.InUse += added.InUse
	}
	return all, nil
}

// ChangeNumbers makes one change of numbers, to all that are named or to none.
func ChangeNumbers(ctx workflow.Context, in contract.NumbersChange) (contract.NumbersChanged, error) {
	tenant, err := ask[string](onStore(ctx, question, label{summary: "find the tenant"}), act.TenantOfNumbers, in)
	if err != nil {
		return contract.NumbersChanged{}, err
	}
	summary := fmt.Sprintf("%s %d", in.Action, len(in.Numbers))
	return ask[contract.NumbersChanged](onStore(ctx, storeWrite, label{summary: summary}), act.ChangeNumbers, activities.NumbersChangeIn{Tenant: tenant, NumbersChange: in})
}

// An expiry ends expiryBatch numbers in one transaction and goes on as a new run after expiryBatchesPerRun of them.
const (
	expiryBatch         = 1000
	expiryBatchesPerRun = 200
)

// ExpireNumbers releases and unreserves whatever has come to its end, however long ago, until nothing is left (R86, R87).
// What a batch did stays done, so that a run that is broken off is continued by the next one.
func ExpireNumbers(ctx workflow.Context, in contract.NumberExpiry) (contract.NumberExpiry, error) {
	for range expiryBatchesPerRun {
		batch, err := ask[activities.ExpiredBatch](onStore(ctx, bulk, label{summary: "end what is due"}), act.ExpireNumbers, expiryBatch)
		if err != nil {
			return in, err
		}
		in.Released += batch.Released
		in.Unreserved += batch.Unreserved
		if !batch.More {
			return in, nil
		}
	}
	return in, workflow.NewContinueAsNewError(ctx, ExpireNumbers, in)
}

// NumberAuditProgress is where an audit stands when it goes on as a new run.
type NumberAuditProgress struct {
	contract.NumberAuditRequest
	Result contract.NumberAudit `json:"result"`
	// Pending are the parts still to look at, the first one from Position on.
	Pending  []activities.AuditScope  `json:"pending,omitempty"`
	Position activities.AuditPosition `json:"position"`
	Started  bool                     `json:"started,omitempty"`
}

// AuditNumbers compares the inventory with what Teams has, page by page, and with Fix repairs each page's findings before
// it reads the next (R91, R92).
func AuditNumbers(ctx workflow.Context, in NumberAuditProgress) (contract.NumberAudit, error) {
	if !in.Started {
		scopes, err := ask[[]activities.AuditScope](onStore(ctx, question, label{summary: "find the tenants"}), act.AuditScopes, in.Node)
		if err != nil {
			return in.Result, err
		}
		in.Pending, in.Started, in.Result.Findings = scopes, true, []contract.NumberFinding{}
	}
	for len(in.Pending) > 0 {
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return in.Result, workflow.NewContinueAsNewError(ctx, AuditNumbers, in)
		}
		scope := in.Pending[0]
		page, err := ask[activities.AuditedPage](onGraphAtLength(ctx, scope.Tenant, "compare "+scope.Tenant), act.AuditNumbers, activities.AuditPage{Scope: scope, Position: in.Position})
		if err != nil {
			return in.Result, err
		}
		for _, f := range page.Findings {
			if len(in.Result.Findings) == contract.MaxFindings {
				in.Result.More++
				continue
			}
			in.Result.Findings = append(in.Result.Findings, f)
		}
		if in.Fix && len(page.Repairs) > 0 {
			fixed, err := ask[int](onStore(ctx, bulk, label{summary: "repair " + scope.Tenant}), act.RepairNumbers, activities.NumberRepairs{Tenant: scope.Tenant, Repairs: page.Repairs, Actor: in.Actor})
			if err != nil {
				return in.Result, err
			}
			in.Result.Fixed += fixed
		}
		if page.Next == nil {
			in.Pending, in.Position = in.Pending[1:], activities.AuditPosition{}
			continue
		}
		in.Position = *page.Next
	}
	return in.Result, nil
}

// The limits of an activity that reads a tenant's whole list of numbers: a thousand pages of it, and a word after each.
const (
	wholeList     = 30 * time.Minute
	wholeListWord = 2 * time.Minute
)

// onGraphAtLength is onGraph for reading everything that a tenant has; the activity says after each page that it lives.
func onGraphAtLength(ctx workflow.Context, tenant, summary string) workflow.Context {
	ctx = onGraph(ctx, tenant, bulk, label{summary: summary})
	o := workflow.GetActivityOptions(ctx)
	o.StartToCloseTimeout, o.ScheduleToCloseTimeout, o.HeartbeatTimeout = wholeList, 4*wholeList, wholeListWord
	return workflow.WithActivityOptions(ctx, o)
}
