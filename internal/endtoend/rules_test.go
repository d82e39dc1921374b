package endtoend_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// equal compares two values as JSON has them.
func equal(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	var u, v any
	return errX == nil && errY == nil && json.Unmarshal(x, &u) == nil && json.Unmarshal(y, &v) == nil && reflect.DeepEqual(u, v)
}

// shown is a value as JSON, for messages.
func shown(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

// concerning keeps the requests that name one of the texts in path or body.
func concerning(requests []request, texts ...string) []request {
	return slices.DeleteFunc(slices.Clone(requests), func(r request) bool {
		return !slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(r.Path+" "+string(r.Body), s) })
	})
}

// The rows of domain.md §4.2.
func TestTableF(t *testing.T) {
	t.Parallel()
	x := install(t, setup{
		tenant: func(s *tenantState) {
			s.user(t, "chloe.clark").DirectLicenses = []directLicense{{SKU: "MCOMEETADV"}}
			s.user(t, "kevin.king").UsageLocation = nil
		},
		catalog: replacing(t,
			"enabled: false             #", "enabled: false\n                offboarding:\n                  licenses: retain\n #",
			"  - name: leaver-keeps-licenses\n", "  - name: leaver-by-groups\n    node: contoso\n    offboarding: true\n    licenses: retain\n    removeGroups: license-groups\n  - name: leaver-keeps-licenses\n",
		),
	})
	tests := map[string]struct {
		user, group string
		fault       *fault
		steps       map[string]string
		warnings    []string
		// licenses and groups are what is left.
		licenses, groups []string
		// attempts are the answers to assignLicense.
		attempts []int
	}{
		"F1 retained by the setting of the site": {
			user:     "isabelle.imbert",
			steps:    map[string]string{"remove-licenses": "skipped licenses-retained", "remove-groups": "skipped no-template", "release-number": "skipped number-not-in-inventory"},
			warnings: []string{"number-not-in-inventory"},
			licenses: []string{"SPE_E5"}, groups: []string{"All Staff", "Project Falcon"},
		},
		"F1 retained by the quick add group": {
			user: "anna.archer", group: "leaver-keeps-licenses",
			steps:    map[string]string{"remove-licenses": "skipped licenses-retained", "remove-groups": "done", "apply-policies": "done"},
			licenses: []string{"SPE_E5"}, groups: []string{"London Office", "Sales UK"},
		},
		"F2 direct licenses go where no group licenses": {
			user:     "emma.evans",
			steps:    map[string]string{"remove-licenses": "done", "await-group-licenses": "skipped no-group-license-expected"},
			licenses: []string{}, groups: []string{"All Staff", "Project Falcon"}, attempts: []int{200},
		},
		"F3 direct licenses go with the last license group": {
			user: "ben.baker", group: "leaver",
			steps:    map[string]string{"remove-groups": "done", "await-group-licenses": "done", "remove-licenses": "done"},
			licenses: []string{}, groups: []string{"All Staff", "Sales UK"}, attempts: []int{200},
		},
		"F4 direct licenses stay with a license group": {
			user: "david.doyle", group: "leaver",
			steps:    map[string]string{"remove-groups": "done", "await-group-licenses": "done", "remove-licenses": "skipped group-license-remains"},
			warnings: []string{"group-license-remains"},
			licenses: []string{"MCOEV"}, groups: []string{"All Staff", "License Audio"},
		},
		"F5 Microsoft refuses what the token seemed to allow": {
			user: "henry.hall", fault: &fault{Method: "POST", Status: 403},
			steps:    map[string]string{"remove-number": "done", "remove-licenses": "skipped license-permission-missing", "return-to-tenant-level": "done"},
			warnings: []string{"license-permission-missing"},
			licenses: []string{"SPE_E5"}, groups: []string{"All Staff", "Headquarters"}, attempts: []int{403},
		},
		"F6 groups go and direct licenses stay": {
			user: "chloe.clark", group: "leaver-by-groups",
			steps:    map[string]string{"remove-groups": "done", "await-group-licenses": "done", "remove-licenses": "skipped licenses-retained"},
			licenses: []string{"MCOMEETADV"}, groups: []string{"All Staff"},
		},
		"R53 a server error is tried again and never swallowed": {
			user: "oliver.owen", fault: &fault{Method: "POST", Status: 503, Times: 2},
			steps:    map[string]string{"remove-licenses": "done"},
			licenses: []string{}, groups: []string{"All Staff", "Announcements", "Headquarters", "Helpdesk Admins", "London Office"}, attempts: []int{503, 503, 200},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := x.tenant.state()
			who := before.user(t, test.user)
			if test.fault != nil {
				f := *test.fault
				f.Path = licensePath(who.ID)
				x.tenant.fault(f)
			}
			args := []string{upn(test.user)}
			if test.group != "" {
				args = append(args, "--group", test.group)
			}
			r := x.offboard(0, args...)
			r.want(t, "completed", test.steps)
			r.want(t, "completed", map[string]string{"verify": "done"})
			r.wantWarnings(t, test.warnings...)
			after := x.tenant.state()
			now := after.user(t, test.user)
			if got := now.licenses(); !slices.Equal(got, test.licenses) {
				t.Errorf("direct licenses %v, want %v", got, test.licenses)
			}
			if got := after.groupsOf(who.ID); !slices.Equal(got, test.groups) {
				t.Errorf("groups %v, want %v", got, test.groups)
			}
			if text(now.UsageLocation) != text(who.UsageLocation) || !equal(r.Before.UsageLocation, r.After.UsageLocation) {
				t.Errorf("R51: usage location was %s and is %s", text(who.UsageLocation), text(now.UsageLocation))
			}
			var attempts []int
			for _, q := range concerning(x.tenant.writes(), licensePath(who.ID)) {
				attempts = append(attempts, q.Status)
			}
			if !slices.Equal(attempts, test.attempts) {
				t.Errorf("assignLicense was answered %v, want %v", attempts, test.attempts)
			}
		})
	}
}

