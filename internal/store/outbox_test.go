package store_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/lifecycle"
	"tenure/internal/store"
	"tenure/internal/store/storetest"
)

// waiting are the notices that are to be delivered by now.
func waiting(t *testing.T, s *store.Store) (list []lifecycle.Notice) {
	t.Helper()
	due, err := s.DueNotices(t.Context(), 100)
	require.NoError(t, err)
	for _, one := range due {
		var n lifecycle.Notice
		require.NoError(t, json.Unmarshal(one.Body, &n))
		require.Equal(t, one.ID, n.ID)
		require.Equal(t, one.At, n.At)
		list = append(list, n)
	}
	any, err := s.NoticesDue(t.Context())
	require.NoError(t, err)
	require.Equal(t, len(list) > 0, any)
	return list
}

func TestEveryEndOfARunLeavesOneNotice(t *testing.T) {
	at := func(node string) *lifecycle.State { return &lifecycle.State{Node: &node} }
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		clock := newWatch()
		s := open(store.WithClock(clock.Now), store.WithOutbox())
		for status, event := range map[lifecycle.Status]string{
			lifecycle.Completed: "run.completed", lifecycle.RolledBack: "run.rolled_back", lifecycle.Cancelled: "run.cancelled", lifecycle.Failed: "run.failed",
		} {
			t.Run(string(status), func(t *testing.T) {
				run := "run-" + string(status)
				require.NoError(t, s.Begin(t.Context(), offboarding(run, "user-"+string(status))))
				in := store.FinishInput{Status: status, Report: lifecycle.Report{Failure: "the reason", After: at(customer)}}
				require.NoError(t, s.Finish(t.Context(), run, in))
				require.NoError(t, s.Finish(t.Context(), run, in), "a repeat")
				list := waiting(t, s)
				require.Len(t, list, 1)
				why, node := "the reason", customer
				assert.Equal(t, lifecycle.Notice{
					ID: list[0].ID, Event: event, At: start, Operation: lifecycle.Offboard, Tenant: tenant, Node: &node, Subscriber: user("user-" + string(status)),
					RunID: run, WorkflowID: "subscriber/contoso/user-" + string(status), RequestID: "request-of-" + run, RequestedBy: "operator@contoso.example",
					Status: status, Failure: &why,
				}, list[0])
				require.NoError(t, s.NoticeDelivered(t.Context(), list[0].ID))
				require.NoError(t, s.NoticeDelivered(t.Context(), list[0].ID), "a repeat")
				assert.Empty(t, waiting(t, s))
			})
		}
	})
}

func TestEveryHoldLeavesOneNotice(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open(store.WithOutbox())
		require.NoError(t, s.Begin(t.Context(), offboarding("run", "anna")))
		for _, hold := range []struct {
			status lifecycle.Status
			why    string
		}{{lifecycle.Held, "first"}, {lifecycle.Held, "a repeat"}, {lifecycle.Running, ""}, {lifecycle.Held, "second"}, {lifecycle.Staged, ""}} {
			require.NoError(t, s.SetStatus(t.Context(), "run", hold.status, hold.why))
		}
		list := waiting(t, s)
		require.Len(t, list, 2)
		whys := []string{}
		for _, n := range list {
			assert.Equal(t, "run.held", n.Event)
			assert.Equal(t, lifecycle.Held, n.Status)
			assert.Equal(t, london, *n.Node)
			whys = append(whys, *n.Failure)
		}
		assert.ElementsMatch(t, []string{"first", "second"}, whys)
		assert.NotEqual(t, list[0].ID, list[1].ID)
	})
}

func TestARunThatWasTakenOverLeavesANotice(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open(store.WithOutbox())
		require.NoError(t, s.Begin(t.Context(), offboarding("dead", "anna")))
		require.NoError(t, s.Begin(t.Context(), offboarding("next", "anna")))
		list := waiting(t, s)
		require.Len(t, list, 1)
		assert.Equal(t, "run.failed dead", list[0].Event+" "+list[0].RunID)
		assert.Contains(t, *list[0].Failure, "taken over by run next")
	})
}

func TestWelcomeR13(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open(store.WithOutbox())
		put(t, s, synced("anna"))
		require.NoError(t, s.Place(t.Context(), admin, tenant, "anna", lifecycle.PlaceChange{From: customer, To: london}))
		addUsed(t, s, "anna", number)
		require.NoError(t, s.Begin(t.Context(), onboarding("run", "anna")))
		require.NoError(t, s.Finish(t.Context(), "run", store.FinishInput{Status: lifecycle.Completed, Commit: true, Welcome: true}))
		events := map[string]lifecycle.Notice{}
		for _, n := range waiting(t, s) {
			events[n.Event] = n
		}
		require.Len(t, events, 2)
		assert.Nil(t, events["run.completed"].Welcome)
		assert.Equal(t, &lifecycle.Welcome{DisplayName: synced("anna").DisplayName, Numbers: []string{number}, Site: london}, events["welcome"].Welcome)
		assert.Equal(t, user("anna"), events["welcome"].Subscriber)
	})
}

func TestWithoutAnOutboxNothingIsKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open()
		require.NoError(t, s.Begin(t.Context(), offboarding("run", "anna")))
		require.NoError(t, s.SetStatus(t.Context(), "run", lifecycle.Held, "why"))
		require.NoError(t, s.Finish(t.Context(), "run", store.FinishInput{Status: lifecycle.Completed}))
		assert.Empty(t, waiting(t, s))
	})
}

func TestANoticeThatIsPostponedGivesWay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		clock := newWatch()
		s := open(store.WithClock(clock.Now), store.WithOutbox())
		for _, who := range []string{"anna", "ben"} {
			require.NoError(t, s.Begin(t.Context(), offboarding("run-"+who, who)))
			require.NoError(t, s.Finish(t.Context(), "run-"+who, store.FinishInput{Status: lifecycle.Completed}))
			clock.advance(time.Second)
		}
		list := waiting(t, s)
		require.Len(t, list, 2)
		assert.Equal(t, "run-anna", list[0].RunID, "the oldest first")
		require.NoError(t, s.PostponeNotice(t.Context(), list[0].ID, time.Minute))
		assert.Equal(t, list[1:], waiting(t, s))
		clock.advance(time.Minute)
		assert.Equal(t, []lifecycle.Notice{list[1], list[0]}, waiting(t, s))
	})
}

func TestANoticeThatIsGivenUpStandsInTheAudit(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open(store.WithOutbox())
		require.NoError(t, s.Begin(t.Context(), offboarding("run", "anna")))
		require.NoError(t, s.Finish(t.Context(), "run", store.FinishInput{Status: lifecycle.Completed}))
		id := waiting(t, s)[0].ID
		require.NoError(t, s.GiveUpNotice(t.Context(), id, "nobody answers"))
		require.NoError(t, s.GiveUpNotice(t.Context(), id, "a repeat"))
		assert.Empty(t, waiting(t, s))
		trail, _, err := s.ListAudit(t.Context(), store.AuditFilter{Operation: "notice"})
		require.NoError(t, err)
		require.Len(t, trail, 1)
		assert.Equal(t, []string{"webhook", "nobody answers", "given-up", "run"}, []string{trail[0].By, trail[0].Reason, trail[0].Outcome, trail[0].RunID})
		assert.Equal(t, user("anna"), trail[0].Subscriber)
		assert.Contains(t, string(trail[0].Detail), id)
		assert.Contains(t, string(trail[0].Detail), "run.completed")
	})
}
