package activities_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tenure/activities"
	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/graphsim"
	"tenure/internal/lifecycle"
)

// update is a request for fields of somebody to change where they are.
func (c *contoso) update(name string, wishes ...wish) lifecycle.Request {
	c.t.Helper()
	request := c.onboard(name, append([]wish{at("")}, wishes...)...)
	request.Operation, request.Reason = lifecycle.Update, "asked for it"
	return request
}

func (c *contoso) planUpdate(name string, wishes ...wish) *task[contract.PlanAnswer] {
	c.t.Helper()
	return start(c.run("q"), c.acts.PlanFor, contract.PlanRequest{User: c.email(name), Request: c.update(name, wishes...)})
}

// updating is an update that has been prepared, with its plan.
func (c *contoso) updating(name string, wishes ...wish) (*run, lifecycle.Plan) {
	c.t.Helper()
	r := c.run("r1")
	return r, succeed(c.t, start(r, c.acts.Prepare, c.update(name, wishes...))).Plan
}

// updateSteps are the steps in the order in which the workflow does them.
func (c *contoso) updateSteps() []moveStep {
	type act = func(context.Context, activities.StepInput) (activities.StepResult, error)
	a := c.acts
	return []moveStep{
		{lifecycle.SetUsageLocation, []act{a.SetUsageLocation}, []act{a.RestoreUsageLocation}},
		{lifecycle.AddGroups, []act{a.AddToGroups}, []act{a.RemoveFromGroups, a.AwaitGroupLicensesGone}},
		{lifecycle.AwaitGroupLicenses, []act{a.AwaitGroupLicensesBack}, nil},
		{lifecycle.RemoveNumber, []act{a.UnassignNumbers, a.AwaitVoiceOff}, []act{a.AssignNumbers}},
		{lifecycle.AssignLicenses, []act{a.ReplaceDirectLicenses}, []act{a.RestoreReplacedLicenses}},
		{lifecycle.AwaitTeamsUser, []act{a.AwaitTeamsUser}, nil},
		{lifecycle.ClaimNumber, []act{a.ClaimNumbers}, []act{a.DropClaims}},
		{lifecycle.AssignNumber, []act{a.AssignNumbers}, []act{a.UnassignNumbers, a.AwaitVoiceOff, a.RestoreLocations}},
		{lifecycle.ApplyPolicies, []act{a.ApplyPolicies}, []act{a.RestorePolicies}},
		{lifecycle.ReleaseNumber, []act{a.ReleaseNumbers}, []act{a.DropReleases}},
		{lifecycle.SetRole, []act{a.SetRole}, []act{a.RestoreRole}},
	}
}

// updateSome carries the plan out as far as before that step, every activity twice as when its worker died after it, and
// returns the steps that it did; after every one of them check is called.
func (c *contoso) updateSome(r *run, name string, plan lifecycle.Plan, before lifecycle.StepName, check func()) (done []moveStep, in activities.VerifyInput) {
	c.t.Helper()
	in = activities.VerifyInput{Tenant: "contoso", SubscriberID: c.id(name), Before: plan.Before}
	for _, s := range c.updateSteps() {
		planned, _ := plan.Step(s.name)
		if s.name == before {
			break
		}
		if planned.Action != lifecycle.Do {
			continue
		}
		for _, do := range s.do {
			task := start(r, do, c.of(name, planned.Change))
			require.Equal(c.t, lifecycle.Done, succeed(c.t, task).Outcome, s.name)
			state := c.State()
			require.Equal(c.t, lifecycle.Done, succeed(c.t, task).Outcome, s.name)
			require.Equal(c.t, state, c.State(), "%s is safe to be done twice", s.name)
			check()
		}
		done, in.Done = append(done, s), append(in.Done, planned)
	}
	return done, in
}

