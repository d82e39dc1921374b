package lifecycle

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"
)

// Snapshot is everything that a planner may look at: what Microsoft and the store say of one user at one moment.
// Slices are sorted by their first identifying field, so that equal states have equal digests.
type Snapshot struct {
	// Tenant is the tenant's name in the catalog.
	Tenant string `json:"tenant"`
	Person Person `json:"person"`
	// UsageLocation is an ISO 3166 alpha-2 code, or empty.
	UsageLocation string    `json:"usageLocation"`
	Licenses      []License `json:"licenses"`
	Groups        []Group   `json:"groups"`
	// Teams is nil when Teams does not know the user.
	Teams     *TeamsUser  `json:"teams"`
	Placement Placement   `json:"placement"`
	Inventory []NumberRow `json:"inventory"`
	// Permissions are the application permissions held, from the token's roles.
	Permissions []string `json:"permissions"`
}

// Digest identifies the state that a plan was made from; a plan is stale when it no longer matches.
func (s Snapshot) Digest() string {
	// Marshalling cannot fail: the type holds only strings, booleans, times, slices and structs of these.
	raw, _ := json.Marshal(s)
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// Person is the directory user (domain.md §2.1).
type Person struct {
	ID                string `json:"id"`
	UserPrincipalName string `json:"userPrincipalName"`
	DisplayName       string `json:"displayName"`
	Guest             bool   `json:"guest"`
	Enabled           bool   `json:"enabled"`
	// Synced users are mastered on premises.
	Synced bool `json:"synced"`
	// GivenName, Surname, City, Department, Country and JobTitle serve expressions in the catalog.
	GivenName  string `json:"givenName,omitempty"`
	Surname    string `json:"surname,omitempty"`
	City       string `json:"city,omitempty"`
	Department string `json:"department,omitempty"`
	Country    string `json:"country,omitempty"`
	JobTitle   string `json:"jobTitle,omitempty"`
}

// License is one license of a user in one way of assignment; a SKU held directly and by a group appears twice.
type License struct {
	SKUID string `json:"skuId"`
	// SKU is the part number (SPE_E5), or the id again where the tenant's list of SKUs does not have it.
	SKU string `json:"sku"`
	// DisabledPlans are service plan ids.
	DisabledPlans []string `json:"disabledPlans"`
	// GroupID is the group that the license is inherited from; empty for a direct license.
	GroupID string `json:"groupId"`
	// State is Active, ActiveWithError, Disabled or Error; Error is Microsoft's word for what went wrong, or empty.
	State string `json:"state"`
	Error string `json:"error"`
}

// Direct reports whether the license is assigned to the user and not inherited from a group.
func (l License) Direct() bool { return l.GroupID == "" }

// GroupKind says what a group is as far as writing its members is concerned (graph.md §4).
type GroupKind string

// Kinds of groups. Only Security and Microsoft365 groups accept members from an application.
const (
	Security       GroupKind = "security"
	Microsoft365   GroupKind = "m365"
	Dynamic        GroupKind = "dynamic"
	SyncedGroup    GroupKind = "synced"
	Mail           GroupKind = "mail"
	RoleAssignable GroupKind = "roleAssignable"
)

// Writable reports whether an application may add and remove members.
func (k GroupKind) Writable() bool { return k == Security || k == Microsoft365 }

// Group is a group that the user is a member of.
type Group struct {
	ID          string    `json:"id"`
	DisplayName string    `json:"displayName"`
	Kind        GroupKind `json:"kind"`
	// Licenses are the SKU ids that the group assigns to its members.
	Licenses []string `json:"licenses"`
}

// TeamsUser is the Teams voice record (domain.md §2.2).
type TeamsUser struct {
	EnterpriseVoice bool          `json:"enterpriseVoice"`
	Numbers         []TeamsNumber `json:"numbers"`
	Policies        []Policy      `json:"policies"`
}

// TeamsNumber is a telephone number assigned to a user in Teams; Number is plain E.164 with its plus sign.
type TeamsNumber struct {
	Number string `json:"number"`
	// Type is directRouting, callingPlan or operatorConnect.
	Type string `json:"type"`
	// Category is primary, private or alternate.
	Category   string `json:"category"`
	LocationID string `json:"locationId"`
	// OnPremises numbers are mastered on premises and cannot be changed in the cloud.
	OnPremises bool `json:"onPremises"`
}

// Policy is a Teams policy in effect for a user. Direct is false when it comes from a group or the global default.
type Policy struct {
	Type   string `json:"type"`
	Name   string `json:"name"`
	ID     string `json:"id"`
	Direct bool   `json:"direct"`
}

// ServiceKind names a service record of a subscriber.
type ServiceKind string

// The service records that move with a subscriber (R3, R50e).
const (
	ServiceM365    ServiceKind = "m365"
	ServiceTeams   ServiceKind = "teams"
	ServiceMailbox ServiceKind = "mailbox"
)

// Service is one service record and the node that it is stored at.
type Service struct {
	Kind ServiceKind `json:"kind"`
	Node string      `json:"node"`
}

// Placement is where the store has a subscriber. Nodes are full paths (acme/contoso/emea/london).
type Placement struct {
	Node     string    `json:"node"`
	Role     string    `json:"role"`
	Services []Service `json:"services"`
}

// NumberState is the state of a number in the inventory (domain.md §6.1).
type NumberState string

// The states. HeldState is shown for a number that a running operation holds, whatever is underneath.
const (
	Available NumberState = "available"
	Used      NumberState = "used"
	Reserved  NumberState = "reserved"
	Cooling   NumberState = "cooling"
	HeldState NumberState = "held"
)

// NumberRow is a row of the inventory.
type NumberRow struct {
	Number string      `json:"number"`
	Node   string      `json:"node"`
	State  NumberState `json:"state"`
	Type   string      `json:"type"`
	Vendor string      `json:"vendor"`
	// UserID is the object id of the user who has the number; empty unless Used.
	UserID string `json:"userId"`
	// HeldBy is the run that holds the number; empty when none does.
	HeldBy string `json:"heldBy"`
	// CoolingUntil is set while Cooling.
	CoolingUntil *time.Time `json:"coolingUntil"`
}

var (
	licensePermissions = FeatureLicenses.Accepted()
	groupPermissions   = FeatureGroups.Accepted()
)

func (s Snapshot) holdsAny(permissions ...string) bool {
	return slices.ContainsFunc(permissions, func(p string) bool { return slices.Contains(s.Permissions, p) })
}

// MayWriteLicenses reports whether the application holds a permission that allows license changes (R30).
func (s Snapshot) MayWriteLicenses() bool { return s.holdsAny(licensePermissions...) }

func (s Snapshot) directLicenses() []License {
	return slices.DeleteFunc(slices.Clone(s.Licenses), func(l License) bool { return !l.Direct() })
}

// licenseGroups are the groups of the user that assign a license to their members.
func (s Snapshot) licenseGroups() []Group {
	inherited := map[string]bool{}
	for _, l := range s.Licenses {
		inherited[l.GroupID] = true
	}
	return slices.DeleteFunc(slices.Clone(s.Groups), func(g Group) bool { return len(g.Licenses) == 0 && !inherited[g.ID] })
}
