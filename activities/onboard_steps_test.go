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
	"tenure/internal/store"
)

const patchUser = "/v1.0/users/*"

func (c *contoso) location(name, from, to string) activities.StepInput {
	c.t.Helper()
	return c.of(name, lifecycle.Change{UsageLocation: &lifecycle.ValueChange{From: from, To: to}})
}

func (c *contoso) withoutLocationPermission() {
	c.t.Helper()
	c.exchange("User.ReadUpdate.All")
	c.exchange("LicenseAssignment.ReadWrite.All", "LicenseAssignment.Read.All")
}

func TestSetUsageLocationAndBack(t *testing.T) {
	c := newContoso(t)
	in := c.location("laura.lewis", "GB", "FR")
	set, restore := start(c.run("r1"), c.acts.SetUsageLocation, in), start(c.run("r1"), c.acts.RestoreUsageLocation, in)
	require.Equal(t, done, succeed(t, restore), "safe when it was never set")
	require.Empty(t, c.writes())

	require.Equal(t, done, succeed(t, set))
	require.Equal(t, "FR", c.person("laura.lewis").UsageLocation)
	require.Equal(t, []string{"PATCH /users/laura.lewis"}, c.writes())
	require.Equal(t, done, succeed(t, set))
	require.Len(t, c.writes(), 1, "R16, R18: no write of the value that is there")

	require.Equal(t, done, succeed(t, restore))
	require.Equal(t, "GB", c.person("laura.lewis").UsageLocation)
	require.Equal(t, done, succeed(t, restore))
	require.Len(t, c.writes(), 2)
}

func TestRestoreUsageLocationOfSomebodyWhoHadNone(t *testing.T) {
	c := newContoso(t)
	in := c.location("mark.moore", "", "FR")
	succeed(t, start(c.run("r1"), c.acts.SetUsageLocation, in))
	c.ClearJournal()
	require.Equal(t, done, succeed(t, start(c.run("r1"), c.acts.RestoreUsageLocation, in)))
	require.Empty(t, c.requests(), "Microsoft takes no null")
	require.Equal(t, "FR", c.person("mark.moore").UsageLocation)
}

func TestSetUsageLocationWithoutPermissionO6(t *testing.T) {
	c := newContoso(t)
	c.withoutLocationPermission()
	result := succeed(t, start(c.run("r1"), c.acts.SetUsageLocation, c.location("laura.lewis", "GB", "FR")))
	require.Equal(t, lifecycle.Skipped, result.Outcome)
	require.Equal(t, lifecycle.PermissionMissing, result.Reason)
	require.NotEmpty(t, result.Summary)
	require.Len(t, result.Warnings, 1)
	require.Equal(t, lifecycle.WarnUsageLocationNotConfirmed, result.Warnings[0].Code)
	require.Contains(t, result.Warnings[0].Message, "403")
	require.Equal(t, "GB", c.person("laura.lewis").UsageLocation)
	require.Equal(t, []string{"PATCH /users/laura.lewis"}, c.writes(), "it is tried all the same")

	// R18: Microsoft would report success here.
	c.ClearJournal()
	again := start(c.run("r1"), c.acts.SetUsageLocation, c.location("laura.lewis", "FR", "GB"))
	again.attempt = 1
	require.Equal(t, done, succeed(t, again))
	require.Empty(t, c.writes())
}

func TestSetUsageLocationSwallowsNothingElse(t *testing.T) {
	for name, row := range map[string]struct {
		fault graphsim.Fault
		kind  fault.Kind
	}{
		"500":              {graphsim.Fault{Status: 500}, fault.Unavailable},
		"429":              {graphsim.Fault{Status: 429, RetryAfter: 7}, fault.Throttled},
		"a cut connection": {graphsim.Fault{Reset: true}, fault.Unavailable},
		"a lost answer":    {graphsim.Fault{AfterCommit: true}, fault.Unavailable},
		"400":              {graphsim.Fault{Status: 400}, fault.InvalidRequest},
		"404":              {graphsim.Fault{Status: 404}, fault.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			c := newContoso(t)
			row.fault.Method, row.fault.Path = "PATCH", patchUser
			c.AddFault(row.fault)
			task := start(c.run("r1"), c.acts.SetUsageLocation, c.location("laura.lewis", "GB", "FR"))
			fail(t, task, row.kind)
			require.Equal(t, done, succeed(t, task))
			require.Equal(t, "FR", c.person("laura.lewis").UsageLocation)
		})
	}
	t.Run("a value that Microsoft does not take", func(t *testing.T) {
		c := newContoso(t)
		fail(t, start(c.run("r1"), c.acts.SetUsageLocation, c.location("laura.lewis", "GB", "Britain")), fault.InvalidRequest)
	})
}

