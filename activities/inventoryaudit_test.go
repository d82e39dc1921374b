package activities_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"tenure/activities"
	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/graphsim"
	"tenure/internal/lifecycle"
)

const isabellesNumber = "+33142685301"

// audited are the findings of an audit as a workflow makes it; with fix it repairs page by page and counts.
func (c *contoso) audited(node string, fix bool) (found []contract.NumberFinding, fixed int) {
	c.t.Helper()
	r := c.run("audit")
	for _, scope := range succeed(c.t, start(r, c.acts.AuditScopes, node)) {
		position := &activities.AuditPosition{}
		for position != nil {
			page := succeed(c.t, start(r, c.acts.AuditNumbers, activities.AuditPage{Scope: scope, Position: *position}))
			found, position = append(found, page.Findings...), page.Next
			if fix && len(page.Repairs) > 0 {
				repair := start(r, c.acts.RepairNumbers, activities.NumberRepairs{Tenant: scope.Tenant, Repairs: page.Repairs, Actor: contract.Actor{RequestedBy: "auditor"}})
				done := succeed(c.t, repair)
				require.Equal(c.t, done, succeed(c.t, repair), "the answer may be lost")
				fixed += done
			}
		}
	}
	return found, fixed
}

// said is findings as lines: number, code and fix.
func said(found []contract.NumberFinding) []string {
	lines := []string{}
	for _, f := range found {
		number, fix := "-", "-"
		if f.Number != nil {
			number = *f.Number
		}
		if f.Fix != nil {
			fix = *f.Fix
		}
		lines = append(lines, fmt.Sprintf("%s %s: %s", number, f.Code, fix))
	}
	slices.Sort(lines)
	return lines
}

// cleaned is a contoso whose inventory agrees with Teams.
func (s setup) cleaned(t *testing.T) *contoso {
	t.Helper()
	c := s.new(t)
	c.audited("", true)
	found, _ := c.audited("", false)
	require.Empty(t, found)
	c.ClearJournal()
	return c
}

func TestAuditAddsWhatOnlyTeamsHasR91R92(t *testing.T) {
	want := []string{
		isabellesNumber + " not-in-inventory: add it to acme/contoso as used by isabelle.imbert@contoso.example",
		"+442071838750 not-in-inventory: add it to acme/contoso as used by nina.novak@contoso.example",
		"+442079461000 not-in-inventory: add it to acme/contoso as available",
	}
	c := newContoso(t)
	books, state := c.books(), c.State()
	found, _ := c.audited("", false)
	require.Equal(t, want, said(found))
	require.Equal(t, books, c.books(), "nothing is changed")

	found, fixed := c.audited("", true)
	require.Equal(t, want, said(found))
	require.Equal(t, 3, fixed)
	require.Equal(t, state, c.State(), "nothing changes in Teams")
	n := c.number(isabellesNumber)
	require.Equal(t, []any{tenantLevel, lifecycle.Used, "directRouting", "Microsoft", c.id("isabelle.imbert")}, []any{n.Node, n.State, n.Type, n.Vendor, n.User.ID})
	require.Equal(t, "auditor", n.History[0].By)
	n = c.number("+442079461000")
	require.Equal(t, []any{tenantLevel, lifecycle.Available, "operatorConnect", ""}, []any{n.Node, n.State, n.Type, n.User.ID})
	found, _ = c.audited("", false)
	require.Empty(t, found)
}

func TestAuditOfASiteIsAboutItsOwnR92(t *testing.T) {
	c := newContoso(t)
	c.giveNumber(freeNumber, c.id("laura.lewis"))
	c.giveNumber("+18005550105", c.id("oliver.owen"))
	found, _ := c.audited("london", false)
	require.Equal(t, []string{
		"+442071838750 not-in-inventory: add it to acme/contoso/emea/london as used by nina.novak@contoso.example",
		freeNumber + " in-use: record that laura.lewis@contoso.example has it",
	}, said(found))
	found, fixed := c.audited("paris", true)
	require.Equal(t, []string{isabellesNumber + " not-in-inventory: add it to acme/contoso/emea/paris as used by isabelle.imbert@contoso.example"}, said(found))
	require.Equal(t, 1, fixed)
	require.Equal(t, paris, c.number(isabellesNumber).Node)
	found, _ = c.audited("acme", false)
	require.Len(t, found, 4, "all that is left, above the tenant level")
	refused(t, start(c.run("q"), c.acts.AuditScopes, "atlantis"), fault.InvalidRequest, "unknown-node")
}

