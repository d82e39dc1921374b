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

// offboarded carries a plan out, each step at once, and returns what the workflow would have verified.
func (c *contoso) offboarded(name, group string) (*run, activities.VerifyInput) {
	c.t.Helper()
	r, plan := c.begun(name, group)
	in := activities.VerifyInput{Tenant: "contoso", SubscriberID: c.id(name), Before: plan.Before}
	acts := map[lifecycle.StepName]func(context.Context, activities.StepInput) (activities.StepResult, error){
		lifecycle.RemoveNumber: c.acts.UnassignNumbers, lifecycle.DisableEnterpriseVoice: c.acts.AwaitVoiceOff,
		lifecycle.ApplyPolicies: c.acts.ApplyPolicies, lifecycle.RemoveGroups: c.acts.RemoveFromGroups,
		lifecycle.AwaitGroupLicenses: c.acts.AwaitGroupLicensesGone, lifecycle.RemoveLicenses: c.acts.RemoveDirectLicenses,
		lifecycle.ReleaseNumber: c.acts.ReleaseNumbers, lifecycle.ReturnToTenantLevel: c.acts.PlaceSubscriber, lifecycle.SetRole: c.acts.SetRole,
	}
	for _, step := range plan.Steps {
		if act := acts[step.Name]; act != nil && step.Action == lifecycle.Do {
			require.Equal(c.t, lifecycle.Done, succeed(c.t, start(r, act, c.of(name, step.Change))).Outcome, step.Name)
			in.Done = append(in.Done, step)
		}
	}
	return r, in
}

func TestVerifySubscriberAgrees(t *testing.T) {
	for _, row := range []struct{ user, group string }{
		{"anna.archer", ""}, {"ben.baker", "leaver"}, {"chloe.clark", "leaver"}, {"david.doyle", "leaver"}, {"kevin.king", ""},
		{"nina.novak", "leaver-keeps-licenses"}, {"laura.lewis", "leaver"}, {"oliver.owen", "leaver-keeps-licenses"},
	} {
		t.Run(row.user+" "+row.group, func(t *testing.T) {
			c := newContoso(t)
			r, in := c.offboarded(row.user, row.group)
			c.ClearJournal()
			verified := succeed(t, start(r, c.acts.VerifySubscriber, in))
			require.Empty(t, c.writes())
			closeRun(r, lifecycle.Completed)

			// What it read back is what a fresh plan starts from, and that has nothing left to do.
			fresh := succeed(t, start(c.run("q"), c.acts.PlanFor, c.planFor(c.id(row.user), row.group))).Plan
			require.Equal(t, fresh.Before, verified.After)
			require.False(t, fresh.Changes(), "%v", decisions(fresh))
			require.Equal(t, tenantLevel, *verified.After.Node)
			require.Equal(t, in.Before.UsageLocation, verified.After.UsageLocation, "R51")
		})
	}
}

func TestVerifySubscriberNamesEachDisagreement(t *testing.T) {
	for name, row := range map[string]struct {
		spoil func(*contoso, *run, activities.VerifyInput)
		says  string
	}{
		"the number is back": {func(c *contoso, _ *run, _ activities.VerifyInput) { c.giveNumber(bensNumber, c.id("ben.baker")) }, "Teams still shows " + bensNumber},
		"a policy is back": {func(c *contoso, _ *run, _ activities.VerifyInput) {
			c.setPolicy("ben.baker", "TenantDialPlan", "FR-Dialplan")
		}, "policy TenantDialPlan is FR-Dialplan"},
		"in the group again": {func(c *contoso, _ *run, _ activities.VerifyInput) {
			succeed(c.t, start(c.run("x"), c.acts.AddToGroups, c.of("ben.baker", c.groups("License E3"))))
		}, "still a member of License E3"},
		"licensed by the group": {func(c *contoso, _ *run, _ activities.VerifyInput) {
			succeed(c.t, start(c.run("x"), c.acts.AddToGroups, c.of("ben.baker", c.groups("License E3"))))
		}, "still licensed by License E3"},
		"licensed directly": {func(c *contoso, _ *run, _ activities.VerifyInput) {
			succeed(c.t, start(c.run("x"), c.acts.AddToGroups, c.of("ben.baker", c.groups("License E3"))))
			c.license("ben.baker", "MCOEV")
		}, "license MCOEV is still assigned"},
		"the inventory says Used": {func(_ *contoso, r *run, _ activities.VerifyInput) { closeRun(r, lifecycle.RolledBack) }, "the inventory still gives " + bensNumber},
		"at the site again": {func(c *contoso, r *run, in activities.VerifyInput) {
			i := slices.IndexFunc(in.Done, func(s lifecycle.PlannedStep) bool { return s.Name == lifecycle.ReturnToTenantLevel })
			succeed(c.t, start(r, c.acts.RestorePlacement, c.of("ben.baker", in.Done[i].Change)))
		}, "the user is at " + london},
		"the usage location changed": {func(c *contoso, _ *run, _ activities.VerifyInput) {
			require.NoError(c.t, c.graph.SetUsageLocation(c.t.Context(), c.id("ben.baker"), "FR"))
		}, `the usage location is "FR"`},
	} {
		t.Run(name, func(t *testing.T) {
			c := newContoso(t)
			r, in := c.offboarded("ben.baker", "leaver")
			// Ben leaves his last license here and with it Teams, which would hide what is wrong there.
			if name == "the number is back" || name == "a policy is back" {
				c.license("ben.baker", "SPE_E5")
				in.Done = slices.DeleteFunc(in.Done, func(s lifecycle.PlannedStep) bool { return s.Name == lifecycle.RemoveLicenses })
			}
			row.spoil(c, r, in)
			task := start(r, c.acts.VerifySubscriber, in)
			require.Equal(t, time.Second, fail(t, task, fault.NotYet, row.says).NextRetryDelay())
			require.Equal(t, 2*time.Second, fail(t, task, fault.NotYet, row.says).NextRetryDelay())
		})
	}
	t.Run("another role", func(t *testing.T) {
		c := newContoso(t)
		r, in := c.offboarded("ben.baker", "")
		in.Done = append(in.Done, lifecycle.PlannedStep{Name: lifecycle.SetRole, Action: lifecycle.Do, Change: lifecycle.Change{Role: &lifecycle.ValueChange{To: "site-admin"}}})
		fail(t, start(r, c.acts.VerifySubscriber, in), fault.NotYet, `the role is "`+selfService+`"`)
	})
}

