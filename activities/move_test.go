package activities_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"tenure/activities"
	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/lifecycle"
	"tenure/internal/store"
)

const (
	emea           = "acme/contoso/emea"
	kevinsNumber   = "+18005550100"
	operatorNumber = "+442079461000"
)

func keepingNumber(r *lifecycle.Request) { r.KeepNumber = true }
func keepingNumberAtSite(r *lifecycle.Request) {
	r.KeepNumber, r.NumberTo = true, lifecycle.NumberToSite
}
func leavingBy(group string) wish { return func(r *lifecycle.Request) { r.OffboardGroup = group } }

// move is a request for somebody to go to a site.
func (c *contoso) move(name, site string, wishes ...wish) lifecycle.Request {
	c.t.Helper()
	request := c.onboard(name, append([]wish{at(site)}, wishes...)...)
	request.Operation, request.Reason = lifecycle.Move, "changed offices"
	return request
}

func (c *contoso) planMove(name, site string, wishes ...wish) *task[contract.PlanAnswer] {
	c.t.Helper()
	return start(c.run("q"), c.acts.PlanFor, contract.PlanRequest{User: c.email(name), Request: c.move(name, site, wishes...)})
}

// moving is a move that has been prepared, with its plan.
func (c *contoso) moving(name, site string, wishes ...wish) (*run, lifecycle.Plan) {
	c.t.Helper()
	r := c.run("r1")
	return r, succeed(c.t, start(r, c.acts.Prepare, c.move(name, site, wishes...))).Plan
}

// moveStep is how a step of a move is done and undone.
type moveStep struct {
	name     lifecycle.StepName
	do, undo []func(context.Context, activities.StepInput) (activities.StepResult, error)
}

// moveSteps are the steps in the order in which the workflow does them when licenses are taken away.
func (c *contoso) moveSteps() []moveStep {
	type act = func(context.Context, activities.StepInput) (activities.StepResult, error)
	a := c.acts
	return []moveStep{
		{lifecycle.MoveNumber, []act{a.MoveHeldNumbers}, []act{a.RestoreHeldNumbers}},
		{"leave/return-to-tenant-level", []act{a.PlaceSubscriber}, []act{a.RestorePlacement}},
		{"join/place-at-site", []act{a.PlaceSubscriber}, []act{a.RestorePlacement}},
		{"join/set-usage-location", []act{a.SetUsageLocation}, []act{a.RestoreUsageLocation}},
		{"leave/remove-number", []act{a.UnassignNumbers, a.AwaitVoiceOff}, []act{a.AssignNumbers}},
		{"leave/apply-policies", []act{a.ApplyPolicies}, []act{a.RestorePolicies}},
		{"leave/remove-groups", []act{a.RemoveFromGroups}, []act{a.AddToGroups, a.AwaitGroupLicensesBack}},
		{"leave/await-group-licenses", []act{a.AwaitGroupLicensesGone}, nil},
		{"leave/remove-licenses", []act{a.RemoveDirectLicenses}, []act{a.RestoreDirectLicenses}},
		{"join/add-groups", []act{a.AddToGroups}, []act{a.RemoveFromGroups, a.AwaitGroupLicensesGone}},
		{"join/await-group-licenses", []act{a.AwaitGroupLicensesBack}, nil},
		{"join/assign-licenses", []act{a.ReplaceDirectLicenses}, []act{a.RestoreReplacedLicenses}},
		{"join/await-teams-user", []act{a.AwaitTeamsUser}, nil},
		{"join/claim-number", []act{a.ClaimNumbers}, []act{a.DropClaims}},
		{"join/assign-number", []act{a.AssignNumbers}, []act{a.UnassignNumbers, a.AwaitVoiceOff, a.RestoreLocations}},
		{"join/apply-policies", []act{a.ApplyPolicies}, []act{a.RestorePolicies}},
		{"leave/release-number", []act{a.ReleaseNumbers}, []act{a.DropReleases}},
		{"leave/set-role", []act{a.SetRole}, []act{a.RestoreRole}},
		{"join/set-role", []act{a.SetRole}, []act{a.RestoreRole}},
	}
}

