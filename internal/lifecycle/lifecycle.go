// Package lifecycle holds the rules of onboarding, offboarding and moving as pure functions: a snapshot of the
// user and the catalog's resolved wishes go in, a plan comes out. It does no I/O and knows neither Temporal nor
// Microsoft Graph, so that every row of every decision table can be tested as a table.
package lifecycle

import (
	"encoding/json"
	"strings"
)

// Operation is the kind of change that a run makes to one subscriber.
type Operation string

// The operations of architecture.md §2.
const (
	Offboard Operation = "offboard"
	Onboard  Operation = "onboard"
	Move     Operation = "move"
	Update   Operation = "update"
)

// Status is the state of a run as reports, lists and the search attribute TenureState show it.
type Status string

// The statuses of architecture.md §5.2.
const (
	Running Status = "running"
	// Staged is shown to people and in TenureState for a run that waits until Teams knows the user; for programs, and in its
	// report, it is running.
	Staged     Status = "staged"
	Held       Status = "held"
	Completed  Status = "completed"
	RolledBack Status = "rolled_back"
	Cancelled  Status = "cancelled"
	// Failed means that the undo is incomplete; a failure that was undone is RolledBack.
	Failed Status = "failed"
)

// Active are the statuses of runs that have not ended.
func Active() []Status { return []Status{Running, Staged, Held} }

// Outcome is what became of one step.
type Outcome string

// The outcomes of architecture.md §5.2.
const (
	Done      Outcome = "done"
	Unchanged Outcome = "unchanged"
	Skipped   Outcome = "skipped"
	StepFail  Outcome = "failed"
	Undone    Outcome = "undone"
	Pending   Outcome = "pending"
)

// Action is what a plan intends for one step.
type Action string

// The actions of a plan. Unchanged: the state is already as wanted. Skip: the step does not apply, the reason says why.
const (
	Do          Action = "do"
	LeaveAsIs   Action = "unchanged"
	SkipBecause Action = "skip"
)

// StepName names a step; the words are those of architecture.md §5.3.
type StepName string

// The steps of offboarding, in the order in which a report lists them.
const (
	RemoveNumber           StepName = "remove-number"
	DisableEnterpriseVoice StepName = "disable-enterprise-voice"
	ApplyPolicies          StepName = "apply-policies"
	RemoveGroups           StepName = "remove-groups"
	AwaitGroupLicenses     StepName = "await-group-licenses"
	RemoveLicenses         StepName = "remove-licenses"
	ReleaseNumber          StepName = "release-number"
	ReturnToTenantLevel    StepName = "return-to-tenant-level"
	SetRole                StepName = "set-role"
	Verify                 StepName = "verify"
)

// The steps of onboarding that offboarding does not have. Onboarding shares await-group-licenses, apply-policies,
// set-role and verify.
const (
	PlaceAtSite      StepName = "place-at-site"
	SetUsageLocation StepName = "set-usage-location"
	AddGroups        StepName = "add-groups"
	AssignLicenses   StepName = "assign-licenses"
	AwaitTeamsUser   StepName = "await-teams-user"
	ClaimNumber      StepName = "claim-number"
	AssignNumber     StepName = "assign-number"
)

// MoveNumber is the one step that only moving has. Its others are those of leaving the old site and of joining the new one,
// under a prefix.
const (
	MoveNumber StepName = "move-number"

	Leave = "leave/"
	Join  = "join/"
)

// In is the name under a prefix; Base is the name without one.
func (n StepName) In(prefix string) StepName { return StepName(prefix) + n }

// Base is the name without a prefix.
func (n StepName) Base() StepName { return n[strings.IndexByte(string(n), '/')+1:] }

// Reason says why a step was skipped, or why there was nothing to change. No reason is null in JSON.
type Reason string

// MarshalJSON implements json.Marshaler.
func (r Reason) MarshalJSON() ([]byte, error) {
	if r == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(r))
}

