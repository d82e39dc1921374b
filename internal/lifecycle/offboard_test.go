package lifecycle_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/lifecycle"
)

const (
	london  = "acme/contoso/emea/london"
	contoso = "acme/contoso"
	number  = "+442079460001"
)

var now = time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)

// typical is the user of the issue: direct E5, a Direct Routing number, two ordinary groups, placed at London.
func typical() lifecycle.Snapshot {
	return lifecycle.Snapshot{
		Tenant:        "contoso",
		Person:        lifecycle.Person{ID: "u1", UserPrincipalName: "ada@contoso.example", Enabled: true},
		UsageLocation: "GB",
		Licenses:      []lifecycle.License{{SKUID: "e5-id", SKU: "SPE_E5", DisabledPlans: []string{"plan"}}},
		Groups:        []lifecycle.Group{group("g1", "All Staff"), group("g2", "London Office")},
		Teams: &lifecycle.TeamsUser{
			EnterpriseVoice: true,
			Numbers:         []lifecycle.TeamsNumber{{Number: number, Type: "directRouting", Category: "primary"}},
			Policies: []lifecycle.Policy{
				{Type: "TeamsCallingPolicy", Name: "AllOn", ID: "id-allon", Direct: true},
				{Type: "TenantDialPlan", Name: "UK-Dialplan", ID: "id-uk", Direct: true},
				{Type: "TeamsMeetingPolicy", Name: "ByGroup", ID: "id-group"},
			},
		},
		Placement: lifecycle.Placement{Node: london, Role: "site-admin", Services: []lifecycle.Service{
			{Kind: lifecycle.ServiceM365, Node: london}, {Kind: lifecycle.ServiceTeams, Node: london},
		}},
		Inventory:   []lifecycle.NumberRow{{Number: number, Node: london, State: lifecycle.Used, Type: "directRouting", UserID: "u1"}},
		Permissions: []string{"GroupMember.ReadWrite.All", "LicenseAssignment.ReadWrite.All", lifecycle.PolicyPermission, lifecycle.NumberPermission},
	}
}

func group(id, name string, skus ...string) lifecycle.Group {
	return lifecycle.Group{ID: id, DisplayName: name, Kind: lifecycle.Security, Licenses: skus}
}

func rules() lifecycle.OffboardingRules {
	return lifecycle.OffboardingRules{
		TenantLevel: contoso,
		Licenses:    lifecycle.Remove,
		Cooling:     func(string) lifecycle.CoolingRule { return lifecycle.CoolingRule{Enabled: true, Days: 30} },
		CurrentRole: &lifecycle.Role{Name: "site-admin"},
		DefaultRole: &lifecycle.Role{Name: "customer-self-service", SelfService: true},
	}
}

func plan(t *testing.T, s lifecycle.Snapshot, r lifecycle.OffboardingRules) lifecycle.Plan {
	t.Helper()
	p, err := lifecycle.PlanOffboard(lifecycle.Request{Operation: lifecycle.Offboard, SubscriberID: "u1"}, s, r, now)
	require.NoError(t, err)
	return p
}

func step(t *testing.T, p lifecycle.Plan, name lifecycle.StepName) lifecycle.PlannedStep {
	t.Helper()
	s, ok := p.Step(name)
	require.True(t, ok, "no step %s", name)
	return s
}

func warned(p lifecycle.Plan) (codes []lifecycle.WarningCode) {
	for _, w := range p.Warnings {
		codes = append(codes, w.Code)
	}
	return codes
}

func ptr[T any](v T) *T { return &v }

