package lifecycle_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/lifecycle"
)

const (
	emea    = "acme/contoso/emea"
	paris   = "acme/contoso/emea/paris"
	newyork = "acme/contoso/newyork"
	another = "+33123456789"
)

// mover is the typical user, in Teams with E5 and a number at London, and with a self-service role.
func mover() lifecycle.Snapshot {
	s := typical()
	s.Licenses[0].DisabledPlans, s.Placement.Role = []string{"yammer-id"}, "site-self-service"
	return s
}

// toParis keeps the number and joins by the quick add group of the example.
func toParis() lifecycle.MoveRules {
	r := lifecycle.MoveRules{Leave: rules(), Join: ukSales(), FromSite: true, KeepNumber: true, MayFollow: func(string) bool { return true }}
	r.Leave.Licenses = lifecycle.Retain
	r.Leave.CurrentRole = &lifecycle.Role{Name: "site-self-service", SelfService: true}
	r.Join.Site, r.Join.Number, r.Join.CurrentRole = paris, "", r.Leave.CurrentRole
	return r
}

// toNewNumber takes the next number at Paris instead.
func toNewNumber() lifecycle.MoveRules {
	r := toParis()
	r.KeepNumber, r.Join.Number = false, lifecycle.NextNumber
	return r
}

// found are the facts with a number to claim at Paris.
func found() lifecycle.OnboardingFacts {
	f := facts()
	f.Number = &lifecycle.NumberRow{Number: another, Node: paris, State: lifecycle.Available, Type: "directRouting"}
	return f
}

func move(t *testing.T, s lifecycle.Snapshot, r lifecycle.MoveRules, f lifecycle.OnboardingFacts) lifecycle.Plan {
	t.Helper()
	p, err := lifecycle.PlanMove(lifecycle.Request{Operation: lifecycle.Move, SubscriberID: "u1"}, s, r, f, now)
	require.NoError(t, err)
	return p
}

func refusedMove(t *testing.T, s lifecycle.Snapshot, r lifecycle.MoveRules, f lifecycle.OnboardingFacts) *lifecycle.Refusal {
	t.Helper()
	_, err := lifecycle.PlanMove(lifecycle.Request{Operation: lifecycle.Move}, s, r, f, now)
	var refusal *lifecycle.Refusal
	require.ErrorAs(t, err, &refusal)
	assert.False(t, refusal.Invalid, "exit 5, not 3")
	return refusal
}

// decided is what a plan decides, by step: the action, and the reason where there is one.
func decided(p lifecycle.Plan) map[string]string {
	m := map[string]string{}
	for _, s := range p.Steps {
		m[string(s.Name)] = strings.TrimSpace(string(s.Action) + " " + string(s.Reason))
	}
	return m
}

func TestTypicalMove(t *testing.T) {
	p := move(t, mover(), toParis(), facts())
	var names []string
	for _, s := range p.Steps {
		names = append(names, string(s.Name))
		assert.NotEmpty(t, s.Summary, s.Name)
	}
	assert.Equal(t, []string{
		"leave/remove-number", "leave/disable-enterprise-voice", "leave/apply-policies", "leave/remove-groups", "leave/await-group-licenses",
		"leave/remove-licenses", "leave/release-number", "leave/return-to-tenant-level", "leave/set-role", "leave/verify", "move-number",
		"join/place-at-site", "join/set-usage-location", "join/add-groups", "join/await-group-licenses", "join/assign-licenses", "join/await-teams-user",
		"join/claim-number", "join/assign-number", "join/apply-policies", "join/set-role", "join/verify",
	}, names, "architecture.md §5.3")
	assert.Equal(t, map[string]string{
		"leave/remove-number": "do", "leave/disable-enterprise-voice": "do", "leave/apply-policies": "skip no-template", "leave/remove-groups": "skip no-template",
		"leave/await-group-licenses": "skip no-group-license-expected", "leave/remove-licenses": "skip licenses-retained", "leave/release-number": "skip number-kept",
		"leave/return-to-tenant-level": "do", "leave/set-role": "unchanged self-service-role-kept", "leave/verify": "skip verified-after-joining",
		"move-number":        "do",
		"join/place-at-site": "do", "join/set-usage-location": "unchanged", "join/add-groups": "unchanged", "join/await-group-licenses": "skip no-group-license-expected",
		"join/assign-licenses": "unchanged", "join/await-teams-user": "unchanged", "join/claim-number": "unchanged number-kept", "join/assign-number": "do",
		"join/apply-policies": "unchanged", "join/set-role": "unchanged self-service-role-kept", "join/verify": "do",
	}, decided(p))
	assert.Equal(t, lifecycle.Move, p.Operation)
	assert.Empty(t, p.Warnings)
	assert.True(t, p.Changes())
	assert.Equal(t, mover().State(), p.Before)
	after := p.Before
	after.Node = ptr(paris)
	assert.Equal(t, after, p.After, "only the place has changed")
	assert.Equal(t, mover().Digest(), p.Digest)
}

