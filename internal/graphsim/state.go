package graphsim

import "encoding/json"

// State is a whole tenant. SKUs, service plans and policies may be named by
// name or by id, people by id or user principal name; ids that are absent are
// derived from the name and therefore stable. In JSON an absent text is null.
type State struct {
	SKUs        []SKU    `json:"skus"`
	Users       []User   `json:"users"`
	Groups      []Group  `json:"groups"`
	Numbers     []Number `json:"numbers"`
	Policies    []Policy `json:"policies"`
	Permissions []string `json:"permissions"`
}

// SKU is a product the tenant subscribes to. Consumed units are derived.
type SKU struct {
	ID           string        `json:"skuId"`
	PartNumber   string        `json:"skuPartNumber"`
	Enabled      int           `json:"enabled"`
	ServicePlans []ServicePlan `json:"servicePlans"`
}

// ServicePlan is one service inside a SKU.
type ServicePlan struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// User is a person in the directory.
type User struct {
	ID                string `json:"id"`
	UserPrincipalName string `json:"userPrincipalName"`
	DisplayName       string `json:"displayName"`
	GivenName         string `json:"givenName"`
	Surname           string `json:"surname"`
	City              string `json:"city"`
	Department        string `json:"department"`
	// UserType is Member or Guest; empty is Member.
	UserType string `json:"userType"`
	// AccountEnabled nil is true.
	AccountEnabled *bool  `json:"accountEnabled"`
	UsageLocation  string `json:"usageLocation"`
	// OnPremisesSyncEnabled nil is "never synced". A synced user's usage
	// location counts as coming from on-premises when the state gives one.
	OnPremisesSyncEnabled *bool           `json:"onPremisesSyncEnabled"`
	DirectLicenses        []DirectLicense `json:"directLicenses"`
	EnterpriseVoice       bool            `json:"enterpriseVoice"`
	// Policies are the directly assigned Teams policies, type to name.
	Policies map[string]string `json:"policies"`
	// BusinessPhones and Attributes are rarely needed and left out of the JSON
	// when empty; Attributes are further text properties, such as jobTitle.
	BusinessPhones []string          `json:"businessPhones,omitempty"`
	Attributes     map[string]string `json:"attributes,omitempty"`
}

// DirectLicense is a license assigned to the user, not through a group.
type DirectLicense struct {
	SKU           string   `json:"sku"`
	DisabledPlans []string `json:"disabledPlans"`
}

// GroupKind says what kind of group it is, and so who may change its members.
type GroupKind string

// The kinds of group. Members of security and m365 groups can be changed
// through Graph, those of roleAssignable groups with a further permission, the
// others not at all.
const (
	GroupSecurity       GroupKind = "security"
	GroupM365           GroupKind = "m365"
	GroupDynamic        GroupKind = "dynamic"
	GroupSynced         GroupKind = "synced"
	GroupMail           GroupKind = "mail"
	GroupRoleAssignable GroupKind = "roleAssignable"
)

// Group is a group of users. Its licenses are inherited by its members.
type Group struct {
	ID          string    `json:"id"`
	DisplayName string    `json:"displayName"`
	Kind        GroupKind `json:"kind"`
	Licenses    []string  `json:"licenses"`
	Members     []string  `json:"members"`
	// Policies are the Teams policies assigned to the group, type to name. They
	// apply to members without one of their own; the first group wins.
	Policies map[string]string `json:"policies,omitempty"`
}

// Number is a telephone number in the tenant's Teams inventory.
type Number struct {
	TelephoneNumber string   `json:"telephoneNumber"`
	NumberType      string   `json:"numberType"`
	AssignedTo      string   `json:"assignedTo"`
	Capabilities    []string `json:"capabilities"`
	NumberSource    string   `json:"numberSource"`
	LocationID      string   `json:"locationId"`
	// AssignmentCategory is written only when it isn't primary. Empty is
	// primary for a holder's first number and alternate for the others.
	AssignmentCategory string `json:"assignmentCategory,omitempty"`
}

// Policy is a Teams policy that exists in the tenant.
type Policy struct {
	Type string `json:"type"`
	Name string `json:"name"`
	ID   string `json:"id"`
}

// MarshalJSON writes absent texts as null.
func (u User) MarshalJSON() ([]byte, error) {
	type plain User
	return json.Marshal(struct {
		plain
		DisplayName   *string `json:"displayName"`
		GivenName     *string `json:"givenName"`
		Surname       *string `json:"surname"`
		City          *string `json:"city"`
		Department    *string `json:"department"`
		UsageLocation *string `json:"usageLocation"`
	}{
		plain:         plain(u),
		DisplayName:   textOrNull(u.DisplayName),
		GivenName:     textOrNull(u.GivenName),
		Surname:       textOrNull(u.Surname),
		City:          textOrNull(u.City),
		Department:    textOrNull(u.Department),
		UsageLocation: textOrNull(u.UsageLocation),
	})
}

// MarshalJSON writes absent texts as null.
func (n Number) MarshalJSON() ([]byte, error) {
	type plain Number
	return json.Marshal(struct {
		plain
		AssignedTo *string `json:"assignedTo"`
		LocationID *string `json:"locationId"`
	}{
		plain:      plain(n),
		AssignedTo: textOrNull(n.AssignedTo),
		LocationID: textOrNull(n.LocationID),
	})
}

func textOrNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
