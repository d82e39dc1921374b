package activities_test

import (
	"context"
	"database/sql"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"tenure/activities"
	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/graphsim"
	"tenure/internal/lifecycle"
	"tenure/internal/store"
)

const (
	newyork = "acme/contoso/newyork"
	// lowestNumber is the next available one at London.
	lowestNumber = "+442079460000"
	// theTemplate is the license part of the example's template e5-voice.
	theTemplate = "      licenses:\n        - SPE_E5\n        - sku: MCOEV\n          disabledPlans: []\n"
)

// withYara adds somebody whom only Entra knows, who has nothing at all yet.
func withYara(s *graphsim.State) {
	s.Users = append(s.Users, graphsim.User{
		ID: "5b1d2c3e-7f60-4a8b-9c0d-1e2f3a4b5c6d", UserPrincipalName: "yara.young@contoso.example", DisplayName: "Yara Young", City: "London", UserType: "Member",
	})
}

// licensed gives somebody of the tenant direct licenses.
func licensed(name string, licenses ...graphsim.DirectLicense) func(*graphsim.State) {
	return func(s *graphsim.State) {
		for i := range s.Users {
			if s.Users[i].UserPrincipalName == name+"@contoso.example" {
				s.Users[i].DirectLicenses = licenses
			}
		}
	}
}

// units sets how many units of a product the tenant has.
func units(sku string, enabled int) func(*graphsim.State) {
	return func(s *graphsim.State) {
		for i := range s.SKUs {
			if s.SKUs[i].PartNumber == sku {
				s.SKUs[i].Enabled = enabled
			}
		}
	}
}

type wish func(*lifecycle.Request)

func byGroup(name string) wish   { return func(r *lifecycle.Request) { r.Group = name } }
func byProfile(name string) wish { return func(r *lifecycle.Request) { r.Profile = name } }

// anew makes it another request.
func anew(r *lifecycle.Request) { r.RequestID = "another" }

func at(site string) wish       { return func(r *lifecycle.Request) { r.Site = site } }
func number(wanted string) wish { return func(r *lifecycle.Request) { r.Number = wanted } }
func field(name, text string) wish {
	return func(r *lifecycle.Request) {
		if r.Set == nil {
			r.Set = map[string]string{}
		}
		r.Set[name] = text
	}
}

// onboard is a request for somebody at London.
func (c *contoso) onboard(name string, wishes ...wish) lifecycle.Request {
	c.t.Helper()
	request := lifecycle.Request{
		Operation: lifecycle.Onboard, Tenant: "contoso", SubscriberID: c.id(name), Site: "london",
		RequestID: "request-" + name, RequestedBy: "admin", Reason: "joined the company", OnFailure: lifecycle.OnFailureRollback,
	}
	for _, w := range wishes {
		w(&request)
	}
	return request
}

func (c *contoso) planOnboard(name string, wishes ...wish) *task[contract.PlanAnswer] {
	c.t.Helper()
	return start(c.run("q"), c.acts.PlanFor, contract.PlanRequest{User: c.email(name), Request: c.onboard(name, wishes...)})
}

// onboardPlan is the plan that PlanFor makes.
func (c *contoso) onboardPlan(name string, wishes ...wish) lifecycle.Plan {
	c.t.Helper()
	return succeed(c.t, c.planOnboard(name, wishes...)).Plan
}

// joining is an onboarding that has been prepared, with its plan.
func (c *contoso) joining(name string, wishes ...wish) (*run, lifecycle.Plan) {
	c.t.Helper()
	r := c.run("r1")
	return r, succeed(c.t, start(r, c.acts.Prepare, c.onboard(name, wishes...))).Plan
}

// onboarded carries a plan out, each step at once, and returns what the workflow would have verified.
func (c *contoso) onboarded(name string, wishes ...wish) (*run, activities.VerifyInput) {
	c.t.Helper()
	r, plan := c.joining(name, wishes...)
	return r, c.carryOut(r, name, plan)
}

