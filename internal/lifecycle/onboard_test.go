package lifecycle_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/lifecycle"
)

// newcomer is at the tenant level, without license, number or Teams.
func newcomer() lifecycle.Snapshot {
	return lifecycle.Snapshot{
		Tenant: "contoso",
		Person: lifecycle.Person{ID: "u1", UserPrincipalName: "ada@contoso.example", Enabled: true},
		Placement: lifecycle.Placement{Node: contoso, Role: "customer-self-service", Services: []lifecycle.Service{
			{Kind: lifecycle.ServiceM365, Node: contoso},
		}},
		Permissions: []string{"GroupMember.ReadWrite.All", "LicenseAssignment.ReadWrite.All", lifecycle.PolicyPermission, lifecycle.NumberPermission},
	}
}

// ukSales is the quick add group of the example: usage location, E5, a policy, a group and the next number.
func ukSales() lifecycle.OnboardingRules {
	return lifecycle.OnboardingRules{
		Site: london, TenantLevel: contoso,
		M365: &lifecycle.M365Template{Name: "e5-voice", UsageLocation: "GB", Licenses: []lifecycle.LicenseWish{{SKU: "SPE_E5", DisabledPlans: []string{"YAMMER"}}}},
		Teams: &lifecycle.PolicyTemplate{
			Name: "voice", Policies: map[string]*string{"TeamsCallingPolicy": ptr("AllOn")},
			Resolved: map[string]lifecycle.PolicyRef{"TeamsCallingPolicy": {ID: "id-allon", Name: "AllOn"}},
		},
		AddGroups:              &lifecycle.GroupTemplate{Name: "staff", Groups: []string{"All Staff"}},
		Number:                 lifecycle.NextNumber,
		CurrentRole:            &lifecycle.Role{Name: "customer-self-service", SelfService: true},
		DefaultRole:            &lifecycle.Role{Name: "site-self-service", SelfService: true},
		LicensePermissionFails: true,
	}
}

func facts() lifecycle.OnboardingFacts {
	e5 := lifecycle.SKUFact{ID: "e5-id", PartNumber: "SPE_E5", Free: 5, Plans: map[string]string{"YAMMER": "yammer-id", "yammer-id": "yammer-id", "MCOEV": "mcoev-id"}, PhonePlan: "mcoev-id", TeamsPlan: "teams1-id"}
	e3 := lifecycle.SKUFact{ID: "e3-id", PartNumber: "SPE_E3", Free: 5, TeamsPlan: "teams1-id"}
	return lifecycle.OnboardingFacts{
		SKUs:    map[string]lifecycle.SKUFact{"SPE_E5": e5, "e5-id": e5, "SPE_E3": e3, "e3-id": e3},
		Groups:  map[string]lifecycle.Group{"All Staff": group("g1", "All Staff"), "License E5": group("g5", "License E5", "e5-id")},
		Number:  &lifecycle.NumberRow{Number: number, Node: london, State: lifecycle.Available, Type: "directRouting"},
		InTeams: &lifecycle.NumberInTeams{Type: "directRouting"},
	}
}

func onboard(t *testing.T, s lifecycle.Snapshot, r lifecycle.OnboardingRules, f lifecycle.OnboardingFacts) lifecycle.Plan {
	t.Helper()
	p, err := lifecycle.PlanOnboard(lifecycle.Request{Operation: lifecycle.Onboard, SubscriberID: "u1"}, s, r, f, now)
	require.NoError(t, err)
	return p
}

func TestTypicalOnboard(t *testing.T) {
	p := onboard(t, newcomer(), ukSales(), facts())
	var names []lifecycle.StepName
	for _, s := range p.Steps {
		names = append(names, s.Name)
		assert.NotEmpty(t, s.Summary, s.Name)
		switch s.Name {
		case lifecycle.AwaitGroupLicenses:
			assert.Equal(t, lifecycle.NoGroupLicenseExpected, s.Reason)
		case lifecycle.SetRole:
			assert.Equal(t, lifecycle.SelfServiceRoleKept, s.Reason, "R70")
		default:
			assert.Equal(t, lifecycle.Do, s.Action, s.Name)
		}
	}
	assert.Equal(t, []lifecycle.StepName{
		"place-at-site", "set-usage-location", "add-groups", "await-group-licenses", "assign-licenses", "await-teams-user",
		"claim-number", "assign-number", "apply-policies", "set-role", "verify",
	}, names)
	assert.Equal(t, lifecycle.Onboard, p.Operation)
	assert.Empty(t, p.Warnings)
	assert.Equal(t, []lifecycle.LicenseChange{{SKUID: "e5-id", SKU: "SPE_E5", DisabledPlans: []string{"yammer-id"}}}, step(t, p, lifecycle.AssignLicenses).Change.Licenses)
	assert.Equal(t, london, *p.After.Node)
	assert.Equal(t, "GB", *p.After.UsageLocation)
	assert.Equal(t, []string{number}, p.After.Numbers)
	assert.True(t, p.After.EnterpriseVoice)
	assert.Equal(t, []string{"All Staff"}, p.After.Groups)
	assert.Equal(t, map[string]string{"TeamsCallingPolicy": "AllOn"}, p.After.Policies)
	assert.Equal(t, contoso, *p.Before.Node, "planning the state after does not touch the one before")
}

