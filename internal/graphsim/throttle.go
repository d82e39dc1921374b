package graphsim

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// bucket counts the writes that are still allowed.
type bucket struct {
	mu     sync.Mutex
	filled bool
	tokens float64
	at     time.Time
}

func (b *bucket) refill() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.filled = false
}

// take uses up one write, or refuses it and says when the next is possible.
func (b *bucket) take(limit *Throttle, now time.Time, header http.Header) error {
	if limit == nil || limit.Writes <= 0 || limit.WindowSeconds <= 0 {
		return nil
	}
	capacity := float64(limit.Writes)
	perSecond := capacity / float64(limit.WindowSeconds)
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.filled {
		b.filled, b.tokens, b.at = true, capacity, now
	}
	if elapsed := now.Sub(b.at).Seconds(); elapsed > 0 {
		b.tokens, b.at = min(capacity, b.tokens+elapsed*perSecond), now
	}
	if b.tokens < 1 {
		wait := max(1, int(math.Ceil((1-b.tokens)/perSecond-1e-9)))
		code, message := statusError(http.StatusTooManyRequests)
		return &graphError{
			status: http.StatusTooManyRequests, code: code, message: message,
			header: http.Header{
				"Retry-After":                    {strconv.Itoa(wait)},
				"X-Ms-Throttle-Limit-Percentage": {"1.0"},
				"X-Ms-Throttle-Scope":            {"Tenant_Application/ReadWrite/" + stableID("application", "tenure") + "/" + tenantID},
				"X-Ms-Throttle-Information":      {"WriteLimitExceeded"},
			},
		}
	}
	b.tokens--
	if used := (capacity - b.tokens) / capacity; used > 0.8 {
		header.Set("x-ms-throttle-limit-percentage", fmt.Sprintf("%.1f", used))
	}
	return nil
}
