package workflows

import (
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
	status := strings.ReplaceAll(string(report.Status), "_", " ")
	b.WriteString("**" + string(report.Operation) + " of " + report.Subscriber.UserPrincipalName + ": " + status + "**\n\n")
	if report.Failure != "" {
		b.WriteString("> " + report.Failure + "\n\n")
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
		b.WriteString("| " + mark + " | " + string(s.Name) + " | " + strings.ReplaceAll(what, "|", "/") + " | " + took + " |\n")
	}
	for _, w := range report.Warnings {
		b.WriteString("\n⚠️ " + string(w.Code) + ": " + w.Message + "\n")
	}
	return b.String()
}
