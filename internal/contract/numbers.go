package contract

import (
	"time"

	"tenure/internal/e164"
	"tenure/internal/lifecycle"
)

// The workflows of the number inventory.
const (
	ListNumbers      = "ListNumbers"
	ShowNumber       = "ShowNumber"
	SummarizeNumbers = "SummarizeNumbers"
	AddNumbers       = "AddNumbers"
	ChangeNumbers    = "ChangeNumbers"
	AuditNumbers     = "AuditNumbers"
	ExpireNumbers    = "ExpireNumbers"
)

// NumberExpirySchedule is the Temporal schedule that starts ExpireNumbers.
const NumberExpirySchedule = "tenure-number-expiry"

// NumberFilter chooses numbers. Node is a name or a path; Below includes the nodes under it.
type NumberFilter struct {
	Node     string                `json:"node,omitempty"`
	Below    bool                  `json:"below,omitempty"`
	State    lifecycle.NumberState `json:"state,omitempty"`
	Type     string                `json:"type,omitempty"`
	Contains string                `json:"contains,omitempty"`
	User     string                `json:"user,omitempty"`
	Page
}

// Number is a number as lists show it.
type Number struct {
	Number        string                   `json:"number"`
	Node          string                   `json:"node"`
	State         lifecycle.NumberState    `json:"state"`
	Type          string                   `json:"type"`
	Vendor        *string                  `json:"vendor"`
	User          *lifecycle.SubscriberRef `json:"user"`
	ReservedFor   *lifecycle.SubscriberRef `json:"reservedFor"`
	ReservedUntil *time.Time               `json:"reservedUntil"`
	CoolingUntil  *time.Time               `json:"coolingUntil"`
	Notes         *string                  `json:"notes"`
	// DaysLeft is how many days a state lasts that ends by itself, begun ones included (R96).
	DaysLeft *int `json:"daysLeft,omitempty"`
	// Activation is the number's activation state in Teams, in Microsoft's words, where it is not activated.
	Activation string `json:"activation,omitempty"`
}

// Numbers is a page of numbers in ascending order.
type Numbers struct {
	Numbers []Number `json:"numbers"`
	Next    *string  `json:"next"`
}

// ShowNumberRequest names a number in any usual form.
type ShowNumberRequest struct {
	Number string `json:"number"`
}

// NumberView is a number with its history, oldest first.
type NumberView struct {
	Number
	History []NumberEvent `json:"history"`
}

// NumberEvent is one transition of a number.
type NumberEvent struct {
	At    time.Time              `json:"at"`
	Event string                 `json:"event"`
	From  *lifecycle.NumberState `json:"from"`
	To    *lifecycle.NumberState `json:"to"`
	RunID *string                `json:"runId"`
	By    *string                `json:"by"`
	// Detail is what the event alone does not say, as where a number was moved.
	Detail string `json:"detail,omitempty"`
}

// AddNumbersRequest adds single numbers and ranges to a node. Existing numbers are left as they are.
type AddNumbersRequest struct {
	Node    string        `json:"node"`
	Type    string        `json:"type"`
	Numbers []string      `json:"numbers,omitempty"`
	Ranges  []NumberRange `json:"ranges,omitempty"`
	// More is added too, once every node of the request is known to exist.
	More []NumberBatch `json:"more,omitempty"`
	Actor
}

// NumberBatch is a part of what is to be added: at most MaxBatch numbers, of one type and for one node.
type NumberBatch struct {
	Node    string        `json:"node"`
	Type    string        `json:"type"`
	Numbers []string      `json:"numbers,omitempty"`
	Ranges  []NumberRange `json:"ranges,omitempty"`
}

// MaxBatch is how many numbers are added in one transaction, and the most that one range may hold.
const MaxBatch = e164.MaxBlock

// NumberRange is an inclusive range.
type NumberRange struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// NumbersAdded counts; InUse are those that Teams has assigned and that were therefore added as Used.
type NumbersAdded struct {
	Added    int `json:"added"`
	Existing int `json:"existing"`
	InUse    int `json:"inUse"`
}

// NumberAction is what an administrator does to numbers by hand.
type NumberAction string

// The actions. A release ends cooling.
const (
	ReserveAction   NumberAction = "reserve"
	UnreserveAction NumberAction = "unreserve"
	CoolAction      NumberAction = "cool"
	ReleaseAction   NumberAction = "release"
	MoveAction      NumberAction = "move"
	RemoveAction    NumberAction = "remove"
)

