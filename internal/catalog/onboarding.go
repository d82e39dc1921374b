package catalog

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tenure/internal/lifecycle"
)

// OnboardingOf is what the catalog and the request say about onboarding a user at the request's site. There are three
// ways in, and equal values give equal rules by each of them (R4): a quick add group (request.Group), a profile
// (request.Profile: its group, number and role), and neither, where the fields of request.Set and of the field display
// policy for onboarding make up the templates (R131). The policy is the one for the role that the requester acts as
// (request.ActAs), else the one that names no roles.
//
// A value comes from the first of these that has it:
//
//  1. request.Set, literal text and never evaluated. policy.TYPE= with nothing after it clears; only custom strings may
//     be empty besides. For the number request.Number stands here. A list replaces the list below it.
//  2. the template of the group, for number and role the profile; a null there is an answer too.
//  3. the field display policy's value for the field, whatever its access: a field that is hidden or read-only starts as
//     that value and cannot be given another.
//  4. for Teams policies, the site's defaults (R11), where there is a teamsUser template, or fields that make one up.
//
// With a group, 3 fills the blanks of the templates that the group has and never makes up one that it leaves out: a group
// without m365User leaves usage location and licenses untouched (R21) unless request.Set says otherwise. An expression
// that yields nothing counts as absent and is a warning.
//
// CurrentRole is left to the caller, as is whether the user belongs to the tenant of TenantLevel. The other settings of
// staging are those of the site. The error is a *lifecycle.Refusal: "unknown-node", "ambiguous-node", "unknown-group",
// "unknown-profile", "unknown-field", "unknown-role", "invalid-value", "malformed-number", "contradictory" (all invalid
// input), "not-a-site", "no-tenant", "group-not-visible", "group-for-offboarding", "field-not-editable",
// "role-not-allowed", or "expression-error".
func (c *Catalog) OnboardingOf(user User, request lifecycle.Request) (lifecycle.OnboardingRules, error) {
	o, err := c.onboarding(user, request)
	if err != nil {
		return lifecycle.OnboardingRules{}, err
	}
	settings := o.site.settings
	rules := lifecycle.OnboardingRules{
		Site: o.site.path, TenantLevel: o.site.Tenant().path,
		LicensePermissionFails: settings.LicensePermissionMissing == Fail,
		Staging:                settings.Staging.Enabled,
		Welcome:                settings.Welcome,
	}
	if role, ok := c.DefaultRole(o.site.level); ok {
		rules.DefaultRole = role.Lifecycle()
	}
	rules.Protected, _ = c.Protected(user)
	if rules.Number, err = o.fromProfile("number"); err != nil {
		return lifecycle.OnboardingRules{}, err
	}
	if rules.ProfileRole, err = o.role(); err != nil {
		return lifecycle.OnboardingRules{}, err
	}
	if rules.M365, err = o.m365(); err != nil {
		return lifecycle.OnboardingRules{}, err
	}
	if rules.AddGroups, err = o.addGroups(); err != nil {
		return lifecycle.OnboardingRules{}, err
	}
	if rules.Teams, err = o.teams(); err != nil {
		return lifecycle.OnboardingRules{}, err
	}
	rules.EmergencyLocation, _ = o.site.defaults.EmergencyLocation.Value()
	rules.Warnings = o.warnings
	return rules, nil
}

// onboarding is one resolution under way.
type onboarding struct {
	resolution
	c    *Catalog
	site *Node
	// group is nil for the way in by the field display policy, profile by any other way.
	group   *QuickAddGroup
	profile *Profile
	// policy is nil when the catalog has none for onboarding.
	policy *FieldDisplayPolicy
	set    map[string]answer
	filled map[string]filled
}

