package activities_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"tenure/activities"
	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/graphsim"
	"tenure/internal/lifecycle"
	"tenure/internal/store"
)

func (c *contoso) syncPage(page string) activities.SyncedPage {
	c.t.Helper()
	return succeed(c.t, start(c.run("sync"), c.acts.SyncPage, activities.SyncPageInput{Tenant: "contoso", Page: page}))
}

func TestSyncPageReadsEveryPageR110(t *testing.T) {
	const many = 1100
	c := setup{tenant: func(s *graphsim.State) {
		for i := range many {
			s.Users = append(s.Users, graphsim.User{
				UserPrincipalName: fmt.Sprintf("user%04d@contoso.example", i), DisplayName: fmt.Sprintf("User %d", i), UserType: "Member",
			})
		}
	}}.new(t)
	all := many + 15
	first := c.syncPage("")
	require.Equal(t, contract.TenantSync{Tenant: "contoso", Seen: 999, Added: 999 - 15}, first.Counts)
	require.NotEmpty(t, first.Next)
	second := c.syncPage(first.Next)
	require.Equal(t, contract.TenantSync{Tenant: "contoso", Seen: all - 999, Added: all - 999}, second.Counts)
	require.Empty(t, second.Next)
	require.Empty(t, c.writes())

	who := c.subscriber("user1099")
	require.Equal(t, lifecycle.Placement{Node: tenantLevel, Role: selfService, Services: []lifecycle.Service{{Kind: lifecycle.ServiceM365, Node: tenantLevel}}}, who.Placement)
	require.Equal(t, contract.TenantSync{Tenant: "contoso", Seen: 999}, c.syncPage("").Counts, "nothing is new the second time")
}

func TestSyncPageKeepsPlaceAndRoleAndTakesWhatChanged(t *testing.T) {
	c := newContoso(t)
	before := c.subscriber("laura.lewis")
	c.change(func(s *graphsim.State) {
		for i := range s.Users {
			if s.Users[i].DisplayName == "Laura Lewis" {
				s.Users[i].Department, s.Users[i].City = "Sales", "Paris"
				s.Users[i].DirectLicenses = []graphsim.DirectLicense{{SKU: "SPE_E5"}}
			}
		}
	})
	require.Equal(t, contract.TenantSync{Tenant: "contoso", Seen: 15, Updated: 1}, c.syncPage("").Counts)
	after := c.subscriber("laura.lewis")
	require.Equal(t, "Sales", after.Department)
	require.Equal(t, before.Node, after.Node)
	require.Equal(t, before.Role, after.Role)
	require.Len(t, after.Services, 3)
	for _, s := range after.Services {
		require.Equal(t, london, s.Node)
	}
}

func TestSyncPageRefusesAPageOfSomewhereElse(t *testing.T) {
	c := newContoso(t)
	books := c.books()
	fail(t, start(c.run("sync"), c.acts.SyncPage, activities.SyncPageInput{Tenant: "contoso", Page: "https://example.com/v1.0/users"}), fault.InvalidRequest)
	fail(t, start(c.run("sync"), c.acts.SyncPage, activities.SyncPageInput{Tenant: "fabrikam"}), fault.InvalidRequest, "fabrikam")
	require.Equal(t, books, c.books())
}

func TestSyncUser(t *testing.T) {
	c := setup{tenant: withZoe}.new(t)
	sync := start(c.run("sync"), c.acts.SyncUser, activities.UserInTenant{Tenant: "contoso", User: "Zoe.Zimmer@contoso.example"})
	require.Equal(t, activities.SyncedPage{Counts: contract.TenantSync{Tenant: "contoso", Seen: 1, Added: 1}}, succeed(t, sync))
	require.Equal(t, tenantLevel, c.subscriber("zoe.zimmer").Node)
	require.Equal(t, activities.SyncedPage{Counts: contract.TenantSync{Tenant: "contoso", Seen: 1}}, succeed(t, sync))
	refused(t, start(c.run("sync"), c.acts.SyncUser, activities.UserInTenant{Tenant: "contoso", User: "nobody@contoso.example"}), fault.NotFound, "unknown-user", "nobody@contoso.example")
}

