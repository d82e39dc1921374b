package lifecycle_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/lifecycle"
)

// set is a field of an update.
type set func(*lifecycle.UpdateRules)

func location(to string) set {
	return func(r *lifecycle.UpdateRules) {
		m := m365(r)
		m.UsageLocation, m.Demanded = to, true
	}
}

func skus(names ...string) set {
	return func(r *lifecycle.UpdateRules) {
		for _, name := range names {
			m365(r).Licenses = append(m365(r).Licenses, lifecycle.LicenseWish{SKU: name})
		}
	}
}

func m365(r *lifecycle.UpdateRules) *lifecycle.M365Template {
	if r.Join.M365 == nil {
		r.Join.M365 = &lifecycle.M365Template{Name: "--set"}
	}
	return r.Join.M365
}

func joins(groups ...string) set {
	return func(r *lifecycle.UpdateRules) {
		r.Join.AddGroups = &lifecycle.GroupTemplate{Name: "--set", Groups: groups}
	}
}

func wants(number string) set { return func(r *lifecycle.UpdateRules) { r.Join.Number = number } }

// policyOf sets a policy; without a name it is cleared.
func policyOf(kind, name string) set {
	return func(r *lifecycle.UpdateRules) {
		if r.Join.Teams == nil {
			r.Join.Teams = &lifecycle.PolicyTemplate{Name: "--set", Policies: map[string]*string{}, Resolved: map[string]lifecycle.PolicyRef{}}
		}
		r.Join.Teams.Policies[kind] = nil
		if name != "" {
			r.Join.Teams.Policies[kind], r.Join.Teams.Resolved[kind] = &name, lifecycle.PolicyRef{ID: "id-" + name, Name: name}
		}
	}
}

func becomes(role string) set {
	return func(r *lifecycle.UpdateRules) { r.Join.ProfileRole = &lifecycle.Role{Name: role} }
}

func retained(r *lifecycle.UpdateRules) { r.LicensesRetained = true }

// updating is what the catalog says about somebody at London, with the fields that are set.
func updating(sets ...set) lifecycle.UpdateRules {
	r := lifecycle.UpdateRules{
		Join:    lifecycle.OnboardingRules{Site: london, TenantLevel: contoso, CurrentRole: &lifecycle.Role{Name: "site-self-service", SelfService: true}},
		Cooling: rules().Cooling,
	}
	for _, s := range sets {
		s(&r)
	}
	return r
}

// numberless is the mover without a number and with what Teams knows of them otherwise.
func numberless() lifecycle.Snapshot {
	s := mover()
	s.Teams.Numbers, s.Teams.EnterpriseVoice, s.Inventory = nil, false, nil
	return s
}

// spare are the facts with another number to claim at London.
func spare() lifecycle.OnboardingFacts {
	f := facts()
	f.Number = &lifecycle.NumberRow{Number: another, Node: london, State: lifecycle.Available, Type: "directRouting"}
	return f
}

func update(t *testing.T, s lifecycle.Snapshot, r lifecycle.UpdateRules, f lifecycle.OnboardingFacts) lifecycle.Plan {
	t.Helper()
	p, err := lifecycle.PlanUpdate(lifecycle.Request{Operation: lifecycle.Update, SubscriberID: "u1"}, s, r, f, now)
	require.NoError(t, err)
	return p
}