func (c *contoso) carryOut(r *run, name string, plan lifecycle.Plan) activities.VerifyInput {
	c.t.Helper()
	in := activities.VerifyInput{Tenant: "contoso", SubscriberID: c.id(name), Before: plan.Before}
	acts := map[lifecycle.StepName]func(context.Context, activities.StepInput) (activities.StepResult, error){
		lifecycle.PlaceAtSite: c.acts.PlaceSubscriber, lifecycle.SetUsageLocation: c.acts.SetUsageLocation,
		lifecycle.AddGroups: c.acts.AddToGroups, lifecycle.AwaitGroupLicenses: c.acts.AwaitGroupLicensesBack,
		lifecycle.AssignLicenses: c.acts.ReplaceDirectLicenses, lifecycle.AwaitTeamsUser: c.acts.AwaitTeamsUser,
		lifecycle.ClaimNumber: c.acts.ClaimNumbers, lifecycle.AssignNumber: c.acts.AssignNumbers,
		lifecycle.ApplyPolicies: c.acts.ApplyPolicies, lifecycle.SetRole: c.acts.SetRole,
	}
	for _, step := range plan.Steps {
		if step.Name != lifecycle.Verify && step.Action == lifecycle.Do {
			require.Contains(c.t, acts, step.Name)
			require.Equal(c.t, lifecycle.Done, succeed(c.t, start(r, acts[step.Name], c.of(name, step.Change))).Outcome, step.Name)
			in.Done = append(in.Done, step)
		}
	}
	return in
}

// inventory is every number with all that is known of it.
func (c *contoso) inventory() []store.Number {
	c.t.Helper()
	list, _, err := c.store.ListNumbers(c.t.Context(), store.NumberFilter{Limit: 1000})
	require.NoError(c.t, err)
	for i, n := range list {
		list[i] = c.number(n.Number)
	}
	return list
}

// held are the numbers that runs hold.
func (c *contoso) held() []string {
	c.t.Helper()
	list, _, err := c.store.ListNumbers(c.t.Context(), store.NumberFilter{State: lifecycle.HeldState})
	require.NoError(c.t, err)
	numbers := []string{}
	for _, n := range list {
		numbers = append(numbers, n.Number)
	}
	return numbers
}

// sql edits the store behind the program's back.
func (c *contoso) sql(statement string, args ...any) {
	c.t.Helper()
	db, err := sql.Open("sqlite", c.file)
	require.NoError(c.t, err)
	_, err = db.ExecContext(c.t.Context(), statement, args...)
	require.NoError(c.t, err)
	require.NoError(c.t, db.Close())
}

func (c *contoso) reserveFor(number, name string) {
	c.t.Helper()
	c.sql(`UPDATE numbers SET reserved_for = ? WHERE number = ?`, c.id(name), number)
}

func codes(p lifecycle.Plan) []lifecycle.WarningCode {
	list := []lifecycle.WarningCode{}
	for _, w := range p.Warnings {
		list = append(list, w.Code)
	}
	return list
}

