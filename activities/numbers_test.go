package activities_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tenure/activities"
	"tenure/internal/fault"
	"tenure/internal/graphsim"
	"tenure/internal/lifecycle"
)

const (
	numberOrders     = "/v1.0/admin/teams/telephoneNumberManagement/numberAssignments"
	numberOperations = "/v1.0/admin/teams/telephoneNumberManagement/operations/*"
	// orderTime is how long Microsoft works on an order where a case is about that.
	orderTime = time.Minute
)

func slowOrders() setup {
	return setup{settings: graphsim.Settings{NumberOperationMs: int(orderTime.Milliseconds())}}
}

func numbers(list ...string) lifecycle.Change {
	var change lifecycle.Change
	for _, n := range list {
		change.Numbers = append(change.Numbers, lifecycle.NumberChange{Number: n, Type: "directRouting", Category: "primary"})
	}
	return change
}

func (c *contoso) unassign(name string, list ...string) *task[activities.StepResult] {
	return start(c.run("r1"), c.acts.UnassignNumbers, c.of(name, numbers(list...)))
}

func (c *contoso) assign(name string, list ...string) *task[activities.StepResult] {
	return start(c.run("r1"), c.acts.AssignNumbers, c.of(name, numbers(list...)))
}

var done = activities.StepResult{Outcome: lifecycle.Done}

func TestUnassignNumbersOnce(t *testing.T) {
	c := newContoso(t)
	task := c.unassign("anna.archer", annasNumber)
	require.Equal(t, done, succeed(t, task))
	require.Equal(t, []string{unassignNumber}, c.writes())
	require.Empty(t, c.holder(annasNumber))
	require.False(t, c.person("anna.archer").EnterpriseVoice)

	c.ClearJournal()
	task.heartbeat = nil
	require.Equal(t, done, succeed(t, task))
	require.Empty(t, c.writes(), "a number that is free already is as wanted")
}

func TestUnassignNumbersFollowsTheOrderWithAGrowingDelay(t *testing.T) {
	c := slowOrders().new(t)
	task := c.unassign("anna.archer", annasNumber)
	for _, delay := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
		f := fail(t, task, fault.NotYet, annasNumber)
		require.Equal(t, delay*time.Second, f.NextRetryDelay())
		c.clock.Advance(time.Second)
	}
	c.clock.Advance(orderTime)
	require.Equal(t, done, succeed(t, task))
	require.Equal(t, []string{unassignNumber}, c.writes())
	require.Empty(t, c.holder(annasNumber))
}

func TestUnassignNumbersOrdersEachNumberOnce(t *testing.T) {
	c := slowOrders().new(t)
	c.giveNumber(freeNumber, c.id("anna.archer"))
	task := c.unassign("anna.archer", annasNumber, freeNumber)
	c.AddFault(graphsim.Fault{Method: "GET", Path: numberOperations, Status: 503})
	fail(t, task, fault.Unavailable)
	require.Len(t, task.heartbeat, 2)
	fail(t, task, fault.NotYet)
	c.clock.Advance(orderTime)
	require.Equal(t, done, succeed(t, task))
	require.Equal(t, []string{unassignNumber, unassignNumber}, c.writes())
	require.Empty(t, c.holder(annasNumber))
	require.Empty(t, c.holder(freeNumber))
}

func TestUnassignNumbersDoesNotOrderAgainAfterALostAnswer(t *testing.T) {
	for name, lost := range map[string]graphsim.Fault{
		"connection cut": {AfterCommit: true},
		"503 afterwards": {AfterCommit: true, Status: http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			c := newContoso(t)
			lost.Method, lost.Path = "POST", numberOrders+"/unassignNumber"
			c.AddFault(lost)
			task := c.unassign("anna.archer", annasNumber)
			fail(t, task, fault.Unavailable)
			require.Empty(t, c.holder(annasNumber))
			require.Equal(t, done, succeed(t, task))
			require.Equal(t, []string{unassignNumber}, c.writes())
		})
	}
}

func TestUnassignNumbersAfterTheWorkerWasKilled(t *testing.T) {
	c := slowOrders().new(t)
	task := c.unassign("anna.archer", annasNumber)
	task.forgetful = true
	fail(t, task, fault.NotYet)
	c.clock.Advance(orderTime)
	require.Equal(t, done, succeed(t, task))
	require.Equal(t, []string{unassignNumber}, c.writes(), "the number is free, so nothing is ordered again")
}

