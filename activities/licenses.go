package activities

import (
	"context"
	"slices"

	"tenure/internal/fault"
	"tenure/internal/lifecycle"
)

// RemoveDirectLicenses removes the direct licenses of the change that the user still has. Without the permission it
// is skipped with a warning (R53); only Microsoft's refusal of permission is taken so, every other error stays one.
func (a *Activities) RemoveDirectLicenses(ctx context.Context, in StepInput) (StepResult, error) {
	client, err := a.client(in.Tenant)
	if err != nil {
		return StepResult{}, err
	}
	user, err := client.User(ctx, in.SubscriberID)
	if err != nil {
		return StepResult{}, err
	}
	var remove []string
	for _, l := range in.Change.Licenses {
		if slices.ContainsFunc(user.Licenses, func(have lifecycle.License) bool { return have.Direct() && have.SKUID == l.SKUID }) {
			remove = append(remove, l.SKUID)
		}
	}
	if len(remove) == 0 {
		return done(), nil
	}
	err = client.ChangeLicenses(ctx, in.SubscriberID, nil, remove)
	if fault.Is(err, fault.PermissionDenied) {
		return StepResult{
			Outcome: lifecycle.Skipped, Reason: lifecycle.LicensePermissionMissing, Summary: "direct licenses stay: Microsoft refused the permission",
			Warnings: []lifecycle.Warning{{Code: lifecycle.WarnLicensePermissionMissing, Message: "the direct licenses stay: " + err.Error()}},
		}, nil
	}
	return done(), err
}

// RestoreDirectLicenses gives back the direct licenses of the change that the user no longer has, with their
// disabled plans.
func (a *Activities) RestoreDirectLicenses(ctx context.Context, in StepInput) (StepResult, error) {
	client, err := a.client(in.Tenant)
	if err != nil {
		return StepResult{}, err
	}
	user, err := client.User(ctx, in.SubscriberID)
	if err != nil {
		return StepResult{}, err
	}
	missing := slices.DeleteFunc(slices.Clone(in.Change.Licenses), func(l lifecycle.LicenseChange) bool {
		return slices.ContainsFunc(user.Licenses, func(have lifecycle.License) bool { return have.Direct() && have.SKUID == l.SKUID })
	})
	if len(missing) == 0 {
		return done(), nil
	}
	return done(), client.ChangeLicenses(ctx, in.SubscriberID, missing, nil)
}
