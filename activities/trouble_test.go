package activities_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"tenure/activities"
	"tenure/examples"
	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/graphsim"
	"tenure/internal/lifecycle"
)

// attemptOf makes one attempt of an activity for the tenant of that name.
type attemptOf func(c *contoso, tenant string) error

func once[In, Out any](c *contoso, act func(context.Context, In) (Out, error), in In) error {
	_, err := start(c.run("r1"), act, in).try()
	return err
}

// onMicrosoft are all activities that need Microsoft, with an input that makes them ask.
var onMicrosoft = map[string]attemptOf{
	"Prepare": func(c *contoso, tenant string) error {
		request := c.offboard("zoe.zimmer", "")
		request.Tenant = tenant
		return once(c, c.acts.Prepare, request)
	},
	"PlanFor": func(c *contoso, tenant string) error {
		request := c.planFor(c.email("zoe.zimmer"), "")
		request.Request.Tenant = tenant
		return once(c, c.acts.PlanFor, request)
	},
	"UnassignNumbers":         stepOf("UnassignNumbers"),
	"AssignNumbers":           stepOf("AssignNumbers"),
	"AwaitVoiceOff":           stepOf("AwaitVoiceOff"),
	"ApplyPolicies":           stepOf("ApplyPolicies"),
	"RestorePolicies":         stepOf("RestorePolicies"),
	"RemoveFromGroups":        stepOf("RemoveFromGroups"),
	"AddToGroups":             stepOf("AddToGroups"),
	"AwaitGroupLicensesGone":  stepOf("AwaitGroupLicensesGone"),
	"AwaitGroupLicensesBack":  stepOf("AwaitGroupLicensesBack"),
	"RemoveDirectLicenses":    stepOf("RemoveDirectLicenses"),
	"RestoreDirectLicenses":   stepOf("RestoreDirectLicenses"),
	"SetUsageLocation":        stepOf("SetUsageLocation"),
	"RestoreUsageLocation":    stepOf("RestoreUsageLocation"),
	"ReplaceDirectLicenses":   stepOf("ReplaceDirectLicenses"),
	"RestoreReplacedLicenses": stepOf("RestoreReplacedLicenses"),
	"AwaitTeamsUser":          stepOf("AwaitTeamsUser"),
	"Prepare, onboard": func(c *contoso, tenant string) error {
		request := c.onboard("zoe.zimmer", byProfile("london-sales"))
		request.Tenant = tenant
		return once(c, c.acts.Prepare, request)
	},
	"PlanFor, onboard": func(c *contoso, tenant string) error {
		request := c.onboard("zoe.zimmer", byProfile("london-sales"))
		request.Tenant = tenant
		return once(c, c.acts.PlanFor, contract.PlanRequest{User: c.email("zoe.zimmer"), Request: request})
	},
	"VerifySubscriber": func(c *contoso, tenant string) error {
		return once(c, c.acts.VerifySubscriber, activities.VerifyInput{Tenant: tenant, SubscriberID: c.id("anna.archer")})
	},
	"VerifyUndone": func(c *contoso, tenant string) error {
		return once(c, c.acts.VerifyUndone, activities.UndoneInput{Tenant: tenant, SubscriberID: c.id("anna.archer")})
	},
	"SyncPage": func(c *contoso, tenant string) error {
		return once(c, c.acts.SyncPage, activities.SyncPageInput{Tenant: tenant})
	},
	"SyncUser": func(c *contoso, tenant string) error {
		return once(c, c.acts.SyncUser, activities.UserInTenant{Tenant: tenant, User: c.email("anna.archer")})
	},
	"ShowUser": func(c *contoso, tenant string) error {
		return once(c, c.acts.ShowUser, activities.UserInTenant{Tenant: tenant, User: c.email("anna.archer")})
	},
	"AddNumbers, few": func(c *contoso, _ string) error {
		return once(c, c.acts.AddNumbers, contract.AddNumbersRequest{Node: "london", Type: "directRouting", Numbers: []string{"+442079461001"}})
	},
	"AddNumbers, many": func(c *contoso, _ string) error {
		return once(c, c.acts.AddNumbers, contract.AddNumbersRequest{Node: "london", Type: "directRouting", Ranges: []contract.NumberRange{{From: "+442079461001", To: "+442079461009"}}})
	},
}

