package graph_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"tenure/internal/graph"
)

func TestLoadIsTold(t *testing.T) {
	for name, row := range map[string]struct {
		status            int
		share, retryAfter string
		want              []graph.Load
	}{
		"nothing said":             {status: 200},
		"nearly full":              {status: 200, share: "0.85", want: []graph.Load{{Share: 0.85}}},
		"refused":                  {status: 429, retryAfter: "7", want: []graph.Load{{Throttled: true, RetryAfter: 7 * time.Second}}},
		"refused, overdrawn":       {status: 429, share: "1.8", want: []graph.Load{{Throttled: true, Share: 1.8}}},
		"bandwidth exceeded":       {status: 509, want: []graph.Load{{Throttled: true}}},
		"another error that waits": {status: 503, retryAfter: "7"},
		"not a number":             {status: 200, share: "NaN"},
		"text":                     {status: 200, share: "much"},
		"negative":                 {status: 200, share: "-1"},
		"endless":                  {status: 200, share: "Inf"},
		"absurd":                   {status: 200, share: "1e300"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				for header, value := range map[string]string{"x-ms-throttle-limit-percentage": row.share, "Retry-After": row.retryAfter} {
					if value != "" {
						w.Header().Set(header, value)
					}
				}
				reply(w, row.status, `{"id":"x"}`)
			})
			var told []graph.Load
			c := s.client(t, func(cfg *graph.Config) { cfg.OnLoad = func(l graph.Load) { told = append(told, l) } })
			_, _ = c.User(t.Context(), adele)
			assert.Equal(t, row.want, told)
		})
	}
}

func TestNoAnswerSaysNothingAboutLoad(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	c := s.client(t, func(cfg *graph.Config) { cfg.OnLoad = func(l graph.Load) { t.Errorf("told %+v", l) } })
	_, err := c.User(t.Context(), adele)
	assert.Error(t, err)
}
