package activities_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"tenure/activities"
	"tenure/examples"
	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/store"
)

func (c *contoso) applying(text string) *task[activities.AppliedCatalog] {
	return start(c.run("apply"), c.acts.ApplyCatalog, contract.CatalogRequest{File: "catalog.yaml", Text: text, Actor: contract.Actor{RequestedBy: "admin", Reason: "news"}})
}

func (c *contoso) apply(text string) error {
	_, err := c.applying(text).try()
	return err
}

func (c *contoso) diff(text string) *task[contract.CatalogDiff] {
	return start(c.run("q"), c.acts.DiffCatalog, contract.CatalogRequest{File: "catalog.yaml", Text: text})
}

var loads = []contract.AddNumbersRequest{
	{Node: london, Type: "directRouting", Ranges: []contract.NumberRange{{From: "+442079460000", To: "+442079460019"}}},
	{Node: tenantLevel, Type: "callingPlan", Ranges: []contract.NumberRange{{From: "+18005550100", To: "+18005550109"}}},
}

func TestApplyCatalog(t *testing.T) {
	c := setup{empty: true}.new(t)
	text := string(examples.Catalog)
	differences := succeed(t, c.diff(text)).Differences
	require.NotEmpty(t, differences, "the first catalog differs from nothing")
	for _, d := range differences {
		require.Equal(t, "added", d.Action, d)
	}
	first := succeed(t, c.applying(text))
	require.Equal(t, int64(1), first.Revision)
	require.True(t, first.Changed)
	require.Equal(t, differences, first.Differences)
	require.Equal(t, loads, first.Loads)
	audit, _, err := c.store.ListAudit(t.Context(), store.AuditFilter{Operation: "catalog-apply"})
	require.NoError(t, err)
	require.Len(t, audit, 1)
	require.Equal(t, "admin", audit[0].By)
	require.Equal(t, "news", audit[0].Reason)

	books := c.books()
	again := succeed(t, c.applying(text))
	require.Equal(t, contract.CatalogApplied{Revision: 1, Differences: []contract.CatalogDifference{}}, again.CatalogApplied)
	require.Equal(t, loads, again.Loads, "its numbers are still loaded where they are missing")
	require.Equal(t, books, c.books())
	require.Empty(t, c.requests())
}

func TestApplyCatalogTakesEffectAtOnce(t *testing.T) {
	c := newContoso(t)
	fewer := exampleWith(t, "days: 30  ", "days: 12  ")
	differences := succeed(t, c.diff(fewer)).Differences
	require.Len(t, differences, 1)
	require.Equal(t, "settings", differences[0].Kind)
	require.Equal(t, "changed", differences[0].Action)
	require.Contains(t, differences[0].Detail, "12")
	books := c.books()
	succeed(t, c.diff(fewer))
	require.Equal(t, books, c.books(), "comparing applies nothing")

	applied := succeed(t, c.applying(fewer))
	require.Equal(t, int64(2), applied.Revision)
	require.Equal(t, differences, applied.Differences)
	require.Empty(t, succeed(t, c.diff(fewer)).Differences)
	plan := succeed(t, start(c.run("q"), c.acts.PlanFor, c.planFor(c.id("anna.archer"), ""))).Plan
	step, _ := plan.Step("release-number")
	require.Equal(t, 12, step.Change.Numbers[0].CoolingDays)
}

func TestApplyCatalogRefusesMistakesWithTheirLines(t *testing.T) {
	c := newContoso(t)
	bad := exampleWith(t, "teamsUser: no-voice\n    removeGroups: license-groups", "teamsUser: no-voise\n    removeGroup: license-groups")
	for _, kind := range []string{"apply", "diff"} {
		books := c.books()
		var f failure
		if kind == "apply" {
			f = refused(t, c.applying(bad), fault.InvalidRequest, "catalog-invalid")
		} else {
			f = refused(t, c.diff(bad), fault.InvalidRequest, "catalog-invalid")
		}
		require.Regexp(t, `catalog\.yaml:\d+:\d+: .*no-voise`, f.Message())
		require.Regexp(t, `catalog\.yaml:\d+:\d+: .*removeGroup`, f.Message())
		require.Equal(t, books, c.books())
	}
	refused(t, c.applying(""), fault.InvalidRequest, "catalog-invalid")
}

