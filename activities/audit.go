package activities

import (
	"context"

	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/lifecycle"
	"tenure/internal/store"
)

// ListAudit lists the audit, newest first, or as an export wants it.
func (a *Activities) ListAudit(ctx context.Context, in contract.AuditFilter) (contract.AuditEntries, error) {
	filter := store.AuditFilter{
		By: in.By, Operation: in.Operation, Outcome: in.Outcome, RunID: in.RunID, Since: in.Since, Until: in.Until,
		OldestFirst: in.Export, Limit: in.Limit, Cursor: in.Cursor,
	}
	if in.User != "" {
		who, known, err := a.Store.Subscriber(ctx, "", in.User)
		if err != nil {
			return contract.AuditEntries{}, err
		}
		// The audit remembers those who are gone from the directory.
		if filter.Subscriber = in.User; known {
			filter.Subscriber, filter.Tenant, filter.SubscriberID = "", who.Tenant, who.ID
		}
	}
	rows, next, err := a.Store.ListAudit(ctx, filter)
	out := contract.AuditEntries{Entries: []contract.AuditEntry{}, Next: orNull(next)}
	for _, r := range rows {
		entry := contract.AuditEntry{
			Seq: r.Seq, At: r.At, By: orNull(r.By), Operation: r.Operation, RunID: orNull(r.RunID), Reason: orNull(r.Reason),
			Outcome: r.Outcome, Hash: r.Hash, Previous: orNull(r.Previous),
		}
		if r.Subscriber.ID != "" {
			entry.Subscriber = &r.Subscriber
		}
		if in.Export {
			entry.AuditRest = &contract.AuditRest{Tenant: orNull(r.Tenant), Detail: r.Detail}
		}
		out.Entries = append(out.Entries, entry)
	}
	return out, err
}

// VerifyAudit walks the whole chain.
func (a *Activities) VerifyAudit(ctx context.Context, _ contract.VerifyAuditRequest) (contract.AuditVerification, error) {
	v, err := a.Store.VerifyAudit(ctx)
	out := contract.AuditVerification{Checked: v.Checked, Problem: orNull(v.Problem)}
	if v.BrokenAt != 0 {
		out.BrokenAt = &v.BrokenAt
	}
	return out, err
}

// outcomeRefused is the audit's outcome of a run that a rule refused before anything was touched.
const outcomeRefused = "refused"

// auditRefusal records an error that refuses a run, and returns it. A run that has begun gets the entry of its end
// besides. Errors that refuse nothing pass, as does what a run that is closed was still about to do.
func (a *Activities) auditRefusal(ctx context.Context, req lifecycle.Request, err error) error {
	f, classified := fault.Received(fault.Leave(err))
	if !classified || !refuses[f.Kind] || f.Code == "run-closed" {
		return err
	}
	who := lifecycle.SubscriberRef{ID: req.SubscriberID}
	if known, found, lookup := a.Store.Subscriber(ctx, req.Tenant, req.SubscriberID); lookup != nil {
		return lookup
	} else if found {
		who.UserPrincipalName = known.UserPrincipalName
	}
	actor := runActor(ctx)
	actor.By, actor.Reason = req.RequestedBy, req.Reason
	if failed := a.Store.Audit(ctx, actor, store.AuditEntry{
		Operation: string(req.Operation), Tenant: req.Tenant, Subscriber: who, Outcome: outcomeRefused,
		Detail: map[string]any{"code": f.Code, "message": f.Message, "requestId": req.RequestID},
	}); failed != nil {
		return failed
	}
	return err
}

// refuses are the kinds of error by which a rule says no (architecture.md §5.1, exit 5).
var refuses = map[fault.Kind]bool{
	fault.BusinessRule: true, fault.NumberUnavailable: true, fault.StalePlan: true, fault.PermissionDenied: true,
}
