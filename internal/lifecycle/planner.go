package lifecycle

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// planner is what the planners of all operations share: the snapshot that they decide from and the warnings that they
// collect.
type planner struct {
	Snapshot
	now      time.Time
	warnings []Warning
	// skus are the products of the tenant, by id, as far as the operation looks them up.
	skus map[string]SKUFact
}

func (p *planner) warn(code WarningCode, format string, args ...any) {
	p.warnings = append(p.warnings, Warning{Code: code, Message: fmt.Sprintf(format, args...)})
}

// finish makes the plan of the decisions.
func (p *planner) finish(req Request, steps []PlannedStep) (Plan, error) {
	req.Expect = nil // The plan is not about the plan before.
	raw, err := json.Marshal(req)
	if err != nil {
		return Plan{}, fmt.Errorf("encode the request: %w", err)
	}
	return Plan{
		Operation:  req.Operation,
		Subscriber: SubscriberRef{ID: p.Person.ID, UserPrincipalName: p.Person.UserPrincipalName},
		Digest:     p.Digest(),
		Request:    raw,
		Steps:      steps,
		Warnings:   append([]Warning{}, p.warnings...),
		Before:     p.State(),
		After:      p.after(steps),
	}, nil
}

func (p *planner) numbers() []TeamsNumber {
	if p.Teams == nil {
		return nil
	}
	return p.Teams.Numbers
}

// applyPolicies: R50a, R11. Only what the template lists changes; null clears. inTeams says whether Teams will know the
// user by then.
func (p *planner) applyPolicies(template *PolicyTemplate, inTeams bool) PlannedStep {
	step := PlannedStep{Name: ApplyPolicies, Action: SkipBecause}
	switch {
	case template == nil:
		step.Reason, step.Summary = NoTemplate, "no Teams template"
		return step
	case len(template.Policies) == 0:
		step.Reason, step.Summary = NothingConfigured, "the Teams template lists no policy"
		return step
	}
	changes := policyChanges(p.Teams, *template)
	switch {
	case len(changes) == 0:
		step.Action, step.Summary = LeaveAsIs, "the policies are as the template wants them"
	case !inTeams:
		step.Reason, step.Summary = NotInTeams, "Teams does not know the user, so no policy can be set"
		p.warn(WarnNotInTeams, "the policies of template %s were not applied: Teams does not know %s", template.Name, p.Person.UserPrincipalName)
	case !p.holdsAny(PolicyPermission):
		step.Reason, step.Summary = PermissionMissing, "the application does not hold "+PolicyPermission
		p.warn(WarnPermissionMissing, "the policies of template %s were not applied: the application does not hold %s", template.Name, PolicyPermission)
	default:
		step.Action, step.Summary, step.Change.Policies = Do, policyList(changes), changes
	}
	return step
}

// globalPolicy is the name of the tenant-wide default, which a user has by having no policy assigned.
const globalPolicy = "Global"

// policyChanges compares what is in effect with a template.
func policyChanges(teams *TeamsUser, template PolicyTemplate) []PolicyChange {
	current := map[string]Policy{}
	if teams != nil {
		for _, p := range teams.Policies {
			current[p.Type] = p
		}
	}
	var changes []PolicyChange
	for _, kind := range slices.Sorted(maps.Keys(template.Policies)) {
		want, have := template.Policies[kind], current[kind]
		var from *PolicyRef
		if have.Direct {
			from = &PolicyRef{ID: have.ID, Name: have.Name}
		}
		if want == nil || strings.EqualFold(*want, globalPolicy) {
			if from != nil {
				changes = append(changes, PolicyChange{Type: kind, From: from})
			}
			continue
		}
		if have.Name == *want || (have.ID != "" && have.ID == *want) {
			continue
		}
		to := template.Resolved[kind]
		changes = append(changes, PolicyChange{Type: kind, From: from, To: &to})
	}
	return changes
}

// after is the state that the plan promises. Of a license that a group brings only the id is known until here.
func (p *planner) after(steps []PlannedStep) State {
	end := p.with(steps).State()
	for i, l := range end.Licenses {
		if sku, ok := p.skus[l.SKU]; ok {
			end.Licenses[i].SKU = sku.PartNumber
		}
	}
	return end
}

