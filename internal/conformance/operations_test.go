package conformance_test

import (
	"net/http"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"tenure/internal/graph"
	"tenure/internal/graphsim"
	"tenure/internal/lifecycle"
)

// exercise drives one method of the client, in every form that changes what is
// sent or answered.
type exercise func(*tenant)

// operations has an entry for every exported method of graph.Client.
var operations = map[string]exercise{
	"User": func(c *tenant) {
		c.user("chloe.clark")
		for _, u := range c.state().Users {
			_, err := c.graph.User(c.ctx, u.ID)
			c.must(err)
		}
	},
	"FindUsers": func(c *tenant) {
		for _, query := range []graph.UserQuery{
			{},
			{Filter: "usageLocation eq 'GB' and accountEnabled eq true"},
			{Filter: "startswith(displayName,'A')", Count: true, OrderBy: []string{"displayName desc"}},
			{Filter: "assignedLicenses/any(l:l/skuId eq " + c.sku("SPE_E3").ID + ") and not endsWith(userPrincipalName,'.test')"},
			{Filter: "assignedLicenses/$count eq 0"},
		} {
			c.pages(func(token string) (string, error) {
				page, err := c.graph.FindUsers(c.ctx, query, token)
				return page.Next, err
			})
		}
	},
	"DeltaUsers": func(c *tenant) {
		var delta string
		round := func(token string) (string, error) {
			changes, err := c.graph.DeltaUsers(c.ctx, token)
			delta = changes.Delta
			return changes.Next, err
		}
		c.pages(round)
		c.must(c.graph.SetAccountEnabled(c.ctx, c.user("emma.evans"), false))
		c.remove("laura.lewis")
		next, err := round(delta)
		c.must(err)
		require.Empty(c.t, next)
	},
	"SetUsageLocation":  func(c *tenant) { c.must(c.graph.SetUsageLocation(c.ctx, c.user("anna.archer"), "FR")) },
	"SetAccountEnabled": func(c *tenant) { c.must(c.graph.SetAccountEnabled(c.ctx, c.user("anna.archer"), false)) },
	"RevokeSessions":    func(c *tenant) { c.must(c.graph.RevokeSessions(c.ctx, c.user("anna.archer"))) },
	"Ahead": func(c *tenant) {
		_, known := c.graph.Ahead()
		require.False(c.t, known)
	},
	"RecountSKUs": func(c *tenant) {
		_, err := c.graph.RecountSKUs(c.ctx)
		require.NoError(c.t, err)
	},
	"SKUs": func(c *tenant) {
		_, err := c.graph.SKUs(c.ctx)
		c.must(err)
	},
	"ChangeLicenses": func(c *tenant) {
		emma := c.user("emma.evans")
		e3, e5 := c.sku("SPE_E3"), c.sku("SPE_E5")
		c.must(c.graph.ChangeLicenses(c.ctx, emma, []lifecycle.LicenseChange{{SKUID: e3.ID, DisabledPlans: []string{e3.ServicePlans[0].ID}}}, []string{e5.ID}))
		c.must(c.graph.ChangeLicenses(c.ctx, emma, []lifecycle.LicenseChange{{SKUID: e3.ID}}, nil))
		c.must(c.graph.ChangeLicenses(c.ctx, emma, nil, []string{e3.ID}))
	},
	"ReprocessLicenses": func(c *tenant) { c.must(c.graph.ReprocessLicenses(c.ctx, c.user("chloe.clark"))) },
	"LicenseDetails": func(c *tenant) {
		_, err := c.graph.LicenseDetails(c.ctx, c.user("anna.archer"))
		c.must(err)
	},
	"Memberships": func(c *tenant) {
		for _, u := range c.state().Users {
			_, err := c.graph.Memberships(c.ctx, u.ID)
			c.must(err)
		}
	},
	"Group": func(c *tenant) {
		for _, g := range c.state().Groups {
			_, err := c.graph.Group(c.ctx, g.ID)
			c.must(err)
			_, err = c.graph.Group(c.ctx, g.DisplayName)
			c.must(err)
		}
		_, err := c.graph.Group(c.ctx, "Nobody's group")
		require.Error(c.t, err)
	},
	"GroupKind": func(c *tenant) {
		for _, g := range c.state().Groups {
			_, err := c.graph.GroupKind(c.ctx, g.ID)
			c.must(err)
		}
	},
	"AddMember": func(c *tenant) {
		changed, err := c.graph.AddMember(c.ctx, c.group("All Staff"), c.user("laura.lewis"))
		c.must(err)
		require.True(c.t, changed)
		_, err = c.graph.AddMember(c.ctx, c.kind(graphsim.GroupDynamic), c.user("laura.lewis"))
		require.Error(c.t, err, "which makes the client read the group")
	},
	"RemoveMember": func(c *tenant) {
		g := c.kind(graphsim.GroupSecurity)
		u := c.user("laura.lewis")
		_, err := c.graph.AddMember(c.ctx, g, u)
		c.must(err)
		changed, err := c.graph.RemoveMember(c.ctx, g, u)
		c.must(err)
		require.True(c.t, changed)
	},
	"ListNumberAssignments": func(c *tenant) {
		for skip := 0; ; {
			_, next, err := c.graph.ListNumberAssignments(c.ctx, skip)
			c.must(err)
			if next == 0 {
				break
			}
			skip = next
		}
		_, _, err := c.graph.ListNumberAssignments(c.ctx, 2)
		c.must(err)
	},
	"NumberAssignment": func(c *tenant) {
		for _, n := range c.state().Numbers {
			found, err := c.graph.NumberAssignment(c.ctx, n.TelephoneNumber)
			c.must(err)
			require.NotNil(c.t, found)
		}
	},
	"NumbersOf": func(c *tenant) {
		found, err := c.graph.NumbersOf(c.ctx, c.user("chloe.clark"))
		c.must(err)
		require.NotEmpty(c.t, found)
	},
	"AssignNumber": func(c *tenant) { c.assignNumber() },
	"UnassignNumber": func(c *tenant) {
		found, err := c.graph.NumbersOf(c.ctx, c.user("chloe.clark"))
		c.must(err)
		_, err = c.graph.UnassignNumber(c.ctx, found[0].Number, found[0].Type)
		c.must(err)
	},
	"UpdateNumber": func(c *tenant) {
		number := c.state().Numbers[0].TelephoneNumber
		location, none := "4ef7d5a0-0000-4000-8000-000000000001", ""
		c.must(c.graph.UpdateNumber(c.ctx, graph.UpdateNumber{Number: number, LocationID: &location, ReverseLookup: &[]string{"skipInternalVoip"}}))
		_, err := c.graph.NumberAssignment(c.ctx, number)
		c.must(err)
		c.must(c.graph.UpdateNumber(c.ctx, graph.UpdateNumber{Number: number, LocationID: &none, NetworkSiteID: &none}))
	},
	"NumberOperation": func(c *tenant) {
		operation := c.assignNumber()
		for range 3 {
			_, err := c.graph.NumberOperation(c.ctx, operation)
			c.must(err)
			c.clock.Advance(200 * time.Millisecond)
		}
		failing, err := c.graph.AssignNumber(c.ctx, graph.AssignNumber{Number: "+442079460010", UserID: c.user("mark.moore"), Type: "directRouting"})
		if err == nil { // otherwise it was refused at once
			c.clock.Advance(time.Minute)
			_, err = c.graph.NumberOperation(c.ctx, failing)
			c.must(err)
		}
	},
	"TeamsUser": func(c *tenant) {
		state := c.state()
		policy := state.Policies[0]
		state.Groups[0].Policies = map[string]string{policy.Type: policy.Name}
		c.must(c.sim.SetState(state))
		inherited := false
		for _, u := range c.state().Users {
			found, err := c.graph.TeamsUser(c.ctx, u.ID)
			c.must(err)
			inherited = inherited || found != nil && slices.ContainsFunc(found.Policies, func(p lifecycle.Policy) bool { return !p.Direct })
		}
		require.True(c.t, inherited, "nobody has a policy by a group")
	},
	"PolicyID": func(c *tenant) {
		for _, p := range c.state().Policies {
			_, err := c.graph.PolicyID(c.ctx, p.Type, p.Name)
			c.must(err)
		}
		_, err := c.graph.PolicyID(c.ctx, "TeamsCallingPolicy", "It's not there")
		require.Error(c.t, err)
	},
	"AssignPolicies": func(c *tenant) {
		p := c.state().Policies[0]
		c.must(c.graph.AssignPolicies(c.ctx, c.user("chloe.clark"), []graph.PolicyAssignment{{Type: p.Type, ID: p.ID}}))
		_, err := c.graph.TeamsUser(c.ctx, c.user("chloe.clark"))
		c.must(err)
	},
	"UnassignPolicies": func(c *tenant) {
		c.must(c.graph.UnassignPolicies(c.ctx, c.user("chloe.clark"), []string{c.state().Policies[0].Type}))
	},
	"Permissions": func(c *tenant) {
		held, err := c.graph.Permissions(c.ctx)
		c.must(err)
		require.NotEmpty(c.t, held)
	},
}