// MaxDays is for how long a number may cool or be reserved (R85).
const MaxDays = 999

// MaxChanged is how many numbers one change may name, and MaxNotes how many bytes its notes may have: with all their rows,
// that is what one answer through Temporal holds.
const (
	MaxChanged = 2000
	MaxNotes   = 400
)

// NumbersChange asks for one change of numbers of one tenant. It happens to all of them or to none.
type NumbersChange struct {
	Action  NumberAction `json:"action"`
	Numbers []string     `json:"numbers"`
	// For is the user whom ReserveAction keeps the numbers for, a principal name or an object id (R88). Without it the
	// numbers become Reserved (R87).
	For string `json:"for,omitempty"`
	// Days is how long ReserveAction lasts, until it is taken back when 0, or CoolAction, as each number's node has it
	// when 0.
	Days  int    `json:"days,omitempty"`
	Notes string `json:"notes,omitempty"`
	// To is the node that MoveAction moves to, a name or a path.
	To string `json:"to,omitempty"`
	Actor
}

// NumbersChanged are the numbers as they are now. Removed are those that the inventory had until now.
type NumbersChanged struct {
	Numbers []Number `json:"numbers"`
	Removed []string `json:"removed,omitempty"`
}

// NumberSummary counts numbers by node and state.
type NumberSummary struct {
	Summary []NodeNumbers `json:"summary"`
}

// NodeNumbers counts the numbers that stand at one node. Share is that of the available ones among them, and Low says
// that it is below the threshold in force there, which is null where none is (R95). Both in percent.
type NodeNumbers struct {
	Node      string  `json:"node"`
	Tenant    string  `json:"tenant"`
	Total     int     `json:"total"`
	Available int     `json:"available"`
	Used      int     `json:"used"`
	Reserved  int     `json:"reserved"`
	Cooling   int     `json:"cooling"`
	Held      int     `json:"held"`
	Share     float64 `json:"share"`
	Threshold *int    `json:"threshold"`
	Low       bool    `json:"low"`
}

// NumberAuditRequest compares the inventory with what Teams has, at a node and below or everywhere, and with Fix repairs
// what is safe to repair (R91, R92).
type NumberAuditRequest struct {
	Node string `json:"node,omitempty"`
	Fix  bool   `json:"fix,omitempty"`
	Actor
}

// FindingCode is what is wrong with a number.
type FindingCode string

// The findings of an audit.
const (
	// NotInInventory: Teams has the number and the inventory has not.
	NotInInventory FindingCode = "not-in-inventory"
	// NotInTeams: the inventory has it used, and in Teams nobody has it.
	NotInTeams FindingCode = "not-in-teams"
	// WrongOwner: the inventory and Teams name different users.
	WrongOwner FindingCode = "wrong-owner"
	// InUse: available, reserved or cooling, and yet somebody's in Teams.
	InUse FindingCode = "in-use"
	// TypeDiffers and ActivationDiffers: Teams knows better.
	TypeDiffers       FindingCode = "type-differs"
	ActivationDiffers FindingCode = "activation-differs"
	// OutsideHierarchy: in Teams the number belongs to somebody whom the directory here does not know.
	OutsideHierarchy FindingCode = "user-outside-hierarchy"
	// GoneFromTenant: a calling plan or operator connect number that the tenant does not have any more.
	GoneFromTenant FindingCode = "gone-from-tenant"
	// LowOnNumbers: a node has fewer numbers available than its threshold says (R95).
	LowOnNumbers FindingCode = "low-on-numbers"
)

// NumberFinding is one thing that an audit found. Number is null when it is about a node, Fix where nothing is safe to do.
type NumberFinding struct {
	Number  *string     `json:"number"`
	Code    FindingCode `json:"code"`
	Message string      `json:"message"`
	Fix     *string     `json:"fix"`
}

// MaxFindings is how many findings an audit lists.
const MaxFindings = 2000

// NumberAudit is what an audit found and how many findings it repaired. More is how many there are beyond MaxFindings;
// they are repaired like the others.
type NumberAudit struct {
	Findings []NumberFinding `json:"findings"`
	Fixed    int             `json:"fixed"`
	More     int             `json:"more,omitempty"`
}

// Found is how many findings there are.
func (a NumberAudit) Found() int { return len(a.Findings) + a.More }

// NumberExpiry counts what had come to its end: cooling numbers that were released, and reservations.
type NumberExpiry struct {
	Released   int `json:"released"`
	Unreserved int `json:"unreserved"`
}