func TestPrepareOnboardDecidesEveryStep(t *testing.T) {
	for name, row := range map[string]struct {
		user     string
		wishes   []wish
		want     []string
		held     []string
		warnings []lifecycle.WarningCode
	}{
		"somebody new, by a profile": {"yara.young", []wish{byProfile("london-sales")}, []string{
			"place-at-site do", "set-usage-location do", "add-groups do", "await-group-licenses skip no-group-license-expected",
			"assign-licenses do", "await-teams-user do", "claim-number do", "assign-number do", "apply-policies do", "set-role do", "verify do",
		}, []string{lowestNumber}, []lifecycle.WarningCode{}},
		"no m365User template (O1)": {"yara.young", []wish{byGroup("untouched")}, []string{
			"place-at-site do", "set-usage-location skip no-template", "add-groups skip no-template",
			"await-group-licenses skip no-group-license-expected", "assign-licenses skip no-template", "await-teams-user skip not-in-teams",
			"claim-number skip no-number-wanted", "assign-number skip no-number-wanted", "apply-policies skip not-in-teams",
			"set-role unchanged self-service-role-kept", "verify do",
		}, []string{}, []lifecycle.WarningCode{lifecycle.WarnNotInTeams}},
		"licensed by group (O5)": {"ben.baker", []wish{byGroup("uk-sales"), number("next")}, []string{
			"place-at-site unchanged", "set-usage-location unchanged", "add-groups unchanged",
			"await-group-licenses skip no-group-license-expected", "assign-licenses skip group-license-present", "await-teams-user unchanged",
			"claim-number unchanged", "assign-number unchanged", "apply-policies unchanged", "set-role unchanged self-service-role-kept", "verify do",
		}, []string{}, []lifecycle.WarningCode{lifecycle.WarnGroupLicensePresent}},
		"a group that brings a license, no number": {"yara.young", []wish{byGroup("location-and-groups"), number("none")}, []string{
			"place-at-site do", "set-usage-location do", "add-groups do", "await-group-licenses do", "assign-licenses skip nothing-configured",
			"await-teams-user do", "claim-number skip no-number-wanted", "assign-number skip no-number-wanted", "apply-policies do",
			"set-role unchanged self-service-role-kept", "verify do",
		}, []string{}, []lifecycle.WarningCode{}},
		"without a template of any sort": {"laura.lewis", nil, []string{
			"place-at-site unchanged", "set-usage-location unchanged", "add-groups skip no-template",
			"await-group-licenses skip no-group-license-expected", "assign-licenses skip nothing-configured",
			"await-teams-user skip nothing-configured", "claim-number skip no-number-wanted", "assign-number skip no-number-wanted",
			"apply-policies skip no-template", "set-role unchanged self-service-role-kept", "verify do",
		}, []string{}, []lifecycle.WarningCode{}},
	} {
		t.Run(name, func(t *testing.T) {
			c := setup{tenant: withYara}.new(t)
			books, state := c.books(), c.State()
			planned := c.onboardPlan(row.user, row.wishes...)
			require.Equal(t, row.want, decisions(planned))
			require.Equal(t, row.warnings, codes(planned))
			require.Equal(t, books, c.books(), "a plan changes nothing and claims nothing")
			require.Equal(t, state, c.State())

			r, plan := c.joining(row.user, row.wishes...)
			require.Equal(t, planned.Steps, plan.Steps)
			require.Equal(t, planned.Digest, plan.Digest)
			require.Equal(t, row.held, c.held())
			require.Empty(t, c.writes())
			books = c.books()
			again := succeed(t, start(r, c.acts.Prepare, c.onboard(row.user, row.wishes...))).Plan
			require.Equal(t, plan, again)
			require.Equal(t, books, c.books())
		})
	}
}

