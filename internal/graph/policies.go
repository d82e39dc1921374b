package graph

import (
	"context"
	"strings"
	"time"

	abstractions "github.com/microsoft/kiota-abstractions-go"

	"tenure/internal/fault"
)

// policyLifetime is how long the id of a policy is kept. A refused assignment forgets all of them.
const policyLifetime = 5 * time.Minute

const policyPermission = "TeamsPolicyUserAssign.ReadWrite.All"

var (
	opPolicyID         = operation{"GET /admin/teams/policy/getPolicyId", "finding the policy", policyPermission}
	opAssignPolicies   = operation{"POST /admin/teams/policy/userAssignments/assign", "assigning the policies", policyPermission}
	opUnassignPolicies = operation{"POST /admin/teams/policy/userAssignments/unassign", "clearing the policies", policyPermission}
)

// PolicyAssignment is one policy to assign. Type is spelled as Teams spells it: TeamsCallingPolicy.
type PolicyAssignment struct {
	Type string
	ID   string
}

// PolicyID finds the id of a policy by type and name. An id is accepted as name where Graph does. None is BusinessRule with CodeUnknownPolicy. Answers are kept
// for five minutes. Permission: TeamsPolicyUserAssign.ReadWrite.All, although it only reads.
func (c *Client) PolicyID(ctx context.Context, policyType, name string) (string, error) {
	if err := required(opPolicyID, policyType, name); err != nil {
		return "", err
	}
	return c.policies.get(ctx, policyType+"\x00"+name, func(ctx context.Context) (string, error) {
		return c.findPolicy(ctx, policyType, name)
	})
}

func (c *Client) findPolicy(ctx context.Context, policyType, name string) (string, error) {
	type detail struct {
		Name string `json:"name"`
		ID   string `json:"policyId"`
	}
	var found page[detail]
	_, err := c.raw(ctx, opPolicyID, rawRequest{
		method: abstractions.GET, template: "/admin/teams/policy/getPolicyId(type='{type}',name='{name}')",
		path: map[string]string{"type": strings.ReplaceAll(policyType, "'", "''"), "name": strings.ReplaceAll(name, "'", "''")},
	}, func(body []byte) (err error) {
		found, err = many[detail](body)
		return err
	})
	if err != nil && !fault.Is(err, fault.NotFound) && !hasCode(err, CodeUnknownPolicy) {
		return "", err
	}
	bare := func(s string) string { return strings.TrimPrefix(s, "Tag:") }
	for _, p := range found.Value {
		if p.ID != "" && (strings.EqualFold(bare(p.Name), bare(name)) || p.ID == name) {
			return p.ID, nil
		}
	}
	f := fault.New(fault.BusinessRule, "finding the policy: the tenant has no %s named %q", policyType, name)
	f.Code, f.Hint = CodeUnknownPolicy, "check type and name of the policy in the catalog"
	return "", f
}

// policyOrder is how the interface wants assignments.
type policyOrder struct {
	Value []policyItem `json:"value"`
}

type policyItem struct {
	ODataType string `json:"@odata.type"`
	UserID    string `json:"userId"`
	Type      string `json:"policyType"`
	ID        string `json:"policyId,omitempty"`
}

const policyItemType = "#microsoft.graph.teamsAdministration.teamsPolicyUserAssignment"

// AssignPolicies gives the user these policies directly, in one request. Repeating it changes nothing. What becomes
// of the others when one is refused is not documented, so read TeamsUser back. No policies is a success without a
// request. Permission: TeamsPolicyUserAssign.ReadWrite.All.
func (c *Client) AssignPolicies(ctx context.Context, userID string, policies []PolicyAssignment) error {
	items := make([]policyItem, len(policies))
	for i, p := range policies {
		if err := required(opAssignPolicies, p.Type, p.ID); err != nil {
			return err
		}
		items[i] = policyItem{policyItemType, userID, p.Type, p.ID}
	}
	err := c.orderPolicies(ctx, opAssignPolicies, "/assign", userID, items)
	if fault.Is(err, fault.InvalidRequest) || fault.Is(err, fault.NotFound) || hasCode(err, CodeUnknownPolicy) {
		// An id that was kept may be that of a policy which has been made anew since.
		c.policies.clear()
	}
	return err
}

// UnassignPolicies takes the direct policies of these types from the user, who falls back to the group's or the
// tenant's. Repeating it changes nothing. Permission: TeamsPolicyUserAssign.ReadWrite.All.
func (c *Client) UnassignPolicies(ctx context.Context, userID string, policyTypes []string) error {
	items := make([]policyItem, len(policyTypes))
	for i, t := range policyTypes {
		if err := required(opUnassignPolicies, t); err != nil {
			return err
		}
		items[i] = policyItem{ODataType: policyItemType, UserID: userID, Type: t}
	}
	return c.orderPolicies(ctx, opUnassignPolicies, "/unassign", userID, items)
}

func (c *Client) orderPolicies(ctx context.Context, op operation, action, userID string, items []policyItem) error {
	if len(items) == 0 {
		return nil
	}
	if err := required(op, userID); err != nil {
		return err
	}
	_, err := c.raw(ctx, op, rawRequest{
		method: abstractions.POST, template: "/admin/teams/policy/userAssignments" + action, body: policyOrder{items},
	}, nil)
	return err
}