// with is the snapshot after the steps.
func (s Snapshot) with(steps []PlannedStep) Snapshot {
	end := s
	end.Licenses, end.Groups = slices.Clone(s.Licenses), slices.Clone(s.Groups)
	if s.Teams != nil {
		teams := *s.Teams
		teams.Policies, teams.Numbers = slices.Clone(teams.Policies), slices.Clone(teams.Numbers)
		end.Teams = &teams
	}
	for _, step := range steps {
		if step.Action == Do {
			end.apply(step)
		}
	}
	return end
}

func (s *Snapshot) apply(step PlannedStep) {
	switch c := step.Change; step.Name.Base() {
	case RemoveNumber:
		s.Teams.Numbers = nil
	case DisableEnterpriseVoice:
		s.Teams.EnterpriseVoice = false
	case AwaitTeamsUser:
		s.Teams = &TeamsUser{}
	case AssignNumber:
		s.Teams.EnterpriseVoice = true
		for _, n := range c.Numbers {
			s.Teams.Numbers = append(s.Teams.Numbers, TeamsNumber{Number: n.Number, Type: n.Type})
		}
	case ApplyPolicies:
		for _, change := range c.Policies {
			s.Teams.Policies = slices.DeleteFunc(s.Teams.Policies, func(p Policy) bool { return p.Type == change.Type })
			if change.To != nil {
				s.Teams.Policies = append(s.Teams.Policies, Policy{Type: change.Type, ID: change.To.ID, Name: change.To.Name, Direct: true})
			}
		}
	case AddGroups:
		for _, g := range c.Groups {
			s.Groups = append(s.Groups, Group{ID: g.ID, DisplayName: g.DisplayName, Licenses: g.Licenses})
		}
	case RemoveGroups:
		for _, g := range c.Groups {
			s.Groups = slices.DeleteFunc(s.Groups, func(have Group) bool { return have.ID == g.ID })
		}
	case AwaitGroupLicenses:
		for _, g := range c.Groups {
			s.Licenses = slices.DeleteFunc(s.Licenses, func(l License) bool { return l.GroupID == g.ID })
			if g.Join {
				for _, sku := range g.Licenses {
					s.Licenses = append(s.Licenses, License{SKUID: sku, SKU: sku, GroupID: g.ID})
				}
			}
		}
	case RemoveLicenses:
		s.Licenses = slices.DeleteFunc(s.Licenses, License.Direct)
	case AssignLicenses:
		for _, gone := range append(slices.Clone(c.RemovedLicenses), c.Licenses...) {
			s.Licenses = slices.DeleteFunc(s.Licenses, func(l License) bool { return l.Direct() && l.SKUID == gone.SKUID })
		}
		for _, l := range c.Licenses {
			s.Licenses = append(s.Licenses, License{SKUID: l.SKUID, SKU: l.SKU, DisabledPlans: l.DisabledPlans})
		}
	case SetUsageLocation:
		s.UsageLocation = c.UsageLocation.To
	case PlaceAtSite, ReturnToTenantLevel:
		s.Placement.Node = c.Place.To
		s.Placement.Services = slices.Clone(s.Placement.Services)
		for i := range s.Placement.Services {
			s.Placement.Services[i].Node = c.Place.To
		}
	case SetRole:
		s.Placement.Role = c.Role.To
	}
}

func numberList(numbers []NumberChange) string {
	names := make([]string, len(numbers))
	for i, n := range numbers {
		names[i] = n.Number
	}
	return strings.Join(names, ", ")
}

func changedGroups(groups []GroupChange) string {
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = g.DisplayName
	}
	return strings.Join(names, ", ")
}

func licenseList(licenses []License) string {
	names := make([]string, len(licenses))
	for i, l := range licenses {
		names[i] = l.SKU
	}
	return strings.Join(names, ", ")
}

func policyList(changes []PolicyChange) string {
	parts := make([]string, len(changes))
	for i, c := range changes {
		parts[i] = "clear " + c.Type
		if c.To != nil {
			parts[i] = c.Type + " = " + c.To.Name
		}
	}
	return strings.Join(parts, ", ")
}