// TestLicenseTableO is the decision table of domain.md §3.4, a row a case.
func TestLicenseTableO(t *testing.T) {
	e5 := []lifecycle.LicenseWish{{SKU: "SPE_E5"}}
	cases := []struct {
		name           string
		template       *lifecycle.M365Template
		permission     bool
		group          bool // a license group of the user
		joins          bool // the template joins one
		fails          bool
		location       lifecycle.Action
		locationReason lifecycle.Reason
		licenses       lifecycle.Action
		reason         lifecycle.Reason
		warns          []lifecycle.WarningCode
	}{
		{"O1", nil, true, false, false, true, "skip", "no-template", "skip", "no-template", nil},
		{"O1 without permission", nil, false, true, false, true, "skip", "no-template", "skip", "no-template", nil},
		{"O2", &lifecycle.M365Template{}, true, false, false, true, "skip", "nothing-configured", "skip", "nothing-configured", nil},
		{"O2 without permission", &lifecycle.M365Template{}, false, false, false, true, "skip", "nothing-configured", "skip", "nothing-configured", nil},
		{"O3", &lifecycle.M365Template{UsageLocation: "GB"}, true, true, false, true, "do", "", "skip", "nothing-configured", nil},
		{"O4 with location", &lifecycle.M365Template{UsageLocation: "GB", Licenses: e5}, true, false, false, true, "do", "", "do", "", nil},
		{"O4 without location", &lifecycle.M365Template{Licenses: e5}, true, false, false, true, "skip", "nothing-configured", "do", "", nil},
		{"O5 held by group", &lifecycle.M365Template{UsageLocation: "GB", Licenses: e5}, true, true, false, true, "do", "", "skip", "group-license-present", []lifecycle.WarningCode{"group-license-present"}},
		{"O5 joined by template", &lifecycle.M365Template{UsageLocation: "GB", Licenses: e5}, true, false, true, true, "do", "", "skip", "group-license-present", []lifecycle.WarningCode{"group-license-present"}},
		{"O6", &lifecycle.M365Template{UsageLocation: "GB"}, false, false, false, true, "do", "", "skip", "nothing-configured", []lifecycle.WarningCode{"permission-missing"}},
		{"O7 warn", &lifecycle.M365Template{UsageLocation: "GB", Licenses: e5}, false, false, false, false, "do", "", "skip", "license-permission-missing", []lifecycle.WarningCode{"permission-missing", "license-permission-missing"}},
		{"O8", &lifecycle.M365Template{UsageLocation: "GB", Licenses: e5}, false, true, false, true, "do", "", "skip", "group-license-present", []lifecycle.WarningCode{"permission-missing", "group-license-present"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, r, f := newcomer(), ukSales(), facts()
			s.UsageLocation = "FR"
			r.M365, r.LicensePermissionFails, r.Number, r.Teams = c.template, c.fails, lifecycle.NoNumberAtAll, nil
			if !c.permission {
				s.Permissions = []string{"GroupMember.ReadWrite.All", lifecycle.PolicyPermission, lifecycle.NumberPermission}
			}
			if c.group {
				s.Groups = []lifecycle.Group{group("g3", "License E3", "e3-id")}
				s.Licenses = []lifecycle.License{{SKUID: "e3-id", SKU: "SPE_E3", GroupID: "g3"}}
			}
			if c.joins {
				r.AddGroups = &lifecycle.GroupTemplate{Groups: []string{"License E5"}}
			}
			p := onboard(t, s, r, f)
			location, licenses := step(t, p, lifecycle.SetUsageLocation), step(t, p, lifecycle.AssignLicenses)
			assert.Equal(t, c.location, location.Action)
			assert.Equal(t, c.locationReason, location.Reason)
			assert.Equal(t, c.licenses, licenses.Action)
			assert.Equal(t, c.reason, licenses.Reason)
			assert.Equal(t, c.warns, warned(p))
			if c.licenses != lifecycle.Do {
				assert.Empty(t, licenses.Change, "no license call")
			}
			assert.Equal(t, lifecycle.Do, step(t, p, lifecycle.AddGroups).Action, "R25: in every row")
		})
	}
	t.Run("O7 fail", func(t *testing.T) {
		s := newcomer()
		s.Permissions = []string{"GroupMember.ReadWrite.All", lifecycle.PolicyPermission, lifecycle.NumberPermission}
		refusedOnboarding(t, s, ukSales(), facts(), "license-permission-missing")
	})
}

