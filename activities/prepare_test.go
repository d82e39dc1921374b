package activities_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"tenure/activities"
	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/graphsim"
	"tenure/internal/lifecycle"
	"tenure/internal/store"
)

// withZoe adds somebody whom Entra knows and the directory does not.
func withZoe(s *graphsim.State) {
	s.Users = append(s.Users, graphsim.User{
		ID: "7a0f6f0e-6d3c-4a55-8f0e-0c1d2e3f4a5b", UserPrincipalName: "zoe.zimmer@contoso.example", DisplayName: "Zoe Zimmer",
		City: "London", UserType: "Member", UsageLocation: "GB", DirectLicenses: []graphsim.DirectLicense{{SKU: "SPE_E5"}},
	})
}

// decisions are the steps of a plan as "name action reason".
func decisions(p lifecycle.Plan) []string {
	list := make([]string, len(p.Steps))
	for i, s := range p.Steps {
		list[i] = string(s.Name) + " " + string(s.Action)
		if s.Reason != "" {
			list[i] += " " + string(s.Reason)
		}
	}
	return list
}

func TestPrepareDecidesEveryStepAndHoldsTheNumbers(t *testing.T) {
	for name, row := range map[string]struct {
		user, group string
		want        []string
		held        []string
		warnings    []lifecycle.WarningCode
	}{
		"typical user without a quick add group": {"anna.archer", "", []string{
			"remove-number do", "disable-enterprise-voice do", "apply-policies skip no-template", "remove-groups skip no-template",
			"await-group-licenses skip no-group-license-expected", "remove-licenses do", "release-number do", "return-to-tenant-level do",
			"set-role unchanged self-service-role-kept", "verify do",
		}, []string{annasNumber}, nil},
		"every license by a group that is left (F3)": {"ben.baker", "leaver", []string{
			"remove-number do", "disable-enterprise-voice do", "apply-policies do", "remove-groups do", "await-group-licenses do",
			"remove-licenses do", "release-number do", "return-to-tenant-level do", "set-role unchanged self-service-role-kept", "verify do",
		}, []string{bensNumber}, nil},
		"a license group remains (F4)": {"david.doyle", "leaver", []string{
			"remove-number do", "disable-enterprise-voice do", "apply-policies do", "remove-groups do", "await-group-licenses do",
			"remove-licenses skip group-license-remains", "release-number do", "return-to-tenant-level do",
			"set-role unchanged self-service-role-kept", "verify do",
		}, []string{"+442079460004"}, []lifecycle.WarningCode{lifecycle.WarnGroupLicenseRemains}},
		"number that the inventory does not know": {"nina.novak", "leaver-keeps-licenses", []string{
			"remove-number do", "disable-enterprise-voice do", "apply-policies do", "remove-groups do",
			"await-group-licenses skip no-group-license-expected", "remove-licenses skip licenses-retained",
			"release-number skip number-not-in-inventory", "return-to-tenant-level do", "set-role unchanged self-service-role-kept", "verify do",
		}, nil, []lifecycle.WarningCode{lifecycle.WarnNumberNotInInventory}},
		"nothing left to do": {"laura.lewis", "", []string{
			"remove-number unchanged no-number", "disable-enterprise-voice unchanged", "apply-policies skip no-template",
			"remove-groups skip no-template", "await-group-licenses skip no-group-license-expected", "remove-licenses unchanged",
			"release-number unchanged no-number", "return-to-tenant-level do", "set-role unchanged self-service-role-kept", "verify do",
		}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c := newContoso(t)
			r := c.run("r1")
			plan := succeed(t, start(r, c.acts.Prepare, c.offboard(row.user, row.group))).Plan
			require.Equal(t, row.want, decisions(plan))
			var codes []lifecycle.WarningCode
			for _, w := range plan.Warnings {
				codes = append(codes, w.Code)
			}
			require.Equal(t, row.warnings, codes)
			require.Equal(t, c.id(row.user), plan.Subscriber.ID)
			require.Empty(t, c.writes())

			runs, _, err := c.store.FindOperations(t.Context(), store.OperationFilter{SubscriberID: c.id(row.user)})
			require.NoError(t, err)
			require.Len(t, runs, 1)
			require.True(t, runs[0].Active)
			require.Equal(t, lifecycle.Running, runs[0].Status)
			require.Equal(t, r.info.WorkflowExecution.ID, runs[0].WorkflowID)
			require.Equal(t, london, runs[0].Node)
			require.Equal(t, monday, runs[0].StartedAt)
			held, _, err := c.store.ListNumbers(t.Context(), store.NumberFilter{State: lifecycle.HeldState})
			require.NoError(t, err)
			var numbers []string
			for _, n := range held {
				require.Equal(t, "r1", n.HeldBy)
				require.Equal(t, lifecycle.Used, n.Beneath)
				numbers = append(numbers, n.Number)
			}
			require.Equal(t, row.held, numbers)
		})
	}
}

