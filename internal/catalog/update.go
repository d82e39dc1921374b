package catalog

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tenure/internal/lifecycle"
)

// UpdateOf is what the catalog and the request say about changing single things of a user who is at nodePath: the fields of
// request.Set, as far as the field display policy for subscribers lets the role that the requester acts as edit them (R131).
// CurrentRole is left to the caller.
//
// The error is a *lifecycle.Refusal: "unknown-node", "unknown-field", "invalid-value", "unknown-role", "nothing-to-update" (all
// invalid input), "no-tenant", "field-not-editable" or "role-not-allowed".
func (c *Catalog) UpdateOf(user User, nodePath string, request lifecycle.Request) (lifecycle.UpdateRules, error) {
	n, ok := c.byPath[nodePath]
	switch {
	case !ok:
		return lifecycle.UpdateRules{}, &lifecycle.Refusal{
			Code: "unknown-node", Message: fmt.Sprintf("the user stands at %s, which the catalog no longer has", nodePath),
			Hint: "place the user at a node that exists; nodes: " + listed(c.paths()),
		}
	case n.Tenant() == nil:
		return lifecycle.UpdateRules{}, &lifecycle.Refusal{Code: "no-tenant", Message: fmt.Sprintf("no tenant is attached at or above %s", n.path)}
	}
	policy, err := c.policyFor(ForSubscriber, request)
	if err != nil {
		return lifecycle.UpdateRules{}, err
	}
	if policy == nil {
		policy = &FieldDisplayPolicy{Target: ForSubscriber}
	}
	set, err := policy.accept(request.Set)
	if err != nil {
		return lifecycle.UpdateRules{}, err
	}
	if len(set) == 0 {
		return lifecycle.UpdateRules{}, &lifecycle.Refusal{Code: "nothing-to-update", Invalid: true, Message: "the request sets no field", Hint: "fields: " + listed(policy.settable()) + ", policy.TYPE"}
	}
	rules := lifecycle.UpdateRules{
		Join: lifecycle.OnboardingRules{
			Site: n.path, TenantLevel: n.Tenant().path, Staging: n.settings.Staging.Enabled,
		},
		LicensesRetained: n.settings.OffboardingLicenses == lifecycle.Retain,
		Cooling:          c.Cooling,
	}
	rules.Join.Protected, _ = c.Protected(user)
	rules.Join.EmergencyLocation, _ = n.defaults.EmergencyLocation.Value()
	o := &onboarding{c: c, site: n, set: set}
	return rules, o.update(&rules.Join)
}

// update writes what is set into the rules.
func (o *onboarding) update(rules *lifecycle.OnboardingRules) (err error) {
	m365, teams := &lifecycle.M365Template{Name: "--set"}, &lifecycle.PolicyTemplate{Name: "--set", Policies: map[string]*string{}}
	for _, field := range slices.Sorted(maps.Keys(o.set)) {
		a := o.set[field]
		values, _ := a.Value()
		switch policy, isPolicy := strings.CutPrefix(field, policyPrefix); {
		case field == "usageLocation":
			m365.UsageLocation, m365.Demanded, rules.M365 = values[0], true, m365
		case field == "licenses":
			m365.Licenses, rules.M365 = wishes(values), m365
		case field == "groups":
			rules.AddGroups = &lifecycle.GroupTemplate{Name: "--set", Groups: values}
		case field == "number":
			rules.Number = values[0]
		case field == "role":
			if rules.ProfileRole, err = o.role(); err != nil {
				return err
			}
		case isPolicy:
			addPolicy(teams.Policies, policy, converted(a, one))
			rules.Teams = teams
		default:
			return &lifecycle.Refusal{Code: "unknown-field", Invalid: true, Message: fmt.Sprintf("%s has no meaning for an update: it serves templates", field), Hint: "leave it out"}
		}
	}
	return nil
}