// replacing is the input that a plan gives assign-licenses.
func (c *contoso) replacing(name string) activities.StepInput {
	c.t.Helper()
	return c.planned(name, c.onboardPlan(name, byGroup("uk-sales")), lifecycle.AssignLicenses)
}

func (c *contoso) replace(in activities.StepInput) *task[activities.StepResult] {
	return start(c.run("r1"), c.acts.ReplaceDirectLicenses, in)
}

func (c *contoso) restore(in activities.StepInput) *task[activities.StepResult] {
	return start(c.run("r1"), c.acts.RestoreReplacedLicenses, in)
}

// template is the example with other licenses in e5-voice.
func template(t *testing.T, licenses string) string {
	t.Helper()
	return exampleWith(t, theTemplate, "      licenses:\n"+licenses)
}

func planID(name string) string {
	for _, s := range graphsim.DefaultState().SKUs {
		for _, p := range s.ServicePlans {
			if p.Name == name {
				return p.ID
			}
		}
	}
	return ""
}

// lastBody is the body of the last write.
func (c *contoso) lastBody() string {
	c.t.Helper()
	body := ""
	for _, e := range c.Journal() {
		if e.Write {
			body = string(e.Body)
		}
	}
	return body
}

func TestReplaceDirectLicensesInOneCallT3(t *testing.T) {
	before := graphsim.DirectLicense{SKU: "SPE_E3", DisabledPlans: []string{"YAMMER_ENTERPRISE"}}
	c := setup{catalog: template(t, "        - SPE_E5\n"), tenant: licensed("laura.lewis", before)}.new(t)
	was := c.person("laura.lewis").DirectLicenses
	in := c.replacing("laura.lewis")
	restore := c.restore(in)
	require.Equal(t, done, succeed(t, restore), "safe when nothing was replaced")
	require.Empty(t, c.writes())

	replace := c.replace(in)
	require.Equal(t, done, succeed(t, replace))
	require.Equal(t, []string{"SPE_E5"}, c.direct("laura.lewis"))
	require.Equal(t, []string{"POST /users/laura.lewis/assignLicense"}, c.writes())
	require.JSONEq(t, `{"addLicenses":[{"skuId":"`+c.sku("SPE_E5")+`","disabledPlans":[]}],"removeLicenses":["`+c.sku("SPE_E3")+`"]}`, c.lastBody())
	require.Equal(t, done, succeed(t, replace))
	require.Len(t, c.writes(), 1, "once is enough")

	require.Equal(t, done, succeed(t, restore))
	require.Equal(t, was, c.person("laura.lewis").DirectLicenses, "disabled plans and all")
	require.Len(t, c.writes(), 2)
	require.Equal(t, done, succeed(t, restore))
	require.Len(t, c.writes(), 2)
}

func TestReplaceDirectLicensesIsAllOrNothing(t *testing.T) {
	c := setup{catalog: template(t, "        - SPE_E5\n"), tenant: licensed("laura.lewis", graphsim.DirectLicense{SKU: "SPE_E3"})}.new(t)
	replace := c.replace(c.replacing("laura.lewis"))
	c.change(units("SPE_E5", 0))
	refused(t, replace, fault.BusinessRule, "no-license-left")
	require.Equal(t, []string{"SPE_E3"}, c.direct("laura.lewis"))
	c.change(units("SPE_E5", 250))
	c.exchange("LicenseAssignment.ReadWrite.All", "LicenseAssignment.Read.All")
	fail(t, replace, fault.PermissionDenied)
	require.Equal(t, []string{"SPE_E3"}, c.direct("laura.lewis"))
}

