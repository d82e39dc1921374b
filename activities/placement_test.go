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
	"tenure/internal/store"
)

func TestPlaceSubscriberWithAllServiceRecordsAndBackR50e(t *testing.T) {
	c := newContoso(t)
	r, plan := c.begun("anna.archer", "")
	before := c.subscriber("anna.archer").Placement
	in := c.planned("anna.archer", plan, lifecycle.ReturnToTenantLevel)

	restore := start(r, c.acts.RestorePlacement, in)
	books := c.books()
	require.Equal(t, done, succeed(t, restore), "safe when it never went")
	require.Equal(t, books, c.books())

	place := start(r, c.acts.PlaceSubscriber, in)
	require.Equal(t, done, succeed(t, place))
	at := c.subscriber("anna.archer").Placement
	require.Equal(t, tenantLevel, at.Node)
	require.Len(t, at.Services, 3)
	for _, s := range at.Services {
		require.Equal(t, tenantLevel, s.Node, s.Kind)
	}
	books = c.books()
	require.Equal(t, done, succeed(t, place))
	require.Equal(t, books, c.books(), "once is enough")

	require.Equal(t, done, succeed(t, restore))
	require.Equal(t, before, c.subscriber("anna.archer").Placement)
}

func TestRestorePlacementPutsEachServiceRecordWhereItWas(t *testing.T) {
	c := newContoso(t)
	r, plan := c.begun("anna.archer", "")
	in := c.planned("anna.archer", plan, lifecycle.ReturnToTenantLevel)
	for i := range in.Change.Place.Services {
		if in.Change.Place.Services[i].Kind == lifecycle.ServiceMailbox {
			in.Change.Place.Services[i].Node = paris
		}
	}
	succeed(t, start(r, c.acts.PlaceSubscriber, in))
	succeed(t, start(r, c.acts.RestorePlacement, in))
	require.Equal(t, in.Change.Place.Services, c.subscriber("anna.archer").Services)
	require.Equal(t, london, c.subscriber("anna.archer").Node)
}

func TestPlaceSubscriberWhoIsElsewhereByNow(t *testing.T) {
	c := newContoso(t)
	r, plan := c.begun("anna.archer", "")
	in := c.planned("anna.archer", plan, lifecycle.ReturnToTenantLevel)
	in.Change.Place.From = paris
	refused(t, start(r, c.acts.PlaceSubscriber, in), fault.BusinessRule, "placement-changed", london)
	refused(t, start(r, c.acts.RestorePlacement, in), fault.BusinessRule, "placement-changed", london)
	require.Equal(t, london, c.subscriber("anna.archer").Node)
}

func TestSetRoleAndBack(t *testing.T) {
	c := newContoso(t)
	r, _ := c.begun("anna.archer", "")
	in := c.of("anna.archer", lifecycle.Change{Role: &lifecycle.ValueChange{From: selfService, To: "site-admin"}})

	restore := start(r, c.acts.RestoreRole, in)
	require.Equal(t, done, succeed(t, restore), "safe when it was never set")
	require.Equal(t, selfService, c.subscriber("anna.archer").Role)

	set := start(r, c.acts.SetRole, in)
	require.Equal(t, done, succeed(t, set))
	require.Equal(t, "site-admin", c.subscriber("anna.archer").Role)
	books := c.books()
	require.Equal(t, done, succeed(t, set))
	require.Equal(t, books, c.books())

	require.Equal(t, done, succeed(t, restore))
	require.Equal(t, selfService, c.subscriber("anna.archer").Role)

	in.Change.Role.From, in.Change.Role.To = "site-self-service", "site-admin"
	refused(t, start(r, c.acts.SetRole, in), fault.BusinessRule, "role-changed", selfService)
}

func (c *contoso) place(in contract.PlaceRequest) *task[contract.Placements] {
	return start(c.run("place"), c.placing, in)
}

// placing goes through all parts, as the workflow does.
func (c *contoso) placing(ctx context.Context, in contract.PlaceRequest) (contract.Placements, error) {
	all := contract.Placements{Placements: []contract.Placement{}}
	for {
		plan, err := c.acts.PlaceUsers(ctx, in)
		if err != nil {
			return all, err
		}
		part := plan.Placements
		if len(plan.Moves) > 0 {
			if part, err = c.acts.MoveUsers(ctx, activities.MoveInput{Moves: plan.Moves, ByHand: in.User != "", Actor: in.Actor}); err != nil {
				return all, err
			}
		}
		all.Placements = append(all.Placements, part.Placements...)
		all.Placed += part.Placed
		all.Busy = append(all.Busy, part.Busy...)
		if plan.Next == nil {
			return all, nil
		}
		in.Cursor = *plan.Next
	}
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

	in.PlanOnly, want.Placed = false, 1
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
	c.sync(false)
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
	c.sync(false)
	r, plan := c.begun("laura.lewis", "")
	succeed(t, start(r, c.acts.PlaceSubscriber, c.planned("laura.lewis", plan, lifecycle.ReturnToTenantLevel)))
	placements := succeed(t, c.place(contract.PlaceRequest{})).Placements
	require.Len(t, placements, 1)
	require.Equal(t, c.id("zoe.zimmer"), placements[0].User.ID)
	require.Equal(t, tenantLevel, c.subscriber("laura.lewis").Node, "her run has her")
	require.Equal(t, london, c.subscriber("zoe.zimmer").Node)
}