// moveSome carries the plan out as far as before that step, and returns the steps that it did; after every one of them
// check is called.
func (c *contoso) moveSome(r *run, name string, plan lifecycle.Plan, before lifecycle.StepName, check func()) (done []moveStep, in activities.VerifyInput) {
	c.t.Helper()
	in = activities.VerifyInput{Tenant: "contoso", SubscriberID: c.id(name), Before: plan.Before}
	for _, s := range c.moveSteps() {
		planned, ok := plan.Step(s.name)
		require.True(c.t, ok, "the plan has no step %s", s.name)
		if s.name == before {
			break
		}
		if planned.Action != lifecycle.Do {
			continue
		}
		for _, do := range s.do {
			require.Equal(c.t, lifecycle.Done, succeed(c.t, start(r, do, c.of(name, planned.Change))).Outcome, s.name)
			check()
		}
		done, in.Done = append(done, s), append(in.Done, planned)
	}
	// The workflow hands them over in the order of the plan.
	slices.SortStableFunc(in.Done, func(a, b lifecycle.PlannedStep) int { return place(plan, a.Name) - place(plan, b.Name) })
	return done, in
}

func place(plan lifecycle.Plan, name lifecycle.StepName) int {
	return slices.IndexFunc(plan.Steps, func(s lifecycle.PlannedStep) bool { return s.Name == name })
}

// unmove takes steps back, the last one first, and reads back that the user is as before.
func (c *contoso) unmove(r *run, name string, plan lifecycle.Plan, done []moveStep, in activities.VerifyInput) {
	c.t.Helper()
	for _, s := range slices.Backward(done) {
		planned, _ := plan.Step(s.name)
		for _, undo := range s.undo {
			succeed(c.t, start(r, undo, c.of(name, planned.Change)))
		}
	}
	after := succeed(c.t, start(r, c.acts.VerifyUndone, activities.UndoneInput{Tenant: in.Tenant, SubscriberID: in.SubscriberID, Before: in.Before, Undone: in.Done})).After
	for _, state := range []lifecycle.State{in.Before, after} {
		slices.SortFunc(state.Licenses, bySKU)
		slices.Sort(state.Groups)
	}
	require.Equal(c.t, in.Before, after)
}

// leaversLoseLicenses is the example in which the group leaver takes licenses as well.
func leaversLoseLicenses(t *testing.T) string {
	return exampleWith(t, "    offboarding: true\n    teamsUser: no-voice\n    removeGroups: license-groups\n", "    offboarding: true\n    licenses: remove\n    teamsUser: no-voice\n    removeGroups: license-groups\n")
}

