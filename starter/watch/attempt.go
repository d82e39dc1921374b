package watch

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	"tenure/internal/lifecycle"
	"tenure/starter/output"
)

// Attempt is an activity that is being tried, or waits to be tried again.
type Attempt struct {
	// ID and Activity are the activity's id and type.
	ID, Activity string
	// Number counts from 1.
	Number int
	// Next is when it is tried again; nil while it runs.
	Next *time.Time
	// Failure is why the attempt before failed, or empty.
	Failure string
}

// Retrying reports whether the activity has failed at least once.
func (a Attempt) Retrying() bool { return a.Number > 1 || a.Failure != "" }

// pending are the activities that a run waits for; what they failed with may be encrypted.
func pending(described *workflowservice.DescribeWorkflowExecutionResponse, data converter.DataConverter) []Attempt {
	var attempts []Attempt
	for _, p := range described.GetPendingActivities() {
		converter.DecodeCommonFailureAttributes(data, p.GetLastFailure())
		a := Attempt{
			ID: p.GetActivityId(), Activity: p.GetActivityType().GetName(),
			Number: int(p.GetAttempt()), Failure: p.GetLastFailure().GetMessage(),
		}
		if next := p.GetNextAttemptScheduleTime(); next != nil {
			t := next.AsTime()
			a.Next = &t
		}
		attempts = append(attempts, a)
	}
	return attempts
}

// retrying says what is being retried for a step, or is empty. An activity belongs to the step that its id or its type
// names; where neither does, to the only step that is going on.
func (m Moment) retrying(step lifecycle.Step) string {
	if !output.Started(step) {
		return ""
	}
	going := 0
	for _, s := range m.Report.Steps {
		if output.Started(s) {
			going++
		}
	}
	for _, a := range m.Attempts {
		if a.Retrying() && (a.names(step.Name) || (going == 1 && !m.named(a))) {
			return a.remark(m.Now)
		}
	}
	return ""
}

// named reports whether an activity's own name says which step it belongs to.
func (m Moment) named(a Attempt) bool {
	for _, s := range m.Report.Steps {
		if a.names(s.Name) {
			return true
		}
	}
	return false
}

func (a Attempt) names(step lifecycle.StepName) bool {
	name := string(step)
	return a.ID == name || kebab(a.Activity) == name
}

// remark says when the next attempt is: from now for somebody who watches.
func (a Attempt) remark(now time.Time) string {
	text := fmt.Sprintf("attempt %d", a.Number)
	if a.Next != nil {
		text = fmt.Sprintf("attempt %d in %s", a.Number, output.Duration(a.Next.Sub(now)))
	}
	if a.Failure != "" {
		text += ": " + a.Failure
	}
	return text
}

// kebab turns RemoveNumber into remove-number.
func kebab(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
