package watch

import (
	"io"
	"time"

	"tenure/internal/lifecycle"
	"tenure/starter/output"
)

// Events streams one JSON object for each change of a step (architecture.md §5.2, jsonl).
type Events struct {
	Out io.Writer
	// RunID tells the runs apart when several are streamed; empty for one.
	RunID string
	// Talk takes notices.
	Talk output.Paper

	changes changes
	notices notices
}

type stepEvent struct {
	At    time.Time      `json:"at"`
	Event string         `json:"event"`
	RunID string         `json:"runId,omitempty"`
	Step  lifecycle.Step `json:"step"`
}

// Show implements View. A reader that went away must not stop anything, so that errors of writing are left out.
func (e *Events) Show(m Moment) {
	for _, step := range e.changes.since(m.Report.Steps) {
		_ = output.JSON(e.Out, output.LinesFormat, stepEvent{At: at(step, m.Now), Event: "step", RunID: e.RunID, Step: step})
	}
	e.notices.tell(e.Talk, m.Notice)
}

// Close implements View.
func (e *Events) Close() {}
