package catalog

import "fmt"

// ProtectedRule keeps people from being on- or offboarded by accident.
type ProtectedRule struct {
	// Reason is what the refusal says.
	Reason string

	when condition
}

// When is the condition as written.
func (r *ProtectedRule) When() string { return r.when.source }

// ProtectedRules are the rules in their order.
func (c *Catalog) ProtectedRules() []*ProtectedRule {
	return append([]*ProtectedRule(nil), c.protected...)
}

// Protected reports whether a user is protected and why. A rule that cannot be evaluated protects: letting a protected
// person through is the worse mistake.
func (c *Catalog) Protected(user User) (reason string, protected bool) {
	for _, r := range c.protected {
		match, err := r.when.holds(Scope{User: &user})
		if err != nil {
			return fmt.Sprintf("the rule for %q cannot be evaluated: %v", r.Reason, err), true
		}
		if match {
			return r.Reason, true
		}
	}
	return "", false
}

func (p *parsing) readProtected(items []spot) {
	seen := map[string]int{}
	for i, s := range items {
		fields, ok := p.mapping(s, "when", "reason")
		if !ok {
			continue
		}
		p.need(s, fields, "when", "reason")
		r := &ProtectedRule{}
		at, has := fields["when"]
		r.when, _ = p.condition(at, has, "user")
		at, has = fields["reason"]
		if reason, ok := p.text(at, has); ok {
			r.Reason = reason
			if reason == "" {
				p.at(at, "say why these people are protected")
			}
		}
		if r.when.source != "" {
			if first, again := seen[r.when.source]; again {
				p.at(s, "the same rule stands at protected[%d]", first)
			}
			seen[r.when.source] = i
		}
		p.c.protected = append(p.c.protected, r)
	}
}
