// Package contract is what the command and the worker say to each other through Temporal: names of workflows,
// queues, queries and search attributes, and the shapes of inputs and answers. It is small on purpose, so that the
// command links neither the workflows nor Microsoft's SDK.
package contract

import (
	"time"

	"go.temporal.io/sdk/temporal"

	"tenure/internal/lifecycle"
)

// TaskQueue serves every workflow and the activities that need only the store.
const TaskQueue = "tenure"

// GraphQueue is the task queue for work on Microsoft Graph in one tenant, by the tenant's name in the catalog.
func GraphQueue(tenant string) string { return "graph-" + tenant }

// SubscriberWorkflowID is the workflow id of every operation on one user: one at a time (architecture.md §2).
func SubscriberWorkflowID(tenant, objectID string) string {
	return "subscriber/" + tenant + "/" + objectID
}

// The workflow types. QuickOffboard, Onboard and MoveBetweenSites change a subscriber; the others are short and answer a question or make
// an administrative change.
const (
	QuickOffboard    = "QuickOffboard"
	Onboard          = "Onboard"
	MoveBetweenSites = "MoveBetweenSites"
	UpdateSubscriber = "UpdateSubscriber"

	PlanOperation = "PlanOperation"
	ListRuns      = "ListRuns"
	SyncDirectory = "SyncDirectory"
	ListUsers     = "ListUsers"
	ShowUser      = "ShowUser"
	PlaceUsers    = "PlaceUsers"
	ApplyCatalog  = "ApplyCatalog"
	DiffCatalog   = "DiffCatalog"
	ShowCatalog   = "ShowCatalog"
)

// ProgressQuery answers a lifecycle.Report: what has happened in a run so far.
const ProgressQuery = "progress"

// ResolveUpdate is the update by which an operator decides about a run that waits for one; its argument is a Resolution.
// A run that does not wait refuses it.
const ResolveUpdate = "resolve"

// Resolution is an operator's decision.
type Resolution struct {
	// Action is one of the words below.
	Action string `json:"action"`
	Actor
}

// What an operator can decide. ResolveRetry tries again now what the run waits for, or what failed; ResolveSkip goes on
// without the step that failed, where the rules allow it; ResolveRollback undoes what was done, or forbids what the run
// asks about, and ResolveApprove allows it.
const (
	ResolveRetry    = "retry"
	ResolveSkip     = "skip"
	ResolveRollback = "rollback"
	ResolveApprove  = "approve"
)

// The search attributes, all of type Keyword. They hold no personal data.
var (
	OperationAttribute = temporal.NewSearchAttributeKeyKeyword("TenureOperation")
	TenantAttribute    = temporal.NewSearchAttributeKeyKeyword("TenureTenant")
	NodeAttribute      = temporal.NewSearchAttributeKeyKeyword("TenureNode")
	StateAttribute     = temporal.NewSearchAttributeKeyKeyword("TenureState")
	RequestAttribute   = temporal.NewSearchAttributeKeyKeyword("TenureRequest")
	BatchAttribute     = temporal.NewSearchAttributeKeyKeyword("TenureBatch")
)

// SearchAttributes are the names that a Temporal namespace must have as Keyword.
func SearchAttributes() []string {
	return []string{
		OperationAttribute.GetName(), TenantAttribute.GetName(), NodeAttribute.GetName(),
		StateAttribute.GetName(), RequestAttribute.GetName(), BatchAttribute.GetName(),
	}
}

// RunAttributes are the search attributes that an operation on one user starts with.
func RunAttributes(request lifecycle.Request, node string) temporal.SearchAttributes {
	return temporal.NewSearchAttributes(
		OperationAttribute.ValueSet(string(request.Operation)),
		TenantAttribute.ValueSet(request.Tenant),
		NodeAttribute.ValueSet(node),
		StateAttribute.ValueSet(string(lifecycle.Running)),
		RequestAttribute.ValueSet(request.RequestID),
	)
}

// Actor is who asked for an administrative change, and why.
type Actor struct {
	RequestedBy string `json:"requestedBy"`
	Reason      string `json:"reason,omitempty"`
}