// TestMoveMatrix is the table of domain.md §7.2, a row a case, with every wish about where the number goes.
func TestMoveMatrix(t *testing.T) {
	for _, c := range []struct {
		row, node, to string
		// shared and site are where the number goes with --number-to; empty when it stays.
		shared, site string
	}{
		{"provider", "acme", paris, "", ""},
		{"reseller", "acme/west", "acme/west/contoso/emea/paris", "", ""},
		{"customer", contoso, paris, "", ""},
		{"intermediate above both", emea, paris, "", ""},
		{"intermediate above the old site only", emea, newyork, contoso, newyork},
		{"old site", london, paris, emea, paris},
		{"old site, nothing but the customer in common", london, newyork, contoso, newyork},
		{"new site already", paris, paris, "", ""},
		{"a site whose name begins like the other's", london, london + "-east", emea, london + "-east"},
	} {
		for name, wish := range map[string]struct {
			toSite, mayFollow bool
			goes              string
		}{
			"shared": {false, true, c.shared}, "site": {true, true, c.site}, "shared, may not follow": {false, false, c.shared}, "site, may not follow": {true, false, c.site},
		} {
			t.Run(c.row+" "+name, func(t *testing.T) {
				s, r := mover(), toParis()
				s.Inventory[0].Node, r.Join.Site, r.ToSite = c.node, c.to, wish.toSite
				asked := ""
				r.MayFollow = func(node string) bool { asked = node; return wish.mayFollow }
				if wish.goes != "" && !wish.mayFollow {
					refusal := refusedMove(t, s, r, facts())
					assert.Equal(t, "number-may-not-move", refusal.Code)
					assert.Contains(t, refusal.Message, number)
					assert.Contains(t, refusal.Hint, "numbersFollowUsers")
					assert.Equal(t, c.node, asked, "the setting of the number's node counts")
					return
				}
				p := move(t, s, r, facts())
				got := step(t, p, lifecycle.MoveNumber)
				if wish.goes == "" {
					assert.Equal(t, lifecycle.LeaveAsIs, got.Action)
					assert.Empty(t, got.Change)
				} else {
					assert.Equal(t, lifecycle.Do, got.Action)
					assert.Equal(t, []lifecycle.NumberChange{{Number: number, FromNode: c.node, ToNode: wish.goes}}, got.Change.Numbers)
					assert.Equal(t, number+" moves from "+c.node+" to "+wish.goes, got.Summary, "the plan says so")
				}
				assert.Equal(t, "skip number-kept", decided(p)["leave/release-number"])
				assert.Equal(t, "unchanged number-kept", decided(p)["join/claim-number"])
				assert.Equal(t, []lifecycle.NumberChange{{Number: number, Type: "directRouting", Category: "primary"}}, step(t, p, lifecycle.AssignNumber.In(lifecycle.Join)).Change.Numbers)
				assert.Equal(t, []string{number}, p.After.Numbers)
			})
			t.Run(c.row+" a new number, "+name, func(t *testing.T) {
				s, r := mover(), toNewNumber()
				s.Inventory[0].Node, r.Join.Site = c.node, c.to
				r.MayFollow = func(string) bool { return wish.mayFollow }
				r.Leave.Cooling = func(node string) lifecycle.CoolingRule {
					return lifecycle.CoolingRule{Enabled: node == c.node, Days: 7}
				}
				p := move(t, s, r, found())
				assert.Equal(t, "skip number-not-kept", decided(p)["move-number"])
				released := step(t, p, lifecycle.ReleaseNumber.In(lifecycle.Leave))
				assert.Equal(t, lifecycle.Do, released.Action)
				assert.Equal(t, lifecycle.Cooling, released.Change.Numbers[0].To, "R83: by the rule of the number's node")
				assert.Equal(t, number, released.Change.Numbers[0].Number)
				assert.Equal(t, another, step(t, p, lifecycle.ClaimNumber.In(lifecycle.Join)).Change.Numbers[0].Number)
				assert.Equal(t, []string{another}, p.After.Numbers)
				assert.True(t, p.After.EnterpriseVoice)
			})
		}
	}
}