func TestApplyCatalogRefusesToDropANodeInUse(t *testing.T) {
	for name, row := range map[string]struct {
		replace []string
		node    string
		// free empties the node first.
		free func(*contoso)
	}{
		"where users are": {[]string{"            - name: paris\n", "            - name: lyon\n", "site: paris", "site: lyon"}, paris, func(c *contoso) {
			for _, name := range []string{"isabelle.imbert", "mark.moore"} {
				succeed(c.t, c.place(contract.PlaceRequest{User: c.email(name), Site: "newyork"}))
			}
		}},
		"that is wrapped in another": {[]string{"name: acme\n", "name: holding\n"}, tenantLevel, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c := newContoso(t)
			books := c.books()
			next := exampleWith(t, row.replace...)
			f := refused(t, c.applying(next), fault.BusinessRule, "node-in-use", row.node)
			require.NotEmpty(t, f.Hint)
			require.Equal(t, books, c.books())
			if row.free != nil {
				row.free(c)
				require.True(t, succeed(t, c.applying(next)).Changed)
			}
		})
	}
	t.Run("where only numbers are", func(t *testing.T) {
		c := newContoso(t)
		succeed(t, c.add(contract.AddNumbersRequest{Node: "newyork", Type: "directRouting", Numbers: []string{"+12125550100"}}))
		refused(t, c.applying(exampleWith(t, "- name: newyork\n", "- name: boston\n")), fault.BusinessRule, "node-in-use", "acme/contoso/newyork")
	})
	t.Run("whose path another node has as its name", func(t *testing.T) {
		// A catalog of one customer at the top gets a provider above it: the customer's path becomes another.
		const one = "apiVersion: tenure/v1\nhierarchy:\n  name: contoso\n  level: customer\n  tenant: contoso\n"
		const two = "apiVersion: tenure/v1\nhierarchy:\n  name: acme\n  level: provider\n  children:\n    - name: contoso\n      level: customer\n      tenant: contoso\n"
		c := setup{empty: true}.new(t)
		succeed(t, c.applying(one))
		require.True(t, succeed(t, c.applying(two)).Changed, "nobody is there yet")
		succeed(t, c.applying(one))
		c.sync(false)
		refused(t, c.applying(two), fault.BusinessRule, "node-in-use", "contoso")
	})
}

func TestShowCatalog(t *testing.T) {
	c := newContoso(t)
	show := func(kind, name string) *task[any] {
		return start(c.run("q"), c.acts.ShowCatalog, contract.ShowCatalogRequest{Kind: kind, Name: name})
	}
	site, err := json.Marshal(succeed(t, show("nodes", "paris")))
	require.NoError(t, err)
	require.Contains(t, string(site), paris)
	require.NotEmpty(t, succeed(t, show("", "")))
	all, ok := succeed(t, show("groups", "")).([]any)
	require.True(t, ok)
	require.Len(t, all, 5)
	refused(t, show("planets", ""), fault.InvalidRequest, "unknown-kind")
	fail(t, show("nodes", "atlantis"), fault.InvalidRequest, "atlantis")
}

func TestACatalogThatThisVersionCannotRead(t *testing.T) {
	c := newContoso(t)
	_, _, err := c.store.SaveCatalog(t.Context(), store.Actor{}, []byte("apiVersion: tenure/v9\n"))
	require.NoError(t, err)
	refused(t, start(c.run("q"), c.acts.ListUsers, contract.UserFilter{Node: "london"}), fault.BusinessRule, "catalog-invalid")
	require.True(t, succeed(t, c.applying(string(examples.Catalog))).Changed, "another one puts it right")
	require.Len(t, succeed(t, start(c.run("q"), c.acts.ListUsers, contract.UserFilter{Node: "paris"})).Users, 2)
}
