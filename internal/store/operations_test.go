package store_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/lifecycle"
	"tenure/internal/store"
	"tenure/internal/store/storetest"
)

func TestBegin(t *testing.T) {
	type change func(*store.Operation)
	otherWorkflow := func(op *store.Operation) { op.WorkflowID = "something/else" }
	tests := []struct {
		name   string
		finish bool
		second store.Operation
		change change
		code   string
		says   []string
	}{
		{name: "the same run again", second: offboarding("run-1", "anna"), change: func(op *store.Operation) {}},
		{name: "another user at the same time", second: offboarding("run-2", "ben")},
		{name: "the same user after the end", finish: true, second: offboarding("run-2", "anna"), change: otherWorkflow},
		{name: "the same user in another tenant", second: offboarding("run-2", "anna"), change: func(op *store.Operation) { op.Tenant, op.WorkflowID = "fabrikam", "w" }},
		{name: "the same user by another workflow", second: offboarding("run-2", "anna"), change: otherWorkflow, code: "busy", says: []string{"offboard", "run-1", "2026-03-04T05:06:07Z"}},
		{name: "the same run after its end", finish: true, second: offboarding("run-1", "anna"), code: "run-closed", says: []string{"run-1", "completed"}},
		{name: "a request that had a run", finish: true, second: offboarding("run-2", "ben"), change: func(op *store.Operation) { op.Request.RequestID = "request-of-run-1" }, code: "request-repeated", says: []string{"run-1"}},
	}
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		for i, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				s := open()
				// Each case has users and runs of its own in the one database.
				own := func(op store.Operation) store.Operation {
					mark := string(rune('a'+i)) + "-"
					op.RunID, op.WorkflowID, op.Subscriber.ID, op.Request.RequestID = mark+op.RunID, mark+op.WorkflowID, mark+op.Subscriber.ID, mark+op.Request.RequestID
					return op
				}
				first := own(offboarding("run-1", "anna"))
				require.NoError(t, s.Begin(t.Context(), first))
				if test.finish {
					require.NoError(t, s.Finish(t.Context(), first.RunID, store.FinishInput{Status: lifecycle.Completed}))
				}
				if test.change != nil {
					test.change(&test.second)
				}
				err := s.Begin(t.Context(), own(test.second))
				if test.code != "" {
					refusal := refused(t, err, test.code)
					for _, part := range test.says {
						assert.Contains(t, refusal.Message, part)
					}
					return
				}
				require.NoError(t, err)
				op := readOperation(t, s, own(test.second).RunID)
				assert.True(t, op.Active)
				assert.Equal(t, lifecycle.Running, op.Status)
				assert.Equal(t, start, op.StartedAt)
				assert.Equal(t, own(test.second).Request, op.Request)
				assert.Nil(t, op.ClosedAt)
				assert.Nil(t, op.Report)
			})
		}
	})
}