func TestUnassignNumbersOrdersAnewAfterAFailedOrder(t *testing.T) {
	for _, row := range []struct {
		detail string
		kind   fault.Kind
		code   string
	}{
		{"The service is unavailable. Please try again later.", fault.Unavailable, "number-operation-failed"},
		{"A concurrent operation is in progress.", fault.Conflict, "number-operation-failed"},
		{"User 'x' lacks appropriate licenses to unassign the telephone number", fault.BusinessRule, "phone-license-missing"},
		{"Something that nobody has seen before", fault.InvalidRequest, "number-operation-failed"},
	} {
		t.Run(row.detail, func(t *testing.T) {
			c := slowOrders().new(t)
			c.AddFault(graphsim.Fault{Method: "GET", Path: numberOperations, Status: 200,
				Body: fmt.Sprintf(`{"id":"x","status":"failed","numbers":[{"status":"failed","statusDetail":%q}]}`, row.detail)})
			task := c.unassign("anna.archer", annasNumber)
			refused(t, task, row.kind, row.code, row.detail)
			require.Empty(t, task.heartbeat)
			fail(t, task, fault.NotYet)
			require.Equal(t, []string{unassignNumber, unassignNumber}, c.writes())
		})
	}
}

func TestUnassignNumbersLeavesOtherHoldersAlone(t *testing.T) {
	t.Run("taken over in between", func(t *testing.T) {
		c := newContoso(t)
		emma := c.id("emma.evans")
		c.giveNumber(annasNumber, emma)
		require.Equal(t, done, succeed(t, c.unassign("anna.archer", annasNumber)))
		require.Empty(t, c.writes())
		require.Equal(t, emma, c.holder(annasNumber))
	})
	t.Run("gone from the tenant", func(t *testing.T) {
		c := newContoso(t)
		require.Equal(t, done, succeed(t, c.unassign("anna.archer", "+442079469999")))
		require.Empty(t, c.writes())
	})
}

func TestUnassignNumbersTakesTheAnswerFromWhoHasTheNumber(t *testing.T) {
	t.Run("an order that Microsoft no longer knows", func(t *testing.T) {
		c := newContoso(t)
		c.AddFault(graphsim.Fault{Method: "GET", Path: numberOperations, Status: 404})
		require.Equal(t, done, succeed(t, c.unassign("anna.archer", annasNumber)))
		require.Empty(t, c.holder(annasNumber))
	})
	t.Run("an order without an address to follow", func(t *testing.T) {
		c := slowOrders().new(t)
		c.AddFault(graphsim.Fault{Method: "POST", Path: numberOrders + "/unassignNumber", AfterCommit: true, Status: 202})
		task := c.unassign("anna.archer", annasNumber)
		fail(t, task, fault.NotYet, annasNumber)
		fail(t, task, fault.NotYet, annasNumber)
		c.clock.Advance(orderTime)
		require.Equal(t, done, succeed(t, task))
		require.Equal(t, []string{unassignNumber}, c.writes())
	})
}

