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

// UndoneInput is what a run claims to have undone.
type UndoneInput struct {
	Tenant       string                  `json:"tenant"`
	SubscriberID string                  `json:"subscriberId"`
	Before       lifecycle.State         `json:"before"`
	Undone       []lifecycle.PlannedStep `json:"undone"`
}

// Verified is the end state as it was read back.
type Verified struct {
	After lifecycle.State `json:"after"`
}

// VerifySubscriber reads Microsoft and the store back and compares. A disagreement is NotYet: Microsoft's directory
// is eventually consistent, so it is looked at again until the budget of the step is spent.
func (a *Activities) VerifySubscriber(ctx context.Context, in VerifyInput) (Verified, error) {
	end, after, err := a.readBack(ctx, in.Tenant, in.SubscriberID, in.Done, in.Before)
	if err != nil {
		return Verified{}, err
	}
	if found := lifecycle.Disagreements(in.Done, in.Before, end); len(found) > 0 {
		return Verified{}, notYet(ctx, "the end state is not as planned yet: %s", strings.Join(found, "; "))
	}
	return Verified{After: after}, nil
}

// VerifyUndone reads back that the undone steps left the user as before, with the same patience.
func (a *Activities) VerifyUndone(ctx context.Context, in UndoneInput) (Verified, error) {
	end, after, err := a.readBack(ctx, in.Tenant, in.SubscriberID, in.Undone, in.Before)
	if err != nil {
		return Verified{}, err
	}
	if found := lifecycle.Unrestored(in.Undone, in.Before, end); len(found) > 0 {
		return Verified{}, notYet(ctx, "not everything is as before yet: %s", strings.Join(found, "; "))
	}
	return Verified{After: after}, nil
}

// readBack reads what the steps are about, and renders it. Memberships cost a request and only a step on groups
// changes them; without one they are those of before.
func (a *Activities) readBack(ctx context.Context, tenant, id string, steps []lifecycle.PlannedStep, before lifecycle.State) (end lifecycle.Snapshot, after lifecycle.State, err error) {
	client, err := a.client(tenant)
	if err != nil {
		return end, after, err
	}
	who, known, err := a.Store.Subscriber(ctx, tenant, id)
	if err == nil && !known {
		err = fault.New(fault.NotFound, "user %s is no longer in the directory", id)
	}
	if err != nil {
		return end, after, err
	}
	end.Tenant, end.Placement = tenant, who.Placement
	groups := slices.ContainsFunc(steps, func(s lifecycle.PlannedStep) bool {
		return s.Name.Base() == lifecycle.RemoveGroups || s.Name.Base() == lifecycle.AddGroups
	})
	reads, rctx := errgroup.WithContext(ctx)
	reads.Go(func() error {
		record, err := client.User(rctx, id)
		end.Person, end.UsageLocation, end.Licenses = record.Person, record.UsageLocation, record.Licenses
		return err
	})
	reads.Go(func() (err error) { end.Teams, err = client.TeamsUser(rctx, id); return err })
	if groups {
		reads.Go(func() (err error) { end.Groups, err = client.Memberships(rctx, id); return err })
	}
	if err := reads.Wait(); err != nil {
		return end, after, err
	}
	var numbers []string
	for _, step := range steps {
		for _, n := range step.Change.Numbers {
			numbers = append(numbers, n.Number)
		}
	}
	if end.Inventory, err = a.Store.NumbersOf(ctx, tenant, id, numbers); err != nil {
		return end, after, err
	}
	after = end.State()
	if !groups {
		after.Groups = before.Groups
		// Each name serves once: two groups may give the same license.
		named := slices.Clone(before.Licenses)
		for i, l := range after.Licenses {
			if at := slices.IndexFunc(named, func(b lifecycle.LicenseState) bool { return l.SKU == b.SKU && l.Assignment == b.Assignment }); at >= 0 {
				after.Licenses[i] = named[at]
				named = slices.Delete(named, at, at+1)
			}
		}
	}
	return end, after, nil
}
