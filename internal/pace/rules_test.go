package pace_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"tenure/internal/pace"
)

var (
	began     = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	microsoft = pace.Rules{Maximum: 18, Quota: 18}
	simulated = pace.Rules{Quota: 18}
)

func at(seconds float64) time.Time { return began.Add(time.Duration(seconds * float64(time.Second))) }

func TestComplaintsSlowDown(t *testing.T) {
	for name, row := range map[string]struct {
		rules     pace.Rules
		rate      float64
		complaint pace.Complaint
		want      float64
	}{
		"refused":                    {microsoft, 0, pace.Complaint{Refused: true}, 9},
		"refused again":              {microsoft, 9, pace.Complaint{Refused: true}, 4.5},
		"all in use":                 {microsoft, 10, pace.Complaint{Share: 1}, 5},
		"overdrawn":                  {microsoft, 10, pace.Complaint{Share: 1.8}, 5},
		"nearly all in use":          {microsoft, 10, pace.Complaint{Share: 0.81}, 9},
		"enough left":                {microsoft, 10, pace.Complaint{Share: 0.8}, 10},
		"nothing said":               {microsoft, 10, pace.Complaint{}, 10},
		"the queue never stands":     {microsoft, 1.5, pace.Complaint{Refused: true}, 1},
		"no maximum":                 {simulated, 0, pace.Complaint{Refused: true}, 9},
		"no maximum, slowed":         {simulated, 4, pace.Complaint{Refused: true}, 2},
		"a maximum below the bottom": {pace.Rules{Maximum: 0.5, Quota: 18}, 0, pace.Complaint{Refused: true}, 0.5},
		"set above the maximum":      {microsoft, 40, pace.Complaint{Refused: true}, 9},
	} {
		t.Run(name, func(t *testing.T) {
			s := pace.State{Rate: row.rate, Since: began}.Hear(row.complaint, at(3))
			got := row.rules.Next(s, at(3))
			assert.InDelta(t, row.want, got.Rate, 1e-9)
			assert.Equal(t, got.Rate != row.rate, got.Since.Equal(at(3)))
			assert.False(t, got.Complained(), "a complaint is heeded once")
		})
	}
}

func TestComplaintsAboutTheRateBeforeAreNotHeeded(t *testing.T) {
	slowed := pace.State{Rate: 9, Since: began}
	assert.Equal(t, 9.0, microsoft.Next(slowed.Hear(refused, at(1.9)), at(2)).Rate)
	assert.InDelta(t, 4.5, microsoft.Next(slowed.Hear(refused, at(2)), at(2)).Rate, 1e-9)
}

func TestTheGravestComplaintCounts(t *testing.T) {
	s := pace.State{Rate: 10, Since: began}
	s = s.Hear(pace.Complaint{Share: 0.9}, at(3)).Hear(pace.Complaint{Refused: true}, at(3)).Hear(pace.Complaint{Share: 0.9}, at(3))
	assert.InDelta(t, 5, microsoft.Next(s, at(3)).Rate, 1e-9)
}

// recovery is every rate until the limit is gone, looking once a second.
func recovery(rules pace.Rules, s pace.State, from float64) (rates []float64, took float64) {
	for second := from; s.Rate != 0 && second < from+1000; second++ {
		next := rules.Next(s, at(second))
		if next.Rate != s.Rate {
			rates, took = append(rates, next.Rate), second-from
		}
		s = next
	}
	return rates, took
}

func TestItRecoversByItself(t *testing.T) {
	rates, took := recovery(microsoft, pace.State{Rate: 9, Since: began}, 0)
	assert.Len(t, rates, 10)
	assert.InDelta(t, 9.9, rates[0], 1e-9)
	assert.Zero(t, rates[9], "at the maximum the limit is taken away")
	assert.InDelta(t, 50, took, 1, "a raise every five seconds")

	rates, took = recovery(simulated, pace.State{Rate: 1, Since: began}, 0)
	assert.Zero(t, rates[len(rates)-1])
	assert.InDelta(t, 95, took, 1)

	rates, _ = recovery(microsoft, pace.State{Rate: 40, Since: began}, 0)
	assert.Equal(t, []float64{0}, rates, "a limit above the maximum is none")
}

func TestItDoesNotRecoverBeforeThoseMayComeBackWhoWereToldToWait(t *testing.T) {
	s := pace.State{Since: began}.Hear(pace.Complaint{Refused: true, Wait: 60 * time.Second}, at(3))
	s = microsoft.Next(s, at(3))
	s = s.Hear(pace.Complaint{Refused: true, Wait: 20 * time.Second}, at(4))
	assert.Equal(t, s, microsoft.Next(s, at(62.9)))
	assert.InDelta(t, 9.9, microsoft.Next(s, at(63)).Rate, 1e-9)
}

func TestNothingToDoIsNoDecision(t *testing.T) {
	for _, s := range []pace.State{{}, {Since: began}, {Rate: 9, Since: at(100)}} {
		assert.Equal(t, s, microsoft.Next(s, at(104.9)))
	}
}

func TestRateInForce(t *testing.T) {
	for _, row := range []struct {
		rules pace.Rules
		rate  float64
		want  float64
	}{{microsoft, 0, 18}, {microsoft, 9, 9}, {microsoft, 40, 18}, {simulated, 0, 0}, {simulated, 9, 9}, {simulated, 40, 40}} {
		assert.Equal(t, row.want, row.rules.InForce(pace.State{Rate: row.rate}), "%+v", row)
	}
}