// sentHome lets a committed offboarding bring somebody back to the tenant level.
func (c *contoso) sentHome(name string) {
	c.t.Helper()
	r, plan := c.begun(name, "")
	succeed(c.t, start(r, c.acts.PlaceSubscriber, c.planned(name, plan, lifecycle.ReturnToTenantLevel)))
	closeRun(r, lifecycle.Completed)
}

func TestPlaceUsersByRulesCatchesWhoHasChangedSinceTheOffboarding_R117(t *testing.T) {
	c := newContoso(t)
	c.sync(false)
	c.sentHome("laura.lewis")
	c.inEntra("laura.lewis", `{"department":"Elsewhere"}`)
	require.Equal(t, 1, c.sync(false).Updated)
	require.Empty(t, succeed(t, c.place(contract.PlaceRequest{PlanOnly: true})).Placements, "no rule looks at the department")
	c.inEntra("laura.lewis", `{"city":"Paris"}`)
	require.Equal(t, 1, c.sync(false).Updated)
	require.Equal(t, 1, succeed(t, c.place(contract.PlaceRequest{})).Placed)
	who := c.subscriber("laura.lewis")
	require.Equal(t, paris, who.Node)
	require.Nil(t, who.OffboardedAt)
}

func TestPlaceUsersByRulesReadsTheUsageLocation(t *testing.T) {
	c := setup{tenant: withZoe, catalog: exampleWith(t, `user.city == "London" && user.userType == "Member"`, `user.usageLocation == "FR"`)}.new(t)
	c.sync(false)
	c.inEntra("kevin.king", `{"usageLocation":"FR"}`)
	c.sync(false)
	placements := succeed(t, c.place(contract.PlaceRequest{})).Placements
	require.Len(t, placements, 1)
	require.Equal(t, london, placements[0].To)
}

func TestPlaceUsersByRulesInParts(t *testing.T) {
	const many = 600
	c := setup{tenant: func(s *graphsim.State) {
		withMany(many)(s)
		for i := range s.Users {
			if strings.HasPrefix(s.Users[i].DisplayName, "User ") && i%2 == 0 {
				s.Users[i].City = "Paris"
			}
		}
	}}.new(t)
	c.sync(true)
	in := contract.PlaceRequest{PlanOnly: true}
	var planned []string
	parts := 0
	for ; ; parts++ {
		plan := succeed(t, start(c.run("plan"), c.acts.PlaceUsers, in))
		require.LessOrEqual(t, len(plan.Placements.Placements), 250)
		require.Empty(t, plan.Moves)
		for _, p := range plan.Placements.Placements {
			planned = append(planned, p.User.ID)
		}
		if plan.Next == nil {
			break
		}
		in.Cursor = *plan.Next
	}
	require.Greater(t, parts, 1)
	require.Len(t, planned, many/2)
	require.Len(t, uniq(planned), many/2, "nobody twice")
	require.Equal(t, many/2, succeed(t, c.place(contract.PlaceRequest{})).Placed)
	require.Zero(t, succeed(t, c.place(contract.PlaceRequest{})).Placed)
}

func uniq(list []string) []string { return slices.Compact(slices.Sorted(slices.Values(list))) }

func TestMoveUsersWhoseAnswerIsLost(t *testing.T) {
	c := setup{tenant: withZoe}.new(t)
	c.sync(false)
	plan := succeed(t, start(c.run("place"), c.acts.PlaceUsers, contract.PlaceRequest{}))
	moving := start(c.run("place"), c.acts.MoveUsers, activities.MoveInput{Moves: plan.Moves})
	for range 2 {
		placed := succeed(t, moving)
		require.Equal(t, 1, placed.Placed, "whoever is there already counts: the onboarding is still to be started")
		require.Empty(t, placed.Busy)
	}
	succeed(t, c.place(contract.PlaceRequest{User: c.email("zoe.zimmer"), Site: "paris"}))
	again := succeed(t, moving)
	require.Zero(t, again.Placed)
	require.Equal(t, []lifecycle.SubscriberRef{{ID: c.id("zoe.zimmer"), UserPrincipalName: c.email("zoe.zimmer")}}, again.Busy, "somebody's hand was faster")
}

func TestPlaceUsersOfOneTenant(t *testing.T) {
	c := setup{tenant: withZoe}.new(t)
	c.sync(false)
	refused(t, c.place(contract.PlaceRequest{Tenant: "fabrikam"}), fault.InvalidRequest, "unknown-tenant")
	require.Equal(t, 1, succeed(t, c.place(contract.PlaceRequest{Tenant: "contoso"})).Placed)
}
