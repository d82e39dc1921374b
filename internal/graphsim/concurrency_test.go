package graphsim_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/graphsim"
)

func TestTheLastUnitsAreGivenOnce(t *testing.T) {
	state := manyUsers(20)
	for i := range state.Users {
		state.Users[i].DirectLicenses = nil
	}
	state.SKUs[0].Enabled = 7
	s := newSim(t, state)
	e5 := s.skuID("SPE_E5")
	var given atomic.Int32
	var all sync.WaitGroup
	for _, u := range s.tenant.State().Users {
		all.Go(func() {
			a, err := s.try("POST", "/users/"+u.ID+"/assignLicense", license([]object{add(e5)}))
			if err == nil && a.status == 200 {
				given.Add(1)
			}
		})
	}
	all.Wait()
	assert.EqualValues(t, 7, given.Load())
	assert.InDelta(t, 7, s.consumed("SPE_E5"), 0)
}

func TestConcurrentUse(t *testing.T) {
	s := newSim(t, nil)
	s.settings(func(settings *graphsim.Settings) { settings.ReadLagMs = 50; settings.Throttle = nil })
	staff, phone := s.groupID("All Staff"), s.groupID("License Phone")
	laura, emma := s.idOf("laura.lewis"), s.idOf("emma.evans")
	reference := object{"@odata.id": s.url + "/v1.0/directoryObjects/" + laura}
	work := []func(){
		func() { _, _ = s.try("POST", "/groups/"+staff+"/members/$ref", reference) },
		func() { _, _ = s.try("DELETE", "/groups/"+staff+"/members/"+laura+"/$ref", nil) },
		func() { _, _ = s.try("POST", "/groups/"+phone+"/members/$ref", reference) },
		func() { _, _ = s.try("DELETE", "/groups/"+phone+"/members/"+laura+"/$ref", nil) },
		func() { _, _ = s.try("GET", "/users?$select=*", nil) },
		func() { _, _ = s.try("GET", "/groups?$select=*", nil) },
		func() { _, _ = s.try("GET", configurations, nil) },
		func() { _, _ = s.try("GET", numbers, nil) },
		func() { _, _ = s.try("GET", "/users/delta", nil) },
		func() { s.order("assignNumber", assignment("+442079460010", emma, "directRouting")) },
		func() { s.order("unassignNumber", object{"telephoneNumber": "+442079460010"}) },
		func() { s.clock.Advance(20 * time.Millisecond) },
		func() { s.tenant.State(); s.tenant.Journal(); s.tenant.Faults() },
		func() { s.tenant.SetPermissions(graphsim.LeastPermissions()...) },
		func() { s.tenant.AddFault(graphsim.Fault{Path: "/v1.0/nothing"}) },
	}
	var all sync.WaitGroup
	for _, job := range work {
		all.Go(func() {
			for range 30 {
				job()
			}
		})
	}
	all.Wait()
	require.NoError(t, s.tenant.SetState(s.tenant.State()))
}
