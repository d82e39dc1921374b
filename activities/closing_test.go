package activities_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tenure/activities"
	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/lifecycle"
	"tenure/internal/store"
)

// closing gives CloseRun the form of the other activities.
func closing(r *run, status lifecycle.Status) *task[struct{}] {
	report := lifecycle.Report{Operation: lifecycle.Offboard, Status: status, Steps: []lifecycle.Step{}}
	return &task[struct{}]{run: r, act: r.acts.CloseRun, in: activities.CloseInput{Report: report}, scheduled: r.clock.Now()}
}

func closeRun(r *run, status lifecycle.Status) {
	r.t.Helper()
	succeed(r.t, closing(r, status))
}

// begun is a run that has been prepared, with its plan.
func (c *contoso) begun(name, group string) (*run, lifecycle.Plan) {
	c.t.Helper()
	r := c.run("r1")
	return r, succeed(c.t, start(r, c.acts.Prepare, c.offboard(name, group))).Plan
}

// planned is the input of a step as the workflow takes it from the plan.
func (c *contoso) planned(name string, plan lifecycle.Plan, step lifecycle.StepName) activities.StepInput {
	c.t.Helper()
	s, ok := plan.Step(step)
	require.True(c.t, ok)
	require.Equal(c.t, lifecycle.Do, s.Action, s.Summary)
	return c.of(name, s.Change)
}

// settled is a number's row without what always moves, and without the name that the directory learns meanwhile.
func settled(n store.Number) store.Number {
	n.History, n.ChangedAt, n.Version, n.ReservedForName = nil, time.Time{}, 0, ""
	return n
}

func TestReleaseNumbersToCoolingExactlyOnceR83(t *testing.T) {
	c := newContoso(t)
	r, plan := c.begun("anna.archer", "")
	used := c.number(annasNumber)
	c.clock.Advance(97*time.Minute + 13*time.Second)
	release := start(r, c.acts.ReleaseNumbers, c.planned("anna.archer", plan, lifecycle.ReleaseNumber))
	result := succeed(t, release)
	until := monday.Add(97*time.Minute + 13*time.Second + 30*24*time.Hour)
	require.Equal(t, lifecycle.Done, result.Outcome)
	require.Equal(t, []lifecycle.NumberChange{{
		Number: annasNumber, Type: "directRouting", To: lifecycle.Cooling, CoolingDays: 30, CoolingUntil: until.Format(time.RFC3339),
	}}, result.Change.Numbers)
	require.Contains(t, result.Summary, until.Format(time.RFC3339))
	n := c.number(annasNumber)
	require.Equal(t, lifecycle.HeldState, n.State, "nobody else can have it before the run ends")
	require.Equal(t, used.User, n.User)

	c.clock.Advance(time.Hour)
	require.Equal(t, result, succeed(t, release), "the date of the first attempt stands")
	closeRun(r, lifecycle.Completed)
	n = c.number(annasNumber)
	require.Equal(t, lifecycle.Cooling, n.State)
	require.Equal(t, until, *n.CoolingUntil)
	require.Empty(t, n.User)
	require.Empty(t, n.HeldBy)

	books := c.books()
	closeRun(r, lifecycle.Completed)
	require.Equal(t, books, c.books(), "closing again changes nothing")
}

func TestReleaseNumbersByTheSettingAtTheNumbersNodeR83(t *testing.T) {
	const isabelles = "+33142685301"
	sevenAtLondon := []string{"TeamsEmergencyCallingPolicy: London-E911\n", "TeamsEmergencyCallingPolicy: London-E911\n              settings:\n                numberCooling:\n                  days: 7\n"}
	for name, row := range map[string]struct {
		user, number string
		catalog      []string
		days         int
	}{
		"inherited":                {"anna.archer", annasNumber, nil, 30},
		"overridden at the site":   {"anna.archer", annasNumber, sevenAtLondon, 7},
		"at the customer's level":  {"kevin.king", "+18005550100", sevenAtLondon, 30},
		"switched off at the site": {"isabelle.imbert", isabelles, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := setup{}
			if row.catalog != nil {
				s.catalog = exampleWith(t, row.catalog...)
			}
			c := s.new(t)
			if row.number == isabelles {
				succeed(t, start(c.run("add"), c.acts.AddNumbers, contract.AddNumbersRequest{Node: "paris", Type: "directRouting", Numbers: []string{isabelles}}))
			}
			r, plan := c.begun(row.user, "")
			result := succeed(t, start(r, c.acts.ReleaseNumbers, c.planned(row.user, plan, lifecycle.ReleaseNumber)))
			closeRun(r, lifecycle.Completed)
			n := c.number(row.number)
			if row.days == 0 {
				require.Equal(t, lifecycle.Available, n.State)
				require.Nil(t, n.CoolingUntil)
				require.Empty(t, result.Change.Numbers[0].CoolingUntil)
				return
			}
			require.Equal(t, lifecycle.Cooling, n.State)
			require.Equal(t, monday.Add(time.Duration(row.days)*24*time.Hour), *n.CoolingUntil)
		})
	}
}