// moves are those that the tests carry out, with what becomes of the number.
var moves = map[string]struct {
	user, site  string
	wishes      []wish
	loses       bool // with leaversLoseLicenses
	number      string
	kept        bool
	from, to    string
	free        string // the new number
	node        string
	licenses    []string
	groups      []string
	placedFirst string // where the user has to be placed to begin with
}{
	"kept, moved to the nearest shared node": {
		user: "anna.archer", site: "paris", wishes: []wish{byGroup("uk-sales"), keepingNumber}, number: annasNumber, kept: true, from: london, to: emea, node: paris,
		licenses: []string{"MCOEV", "SPE_E5"}, groups: []string{"All Staff", "London Office", "Sales UK"},
	},
	"kept, moved to the site": {
		user: "anna.archer", site: "paris", wishes: []wish{byGroup("untouched"), keepingNumberAtSite}, number: annasNumber, kept: true, from: london, to: paris, node: paris,
		licenses: []string{"SPE_E5"}, groups: []string{"All Staff", "London Office", "Sales UK"},
	},
	"kept, with nothing but the customer in common": {
		user: "anna.archer", site: "newyork", wishes: []wish{byGroup("uk-sales"), keepingNumber}, number: annasNumber, kept: true, from: london, to: tenantLevel, node: newyork,
		licenses: []string{"MCOEV", "SPE_E5"}, groups: []string{"All Staff", "London Office", "Sales UK"},
	},
	"kept, and seen from everywhere": {
		user: "kevin.king", site: "paris", placedFirst: "newyork", wishes: []wish{byGroup("untouched"), keepingNumber}, number: kevinsNumber, kept: true, from: tenantLevel, to: tenantLevel, node: paris,
		licenses: []string{"MCOPSTN1", "SPE_E5"}, groups: []string{"All Staff"},
	},
	"kept, the licenses taken and given anew": {
		user: "anna.archer", site: "paris", loses: true, wishes: []wish{byGroup("uk-sales"), keepingNumber, leavingBy("leaver")}, number: annasNumber, kept: true, from: london, to: emea, node: paris,
		licenses: []string{"MCOEV", "SPE_E5"}, groups: []string{"All Staff", "London Office", "Sales UK"},
	},
	"kept, a license group left and joined again": {
		user: "ben.baker", site: "paris", wishes: []wish{byGroup("location-and-groups"), keepingNumber, leavingBy("leaver")}, number: bensNumber, kept: true, from: london, to: emea, node: paris,
		licenses: []string{"MCOEV"}, groups: []string{"All Staff", "License E3", "Sales UK"},
	},
	"kept, a group left": {
		user: "anna.archer", site: "paris", wishes: []wish{byGroup("untouched"), keepingNumber, leavingBy("leaver-keeps-licenses")}, number: annasNumber, kept: true, from: london, to: emea, node: paris,
		licenses: []string{"SPE_E5"}, groups: []string{"London Office", "Sales UK"},
	},
	"a new number": {
		user: "anna.archer", site: "paris", wishes: []wish{byGroup("uk-sales"), number("next")}, number: annasNumber, from: london, to: london, free: operatorNumber, node: paris,
		licenses: []string{"MCOEV", "SPE_E5"}, groups: []string{"All Staff", "London Office", "Sales UK"},
	},
	"a certain number, the licenses taken and given anew": {
		user: "anna.archer", site: "paris", loses: true, wishes: []wish{byGroup("uk-sales"), number(operatorNumber), leavingBy("leaver")}, number: annasNumber, from: london, to: london, free: operatorNumber, node: paris,
		licenses: []string{"MCOEV", "SPE_E5"}, groups: []string{"All Staff", "London Office", "Sales UK"},
	},
}

// mover is a contoso in which somebody can go on one of the moves.
func mover(t *testing.T, user, placedFirst string, loses bool) *contoso {
	t.Helper()
	s := setup{}
	if loses {
		s.catalog = leaversLoseLicenses(t)
	}
	c := s.new(t)
	succeed(t, start(c.run("add"), c.acts.AddNumbers, contract.AddNumbersRequest{Node: "paris", Type: "operatorConnect", Numbers: []string{operatorNumber}}))
	if placedFirst != "" {
		succeed(t, c.place(contract.PlaceRequest{User: c.email(user), Site: placedFirst}))
	}
	c.ClearJournal()
	return c
}