func TestAuditOfNumbersThatBothHave(t *testing.T) {
	edit := func(number string, change func(*graphsim.Number)) func(*graphsim.State) {
		return func(s *graphsim.State) {
			for i := range s.Numbers {
				if s.Numbers[i].TelephoneNumber == number {
					change(&s.Numbers[i])
				}
			}
		}
	}
	owner := func(c *contoso, number, name string) { c.giveNumber(number, c.id(name)) }
	for name, row := range map[string]struct {
		setup  setup
		before func(*contoso)
		want   []string
		// fixed are the state and the owner after the repair.
		number string
		fixed  []any
	}{
		"available yet in use": {
			before: func(c *contoso) { owner(c, freeNumber, "emma.evans") },
			want:   []string{freeNumber + " in-use: record that emma.evans@contoso.example has it"},
			number: freeNumber, fixed: []any{lifecycle.Used, "emma.evans"},
		},
		"cooling yet in use": {
			before: func(c *contoso) {
				c.changed("cool", contract.NumbersChange{Action: contract.CoolAction, Numbers: []string{freeNumber}})
				owner(c, freeNumber, "emma.evans")
			},
			want:   []string{freeNumber + " in-use: record that emma.evans@contoso.example has it"},
			number: freeNumber, fixed: []any{lifecycle.Used, "emma.evans"},
		},
		"reserved yet in use": {
			before: func(c *contoso) {
				c.changed("reserve", contract.NumbersChange{Action: contract.ReserveAction, Numbers: []string{freeNumber}})
				owner(c, freeNumber, "emma.evans")
			},
			want:   []string{freeNumber + " in-use: record that emma.evans@contoso.example has it"},
			number: freeNumber, fixed: []any{lifecycle.Used, "emma.evans"},
		},
		"cooling and reserved stay where nobody has them": {
			before: func(c *contoso) {
				c.changed("reserve", contract.NumbersChange{Action: contract.ReserveAction, Numbers: []string{freeNumber}})
				c.changed("cool", contract.NumbersChange{Action: contract.CoolAction, Numbers: []string{"+442079460011"}})
			},
			number: freeNumber, fixed: []any{lifecycle.Reserved, ""},
		},
		"the wrong owner": {
			before: func(c *contoso) { owner(c, annasNumber, "emma.evans") },
			want:   []string{annasNumber + " wrong-owner: record that emma.evans@contoso.example has it"},
			number: annasNumber, fixed: []any{lifecycle.Used, "emma.evans"},
		},
		"used here only, cooling at its node": {
			before: func(c *contoso) { c.giveNumber(annasNumber, "") },
			want:   []string{annasNumber + " not-in-teams: release it to cooling for 30 days"},
			number: annasNumber, fixed: []any{lifecycle.Cooling, ""},
		},
		"used here only, no cooling at its node": {
			setup:  setup{catalog: exampleWith(t, "enabled: true ", "enabled: false ")},
			before: func(c *contoso) { c.giveNumber(annasNumber, "") },
			want:   []string{annasNumber + " not-in-teams: release it"},
			number: annasNumber, fixed: []any{lifecycle.Available, ""},
		},
		"gone from Teams altogether": {
			before: func(c *contoso) { c.change(without(annasNumber, freeNumber)) },
			want:   []string{annasNumber + " not-in-teams: release it to cooling for 30 days"}, // a free direct routing number need not be there
			number: annasNumber, fixed: []any{lifecycle.Cooling, ""},
		},
		"another type, and in use": {
			before: func(c *contoso) {
				owner(c, freeNumber, "emma.evans")
				c.change(edit(freeNumber, func(n *graphsim.Number) { n.NumberType = "operatorConnect" }))
			},
			want:   []string{freeNumber + " in-use: record that emma.evans@contoso.example has it", freeNumber + " type-differs: take over the type"},
			number: freeNumber, fixed: []any{lifecycle.Used, "emma.evans"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := row.setup.cleaned(t)
			row.before(c)
			found, fixed := c.audited("", true)
			require.ElementsMatch(t, row.want, said(found))
			require.Equal(t, len(row.want), fixed)
			n := c.number(row.number)
			if row.fixed[1] != "" {
				row.fixed[1] = c.id(row.fixed[1].(string))
			}
			require.Equal(t, row.fixed, []any{n.State, n.User.ID})
			found, _ = c.audited("", false)
			require.Empty(t, found)
		})
	}
}

