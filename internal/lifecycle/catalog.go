package lifecycle

// LicenseMode is what offboarding does with direct licenses (R52, R54).
type LicenseMode string

// The modes; Remove is the default.
const (
	Remove LicenseMode = "remove"
	Retain LicenseMode = "retain"
)

// CoolingRule is the cooling in force at a number's node (R83): default off and 30 days.
type CoolingRule struct {
	Enabled bool
	Days    int
}

// Role is a role that subscribers hold (domain.md §5).
type Role struct {
	Name        string
	SelfService bool
}

// OffboardingRules is what the catalog says about offboarding one user: settings with their inheritance and the
// quick add group already applied.
type OffboardingRules struct {
	// TenantLevel is the full path of the node that holds the tenant's connection; users go back there (R50e).
	TenantLevel string
	// RetainAtSite keeps placement and role (R59).
	RetainAtSite bool
	Licenses     LicenseMode
	// Teams is the teamsUser template; nil when the quick add group has none.
	Teams *PolicyTemplate
	// RemoveGroups is the removeGroups template; nil when the quick add group has none.
	RemoveGroups *GroupTemplate
	// Cooling is the rule at a node of the inventory, by the node's full path.
	Cooling func(node string) CoolingRule
	// CurrentRole is the role that the user holds; nil when it holds none that the catalog knows.
	CurrentRole *Role
	// DefaultRole is the tenant level's default self-service role; nil when the catalog has none.
	DefaultRole *Role
	// Protected is why nobody may offboard this user, or empty.
	Protected string
}

// PolicyTemplate is the policies part of a teamsUser template. A policy that is not in the map is left untouched,
// a nil value clears it, any other value is the name or id to set.
type PolicyTemplate struct {
	Name     string
	Policies map[string]*string
	// Resolved are the policies to set as Microsoft knows them, by type; the caller looks them up before planning, so
	// that a name that does not exist is refused before anything is touched.
	Resolved map[string]PolicyRef
}

// GroupTemplate lists groups by name or id.
type GroupTemplate struct {
	Name   string
	Groups []string
}
