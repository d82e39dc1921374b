package graphsim

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// newDirectory builds the content of a tenant from its description. Names that
// point nowhere and things given twice are errors, so that a slip in a test's
// state is not mistaken for behaviour.
func newDirectory(s State, now time.Time, random *randomness, settings func() Settings) (*directory, error) {
	d := &directory{
		settings:    settings,
		random:      random,
		epoch:       random.guid(),
		created:     now,
		byID:        make(map[string]*account, len(s.Users)),
		byUPN:       make(map[string]*account, len(s.Users)),
		groupByID:   make(map[string]*group, len(s.Groups)),
		skuByID:     make(map[string]*sku, len(s.SKUs)),
		planKnown:   map[string]bool{},
		lineByKey:   make(map[string]*line, len(s.Numbers)),
		lineByID:    make(map[string]*line, len(s.Numbers)),
		operations:  map[string]*operation{},
		permissions: append([]string{}, s.Permissions...),
	}
	for _, load := range []func() error{
		func() error { return d.loadSKUs(s.SKUs) },
		func() error { return d.loadPolicies(s.Policies) },
		func() error { return d.loadUsers(s.Users, now) },
		func() error { return d.loadGroups(s.Groups) },
		func() error { return d.loadNumbers(s.Numbers, now) },
	} {
		if err := load(); err != nil {
			return nil, err
		}
	}
	d.inheritAll(now)
	for _, a := range d.accounts {
		a.latest.inTeams = a.latest.hasPlan(planTeams)
	}
	return d, nil
}

func (d *directory) loadSKUs(skus []SKU) error {
	plans := map[string]*plan{}
	for _, given := range skus {
		if given.PartNumber == "" {
			return fmt.Errorf("sku %q has no skuPartNumber", given.ID)
		}
		x := &sku{
			id:         strings.ToLower(cmp.Or(given.ID, wellKnownSKU(given.PartNumber), stableID("sku", given.PartNumber))),
			partNumber: given.PartNumber,
			enabled:    given.Enabled,
		}
		if d.skuByID[x.id] != nil || d.findSKU(x.partNumber) != nil {
			return fmt.Errorf("sku %s is given twice", x.partNumber)
		}
		for _, p := range given.ServicePlans {
			name := cmp.Or(p.Name, wellKnownPlanName(p.ID), p.ID)
			id := strings.ToLower(cmp.Or(p.ID, wellKnownPlan(name), stableID("plan", name)))
			if plans[id] == nil {
				plans[id] = &plan{id: id, name: name}
			}
			x.plans = append(x.plans, plans[id])
			d.planKnown[plans[id].name] = true
		}
		d.skus = append(d.skus, x)
		d.skuByID[x.id] = x
	}
	return nil
}

func (d *directory) findSKU(nameOrID string) *sku {
	if x, ok := d.skuByID[strings.ToLower(nameOrID)]; ok {
		return x
	}
	for _, x := range d.skus {
		if strings.EqualFold(x.partNumber, nameOrID) {
			return x
		}
	}
	return nil
}

func (x *sku) findPlan(nameOrID string) *plan {
	for _, p := range x.plans {
		if strings.EqualFold(p.id, nameOrID) || strings.EqualFold(p.name, nameOrID) {
			return p
		}
	}
	return nil
}

func (d *directory) loadPolicies(policies []Policy) error {
	for _, given := range policies {
		if given.Type == "" || given.Name == "" {
			return fmt.Errorf("policy %q of type %q lacks a type or a name", given.Name, given.Type)
		}
		if d.findPolicy(given.Type, given.Name) != nil {
			return fmt.Errorf("policy %s %s is given twice", given.Type, given.Name)
		}
		id := cmp.Or(given.ID, policyID(given.Type, given.Name))
		d.policies = append(d.policies, &policy{kind: given.Type, name: given.Name, id: id})
	}
	return nil
}

