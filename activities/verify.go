package activities

import (
	"context"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"tenure/internal/fault"
	"tenure/internal/lifecycle"
)

// VerifyInput is what a run claims to have done.
type VerifyInput struct {
	Tenant       string                  `json:"tenant"`
	SubscriberID string                  `json:"subscriberId"`
	Before       lifecycle.State         `json:"before"`
	Done         []lifecycle.PlannedStep `json:"done"`
}

// Verified is the end state as it was read back.
type Verified struct {
	After lifecycle.State `json:"after"`
}

// VerifySubscriber reads Microsoft and the store back and compares. A disagreement is NotYet: Microsoft's directory
// is eventually consistent, so it is looked at again until the budget of the step is spent.
func (a *Activities) VerifySubscriber(ctx context.Context, in VerifyInput) (Verified, error) {
	client, err := a.client(in.Tenant)
	if err != nil {
		return Verified{}, err
	}
	who, known, err := a.Store.Subscriber(ctx, in.Tenant, in.SubscriberID)
	if err != nil {
		return Verified{}, err
	}
	if !known {
		return Verified{}, fault.New(fault.NotFound, "user %s is no longer in the directory", in.SubscriberID)
	}
	end := lifecycle.Snapshot{Tenant: in.Tenant, Placement: who.Placement}
	// Memberships cost a request, and only a step on groups changes them.
	groups := slices.ContainsFunc(in.Done, func(s lifecycle.PlannedStep) bool { return s.Name == lifecycle.RemoveGroups })
	reads, rctx := errgroup.WithContext(ctx)
	reads.Go(func() error {
		record, err := client.User(rctx, in.SubscriberID)
		end.Person, end.UsageLocation, end.Licenses = record.Person, record.UsageLocation, record.Licenses
		return err
	})
	reads.Go(func() (err error) { end.Teams, err = client.TeamsUser(rctx, in.SubscriberID); return err })
	if groups {
		reads.Go(func() (err error) { end.Groups, err = client.Memberships(rctx, in.SubscriberID); return err })
	}
	if err := reads.Wait(); err != nil {
		return Verified{}, err
	}
	var numbers []string
	for _, step := range in.Done {
		for _, n := range step.Change.Numbers {
			numbers = append(numbers, n.Number)
		}
	}
	if end.Inventory, err = a.Store.NumbersOf(ctx, in.Tenant, in.SubscriberID, numbers); err != nil {
		return Verified{}, err
	}
	if found := lifecycle.Disagreements(in.Done, in.Before, end); len(found) > 0 {
		return Verified{}, notYet(ctx, "the end state is not as planned yet: %s", strings.Join(found, "; "))
	}
	after := end.State()
	if !groups {
		after.Groups = in.Before.Groups
		for i, l := range after.Licenses {
			for _, b := range in.Before.Licenses {
				if l.SKU == b.SKU && l.Assignment == b.Assignment {
					after.Licenses[i] = b
				}
			}
		}
	}
	return Verified{After: after}, nil
}
