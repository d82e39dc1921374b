package output

import (
	"tenure/internal/lifecycle"
)

// stepColumns is how far the summary of a step is indented: symbol, name, gap. It holds the longest name of the operation
// that the step belongs to; those of a move have a prefix.
func stepColumns(name lifecycle.StepName) int {
	if name == lifecycle.MoveNumber || name != name.Base() {
		return 36
	}
	return 30
}

// Plan prints what an operation would do, what it would skip and why, and the state that it would leave.
func (p Paper) Plan(plan lifecycle.Plan, node string) {
	where := ""
	switch {
	case node == "":
	case plan.Operation == lifecycle.Move:
		where = " to " + Plain(node)
	default:
		where = " at " + Plain(node)
	}
	p.Line("%s", p.Bold("Plan: "+string(plan.Operation)+" "+Plain(plan.Subscriber.UserPrincipalName))+where)
	p.Line("")
	for _, step := range plan.Steps {
		symbol, paint := p.action(step.Action)
		p.step(symbol, step.Name, step.Summary, string(step.Reason), paint)
	}
	p.Line("")
	if plan.Changes() {
		p.Line("%s", p.Bold("Changes"))
		p.differences(plan.Before, plan.After)
	} else {
		p.Line("Nothing to change.")
	}
	p.warnings(plan.Warnings)
}

func (p Paper) action(action lifecycle.Action) (symbol string, paint func(string) string) {
	switch action {
	case lifecycle.Do:
		return p.Yellow("~"), same
	case lifecycle.LeaveAsIs:
		return p.Dim("="), p.Dim
	default:
		return p.Dim("-"), p.Dim
	}
}

// step prints one step: a symbol of one column, its name, and what there is to say with the reason as a remark.
func (p Paper) step(symbol string, name lifecycle.StepName, summary, reason string, paint func(string) string) {
	if reason != "" {
		summary += " [" + reason + "]"
	}
	columns := stepColumns(name)
	prefix := "  " + symbol + " " + pad(string(name), columns-5) + " "
	p.hanging(prefix, columns, summary, paint)
}

func (p Paper) warnings(warnings []lifecycle.Warning) {
	if len(warnings) == 0 {
		return
	}
	p.Line("")
	p.Line("%s", p.Bold("Warnings"))
	for _, w := range warnings {
		p.Line("  %s %s", p.Yellow("!"), p.Yellow(Plain(string(w.Code))))
		p.hanging("    ", 4, w.Message, same)
	}
}

func same(text string) string { return text }
