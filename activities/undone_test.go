package activities_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tenure/activities"
	"tenure/internal/fault"
	"tenure/internal/graphsim"
	"tenure/internal/lifecycle"
)

// undo takes the steps back, group licenses before the direct ones that may stand on them.
func (c *contoso) undo(r *run, in activities.VerifyInput, but ...lifecycle.StepName) *task[activities.Verified] {
	c.t.Helper()
	acts := []struct {
		step lifecycle.StepName
		act  func(context.Context, activities.StepInput) (activities.StepResult, error)
	}{
		{lifecycle.ReturnToTenantLevel, c.acts.RestorePlacement}, {lifecycle.ReleaseNumber, c.acts.DropReleases},
		{lifecycle.RemoveGroups, c.acts.AddToGroups}, {lifecycle.RemoveLicenses, c.acts.RestoreDirectLicenses},
		{lifecycle.ApplyPolicies, c.acts.RestorePolicies}, {lifecycle.RemoveNumber, c.acts.AssignNumbers},
	}
	for _, a := range acts {
		i := slices.IndexFunc(in.Done, func(s lifecycle.PlannedStep) bool { return s.Name == a.step })
		if i >= 0 && !slices.Contains(but, a.step) {
			succeed(c.t, start(r, a.act, activities.StepInput{Tenant: in.Tenant, SubscriberID: in.SubscriberID, Change: in.Done[i].Change}))
		}
	}
	return start(r, c.acts.VerifyUndone, activities.UndoneInput{Tenant: in.Tenant, SubscriberID: in.SubscriberID, Before: in.Before, Undone: in.Done})
}

func TestEverythingUndoneIsAsBefore(t *testing.T) {
	for _, row := range []struct{ user, group string }{
		{"anna.archer", ""}, {"anna.archer", "leaver"}, {"ben.baker", "leaver"}, {"chloe.clark", "leaver"}, {"oliver.owen", "leaver-keeps-licenses"},
	} {
		t.Run(row.user+" "+row.group, func(t *testing.T) {
			c := newContoso(t)
			state, isAsBefore := c.State(), c.remember(row.user)
			r, in := c.offboarded(row.user, row.group)
			require.NotEqual(t, state, c.State())
			verified := succeed(t, c.undo(r, in))
			closeRun(r, lifecycle.RolledBack)
			require.Equal(t, in.Before.Licenses, verified.After.Licenses)
			require.Equal(t, in.Before.Policies, verified.After.Policies)
			require.Equal(t, in.Before.Numbers, verified.After.Numbers)
			isAsBefore()
		})
	}
}

// remember takes down what Microsoft has, and the store of a user and of all numbers. isAsBefore demands the same of then.
func (c *contoso) remember(user string) (isAsBefore func()) {
	c.t.Helper()
	state, who, numbers := c.State(), c.subscriber(user), c.inventory()
	return func() {
		c.t.Helper()
		require.Equal(c.t, sorted(state), sorted(c.State()))
		back := c.subscriber(user)
		back.ChangedAt = who.ChangedAt
		require.Equal(c.t, who, back)
		for i, n := range c.inventory() {
			require.Equal(c.t, settled(numbers[i]), settled(n))
		}
	}
}

// sorted is a tenant in which the order of members, which no reader sees, makes no difference.
func sorted(s graphsim.State) graphsim.State {
	for i := range s.Groups {
		slices.Sort(s.Groups[i].Members)
	}
	return s
}

func TestVerifyUndoneNamesWhatIsNotBack(t *testing.T) {
	for step, says := range map[lifecycle.StepName]string{
		lifecycle.RemoveNumber: "Teams does not show " + annasNumber, lifecycle.ApplyPolicies: "policy TenantDialPlan is not assigned",
		lifecycle.RemoveLicenses: "license SPE_E5 is not assigned", lifecycle.ReturnToTenantLevel: "the user is at " + tenantLevel,
	} {
		t.Run(string(step), func(t *testing.T) {
			c := newContoso(t)
			r, in := c.offboarded("anna.archer", "leaver")
			if step == lifecycle.RemoveLicenses {
				// Teams knows nobody without a license, and neither number nor policies could come back.
				fail(t, c.undo(r, in, step, lifecycle.ApplyPolicies, lifecycle.RemoveNumber), fault.NotYet, says)
				return
			}
			task := c.undo(r, in, step)
			require.Equal(t, time.Second, fail(t, task, fault.NotYet, says).NextRetryDelay())
			require.Equal(t, 2*time.Second, fail(t, task, fault.NotYet, says).NextRetryDelay())
		})
	}
	t.Run(string(lifecycle.RemoveGroups), func(t *testing.T) {
		c := newContoso(t)
		r, in := c.offboarded("oliver.owen", "leaver-keeps-licenses")
		fail(t, c.undo(r, in, lifecycle.RemoveGroups), fault.NotYet, "not a member of All Staff")
	})
}