// TestUpdateHasTheStepsOfItsFields, in the order in which they are done, and no others; after has the difference that it makes.
func TestUpdateHasTheStepsOfItsFields(t *testing.T) {
	cases := map[string]struct {
		user  lifecycle.Snapshot
		sets  []set
		steps []string
		after func(*lifecycle.State)
	}{
		"usage location":          {mover(), []set{location("FR")}, []string{"set-usage-location do"}, func(s *lifecycle.State) { s.UsageLocation = ptr("FR") }},
		"the same usage location": {mover(), []set{location("GB")}, []string{"set-usage-location unchanged"}, nil},
		"licenses, R24": {numberless(), []set{skus("SPE_E3")}, []string{"assign-licenses do"}, func(s *lifecycle.State) {
			s.Licenses = []lifecycle.LicenseState{{SKU: "SPE_E3", Assignment: "direct"}}
		}},
		"the same licenses": {fullyLicensed(), []set{skus("SPE_E5")}, []string{"assign-licenses unchanged"}, nil},
		"groups, R25": {mover(), []set{joins("License E5")}, []string{"add-groups do", "await-group-licenses do"}, func(s *lifecycle.State) {
			s.Groups = append(s.Groups, "License E5")
			s.Licenses = append(s.Licenses, lifecycle.LicenseState{SKU: "e5-id", Assignment: "group", Group: ptr("License E5")})
		}},
		"a group that the user is in, R26": {mover(), []set{joins("All Staff")}, []string{"add-groups unchanged", "await-group-licenses skip no-group-license-expected"}, nil},
		"a first number": {numberless(), []set{wants(lifecycle.NextNumber)}, []string{"await-teams-user unchanged", "claim-number do", "assign-number do"}, func(s *lifecycle.State) {
			s.Numbers, s.EnterpriseVoice = []string{another}, true
		}},
		"next, with a number": {mover(), []set{wants(lifecycle.NextNumber)}, []string{"await-teams-user unchanged", "claim-number unchanged", "assign-number unchanged"}, nil},
		"the same number":     {mover(), []set{wants(number)}, []string{"await-teams-user unchanged", "claim-number unchanged", "assign-number unchanged"}, nil},
		"another number": {mover(), []set{wants(another)}, []string{
			"remove-number do", "disable-enterprise-voice do", "await-teams-user unchanged", "claim-number do", "assign-number do", "release-number do",
		}, func(s *lifecycle.State) { s.Numbers = []string{another} }},
		"no number": {mover(), []set{wants(lifecycle.NoNumberAtAll)}, []string{"remove-number do", "disable-enterprise-voice do", "release-number do"}, func(s *lifecycle.State) {
			s.Numbers, s.EnterpriseVoice = []string{}, false
		}},
		"no number, and there is none": {numberless(), []set{wants(lifecycle.NoNumberAtAll)}, []string{
			"remove-number unchanged no-number", "disable-enterprise-voice unchanged", "release-number unchanged no-number",
		}, nil},
		"a policy": {mover(), []set{policyOf("TenantDialPlan", "FR-Dialplan")}, []string{"await-teams-user unchanged", "apply-policies do"}, func(s *lifecycle.State) {
			s.Policies["TenantDialPlan"] = "FR-Dialplan"
		}},
		"a policy cleared": {mover(), []set{policyOf("TenantDialPlan", "")}, []string{"await-teams-user unchanged", "apply-policies do"}, func(s *lifecycle.State) {
			delete(s.Policies, "TenantDialPlan")
		}},
		"a policy that is not assigned cleared": {mover(), []set{policyOf("TeamsMeetingPolicy", "")}, []string{"await-teams-user unchanged", "apply-policies unchanged"}, nil},
		"role, R70 gives way to who asks":       {mover(), []set{becomes("site-admin")}, []string{"set-role do"}, func(s *lifecycle.State) { s.Role = ptr("site-admin") }},
		"the same role":                         {mover(), []set{becomes("site-self-service")}, []string{"set-role unchanged"}, nil},

		"phone license and number together go": {mover(), []set{skus("SPE_E3"), wants(lifecycle.NoNumberAtAll)}, []string{
			"remove-number do", "disable-enterprise-voice do", "assign-licenses do", "release-number do",
		}, func(s *lifecycle.State) {
			s.Numbers, s.EnterpriseVoice, s.Licenses = []string{}, false, []lifecycle.LicenseState{{SKU: "SPE_E3", Assignment: "direct"}}
		}},
		"phone license and number together come": {unlicensed(), []set{skus("SPE_E5"), wants(lifecycle.NextNumber), policyOf("TenantDialPlan", "FR-Dialplan")}, []string{
			"assign-licenses do", "await-teams-user do", "claim-number do", "assign-number do", "apply-policies do",
		}, func(s *lifecycle.State) {
			s.Numbers, s.EnterpriseVoice, s.Licenses = []string{another}, true, []lifecycle.LicenseState{{SKU: "SPE_E5", Assignment: "direct"}}
			s.Policies = map[string]string{"TenantDialPlan": "FR-Dialplan"}
		}},
		"everything": {mover(), []set{location("FR"), joins("All Staff"), skus("SPE_E5"), wants(another), policyOf("TenantDialPlan", "FR-Dialplan"), becomes("site-admin")}, []string{
			"set-usage-location do", "add-groups unchanged", "await-group-licenses skip no-group-license-expected", "remove-number do", "disable-enterprise-voice do",
			"assign-licenses do", "await-teams-user unchanged", "claim-number do", "assign-number do", "apply-policies do", "release-number do", "set-role do",
		}, func(s *lifecycle.State) {
			s.UsageLocation, s.Numbers, s.Role, s.Policies["TenantDialPlan"] = ptr("FR"), []string{another}, ptr("site-admin"), "FR-Dialplan"
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := update(t, c.user, updating(c.sets...), spare())
			var steps []string
			for _, s := range p.Steps {
				steps = append(steps, strings.TrimSpace(string(s.Name)+" "+string(s.Action)+" "+string(s.Reason)))
				assert.NotEmpty(t, s.Summary, s.Name)
			}
			assert.Equal(t, append(c.steps, "verify do"), steps)
			assert.Empty(t, p.Warnings)
			assert.Equal(t, lifecycle.Update, p.Operation)
			assert.Equal(t, c.user.Digest(), p.Digest, "the plan is about the user as they are")
			assert.Equal(t, c.user.State(), p.Before)
			want := c.user.State()
			if c.after != nil {
				c.after(&want)
			}
			assert.Equal(t, want, p.After)
			assert.Equal(t, slices.ContainsFunc(c.steps, func(s string) bool { return strings.HasSuffix(s, " do") }), p.Changes())
		})
	}
}

