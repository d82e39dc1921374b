package activities_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tenure/activities"
	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/lifecycle"
	"tenure/internal/store"
)

// changing is a change as the workflow makes it: the tenant first, which must be Contoso.
func (c *contoso) changing(run string, in contract.NumbersChange) *task[contract.NumbersChanged] {
	c.t.Helper()
	r := c.run(run)
	require.Equal(c.t, "contoso", succeed(c.t, start(r, c.acts.TenantOfNumbers, in)))
	in.RequestedBy, in.Reason = "admin", "because"
	return start(r, c.acts.ChangeNumbers, activities.NumbersChangeIn{Tenant: "contoso", NumbersChange: in})
}

func (c *contoso) changed(run string, in contract.NumbersChange) contract.Number {
	c.t.Helper()
	answer := succeed(c.t, c.changing(run, in))
	require.Len(c.t, answer.Numbers, 1)
	return answer.Numbers[0]
}

func TestChangeNumbersThroughTheirStates(t *testing.T) {
	c := newContoso(t)
	one := func(action contract.NumberAction) contract.NumbersChange {
		return contract.NumbersChange{Action: action, Numbers: []string{`\+44 20 7946 0010`}}
	}
	reserve := one(contract.ReserveAction)
	reserve.Days, reserve.Notes = 3, "reception"
	n := c.changed("reserve", reserve)
	require.Equal(t, freeNumber, n.Number)
	require.Equal(t, lifecycle.Reserved, n.State)
	require.Equal(t, "reception", *n.Notes)
	require.Equal(t, monday.Add(72*time.Hour), *n.ReservedUntil)
	require.Equal(t, 3, *n.DaysLeft, "R96")
	c.clock.Advance(time.Hour)
	require.Equal(t, 3, *c.list(contract.NumberFilter{State: lifecycle.Reserved}).Numbers[0].DaysLeft, "days that have begun count")
	c.clock.Advance(48 * time.Hour)
	require.Equal(t, 1, *c.list(contract.NumberFilter{State: lifecycle.Reserved}).Numbers[0].DaysLeft)
	require.Equal(t, lifecycle.Available, c.changed("unreserve", one(contract.UnreserveAction)).State)

	n = c.changed("cool", one(contract.CoolAction))
	require.Equal(t, lifecycle.Cooling, n.State)
	require.Equal(t, 30, *n.DaysLeft, "R85: as London has it")
	require.Equal(t, lifecycle.Available, c.changed("release", one(contract.ReleaseAction)).State)

	move := one(contract.MoveAction)
	move.To = "emea"
	require.Equal(t, "acme/contoso/emea", c.changed("move", move).Node)
	move.To = "acme"
	require.Equal(t, "acme", c.changed("higher", move).Node, "above the tenant level, where it is visible too")

	history := succeed(t, c.showNumber(freeNumber)).History
	last := history[len(history)-1]
	require.Equal(t, "from acme/contoso/emea to acme", last.Detail)
	require.Equal(t, "admin", *last.By)
	require.Equal(t, "higher", *last.RunID)

	remove := c.changing("remove", one(contract.RemoveAction))
	for range 2 { // the first answer may be lost
		require.Equal(t, contract.NumbersChanged{Numbers: []contract.Number{}, Removed: []string{freeNumber}}, succeed(t, remove))
	}
	refused(t, c.showNumber(freeNumber), fault.InvalidRequest, "unknown-number")
}

// R88: independent of the state, and named as everywhere.
func TestReserveNumbersForAUserR88(t *testing.T) {
	c := newContoso(t)
	n := c.changed("for", contract.NumbersChange{Action: contract.ReserveAction, Numbers: []string{annasNumber}, For: c.email("laura.lewis")})
	require.Equal(t, lifecycle.Used, n.State)
	require.Equal(t, &lifecycle.SubscriberRef{ID: c.id("laura.lewis"), UserPrincipalName: c.email("laura.lewis")}, n.ReservedFor)
	require.Nil(t, n.DaysLeft)
	require.Nil(t, c.changed("end", contract.NumbersChange{Action: contract.UnreserveAction, Numbers: []string{annasNumber}}).ReservedFor)
}