func TestReplaceDirectLicensesHonoursDisabledPlansByNameAndID(t *testing.T) {
	c := setup{catalog: template(t, "        - {sku: SPE_E5, disabledPlans: [YAMMER_ENTERPRISE, "+planID("INTUNE_A")+"]}\n")}.new(t)
	in := c.replacing("laura.lewis")
	replace := c.replace(in)
	require.Equal(t, done, succeed(t, replace))
	user, err := c.graph.User(t.Context(), c.id("laura.lewis"))
	require.NoError(t, err)
	require.Len(t, user.Licenses, 1)
	require.ElementsMatch(t, []string{planID("YAMMER_ENTERPRISE"), planID("INTUNE_A")}, user.Licenses[0].DisabledPlans)
	require.Equal(t, done, succeed(t, replace))
	require.Len(t, c.writes(), 1)
	require.Equal(t, done, succeed(t, c.restore(in)))
	require.Empty(t, c.direct("laura.lewis"))
}

func TestReplaceDirectLicensesChangesDisabledPlansAlone(t *testing.T) {
	// Oliver has SPE_E5 without YAMMER_ENTERPRISE.
	c := setup{catalog: template(t, "        - {sku: SPE_E5, disabledPlans: [BI_AZURE_P2]}\n")}.new(t)
	was := c.person("oliver.owen").DirectLicenses
	in := c.replacing("oliver.owen")
	replace := c.replace(in)
	require.Equal(t, done, succeed(t, replace))
	require.JSONEq(t, `{"addLicenses":[{"skuId":"`+c.sku("SPE_E5")+`","disabledPlans":["`+planID("BI_AZURE_P2")+`"]}],"removeLicenses":[]}`, c.lastBody())
	require.Equal(t, done, succeed(t, replace))
	require.Len(t, c.writes(), 1)
	require.Equal(t, done, succeed(t, c.restore(in)))
	require.Equal(t, was, c.person("oliver.owen").DirectLicenses)
	require.Equal(t, done, succeed(t, c.restore(in)))
	require.Len(t, c.writes(), 2)
}

func TestReplaceDirectLicensesIsNotPlannedForTheSameDisabledPlans(t *testing.T) {
	c := setup{catalog: template(t, "        - {sku: SPE_E5, disabledPlans: [YAMMER_ENTERPRISE]}\n")}.new(t)
	require.Contains(t, decisions(c.onboardPlan("oliver.owen", byGroup("uk-sales"))), "assign-licenses unchanged")
}

func TestReplaceDirectLicensesWaitsForTheUsageLocation(t *testing.T) {
	c := setup{tenant: withYara}.new(t)
	replace := c.replace(c.replacing("yara.young"))
	fail(t, replace, fault.Conflict, "usage location")
	require.Empty(t, c.direct("yara.young"))
	succeed(t, start(c.run("r1"), c.acts.SetUsageLocation, c.location("yara.young", "", "GB")))
	require.Equal(t, done, succeed(t, replace))
	require.ElementsMatch(t, []string{"SPE_E5", "MCOEV"}, c.direct("yara.young"))
}

func TestReplaceDirectLicensesThatChangeMeanwhile(t *testing.T) {
	c := setup{catalog: template(t, "        - SPE_E5\n"), tenant: licensed("laura.lewis", graphsim.DirectLicense{SKU: "SPE_E3"})}.new(t)
	replace := c.replace(c.replacing("laura.lewis"))
	// What is read is not yet what is there.
	c.SetSettings(graphsim.Settings{ReadLagMs: 10_000, TokenSeconds: 1 << 30})
	require.NoError(t, c.graph.ChangeLicenses(t.Context(), c.id("laura.lewis"), nil, []string{c.sku("SPE_E3")}))
	fail(t, replace, fault.Conflict)
	c.clock.Advance(11 * time.Second)
	require.Equal(t, done, succeed(t, replace))
	require.Equal(t, []string{"SPE_E5"}, c.direct("laura.lewis"))
}

