package activities_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"tenure/activities"
	"tenure/internal/fault"
	"tenure/internal/graphsim"
	"tenure/internal/lifecycle"
)

const assignLicense = "/v1.0/users/*/assignLicense"

func (c *contoso) licenses(partNumbers ...string) lifecycle.Change {
	c.t.Helper()
	var change lifecycle.Change
	for _, p := range partNumbers {
		change.Licenses = append(change.Licenses, lifecycle.LicenseChange{SKUID: c.sku(p), SKU: p})
	}
	return change
}

func (c *contoso) removeLicenses(name string, partNumbers ...string) *task[activities.StepResult] {
	return start(c.run("r1"), c.acts.RemoveDirectLicenses, c.of(name, c.licenses(partNumbers...)))
}

// direct are the SKUs that somebody holds directly.
func (c *contoso) direct(name string) []string {
	c.t.Helper()
	skus := []string{}
	for _, l := range c.person(name).DirectLicenses {
		skus = append(skus, l.SKU)
	}
	return skus
}

func TestRemoveDirectLicensesF2(t *testing.T) {
	c := newContoso(t)
	task := c.removeLicenses("kevin.king", "SPE_E5", "MCOPSTN1")
	require.Equal(t, done, succeed(t, task))
	require.Empty(t, c.direct("kevin.king"))
	require.Equal(t, []string{"POST /users/kevin.king/assignLicense"}, c.requests(), "all at once, and nothing is read")
	require.Equal(t, "US", c.person("kevin.king").UsageLocation, "R51")

	// After a lost answer, that is how it looks.
	c.ClearJournal()
	require.Equal(t, done, succeed(t, task))
	require.Empty(t, c.writes())
}

func TestRemoveDirectLicensesLeavesOthers(t *testing.T) {
	c := newContoso(t)
	succeed(t, c.removeLicenses("kevin.king", "MCOPSTN1"))
	require.Equal(t, []string{"SPE_E5"}, c.direct("kevin.king"))
}

func TestRemoveDirectLicensesWithoutPermissionR53(t *testing.T) {
	c := newContoso(t)
	c.exchange("LicenseAssignment.ReadWrite.All", "LicenseAssignment.Read.All")
	result := succeed(t, c.removeLicenses("anna.archer", "SPE_E5"))
	require.Equal(t, lifecycle.Skipped, result.Outcome)
	require.Equal(t, lifecycle.LicensePermissionMissing, result.Reason)
	require.NotEmpty(t, result.Summary)
	require.Len(t, result.Warnings, 1)
	require.Equal(t, lifecycle.WarnLicensePermissionMissing, result.Warnings[0].Code)
	require.Contains(t, result.Warnings[0].Message, "403")
	require.Equal(t, []string{"SPE_E5"}, c.direct("anna.archer"))
}

func TestRemoveDirectLicensesSwallowsNothingElseR53(t *testing.T) {
	for name, row := range map[string]struct {
		fault graphsim.Fault
		kind  fault.Kind
	}{
		"500":              {graphsim.Fault{Status: 500}, fault.Unavailable},
		"503":              {graphsim.Fault{Status: 503}, fault.Unavailable},
		"429":              {graphsim.Fault{Status: 429, RetryAfter: 7}, fault.Throttled},
		"a cut connection": {graphsim.Fault{Reset: true}, fault.Unavailable},
		"a lost answer":    {graphsim.Fault{AfterCommit: true}, fault.Unavailable},
		"concurrency":      {graphsim.Fault{Status: 409}, fault.Conflict},
	} {
		t.Run(name, func(t *testing.T) {
			c := newContoso(t)
			row.fault.Method, row.fault.Path = "POST", assignLicense
			c.AddFault(row.fault)
			task := c.removeLicenses("anna.archer", "SPE_E5")
			fail(t, task, row.kind)
			require.Equal(t, done, succeed(t, task))
			require.Empty(t, c.direct("anna.archer"))
		})
	}
	t.Run("401", func(t *testing.T) {
		c := newContoso(t)
		c.AddFault(graphsim.Fault{Method: "POST", Path: assignLicense, Status: 401, Times: -1})
		fail(t, c.removeLicenses("anna.archer", "SPE_E5"), fault.Unauthenticated)
	})
	t.Run("404", func(t *testing.T) {
		c := newContoso(t)
		c.AddFault(graphsim.Fault{Method: "POST", Path: assignLicense, Status: 404})
		fail(t, c.removeLicenses("anna.archer", "SPE_E5"), fault.NotFound)
	})
}

func TestRemoveDirectLicensesThatChangedSinceThePlan(t *testing.T) {
	t.Run("one is gone", func(t *testing.T) {
		c := newContoso(t)
		require.NoError(t, c.graph.ChangeLicenses(t.Context(), c.id("kevin.king"), nil, []string{c.sku("MCOPSTN1")}))
		task := c.removeLicenses("kevin.king", "SPE_E5", "MCOPSTN1")
		fail(t, task, fault.Conflict, "changed since the plan")
		require.Equal(t, []string{"SPE_E5"}, c.direct("kevin.king"))
		c.ClearJournal()
		require.Equal(t, done, succeed(t, task))
		require.Empty(t, c.direct("kevin.king"))
		require.Equal(t, []string{"POST /users/kevin.king/assignLicense"}, c.writes())
		require.JSONEq(t, `{"addLicenses":[],"removeLicenses":["`+c.sku("SPE_E5")+`"]}`, string(c.Journal()[len(c.Journal())-1].Body))
	})
	t.Run("a direct one became a group's", func(t *testing.T) {
		c := newContoso(t)
		// Ben's SPE_E3 comes from License E3.
		task := c.removeLicenses("ben.baker", "MCOEV", "SPE_E3")
		fail(t, task, fault.Conflict, "changed since the plan")
		require.Equal(t, done, succeed(t, task))
		require.Empty(t, c.direct("ben.baker"))
	})
}

