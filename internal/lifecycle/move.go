package lifecycle

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// MoveRules is what the catalog and the request say about moving one user from a site to another (domain.md §7).
type MoveRules struct {
	// Leave is for the old site. Its licenses are Retain and it has no templates unless an offboarding group names them.
	Leave OffboardingRules
	// Join is for the new site; Number is empty when the number is kept.
	Join OnboardingRules
	// FromSite says that the user is at a site now.
	FromSite bool
	// KeepNumber keeps the user's numbers; ToSite takes those that the new site cannot see along to it, rather than to the
	// nearest node that both see. MayFollow reports whether a number at a node may be taken along (numbersFollowUsers).
	KeepNumber, ToSite bool
	MayFollow          func(node string) bool
}

// PlanMove decides every step of MoveBetweenSites (R100-R105, the matrix of §7.2): what offboarding and onboarding would
// decide one after the other, from one snapshot. The error is a *Refusal: nothing may be touched.
func PlanMove(req Request, s Snapshot, rules MoveRules, facts OnboardingFacts, now time.Time) (Plan, error) {
	if r := req.refuseOwn(s.Person); r != nil {
		return Plan{}, r
	}
	m := moving{planner: planner{Snapshot: s, now: now, skus: facts.SKUs}, rules: rules}
	if r := m.refuse(); r != nil {
		return Plan{}, r
	}
	leave := offboarding{planner: planner{Snapshot: s, now: now}, rules: rules.Leave, keepNumbers: rules.KeepNumber}
	leave.rules.RetainAtSite = false
	if err := leave.refuse(); err != nil {
		return Plan{}, err
	}
	left := leave.steps()
	moves, r := m.moveNumber()
	if r != nil {
		return Plan{}, r
	}
	join := joining(s.left(left, facts), rules.Join, facts, now)
	if join.rules.CurrentRole = rules.Leave.CurrentRole; join.Placement.Role != s.Placement.Role {
		join.rules.CurrentRole = rules.Leave.DefaultRole
	}
	if rules.KeepNumber {
		join.kept = m.numbers()
	}
	if err := join.refuse(); err != nil {
		return Plan{}, err
	}
	var steps []PlannedStep
	for _, step := range left {
		step.Name = step.Name.In(Leave)
		steps = append(steps, step)
	}
	steps = append(steps, PlannedStep{Name: Verify.In(Leave), Action: SkipBecause, Reason: VerifiedAfterJoining, Summary: "the end state is read back once, after joining"}, moves)
	for _, step := range append(join.steps(), verifyStep) {
		step.Name = step.Name.In(Join)
		steps = append(steps, step)
	}
	m.warnings = slices.Concat(leave.warnings, m.warnings, join.warnings)
	if len(m.numbers()) > 0 && !rules.KeepNumber && rules.Join.Number == "" {
		m.warn(WarnNumberLost, "%s loses %s and gets no other number: neither the request nor the profile says which", m.Person.UserPrincipalName, m.numbers()[0].Number)
	}
	return m.finish(req, steps)
}

type moving struct {
	planner
	rules MoveRules
}

// refuse names what only moving forbids; leaving and joining refuse the rest.
func (m *moving) refuse() *Refusal {
	who, from, to := m.Person.UserPrincipalName, m.Placement.Node, m.rules.Join.Site
	switch {
	case m.rules.Leave.Protected != "":
		return refusal("protected", "change `protected` in the catalog if this person really is to be moved", "%s is protected by the catalog: %s", who, m.rules.Leave.Protected)
	case m.Person.Guest:
		return refusal("guest", "", "%s is a guest; guests have no services here to move", who)
	case !m.rules.FromSite:
		return refusal("not-at-a-site", "onboard them with `tenure onboard`", "%s is at %s, which is not a site", who, from)
	case from == to:
		return refusal("same-site", "change what they have there with `tenure onboard` or `tenure update`", "%s is at %s already", who, to)
	}
	return nil
}

// moveNumber is the matrix of §7.2: where the new site cannot see a number that is kept, it is moved in the inventory.
func (m *moving) moveNumber() (PlannedStep, *Refusal) {
	step := PlannedStep{Name: MoveNumber, Action: LeaveAsIs, Reason: NoNumber, Summary: "the user has no number"}
	switch {
	case len(m.numbers()) == 0 && m.rules.KeepNumber && len(m.Inventory) > 0:
		return step, refusal("number-not-in-teams", audit, "%s has no number in Teams to keep; the inventory says that they have %s", m.Person.UserPrincipalName, m.Inventory[0].Number)
	case len(m.numbers()) == 0:
		return step, nil
	case !m.rules.KeepNumber:
		step.Action, step.Reason, step.Summary = SkipBecause, NumberNotKept, "the number is not kept; it is released where it is"
		return step, nil
	}
	step.Reason, step.Summary = "", "the new site sees "+m.numbers()[0].Number
	var parts []string
	for _, n := range m.numbers() {
		i := slices.IndexFunc(m.Inventory, func(r NumberRow) bool { return r.Number == n.Number })
		if i < 0 {
			m.warn(WarnNumberNotInInventory, "%s of %s is not in the inventory; it is kept all the same", n.Number, m.Person.UserPrincipalName)
			continue
		}
		row, site := m.Inventory[i], m.rules.Join.Site
		switch {
		case row.UserID == "":
			return step, refusal("number-not-used", audit, "%s is on %s in Teams and nobody's in the inventory", n.Number, m.Person.UserPrincipalName)
		case row.UserID != m.Person.ID:
			return step, refusal("number-of-another", audit, "%s is on %s in Teams and another user's in the inventory", n.Number, m.Person.UserPrincipalName)
		case Covers(row.Node, site):
			continue
		case !m.rules.MayFollow(row.Node):
			return step, refusal("number-may-not-move", "give them another number, move it with `tenure numbers move`, or allow it by numbersFollowUsers", "%s is at %s, from where it may not follow its user, and %s does not see it", n.Number, row.Node, site)
		}
		to := shared(row.Node, site)
		if m.rules.ToSite {
			to = site
		}
		step.Change.Numbers = append(step.Change.Numbers, NumberChange{Number: n.Number, FromNode: row.Node, ToNode: to})
		parts = append(parts, fmt.Sprintf("%s moves from %s to %s", n.Number, row.Node, to))
	}
	if len(parts) > 0 {
		step.Action, step.Summary = Do, strings.Join(parts, ", ")
	}
	return step, nil
}

// Covers reports whether a node is another one or above it, both by full path: then what stands there is visible from the
// other (R80).
func Covers(node, other string) bool { return node == other || strings.HasPrefix(other, node+"/") }

// shared is the nearest node that both paths are at or below.
func shared(a, b string) string {
	for !Covers(a, b) {
		a = a[:max(strings.LastIndexByte(a, '/'), 0)]
	}
	return a
}

// Left is the user as joining will find them.
func Left(s Snapshot, rules MoveRules, facts OnboardingFacts) Snapshot {
	leave := offboarding{planner: planner{Snapshot: s}, rules: rules.Leave}
	leave.rules.RetainAtSite = false
	return s.left(leave.steps(), facts)
}

// left is the snapshot after leaving. Without a license for Teams, Teams is about to forget the user.
func (s Snapshot) left(steps []PlannedStep, facts OnboardingFacts) Snapshot {
	after := s.with(steps)
	licensed := slices.ContainsFunc(after.Licenses, func(l License) bool { return facts.SKUs[l.SKUID].TeamsPlan != "" })
	if len(after.Licenses) < len(s.Licenses) && !licensed {
		after.Teams = nil
	}
	return after
}