func TestR24DirectLicensesAreReplaced(t *testing.T) {
	held := func(sku, id string, disabled ...string) lifecycle.License {
		return lifecycle.License{SKUID: id, SKU: sku, DisabledPlans: disabled}
	}
	cases := []struct {
		name      string
		held      []lifecycle.License
		wishes    []lifecycle.LicenseWish
		clear     bool
		added     []string
		removed   []string
		action    lifecycle.Action
		undoPlans []string
	}{
		{"T3 E3 becomes E5", []lifecycle.License{held("SPE_E3", "e3-id")}, []lifecycle.LicenseWish{{SKU: "SPE_E5"}}, false, []string{"e5-id"}, []string{"e3-id"}, "do", nil},
		{"the same", []lifecycle.License{held("SPE_E5", "e5-id", "yammer-id")}, []lifecycle.LicenseWish{{SKU: "e5-id", DisabledPlans: []string{"YAMMER"}}}, false, nil, nil, "unchanged", nil},
		{"other disabled plans", []lifecycle.License{held("SPE_E5", "e5-id", "old-plan")}, []lifecycle.LicenseWish{{SKU: "SPE_E5", DisabledPlans: []string{"yammer-id"}}}, false, []string{"e5-id"}, []string{"e5-id"}, "do", []string{"old-plan"}},
		{"null clears", []lifecycle.License{held("SPE_E3", "e3-id")}, nil, true, nil, []string{"e3-id"}, "do", nil},
		{"null with nothing held", nil, nil, true, nil, nil, "unchanged", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, r := newcomer(), ukSales()
			s.Licenses, r.Number = c.held, lifecycle.NoNumberAtAll
			r.M365.Licenses, r.M365.Clear = c.wishes, c.clear
			got := step(t, onboard(t, s, r, facts()), lifecycle.AssignLicenses)
			assert.Equal(t, c.action, got.Action)
			var added, removed []string
			for _, l := range got.Change.Licenses {
				added = append(added, l.SKUID)
			}
			for _, l := range got.Change.RemovedLicenses {
				removed = append(removed, l.SKUID)
				assert.Equal(t, c.undoPlans, l.DisabledPlans)
			}
			assert.Equal(t, c.added, added)
			assert.Equal(t, c.removed, removed)
		})
	}
}

func refusedOnboarding(t *testing.T, s lifecycle.Snapshot, r lifecycle.OnboardingRules, f lifecycle.OnboardingFacts, code string) {
	t.Helper()
	_, err := lifecycle.PlanOnboard(lifecycle.Request{}, s, r, f, now)
	var refusal *lifecycle.Refusal
	require.ErrorAs(t, err, &refusal)
	assert.Equal(t, code, refusal.Code)
	assert.False(t, refusal.Invalid, "exit 5, not 3")
}