func TestPrepareOnboardPlansTheExactChange(t *testing.T) {
	c := setup{tenant: withYara}.new(t)
	_, plan := c.joining("yara.young", byProfile("london-sales"))
	change := func(name lifecycle.StepName) lifecycle.Change {
		step, ok := plan.Step(name)
		require.True(t, ok)
		return step.Change
	}
	require.Equal(t, &lifecycle.PlaceChange{From: tenantLevel, To: london, Services: []lifecycle.Service{{Kind: lifecycle.ServiceM365, Node: tenantLevel}}}, change(lifecycle.PlaceAtSite).Place)
	require.Equal(t, &lifecycle.ValueChange{To: "GB"}, change(lifecycle.SetUsageLocation).UsageLocation)
	require.Equal(t, c.licenses("SPE_E5", "MCOEV").Licenses, change(lifecycle.AssignLicenses).Licenses)
	require.Empty(t, change(lifecycle.AssignLicenses).RemovedLicenses)
	require.Equal(t, []lifecycle.NumberChange{{Number: lowestNumber, Type: "directRouting", To: lifecycle.Used}}, change(lifecycle.AssignNumber).Numbers)
	require.Equal(t, &lifecycle.ValueChange{From: selfService, To: "site-self-service"}, change(lifecycle.SetRole).Role)
	// R11: the template's policy, and the site's defaults for the others.
	var policies []string
	for _, p := range change(lifecycle.ApplyPolicies).Policies {
		require.Nil(t, p.From)
		require.Equal(t, c.policy(p.Type, p.To.Name), p.To)
		policies = append(policies, p.Type+" "+p.To.Name)
	}
	require.Equal(t, []string{
		"OnlineVoiceRoutingPolicy UK-National", "TeamsCallingPolicy AllOn", "TeamsEmergencyCallingPolicy London-E911", "TenantDialPlan UK-Dialplan",
	}, policies)
	require.Equal(t, []string{lowestNumber}, plan.After.Numbers)
	require.Equal(t, london, *plan.After.Node)
	require.Equal(t, "GB", *plan.After.UsageLocation)
	require.Equal(t, []string{"All Staff"}, plan.After.Groups)
}

func TestPrepareOnboardClaimsTheNumber(t *testing.T) {
	c := setup{tenant: withYara}.new(t)
	c.joining("yara.young", byProfile("london-sales"))
	n := c.number(lowestNumber)
	require.Equal(t, lifecycle.HeldState, n.State)
	require.Equal(t, lifecycle.Available, n.Beneath)
	require.Equal(t, "r1", n.HeldBy)
	require.Equal(t, c.id("yara.young"), n.ClaimedFor)

	refused(t, start(c.run("r2"), c.acts.Prepare, c.onboard("laura.lewis", byGroup("uk-sales"), number(lowestNumber))), fault.BusinessRule, "number-held", lowestNumber)
	closeRun(c.run("r2"), lifecycle.RolledBack)
	plan := succeed(t, start(c.run("r3"), c.acts.Prepare, c.onboard("laura.lewis", byProfile("london-sales"), anew))).Plan
	step, _ := plan.Step(lifecycle.ClaimNumber)
	require.Equal(t, freeAfter, step.Change.Numbers[0].Number, "the next one")
	require.Equal(t, "r1", c.number(lowestNumber).HeldBy)
}

// freeAfter is the next available number at London once the lowest is taken.
const freeAfter = "+442079460006"

func TestPrepareOnboardTakesOverTheNumberOfADeadRun(t *testing.T) {
	c := setup{tenant: withYara}.new(t)
	_, first := c.joining("yara.young", byProfile("london-sales"))
	successor := c.run("r2")
	successor.info.WorkflowExecution.ID = "workflow-r1"
	second := succeed(t, start(successor, c.acts.Prepare, c.onboard("yara.young", byProfile("london-sales"), anew))).Plan
	require.Equal(t, first.Steps, second.Steps)
	require.Equal(t, first.Digest, second.Digest)
	require.Equal(t, []string{lowestNumber}, c.held())
	require.Equal(t, "r2", c.number(lowestNumber).HeldBy)
	require.Equal(t, c.id("yara.young"), c.number(lowestNumber).ClaimedFor)
}

func TestPrepareOnboardPrefersTheNumberReservedForTheUser(t *testing.T) {
	c := setup{tenant: withYara}.new(t)
	c.reserveFor(freeNumber, "yara.young")
	_, plan := c.joining("yara.young", byProfile("london-sales"))
	step, _ := plan.Step(lifecycle.ClaimNumber)
	require.Equal(t, freeNumber, step.Change.Numbers[0].Number)
}

