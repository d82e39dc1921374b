// Package output writes results: tables, plans, reports and JSON. It decides nothing; what it is given it shows, with
// every text from outside made safe for a terminal.
package output

// Style colors text, or leaves it as it is. The zero value leaves it.
type Style struct{ on bool }

// NewStyle returns a style that colors when on is true.
func NewStyle(on bool) Style { return Style{on: on} }

func (s Style) paint(code, text string) string {
	if !s.on || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Bold is for headings and names.
func (s Style) Bold(text string) string { return s.paint("1", text) }

// Dim is for what did not change and for remarks.
func (s Style) Dim(text string) string { return s.paint("2", text) }

// Red is for failures and for what goes away.
func (s Style) Red(text string) string { return s.paint("31", text) }

// Green is for success and for what is added.
func (s Style) Green(text string) string { return s.paint("32", text) }

// Yellow is for warnings and for what waits.
func (s Style) Yellow(text string) string { return s.paint("33", text) }

// Cyan is for what is going on.
func (s Style) Cyan(text string) string { return s.paint("36", text) }
