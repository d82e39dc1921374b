package graphsim

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"
)

// grant is one assignment of a SKU to a user: direct, or by a group.
type grant struct {
	sku      *sku
	disabled []*plan
	group    *group // nil: direct
	problem  string // why a group's license could not be given; empty: active
	at       time.Time
}

// The problems that group licensing records on a user.
const (
	tooFew     = "CountViolation"
	exclusive  = "MutuallyExclusiveViolation"
	dependency = "DependencyViolation"
)

func (g grant) active() bool { return g.problem == "" }

func (g grant) enables(p *plan) bool { return !slices.Contains(g.disabled, p) }

type assignedLicense struct {
	DisabledPlans []string `json:"disabledPlans"`
	SKUID         string   `json:"skuId"`
}

type licenseState struct {
	AssignedByGroup     *string  `json:"assignedByGroup"`
	DisabledPlans       []string `json:"disabledPlans"`
	Error               string   `json:"error"`
	LastUpdatedDateTime string   `json:"lastUpdatedDateTime"`
	SKUID               string   `json:"skuId"`
	State               string   `json:"state"`
}

// consumes says whether the user takes up a unit of the SKU; direct and
// inherited together take one.
func consumes(grants []grant, x *sku) bool {
	return slices.ContainsFunc(grants, func(g grant) bool { return g.sku == x && g.active() })
}

// recount keeps the consumed units in step with a user's change of licenses.
func (d *directory) recount(before, after []grant) {
	for _, x := range d.skus {
		was, is := consumes(before, x), consumes(after, x)
		if was && !is {
			x.consumed--
		}
		if is && !was {
			x.consumed++
		}
	}
}

// activePlans are the service plans that at least one license enables.
func activePlans(grants []grant) []*plan {
	var plans []*plan
	for _, g := range grants {
		if !g.active() {
			continue
		}
		for _, p := range g.sku.plans {
			if g.enables(p) && !slices.Contains(plans, p) {
				plans = append(plans, p)
			}
		}
	}
	return plans
}

func (p *person) hasPlan(name string) bool {
	for _, g := range p.grants {
		if !g.active() {
			continue
		}
		for _, x := range g.sku.plans {
			if x.name == name && g.enables(x) {
				return true
			}
		}
	}
	return false
}

func (p *person) activePlanIDs() []string {
	var ids []string
	for _, x := range activePlans(p.grants) {
		ids = append(ids, x.id)
	}
	return ids
}

// assignedLicenses is the union of direct and inherited licenses: a plan is
// disabled only when no license of the SKU enables it.
func (p *person) assignedLicenses() []assignedLicense {
	licenses := make([]assignedLicense, 0, len(p.grants))
	var seen []*sku
	for _, g := range p.grants {
		if !g.active() || slices.Contains(seen, g.sku) {
			continue
		}
		seen = append(seen, g.sku)
		license := assignedLicense{SKUID: g.sku.id, DisabledPlans: []string{}}
		for _, x := range g.disabled {
			enabled := slices.ContainsFunc(p.grants, func(o grant) bool { return o.sku == g.sku && o.active() && o.enables(x) })
			if !enabled {
				license.DisabledPlans = append(license.DisabledPlans, x.id)
			}
		}
		licenses = append(licenses, license)
	}
	return licenses
}

func (p *person) licenseStates() []licenseState {
	states := make([]licenseState, 0, len(p.grants))
	for _, g := range p.grants {
		state := licenseState{
			SKUID: g.sku.id, State: "Active", Error: "None", DisabledPlans: planIDs(g.disabled),
			LastUpdatedDateTime: g.at.UTC().Format(time.RFC3339),
		}
		if g.group != nil {
			id := g.group.id
			state.AssignedByGroup = &id
		}
		if !g.active() {
			state.State, state.Error = "Error", g.problem
		}
		states = append(states, state)
	}
	return states
}

func planIDs(plans []*plan) []string {
	ids := make([]string, 0, len(plans))
	for _, p := range plans {
		ids = append(ids, p.id)
	}
	return ids
}

func (p *person) assignedPlans() []map[string]any {
	plans := []map[string]any{}
	for _, g := range p.grants {
		if !g.active() {
			continue
		}
		for _, x := range g.sku.plans {
			if g.enables(x) {
				plans = append(plans, map[string]any{
					"assignedDateTime": timestamp(g.at), "capabilityStatus": "Enabled", "service": serviceOf(x.name), "servicePlanId": x.id,
				})
			}
		}
	}
	return plans
}

func (p *person) provisionedPlans() []map[string]any {
	plans := []map[string]any{}
	for _, x := range activePlans(p.grants) {
		plans = append(plans, map[string]any{"capabilityStatus": "Enabled", "provisioningStatus": "Success", "service": serviceOf(x.name)})
	}
	return plans
}