func TestMoveWithoutKeepingANumber(t *testing.T) {
	for name, c := range map[string]struct {
		number  string
		has     bool
		release string
		claim   string
		warns   []lifecycle.WarningCode
	}{
		"nobody says which":          {"", true, "do", "skip no-number-wanted", []lifecycle.WarningCode{lifecycle.WarnNumberLost}},
		"none is wanted":             {lifecycle.NoNumberAtAll, true, "do", "skip no-number-wanted", nil},
		"had none, and none is said": {"", false, "unchanged no-number", "skip no-number-wanted", nil},
		"had none, and gets one":     {lifecycle.NextNumber, false, "unchanged no-number", "do", nil},
	} {
		t.Run(name, func(t *testing.T) {
			s, r := mover(), toNewNumber()
			if r.Join.Number = c.number; !c.has {
				s.Teams.Numbers, s.Teams.EnterpriseVoice, s.Inventory = nil, false, nil
			}
			p := move(t, s, r, found())
			assert.Equal(t, c.release, decided(p)["leave/release-number"])
			assert.Equal(t, c.claim, decided(p)["join/claim-number"])
			assert.Equal(t, c.warns, warned(p))
		})
	}
	t.Run("keeping none", func(t *testing.T) {
		s := mover()
		s.Teams.Numbers, s.Teams.EnterpriseVoice, s.Inventory = nil, false, nil
		p := move(t, s, toParis(), facts())
		assert.Equal(t, "unchanged no-number", decided(p)["move-number"])
		assert.Equal(t, "skip no-number-wanted", decided(p)["join/assign-number"])
		assert.Empty(t, p.Warnings)
	})
	t.Run("keeping one that the inventory does not have", func(t *testing.T) {
		s := mover()
		s.Inventory = nil
		p := move(t, s, toParis(), facts())
		assert.Equal(t, "unchanged", decided(p)["move-number"])
		assert.Equal(t, "do", decided(p)["join/assign-number"])
		assert.Equal(t, []lifecycle.WarningCode{lifecycle.WarnNumberNotInInventory}, warned(p))
	})
}

// TestMoveKeepsEveryNumber: a user may have more than one, at different nodes.
func TestMoveKeepsEveryNumber(t *testing.T) {
	s := mover()
	s.Teams.Numbers = append(s.Teams.Numbers, lifecycle.TeamsNumber{Number: another, Type: "operatorConnect", Category: "private"})
	s.Inventory = append(s.Inventory, lifecycle.NumberRow{Number: another, Node: contoso, State: lifecycle.Used, UserID: "u1"})
	p := move(t, s, toParis(), facts())
	assert.Equal(t, []lifecycle.NumberChange{{Number: number, FromNode: london, ToNode: emea}}, step(t, p, lifecycle.MoveNumber).Change.Numbers)
	assigned := step(t, p, lifecycle.AssignNumber.In(lifecycle.Join)).Change.Numbers
	require.Len(t, assigned, 2)
	assert.Equal(t, lifecycle.NumberChange{Number: another, Type: "operatorConnect", Category: "private"}, assigned[1])
	assert.Equal(t, []string{number, another}, p.After.Numbers)
}

func TestMoveGivesAKeptNumberTheNewEmergencyLocation(t *testing.T) {
	for kind, want := range map[string]string{"callingPlan": "loc-paris", "directRouting": ""} {
		s, r, f := mover(), toParis(), facts()
		s.Teams.Numbers[0].Type, s.Teams.Numbers[0].LocationID, r.Join.EmergencyLocation = kind, "loc-london", "loc-paris"
		e5 := f.SKUs["e5-id"]
		e5.CallingPlan = "pstn-id"
		f.SKUs["e5-id"], f.SKUs["SPE_E5"] = e5, e5
		p := move(t, s, r, f)
		assert.Equal(t, want, step(t, p, lifecycle.AssignNumber.In(lifecycle.Join)).Change.Numbers[0].LocationID, kind)
		assert.Equal(t, "loc-london", step(t, p, lifecycle.RemoveNumber.In(lifecycle.Leave)).Change.Numbers[0].LocationID, "undo gives it back where it was")
	}
}

