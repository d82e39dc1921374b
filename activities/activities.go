// Package activities is how each step is done, safely twice: every method checks what is there, changes only what
// differs, and reads back. Errors leave through fault.Boundary, which the worker installs.
package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"

	"tenure/internal/catalog"
	"tenure/internal/fault"
	"tenure/internal/graph"
	"tenure/internal/lifecycle"
	"tenure/internal/store"
	"tenure/internal/webhook"
)

// Activities has the methods that workflows name. Its fields are safe for concurrent use.
type Activities struct {
	// Store is where placement, roles, numbers, operations and the catalog stand.
	Store *store.Store
	// Graph are the clients of the tenants that this worker serves, by the tenant's name in the catalog.
	Graph map[string]*graph.Client
	// KeyIDs are the ids of the encryption keys that the worker has, the one that encrypts first.
	KeyIDs []string
	// Webhook is where notices are sent; nil sends none.
	Webhook *webhook.Sender
	// Now is the clock; nil means time.Now.
	Now func() time.Time

	inForce catalogInForce
}

// StepInput is what one step is to change, for one subscriber.
type StepInput struct {
	Tenant       string           `json:"tenant"`
	SubscriberID string           `json:"subscriberId"`
	Change       lifecycle.Change `json:"change"`
}

// StepResult is what a step did. Change is set when it differs from the plan, as with dates that only the moment
// of the change decides.
type StepResult struct {
	Outcome  lifecycle.Outcome   `json:"outcome"`
	Reason   lifecycle.Reason    `json:"reason,omitempty"`
	Summary  string              `json:"summary,omitempty"`
	Change   *lifecycle.Change   `json:"change,omitempty"`
	Warnings []lifecycle.Warning `json:"warnings,omitempty"`
}

// done is the result of a step that needs no more words than its plan. A step that finds nothing left to change is
// done too: after an answer that was lost, that is how it looks.
func done() StepResult { return StepResult{Outcome: lifecycle.Done} }

func (a *Activities) now() time.Time {
	if a.Now == nil {
		return time.Now().UTC()
	}
	return a.Now().UTC()
}

func (a *Activities) client(tenant string) (*graph.Client, error) {
	c, ok := a.Graph[tenant]
	if !ok {
		return nil, fault.New(fault.InvalidRequest, "this worker is not connected to tenant %q; name it in TENURE_TENANTS or TENURE_TENANT", tenant)
	}
	return c, nil
}

// runID is the run that the activity works for.
func runID(ctx context.Context) string {
	return activity.GetInfo(ctx).WorkflowExecution.RunID
}

// runActor is who changes the store: the run that the activity works for.
func runActor(ctx context.Context) store.Actor {
	return store.Actor{RunID: runID(ctx)}
}

// pollDelay grows with the attempts: 1 s, 2 s, 4 s … 30 s. It is how long Temporal waits; the activity does not.
func pollDelay(ctx context.Context) time.Duration {
	return min(time.Second<<min(activity.GetInfo(ctx).Attempt-1, 5), 30*time.Second)
}

// firstTry reports whether this is the first attempt. A step that the plan asks for then trusts the plan, which was made
// from everything, and saves the read; a later one looks at what the attempts before have left.
func firstTry(ctx context.Context) bool { return activity.GetInfo(ctx).Attempt <= 1 }

// notYet asks for another attempt after pollDelay.
func notYet(ctx context.Context, format string, args ...any) error {
	return fault.Waiting(pollDelay(ctx), format, args...)
}

// catalog is the catalog in force; without one nothing can be decided.
func (a *Activities) catalog(ctx context.Context) (*catalog.Catalog, error) {
	return a.inForce.load(ctx, a.Store)
}