func (d *directory) loadUsers(users []User, now time.Time) error {
	for _, u := range users {
		if u.UserPrincipalName == "" {
			return fmt.Errorf("user %q has no userPrincipalName", u.ID)
		}
		p := &person{
			id:                  cmp.Or(u.ID, stableID("user", strings.ToLower(u.UserPrincipalName))),
			upn:                 u.UserPrincipalName,
			displayName:         u.DisplayName,
			givenName:           u.GivenName,
			surname:             u.Surname,
			city:                u.City,
			department:          u.Department,
			userType:            cmp.Or(u.UserType, "Member"),
			usageLocation:       u.UsageLocation,
			usageLocationSynced: u.OnPremisesSyncEnabled != nil && *u.OnPremisesSyncEnabled && u.UsageLocation != "",
			enabled:             u.AccountEnabled == nil || *u.AccountEnabled,
			synced:              u.OnPremisesSyncEnabled,
			businessPhones:      slices.Clone(u.BusinessPhones),
			attributes:          maps.Clone(u.Attributes),
			voice:               u.EnterpriseVoice,
			at:                  now,
		}
		if d.lookup(p.id) != nil || d.lookup(p.upn) != nil {
			return fmt.Errorf("user %s is given twice", p.upn)
		}
		for _, l := range u.DirectLicenses {
			g, err := d.loadLicense(l, now)
			if err != nil {
				return fmt.Errorf("user %s: %w", p.upn, err)
			}
			p.grants = append(p.grants, g)
		}
		var err error
		if p.policies, err = d.loadAssignments(u.Policies); err != nil {
			return fmt.Errorf("user %s: %w", p.upn, err)
		}
		a := &account{index: len(d.accounts), latest: p}
		d.revision++
		p.revision = d.revision
		d.recount(nil, p.grants)
		d.accounts = append(d.accounts, a)
		d.byID[strings.ToLower(p.id)] = a
		d.byUPN[strings.ToLower(p.upn)] = a
	}
	return nil
}

// loadAssignments finds the policies assigned to somebody, by their proper type.
func (d *directory) loadAssignments(given map[string]string) (map[string]*policy, error) {
	var policies map[string]*policy
	for kind, name := range given {
		if name == "" || strings.EqualFold(name, globalPolicy) {
			continue
		}
		assigned := d.findPolicy(kind, name)
		if assigned == nil {
			return nil, fmt.Errorf("no policy %s of type %s", name, kind)
		}
		if policies == nil {
			policies = map[string]*policy{}
		}
		policies[assigned.kind] = assigned
	}
	return policies, nil
}

// assignments is the inverse of loadAssignments.
func assignments(policies map[string]*policy) map[string]string {
	named := make(map[string]string, len(policies))
	for kind, assigned := range policies {
		named[kind] = assigned.name
	}
	return named
}

func (d *directory) loadLicense(l DirectLicense, now time.Time) (grant, error) {
	x := d.findSKU(l.SKU)
	if x == nil {
		return grant{}, fmt.Errorf("no sku %s", l.SKU)
	}
	g := grant{sku: x, at: now}
	for _, name := range l.DisabledPlans {
		p := x.findPlan(name)
		if p == nil {
			return grant{}, fmt.Errorf("no service plan %s in sku %s", name, x.partNumber)
		}
		g.disabled = append(g.disabled, p)
	}
	return g, nil
}

func (d *directory) loadGroups(groups []Group) error {
	for _, given := range groups {
		g := &group{
			index: len(d.groups),
			id:    cmp.Or(given.ID, stableID("group", given.DisplayName)),
			name:  given.DisplayName,
			kind:  cmp.Or(given.Kind, GroupSecurity),
		}
		if !slices.Contains(groupKinds, g.kind) {
			return fmt.Errorf("group %s: no kind %q", g.name, g.kind)
		}
		if d.groupByID[strings.ToLower(g.id)] != nil {
			return fmt.Errorf("group %s is given twice", g.name)
		}
		for _, name := range given.Licenses {
			x := d.findSKU(name)
			if x == nil {
				return fmt.Errorf("group %s: no sku %s", g.name, name)
			}
			g.licenses = append(g.licenses, x)
		}
		var err error
		if g.policies, err = d.loadAssignments(given.Policies); err != nil {
			return fmt.Errorf("group %s: %w", g.name, err)
		}
		for _, key := range given.Members {
			a := d.lookup(key)
			if a == nil {
				return fmt.Errorf("group %s: no user %s", g.name, key)
			}
			g.members = append(g.members, a)
			a.latest.groups = append(a.latest.groups, g)
		}
		slices.SortFunc(g.members, func(x, y *account) int { return cmp.Compare(x.index, y.index) })
		if len(slices.Compact(slices.Clone(g.members))) != len(g.members) {
			return fmt.Errorf("group %s lists a member twice", g.name)
		}
		d.groups = append(d.groups, g)
		d.groupByID[strings.ToLower(g.id)] = g
	}
	return nil
}

