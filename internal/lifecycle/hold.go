package lifecycle

// DefaultOnFailure is what happens after a permanent failure when the request does not say: what was done is undone, but
// for an offboarding, where giving a leaver access back is worse than waiting for an operator.
func DefaultOnFailure(o Operation) string {
	if o == Offboard {
		return OnFailureHold
	}
	return OnFailureRollback
}

// skippable are the steps that an operator may leave out of a held run (domain.md §4.3), with what that means. The others
// are what the operation is for, or what nothing after them can do without.
var skippable = map[StepName]string{
	SetUsageLocation:   "the usage location stays as it is; Microsoft assigns no license without one",
	AddGroups:          "the user joins no further group, and nothing waits for licenses that come with one",
	AwaitGroupLicenses: "nobody waits for the licenses of groups; where they were to go, direct licenses stay",
	AssignLicenses:     "the direct licenses stay as they are",
	RemoveGroups:       "the user stays in the groups, and so keeps their licenses and the direct ones (R55)",
	RemoveLicenses:     "the direct licenses stay with the user",
	ApplyPolicies:      "the policies stay as they are",
	SetRole:            "the role stays as it is",
}

// MaySkip reports whether an operator may leave a failed step out, and what that means.
func MaySkip(step StepName) (means string, ok bool) {
	means, ok = skippable[step.Base()]
	return means, ok
}

// SkippedWith are the steps that cannot be done either when a step is left out.
func SkippedWith(step StepName) []StepName {
	prefix := string(step[:len(step)-len(step.Base())])
	var with []StepName
	switch step.Base() {
	case RemoveGroups:
		with = []StepName{AwaitGroupLicenses, RemoveLicenses}
	case AwaitGroupLicenses:
		with = []StepName{RemoveLicenses}
	case AddGroups:
		with = []StepName{AwaitGroupLicenses}
	}
	for i := range with {
		with[i] = with[i].In(prefix)
	}
	return with
}