func TestTypicalOffboard(t *testing.T) {
	p := plan(t, typical(), rules())

	var names []lifecycle.StepName
	actions := map[lifecycle.StepName]lifecycle.Action{}
	for _, s := range p.Steps {
		names = append(names, s.Name)
		actions[s.Name] = s.Action
		assert.NotEmpty(t, s.Summary, s.Name)
	}
	assert.Equal(t, []lifecycle.StepName{
		"remove-number", "disable-enterprise-voice", "apply-policies", "remove-groups", "await-group-licenses",
		"remove-licenses", "release-number", "return-to-tenant-level", "set-role", "verify",
	}, names)
	assert.Equal(t, map[lifecycle.StepName]lifecycle.Action{
		"remove-number": "do", "disable-enterprise-voice": "do", "apply-policies": "skip", "remove-groups": "skip",
		"await-group-licenses": "skip", "remove-licenses": "do", "release-number": "do", "return-to-tenant-level": "do",
		"set-role": "do", "verify": "do",
	}, actions)
	assert.Empty(t, p.Warnings)
	assert.True(t, p.Changes())

	assert.Equal(t, ptr("GB"), p.After.UsageLocation, "R51")
	assert.Empty(t, p.After.Numbers)
	assert.Empty(t, p.After.Licenses)
	assert.False(t, p.After.EnterpriseVoice)
	assert.Equal(t, []string{"All Staff", "London Office"}, p.After.Groups)
	assert.Equal(t, contoso, *p.After.Node)
	assert.Equal(t, "customer-self-service", *p.After.Role)
	assert.Equal(t, []string{number}, p.Before.Numbers, "the state before is not touched by planning the state after")
	assert.Len(t, p.Before.Licenses, 1)
}

// TestLicenseTableF is the decision table of domain.md §4.2, a row a case.
func TestLicenseTableF(t *testing.T) {
	const licensed = "License E3"
	cases := []struct {
		name                string
		mode                lifecycle.LicenseMode
		permission          bool
		inherited           []string // license groups of the user
		removed             []string // groups of the template; nil: no template
		direct              bool
		action              lifecycle.Action
		reason              lifecycle.Reason
		leaves              []string
		waits               lifecycle.Action
		warns               []lifecycle.WarningCode
		licensesAfterAssign []string
	}{
		{"F1 retain, nothing to leave", lifecycle.Retain, true, nil, nil, true, "skip", lifecycle.LicensesRetained, nil, "skip", nil, []string{"direct"}},
		{"F1 retain, ordinary group left", lifecycle.Retain, false, nil, []string{"All Staff"}, true, "skip", lifecycle.LicensesRetained, []string{"All Staff"}, "skip", nil, []string{"direct"}},
		{"F2 remove, no license group", lifecycle.Remove, true, nil, nil, true, "do", "", nil, "skip", nil, []string{}},
		{"F2 remove, ordinary group left", lifecycle.Remove, true, nil, []string{"All Staff"}, true, "do", "", []string{"All Staff"}, "skip", nil, []string{}},
		{"F3 remove, every license group left", lifecycle.Remove, true, []string{licensed}, []string{licensed}, true, "do", "", []string{licensed}, "do", nil, []string{}},
		{"F4 remove, one license group remains", lifecycle.Remove, true, []string{licensed, "License Phone"}, []string{licensed}, true, "skip", lifecycle.GroupLicenseRemains, []string{licensed}, "do", []lifecycle.WarningCode{"group-license-remains"}, []string{"direct", "group"}},
		{"F4 remove, no group template", lifecycle.Remove, true, []string{licensed}, nil, true, "skip", lifecycle.GroupLicenseRemains, nil, "skip", []lifecycle.WarningCode{"group-license-remains"}, []string{"direct", "group"}},
		{"F5 no permission", lifecycle.Remove, false, nil, nil, true, "skip", lifecycle.LicensePermissionMissing, nil, "skip", []lifecycle.WarningCode{"license-permission-missing"}, []string{"direct"}},
		{"F5 no permission, groups go", lifecycle.Remove, false, []string{licensed}, []string{licensed}, true, "skip", lifecycle.LicensePermissionMissing, []string{licensed}, "do", []lifecycle.WarningCode{"license-permission-missing"}, []string{"direct"}},
		{"F6 retain, license group left", lifecycle.Retain, true, []string{licensed}, []string{licensed}, true, "skip", lifecycle.LicensesRetained, []string{licensed}, "do", nil, []string{"direct"}},
		{"no direct license", lifecycle.Remove, true, []string{licensed}, nil, false, "unchanged", "", nil, "skip", nil, []string{"group"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, r := typical(), rules()
			r.Licenses = c.mode
			if !c.permission {
				s.Permissions = []string{"GroupMember.ReadWrite.All", lifecycle.PolicyPermission, lifecycle.NumberPermission}
			}
			if !c.direct {
				s.Licenses = nil
			}
			for _, name := range c.inherited {
				s.Groups = append(s.Groups, group("id "+name, name, "e3-id"))
				s.Licenses = append(s.Licenses, lifecycle.License{SKUID: "e3-id", SKU: "SPE_E3", GroupID: "id " + name})
			}
			if c.removed != nil {
				r.RemoveGroups = &lifecycle.GroupTemplate{Name: "t", Groups: c.removed}
			}
			p := plan(t, s, r)

			licenses := step(t, p, lifecycle.RemoveLicenses)
			assert.Equal(t, c.action, licenses.Action)
			assert.Equal(t, c.reason, licenses.Reason)
			if c.action == lifecycle.Do {
				assert.Equal(t, []lifecycle.LicenseChange{{SKUID: "e5-id", SKU: "SPE_E5", DisabledPlans: []string{"plan"}}}, licenses.Change.Licenses, "undo needs the disabled plans")
			} else {
				assert.Empty(t, licenses.Change.Licenses)
			}
			var leaves []string
			for _, g := range step(t, p, lifecycle.RemoveGroups).Change.Groups {
				leaves = append(leaves, g.DisplayName)
			}
			assert.Equal(t, c.leaves, leaves)
			assert.Equal(t, c.waits, step(t, p, lifecycle.AwaitGroupLicenses).Action)
			assert.Equal(t, c.warns, warned(p))
			assignments := []string{}
			for _, l := range p.After.Licenses {
				assignments = append(assignments, l.Assignment)
			}
			assert.Equal(t, c.licensesAfterAssign, assignments)
			assert.Equal(t, ptr("GB"), p.After.UsageLocation, "R51: in all rows")
		})
	}
}