// updated are the updates that the tests carry out.
var updated = map[string]struct {
	user   string
	wishes []wish
	// steps are those that have something to do.
	steps []lifecycle.StepName
	// gives and takes are the number that goes and the one that comes.
	gives, takes string
}{
	"usage location": {"anna.archer", []wish{field("usageLocation", "FR")}, []lifecycle.StepName{"set-usage-location"}, "", ""},
	"licenses":       {"anna.archer", []wish{field("licenses", "SPE_E5,MCOEV")}, []lifecycle.StepName{"assign-licenses"}, "", ""},
	"a license group": {
		"laura.lewis", []wish{field("groups", "License E3,All Staff")}, []lifecycle.StepName{"add-groups", "await-group-licenses"}, "", "",
	},
	"policies": {
		"anna.archer", []wish{field("policy.TeamsCallingPolicy", "NoForwarding"), field("policy.TenantDialPlan", "")}, []lifecycle.StepName{"apply-policies"}, "", "",
	},
	"role": {"anna.archer", []wish{field("role", "site-admin")}, []lifecycle.StepName{"set-role"}, "", ""},
	"a certain number": {
		"anna.archer", []wish{field("number", freeNumber)},
		[]lifecycle.StepName{"remove-number", "disable-enterprise-voice", "claim-number", "assign-number", "release-number"}, annasNumber, freeNumber,
	},
	"no number": {
		"anna.archer", []wish{field("number", "none")}, []lifecycle.StepName{"remove-number", "disable-enterprise-voice", "release-number"}, annasNumber, "",
	},
	"licensed by group, another number": {
		"ben.baker", []wish{field("number", freeNumber)},
		[]lifecycle.StepName{"remove-number", "disable-enterprise-voice", "claim-number", "assign-number", "release-number"}, bensNumber, freeNumber,
	},
	"a first number with its licenses": {
		"laura.lewis", []wish{field("licenses", "SPE_E5,MCOEV"), field("number", "next")},
		[]lifecycle.StepName{"assign-licenses", "await-teams-user", "claim-number", "assign-number"}, "", lowestNumber,
	},
	"the number and its licenses taken away": {
		"anna.archer", []wish{field("licenses", "SPE_E3"), field("number", "none")},
		[]lifecycle.StepName{"remove-number", "disable-enterprise-voice", "assign-licenses", "release-number"}, annasNumber, "",
	},
	"everything": {
		"anna.archer", []wish{
			field("usageLocation", "FR"), field("licenses", "SPE_E5,MCOEV"), field("groups", "Sales UK,All Staff"), field("number", freeNumber),
			field("policy.TeamsCallingPolicy", "NoForwarding"), field("role", "site-admin"),
		},
		[]lifecycle.StepName{
			"set-usage-location", "remove-number", "disable-enterprise-voice", "assign-licenses", "claim-number", "assign-number", "apply-policies", "release-number", "set-role",
		}, annasNumber, freeNumber,
	},
	"what is there already": {
		"anna.archer", []wish{field("usageLocation", "GB"), field("licenses", "SPE_E5"), field("groups", "All Staff"), field("number", "next")}, nil, "", "",
	},
}

func TestAnUpdateIsCarriedOut(t *testing.T) {
	for name, u := range updated {
		t.Run(name, func(t *testing.T) {
			c := newContoso(t)
			books, state := c.books(), c.State()
			planned := succeed(t, c.planUpdate(u.user, u.wishes...)).Plan
			require.Equal(t, books, c.books(), "a plan changes nothing and holds nothing")
			require.Equal(t, state, c.State())

			r, plan := c.updating(u.user, u.wishes...)
			require.Equal(t, planned.Steps, plan.Steps)
			require.Equal(t, planned.Digest, plan.Digest)
			var steps []lifecycle.StepName
			for _, s := range plan.Steps {
				if s.Action == lifecycle.Do && s.Name != lifecycle.Verify {
					steps = append(steps, s.Name)
				}
			}
			require.Equal(t, u.steps, steps)
			held := slices.DeleteFunc([]string{u.gives, u.takes}, func(n string) bool { return n == "" })
			slices.Sort(held)
			safe := func() {
				require.Equal(t, held, c.held(), "from the first step to the last")
				if u.gives != "" {
					require.Equal(t, lifecycle.Used, c.number(u.gives).Beneath, "the old number is nobody else's before the run ends")
				}
			}
			safe()
			_, in := c.updateSome(r, u.user, plan, "", safe)
			verified := succeed(t, start(r, c.acts.VerifySubscriber, in))
			safe()
			closeRun(r, lifecycle.Completed)

			promised := plan.After
			slices.SortFunc(promised.Licenses, bySKU)
			slices.SortFunc(verified.After.Licenses, bySKU)
			for i, l := range promised.Licenses {
				promised.Licenses[i].SKU = c.partNumber(l.SKU)
			}
			slices.Sort(promised.Groups)
			slices.Sort(verified.After.Groups)
			require.Equal(t, promised, verified.After, "what the plan promised")
			require.Empty(t, c.held())
			if u.gives != "" {
				require.Equal(t, lifecycle.Cooling, c.number(u.gives).State, "R83")
				require.Empty(t, c.holder(u.gives))
			}
			if u.takes != "" {
				require.Equal(t, lifecycle.Used, c.number(u.takes).State)
				require.Equal(t, c.id(u.user), c.holder(u.takes))
			}
			again := succeed(t, c.planUpdate(u.user, u.wishes...)).Plan
			require.False(t, again.Changes(), "%v", decisions(again))
		})
	}
}