func (c *Catalog) onboarding(user User, request lifecycle.Request) (*onboarding, error) {
	o := &onboarding{c: c, filled: map[string]filled{}}
	var err error
	if o.site, err = c.onboardingSite(request.Site); err != nil {
		return nil, err
	}
	if err = o.wayIn(request); err != nil {
		return nil, err
	}
	if o.policy, err = c.policyFor(ForOnboarding, request); err != nil {
		return nil, err
	}
	if o.set, err = o.policy.accept(request.Set); err != nil {
		return nil, err
	}
	if err = o.askedNumber(request.Number); err != nil {
		return nil, err
	}
	o.scope = Scope{Site: o.site, Node: o.site, User: &user, Input: &Input{Policies: map[string]string{}}}
	return o, o.fillIn()
}

func (c *Catalog) onboardingSite(ref string) (*Node, error) {
	if ref == "" {
		return nil, &lifecycle.Refusal{Code: "unknown-node", Invalid: true, Message: "the request names no site", Hint: "sites: " + listed(c.sites())}
	}
	n, err := c.Node(ref)
	switch {
	case err != nil:
		return nil, err
	case !n.IsSite():
		return nil, &lifecycle.Refusal{
			Code:    "not-a-site",
			Message: fmt.Sprintf("%s is a node of level %s; users are onboarded at sites", n.path, n.level),
			Hint:    "sites: " + listed(c.sites()),
		}
	case n.Tenant() == nil:
		return nil, &lifecycle.Refusal{Code: "no-tenant", Message: fmt.Sprintf("no tenant is attached at or above %s", n.path)}
	}
	return n, nil
}

func (o *onboarding) wayIn(request lifecycle.Request) (err error) {
	name := request.Group
	switch {
	case request.Group != "" && request.Profile != "":
		return &lifecycle.Refusal{
			Code: "contradictory", Invalid: true,
			Message: fmt.Sprintf("both quick add group %s and profile %s are named", request.Group, request.Profile),
			Hint:    "name one of them; a profile brings its own quick add group",
		}
	case request.Profile != "":
		if o.profile, err = o.c.Profile(request.Profile); err != nil {
			return err
		}
		name = o.profile.QuickAddGroup.Name
	case request.Group == "":
		return nil
	}
	var forOnboarding []string
	for _, g := range o.c.groups {
		if !g.Offboarding && g.VisibleFrom(o.site) {
			forOnboarding = append(forOnboarding, g.Name)
		}
	}
	hint := "quick add groups for onboarding at " + o.site.path + ": " + listed(forOnboarding)
	of := ""
	if o.profile != nil {
		of = " of profile " + o.profile.Name
	}
	o.group, err = o.c.QuickAddGroup(name)
	switch {
	case err != nil:
		return err
	case !o.group.VisibleFrom(o.site):
		return &lifecycle.Refusal{
			Code:    "group-not-visible",
			Message: fmt.Sprintf("quick add group %s%s stands at %s and cannot be seen from %s", name, of, o.group.Node.path, o.site.path),
			Hint:    hint,
		}
	case o.group.Offboarding:
		return &lifecycle.Refusal{
			Code:    "group-for-offboarding",
			Message: fmt.Sprintf("quick add group %s%s is for offboarding", name, of),
			Hint:    hint,
		}
	}
	return nil
}

// askedNumber brings request.Number and the field number of request.Set together.
func (o *onboarding) askedNumber(asked string) error {
	if asked == "" {
		return nil
	}
	// The flag is no way around the policy.
	if d, _ := o.policy.display("number"); d.Access != Edit {
		return o.policy.forbids("number", d.Access)
	}
	number, err := readNumberWish(asked)
	if err != nil {
		return &lifecycle.Refusal{Code: "malformed-number", Invalid: true, Message: err.Error()}
	}
	if set, ok := o.set["number"].Value(); ok && set[0] != number {
		return &lifecycle.Refusal{
			Code: "contradictory", Invalid: true,
			Message: fmt.Sprintf("the number is to be %s and, as a field, %s", number, set[0]),
			Hint:    "give it once",
		}
	}
	o.set["number"] = Give([]string{number})
	return nil
}