func TestAMoveIsCarriedOut(t *testing.T) {
	for name, m := range moves {
		t.Run(name, func(t *testing.T) {
			c := mover(t, m.user, m.placedFirst, m.loses)
			books, state := c.books(), c.State()
			planned := succeed(t, c.planMove(m.user, m.site, m.wishes...)).Plan
			require.Equal(t, books, c.books(), "a plan changes nothing and holds nothing")
			require.Equal(t, state, c.State())

			r, plan := c.moving(m.user, m.site, m.wishes...)
			require.Equal(t, planned.Steps, plan.Steps)
			require.Equal(t, planned.Digest, plan.Digest)
			alone := func() {
				n := c.number(m.number)
				require.Equal(t, lifecycle.HeldState, n.State, "from the first step to the last")
				require.Equal(t, lifecycle.Used, n.Beneath)
				require.Equal(t, "r1", n.HeldBy)
				require.Equal(t, c.id(m.user), n.User.ID)
			}
			alone()
			_, in := c.moveSome(r, m.user, plan, "", alone)
			verified := succeed(t, start(r, c.acts.VerifySubscriber, in))
			alone()
			closeRun(r, lifecycle.Completed)

			promised := plan.After
			slices.SortFunc(promised.Licenses, bySKU)
			slices.SortFunc(verified.After.Licenses, bySKU)
			slices.Sort(promised.Groups)
			slices.Sort(verified.After.Groups)
			require.Equal(t, promised, verified.After, "what the plan promised")
			require.Equal(t, m.node, *verified.After.Node)
			require.ElementsMatch(t, m.licenses, c.direct(m.user))
			for _, g := range c.State().Groups {
				require.Equal(t, slices.Contains(m.groups, g.DisplayName), slices.Contains(g.Members, c.id(m.user)), g.DisplayName)
			}
			require.Empty(t, c.held())
			n := c.number(m.number)
			require.Equal(t, m.to, n.Node)
			events := []string{}
			for _, e := range n.History {
				events = append(events, e.Event)
			}
			events = events[1:] // how it came in
			if m.kept {
				require.Equal(t, c.id(m.user), c.holder(m.number))
				require.Equal(t, lifecycle.Used, n.State)
				require.Equal(t, c.id(m.user), n.User.ID)
				want := []string{"hold", "move", "hold-ended"}
				if m.from == m.to {
					want = []string{"hold", "hold-ended"}
				}
				require.Equal(t, want, events, "never available, never cooling")
				return
			}
			require.Equal(t, lifecycle.Cooling, n.State, "by the rule of its own node, R83")
			require.Equal(t, []string{"hold", "release-to-cooling"}, events)
			require.Empty(t, c.holder(m.number))
			require.Equal(t, c.id(m.user), c.holder(m.free))
			require.Equal(t, c.id(m.user), c.number(m.free).User.ID)
			require.Equal(t, []string{m.free}, verified.After.Numbers)
		})
	}
}

func bySKU(a, b lifecycle.LicenseState) int {
	switch {
	case a.SKU < b.SKU:
		return -1
	case a.SKU > b.SKU:
		return 1
	}
	return 0
}

// TestAMoveUndoneIsAsBefore undoes every move from its end, and those with the most to do from before every step.
func TestAMoveUndoneIsAsBefore(t *testing.T) {
	for name, m := range moves {
		stops := []lifecycle.StepName{""}
		if m.loses {
			for _, s := range (&contoso{acts: &activities.Activities{}}).moveSteps() {
				stops = append(stops, s.name)
			}
		}
		for _, before := range stops {
			t.Run(name+" before "+string(before), func(t *testing.T) {
				c := mover(t, m.user, m.placedFirst, m.loses)
				isAsBefore := c.remember(m.user)
				r, plan := c.moving(m.user, m.site, m.wishes...)
				done, in := c.moveSome(r, m.user, plan, before, func() {})
				if len(done) > 0 {
					c.unmove(r, m.user, plan, done, in)
				}
				closeRun(r, lifecycle.RolledBack)
				isAsBefore()
			})
		}
	}
}

