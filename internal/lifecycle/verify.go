package lifecycle

import (
	"fmt"
	"iter"
	"slices"
	"strings"
)

// Disagreements compares what was read back with what the steps were to bring about, and names each difference.
// before serves for what must not have changed at all (R51).
func Disagreements(done []PlannedStep, before State, end Snapshot) []string {
	var found []string
	differ := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	done = decisive(slices.Backward(done))

	location := ""
	if before.UsageLocation != nil {
		location = *before.UsageLocation
	}
	for _, step := range done {
		if step.Name == SetUsageLocation {
			location = step.Change.UsageLocation.To
		}
	}
	if end.UsageLocation != location {
		differ("the usage location is %q", end.UsageLocation)
	}
	for _, step := range done {
		switch step.Name {
		case RemoveNumber:
			for _, n := range step.Change.Numbers {
				if end.shows(n.Number) {
					differ("Teams still shows %s", n.Number)
				}
			}
		case ApplyPolicies:
			// With its last license Teams forgets a user, policies and all (R61).
			for _, c := range step.Change.Policies {
				if have, want := end.directPolicy(c.Type), c.To; end.Teams != nil && !samePolicy(have, want) {
					differ("policy %s is %s", c.Type, policyName(have))
				}
			}
		case RemoveGroups:
			for _, c := range step.Change.Groups {
				if end.memberOf(c.ID) {
					differ("still a member of %s", c.DisplayName)
				}
			}
		case AddGroups:
			for _, c := range step.Change.Groups {
				if !end.memberOf(c.ID) {
					differ("not a member of %s", c.DisplayName)
				}
			}
		case AwaitGroupLicenses:
			for _, c := range step.Change.Groups {
				licensed := slices.ContainsFunc(end.Licenses, func(l License) bool { return l.GroupID == c.ID })
				switch {
				case licensed && !c.Join:
					differ("still licensed by %s", c.DisplayName)
				case !licensed && c.Join:
					differ("not licensed by %s", c.DisplayName)
				}
			}
		case AssignLicenses:
			for _, c := range step.Change.Licenses {
				if !end.holdsAs(c) {
					differ("license %s is not assigned as planned", c.SKU)
				}
			}
			for _, c := range step.Change.RemovedLicenses {
				stays := slices.ContainsFunc(step.Change.Licenses, func(n LicenseChange) bool { return n.SKUID == c.SKUID })
				if !stays && end.holdsDirectly(c.SKUID) {
					differ("license %s is still assigned", c.SKU)
				}
			}
		case AssignNumber:
			for _, n := range step.Change.Numbers {
				if !end.shows(n.Number) {
					differ("Teams does not show %s", n.Number)
				}
			}
			if end.Teams != nil && !end.Teams.EnterpriseVoice {
				differ("Enterprise Voice is off")
			}
		case RemoveLicenses:
			for _, c := range step.Change.Licenses {
				if end.holdsDirectly(c.SKUID) {
					differ("license %s is still assigned", c.SKU)
				}
			}
		case ReleaseNumber:
			for _, c := range step.Change.Numbers {
				if slices.ContainsFunc(end.Inventory, func(r NumberRow) bool { return r.Number == c.Number && r.UserID != "" && r.HeldBy == "" }) {
					differ("the inventory still gives %s to the user", c.Number)
				}
			}
		case MoveNumber:
			for _, c := range step.Change.Numbers {
				if node, known := end.nodeOf(c.Number); known && node != c.ToNode {
					differ("%s is at %s in the inventory", c.Number, node)
				}
			}
		case PlaceAtSite, ReturnToTenantLevel:
			if end.Placement.Node != step.Change.Place.To {
				differ("the user is at %s", end.Placement.Node)
			}
			for _, sv := range end.Placement.Services {
				if sv.Node != step.Change.Place.To {
					differ("the %s record is at %s", sv.Kind, sv.Node)
				}
			}
		case SetRole:
			if end.Placement.Role != step.Change.Role.To {
				differ("the role is %q", end.Placement.Role)
			}
		}
	}
	return found
}

// Unrestored compares what was read back after an undo with the state before the steps, and names each difference.
// What the steps did not touch may have been changed by others and is not looked at.
func Unrestored(steps []PlannedStep, before State, end Snapshot) []string {
	var found []string
	differ := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	for _, step := range decisive(slices.All(steps)) {
		switch step.Name {
		case RemoveNumber:
			for _, n := range step.Change.Numbers {
				if !end.shows(n.Number) {
					differ("Teams does not show %s", n.Number)
				}
			}
			if before.EnterpriseVoice && (end.Teams == nil || !end.Teams.EnterpriseVoice) {
				differ("Enterprise Voice is off")
			}
		case ApplyPolicies:
			for _, c := range step.Change.Policies {
				if have := end.directPolicy(c.Type); !samePolicy(have, c.From) {
					differ("policy %s is %s", c.Type, policyName(have))
				}
			}
		case AssignNumber:
			for _, n := range step.Change.Numbers {
				if end.shows(n.Number) {
					differ("Teams still shows %s", n.Number)
				}
			}
		case AddGroups:
			for _, c := range step.Change.Groups {
				if end.memberOf(c.ID) {
					differ("still a member of %s", c.DisplayName)
				}
			}
		case RemoveGroups:
			for _, c := range step.Change.Groups {
				if !end.memberOf(c.ID) {
					differ("not a member of %s", c.DisplayName)
				}
			}
		case RemoveLicenses:
			for _, c := range step.Change.Licenses {
				if !end.holdsAs(c) {
					differ("license %s is not assigned as before", c.SKU)
				}
			}
		case AssignLicenses:
			for _, c := range step.Change.RemovedLicenses {
				if !end.holdsAs(c) {
					differ("license %s is not assigned as before", c.SKU)
				}
			}
			for _, c := range step.Change.Licenses {
				was := slices.ContainsFunc(step.Change.RemovedLicenses, func(r LicenseChange) bool { return r.SKUID == c.SKUID })
				if !was && end.holdsDirectly(c.SKUID) {
					differ("license %s is still assigned", c.SKU)
				}
			}
		case SetUsageLocation:
			// One that was empty cannot be emptied again: Microsoft does not take null.
			if from := step.Change.UsageLocation.From; from != "" && end.UsageLocation != from {
				differ("the usage location is %q", end.UsageLocation)
			}
		case ReleaseNumber:
			for _, c := range step.Change.Numbers {
				if !slices.ContainsFunc(end.Inventory, func(r NumberRow) bool { return r.Number == c.Number }) {
					differ("%s is not in the inventory", c.Number)
				}
			}
		case MoveNumber:
			for _, c := range step.Change.Numbers {
				if node, known := end.nodeOf(c.Number); known && node != c.FromNode {
					differ("%s is at %s in the inventory", c.Number, node)
				}
			}
		case PlaceAtSite, ReturnToTenantLevel:
			if end.Placement.Node != step.Change.Place.From {
				differ("the user is at %s", end.Placement.Node)
			}
		case SetRole:
			if end.Placement.Role != step.Change.Role.From {
				differ("the role is %q", end.Placement.Role)
			}
		}
	}
	return found
}

