package store_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/lifecycle"
	"tenure/internal/store"
	"tenure/internal/store/storetest"
)

var home = store.Home{Node: customer, Role: selfService}

// threshold is R111's.
const threshold = 10

// staff are users of consecutive names.
func staff(from, to int) []store.SyncedSubscriber {
	var list []store.SyncedSubscriber
	for i := from; i < to; i++ {
		list = append(list, synced(fmt.Sprintf("user-%02d", i), lifecycle.ServiceM365))
	}
	return list
}

func ids(users []store.SyncedSubscriber) []string {
	var list []string
	for _, u := range users {
		list = append(list, u.ID)
	}
	return list
}

// round is one round of a single page.
func round(t *testing.T, s *store.Store, full bool, page store.SyncPage) (store.SyncRound, store.SyncEnd) {
	t.Helper()
	r, err := s.BeginSync(t.Context(), tenant, store.SyncStart{RunID: "sync", Full: full})
	require.NoError(t, err)
	_, err = s.PutPage(t.Context(), tenant, r.Number, home, page)
	require.NoError(t, err)
	end, err := s.EndSync(t.Context(), admin, tenant, r.Number, fmt.Sprintf("link-%d", r.Number), threshold)
	require.NoError(t, err)
	return r, end
}

func everybody(t *testing.T, s *store.Store) []string {
	t.Helper()
	list, _, err := s.ListSubscribers(t.Context(), store.SubscriberFilter{Limit: 1000})
	require.NoError(t, err)
	var names []string
	for _, sub := range list {
		names = append(names, sub.ID)
	}
	return names
}

func TestBeginSyncKnowsWhereTheRoundBegins(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open()
		begin := func(filter string, full bool) store.SyncRound {
			r, err := s.BeginSync(t.Context(), tenant, store.SyncStart{RunID: "sync", Filter: filter, Full: full})
			require.NoError(t, err)
			return r
		}
		end := func(r store.SyncRound, link string) {
			_, err := s.EndSync(t.Context(), admin, tenant, r.Number, link, threshold)
			require.NoError(t, err)
		}
		require.Equal(t, store.SyncRound{Number: 1}, begin("", false), "the first one reads everybody")
		require.Equal(t, store.SyncRound{Number: 2}, begin("", false), "nobody has ended the first one")
		end(store.SyncRound{Number: 2}, "a")
		require.Equal(t, store.SyncRound{Number: 3, Link: "a"}, begin("", false))
		require.Equal(t, store.SyncRound{Number: 4, Link: "a"}, begin("", false), "a round that does not end leaves the link")
		end(store.SyncRound{Number: 4}, "b")
		require.Equal(t, store.SyncRound{Number: 5}, begin("", true), "everybody, on request")
		require.Equal(t, store.SyncRound{Number: 6}, begin("", false), "and still, because that one did not end")
		end(store.SyncRound{Number: 6}, "c")
		require.Equal(t, store.SyncRound{Number: 7}, begin("members", false), "another filter")
		end(store.SyncRound{Number: 7}, "d")
		require.Equal(t, store.SyncRound{Number: 8, Link: "d"}, begin("members", false))
		other, err := s.BeginSync(t.Context(), "fabrikam", store.SyncStart{RunID: "another"})
		require.NoError(t, err)
		require.Equal(t, store.SyncRound{Number: 1}, other, "each tenant has its own")
	})
}