func TestR55AnInheritedLicenseOfAnUnreadableGroupRemains(t *testing.T) {
	s, r := typical(), rules()
	s.Licenses = append(s.Licenses, lifecycle.License{SKUID: "e3-id", SKU: "SPE_E3", GroupID: "unseen"})
	licenses := step(t, plan(t, s, r), lifecycle.RemoveLicenses)
	assert.Equal(t, lifecycle.GroupLicenseRemains, licenses.Reason)
	assert.Contains(t, licenses.Summary, "unseen")
}

func TestR55AnUnwritableLicenseGroupRemains(t *testing.T) {
	s, r := typical(), rules()
	dynamic := group("dyn", "License Dynamic", "e3-id")
	dynamic.Kind = lifecycle.Dynamic
	s.Groups = append(s.Groups, dynamic)
	s.Licenses = append(s.Licenses, lifecycle.License{SKUID: "e3-id", SKU: "SPE_E3", GroupID: "dyn"})
	r.RemoveGroups = &lifecycle.GroupTemplate{Groups: []string{"License Dynamic", "All Staff"}}
	p := plan(t, s, r)
	assert.Equal(t, []lifecycle.WarningCode{"group-not-writable", "group-license-remains"}, warned(p))
	assert.Equal(t, lifecycle.GroupLicenseRemains, step(t, p, lifecycle.RemoveLicenses).Reason)
	assert.Len(t, step(t, p, lifecycle.RemoveGroups).Change.Groups, 1)
}

func TestGroupKindsThatCannotBeLeft(t *testing.T) {
	for _, kind := range []lifecycle.GroupKind{lifecycle.Dynamic, lifecycle.SyncedGroup, lifecycle.Mail, lifecycle.RoleAssignable} {
		t.Run(string(kind), func(t *testing.T) {
			s, r := typical(), rules()
			s.Groups[0].Kind = kind
			r.RemoveGroups = &lifecycle.GroupTemplate{Groups: []string{"g1"}}
			p := plan(t, s, r)
			assert.Equal(t, lifecycle.LeaveAsIs, step(t, p, lifecycle.RemoveGroups).Action)
			assert.Equal(t, []lifecycle.WarningCode{"group-not-writable"}, warned(p))
		})
	}
}

