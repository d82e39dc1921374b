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

// syncPagesPerRun bounds the history of one sync; it goes on as a new run after that many pages.
const syncPagesPerRun = 200

// SyncProgress is where a sync stands when it goes on as a new run.
type SyncProgress struct {
	contract.SyncRequest
	Result contract.SyncResult `json:"result"`
	// Pending are the tenants still to read, the first one from Page on.
	Pending []string `json:"pending,omitempty"`
	Page    string   `json:"page,omitempty"`
	Started bool     `json:"started,omitempty"`
}

// SyncDirectory reads users from Entra into the directory: new ones arrive at the tenant level, known ones keep
// their place and get changed attributes (architecture.md §5.6, R110).
func SyncDirectory(ctx workflow.Context, in SyncProgress) (contract.SyncResult, error) {
	if !in.Started {
		where, err := ask[activities.Located](onStore(ctx, question, label{summary: "find the tenants"}), act.LocateUser, in.User)
		if err != nil {
			return in.Result, err
		}
		in.Pending, in.Started, in.Result.Tenants = where.Tenants, true, []contract.TenantSync{}
	}
	if in.User != "" {
		return syncOne(ctx, in)
	}
	for pages := 0; len(in.Pending) > 0; pages++ {
		if pages == syncPagesPerRun {
			return in.Result, workflow.NewContinueAsNewError(ctx, SyncDirectory, in)
		}
		tenant := in.Pending[0]
		page, err := ask[activities.SyncedPage](onGraph(ctx, tenant, bulk, label{summary: "read users of " + tenant}), act.SyncPage, activities.SyncPageInput{Tenant: tenant, Page: in.Page})
		if err != nil {
			return in.Result, err
		}
		in.Result.Tenants = addCounts(in.Result.Tenants, page.Counts)
		if in.Page = page.Next; in.Page == "" {
			in.Pending = in.Pending[1:]
		}
	}
	return in.Result, nil
}

// syncOne reads one user, from the first tenant that knows it.
func syncOne(ctx workflow.Context, in SyncProgress) (contract.SyncResult, error) {
	var failed error
	for _, tenant := range in.Pending {
		page, err := ask[activities.SyncedPage](onGraph(ctx, tenant, question, label{}), act.SyncUser, activities.UserInTenant{Tenant: tenant, User: in.User})
		if err == nil {
			return contract.SyncResult{Tenants: []contract.TenantSync{page.Counts}}, nil
		}
		if failed = err; describe(err).Kind != fault.NotFound {
			break
		}
	}
	return in.Result, failed
}

func addCounts(all []contract.TenantSync, more contract.TenantSync) []contract.TenantSync {
	for i := range all {
		if all[i].Tenant == more.Tenant {
			all[i].Seen += more.Seen
			all[i].Added += more.Added
			all[i].Updated += more.Updated
			return all
		}
	}
	return append(all, more)
}

// PlaceUsers places one user by hand, or those at the tenant level by the catalog's rules.
func PlaceUsers(ctx workflow.Context, in contract.PlaceRequest) (contract.Placements, error) {
	return ask[contract.Placements](onStore(ctx, bulk, label{}), act.PlaceUsers, in)
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