func TestOneSyncAtATime(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		clock := newWatch()
		s, other := open(store.WithClock(clock.Now)), open(store.WithClock(clock.Now))
		old, err := s.BeginSync(t.Context(), tenant, store.SyncStart{RunID: "one"})
		require.NoError(t, err)
		waits := func() {
			t.Helper()
			_, err = other.BeginSync(t.Context(), tenant, store.SyncStart{RunID: "two"})
			assert.Contains(t, refused(t, err, "sync-under-way").Message, "run one")
		}
		waits()
		clock.advance(4 * time.Minute)
		_, err = s.PutPage(t.Context(), tenant, old.Number, home, store.SyncPage{Users: staff(0, 1)})
		require.NoError(t, err)
		clock.advance(4 * time.Minute)
		waits()

		// Nothing is heard of it any more.
		clock.advance(time.Minute)
		newer, err := other.BeginSync(t.Context(), tenant, store.SyncStart{RunID: "two"})
		require.NoError(t, err)
		_, err = s.PutPage(t.Context(), tenant, old.Number, home, store.SyncPage{Users: staff(1, 2)})
		refused(t, err, "sync-superseded")
		_, err = s.EndSync(t.Context(), admin, tenant, old.Number, "stale", threshold)
		refused(t, err, "sync-superseded")
		require.NoError(t, s.DropSync(t.Context(), tenant, old.Number))
		_, err = s.BeginSync(t.Context(), tenant, store.SyncStart{RunID: "three"})
		refused(t, err, "sync-under-way")
		assert.Equal(t, []string{"user-00"}, everybody(t, s))

		// The run itself may begin again, and as a new run in the place of its own round.
		newer, err = other.BeginSync(t.Context(), tenant, store.SyncStart{RunID: "two"})
		require.NoError(t, err)
		newer, err = other.BeginSync(t.Context(), tenant, store.SyncStart{RunID: "two, continued", Instead: newer.Number})
		require.NoError(t, err)
		_, err = s.EndSync(t.Context(), admin, tenant, newer.Number, "fresh", threshold)
		require.NoError(t, err)
		after, err := s.BeginSync(t.Context(), tenant, store.SyncStart{RunID: "three"})
		require.NoError(t, err)
		assert.Equal(t, "fresh", after.Link)
		require.NoError(t, s.DropSync(t.Context(), tenant, after.Number))
		_, err = s.BeginSync(t.Context(), tenant, store.SyncStart{RunID: "four"})
		require.NoError(t, err, "given up")
	})
}

func TestWhoIsGoneIsRemovedUpToTheThreshold_R111(t *testing.T) {
	gone := map[string]func(t *testing.T, s *store.Store, stay, leave []store.SyncedSubscriber) store.SyncEnd{
		"deleted": func(t *testing.T, s *store.Store, _, leave []store.SyncedSubscriber) store.SyncEnd {
			_, end := round(t, s, false, store.SyncPage{Gone: append(ids(leave), "somebody-never-met")})
			return end
		},
		"unseen": func(t *testing.T, s *store.Store, stay, _ []store.SyncedSubscriber) store.SyncEnd {
			_, end := round(t, s, true, store.SyncPage{Users: stay})
			return end
		},
		"filtered": func(t *testing.T, s *store.Store, stay, leave []store.SyncedSubscriber) store.SyncEnd {
			_, end := round(t, s, true, store.SyncPage{Users: stay, LeftOut: append(ids(leave), "somebody-never-met")})
			return end
		},
	}
	for because, how := range gone {
		for _, many := range []int{threshold, threshold + 1} {
			t.Run(fmt.Sprintf("%s/%d", because, many), func(t *testing.T) {
				storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
					s := open()
					leave, stay := staff(0, many), staff(many, many+5)
					round(t, s, true, store.SyncPage{Users: staff(0, many+5)})
					end := how(t, s, stay, leave)
					if many > threshold {
						assert.Equal(t, many, end.Held)
						assert.Len(t, end.First, 10)
						assert.Equal(t, lifecycle.SubscriberRef{ID: "user-00", UserPrincipalName: "user-00@contoso.example"}, end.First[0])
						assert.Len(t, everybody(t, s), many+5, "nobody is removed")
						return
					}
					assert.Equal(t, store.SyncEnd{Removed: many, AuditDue: true}, end)
					assert.Equal(t, ids(stay), everybody(t, s))
					trail, _, err := s.ListAudit(t.Context(), store.AuditFilter{SubscriberID: "user-00", Limit: 1})
					require.NoError(t, err)
					require.Equal(t, "remove-user", trail[0].Operation)
					assert.Contains(t, string(trail[0].Detail), `"because":"`+because+`"`)
					assert.Contains(t, string(trail[0].Detail), `"node":"`+customer+`"`)
				})
			})
		}
	}
}