func TestF5WithoutThePermissionLicensesStayAndARunSucceeds(t *testing.T) {
	t.Parallel()
	x := install(t, setup{tenant: func(s *tenantState) {
		s.Permissions = slices.DeleteFunc(s.Permissions, func(p string) bool { return strings.HasPrefix(p, "LicenseAssignment") })
	}})
	r := x.offboard(0, upn("anna.archer"))
	r.want(t, "completed", map[string]string{
		"remove-number": "done", "remove-licenses": "skipped license-permission-missing", "release-number": "done", "return-to-tenant-level": "done", "verify": "done",
	})
	r.wantWarnings(t, "license-permission-missing")
	state := x.tenant.state()
	anna := state.user(t, "anna.archer")
	if got := anna.licenses(); !slices.Equal(got, []string{"SPE_E5"}) {
		t.Errorf("direct licenses %v", got)
	}
	if asked := concerning(x.tenant.writes(), licensePath(anna.ID)); len(asked) > 0 {
		t.Errorf("licenses were written although the permission is known to be missing: %v", asked)
	}
}

func TestWhoIsOffboarded(t *testing.T) {
	t.Parallel()
	x := install(t, setup{
		tenant: func(s *tenantState) {
			rita := *s.user(t, "emma.evans")
			rome := "Rome"
			rita.ID, rita.UserPrincipalName, rita.City = "aaaaaaaa-0000-4000-8000-000000000001", upn("rita.rossi"), &rome
			s.Users = append(s.Users, rita)
			s.number(t, "+442079460010").AssignedTo = &rita.ID
		},
		catalog: replacing(t, "          level: site\n          defaults:\n            usageLocation: US", "          level: site\n          settings:\n            retainAtSite: true\n          defaults:\n            usageLocation: US"),
	})
	x.ok("users", "place", upn("kevin.king"), "--site", "newyork", "--role", "site-admin", "--yes")
	x.ok("users", "place", upn("oliver.owen"), "--site", "london", "--role", "site-self-service", "--yes")
	x.ok("users", "place", upn("chloe.clark"), "--site", "london", "--role", "site-admin", "--yes")
	// Nobody synced since, so that only Entra knows her.
	x.tenant.change(func(s *tenantState) {
		una := *s.user(t, "emma.evans")
		una.ID, una.UserPrincipalName = "aaaaaaaa-0000-4000-8000-000000000002", upn("una.unknown")
		s.Users = append(s.Users, una)
		s.group(t, "All Staff").Members = append(s.group(t, "All Staff").Members, una.ID)
	})
	state := x.tenant.state()

	for name, test := range map[string]struct {
		user           string
		steps          map[string]string
		warnings       []string
		node, role     string
		number, became string
	}{
		"retained at the site": {
			user:  "kevin.king",
			steps: map[string]string{"remove-number": "done", "remove-licenses": "done", "release-number": "done", "return-to-tenant-level": "skipped retained-at-site", "set-role": "skipped retained-at-site"},
			node:  "acme/contoso/newyork", role: "site-admin", number: "+18005550100", became: "cooling",
		},
		"without a number": {
			user:  "emma.evans",
			steps: map[string]string{"remove-number": "unchanged no-number", "disable-enterprise-voice": "unchanged", "remove-licenses": "done", "release-number": "unchanged no-number", "return-to-tenant-level": "done"},
			node:  tenantLevel, role: "customer-self-service",
		},
		"at the tenant level already": {
			user:  "rita.rossi",
			steps: map[string]string{"remove-number": "done", "remove-licenses": "done", "release-number": "done", "return-to-tenant-level": "unchanged", "set-role": "unchanged self-service-role-kept"},
			node:  tenantLevel, role: "customer-self-service", number: "+442079460010", became: "cooling",
		},
		"known to Entra only": {
			user:  "una.unknown",
			steps: map[string]string{"remove-number": "unchanged no-number", "remove-licenses": "done", "return-to-tenant-level": "unchanged", "set-role": "unchanged self-service-role-kept"},
			node:  tenantLevel, role: "customer-self-service",
		},
		"with a number that the inventory does not know": {
			user:     "nina.novak",
			steps:    map[string]string{"remove-number": "done", "disable-enterprise-voice": "done", "remove-licenses": "done", "release-number": "skipped number-not-in-inventory", "return-to-tenant-level": "done"},
			warnings: []string{"number-not-in-inventory"}, node: tenantLevel, role: "customer-self-service",
		},
		"with a self-service role of the site": {
			user:  "oliver.owen",
			steps: map[string]string{"return-to-tenant-level": "done", "set-role": "unchanged self-service-role-kept"},
			node:  tenantLevel, role: "site-self-service",
		},
		"with an administrator's role of the site": {
			user:  "chloe.clark",
			steps: map[string]string{"return-to-tenant-level": "done", "set-role": "done", "remove-licenses": "unchanged"},
			node:  tenantLevel, role: "customer-self-service", number: "+442079460003", became: "cooling",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := x.offboard(0, upn(test.user))
			r.want(t, "completed", test.steps)
			r.want(t, "completed", map[string]string{"verify": "done"})
			r.wantWarnings(t, test.warnings...)
			u := x.user(test.user)
			if text(u.Node) != test.node || text(u.Role) != test.role {
				t.Errorf("is at %s as %s, want %s as %s", text(u.Node), text(u.Role), test.node, test.role)
			}
			for _, s := range u.Services {
				if s.Node != test.node {
					t.Errorf("the %s record is at %s", s.Kind, s.Node)
				}
			}
			if now := x.tenant.state(); len(now.numbersOf(state.user(t, test.user).ID)) > 0 {
				t.Error("still has a number in Teams")
			}
			if test.number != "" {
				if n := x.number(test.number); n.State != test.became || n.User != nil {
					t.Errorf("number %s", shown(n))
				}
			}
		})
	}
}