// TestPrepareMoveAgainIsTheSame: for an attempt that is repeated, and for a run that follows a dead one.
func TestPrepareMoveAgainIsTheSame(t *testing.T) {
	for name, wishes := range map[string][]wish{
		"kept": {byGroup("uk-sales"), keepingNumber}, "next": {byGroup("uk-sales"), number("next")}, "named": {byGroup("uk-sales"), number(operatorNumber)},
	} {
		t.Run(name, func(t *testing.T) {
			c := mover(t, "anna.archer", "", false)
			r, plan := c.moving("anna.archer", "paris", wishes...)
			held := c.held()
			require.Contains(t, held, annasNumber)
			require.Equal(t, name != "kept", slices.Contains(held, operatorNumber))
			require.Empty(t, c.writes())
			books := c.books()
			require.Equal(t, plan, succeed(t, start(r, c.acts.Prepare, c.move("anna.archer", "paris", wishes...))).Plan)
			require.Equal(t, books, c.books())

			successor := c.run("r2")
			successor.info.WorkflowExecution.ID = "workflow-r1"
			second := succeed(t, start(successor, c.acts.Prepare, c.move("anna.archer", "paris", append(wishes, anew)...))).Plan
			require.Equal(t, plan.Steps, second.Steps)
			require.Equal(t, plan.Digest, second.Digest)
			require.Equal(t, held, c.held())
			require.Equal(t, "r2", c.number(annasNumber).HeldBy)
		})
	}
}

// TestNobodyElseGetsANumberThatMoves: at the node where it goes it is as little to be had as where it was.
func TestNobodyElseGetsANumberThatMoves(t *testing.T) {
	c := mover(t, "anna.archer", "", false)
	r, plan := c.moving("anna.archer", "paris", byGroup("uk-sales"), keepingNumber)
	other := 0
	try := func() {
		other++
		id := "other-" + string(rune('a'+other))
		refused(t, start(c.run(id), c.acts.Prepare, c.onboard("laura.lewis", byGroup("uk-sales"), number(annasNumber), func(r *lifecycle.Request) { r.RequestID = id })), fault.BusinessRule, "number-taken", annasNumber)
		closeRun(c.run(id), lifecycle.RolledBack)
		_, err := c.store.MoveNumbers(t.Context(), store.Actor{By: "admin"}, "contoso", []string{annasNumber}, london)
		require.ErrorContains(t, err, "held")
	}
	try()
	c.moveSome(r, "anna.archer", plan, "", try)
	require.Greater(t, other, 5)
}