// R85: without days each number cools as its own node has it.
func TestCoolNumbersAsTheirNodesHaveItR85(t *testing.T) {
	c := setup{catalog: exampleWith(t, "enabled: false             # Paris", "days: 7 # Paris")}.new(t)
	succeed(t, c.add(contract.AddNumbersRequest{Node: "paris", Type: "directRouting", Numbers: []string{"+33142685302"}}))
	in := contract.NumbersChange{Action: contract.CoolAction, Numbers: []string{freeNumber, "+33142685302"}}
	answer := succeed(t, c.changing("cool", in))
	require.Equal(t, []int{7, 30}, []int{*answer.Numbers[0].DaysLeft, *answer.Numbers[1].DaysLeft})

	in.Action = contract.ReleaseAction
	succeed(t, c.changing("release", in))
	in.Action, in.Days = contract.CoolAction, 999
	answer = succeed(t, c.changing("again", in))
	require.Equal(t, []int{999, 999}, []int{*answer.Numbers[0].DaysLeft, *answer.Numbers[1].DaysLeft})
}

func TestChangeNumbersRefuses(t *testing.T) {
	c := newContoso(t)
	require.NoError(t, c.apply(exampleWith(t, "# The default self-service role", "    - name: fabrikam\n      level: customer\n      tenant: fabrikam\n\n# The default self-service role")))
	c.begun("ben.baker", "")
	books := c.books()
	for name, row := range map[string]struct {
		in   contract.NumbersChange
		kind fault.Kind
		code string
		says string
	}{
		"an unknown number among others": {contract.NumbersChange{Action: contract.CoolAction, Numbers: []string{freeNumber, "+442079469999"}, Days: 1}, fault.InvalidRequest, "unknown-number", "+442079469999"},
		"a used number":                  {contract.NumbersChange{Action: contract.RemoveAction, Numbers: []string{freeNumber, annasNumber}}, fault.BusinessRule, "transition-not-allowed", annasNumber + " is used"},
		"one that does not cool":         {contract.NumbersChange{Action: contract.ReleaseAction, Numbers: []string{freeNumber}}, fault.BusinessRule, "transition-not-allowed", freeNumber + " is available"},
		"one that is not reserved":       {contract.NumbersChange{Action: contract.UnreserveAction, Numbers: []string{freeNumber}}, fault.BusinessRule, "transition-not-allowed", freeNumber + " is available"},
		"a held number":                  {contract.NumbersChange{Action: contract.MoveAction, Numbers: []string{bensNumber}, To: "emea"}, fault.BusinessRule, "number-held", bensNumber},
		"a move out of sight":            {contract.NumbersChange{Action: contract.MoveAction, Numbers: []string{annasNumber}, To: "paris"}, fault.BusinessRule, "user-out-of-sight", annasNumber},
		"a move to nowhere":              {contract.NumbersChange{Action: contract.MoveAction, Numbers: []string{freeNumber}, To: "atlantis"}, fault.InvalidRequest, "unknown-node", "atlantis"},
		"a move to another tenant":       {contract.NumbersChange{Action: contract.MoveAction, Numbers: []string{freeNumber}, To: "fabrikam"}, fault.BusinessRule, "other-tenant", "acme/fabrikam"},
		"an unknown action":              {contract.NumbersChange{Action: "melt", Numbers: []string{freeNumber}}, fault.InvalidRequest, "unknown-action", "melt"},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, c.changing("refused", row.in), row.kind, row.code, row.says)
			require.Equal(t, books, c.books(), "all or none")
		})
	}
	for name, row := range map[string]struct {
		in   contract.NumbersChange
		code string
	}{
		"a malformed number": {contract.NumbersChange{Numbers: []string{freeNumber, "12"}}, "malformed-number"},
		"no number":          {contract.NumbersChange{}, "too-many-numbers"},
		"too many":           {contract.NumbersChange{Numbers: make([]string, contract.MaxChanged+1)}, "too-many-numbers"},
		"too many days":      {contract.NumbersChange{Numbers: []string{freeNumber}, Days: 1000}, "days-out-of-range"},
		"a long story":       {contract.NumbersChange{Numbers: []string{freeNumber}, Notes: strings.Repeat("x", contract.MaxNotes+1)}, "notes-too-long"},
		"an unknown number":  {contract.NumbersChange{Numbers: []string{"+442079469999"}}, "unknown-number"},
		"an unknown user":    {contract.NumbersChange{Numbers: []string{freeNumber}, For: "nobody@contoso.example"}, "unknown-user"},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, start(c.run("q"), c.acts.TenantOfNumbers, row.in), fault.InvalidRequest, row.code)
		})
	}
	_, _, err := c.store.AddNumbers(t.Context(), store.Actor{By: "admin"}, []store.NumberAdd{{Tenant: "fabrikam", Number: "+442079469999", Node: "acme/fabrikam", Type: "directRouting"}})
	require.NoError(t, err)
	refused(t, start(c.run("q"), c.acts.TenantOfNumbers, contract.NumbersChange{Numbers: []string{freeNumber, "+442079469999"}}), fault.InvalidRequest, "several-tenants", "contoso", "fabrikam")
}

