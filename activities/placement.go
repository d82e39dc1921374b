package activities

import (
	"context"

	"tenure/internal/lifecycle"
)

// PlaceSubscriber moves the subscriber and all its service records to the node of the change (R50e).
func (a *Activities) PlaceSubscriber(ctx context.Context, in StepInput) (StepResult, error) {
	return done(), a.Store.Place(ctx, runActor(ctx), in.Tenant, in.SubscriberID, *in.Change.Place)
}

// RestorePlacement puts the subscriber and each service record back to where it was.
func (a *Activities) RestorePlacement(ctx context.Context, in StepInput) (StepResult, error) {
	return done(), a.Store.RestorePlace(ctx, runActor(ctx), in.Tenant, in.SubscriberID, *in.Change.Place)
}

// SetRole gives the subscriber the role of the change.
func (a *Activities) SetRole(ctx context.Context, in StepInput) (StepResult, error) {
	return done(), a.Store.SetRole(ctx, runActor(ctx), in.Tenant, in.SubscriberID, *in.Change.Role)
}

// RestoreRole gives the role back that the subscriber had.
func (a *Activities) RestoreRole(ctx context.Context, in StepInput) (StepResult, error) {
	back := lifecycle.ValueChange{From: in.Change.Role.To, To: in.Change.Role.From}
	return done(), a.Store.SetRole(ctx, runActor(ctx), in.Tenant, in.SubscriberID, back)
}