func TestGroupLicensedUsersGetNoDirectLicenseT4(t *testing.T) {
	c := setup{catalog: template(t, "        - MCOEV\n"), tenant: func(s *graphsim.State) {
		for i := range s.Groups {
			if s.Groups[i].DisplayName == "License E3" {
				for _, u := range s.Users {
					if u.UserPrincipalName == "laura.lewis@contoso.example" {
						s.Groups[i].Members = append(s.Groups[i].Members, u.ID)
					}
				}
			}
		}
	}}.new(t)
	r, plan := c.joining("laura.lewis", byGroup("uk-sales"))
	require.Contains(t, decisions(plan), "assign-licenses skip group-license-present")
	require.Equal(t, []lifecycle.WarningCode{lifecycle.WarnGroupLicensePresent}, codes(plan))
	require.Contains(t, plan.Warnings[0].Message, "License E3")
	in := c.carryOut(r, "laura.lewis", plan)
	succeed(t, start(r, c.acts.VerifySubscriber, in))
	require.NotEmpty(t, c.writes())
	require.NotContains(t, c.writes(), "POST /users/laura.lewis/assignLicense")
	require.Empty(t, c.direct("laura.lewis"))
}

func TestJoiningALicenseGroupWaitsForItsLicensesO5(t *testing.T) {
	const delay = time.Minute
	c := setup{
		catalog: exampleWith(t, "m365User: location-only", "m365User: e5-voice"), tenant: withYara,
		settings: graphsim.Settings{GroupLicensingDelayMs: int(delay.Milliseconds())},
	}.new(t)
	r, plan := c.joining("yara.young", byGroup("location-and-groups"))
	require.Contains(t, decisions(plan), "assign-licenses skip group-license-present", "the template would bring SPE_E5")
	in := c.planned("yara.young", plan, lifecycle.AwaitGroupLicenses)
	succeed(t, start(r, c.acts.SetUsageLocation, c.planned("yara.young", plan, lifecycle.SetUsageLocation)))
	succeed(t, start(r, c.acts.AddToGroups, c.planned("yara.young", plan, lifecycle.AddGroups)))
	await := start(r, c.acts.AwaitGroupLicensesBack, in)
	for _, wait := range []time.Duration{1, 2, 4} {
		require.Equal(t, wait*time.Second, fail(t, await, fault.NotYet, "License E3").NextRetryDelay())
	}
	c.clock.Advance(delay)
	require.Equal(t, done, succeed(t, await))
	require.NotContains(t, c.writes(), "POST /users/yara.young/assignLicense")
	require.Empty(t, c.direct("yara.young"))
}

func TestAwaitGroupLicensesShowsMicrosoftsError(t *testing.T) {
	c := setup{tenant: func(s *graphsim.State) { withYara(s); units("SPE_E3", 4)(s) }}.new(t)
	r, plan := c.joining("yara.young", byGroup("location-and-groups"))
	succeed(t, start(r, c.acts.AddToGroups, c.planned("yara.young", plan, lifecycle.AddGroups)))
	result := succeed(t, start(r, c.acts.AwaitGroupLicensesBack, c.planned("yara.young", plan, lifecycle.AwaitGroupLicenses)))
	require.Equal(t, lifecycle.Done, result.Outcome)
	require.Len(t, result.Warnings, 1)
	require.Equal(t, lifecycle.WarnGroupLicenseError, result.Warnings[0].Code)
	require.Contains(t, result.Warnings[0].Message, "SPE_E3")
	require.Contains(t, result.Warnings[0].Message, "CountViolation")
}

func TestAwaitTeamsUserThenAssignTheNumber(t *testing.T) {
	const delay = time.Minute
	c := setup{tenant: withYara, settings: graphsim.Settings{
		TeamsProvisioningMs: int(delay.Milliseconds()), NumberOperationMs: int(orderTime.Milliseconds()),
	}}.new(t)
	r, plan := c.joining("yara.young", byProfile("london-sales"))
	succeed(t, start(r, c.acts.SetUsageLocation, c.planned("yara.young", plan, lifecycle.SetUsageLocation)))
	succeed(t, start(r, c.acts.ReplaceDirectLicenses, c.planned("yara.young", plan, lifecycle.AssignLicenses)))
	await := start(r, c.acts.AwaitTeamsUser, c.planned("yara.young", plan, lifecycle.AwaitTeamsUser))
	for _, wait := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
		require.Equal(t, wait*time.Second, fail(t, await, fault.NotYet, "Teams").NextRetryDelay())
	}
	// The number waits for the user too.
	assign := start(r, c.acts.AssignNumbers, c.planned("yara.young", plan, lifecycle.AssignNumber))
	fail(t, assign, fault.NotYet, "Teams")
	require.Empty(t, c.holder(lowestNumber))
	c.clock.Advance(delay)
	require.Equal(t, done, succeed(t, await))

	fail(t, assign, fault.NotYet, lowestNumber)
	c.clock.Advance(orderTime)
	require.Equal(t, done, succeed(t, assign))
	require.Equal(t, c.id("yara.young"), c.holder(lowestNumber))
	require.True(t, c.person("yara.young").EnterpriseVoice)
	ordered := slices.DeleteFunc(c.writes(), func(w string) bool { return w != assignNumber })
	require.Len(t, ordered, 2, "the one that Teams did not take, and the one that it took")
}

