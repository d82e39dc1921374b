package output

import (
	"strings"
	"time"

	"tenure/internal/lifecycle"
)

// Address is where a report's run can be looked at in the Temporal UI, or empty.
type Address string

// Report prints the account of a run.
func (p Paper) Report(r lifecycle.Report, ui Address) {
	symbol, paint := p.Status(r.Status)
	words := statusWords[r.Status]
	p.Line("%s %s: %s%s%s", paint(symbol), p.Bold(string(r.Operation)+" "+Plain(who(r))), paint(words.is), took(r), words.means)
	if r.Failure != "" {
		p.hanging("  cause: ", 9, r.Failure, p.Red)
	}
	for _, failure := range r.UndoFailures {
		p.hanging("  not undone: ", 14, failure, p.Red)
	}
	if len(r.Steps) > 0 {
		p.Line("")
	}
	for _, step := range r.Steps {
		p.Step(step)
	}
	if r.Before != nil && r.After != nil {
		p.Line("")
		p.Line("%s", p.Bold("Before and after"))
		p.differences(*r.Before, *r.After)
	}
	p.warnings(r.Warnings)
	p.Line("")
	p.whole("workflow", r.WorkflowID)
	p.whole("run", r.RunID)
	if r.RequestID != "" {
		p.whole("request", r.RequestID+by(r.RequestedBy))
	}
	if ui != "" {
		p.whole("ui", string(ui))
	}
}

// Step prints one step of a run with its reason and its error.
func (p Paper) Step(step lifecycle.Step) {
	symbol, paint := p.Outcome(step)
	p.step(symbol, step.Name, summary(step), string(step.Reason), paint)
	if step.Error != "" {
		columns := stepColumns(step.Name)
		p.hanging(pad("", columns), columns, step.Error, p.Red)
	}
}

// StepLine prints one step on one line, however long it is.
func (p Paper) StepLine(step lifecycle.Step) {
	symbol, paint := p.Outcome(step)
	text := summary(step)
	if step.Reason != "" {
		text += " [" + string(step.Reason) + "]"
	}
	text = paint(Plain(text))
	if step.Error != "" {
		text += ": " + p.Red(Plain(step.Error))
	}
	p.Line("  %s %s %s", symbol, pad(string(step.Name), stepColumns(step.Name)-5), text)
}

// StepRow is a step in exactly one line that fits the terminal: how long it took, then what is being retried or else
// what there is to say.
func (p Paper) StepRow(step lifecycle.Step, lasted, retrying string) string {
	symbol, paint := p.Outcome(step)
	text := summary(step)
	switch {
	case retrying != "":
		text, paint = retrying, p.Yellow
	case step.Error != "":
		text, paint = step.Error, p.Red
	case step.Reason != "":
		text += " [" + string(step.Reason) + "]"
	}
	prefix := " " + pad(string(step.Name), stepColumns(step.Name)-5) + " " + pad(lasted, timeColumns) + " "
	text = Cut(Plain(text), max(p.Columns-Width(prefix)-4, 1))
	return strings.TrimRight("  "+symbol+prefix+paint(text), " ")
}

// timeColumns is the width of a duration in a live row.
const timeColumns = 6

// whole prints a label and a value that must stay on one line, so that it can be copied.
func (p Paper) whole(label, value string) {
	p.Line("%s%s", p.Dim(pad(label, 10)), Plain(value))
}

func by(who string) string {
	if who == "" {
		return ""
	}
	return " by " + who
}

func who(r lifecycle.Report) string {
	if r.Subscriber.UserPrincipalName != "" {
		return r.Subscriber.UserPrincipalName
	}
	return r.Subscriber.ID
}

func summary(step lifecycle.Step) string {
	if step.Summary != "" {
		return step.Summary
	}
	return string(step.Outcome)
}

func took(r lifecycle.Report) string {
	if r.ClosedAt == nil || r.StartedAt.IsZero() {
		return ""
	}
	return " in " + Duration(r.ClosedAt.Sub(r.StartedAt).Round(time.Millisecond))
}

// statusWords say what a status is and means to somebody who has not read the manual.
var statusWords = map[lifecycle.Status]struct{ is, means string }{
	lifecycle.Running:    {"running", ""},
	lifecycle.Staged:     {"staged", ", waiting until Teams knows the user"},
	lifecycle.Held:       {"held", ", an operator is needed"},
	lifecycle.Completed:  {"completed", ""},
	lifecycle.RolledBack: {"rolled back", ", everything was undone"},
	lifecycle.Cancelled:  {"cancelled", ", everything was undone"},
	lifecycle.Failed:     {"failed", ", the undo is incomplete"},
}

// Status is the symbol and the color of a status.
func (p Paper) Status(status lifecycle.Status) (symbol string, paint func(string) string) {
	switch status {
	case lifecycle.Completed:
		return "✓", p.Green
	case lifecycle.RolledBack, lifecycle.Cancelled:
		return "↩", p.Yellow
	case lifecycle.Failed:
		return "✗", p.Red
	case lifecycle.Held:
		return "!", p.Yellow
	case lifecycle.Staged:
		return "▸", p.Yellow
	default:
		return "▸", p.Cyan
	}
}

// Outcome is the symbol of a step, one column wide and already colored, and the color of its text.
func (p Paper) Outcome(step lifecycle.Step) (symbol string, paint func(string) string) {
	switch step.Outcome {
	case lifecycle.Done:
		return p.Green("✓"), same
	case lifecycle.Unchanged:
		return p.Dim("="), p.Dim
	case lifecycle.Skipped:
		return p.Dim("-"), p.Dim
	case lifecycle.StepFail:
		return p.Red("✗"), same
	case lifecycle.Undone:
		return p.Yellow("↩"), same
	}
	if Started(step) {
		return p.Cyan("▸"), same
	}
	return p.Dim("·"), p.Dim
}

// Started reports whether a step is going on: it has begun and has no outcome yet.
func Started(step lifecycle.Step) bool {
	return step.Outcome == lifecycle.Pending && step.StartedAt != nil && step.ClosedAt == nil
}

// WithoutNulls returns the report with empty lists in place of absent ones, as programs expect them.
func WithoutNulls(r lifecycle.Report) lifecycle.Report {
	if r.Steps == nil {
		r.Steps = []lifecycle.Step{}
	}
	if r.Warnings == nil {
		r.Warnings = []lifecycle.Warning{}
	}
	return r
}
