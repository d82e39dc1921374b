package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"tenure/internal/lifecycle"
)

var marks = map[lifecycle.Outcome]string{
	lifecycle.Done: "✅", lifecycle.Unchanged: "➖", lifecycle.Skipped: "⏭️",
	lifecycle.StepFail: "❌", lifecycle.Undone: "↩️", lifecycle.Pending: "⬜",
}

// show writes the report as a markdown checklist where the Temporal UI shows it.
func (r *run) show(ctx workflow.Context) {
	workflow.SetCurrentDetails(ctx, checklist(r.report))
}

func checklist(report lifecycle.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s of %s: %s**\n\n", report.Operation, report.Subscriber.UserPrincipalName, strings.ReplaceAll(string(report.Status), "_", " "))
	if report.Failure != "" {
		fmt.Fprintf(&b, "> %s\n\n", report.Failure)
	}
	b.WriteString("| | step | what | took |\n| --- | --- | --- | --- |\n")
	for _, s := range report.Steps {
		mark, took := marks[s.Outcome], ""
		switch {
		case s.Outcome == lifecycle.Pending && s.StartedAt != nil:
			mark = "▶️"
			took = "since " + s.StartedAt.Format(time.TimeOnly) + " UTC"
		case s.StartedAt != nil && s.ClosedAt != nil:
			took = s.ClosedAt.Sub(*s.StartedAt).Round(time.Millisecond).String()
		}
		what := s.Summary
		if s.Reason != "" {
			what += " (" + string(s.Reason) + ")"
		}
		if s.Error != "" {
			what += ": **" + s.Error + "**"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", mark, s.Name, strings.ReplaceAll(what, "|", "/"), took)
	}
	for _, w := range report.Warnings {
		fmt.Fprintf(&b, "\n⚠️ %s: %s\n", w.Code, w.Message)
	}
	return b.String()
}
