package activities_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tenure/internal/fault"
	"tenure/internal/lifecycle"
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
