package graph_test

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tenure/internal/graph"
	"tenure/internal/lifecycle"
)

func TestChangeLicensesSendsBothLists(t *testing.T) {
	s, c := always(t, 200, `{"id":"`+adele+`"}`)
	for _, row := range []struct {
		add    []lifecycle.LicenseChange
		remove []string
		body   string
	}{
		{[]lifecycle.LicenseChange{{SKUID: e5, DisabledPlans: []string{plan1}}}, nil, `{"addLicenses":[{"skuId":"` + e5 + `","disabledPlans":["` + plan1 + `"]}],"removeLicenses":[]}`},
		{[]lifecycle.LicenseChange{{SKUID: e5}}, []string{mcoev}, `{"addLicenses":[{"skuId":"` + e5 + `","disabledPlans":[]}],"removeLicenses":["` + mcoev + `"]}`},
		{nil, []string{strings.ToUpper(mcoev)}, `{"addLicenses":[],"removeLicenses":["` + mcoev + `"]}`},
	} {
		if err := c.ChangeLicenses(t.Context(), adele, row.add, row.remove); err != nil {
			t.Fatal(err)
		}
		sameJSON(t, s.last(t).body, row.body)
	}
	sent := len(s.requests())
	if err := c.ChangeLicenses(t.Context(), adele, nil, nil); err != nil || len(s.requests()) != sent {
		t.Errorf("an empty change: %v, %d requests", err, len(s.requests())-sent)
	}
}

func TestSKUs(t *testing.T) {
	s := directory(t)
	now := time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	var elapsed atomic.Int64
	c := s.client(t, func(cfg *graph.Config) {
		cfg.Clock = func() time.Time { return now.Add(time.Duration(elapsed.Load())) }
	})
	for range 3 {
		got, err := c.SKUs(t.Context())
		if err != nil || len(got) != 2 {
			t.Fatalf("got %v, %v", got, err)
		}
		if got[1].PartNumber != "SPE_E5" || got[1].Enabled != 12 || got[1].Consumed != 3 || got[1].ServicePlans[0].Name != "TEAMS1" {
			t.Errorf("got %+v", got[1])
		}
	}
	elapsed.Store(int64(5*time.Minute - 1))
	if _, err := c.SKUs(t.Context()); err != nil || len(s.requests()) != 1 {
		t.Errorf("within five minutes: %v, %d requests; want 1", err, len(s.requests()))
	}
	elapsed.Store(int64(5 * time.Minute))
	if _, err := c.SKUs(t.Context()); err != nil || len(s.requests()) != 2 {
		t.Errorf("after five minutes: %v, %d requests; want 2", err, len(s.requests()))
	}
}

func TestSKUsAreReadOnceForManyCallers(t *testing.T) {
	hold := make(chan struct{})
	var asked atomic.Int32
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		<-hold
		reply(w, 200, skus)
	})
	c := s.client(t)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if got, err := c.SKUs(t.Context()); err != nil || len(got) != 2 {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
	close(hold)
	wg.Wait()
	// A caller that came after the answer finds it in the cache.
	if n := asked.Load(); n != 1 {
		t.Errorf("%d requests; want 1", n)
	}
}

func TestUnknownSKURefreshesTheListOnce(t *testing.T) {
	var lists atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/v1.0/subscribedSkus":
			reply(w, 200, `{"id":"x","licenseAssignmentStates":[{"skuId":"`+e5+`","state":"Active"},{"skuId":"`+plan1+`","state":"Active"}]}`)
		case lists.Add(1) == 1:
			reply(w, 200, `{"value":[]}`)
		default:
			reply(w, 200, skus)
		}
	})
	c := s.client(t)
	if _, err := c.SKUs(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		u, err := c.User(t.Context(), "x")
		if err != nil {
			t.Fatal(err)
		}
		if u.Licenses[0].SKU != "SPE_E5" || u.Licenses[1].SKU != plan1 {
			t.Errorf("got %+v", u.Licenses)
		}
	}
	if n := lists.Load(); n != 2 {
		t.Errorf("the list was read %d times; want 2", n)
	}
}

func TestLicenseDetailsAndReprocess(t *testing.T) {
	s, c := always(t, 200, `{"id":"x","value":[{"skuId":"`+e5+`","skuPartNumber":"SPE_E5","servicePlans":[{"servicePlanId":"`+plan1+`","servicePlanName":"TEAMS1","provisioningStatus":"PendingActivation"}]}]}`)
	got, err := c.LicenseDetails(t.Context(), adele)
	if err != nil || len(got) != 1 || got[0].SKU != "SPE_E5" || got[0].ServicePlans[0] != (graph.ServicePlan{ID: plan1, Name: "TEAMS1", Status: "PendingActivation"}) {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := c.ReprocessLicenses(t.Context(), adele); err != nil {
		t.Fatal(err)
	}
	if r := s.last(t); r.method != "POST" || !strings.HasSuffix(r.path, "/reprocessLicenseAssignment") {
		t.Errorf("sent %s %s", r.method, r.path)
	}
}
