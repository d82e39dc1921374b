package watch

import (
	"tenure/starter/output"
)

// Lines prints one line for each change of a step and for each retry, for logs and pipes.
type Lines struct {
	Talk output.Paper

	changes changes
	notices notices
	retries map[string]int
}

// Show implements View.
func (l *Lines) Show(m Moment) {
	for _, step := range l.changes.since(m.Report.Steps) {
		l.Talk.StepLine(step)
	}
	l.notices.tell(l.Talk, m.Notice)
	if l.retries == nil {
		l.retries = map[string]int{}
	}
	for _, a := range m.Attempts {
		if a.Retrying() && a.Number > l.retries[a.ID] {
			l.retries[a.ID] = a.Number
			l.Talk.Line("    %s: %s", a.Activity, output.Plain(a.remark(m.Now)))
		}
	}
}

// Close implements View.
func (l *Lines) Close() {}

// notices prints a notice when it appears.
type notices struct{ last string }

func (n *notices) tell(talk output.Paper, text string) {
	if text != n.last && text != "" {
		talk.Line("%s", text)
	}
	n.last = text
}