// fillIn evaluates the field display policy's values for blank fields, and completes what expressions see: what was asked
// for and what the profile says, then the custom fields, then the rest.
func (o *onboarding) fillIn() error {
	known := maps.Clone(o.set)
	for field, value := range o.profileSays() {
		if _, set := known[field]; !set {
			known[field] = Give([]string{value})
		}
	}
	for field, a := range known {
		o.scope.Input.put(field, a)
	}
	if o.policy == nil {
		return nil
	}
	var custom, others []string
	for _, field := range slices.Sorted(maps.Keys(o.policy.Fields)) {
		switch _, has := known[field]; {
		case has:
		case customFieldRule.MatchString(field):
			custom = append(custom, field)
		default:
			others = append(others, field)
		}
	}
	for _, fields := range [][]string{custom, others} {
		for _, field := range fields {
			f, err := o.policy.fill(field, o.scope)
			if err != nil {
				return err
			}
			o.filled[field] = f
		}
		// Only now, so that a value does not depend on the order in which fields of one kind are filled.
		for _, field := range fields {
			o.scope.Input.put(field, o.filled[field].answer)
		}
	}
	for _, field := range custom {
		o.warn(o.filled[field].warnings...)
	}
	return nil
}

func (o *onboarding) profileSays() map[string]string {
	says := map[string]string{}
	if o.profile != nil && o.profile.Number != "" {
		says["number"] = o.profile.Number
	}
	if o.profile != nil && o.profile.Role != "" {
		says["role"] = o.profile.Role
	}
	return says
}

// fromProfile is the number or the role.
func (o *onboarding) fromProfile(field string) (string, error) {
	f, err := prefer(o, field, true, one, func() (Field[string], error) {
		if v := o.profileSays()[field]; v != "" {
			return Give(v), nil
		}
		return Field[string]{}, nil
	})
	v, _ := f.Value()
	return v, err
}

// prefer is the answer of highest precedence. fillable says whether the policy's value counts; template, which may be nil,
// is asked only when the field is not set, so that what it lacks is no warning where it doesn't matter.
func prefer[T any](o *onboarding, field string, fillable bool, from func([]string) T, template func() (Field[T], error)) (Field[T], error) {
	if a, ok := o.set[field]; ok {
		return converted(a, from), nil
	}
	if template != nil {
		if f, err := template(); err != nil || f.state != Absent {
			return f, err
		}
	}
	if !fillable {
		return Field[T]{}, nil
	}
	o.warn(o.filled[field].warnings...)
	return converted(o.filled[field].answer, from), nil
}

func converted[T any](a answer, from func([]string) T) Field[T] {
	f := Field[T]{state: a.state}
	if a.state == Given {
		f.value = from(a.value)
	}
	return f
}

func one(values []string) string { return values[0] }

func several(values []string) []string { return slices.Clone(values) }

func wishes(values []string) []lifecycle.LicenseWish {
	all := make([]lifecycle.LicenseWish, len(values))
	for i, v := range values {
		all[i].SKU = v
	}
	return all
}

// madeUp is the name of a template that fields make up.
func (o *onboarding) madeUp() string {
	if o.group == nil && o.policy != nil {
		return o.policy.Name
	}
	return "--set"
}

func (o *onboarding) role() (*lifecycle.Role, error) {
	name, err := o.fromProfile("role")
	if err != nil || name == "" {
		return nil, err
	}
	role, ok := o.c.Role(name)
	if !ok {
		names := namesOf(o.c.roles, func(r Role) string { return r.Name })
		return nil, &lifecycle.Refusal{
			Code: "unknown-role", Invalid: true,
			Message: fmt.Sprintf("the catalog has no role %q%s", name, meant(name, names)),
			Hint:    "roles: " + listed(names),
		}
	}
	if !role.AllowedAt(o.site.level) {
		var allowed []string
		for _, r := range o.c.roles {
			if r.AllowedAt(o.site.level) {
				allowed = append(allowed, r.Name)
			}
		}
		return nil, &lifecycle.Refusal{
			Code:    "role-not-allowed",
			Message: fmt.Sprintf("the role %s is not allowed at level %s", name, o.site.level),
			Hint:    "roles for it: " + listed(allowed),
		}
	}
	return role.Lifecycle(), nil
}