// TestMoveRoles: a self-service role goes along through the tenant level (R70), any other is replaced there (R71).
func TestMoveRoles(t *testing.T) {
	selfService, admin := &lifecycle.Role{Name: "site-self-service", SelfService: true}, &lifecycle.Role{Name: "site-admin"}
	for name, c := range map[string]struct {
		current, profile *lifecycle.Role
		level            *lifecycle.Role // the tenant level's default
		leave, join      string
		ends             string
	}{
		"self-service is kept through":        {selfService, nil, rules().DefaultRole, "unchanged self-service-role-kept", "unchanged self-service-role-kept", "site-self-service"},
		"admin becomes self-service":          {admin, nil, rules().DefaultRole, "do", "unchanged self-service-role-kept", "customer-self-service"},
		"a profile's role wins over both":     {selfService, admin, rules().DefaultRole, "unchanged self-service-role-kept", "do", "site-admin"},
		"a profile's role wins after leaving": {admin, selfService, rules().DefaultRole, "do", "do", "site-self-service"},
		"a profile's role is that of before":  {admin, admin, rules().DefaultRole, "do", "do", "site-admin"},
		"no default at the tenant level":      {admin, nil, nil, "skip no-role", "do", "site-self-service"},
	} {
		t.Run(name, func(t *testing.T) {
			s, r := mover(), toParis()
			s.Placement.Role = c.current.Name
			r.Leave.CurrentRole, r.Join.CurrentRole, r.Leave.DefaultRole, r.Join.ProfileRole = c.current, c.current, c.level, c.profile
			p := move(t, s, r, facts())
			assert.Equal(t, c.leave, decided(p)["leave/set-role"])
			assert.Equal(t, c.join, decided(p)["join/set-role"])
			assert.Equal(t, c.ends, *p.After.Role)
		})
	}
}