func TestSummarizeNumbersWarnsOfLowNodesR95(t *testing.T) {
	c := setup{catalog: exampleWith(t, "        # numberThreshold:                   # warn", "        numberThreshold: {percent: 76} # warn", "        #   percent: 10 ", "        # ")}.new(t)
	c.begun("anna.archer", "")
	c.changed("cool", contract.NumbersChange{Action: contract.CoolAction, Numbers: []string{freeNumber}})
	c.changed("reserve", contract.NumbersChange{Action: contract.ReserveAction, Numbers: []string{"+442079460011"}})
	summary := func(f contract.NumberFilter) []contract.NodeNumbers {
		return succeed(t, start(c.run("q"), c.acts.SummarizeNumbers, f)).Summary
	}
	threshold := 76
	level := contract.NodeNumbers{Node: tenantLevel, Tenant: "contoso", Total: 10, Available: 9, Used: 1, Share: 90, Threshold: &threshold}
	site := contract.NodeNumbers{Node: london, Tenant: "contoso", Total: 20, Available: 13, Used: 4, Held: 1, Cooling: 1, Reserved: 1, Share: 65, Threshold: &threshold, Low: true}
	require.Equal(t, []contract.NodeNumbers{level, site}, summary(contract.NumberFilter{}))
	require.Equal(t, []contract.NodeNumbers{site}, summary(contract.NumberFilter{Node: "emea", Below: true}))
	require.Empty(t, summary(contract.NumberFilter{Node: "paris"}))

	require.NoError(t, c.apply(exampleWith(t, "        # numberThreshold:                   # warn", "        numberThreshold: {percent: 65} # warn", "        #   percent: 10 ", "        # ")))
	require.False(t, summary(contract.NumberFilter{Node: "london"})[0].Low, "just enough")
	require.NoError(t, c.apply(exampleWith(t)))
	require.Nil(t, summary(contract.NumberFilter{Node: "london"})[0].Threshold, "off by default")
	require.False(t, summary(contract.NumberFilter{Node: "london"})[0].Low)
}

// R86 without the limit to 20 days: whatever is due ends, however long ago, and once.
func TestExpireNumbersEndsWhateverIsDueR86(t *testing.T) {
	c := newContoso(t)
	c.changed("cool", contract.NumbersChange{Action: contract.CoolAction, Numbers: []string{freeNumber}, Days: 2})
	c.changed("cool", contract.NumbersChange{Action: contract.CoolAction, Numbers: []string{"+442079460011"}, Days: 100})
	c.changed("reserve", contract.NumbersChange{Action: contract.ReserveAction, Numbers: []string{"+442079460012"}, Days: 2})
	c.begun("anna.archer", "")
	expire := func(limit int) activities.ExpiredBatch {
		return succeed(t, start(c.run("expiry"), c.acts.ExpireNumbers, limit))
	}
	c.clock.Advance(48*time.Hour - time.Microsecond)
	require.Equal(t, activities.ExpiredBatch{}, expire(1000), "not a moment early")
	c.clock.Advance(60 * 24 * time.Hour)
	require.Equal(t, activities.ExpiredBatch{NumberExpiry: contract.NumberExpiry{Released: 1}, More: true}, expire(1))
	require.Equal(t, activities.ExpiredBatch{NumberExpiry: contract.NumberExpiry{Unreserved: 1}, More: true}, expire(1))
	require.Equal(t, activities.ExpiredBatch{}, expire(1))
	require.Equal(t, []string{"+442079460011"}, plain(c.list(contract.NumberFilter{State: lifecycle.Cooling})))
	require.Empty(t, c.list(contract.NumberFilter{State: lifecycle.Reserved}).Numbers)
	history := c.number(freeNumber).History
	require.Equal(t, contract.NumberExpirySchedule, history[len(history)-1].By)
	require.Equal(t, "expiry", history[len(history)-1].RunID)
}