func TestRefusalsTouchNothing(t *testing.T) {
	t.Parallel()
	x := install(t, setup{})
	before := x.tenant.state()
	type call struct {
		args []string
		code string
		says string
	}
	calls := map[string]call{
		"quick add group without the flag": {[]string{"offboard", upn("anna.archer"), "--group", "uk-sales", "--yes"}, "", "uk-sales"},
		"guest":                            {[]string{"offboard", "felix.fischer_partner.example#EXT#@contoso.example", "--yes"}, "guest", "guest"},
		"protected":                        {[]string{"offboard", upn("svc-backup"), "--yes"}, "protected", "service account"},
		"place at a node that is no site":  {[]string{"users", "place", upn("anna.archer"), "--site", "emea", "--yes"}, "", "emea"},
	}
	t.Run("refused", func(t *testing.T) {
		for name, test := range calls {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				wantRefusal(t, x.run(append(test.args, "-o", "json")...), 5, test.code, test.says)
			})
		}
	})
	x.tenant.wantNoWrites()
	if !equal(before, x.tenant.state()) {
		t.Error("the tenant changed")
	}
}

// wantRefusal holds a command that was refused against architecture.md §5.1 and §5.2: the exit code, one line to
// stderr, and the error as JSON to stdout. code may be empty.
func wantRefusal(t *testing.T, r result, exit int, code, says string) {
	t.Helper()
	if r.exit != exit {
		t.Errorf("exit %d, want %d\n%v", r.exit, exit, r)
	}
	if line := strings.TrimSuffix(r.stderr, "\n"); strings.Contains(line, "\n") || !strings.HasPrefix(line, "tenure: ") || !strings.Contains(line, says) {
		t.Errorf("stderr is not one line about %q:\n%s", says, r.stderr)
	}
	e := decode[refusal](t, r).Error
	if e.Code == "" || e.Message == "" || (code != "" && e.Code != code) {
		t.Errorf("error %+v, want the code %q", e, code)
	}
}