// TestMoveLicensesAndGroups: leaving takes what an offboarding group names and nothing else; joining is as onboarding, from
// what is left.
func TestMoveLicensesAndGroups(t *testing.T) {
	e3, e5 := lifecycle.LicenseWish{SKU: "SPE_E3"}, lifecycle.LicenseWish{SKU: "SPE_E5", DisabledPlans: []string{"YAMMER"}}
	remove := func(r *lifecycle.MoveRules) { r.Leave.Licenses = lifecycle.Remove }
	leaves := func(groups ...string) func(*lifecycle.MoveRules) {
		return func(r *lifecycle.MoveRules) {
			r.Leave.RemoveGroups = &lifecycle.GroupTemplate{Name: "leave", Groups: groups}
		}
	}
	wants := func(wishes ...lifecycle.LicenseWish) func(*lifecycle.MoveRules) {
		return func(r *lifecycle.MoveRules) { r.Join.M365.Licenses = wishes }
	}
	byGroup := func(s *lifecycle.Snapshot) {
		s.Groups = append(s.Groups, group("g5", "License E5", "e5-id"))
		s.Licenses = []lifecycle.License{{SKUID: "e5-id", SKU: "SPE_E5", GroupID: "g5"}}
	}
	for name, c := range map[string]struct {
		snapshot          func(*lifecycle.Snapshot)
		rules             []func(*lifecycle.MoveRules)
		leave, join       string
		left, joined      string
		licenses          []string
		groups            []string
		added, taken      []string
		takesTeams, warns bool
	}{
		"kept by default": {
			leave: "skip licenses-retained", join: "unchanged", left: "skip no-template", joined: "unchanged",
			licenses: []string{"SPE_E5"}, groups: []string{"All Staff", "London Office"},
		},
		"replaced by what is joined": {
			rules: []func(*lifecycle.MoveRules){wants(e3, e5)},
			leave: "skip licenses-retained", join: "do", left: "skip no-template", joined: "unchanged",
			licenses: []string{"SPE_E5", "SPE_E3"}, groups: []string{"All Staff", "London Office"}, added: []string{"SPE_E3"},
		},
		"removed, and the same assigned again": {
			rules: []func(*lifecycle.MoveRules){remove},
			leave: "do", join: "do", left: "skip no-template", joined: "unchanged",
			licenses: []string{"SPE_E5"}, groups: []string{"All Staff", "London Office"}, added: []string{"SPE_E5"}, takesTeams: true,
		},
		"a group is left": {
			rules: []func(*lifecycle.MoveRules){leaves("London Office")},
			leave: "skip licenses-retained", join: "unchanged", left: "do", joined: "unchanged",
			licenses: []string{"SPE_E5"}, groups: []string{"All Staff"},
		},
		"a group is left and joined again": {
			rules: []func(*lifecycle.MoveRules){leaves("All Staff", "London Office")},
			leave: "skip licenses-retained", join: "unchanged", left: "do", joined: "do",
			licenses: []string{"SPE_E5"}, groups: []string{"All Staff"},
		},
		"licensed by a group that stays: nothing direct goes or comes": {
			snapshot: byGroup, rules: []func(*lifecycle.MoveRules){remove},
			leave: "unchanged", join: "skip group-license-present", left: "skip no-template", joined: "unchanged",
			licenses: []string{"SPE_E5"}, groups: []string{"All Staff", "London Office", "License E5"}, warns: true,
		},
		"licensed by a group that is left: direct again": {
			snapshot: byGroup, rules: []func(*lifecycle.MoveRules){leaves("License E5")},
			leave: "skip licenses-retained", join: "do", left: "do", joined: "unchanged",
			licenses: []string{"SPE_E5"}, groups: []string{"All Staff", "London Office"}, added: []string{"SPE_E5"}, takesTeams: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, r, f := mover(), toParis(), facts()
			for i := range f.SKUs {
				sku := f.SKUs[i]
				sku.Free = 1
				f.SKUs[i] = sku
			}
			if c.snapshot != nil {
				c.snapshot(&s)
			}
			for _, change := range c.rules {
				change(&r)
			}
			p := move(t, s, r, f)
			d := decided(p)
			assert.Equal(t, c.leave, d["leave/remove-licenses"])
			assert.Equal(t, c.join, d["join/assign-licenses"])
			assert.Equal(t, c.left, d["leave/remove-groups"])
			assert.Equal(t, c.joined, d["join/add-groups"])
			assert.Equal(t, map[bool]string{true: "do", false: "unchanged"}[c.takesTeams], d["join/await-teams-user"], "without a license Teams forgets the user")
			var licenses, added []string
			for _, l := range p.After.Licenses {
				licenses = append(licenses, l.SKU)
			}
			for _, l := range step(t, p, lifecycle.AssignLicenses.In(lifecycle.Join)).Change.Licenses {
				added = append(added, l.SKU)
			}
			assert.ElementsMatch(t, c.licenses, licenses)
			assert.Equal(t, c.added, added)
			assert.Equal(t, c.groups, p.After.Groups)
			assert.Equal(t, c.warns, len(p.Warnings) > 0)
			assert.Equal(t, []string{number}, p.After.Numbers)
		})
	}
}

// TestMovePolicies: the template of the group that is left, then that of the one that is joined; what counts is the sum.
func TestMovePolicies(t *testing.T) {
	template := func(policies map[string]*string) *lifecycle.PolicyTemplate {
		resolved := map[string]lifecycle.PolicyRef{}
		for kind, name := range policies {
			if name != nil {
				resolved[kind] = lifecycle.PolicyRef{ID: "id-" + *name, Name: *name}
			}
		}
		return &lifecycle.PolicyTemplate{Name: "t", Policies: policies, Resolved: resolved}
	}
	s, r := mover(), toParis()
	s.Teams.Policies = append(s.Teams.Policies, lifecycle.Policy{Type: "TeamsEmergencyCallingPolicy", Name: "London-E911", ID: "id-London-E911", Direct: true})
	r.Leave.Teams = template(map[string]*string{"TeamsCallingPolicy": nil, "TenantDialPlan": nil})
	r.Join.Teams = template(map[string]*string{"TenantDialPlan": ptr("FR-Dialplan"), "TeamsEmergencyCallingPolicy": ptr("Paris-E911")})
	p := move(t, s, r, facts())
	assert.Equal(t, []lifecycle.PolicyChange{
		{Type: "TeamsCallingPolicy", From: &lifecycle.PolicyRef{ID: "id-allon", Name: "AllOn"}},
		{Type: "TenantDialPlan", From: &lifecycle.PolicyRef{ID: "id-uk", Name: "UK-Dialplan"}},
	}, step(t, p, lifecycle.ApplyPolicies.In(lifecycle.Leave)).Change.Policies)
	assert.Equal(t, []lifecycle.PolicyChange{
		{Type: "TeamsEmergencyCallingPolicy", From: &lifecycle.PolicyRef{ID: "id-London-E911", Name: "London-E911"}, To: &lifecycle.PolicyRef{ID: "id-Paris-E911", Name: "Paris-E911"}},
		{Type: "TenantDialPlan", To: &lifecycle.PolicyRef{ID: "id-FR-Dialplan", Name: "FR-Dialplan"}},
	}, step(t, p, lifecycle.ApplyPolicies.In(lifecycle.Join)).Change.Policies, "joining starts from what leaving leaves")
	assert.Equal(t, map[string]string{"TeamsEmergencyCallingPolicy": "Paris-E911", "TenantDialPlan": "FR-Dialplan", "TeamsMeetingPolicy": "ByGroup"}, p.After.Policies)
}

func TestMoveRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		code   string
		says   string
		change func(*lifecycle.Snapshot, *lifecycle.MoveRules, *lifecycle.OnboardingFacts)
	}{
		"protected": {"protected", "service account", func(_ *lifecycle.Snapshot, r *lifecycle.MoveRules, _ *lifecycle.OnboardingFacts) {
			r.Leave.Protected, r.Join.Protected = "service account", "service account"
		}},
		"guest": {"guest", "guest", func(s *lifecycle.Snapshot, r *lifecycle.MoveRules, _ *lifecycle.OnboardingFacts) {
			s.Person.Guest, r.FromSite, s.Placement.Node = true, false, contoso
		}},
		"disabled": {"disabled", "disabled", func(s *lifecycle.Snapshot, _ *lifecycle.MoveRules, _ *lifecycle.OnboardingFacts) {
			s.Person.Enabled = false
		}},
		"not at a site": {"not-at-a-site", contoso, func(s *lifecycle.Snapshot, r *lifecycle.MoveRules, _ *lifecycle.OnboardingFacts) {
			s.Placement.Node, r.FromSite = contoso, false
		}},
		"same site": {"same-site", london, func(_ *lifecycle.Snapshot, r *lifecycle.MoveRules, _ *lifecycle.OnboardingFacts) {
			r.Join.Site = london
		}},
		"held by another run": {"number-held", "run-7", func(s *lifecycle.Snapshot, _ *lifecycle.MoveRules, _ *lifecycle.OnboardingFacts) {
			s.Inventory[0].HeldBy = "run-7"
		}},
		"another's in the inventory": {"number-of-another", number, func(s *lifecycle.Snapshot, _ *lifecycle.MoveRules, _ *lifecycle.OnboardingFacts) {
			s.Inventory[0].UserID = "u2"
		}},
		"nobody's in the inventory": {"number-not-used", number, func(s *lifecycle.Snapshot, _ *lifecycle.MoveRules, _ *lifecycle.OnboardingFacts) {
			s.Inventory[0].UserID, s.Inventory[0].State = "", lifecycle.Available
		}},
		"in the inventory only": {"number-not-in-teams", number, func(s *lifecycle.Snapshot, _ *lifecycle.MoveRules, _ *lifecycle.OnboardingFacts) {
			s.Teams.Numbers = nil
		}},
		"mastered on premises": {"number-on-premises", number, func(s *lifecycle.Snapshot, _ *lifecycle.MoveRules, _ *lifecycle.OnboardingFacts) {
			s.Teams.Numbers[0].OnPremises = true
		}},
		"no number permission": {"permission-missing", lifecycle.NumberPermission, func(s *lifecycle.Snapshot, _ *lifecycle.MoveRules, _ *lifecycle.OnboardingFacts) {
			s.Permissions = s.Permissions[:3]
		}},
		"a type that the licenses do not allow": {"number-wrong-type", "callingPlan", func(s *lifecycle.Snapshot, _ *lifecycle.MoveRules, _ *lifecycle.OnboardingFacts) {
			s.Teams.Numbers[0].Type = "callingPlan"
		}},
		"a type that the new licenses do not allow": {"number-wrong-type", "callingPlan", func(s *lifecycle.Snapshot, _ *lifecycle.MoveRules, f *lifecycle.OnboardingFacts) {
			f.SKUs["calls-id"] = lifecycle.SKUFact{ID: "calls-id", PartNumber: "MCOPSTN1", CallingPlan: "pstn-id"}
			s.Licenses, s.Teams.Numbers[0].Type = append(s.Licenses, lifecycle.License{SKUID: "calls-id", SKU: "MCOPSTN1"}), "callingPlan"
		}},
		"no phone license left": {"phone-license-missing", "ada", func(_ *lifecycle.Snapshot, r *lifecycle.MoveRules, _ *lifecycle.OnboardingFacts) {
			r.Leave.Licenses, r.Join.M365.Licenses = lifecycle.Remove, nil
		}},
		"a group that cannot be joined": {"unknown-entra-group", "Nobody", func(_ *lifecycle.Snapshot, r *lifecycle.MoveRules, _ *lifecycle.OnboardingFacts) {
			r.Join.AddGroups.Groups = []string{"Nobody"}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s, r, f := mover(), toParis(), facts()
			c.change(&s, &r, &f)
			refusal := refusedMove(t, s, r, f)
			assert.Equal(t, c.code, refusal.Code)
			assert.Contains(t, refusal.Error(), c.says)
		})
	}
}

