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

// OnboardingRules is what the catalog and the request say about onboarding one user at one site. Whichever way in was
// taken (quick add group, profile, field display policy), it resolves to this one shape (R4).
type OnboardingRules struct {
	// Site is the full path of the site, TenantLevel that of the node that holds the tenant's connection.
	Site, TenantLevel string
	// M365 is nil without an m365User template: then usage location and licenses are untouched (R21).
	M365 *M365Template
	// Teams is nil without a teamsUser template: then policies are untouched, site defaults included. Otherwise it is the
	// template over the site's defaults (R11).
	Teams *PolicyTemplate
	// AddGroups is nil without an addGroups template.
	AddGroups *GroupTemplate
	// Number is plain E.164, NextNumber, NoNumberAtAll, or empty for none wanted.
	Number string
	// EmergencyLocation is the id of the site's emergency location; empty leaves what the number has.
	EmergencyLocation string
	// ProfileRole wins over everything; CurrentRole and DefaultRole (of the site's level) serve R70.
	ProfileRole, CurrentRole, DefaultRole *Role
	// LicensePermissionFails: without the permission a template that lists licenses is refused (O7); otherwise it is a
	// warning.
	LicensePermissionFails bool
	// Staging lets a run wait for a user whom Teams does not know yet, as staged (§3.6).
	Staging bool
	// Welcome allows users at the site to be welcomed (R13).
	Welcome bool
	// Protected is why nobody may onboard this user, or empty.
	Protected string
	// Warnings are what resolving found, such as expressions that yield nothing.
	Warnings []Warning
}

// The words for a number in OnboardingRules and Request.
const (
	NextNumber    = "next"
	NoNumberAtAll = "none"
)

// M365Template is a resolved m365User template.
type M365Template struct {
	Name string
	// UsageLocation is empty when the template, or its expression, gives none (R16). Demanded says that somebody asked for
	// the value by --set: then a missing permission is a failure and not a warning (architecture.md §5.4).
	UsageLocation string
	Demanded      bool
	// Licenses is nil when blank: no license call (R23). Clear is the template's null: every direct license goes.
	Licenses []LicenseWish
	Clear    bool
}

// LicenseWish is a direct license as the catalog names it; SKU and plans are names or ids.
type LicenseWish struct {
	SKU           string
	DisabledPlans []string
}

// OnboardingFacts is what has to be looked up in the tenant and the inventory for the rules at hand, before planning.
type OnboardingFacts struct {
	// SKUs are the tenant's products by every name and id that the wishes use; a wish that is missing here does not exist.
	SKUs map[string]SKUFact
	// Groups are the groups of the addGroups template by the name used; one that is missing does not exist.
	Groups map[string]Group
	// Staging is the site's setting; it counts when the rules allow staging.
	Staging Staging
	// Notices says that there is a webhook, which a message of welcome goes out by.
	Notices bool
	// Number is the row that was claimed, or would be, for the wish; nil when none was asked for.
	Number *NumberRow
	// InTeams is that number as Teams has it; nil when Teams does not have it.
	InTeams *NumberInTeams
}

// NumberInTeams is a number of the tenant as Teams has it.
type NumberInTeams struct {
	Type, LocationID string
	// TargetID is who has the number, or empty.
	TargetID string
}

// SKUFact is a product of the tenant.
type SKUFact struct {
	ID, PartNumber string
	// Free is how many units can still be assigned.
	Free int
	// Plans are the service plan ids by name and by id.
	Plans map[string]string
	// PhonePlan is the service plan that a number needs (MCOEV), TeamsPlan the one that makes the user known to Teams
	// (TEAMS1), CallingPlan the one that numbers of type callingPlan need; empty where the product has none.
	PhonePlan, TeamsPlan, CallingPlan string
}
