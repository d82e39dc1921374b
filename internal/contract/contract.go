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

// The workflow types. QuickOffboard and Onboard change a subscriber; the others are short and answer a question or make
// an administrative change.
const (
	QuickOffboard = "QuickOffboard"
	Onboard       = "Onboard"

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
	// Action is ResolveRetry.
	Action string `json:"action"`
	Actor
}

// ResolveRetry tries again now what the run waits for.
const ResolveRetry = "retry"

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
}

// Runs is a page of runs, newest first; Next is null on the last page.
type Runs struct {
	Runs []Run   `json:"runs"`
	Next *string `json:"next"`
}

// SyncRequest asks for users to be read from Entra. With User only that one is read.
type SyncRequest struct {
	User string `json:"user,omitempty"`
	Actor
}

// SyncResult counts what a sync did.
type SyncResult struct {
	Tenants []TenantSync `json:"tenants"`
}

// TenantSync is the count for one tenant.
type TenantSync struct {
	Tenant  string `json:"tenant"`
	Seen    int    `json:"seen"`
	Added   int    `json:"added"`
	Updated int    `json:"updated"`
}

// UserFilter chooses users at a node (name or path) and below.
type UserFilter struct {
	Node string `json:"node,omitempty"`
	Page
}

// User is a row of `tenure users list`.
type User struct {
	ID                string   `json:"id"`
	UserPrincipalName string   `json:"userPrincipalName"`
	DisplayName       string   `json:"displayName"`
	Node              *string  `json:"node"`
	Role              *string  `json:"role"`
	Numbers           []string `json:"numbers"`
}

// Users is a page of users in order of principal name.
type Users struct {
	Users []User  `json:"users"`
	Next  *string `json:"next"`
}

// ShowUserRequest names a user by principal name or object id.
type ShowUserRequest struct {
	User string `json:"user"`
}

// UserView is everything about one user (architecture.md §5.2).
type UserView struct {
	ID                string              `json:"id"`
	UserPrincipalName string              `json:"userPrincipalName"`
	DisplayName       string              `json:"displayName"`
	Node              *string             `json:"node"`
	Role              *string             `json:"role"`
	UsageLocation     *string             `json:"usageLocation"`
	Licenses          []UserLicense       `json:"licenses"`
	Groups            []string            `json:"groups"`
	Numbers           []string            `json:"numbers"`
	EnterpriseVoice   bool                `json:"enterpriseVoice"`
	Policies          map[string]string   `json:"policies"`
	Services          []lifecycle.Service `json:"services"`
	Operation         *RunRef             `json:"operation"`
}

// UserLicense is a license with how it is assigned; Group is null for a direct one.
type UserLicense struct {
	SKU        string  `json:"sku"`
	Assignment string  `json:"assignment"`
	Group      *string `json:"group"`
}

// PlaceRequest places one user at a site by hand, or everybody at the tenant level by the catalog's rules when User
// is empty.
type PlaceRequest struct {
	User string `json:"user,omitempty"`
	Site string `json:"site,omitempty"`
	Role string `json:"role,omitempty"`
	// PlanOnly changes nothing.
	PlanOnly bool `json:"planOnly,omitempty"`
	Actor
}

// Placements says who goes where.
type Placements struct {
	Placements []Placement `json:"placements"`
}

// Placement is one user's way; Rule is the catalog rule that matched, empty when placed by hand, and Onboard the
// profile that the rule asks to onboard with.
type Placement struct {
	User    lifecycle.SubscriberRef `json:"user"`
	From    string                  `json:"from"`
	To      string                  `json:"to"`
	Rule    string                  `json:"rule"`
	Onboard *string                 `json:"onboard"`
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
