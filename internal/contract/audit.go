package contract

import (
	"encoding/json"
	"time"

	"tenure/internal/lifecycle"
)

// The workflows that read the audit.
const (
	ListAudit   = "ListAudit"
	VerifyAudit = "VerifyAudit"
)

// AuditFilter chooses entries. Empty fields do not filter.
type AuditFilter struct {
	// User is a principal name or an object id; By is who asked, Operation and Outcome words of the audit.
	User      string `json:"user,omitempty"`
	By        string `json:"by,omitempty"`
	Operation string `json:"operation,omitempty"`
	Outcome   string `json:"outcome,omitempty"`
	RunID     string `json:"runId,omitempty"`
	// Since and Until bound the time: at or after, before.
	Since *time.Time `json:"since,omitempty"`
	Until *time.Time `json:"until,omitempty"`
	// Export wants the oldest first, and with every entry all that its hash covers.
	Export bool `json:"export,omitempty"`
	Page
}

// AuditEntry is who did what to whom and why, as a link of a chain (architecture.md §5.4).
type AuditEntry struct {
	Seq        int64                    `json:"seq"`
	At         time.Time                `json:"at"`
	By         *string                  `json:"by"`
	Operation  string                   `json:"operation"`
	Subscriber *lifecycle.SubscriberRef `json:"subscriber"`
	RunID      *string                  `json:"runId"`
	Reason     *string                  `json:"reason"`
	Outcome    string                   `json:"outcome"`
	Hash       string                   `json:"hash"`
	// Previous is the hash of the entry before, null in the first.
	Previous *string `json:"previous"`
	*AuditRest
}

// AuditRest is what only an export holds.
type AuditRest struct {
	Tenant *string         `json:"tenant"`
	Detail json.RawMessage `json:"detail"`
}

// AuditEntries is a page of entries.
type AuditEntries struct {
	Entries []AuditEntry `json:"entries"`
	Next    *string      `json:"next"`
}

// VerifyAuditRequest asks whether the whole chain is as it was written.
type VerifyAuditRequest struct{}

// AuditVerification is the answer. Checked counts the entries that are in order, from the first on; where the chain is
// broken, Problem says what is wrong and BrokenAt with which entry.
type AuditVerification struct {
	Checked  int64   `json:"checked"`
	Problem  *string `json:"problem"`
	BrokenAt *int64  `json:"brokenAt"`
}