func TestNumbersGetTheEmergencyLocationOfTheSite(t *testing.T) {
	const wanted, office, another = "+18005550103", "0b4d0c4f-1d0e-4c2c-9e0b-5a3f0f6b7a11", "7f2f5f0c-8a8b-4d57-9a53-0d5a5d0f1c22"
	location := func(c *contoso) string {
		for _, n := range c.State().Numbers {
			if n.TelephoneNumber == wanted {
				return n.LocationID
			}
		}
		return ""
	}
	site := exampleWith(t, "usageLocation: US\n", "usageLocation: US\n            emergencyLocation: "+office+"\n")
	calling := func(s *graphsim.State) {
		withYara(s)
		licensed("yara.young", graphsim.DirectLicense{SKU: "SPE_E5"}, graphsim.DirectLicense{SKU: "MCOPSTN1"})(s)
		for i := range s.Numbers {
			if s.Numbers[i].TelephoneNumber == wanted {
				s.Numbers[i].LocationID = another
			}
		}
	}
	c := setup{catalog: site, tenant: calling}.new(t)
	before := c.State()
	r, in := c.onboarded("yara.young", byGroup("untouched"), number(wanted), at("newyork"))
	require.Equal(t, office, location(c))

	var change lifecycle.Change
	for _, s := range in.Done {
		if s.Name == lifecycle.AssignNumber {
			change = s.Change
		}
	}
	require.Equal(t, []lifecycle.NumberChange{{Number: wanted, Type: "callingPlan", To: lifecycle.Used, LocationID: office, FromLocationID: another}}, change.Numbers)
	for range 2 {
		succeed(t, start(r, c.acts.UnassignNumbers, c.of("yara.young", change)))
		succeed(t, start(r, c.acts.RestoreLocations, c.of("yara.young", change)))
		require.Equal(t, before.Numbers, c.State().Numbers)
	}

	t.Run("not direct routing ones", func(t *testing.T) {
		c := setup{catalog: exampleWith(t, "usageLocation: GB\n", "usageLocation: GB\n                emergencyLocation: "+office+"\n")}.new(t)
		planned, _ := c.onboardPlan("oliver.owen", byGroup("untouched"), number(freeNumber)).Step(lifecycle.AssignNumber)
		require.Equal(t, lifecycle.Do, planned.Action)
		require.Empty(t, planned.Change.Numbers[0].LocationID)
	})
}

func TestUnitsAreCountedAgainBeforeSomebodyIsRefused(t *testing.T) {
	c := setup{tenant: units("MCOEV", 0)}.new(t)
	refused(t, c.planOnboard("laura.lewis", byGroup("uk-sales")), fault.BusinessRule, "no-license-left")
	c.change(units("MCOEV", 250))
	require.Contains(t, decisions(c.onboardPlan("laura.lewis", byGroup("uk-sales"))), "assign-licenses do")
}

func TestNobodyIsWaitedForWhoseGroupLicenseFailed(t *testing.T) {
	c := setup{tenant: func(s *graphsim.State) { withYara(s); units("SPE_E3", 4)(s) }}.new(t)
	r, plan := c.joining("yara.young", byGroup("location-and-groups"))
	await := start(r, c.acts.AwaitTeamsUser, c.planned("yara.young", plan, lifecycle.AwaitTeamsUser))
	fail(t, await, fault.NotYet, "Teams")
	succeed(t, start(r, c.acts.AddToGroups, c.planned("yara.young", plan, lifecycle.AddGroups)))
	fail(t, await, fault.BusinessRule, "SPE_E3", "CountViolation")
}