// silent are the methods that send nothing to Graph: they look at the token.
var silent = []string{"Ahead", "Permissions"}

// user is the object id of one of the default people.
func (c *tenant) user(name string) string {
	c.t.Helper()
	u, err := c.graph.User(c.ctx, name+"@contoso.example")
	c.must(err)
	return u.Person.ID
}

func (c *tenant) sku(name string) graph.SKU {
	c.t.Helper()
	all, err := c.graph.SKUs(c.ctx)
	c.must(err)
	for _, s := range all {
		if s.PartNumber == name {
			return s
		}
	}
	require.Fail(c.t, "no "+name)
	return graph.SKU{}
}

func (c *tenant) group(name string) string {
	c.t.Helper()
	g, err := c.graph.Group(c.ctx, name)
	c.must(err)
	return g.ID
}

// kind is the id of a group of a kind that has no licenses.
func (c *tenant) kind(kind graphsim.GroupKind) string {
	c.t.Helper()
	for _, g := range c.state().Groups {
		if g.Kind == kind && len(g.Licenses) == 0 {
			return g.ID
		}
	}
	require.Fail(c.t, "no group of kind "+string(kind))
	return ""
}

func (c *tenant) assignNumber() string {
	c.t.Helper()
	operation, err := c.graph.AssignNumber(c.ctx, graph.AssignNumber{
		Number: "+442079460010", UserID: c.user("emma.evans"), Type: "directRouting", LocationID: "4ef7d5a0-0000-4000-8000-000000000001",
	})
	c.must(err)
	require.NotEmpty(c.t, operation)
	return operation
}

func (c *tenant) pages(read func(token string) (next string, err error)) {
	c.t.Helper()
	next, err := read("")
	for c.must(err); next != ""; c.must(err) {
		next, err = read(next)
	}
}

// remove deletes a user, which the client never does.
func (c *tenant) remove(name string) {
	c.t.Helper()
	c.sim.SetPermissions(append(graphsim.LeastPermissions(), "User.DeleteRestore.All")...)
	request, err := http.NewRequestWithContext(c.ctx, http.MethodDelete, c.url+"/users/"+name+"@contoso.example", nil)
	require.NoError(c.t, err)
	request.Header.Set("Authorization", "Bearer opaque")
	response, err := http.DefaultClient.Do(request)
	require.NoError(c.t, err)
	require.NoError(c.t, response.Body.Close())
	require.Equal(c.t, http.StatusNoContent, response.StatusCode)
}

func (c *tenant) must(err error) {
	c.t.Helper()
	require.NoError(c.t, err)
}

func (c *tenant) state() graphsim.State { return c.sim.State() }
