package activities_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tenure/internal/fault"
	"tenure/internal/graphsim"
	"tenure/internal/lifecycle"
)

func (c *contoso) groups(names ...string) lifecycle.Change {
	c.t.Helper()
	var change lifecycle.Change
	for _, name := range names {
		g := c.group(name)
		entry := lifecycle.GroupChange{ID: g.ID, DisplayName: name}
		for _, sku := range g.Licenses {
			entry.Licenses = append(entry.Licenses, c.sku(sku))
		}
		change.Groups = append(change.Groups, entry)
	}
	return change
}

func (c *contoso) isIn(user, group string) bool {
	c.t.Helper()
	return slices.Contains(c.group(group).Members, c.id(user))
}

func TestRemoveFromGroupsAndBack(t *testing.T) {
	c := newContoso(t)
	change := c.groups("License E3", "Sales UK")
	remove := start(c.run("r1"), c.acts.RemoveFromGroups, c.of("ben.baker", change))
	require.Equal(t, done, succeed(t, remove))
	require.Equal(t, []string{
		"DELETE /groups/License E3/members/ben.baker/$ref", "DELETE /groups/Sales UK/members/ben.baker/$ref",
	}, c.writes())
	require.False(t, c.isIn("ben.baker", "License E3"))
	require.False(t, c.isIn("ben.baker", "Sales UK"))
	require.True(t, c.isIn("ben.baker", "All Staff"))
	require.True(t, c.isIn("anna.archer", "Sales UK"))
	// R64: no longer a member is as wanted.
	require.Equal(t, done, succeed(t, remove))

	add := start(c.run("r1"), c.acts.AddToGroups, c.of("ben.baker", change))
	c.ClearJournal()
	require.Equal(t, done, succeed(t, add))
	require.Equal(t, []string{"POST /groups/License E3/members/$ref", "POST /groups/Sales UK/members/$ref"}, c.writes())
	require.True(t, c.isIn("ben.baker", "License E3"))
	require.True(t, c.isIn("ben.baker", "Sales UK"))
	// R26: a member already is as wanted.
	require.Equal(t, done, succeed(t, add))
	// AddToGroups is the undo of a removal that may never have happened.
	require.Equal(t, done, succeed(t, start(c.run("r1"), c.acts.AddToGroups, c.of("anna.archer", c.groups("All Staff")))))
}

func TestRemoveFromGroupsGoesOnWhereItStopped(t *testing.T) {
	for name, trouble := range map[string]graphsim.Fault{
		"refused":     {Status: http.StatusServiceUnavailable},
		"answer lost": {AfterCommit: true},
	} {
		t.Run(name, func(t *testing.T) {
			c := newContoso(t)
			trouble.Method, trouble.Path = "DELETE", "/v1.0/groups/"+c.group("Sales UK").ID+"/members/*/$ref"
			c.AddFault(trouble)
			remove := start(c.run("r1"), c.acts.RemoveFromGroups, c.of("ben.baker", c.groups("License E3", "Sales UK")))
			fail(t, remove, fault.Unavailable)
			require.Equal(t, done, succeed(t, remove))
			require.False(t, c.isIn("ben.baker", "License E3"))
			require.False(t, c.isIn("ben.baker", "Sales UK"))
		})
	}
}

func TestGroupsWhoseMembersCannotBeWritten(t *testing.T) {
	for _, group := range []string{"London Office", "Headquarters", "Announcements", "Helpdesk Admins"} {
		t.Run(group, func(t *testing.T) {
			c := newContoso(t)
			f := refused(t, start(c.run("r1"), c.acts.RemoveFromGroups, c.of("oliver.owen", c.groups(group))), fault.BusinessRule, "group-not-writable", group)
			require.NotEmpty(t, f.Hint)
			refused(t, start(c.run("r1"), c.acts.AddToGroups, c.of("laura.lewis", c.groups(group))), fault.BusinessRule, "group-not-writable", group)
			require.True(t, c.isIn("oliver.owen", group))
			require.False(t, c.isIn("laura.lewis", group))
		})
	}
}

func TestGroupsWithoutThePermission(t *testing.T) {
	c := newContoso(t)
	c.exchange("GroupMember.ReadWrite.All", "GroupMember.Read.All")
	f := fail(t, start(c.run("r1"), c.acts.RemoveFromGroups, c.of("ben.baker", c.groups("Sales UK"))), fault.PermissionDenied)
	require.Contains(t, f.Hint, "GroupMember.ReadWrite.All")
	require.True(t, c.isIn("ben.baker", "Sales UK"))
}

func TestAwaitGroupLicenses(t *testing.T) {
	const delay = time.Minute
	c := setup{settings: graphsim.Settings{GroupLicensingDelayMs: int(delay.Milliseconds())}}.new(t)
	change := c.groups("License E3", "License Phone")
	in := c.of("chloe.clark", change)
	back := start(c.run("r1"), c.acts.AwaitGroupLicensesBack, in)
	require.Equal(t, done, succeed(t, back), "they never went")

	succeed(t, start(c.run("r1"), c.acts.RemoveFromGroups, in))
	gone := start(c.run("r1"), c.acts.AwaitGroupLicensesGone, in)
	for _, wait := range []time.Duration{1, 2, 4} {
		require.Equal(t, wait*time.Second, fail(t, gone, fault.NotYet, "License E3").NextRetryDelay())
	}
	c.clock.Advance(delay)
	require.Equal(t, done, succeed(t, gone))

	succeed(t, start(c.run("r1"), c.acts.AddToGroups, in))
	back = start(c.run("r1"), c.acts.AwaitGroupLicensesBack, in)
	fail(t, back, fault.NotYet)
	c.clock.Advance(delay)
	require.Equal(t, done, succeed(t, back))
}

func TestAwaitGroupLicensesLooksOnlyAtTheGroupsOfTheChange(t *testing.T) {
	c := newContoso(t)
	// David keeps MCOMEETADV by License Audio and MCOEV directly.
	in := c.of("david.doyle", lifecycle.Change{Groups: []lifecycle.GroupChange{
		{ID: c.group("License Phone").ID, DisplayName: "License Phone", Licenses: []string{c.sku("MCOEV"), c.sku("MCOMEETADV")}},
	}})
	require.Equal(t, done, succeed(t, start(c.run("r1"), c.acts.AwaitGroupLicensesGone, in)))
	fail(t, start(c.run("r1"), c.acts.AwaitGroupLicensesBack, in), fault.NotYet, "License Phone")
}
