package graph

import (
	"net/http"
	"strconv"
	"time"
)

// Load is what one answer says about how much more the tenant takes.
type Load struct {
	// Throttled: the request was refused for being one too many.
	Throttled bool
	// Share is how much of the limit is in use, 1 being all of it (x-ms-throttle-limit-percentage). Graph says so from
	// 0.8 on; 0 is an answer that does not.
	Share float64
	// RetryAfter is how long a refused request is to wait; 0 when Graph does not say.
	RetryAfter time.Duration
}

// loadOf reads what an answer says, and reports whether it says anything.
func loadOf(x *exchange, resp *http.Response) (Load, bool) {
	l := Load{Throttled: x.status == http.StatusTooManyRequests || x.status == 509}
	if l.Throttled {
		l.RetryAfter = x.retryAfter
	}
	if resp != nil {
		// The header is foreign text: what is no share is as good as nothing said.
		share, err := strconv.ParseFloat(resp.Header.Get("x-ms-throttle-limit-percentage"), 64)
		if err == nil && share > 0 && share < 1000 {
			l.Share = share
		}
	}
	return l, l.Throttled || l.Share > 0
}
