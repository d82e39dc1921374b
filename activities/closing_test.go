package activities_test

import (
	"tenure/activities"
	"tenure/internal/lifecycle"
)

// closing gives CloseRun the form of the other activities.
func closing(r *run, status lifecycle.Status) *task[struct{}] {
	return &task[struct{}]{run: r, act: r.acts.CloseRun, in: activities.CloseInput{Report: lifecycle.Report{Status: status}}, scheduled: r.clock.Now()}
}

func closeRun(r *run, status lifecycle.Status) {
	r.t.Helper()
	succeed(r.t, closing(r, status))
}