func TestOnboardRefusals(t *testing.T) {
	dynamic := group("gd", "Everyone", "e3-id")
	dynamic.Kind = lifecycle.Dynamic
	cases := []struct {
		name, code string
		change     func(*lifecycle.Snapshot, *lifecycle.OnboardingRules, *lifecycle.OnboardingFacts)
	}{
		{"guest", "guest", func(s *lifecycle.Snapshot, _ *lifecycle.OnboardingRules, _ *lifecycle.OnboardingFacts) {
			s.Person.Guest = true
		}},
		{"disabled", "disabled", func(s *lifecycle.Snapshot, _ *lifecycle.OnboardingRules, _ *lifecycle.OnboardingFacts) {
			s.Person.Enabled = false
		}},
		{"protected", "protected", func(_ *lifecycle.Snapshot, r *lifecycle.OnboardingRules, _ *lifecycle.OnboardingFacts) {
			r.Protected = "service account"
		}},
		{"another site", "at-another-site", func(s *lifecycle.Snapshot, _ *lifecycle.OnboardingRules, _ *lifecycle.OnboardingFacts) {
			s.Placement.Node = "acme/contoso/emea/paris"
		}},
		{"group that is not there", "unknown-entra-group", func(_ *lifecycle.Snapshot, r *lifecycle.OnboardingRules, _ *lifecycle.OnboardingFacts) {
			r.AddGroups.Groups = []string{"Nobody"}
		}},
		{"dynamic group", "group-not-writable", func(_ *lifecycle.Snapshot, r *lifecycle.OnboardingRules, f *lifecycle.OnboardingFacts) {
			r.AddGroups.Groups, f.Groups["Everyone"] = []string{"Everyone"}, dynamic
		}},
		{"no group permission", "permission-missing", func(s *lifecycle.Snapshot, _ *lifecycle.OnboardingRules, _ *lifecycle.OnboardingFacts) {
			s.Permissions = s.Permissions[1:]
		}},
		{"unknown license", "unknown-license", func(_ *lifecycle.Snapshot, r *lifecycle.OnboardingRules, _ *lifecycle.OnboardingFacts) {
			r.M365.Licenses[0].SKU = "SPE_E7"
		}},
		{"unknown plan", "unknown-service-plan", func(_ *lifecycle.Snapshot, r *lifecycle.OnboardingRules, _ *lifecycle.OnboardingFacts) {
			r.M365.Licenses[0].DisabledPlans = []string{"FAX"}
		}},
		{"no unit left", "no-license-left", func(_ *lifecycle.Snapshot, _ *lifecycle.OnboardingRules, f *lifecycle.OnboardingFacts) {
			e5 := f.SKUs["SPE_E5"]
			e5.Free = 0
			f.SKUs["SPE_E5"] = e5
		}},
		{"a calling plan without Teams Phone", "license-dependency", func(_ *lifecycle.Snapshot, r *lifecycle.OnboardingRules, f *lifecycle.OnboardingFacts) {
			f.SKUs["MCOPSTN1"] = lifecycle.SKUFact{ID: "pstn1-id", PartNumber: "MCOPSTN1", Free: 5, CallingPlan: "pstn1-plan"}
			r.M365.Licenses, r.Number = []lifecycle.LicenseWish{{SKU: "SPE_E3"}, {SKU: "MCOPSTN1"}}, lifecycle.NoNumberAtAll
		}},
		{"two calling plans", "license-conflict", func(_ *lifecycle.Snapshot, r *lifecycle.OnboardingRules, f *lifecycle.OnboardingFacts) {
			f.SKUs["MCOPSTN1"] = lifecycle.SKUFact{ID: "pstn1-id", PartNumber: "MCOPSTN1", Free: 5, CallingPlan: "pstn1-plan"}
			f.SKUs["MCOPSTN2"] = lifecycle.SKUFact{ID: "pstn2-id", PartNumber: "MCOPSTN2", Free: 5, CallingPlan: "pstn2-plan"}
			r.M365.Licenses = append(r.M365.Licenses, lifecycle.LicenseWish{SKU: "MCOPSTN1"}, lifecycle.LicenseWish{SKU: "MCOPSTN2"})
		}},
		{"no usage location", "usage-location-missing", func(_ *lifecycle.Snapshot, r *lifecycle.OnboardingRules, _ *lifecycle.OnboardingFacts) {
			r.M365.UsageLocation = ""
		}},
		{"no phone license", "phone-license-missing", func(_ *lifecycle.Snapshot, r *lifecycle.OnboardingRules, _ *lifecycle.OnboardingFacts) {
			r.M365.Licenses = []lifecycle.LicenseWish{{SKU: "SPE_E3"}}
		}},
		{"phone plan disabled", "phone-license-missing", func(_ *lifecycle.Snapshot, r *lifecycle.OnboardingRules, _ *lifecycle.OnboardingFacts) {
			r.M365.Licenses[0].DisabledPlans = []string{"MCOEV"}
		}},
		{"no Teams license", "teams-license-missing", func(_ *lifecycle.Snapshot, r *lifecycle.OnboardingRules, f *lifecycle.OnboardingFacts) {
			f.SKUs["MCOEV"] = lifecycle.SKUFact{ID: "phone-id", PartNumber: "MCOEV", Free: 1, PhonePlan: "mcoev-id"}
			r.M365.Licenses = []lifecycle.LicenseWish{{SKU: "MCOEV"}}
		}},
		{"phone license by group in error", "phone-license-missing", func(s *lifecycle.Snapshot, r *lifecycle.OnboardingRules, _ *lifecycle.OnboardingFacts) {
			s.Licenses = []lifecycle.License{{SKUID: "e5-id", GroupID: "g5", State: "Error"}}
		}},
		{"another number", "has-another-number", func(s *lifecycle.Snapshot, r *lifecycle.OnboardingRules, _ *lifecycle.OnboardingFacts) {
			s.Teams, r.Number = typical().Teams, "+442079460009"
		}},
		{"no number permission", "permission-missing", func(s *lifecycle.Snapshot, _ *lifecycle.OnboardingRules, _ *lifecycle.OnboardingFacts) {
			s.Permissions = s.Permissions[:3]
		}},
		{"location demanded without permission", "permission-missing", func(s *lifecycle.Snapshot, r *lifecycle.OnboardingRules, _ *lifecycle.OnboardingFacts) {
			r.M365.Demanded, r.M365.Licenses = true, nil
			s.Permissions = []string{"GroupMember.ReadWrite.All", lifecycle.PolicyPermission, lifecycle.NumberPermission}
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, r, f := newcomer(), ukSales(), facts()
			c.change(&s, &r, &f)
			refusedOnboarding(t, s, r, f, c.code)
		})
	}
}

