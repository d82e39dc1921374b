package watch

import (
	"fmt"
	"strings"
	"time"

	"tenure/internal/lifecycle"
	"tenure/starter/output"
)

// Live redraws the list of steps in place, on a terminal.
type Live struct {
	Talk output.Paper
	// Erase removes the list at the end, where the report follows on the same screen.
	Erase bool

	drawn []string
}

// Show implements View.
func (l *Live) Show(m Moment) {
	if lines := l.lines(m); len(lines) > 0 {
		l.draw(lines)
	}
}

// Close implements View.
func (l *Live) Close() {
	if l.Erase {
		l.draw(nil)
	}
}

func (l *Live) lines(m Moment) (lines []string) {
	columns := l.Talk.Columns - 1
	if len(m.Report.Steps) > 0 {
		title := string(m.Report.Operation) + " " + output.Plain(m.Report.Subscriber.UserPrincipalName)
		lines = append(lines, l.Talk.Bold(output.Cut(title, columns)))
	}
	for _, step := range m.Report.Steps {
		lines = append(lines, l.Talk.StepRow(step, lasted(step, m.Now), m.retrying(step)))
	}
	if m.Notice != "" {
		lines = append(lines, l.Talk.Yellow(output.Cut("! "+m.Notice, columns)))
	}
	return lines
}

// lasted is how long a step took, or has been going on.
func lasted(step lifecycle.Step, now time.Time) string {
	switch {
	case step.StartedAt == nil:
		return ""
	case step.ClosedAt != nil:
		return output.Duration(step.ClosedAt.Sub(*step.StartedAt))
	default:
		return output.Duration(now.Sub(*step.StartedAt))
	}
}

// draw replaces what was drawn. Every line is at most as wide as the terminal, so that going up n lines is right.
func (l *Live) draw(lines []string) {
	if strings.Join(lines, "\n") == strings.Join(l.drawn, "\n") {
		return
	}
	var b strings.Builder
	if n := len(l.drawn); n > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", n)
	}
	for _, line := range lines {
		b.WriteString("\r\x1b[2K" + line + "\n")
	}
	b.WriteString("\x1b[J")
	fmt.Fprint(l.Talk, b.String())
	l.drawn = append([]string{}, lines...)
}
