package lifecycle

import "time"

// Notice tells another system what has become of a run. Absent values are null in JSON.
type Notice struct {
	// ID is the notice's own: whoever gets it twice knows it by that.
	ID string `json:"id"`
	// Event is RunEvent of a status, or WelcomeEvent.
	Event       string        `json:"event"`
	At          time.Time     `json:"at"`
	Operation   Operation     `json:"operation"`
	Tenant      string        `json:"tenant"`
	Node        *string       `json:"node"`
	Subscriber  SubscriberRef `json:"subscriber"`
	RunID       string        `json:"runId"`
	WorkflowID  string        `json:"workflowId"`
	RequestID   string        `json:"requestId"`
	RequestedBy string        `json:"requestedBy"`
	Status      Status        `json:"status"`
	// Failure is why the run was held, undone or abandoned.
	Failure *string `json:"failure"`
	// Welcome is null in the notice of any other event.
	Welcome *Welcome `json:"welcome"`
}

// Welcome is what a message that welcomes a user at a site says besides the principal name (R13).
type Welcome struct {
	DisplayName string   `json:"displayName"`
	Numbers     []string `json:"numbers"`
	// Site is a full path.
	Site string `json:"site"`
}

// WelcomeEvent asks for a user to be welcomed.
const WelcomeEvent = "welcome"

// RunEvent is the event of a run that is held, or has ended in that way: run.held, run.completed, run.rolled_back,
// run.cancelled or run.failed.
func RunEvent(status Status) string { return "run." + string(status) }