func TestPrepareAgainChangesNothing(t *testing.T) {
	c := newContoso(t)
	prepare := start(c.run("r1"), c.acts.Prepare, c.offboard("anna.archer", "leaver"))
	first := succeed(t, prepare)
	books := c.books()
	require.Equal(t, first, succeed(t, prepare))
	require.Equal(t, books, c.books())
	require.Empty(t, c.writes())
}

func TestPrepareTakesOverFromADeadRunOfTheSameWorkflow(t *testing.T) {
	c := newContoso(t)
	first := succeed(t, start(c.run("r1"), c.acts.Prepare, c.offboard("anna.archer", "")))
	request := c.offboard("anna.archer", "")
	request.RequestID = "another"
	successor := c.run("r2")
	successor.info.WorkflowExecution.ID = "workflow-r1"
	second := succeed(t, start(successor, c.acts.Prepare, request))
	require.Equal(t, first.Plan.Digest, second.Plan.Digest)
	require.Equal(t, "r2", c.number(annasNumber).HeldBy)
}

func TestPrepareBringsInWhomOnlyEntraKnows(t *testing.T) {
	c := setup{tenant: withZoe}.new(t)
	zoe := c.id("zoe.zimmer")
	prepare := start(c.run("r1"), c.acts.Prepare, c.offboard("zoe.zimmer", ""))
	plan := succeed(t, prepare).Plan
	who := c.subscriber("zoe.zimmer")
	require.Equal(t, lifecycle.Placement{Node: tenantLevel, Role: selfService, Services: []lifecycle.Service{
		{Kind: lifecycle.ServiceM365, Node: tenantLevel}, {Kind: lifecycle.ServiceMailbox, Node: tenantLevel}, {Kind: lifecycle.ServiceTeams, Node: tenantLevel},
	}}, who.Placement)
	require.Equal(t, zoe, plan.Subscriber.ID)
	require.Contains(t, decisions(plan), "return-to-tenant-level unchanged")
	require.Contains(t, decisions(plan), "remove-licenses do")
	require.Equal(t, plan, succeed(t, prepare).Plan)
}