func TestRestoreDirectLicensesWithTheirDisabledPlans(t *testing.T) {
	c := newContoso(t)
	before := c.person("oliver.owen").DirectLicenses
	plan := succeed(t, start(c.run("q"), c.acts.PlanFor, c.planFor(c.id("oliver.owen"), ""))).Plan
	step, _ := plan.Step(lifecycle.RemoveLicenses)
	require.Len(t, step.Change.Licenses[0].DisabledPlans, 1)
	in := c.of("oliver.owen", step.Change)
	restore := start(c.run("r1"), c.acts.RestoreDirectLicenses, in)
	require.Equal(t, done, succeed(t, restore), "they never went")
	require.Empty(t, c.writes())

	succeed(t, start(c.run("r1"), c.acts.RemoveDirectLicenses, in))
	require.Empty(t, c.direct("oliver.owen"))
	require.Equal(t, done, succeed(t, restore))
	require.Equal(t, before, c.person("oliver.owen").DirectLicenses)
	c.ClearJournal()
	require.Equal(t, done, succeed(t, restore))
	require.Empty(t, c.writes())
}

func TestRestoreDirectLicensesGivesBackOnlyWhatIsMissing(t *testing.T) {
	c := newContoso(t)
	succeed(t, c.removeLicenses("kevin.king", "MCOPSTN1"))
	c.ClearJournal()
	succeed(t, start(c.run("r1"), c.acts.RestoreDirectLicenses, c.of("kevin.king", c.licenses("SPE_E5", "MCOPSTN1"))))
	require.ElementsMatch(t, []string{"SPE_E5", "MCOPSTN1"}, c.direct("kevin.king"))
	journal := c.Journal()
	require.JSONEq(t, `{"addLicenses":[{"skuId":"`+c.sku("MCOPSTN1")+`","disabledPlans":[]}],"removeLicenses":[]}`, string(journal[len(journal)-1].Body))
}

func TestRestoreDirectLicensesThatAreUsedUp(t *testing.T) {
	c := newContoso(t)
	succeed(t, c.removeLicenses("kevin.king", "MCOPSTN1"))
	c.change(func(s *graphsim.State) {
		for i := range s.SKUs {
			if s.SKUs[i].PartNumber == "MCOPSTN1" {
				s.SKUs[i].Enabled = 0
			}
		}
	})
	refused(t, start(c.run("r1"), c.acts.RestoreDirectLicenses, c.of("kevin.king", c.licenses("MCOPSTN1"))), fault.BusinessRule, "no-license-left")
}

// The undo of a run has to bring the group licenses back first: a phone license stands on the plans of another one.
func TestRestoreDirectLicensesThatStandOnGroupLicenses(t *testing.T) {
	c := newContoso(t)
	r, in := c.offboarded("ben.baker", "leaver")
	i := slices.IndexFunc(in.Done, func(s lifecycle.PlannedStep) bool { return s.Name == lifecycle.RemoveLicenses })
	restore := start(r, c.acts.RestoreDirectLicenses, c.of("ben.baker", in.Done[i].Change))
	refused(t, restore, fault.BusinessRule, "license-dependency")
	succeed(t, start(r, c.acts.AddToGroups, c.of("ben.baker", c.groups("License E3"))))
	require.Equal(t, done, succeed(t, restore))
	require.Equal(t, []string{"MCOEV"}, c.direct("ben.baker"))
}

// The other way round: an inherited license that failed for want of the direct one is evaluated again.
func TestRestoreDirectLicensesReprocessesGroupLicensesInError(t *testing.T) {
	c := newContoso(t)
	restored := c.licenses("SPE_E3")
	c.change(func(s *graphsim.State) {
		for i := range s.Users {
			if s.Users[i].UserPrincipalName == c.email("grace.green") {
				s.Users[i].DirectLicenses = nil
			}
		}
		for i := range s.Groups {
			if s.Groups[i].DisplayName == "License Phone" {
				s.Groups[i].Members = append(s.Groups[i].Members, c.id("grace.green"))
			}
		}
	})
	states := func() (states []string) {
		user, err := c.graph.User(t.Context(), c.id("grace.green"))
		require.NoError(t, err)
		for _, l := range user.Licenses {
			if !l.Direct() {
				states = append(states, l.State)
			}
		}
		return states
	}
	require.Equal(t, []string{"Error"}, states())
	require.Equal(t, done, succeed(t, start(c.run("r1"), c.acts.RestoreDirectLicenses, c.of("grace.green", restored))))
	require.Len(t, c.writes(), 2)
	require.Contains(t, c.writes()[1], "reprocessLicenseAssignment")
	require.Equal(t, []string{"Active"}, states())
}
