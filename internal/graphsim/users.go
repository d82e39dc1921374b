package graphsim

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// userProperties are the properties of a user that can be selected. Those
// Microsoft defines but the tenant has no use for are null or empty, as they
// would be for somebody who never had them.
var userProperties = newProperties("Microsoft.DirectoryServices.User", append([]property[*person]{
	{"businessPhones", true, func(p *person) any { return texts(p.businessPhones) }},
	{"displayName", true, func(p *person) any { return text(p.displayName) }},
	{"givenName", true, func(p *person) any { return text(p.givenName) }},
	{"id", true, func(p *person) any { return p.id }},
	{"jobTitle", true, attribute("jobTitle")},
	{"mail", true, func(p *person) any { return text(p.mail()) }},
	{"mobilePhone", true, attribute("mobilePhone")},
	{"officeLocation", true, attribute("officeLocation")},
	{"preferredLanguage", true, attribute("preferredLanguage")},
	{"surname", true, func(p *person) any { return text(p.surname) }},
	{"userPrincipalName", true, func(p *person) any { return p.upn }},
	{"accountEnabled", false, func(p *person) any { return p.enabled }},
	{"assignedLicenses", false, func(p *person) any { return p.assignedLicenses() }},
	{"assignedPlans", false, func(p *person) any { return p.assignedPlans() }},
	{"city", false, func(p *person) any { return text(p.city) }},
	{"deletedDateTime", false, nothing},
	{"department", false, func(p *person) any { return text(p.department) }},
	{"imAddresses", false, func(*person) any { return []string{} }},
	{"licenseAssignmentStates", false, func(p *person) any { return p.licenseStates() }},
	{"onPremisesExtensionAttributes", false, nothing},
	{"onPremisesLastSyncDateTime", false, nothing},
	{"onPremisesProvisioningErrors", false, func(*person) any { return []string{} }},
	{"onPremisesSyncEnabled", false, func(p *person) any {
		if p.synced == nil {
			return nil
		}
		return *p.synced
	}},
	{"otherMails", false, func(*person) any { return []string{} }},
	{"provisionedPlans", false, func(p *person) any { return p.provisionedPlans() }},
	{"proxyAddresses", false, func(*person) any { return []string{} }},
	{"signInSessionsValidFromDateTime", false, func(p *person) any { return timestamp(p.sessionsValidFrom) }},
	{"usageLocation", false, func(p *person) any { return text(p.usageLocation) }},
	{"userType", false, func(p *person) any { return text(p.userType) }},
}, textAttributes()...)...)

// attributeNames are the text properties that only PATCH and State.Attributes
// give a value.
var attributeNames = []string{
	"jobTitle", "mobilePhone", "officeLocation", "preferredLanguage", "companyName", "country", "employeeId", "employeeType",
	"faxNumber", "postalCode", "state", "streetAddress",
}

// neverSet are properties that stay null.
var neverSet = []string{
	"ageGroup", "consentProvidedForMinor", "createdDateTime", "creationType", "externalUserState", "legalAgeGroupClassification",
	"mailNickname", "onPremisesDistinguishedName", "onPremisesDomainName", "onPremisesImmutableId", "onPremisesSamAccountName",
	"onPremisesSecurityIdentifier", "onPremisesUserPrincipalName", "passwordPolicies", "preferredDataLocation", "securityIdentifier",
	"employeeHireDate", "employeeLeaveDateTime", "employeeOrgData", "isResourceAccount", "isManagementRestricted", "showInAddressList",
	"externalUserStateChangeDateTime", "lastPasswordChangeDateTime",
}

// singleOnly can be read of one user but not of a collection.
var singleOnly = []string{
	"aboutMe", "birthday", "hireDate", "interests", "mySite", "pastProjects", "preferredName", "responsibilities", "schools", "skills",
	"mailboxSettings", "deviceEnrollmentLimit", "print",
}

// basicOnly is what User.ReadBasic.All lets an application see; everything
// else reads as null.
var basicOnly = []string{"displayName", "givenName", "id", "mail", "surname", "userPrincipalName"}

func textAttributes() []property[*person] {
	var list []property[*person]
	for _, name := range attributeNames[4:] {
		list = append(list, property[*person]{name: name, get: attribute(name)})
	}
	for _, name := range neverSet {
		list = append(list, property[*person]{name: name, get: nothing})
	}
	return list
}

func attribute(name string) func(*person) any {
	return func(p *person) any { return text(p.attributes[name]) }
}

func nothing(*person) any { return nil }

func timestamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

func (p *person) mail() string {
	if p.userType == "Guest" {
		return ""
	}
	return p.upn
}

// userSelection reads $select for a user and narrows it to what the permission
// shows.
func userSelection(c *call, collection bool) ([]property[*person], error) {
	for name := range strings.SplitSeq(c.query.get("$select"), ",") {
		if slices.Contains(singleOnly, strings.TrimSpace(name)) {
			if collection {
				return nil, refuse(http.StatusNotImplemented, "NotImplemented", "The property '%s' cannot be selected on a collection of users.", name)
			}
			return nil, notModelled("the property %s of a user", name)
		}
	}
	selected, err := userProperties.selection(c.query)
	if err != nil || holdsAny(c.roles, readUsers...) {
		return selected, err
	}
	narrowed := slices.Clone(selected)
	for i := range narrowed {
		if !slices.Contains(basicOnly, narrowed[i].name) {
			narrowed[i].get = nothing
		}
	}
	return narrowed, nil
}

// userField resolves the paths that can be filtered.
func userField(p *person, path string) any {
	switch path {
	case "assignedLicenses/skuId":
		var ids []string
		for _, license := range p.assignedLicenses() {
			ids = append(ids, license.SKUID)
		}
		return ids
	case "assignedLicenses/$count":
		return len(p.assignedLicenses())
	case "assignedPlans/servicePlanId":
		return p.activePlanIDs()
	case "businessPhones":
		return p.businessPhones
	}
	found, ok := userProperties.find(path)
	if !ok {
		return nil
	}
	return found.get(p)
}

func userFilterable(path string) bool {
	switch path {
	case "assignedLicenses/skuId", "assignedLicenses/$count", "assignedLicenses", "assignedPlans/servicePlanId", "assignedPlans":
		return true
	case "licenseAssignmentStates", "provisionedPlans":
		return false
	}
	_, known := userProperties.find(path)
	return known
}

// requireAdvanced guards what the directory offers only as an advanced query.
func requireAdvanced(c *call, condition condition) error {
	eventual := strings.EqualFold(c.header.Get("ConsistencyLevel"), "eventual")
	counted := strings.EqualFold(c.query.get("$count"), "true")
	operator := ""
	if condition != nil {
		operator = advanced(condition)
	}
	if operator == "" && c.query.has("$orderby") && condition != nil {
		operator = "$orderby"
	}
	switch {
	case operator == "" && counted && !eventual:
		return unsupportedQuery("$count is not currently supported without the 'ConsistencyLevel:eventual' header.")
	case operator == "":
		return nil
	case !eventual:
		return unsupportedQuery("Operator '%s' is not supported because the 'ConsistencyLevel:eventual' header is missing. Refer to https://aka.ms/graph-docs/advanced-queries for more information", operator)
	case !counted:
		return unsupportedQuery("Operator '%s' is not supported because the required parameters might be missing. Try adding $count=true query parameter. Refer to https://aka.ms/graph-docs/advanced-queries for more information", operator)
	}
	return nil
}

func (d *directory) listUsers(c *call) (reply, error) {
	if c.query.has("$skip") {
		return reply{}, badRequest("'$skip' is not supported by the service.")
	}
	if err := c.query.only(c.path, "$select", "$filter", "$top", "$count", "$orderby", "$skiptoken"); err != nil {
		return reply{}, err
	}
	selected, err := userSelection(c, true)
	if err != nil {
		return reply{}, err
	}
	wanted, err := filter(c.query, userFilterable)
	if err != nil {
		return reply{}, err
	}
	if err := requireAdvanced(c, wanted); err != nil {
		return reply{}, err
	}
	size, err := c.query.size("$top", 100, 999)
	if err != nil {
		return reply{}, err
	}
	from, err := d.offset(c.query)
	if err != nil {
		return reply{}, err
	}
	candidates := d.accounts
	if one, narrow := d.single(wanted); narrow {
		candidates = one
	}
	if c.query.has("$orderby") {
		if candidates, err = ordered(candidates, c); err != nil {
			return reply{}, err
		}
	}
	matches := func(a *account) (*person, bool) {
		p := a.asOf(c.asOf)
		if p.removed || a.latest.removed {
			return nil, false
		}
		return p, wanted == nil || wanted.holds(func(path string) any { return userField(p, path) })
	}
	value := []map[string]any{}
	next := -1
	for i := from; i < len(candidates); i++ {
		p, ok := matches(candidates[i])
		if !ok {
			continue
		}
		if len(value) == size {
			next = i
			break
		}
		value = append(value, project(selected, p))
	}
	body := map[string]any{"@odata.context": c.context("users" + selectedContext(c.query)), "value": value}
	if next >= 0 {
		body["@odata.nextLink"] = c.base + "/users?" + c.query.with("$skiptoken", d.pageToken(next))
	}
	if strings.EqualFold(c.query.get("$count"), "true") {
		count := 0
		for _, a := range candidates {
			if _, ok := matches(a); ok {
				count++
			}
		}
		body["@odata.count"] = count
	}
	return reply{status: http.StatusOK, body: body}, nil
}

