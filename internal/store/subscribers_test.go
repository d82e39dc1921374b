package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/lifecycle"
	"tenure/internal/store"
	"tenure/internal/store/storetest"
)

const selfService = "customer-self-service"

func synced(id string, services ...lifecycle.ServiceKind) store.SyncedSubscriber {
	return store.SyncedSubscriber{
		Person:   lifecycle.Person{ID: id, UserPrincipalName: id + "@contoso.example", DisplayName: id, Enabled: true, City: "London"},
		Services: services,
	}
}

func put(t *testing.T, s *store.Store, page ...store.SyncedSubscriber) store.SyncResult {
	t.Helper()
	result, err := s.PutSubscribers(t.Context(), tenant, customer, selfService, page)
	require.NoError(t, err)
	return result
}

func readSubscriber(t *testing.T, s *store.Store, id string) store.Subscriber {
	t.Helper()
	sub, found, err := s.Subscriber(t.Context(), tenant, id)
	require.NoError(t, err)
	require.True(t, found)
	return sub
}

func place(t *testing.T, s *store.Store, id, from, to string) {
	t.Helper()
	require.NoError(t, s.Place(t.Context(), admin, tenant, id, lifecycle.PlaceChange{From: from, To: to}))
}

func TestPutSubscribers_R110(t *testing.T) {
	const m365, teams, mailbox = lifecycle.ServiceM365, lifecycle.ServiceTeams, lifecycle.ServiceMailbox
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		clock := newWatch()
		s := open(store.WithClock(clock.Now))
		anna, ben := synced("anna", m365, teams), synced("ben", m365)
		require.Equal(t, store.SyncResult{}, put(t, s))
		require.Equal(t, store.SyncResult{Added: 2}, put(t, s, ben, anna))
		got := readSubscriber(t, s, "anna")
		assert.Equal(t, anna.Person, got.Person)
		assert.Equal(t, lifecycle.Placement{Node: customer, Role: selfService, Services: []lifecycle.Service{{Kind: m365, Node: customer}, {Kind: teams, Node: customer}}}, got.Placement)
		assert.Equal(t, start, got.AddedAt)

		clock.advance(time.Hour)
		require.Equal(t, store.SyncResult{Unchanged: 2}, put(t, s, anna, ben), "the same page again")
		assert.Equal(t, start, readSubscriber(t, s, "anna").ChangedAt)

		place(t, s, "anna", customer, london)
		require.NoError(t, s.SetRole(t.Context(), admin, tenant, "anna", lifecycle.ValueChange{From: selfService, To: "site-admin"}))
		anna.UserPrincipalName, anna.City, anna.Enabled = "Anna.New@contoso.example", "Paris", false
		anna.Services = []lifecycle.ServiceKind{m365, mailbox}
		require.Equal(t, store.SyncResult{Added: 1, Changed: 1, Unchanged: 1}, put(t, s, synced("cleo"), anna, ben))
		got = readSubscriber(t, s, "ANNA.new@contoso.example")
		assert.Equal(t, anna.Person, got.Person)
		assert.Equal(t, london, got.Node)
		assert.Equal(t, "site-admin", got.Role)
		assert.Equal(t, []lifecycle.Service{{Kind: m365, Node: london}, {Kind: mailbox, Node: london}}, got.Services)
		assert.Equal(t, start, got.AddedAt)
		assert.Equal(t, start.Add(time.Hour), got.ChangedAt)

		ben.Services = nil
		require.Equal(t, store.SyncResult{Changed: 1}, put(t, s, ben), "services alone")
		assert.Empty(t, readSubscriber(t, s, "ben").Services)
		_, found, err := s.Subscriber(t.Context(), tenant, "anna@contoso.example")
		require.NoError(t, err)
		assert.False(t, found, "the old name")
		require.Equal(t, store.SyncResult{Unchanged: 1}, put(t, s, synced("cleo", teams), synced("cleo")), "twice on a page: the last wins")
	})
}