// TestR5RunningAgainIsAnUpdate: only differences are written.
func TestR5RunningAgainIsAnUpdate(t *testing.T) {
	s, r := typical(), ukSales()
	s.Licenses[0].DisabledPlans, s.Placement.Role = []string{"yammer-id"}, "customer-self-service"
	p := onboard(t, s, r, facts())
	assert.False(t, p.Changes())
	for _, st := range p.Steps {
		if st.Name != lifecycle.Verify {
			assert.NotEqual(t, lifecycle.Do, st.Action, st.Name)
		}
	}
	assert.Equal(t, p.Before, p.After)
}

func TestNumberAndTeams(t *testing.T) {
	cases := []struct {
		name    string
		number  string
		teams   *lifecycle.PolicyTemplate
		inTeams bool
		await   lifecycle.Action
		claim   lifecycle.Action
		reason  lifecycle.Reason
	}{
		{"next, not in Teams", lifecycle.NextNumber, nil, false, "do", "do", ""},
		{"given, in Teams", number, nil, true, "unchanged", "do", ""},
		{"none", lifecycle.NoNumberAtAll, nil, false, "skip", "skip", lifecycle.NoNumberWanted},
		{"nobody says", "", nil, false, "skip", "skip", lifecycle.NoNumberWanted},
		{"policies for somebody who never comes to Teams", lifecycle.NoNumberAtAll, ukSales().Teams, false, "skip", "skip", lifecycle.NoNumberWanted},
		{"none but policies", lifecycle.NoNumberAtAll, ukSales().Teams, false, "do", "skip", lifecycle.NoNumberWanted},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, r := newcomer(), ukSales()
			r.Number, r.Teams = c.number, c.teams
			if c.inTeams {
				s.Teams = &lifecycle.TeamsUser{}
			}
			if c.await == lifecycle.SkipBecause && c.teams != nil {
				r.M365 = nil
			}
			p := onboard(t, s, r, facts())
			assert.Equal(t, c.await, step(t, p, lifecycle.AwaitTeamsUser).Action)
			for _, name := range []lifecycle.StepName{lifecycle.ClaimNumber, lifecycle.AssignNumber} {
				assert.Equal(t, c.claim, step(t, p, name).Action)
				assert.Equal(t, c.reason, step(t, p, name).Reason)
			}
		})
	}
}

func TestRoleOnOnboarding(t *testing.T) {
	admin := &lifecycle.Role{Name: "site-admin"}
	cases := []struct {
		name             string
		current, profile *lifecycle.Role
		action           lifecycle.Action
		becomes          string
	}{
		{"R70 self-service kept", &lifecycle.Role{Name: "customer-self-service", SelfService: true}, nil, "unchanged", "customer-self-service"},
		{"a profile's role wins", &lifecycle.Role{Name: "customer-self-service", SelfService: true}, admin, "do", "site-admin"},
		{"no role", nil, nil, "do", "site-self-service"},
		{"another interface", &lifecycle.Role{Name: "customer-admin"}, nil, "do", "site-self-service"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, r := newcomer(), ukSales()
			r.CurrentRole, r.ProfileRole, s.Placement.Role = c.current, c.profile, ""
			if c.current != nil {
				s.Placement.Role = c.current.Name
			}
			p := onboard(t, s, r, facts())
			assert.Equal(t, c.action, step(t, p, lifecycle.SetRole).Action)
			assert.Equal(t, c.becomes, *p.After.Role)
		})
	}
}