// R4: whichever way the values come in, the same is done.
func TestThreeWaysInGiveEqualPlans(t *testing.T) {
	editable := exampleWith(t,
		"      licenses:\n        access: hidden\n",
		"      licenses:\n        access: edit\n      role:\n        access: edit\n      number:\n        access: edit\n",
	)
	for _, user := range []string{"yara.young", "laura.lewis", "kevin.king", "ben.baker", "emma.evans"} {
		t.Run(user, func(t *testing.T) {
			c := setup{catalog: editable, tenant: withYara}.new(t)
			profile := c.onboardPlan(user, byProfile("london-sales"))
			group := c.onboardPlan(user, byGroup("uk-sales"), number("next"), field("role", "site-self-service"))
			fields := c.onboardPlan(user, field("number", "next"), field("role", "site-self-service"), field("licenses", "SPE_E5,MCOEV"),
				field("groups", "All Staff"), field("policy.TeamsCallingPolicy", "AllOn"))
			require.True(t, profile.Changes())
			require.Equal(t, profile.Steps, group.Steps)
			require.Equal(t, profile.Steps, fields.Steps)
			require.Equal(t, profile.After, group.After)
			require.Equal(t, profile.After, fields.After)
			require.Equal(t, codes(profile), codes(group))
			require.Equal(t, codes(profile), codes(fields))
		})
	}
}