// decisive leaves of everything that several steps change only the change that comes first in the order given: for what
// was done that is the last one, for what was undone the first. The names lose their prefixes, and what was not to be done
// is left out.
func decisive(steps iter.Seq2[int, PlannedStep]) []PlannedStep {
	seen := map[string]bool{}
	var kept []PlannedStep
	for _, step := range steps {
		if step.Action != Do {
			continue
		}
		step.Name = step.Name.Base()
		c := &step.Change
		first := func(kind, id string) bool {
			defer func() { seen[kind+id] = true }()
			return !seen[kind+id]
		}
		switch step.Name {
		case RemoveNumber, AssignNumber:
			c.Numbers = filter(c.Numbers, func(n NumberChange) bool { return first("number ", n.Number) })
		case ApplyPolicies:
			c.Policies = filter(c.Policies, func(p PolicyChange) bool { return first("policy ", p.Type) })
		case RemoveGroups, AddGroups:
			c.Groups = filter(c.Groups, func(g GroupChange) bool { return first("group ", g.ID) })
		case AwaitGroupLicenses:
			c.Groups = filter(c.Groups, func(g GroupChange) bool { return first("license of ", g.ID) })
		case RemoveLicenses, AssignLicenses:
			// One that is on both sides stays with other disabled plans: it is one change.
			fresh := func(l LicenseChange) bool { return !seen["license "+l.SKUID] }
			c.Licenses, c.RemovedLicenses = filter(c.Licenses, fresh), filter(c.RemovedLicenses, fresh)
			for _, l := range slices.Concat(c.Licenses, c.RemovedLicenses) {
				seen["license "+l.SKUID] = true
			}
		case PlaceAtSite, ReturnToTenantLevel:
			if !first("place", "") {
				continue
			}
		case SetRole:
			if !first("role", "") {
				continue
			}
		}
		kept = append(kept, step)
	}
	return kept
}

func filter[T any](all []T, keep func(T) bool) (kept []T) {
	for _, one := range all {
		if keep(one) {
			kept = append(kept, one)
		}
	}
	return kept
}

// nodeOf is where the inventory has a number.
func (s Snapshot) nodeOf(number string) (node string, known bool) {
	for _, r := range s.Inventory {
		if r.Number == number {
			return r.Node, true
		}
	}
	return "", false
}

func (s Snapshot) memberOf(groupID string) bool {
	return slices.ContainsFunc(s.Groups, func(g Group) bool { return g.ID == groupID })
}

func (s Snapshot) holdsDirectly(skuID string) bool {
	return slices.ContainsFunc(s.Licenses, func(l License) bool { return l.Direct() && l.SKUID == skuID })
}

// holdsAs reports whether the user holds a direct license with just these plans disabled.
func (s Snapshot) holdsAs(c LicenseChange) bool {
	want := slices.Sorted(slices.Values(c.DisabledPlans))
	return slices.ContainsFunc(s.Licenses, func(l License) bool {
		return l.Direct() && l.SKUID == c.SKUID && slices.Equal(slices.Sorted(slices.Values(l.DisabledPlans)), want)
	})
}

// shows reports whether Teams has a number on the user.
func (s Snapshot) shows(number string) bool {
	return s.Teams != nil && slices.ContainsFunc(s.Teams.Numbers, func(t TeamsNumber) bool { return t.Number == number })
}

func (s Snapshot) directPolicy(kind string) *PolicyRef {
	if s.Teams == nil {
		return nil
	}
	for _, p := range s.Teams.Policies {
		if p.Type == kind && p.Direct {
			return &PolicyRef{ID: p.ID, Name: p.Name}
		}
	}
	return nil
}

// samePolicy compares ids where both sides have one; Microsoft shows a policy's name with or without "Tag:".
func samePolicy(have, want *PolicyRef) bool {
	switch {
	case have == nil || want == nil:
		return have == nil && want == nil
	case have.ID != "" && want.ID != "":
		return have.ID == want.ID
	default:
		return strings.TrimPrefix(have.Name, "Tag:") == strings.TrimPrefix(want.Name, "Tag:")
	}
}

func policyName(p *PolicyRef) string {
	if p == nil {
		return "not assigned"
	}
	return p.Name
}
