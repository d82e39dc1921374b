package activities

import (
	"context"
	"encoding/json"
	"fmt"

	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/lifecycle"
	"tenure/internal/store"
)

// Located says in which tenants to look for a user, and what stands in the way of a new run.
type Located struct {
	// Tenants are the one that the directory knows the user in, or all of them.
	Tenants []string `json:"tenants"`
	// Subscriber and Node are empty when the directory does not know the user.
	Subscriber lifecycle.SubscriberRef `json:"subscriber"`
	Node       string                  `json:"node"`
	Existing   *contract.RunRef        `json:"existing,omitempty"`
	Busy       *contract.RunRef        `json:"busy,omitempty"`
}

// Tenant is the tenant when it is known to be that one, else empty.
func (l Located) Tenant() string {
	if len(l.Tenants) == 1 {
		return l.Tenants[0]
	}
	return ""
}

// UserInTenant names a user, by principal name or object id, in one tenant.
type UserInTenant struct {
	Tenant string `json:"tenant"`
	User   string `json:"user"`
}

// Locate finds the tenant of a user for whom a run is wanted, the run that the request id belongs to already, and the
// run that keeps the user busy. For a change that is refused because of that run, this is where it is audited.
func (a *Activities) Locate(ctx context.Context, in contract.PlanRequest) (Located, error) {
	if id := in.Request.RequestID; id != "" {
		rows, _, err := a.Store.FindOperations(ctx, store.OperationFilter{RequestID: id, Limit: 1})
		if err != nil || len(rows) > 0 {
			return Located{Existing: firstRun(rows)}, err
		}
	}
	where, who, err := a.locate(ctx, in.User)
	if err != nil || who == nil {
		return where, err
	}
	if where.Node, err = a.nodeOf(ctx, in.Request, who.Node); err != nil {
		return where, err
	}
	rows, _, err := a.Store.FindOperations(ctx, store.OperationFilter{
		Tenant: who.Tenant, SubscriberID: who.ID, Statuses: lifecycle.Active(), Limit: 1,
	})
	if err != nil || len(rows) == 0 || rows[0].RunID == in.DeadRun {
		return where, err
	}
	where.Busy = firstRun(rows)
	if in.LiveRun != "" {
		in.Request.Tenant = who.Tenant
		err = a.recordRefusal(ctx, in.Request, where.Subscriber, "busy", where.Subscriber.UserPrincipalName+" is busy with run "+in.LiveRun)
	}
	return where, err
}

// LocateUser finds the tenant of a user; for an empty user it is all tenants.
func (a *Activities) LocateUser(ctx context.Context, user string) (Located, error) {
	where, _, err := a.locate(ctx, user)
	return where, err
}

func (a *Activities) locate(ctx context.Context, user string) (Located, *store.Subscriber, error) {
	cat, err := a.catalog(ctx)
	if err != nil {
		return Located{}, nil, err
	}
	if user != "" {
		who, known, err := a.Store.Subscriber(ctx, "", user)
		if err != nil {
			return Located{}, nil, err
		}
		if known {
			return Located{
				Tenants: []string{who.Tenant}, Node: who.Node,
				Subscriber: lifecycle.SubscriberRef{ID: who.ID, UserPrincipalName: who.UserPrincipalName},
			}, &who, nil
		}
	}
	where := Located{Tenants: []string{}}
	for _, t := range cat.Tenants() {
		where.Tenants = append(where.Tenants, t.TenantName())
	}
	if len(where.Tenants) == 0 {
		return where, nil, fault.New(fault.InvalidRequest, "the catalog attaches no Microsoft tenant to any node")
	}
	return where, nil, nil
}

// nodeOf is the node that an operation is about: the site to join, else where the user is.
func (a *Activities) nodeOf(ctx context.Context, req lifecycle.Request, current string) (string, error) {
	if req.Operation != lifecycle.Onboard && req.Operation != lifecycle.Move {
		return current, nil
	}
	if req.Site == "" {
		return "", &lifecycle.Refusal{Code: "unknown-node", Invalid: true, Message: "the request names no site", Hint: "name the site to " + string(req.Operation) + " to"}
	}
	site, err := a.node(ctx, req.Site)
	if err != nil {
		return "", err
	}
	return site.Path(), nil
}

func firstRun(rows []store.OperationRow) *contract.RunRef {
	if len(rows) == 0 {
		return nil
	}
	started := rows[0].StartedAt
	return &contract.RunRef{WorkflowID: rows[0].WorkflowID, RunID: rows[0].RunID, Operation: rows[0].Request.Operation, StartedAt: &started}
}

// SetStatus shows in lists that the run is running, staged or held, and with held why.
func (a *Activities) SetStatus(ctx context.Context, status lifecycle.Status, failure string) error {
	return a.Store.SetStatus(ctx, runID(ctx), status, failure)
}

// Decision is what an operator decided about a run that waited.
type Decision struct {
	Tenant     string                  `json:"tenant"`
	Subscriber lifecycle.SubscriberRef `json:"subscriber"`
	Step       lifecycle.StepName      `json:"step,omitempty"`
	contract.Resolution
}

// RecordDecision writes an operator's decision into the audit.
func (a *Activities) RecordDecision(ctx context.Context, in Decision) error {
	actor := store.Actor{By: in.RequestedBy, Reason: in.Reason, RunID: runID(ctx)}
	return a.Store.Audit(ctx, actor, store.AuditEntry{
		Operation: "resolve", Tenant: in.Tenant, Subscriber: in.Subscriber, Outcome: in.Action, Detail: map[string]any{"step": in.Step},
	})
}

// ListRuns lists operations, those that started last first.
func (a *Activities) ListRuns(ctx context.Context, in contract.RunFilter) (contract.Runs, error) {
	filter := store.OperationFilter{WorkflowID: in.WorkflowID, RunID: in.RunID, Statuses: in.Statuses, Limit: in.Limit, Cursor: in.Cursor}
	if in.User != "" {
		who, known, err := a.Store.Subscriber(ctx, "", in.User)
		if err != nil {
			return contract.Runs{}, err
		}
		// Someone who is gone from the directory may still have runs.
		if filter.UPN = in.User; known {
			filter.UPN, filter.Tenant, filter.SubscriberID = "", who.Tenant, who.ID
		}
	}
	rows, next, err := a.Store.FindOperations(ctx, filter)
	out := contract.Runs{Runs: []contract.Run{}, Next: orNull(next)}
	for _, r := range rows {
		run := runOf(r)
		if in.Reports && r.Report != nil {
			if err := json.Unmarshal(r.Report, &run.Report); err != nil {
				return out, fmt.Errorf("decode the report of run %s: %w", r.RunID, err)
			}
		}
		out.Runs = append(out.Runs, run)
	}
	return out, err
}

func runOf(r store.OperationRow) contract.Run {
	return contract.Run{
		WorkflowID: r.WorkflowID, RunID: r.RunID, Operation: r.Request.Operation, Status: r.Status, Subscriber: r.Subscriber,
		Node: orNull(r.Node), StartedAt: r.StartedAt, ClosedAt: r.ClosedAt, RequestID: r.Request.RequestID,
	}
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
