package activities

import (
	"context"
	"errors"
	"slices"

	"tenure/internal/fault"
	"tenure/internal/graph"
	"tenure/internal/lifecycle"
)

// RemoveDirectLicenses removes the direct licenses of the change that the user still has. Without the permission it
// is skipped with a warning (R53); only Microsoft's refusal of permission is taken so, every other error stays one.
// The first attempt trusts the plan's snapshot and saves the read: Microsoft changes all or nothing, and refuses when
// one of the licenses is gone or comes from a group by now.
func (a *Activities) RemoveDirectLicenses(ctx context.Context, in StepInput) (StepResult, error) {
	client, err := a.client(in.Tenant)
	if err != nil {
		return StepResult{}, err
	}
	planned := in.Change.Licenses
	if !firstTry(ctx) {
		user, err := client.User(ctx, in.SubscriberID)
		if err != nil {
			return StepResult{}, err
		}
		planned = slices.DeleteFunc(slices.Clone(planned), func(l lifecycle.LicenseChange) bool { return !holdsDirectly(user.Licenses, l) })
	}
	var remove []string
	for _, l := range planned {
		remove = append(remove, l.SKUID)
	}
	err = client.ChangeLicenses(ctx, in.SubscriberID, nil, remove)
	if f := (*fault.Error)(nil); errors.As(err, &f) && (f.Code == graph.CodeLicenseNotHeld || f.Code == graph.CodeLicenseInherited) {
		return StepResult{}, fault.New(fault.Conflict, "the licenses changed since the plan was made: %s", f.Message)
	}
	if fault.Is(err, fault.PermissionDenied) {
		return StepResult{
			Outcome: lifecycle.Skipped, Reason: lifecycle.LicensePermissionMissing, Summary: "direct licenses stay: Microsoft refused the permission",
			Warnings: []lifecycle.Warning{{Code: lifecycle.WarnLicensePermissionMissing, Message: "the direct licenses stay: " + err.Error()}},
		}, nil
	}
	return done(), err
}

// RestoreDirectLicenses gives back the direct licenses of the change that the user no longer has, with their
// disabled plans. Inherited licenses that failed for want of a direct one are asked to be evaluated again.
func (a *Activities) RestoreDirectLicenses(ctx context.Context, in StepInput) (StepResult, error) {
	client, err := a.client(in.Tenant)
	if err != nil {
		return StepResult{}, err
	}
	user, err := client.User(ctx, in.SubscriberID)
	if err != nil {
		return StepResult{}, err
	}
	missing := slices.DeleteFunc(slices.Clone(in.Change.Licenses), func(l lifecycle.LicenseChange) bool { return holdsDirectly(user.Licenses, l) })
	if err := client.ChangeLicenses(ctx, in.SubscriberID, missing, nil); err != nil {
		return StepResult{}, err
	}
	if slices.ContainsFunc(user.Licenses, func(l lifecycle.License) bool { return !l.Direct() && l.State == "Error" }) {
		return done(), client.ReprocessLicenses(ctx, in.SubscriberID)
	}
	return done(), nil
}

func holdsDirectly(licenses []lifecycle.License, l lifecycle.LicenseChange) bool {
	return slices.ContainsFunc(licenses, func(have lifecycle.License) bool { return have.Direct() && have.SKUID == l.SKUID })
}