func TestBeginTakesOverADeadRunOfTheSameWorkflow(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		clock := newWatch()
		s := open(store.WithClock(clock.Now))
		addUsed(t, s, "anna", number)
		dead := offboarding("dead", "anna")
		require.NoError(t, s.Begin(t.Context(), dead))
		_, err := s.HoldNumbers(t.Context(), "dead", tenant, []string{number})
		require.NoError(t, err)
		_, err = s.RecordRelease(t.Context(), "dead", tenant, []store.Release{{Number: number, To: lifecycle.Available}})
		require.NoError(t, err)

		clock.advance(time.Hour)
		next := offboarding("next", "anna")
		next.Request.RequestID = dead.Request.RequestID // the request is carried out by the successor
		require.NoError(t, s.Begin(t.Context(), next))
		require.NoError(t, s.Begin(t.Context(), next), "a repeat")

		gone := readOperation(t, s, "dead")
		assert.Equal(t, lifecycle.Failed, gone.Status)
		assert.False(t, gone.Active)
		assert.Equal(t, "next", gone.TakenOverBy)
		assert.Contains(t, gone.Note, "abandoned: taken over by run next")
		assert.Equal(t, start.Add(time.Hour), *gone.ClosedAt)
		n := readNumber(t, s, number)
		assert.Equal(t, "next", n.HeldBy)
		assert.Equal(t, lifecycle.HeldState, n.State)
		assert.Nil(t, n.Release, "the successor makes a plan of its own")
		assert.Equal(t, []string{"add-in-use -used", "hold used-used", "hold-passed used-used"}, events(n))

		t.Run("what is left of the dead run can do nothing", func(t *testing.T) {
			_, err := s.HoldNumbers(t.Context(), "dead", tenant, []string{number})
			refused(t, err, "run-closed")
			_, err = s.RecordRelease(t.Context(), "dead", tenant, []store.Release{{Number: number, To: lifecycle.Available}})
			refused(t, err, "run-closed")
			refused(t, s.DropReleases(t.Context(), "dead"), "run-closed")
			refused(t, s.SetStatus(t.Context(), "dead", lifecycle.Held, ""), "run-closed")
			refused(t, s.Finish(t.Context(), "dead", store.FinishInput{Status: lifecycle.Completed, Commit: true}), "run-closed")
			refused(t, s.Begin(t.Context(), dead), "run-closed")
			assert.Equal(t, "next", readNumber(t, s, number).HeldBy)
		})
	})
}

func TestBeginTwoStoresRacing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		stores := []*store.Store{open(), open()}
		var begun atomic.Int32
		atOnce(20, func(i int) {
			op := offboarding("run-"+string(rune('a'+i)), "anna")
			op.WorkflowID = "workflow/" + op.RunID
			switch err := stores[i%2].Begin(t.Context(), op); {
			case err == nil:
				begun.Add(1)
			default:
				refusal, ok := err.(*lifecycle.Refusal) //nolint:errorlint // refusals are returned unwrapped
				if assert.Truef(t, ok, "%v", err) {
					assert.Equal(t, "busy", refusal.Code)
				}
			}
		})
		assert.EqualValues(t, 1, begun.Load())
	})
}

func TestSetStatus(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open()
		require.NoError(t, s.Begin(t.Context(), offboarding("run", "anna")))
		require.NoError(t, s.SetStatus(t.Context(), "run", lifecycle.Held, ""))
		require.NoError(t, s.SetStatus(t.Context(), "run", lifecycle.Held, ""))
		assert.Equal(t, lifecycle.Held, readOperation(t, s, "run").Status)
		require.NoError(t, s.SetStatus(t.Context(), "run", lifecycle.Staged, ""))
		assert.Equal(t, lifecycle.Staged, readOperation(t, s, "run").Status)
		require.NoError(t, s.SetStatus(t.Context(), "run", lifecycle.Held, ""))
		refused(t, s.SetStatus(t.Context(), "run", lifecycle.Completed, ""), "not-a-status")
		refused(t, s.SetStatus(t.Context(), "nobody", lifecycle.Held, ""), "unknown-run")
	})
}

func TestFinishKeepsTheReportAndIsIdempotent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		clock := newWatch()
		s := open(store.WithClock(clock.Now))
		require.NoError(t, s.Begin(t.Context(), offboarding("run", "anna")))
		closed := start.Add(time.Minute)
		report := lifecycle.Report{RunID: "run", Status: lifecycle.RolledBack, StartedAt: start, ClosedAt: &closed, Failure: "no", Steps: []lifecycle.Step{{Name: lifecycle.SetRole, Outcome: lifecycle.Undone}}}
		refused(t, s.Finish(t.Context(), "run", store.FinishInput{Status: lifecycle.Running}), "not-an-end")
		refused(t, s.Finish(t.Context(), "nobody", store.FinishInput{Status: lifecycle.Completed}), "unknown-run")
		require.NoError(t, s.Finish(t.Context(), "run", store.FinishInput{Status: lifecycle.RolledBack, Report: report}))
		clock.advance(time.Hour)
		require.NoError(t, s.Finish(t.Context(), "run", store.FinishInput{Status: lifecycle.Completed, Commit: true}), "a repeat, whatever it says")

		op := readOperation(t, s, "run")
		assert.Equal(t, lifecycle.RolledBack, op.Status)
		assert.Equal(t, closed, *op.ClosedAt)
		assert.False(t, op.Active)
		assert.JSONEq(t, mustJSON(t, report), string(op.Report))
		trail, _, err := s.ListAudit(t.Context(), store.AuditFilter{RunID: "run"})
		require.NoError(t, err)
		require.Len(t, trail, 1)
		assert.Equal(t, "rolled_back", trail[0].Outcome)
		assert.Equal(t, "operator@contoso.example", trail[0].By)
		assert.Equal(t, user("anna"), trail[0].Subscriber)
		assert.JSONEq(t, `{"committed":false,"node":"acme/contoso/emea/london","requestId":"request-of-run","steps":{"set-role":"undone"}}`, string(trail[0].Detail))
	})
}