func TestAssignNumbersOfOneThatTeamsGaveToAnother(t *testing.T) {
	c := newContoso(t)
	r, plan := c.joining("emma.evans", number(freeNumber))
	c.giveNumber(freeNumber, c.id("oliver.owen"))
	fail(t, start(r, c.acts.AssignNumbers, c.planned("emma.evans", plan, lifecycle.AssignNumber)), fault.NumberUnavailable, freeNumber)
	require.Equal(t, c.id("oliver.owen"), c.holder(freeNumber))
}

func TestClaimNumbersAndCloseRun(t *testing.T) {
	for status, want := range map[lifecycle.Status]lifecycle.NumberState{
		lifecycle.Completed: lifecycle.Used, lifecycle.RolledBack: lifecycle.Available, lifecycle.Cancelled: lifecycle.Available, lifecycle.Failed: lifecycle.Available,
	} {
		t.Run(string(status), func(t *testing.T) {
			c := setup{tenant: withYara}.new(t)
			c.reserveFor(freeNumber, "yara.young")
			before := c.number(freeNumber)
			r, plan := c.joining("yara.young", byProfile("london-sales"))
			claim := start(r, c.acts.ClaimNumbers, c.planned("yara.young", plan, lifecycle.ClaimNumber))
			books := c.books()
			require.Equal(t, done, succeed(t, claim))
			require.Equal(t, books, c.books(), "it was claimed while planning")

			closeRun(r, status)
			n := c.number(freeNumber)
			require.Equal(t, want, n.State)
			require.Empty(t, n.HeldBy)
			require.Empty(t, n.ClaimedFor)
			require.Equal(t, c.id("yara.young"), n.ReservedFor, "R88")
			if status != lifecycle.Completed {
				require.Equal(t, settled(before), settled(n))
				return
			}
			require.Equal(t, lifecycle.SubscriberRef{ID: c.id("yara.young"), UserPrincipalName: c.email("yara.young")}, n.User)
			require.Equal(t, "Microsoft", n.Vendor)
			require.Equal(t, london, n.Node)
			last := n.History[len(n.History)-1]
			require.Equal(t, store.NumberEvent{
				At: monday, Event: "assign", From: lifecycle.Available, To: lifecycle.Used, RunID: "r1", By: last.By, UserID: c.id("yara.young"),
			}, last)
			books = c.books()
			closeRun(r, status)
			require.Equal(t, books, c.books(), "closing again changes nothing")
		})
	}
}

func TestDropClaimsKeepsTheNumberForTheRun(t *testing.T) {
	c := setup{tenant: withYara}.new(t)
	r, plan := c.joining("yara.young", byProfile("london-sales"))
	in := c.planned("yara.young", plan, lifecycle.ClaimNumber)
	drop := start(r, c.acts.DropClaims, in)
	require.Equal(t, done, succeed(t, drop))
	require.Equal(t, done, succeed(t, drop))
	n := c.number(lowestNumber)
	require.Equal(t, lifecycle.HeldState, n.State)
	require.Equal(t, "r1", n.HeldBy)
	require.Empty(t, n.ClaimedFor)

	require.Equal(t, done, succeed(t, start(r, c.acts.ClaimNumbers, in)))
	require.Equal(t, c.id("yara.young"), c.number(lowestNumber).ClaimedFor)
	succeed(t, drop)
	closeRun(r, lifecycle.RolledBack)
	require.Equal(t, lifecycle.Available, c.number(lowestNumber).State)
	refused(t, start(r, c.acts.ClaimNumbers, in), fault.BusinessRule, "run-closed")
	refused(t, drop, fault.BusinessRule, "run-closed")
}

func TestOnboardingEndsWhatOffboardingMarkedR117(t *testing.T) {
	c := newContoso(t)
	r, _ := c.offboarded("anna.archer", "leaver")
	closeRun(r, lifecycle.Completed)
	require.NotNil(t, c.subscriber("anna.archer").OffboardedAt)
	back := c.run("r2")
	plan := succeed(t, start(back, c.acts.Prepare, c.onboard("anna.archer", byProfile("london-sales"), anew))).Plan
	c.carryOut(back, "anna.archer", plan)
	closeRun(back, lifecycle.Completed)
	require.Nil(t, c.subscriber("anna.archer").OffboardedAt)
	require.Equal(t, london, c.subscriber("anna.archer").Node)
}