// The inventory and Teams may disagree about which number somebody has. The one that is asked for is claimed, and stays.
func TestAnUpdateToANumberThatOnlyTheInventoryHasOnTheUser(t *testing.T) {
	c := newContoso(t)
	c.sql(`UPDATE numbers SET state = 'used', user_id = ? WHERE number = ?`, c.id("anna.archer"), freeNumber)
	r, plan := c.updating("anna.archer", field("number", freeNumber))
	_, in := c.updateSome(r, "anna.archer", plan, "", func() {})
	succeed(t, start(r, c.acts.VerifySubscriber, in))
	closeRun(r, lifecycle.Completed)
	require.Equal(t, c.id("anna.archer"), c.holder(freeNumber))
	require.Equal(t, lifecycle.Used, c.number(freeNumber).State)
	require.Equal(t, lifecycle.Cooling, c.number(annasNumber).State)
}

// partNumber is the part number of a product that is given by id or by part number.
func (c *contoso) partNumber(sku string) string {
	for _, s := range c.State().SKUs {
		if s.ID == sku {
			return s.PartNumber
		}
	}
	return sku
}

// TestAnUpdateUndoneIsAsBefore undoes every update from its end, and the largest from before every step.
func TestAnUpdateUndoneIsAsBefore(t *testing.T) {
	for name, u := range updated {
		stops := []lifecycle.StepName{""}
		if name == "everything" || strings.HasPrefix(name, "a first number") {
			stops = append(stops, u.steps...)
		}
		for _, before := range stops {
			t.Run(name+" before "+string(before), func(t *testing.T) {
				c := newContoso(t)
				isAsBefore := c.remember(u.user)
				r, plan := c.updating(u.user, u.wishes...)
				done, in := c.updateSome(r, u.user, plan, before, func() {})
				if len(done) > 0 {
					c.unmove(r, u.user, plan, done, in)
				}
				closeRun(r, lifecycle.RolledBack)
				isAsBefore()
			})
		}
	}
}

// TestPrepareUpdateAgainIsTheSame: for an attempt that is repeated, and for a run that follows a dead one.
func TestPrepareUpdateAgainIsTheSame(t *testing.T) {
	for name, u := range updated {
		t.Run(name, func(t *testing.T) {
			c := newContoso(t)
			r, plan := c.updating(u.user, u.wishes...)
			held, books := c.held(), c.books()
			require.Equal(t, plan, succeed(t, start(r, c.acts.Prepare, c.update(u.user, u.wishes...))).Plan)
			require.Equal(t, books, c.books())

			successor := c.run("r2")
			successor.info.WorkflowExecution.ID = "workflow-r1"
			second := succeed(t, start(successor, c.acts.Prepare, c.update(u.user, append(u.wishes, anew)...))).Plan
			require.Equal(t, plan.Steps, second.Steps)
			require.Equal(t, plan.Digest, second.Digest)
			require.Equal(t, held, c.held())
			require.Empty(t, c.writes())
		})
	}
}

