package graphsim_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMinimalDeltaShowsWhatChangedOnly(t *testing.T) {
	s := newSim(t, nil)
	s.tenant.SetPermissions("Directory.ReadWrite.All")
	prefer := []string{"Prefer", "return=minimal"}
	all, link := s.round("/users/delta?$select=displayName,city,usageLocation,assignedLicenses", prefer...)
	require.Len(t, all, 15)
	assert.Len(t, all[0], 5, "the first round is whole")
	assert.Empty(t, s.get(link).header.Get("Preference-Applied"))

	anna, emma, laura := s.idOf("anna.archer"), s.idOf("emma.evans"), s.idOf("laura.lewis")
	require.Equal(t, 204, s.do("PATCH", "/users/"+anna, object{"city": "Paris", "jobTitle": "not selected"}).status)
	require.Equal(t, 204, s.do("PATCH", "/users/"+s.idOf("ben.baker"), object{"jobTitle": "not selected"}).status)
	require.Equal(t, 200, s.assign("emma.evans", license(nil, s.skuID("SPE_E5"))).status)
	require.Equal(t, 204, s.do("DELETE", "/users/"+laura, nil).status)

	changed, next := s.round(link, "Prefer", "odata.maxpagesize=1, return = minimal")
	assert.Equal(t, []object{
		{"id": anna, "city": "Paris"},
		{"id": emma, "assignedLicenses": []any{}},
		{"id": laura, "@removed": object{"reason": "changed"}},
	}, changed)
	assert.Equal(t, "return=minimal", s.get(link, prefer...).header.Get("Preference-Applied"))
	full, _ := s.round(link)
	assert.Len(t, full, 4, "without the preference everybody who changed is whole")
	assert.Len(t, full[0], 5)

	require.Equal(t, 204, s.do("PATCH", "/users/"+anna, object{"usageLocation": "FR"}).status)
	changed, next = s.round(next, prefer...)
	assert.Equal(t, []object{{"id": anna, "usageLocation": "FR"}}, changed)
	require.Equal(t, 204, s.do("PATCH", "/users/"+anna, object{"city": "Lyon"}).status)
	changed, _ = s.round(next, prefer...)
	assert.Equal(t, []object{{"id": anna, "city": "Lyon"}}, changed, "the last change of the round before is not shown again")
}