// without takes numbers out of the tenant.
func without(numbers ...string) func(*graphsim.State) {
	return func(s *graphsim.State) {
		s.Numbers = slices.DeleteFunc(s.Numbers, func(n graphsim.Number) bool { return slices.Contains(numbers, n.TelephoneNumber) })
	}
}

func TestAuditOnlyReportsWhatIsNotSafeToRepair(t *testing.T) {
	const calling = "+18005550105"
	c := setup{tenant: withZoe, catalog: exampleWith(t, "        # numberThreshold:                   # warn", "        numberThreshold: {percent: 99} # warn", "        #   percent: 10 ", "        # ")}.new(t)
	c.change(without(calling))
	c.giveNumber("+442071838750", c.id("zoe.zimmer"))
	books := c.books()
	found, _ := c.audited("", false)
	lines := said(found)
	require.Contains(t, lines, calling+" gone-from-tenant: -")
	require.Contains(t, lines, "+442071838750 user-outside-hierarchy: -")
	require.Contains(t, lines, "- low-on-numbers: -")
	require.Equal(t, books, c.books())

	c.audited("", true)
	again, fixed := c.audited("", true)
	require.Zero(t, fixed)
	require.ElementsMatch(t, []string{calling + " gone-from-tenant: -", "+442071838750 user-outside-hierarchy: -", "- low-on-numbers: -", "- low-on-numbers: -"}, said(again))
	require.Equal(t, lifecycle.Available, c.number(calling).State, "R91: nothing is deleted")
	_, added, err := c.store.Number(t.Context(), "contoso", "+442071838750")
	require.NoError(t, err)
	require.False(t, added)
}

// A number that a run holds is the run's, and what a run ends while an audit looks is no finding.
func TestAuditLeavesRunsAlone(t *testing.T) {
	c := setup{}.cleaned(t)
	r, plan := c.begun("anna.archer", "")
	c.giveNumber(annasNumber, "")
	found, fixed := c.audited("", true)
	require.Empty(t, found)
	require.Zero(t, fixed)

	// What has changed since it was found is not repaired.
	c.giveNumber(bensNumber, c.id("emma.evans"))
	page := succeed(t, start(c.run("audit"), c.acts.AuditNumbers, activities.AuditPage{Scope: activities.AuditScope{Tenant: "contoso", AddAt: tenantLevel, Whole: true}}))
	require.Equal(t, []string{bensNumber + " wrong-owner: record that emma.evans@contoso.example has it"}, said(page.Findings))
	c.changed("meanwhile", contract.NumbersChange{Action: contract.ReserveAction, Numbers: []string{bensNumber}, For: c.email("laura.lewis")})
	require.Zero(t, succeed(t, start(c.run("audit"), c.acts.RepairNumbers, activities.NumberRepairs{Tenant: "contoso", Repairs: page.Repairs})))
	c.giveNumber(bensNumber, c.id("ben.baker"))

	succeed(t, start(r, c.acts.ReleaseNumbers, c.planned("anna.archer", plan, lifecycle.ReleaseNumber)))
	closeRun(r, lifecycle.Completed)
	found, _ = c.audited("", false)
	require.Empty(t, found)
}

