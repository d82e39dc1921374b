package activities_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tenure/activities"
	"tenure/internal/contract"
	"tenure/internal/store"
)

func (c *contoso) checkWorker() contract.WorkerCheck {
	c.t.Helper()
	return succeed(c.t, start(c.run("q"), c.acts.CheckWorker, contract.WorkerCheckRequest{}))
}

func TestCheckWorker(t *testing.T) {
	c := newContoso(t)
	require.Empty(t, c.checkWorker().Clocks, "nobody was heard from")
	succeed(t, start(c.run("q"), c.acts.ShowUser, activities.UserInTenant{Tenant: "contoso", User: c.email("anna.archer")}))
	c.acts.KeyIDs = []string{"2026-11"}
	answer := c.checkWorker()
	require.Equal(t, []string{"contoso"}, answer.Tenants)
	require.Equal(t, []string{"2026-11"}, answer.Keys)
	require.Positive(t, answer.Schema)
	require.Equal(t, answer.KnownSchema, answer.Schema)
	require.EqualValues(t, 1, answer.Catalog.Number)
	require.Nil(t, answer.CatalogProblem)
	require.Len(t, answer.Clocks, 1)
	require.Equal(t, "contoso", answer.Clocks[0].Tenant)

	_, _, err := c.acts.Store.SaveCatalog(t.Context(), store.Actor{By: "test"}, []byte("apiVersion: tenure/v9"))
	require.NoError(t, err)
	answer = c.checkWorker()
	require.EqualValues(t, 2, answer.Catalog.Number)
	require.Contains(t, *answer.CatalogProblem, "cannot read the catalog in force")
	require.Empty(t, answer.Tenants)
}

func TestCheckWorkerBeforeTheFirstCatalog(t *testing.T) {
	answer := setup{empty: true}.new(t).checkWorker()
	require.Nil(t, answer.Catalog)
	require.Nil(t, answer.CatalogProblem)
	require.NotNil(t, answer.Tenants)
}