func TestPutSubscribersTwoStoresRacing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		stores := []*store.Store{open(), open()}
		page := make([]store.SyncedSubscriber, 300)
		reversed := make([]store.SyncedSubscriber, len(page))
		for i := range page {
			page[i] = synced(fmt.Sprintf("user-%03d", i), lifecycle.ServiceM365, lifecycle.ServiceTeams)
			reversed[len(page)-1-i] = page[i]
		}
		results := make([]store.SyncResult, 4)
		atOnce(len(results), func(i int) {
			list := page
			if i%2 == 1 {
				list = reversed
			}
			var err error
			results[i], err = stores[i%2].PutSubscribers(t.Context(), tenant, customer, selfService, list)
			assert.NoError(t, err)
		})
		var sum store.SyncResult
		for _, r := range results {
			sum.Added, sum.Changed, sum.Unchanged = sum.Added+r.Added, sum.Changed+r.Changed, sum.Unchanged+r.Unchanged
		}
		assert.Equal(t, store.SyncResult{Added: 300, Unchanged: 900}, sum)
	})
}

func TestSubscriberIsFoundByIDAndName(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open()
		put(t, s, synced("anna"), synced("ben"))
		_, err := s.PutSubscribers(t.Context(), "fabrikam", "acme/fabrikam", selfService, []store.SyncedSubscriber{synced("ben"), synced("zoe")})
		require.NoError(t, err)
		addUsed(t, s, "anna", "+442079460002", "+442079460001")
		tests := []struct {
			name, tenant, who string
			found             bool
			code              string
		}{
			{"id", tenant, "anna", true, ""},
			{"name in any case", tenant, "ANNA@contoso.EXAMPLE", true, ""},
			{"in any tenant", "", "zoe@contoso.example", true, ""},
			{"of another tenant", tenant, "zoe@contoso.example", false, ""},
			{"nobody", "", "nobody", false, ""},
			{"in two tenants", "", "ben@contoso.example", false, "ambiguous-user"},
			{"in one of two tenants", "fabrikam", "ben", true, ""},
		}
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				_, found, err := s.Subscriber(t.Context(), test.tenant, test.who)
				if test.code != "" {
					refused(t, err, test.code)
					return
				}
				require.NoError(t, err)
				assert.Equal(t, test.found, found)
			})
		}
		assert.Equal(t, []string{"+442079460001", "+442079460002"}, readSubscriber(t, s, "anna").Numbers)
	})
}

func TestListSubscribersAtOrBelow(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open()
		at := map[string]string{"anna": customer, "ben": "acme/contoso/emea", "cleo": london, "dora": "acme/contoso/emea2/rome", "emil": "acme/contoso/emea-east", "finn": "acme/contoso/emea/london/floor",
			// A server that does not sort by bytes would have "+" between "/" and "0", and "_" before "-".
			"gus-x": "acme/contoso/emea+east", "gus_x": "acme/contoso/emea#east"}
		for who, node := range at {
			put(t, s, synced(who, lifecycle.ServiceTeams))
			place(t, s, who, customer, node)
		}
		tests := []struct {
			name   string
			filter store.SubscriberFilter
			want   []string
		}{
			{"all", store.SubscriberFilter{}, []string{"anna", "ben", "cleo", "dora", "emil", "finn", "gus-x", "gus_x"}},
			{"at a node", store.SubscriberFilter{Tenant: tenant, Node: "acme/contoso/emea"}, []string{"ben"}},
			{"at or below, not beside", store.SubscriberFilter{Tenant: tenant, Node: "acme/contoso/emea", Below: true}, []string{"ben", "cleo", "finn"}},
			{"below a name with a dash", store.SubscriberFilter{Node: "acme/contoso/emea-east", Below: true}, []string{"emil"}},
			{"nowhere", store.SubscriberFilter{Node: "acme/cont", Below: true}, nil},
		}
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				for limit := 1; limit <= 9; limit += 2 {
					var got []string
					filter := test.filter
					filter.Services = true
					for filter.Limit = limit; ; {
						list, next, err := s.ListSubscribers(t.Context(), filter)
						require.NoError(t, err)
						for _, sub := range list {
							got = append(got, sub.ID)
							assert.Equal(t, []lifecycle.Service{{Kind: lifecycle.ServiceTeams, Node: at[sub.ID]}}, sub.Services)
						}
						if filter.Cursor = next; next == "" {
							break
						}
					}
					require.Equalf(t, test.want, got, "in pages of %d", limit)
				}
			})
		}
	})
}

