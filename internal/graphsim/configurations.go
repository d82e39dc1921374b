package graphsim

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// teamsUser is a user as Teams knows them.
type teamsUser struct {
	*person
	created time.Time
	asOf    time.Time
}

var configurationProperties = newProperties("microsoft.graph.teamsAdministration.teamsUserConfiguration",
	property[teamsUser]{"id", true, func(u teamsUser) any { return u.id }},
	property[teamsUser]{"userPrincipalName", true, func(u teamsUser) any { return u.upn }},
	property[teamsUser]{"tenantId", true, func(teamsUser) any { return tenantID }},
	property[teamsUser]{"isEnterpriseVoiceEnabled", true, func(u teamsUser) any { return u.voice }},
	property[teamsUser]{"accountType", true, func(u teamsUser) any {
		if u.userType == "Guest" {
			return "guest"
		}
		return "user"
	}},
	property[teamsUser]{"featureTypes", true, func(u teamsUser) any { return u.features() }},
	property[teamsUser]{"telephoneNumbers", true, func(u teamsUser) any { return u.telephoneNumbers() }},
	property[teamsUser]{"effectivePolicyAssignments", true, func(u teamsUser) any { return u.policyAssignments() }},
	property[teamsUser]{"createdDateTime", true, func(u teamsUser) any { return timestamp(u.created) }},
	property[teamsUser]{"modifiedDateTime", true, func(u teamsUser) any { return timestamp(u.at) }},
)

func (p *person) features() []string {
	features := []string{}
	for _, known := range [][2]string{
		{planTeams, "Teams"}, {planPhone, "PhoneSystem"}, {"MCOPSTN1", "CallingPlan"}, {"MCOPSTN2", "CallingPlan"}, {"MCOMEETADV", "AudioConferencing"},
	} {
		if p.hasPlan(known[0]) && !slices.Contains(features, known[1]) {
			features = append(features, known[1])
		}
	}
	return features
}

func (u teamsUser) telephoneNumbers() []map[string]any {
	numbers := []map[string]any{}
	for _, l := range u.lines {
		if h := l.asOf(u.asOf); h.holder != nil {
			numbers = append(numbers, map[string]any{"telephoneNumber": l.number, "assignmentCategory": h.category})
		}
	}
	return numbers
}

// policyAssignments are the policies in force: those of the user's own before
// those of groups, the first group before the others.
func (p *person) policyAssignments() []map[string]any {
	inForce := map[string]map[string]any{}
	for kind, assigned := range p.policies {
		inForce[kind] = map[string]any{
			"displayName": assigned.name, "assignmentType": "direct", "policyId": assigned.id, "groupId": nil,
		}
	}
	for _, g := range slices.SortedFunc(slices.Values(p.groups), func(x, y *group) int { return cmp.Compare(x.index, y.index) }) {
		for kind, assigned := range g.policies {
			if inForce[kind] == nil {
				inForce[kind] = map[string]any{
					"displayName": assigned.name, "assignmentType": "group", "policyId": assigned.id, "groupId": g.id,
				}
			}
		}
	}
	list := make([]map[string]any, 0, len(inForce))
	for _, kind := range slices.Sorted(maps.Keys(inForce)) {
		list = append(list, map[string]any{"policyType": kind, "policyAssignment": inForce[kind]})
	}
	return list
}

func configurationField(u teamsUser, path string) any {
	if path == "featureTypes" {
		return u.features()
	}
	if path == "telephoneNumbers/telephoneNumber" {
		var numbers []string
		for _, l := range u.lines {
			numbers = append(numbers, l.number)
		}
		return numbers
	}
	found, ok := configurationProperties.find(path)
	if !ok {
		return nil
	}
	return found.get(u)
}

func configurationFilterable(path string) bool {
	if path == "telephoneNumbers/telephoneNumber" || path == "telephoneNumbers" {
		return true
	}
	_, known := configurationProperties.find(path)
	return known && path != "effectivePolicyAssignments"
}

func (d *directory) listConfigurations(c *call) (reply, error) {
	if err := c.query.only(c.path, "$select", "$filter", "$top", "$skiptoken"); err != nil {
		return reply{}, err
	}
	selected, err := configurationProperties.selection(c.query)
	if err != nil {
		return reply{}, err
	}
	wanted, err := filter(c.query, configurationFilterable)
	if err != nil {
		return reply{}, err
	}
	size, err := c.query.size("$top", 500, 1000)
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
	value := []map[string]any{}
	next := -1
	for i := from; i < len(candidates); i++ {
		u := teamsUser{person: candidates[i].asOf(c.asOf), created: d.created, asOf: c.asOf}
		if !u.inTeams || wanted != nil && !wanted.holds(func(path string) any { return configurationField(u, path) }) {
			continue
		}
		if len(value) == size {
			next = i
			break
		}
		value = append(value, project(selected, u))
	}
	body := map[string]any{"@odata.context": c.context("admin/teams/userConfigurations"), "value": value}
	if next >= 0 {
		body["@odata.nextLink"] = c.base + "/" + voicePath + "?" + c.query.with("$skiptoken", d.pageToken(next))
	}
	return reply{status: http.StatusOK, body: body}, nil
}

func (d *directory) getConfiguration(c *call) (reply, error) {
	if err := c.query.only(c.path, "$select"); err != nil {
		return reply{}, err
	}
	selected, err := configurationProperties.selection(c.query)
	if err != nil {
		return reply{}, err
	}
	a := d.byID[strings.ToLower(c.args[0])]
	if a == nil || !a.asOf(c.asOf).inTeams {
		return reply{}, unknownToTeams(c.args[0])
	}
	body := project(selected, teamsUser{person: a.asOf(c.asOf), created: d.created, asOf: c.asOf})
	body["@odata.context"] = c.context("admin/teams/userConfigurations/$entity")
	return reply{status: http.StatusOK, body: body}, nil
}

func unknownToTeams(id string) error {
	return refuse(http.StatusNotFound, "NotFound", "The user '%s' is not found", id)
}
