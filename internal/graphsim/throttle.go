package graphsim

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// unitWindow is the window that Microsoft counts resource units in.
const unitWindow = 10 * time.Second

// throttle holds the allowances of the application in the tenant.
type throttle struct {
	writes bucket
	units  bucket
}

func (t *throttle) refill() {
	t.writes.refill()
	t.units.refill()
}

// take pays for one request, or refuses it and says when it is possible.
func (t *throttle) take(limit *Throttle, write bool, units int, now time.Time, header http.Header) error {
	if limit == nil {
		return nil
	}
	used := 0.0
	if limit.ResourceUnits > 0 {
		share, wait := t.units.take(units, limit.ResourceUnits, unitWindow, now)
		if wait > 0 {
			return throttled("ResourceUnitLimitExceeded", wait)
		}
		used = share
	}
	if write && limit.Writes > 0 && limit.WindowSeconds > 0 {
		share, wait := t.writes.take(1, limit.Writes, time.Duration(limit.WindowSeconds)*time.Second, now)
		if wait > 0 {
			return throttled("WriteLimitExceeded", wait)
		}
		used = max(used, share)
	}
	if used > 0.8 {
		header.Set("x-ms-throttle-limit-percentage", fmt.Sprintf("%.1f", used))
	}
	return nil
}

func throttled(information string, wait int) error {
	code, message := statusError(http.StatusTooManyRequests)
	return &graphError{
		status: http.StatusTooManyRequests, code: code, message: message,
		header: http.Header{
			"Retry-After":                    {strconv.Itoa(wait)},
			"X-Ms-Throttle-Limit-Percentage": {"1.0"},
			"X-Ms-Throttle-Scope":            {"Tenant_Application/ReadWrite/" + stableID("application", "tenure") + "/" + tenantID},
			"X-Ms-Throttle-Information":      {information},
		},
	}
}

// bucket is an allowance that fills up evenly.
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

// take uses up n of what a window allows. It gives the share of the allowance
// that is used then, or the whole seconds to wait when there is too little.
// What costs more than a full bucket passes when the bucket is full.
func (b *bucket) take(n, allowance int, window time.Duration, now time.Time) (share float64, wait int) {
	capacity := float64(allowance)
	perSecond := capacity / window.Seconds()
	cost := min(float64(n), capacity)
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.filled {
		b.filled, b.tokens, b.at = true, capacity, now
	}
	if elapsed := now.Sub(b.at).Seconds(); elapsed > 0 {
		b.tokens, b.at = min(capacity, b.tokens+elapsed*perSecond), now
	}
	if b.tokens < cost {
		return 1, max(1, int(math.Ceil((cost-b.tokens)/perSecond-1e-9)))
	}
	b.tokens -= cost
	return (capacity - b.tokens) / capacity, 0
}