// fullyLicensed is the mover with every service plan of their license.
func fullyLicensed() lifecycle.Snapshot {
	s := mover()
	s.Licenses[0].DisabledPlans = nil
	return s
}

// unlicensed is somebody at London whom Teams does not know.
func unlicensed() lifecycle.Snapshot {
	s := numberless()
	s.Licenses, s.Teams = nil, nil
	return s
}

// A number that is given up goes by the rule of its own node (R83), and nothing else of the inventory is touched.
func TestUpdateReleasesWhatIsGivenUp(t *testing.T) {
	released := []lifecycle.NumberChange{{Number: number, Type: "directRouting", To: lifecycle.Cooling, CoolingDays: 30, CoolingUntil: "2026-04-27T12:00:00Z"}}
	for name, c := range map[string]struct {
		wish string
		user func(*lifecycle.Snapshot)
		want []lifecycle.NumberChange
	}{
		"for another": {another, func(*lifecycle.Snapshot) {}, released},
		"for none":    {lifecycle.NoNumberAtAll, func(*lifecycle.Snapshot) {}, released},
		"for none, where Teams has lost it already": {lifecycle.NoNumberAtAll, func(s *lifecycle.Snapshot) { s.Teams.Numbers = nil; s.Teams.EnterpriseVoice = false }, released},
		"for one that only the inventory has on the user": {another, func(s *lifecycle.Snapshot) {
			s.Inventory = append(s.Inventory, lifecycle.NumberRow{Number: another, Node: london, State: lifecycle.Used, UserID: "u1"})
		}, released},
		"that the inventory does not know":    {another, func(s *lifecycle.Snapshot) { s.Inventory = nil }, nil},
		"that the inventory gives to another": {another, func(s *lifecycle.Snapshot) { s.Inventory[0].UserID = "u2" }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := mover()
			c.user(&s)
			p := update(t, s, updating(wants(c.wish)), spare())
			assert.Equal(t, c.want, step(t, p, lifecycle.ReleaseNumber).Change.Numbers)
			assert.Equal(t, c.want == nil, len(p.Warnings) == 1, "%v", p.Warnings)
		})
	}
}

