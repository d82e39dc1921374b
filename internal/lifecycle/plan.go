package lifecycle

import (
	"encoding/json"
	"time"
)

// Request is what somebody asked for. It starts a run and stands in the plan and the store.
type Request struct {
	Operation Operation `json:"operation"`
	// Tenant is the tenant's name in the catalog, SubscriberID the user's object id there.
	Tenant       string `json:"tenant"`
	SubscriberID string `json:"subscriberId"`
	// Group is the quick add group, or empty for the defaults of the site.
	Group string `json:"group,omitempty"`
	// Site, Profile, Number and Set belong to onboarding and moving. Site is a node's name or full path. Number is plain E.164, "next", "none" or
	// empty where the profile or nobody says. Set holds fields by name (usageLocation, licenses, policy.TYPE, custom_…)
	// as the field display policy allows.
	Site    string            `json:"site,omitempty"`
	Profile string            `json:"profile,omitempty"`
	Number  string            `json:"number,omitempty"`
	Set     map[string]string `json:"set,omitempty"`
	// KeepNumber, NumberTo and OffboardGroup belong to moving. NumberTo is NumberToShared (or empty) or NumberToSite; the
	// group says what leaving takes away besides the number.
	KeepNumber    bool   `json:"keepNumber,omitempty"`
	NumberTo      string `json:"numberTo,omitempty"`
	OffboardGroup string `json:"offboardGroup,omitempty"`
	// Yourself lets whoever asks offboard or move themselves, which is otherwise refused.
	Yourself bool `json:"yourself,omitempty"`
	// Welcome belongs to onboarding: the user is to be welcomed, where the catalog allows it (R13).
	Welcome bool `json:"welcome,omitempty"`
	// ActAs is the role whose field display policy says which fields may be set; empty is nobody in particular.
	ActAs string `json:"actAs,omitempty"`
	// Expect is the plan that was approved: when another one would be carried out by now, nothing is. Nil accepts any.
	Expect *Plan `json:"expect,omitempty"`
	// RequestID makes starting twice one run; RequestedBy is who asked, Reason why.
	RequestID   string `json:"requestId"`
	RequestedBy string `json:"requestedBy"`
	Reason      string `json:"reason,omitempty"`
	// OnFailure is what happens after a permanent failure: OnFailureRollback or OnFailureHold; empty is DefaultOnFailure.
	// HoldFor is how long the run then waits for an operator before it is undone; without a value it waits for ever.
	OnFailure string        `json:"onFailure,omitempty"`
	HoldFor   time.Duration `json:"holdForNanoseconds,omitempty"`
}

// Where a kept number goes in the inventory when the new site cannot see it.
const (
	NumberToShared = "shared"
	NumberToSite   = "site"
)

// What happens after a permanent failure: what was done is undone, or the run waits for an operator.
const (
	OnFailureRollback = "rollback"
	OnFailureHold     = "hold"
)

// SubscriberRef is how reports name a user.
type SubscriberRef struct {
	ID                string `json:"id"`
	UserPrincipalName string `json:"userPrincipalName"`
}

// Plan is a decision for every step of an operation, made from one snapshot.
type Plan struct {
	Operation  Operation     `json:"operation"`
	Subscriber SubscriberRef `json:"subscriber"`
	// Digest is the digest of the snapshot that the plan was made from.
	Digest   string          `json:"digest"`
	Request  json.RawMessage `json:"request"`
	Steps    []PlannedStep   `json:"steps"`
	Warnings []Warning       `json:"warnings"`
	// Before and After are the state that the plan starts from and the one it promises.
	Before State `json:"before"`
	After  State `json:"after"`
	// Welcome says that the user is welcomed once the run has completed (R13).
	Welcome bool `json:"welcome,omitempty"`
}

// Step returns the planned step of that name; ok is false when the operation has no such step.
func (p Plan) Step(name StepName) (step PlannedStep, ok bool) {
	for _, s := range p.Steps {
		if s.Name == name {
			return s, true
		}
	}
	return PlannedStep{}, false
}

// Changes reports whether any step but verify has something to do.
func (p Plan) Changes() bool {
	for _, s := range p.Steps {
		if s.Action == Do && s.Name.Base() != Verify {
			return true
		}
	}
	return false
}

// PlannedStep is the decision for one step: the exact change, or the reason why there is none.
type PlannedStep struct {
	Name    StepName `json:"name"`
	Action  Action   `json:"action"`
	Reason  Reason   `json:"reason"`
	Summary string   `json:"summary"`
	Change  Change   `json:"change"`
}

