package workflows

import (
	"go.temporal.io/sdk/workflow"

	"tenure/internal/contract"
)

// ListAudit lists who did what to whom, and why.
func ListAudit(ctx workflow.Context, in contract.AuditFilter) (contract.AuditEntries, error) {
	return ask[contract.AuditEntries](onStore(ctx, question, label{}), act.ListAudit, in)
}

// VerifyAudit says whether the audit is as it was written.
func VerifyAudit(ctx workflow.Context, in contract.VerifyAuditRequest) (contract.AuditVerification, error) {
	return ask[contract.AuditVerification](onStore(ctx, bulk, label{}), act.VerifyAudit, in)
}
