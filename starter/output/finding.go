package output

// Severity says how much a finding matters.
type Severity int

// The severities.
const (
	Fine Severity = iota
	Notable
	Wrong
)

// findingColumns is how far the text of a finding is indented. It holds most names.
const findingColumns = 34

// Finding prints what was looked at, what was found, and under it what to do, if anything.
func (p Paper) Finding(severity Severity, name, message string, remedy *string) {
	symbol, paint := p.Green("✓"), same
	switch severity {
	case Notable:
		symbol, paint = p.Yellow("!"), p.Yellow
	case Wrong:
		symbol, paint = p.Red("✗"), p.Red
	}
	p.hanging(symbol+" "+pad(Plain(name), findingColumns-3)+" ", findingColumns, message, paint)
	if remedy != nil {
		p.hanging("  → ", 4, *remedy, same)
	}
}
