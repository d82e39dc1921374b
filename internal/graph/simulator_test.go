package graph_test

import (
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"tenure/internal/fault"
	"tenure/internal/graph"
	"tenure/internal/graphsim"
	"tenure/internal/lifecycle"
)

// contoso is the simulated tenant with its default people, a clock that tests move, and a client.
type contoso struct {
	*graphsim.Tenant
	clock *graphsim.ManualClock
	graph *graph.Client
}

func newContoso(t *testing.T) contoso {
	t.Helper()
	clock := graphsim.NewManualClock(time.Now())
	settings := graphsim.DefaultSettings()
	settings.TokenSeconds = 3600
	tenant, err := graphsim.New(graphsim.Options{Clock: clock.Now, Settings: &settings})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(tenant)
	t.Cleanup(server.Close)
	sim, err := graph.NewSimulatedCredential(server.URL + "/v1.0")
	if err != nil {
		t.Fatal(err)
	}
	c, err := graph.New(graph.Config{BaseURL: server.URL + "/v1.0", Credential: sim, Tenant: "contoso"})
	if err != nil {
		t.Fatal(err)
	}
	return contoso{tenant, clock, c}
}

func (c contoso) user(t *testing.T, name string) graph.UserRecord {
	t.Helper()
	u, err := c.graph.User(t.Context(), name+"@contoso.example")
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (c contoso) group(t *testing.T, name string) lifecycle.Group {
	t.Helper()
	g, err := c.graph.Group(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func held(u graph.UserRecord) (all []string) {
	for _, l := range u.Licenses {
		how := "direct"
		if !l.Direct() {
			how = "group"
		}
		all = append(all, l.SKU+" "+how)
	}
	slices.Sort(all)
	return all
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestSimulatedOffboarding(t *testing.T) {
	c := newContoso(t)
	ctx := t.Context()
	chloe := c.user(t, "chloe.clark")
	if got := held(chloe); !slices.Equal(got, []string{"MCOEV group", "SPE_E3 group"}) || !chloe.HasTeams || !chloe.HasMailbox {
		t.Fatalf("holds %v, %+v", got, chloe)
	}
	numbers, err := c.graph.NumbersOf(ctx, chloe.Person.ID)
	must(t, err)
	if len(numbers) != 1 || numbers[0].Type != "directRouting" || numbers[0].Category != "primary" {
		t.Fatalf("numbers %+v", numbers)
	}
	teams, err := c.graph.TeamsUser(ctx, chloe.Person.ID)
	must(t, err)
	if teams == nil || !teams.EnterpriseVoice || len(teams.Numbers) != 1 || teams.Numbers[0].Number != numbers[0].Number {
		t.Fatalf("Teams has %+v", teams)
	}

	op, err := c.graph.UnassignNumber(ctx, numbers[0].Number, numbers[0].Type)
	must(t, err)
	progress, err := c.graph.NumberOperation(ctx, op)
	must(t, err)
	if op == "" || progress.Finished() {
		t.Fatalf("operation %q is %+v at once", op, progress)
	}
	c.clock.Advance(time.Minute)
	progress, err = c.graph.NumberOperation(ctx, op)
	must(t, err)
	if !progress.Finished() || progress.Err() != nil {
		t.Fatalf("operation %+v", progress)
	}
	n, err := c.graph.NumberAssignment(ctx, numbers[0].Number)
	must(t, err)
	if n == nil || n.TargetID != "" {
		t.Fatalf("the number is %+v", n)
	}

	var cleared []string
	for _, p := range teams.Policies {
		if p.Direct {
			cleared = append(cleared, p.Type)
		}
	}
	must(t, c.graph.UnassignPolicies(ctx, chloe.Person.ID, cleared))
	policy, err := c.graph.PolicyID(ctx, "TeamsCallingPolicy", "NoForwarding")
	must(t, err)
	must(t, c.graph.AssignPolicies(ctx, chloe.Person.ID, []graph.PolicyAssignment{{Type: "TeamsCallingPolicy", ID: policy}}))
	teams, err = c.graph.TeamsUser(ctx, chloe.Person.ID)
	must(t, err)
	i := slices.IndexFunc(teams.Policies, func(p lifecycle.Policy) bool { return p.Type == "TeamsCallingPolicy" })
	if teams.EnterpriseVoice || len(teams.Numbers) != 0 || i < 0 || !teams.Policies[i].Direct || teams.Policies[i].Name != "NoForwarding" || teams.Policies[i].ID != policy {
		t.Fatalf("Teams has %+v", teams)
	}

	groups, err := c.graph.Memberships(ctx, chloe.Person.ID)
	must(t, err)
	if len(groups) != 3 {
		t.Fatalf("groups %+v", groups)
	}
	for _, want := range []bool{true, false} {
		changed, err := c.graph.RemoveMember(ctx, c.group(t, "License E3").ID, chloe.Person.ID)
		if err != nil || changed != want {
			t.Fatalf("removing: %v, %v; want %v", changed, err, want)
		}
	}
	c.clock.Advance(time.Minute)
	if got := held(c.user(t, "chloe.clark")); !slices.Equal(got, []string{"MCOEV group"}) {
		t.Errorf("holds %v after leaving the license group", got)
	}
}

func TestSimulatedLicenses(t *testing.T) {
	c := newContoso(t)
	ctx := t.Context()
	skus, err := c.graph.SKUs(ctx)
	must(t, err)
	sku := map[string]string{}
	for _, s := range skus {
		sku[s.PartNumber] = s.ID
		if len(s.ServicePlans) == 0 || s.Enabled == 0 {
			t.Errorf("SKU %+v", s)
		}
	}
	laura := c.user(t, "laura.lewis").Person.ID
	add := []lifecycle.LicenseChange{{SKUID: sku["SPE_E3"]}, {SKUID: sku["MCOEV"]}}
	must(t, c.graph.ChangeLicenses(ctx, laura, add, nil))
	must(t, c.graph.ChangeLicenses(ctx, laura, add, nil))
	must(t, c.graph.ChangeLicenses(ctx, laura, []lifecycle.LicenseChange{{SKUID: sku["SPE_E5"]}}, []string{sku["SPE_E3"], sku["MCOEV"]}))
	if got := held(c.user(t, "laura.lewis")); !slices.Equal(got, []string{"SPE_E5 direct"}) {
		t.Errorf("holds %v", got)
	}
	details, err := c.graph.LicenseDetails(ctx, laura)
	if err != nil || len(details) != 1 || details[0].SKU != "SPE_E5" {
		t.Errorf("details %+v, %v", details, err)
	}
	must(t, c.graph.ReprocessLicenses(ctx, laura))

	wantKind(t, c.graph.ChangeLicenses(ctx, laura, nil, []string{sku["SPE_E3"]}), fault.BusinessRule, graph.CodeLicenseNotHeld)
	wantKind(t, c.graph.ChangeLicenses(ctx, laura, nil, []string{plan1}), fault.BusinessRule, graph.CodeLicenseNotInTenant)
	ben := c.user(t, "ben.baker").Person.ID
	wantKind(t, c.graph.ChangeLicenses(ctx, ben, nil, []string{sku["SPE_E3"]}), fault.BusinessRule, graph.CodeLicenseInherited)
	mark := c.user(t, "mark.moore").Person.ID
	wantKind(t, c.graph.ChangeLicenses(ctx, mark, []lifecycle.LicenseChange{{SKUID: sku["SPE_E5"]}}, nil), fault.BusinessRule, graph.CodeUsageLocation)
	must(t, c.graph.SetUsageLocation(ctx, mark, "FR"))
	must(t, c.graph.ChangeLicenses(ctx, mark, []lifecycle.LicenseChange{{SKUID: sku["SPE_E5"]}}, nil))
	if u := c.user(t, "mark.moore"); u.UsageLocation != "FR" {
		t.Errorf("usage location %q", u.UsageLocation)
	}
	must(t, c.graph.SetAccountEnabled(ctx, mark, false))
	must(t, c.graph.RevokeSessions(ctx, mark))
	if c.user(t, "mark.moore").Person.Enabled {
		t.Error("the account is still enabled")
	}
}

func TestSimulatedGroups(t *testing.T) {
	c := newContoso(t)
	ctx := t.Context()
	laura := c.user(t, "laura.lewis").Person.ID
	for name, kind := range map[string]lifecycle.GroupKind{
		"All Staff": lifecycle.Security, "Sales UK": lifecycle.Microsoft365, "London Office": lifecycle.Dynamic,
		"Headquarters": lifecycle.SyncedGroup, "Announcements": lifecycle.Mail, "Helpdesk Admins": lifecycle.RoleAssignable,
	} {
		g := c.group(t, name)
		if byID := c.group(t, g.ID); g.Kind != kind || byID.DisplayName != name {
			t.Errorf("%s is %+v", name, g)
		}
		for _, again := range []bool{false, true} {
			changed, err := c.graph.AddMember(ctx, g.ID, laura)
			if !kind.Writable() {
				contains(t, wantKind(t, err, fault.BusinessRule, graph.CodeGroupNotWritable).Message, name, string(kind))
			} else if err != nil || changed == again {
				t.Errorf("adding to %s, again %v: %v, %v", name, again, changed, err)
			}
		}
	}
	_, err := c.graph.Group(ctx, "No Such Group")
	wantKind(t, err, fault.NotFound, graph.CodeUnknownGroup)
	if g := c.group(t, "License E3"); len(g.Licenses) != 1 {
		t.Errorf("licenses %v", g.Licenses)
	}

	c.SetPermissions("User.Read.All", "Organization.Read.All", "GroupMember.Read.All")
	got, err := c.graph.Permissions(ctx)
	if err != nil || !slices.Equal(got, []string{"GroupMember.Read.All", "Organization.Read.All", "User.Read.All"}) {
		t.Errorf("permissions %v, %v", got, err)
	}
	_, err = c.graph.AddMember(ctx, c.group(t, "Project Falcon").ID, laura)
	contains(t, wantKind(t, err, fault.PermissionDenied, "Authorization_RequestDenied").Hint, "GroupMember.ReadWrite.All")
	_, err = c.graph.AddMember(ctx, c.group(t, "London Office").ID, laura)
	wantKind(t, err, fault.BusinessRule, graph.CodeGroupNotWritable)
	_, err = c.graph.NumberAssignment(ctx, "+442079460001")
	if f := classified(t, err); f.Kind != fault.PermissionDenied {
		t.Errorf("got %s: %s", f.Kind, f.Message)
	}
}

func TestSimulatedNumbersAndPolicies(t *testing.T) {
	c := newContoso(t)
	ctx := t.Context()
	emma, laura := c.user(t, "emma.evans").Person.ID, c.user(t, "laura.lewis").Person.ID
	assign := func(number, kind, user string) error {
		t.Helper()
		id, err := c.graph.AssignNumber(ctx, graph.AssignNumber{Number: number, Type: kind, UserID: user})
		if err != nil {
			return err
		}
		c.clock.Advance(time.Minute)
		op, err := c.graph.NumberOperation(ctx, id)
		must(t, err)
		return op.Err()
	}
	must(t, assign("+442079460010", "directRouting", emma))
	numbers, err := c.graph.NumbersOf(ctx, emma)
	if err != nil || len(numbers) != 1 || numbers[0].Number != "+442079460010" {
		t.Errorf("numbers %+v, %v", numbers, err)
	}
	for name, row := range map[string]struct {
		number, user string
		kind         fault.Kind
		code         string
	}{
		"not in Teams":   {"+442079469999", emma, fault.NumberUnavailable, graph.CodeNumberNotFound},
		"taken":          {"+442079460001", emma, fault.NumberUnavailable, graph.CodeNumberTaken},
		"second primary": {"+442079460011", emma, fault.BusinessRule, graph.CodeUserHasNumber},
		"on premises":    {"+442079460999", emma, fault.BusinessRule, graph.CodeNumberOnPremises},
		"unlicensed":     {"+442079460012", laura, "", ""},
	} {
		f := classified(t, assign(row.number, "directRouting", row.user))
		if row.kind != "" && (f.Kind != row.kind || f.Code != row.code) || f.Kind.Retryable() {
			t.Errorf("%s: %s %q (%s)", name, f.Kind, f.Code, f.Message)
		}
	}
	n, err := c.graph.NumberAssignment(ctx, "+442079469999")
	if err != nil || n != nil {
		t.Errorf("got %+v, %v", n, err)
	}
	all, next, err := c.graph.ListNumberAssignments(ctx, 0)
	if err != nil || len(all) < 30 || next != 0 {
		t.Errorf("%d numbers, next %d, %v", len(all), next, err)
	}
	if u, err := c.graph.TeamsUser(ctx, laura); err != nil || u != nil {
		t.Errorf("Teams has %+v, %v", u, err)
	}

	id, err := c.graph.PolicyID(ctx, "TeamsCallingPolicy", "AllOn")
	must(t, err)
	if byID, err := c.graph.PolicyID(ctx, "TeamsCallingPolicy", id); err != nil || byID != id {
		t.Errorf("by id: %q, %v", byID, err)
	}
	for _, row := range [][2]string{{"TeamsCallingPolicy", "Nope"}, {"TeamsNonsensePolicy", "AllOn"}} {
		_, err := c.graph.PolicyID(ctx, row[0], row[1])
		contains(t, wantKind(t, err, fault.BusinessRule, graph.CodeUnknownPolicy).Message, row[0], row[1])
	}
}

func TestSimulatedUsersAndChanges(t *testing.T) {
	c := newContoso(t)
	ctx := t.Context()
	found, err := c.graph.FindUsers(ctx, graph.UserQuery{}, "")
	must(t, err)
	users, next := found.Users, found.Next
	guests := slices.DeleteFunc(slices.Clone(users), func(u graph.UserRecord) bool { return !u.Person.Guest })
	if len(users) != 15 || next != "" || len(guests) != 1 {
		t.Errorf("%d users with %d guests, next %q", len(users), len(guests), next)
	}
	delta := func(token string) (seen []string, link string) {
		for {
			page, err := c.graph.DeltaUsers(ctx, token)
			must(t, err)
			for _, u := range page.Users {
				seen = append(seen, u.Person.UserPrincipalName)
			}
			if page.Delta != "" {
				return seen, page.Delta
			}
			token = page.Next
		}
	}
	seen, link := delta("")
	if len(seen) != 15 {
		t.Errorf("%d users in the first round", len(seen))
	}
	must(t, c.graph.SetUsageLocation(ctx, c.user(t, "laura.lewis").Person.ID, "FR"))
	if seen, link = delta(link); !slices.Equal(seen, []string{"laura.lewis@contoso.example"}) {
		t.Errorf("changed: %v", seen)
	}
	must(t, c.SetState(graphsim.DefaultState()))
	_, err = c.graph.DeltaUsers(ctx, link)
	wantKind(t, err, fault.InvalidRequest, graph.CodeDeltaExpired)
}

func TestSimulatedTrouble(t *testing.T) {
	c := newContoso(t)
	ctx := t.Context()
	laura := c.user(t, "laura.lewis").Person.ID
	for _, row := range []struct {
		fault graphsim.Fault
		kind  fault.Kind
		after time.Duration
	}{
		{graphsim.Fault{Status: 429, RetryAfter: 7}, fault.Throttled, 7 * time.Second},
		{graphsim.Fault{Status: 503, RetryAfter: 3}, fault.Unavailable, 3 * time.Second},
		{graphsim.Fault{Status: 409}, fault.Conflict, 0},
		{graphsim.Fault{Status: 502, Body: "<html><h1>Bad Gateway</h1></html>"}, fault.Unavailable, 0},
		{graphsim.Fault{Reset: true}, fault.Unavailable, 0},
		{graphsim.Fault{AfterCommit: true}, fault.Unavailable, 0},
	} {
		row.fault.Method, row.fault.Path = "PATCH", "/v1.0/users/*"
		c.AddFault(row.fault)
		c.ClearJournal()
		f := classified(t, c.graph.SetUsageLocation(ctx, laura, "FR"))
		if f.Kind != row.kind || f.RetryAfter != row.after {
			t.Errorf("%+v: %s after %v (%s)", row.fault, f.Kind, f.RetryAfter, f.Message)
		}
		if n := len(c.Journal()); n != 1 {
			t.Errorf("%+v: %d requests; a failed write must not be repeated here", row.fault, n)
		}
	}
	// The last answer was lost, yet the change was made.
	if u := c.user(t, "laura.lewis"); u.UsageLocation != "FR" {
		t.Errorf("usage location %q", u.UsageLocation)
	}
}

func TestSimulatedTokensExpire(t *testing.T) {
	c := newContoso(t)
	laura := c.user(t, "laura.lewis").Person.ID
	c.clock.Advance(2 * time.Hour)
	c.ClearJournal()
	must(t, c.graph.SetUsageLocation(t.Context(), laura, "FR"))
	var statuses []int
	for _, e := range c.Journal() {
		statuses = append(statuses, e.Status)
	}
	if !slices.Equal(statuses, []int{401, 204}) {
		t.Errorf("answers %v; want a refusal and a success", statuses)
	}
}
