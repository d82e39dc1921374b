package pace

import (
	"context"
	"math"
	"strconv"
	"sync"

	"golang.org/x/time/rate"
)

// Local paces one worker, where the server cannot pace the queue for all. It holds back the taking of work, so nothing
// waits inside an activity.
type Local struct {
	limiter *rate.Limiter

	mu  sync.Mutex
	set Limit
	n   int
}

// NewLocal makes one that does not hold back anything yet.
func NewLocal() *Local { return &Local{limiter: rate.NewLimiter(rate.Inf, 1)} }

// Wait blocks until one more piece of work may be taken, or ctx ends.
func (l *Local) Wait(ctx context.Context) error { return l.limiter.Wait(ctx) }

// Limit implements Queue.
func (l *Local) Limit(context.Context) (Limit, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.set, nil
}

// SetLimit implements Queue.
func (l *Local) SetLimit(_ context.Context, perSecond float64, _ string) (Limit, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	limit, burst := rate.Inf, 1
	if perSecond > 0 {
		limit, burst = rate.Limit(perSecond), int(math.Ceil(perSecond))
	}
	l.limiter.SetLimit(limit)
	l.limiter.SetBurst(burst)
	l.n++
	l.set = Limit{Rate: perSecond, Mark: strconv.Itoa(l.n)}
	return l.set, nil
}
