package graphsim

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

var groupKinds = []GroupKind{GroupSecurity, GroupM365, GroupDynamic, GroupSynced, GroupMail, GroupRoleAssignable}

var groupProperties = newProperties("Microsoft.DirectoryServices.Group",
	property[*group]{"id", true, func(g *group) any { return g.id }},
	property[*group]{"deletedDateTime", true, noGroupValue},
	property[*group]{"classification", true, noGroupValue},
	property[*group]{"createdDateTime", true, noGroupValue},
	property[*group]{"description", true, noGroupValue},
	property[*group]{"displayName", true, func(g *group) any { return text(g.name) }},
	property[*group]{"expirationDateTime", true, noGroupValue},
	property[*group]{"groupTypes", true, func(g *group) any { return g.types() }},
	property[*group]{"isAssignableToRole", true, func(g *group) any {
		if g.kind == GroupRoleAssignable {
			return true
		}
		return nil
	}},
	property[*group]{"mail", true, func(g *group) any {
		if !g.mailEnabled() {
			return nil
		}
		return g.nickname() + "@" + defaultDomain
	}},
	property[*group]{"mailEnabled", true, func(g *group) any { return g.mailEnabled() }},
	property[*group]{"mailNickname", true, func(g *group) any { return g.nickname() }},
	property[*group]{"membershipRule", true, func(g *group) any {
		if g.kind != GroupDynamic {
			return nil
		}
		return `user.department -eq "` + g.name + `"`
	}},
	property[*group]{"membershipRuleProcessingState", true, func(g *group) any {
		if g.kind != GroupDynamic {
			return nil
		}
		return "On"
	}},
	property[*group]{"onPremisesDomainName", true, noGroupValue},
	property[*group]{"onPremisesLastSyncDateTime", true, noGroupValue},
	property[*group]{"onPremisesSamAccountName", true, noGroupValue},
	property[*group]{"onPremisesSecurityIdentifier", true, noGroupValue},
	property[*group]{"onPremisesSyncEnabled", true, func(g *group) any {
		if g.kind == GroupSynced {
			return true
		}
		return nil
	}},
	property[*group]{"preferredDataLocation", true, noGroupValue},
	property[*group]{"preferredLanguage", true, noGroupValue},
	property[*group]{"proxyAddresses", true, func(*group) any { return []string{} }},
	property[*group]{"renewedDateTime", true, noGroupValue},
	property[*group]{"securityEnabled", true, func(g *group) any { return g.kind != GroupM365 }},
	property[*group]{"securityIdentifier", true, noGroupValue},
	property[*group]{"theme", true, noGroupValue},
	property[*group]{"visibility", true, noGroupValue},
	property[*group]{"assignedLicenses", false, func(g *group) any {
		licenses := make([]assignedLicense, 0, len(g.licenses))
		for _, x := range g.licenses {
			licenses = append(licenses, assignedLicense{SKUID: x.id, DisabledPlans: []string{}})
		}
		return licenses
	}},
	property[*group]{"hasMembersWithLicenseErrors", false, func(g *group) any { return g.hasLicenseErrors() }},
	property[*group]{"licenseProcessingState", false, func(g *group) any { return g.processing() }},
)

func noGroupValue(*group) any { return nil }

func (g *group) types() []string {
	switch g.kind {
	case GroupM365:
		return []string{"Unified"}
	case GroupDynamic:
		return []string{"DynamicMembership"}
	}
	return []string{}
}

func (g *group) mailEnabled() bool { return g.kind == GroupM365 || g.kind == GroupMail }

func (g *group) nickname() string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if r == ' ' || r == '@' {
			return -1
		}
		return r
	}, g.name))
}

func groupField(g *group, path string) any {
	switch path {
	case "assignedLicenses/skuId":
		var ids []string
		for _, x := range g.licenses {
			ids = append(ids, x.id)
		}
		return ids
	case "assignedLicenses/$count":
		return len(g.licenses)
	}
	found, ok := groupProperties.find(path)
	if !ok {
		return nil
	}
	return found.get(g)
}

func groupFilterable(path string) bool {
	switch path {
	case "assignedLicenses", "assignedLicenses/skuId", "assignedLicenses/$count":
		return true
	case "licenseProcessingState":
		return false
	}
	_, known := groupProperties.find(path)
	return known
}