func TestMovesThatAreRefused(t *testing.T) {
	const another = "    - name: contoso\n      level: customer\n"
	rule, invalid := fault.BusinessRule, fault.InvalidRequest
	sales := byGroup("uk-sales")
	for name, row := range map[string]struct {
		user, site string
		wishes     []wish
		catalog    []string
		before     func(*contoso)
		kind       fault.Kind
		code, says string
	}{
		"same site":         {site: "london", wishes: []wish{sales, keepingNumber}, kind: rule, code: "same-site", says: london},
		"not a site":        {site: "emea", wishes: []wish{sales, keepingNumber}, kind: rule, code: "not-a-site", says: emea},
		"unknown site":      {site: "atlantis", wishes: []wish{sales, keepingNumber}, kind: invalid, code: "unknown-node", says: "atlantis"},
		"not at a site":     {user: "kevin.king", site: "paris", wishes: []wish{sales, keepingNumber}, kind: rule, code: "not-at-a-site", says: tenantLevel},
		"of another tenant": {site: "oslo", wishes: []wish{byGroup("anywhere"), keepingNumber}, kind: rule, code: "other-tenant", says: "fabrikam", catalog: []string{another, "    - name: fabrikam\n      level: customer\n      tenant: fabrikam\n      children:\n        - name: oslo\n          level: site\n" + another, "  - name: untouched ", "  - name: anywhere\n    node: acme\n    teamsUser: voice\n  - name: untouched "}},
		"number may not follow": {
			site: "paris", wishes: []wish{sales, keepingNumber}, catalog: []string{"numbersFollowUsers: true", "numbersFollowUsers: false"}, kind: rule, code: "number-may-not-move", says: annasNumber,
		},
		"number held by another run": {
			site: "paris", wishes: []wish{sales, keepingNumber}, kind: rule, code: "number-held", says: "another-run",
			before: func(c *contoso) { c.sql(`UPDATE numbers SET held_by = 'another-run' WHERE number = ?`, annasNumber) },
		},
		"another run on the user": {
			site: "paris", wishes: []wish{sales, keepingNumber}, kind: rule, code: "busy", says: "run r9",
			before: func(c *contoso) { succeed(c.t, start(c.run("r9"), c.acts.Prepare, c.offboard("anna.archer", ""))) },
		},
		"the number that the user has, as a new one": {site: "paris", wishes: []wish{sales, number(annasNumber)}, kind: rule, code: "number-had-already", says: annasNumber},
		"no number at the new site":                  {site: "newyork", wishes: []wish{sales, number("next")}, kind: rule, code: "no-number-available", says: newyork, before: func(c *contoso) { c.giveNumber(kevinsNumber, "") }},
		"a type that the licenses do not allow": {
			site: "newyork", wishes: []wish{sales, number("+18005550101")}, kind: rule, code: "number-wrong-type", says: "callingPlan",
		},
		"a group that is not for offboarding": {site: "paris", wishes: []wish{sales, keepingNumber, leavingBy("uk-sales")}, kind: rule, code: "group-not-for-offboarding", says: "uk-sales"},
		"an unknown group to leave by":        {site: "paris", wishes: []wish{sales, keepingNumber, leavingBy("nonesuch")}, kind: invalid, code: "unknown-group", says: "nonesuch"},
		"no license for Teams left": {
			user: "david.doyle", site: "paris", wishes: []wish{byGroup("untouched"), keepingNumber, leavingBy("leaver")}, kind: rule, code: "teams-license-missing", says: "david.doyle",
		},
		"protected": {site: "paris", wishes: []wish{sales, keepingNumber}, catalog: []string{`startsWith("svc-")`, `startsWith("anna")`}, kind: rule, code: "protected", says: "service account"},
		"disabled":  {user: "grace.green", site: "paris", wishes: []wish{byGroup("untouched")}, kind: rule, code: "disabled", says: "grace.green"},
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
			who, inventory, state, held := c.subscriber(row.user), c.inventory(), c.State(), c.held()
			if row.code != "busy" { // of which PlanFor knows nothing: Locate does
				refused(t, c.planMove(row.user, row.site, row.wishes...), row.kind, row.code, row.says)
			}
			r := c.run("r1")
			refused(t, start(r, c.acts.Prepare, c.move(row.user, row.site, row.wishes...)), row.kind, row.code, row.says)
			require.Empty(t, c.writes())
			closeRun(r, lifecycle.RolledBack)
			require.Equal(t, held, c.held())
			require.Equal(t, inventory, c.inventory())
			require.Equal(t, state, c.State())
			require.Equal(t, who, c.subscriber(row.user))
		})
	}
}

// TestAMoveEndsWhatOffboardingMarkedR117: one who was offboarded and stayed at the site is no longer a leaver.
func TestAMoveEndsWhatOffboardingMarkedR117(t *testing.T) {
	c := setup{catalog: exampleWith(t, "retainAtSite: false", "retainAtSite: true")}.new(t)
	r, _ := c.offboarded("emma.evans", "")
	closeRun(r, lifecycle.Completed)
	require.NotNil(t, c.subscriber("emma.evans").OffboardedAt)
	back := c.run("r2")
	plan := succeed(t, start(back, c.acts.Prepare, c.move("emma.evans", "paris", byGroup("uk-sales"), anew))).Plan
	c.moveSome(back, "emma.evans", plan, "", func() {})
	closeRun(back, lifecycle.Completed)
	require.Nil(t, c.subscriber("emma.evans").OffboardedAt)
	require.Equal(t, paris, c.subscriber("emma.evans").Node)
}
