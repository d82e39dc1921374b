package graphsim

import (
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// globalPolicy is the tenant's own policy of a type, which applies to whoever
// has no other.
const globalPolicy = "Global"

// policyTypes are the types of Teams policy that can be assigned to a user.
var policyTypes = []string{
	"CallingLineIdentity", "ExternalAccessPolicy", "OnlineVoicemailPolicy", "OnlineVoiceRoutingPolicy", "TenantDialPlan",
	"TeamsAppPermissionPolicy", "TeamsAppSetupPolicy", "TeamsAudioConferencingPolicy", "TeamsCallHoldPolicy", "TeamsCallParkPolicy",
	"TeamsCallingPolicy", "TeamsChannelsPolicy", "TeamsEmergencyCallRoutingPolicy", "TeamsEmergencyCallingPolicy",
	"TeamsEnhancedEncryptionPolicy", "TeamsEventsPolicy", "TeamsFeedbackPolicy", "TeamsFilesPolicy", "TeamsIPPhonePolicy",
	"TeamsMediaLoggingPolicy", "TeamsMeetingBroadcastPolicy", "TeamsMeetingBrandingPolicy", "TeamsMeetingPolicy", "TeamsMessagingPolicy",
	"TeamsMobilityPolicy", "TeamsRoomVideoTeleConferencingPolicy", "TeamsSharedCallingRoutingPolicy", "TeamsShiftsPolicy",
	"TeamsSurvivableBranchAppliancePolicy", "TeamsUpdateManagementPolicy", "TeamsUpgradePolicy", "TeamsVdiPolicy",
	"TeamsVideoInteropServicePolicy", "TeamsVoiceApplicationsPolicy",
}

// policyID makes an opaque id as Teams does, which isn't a GUID.
func policyID(kind, name string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(kind + "|Tag:" + name))
}

// findPolicy finds a policy of a type by name, with or without "Tag:", or id.
func (d *directory) findPolicy(kind, nameOrID string) *policy {
	name := strings.TrimPrefix(nameOrID, "Tag:")
	for _, p := range d.policies {
		if strings.EqualFold(p.kind, kind) && (strings.EqualFold(p.name, name) || p.id == nameOrID) {
			return p
		}
	}
	return nil
}

// policyKind is a type of policy in its proper case.
func (d *directory) policyKind(kind string) (string, bool) {
	for _, p := range d.policies {
		if strings.EqualFold(p.kind, kind) {
			return p.kind, true
		}
	}
	for _, known := range policyTypes {
		if strings.EqualFold(known, kind) {
			return known, true
		}
	}
	return "", false
}

func (d *directory) getPolicyID(c *call) (reply, error) {
	arguments := functionArguments(c.args[0])
	kind, name := arguments["type"], arguments["name"]
	if kind == "" || name == "" {
		return reply{}, teamsRefusal("The function 'getPolicyId' needs the parameters 'type' and 'name'.")
	}
	if _, known := d.policyKind(kind); !known {
		return reply{}, teamsRefusal("The policy type '%s' is not supported.", kind)
	}
	value := []map[string]any{}
	if found := d.findPolicy(kind, name); found != nil {
		value = append(value, map[string]any{"id": found.id, "name": "Tag:" + found.name, "policyId": found.id})
	}
	return reply{status: http.StatusOK, body: map[string]any{
		"@odata.context": c.context("Collection(microsoft.graph.teamsAdministration.policyIdentifierDetail)"), "value": value,
	}}, nil
}

// functionArguments reads name='value' pairs with doubled quotes inside.
func functionArguments(source string) map[string]string {
	arguments := map[string]string{}
	for source != "" {
		name, rest, found := strings.Cut(source, "=")
		rest = strings.TrimSpace(rest)
		if !found || !strings.HasPrefix(rest, "'") {
			return nil
		}
		var value strings.Builder
		i := 1
		for ; i < len(rest); i++ {
			if rest[i] == '\'' {
				if i+1 >= len(rest) || rest[i+1] != '\'' {
					break
				}
				i++
			}
			value.WriteByte(rest[i])
		}
		if i >= len(rest) {
			return nil
		}
		arguments[strings.TrimSpace(name)] = value.String()
		source = strings.TrimLeft(rest[i+1:], ", ")
	}
	return arguments
}

type policyOrder struct {
	UserID     string `json:"userId"`
	PolicyType string `json:"policyType"`
	PolicyID   string `json:"policyId"`
}

// policyOrders reads the body of assign and unassign.
func (d *directory) policyOrders(c *call) ([]policyOrder, []*account, error) {
	var body struct {
		Value *[]policyOrder `json:"value"`
	}
	if err := c.decode(&body); err != nil {
		return nil, nil, err
	}
	if body.Value == nil {
		return nil, nil, teamsRefusal("The parameter 'value' is missing from the request payload.")
	}
	var accounts []*account
	for i, order := range *body.Value {
		kind, known := d.policyKind(order.PolicyType)
		if !known {
			return nil, nil, teamsRefusal("The policy type '%s' is not supported.", order.PolicyType)
		}
		(*body.Value)[i].PolicyType = kind
		a := d.byID[strings.ToLower(order.UserID)]
		if a == nil || !a.latest.inTeams {
			return nil, nil, unknownToTeams(order.UserID)
		}
		accounts = append(accounts, a)
	}
	return *body.Value, accounts, nil
}

func (d *directory) assignPolicies(c *call) (reply, error) {
	orders, accounts, err := d.policyOrders(c)
	if err != nil {
		return reply{}, err
	}
	wanted := make([]*policy, len(orders))
	for i, order := range orders {
		at := slices.IndexFunc(d.policies, func(p *policy) bool { return p.kind == order.PolicyType && p.id == order.PolicyID })
		if at < 0 {
			return reply{}, teamsRefusal("The policy '%s' of type '%s' is not found.", order.PolicyID, order.PolicyType)
		}
		wanted[i] = d.policies[at]
	}
	for i, a := range accounts {
		d.setPolicy(c, a, orders[i].PolicyType, wanted[i])
	}
	return reply{status: http.StatusNoContent}, nil
}

func (d *directory) unassignPolicies(c *call) (reply, error) {
	orders, accounts, err := d.policyOrders(c)
	if err != nil {
		return reply{}, err
	}
	for i, a := range accounts {
		d.setPolicy(c, a, orders[i].PolicyType, nil)
	}
	return reply{status: http.StatusNoContent}, nil
}

// setPolicy assigns a policy; none, or the global one, falls back to the
// tenant's own.
func (d *directory) setPolicy(c *call, a *account, kind string, assigned *policy) {
	d.change(a, c.now, func(p *person) {
		p.policies = maps.Clone(p.policies)
		if assigned == nil || strings.EqualFold(assigned.name, globalPolicy) {
			delete(p.policies, kind)
			return
		}
		if p.policies == nil {
			p.policies = map[string]*policy{}
		}
		p.policies[kind] = assigned
	})
}