func TestPlaceAndRestorePlace_R50e(t *testing.T) {
	const m365, teams, mailbox = lifecycle.ServiceM365, lifecycle.ServiceTeams, lifecycle.ServiceMailbox
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open()
		put(t, s, synced("anna", m365, teams))
		place(t, s, "anna", customer, london)
		// A mailbox that was left behind elsewhere is the state that undo has to come back to.
		put(t, s, synced("anna", m365, teams, mailbox))
		scattered := []lifecycle.Service{{Kind: m365, Node: london}, {Kind: mailbox, Node: london}, {Kind: teams, Node: customer}}
		require.NoError(t, s.RestorePlace(t.Context(), admin, tenant, "anna", lifecycle.PlaceChange{From: london, To: customer, Services: scattered}))
		require.Equal(t, scattered, readSubscriber(t, s, "anna").Services)

		require.NoError(t, s.Begin(t.Context(), offboarding("run", "anna")))
		run := store.Actor{By: "operator", RunID: "run"}
		home := lifecycle.PlaceChange{From: london, To: customer, Services: scattered}
		for range 2 {
			require.NoError(t, s.Place(t.Context(), run, tenant, "anna", home))
			got := readSubscriber(t, s, "anna")
			assert.Equal(t, customer, got.Node)
			assert.Equal(t, []lifecycle.Service{{Kind: m365, Node: customer}, {Kind: mailbox, Node: customer}, {Kind: teams, Node: customer}}, got.Services)
		}
		for range 2 {
			require.NoError(t, s.RestorePlace(t.Context(), run, tenant, "anna", home))
			got := readSubscriber(t, s, "anna")
			assert.Equal(t, london, got.Node)
			assert.Equal(t, scattered, got.Services)
		}

		elsewhere := lifecycle.PlaceChange{From: paris, To: customer}
		refused(t, s.Place(t.Context(), run, tenant, "anna", elsewhere), "placement-changed")
		refused(t, s.RestorePlace(t.Context(), run, tenant, "anna", elsewhere), "placement-changed")
		assert.True(t, refused(t, s.Place(t.Context(), admin, tenant, "nobody", home), "unknown-user").Invalid)
		assert.Equal(t, london, readSubscriber(t, s, "anna").Node)
		trail, _, err := s.ListAudit(t.Context(), store.AuditFilter{RunID: "run"})
		require.NoError(t, err)
		assert.Empty(t, trail, "an operation is audited at its end")
	})
}

func TestSetRole(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open()
		put(t, s, synced("anna"))
		change := lifecycle.ValueChange{From: selfService, To: "site-admin"}
		for range 2 {
			require.NoError(t, s.SetRole(t.Context(), admin, tenant, "anna", change))
			assert.Equal(t, "site-admin", readSubscriber(t, s, "anna").Role)
		}
		refused(t, s.SetRole(t.Context(), admin, tenant, "anna", lifecycle.ValueChange{From: selfService, To: "other"}), "role-changed")
		trail, _, err := s.ListAudit(t.Context(), store.AuditFilter{SubscriberID: "anna"})
		require.NoError(t, err)
		require.Len(t, trail, 1, "the repeat changed nothing and is not audited")
		assert.Equal(t, "set-role", trail[0].Operation)
		assert.Equal(t, admin.Reason, trail[0].Reason)
		assert.JSONEq(t, `{"from":"customer-self-service","to":"site-admin"}`, string(trail[0].Detail))
	})
}

func TestABusyUserIsNotPlacedByHand(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open()
		put(t, s, synced("anna"), synced("ben"))
		require.NoError(t, s.Begin(t.Context(), offboarding("run", "anna")))
		change := lifecycle.PlaceChange{From: customer, To: london}
		assert.Contains(t, refused(t, s.Place(t.Context(), admin, tenant, "anna", change), "busy").Message, "run")
		require.NoError(t, s.Place(t.Context(), admin, tenant, "ben", change))
		require.NoError(t, s.Finish(t.Context(), "run", store.FinishInput{Status: lifecycle.Completed}))
		refused(t, s.Place(t.Context(), store.Actor{RunID: "run"}, tenant, "anna", change), "run-closed")
		require.NoError(t, s.Place(t.Context(), admin, tenant, "anna", change))
	})
}
