package activities_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tenure/internal/fault"
	"tenure/internal/graphsim"
	"tenure/internal/lifecycle"
)

func (c *contoso) policy(kind, name string) *lifecycle.PolicyRef {
	c.t.Helper()
	for _, p := range c.State().Policies {
		if p.Type == kind && p.Name == name {
			return &lifecycle.PolicyRef{ID: p.ID, Name: p.Name}
		}
	}
	c.t.Fatalf("the tenant has no %s %s", kind, name)
	return nil
}

// annasPolicies clears one of hers, replaces another, sets a new one, and mentions one that she never had.
func (c *contoso) annasPolicies() lifecycle.Change {
	return lifecycle.Change{Policies: []lifecycle.PolicyChange{
		{Type: "TenantDialPlan", From: c.policy("TenantDialPlan", "UK-Dialplan")},
		{Type: "TeamsCallingPolicy", From: c.policy("TeamsCallingPolicy", "AllOn"), To: c.policy("TeamsCallingPolicy", "NoForwarding")},
		{Type: "TeamsMeetingPolicy", To: c.policy("TeamsMeetingPolicy", "AllOn")},
		{Type: "TeamsMessagingPolicy"},
	}}
}

func TestApplyPoliciesAndRestoreThemExactly(t *testing.T) {
	c := newContoso(t)
	before := c.person("anna.archer").Policies
	apply := start(c.run("r1"), c.acts.ApplyPolicies, c.of("anna.archer", c.annasPolicies()))
	require.Equal(t, done, succeed(t, apply))
	require.Equal(t, map[string]string{
		"OnlineVoiceRoutingPolicy": "UK-National", "TeamsEmergencyCallingPolicy": "London-E911",
		"TeamsCallingPolicy": "NoForwarding", "TeamsMeetingPolicy": "AllOn",
	}, c.person("anna.archer").Policies)
	require.Equal(t, []string{unassignPolicy, assignPolicy}, c.writes())

	c.ClearJournal()
	require.Equal(t, done, succeed(t, apply))
	require.Empty(t, c.writes(), "what is as wanted is not written again")

	restore := start(c.run("r1"), c.acts.RestorePolicies, c.of("anna.archer", c.annasPolicies()))
	require.Equal(t, done, succeed(t, restore))
	require.Equal(t, before, c.person("anna.archer").Policies)
	require.Equal(t, []string{unassignPolicy, assignPolicy}, c.writes())

	c.ClearJournal()
	require.Equal(t, done, succeed(t, restore))
	require.Empty(t, c.writes())
}

func TestApplyPoliciesGoesOnAfterHalfOfIt(t *testing.T) {
	c := newContoso(t)
	c.AddFault(graphsim.Fault{Method: "POST", Path: "/v1.0/admin/teams/policy/userAssignments/assign", Status: 503})
	apply := start(c.run("r1"), c.acts.ApplyPolicies, c.of("anna.archer", c.annasPolicies()))
	fail(t, apply, fault.Unavailable)
	require.Equal(t, done, succeed(t, apply))
	require.Equal(t, []string{unassignPolicy, assignPolicy, assignPolicy}, c.writes())
	require.Equal(t, "NoForwarding", c.person("anna.archer").Policies["TeamsCallingPolicy"])
}

func TestRestorePoliciesAfterHalfAnApplication(t *testing.T) {
	c := newContoso(t)
	before := c.person("anna.archer").Policies
	c.AddFault(graphsim.Fault{Method: "POST", Path: "/v1.0/admin/teams/policy/userAssignments/assign", Status: 403})
	fail(t, start(c.run("r1"), c.acts.ApplyPolicies, c.of("anna.archer", c.annasPolicies())), fault.PermissionDenied)
	succeed(t, start(c.run("r1"), c.acts.RestorePolicies, c.of("anna.archer", c.annasPolicies())))
	require.Equal(t, before, c.person("anna.archer").Policies)
}

func TestPoliciesWaitForTeams(t *testing.T) {
	c := newContoso(t)
	change := lifecycle.Change{Policies: []lifecycle.PolicyChange{{Type: "TeamsCallingPolicy", To: c.policy("TeamsCallingPolicy", "AllOn")}}}
	fail(t, start(c.run("r1"), c.acts.ApplyPolicies, c.of("laura.lewis", change)), fault.NotYet, "Teams")
	fail(t, start(c.run("r1"), c.acts.RestorePolicies, c.of("laura.lewis", change)), fault.NotYet, "Teams")
	require.Empty(t, c.person("laura.lewis").Policies)
}

func TestPoliciesRefusedByMicrosoft(t *testing.T) {
	c := newContoso(t)
	change := lifecycle.Change{Policies: []lifecycle.PolicyChange{{Type: "TeamsCallingPolicy", To: &lifecycle.PolicyRef{ID: "bm90LXRoZXJl", Name: "Gone"}}}}
	refused(t, start(c.run("r1"), c.acts.ApplyPolicies, c.of("anna.archer", change)), fault.BusinessRule, "unknown-policy")
}

func TestTemplatesNamePoliciesByNameOrID(t *testing.T) {
	const opaque = "b3BhcXVlLXBvbGljeS1pZC0x"
	noForwarding := ""
	for _, p := range graphsim.DefaultState().Policies {
		if p.Type == "TeamsCallingPolicy" && p.Name == "NoForwarding" {
			noForwarding = p.ID
		}
	}
	require.NotEmpty(t, noForwarding)
	for name, row := range map[string]struct{ template, id, shown string }{
		"by name":                           {"NoForwarding", "", "NoForwarding"},
		"by id":                             {"", "", ""},
		"by an id that cannot be looked up": {opaque, opaque, opaque},
	} {
		t.Run(name, func(t *testing.T) {
			if row.template == "" {
				row.template, row.shown = noForwarding, noForwarding
			}
			if row.id == "" {
				row.id = noForwarding
			}
			c := setup{catalog: exampleWith(t, "TeamsCallingPolicy: null", "TeamsCallingPolicy: "+row.template)}.new(t)
			_, plan := c.begun("anna.archer", "leaver")
			step, _ := plan.Step(lifecycle.ApplyPolicies)
			require.Contains(t, step.Change.Policies, lifecycle.PolicyChange{
				Type: "TeamsCallingPolicy", From: c.policy("TeamsCallingPolicy", "AllOn"), To: &lifecycle.PolicyRef{ID: row.id, Name: row.shown},
			})
			require.Empty(t, c.writes())
		})
	}
}