func TestSyncNeedsACatalog(t *testing.T) {
	c := setup{empty: true}.new(t)
	refused(t, start(c.run("sync"), c.acts.SyncPage, activities.SyncPageInput{Tenant: "contoso"}), fault.BusinessRule, "no-catalog")
}

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

func (c *contoso) place(in contract.PlaceRequest) *task[contract.Placements] {
	return start(c.run("place"), c.acts.PlaceUsers, in)
}

func (c *contoso) email(name string) string { return name + "@contoso.example" }

func TestPlaceUsersByHand(t *testing.T) {
	c := newContoso(t)
	in := contract.PlaceRequest{User: c.email("kevin.king"), Site: "newyork", PlanOnly: true, Actor: contract.Actor{RequestedBy: "admin", Reason: "moved in"}}
	want := contract.Placements{Placements: []contract.Placement{{
		User: lifecycle.SubscriberRef{ID: c.id("kevin.king"), UserPrincipalName: c.email("kevin.king")}, From: tenantLevel, To: "acme/contoso/newyork",
	}}}
	books := c.books()
	require.Equal(t, want, succeed(t, c.place(in)))
	require.Equal(t, books, c.books(), "a plan changes nothing")

	in.PlanOnly = false
	require.Equal(t, want, succeed(t, c.place(in)))
	who := c.subscriber("kevin.king")
	require.Equal(t, "acme/contoso/newyork", who.Node)
	require.Equal(t, selfService, who.Role, "a self-service role is kept")
	audit, _, err := c.store.ListAudit(t.Context(), store.AuditFilter{SubscriberID: who.ID})
	require.NoError(t, err)
	require.Equal(t, "place", audit[0].Operation)
	require.Equal(t, "admin", audit[0].By)
	require.Equal(t, "moved in", audit[0].Reason)

	books = c.books()
	require.Equal(t, contract.Placements{Placements: []contract.Placement{}}, succeed(t, c.place(in)))
	require.Equal(t, books, c.books())
	require.Empty(t, c.requests(), "placing needs nothing of Microsoft")
}

func TestPlaceUsersWithARole(t *testing.T) {
	c := newContoso(t)
	in := contract.PlaceRequest{User: c.email("anna.archer"), Site: "london", Role: "site-admin"}
	require.Len(t, succeed(t, c.place(in)).Placements, 1)
	require.Equal(t, "site-admin", c.subscriber("anna.archer").Role)
	require.Equal(t, london, c.subscriber("anna.archer").Node)
	require.Empty(t, succeed(t, c.place(in)).Placements)

	// Somebody without a self-service role gets the default of the new node's level.
	succeed(t, c.place(contract.PlaceRequest{User: c.email("anna.archer"), Site: "paris"}))
	require.Equal(t, "site-self-service", c.subscriber("anna.archer").Role)
}

