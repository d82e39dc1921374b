package graphsim

import (
	"net/http"
	"strings"
)

// route is one operation of Graph that the tenant knows.
type route struct {
	method  string
	pattern []string
	cost    int // resource units before $select, $expand and $top
	access  access
	handle  func(*directory, *call) (reply, error)
}

func newRoute(method, pattern string, cost int, a access, handle func(*directory, *call) (reply, error)) route {
	return route{method: method, pattern: strings.Split(pattern, "/"), cost: cost, access: a, handle: handle}
}

const (
	numbersPath    = "admin/teams/telephoneNumberManagement/numberAssignments"
	operationsPath = "admin/teams/telephoneNumberManagement/operations"
	voicePath      = "admin/teams/userConfigurations"
	policyPath     = "admin/teams/policy"
)

// routes is everything the tenant answers. A placeholder {x} takes one
// segment; name({x}) takes a function call with its arguments. Earlier routes
// win.
var routes = []route{
	newRoute("GET", "users", 2, directoryAccess(readUserBasic), (*directory).listUsers),
	newRoute("GET", "users/$count", 1, directoryAccess(readUserBasic), (*directory).countUsers),
	newRoute("GET", "users/delta", 1, directoryAccess(readUsers), (*directory).userDelta),
	newRoute("GET", "users/{id}", 1, directoryAccess(readUserBasic), (*directory).getUser),
	newRoute("PATCH", "users/{id}", 1, access{}, (*directory).patchUser),
	newRoute("DELETE", "users/{id}", 1, directoryAccess(deleteUsers), (*directory).deleteUser),
	newRoute("POST", "users/{id}/revokeSignInSessions", 1, directoryAccess(revokeUsers), (*directory).revokeSessions),
	newRoute("POST", "users/{id}/assignLicense", 1, directoryAccess(writeLicenses), (*directory).assignLicense),
	newRoute("POST", "users/{id}/reprocessLicenseAssignment", 1, directoryAccess(writeLicenses), (*directory).reprocessLicenses),
	newRoute("GET", "users/{id}/licenseDetails", 2, directoryAccess(readDetails), (*directory).listLicenseDetails),
	newRoute("GET", "users/{id}/licenseDetails/getTeamsLicensingDetails", 2, directoryAccess(readDetails), (*directory).teamsLicensing),
	newRoute("GET", "users/{id}/memberOf", 2, directoryAccess(readGroups, readUsers), (*directory).listMemberOf),
	newRoute("GET", "users/{id}/memberOf/microsoft.graph.group", 2, directoryAccess(readGroups, readUsers), (*directory).listMemberOfGroups),
	newRoute("GET", "users/{id}/memberOf/graph.group", 2, directoryAccess(readGroups, readUsers), (*directory).listMemberOfGroups),

	newRoute("GET", "subscribedSkus", 3, directoryAccess(readSKUs), (*directory).listSKUs),
	newRoute("GET", "subscribedSkus/{id}", 1, directoryAccess(readSKUs), (*directory).getSKU),

	newRoute("GET", "groups", 2, directoryAccess(readGroups), (*directory).listGroups),
	newRoute("GET", "groups/{id}", 1, directoryAccess(readGroups), (*directory).getGroup),
	newRoute("PATCH", "groups/{id}", 1, directoryAccess(writeMembers), (*directory).patchGroup),
	newRoute("GET", "groups/{id}/members", 3, directoryAccess(readGroups), (*directory).listMembers),
	newRoute("GET", "groups/{id}/members/microsoft.graph.user", 3, directoryAccess(readGroups), (*directory).listMembers),
	newRoute("GET", "groups/{id}/membersWithLicenseErrors", 3, directoryAccess(readGroups), (*directory).listLicenseErrors),
	newRoute("POST", "groups/{id}/members/$ref", 1, directoryAccess(writeMembers), (*directory).addMember),
	newRoute("DELETE", "groups/{id}/members/{id}/$ref", 1, directoryAccess(writeMembers), (*directory).removeMember),
	newRoute("DELETE", "groups/{id}/members/{id}", 1, access{}, (*directory).refuseMemberDelete),

	newRoute("GET", numbersPath, 1, teamsAccess("TeamsTelephoneNumber.Read.All", "TeamsTelephoneNumber.ReadWrite.All"), (*directory).listNumbers),
	newRoute("POST", numbersPath+"/assignNumber", 1, teamsAccess("TeamsTelephoneNumber.ReadWrite.All"), (*directory).assignNumber),
	newRoute("POST", numbersPath+"/unassignNumber", 1, teamsAccess("TeamsTelephoneNumber.ReadWrite.All"), (*directory).unassignNumber),
	newRoute("POST", numbersPath+"/updateNumber", 1, teamsAccess("TeamsTelephoneNumber.ReadWrite.All"), (*directory).updateNumber),
	newRoute("GET", numbersPath+"/{id}", 1, teamsAccess("TeamsTelephoneNumber.Read.All", "TeamsTelephoneNumber.ReadWrite.All"), (*directory).getNumber),
	newRoute("GET", operationsPath+"/{id}", 1, teamsAccess("TeamsTelephoneNumber.Read.All", "TeamsTelephoneNumber.ReadWrite.All"), (*directory).getOperation),

	newRoute("GET", voicePath, 1, teamsAccess("TeamsUserConfiguration.Read.All"), (*directory).listConfigurations),
	newRoute("GET", voicePath+"/{id}", 1, teamsAccess("TeamsUserConfiguration.Read.All"), (*directory).getConfiguration),

	newRoute("GET", policyPath+"/getPolicyId({arguments})", 1, teamsAccess("TeamsPolicyUserAssign.ReadWrite.All"), (*directory).getPolicyID),
	newRoute("POST", policyPath+"/userAssignments/assign", 1, teamsAccess("TeamsPolicyUserAssign.ReadWrite.All"), (*directory).assignPolicies),
	newRoute("POST", policyPath+"/userAssignments/unassign", 1, teamsAccess("TeamsPolicyUserAssign.ReadWrite.All"), (*directory).unassignPolicies),
}