func TestVerifySubscriberNamesEachDisagreementOfAnOnboarding(t *testing.T) {
	type spoil func(*contoso, *run, activities.VerifyInput)
	change := func(in activities.VerifyInput, name lifecycle.StepName) lifecycle.Change {
		i := slices.IndexFunc(in.Done, func(s lifecycle.PlannedStep) bool { return s.Name == name })
		return in.Done[i].Change
	}
	for name, row := range map[string]struct {
		spoil spoil
		says  string
	}{
		"the number is gone": {func(c *contoso, _ *run, _ activities.VerifyInput) { c.giveNumber(lowestNumber, "") }, "Teams does not show " + lowestNumber},
		"Enterprise Voice is off": {func(c *contoso, _ *run, _ activities.VerifyInput) {
			c.change(func(s *graphsim.State) {
				for i := range s.Users {
					s.Users[i].EnterpriseVoice = false
				}
			})
		}, "Enterprise Voice is off"},
		"another policy": {func(c *contoso, _ *run, _ activities.VerifyInput) {
			c.setPolicy("yara.young", "TenantDialPlan", "FR-Dialplan")
		}, "policy TenantDialPlan is FR-Dialplan"},
		"a policy is gone": {func(c *contoso, _ *run, _ activities.VerifyInput) {
			require.NoError(c.t, c.graph.UnassignPolicies(c.t.Context(), c.id("yara.young"), []string{"TenantDialPlan"}))
		}, "policy TenantDialPlan is not assigned"},
		"not in the group": {func(c *contoso, r *run, in activities.VerifyInput) {
			succeed(c.t, start(r, c.acts.RemoveFromGroups, c.of("yara.young", change(in, lifecycle.AddGroups))))
		}, "not a member of All Staff"},
		"a license is gone": {func(c *contoso, _ *run, _ activities.VerifyInput) {
			succeed(c.t, c.removeLicenses("yara.young", "MCOEV"))
		}, "license MCOEV is not assigned"},
		"a license is back": {func(c *contoso, _ *run, _ activities.VerifyInput) { c.license("yara.young", "MCOMEETADV") }, "license MCOMEETADV is still assigned"},
		"another usage location": {func(c *contoso, _ *run, _ activities.VerifyInput) {
			require.NoError(c.t, c.graph.SetUsageLocation(c.t.Context(), c.id("yara.young"), "FR"))
		}, `the usage location is "FR"`},
		"not at the site": {func(c *contoso, r *run, in activities.VerifyInput) {
			succeed(c.t, start(r, c.acts.RestorePlacement, c.of("yara.young", change(in, lifecycle.PlaceAtSite))))
		}, "the user is at " + tenantLevel},
		"another role": {func(c *contoso, r *run, in activities.VerifyInput) {
			succeed(c.t, start(r, c.acts.RestoreRole, c.of("yara.young", change(in, lifecycle.SetRole))))
		}, `the role is "` + selfService + `"`},
	} {
		t.Run(name, func(t *testing.T) {
			c := setup{tenant: func(s *graphsim.State) {
				withYara(s)
				licensed("yara.young", graphsim.DirectLicense{SKU: "MCOMEETADV"})(s)
			}}.new(t)
			r, in := c.onboarded("yara.young", byProfile("london-sales"))
			c.ClearJournal()
			verified := succeed(t, start(r, c.acts.VerifySubscriber, in))
			require.Empty(t, c.writes())
			require.Equal(t, []string{lowestNumber}, verified.After.Numbers)
			require.Equal(t, []string{"All Staff"}, verified.After.Groups)
			row.spoil(c, r, in)
			task := start(r, c.acts.VerifySubscriber, in)
			require.Equal(t, time.Second, fail(t, task, fault.NotYet, row.says).NextRetryDelay())
			require.Equal(t, 2*time.Second, fail(t, task, fault.NotYet, row.says).NextRetryDelay())
		})
	}
	t.Run("not licensed by the group", func(t *testing.T) {
		c := setup{tenant: withYara}.new(t)
		r, in := c.onboarded("yara.young", byGroup("location-and-groups"))
		succeed(t, start(r, c.acts.VerifySubscriber, in))
		succeed(t, start(r, c.acts.RemoveFromGroups, c.of("yara.young", change(in, lifecycle.AddGroups))))
		fail(t, start(r, c.acts.VerifySubscriber, in), fault.NotYet, "not licensed by License E3", "not a member of License E3")
	})
}

