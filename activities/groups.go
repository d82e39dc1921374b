package activities

import (
	"context"
	"fmt"
	"slices"

	"tenure/internal/lifecycle"
)

// RemoveFromGroups ends the memberships of the change. One that has ended already is as wanted (R64).
func (a *Activities) RemoveFromGroups(ctx context.Context, in StepInput) (StepResult, error) {
	client, err := a.client(in.Tenant)
	if err != nil {
		return StepResult{}, err
	}
	return eachGroup(in, func(g lifecycle.GroupChange) (bool, error) { return client.RemoveMember(ctx, g.ID, in.SubscriberID) })
}

// AddToGroups begins the memberships of the change. One that exists is as wanted (R26).
func (a *Activities) AddToGroups(ctx context.Context, in StepInput) (StepResult, error) {
	client, err := a.client(in.Tenant)
	if err != nil {
		return StepResult{}, err
	}
	return eachGroup(in, func(g lifecycle.GroupChange) (bool, error) { return client.AddMember(ctx, g.ID, in.SubscriberID) })
}

func eachGroup(in StepInput, act func(lifecycle.GroupChange) (bool, error)) (StepResult, error) {
	for _, g := range in.Change.Groups {
		if _, err := act(g); err != nil {
			return StepResult{}, err
		}
	}
	return done(), nil
}

// AwaitGroupLicensesGone waits until no license comes from the groups of the change any more.
func (a *Activities) AwaitGroupLicensesGone(ctx context.Context, in StepInput) (StepResult, error) {
	return a.awaitGroupLicenses(ctx, in, false)
}

// AwaitGroupLicensesBack waits until the licenses of the groups of the change are there again.
func (a *Activities) AwaitGroupLicensesBack(ctx context.Context, in StepInput) (StepResult, error) {
	return a.awaitGroupLicenses(ctx, in, true)
}

func (a *Activities) awaitGroupLicenses(ctx context.Context, in StepInput, wanted bool) (StepResult, error) {
	client, err := a.client(in.Tenant)
	if err != nil {
		return StepResult{}, err
	}
	user, err := client.User(ctx, in.SubscriberID)
	if err != nil {
		return StepResult{}, err
	}
	for _, g := range in.Change.Groups {
		for _, sku := range g.Licenses {
			there := slices.ContainsFunc(user.Licenses, func(l lifecycle.License) bool { return l.GroupID == g.ID && l.SKUID == sku })
			if there != wanted {
				return StepResult{}, notYet(ctx, "Microsoft has not processed the licenses of %s yet", g.DisplayName)
			}
		}
	}
	result := done()
	if !wanted {
		return result, nil
	}
	for _, l := range failedByGroup(user.Licenses, in.Change.Groups) {
		result.Warnings = append(result.Warnings, lifecycle.Warning{
			Code: lifecycle.WarnGroupLicenseError, Message: fmt.Sprintf("Microsoft could not assign %s by group: %s", l.SKU, l.Error),
		})
	}
	return result, nil
}

// failedByGroup are the licenses that Microsoft could not assign by one of the groups.
func failedByGroup(licenses []lifecycle.License, groups []lifecycle.GroupChange) (failed []lifecycle.License) {
	for _, l := range licenses {
		if l.State == "Error" && slices.ContainsFunc(groups, func(g lifecycle.GroupChange) bool { return g.ID == l.GroupID }) {
			failed = append(failed, l)
		}
	}
	return failed
}
