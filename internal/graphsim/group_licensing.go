package graphsim

import (
	"slices"
	"time"
)

// queueInheritance schedules what a change of membership does to the user's
// licenses. Nothing of it is visible to the membership call itself.
func (d *directory) queueInheritance(a *account, g *group, at time.Time) {
	if len(g.licenses) == 0 {
		return
	}
	g.pending++
	d.later(d.settings().GroupLicensingDelayMs, at, func(at time.Time) {
		g.pending--
		d.processGroup(a, g, at)
	})
}

// processGroup brings the licenses that a user has from one group in line with
// the membership, and tries again what failed before: what just arrived may
// have been what was lacking.
func (d *directory) processGroup(a *account, g *group, at time.Time) {
	if a.latest.removed {
		return
	}
	if g.contains(a) {
		for _, x := range g.licenses {
			d.inherit(a, g, x, at)
		}
	} else if slices.ContainsFunc(a.latest.grants, func(held grant) bool { return held.group == g }) {
		d.change(a, at, func(p *person) {
			p.grants = slices.DeleteFunc(slices.Clone(p.grants), func(held grant) bool { return held.group == g })
		})
	}
	d.retryInheritance(a, at)
}

// retryInheritance goes over the failed licenses until none more succeeds.
func (d *directory) retryInheritance(a *account, at time.Time) {
	for progress := true; progress; {
		progress = false
		for _, held := range a.latest.grants {
			if !held.active() && d.inherit(a, held.group, held.sku, at) {
				progress = true
			}
		}
	}
}

// inherit gives a user one license of a group, or records on the user why not.
// It reports whether a license became active.
func (d *directory) inherit(a *account, g *group, x *sku, at time.Time) bool {
	grants := slices.Clone(a.latest.grants)
	mine := func(held grant) bool { return held.group == g && held.sku == x }
	i := slices.IndexFunc(grants, mine)
	if i >= 0 && grants[i].active() {
		return false
	}
	if i < 0 {
		i = len(grants)
		grants = append(grants, grant{sku: x, group: g})
	}
	before := grants[i].problem
	grants[i].at, grants[i].problem = at, ""
	if !consumes(a.latest.grants, x) && x.consumed >= x.enabled {
		grants[i].problem = tooFew
	} else if problem, _ := d.conflict(a.latest.grants, grants); problem != "" {
		grants[i].problem = problem
	}
	if grants[i].problem != "" && grants[i].problem == before {
		return false
	}
	d.change(a, at, func(p *person) { p.grants = grants })
	return grants[i].active()
}

// inheritAll gives every member the licenses of their groups at once.
func (d *directory) inheritAll(now time.Time) {
	for _, g := range d.groups {
		for _, x := range g.licenses {
			for _, a := range g.members {
				d.inherit(a, g, x, now)
			}
		}
	}
	for _, a := range d.accounts {
		d.retryInheritance(a, now)
	}
	d.due = schedule{}
}

func (d *directory) reprocessLicenses(c *call) (reply, error) {
	a, err := d.account(c.args[0])
	if err != nil {
		return reply{}, err
	}
	for _, g := range a.latest.groups {
		d.processGroup(a, g, c.now)
	}
	for _, held := range a.latest.grants {
		if held.active() {
			continue
		}
		switch held.problem {
		case tooFew:
			return reply{}, badRequest("Subscription with SKU %s does not have any available licenses.", held.sku.id)
		default:
			_, err := d.conflict(a.latest.grants, append(slices.Clone(a.latest.grants), grant{sku: held.sku}))
			if err != nil {
				return reply{}, err
			}
		}
	}
	return wholeUser(c, a.latest), nil
}

func (d *directory) listLicenseErrors(c *call) (reply, error) {
	g, err := d.group(c.args[0])
	if err != nil {
		return reply{}, err
	}
	var failing []*account
	for _, a := range g.members {
		if a.latest.licenseErrorOf(g) {
			failing = append(failing, a)
		}
	}
	return d.directoryObjects(c, failing)
}

func (p *person) licenseErrorOf(g *group) bool {
	return slices.ContainsFunc(p.grants, func(held grant) bool { return held.group == g && !held.active() })
}

func (g *group) hasLicenseErrors() bool {
	return slices.ContainsFunc(g.members, func(a *account) bool { return a.latest.licenseErrorOf(g) })
}

// processing is the group's licenseProcessingState; a group without licenses
// has none.
func (g *group) processing() any {
	switch {
	case len(g.licenses) == 0:
		return nil
	case g.pending > 0:
		return map[string]any{"state": "QueuedForProcessing"}
	default:
		return map[string]any{"state": "ProcessingComplete"}
	}
}
