package graph

import (
	"net/http"
	"sync/atomic"
	"time"
)

// skew is how far Microsoft's clock is ahead of this machine's, as the last answer showed. It is safe for concurrent use.
type skew struct{ ahead atomic.Pointer[time.Duration] }

// dateUnit is how precise the Date of an answer is.
const dateUnit = time.Second

// hear compares the Date of an answer, which somebody wrote between asking and hearing, with the clock here.
func (s *skew) hear(date string, asked, heard time.Time) {
	at, err := http.ParseTime(date)
	if err != nil {
		return
	}
	var ahead time.Duration
	switch earliest := asked.Truncate(dateUnit); {
	case at.Before(earliest):
		ahead = at.Sub(earliest)
	case at.After(heard):
		ahead = at.Sub(heard)
	}
	s.ahead.Store(&ahead)
}

// Ahead is how far Microsoft's clock is ahead of this machine's by the last answer, negative when it is behind; known is
// false before the first one. It asks nobody.
func (c *Client) Ahead() (ahead time.Duration, known bool) {
	if last := c.skew.ahead.Load(); last != nil {
		return *last, true
	}
	return 0, false
}