func TestR50dOnlyNamedGroupsAndR64NotAMember(t *testing.T) {
	cases := []struct {
		name       string
		template   *lifecycle.GroupTemplate
		permission bool
		action     lifecycle.Action
		reason     lifecycle.Reason
		left       int
	}{
		{"no template", nil, true, "skip", lifecycle.NoTemplate, 0},
		{"empty template", &lifecycle.GroupTemplate{}, true, "skip", lifecycle.NothingConfigured, 0},
		{"by name, other case", &lifecycle.GroupTemplate{Groups: []string{"all staff"}}, true, "do", "", 1},
		{"by id", &lifecycle.GroupTemplate{Groups: []string{"g2"}}, true, "do", "", 1},
		{"not a member", &lifecycle.GroupTemplate{Groups: []string{"Sales"}}, true, "unchanged", "", 0},
		{"no permission", &lifecycle.GroupTemplate{Groups: []string{"g2"}}, false, "skip", lifecycle.PermissionMissing, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, r := typical(), rules()
			r.RemoveGroups = c.template
			if !c.permission {
				s.Permissions = s.Permissions[1:]
			}
			got := step(t, plan(t, s, r), lifecycle.RemoveGroups)
			assert.Equal(t, c.action, got.Action)
			assert.Equal(t, c.reason, got.Reason)
			assert.Len(t, got.Change.Groups, c.left)
		})
	}
}

func TestR50aPolicies(t *testing.T) {
	template := func(policies map[string]*string) *lifecycle.PolicyTemplate {
		return &lifecycle.PolicyTemplate{Name: "t", Policies: policies, Resolved: map[string]lifecycle.PolicyRef{"TeamsCallingPolicy": {ID: "id-off", Name: "Off"}, "TeamsMeetingPolicy": {ID: "id-m", Name: "M"}}}
	}
	cases := []struct {
		name     string
		template *lifecycle.PolicyTemplate
		inTeams  bool
		action   lifecycle.Action
		reason   lifecycle.Reason
		changes  []lifecycle.PolicyChange
	}{
		{"no template", nil, true, "skip", lifecycle.NoTemplate, nil},
		{"empty", template(nil), true, "skip", lifecycle.NothingConfigured, nil},
		{"clear", template(map[string]*string{"TeamsCallingPolicy": nil}), true, "do", "", []lifecycle.PolicyChange{{Type: "TeamsCallingPolicy", From: &lifecycle.PolicyRef{ID: "id-allon", Name: "AllOn"}}}},
		{"Global clears", template(map[string]*string{"TeamsCallingPolicy": ptr("Global")}), true, "do", "", []lifecycle.PolicyChange{{Type: "TeamsCallingPolicy", From: &lifecycle.PolicyRef{ID: "id-allon", Name: "AllOn"}}}},
		{"clear what comes from a group", template(map[string]*string{"TeamsMeetingPolicy": nil}), true, "unchanged", "", nil},
		{"clear what is not set", template(map[string]*string{"TeamsAppSetupPolicy": nil}), true, "unchanged", "", nil},
		{"set over a direct one", template(map[string]*string{"TeamsCallingPolicy": ptr("Off")}), true, "do", "", []lifecycle.PolicyChange{{Type: "TeamsCallingPolicy", From: &lifecycle.PolicyRef{ID: "id-allon", Name: "AllOn"}, To: &lifecycle.PolicyRef{ID: "id-off", Name: "Off"}}}},
		{"set over a group's", template(map[string]*string{"TeamsMeetingPolicy": ptr("M")}), true, "do", "", []lifecycle.PolicyChange{{Type: "TeamsMeetingPolicy", To: &lifecycle.PolicyRef{ID: "id-m", Name: "M"}}}},
		{"set what is set, by name", template(map[string]*string{"TeamsCallingPolicy": ptr("AllOn")}), true, "unchanged", "", nil},
		{"set what is set, by id", template(map[string]*string{"TeamsCallingPolicy": ptr("id-allon")}), true, "unchanged", "", nil},
		{"clear without Teams", template(map[string]*string{"TeamsCallingPolicy": nil}), false, "unchanged", "", nil},
		{"set without Teams", template(map[string]*string{"TeamsCallingPolicy": ptr("Off")}), false, "skip", lifecycle.NotInTeams, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, r := typical(), rules()
			r.Teams = c.template
			if !c.inTeams {
				s.Teams = nil
			}
			got := step(t, plan(t, s, r), lifecycle.ApplyPolicies)
			assert.Equal(t, c.action, got.Action)
			assert.Equal(t, c.reason, got.Reason)
			assert.Equal(t, c.changes, got.Change.Policies)
		})
	}
	t.Run("no permission", func(t *testing.T) {
		s, r := typical(), rules()
		r.Teams = template(map[string]*string{"TeamsCallingPolicy": nil})
		s.Permissions = []string{"LicenseAssignment.ReadWrite.All", lifecycle.NumberPermission}
		p := plan(t, s, r)
		assert.Equal(t, lifecycle.PermissionMissing, step(t, p, lifecycle.ApplyPolicies).Reason)
		assert.Equal(t, []lifecycle.WarningCode{"permission-missing"}, warned(p))
	})
}