func TestPrepareRefuses(t *testing.T) {
	londonOnly := []string{"# A profile is", "  - name: london-leaver\n    node: london\n    offboarding: true\n\n# A profile is"}
	for name, row := range map[string]struct {
		user, group string
		catalog     []string
		before      func(*contoso)
		kind        fault.Kind
		code        string
		says        string
	}{
		"a guest":                               {user: "felix.fischer_partner.example#EXT#", kind: fault.BusinessRule, code: "guest", says: "is a guest"},
		"a protected user":                      {user: "svc-backup", kind: fault.BusinessRule, code: "protected", says: "service account"},
		"an unknown quick add group":            {user: "anna.archer", group: "leavers", kind: fault.InvalidRequest, code: "unknown-group", says: "leavers"},
		"a group that is not flagged (R58)":     {user: "anna.archer", group: "uk-sales", kind: fault.BusinessRule, code: "group-not-for-offboarding", says: "uk-sales"},
		"a group that the site cannot see":      {user: "isabelle.imbert", group: "london-leaver", catalog: londonOnly, kind: fault.BusinessRule, code: "group-not-visible", says: "london-leaver"},
		"a template policy that does not exist": {user: "anna.archer", group: "leaver", catalog: []string{"TeamsCallingPolicy: null", "TeamsCallingPolicy: NoSuchPolicy"}, kind: fault.BusinessRule, code: "unknown-policy", says: "NoSuchPolicy"},
		"without the permission for numbers": {
			user: "anna.archer", kind: fault.BusinessRule, code: "permission-missing", says: lifecycle.NumberPermission,
			before: func(c *contoso) { c.exchange(lifecycle.NumberPermission, "TeamsTelephoneNumber.Read.All") },
		},
		"a number that is mastered on premises": {
			user: "anna.archer", kind: fault.BusinessRule, code: "number-on-premises", says: "+442079460999",
			before: func(c *contoso) { c.giveNumber("+442079460999", c.id("anna.archer")) },
		},
		"a number that another run holds": {
			user: "anna.archer", kind: fault.BusinessRule, code: "number-held", says: annasNumber,
			before: func(c *contoso) {
				succeed(c.t, start(c.run("other"), c.acts.Prepare, c.offboard("ben.baker", "")))
				_, err := c.store.HoldNumbers(c.t.Context(), "other", "contoso", []string{annasNumber})
				require.NoError(c.t, err)
			},
		},
		"an operation that does not exist": {user: "anna.archer", kind: fault.InvalidRequest, code: "unknown-operation", says: "promote"},
	} {
		t.Run(name, func(t *testing.T) {
			s := setup{}
			if row.catalog != nil {
				s.catalog = exampleWith(t, row.catalog...)
			}
			c := s.new(t)
			if row.before != nil {
				row.before(c)
			}
			request := c.offboard(row.user, row.group)
			if row.code == "unknown-operation" {
				request.Operation = "promote"
			}
			who := c.subscriber(row.user)
			held := c.number(annasNumber)
			r := c.run("r1")
			refused(t, start(r, c.acts.Prepare, request), row.kind, row.code, row.says)
			require.Empty(t, c.writes())
			// What is left of a refused run is its operation, which CloseRun ends.
			closeRun(r, lifecycle.RolledBack)
			runs, _, err := c.store.FindOperations(t.Context(), store.OperationFilter{SubscriberID: who.ID})
			require.NoError(t, err)
			require.False(t, slices.ContainsFunc(runs, func(o store.OperationRow) bool { return o.Active }))
			require.Equal(t, who, c.subscriber(row.user))
			require.Equal(t, held, c.number(annasNumber))
		})
	}
}

func TestPrepareRefusesABusyUser(t *testing.T) {
	c := newContoso(t)
	succeed(t, start(c.run("r1"), c.acts.Prepare, c.offboard("anna.archer", "")))
	number, who := c.number(annasNumber), c.subscriber("anna.archer")
	request := c.offboard("anna.archer", "")
	request.RequestID = "another"
	refused(t, start(c.run("r2"), c.acts.Prepare, request), fault.BusinessRule, "busy", "r1")
	require.Equal(t, number, c.number(annasNumber))
	require.Equal(t, who, c.subscriber("anna.archer"))
	require.Len(t, succeed(t, start(c.run("q"), c.acts.ListRuns, contract.RunFilter{})).Runs, 1)
	require.Len(t, c.audit(contract.AuditFilter{RunID: "r2", Outcome: "refused"}), 1)
}