// groupPage writes a selection of groups, filtered and paged, as a collection.
func (d *directory) groupPage(c *call, groups []*group, context, path string, typed bool) (reply, error) {
	if err := c.query.only(c.path, "$select", "$filter", "$top", "$count", "$skiptoken"); err != nil {
		return reply{}, err
	}
	selected, err := groupProperties.selection(c.query)
	if err != nil {
		return reply{}, err
	}
	wanted, err := filter(c.query, groupFilterable)
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
	matching := make([]*group, 0, len(groups))
	for _, g := range groups {
		if wanted == nil || wanted.holds(func(path string) any { return groupField(g, path) }) {
			matching = append(matching, g)
		}
	}
	value := []map[string]any{}
	for _, g := range matching[min(from, len(matching)):min(from+size, len(matching))] {
		entry := project(selected, g)
		if typed {
			entry["@odata.type"] = "#microsoft.graph.group"
		}
		value = append(value, entry)
	}
	body := map[string]any{"@odata.context": c.context(context), "value": value}
	if from+size < len(matching) {
		body["@odata.nextLink"] = c.base + path + "?" + c.query.with("$skiptoken", d.pageToken(from+size))
	}
	if strings.EqualFold(c.query.get("$count"), "true") {
		body["@odata.count"] = len(matching)
	}
	return reply{status: http.StatusOK, body: body}, nil
}

func (d *directory) listGroups(c *call) (reply, error) {
	return d.groupPage(c, d.groups, "groups"+selectedContext(c.query), "/groups", false)
}

func (d *directory) getGroup(c *call) (reply, error) {
	if err := c.query.only(c.path, "$select"); err != nil {
		return reply{}, err
	}
	g, err := d.group(c.args[0])
	if err != nil {
		return reply{}, err
	}
	selected, err := groupProperties.selection(c.query)
	if err != nil {
		return reply{}, err
	}
	body := project(selected, g)
	body["@odata.context"] = c.context("groups" + selectedContext(c.query) + "/$entity")
	return reply{status: http.StatusOK, body: body}, nil
}

func (d *directory) listMemberOf(c *call) (reply, error) {
	a, err := d.account(c.args[0])
	if err != nil {
		return reply{}, err
	}
	return d.groupPage(c, a.asOf(c.asOf).groups, "directoryObjects", "/users/"+url.PathEscape(c.args[0])+"/memberOf", true)
}

// listMemberOfGroups is memberOf cast to groups, which is an advanced query.
func (d *directory) listMemberOfGroups(c *call) (reply, error) {
	if !strings.EqualFold(c.header.Get("ConsistencyLevel"), "eventual") || !strings.EqualFold(c.query.get("$count"), "true") {
		return reply{}, unsupportedQuery("The specified cast is not supported because the 'ConsistencyLevel:eventual' header or $count=true is missing. Refer to https://aka.ms/graph-docs/advanced-queries for more information")
	}
	a, err := d.account(c.args[0])
	if err != nil {
		return reply{}, err
	}
	path := "/users/" + url.PathEscape(c.args[0]) + "/memberOf/microsoft.graph.group"
	return d.groupPage(c, a.asOf(c.asOf).groups, "groups"+selectedContext(c.query), path, false)
}

func (d *directory) listMembers(c *call) (reply, error) {
	g, err := d.group(c.args[0])
	if err != nil {
		return reply{}, err
	}
	return d.directoryObjects(c, g.members)
}

