package graph

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"tenure/internal/fault"
)

// cache keeps answers that repeat across users for a stated lifetime, and lets callers who ask at the same time
// share one request. Errors are not kept.
type cache[V any] struct {
	lifetime time.Duration
	clock    func() time.Time
	flight   singleflight.Group

	mu      sync.Mutex
	entries map[string]cached[V]
}

type cached[V any] struct {
	value V
	until time.Time
}

func newCache[V any](lifetime time.Duration, clock func() time.Time) *cache[V] {
	return &cache[V]{lifetime: lifetime, clock: clock, entries: map[string]cached[V]{}}
}

// get returns the value of key, loading it when there is none that is fresh. The load outlives a caller who gives
// up, because others may wait for it.
func (c *cache[V]) get(ctx context.Context, key string, load func(context.Context) (V, error)) (V, error) {
	c.mu.Lock()
	e, ok := c.entries[key]
	c.mu.Unlock()
	if ok && c.clock().Before(e.until) {
		return e.value, nil
	}
	return c.reload(ctx, key, load)
}

// reload loads the value even when there is a fresh one.
func (c *cache[V]) reload(ctx context.Context, key string, load func(context.Context) (V, error)) (V, error) {
	done := c.flight.DoChan(key, func() (any, error) {
		v, err := load(context.WithoutCancel(ctx))
		if err == nil && c.lifetime > 0 {
			c.put(key, v)
		}
		return v, err
	})
	var zero V
	select {
	case <-ctx.Done():
		return zero, fault.New(fault.Unavailable, "the call was given up before an answer came")
	case r := <-done:
		if r.Err != nil {
			return zero, r.Err
		}
		return r.Val.(V), nil
	}
}

func (c *cache[V]) put(key string, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries[key] = cached[V]{value: v, until: c.clock().Add(c.lifetime)}
}

// clear forgets everything: somebody found that what is kept no longer holds.
func (c *cache[V]) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.entries)
}