func TestReadBackOfAnOnboarding(t *testing.T) {
	s, r := newcomer(), ukSales()
	s.Licenses = []lifecycle.License{{SKUID: "e3-id", SKU: "SPE_E3"}}
	p := onboard(t, s, r, facts())
	agreed := func() lifecycle.Snapshot {
		return lifecycle.Snapshot{
			UsageLocation: "GB", Licenses: []lifecycle.License{{SKUID: "e5-id", SKU: "SPE_E5", DisabledPlans: []string{"yammer-id"}}}, Groups: []lifecycle.Group{group("g1", "All Staff")},
			Teams: &lifecycle.TeamsUser{
				EnterpriseVoice: true, Numbers: []lifecycle.TeamsNumber{{Number: number}},
				Policies: []lifecycle.Policy{{Type: "TeamsCallingPolicy", ID: "id-allon", Name: "AllOn", Direct: true}},
			},
			Placement: lifecycle.Placement{Node: london, Role: "customer-self-service", Services: []lifecycle.Service{{Kind: lifecycle.ServiceM365, Node: london}}},
		}
	}
	assert.Empty(t, lifecycle.Disagreements(p.Steps, p.Before, agreed()))
	for want, spoil := range map[string]func(*lifecycle.Snapshot){
		"the usage location is":                     func(e *lifecycle.Snapshot) { e.UsageLocation = "" },
		"not a member of All Staff":                 func(e *lifecycle.Snapshot) { e.Groups = nil },
		"license SPE_E5 is not assigned as planned": func(e *lifecycle.Snapshot) { e.Licenses[0].DisabledPlans = nil },
		"license SPE_E3 is still assigned":          func(e *lifecycle.Snapshot) { e.Licenses = append(e.Licenses, s.Licenses...) },
		"Teams does not show " + number:             func(e *lifecycle.Snapshot) { e.Teams.Numbers = nil },
		"Enterprise Voice is off":                   func(e *lifecycle.Snapshot) { e.Teams.EnterpriseVoice = false },
		"the user is at":                            func(e *lifecycle.Snapshot) { e.Placement.Node = contoso },
		"the m365 record is at":                     func(e *lifecycle.Snapshot) { e.Placement.Services[0].Node = contoso },
	} {
		t.Run(want, func(t *testing.T) {
			end := agreed()
			spoil(&end)
			found := lifecycle.Disagreements(p.Steps, p.Before, end)
			require.Len(t, found, 1)
			assert.Contains(t, found[0], want)
		})
	}

	assert.Empty(t, lifecycle.Unrestored(p.Steps, p.Before, s), "as before")
	left := lifecycle.Unrestored(p.Steps, p.Before, agreed())
	for _, want := range []string{"Teams still shows", "still a member of All Staff", "license SPE_E3 is not assigned as before", "license SPE_E5 is still assigned", "policy TeamsCallingPolicy is AllOn", "the user is at " + london} {
		assert.Contains(t, joined(left), want)
	}
}

func joined(texts []string) (all string) {
	for _, t := range texts {
		all += t + "\n"
	}
	return all
}

func TestWelcomeOnlyIfAskedAllowedAndPossibleR13(t *testing.T) {
	for _, row := range []struct {
		asked, allowed, possible, welcome bool
		warned                            string
	}{
		{true, true, true, true, ""},
		{false, true, true, false, ""},
		{false, false, false, false, ""},
		{true, false, true, false, "setting welcome"},
		{true, true, false, false, "no webhook"},
	} {
		rules, facts := ukSales(), facts()
		rules.Welcome, facts.Notices = row.allowed, row.possible
		p, err := lifecycle.PlanOnboard(lifecycle.Request{Operation: lifecycle.Onboard, SubscriberID: "u1", Welcome: row.asked}, newcomer(), rules, facts, now)
		require.NoError(t, err)
		assert.Equal(t, row.welcome, p.Welcome, "%+v", row)
		if row.warned == "" {
			assert.Empty(t, p.Warnings, "%+v", row)
			continue
		}
		require.Len(t, p.Warnings, 1)
		assert.Equal(t, lifecycle.WarnNoWelcome, p.Warnings[0].Code)
		assert.Contains(t, p.Warnings[0].Message, row.warned)
	}
}