// licenseRequest is the body of assignLicense. A key that is absent or null is
// missing; an empty array is not.
type licenseRequest struct {
	Add *[]struct {
		SKUID         string   `json:"skuId"`
		DisabledPlans []string `json:"disabledPlans"`
	} `json:"addLicenses"`
	Remove *[]string `json:"removeLicenses"`
}

func (d *directory) assignLicense(c *call) (reply, error) {
	var request licenseRequest
	if err := c.decode(&request); err != nil {
		return reply{}, err
	}
	var missing []string
	if request.Add == nil {
		missing = append(missing, "addLicenses")
	}
	if request.Remove == nil {
		missing = append(missing, "removeLicenses")
	}
	if len(missing) > 0 {
		return reply{}, badRequest("One or more parameters of the operation 'assignLicense' are missing from the request payload. The missing parameters are: %s.", strings.Join(missing, ", "))
	}
	a, err := d.account(c.args[0])
	if err != nil {
		return reply{}, err
	}
	grants, err := d.relicense(a.latest, request, c.now)
	if err != nil {
		return reply{}, err
	}
	d.change(a, c.now, func(p *person) { p.grants = grants })
	return wholeUser(c, a.latest), nil
}

// relicense works out the licenses after the request, or why it is refused as
// a whole.
func (d *directory) relicense(p *person, request licenseRequest, now time.Time) ([]grant, error) {
	named := map[*sku]bool{}
	skuOf := func(id string) (*sku, error) {
		x, ok := d.skuByID[strings.ToLower(id)]
		if !ok {
			return nil, badRequest("License %s does not correspond to a valid company License.", id)
		}
		if named[x] {
			return nil, badRequest("The request contains the license %s more than once.", id)
		}
		named[x] = true
		return x, nil
	}
	grants := slices.Clone(p.grants)
	for _, id := range *request.Remove {
		x, err := skuOf(id)
		if err != nil {
			return nil, err
		}
		held := slices.IndexFunc(grants, func(g grant) bool { return g.sku == x && g.group == nil })
		switch {
		case held >= 0:
			grants = slices.Delete(grants, held, held+1)
		case slices.ContainsFunc(grants, func(g grant) bool { return g.sku == x }):
			return nil, badRequest("User license is inherited from a group membership and it cannot be removed directly from the user.")
		default:
			return nil, badRequest("User does not have a corresponding license.")
		}
	}
	var added []*sku
	for _, license := range *request.Add {
		x, err := skuOf(license.SKUID)
		if err != nil {
			return nil, err
		}
		next := grant{sku: x, at: now}
		for _, id := range license.DisabledPlans {
			disabled := slices.IndexFunc(x.plans, func(p *plan) bool { return strings.EqualFold(p.id, id) })
			if disabled < 0 {
				return nil, badRequest("Disabled plan %s does not correspond to a service plan of the license %s.", id, x.id)
			}
			next.disabled = append(next.disabled, x.plans[disabled])
		}
		held := slices.IndexFunc(grants, func(g grant) bool { return g.sku == x && g.group == nil })
		if held >= 0 {
			grants[held] = next
		} else {
			grants = append(grants, next)
		}
		added = append(added, x)
	}
	if len(added) > 0 && !isCountry(p.usageLocation) {
		return nil, badRequest("License assignment cannot be done for user with invalid usage location.")
	}
	for _, x := range added {
		if !consumes(p.grants, x) && x.consumed >= x.enabled {
			return nil, badRequest("Subscription with SKU %s does not have any available licenses.", x.id)
		}
	}
	slices.SortStableFunc(grants, func(x, y grant) int { return cmp.Compare(x.order(), y.order()) })
	if _, err := d.conflict(p.grants, grants); err != nil {
		return nil, err
	}
	return grants, nil
}

// order puts direct licenses before inherited ones.
func (g grant) order() int {
	if g.group == nil {
		return 0
	}
	return 1
}

// conflict finds the first rule between service plans that the change breaks,
// as group licensing records it and as assignLicense answers it. What was
// broken before is not held against the change.
func (d *directory) conflict(before, after []grant) (string, error) {
	old, active := activePlans(before), activePlans(after)
	byName := func(plans []*plan, name string) *plan {
		if i := slices.IndexFunc(plans, func(p *plan) bool { return p.name == name }); i >= 0 {
			return plans[i]
		}
		return nil
	}
	for _, p := range active {
		var lacking []string
		for _, needed := range planNeeds[p.name] {
			if byName(active, needed) != nil || !d.planKnown[needed] {
				continue
			}
			if byName(old, p.name) != nil && byName(old, needed) == nil {
				continue
			}
			lacking = append(lacking, d.planID(needed))
		}
		if len(lacking) > 0 {
			return dependency, badRequest("License assignment failed because service plan %s depends on the service plan(s) %s", p.id, strings.Join(lacking, ", "))
		}
	}
	for _, pair := range planExclusions {
		one, other := byName(active, pair[0]), byName(active, pair[1])
		if one == nil || other == nil || byName(old, pair[0]) != nil && byName(old, pair[1]) != nil {
			continue
		}
		return exclusive, badRequest("License assignment failed because service plans %s, %s are mutually exclusive.", one.id, other.id)
	}
	return "", nil
}

