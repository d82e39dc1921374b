// Package workflows says what happens and in which order. It is deterministic: decisions that look at the world are
// made in activities and stand in the history.
package workflows

import (
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"tenure/internal/contract"
)

// Register registers every workflow under its name in package contract.
func Register(r worker.WorkflowRegistry) {
	for name, w := range map[string]any{
		contract.QuickOffboard:    QuickOffboard,
		contract.Onboard:          Onboard,
		contract.MoveBetweenSites: MoveBetweenSites,
		contract.UpdateSubscriber: UpdateSubscriber,
		contract.PlanOperation:    PlanOperation,
		contract.ListRuns:         ListRuns,
		contract.SyncDirectory:    SyncDirectory,
		contract.ListUsers:        ListUsers,
		contract.ShowUser:         ShowUser,
		contract.PlaceUsers:       PlaceUsers,
		contract.ListNumbers:      ListNumbers,
		contract.ShowNumber:       ShowNumber,
		contract.SummarizeNumbers: SummarizeNumbers,
		contract.AddNumbers:       AddNumbers,
		contract.ChangeNumbers:    ChangeNumbers,
		contract.AuditNumbers:     AuditNumbers,
		contract.ExpireNumbers:    ExpireNumbers,
		contract.ApplyCatalog:     ApplyCatalog,
		contract.DiffCatalog:      DiffCatalog,
		contract.ShowCatalog:      ShowCatalog,
		contract.CheckPermissions: CheckPermissions,
		contract.CheckWorker:      CheckWorker,
		contract.ListAudit:        ListAudit,
		contract.VerifyAudit:      VerifyAudit,
		contract.DeliverNotices:   DeliverNotices,
	} {
		r.RegisterWorkflowWithOptions(w, workflow.RegisterOptions{Name: name})
	}
}