// The documented reasons: those of architecture.md §5.3, and below the line the ones that this program adds.
const (
	NoTemplate               Reason = "no-template"
	NothingConfigured        Reason = "nothing-configured"
	LicensesRetained         Reason = "licenses-retained"
	GroupLicenseRemains      Reason = "group-license-remains"
	LicensePermissionMissing Reason = "license-permission-missing"
	PermissionMissing        Reason = "permission-missing"
	NoNumber                 Reason = "no-number"
	RetainedAtSite           Reason = "retained-at-site"
	SelfServiceRoleKept      Reason = "self-service-role-kept"
	NoGroupLicenseExpected   Reason = "no-group-license-expected"
	NotInTeams               Reason = "not-in-teams"
	NoNumberWanted           Reason = "no-number-wanted"
	GroupLicensePresent      Reason = "group-license-present"

	// NumberNotInInventory: the number that Teams had is not in the inventory, so nothing can be released there.
	NumberNotInInventory Reason = "number-not-in-inventory"
	// NumberOfAnother: the inventory says that another user has the number, so it is not this run's to release.
	NumberOfAnother Reason = "number-of-another"
	// EnterpriseVoiceNotWritable: Enterprise Voice is on without a number; Microsoft Graph cannot switch it off.
	EnterpriseVoiceNotWritable Reason = "enterprise-voice-not-writable"
	// SkippedByOperator: the step failed, and an operator decided to go on without it, or without one that it needs.
	SkippedByOperator Reason = "skipped-by-operator"
	// NumberKept: the user keeps the number, so it is not released and not claimed. NumberNotKept: they do not, so it stays
	// where it is in the inventory.
	NumberKept    Reason = "number-kept"
	NumberNotKept Reason = "number-not-kept"
	// VerifiedAfterJoining: a move is read back once, at its end.
	VerifiedAfterJoining Reason = "verified-after-joining"
	// NoRole: the catalog defines no self-service role for the level.
	NoRole Reason = "no-role"
)

// WarningCode names a warning of a plan or a report.
type WarningCode string

// The documented warnings. A warning never changes the status of a run.
const (
	WarnGroupLicensePresent       WarningCode = "group-license-present"
	WarnUsageLocationNotConfirmed WarningCode = "usage-location-not-confirmed"
	WarnExpressionEmpty           WarningCode = "expression-empty"
	WarnLicensePermissionMissing  WarningCode = "license-permission-missing"
	WarnPermissionMissing         WarningCode = "permission-missing"
	WarnGroupLicenseRemains       WarningCode = "group-license-remains"
	WarnNumberNotInInventory      WarningCode = "number-not-in-inventory"
	// WarnNumberOfAnother: Teams has the number on this user and the inventory on another; an audit settles that.
	WarnNumberOfAnother        WarningCode = "number-of-another"
	WarnGroupNotWritable       WarningCode = "group-not-writable"
	WarnGroupLicenseError      WarningCode = "group-license-error"
	WarnEnterpriseVoiceStillOn WarningCode = "enterprise-voice-still-on"
	WarnNotInTeams             WarningCode = "not-in-teams"
	// WarnNumberLost: a move leaves somebody who has a number without one.
	WarnNumberLost WarningCode = "number-lost"
	WarnNoRole     WarningCode = "no-role"
	// WarnNoWelcome: a welcome was asked for and will not be sent.
	WarnNoWelcome      WarningCode = "no-welcome"
	WarnUndoIncomplete WarningCode = "undo-incomplete"
)

// Warning is something that an operator should notice although the run went on.
type Warning struct {
	Code    WarningCode `json:"code"`
	Message string      `json:"message"`
}

// Refusal is a request that the rules or the input forbid; nothing was touched.
type Refusal struct {
	// Code is a short kebab-case word for programs, e.g. "busy", "unknown-node", "guest".
	Code string
	// Message says what was refused and why; Hint what would be accepted or done next (may be empty).
	Message, Hint string
	// Invalid marks wrong input (exit 3: unknown user, node, group, malformed number) as against a request that
	// was understood and refused by a rule (exit 5).
	Invalid bool
}

func (r *Refusal) Error() string {
	if r.Hint == "" {
		return r.Message
	}
	return r.Message + "; " + r.Hint
}