func TestPrepareUpdateRefuses(t *testing.T) {
	retained := []string{"licenses: remove                   #", "licenses: retain                   #"}
	rule, invalid := fault.BusinessRule, fault.InvalidRequest
	licenses := field("licenses", "SPE_E5")
	for name, row := range map[string]struct {
		// user is Anna unless named.
		user    string
		wishes  []wish
		catalog []string
		before  func(*contoso)
		kind    fault.Kind
		code    string
		says    string
	}{
		"licensed by group, R31":      {user: "ben.baker", wishes: []wish{licenses}, kind: rule, code: "group-license-present", says: "come from"},
		"retained, R36":               {wishes: []wish{licenses}, catalog: retained, kind: rule, code: "licenses-retained", says: "retained"},
		"retained, with other fields": {wishes: []wish{licenses, field("usageLocation", "FR")}, catalog: retained, kind: rule, code: "licenses-retained", says: "retained"},
		"licenses without the permission, R35": {wishes: []wish{licenses}, kind: rule, code: "license-permission-missing", says: "LicenseAssignment.ReadWrite.All",
			before: func(c *contoso) { c.exchange("LicenseAssignment.ReadWrite.All", "LicenseAssignment.Read.All") }},
		"a usage location without the permission, R35": {wishes: []wish{field("usageLocation", "FR")}, kind: rule, code: "permission-missing", says: "User.ReadUpdate.All",
			before: (*contoso).withoutLocationPermission},
		"policies without the permission": {wishes: []wish{field("policy.TenantDialPlan", "")}, kind: rule, code: "permission-missing", says: lifecycle.PolicyPermission,
			before: func(c *contoso) { c.exchange(lifecycle.PolicyPermission) }},
		"no unit left": {wishes: []wish{field("licenses", "SPE_E5,MCOEV")}, kind: rule, code: "no-license-left", says: "MCOEV",
			before: func(c *contoso) { c.change(units("MCOEV", 0)) }},
		"a license that is not there":                       {wishes: []wish{field("licenses", "SPE_E7")}, kind: rule, code: "unknown-license", says: "SPE_E7"},
		"a group that is not there":                         {wishes: []wish{field("groups", "Nobody")}, kind: rule, code: "unknown-entra-group", says: "Nobody"},
		"a dynamic group":                                   {user: "laura.lewis", wishes: []wish{field("groups", "London Office")}, before: leaveLondonOffice, kind: rule, code: "group-not-writable", says: "dynamic"},
		"a policy that is not there":                        {wishes: []wish{field("policy.TenantDialPlan", "Mars")}, kind: rule, code: "unknown-policy", says: "Mars"},
		"a number in use":                                   {wishes: []wish{field("number", bensNumber)}, kind: rule, code: "number-taken", says: bensNumber},
		"a number that is not there":                        {wishes: []wish{field("number", "+442079469999")}, kind: invalid, code: "unknown-number", says: "+442079469999"},
		"a number of another type":                          {wishes: []wish{field("number", "+18005550101")}, kind: rule, code: "number-wrong-type", says: "directRouting"},
		"a number without a license":                        {user: "laura.lewis", wishes: []wish{field("number", "next")}, kind: rule, code: "phone-license-missing", says: "laura.lewis"},
		"licenses that lose the phone while a number stays": {wishes: []wish{field("licenses", "SPE_E3")}, kind: rule, code: "phone-license-missing", says: annasNumber},

		"a read-only field": {wishes: []wish{licenses, actingAs("site-admin")}, kind: rule, code: "field-not-editable", says: "licenses-elsewhere"},
		"an unknown role":   {wishes: []wish{licenses, actingAs("nobody")}, kind: invalid, code: "unknown-role", says: "nobody"},
		"an unknown field":  {wishes: []wish{field("colour", "red")}, kind: invalid, code: "unknown-field", says: "colour"},
		"nothing":           {kind: invalid, code: "nothing-to-update", says: "no field"},
		"a guest":           {user: "felix.fischer_partner.example#EXT#", wishes: []wish{field("usageLocation", "FR")}, kind: rule, code: "guest", says: "guest"},
		"disabled":          {user: "grace.green", wishes: []wish{field("usageLocation", "FR")}, kind: rule, code: "disabled", says: "disabled"},
		"protected":         {user: "svc-backup", wishes: []wish{field("usageLocation", "FR")}, kind: rule, code: "protected", says: "service account"},
	} {
		t.Run(name, func(t *testing.T) {
			s := setup{}
			if row.catalog != nil {
				s.catalog = exampleWith(t, row.catalog...)
			}
			c := s.new(t)
			if row.before != nil {
				row.before(c)
			}
			if row.user == "" {
				row.user = "anna.archer"
			}
			c.refusesUntouched(row.user, c.planUpdate(row.user, row.wishes...), c.update(row.user, row.wishes...), row.kind, row.code, row.says)
		})
	}
}

func actingAs(role string) wish { return func(r *lifecycle.Request) { r.ActAs = role } }

// leaveLondonOffice takes everybody out of the dynamic group.
func leaveLondonOffice(c *contoso) {
	c.change(func(s *graphsim.State) {
		for i := range s.Groups {
			if s.Groups[i].DisplayName == "London Office" {
				s.Groups[i].Members = nil
			}
		}
	})
}