// TestMoveAllowsTheTypeThatTheLicensesAllow is the other side of number-wrong-type.
func TestMoveAllowsTheTypeThatTheLicensesAllow(t *testing.T) {
	s, r, f := mover(), toParis(), facts()
	calls := lifecycle.SKUFact{ID: "calls-id", PartNumber: "MCOPSTN1", CallingPlan: "pstn-id", Free: 1}
	f.SKUs["calls-id"], f.SKUs["MCOPSTN1"] = calls, calls
	s.Teams.Numbers[0].Type = "callingPlan"
	r.Join.M365.Licenses = append(r.Join.M365.Licenses, lifecycle.LicenseWish{SKU: "MCOPSTN1"})
	assert.Equal(t, "do", decided(move(t, s, r, f))["join/assign-number"], "the license comes with joining")
}

// everyStep is a move in which leaving and joining touch the same things: licenses, a group, policies, the number, the place
// and the role.
func everyStep() (lifecycle.Snapshot, lifecycle.MoveRules) {
	s, r := mover(), toParis()
	s.UsageLocation, s.Placement.Role = "FR", "site-admin"
	s.Licenses = append(s.Licenses, lifecycle.License{SKUID: "e3-id", SKU: "SPE_E3"})
	r.Leave.Licenses, r.Leave.RemoveGroups = lifecycle.Remove, &lifecycle.GroupTemplate{Name: "leave", Groups: []string{"All Staff", "London Office"}}
	r.Leave.CurrentRole, r.Join.CurrentRole, r.Join.ProfileRole = &lifecycle.Role{Name: "site-admin"}, &lifecycle.Role{Name: "site-admin"}, &lifecycle.Role{Name: "site-self-service", SelfService: true}
	r.Leave.Teams = &lifecycle.PolicyTemplate{Name: "none", Policies: map[string]*string{"TeamsCallingPolicy": nil, "TenantDialPlan": nil}}
	r.Join.Teams.Policies["TenantDialPlan"] = ptr("FR-Dialplan")
	r.Join.Teams.Resolved["TenantDialPlan"] = lifecycle.PolicyRef{ID: "id-fr", Name: "FR-Dialplan"}
	return s, r
}