func (d *directory) planID(name string) string {
	for _, x := range d.skus {
		for _, p := range x.plans {
			if p.name == name {
				return p.id
			}
		}
	}
	return name
}

var skuProperties = newProperties("microsoft.graph.subscribedSku",
	property[*sku]{"accountId", true, func(*sku) any { return tenantID }},
	property[*sku]{"accountName", true, func(*sku) any { return "contoso" }},
	property[*sku]{"appliesTo", true, func(*sku) any { return "User" }},
	property[*sku]{"capabilityStatus", true, func(*sku) any { return "Enabled" }},
	property[*sku]{"consumedUnits", true, func(x *sku) any { return x.consumed }},
	property[*sku]{"id", true, func(x *sku) any { return x.entityID() }},
	property[*sku]{"prepaidUnits", true, func(x *sku) any {
		return map[string]any{"enabled": x.enabled, "lockedOut": 0, "suspended": 0, "warning": 0}
	}},
	property[*sku]{"servicePlans", true, func(x *sku) any { return servicePlans(x.plans, func(*plan) string { return "Success" }) }},
	property[*sku]{"skuId", true, func(x *sku) any { return x.id }},
	property[*sku]{"skuPartNumber", true, func(x *sku) any { return x.partNumber }},
	property[*sku]{"subscriptionIds", true, func(x *sku) any { return []string{stableID("subscription", x.id)} }},
)

func (x *sku) entityID() string { return tenantID + "_" + x.id }

func servicePlans(plans []*plan, status func(*plan) string) []map[string]any {
	list := make([]map[string]any, 0, len(plans))
	for _, p := range plans {
		list = append(list, map[string]any{
			"appliesTo": "User", "provisioningStatus": status(p), "servicePlanId": p.id, "servicePlanName": p.name,
		})
	}
	return list
}

func (d *directory) listSKUs(c *call) (reply, error) {
	if err := c.query.only(c.path, "$select"); err != nil {
		return reply{}, err
	}
	selected, err := skuProperties.selection(c.query)
	if err != nil {
		return reply{}, err
	}
	value := make([]map[string]any, 0, len(d.skus))
	for _, x := range d.skus {
		value = append(value, project(selected, x))
	}
	return reply{status: http.StatusOK, body: map[string]any{"@odata.context": c.context("subscribedSkus"), "value": value}}, nil
}

func (d *directory) getSKU(c *call) (reply, error) {
	if err := c.query.only(c.path, "$select"); err != nil {
		return reply{}, err
	}
	selected, err := skuProperties.selection(c.query)
	if err != nil {
		return reply{}, err
	}
	for _, x := range d.skus {
		if strings.EqualFold(x.entityID(), c.args[0]) {
			body := project(selected, x)
			body["@odata.context"] = c.context("subscribedSkus/$entity")
			return reply{status: http.StatusOK, body: body}, nil
		}
	}
	return reply{}, notFound(c.args[0])
}

func (d *directory) listLicenseDetails(c *call) (reply, error) {
	if err := c.query.only(c.path, "$select"); err != nil {
		return reply{}, err
	}
	a, err := d.account(c.args[0])
	if err != nil {
		return reply{}, err
	}
	p := a.asOf(c.asOf)
	value := []map[string]any{}
	var seen []*sku
	for _, g := range p.grants {
		if !g.active() || slices.Contains(seen, g.sku) {
			continue
		}
		seen = append(seen, g.sku)
		status := func(x *plan) string {
			if slices.ContainsFunc(p.grants, func(o grant) bool { return o.sku == g.sku && o.active() && o.enables(x) }) {
				return "Success"
			}
			return "Disabled"
		}
		value = append(value, map[string]any{
			"id": stableID("licenseDetails", p.id+g.sku.id), "skuId": g.sku.id, "skuPartNumber": g.sku.partNumber,
			"servicePlans": servicePlans(g.sku.plans, status),
		})
	}
	if option := c.query.get("$select"); option != "" {
		for _, details := range value {
			for name := range details {
				if !slices.Contains(strings.Split(option, ","), name) {
					delete(details, name)
				}
			}
		}
	}
	return reply{status: http.StatusOK, body: map[string]any{
		"@odata.context": c.context("users('" + p.id + "')/licenseDetails"), "value": value,
	}}, nil
}

func (d *directory) teamsLicensing(c *call) (reply, error) {
	a, err := d.account(c.args[0])
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, body: map[string]any{
		"@odata.context": c.context("microsoft.graph.teamsLicensingDetails"), "hasTeamsLicense": a.asOf(c.asOf).hasPlan(planTeams),
	}}, nil
}