func TestPrepareOfNobody(t *testing.T) {
	t.Run("whom neither the directory nor Entra knows", func(t *testing.T) {
		c := newContoso(t)
		books := c.books()
		request := c.offboard("anna.archer", "")
		request.SubscriberID = "00000000-0000-4000-8000-000000000000"
		f := refused(t, start(c.run("r1"), c.acts.Prepare, request), fault.NotFound, "unknown-user", request.SubscriberID)
		require.NotEmpty(t, f.Hint)
		require.Equal(t, books, c.books())
	})
	t.Run("whom Entra has lost", func(t *testing.T) {
		c := newContoso(t)
		request := c.offboard("laura.lewis", "")
		c.change(func(s *graphsim.State) {
			s.Users = slices.DeleteFunc(s.Users, func(u graphsim.User) bool { return u.ID == request.SubscriberID })
		})
		// Several reads fail at once, and whichever comes first must say the same.
		for range 10 {
			refused(t, start(c.run("r1"), c.acts.Prepare, request), fault.NotFound, "unknown-user", "laura.lewis")
		}
	})
	t.Run("in a tenant that this worker does not serve", func(t *testing.T) {
		c := setup{tenant: withZoe}.new(t)
		request := c.offboard("zoe.zimmer", "")
		request.Tenant = "fabrikam"
		fail(t, start(c.run("r1"), c.acts.Prepare, request), fault.InvalidRequest, "fabrikam")
	})
	t.Run("without a catalog in force", func(t *testing.T) {
		c := setup{empty: true}.new(t)
		refused(t, start(c.run("r1"), c.acts.Prepare, c.offboard("anna.archer", "")), fault.BusinessRule, "no-catalog")
	})
}

func TestPrepareWaitsOutTrouble(t *testing.T) {
	for path, status := range map[string]int{
		"/v1.0/users/*": 503, "/v1.0/users/*/memberOf/**": 503, "/v1.0/admin/teams/userConfigurations/*": 503,
		"/v1.0/admin/teams/telephoneNumberManagement/numberAssignments": 503,
	} {
		t.Run(path, func(t *testing.T) {
			c := newContoso(t)
			c.AddFault(graphsim.Fault{Method: "GET", Path: path, Status: status})
			prepare := start(c.run("r1"), c.acts.Prepare, c.offboard("anna.archer", ""))
			fail(t, prepare, fault.Unavailable)
			require.Equal(t, activities.Prepared{Plan: succeed(t, start(c.run("r1"), c.acts.Prepare, c.offboard("anna.archer", ""))).Plan}, succeed(t, prepare))
		})
	}
}

func TestPrepareOfANumberThatTheInventoryGivesToAnother(t *testing.T) {
	c := newContoso(t)
	c.giveNumber(bensNumber, c.id("anna.archer"))
	before := c.number(bensNumber)
	r, plan := c.begun("anna.archer", "")
	require.Equal(t, lifecycle.WarnNumberOfAnother, plan.Warnings[0].Code)
	taken, _ := plan.Step(lifecycle.RemoveNumber)
	require.Len(t, taken.Change.Numbers, 2, "Teams is asked to take both")
	succeed(t, start(r, c.acts.ReleaseNumbers, c.planned("anna.archer", plan, lifecycle.ReleaseNumber)))
	closeRun(r, lifecycle.Completed)
	require.Equal(t, lifecycle.Cooling, c.number(annasNumber).State)
	require.Equal(t, settled(before), settled(c.number(bensNumber)))
}

func TestPrepareOfANumberThatTeamsHasOnSomebodyItDoesNotKnow(t *testing.T) {
	c := newContoso(t)
	c.giveNumber(freeNumber, c.id("laura.lewis"))
	teams, err := c.graph.TeamsUser(t.Context(), c.id("laura.lewis"))
	require.NoError(t, err)
	require.Nil(t, teams)
	_, plan := c.begun("laura.lewis", "")
	require.Contains(t, decisions(plan), "remove-number do")
	require.Equal(t, []string{freeNumber}, plan.Before.Numbers)
}