func TestRemovalsThatWaitAreApprovedOrComeBack_R111(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open()
		all := staff(0, 20)
		round(t, s, true, store.SyncPage{Users: all})
		addUsed(t, s, "user-01", "+442079460001", "+442079460002")
		first, end := round(t, s, false, store.SyncPage{Gone: ids(all[:12])})
		require.Equal(t, 12, end.Held)

		// Nobody has decided; one more goes and two are back, one of them on a page of the round, one read alone.
		_, end = round(t, s, false, store.SyncPage{Gone: ids(all[12:13]), Users: all[:1]})
		require.Equal(t, 12, end.Held, "asked again")
		put(t, s, all[2])

		by := store.Actor{By: "operator", Reason: "reorganisation", RunID: "approving"}
		for range 2 {
			end, err := s.RemoveGone(t.Context(), by, tenant, first.Number)
			require.NoError(t, err)
			assert.Equal(t, store.SyncEnd{Removed: 10, NumbersLeft: 2, AuditDue: true}, end, "the same answer when asked again")
		}
		assert.Equal(t, append([]string{"user-00", "user-02"}, ids(all[12:])...), everybody(t, s), "who came back stays, and who went later was not decided about")
		n, found, err := s.Number(t.Context(), tenant, "+442079460001")
		require.NoError(t, err)
		require.True(t, found)
		assert.Equal(t, lifecycle.Used, n.State, "the number is not lost")
		assert.Equal(t, "user-01", n.User.ID)
		trail, _, err := s.ListAudit(t.Context(), store.AuditFilter{SubscriberID: "user-01", Limit: 1})
		require.NoError(t, err)
		assert.Equal(t, "reorganisation", trail[0].Reason)
		var detail struct{ Numbers []string }
		require.NoError(t, json.Unmarshal(trail[0].Detail, &detail))
		assert.Equal(t, []string{"+442079460001", "+442079460002"}, detail.Numbers)

		_, end = round(t, s, false, store.SyncPage{})
		assert.Equal(t, 1, end.Removed, "now few enough")
	})
}

func TestABusyUserIsNotRemoved(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open()
		round(t, s, true, store.SyncPage{Users: staff(0, 3)})
		require.NoError(t, s.Begin(t.Context(), offboarding("run", "user-00")))
		_, end := round(t, s, false, store.SyncPage{Gone: ids(staff(0, 2))})
		assert.Equal(t, store.SyncEnd{Removed: 1, Busy: 1, AuditDue: true}, end)
		assert.Equal(t, []string{"user-00", "user-02"}, everybody(t, s))
		require.NoError(t, s.Finish(t.Context(), "run", store.FinishInput{Status: lifecycle.Completed}))
		round(t, s, false, store.SyncPage{})
		assert.Equal(t, []string{"user-02"}, everybody(t, s))
		runs, _, err := s.FindOperations(t.Context(), store.OperationFilter{SubscriberID: "user-00"})
		require.NoError(t, err)
		assert.Len(t, runs, 1, "runs outlive their user")
	})
}

func TestAUserWhoIsReadAloneDuringARoundIsNotUnseen(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open()
		round(t, s, true, store.SyncPage{Users: staff(0, 2)})
		r, err := s.BeginSync(t.Context(), tenant, store.SyncStart{RunID: "sync", Full: true})
		require.NoError(t, err)
		_, err = s.PutPage(t.Context(), tenant, r.Number, home, store.SyncPage{Users: staff(0, 1)})
		require.NoError(t, err)
		put(t, s, synced("newcomer"))
		end, err := s.EndSync(t.Context(), admin, tenant, r.Number, "link", threshold)
		require.NoError(t, err)
		assert.Equal(t, 1, end.Removed)
		assert.Equal(t, []string{"newcomer", "user-00"}, everybody(t, s))
	})
}