func (c *contoso) setPolicy(name, kind, policy string) {
	c.t.Helper()
	change := lifecycle.Change{Policies: []lifecycle.PolicyChange{{Type: kind, To: c.policy(kind, policy)}}}
	succeed(c.t, start(c.run("x"), c.acts.ApplyPolicies, c.of(name, change)))
}

func (c *contoso) license(name, sku string) {
	c.t.Helper()
	succeed(c.t, start(c.run("x"), c.acts.RestoreDirectLicenses, c.of(name, c.licenses(sku))))
}

func TestVerifySubscriberNamesAllDisagreementsAtOnce(t *testing.T) {
	c := newContoso(t)
	r, in := c.offboarded("ben.baker", "leaver")
	succeed(t, start(c.run("x"), c.acts.AddToGroups, c.of("ben.baker", c.groups("License E3"))))
	c.license("ben.baker", "MCOEV")
	fail(t, start(r, c.acts.VerifySubscriber, in), fault.NotYet, "still a member of License E3", "still licensed by License E3", "license MCOEV is still assigned")
}

func TestVerifySubscriberHasPatienceWithADirectoryThatLags(t *testing.T) {
	c := newContoso(t)
	r, plan := c.begun("kevin.king", "")
	step, _ := plan.Step(lifecycle.RemoveLicenses)
	c.SetSettings(graphsim.Settings{ReadLagMs: 10_000, TokenSeconds: 1 << 30})
	succeed(t, start(r, c.acts.RemoveDirectLicenses, c.of("kevin.king", step.Change)))
	task := start(r, c.acts.VerifySubscriber, activities.VerifyInput{
		Tenant: "contoso", SubscriberID: c.id("kevin.king"), Before: plan.Before, Done: []lifecycle.PlannedStep{step},
	})
	fail(t, task, fault.NotYet, "license SPE_E5 is still assigned", "license MCOPSTN1 is still assigned")
	c.clock.Advance(5 * time.Second)
	fail(t, task, fault.NotYet)
	c.clock.Advance(6 * time.Second)
	require.Empty(t, succeed(t, task).After.Licenses)
}

func TestVerifySubscriberOfSomebodyWhoIsGone(t *testing.T) {
	c := newContoso(t)
	fail(t, start(c.run("r1"), c.acts.VerifySubscriber, activities.VerifyInput{Tenant: "contoso", SubscriberID: "nobody"}), fault.NotFound, "nobody")
	laura := c.id("laura.lewis")
	c.change(func(s *graphsim.State) {
		s.Users = slices.DeleteFunc(s.Users, func(u graphsim.User) bool { return u.ID == laura })
	})
	fail(t, start(c.run("r1"), c.acts.VerifySubscriber, activities.VerifyInput{Tenant: "contoso", SubscriberID: laura}), fault.NotFound)
}

// Without a step on groups the memberships are not read again; the report still names the groups that licenses come from.
func TestVerifySubscriberNamesGroupsThatItDidNotRead(t *testing.T) {
	c := setup{tenant: func(s *graphsim.State) {
		for i := range s.Groups {
			// Two groups with one license: David has SPE_E3 by both.
			if s.Groups[i].DisplayName == "License Audio" {
				s.Groups[i].Licenses = []string{"SPE_E3"}
			}
		}
	}}.new(t)
	r, in := c.offboarded("david.doyle", "")
	c.ClearJournal()
	verified := succeed(t, start(r, c.acts.VerifySubscriber, in))
	require.NotContains(t, c.requests(), "GET /users/david.doyle/memberOf/graph.group")
	require.Equal(t, in.Before.Licenses, verified.After.Licenses)
	require.Equal(t, in.Before.Groups, verified.After.Groups)
}

// A template that sets a policy, in an offboarding that takes the license away: Teams forgets the user, and with the user
// the policy.
func TestVerifySubscriberWhomTeamsForgot(t *testing.T) {
	c := setup{catalog: exampleWith(t, "TeamsCallingPolicy: null", "TeamsCallingPolicy: NoForwarding")}.new(t)
	r, in := c.offboarded("anna.archer", "leaver")
	teams, err := c.graph.TeamsUser(t.Context(), c.id("anna.archer"))
	require.NoError(t, err)
	require.Nil(t, teams)
	verified := succeed(t, start(r, c.acts.VerifySubscriber, in))
	require.Empty(t, verified.After.Policies)
}
