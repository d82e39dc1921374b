// Package pace decides how many activities a second a tenant's task queue hands out to all workers together. It slows
// down when Microsoft Graph says that it has enough, and recovers by itself: multiplicative decrease, additive increase.
//
// The rate in force stands on the queue, at the Temporal server, and nowhere else: workers that share a tenant see each
// other's changes there, and one that starts goes on where another one ended.
package pace

import "time"

const (
	// settle is how long answers to what was sent before a change may still come in; they say nothing about the new rate.
	settle = 2 * time.Second
	// interval is how long a rate must do without complaint before it is raised.
	interval = 5 * time.Second
	// steps is how many raises lead from nothing to the top: from the bottom it takes about a minute and a half.
	steps = 20
	// bottom keeps the queue moving, and with it the means of finding out that Graph has recovered.
	bottom = 1.0

	// grave halves the rate, slight cuts it a little (graph.md §8.2: the share is sent from 0.8 on).
	grave, graveShare   = 0.5, 1.0
	slight, slightShare = 0.9, 0.8
)

// Rules are the bounds of a queue's rate, in activities a second.
type Rules struct {
	// Maximum is the configured rate; 0 is no limit.
	Maximum float64
	// Quota is what the other side is known to take, and where a queue without a Maximum is slowed down from.
	Quota float64
}

// Complaint is what Graph says when it has enough, or nearly so.
type Complaint struct {
	// Refused: a request was refused for being one too many.
	Refused bool
	// Share is how much of the limit is in use, 1 being all of it; 0 when Graph did not say.
	Share float64
	// Wait is how long the refused request is to wait.
	Wait time.Duration
}

// factor is what the rate is multiplied by; 1 for what is no reason to slow down.
func (c Complaint) factor() float64 {
	switch {
	case c.Refused, c.Share >= graveShare:
		return grave
	case c.Share > slightShare:
		return slight
	}
	return 1
}

// State is a queue at one moment. Its zero value is one that nobody has slowed down.
type State struct {
	// Rate is the limit set on the queue; 0 is none beyond the configured one.
	Rate float64
	// Since is when that limit was set, or first seen.
	Since time.Time
	// Factor is that of the gravest complaint heard about this rate; 0 or 1 is none.
	Factor float64
	// Until is when the last of those that were told to wait may come back.
	Until time.Time
}

// Hear takes a complaint that came at now into account.
func (s State) Hear(c Complaint, now time.Time) State {
	f := c.factor()
	if f == 1 {
		return s
	}
	if back := now.Add(c.Wait); back.After(s.Until) {
		s.Until = back
	}
	if !now.Before(s.Since.Add(settle)) && (s.Factor == 0 || f < s.Factor) {
		s.Factor = f
	}
	return s
}

// Complained reports whether there is a reason to slow down.
func (s State) Complained() bool { return s.Factor > 0 && s.Factor < 1 }

// Next is the queue's next state. Its Since is now exactly when something was decided.
func (r Rules) Next(s State, now time.Time) State {
	top := r.Maximum
	if top == 0 {
		top = r.Quota
	}
	rate := s.Rate
	if rate == 0 || rate > top {
		rate = top
	}
	switch {
	case s.Complained():
		return State{Rate: max(rate*s.Factor, min(bottom, top)), Since: now, Until: s.Until}
	case s.Rate == 0 || now.Before(s.Since.Add(interval)) || now.Before(s.Until):
		return s
	}
	if rate += top / steps; rate >= top {
		rate = 0
	}
	return State{Rate: rate, Since: now, Until: s.Until}
}

// InForce is the rate that a state amounts to; 0 is no limit.
func (r Rules) InForce(s State) float64 {
	if s.Rate == 0 || r.Maximum > 0 && s.Rate > r.Maximum {
		return r.Maximum
	}
	return s.Rate
}
