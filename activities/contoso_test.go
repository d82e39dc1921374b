package activities_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tenure/activities"
	"tenure/examples"
	"tenure/internal/contract"
	"tenure/internal/graph"
	"tenure/internal/graphsim"
	"tenure/internal/lifecycle"
	"tenure/internal/store"
)

const (
	tenantLevel = "acme/contoso"
	london      = "acme/contoso/emea/london"
	paris       = "acme/contoso/emea/paris"

	selfService = "customer-self-service"

	annasNumber = "+442079460001"
	bensNumber  = "+442079460002"
	freeNumber  = "+442079460010"

	assignNumber   = "POST /admin/teams/telephoneNumberManagement/numberAssignments/assignNumber"
	unassignNumber = "POST /admin/teams/telephoneNumberManagement/numberAssignments/unassignNumber"
	assignPolicy   = "POST /admin/teams/policy/userAssignments/assign"
	unassignPolicy = "POST /admin/teams/policy/userAssignments/unassign"
)

// monday is when every test begins.
var monday = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// contoso is the customer of the example catalog with its simulated tenant, and the activities that serve it. One clock
// moves the tenant, the store and the activities.
type contoso struct {
	*graphsim.Tenant
	t     *testing.T
	clock *graphsim.ManualClock
	store *store.Store
	graph *graph.Client
	acts  *activities.Activities
	// file is the store's, url where the tenant answers.
	file, url string
	// synced counts the syncs of the test.
	synced int
}

// setup says how a contoso differs from the example.
type setup struct {
	// catalog is the text that is put in force over the example's.
	catalog string
	// settings are the tenant's delays; none unless a case is about them.
	settings graphsim.Settings
	// tenant edits the people and things of the default tenant, after the directory has read them.
	tenant func(*graphsim.State)
	// store are options of the store besides the clock.
	store []store.Option
	// empty leaves the store without a catalog, users and numbers.
	empty bool
}

// newContoso is a contoso in which the example catalog is in force, the users are read and placed, and the numbers loaded.
func newContoso(t *testing.T) *contoso { return setup{}.new(t) }

func (s setup) new(t *testing.T) *contoso {
	t.Helper()
	t.Parallel()
	file := filepath.Join(t.TempDir(), "tenure.db")
	if !s.empty {
		require.NoError(t, os.WriteFile(file, exampleStore(t), 0o600))
	}
	c := s.open(t, file)
	if s.catalog != "" {
		succeed(t, start(c.run("apply"), c.acts.ApplyCatalog, contract.CatalogRequest{File: "catalog.yaml", Text: s.catalog}))
	}
	c.ClearJournal()
	return c
}

func (s setup) open(t *testing.T, file string) *contoso {
	t.Helper()
	clock := graphsim.NewManualClock(monday)
	s.settings.TokenSeconds = 1 << 30
	state := graphsim.DefaultState()
	if s.tenant != nil {
		s.tenant(&state)
	}
	tenant, err := graphsim.New(graphsim.Options{State: &state, Settings: &s.settings, Clock: clock.Now})
	require.NoError(t, err)
	server := httptest.NewServer(tenant)
	t.Cleanup(server.Close)
	credential, err := graph.NewSimulatedCredential(server.URL + "/v1.0")
	require.NoError(t, err)
	client, err := graph.New(graph.Config{BaseURL: server.URL + "/v1.0", Credential: credential, Tenant: "contoso", Clock: clock.Now})
	require.NoError(t, err)
	books, err := store.Open(t.Context(), "sqlite:"+file, append([]store.Option{store.WithClock(clock.Now)}, s.store...)...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, books.Close()) })
	require.NoError(t, books.Migrate(t.Context()))
	return &contoso{tenant, t, clock, books, client, &activities.Activities{
		Store: books, Graph: map[string]*graph.Client{"contoso": client}, Now: clock.Now,
	}, file, server.URL, 0}
}

// filled is the store's file after everything that an administrator does first. It is made once: the ids of the default
// tenant are always the same.
var filled struct {
	once sync.Once
	file []byte
}

func exampleStore(t *testing.T) []byte {
	t.Helper()
	filled.once.Do(func() {
		path := filepath.Join(t.TempDir(), "tenure.db")
		c := setup{}.open(t, path)
		c.fill()
		require.NoError(t, c.store.Close())
		var err error
		filled.file, err = os.ReadFile(path)
		require.NoError(t, err)
	})
	require.NotEmpty(t, filled.file, "the store of the example could not be filled")
	return filled.file
}

func (c *contoso) fill() {
	admin := c.run("fill")
	applied := succeed(c.t, start(admin, c.acts.ApplyCatalog, contract.CatalogRequest{File: "catalog.yaml", Text: string(examples.Catalog)}))
	c.sync(true)
	succeed(c.t, c.place(contract.PlaceRequest{}))
	for _, load := range applied.Loads {
		succeed(c.t, start(admin, c.acts.AddNumbers, load))
	}
}

// exampleWith is the example catalog with replacements of old by new text; each must occur.
func exampleWith(t *testing.T, oldnew ...string) string {
	t.Helper()
	text := string(examples.Catalog)
	for i := 0; i < len(oldnew); i += 2 {
		require.Contains(t, text, oldnew[i])
		text = strings.ReplaceAll(text, oldnew[i], oldnew[i+1])
	}
	return text
}

// person finds somebody of the tenant by the local part of the principal name.
func (c *contoso) person(name string) graphsim.User {
	c.t.Helper()
	for _, u := range c.State().Users {
		if strings.HasPrefix(u.UserPrincipalName, name+"@") {
			return u
		}
	}
	c.t.Fatalf("the tenant has no %s", name)
	return graphsim.User{}
}