func (d *directory) loadNumbers(numbers []Number, now time.Time) error {
	for _, n := range numbers {
		l := &line{
			number:       "+" + numberKey(n.TelephoneNumber),
			numberType:   cmp.Or(n.NumberType, "directRouting"),
			source:       cmp.Or(n.NumberSource, "online"),
			capabilities: slices.Clone(n.Capabilities),
		}
		if l.capabilities == nil {
			l.capabilities = []string{"userAssignment"}
		}
		if !slices.Contains(numberTypes, l.numberType) {
			return fmt.Errorf("number %s: no type %q", l.number, l.numberType)
		}
		if l.source != "online" && l.source != "onPremises" {
			return fmt.Errorf("number %s: no source %q", l.number, l.source)
		}
		l.operatorID = stableID("operator", l.numberType)
		l.id = base64.RawURLEncoding.EncodeToString([]byte(l.operatorID + "|" + l.number))
		if d.lineByKey[numberKey(l.number)] != nil {
			return fmt.Errorf("number %s is given twice", l.number)
		}
		held := &holding{locationID: n.LocationID, activation: "activated", at: now}
		if n.AssignedTo != "" {
			a := d.lookup(n.AssignedTo)
			if a == nil {
				return fmt.Errorf("number %s: no user %s", l.number, n.AssignedTo)
			}
			category := "primary"
			if len(a.latest.lines) > 0 {
				category = "alternate"
			}
			held.holder, held.category = a, cmp.Or(n.AssignmentCategory, category)
			if !slices.Contains(assignmentCategories, held.category) {
				return fmt.Errorf("number %s: no assignment category %q", l.number, held.category)
			}
			a.latest.lines = append(a.latest.lines, l)
		}
		l.latest = held
		d.lines = append(d.lines, l)
		d.lineByKey[numberKey(l.number)] = l
		d.lineByID[l.id] = l
	}
	return nil
}

// describe is the inverse of newDirectory, as far as a State can say it.
func (d *directory) describe() State {
	s := State{
		SKUs:        make([]SKU, 0, len(d.skus)),
		Users:       make([]User, 0, len(d.accounts)),
		Groups:      make([]Group, 0, len(d.groups)),
		Numbers:     make([]Number, 0, len(d.lines)),
		Policies:    make([]Policy, 0, len(d.policies)),
		Permissions: append([]string{}, d.permissions...),
	}
	for _, x := range d.skus {
		described := SKU{ID: x.id, PartNumber: x.partNumber, Enabled: x.enabled, ServicePlans: make([]ServicePlan, 0, len(x.plans))}
		for _, p := range x.plans {
			described.ServicePlans = append(described.ServicePlans, ServicePlan{ID: p.id, Name: p.name})
		}
		s.SKUs = append(s.SKUs, described)
	}
	for _, a := range d.accounts {
		if !a.latest.removed {
			s.Users = append(s.Users, a.latest.describe())
		}
	}
	for _, g := range d.groups {
		described := Group{ID: g.id, DisplayName: g.name, Kind: g.kind, Licenses: []string{}, Members: make([]string, 0, len(g.members)), Policies: assignments(g.policies)}
		for _, x := range g.licenses {
			described.Licenses = append(described.Licenses, x.partNumber)
		}
		for _, a := range g.members {
			described.Members = append(described.Members, a.latest.id)
		}
		s.Groups = append(s.Groups, described)
	}
	for _, l := range d.lines {
		described := Number{
			TelephoneNumber: l.number, NumberType: l.numberType, NumberSource: l.source,
			Capabilities: slices.Clone(l.capabilities), LocationID: l.latest.locationID,
		}
		if l.latest.holder != nil && !l.latest.holder.latest.removed {
			described.AssignedTo = l.latest.holder.latest.id
			if l.latest.category != "primary" {
				described.AssignmentCategory = l.latest.category
			}
		}
		s.Numbers = append(s.Numbers, described)
	}
	for _, p := range d.policies {
		s.Policies = append(s.Policies, Policy{Type: p.kind, Name: p.name, ID: p.id})
	}
	return s
}

func (p *person) describe() User {
	enabled := p.enabled
	u := User{
		ID: p.id, UserPrincipalName: p.upn, DisplayName: p.displayName, GivenName: p.givenName, Surname: p.surname,
		City: p.city, Department: p.department, UserType: p.userType, AccountEnabled: &enabled,
		UsageLocation: p.usageLocation, OnPremisesSyncEnabled: p.synced, EnterpriseVoice: p.voice,
		BusinessPhones: slices.Clone(p.businessPhones), Attributes: maps.Clone(p.attributes),
		DirectLicenses: []DirectLicense{}, Policies: assignments(p.policies),
	}
	for _, g := range p.grants {
		if g.group == nil {
			described := DirectLicense{SKU: g.sku.partNumber, DisabledPlans: []string{}}
			for _, disabled := range g.disabled {
				described.DisabledPlans = append(described.DisabledPlans, disabled.name)
			}
			u.DirectLicenses = append(u.DirectLicenses, described)
		}
	}
	return u
}