// TestReadBackOfAMove: what counts at the end is what was done last to a thing, and after an undo what was done to it first.
func TestReadBackOfAMove(t *testing.T) {
	s, r := everyStep()
	p := move(t, s, r, facts())
	agreed := func() lifecycle.Snapshot {
		end := s
		end.UsageLocation = "GB"
		end.Licenses, end.Groups = []lifecycle.License{{SKUID: "e5-id", SKU: "SPE_E5", DisabledPlans: []string{"yammer-id"}}}, []lifecycle.Group{group("g1", "All Staff")}
		end.Teams = &lifecycle.TeamsUser{EnterpriseVoice: true, Numbers: []lifecycle.TeamsNumber{{Number: number}}, Policies: []lifecycle.Policy{
			{Type: "TeamsCallingPolicy", ID: "id-allon", Name: "AllOn", Direct: true}, {Type: "TenantDialPlan", ID: "id-fr", Name: "FR-Dialplan", Direct: true},
		}}
		end.Placement = lifecycle.Placement{Node: paris, Role: "site-self-service", Services: []lifecycle.Service{{Kind: lifecycle.ServiceM365, Node: paris}, {Kind: lifecycle.ServiceTeams, Node: paris}}}
		end.Inventory = []lifecycle.NumberRow{{Number: number, Node: emea, State: lifecycle.Used, UserID: "u1"}}
		return end
	}
	require.Empty(t, lifecycle.Disagreements(p.Steps, p.Before, agreed()))
	for want, spoil := range map[string]func(*lifecycle.Snapshot){
		"the usage location is":                     func(e *lifecycle.Snapshot) { e.UsageLocation = "FR" },
		"license SPE_E5 is not assigned as planned": func(e *lifecycle.Snapshot) { e.Licenses = nil },
		"license SPE_E3 is still assigned":          func(e *lifecycle.Snapshot) { e.Licenses = append(e.Licenses, lifecycle.License{SKUID: "e3-id"}) },
		"not a member of All Staff":                 func(e *lifecycle.Snapshot) { e.Groups = nil },
		"still a member of London Office":           func(e *lifecycle.Snapshot) { e.Groups = append(e.Groups, group("g2", "London Office")) },
		"Teams does not show " + number:             func(e *lifecycle.Snapshot) { e.Teams.Numbers = nil },
		"Enterprise Voice is off":                   func(e *lifecycle.Snapshot) { e.Teams.EnterpriseVoice = false },
		"policy TenantDialPlan is not assigned":     func(e *lifecycle.Snapshot) { e.Teams.Policies = e.Teams.Policies[:1] },
		"policy TeamsCallingPolicy is not assigned": func(e *lifecycle.Snapshot) { e.Teams.Policies = e.Teams.Policies[1:] },
		number + " is at " + london:                 func(e *lifecycle.Snapshot) { e.Inventory[0].Node = london },
		"the user is at " + contoso:                 func(e *lifecycle.Snapshot) { e.Placement.Node = contoso },
		"the teams record is at " + contoso:         func(e *lifecycle.Snapshot) { e.Placement.Services[1].Node = contoso },
		`the role is "customer-self-service"`:       func(e *lifecycle.Snapshot) { e.Placement.Role = "customer-self-service" },
	} {
		t.Run(want, func(t *testing.T) {
			end := agreed()
			spoil(&end)
			differences := lifecycle.Disagreements(p.Steps, p.Before, end)
			require.Len(t, differences, 1)
			assert.Contains(t, differences[0], want)
		})
	}

	require.Empty(t, lifecycle.Unrestored(p.Steps, p.Before, s), "as before")
	left := joined(lifecycle.Unrestored(p.Steps, p.Before, agreed()))
	for _, want := range []string{
		"license SPE_E3 is not assigned as before", "not a member of London Office", "policy TenantDialPlan is FR-Dialplan", number + " is at " + emea, "the user is at " + paris, `the role is "site-self-service"`,
	} {
		assert.Contains(t, left, want)
	}
	for _, never := range []string{number + "\n", "All Staff", "TeamsCallingPolicy", "license SPE_E5"} {
		assert.NotContains(t, left, never, "it is as it was before leaving")
	}
}

// TestReadBackOfANewNumber: the old one is gone and the new one there, or the other way round after an undo.
func TestReadBackOfANewNumber(t *testing.T) {
	s := mover()
	p := move(t, s, toNewNumber(), found())
	end := s
	end.Teams = &lifecycle.TeamsUser{EnterpriseVoice: true, Numbers: []lifecycle.TeamsNumber{{Number: another}}, Policies: s.Teams.Policies}
	end.Placement = lifecycle.Placement{Node: paris, Role: s.Placement.Role}
	end.Inventory = []lifecycle.NumberRow{{Number: number, Node: london, State: lifecycle.Used, UserID: "u1", HeldBy: "run-1"}}
	require.Empty(t, lifecycle.Disagreements(p.Steps, p.Before, end))
	left := joined(lifecycle.Unrestored(p.Steps, p.Before, end))
	assert.Contains(t, left, "Teams does not show "+number)
	assert.Contains(t, left, "Teams still shows "+another)

	end.Teams.Numbers = append(end.Teams.Numbers, s.Teams.Numbers...)
	assert.Contains(t, joined(lifecycle.Disagreements(p.Steps, p.Before, end)), "Teams still shows "+number)
	require.Empty(t, lifecycle.Unrestored(p.Steps, p.Before, s))
}