// PlanRequest asks for the plan of an operation without doing anything. User is a principal name or an object id.
type PlanRequest struct {
	User    string            `json:"user"`
	Request lifecycle.Request `json:"request"`
	// Brief only finds the user: nobody is going to look at the plan, and the run makes its own. The plan in the answer
	// then holds nothing but the subscriber.
	Brief bool `json:"brief,omitempty"`
	// DeadRun is a run that the store has as active although Temporal has it closed, as after a termination. It keeps
	// nobody busy: the next run takes over from it.
	DeadRun string `json:"deadRun,omitempty"`
	// Change says that the change was asked for and not only its plan: what a rule refuses is then audited, as it is for a
	// run. LiveRun is a run that keeps the user busy, as Temporal confirms: that refusal is audited.
	Change  bool   `json:"change,omitempty"`
	LiveRun string `json:"liveRun,omitempty"`
}

// PlanAnswer is the plan, the tenant and node that it is for, and the run that a request id already belongs to.
type PlanAnswer struct {
	Tenant string         `json:"tenant"`
	Node   string         `json:"node"`
	Plan   lifecycle.Plan `json:"plan"`
	// Existing is the run that was started with the same request id; the plan is then empty.
	Existing *RunRef `json:"existing,omitempty"`
	// Busy is the operation that has the user now; starting another one will be refused.
	Busy *RunRef `json:"busy,omitempty"`
}

// RunRef names a run.
type RunRef struct {
	WorkflowID string              `json:"workflowId"`
	RunID      string              `json:"runId"`
	Operation  lifecycle.Operation `json:"operation,omitempty"`
	StartedAt  *time.Time          `json:"startedAt,omitempty"`
}

// RunFilter chooses runs. Empty fields do not filter.
type RunFilter struct {
	// User is a principal name or an object id; WorkflowID and RunID are exact.
	User       string             `json:"user,omitempty"`
	WorkflowID string             `json:"workflowId,omitempty"`
	RunID      string             `json:"runId,omitempty"`
	Statuses   []lifecycle.Status `json:"statuses,omitempty"`
	// Reports wants the report of each run that has ended.
	Reports bool `json:"reports,omitempty"`
	Page
}

// Page asks for a part of a list: at most Limit items after the cursor that the part before gave.
type Page struct {
	Limit  int    `json:"limit,omitempty"`
	Cursor string `json:"cursor,omitempty"`
}

// Run is a row of `tenure list`.
type Run struct {
	WorkflowID string                  `json:"workflowId"`
	RunID      string                  `json:"runId"`
	Operation  lifecycle.Operation     `json:"operation"`
	Status     lifecycle.Status        `json:"status"`
	Subscriber lifecycle.SubscriberRef `json:"subscriber"`
	Node       *string                 `json:"node"`
	StartedAt  time.Time               `json:"startedAt"`
	ClosedAt   *time.Time              `json:"closedAt"`
	RequestID  string                  `json:"requestId"`
	// Report is how the run ended, where RunFilter.Reports asks for it. One that was abandoned has none.
	Report *lifecycle.Report `json:"report,omitempty"`
}

// Runs is a page of runs, newest first; Next is null on the last page.
type Runs struct {
	Runs []Run   `json:"runs"`
	Next *string `json:"next"`
}

// CatalogRequest carries the text of a catalog to apply or to compare with the one in force.
type CatalogRequest struct {
	File string `json:"file"`
	Text string `json:"text"`
	Actor
}

// CatalogApplied says which revision is in force now. Changed is false when it was in force already.
type CatalogApplied struct {
	Revision    int64               `json:"revision"`
	Changed     bool                `json:"changed"`
	Differences []CatalogDifference `json:"differences"`
	Numbers     NumbersAdded        `json:"numbers"`
}

// CatalogDiff lists what applying would change.
type CatalogDiff struct {
	Differences []CatalogDifference `json:"differences"`
}

// CatalogDifference is one thing that is added, removed or changed.
type CatalogDifference struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Action string `json:"action"`
	Detail string `json:"detail,omitempty"`
}

// ShowCatalogRequest asks for one kind, or one thing, or with neither for an overview.
type ShowCatalogRequest struct {
	Kind string `json:"kind,omitempty"`
	Name string `json:"name,omitempty"`
}
