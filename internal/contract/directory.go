package contract

import "tenure/internal/lifecycle"

// SyncWorkflowPrefix begins the workflow id of every sync.
const SyncWorkflowPrefix = "tenure/" + SyncDirectory + "/"

// SyncOperation is what the search attribute TenureOperation and lists say of a sync.
const SyncOperation = "sync"

// SyncRequest asks for users to be read from Entra: with User only that one, else what has changed, or with Full everybody.
type SyncRequest struct {
	User string `json:"user,omitempty"`
	Full bool   `json:"full,omitempty"`
	Actor
}

// SyncResult says what a sync did.
type SyncResult struct {
	Tenants []TenantSync `json:"tenants"`
}

// TenantSync counts for one tenant.
type TenantSync struct {
	Tenant string `json:"tenant"`
	// Seen are the users that Entra named, LeftOut those of them whom the filter does not let in.
	Seen    int `json:"seen"`
	Added   int `json:"added"`
	Updated int `json:"updated"`
	LeftOut int `json:"leftOut"`
	// Removed are users who are gone, NumbersLeft the numbers that they had: these stay Used until an audit of the inventory.
	Removed     int `json:"removed"`
	NumbersLeft int `json:"numbersLeft"`
	// Busy are users who are gone and stay until the next sync, because a run has them.
	Busy int `json:"busy"`
	// Held are users who are gone and stay until somebody approves, because they are more than the threshold (R111); First
	// are the first of them by name.
	Held  int                       `json:"held"`
	First []lifecycle.SubscriberRef `json:"first,omitempty"`
	// Placed and Onboarding are what flow-through did.
	Placed     int `json:"placed"`
	Onboarding int `json:"onboarding"`
	// Findings is how many findings the audit of the tenant's numbers had; null when none was due, or when it failed.
	Findings *int `json:"findings"`
}

// SyncQuery answers a SyncStatus: how far a sync is, and whether it waits for a decision.
const SyncQuery = "sync"

// SyncStatus is the answer to SyncQuery. A held sync takes ResolveApprove and ResolveRollback.
type SyncStatus struct {
	Status lifecycle.Status `json:"status"`
	SyncResult
}

// UserFilter chooses users. Empty fields do not filter.
type UserFilter struct {
	// Node is a name or a path and means what is below it too.
	Node string `json:"node,omitempty"`
	Role string `json:"role,omitempty"`
	// Contains is a part of the principal name or the display name.
	Contains string `json:"contains,omitempty"`
	// Unplaced are users at a tenant level, Guests guests.
	Unplaced bool `json:"unplaced,omitempty"`
	Guests   bool `json:"guests,omitempty"`
	Page
}

// User is a row of `tenure users list`.
type User struct {
	ID                string   `json:"id"`
	UserPrincipalName string   `json:"userPrincipalName"`
	DisplayName       string   `json:"displayName"`
	Node              *string  `json:"node"`
	Role              *string  `json:"role"`
	Numbers           []string `json:"numbers"`
}

// Users is a page of users in order of principal name.
type Users struct {
	Users []User  `json:"users"`
	Next  *string `json:"next"`
}

// ShowUserRequest names a user by principal name or object id.
type ShowUserRequest struct {
	User string `json:"user"`
}

// UserView is everything about one user (architecture.md §5.2).
type UserView struct {
	ID                string              `json:"id"`
	UserPrincipalName string              `json:"userPrincipalName"`
	DisplayName       string              `json:"displayName"`
	Node              *string             `json:"node"`
	Role              *string             `json:"role"`
	UsageLocation     *string             `json:"usageLocation"`
	Licenses          []UserLicense       `json:"licenses"`
	Groups            []string            `json:"groups"`
	Numbers           []string            `json:"numbers"`
	EnterpriseVoice   bool                `json:"enterpriseVoice"`
	Policies          map[string]string   `json:"policies"`
	Services          []lifecycle.Service `json:"services"`
	// Operation is the run that has the user now.
	Operation *RunRef `json:"operation"`
	// LastRun is the newest run, over or not. It is for people; the command leaves it out of JSON.
	LastRun *Run `json:"lastRun,omitempty"`
}

// UserLicense is a license with how it is assigned; Group is null for a direct one.
type UserLicense struct {
	SKU        string  `json:"sku"`
	Assignment string  `json:"assignment"`
	Group      *string `json:"group"`
}

// PlaceRequest places one user at a site by hand, or when User is empty everybody at the tenant level by the catalog's
// rules, of one Tenant or of all.
type PlaceRequest struct {
	User   string `json:"user,omitempty"`
	Site   string `json:"site,omitempty"`
	Role   string `json:"role,omitempty"`
	Tenant string `json:"tenant,omitempty"`
	// PlanOnly changes nothing; the plan comes in parts, of which Cursor says the next one.
	PlanOnly bool   `json:"planOnly,omitempty"`
	Cursor   string `json:"cursor,omitempty"`
	// Onboard starts the onboarding that a rule asks for with everybody whom it places (R115).
	Onboard bool `json:"onboard,omitempty"`
	Actor
}

// Placements says who goes where, or went.
type Placements struct {
	// Placements are all of a plan's part, and the first PlacementsShown of those who were placed.
	Placements []Placement `json:"placements"`
	// Next is the cursor of a plan's next part; null on the last one.
	Next *string `json:"next,omitempty"`
	// Placed counts all who were placed, Onboarding those of them whose onboarding was started.
	Placed     int `json:"placed,omitempty"`
	Onboarding int `json:"onboarding,omitempty"`
	// Busy are users whom a run or somebody's hand took first.
	Busy []lifecycle.SubscriberRef `json:"busy,omitempty"`
}

// PlacementsShown bounds how many placements the answer of a big placing names.
const PlacementsShown = 1000

// Placement is one user's way; Rule is the catalog rule that matched, empty when placed by hand, and Onboard the
// profile that the rule asks to onboard with.
type Placement struct {
	User    lifecycle.SubscriberRef `json:"user"`
	From    string                  `json:"from"`
	To      string                  `json:"to"`
	Rule    string                  `json:"rule"`
	Onboard *string                 `json:"onboard"`
}