func TestR50NumberAndEnterpriseVoice(t *testing.T) {
	cases := []struct {
		name          string
		teams         func(*lifecycle.TeamsUser) *lifecycle.TeamsUser
		number, voice lifecycle.Action
		reason        lifecycle.Reason
		warns         []lifecycle.WarningCode
	}{
		{"number", func(u *lifecycle.TeamsUser) *lifecycle.TeamsUser { return u }, "do", "do", "", nil},
		{"no number", func(u *lifecycle.TeamsUser) *lifecycle.TeamsUser { u.Numbers, u.EnterpriseVoice = nil, false; return u }, "unchanged", "unchanged", "", nil},
		{"voice without a number", func(u *lifecycle.TeamsUser) *lifecycle.TeamsUser { u.Numbers = nil; return u }, "unchanged", "skip", lifecycle.EnterpriseVoiceNotWritable, []lifecycle.WarningCode{"enterprise-voice-still-on"}},
		{"not in Teams", func(*lifecycle.TeamsUser) *lifecycle.TeamsUser { return nil }, "unchanged", "unchanged", "", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := typical()
			s.Teams = c.teams(s.Teams)
			p := plan(t, s, rules())
			assert.Equal(t, c.number, step(t, p, lifecycle.RemoveNumber).Action)
			assert.Equal(t, c.voice, step(t, p, lifecycle.DisableEnterpriseVoice).Action)
			assert.Equal(t, c.reason, step(t, p, lifecycle.DisableEnterpriseVoice).Reason)
			assert.Equal(t, c.warns, warned(p))
		})
	}
}

func TestR83ReleaseByTheNumbersNode(t *testing.T) {
	t.Run("cooling", func(t *testing.T) {
		got := step(t, plan(t, typical(), rules()), lifecycle.ReleaseNumber)
		assert.Equal(t, []lifecycle.NumberChange{{Number: number, Type: "directRouting", To: lifecycle.Cooling, CoolingDays: 30, CoolingUntil: "2026-04-27T12:00:00Z"}}, got.Change.Numbers)
	})
	t.Run("off at the number's node, on elsewhere", func(t *testing.T) {
		s, r := typical(), rules()
		s.Inventory[0].Node = "acme/contoso/emea/paris"
		r.Cooling = func(node string) lifecycle.CoolingRule {
			return lifecycle.CoolingRule{Enabled: node != "acme/contoso/emea/paris", Days: 30}
		}
		assert.Equal(t, lifecycle.Available, step(t, plan(t, s, r), lifecycle.ReleaseNumber).Change.Numbers[0].To)
	})
	t.Run("not in the inventory", func(t *testing.T) {
		s := typical()
		s.Inventory = nil
		p := plan(t, s, rules())
		assert.Equal(t, lifecycle.NumberNotInInventory, step(t, p, lifecycle.ReleaseNumber).Reason)
		assert.Equal(t, []lifecycle.WarningCode{"number-not-in-inventory"}, warned(p))
		assert.Equal(t, lifecycle.Do, step(t, p, lifecycle.RemoveNumber).Action)
	})
	t.Run("Teams lost it already", func(t *testing.T) {
		s := typical()
		s.Teams.Numbers, s.Teams.EnterpriseVoice = nil, false
		p := plan(t, s, rules())
		assert.Equal(t, lifecycle.LeaveAsIs, step(t, p, lifecycle.RemoveNumber).Action)
		assert.Equal(t, lifecycle.Do, step(t, p, lifecycle.ReleaseNumber).Action)
	})
	t.Run("another's in the inventory", func(t *testing.T) {
		s := typical()
		s.Inventory[0].UserID = "u2"
		p := plan(t, s, rules())
		assert.Equal(t, lifecycle.NumberOfAnother, step(t, p, lifecycle.ReleaseNumber).Reason)
		assert.Empty(t, step(t, p, lifecycle.ReleaseNumber).Change.Numbers)
		assert.Equal(t, []lifecycle.WarningCode{"number-of-another"}, warned(p))
	})
	t.Run("none", func(t *testing.T) {
		s := typical()
		s.Teams.Numbers, s.Inventory = nil, nil
		got := step(t, plan(t, s, rules()), lifecycle.ReleaseNumber)
		assert.Equal(t, lifecycle.LeaveAsIs, got.Action)
		assert.Equal(t, lifecycle.NoNumber, got.Reason)
	})
}