func TestPrepareOnboardRefuses(t *testing.T) {
	const aTenantMore = "            usageLocation: US\n    - name: fabrikam\n      level: customer\n      tenant: fabrikam\n      children:\n        - name: leeds\n          level: site\n"
	noPermission := func(others ...string) func(*contoso) {
		return func(c *contoso) {
			for _, p := range others {
				c.exchange(p)
			}
		}
	}
	group := func(names string) []string { return []string{"groups: [All Staff]", "groups: [" + names + "]"} }
	licenses := func(text string) []string { return []string{theTemplate, "      licenses:\n" + text} }
	sales, next := byGroup("uk-sales"), number("next")
	rule, invalid := fault.BusinessRule, fault.InvalidRequest
	for name, row := range map[string]struct {
		// user is Laura unless named.
		user    string
		wishes  []wish
		catalog []string
		tenant  func(*graphsim.State)
		before  func(*contoso)
		kind    fault.Kind
		code    string
		says    string
	}{
		"a guest":         {user: "felix.fischer_partner.example#EXT#", wishes: []wish{sales, next}, kind: rule, code: "guest", says: "guest"},
		"disabled":        {user: "grace.green", wishes: []wish{sales, next}, kind: rule, code: "disabled", says: "disabled"},
		"protected":       {user: "svc-backup", wishes: []wish{sales, next}, kind: rule, code: "protected", says: "service account"},
		"at another site": {user: "isabelle.imbert", wishes: []wish{sales, next}, kind: rule, code: "at-another-site", says: paris},

		"an unknown site":          {wishes: []wish{sales, next, at("londn")}, kind: invalid, code: "unknown-node", says: "londn"},
		"no site":                  {wishes: []wish{sales, next, at("")}, kind: invalid, code: "unknown-node", says: "site"},
		"not a site":               {wishes: []wish{sales, next, at("emea")}, kind: rule, code: "not-a-site", says: "emea"},
		"a site of another tenant": {wishes: []wish{at("leeds")}, catalog: []string{"            usageLocation: US\n", aTenantMore}, kind: rule, code: "other-tenant", says: "leeds"},

		"an unknown quick add group":      {wishes: []wish{byGroup("uk-sale"), next}, kind: invalid, code: "unknown-group", says: "uk-sale"},
		"an invisible quick add group":    {wishes: []wish{byGroup("location-and-groups")}, catalog: []string{"- name: location-and-groups\n    node: contoso", "- name: location-and-groups\n    node: newyork"}, kind: rule, code: "group-not-visible", says: newyork},
		"a quick add group to offboard":   {wishes: []wish{byGroup("leaver"), next}, kind: rule, code: "group-for-offboarding", says: "leaver"},
		"an unknown profile":              {wishes: []wish{byProfile("paris-sales")}, kind: invalid, code: "unknown-profile", says: "paris-sales"},
		"a quick add group and a profile": {wishes: []wish{sales, byProfile("london-sales")}, kind: invalid, code: "contradictory", says: "london-sales"},
		"a field that the policy hides":   {wishes: []wish{field("licenses", "SPE_E5")}, kind: rule, code: "field-not-editable", says: "licenses"},
		"an unknown field":                {wishes: []wish{field("usagelocation", "GB")}, kind: invalid, code: "unknown-field", says: "usageLocation"},
		"an unknown policy":               {wishes: []wish{sales, next, field("policy.TeamsCallingPolicy", "NoSuchPolicy")}, kind: rule, code: "unknown-policy", says: "NoSuchPolicy"},

		"a malformed number":       {wishes: []wish{sales, number("12")}, kind: invalid, code: "malformed-number", says: "12"},
		"an unknown number":        {wishes: []wish{sales, number("+442079469999")}, kind: invalid, code: "unknown-number", says: "+442079469999"},
		"a number that is taken":   {wishes: []wish{sales, number(annasNumber)}, kind: rule, code: "number-taken", says: annasNumber},
		"a number of another type": {wishes: []wish{sales, number("+18005550101")}, kind: rule, code: "number-wrong-type", says: "directRouting"},
		"a number that cools": {
			wishes: []wish{sales, number(freeNumber)}, kind: rule, code: "number-cooling", says: freeNumber,
			before: func(c *contoso) {
				c.sql(`UPDATE numbers SET state = 'cooling', cooling_until = ? WHERE number = ?`, monday.AddDate(0, 0, 3).UnixMicro(), freeNumber)
			},
		},
		"a number that is reserved": {
			wishes: []wish{sales, number(freeNumber)}, kind: rule, code: "number-reserved", says: freeNumber,
			before: func(c *contoso) {
				c.sql(`UPDATE numbers SET state = 'reserved', reserved_until = ? WHERE number = ?`, monday.AddDate(0, 0, 3).UnixMicro(), freeNumber)
			},
		},
		"a number that is reserved for another": {
			wishes: []wish{sales, number(freeNumber)}, kind: rule, code: "number-reserved-for-another", says: freeNumber,
			before: func(c *contoso) { c.reserveFor(freeNumber, "emma.evans") },
		},
		"a number that cannot be seen from the site": {
			wishes: []wish{sales, number("+442079461000")}, kind: rule, code: "number-not-visible", says: paris,
			before: func(c *contoso) {
				succeed(c.t, start(c.run("add"), c.acts.AddNumbers, contract.AddNumbersRequest{Node: "paris", Type: "operatorConnect", Numbers: []string{"+442079461000"}}))
			},
		},
		"a number that Teams does not have": {
			wishes: []wish{sales, number(freeNumber)}, kind: rule, code: "number-not-in-teams", says: freeNumber,
			before: func(c *contoso) {
				c.change(func(s *graphsim.State) {
					s.Numbers = slices.DeleteFunc(s.Numbers, func(n graphsim.Number) bool { return n.TelephoneNumber == freeNumber })
				})
			},
		},
		"a number that Teams has given to another": {
			wishes: []wish{sales, number(freeNumber)}, kind: rule, code: "number-taken", says: "in Teams",
			before: func(c *contoso) { c.giveNumber(freeNumber, c.id("oliver.owen")) },
		},
		"a number that is of another type in Teams": {
			wishes: []wish{sales, number(freeNumber)}, kind: rule, code: "number-wrong-type", says: "operatorConnect",
			before: func(c *contoso) {
				c.change(func(s *graphsim.State) {
					i := slices.IndexFunc(s.Numbers, func(n graphsim.Number) bool { return n.TelephoneNumber == freeNumber })
					s.Numbers[i].NumberType = "operatorConnect"
				})
			},
		},
		"no number of a fitting type": {user: "kevin.king", wishes: []wish{sales, next, at("newyork")}, kind: rule, code: "no-number-available", says: newyork,
			before: func(c *contoso) { c.giveNumber("+18005550100", "") }},
		"somebody who has another number":   {user: "anna.archer", wishes: []wish{sales, number(freeNumber)}, kind: rule, code: "has-another-number", says: annasNumber},
		"a number without a license for it": {wishes: []wish{byGroup("location-and-groups"), next}, kind: rule, code: "phone-license-missing", says: "laura.lewis"},
		"a number without the permission":   {wishes: []wish{sales, next}, before: func(c *contoso) { c.exchange(lifecycle.NumberPermission, "TeamsTelephoneNumber.Read.All") }, kind: rule, code: "permission-missing", says: lifecycle.NumberPermission},

		"a dynamic group":           {wishes: []wish{sales, next}, catalog: group("London Office"), kind: rule, code: "group-not-writable", says: "London Office is of kind dynamic"},
		"a synced group":            {wishes: []wish{sales, next}, catalog: group("Headquarters"), kind: rule, code: "group-not-writable", says: "Headquarters is of kind synced"},
		"a mail-enabled group":      {wishes: []wish{sales, next}, catalog: group("Announcements"), kind: rule, code: "group-not-writable", says: "Announcements is of kind mail"},
		"a role-assignable group":   {wishes: []wish{sales, next}, catalog: group("Helpdesk Admins"), kind: rule, code: "group-not-writable", says: "Helpdesk Admins is of kind roleAssignable"},
		"a group that is not there": {wishes: []wish{sales, next}, catalog: group("Sales FR"), kind: rule, code: "unknown-entra-group", says: "Sales FR"},
		"groups without the permission": {
			wishes: []wish{sales, next}, kind: rule, code: "permission-missing", says: "GroupMember.ReadWrite.All",
			before: func(c *contoso) { c.exchange("GroupMember.ReadWrite.All", "GroupMember.Read.All") },
		},

		"a license that is not there":      {wishes: []wish{sales, next}, catalog: licenses("        - SPE_E7\n"), kind: rule, code: "unknown-license", says: "SPE_E7"},
		"a service plan that is not there": {wishes: []wish{sales, next}, catalog: licenses("        - {sku: SPE_E5, disabledPlans: [TEAMS2]}\n"), kind: rule, code: "unknown-service-plan", says: "TEAMS2"},
		"no unit left":                     {wishes: []wish{sales, next}, tenant: units("MCOEV", 0), kind: rule, code: "no-license-left", says: "MCOEV"},
		"no usage location": {
			user: "mark.moore", wishes: []wish{sales, at("paris")}, kind: rule, code: "usage-location-missing", says: "mark.moore",
			catalog: []string{"    - name: e5-voice\n      usageLocation: ${site.defaults.usageLocation}\n", "    - name: e5-voice\n", "        value: ${site.defaults.usageLocation}\n", ""},
		},
		"licenses without the permission (O7)": {
			wishes: []wish{sales, next}, kind: rule, code: "license-permission-missing", says: "LicenseAssignment.ReadWrite.All",
			before: func(c *contoso) { c.exchange("LicenseAssignment.ReadWrite.All", "LicenseAssignment.Read.All") },
		},
		"a usage location that is demanded without the permission": {
			wishes: []wish{field("usageLocation", "FR")}, kind: rule, code: "permission-missing", says: "User.ReadUpdate.All",
			before: noPermission("LicenseAssignment.ReadWrite.All", "User.ReadUpdate.All"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := setup{tenant: row.tenant}
			if row.catalog != nil {
				s.catalog = exampleWith(t, row.catalog...)
			}
			c := s.new(t)
			if row.before != nil {
				row.before(c)
			}
			if row.user == "" {
				row.user = "laura.lewis"
			}
			c.refusesUntouched(row.user, c.planOnboard(row.user, row.wishes...), c.onboard(row.user, row.wishes...), row.kind, row.code, row.says)
		})
	}
}