func TestDeletedAndRecreatedWithTheSameName(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open()
		old, other := synced("old"), synced("new")
		old.UserPrincipalName, other.UserPrincipalName = "ada@contoso.example", "Ada@contoso.example"
		round(t, s, true, store.SyncPage{Users: []store.SyncedSubscriber{old}})
		place(t, s, "old", customer, london)

		// Both are there for as long as nobody knows that one of them is gone.
		put(t, s, other)
		_, _, err := s.Subscriber(t.Context(), tenant, "ada@contoso.example")
		assert.True(t, refused(t, err, "ambiguous-user").Invalid)

		require.NoError(t, s.Begin(t.Context(), offboarding("run", "old")))
		round(t, s, false, store.SyncPage{Users: []store.SyncedSubscriber{other}, Gone: []string{"old"}})
		who := readSubscriber(t, s, "ada@contoso.example")
		assert.Equal(t, "new", who.ID, "the one who is gone gives way, although a run keeps the record")
		assert.Equal(t, customer, who.Node, "nothing of the old one is inherited")
		require.NoError(t, s.Finish(t.Context(), "run", store.FinishInput{Status: lifecycle.RolledBack}))
		round(t, s, false, store.SyncPage{})
		assert.Equal(t, []string{"new"}, everybody(t, s))
	})
}

func TestAnOffboardedUserIsRememberedAsTheyWere_R117(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		clock := newWatch()
		s := open(store.WithClock(clock.Now))
		anna := synced("anna")
		anna.UsageLocation = "GB"
		put(t, s, anna)
		assert.Equal(t, "GB", readSubscriber(t, s, "anna").UsageLocation)
		assert.Nil(t, readSubscriber(t, s, "anna").OffboardedAs)
		offboarded := func(run string) {
			require.NoError(t, s.Begin(t.Context(), offboarding(run, "anna")))
			require.NoError(t, s.Finish(t.Context(), run, store.FinishInput{Status: lifecycle.Completed, Commit: true}))
		}
		offboarded("first")
		anna.City, anna.UsageLocation = "Paris", "FR"
		require.Equal(t, store.SyncResult{Changed: 1}, put(t, s, anna))
		who := readSubscriber(t, s, "anna")
		assert.Equal(t, "Paris", who.City)
		assert.Equal(t, &store.DirectoryUser{Person: synced("anna").Person, UsageLocation: "GB"}, who.OffboardedAs)
		clock.advance(time.Hour)
		offboarded("second")
		assert.Equal(t, "Paris", readSubscriber(t, s, "anna").OffboardedAs.City, "decided again, about who they are now")
		place(t, s, "anna", customer, london)
		assert.Nil(t, readSubscriber(t, s, "anna").OffboardedAs, "released by hand")
	})
}

func TestListSubscribersFilters(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open()
		guest, odd := synced("guest"), synced("odd")
		guest.Guest, odd.DisplayName = true, "50%_Off \\ Ltd"
		put(t, s, synced("anna"), synced("ben"), guest, odd)
		place(t, s, "anna", customer, london)
		place(t, s, "ben", customer, paris)
		require.NoError(t, s.SetRole(t.Context(), admin, tenant, "ben", lifecycle.ValueChange{From: selfService, To: "site-admin"}))
		for name, row := range map[string]struct {
			filter store.SubscriberFilter
			want   []string
		}{
			"role":                 {store.SubscriberFilter{Role: "site-admin"}, []string{"ben"}},
			"one of several nodes": {store.SubscriberFilter{Nodes: []string{london, paris}}, []string{"anna", "ben"}},
			"one node":             {store.SubscriberFilter{Nodes: []string{customer}}, []string{"guest", "odd"}},
			"guests":               {store.SubscriberFilter{Guests: true}, []string{"guest"}},
			"name in any case":     {store.SubscriberFilter{Contains: "NNA@"}, []string{"anna"}},
			"display name":         {store.SubscriberFilter{Contains: `%_off \ l`}, []string{"odd"}},
			"no pattern":           {store.SubscriberFilter{Contains: "a%a"}, nil},
			"together":             {store.SubscriberFilter{Role: selfService, Nodes: []string{customer}, Guests: true, Contains: "e"}, []string{"guest"}},
		} {
			t.Run(name, func(t *testing.T) {
				list, _, err := s.ListSubscribers(t.Context(), row.filter)
				require.NoError(t, err)
				var got []string
				for _, sub := range list {
					got = append(got, sub.ID)
				}
				assert.Equal(t, row.want, got)
			})
		}
	})
}