func TestPlaceUsersRefuses(t *testing.T) {
	twoTenants := []string{"# The default self-service role", `    - name: fabrikam
      level: customer
      tenant: fabrikam
      children:
        - name: oslo
          level: site

# The default self-service role`}
	for code, row := range map[string]struct {
		in   contract.PlaceRequest
		kind fault.Kind
	}{
		"unknown-node":     {contract.PlaceRequest{User: "anna.archer@contoso.example", Site: "atlantis"}, fault.InvalidRequest},
		"unknown-user":     {contract.PlaceRequest{User: "nobody@contoso.example", Site: "london"}, fault.InvalidRequest},
		"unknown-role":     {contract.PlaceRequest{User: "anna.archer@contoso.example", Site: "london", Role: "emperor"}, fault.InvalidRequest},
		"not-a-site":       {contract.PlaceRequest{User: "anna.archer@contoso.example", Site: "emea"}, fault.BusinessRule},
		"other-tenant":     {contract.PlaceRequest{User: "anna.archer@contoso.example", Site: "oslo"}, fault.BusinessRule},
		"guest":            {contract.PlaceRequest{User: "felix.fischer_partner.example#EXT#@contoso.example", Site: "london"}, fault.BusinessRule},
		"role-not-allowed": {contract.PlaceRequest{User: "anna.archer@contoso.example", Site: "london", Role: selfService}, fault.BusinessRule},
	} {
		t.Run(code, func(t *testing.T) {
			c := setup{catalog: exampleWith(t, twoTenants...)}.new(t)
			books := c.books()
			refused(t, c.place(row.in), row.kind, code)
			require.Equal(t, books, c.books())
		})
	}
	t.Run("busy", func(t *testing.T) {
		c := newContoso(t)
		c.begun("anna.archer", "")
		books := c.books()
		refused(t, c.place(contract.PlaceRequest{User: c.email("anna.archer"), Site: "paris"}), fault.BusinessRule, "busy")
		require.Equal(t, books, c.books())
	})
}

func TestPlaceUsersByRulesR113(t *testing.T) {
	c := setup{tenant: withZoe}.new(t)
	c.syncPage("")
	in := contract.PlaceRequest{PlanOnly: true}
	books := c.books()
	placements := succeed(t, c.place(in)).Placements
	require.Equal(t, books, c.books())
	profile := "london-sales"
	want := []contract.Placement{{
		User: lifecycle.SubscriberRef{ID: c.id("zoe.zimmer"), UserPrincipalName: c.email("zoe.zimmer")}, From: tenantLevel, To: london,
		Rule: london + ` when user.city == "London" && user.userType == "Member"`, Onboard: &profile,
	}}
	require.Equal(t, want, placements, "Kevin matches no rule, Felix is a guest, and everybody else is placed")

	in.PlanOnly = false
	require.Equal(t, want, succeed(t, c.place(in)).Placements)
	require.Equal(t, london, c.subscriber("zoe.zimmer").Node)
	require.Empty(t, succeed(t, c.place(in)).Placements)
}

func TestPlaceUsersByRulesLeavesGuestsWhereTheyAre(t *testing.T) {
	c := setup{catalog: exampleWith(t, `user.city == "London" && user.userType == "Member"`, `user.city == "London"`)}.new(t)
	require.Empty(t, succeed(t, c.place(contract.PlaceRequest{})).Placements)
}

func TestPlaceUsersByRulesLeavesOffboardedPeopleR117(t *testing.T) {
	c := newContoso(t)
	r, plan := c.begun("laura.lewis", "")
	succeed(t, start(r, c.acts.PlaceSubscriber, c.planned("laura.lewis", plan, lifecycle.ReturnToTenantLevel)))
	closeRun(r, lifecycle.Completed)
	require.Empty(t, succeed(t, c.place(contract.PlaceRequest{})).Placements)
	require.Equal(t, tenantLevel, c.subscriber("laura.lewis").Node)

	// An administrator who places her by hand has decided otherwise.
	require.Len(t, succeed(t, c.place(contract.PlaceRequest{User: c.email("laura.lewis"), Site: "paris"})).Placements, 1)
	require.Nil(t, c.subscriber("laura.lewis").OffboardedAt)
}

func TestPlaceUsersByRulesPassesOverWhoIsBusy(t *testing.T) {
	c := setup{tenant: withZoe}.new(t)
	c.syncPage("")
	r, plan := c.begun("laura.lewis", "")
	succeed(t, start(r, c.acts.PlaceSubscriber, c.planned("laura.lewis", plan, lifecycle.ReturnToTenantLevel)))
	placements := succeed(t, c.place(contract.PlaceRequest{})).Placements
	require.Len(t, placements, 1)
	require.Equal(t, c.id("zoe.zimmer"), placements[0].User.ID)
	require.Equal(t, tenantLevel, c.subscriber("laura.lewis").Node, "her run has her")
	require.Equal(t, london, c.subscriber("zoe.zimmer").Node)
}