func TestFinishMarksACommittedOffboarding_R117(t *testing.T) {
	for _, commit := range []bool{true, false} {
		storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
			s := open(store.WithClock(newWatch().Now))
			put(t, s, synced("anna"))
			require.NoError(t, s.Begin(t.Context(), offboarding("run", "anna")))
			require.NoError(t, s.Finish(t.Context(), "run", store.FinishInput{Status: lifecycle.Completed, Commit: commit}))
			if commit {
				require.NotNil(t, readSubscriber(t, s, "anna").OffboardedAt)
				assert.Equal(t, start, *readSubscriber(t, s, "anna").OffboardedAt)
				require.NoError(t, s.Place(t.Context(), admin, tenant, "anna", lifecycle.PlaceChange{From: customer, To: paris}))
			}
			assert.Nil(t, readSubscriber(t, s, "anna").OffboardedAt)
		})
	}
}

func TestFindOperations(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open()
		for i, who := range []string{"anna", "ben", "cleo", "dora", "emil"} {
			op := offboarding("run-"+who, who)
			// Two start at the same moment, so that the run id has to decide.
			op.StartedAt = start.Add(time.Duration(i/2) * time.Minute)
			require.NoError(t, s.Begin(t.Context(), op))
		}
		require.NoError(t, s.Finish(t.Context(), "run-ben", store.FinishInput{Status: lifecycle.Failed}))
		require.NoError(t, s.SetStatus(t.Context(), "run-cleo", lifecycle.Held, ""))
		tests := []struct {
			name   string
			filter store.OperationFilter
			want   []string
		}{
			{"all, the newest first", store.OperationFilter{}, []string{"run-emil", "run-dora", "run-cleo", "run-ben", "run-anna"}},
			{"tenant", store.OperationFilter{Tenant: "fabrikam"}, nil},
			{"subscriber", store.OperationFilter{Tenant: tenant, SubscriberID: "dora"}, []string{"run-dora"}},
			{"name in any case", store.OperationFilter{UPN: "DORA@Contoso.Example"}, []string{"run-dora"}},
			{"run", store.OperationFilter{RunID: "run-emil"}, []string{"run-emil"}},
			{"workflow", store.OperationFilter{WorkflowID: "subscriber/contoso/emil"}, []string{"run-emil"}},
			{"request", store.OperationFilter{RequestID: "request-of-run-anna"}, []string{"run-anna"}},
			{"statuses", store.OperationFilter{Statuses: []lifecycle.Status{lifecycle.Held, lifecycle.Failed}}, []string{"run-cleo", "run-ben"}},
		}
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				for limit := 1; limit <= 6; limit++ {
					var got []string
					filter := test.filter
					for filter.Limit = limit; ; {
						list, next, err := s.FindOperations(t.Context(), filter)
						require.NoError(t, err)
						require.LessOrEqual(t, len(list), limit)
						for _, op := range list {
							got = append(got, op.RunID)
						}
						if filter.Cursor = next; next == "" {
							break
						}
					}
					require.Equalf(t, test.want, got, "in pages of %d", limit)
				}
			})
		}
		_, _, err := s.FindOperations(t.Context(), store.OperationFilter{Cursor: "nonsense"})
		assert.True(t, refused(t, err, "bad-cursor").Invalid)
	})
}