func (c *contoso) id(name string) string { c.t.Helper(); return c.person(name).ID }

func (c *contoso) group(name string) graphsim.Group {
	c.t.Helper()
	for _, g := range c.State().Groups {
		if g.DisplayName == name {
			return g
		}
	}
	c.t.Fatalf("the tenant has no group %s", name)
	return graphsim.Group{}
}

func (c *contoso) sku(partNumber string) string {
	c.t.Helper()
	for _, s := range c.State().SKUs {
		if s.PartNumber == partNumber {
			return s.ID
		}
	}
	c.t.Fatalf("the tenant has no SKU %s", partNumber)
	return ""
}

// holder is who has the number in Teams, by object id.
func (c *contoso) holder(number string) string {
	c.t.Helper()
	for _, n := range c.State().Numbers {
		if n.TelephoneNumber == number {
			return n.AssignedTo
		}
	}
	c.t.Fatalf("the tenant has no number %s", number)
	return ""
}

// change edits the tenant behind the program's back; all delays of before are over.
func (c *contoso) change(edit func(*graphsim.State)) {
	c.t.Helper()
	state := c.State()
	edit(&state)
	require.NoError(c.t, c.SetState(state))
}

// giveNumber makes somebody the holder of a number, or nobody for an empty id.
func (c *contoso) giveNumber(number, id string) {
	c.t.Helper()
	c.change(func(s *graphsim.State) {
		for i := range s.Numbers {
			if s.Numbers[i].TelephoneNumber == number {
				s.Numbers[i].AssignedTo = id
			}
		}
	})
}

// exchange replaces one permission of the application by others, or takes it away, from the next call on.
func (c *contoso) exchange(permission string, others ...string) {
	c.t.Helper()
	left := slices.DeleteFunc(c.Permissions(), func(p string) bool { return p == permission })
	c.SetPermissions(append(left, others...)...)
	// Asking for them makes the client fetch a token that carries them.
	_, err := c.graph.Permissions(c.t.Context())
	require.NoError(c.t, err)
}

// requests are the requests that Graph has seen since the journal was cleared, people and groups by their names.
func (c *contoso) requests() []string {
	return c.seen(func(graphsim.JournalEntry) bool { return true })
}

// writes are those requests that asked for a change.
func (c *contoso) writes() []string {
	return c.seen(func(e graphsim.JournalEntry) bool { return e.Write })
}

func (c *contoso) seen(wanted func(graphsim.JournalEntry) bool) []string {
	names := []string{"/v1.0", ""}
	state := c.State()
	for _, u := range state.Users {
		name, _, _ := strings.Cut(u.UserPrincipalName, "@")
		names = append(names, u.ID, name)
	}
	for _, g := range state.Groups {
		names = append(names, g.ID, g.DisplayName)
	}
	readable := strings.NewReplacer(names...)
	list := []string{}
	for _, e := range c.Journal() {
		if wanted(e) {
			list = append(list, e.Method+" "+readable.Replace(e.Path))
		}
	}
	return list
}

// books is everything in the store, as text to compare.
func (c *contoso) books() string {
	c.t.Helper()
	ctx := context.Background()
	users, next, err := c.store.ListSubscribers(ctx, store.SubscriberFilter{Limit: 1000, Services: true})
	require.NoError(c.t, err)
	require.Empty(c.t, next)
	numbers, next, err := c.store.ListNumbers(ctx, store.NumberFilter{Limit: 1000})
	require.NoError(c.t, err)
	require.Empty(c.t, next)
	for i, n := range numbers {
		numbers[i], _, err = c.store.Number(ctx, n.Tenant, n.Number)
		require.NoError(c.t, err)
	}
	runs, _, err := c.store.FindOperations(ctx, store.OperationFilter{Limit: 1000})
	require.NoError(c.t, err)
	audit, _, err := c.store.ListAudit(ctx, store.AuditFilter{Limit: 1000})
	require.NoError(c.t, err)
	catalog, _, err := c.store.Catalog(ctx)
	require.NoError(c.t, err)
	text, err := json.MarshalIndent([]any{users, numbers, runs, audit, catalog.Number}, "", " ")
	require.NoError(c.t, err)
	return string(text)
}

// subscriber is the store's row of somebody.
func (c *contoso) subscriber(name string) store.Subscriber {
	c.t.Helper()
	who, known, err := c.store.Subscriber(c.t.Context(), "contoso", c.id(name))
	require.NoError(c.t, err)
	require.True(c.t, known, "the directory does not know %s", name)
	return who
}

// number is the inventory's row of a number.
func (c *contoso) number(number string) store.Number {
	c.t.Helper()
	n, found, err := c.store.Number(c.t.Context(), "contoso", number)
	require.NoError(c.t, err)
	require.True(c.t, found, "the inventory does not have %s", number)
	return n
}

// offboard is a request for somebody, with a quick add group or none.
func (c *contoso) offboard(name, group string) lifecycle.Request {
	c.t.Helper()
	return lifecycle.Request{
		Operation: lifecycle.Offboard, Tenant: "contoso", SubscriberID: c.id(name), Group: group,
		RequestID: "request-" + name, RequestedBy: "admin", Reason: "left the company", OnFailure: lifecycle.OnFailureRollback,
	}
}

// of is the input of a step for somebody.
func (c *contoso) of(name string, change lifecycle.Change) activities.StepInput {
	c.t.Helper()
	return activities.StepInput{Tenant: "contoso", SubscriberID: c.id(name), Change: change}
}