// Change holds both ends of what a step changes, so that the same value serves to do it and to undo it. A step
// fills only the part that is its own.
type Change struct {
	// Numbers are taken from the user in Teams (remove-number) or given back to the inventory (release-number).
	Numbers  []NumberChange  `json:"numbers,omitempty"`
	Policies []PolicyChange  `json:"policies,omitempty"`
	Groups   []GroupChange   `json:"groups,omitempty"`
	Licenses []LicenseChange `json:"licenses,omitempty"`
	Place    *PlaceChange    `json:"place,omitempty"`
	Role     *ValueChange    `json:"role,omitempty"`
	// UsageLocation is set by onboarding; an empty From means that there was none, which Microsoft cannot restore.
	UsageLocation *ValueChange `json:"usageLocation,omitempty"`
	// Staging is how a run waits, staged, for a user whom Teams does not know yet; nil when it waits as for anything.
	Staging *Staging `json:"staging,omitempty"`
	// RemovedLicenses are direct licenses that give way to Licenses in the same call (R24).
	RemovedLicenses []LicenseChange `json:"removedLicenses,omitempty"`
}

// Staging is how long a staged run looks whether Teams knows the user (domain.md §3.6): at intervals that grow up to
// Interval, and until Bound is over.
type Staging struct {
	Interval time.Duration `json:"intervalNanoseconds"`
	Bound    time.Duration `json:"boundNanoseconds"`
}

// NumberChange is what happens to one number.
type NumberChange struct {
	Number   string `json:"number"`
	Type     string `json:"type,omitempty"`
	Category string `json:"category,omitempty"`
	// LocationID is the emergency location that the number gets with the user; FromLocationID the one that it had, where
	// that is another one.
	LocationID     string `json:"locationId,omitempty"`
	FromLocationID string `json:"fromLocationId,omitempty"`
	// FromNode and ToNode are full paths, for a number that moves in the inventory.
	FromNode string `json:"fromNode,omitempty"`
	ToNode   string `json:"toNode,omitempty"`
	// To is the state in the inventory after the release; CoolingDays counts from the moment of the release (R83).
	To          NumberState `json:"to,omitempty"`
	CoolingDays int         `json:"coolingDays,omitempty"`
	// CoolingUntil is the release date as far as it is known: an estimate in a plan, exact in a report.
	CoolingUntil string `json:"coolingUntil,omitempty"`
}

// PolicyChange sets or clears one policy. A nil From means that the user had no direct assignment; a nil To clears it.
type PolicyChange struct {
	Type string     `json:"type"`
	From *PolicyRef `json:"from"`
	To   *PolicyRef `json:"to"`
}

// PolicyRef names a policy instance.
type PolicyRef struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// GroupChange is a membership that ends or begins.
type GroupChange struct {
	ID          string `json:"id"`
	DisplayName string `json:"displayName"`
	// Licenses are the SKU ids that come or go with the membership.
	Licenses []string `json:"licenses,omitempty"`
	// Join says that the membership begins.
	Join bool `json:"join,omitempty"`
}

// LicenseChange is a direct license that is removed or added.
type LicenseChange struct {
	SKUID         string   `json:"skuId"`
	SKU           string   `json:"sku"`
	DisabledPlans []string `json:"disabledPlans,omitempty"`
}

// PlaceChange moves a subscriber and its service records from where they are to one node.
type PlaceChange struct {
	From     string    `json:"from"`
	To       string    `json:"to"`
	Services []Service `json:"services,omitempty"`
}

// ValueChange is a single value that is replaced.
type ValueChange struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// State is a user as reports show it, before and after. Absent values are null.
type State struct {
	Node            *string           `json:"node"`
	Role            *string           `json:"role"`
	UsageLocation   *string           `json:"usageLocation"`
	Numbers         []string          `json:"numbers"`
	EnterpriseVoice bool              `json:"enterpriseVoice"`
	Licenses        []LicenseState    `json:"licenses"`
	Groups          []string          `json:"groups"`
	Policies        map[string]string `json:"policies"`
}

// LicenseState is a license as reports show it.
type LicenseState struct {
	SKU string `json:"sku"`
	// Assignment is direct or group; Group is the name of the group, or null.
	Assignment string  `json:"assignment"`
	Group      *string `json:"group"`
}

// State renders the snapshot as reports show it.
func (s Snapshot) State() State {
	st := State{
		Node: orNull(s.Placement.Node), Role: orNull(s.Placement.Role), UsageLocation: orNull(s.UsageLocation),
		Numbers: []string{}, Licenses: []LicenseState{}, Groups: []string{}, Policies: map[string]string{},
	}
	names := map[string]string{}
	for _, g := range s.Groups {
		st.Groups = append(st.Groups, g.DisplayName)
		names[g.ID] = g.DisplayName
	}
	for _, l := range s.Licenses {
		ls := LicenseState{SKU: l.SKU, Assignment: "direct"}
		if !l.Direct() {
			ls.Assignment = "group"
			name := l.GroupID
			if n, ok := names[l.GroupID]; ok {
				name = n
			}
			ls.Group = &name
		}
		st.Licenses = append(st.Licenses, ls)
	}
	if s.Teams != nil {
		st.EnterpriseVoice = s.Teams.EnterpriseVoice
		for _, n := range s.Teams.Numbers {
			st.Numbers = append(st.Numbers, n.Number)
		}
		for _, p := range s.Teams.Policies {
			st.Policies[p.Type] = p.Name
		}
	}
	return st
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
