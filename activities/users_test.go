package activities_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tenure/activities"
	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/lifecycle"
)

func principals(users contract.Users) []string {
	names := []string{}
	for _, u := range users.Users {
		names = append(names, u.UserPrincipalName)
	}
	return names
}

func TestListUsers(t *testing.T) {
	c := newContoso(t)
	list := func(f contract.UserFilter) contract.Users { return succeed(t, start(c.run("q"), c.acts.ListUsers, f)) }
	require.Len(t, list(contract.UserFilter{}).Users, 15)
	require.Equal(t, []string{"isabelle.imbert@contoso.example", "mark.moore@contoso.example"}, principals(list(contract.UserFilter{Node: "paris"})))
	require.Len(t, list(contract.UserFilter{Node: "acme"}).Users, 15, "a node means what is below it too")
	require.Len(t, list(contract.UserFilter{Node: "acme/contoso/emea"}).Users, 13)
	require.Equal(t, contract.Users{Users: []contract.User{}}, list(contract.UserFilter{Node: "newyork"}))

	anna := list(contract.UserFilter{Page: contract.Page{Limit: 1}})
	at, role := london, selfService
	require.Equal(t, []contract.User{{
		ID: c.id("anna.archer"), UserPrincipalName: "anna.archer@contoso.example", DisplayName: "Anna Archer",
		Node: &at, Role: &role, Numbers: []string{annasNumber},
	}}, anna.Users)
	var seen []string
	for f := (contract.UserFilter{Page: contract.Page{Limit: 4}}); ; {
		page := list(f)
		seen = append(seen, principals(page)...)
		if page.Next == nil {
			break
		}
		f.Cursor = *page.Next
	}
	require.Equal(t, principals(list(contract.UserFilter{})), seen)

	refused(t, start(c.run("q"), c.acts.ListUsers, contract.UserFilter{Node: "atlantis"}), fault.InvalidRequest, "unknown-node", "atlantis")
	f := fail(t, start(c.run("q"), c.acts.ListUsers, contract.UserFilter{Page: contract.Page{Cursor: "nonsense"}}), fault.InvalidRequest)
	require.NotEmpty(t, f.Code)
}

func (c *contoso) show(user string) *task[contract.UserView] {
	return start(c.run("q"), c.acts.ShowUser, activities.UserInTenant{Tenant: "contoso", User: user})
}

func TestShowUser(t *testing.T) {
	c := setup{tenant: withZoe}.new(t)
	books := c.books()
	ben := succeed(t, c.show("BEN.baker@contoso.example"))
	e3 := "License E3"
	require.Equal(t, []contract.UserLicense{{SKU: "SPE_E3", Assignment: "group", Group: &e3}, {SKU: "MCOEV", Assignment: "direct"}}, ben.Licenses)
	require.ElementsMatch(t, []string{"All Staff", "License E3", "Sales UK"}, ben.Groups)
	require.Equal(t, []string{bensNumber}, ben.Numbers)
	require.True(t, ben.EnterpriseVoice)
	require.Equal(t, c.person("ben.baker").Policies, ben.Policies)
	require.Equal(t, london, *ben.Node)
	require.Equal(t, selfService, *ben.Role)
	require.Equal(t, "GB", *ben.UsageLocation)
	require.Len(t, ben.Services, 3)
	require.Nil(t, ben.Operation)

	zoe := succeed(t, c.show("zoe.zimmer@contoso.example"))
	require.Nil(t, zoe.Node, "only Entra knows her")
	require.Nil(t, zoe.Role)
	require.Empty(t, zoe.Services)
	require.Equal(t, []contract.UserLicense{{SKU: "SPE_E5", Assignment: "direct"}}, zoe.Licenses)
	require.Equal(t, books, c.books())

	mark := succeed(t, c.show("mark.moore@contoso.example"))
	require.Nil(t, mark.UsageLocation)
	require.NotNil(t, mark.Licenses)
	require.NotNil(t, mark.Groups)
	require.NotNil(t, mark.Numbers)

	refused(t, c.show("nobody@contoso.example"), fault.NotFound, "unknown-user")
	require.Empty(t, c.writes())
}

func TestShowUserWithARunUnderWay(t *testing.T) {
	c := newContoso(t)
	r, _ := c.begun("anna.archer", "")
	require.Equal(t, &contract.RunRef{WorkflowID: "workflow-r1", RunID: "r1", Operation: lifecycle.Offboard, StartedAt: &monday}, succeed(t, c.show(c.id("anna.archer"))).Operation)
	closeRun(r, lifecycle.RolledBack)
	require.Nil(t, succeed(t, c.show(c.id("anna.archer"))).Operation)
}

func TestListUsersFilters(t *testing.T) {
	c := newContoso(t)
	succeed(t, c.place(contract.PlaceRequest{User: c.email("anna.archer"), Site: "london", Role: "site-admin"}))
	for name, row := range map[string]struct {
		filter contract.UserFilter
		want   []string
	}{
		"role":                     {contract.UserFilter{Role: "site-admin"}, []string{c.email("anna.archer")}},
		"a part of the name":       {contract.UserFilter{Contains: "Anna A"}, []string{c.email("anna.archer")}},
		"guests":                   {contract.UserFilter{Guests: true}, []string{"felix.fischer_partner.example#EXT#@contoso.example"}},
		"unplaced":                 {contract.UserFilter{Unplaced: true}, []string{"felix.fischer_partner.example#EXT#@contoso.example", c.email("kevin.king")}},
		"at a site and not placed": {contract.UserFilter{Unplaced: true, Node: "london"}, []string{}},
		"at an inner node":         {contract.UserFilter{Node: "emea", Role: "site-admin"}, []string{c.email("anna.archer")}},
	} {
		require.Equal(t, row.want, principals(succeed(t, start(c.run("q"), c.acts.ListUsers, row.filter))), name)
	}
}

func TestShowUserNamesTheLastRun(t *testing.T) {
	c := newContoso(t)
	require.Nil(t, succeed(t, c.show(c.id("anna.archer"))).LastRun)
	r, _ := c.begun("anna.archer", "")
	require.Equal(t, lifecycle.Running, succeed(t, c.show(c.id("anna.archer"))).LastRun.Status)
	closeRun(r, lifecycle.RolledBack)
	view := succeed(t, c.show(c.id("anna.archer")))
	require.Equal(t, "r1", view.LastRun.RunID)
	require.Equal(t, lifecycle.RolledBack, view.LastRun.Status)
	require.Equal(t, lifecycle.Offboard, view.LastRun.Operation)
}
