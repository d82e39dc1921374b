package lifecycle

import "time"

// Report is the account of a run (architecture.md §5.2): while it runs, and at its end.
type Report struct {
	Operation   Operation     `json:"operation"`
	Tenant      string        `json:"tenant"`
	Subscriber  SubscriberRef `json:"subscriber"`
	WorkflowID  string        `json:"workflowId"`
	RunID       string        `json:"runId"`
	RequestID   string        `json:"requestId"`
	RequestedBy string        `json:"requestedBy"`
	Status      Status        `json:"status"`
	StartedAt   time.Time     `json:"startedAt"`
	ClosedAt    *time.Time    `json:"closedAt"`
	Steps       []Step        `json:"steps"`
	Warnings    []Warning     `json:"warnings"`
	Before      *State        `json:"before"`
	After       *State        `json:"after"`
	// Failure is the error that ended the run, and UndoFailures what could not be undone; both empty when all went well.
	Failure      string   `json:"failure,omitempty"`
	UndoFailures []string `json:"undoFailures,omitempty"`
}

// Step is what became of one step.
type Step struct {
	Name    StepName `json:"name"`
	Outcome Outcome  `json:"outcome"`
	Reason  Reason   `json:"reason"`
	Summary string   `json:"summary"`
	Detail  Change   `json:"detail"`
	// StartedAt and ClosedAt are null for a step that did not run.
	StartedAt *time.Time `json:"startedAt"`
	ClosedAt  *time.Time `json:"closedAt"`
	Error     string     `json:"error,omitempty"`
}

// Step returns a pointer into the report, or nil when the operation has no such step.
func (r *Report) Step(name StepName) *Step {
	for i := range r.Steps {
		if r.Steps[i].Name == name {
			return &r.Steps[i]
		}
	}
	return nil
}
