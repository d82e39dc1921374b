package activities_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/graphsim"
	"tenure/internal/lifecycle"
)

func (c *contoso) add(in contract.AddNumbersRequest) *task[contract.NumbersAdded] {
	return start(c.run("add"), c.acts.AddNumbers, in)
}

func (c *contoso) list(f contract.NumberFilter) contract.Numbers {
	c.t.Helper()
	return succeed(c.t, start(c.run("q"), c.acts.ListNumbers, f))
}

func plain(list contract.Numbers) []string {
	numbers := []string{}
	for _, n := range list.Numbers {
		numbers = append(numbers, n.Number)
	}
	return numbers
}

const numberReads = "GET /admin/teams/telephoneNumberManagement/numberAssignments"

func TestAddNumbersAsksTeamsWhoHasThem(t *testing.T) {
	const isabelles, free = "+33142685301", "+33142685302"
	t.Run("few, one by one", func(t *testing.T) {
		c := newContoso(t)
		add := c.add(contract.AddNumbersRequest{Node: "paris", Type: "directRouting", Numbers: []string{isabelles, `\+33 1 42 68 53 02`, "tel:+33142685302"}, Actor: contract.Actor{RequestedBy: "admin"}})
		require.Equal(t, contract.NumbersAdded{Added: 2, InUse: 1}, succeed(t, add))
		require.Equal(t, []string{numberReads, numberReads}, c.requests())
		used := c.number(isabelles)
		require.Equal(t, lifecycle.Used, used.State)
		require.Equal(t, lifecycle.SubscriberRef{ID: c.id("isabelle.imbert"), UserPrincipalName: c.email("isabelle.imbert")}, used.User)
		require.Equal(t, paris, used.Node)
		require.Equal(t, "directRouting", used.Type)
		require.Equal(t, "Microsoft", used.Vendor)
		require.Equal(t, lifecycle.Available, c.number(free).State)

		books := c.books()
		require.Equal(t, contract.NumbersAdded{Existing: 2, InUse: 1}, succeed(t, add))
		require.Equal(t, books, c.books(), "existing numbers are left as they are")
	})
	t.Run("many, from the whole list", func(t *testing.T) {
		c := setup{tenant: manyNumbers}.new(t)
		add := c.add(contract.AddNumbersRequest{Node: "paris", Type: "directRouting", Ranges: []contract.NumberRange{{From: "+33142685300", To: "+33142685319"}}})
		require.Equal(t, contract.NumbersAdded{Added: 20, InUse: 1}, succeed(t, add))
		require.Equal(t, []string{numberReads, numberReads}, c.requests(), "more than a page of numbers")
		require.Equal(t, c.id("isabelle.imbert"), c.number(isabelles).User.ID)
	})
	t.Run("of somebody whom the directory does not know", func(t *testing.T) {
		c := setup{tenant: withZoe}.new(t)
		c.giveNumber("+442071838750", c.id("zoe.zimmer"))
		succeed(t, c.add(contract.AddNumbersRequest{Node: "london", Type: "directRouting", Numbers: []string{"+442071838750"}}))
		require.Equal(t, c.id("zoe.zimmer"), c.number("+442071838750").User.ID, "syncing may come later")
		c.sync(false)
		require.Equal(t, []string{"+442071838750"}, c.subscriber("zoe.zimmer").Numbers)
	})
}

// manyNumbers fills the tenant with numbers that come before Isabelle's, so that hers is not on the first page.
func manyNumbers(s *graphsim.State) {
	var more []graphsim.Number
	for i := range 1000 {
		digits := "1000" + string(rune('0'+i/100)) + string(rune('0'+i/10%10)) + string(rune('0'+i%10))
		more = append(more, graphsim.Number{TelephoneNumber: "+49301" + digits, NumberType: "directRouting", Capabilities: []string{"userAssignment"}, NumberSource: "online"})
	}
	s.Numbers = append(more, s.Numbers...)
}

func TestAddNumbersAllOrNone(t *testing.T) {
	c := newContoso(t)
	books := c.books()
	c.AddFault(graphsim.Fault{Method: "GET", Path: numberOrders, Status: 503})
	add := c.add(contract.AddNumbersRequest{Node: "paris", Type: "directRouting", Numbers: []string{"+33142685302"}})
	fail(t, add, fault.Unavailable)
	require.Equal(t, books, c.books(), "without knowing who has them, none is added")
	require.Equal(t, 1, succeed(t, add).Added)
}

func TestAddNumbersRefuses(t *testing.T) {
	for name, row := range map[string]struct {
		in   contract.AddNumbersRequest
		kind fault.Kind
		code string
	}{
		"a malformed number":     {contract.AddNumbersRequest{Node: "london", Type: "directRouting", Numbers: []string{"+44207946000x"}}, fault.InvalidRequest, "malformed-number"},
		"a range the wrong way":  {contract.AddNumbersRequest{Node: "london", Type: "directRouting", Ranges: []contract.NumberRange{{From: "+442079461009", To: "+442079461000"}}}, fault.InvalidRequest, "malformed-number"},
		"a range without an end": {contract.AddNumbersRequest{Node: "london", Type: "directRouting", Ranges: []contract.NumberRange{{From: "+10000000", To: "+99999999999999"}}}, fault.InvalidRequest, "malformed-number"},
		"an unknown type":        {contract.AddNumbersRequest{Node: "london", Type: "landline", Numbers: []string{freeNumber}}, fault.InvalidRequest, "unknown-number-type"},
		"an unknown node":        {contract.AddNumbersRequest{Node: "atlantis", Type: "directRouting", Numbers: []string{freeNumber}}, fault.InvalidRequest, "unknown-node"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newContoso(t)
			books := c.books()
			refused(t, c.add(row.in), row.kind, row.code)
			require.Equal(t, books, c.books())
			require.Empty(t, c.requests())
		})
	}
}