// findRoute gives the route and the values of its placeholders. A path that is
// known with other methods is 405, an unknown one 501.
func findRoute(method string, segments []string) (*route, []string, error) {
	var otherMethods []string
	for i := range routes {
		args, matched := routes[i].match(segments)
		if !matched {
			continue
		}
		if routes[i].method == method {
			return &routes[i], args, nil
		}
		otherMethods = append(otherMethods, routes[i].method)
	}
	path := "/" + strings.Join(segments, "/")
	if len(otherMethods) > 0 {
		return nil, nil, &graphError{
			status: http.StatusMethodNotAllowed, code: "Request_BadRequest",
			message: "Specified HTTP method is not allowed for the request target: " + method + " " + path + ".",
			header:  http.Header{"Allow": {strings.Join(otherMethods, ", ")}},
		}
	}
	return nil, nil, notModelled("%s %s", method, path)
}

func (r *route) match(segments []string) ([]string, bool) {
	if len(segments) != len(r.pattern) {
		return nil, false
	}
	var args []string
	for i, wanted := range r.pattern {
		given := segments[i]
		name, _, isCall := strings.Cut(wanted, "({")
		switch {
		case isCall:
			arguments, ok := strings.CutPrefix(given, name+"(")
			if !ok || !strings.HasSuffix(arguments, ")") {
				return nil, false
			}
			args = append(args, strings.TrimSuffix(arguments, ")"))
		case wanted[0] == '{':
			args = append(args, given)
		case !strings.EqualFold(wanted, given):
			return nil, false
		}
	}
	return args, true
}

// units is the cost of the request in resource units.
func (r *route) units(q query) int {
	cost := r.cost
	if q.has("$select") {
		cost--
	}
	if q.has("$expand") {
		cost++
	}
	if n, err := q.size("$top", 100, 999); err == nil && q.has("$top") && n < 20 {
		cost--
	}
	return max(cost, 1)
}