// What Teams said before the inventory was read counts only when it says so after it, too.
func TestAuditAsksTeamsAgain(t *testing.T) {
	c := setup{}.cleaned(t)
	stale := fmt.Sprintf(`{"telephoneNumber":%q,"numberType":"directRouting","activationState":"activated","assignmentStatus":"userAssigned","assignmentTargetId":%q}`, freeNumber, c.id("emma.evans"))
	c.answerNumbers(1, stale)
	scope := activities.AuditScope{Tenant: "contoso", AddAt: tenantLevel, Whole: true}
	require.Empty(t, succeed(t, start(c.run("audit"), c.acts.AuditNumbers, activities.AuditPage{Scope: scope})).Findings)

	// A list that shifts between its pages has passed everything by but one number.
	c.answerNumbers(1, stale)
	at := activities.AuditPage{Scope: scope, Position: activities.AuditPosition{Inventory: true}}
	require.Empty(t, succeed(t, start(c.run("audit"), c.acts.AuditNumbers, at)).Findings)
	c.answerNumbers(2, stale)
	require.Len(t, succeed(t, start(c.run("audit"), c.acts.AuditNumbers, at)).Findings, 18, "the used ones, and those of the calling plan")
}

func TestAuditTakesOverActivationStates(t *testing.T) {
	c := setup{}.cleaned(t)
	c.answerNumbers(2, `{"telephoneNumber":"+442079460010","numberType":"directRouting","activationState":"assignmentFailed","assignmentStatus":"unassigned","capabilities":["userAssignment"]}`)
	scope := activities.AuditScope{Tenant: "contoso", AddAt: tenantLevel, Whole: true}
	page := succeed(t, start(c.run("audit"), c.acts.AuditNumbers, activities.AuditPage{Scope: scope}))
	require.Equal(t, []string{freeNumber + " activation-differs: take over the activation state"}, said(page.Findings))
	require.Equal(t, 1, succeed(t, start(c.run("audit"), c.acts.RepairNumbers, activities.NumberRepairs{Tenant: "contoso", Repairs: page.Repairs})))
	require.Equal(t, "assignmentFailed", succeed(t, c.showNumber(freeNumber)).Activation)

	// A conference bridge is nobody's and in use all the same.
	c.answerNumbers(2, `{"telephoneNumber":"+442079460011","numberType":"directRouting","activationState":"activated","assignmentStatus":"conferenceAssigned"},
		{"telephoneNumber":"+442079467777","numberType":"callingPlan","activationState":"activated","assignmentStatus":"conferenceAssigned","capabilities":["conferenceAssignment"]}`)
	page = succeed(t, start(c.run("audit"), c.acts.AuditNumbers, activities.AuditPage{Scope: scope}))
	require.Equal(t, []string{"+442079460011 in-use: -"}, said(page.Findings))
}

// answerNumbers makes Graph answer the next lists of numbers with these.
func (c *contoso) answerNumbers(times int, numbers string) {
	c.ClearFaults()
	c.t.Helper()
	c.AddFault(graphsim.Fault{Method: "GET", Path: numberOrders, Times: times, Status: 200, Body: `{"value":[` + numbers + `]}`, ContentType: "application/json"})
}

// More numbers than fit on a page on either side.
func TestAuditGoesThroughEveryPage(t *testing.T) {
	c := setup{tenant: manyNumbers}.new(t)
	found, fixed := c.audited("", true)
	require.Len(t, found, 1003)
	require.Equal(t, 1003, fixed)
	found, _ = c.audited("", false)
	require.Empty(t, found)
	c.change(without("+493011000500"))
	c.giveNumber("+493011000001", c.id("emma.evans"))
	found, _ = c.audited("", false)
	require.Len(t, found, 1)
}