func TestCoolingEndCountsDaysOf24HoursInUTC(t *testing.T) {
	berlin := time.FixedZone("CET", 3600)
	// 28 March to 27 April crosses the change to summer time in Europe.
	assert.Equal(t, time.Date(2026, 4, 27, 10, 30, 0, 0, time.UTC), lifecycle.CoolingEnd(time.Date(2026, 3, 28, 11, 30, 0, 0, berlin), 30))
}

func TestPlacementAndRole(t *testing.T) {
	selfService := &lifecycle.Role{Name: "site-self-service", SelfService: true}
	cases := []struct {
		name       string
		change     func(*lifecycle.Snapshot, *lifecycle.OffboardingRules)
		place      lifecycle.Action
		placeWhy   lifecycle.Reason
		role       lifecycle.Action
		roleWhy    lifecycle.Reason
		node, held string
	}{
		{"R50e R71", func(*lifecycle.Snapshot, *lifecycle.OffboardingRules) {}, "do", "", "do", "", contoso, "customer-self-service"},
		{"R70 self-service kept", func(s *lifecycle.Snapshot, r *lifecycle.OffboardingRules) {
			r.CurrentRole, s.Placement.Role = selfService, selfService.Name
		}, "do", "", "unchanged", lifecycle.SelfServiceRoleKept, contoso, "site-self-service"},
		{"R59 retained at site", func(_ *lifecycle.Snapshot, r *lifecycle.OffboardingRules) { r.RetainAtSite = true }, "skip", lifecycle.RetainedAtSite, "skip", lifecycle.RetainedAtSite, london, "site-admin"},
		{"at the tenant level already", func(s *lifecycle.Snapshot, r *lifecycle.OffboardingRules) {
			s.Placement = lifecycle.Placement{Node: contoso, Role: "customer-self-service"}
			r.CurrentRole = r.DefaultRole
		}, "unchanged", "", "unchanged", lifecycle.SelfServiceRoleKept, contoso, "customer-self-service"},
		{"a record left behind", func(s *lifecycle.Snapshot, _ *lifecycle.OffboardingRules) { s.Placement.Node = contoso }, "do", "", "do", "", contoso, "customer-self-service"},
		{"no role", func(s *lifecycle.Snapshot, r *lifecycle.OffboardingRules) {
			r.CurrentRole, s.Placement.Role = nil, ""
		}, "do", "", "do", "", contoso, "customer-self-service"},
		{"no default role", func(_ *lifecycle.Snapshot, r *lifecycle.OffboardingRules) { r.DefaultRole = nil }, "do", "", "skip", lifecycle.NoRole, contoso, "site-admin"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, r := typical(), rules()
			c.change(&s, &r)
			p := plan(t, s, r)
			place, role := step(t, p, lifecycle.ReturnToTenantLevel), step(t, p, lifecycle.SetRole)
			assert.Equal(t, c.place, place.Action)
			assert.Equal(t, c.placeWhy, place.Reason)
			assert.Equal(t, c.role, role.Action)
			assert.Equal(t, c.roleWhy, role.Reason)
			assert.Equal(t, c.node, *p.After.Node)
			assert.Equal(t, c.held, *p.After.Role)
		})
	}
}

func TestRefusals(t *testing.T) {
	cases := []struct {
		code   string
		change func(*lifecycle.Snapshot, *lifecycle.OffboardingRules)
	}{
		{"guest", func(s *lifecycle.Snapshot, _ *lifecycle.OffboardingRules) { s.Person.Guest = true }},
		{"protected", func(_ *lifecycle.Snapshot, r *lifecycle.OffboardingRules) { r.Protected = "service account" }},
		{"permission-missing", func(s *lifecycle.Snapshot, _ *lifecycle.OffboardingRules) { s.Permissions = nil }},
		{"number-on-premises", func(s *lifecycle.Snapshot, _ *lifecycle.OffboardingRules) { s.Teams.Numbers[0].OnPremises = true }},
		{"number-held", func(s *lifecycle.Snapshot, _ *lifecycle.OffboardingRules) { s.Inventory[0].HeldBy = "another run" }},
	}
	for _, c := range cases {
		t.Run(c.code, func(t *testing.T) {
			s, r := typical(), rules()
			c.change(&s, &r)
			_, err := lifecycle.PlanOffboard(lifecycle.Request{}, s, r, now)
			var refusal *lifecycle.Refusal
			require.ErrorAs(t, err, &refusal)
			assert.Equal(t, c.code, refusal.Code)
			assert.False(t, refusal.Invalid, "exit 5, not 3")
		})
	}
}