func TestGraphTroubleIsPassedOnForTemporalToWaitOut(t *testing.T) {
	html := "<html><body><h1>502 Bad Gateway</h1></body></html>"
	for name, row := range map[string]struct {
		fault  graphsim.Fault
		kind   fault.Kind
		delay  time.Duration
		status int
	}{
		"429 with Retry-After":  {graphsim.Fault{Status: 429, RetryAfter: 7}, fault.Throttled, 7 * time.Second, 429},
		"429 without":           {graphsim.Fault{Status: 429}, fault.Throttled, 0, 429},
		"503":                   {graphsim.Fault{Status: 503}, fault.Unavailable, 0, 503},
		"503 with Retry-After":  {graphsim.Fault{Status: 503, RetryAfter: 3}, fault.Unavailable, 3 * time.Second, 503},
		"502 as a page of HTML": {graphsim.Fault{Status: 502, Body: html}, fault.Unavailable, 0, 502},
		"a cut connection":      {graphsim.Fault{Reset: true}, fault.Unavailable, 0, 0},
		"409":                   {graphsim.Fault{Status: 409}, fault.Conflict, 0, 409},
		"403":                   {graphsim.Fault{Status: 403}, fault.PermissionDenied, 0, 403},
		"418":                   {graphsim.Fault{Status: 418}, fault.InvalidRequest, 0, 418},
	} {
		t.Run(name, func(t *testing.T) {
			c := newContoso(t)
			row.fault.Method, row.fault.Path = "POST", numberOrders+"/unassignNumber"
			c.AddFault(row.fault)
			task := c.unassign("anna.archer", annasNumber)
			f := fail(t, task, row.kind)
			require.Equal(t, row.delay, f.NextRetryDelay())
			require.Equal(t, row.status, f.Status)
			if row.status != 0 {
				require.NotEmpty(t, f.RequestID)
			}
			require.NotContains(t, f.Message(), "<html>")
			require.Equal(t, []string{unassignNumber}, c.writes(), "nothing is retried inside the attempt")
			require.Equal(t, c.id("anna.archer"), c.holder(annasNumber))
			if row.kind.Retryable() {
				require.Equal(t, done, succeed(t, task))
				require.Empty(t, c.holder(annasNumber))
			}
		})
	}
}

func TestAssignNumbersGivesTheNumberBack(t *testing.T) {
	c := slowOrders().new(t)
	kevin, number := c.id("kevin.king"), "+18005550100"
	before := c.State()
	change := lifecycle.Change{Numbers: []lifecycle.NumberChange{{Number: number, Type: "callingPlan", Category: "primary"}}}
	for _, n := range before.Numbers {
		if n.TelephoneNumber == number {
			change.Numbers[0].LocationID = n.LocationID
		}
	}
	take := start(c.run("r1"), c.acts.UnassignNumbers, c.of("kevin.king", change))
	fail(t, take, fault.NotYet)
	c.clock.Advance(orderTime)
	succeed(t, take)
	require.Empty(t, c.holder(number))

	c.ClearJournal()
	undo := start(c.run("r1"), c.acts.AssignNumbers, c.of("kevin.king", change))
	require.Equal(t, time.Second, fail(t, undo, fault.NotYet).NextRetryDelay())
	require.Equal(t, 2*time.Second, fail(t, undo, fault.NotYet).NextRetryDelay())
	c.clock.Advance(orderTime)
	require.Equal(t, done, succeed(t, undo))
	require.Equal(t, []string{assignNumber}, c.writes())
	require.Equal(t, kevin, c.holder(number))
	require.Equal(t, before, c.State())
}

func TestAssignNumbersIsSafeWhenTheNumberNeverWent(t *testing.T) {
	c := newContoso(t)
	require.Equal(t, done, succeed(t, c.assign("anna.archer", annasNumber)))
	require.Empty(t, c.writes())
}

func TestAssignNumbersDoesNotTakeFromOthers(t *testing.T) {
	c := newContoso(t)
	c.giveNumber(annasNumber, c.id("emma.evans"))
	fail(t, c.assign("anna.archer", annasNumber), fault.NumberUnavailable, annasNumber, "another user")
	require.Empty(t, c.writes())
	require.Equal(t, c.id("emma.evans"), c.holder(annasNumber))
	fail(t, c.assign("anna.archer", "+442079469999"), fault.NumberUnavailable, "+442079469999")
}

func TestAssignNumbersWaitsUntilTeamsKnowsTheUser(t *testing.T) {
	c := setup{settings: graphsim.Settings{TeamsProvisioningMs: 60_000}}.new(t)
	oliver := c.id("oliver.owen")
	e5 := lifecycle.LicenseChange{SKUID: c.sku("SPE_E5")}
	require.NoError(t, c.graph.ChangeLicenses(t.Context(), oliver, nil, []string{e5.SKUID}))
	c.clock.Advance(2 * time.Minute)
	require.NoError(t, c.graph.ChangeLicenses(t.Context(), oliver, []lifecycle.LicenseChange{e5}, nil))
	c.ClearJournal()
	task := c.assign("oliver.owen", freeNumber)
	fail(t, task, fault.NotYet, "Teams does not know the user yet")
	require.Empty(t, c.holder(freeNumber))
	c.clock.Advance(2 * time.Minute)
	require.Equal(t, done, succeed(t, task))
	require.Equal(t, oliver, c.holder(freeNumber))
}

