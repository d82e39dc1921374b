package output

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Paper is where text goes and how it looks there.
type Paper struct {
	io.Writer
	Style
	// Columns is the width of the terminal; 0 when it is none, then tables are never cut.
	Columns int
}

// defaultColumns is the width of running text where there is no terminal, and maxColumns the widest that reads well.
const (
	defaultColumns = 80
	maxColumns     = 100
)

// TextColumns is the width that running text is broken at.
func (p Paper) TextColumns() int {
	if p.Columns == 0 {
		return defaultColumns
	}
	return min(p.Columns, maxColumns)
}

// Line prints one line.
func (p Paper) Line(format string, args ...any) {
	fmt.Fprintf(p, format+"\n", args...)
}

// Field prints a label and what it has, one value a line, or a dash.
func (p Paper) Field(label string, values ...string) {
	if len(values) == 0 {
		values = []string{"-"}
	}
	for i, value := range values {
		if i > 0 {
			label = ""
		}
		p.hanging("  "+p.Dim(pad(label, labelColumns-2)), labelColumns, value, same)
	}
}

// Text prints a paragraph, broken into lines.
func (p Paper) Text(paragraph string) { p.hanging("", 0, paragraph, same) }

// hanging prints text after a prefix that is columns wide on screen; further lines are indented to the same place.
func (p Paper) hanging(prefix string, columns int, text string, paint func(string) string) {
	lines := wrap(Plain(text), max(p.TextColumns()-columns, 20))
	for i, line := range lines {
		if i > 0 {
			prefix = strings.Repeat(" ", columns)
		}
		p.Line("%s", strings.TrimRight(prefix+paint(line), " "))
	}
}

func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case Width(line)+1+Width(word) > width:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}

// Plain makes a text from outside safe to print: control characters, which could drive the terminal, become spaces.
func Plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, text)
}

// Width is the number of columns that a text without escape sequences takes.
func Width(text string) int { return utf8.RuneCountInString(text) }

// Cut shortens a text to width, with an ellipsis as the last column.
func Cut(text string, width int) string {
	if Width(text) <= width {
		return text
	}
	if width <= 1 {
		return strings.Repeat("…", max(width, 0))
	}
	runes := []rune(text)
	return string(runes[:width-1]) + "…"
}

// pad fills text up to width with spaces.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(width-Width(text), 0))
}

// Duration shows how long something took, as precisely as a reader cares.
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%dd", int(d.Hours()/24))
	}
}

// Time shows a moment, in UTC like everything else that is printed.
func Time(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

// OrNone shows an absent value as a dash.
func OrNone(s *string) string {
	if s == nil || *s == "" {
		return "-"
	}
	return *s
}