// directoryObjects writes users as members of something.
func (d *directory) directoryObjects(c *call, accounts []*account) (reply, error) {
	if err := c.query.only(c.path, "$select", "$top", "$count", "$skiptoken"); err != nil {
		return reply{}, err
	}
	selected, err := userSelection(c, true)
	if err != nil {
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
	value := []map[string]any{}
	for _, a := range accounts[min(from, len(accounts)):min(from+size, len(accounts))] {
		entry := project(selected, a.latest)
		entry["@odata.type"] = "#microsoft.graph.user"
		value = append(value, entry)
	}
	body := map[string]any{"@odata.context": c.context("directoryObjects"), "value": value}
	if from+size < len(accounts) {
		body["@odata.nextLink"] = c.base + strings.TrimPrefix(c.path, "/v1.0") + "?" + c.query.with("$skiptoken", d.pageToken(from+size))
	}
	if strings.EqualFold(c.query.get("$count"), "true") {
		body["@odata.count"] = len(accounts)
	}
	return reply{status: http.StatusOK, body: body}, nil
}

// checkMembersWritable refuses the groups whose members are decided elsewhere.
// The refusal of a dynamic group can't be told from a missing permission.
func (g *group) checkMembersWritable(c *call) error {
	switch g.kind {
	case GroupDynamic:
		return denied()
	case GroupSynced:
		return badRequest(onPremisesMastered)
	case GroupMail:
		return badRequest("Cannot Update a mail-enabled security groups and or distribution list.")
	case GroupRoleAssignable:
		if !holdsAny(c.roles, writeRoleGroups) {
			return denied()
		}
	}
	return nil
}

// referenced reads the user that an @odata.id points to.
func (d *directory) referenced(reference string) (*account, error) {
	parsed, err := url.Parse(reference)
	if err != nil {
		return nil, badRequest("Invalid URL format specified in @odata.bind: %s.", reference)
	}
	_, segments := splitPath(parsed.EscapedPath())
	if len(segments) != 2 || !slices.Contains([]string{"directoryObjects", "users"}, segments[0]) {
		return nil, badRequest("Invalid object reference: %s.", reference)
	}
	return d.account(segments[1])
}

func alreadyMember() error {
	return badRequest("One or more added object references already exist for the following modified properties: 'members'.")
}

func (d *directory) addMember(c *call) (reply, error) {
	var given map[string]json.RawMessage
	if err := c.decode(&given); err != nil {
		return reply{}, err
	}
	var reference string
	if json.Unmarshal(given["@odata.id"], &reference) != nil || reference == "" {
		return reply{}, badRequest("A value is required for property '@odata.id'.")
	}
	if err := d.addMembers(c, []string{reference}); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, nil
}

// addMembers adds all or none.
func (d *directory) addMembers(c *call, references []string) error {
	g, err := d.group(c.args[0])
	if err != nil {
		return err
	}
	var added []*account
	for _, reference := range references {
		a, err := d.referenced(reference)
		if err != nil {
			return err
		}
		added = append(added, a)
	}
	if err := g.checkMembersWritable(c); err != nil {
		return err
	}
	for i, a := range added {
		if g.contains(a) || slices.Contains(added[:i], a) {
			return alreadyMember()
		}
	}
	for _, a := range added {
		d.join(a, g, c.now)
	}
	return nil
}

const bindLimit = 20

func (d *directory) patchGroup(c *call) (reply, error) {
	var given map[string]json.RawMessage
	if err := c.decode(&given); err != nil {
		return reply{}, err
	}
	var references []string
	for name, raw := range given {
		switch {
		case name == "members@odata.bind":
			if json.Unmarshal(raw, &references) != nil {
				return reply{}, badRequest("Invalid value specified for property 'members' of resource 'Group'.")
			}
		case !strings.HasPrefix(name, "@odata."):
			return reply{}, notModelled("PATCH of the property %s of a group", name)
		}
	}
	if len(references) > bindLimit {
		return reply{}, badRequest("The number of items in 'members@odata.bind' exceeds the limit of %d.", bindLimit)
	}
	if err := d.addMembers(c, references); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, nil
}

func (d *directory) removeMember(c *call) (reply, error) {
	g, err := d.group(c.args[0])
	if err != nil {
		return reply{}, err
	}
	a, err := d.account(c.args[1])
	if err != nil {
		return reply{}, err
	}
	if err := g.checkMembersWritable(c); err != nil {
		return reply{}, err
	}
	if !g.contains(a) {
		return reply{}, notFound(c.args[1])
	}
	d.leave(a, g, c.now)
	return reply{status: http.StatusNoContent}, nil
}

// refuseMemberDelete answers DELETE of a member without /$ref. The real
// service would delete the user, which no caller of this can have meant.
func (d *directory) refuseMemberDelete(c *call) (reply, error) {
	return reply{}, refuse(http.StatusMethodNotAllowed, "Refused",
		"DELETE %s without /$ref would delete the user, not the membership. graphsim refuses it.", c.path)
}