// unjoin takes an onboarding back, the last step first.
func (c *contoso) unjoin(r *run, in activities.VerifyInput, but ...lifecycle.StepName) *task[activities.Verified] {
	c.t.Helper()
	type act = func(context.Context, activities.StepInput) (activities.StepResult, error)
	acts := map[lifecycle.StepName][]act{
		lifecycle.PlaceAtSite: {c.acts.RestorePlacement}, lifecycle.SetUsageLocation: {c.acts.RestoreUsageLocation},
		lifecycle.AddGroups: {c.acts.RemoveFromGroups, c.acts.AwaitGroupLicensesGone}, lifecycle.AssignLicenses: {c.acts.RestoreReplacedLicenses},
		lifecycle.ClaimNumber: {c.acts.DropClaims}, lifecycle.AssignNumber: {c.acts.UnassignNumbers, c.acts.AwaitVoiceOff},
		lifecycle.ApplyPolicies: {c.acts.RestorePolicies}, lifecycle.SetRole: {c.acts.RestoreRole},
	}
	for _, step := range slices.Backward(in.Done) {
		if slices.Contains(but, step.Name) {
			continue
		}
		for _, undo := range acts[step.Name] {
			succeed(c.t, start(r, undo, activities.StepInput{Tenant: in.Tenant, SubscriberID: in.SubscriberID, Change: step.Change}))
		}
	}
	return start(r, c.acts.VerifyUndone, activities.UndoneInput{Tenant: in.Tenant, SubscriberID: in.SubscriberID, Before: in.Before, Undone: in.Done})
}

func TestAnOnboardingUndoneIsAsBefore(t *testing.T) {
	for _, row := range []struct {
		user   string
		wishes []wish
	}{
		{"laura.lewis", []wish{byProfile("london-sales")}}, {"emma.evans", []wish{byProfile("london-sales")}}, {"kevin.king", []wish{byProfile("london-sales")}},
		{"laura.lewis", []wish{byGroup("location-and-groups")}}, {"oliver.owen", []wish{byGroup("uk-sales"), number(freeNumber)}},
	} {
		t.Run(row.user, func(t *testing.T) {
			c := newContoso(t)
			state, isAsBefore := c.State(), c.remember(row.user)
			r, in := c.onboarded(row.user, row.wishes...)
			require.NotEqual(t, state, c.State())
			verified := succeed(t, c.unjoin(r, in))
			closeRun(r, lifecycle.RolledBack)
			require.Equal(t, in.Before, verified.After)
			isAsBefore()
		})
	}
}

func TestVerifyUndoneNamesWhatAnOnboardingLeft(t *testing.T) {
	for step, says := range map[lifecycle.StepName]string{
		lifecycle.PlaceAtSite: "the user is at " + london, lifecycle.SetUsageLocation: `the usage location is "GB"`,
		lifecycle.AddGroups: "still a member of Sales UK", lifecycle.AssignLicenses: "license MCOPSTN1 is not assigned",
		lifecycle.AssignNumber: "Teams still shows " + lowestNumber, lifecycle.ApplyPolicies: "policy TenantDialPlan is UK-Dialplan",
		lifecycle.SetRole: `the role is "site-self-service"`,
	} {
		t.Run(string(step), func(t *testing.T) {
			c := setup{catalog: exampleWith(t, "groups: [All Staff]", "groups: [Sales UK]")}.new(t)
			c.giveNumber("+18005550100", "")
			r, in := c.onboarded("kevin.king", byProfile("london-sales"))
			task := c.unjoin(r, in, step)
			require.Equal(t, time.Second, fail(t, task, fault.NotYet, says).NextRetryDelay())
			require.Equal(t, 2*time.Second, fail(t, task, fault.NotYet, says).NextRetryDelay())
		})
	}
}
