package pace_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/pace"
)

// queue is a queue at a server.
type queue struct {
	mu    sync.Mutex
	limit pace.Limit
	sets  []float64
	looks int
	err   error
}

func (q *queue) Limit(context.Context) (pace.Limit, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.looks++
	return q.limit, q.err
}

func (q *queue) SetLimit(_ context.Context, rate float64, reason string) (pace.Limit, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil {
		return pace.Limit{}, q.err
	}
	q.sets = append(q.sets, rate)
	q.limit = pace.Limit{Rate: rate, Mark: reason + strconv.Itoa(len(q.sets))}
	return q.limit, nil
}

func (q *queue) rate() float64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.limit.Rate
}

// clock is moved by the test.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func (c *clock) move(d time.Duration) { c.now = c.now.Add(d) }

var refused = pace.Complaint{Refused: true}

func look(t *testing.T, p *pace.Pacer) {
	t.Helper()
	require.NoError(t, p.Look(t.Context()))
}

func TestWorkersShareWhatTheyKnowThroughTheQueue(t *testing.T) {
	c, q := &clock{began}, &queue{}
	var shown float64
	one := pace.New(pace.Config{Rules: microsoft, Queue: q, Clock: c.Now})
	other := pace.New(pace.Config{Rules: microsoft, Queue: q, Clock: c.Now, OnRate: func(rate float64) { shown = rate }})
	look(t, one)
	look(t, other)
	assert.Empty(t, q.sets)
	assert.Equal(t, 18.0, shown)

	one.Hear(refused)
	other.Hear(refused)
	look(t, one)
	look(t, other)
	assert.Equal(t, []float64{9}, q.sets, "both heard of the same trouble")
	assert.Equal(t, 9.0, shown)

	c.move(5 * time.Second)
	look(t, one)
	look(t, other)
	assert.Equal(t, []float64{9, 9.9}, q.sets, "and one raise is enough")

	third := pace.New(pace.Config{Rules: microsoft, Queue: q, Clock: c.Now})
	for range 50 {
		c.move(5 * time.Second)
		look(t, third)
	}
	assert.Zero(t, q.limit.Rate, "one that starts later goes on where the others ended")
}

func TestALimitOfAnOperatorIsLeftAlone(t *testing.T) {
	c, q := &clock{began}, &queue{limit: pace.Limit{Rate: 3, Mark: "operator", Foreign: true}}
	var shown float64
	p := pace.New(pace.Config{Rules: microsoft, Queue: q, Clock: c.Now, OnRate: func(rate float64) { shown = rate }})
	for range 5 {
		look(t, p)
		c.move(time.Minute)
		p.Hear(refused)
	}
	look(t, p)
	assert.Empty(t, q.sets)
	assert.Equal(t, 3.0, shown)
}

func TestAQueueOutOfReachIsSlowedDownLater(t *testing.T) {
	c, q := &clock{began}, &queue{}
	p := pace.New(pace.Config{Rules: microsoft, Queue: q, Clock: c.Now})
	p.Hear(refused)
	q.err = errors.New("down")
	require.ErrorIs(t, p.Look(t.Context()), q.err)
	q.err = nil
	look(t, p)
	assert.Equal(t, []float64{9}, q.sets)
}

func TestWhereTheServerCannotTheWorkerSlowsItselfDown(t *testing.T) {
	c, q, local := &clock{began}, &queue{err: pace.ErrUnsupported}, pace.NewLocal()
	told := 0
	p := pace.New(pace.Config{Rules: simulated, Queue: q, Local: local, Clock: c.Now, OnError: func(error) { told++ }})
	p.Hear(refused)
	look(t, p)
	limit, err := local.Limit(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 9.0, limit.Rate)
	for range 50 {
		c.move(5 * time.Second)
		look(t, p)
	}
	limit, err = local.Limit(t.Context())
	require.NoError(t, err)
	assert.Zero(t, limit.Rate, "it recovers like the queue would")
	assert.Equal(t, 1, told, "the operator is told once")
	assert.Equal(t, 1, q.looks, "and the server is asked once")
}

func TestRunSlowsDownAtOnceAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queue{}
		p := pace.New(pace.Config{Rules: microsoft, Queue: q})
		ctx, stop := context.WithCancel(t.Context())
		var ended sync.WaitGroup
		ended.Go(func() { p.Run(ctx) })
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		assert.Less(t, q.looks, 30, "a calm queue is hardly looked at")

		for range 1000 {
			p.Hear(refused)
		}
		synctest.Wait()
		assert.Equal(t, 9.0, q.rate(), "without waiting for the next look")
		p.Hear(refused)
		synctest.Wait()
		assert.Equal(t, 9.0, q.rate(), "answers to what was sent before do not count")
		time.Sleep(2 * time.Second)
		p.Hear(refused)
		synctest.Wait()
		assert.Equal(t, 4.5, q.rate())

		time.Sleep(5 * time.Minute)
		assert.Zero(t, q.rate())
		stop()
		ended.Wait()
	})
}

func TestComplaintsThatCannotBeHeededDoNotKeepAskingTheServer(t *testing.T) {
	for name, q := range map[string]*queue{
		"at the bottom":   {limit: pace.Limit{Rate: 1, Mark: "x"}},
		"of an operator":  {limit: pace.Limit{Rate: 1, Mark: "x", Foreign: true}},
		"not to be asked": {limit: pace.Limit{Rate: 1}, err: errors.New("down")},
	} {
		t.Run(name, func(t *testing.T) { complain(t, q) })
	}
}

func complain(t *testing.T, q *queue) {
	synctest.Test(t, func(t *testing.T) {
		p := pace.New(pace.Config{Rules: microsoft, Queue: q})
		ctx, stop := context.WithCancel(t.Context())
		var ended sync.WaitGroup
		ended.Go(func() { p.Run(ctx) })
		for range 600 {
			time.Sleep(100 * time.Millisecond)
			p.Hear(refused)
		}
		synctest.Wait()
		assert.Equal(t, 1.0, q.rate(), "nor recover while they last")
		assert.LessOrEqual(t, q.looks, 60)
		stop()
		ended.Wait()
	})
}

func TestRunTellsOfErrorsAndGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queue{err: errors.New("down")}
		var told atomic.Int32
		p := pace.New(pace.Config{Rules: microsoft, Queue: q, OnError: func(error) { told.Add(1) }})
		ctx, stop := context.WithCancel(t.Context())
		var ended sync.WaitGroup
		ended.Go(func() { p.Run(ctx) })
		synctest.Wait()
		p.Hear(refused)
		time.Sleep(time.Minute)
		q.mu.Lock()
		q.err = nil
		q.mu.Unlock()
		assert.GreaterOrEqual(t, told.Load(), int32(2))
		time.Sleep(31 * time.Second)
		synctest.Wait()
		assert.Equal(t, 9.0, q.sets[0])
		stop()
		ended.Wait()
	})
}

func TestLocalHoldsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := pace.NewLocal()
		from := time.Now()
		for range 10_000 {
			require.NoError(t, l.Wait(t.Context()))
		}
		assert.Zero(t, time.Since(from), "nothing is held back unless told to")
		_, err := l.SetLimit(t.Context(), 2, "")
		require.NoError(t, err)
		from = time.Now()
		for range 12 {
			require.NoError(t, l.Wait(t.Context()))
		}
		assert.InDelta(t, 5, time.Since(from).Seconds(), 1)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.Error(t, l.Wait(ctx))
		_, err = l.SetLimit(t.Context(), 0, "")
		require.NoError(t, err)
		from = time.Now()
		for range 100 {
			require.NoError(t, l.Wait(t.Context()))
		}
		assert.Zero(t, time.Since(from))
	})
}