// TestUpdateRefusals: what is refused is refused whole, with the reason.
func TestUpdateRefusals(t *testing.T) {
	licensedBy := func(s *lifecycle.Snapshot) {
		s.Groups = append(s.Groups, group("g3", "License E3", "e3-id"))
		s.Licenses = append(s.Licenses, lifecycle.License{SKUID: "e3-id", SKU: "SPE_E3", GroupID: "g3"})
	}
	unpermitted := func(permissions ...string) func(*lifecycle.Snapshot) {
		return func(s *lifecycle.Snapshot) {
			s.Permissions = slices.DeleteFunc(s.Permissions, func(p string) bool { return slices.Contains(permissions, p) })
		}
	}
	same := func(*lifecycle.Snapshot) {}
	const licensing = "LicenseAssignment.ReadWrite.All"
	dialPlan := policyOf("TenantDialPlan", "FR-Dialplan")
	for name, c := range map[string]struct {
		user lifecycle.Snapshot
		not  func(*lifecycle.Snapshot)
		sets []set
		code string
		says string
	}{
		"R31 licensed by a group":                     {mover(), licensedBy, []set{skus("SPE_E5")}, "group-license-present", "License E3"},
		"R31 with fields that could be set":           {mover(), licensedBy, []set{location("FR"), dialPlan, skus("SPE_E5")}, "group-license-present", "License E3"},
		"R31 licensed by a group that is joined":      {mover(), same, []set{skus("SPE_E5"), joins("License E5")}, "group-license-present", "License E5"},
		"R31 before the missing permission":           {mover(), func(s *lifecycle.Snapshot) { licensedBy(s); unpermitted(licensing)(s) }, []set{skus("SPE_E5")}, "group-license-present", "License E3"},
		"R36 retained":                                {mover(), same, []set{retained, skus("SPE_E5")}, "licenses-retained", "retained"},
		"R36 retained with fields that could be set":  {mover(), same, []set{retained, location("FR"), dialPlan, skus("SPE_E5")}, "licenses-retained", "retained"},
		"R36 before the missing permission":           {mover(), unpermitted(licensing), []set{retained, skus("SPE_E5")}, "licenses-retained", "retained"},
		"R35 licenses without the permission":         {mover(), unpermitted(licensing), []set{skus("SPE_E5")}, "license-permission-missing", licensing},
		"R35 a usage location without the permission": {mover(), unpermitted(licensing), []set{location("FR")}, "permission-missing", "User.ReadUpdate.All"},
		"a license that does not exist":               {mover(), same, []set{skus("SPE_E7")}, "unknown-license", "SPE_E7"},
		"licenses without a usage location":           {mover(), func(s *lifecycle.Snapshot) { s.UsageLocation = "" }, []set{skus("SPE_E5")}, "usage-location-missing", "usage location"},

		"a number without a phone license":               {numberless(), func(s *lifecycle.Snapshot) { s.Licenses[0].DisabledPlans = []string{"mcoev-id"} }, []set{wants(lifecycle.NextNumber)}, "phone-license-missing", "telephone number"},
		"licenses that leave a number without one":       {mover(), same, []set{skus("SPE_E3")}, "phone-license-missing", number},
		"licenses that leave another number without one": {mover(), same, []set{skus("SPE_E3"), wants(another)}, "phone-license-missing", "telephone number"},
		"a number without the permission":                {numberless(), unpermitted(lifecycle.NumberPermission), []set{wants(lifecycle.NextNumber)}, "permission-missing", lifecycle.NumberPermission},
		"no number without the permission":               {mover(), unpermitted(lifecycle.NumberPermission), []set{wants(lifecycle.NoNumberAtAll)}, "permission-missing", lifecycle.NumberPermission},
		"a number that another run holds":                {mover(), func(s *lifecycle.Snapshot) { s.Inventory[0].HeldBy = "r2" }, []set{wants(another)}, "number-held", "r2"},
		"a number of the premises":                       {mover(), func(s *lifecycle.Snapshot) { s.Teams.Numbers[0].OnPremises = true }, []set{wants(another)}, "number-on-premises", number},

		"policies without the permission":     {mover(), unpermitted(lifecycle.PolicyPermission), []set{dialPlan}, "permission-missing", lifecycle.PolicyPermission},
		"policies of somebody not in Teams":   {unlicensed(), same, []set{dialPlan}, "not-in-teams", "Teams does not know"},
		"a group that does not exist":         {mover(), same, []set{joins("Nobody")}, "unknown-entra-group", "Nobody"},
		"groups without the permission":       {mover(), unpermitted("GroupMember.ReadWrite.All"), []set{joins("License E5")}, "permission-missing", "GroupMember.ReadWrite.All"},
		"a guest":                             {mover(), func(s *lifecycle.Snapshot) { s.Person.Guest = true }, []set{becomes("site-admin")}, "guest", "guest"},
		"a guest's number":                    {mover(), func(s *lifecycle.Snapshot) { s.Person.Guest = true }, []set{wants(lifecycle.NoNumberAtAll)}, "guest", "guest"},
		"disabled":                            {mover(), func(s *lifecycle.Snapshot) { s.Person.Enabled = false }, []set{location("FR")}, "disabled", "disabled"},
		"protected":                           {mover(), same, []set{location("FR"), func(r *lifecycle.UpdateRules) { r.Join.Protected = "service account" }}, "protected", "service account"},
		"protected before what is particular": {mover(), same, []set{retained, skus("SPE_E5"), func(r *lifecycle.UpdateRules) { r.Join.Protected = "service account" }}, "protected", "service account"},
	} {
		t.Run(name, func(t *testing.T) {
			c.not(&c.user)
			_, err := lifecycle.PlanUpdate(lifecycle.Request{Operation: lifecycle.Update}, c.user, updating(c.sets...), spare(), now)
			var refusal *lifecycle.Refusal
			require.ErrorAs(t, err, &refusal)
			assert.Equal(t, c.code, refusal.Code)
			assert.Contains(t, refusal.Message, c.says)
			assert.False(t, refusal.Invalid, "exit 5, not 3")
		})
	}
}