// onStore are all activities that need the store alone.
var onStore = map[string]attemptOf{
	"ReleaseNumbers":   stepOf("ReleaseNumbers"),
	"DropReleases":     stepOf("DropReleases"),
	"PlaceSubscriber":  stepOf("PlaceSubscriber"),
	"ClaimNumbers":     stepOf("ClaimNumbers"),
	"DropClaims":       stepOf("DropClaims"),
	"RestorePlacement": stepOf("RestorePlacement"),
	"SetRole":          stepOf("SetRole"),
	"RestoreRole":      stepOf("RestoreRole"),
	"CloseRun": func(c *contoso, _ string) error {
		_, err := closing(c.run("r1"), lifecycle.RolledBack).try()
		return err
	},
	"Locate": func(c *contoso, _ string) error {
		return once(c, c.acts.Locate, contract.PlanRequest{User: c.email("anna.archer"), Request: lifecycle.Request{RequestID: "x"}})
	},
	"LocateUser": func(c *contoso, _ string) error { return once(c, c.acts.LocateUser, c.email("anna.archer")) },
	"ListRuns": func(c *contoso, _ string) error {
		return once(c, c.acts.ListRuns, contract.RunFilter{User: c.email("anna.archer")})
	},
	"ListUsers": func(c *contoso, _ string) error { return once(c, c.acts.ListUsers, contract.UserFilter{}) },
	"EndSync": func(c *contoso, _ string) error {
		return once(c, c.acts.EndSync, activities.SyncEnding{Tenant: "contoso", Round: 1, Delta: "link"})
	},
	"RemoveGone": func(c *contoso, _ string) error {
		return once(c, c.acts.RemoveGone, activities.SyncEnding{Tenant: "contoso", Round: 1})
	},
	"MoveUsers": func(c *contoso, _ string) error {
		return once(c, c.acts.MoveUsers, activities.MoveInput{Moves: []activities.Move{{Tenant: "contoso"}}})
	},
	"PlaceUsers":   func(c *contoso, _ string) error { return once(c, c.acts.PlaceUsers, contract.PlaceRequest{}) },
	"TenantOfNode": func(c *contoso, _ string) error { return once(c, c.acts.TenantOfNode, "london") },
	"ListNumbers": func(c *contoso, _ string) error {
		return once(c, c.acts.ListNumbers, contract.NumberFilter{User: c.email("anna.archer")})
	},
	"ShowNumber": func(c *contoso, _ string) error {
		return once(c, c.acts.ShowNumber, contract.ShowNumberRequest{Number: annasNumber})
	},
	"ApplyCatalog": func(c *contoso, _ string) error { return c.apply(string(examples.Catalog)) },
	"DiffCatalog": func(c *contoso, _ string) error {
		return once(c, c.acts.DiffCatalog, contract.CatalogRequest{Text: string(examples.Catalog)})
	},
	"ShowCatalog": func(c *contoso, _ string) error { return once(c, c.acts.ShowCatalog, contract.ShowCatalogRequest{}) },
}

// stepOf makes a step with a change of every part, for Anna. Activities go by their names, as they do in Temporal.
func stepOf(name string) attemptOf {
	return func(c *contoso, tenant string) error {
		in := c.of("anna.archer", numbers(annasNumber))
		in.Tenant = tenant
		in.Change.Policies = []lifecycle.PolicyChange{{Type: "TenantDialPlan", From: &lifecycle.PolicyRef{ID: "a", Name: "A"}}}
		in.Change.Groups = c.groups("License E3").Groups
		in.Change.Licenses = c.licenses("MCOEV").Licenses
		in.Change.Place = &lifecycle.PlaceChange{From: london, To: tenantLevel}
		in.Change.RemovedLicenses = c.licenses("SPE_E3").Licenses
		in.Change.UsageLocation = &lifecycle.ValueChange{From: "FR", To: "DE"}
		in.Change.Role = &lifecycle.ValueChange{From: selfService, To: "site-admin"}
		k := &task[activities.StepResult]{run: c.run("r1"), act: name, in: in, scheduled: c.clock.Now()}
		_, err := k.try()
		return err
	}
}

func TestEveryActivityRefusesATenantThatTheWorkerDoesNotServe(t *testing.T) {
	for name, attempt := range onMicrosoft {
		if name == "AddNumbers, few" || name == "AddNumbers, many" {
			continue // Their tenant is that of the node.
		}
		t.Run(name, func(t *testing.T) {
			c := setup{tenant: withZoe}.new(t)
			err := attempt(c, "fabrikam")
			// A user is looked for in the directory of the tenant first.
			if f := left(t, err); f.kind != fault.NotFound {
				require.Equal(t, fault.InvalidRequest, f.kind)
				require.Contains(t, f.Message(), "fabrikam")
			}
			require.Empty(t, c.requests())
		})
	}
}

func TestEveryActivityIsTriedAgainWhenMicrosoftIsDown(t *testing.T) {
	for name, attempt := range onMicrosoft {
		t.Run(name, func(t *testing.T) {
			c := setup{tenant: withZoe}.new(t)
			books, state := c.books(), c.State()
			c.AddFault(graphsim.Fault{Status: 503, Times: -1})
			require.Equal(t, fault.Unavailable, left(t, attempt(c, "contoso")).kind)
			require.Equal(t, books, c.books())
			require.Equal(t, state, c.State())
		})
	}
}

func TestEveryActivityIsTriedAgainWhenTheStoreIsDown(t *testing.T) {
	need := map[string]attemptOf{}
	for name, attempt := range onStore {
		need[name] = attempt
	}
	for _, name := range []string{"Prepare", "PlanFor", "VerifySubscriber", "VerifyUndone", "SyncPage", "SyncUser", "ShowUser", "AddNumbers, few"} {
		need[name] = onMicrosoft[name]
	}
	for name, attempt := range need {
		t.Run(name, func(t *testing.T) {
			c := setup{tenant: withZoe}.new(t)
			require.NoError(t, c.store.Close())
			require.Equal(t, fault.Unavailable, left(t, attempt(c, "contoso")).kind)
			require.Empty(t, c.writes())
		})
	}
}