// single recognises a filter that can only match one user, so that finding
// somebody by name doesn't read the whole directory.
func (d *directory) single(wanted condition) ([]*account, bool) {
	c, ok := wanted.(comparison)
	if !ok || c.operator != "eq" || c.value.kind != textLiteral {
		return nil, false
	}
	var a *account
	switch c.path {
	case "id":
		a = d.byID[strings.ToLower(c.value.text)]
	case "userPrincipalName":
		a = d.byUPN[strings.ToLower(c.value.text)]
	default:
		return nil, false
	}
	if a == nil {
		return nil, true
	}
	return []*account{a}, true
}

func ordered(accounts []*account, c *call) ([]*account, error) {
	path, direction, _ := strings.Cut(c.query.get("$orderby"), " ")
	if path != "displayName" && path != "userPrincipalName" {
		return nil, notModelled("$orderby %s on users", path)
	}
	sorted := slices.Clone(accounts)
	key := func(a *account) string {
		value, _ := userField(a.asOf(c.asOf), path).(string)
		return strings.ToLower(value)
	}
	slices.SortStableFunc(sorted, func(x, y *account) int {
		if strings.EqualFold(strings.TrimSpace(direction), "desc") {
			x, y = y, x
		}
		return strings.Compare(key(x), key(y))
	})
	return sorted, nil
}

func selectedContext(q query) string {
	if option := q.get("$select"); option != "" {
		return "(" + option + ")"
	}
	return ""
}

func (d *directory) countUsers(c *call) (reply, error) {
	if !strings.EqualFold(c.header.Get("ConsistencyLevel"), "eventual") {
		return reply{}, unsupportedQuery("$count is not currently supported without the 'ConsistencyLevel:eventual' header.")
	}
	if err := c.query.only(c.path, "$filter"); err != nil {
		return reply{}, err
	}
	wanted, err := filter(c.query, userFilterable)
	if err != nil {
		return reply{}, err
	}
	count := 0
	for _, a := range d.accounts {
		p := a.asOf(c.asOf)
		if !a.latest.removed && (wanted == nil || wanted.holds(func(path string) any { return userField(p, path) })) {
			count++
		}
	}
	return reply{status: http.StatusOK, body: strconv.Itoa(count)}, nil
}

func (d *directory) getUser(c *call) (reply, error) {
	if err := c.query.only(c.path, "$select"); err != nil {
		return reply{}, err
	}
	a, err := d.account(c.args[0])
	if err != nil {
		return reply{}, err
	}
	selected, err := userSelection(c, false)
	if err != nil {
		return reply{}, err
	}
	body := project(selected, a.asOf(c.asOf))
	body["@odata.context"] = c.context("users" + selectedContext(c.query) + "/$entity")
	return reply{status: http.StatusOK, body: body}, nil
}

// wholeUser is the answer of the license actions: the user after the change,
// default properties and all licenses.
func wholeUser(c *call, p *person) reply {
	body := project(userProperties.standard, p)
	for _, name := range []string{"accountEnabled", "assignedLicenses", "assignedPlans", "provisionedPlans", "usageLocation"} {
		found, _ := userProperties.find(name)
		body[name] = found.get(p)
	}
	body["@odata.context"] = c.context("users/$entity")
	return reply{status: http.StatusOK, body: body}
}

func (d *directory) deleteUser(c *call) (reply, error) {
	a, err := d.account(c.args[0])
	if err != nil {
		return reply{}, err
	}
	d.remove(a, c.now)
	return reply{status: http.StatusNoContent}, nil
}

func (d *directory) revokeSessions(c *call) (reply, error) {
	a, err := d.account(c.args[0])
	if err != nil {
		return reply{}, err
	}
	d.change(a, c.now, func(p *person) { p.sessionsValidFrom = c.now })
	return reply{status: http.StatusOK, body: map[string]any{"@odata.context": c.context("Edm.Boolean"), "value": true}}, nil
}
