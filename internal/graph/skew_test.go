package graph_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/graph"
)

// The Date of every answer, errors included, shows how far Microsoft's clock is from ours.
func TestClientHearsMicrosoftsClock(t *testing.T) {
	now := time.Date(2026, 3, 1, 9, 0, 0, 400_000_000, time.UTC)
	var date string
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", date)
		reply(w, http.StatusNotFound, `{}`)
	})
	c := s.client(t, func(cfg *graph.Config) { cfg.Clock = func() time.Time { return now } })
	_, known := c.Ahead()
	assert.False(t, known)
	for _, row := range []struct {
		date string
		want time.Duration
	}{
		{"Sun, 01 Mar 2026 09:00:00 GMT", 0},
		{"Sun, 01 Mar 2026 09:01:00 GMT", 59*time.Second + 600*time.Millisecond},
		{"Sun, 01 Mar 2026 08:59:00 GMT", -time.Minute},
		{"yesterday", -time.Minute},
	} {
		date = row.date
		_, err := c.User(t.Context(), adele)
		require.Error(t, err)
		ahead, known := c.Ahead()
		assert.True(t, known)
		assert.Equal(t, row.want, ahead, date)
	}
}
