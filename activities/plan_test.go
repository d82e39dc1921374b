package activities_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/lifecycle"
)

func (c *contoso) planFor(user, group string) contract.PlanRequest {
	return contract.PlanRequest{User: user, Request: lifecycle.Request{Operation: lifecycle.Offboard, Tenant: "contoso", Group: group, RequestID: "plan"}}
}

func TestPlanForChangesNothingAndSaysWhatPrepareWill(t *testing.T) {
	for _, name := range []string{"anna.archer", "zoe.zimmer"} {
		t.Run(name, func(t *testing.T) {
			c := setup{tenant: withZoe}.new(t)
			books, state := c.books(), c.State()
			answer := succeed(t, start(c.run("q"), c.acts.PlanFor, c.planFor(name+"@contoso.example", "leaver")))
			require.Equal(t, books, c.books())
			require.Equal(t, state, c.State())
			require.Empty(t, c.writes())
			require.Equal(t, "contoso", answer.Tenant)

			prepared := succeed(t, start(c.run("r1"), c.acts.Prepare, c.offboard(name, "leaver")))
			require.Equal(t, answer.Node, *answer.Plan.Before.Node)
			require.Equal(t, prepared.Plan.Digest, answer.Plan.Digest)
			require.Equal(t, prepared.Plan.Steps, answer.Plan.Steps)
		})
	}
}

func TestPlanForIsTheSamePlanFromTheSameState(t *testing.T) {
	c := newContoso(t)
	first := succeed(t, start(c.run("q"), c.acts.PlanFor, c.planFor(c.id("oliver.owen"), "leaver")))
	require.Equal(t, first, succeed(t, start(c.run("q"), c.acts.PlanFor, c.planFor("OLIVER.OWEN@contoso.example", "leaver"))))
}

func TestPlanForBriefOnlyFindsTheUser(t *testing.T) {
	c := setup{tenant: withZoe}.new(t)
	brief := c.planFor("zoe.zimmer@contoso.example", "no such group")
	brief.Brief = true
	answer := succeed(t, start(c.run("q"), c.acts.PlanFor, brief))
	require.Equal(t, "contoso", answer.Tenant)
	require.Equal(t, tenantLevel, answer.Node)
	require.Equal(t, lifecycle.SubscriberRef{ID: c.id("zoe.zimmer"), UserPrincipalName: "zoe.zimmer@contoso.example"}, answer.Plan.Subscriber)
	require.Empty(t, answer.Plan.Steps)

	brief.User = "anna.archer@contoso.example"
	c.ClearJournal()
	answer = succeed(t, start(c.run("q"), c.acts.PlanFor, brief))
	require.Equal(t, london, answer.Node)
	require.Empty(t, c.requests(), "the directory knows where she is")
}

func TestPlanForRefuses(t *testing.T) {
	c := newContoso(t)
	refused(t, start(c.run("q"), c.acts.PlanFor, c.planFor("nobody@contoso.example", "")), fault.NotFound, "unknown-user", "nobody@contoso.example")
	refused(t, start(c.run("q"), c.acts.PlanFor, c.planFor("felix.fischer_partner.example#EXT#@contoso.example", "")), fault.BusinessRule, "guest")
	refused(t, start(c.run("q"), c.acts.PlanFor, c.planFor("anna.archer@contoso.example", "uk-sales")), fault.BusinessRule, "group-not-for-offboarding")
}
