package graph

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"tenure/internal/fault"
)

// entriesPerCache bounds a cache in a tenant with endless groups; what is dropped is asked for again.
const entriesPerCache = 10_000

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
	if v, ok := c.fresh(key); ok {
		return v, nil
	}
	return c.share(ctx, key, func(ctx context.Context) (V, error) {
		// Somebody else's load may have ended between the look above and this one's turn.
		if v, ok := c.fresh(key); ok {
			return v, nil
		}
		return c.store(ctx, key, load)
	})
}

// reload loads the value even when there is a fresh one.
func (c *cache[V]) reload(ctx context.Context, key string, load func(context.Context) (V, error)) (V, error) {
	return c.share(ctx, "reload\x00"+key, func(ctx context.Context) (V, error) { return c.store(ctx, key, load) })
}

func (c *cache[V]) share(ctx context.Context, flight string, load func(context.Context) (V, error)) (V, error) {
	done := c.flight.DoChan(flight, func() (any, error) { return load(context.WithoutCancel(ctx)) })
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

func (c *cache[V]) fresh(key string) (v V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[key]
	return e.value, ok && c.clock().Before(e.until)
}

func (c *cache[V]) store(ctx context.Context, key string, load func(context.Context) (V, error)) (V, error) {
	v, err := load(ctx)
	if err == nil && c.lifetime > 0 {
		c.put(key, v)
	}
	return v, err
}

func (c *cache[V]) put(key string, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.entries) >= entriesPerCache {
		clear(c.entries)
	}
	c.entries[key] = cached[V]{value: v, until: c.clock().Add(c.lifetime)}
}

// clear forgets everything: somebody found that what is kept no longer holds.
func (c *cache[V]) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.entries)
}
