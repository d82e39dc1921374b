package pace

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Limit is the limit on a queue.
type Limit struct {
	// Rate is in activities a second; 0 is none.
	Rate float64
	// Mark changes whenever somebody sets the limit.
	Mark string
	// Foreign: it was set by something other than a Pacer. It is left alone.
	Foreign bool
}

// ErrUnsupported is what a Queue answers whose limit cannot be set.
var ErrUnsupported = errors.New("the rate of the task queue cannot be set")

// Queue is where a rate takes effect.
type Queue interface {
	Limit(ctx context.Context) (Limit, error)
	// SetLimit sets the limit, or with 0 takes it away, and returns it as Limit would.
	SetLimit(ctx context.Context, rate float64, reason string) (Limit, error)
}

// Config is what a Pacer needs.
type Config struct {
	Rules Rules
	// Queue is the queue for all workers together; Local, if not nil, is used from the moment that Queue answers
	// ErrUnsupported, and slows down this worker only.
	Queue, Local Queue
	// OnRate, if not nil, is told the rate in force (0: no limit) after each look.
	OnRate func(rate float64)
	// OnError, if not nil, is told when the queue could not be looked at or set.
	OnError func(error)
	// Clock replaces time.Now.
	Clock func() time.Time
}

// Pacer keeps a queue's rate. It is safe for concurrent use.
type Pacer struct {
	config Config
	wake   chan struct{}

	mu    sync.Mutex
	queue Queue
	state State
	mark  string
	// failed is when the last look failed; zero when it did not.
	failed time.Time
}

// New makes a pacer; it does nothing before Run.
func New(config Config) *Pacer {
	if config.Clock == nil {
		config.Clock = time.Now
	}
	return &Pacer{config: config, queue: config.Queue, wake: make(chan struct{}, 1)}
}

// Hear takes a complaint into account. It never blocks.
func (p *Pacer) Hear(c Complaint) {
	now := p.config.Clock()
	p.mu.Lock()
	p.state = p.state.Hear(c, now)
	// A queue that cannot be reached is not asked again for each complaint.
	urgent := p.state.Complained() && !now.Before(p.failed.Add(settle))
	p.mu.Unlock()
	if urgent {
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
}

// The times between two looks at the queue when nothing complains: often enough to recover, rarely enough not to be
// noticed where nothing is the matter.
const (
	lookSlowed = interval
	lookCalm   = 30 * time.Second
	lookBound  = 10 * time.Second
)

// Run keeps the rate until ctx ends. The limit in force stays on the queue, for the next worker to take over.
func (p *Pacer) Run(ctx context.Context) {
	for {
		bounded, cancel := context.WithTimeout(ctx, lookBound)
		err := p.Look(bounded)
		cancel()
		if err != nil && ctx.Err() == nil && p.config.OnError != nil {
			p.config.OnError(err)
		}
		next := time.NewTimer(p.pause())
		select {
		case <-ctx.Done():
		case <-p.wake:
		case <-next.C:
		}
		next.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

func (p *Pacer) pause() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state.Rate > 0 || p.state.Complained() || !p.failed.IsZero() {
		return lookSlowed
	}
	return lookCalm
}

// Look looks at the queue once and changes its limit where there is a reason to.
func (p *Pacer) Look(ctx context.Context) error {
	err := p.look(ctx)
	if errors.Is(err, ErrUnsupported) && p.config.Local != nil && p.fallBack() {
		if p.config.OnError != nil {
			p.config.OnError(err)
		}
		err = p.look(ctx)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failed = time.Time{}
	if err != nil {
		p.failed = p.config.Clock()
	}
	return err
}

// fallBack paces this worker alone from now on; false when it does already.
func (p *Pacer) fallBack() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.queue == p.config.Local {
		return false
	}
	p.queue, p.mark = p.config.Local, ""
	return true
}

func (p *Pacer) look(ctx context.Context) error {
	now := p.config.Clock()
	p.mu.Lock()
	queue := p.queue
	p.mu.Unlock()

	limit, err := queue.Limit(ctx)
	if err != nil {
		return err
	}
	before, after := p.decide(limit, now)
	if before.Rate != after.Rate {
		reason := "Microsoft Graph has recovered"
		if before.Complained() {
			reason = "Microsoft Graph asks to slow down"
		}
		if limit, err = queue.SetLimit(ctx, after.Rate, reason); err != nil {
			return err
		}
	}
	p.settle(limit, before, after)
	return nil
}

// decide adopts what stands on the queue, and says what is to stand there.
func (p *Pacer) decide(limit Limit, now time.Time) (before, after State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if limit.Mark != p.mark {
		// Somebody else set it: complaints up to now were about another rate.
		p.state, p.mark = State{Rate: limit.Rate, Since: now, Until: p.state.Until}, limit.Mark
	}
	if limit.Foreign {
		p.state = State{Rate: limit.Rate, Since: now, Until: p.state.Until}
		return p.state, p.state
	}
	return p.state, p.config.Rules.Next(p.state, now)
}

// settle keeps the new state. What was heard while it was being set was about the rate before.
func (p *Pacer) settle(limit Limit, before, after State) {
	p.mu.Lock()
	if after.Since != before.Since {
		after.Until = p.state.Until
		p.state = after
	}
	p.mark = limit.Mark
	rate := p.config.Rules.InForce(p.state)
	if limit.Foreign {
		rate = limit.Rate
	}
	p.mu.Unlock()
	if p.config.OnRate != nil {
		p.config.OnRate(rate)
	}
}