// A usage location that is right already and policies that are needs no permission, and what is not set is not looked at.
func TestUpdateAsksOnlyForWhatItNeeds(t *testing.T) {
	s := mover()
	s.Permissions = nil
	for name, sets := range map[string][]set{
		"the same values":                   {location("GB"), joins("All Staff"), wants(number), policyOf("TenantDialPlan", "UK-Dialplan"), policyOf("TeamsMeetingPolicy", "")},
		"a role":                            {becomes("site-admin")},
		"retained, which is about licenses": {retained, location("GB"), becomes("site-admin")},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Empty(t, update(t, s, updating(sets...), spare()).Warnings)
		})
	}
}

// TestReadBackOfAnUpdate: the number that went and the one that came are both looked for.
func TestReadBackOfAnUpdate(t *testing.T) {
	p := update(t, mover(), updating(wants(another), location("FR"), policyOf("TenantDialPlan", "")), spare())
	agreed := func() lifecycle.Snapshot {
		s := mover()
		s.UsageLocation, s.Teams.Numbers[0].Number, s.Inventory = "FR", another, nil
		s.Teams.Policies = slices.Delete(s.Teams.Policies, 1, 2)
		return s
	}
	assert.Empty(t, lifecycle.Disagreements(p.Steps, p.Before, agreed()))
	for want, spoil := range map[string]func(*lifecycle.Snapshot){
		"the usage location is":          func(s *lifecycle.Snapshot) { s.UsageLocation = "GB" },
		"Teams does not show " + another: func(s *lifecycle.Snapshot) { s.Teams.Numbers = nil },
		"Teams still shows " + number: func(s *lifecycle.Snapshot) {
			s.Teams.Numbers = append(s.Teams.Numbers, lifecycle.TeamsNumber{Number: number})
		},
		"policy TenantDialPlan is UK-Dialplan":        func(s *lifecycle.Snapshot) { s.Teams.Policies = mover().Teams.Policies },
		"the inventory still gives " + number + " to": func(s *lifecycle.Snapshot) { s.Inventory = mover().Inventory },
	} {
		end := agreed()
		spoil(&end)
		assert.Contains(t, joined(lifecycle.Disagreements(p.Steps, p.Before, end)), want)
	}
	assert.Empty(t, lifecycle.Unrestored(p.Steps, p.Before, mover()))
	assert.Contains(t, joined(lifecycle.Unrestored(p.Steps, p.Before, agreed())), "Teams does not show "+number)
	assert.Contains(t, joined(lifecycle.Unrestored(p.Steps, p.Before, agreed())), "Teams still shows "+another)
}