// refusesUntouched demands that a plan is refused, and the preparation of its run alike, and that everything is as before.
func (c *contoso) refusesUntouched(user string, plan *task[contract.PlanAnswer], request lifecycle.Request, kind fault.Kind, code, says string) {
	c.t.Helper()
	who, inventory, state, books := c.subscriber(user), c.inventory(), c.State(), c.books()
	refused(c.t, plan, kind, code, says)
	require.Equal(c.t, books, c.books())

	r := c.run("r1")
	refused(c.t, start(r, c.acts.Prepare, request), kind, code, says)
	require.Empty(c.t, c.writes())
	closeRun(r, lifecycle.RolledBack)
	require.Empty(c.t, c.held())
	require.Equal(c.t, inventory, c.inventory())
	require.Equal(c.t, state, c.State())
	require.Equal(c.t, who, c.subscriber(user))
	runs, _, err := c.store.FindOperations(c.t.Context(), store.OperationFilter{SubscriberID: who.ID})
	require.NoError(c.t, err)
	require.False(c.t, slices.ContainsFunc(runs, func(o store.OperationRow) bool { return o.Active }))
}

func TestPrepareOnboardWithoutLicensePermissionGoesOnWhereTheSettingSaysSoO7(t *testing.T) {
	c := setup{catalog: exampleWith(t, "licensePermissionMissing: fail", "licensePermissionMissing: warn")}.new(t)
	c.exchange("LicenseAssignment.ReadWrite.All", "LicenseAssignment.Read.All")
	_, plan := c.joining("laura.lewis", byGroup("uk-sales"))
	require.Contains(t, decisions(plan), "assign-licenses skip license-permission-missing")
	require.Contains(t, codes(plan), lifecycle.WarnLicensePermissionMissing)
}