func TestTenantOfNode(t *testing.T) {
	tenantOf := func(c *contoso, node string) *task[string] { return start(c.run("q"), c.acts.TenantOfNode, node) }
	c := newContoso(t)
	for _, node := range []string{"acme", "contoso", "emea", "acme/contoso/emea/london"} {
		require.Equal(t, "contoso", succeed(t, tenantOf(c, node)), node)
	}
	refused(t, tenantOf(c, "atlantis"), fault.InvalidRequest, "unknown-node")

	require.NoError(t, c.apply(exampleWith(t, "# The default self-service role", "    - name: fabrikam\n      level: customer\n      tenant: fabrikam\n\n# The default self-service role")))
	require.Equal(t, "fabrikam", succeed(t, tenantOf(c, "acme/fabrikam")))
	refused(t, tenantOf(c, "acme"), fault.BusinessRule, "no-tenant", "2")
}

func TestListNumbers(t *testing.T) {
	c := newContoso(t)
	require.Len(t, c.list(contract.NumberFilter{}).Numbers, 30)
	require.Len(t, c.list(contract.NumberFilter{Node: "london"}).Numbers, 20)
	require.Len(t, c.list(contract.NumberFilter{Node: "contoso"}).Numbers, 10, "only those that stand there")
	require.Len(t, c.list(contract.NumberFilter{Node: "acme/contoso", Below: true}).Numbers, 30)
	require.Equal(t, []string{annasNumber, bensNumber, "+442079460003", "+442079460004", "+442079460005"}, plain(c.list(contract.NumberFilter{Node: "london", State: lifecycle.Used})))
	require.Equal(t, []string{bensNumber}, plain(c.list(contract.NumberFilter{User: "Ben.Baker@contoso.example"})))
	require.Equal(t, []string{bensNumber}, plain(c.list(contract.NumberFilter{User: c.id("ben.baker")})))
	require.Empty(t, c.list(contract.NumberFilter{User: c.email("laura.lewis")}).Numbers)
	require.Len(t, c.list(contract.NumberFilter{Type: "callingPlan"}).Numbers, 10)
	require.Equal(t, []string{"+442079460011", "+442079460012"}, plain(c.list(contract.NumberFilter{Contains: "46001", Page: contract.Page{Limit: 2, Cursor: *c.list(contract.NumberFilter{Contains: "46001", Page: contract.Page{Limit: 1}}).Next}})))

	var seen []string
	for f := (contract.NumberFilter{Page: contract.Page{Limit: 7}}); ; {
		page := c.list(f)
		seen = append(seen, plain(page)...)
		if page.Next == nil {
			break
		}
		f.Cursor = *page.Next
	}
	require.Len(t, seen, 30)
	require.True(t, slices.IsSorted(seen))

	vendor := "Microsoft"
	require.Equal(t, contract.Number{
		Number: annasNumber, Node: london, State: lifecycle.Used, Type: "directRouting", Vendor: &vendor,
		User: &lifecycle.SubscriberRef{ID: c.id("anna.archer"), UserPrincipalName: c.email("anna.archer")},
	}, c.list(contract.NumberFilter{Contains: strings.TrimPrefix(annasNumber, "+")}).Numbers[0])

	c.begun("anna.archer", "")
	require.Equal(t, []string{annasNumber}, plain(c.list(contract.NumberFilter{State: lifecycle.HeldState})))

	refused(t, start(c.run("q"), c.acts.ListNumbers, contract.NumberFilter{Node: "atlantis"}), fault.InvalidRequest, "unknown-node")
	refused(t, start(c.run("q"), c.acts.ListNumbers, contract.NumberFilter{User: "nobody@contoso.example"}), fault.InvalidRequest, "unknown-user")
}

func (c *contoso) showNumber(number string) *task[contract.NumberView] {
	return start(c.run("q"), c.acts.ShowNumber, contract.ShowNumberRequest{Number: number})
}

func TestShowNumberWithItsHistory(t *testing.T) {
	c := newContoso(t)
	r, plan := c.begun("anna.archer", "")
	require.Equal(t, lifecycle.HeldState, succeed(t, c.showNumber(annasNumber)).State)
	succeed(t, start(r, c.acts.ReleaseNumbers, c.planned("anna.archer", plan, lifecycle.ReleaseNumber)))
	closeRun(r, lifecycle.Completed)
	for _, spelled := range []string{annasNumber, `\+44 20 7946 0001`} {
		n := succeed(t, c.showNumber(spelled))
		require.Equal(t, annasNumber, n.Number.Number)
		require.Equal(t, lifecycle.Cooling, n.State)
		require.Equal(t, lifecycle.CoolingEnd(monday, 30), *n.CoolingUntil)
		require.Nil(t, n.User)
		var events []string
		for _, e := range n.History {
			events = append(events, e.Event)
			require.NotNil(t, e.To)
		}
		require.Equal(t, []string{"add-in-use", "hold", "release-to-cooling"}, events)
		require.Nil(t, n.History[0].From)
		require.Equal(t, "r1", *n.History[2].RunID)
		require.Equal(t, "admin", *n.History[2].By)
	}
	refused(t, c.showNumber("12"), fault.InvalidRequest, "malformed-number")
	refused(t, c.showNumber("+442079469999"), fault.InvalidRequest, "unknown-number", "+442079469999")
}
