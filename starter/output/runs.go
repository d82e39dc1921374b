package output

import (
	"fmt"
	"io"
	"strings"

	"tenure/internal/lifecycle"
)

// nameColumns is the width of the name of a run in a row, and currentColumns that of the step that it is at.
const (
	nameColumns    = 40
	currentColumns = 24
)

// RunRow is a run in exactly one line that fits the terminal: how it stands, whose it is, how many steps are behind it, and
// the one that it is at. name is what it is called while it has not said whose it is.
func (p Paper) RunRow(r lifecycle.Report, name string, current lifecycle.StepName, more, lasted string) string {
	symbol, paint := p.Status(r.Status)
	if upn := r.Subscriber.UserPrincipalName; upn != "" {
		name = string(r.Operation) + " " + upn
	}
	at := string(current) + more
	if current == "" {
		at = statusWords[r.Status].is
	}
	row := pad(Cut(Plain(name), nameColumns), nameColumns) + " " + pad(Progress(r), 5) + " " + pad(at, currentColumns) + " " + lasted
	return strings.TrimRight(paint(symbol)+" "+Cut(row, max(p.Columns-3, 1)), " ")
}

// Progress is how many steps of a run are behind it.
func Progress(r lifecycle.Report) string {
	if len(r.Steps) == 0 {
		return ""
	}
	behind := 0
	for _, s := range r.Steps {
		if s.Outcome != lifecycle.Pending {
			behind++
		}
	}
	return fmt.Sprintf("%d/%d", behind, len(r.Steps))
}

// Runs prints a line for each of several runs.
func (p Paper) Runs(reports []lifecycle.Report) {
	rows := make([][]Cell, len(reports))
	for i, r := range reports {
		_, paint := p.Status(r.Status)
		rows[i] = []Cell{
			{Text: statusWords[r.Status].is, Paint: paint}, Text(string(r.Operation)), Text(who(r)), Text(Progress(r)), Text(r.RunID), {Text: r.Failure, Paint: p.Red},
		}
	}
	p.Table([]Column{
		{Title: "STATUS"}, {Title: "OPERATION", Optional: true}, {Title: "USER", Flexible: true}, {Title: "STEPS"}, {Title: "RUN"}, {Title: "CAUSE", Flexible: true, Optional: true},
	}, rows)
}

// Prefixed begins every write, which is a line of a Paper, with a text.
func Prefixed(w io.Writer, prefix string) io.Writer { return prefixed{w, prefix} }

type prefixed struct {
	io.Writer
	prefix string
}

func (p prefixed) Write(line []byte) (int, error) {
	if _, err := p.Writer.Write(append([]byte(p.prefix), line...)); err != nil {
		return 0, err
	}
	return len(line), nil
}