// m365: R15, R16, R21-R24. A null for the usage location writes nothing, for nobody can be without one again; it only
// ends the search.
func (o *onboarding) m365() (*lifecycle.M365Template, error) {
	resolved := &lifecycle.M365Template{Name: o.madeUp()}
	fillable := o.group == nil
	var location func() (Field[string], error)
	var licenses func() (Field[[]lifecycle.LicenseWish], error)
	if o.group != nil && o.group.M365User != nil {
		t := o.group.M365User
		resolved.Name, fillable = t.Name, true
		location = func() (Field[string], error) { return t.usageLocation(&o.resolution) }
		licenses = func() (Field[[]lifecycle.LicenseWish], error) { return t.licenses(&o.resolution) }
	}
	l, err := prefer(o, "usageLocation", fillable, one, location)
	if err != nil {
		return nil, err
	}
	w, err := prefer(o, "licenses", fillable, wishes, licenses)
	if err != nil {
		return nil, err
	}
	if location == nil && l.state != Given && w.state == Absent {
		return nil, nil
	}
	resolved.UsageLocation, resolved.Licenses, resolved.Clear = l.value, w.value, w.state == Cleared
	_, resolved.Demanded = o.set["usageLocation"]
	return resolved, nil
}

// addGroups: R25.
func (o *onboarding) addGroups() (*lifecycle.GroupTemplate, error) {
	resolved := &lifecycle.GroupTemplate{Name: o.madeUp()}
	fillable := o.group == nil
	var groups func() (Field[[]string], error)
	if o.group != nil && o.group.AddGroups != nil {
		t := o.group.AddGroups
		resolved.Name, fillable = t.Name, true
		groups = func() (Field[[]string], error) {
			all, err := t.resolve(&o.resolution)
			return dropEmpty(Give(all), func(g []string) bool { return len(g) == 0 }), err
		}
	}
	g, err := prefer(o, "groups", fillable, several, groups)
	if err != nil {
		return nil, err
	}
	if groups == nil && g.state != Given {
		return nil, nil
	}
	resolved.Groups = g.value
	return resolved, nil
}

// teams: R11, each policy on its own.
func (o *onboarding) teams() (*lifecycle.PolicyTemplate, error) {
	resolved := &lifecycle.PolicyTemplate{Name: o.madeUp(), Policies: map[string]*string{}}
	fillable := o.group == nil
	types := map[string]bool{}
	for field := range o.set {
		note(types, field)
	}
	for field := range o.filled {
		note(types, field)
	}
	var template *TeamsUser
	if o.group != nil && o.group.TeamsUser != nil {
		template = o.group.TeamsUser
		resolved.Name, fillable = template.Name, true
		for policy := range template.Policies {
			types[policy] = true
		}
	}
	for _, policy := range slices.Sorted(maps.Keys(types)) {
		var fromTemplate func() (Field[string], error)
		if template != nil {
			fromTemplate = func() (Field[string], error) { return template.policy(&o.resolution, policy) }
		}
		f, err := prefer(o, policyPrefix+policy, fillable, one, fromTemplate)
		if err != nil {
			return nil, err
		}
		addPolicy(resolved.Policies, policy, f)
	}
	if template == nil && len(resolved.Policies) == 0 {
		return nil, nil
	}
	for policy, f := range o.site.defaults.Policies {
		if _, answered := resolved.Policies[policy]; !answered {
			addPolicy(resolved.Policies, policy, f)
		}
	}
	return resolved, nil
}

func note(types map[string]bool, field string) {
	if policy, ok := strings.CutPrefix(field, policyPrefix); ok {
		types[policy] = true
	}
}

// addPolicy adds what is not absent; nil clears.
func addPolicy(policies map[string]*string, policy string, f Field[string]) {
	switch f.state {
	case Given:
		policies[policy] = &f.value
	case Cleared:
		policies[policy] = nil
	}
}