func TestAssignNumbersAfterALostAnswer(t *testing.T) {
	c := newContoso(t)
	c.AddFault(graphsim.Fault{Method: "POST", Path: numberOrders + "/assignNumber", AfterCommit: true})
	task := c.assign("oliver.owen", freeNumber)
	fail(t, task, fault.Unavailable)
	require.Equal(t, done, succeed(t, task))
	require.Equal(t, []string{assignNumber}, c.writes())
	require.Equal(t, c.id("oliver.owen"), c.holder(freeNumber))
}

func (c *contoso) voiceOff(name, number string) *task[activities.StepResult] {
	return start(c.run("r1"), c.acts.AwaitVoiceOff, c.of(name, numbers(number)))
}

func TestAwaitVoiceOff(t *testing.T) {
	t.Run("waits for Teams to lose the number", func(t *testing.T) {
		c := setup{settings: graphsim.Settings{ReadLagMs: 3000}}.new(t)
		succeed(t, c.unassign("anna.archer", annasNumber))
		task := c.voiceOff("anna.archer", annasNumber)
		require.Equal(t, time.Second, fail(t, task, fault.NotYet, annasNumber).NextRetryDelay())
		require.Equal(t, 2*time.Second, fail(t, task, fault.NotYet, annasNumber).NextRetryDelay())
		c.clock.Advance(4 * time.Second)
		require.Equal(t, done, succeed(t, task))
	})
	t.Run("is over when Teams does not know the user", func(t *testing.T) {
		c := newContoso(t)
		require.Equal(t, done, succeed(t, c.voiceOff("laura.lewis", annasNumber)))
	})
	t.Run("does not mind numbers that were not to go", func(t *testing.T) {
		c := newContoso(t)
		require.Equal(t, done, succeed(t, c.voiceOff("anna.archer", freeNumber)))
	})
	t.Run("becomes a warning when only Enterprise Voice stays on", func(t *testing.T) {
		c := setup{tenant: func(s *graphsim.State) {
			for i := range s.Users {
				if s.Users[i].DisplayName == "Emma Evans" {
					s.Users[i].EnterpriseVoice = true
				}
			}
		}}.new(t)
		task := c.voiceOff("emma.evans", freeNumber)
		for range 3 {
			fail(t, task, fault.NotYet, "Enterprise Voice is still on")
		}
		c.clock.Advance(5*time.Minute - time.Second)
		fail(t, task, fault.NotYet)
		c.clock.Advance(time.Second)
		result := succeed(t, task)
		require.Equal(t, lifecycle.Done, result.Outcome)
		require.Len(t, result.Warnings, 1)
		require.Equal(t, lifecycle.WarnEnterpriseVoiceStillOn, result.Warnings[0].Code)
		require.NotEmpty(t, result.Summary)
		require.Empty(t, c.writes())
	})
}

// Microsoft does not say how long it keeps operations: then the number tells.
func TestUnassignNumbersWhoseOrderIsForgotten(t *testing.T) {
	t.Run("the number is free", func(t *testing.T) {
		c := slowOrders().new(t)
		task := c.unassign("anna.archer", annasNumber)
		fail(t, task, fault.NotYet)
		c.clock.Advance(orderTime)
		c.AddFault(graphsim.Fault{Method: "GET", Path: numberOperations, Status: 404})
		require.Equal(t, done, succeed(t, task))
		require.Equal(t, []string{unassignNumber}, c.writes())
	})
	t.Run("the number is as it was", func(t *testing.T) {
		c := slowOrders().new(t)
		task := c.unassign("anna.archer", annasNumber)
		fail(t, task, fault.NotYet)
		c.AddFault(graphsim.Fault{Method: "GET", Path: numberOperations, Status: 404})
		fail(t, task, fault.Conflict, annasNumber)
		require.Empty(t, task.heartbeat)
		fail(t, task, fault.NotYet)
		require.Equal(t, []string{unassignNumber, unassignNumber}, c.writes(), "a new order")
		c.clock.Advance(orderTime)
		require.Equal(t, done, succeed(t, task))
		require.Empty(t, c.holder(annasNumber))
	})
}
