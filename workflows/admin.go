package workflows

import (
	"go.temporal.io/sdk/workflow"

	"tenure/activities"
	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/lifecycle"
)

// The workflows of this file are short: one question or one administrative change each, so that the Temporal UI has a
// record of everything that was asked for.

// PlanOperation makes the plan of an operation, or when brief only finds the user, and changes nothing.
func PlanOperation(ctx workflow.Context, in contract.PlanRequest) (contract.PlanAnswer, error) {
	where, err := ask[activities.Located](onStore(ctx, question, label{summary: "find the user"}), act.Locate, in)
	if err != nil || where.Existing != nil || where.Busy != nil || (in.Brief && where.Subscriber.ID != "") {
		return contract.PlanAnswer{
			Tenant: where.Tenant(), Node: where.Node, Plan: lifecycle.Plan{Subscriber: where.Subscriber},
			Existing: where.Existing, Busy: where.Busy,
		}, err
	}
	// A user whom the directory does not know may be in any tenant.
	answer := contract.PlanAnswer{}
	for _, tenant := range where.Tenants {
		in.Request.Tenant = tenant
		answer, err = ask[contract.PlanAnswer](onGraph(ctx, tenant, question, label{summary: "read the user and plan"}), act.PlanFor, in)
		if err == nil || describe(err).Kind != fault.NotFound {
			break
		}
	}
	return answer, err
}

// ListRuns lists operations, newest first.
func ListRuns(ctx workflow.Context, in contract.RunFilter) (contract.Runs, error) {
	return ask[contract.Runs](onStore(ctx, question, label{}), act.ListRuns, in)
}

// ListUsers lists users of the directory.
func ListUsers(ctx workflow.Context, in contract.UserFilter) (contract.Users, error) {
	return ask[contract.Users](onStore(ctx, question, label{}), act.ListUsers, in)
}

// ShowUser reads one user from Microsoft and the store.
func ShowUser(ctx workflow.Context, in contract.ShowUserRequest) (contract.UserView, error) {
	where, err := ask[activities.Located](onStore(ctx, question, label{summary: "find the user"}), act.LocateUser, in.User)
	view := contract.UserView{}
	for _, tenant := range where.Tenants {
		view, err = ask[contract.UserView](onGraph(ctx, tenant, question, label{}), act.ShowUser, activities.UserInTenant{Tenant: tenant, User: in.User})
		if err == nil || describe(err).Kind != fault.NotFound {
			break
		}
	}
	return view, err
}

// ApplyCatalog puts a catalog in force and loads its numbers.
func ApplyCatalog(ctx workflow.Context, in contract.CatalogRequest) (contract.CatalogApplied, error) {
	applied, err := ask[activities.AppliedCatalog](onStore(ctx, question, label{summary: "check and put in force"}), act.ApplyCatalog, in)
	if err != nil {
		return contract.CatalogApplied{}, err
	}
	for _, load := range applied.Loads {
		load.Actor = in.Actor
		added, err := AddNumbers(ctx, load)
		if err != nil {
			return applied.CatalogApplied, err
		}
		applied.Numbers.Added += added.Added
		applied.Numbers.Existing += added.Existing
		applied.Numbers.InUse += added.InUse
	}
	return applied.CatalogApplied, nil
}

// DiffCatalog says what applying a catalog would change.
func DiffCatalog(ctx workflow.Context, in contract.CatalogRequest) (contract.CatalogDiff, error) {
	return ask[contract.CatalogDiff](onStore(ctx, question, label{}), act.DiffCatalog, in)
}

// ShowCatalog answers with a part of the catalog in force, as it takes effect.
func ShowCatalog(ctx workflow.Context, in contract.ShowCatalogRequest) (any, error) {
	return ask[any](onStore(ctx, question, label{}), act.ShowCatalog, in)
}

// ask runs one activity and returns its answer.
func ask[Out any](ctx workflow.Context, activity, in any) (out Out, err error) {
	err = workflow.ExecuteActivity(ctx, activity, in).Get(ctx, &out)
	return out, err
}