func TestOnboardingAgainChangesNothingR5(t *testing.T) {
	for name, row := range map[string]struct {
		user   string
		wishes []wish
	}{
		"somebody new":                {"yara.young", []wish{byProfile("london-sales")}},
		"with a number in particular": {"laura.lewis", []wish{byGroup("uk-sales"), number(freeNumber)}},
		"by group":                    {"yara.young", []wish{byGroup("location-and-groups")}},
		"from the tenant level":       {"kevin.king", []wish{byProfile("london-sales")}},
	} {
		t.Run(name, func(t *testing.T) {
			c := setup{tenant: withYara}.new(t)
			r, in := c.onboarded(row.user, row.wishes...)
			verified := succeed(t, start(r, c.acts.VerifySubscriber, in))
			closeRun(r, lifecycle.Completed)
			require.Empty(t, c.held())

			c.ClearJournal()
			inventory, who := c.inventory(), c.subscriber(row.user)
			again := c.run("r2")
			plan := succeed(t, start(again, c.acts.Prepare, c.onboard(row.user, append(row.wishes, anew)...))).Plan
			require.False(t, plan.Changes(), "%v", decisions(plan))
			require.Equal(t, verified.After, plan.Before)
			require.Empty(t, c.carryOut(again, row.user, plan).Done)
			closeRun(again, lifecycle.Completed)
			require.Empty(t, c.writes())
			require.Equal(t, inventory, c.inventory())
			require.Equal(t, who, c.subscriber(row.user))
		})
	}
}

func TestOnboardingAgainWritesOnlyTheDifferenceR5(t *testing.T) {
	c := setup{tenant: withYara}.new(t)
	r, _ := c.onboarded("yara.young", byProfile("london-sales"))
	closeRun(r, lifecycle.Completed)
	c.setPolicy("yara.young", "TenantDialPlan", "FR-Dialplan")
	c.ClearJournal()
	again := c.run("r2")
	plan := succeed(t, start(again, c.acts.Prepare, c.onboard("yara.young", byProfile("london-sales"), anew))).Plan
	c.carryOut(again, "yara.young", plan)
	require.Equal(t, []string{assignPolicy}, c.writes())
}