func TestDropReleasesLeavesTheNumberAsItWas(t *testing.T) {
	for name, released := range map[string]bool{"after the release": true, "without one": false} {
		t.Run(name, func(t *testing.T) {
			c := newContoso(t)
			before := c.number(annasNumber)
			r, plan := c.begun("anna.archer", "")
			held := c.number(annasNumber)
			in := c.planned("anna.archer", plan, lifecycle.ReleaseNumber)
			if released {
				succeed(t, start(r, c.acts.ReleaseNumbers, in))
				require.NotNil(t, c.number(annasNumber).Release)
			}
			drop := start(r, c.acts.DropReleases, in)
			require.Equal(t, done, succeed(t, drop))
			require.Equal(t, done, succeed(t, drop))
			require.Equal(t, settled(held), settled(c.number(annasNumber)), "it stays held until the run ends")
			closeRun(r, lifecycle.RolledBack)
			require.Equal(t, settled(before), settled(c.number(annasNumber)))
			require.Nil(t, c.subscriber("anna.archer").OffboardedAt)
		})
	}
}

func TestCloseRunReleasesOnlyWhatACompletedRunRecorded(t *testing.T) {
	for status, want := range map[lifecycle.Status]lifecycle.NumberState{
		lifecycle.Completed: lifecycle.Cooling, lifecycle.RolledBack: lifecycle.Used, lifecycle.Cancelled: lifecycle.Used, lifecycle.Failed: lifecycle.Used,
	} {
		t.Run(string(status), func(t *testing.T) {
			c := newContoso(t)
			before := c.number(annasNumber)
			r, plan := c.begun("anna.archer", "")
			succeed(t, start(r, c.acts.ReleaseNumbers, c.planned("anna.archer", plan, lifecycle.ReleaseNumber)))
			closeRun(r, status)
			n := c.number(annasNumber)
			require.Equal(t, want, n.State)
			require.Empty(t, n.HeldBy)
			if status != lifecycle.Completed {
				require.Equal(t, settled(before), settled(n))
			}
			require.Equal(t, status == lifecycle.Completed, c.subscriber("anna.archer").OffboardedAt != nil, "R117")
			runs := succeed(t, start(c.run("q"), c.acts.ListRuns, contract.RunFilter{}))
			require.Equal(t, status, runs.Runs[0].Status)
			require.NotNil(t, runs.Runs[0].ClosedAt)
		})
	}
}

func TestCloseRunOfOneThatNeverBegan(t *testing.T) {
	c := newContoso(t)
	books := c.books()
	closeRun(c.run("r1"), lifecycle.RolledBack)
	require.Equal(t, books, c.books())
}

func TestAClosedRunChangesNothingMore(t *testing.T) {
	c := newContoso(t)
	r, plan := c.begun("anna.archer", "")
	closeRun(r, lifecycle.RolledBack)
	books := c.books()
	release := c.planned("anna.archer", plan, lifecycle.ReleaseNumber)
	refused(t, start(r, c.acts.Prepare, c.offboard("anna.archer", "")), fault.BusinessRule, "run-closed")
	refused(t, start(r, c.acts.ReleaseNumbers, release), fault.BusinessRule, "run-closed")
	refused(t, start(r, c.acts.DropReleases, release), fault.BusinessRule, "run-closed")
	refused(t, start(r, c.acts.PlaceSubscriber, c.planned("anna.archer", plan, lifecycle.ReturnToTenantLevel)), fault.BusinessRule, "run-closed")
	require.Equal(t, books, c.books())
}

func TestCloseRunOfOneThatWasTakenOver(t *testing.T) {
	c := newContoso(t)
	dead, _ := c.begun("anna.archer", "")
	successor := c.run("r2")
	successor.info.WorkflowExecution.ID = dead.info.WorkflowExecution.ID
	request := c.offboard("anna.archer", "")
	request.RequestID = "another"
	succeed(t, start(successor, c.acts.Prepare, request))
	books := c.books()
	refused(t, closing(dead, lifecycle.Completed), fault.BusinessRule, "run-closed")
	require.Equal(t, books, c.books())
	closeRun(successor, lifecycle.RolledBack)
	require.Equal(t, lifecycle.Used, c.number(annasNumber).State)
}

func TestReleaseNumbersRefusesWhatTheRunDoesNotHold(t *testing.T) {
	c := newContoso(t)
	r, _ := c.begun("anna.archer", "")
	change := lifecycle.Change{Numbers: []lifecycle.NumberChange{{Number: bensNumber, To: lifecycle.Available}}}
	before := c.number(bensNumber)
	refused(t, start(r, c.acts.ReleaseNumbers, c.of("anna.archer", change)), fault.BusinessRule, "number-not-held", bensNumber)
	require.Equal(t, before, c.number(bensNumber))
}