// Nobody takes their own access away by accident, by whatever name they go.
func TestNobodyOffboardsThemselves(t *testing.T) {
	s := typical()
	s.Person.UserPrincipalName = "Anna.Archer@contoso.example"
	for by, own := range map[string]bool{
		"anna.archer@contoso.example": true, "anna.archer": true, `CONTOSO\Anna.Archer`: true, s.Person.ID: true,
		"anna": false, "anna.archer@fabrikam.example": false, "": false, `CONTOSO\`: false, "admin": false,
	} {
		request := lifecycle.Request{Operation: lifecycle.Offboard, RequestedBy: by}
		_, err := lifecycle.PlanOffboard(request, s, rules(), now)
		var refusal *lifecycle.Refusal
		if own {
			require.ErrorAs(t, err, &refusal, by)
			assert.Equal(t, "yourself", refusal.Code)
			assert.False(t, refusal.Invalid, "exit 5, not 3")
			request.Yourself = true
			_, err = lifecycle.PlanOffboard(request, s, rules(), now)
		}
		assert.NoError(t, err, by)
	}
	_, err := lifecycle.PlanMove(lifecycle.Request{Operation: lifecycle.Move, RequestedBy: "anna.archer"}, s, lifecycle.MoveRules{}, lifecycle.OnboardingFacts{}, now)
	assert.ErrorContains(t, err, "themselves")
}

func TestR58ADisabledUserIsOffboardedLikeAnyone(t *testing.T) {
	s := typical()
	s.Person.Enabled = false
	assert.True(t, plan(t, s, rules()).Changes())
}

func TestPlanningAgainChangesNothing(t *testing.T) {
	s, r := typical(), rules()
	s.Teams.Numbers, s.Teams.EnterpriseVoice, s.Licenses, s.Inventory = nil, false, nil, nil
	s.Placement = lifecycle.Placement{Node: contoso, Role: "customer-self-service"}
	r.CurrentRole = r.DefaultRole
	p := plan(t, s, r)
	assert.False(t, p.Changes())
	for _, st := range p.Steps {
		if st.Name != lifecycle.Verify {
			assert.NotEqual(t, lifecycle.Do, st.Action, st.Name)
		}
	}
	assert.Equal(t, p.Before, p.After)
}

func TestDigestTellsStatesApart(t *testing.T) {
	a, b := typical(), typical()
	assert.Equal(t, a.Digest(), b.Digest())
	b.UsageLocation = "FR"
	assert.NotEqual(t, a.Digest(), b.Digest())
}

func TestDisagreements(t *testing.T) {
	s, r := typical(), rules()
	s.Groups = append(s.Groups, group("lic", "License E3", "e3-id"))
	s.Licenses = append(s.Licenses, lifecycle.License{SKUID: "e3-id", SKU: "SPE_E3", GroupID: "lic"})
	r.RemoveGroups = &lifecycle.GroupTemplate{Groups: []string{"lic"}}
	r.Teams = &lifecycle.PolicyTemplate{Policies: map[string]*string{"TenantDialPlan": nil, "TeamsCallingPolicy": ptr("Off")}, Resolved: map[string]lifecycle.PolicyRef{"TeamsCallingPolicy": {ID: "id-off", Name: "Off"}}}
	p := plan(t, s, r)
	agreed := func() lifecycle.Snapshot {
		end := typical()
		end.Licenses, end.Inventory = nil, []lifecycle.NumberRow{{Number: number, UserID: "u1", HeldBy: "this run"}}
		end.Teams = &lifecycle.TeamsUser{Policies: []lifecycle.Policy{{Type: "TeamsCallingPolicy", ID: "id-off", Name: "Off", Direct: true}}}
		end.Placement = lifecycle.Placement{Node: contoso, Role: "customer-self-service", Services: []lifecycle.Service{{Kind: lifecycle.ServiceM365, Node: contoso}}}
		return end
	}
	assert.Empty(t, lifecycle.Disagreements(p.Steps, p.Before, agreed()))
	gone := agreed()
	gone.Teams = nil
	assert.Empty(t, lifecycle.Disagreements(p.Steps, p.Before, gone), "R61: a user whom Teams has forgotten has no number and no policy")
	unset := agreed()
	unset.Teams.Policies = nil
	assert.Equal(t, []string{"policy TeamsCallingPolicy is not assigned"}, lifecycle.Disagreements(p.Steps, p.Before, unset))

	cases := map[string]func(*lifecycle.Snapshot){
		"the usage location is":              func(e *lifecycle.Snapshot) { e.UsageLocation = "" },
		"Teams still shows " + number:        func(e *lifecycle.Snapshot) { e.Teams.Numbers = typical().Teams.Numbers },
		"policy TenantDialPlan is UK":        func(e *lifecycle.Snapshot) { e.Teams.Policies = append(e.Teams.Policies, typical().Teams.Policies[1]) },
		"policy TeamsCallingPolicy is AllOn": func(e *lifecycle.Snapshot) { e.Teams.Policies = typical().Teams.Policies[:1] },
		"still a member of License E3":       func(e *lifecycle.Snapshot) { e.Groups = s.Groups },
		"still licensed by License E3":       func(e *lifecycle.Snapshot) { e.Licenses = s.Licenses[1:] },
		"license SPE_E5 is still assigned":   func(e *lifecycle.Snapshot) { e.Licenses = s.Licenses[:1] },
		"the inventory still gives":          func(e *lifecycle.Snapshot) { e.Inventory[0].HeldBy = "" },
		"the user is at " + london:           func(e *lifecycle.Snapshot) { e.Placement.Node = london },
		"the m365 record is at":              func(e *lifecycle.Snapshot) { e.Placement.Services[0].Node = london },
		"the role is":                        func(e *lifecycle.Snapshot) { e.Placement.Role = "site-admin" },
	}
	for want, spoil := range cases {
		t.Run(want, func(t *testing.T) {
			end := agreed()
			spoil(&end)
			found := lifecycle.Disagreements(p.Steps, p.Before, end)
			require.Len(t, found, 1)
			assert.Contains(t, found[0], want)
		})
	}
}

func TestUnrestored(t *testing.T) {
	s, r := typical(), rules()
	r.RemoveGroups = &lifecycle.GroupTemplate{Groups: []string{"g1"}}
	r.Teams = &lifecycle.PolicyTemplate{Policies: map[string]*string{"TenantDialPlan": nil}}
	p := plan(t, s, r)
	assert.Empty(t, lifecycle.Unrestored(p.Steps, p.Before, typical()), "as before")
	assert.Empty(t, lifecycle.Unrestored(nil, p.Before, lifecycle.Snapshot{}), "what no step touched is not looked at")

	cases := map[string]func(*lifecycle.Snapshot){
		"Teams does not show " + number:     func(e *lifecycle.Snapshot) { e.Teams.Numbers = nil },
		"Enterprise Voice is off":           func(e *lifecycle.Snapshot) { e.Teams.EnterpriseVoice = false },
		"policy TenantDialPlan is not":      func(e *lifecycle.Snapshot) { e.Teams.Policies = e.Teams.Policies[:1] },
		"not a member of All Staff":         func(e *lifecycle.Snapshot) { e.Groups = e.Groups[1:] },
		"license SPE_E5 is not assigned":    func(e *lifecycle.Snapshot) { e.Licenses = nil },
		number + " is not in the inventory": func(e *lifecycle.Snapshot) { e.Inventory = nil },
		"the user is at " + contoso:         func(e *lifecycle.Snapshot) { e.Placement.Node = contoso },
		"the role is":                       func(e *lifecycle.Snapshot) { e.Placement.Role = "customer-self-service" },
	}
	for want, spoil := range cases {
		t.Run(want, func(t *testing.T) {
			end := typical()
			spoil(&end)
			found := lifecycle.Unrestored(p.Steps, p.Before, end)
			require.Len(t, found, 1)
			assert.Contains(t, found[0], want)
		})
	}
}
