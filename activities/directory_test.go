package activities_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tenure/activities"
	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/graphsim"
	"tenure/internal/lifecycle"
	"tenure/internal/store"
)

// sync reads all pages of a round and ends it, as SyncDirectory does.
func (c *contoso) sync(full bool) contract.TenantSync {
	c.t.Helper()
	run := c.run(fmt.Sprintf("sync-%d", c.rounds()))
	all, last := c.pages(run, full)
	return c.ended(run, all, last)
}

// rounds numbers the syncs of a test.
func (c *contoso) rounds() int { c.synced++; return c.synced }

func (c *contoso) pages(r *run, full bool) (all contract.TenantSync, last activities.SyncedPage) {
	c.t.Helper()
	for {
		last = succeed(c.t, start(r, c.acts.SyncPage, activities.SyncPageInput{Tenant: "contoso", Page: last.Next, Round: last.Round, Full: full}))
		all.Seen, all.Added, all.Updated, all.LeftOut = all.Seen+last.Counts.Seen, all.Added+last.Counts.Added, all.Updated+last.Counts.Updated, all.LeftOut+last.Counts.LeftOut
		if last.Next == "" {
			require.NotEmpty(c.t, last.Delta)
			return all, last
		}
	}
}

func (c *contoso) ended(r *run, all contract.TenantSync, last activities.SyncedPage) contract.TenantSync {
	c.t.Helper()
	ended := succeed(c.t, start(r, c.acts.EndSync, activities.SyncEnding{Tenant: "contoso", Round: last.Round, Delta: last.Delta})).Counts
	ended.Seen, ended.Added, ended.Updated, ended.LeftOut = all.Seen, all.Added, all.Updated, all.LeftOut
	return ended
}

// inEntra changes somebody at Microsoft, so that the next round hears of it: an empty body removes them.
func (c *contoso) inEntra(name, body string) {
	c.t.Helper()
	held := c.Permissions()
	c.SetPermissions(append(held, "User.ReadWrite.All", "User.DeleteRestore.All")...)
	defer c.SetPermissions(held...)
	method := http.MethodPatch
	if body == "" {
		method = http.MethodDelete
	}
	request, err := http.NewRequestWithContext(c.t.Context(), method, c.url+"/v1.0/users/"+name+"@contoso.example", strings.NewReader(body))
	require.NoError(c.t, err)
	request.Header.Set("Authorization", "Bearer opaque")
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	require.NoError(c.t, err)
	require.NoError(c.t, response.Body.Close())
	require.Equal(c.t, http.StatusNoContent, response.StatusCode)
}

func withMany(count int) func(*graphsim.State) {
	return func(s *graphsim.State) {
		for i := range count {
			s.Users = append(s.Users, graphsim.User{
				UserPrincipalName: fmt.Sprintf("user%04d@contoso.example", i), DisplayName: fmt.Sprintf("User %d", i), UserType: "Member",
			})
		}
	}
}

// filtered is the example catalog with sync settings at the tenant level.
func filtered(t *testing.T, sync string) string {
	return exampleWith(t, "        retainAtSite: false ", "        sync: "+sync+"\n        retainAtSite: false ")
}

func TestSyncReadsEveryPageR110(t *testing.T) {
	const many = 1100
	c := setup{tenant: withMany(many)}.new(t)
	all := many + 15
	require.Equal(t, contract.TenantSync{Tenant: "contoso", Seen: all, Added: many}, c.sync(true))
	require.Equal(t, []string{"GET /users/delta", "GET /users/delta"}, c.requests(), "pages as large as they get")
	who := c.subscriber("user1099")
	require.Equal(t, lifecycle.Placement{Node: tenantLevel, Role: selfService, Services: []lifecycle.Service{{Kind: lifecycle.ServiceM365, Node: tenantLevel}}}, who.Placement)
	require.Equal(t, contract.TenantSync{Tenant: "contoso", Seen: all}, c.sync(true), "nothing is new the second time")
}

func TestSyncReadsOnlyWhatHasChanged(t *testing.T) {
	c := setup{tenant: withMany(1100)}.new(t)
	c.sync(true)
	before := c.subscriber("laura.lewis")
	c.ClearJournal()
	require.Equal(t, contract.TenantSync{Tenant: "contoso"}, c.sync(false))
	require.Equal(t, []string{"GET /users/delta"}, c.requests())

	c.inEntra("laura.lewis", `{"department":"Sales","city":"Paris"}`)
	require.Equal(t, contract.TenantSync{Tenant: "contoso", Seen: 1, Updated: 1}, c.sync(false))
	after := c.subscriber("laura.lewis")
	require.Equal(t, "Sales", after.Department)
	require.Equal(t, before.Placement, after.Placement, "place and role are kept")
	require.Equal(t, contract.TenantSync{Tenant: "contoso"}, c.sync(false))
}

func TestSyncKeepsPlaceAndRoleAndTakesServicesThatAppear(t *testing.T) {
	c := newContoso(t)
	before := c.subscriber("laura.lewis")
	// The tenant is replaced, so that the link of the round before is no longer accepted: everybody is read again.
	c.change(func(s *graphsim.State) {
		for i := range s.Users {
			if s.Users[i].DisplayName == "Laura Lewis" {
				s.Users[i].Department = "Sales"
				s.Users[i].DirectLicenses = []graphsim.DirectLicense{{SKU: "SPE_E5"}}
			}
		}
	})
	require.Equal(t, contract.TenantSync{Tenant: "contoso", Seen: 15, Updated: 1}, c.sync(false))
	after := c.subscriber("laura.lewis")
	require.Equal(t, before.Node, after.Node)
	require.Equal(t, before.Role, after.Role)
	require.Len(t, after.Services, 3)
	for _, s := range after.Services {
		require.Equal(t, london, s.Node)
	}
}

func TestSyncBeginsAgainWhenItsLinkExpiresBetweenPages(t *testing.T) {
	c := setup{tenant: withMany(1100)}.new(t)
	run := c.run("sync")
	first := succeed(t, start(run, c.acts.SyncPage, activities.SyncPageInput{Tenant: "contoso"}))
	require.NotEmpty(t, first.Next)
	c.change(func(s *graphsim.State) {
		s.Users = slices.DeleteFunc(s.Users, func(u graphsim.User) bool { return u.DisplayName == "User 3" })
	})
	again := succeed(t, start(run, c.acts.SyncPage, activities.SyncPageInput{Tenant: "contoso", Page: first.Next, Round: first.Round}))
	require.Greater(t, again.Round, first.Round)
	last := succeed(t, start(run, c.acts.SyncPage, activities.SyncPageInput{Tenant: "contoso", Page: again.Next, Round: again.Round}))
	require.Empty(t, last.Next)
	require.Equal(t, 1, c.ended(run, contract.TenantSync{}, last).Removed, "met by the round that was given up, and gone since")
	fail(t, start(run, c.acts.SyncPage, activities.SyncPageInput{Tenant: "contoso", Page: again.Next, Round: again.Round - 1}), fault.BusinessRule, "another sync")
}

func TestSyncLosesAndDoublesNothingInTrouble(t *testing.T) {
	for name, row := range map[string]struct {
		fault graphsim.Fault
		kind  fault.Kind
	}{
		"half-written page": {graphsim.Fault{Status: 200, ContentType: "application/json", Body: `{"value":[{"id":"7","userPrincipalName":"half@contoso.example"},{"id":"8","userPri`}, fault.Unavailable},
		"no link":           {graphsim.Fault{Status: 200, ContentType: "application/json", Body: `{"value":[]}`}, fault.Unavailable},
		"throttled":         {graphsim.Fault{Status: 429, RetryAfter: 7}, fault.Throttled},
		"reset":             {graphsim.Fault{Reset: true, Times: -1}, fault.Unavailable},
		"token expired":     {graphsim.Fault{Status: 401}, ""},
		"token revoked":     {graphsim.Fault{ClaimsChallenge: true}, ""},
	} {
		for page := range 2 {
			t.Run(fmt.Sprintf("%s on page %d", name, page+1), func(t *testing.T) {
				c := setup{tenant: withMany(1100)}.new(t)
				run := c.run("sync")
				in := activities.SyncPageInput{Tenant: "contoso"}
				if page == 1 {
					first := succeed(t, start(run, c.acts.SyncPage, in))
					in.Page, in.Round = first.Next, first.Round
				}
				row.fault.Path = "/v1.0/users/delta"
				c.AddFault(row.fault)
				books := c.subscribers()
				reading := start(run, c.acts.SyncPage, in)
				if row.kind != "" {
					_, err := reading.try()
					require.Equal(t, row.kind, left(t, err).kind)
					require.Equal(t, books, c.subscribers(), "half a page is no page")
					c.ClearFaults()
				}
				got := succeed(t, reading)
				for got.Next != "" {
					got = succeed(t, start(run, c.acts.SyncPage, activities.SyncPageInput{Tenant: "contoso", Page: got.Next, Round: got.Round}))
				}
				require.Equal(t, 1100+15, c.subscribers())
				require.Zero(t, c.ended(run, contract.TenantSync{}, got).Removed)
			})
		}
	}
}

// subscribers is how many users the directory has.
func (c *contoso) subscribers() (count int) {
	c.t.Helper()
	for cursor := ""; ; {
		list, next, err := c.store.ListSubscribers(c.t.Context(), store.SubscriberFilter{Limit: 1000, Cursor: cursor})
		require.NoError(c.t, err)
		if count, cursor = count+len(list), next; cursor == "" {
			return count
		}
	}
}

func TestSyncWhoseAnswersAreLost(t *testing.T) {
	c := setup{tenant: withMany(1100)}.new(t)
	run := c.run("sync")
	var at activities.SyncedPage
	for {
		reading := start(run, c.acts.SyncPage, activities.SyncPageInput{Tenant: "contoso", Page: at.Next, Round: at.Round})
		succeed(t, reading)
		at = succeed(t, reading)
		if at.Next == "" {
			break
		}
	}
	require.Equal(t, 1100+15, c.subscribers())
	c.ended(run, contract.TenantSync{}, at)
	c.inEntra("mark.moore", "")
	_, last := c.pages(c.run("next"), false)
	ending := start(c.run("next"), c.acts.EndSync, activities.SyncEnding{Tenant: "contoso", Round: last.Round, Delta: last.Delta})
	for range 2 {
		require.Equal(t, contract.TenantSync{Tenant: "contoso", Removed: 1}, succeed(t, ending).Counts)
	}
}

func TestSyncWaitsForItsTurn(t *testing.T) {
	c := setup{tenant: withMany(1100)}.new(t)
	first := succeed(t, start(c.run("one"), c.acts.SyncPage, activities.SyncPageInput{Tenant: "contoso"}))
	c.ClearJournal()
	second := start(c.run("two"), c.acts.SyncPage, activities.SyncPageInput{Tenant: "contoso"})
	_, err := second.try()
	f := left(t, err)
	require.Equal(t, fault.NotYet, f.kind)
	require.Contains(t, f.Message(), "run one")
	require.Empty(t, c.requests())

	// The one that is under way fails for good, and nobody waits for it.
	c.AddFault(graphsim.Fault{Path: "/v1.0/users/delta", Status: 403})
	fail(t, start(c.run("one"), c.acts.SyncPage, activities.SyncPageInput{Tenant: "contoso", Page: first.Next, Round: first.Round}), fault.PermissionDenied)
	require.NotEmpty(t, succeed(t, second).Next)
}

func TestSyncBeginsAgainWhenTheTenantHasMoved(t *testing.T) {
	c := newContoso(t)
	round, err := c.store.BeginSync(t.Context(), "contoso", store.SyncStart{RunID: "before"})
	require.NoError(t, err)
	_, err = c.store.EndSync(t.Context(), store.Actor{}, "contoso", round.Number, "https://graph.elsewhere.example/v1.0/users/delta?$deltatoken=t", 10)
	require.NoError(t, err)
	require.Equal(t, contract.TenantSync{Tenant: "contoso", Seen: 15}, c.sync(false))
}

func TestSyncRefusesAPageOfSomewhereElse(t *testing.T) {
	c := newContoso(t)
	books := c.books()
	fail(t, start(c.run("sync"), c.acts.SyncPage, activities.SyncPageInput{Tenant: "contoso", Page: "https://example.com/v1.0/users/delta", Round: 1}), fault.InvalidRequest)
	fail(t, start(c.run("sync"), c.acts.SyncPage, activities.SyncPageInput{Tenant: "fabrikam"}), fault.InvalidRequest, "fabrikam")
	require.Equal(t, books, c.books())
}

func TestSyncReadsWholeOfWhomOnlyAChangeWasTold(t *testing.T) {
	c := setup{tenant: withZoe}.new(t)
	c.AddFault(graphsim.Fault{Path: "/v1.0/users/delta", Status: 200, ContentType: "application/json", Body: fmt.Sprintf(
		`{"value":[{"id":%q,"city":"Oslo"},{"id":"00000000-0000-4000-8000-00000000dead","city":"Oslo"}],"@odata.deltaLink":"%s/v1.0/users/delta?$deltatoken=t"}`, c.id("zoe.zimmer"), c.url)})
	require.Equal(t, 1, c.sync(false).Added)
	require.Equal(t, "Zoe Zimmer", c.subscriber("zoe.zimmer").DisplayName)
}

func TestSyncRemovesWhoIsGoneAndKeepsTheirNumbers(t *testing.T) {
	c := newContoso(t)
	c.sync(false)
	anna := c.id("anna.archer")
	c.inEntra("anna.archer", "")
	require.Equal(t, contract.TenantSync{Tenant: "contoso", Removed: 1, NumbersLeft: 1}, c.sync(false))
	_, known, err := c.store.Subscriber(t.Context(), "contoso", anna)
	require.NoError(t, err)
	require.False(t, known)
	n := c.number(annasNumber)
	require.Equal(t, lifecycle.Used, n.State)
	require.Equal(t, anna, n.User.ID)
}

func TestSyncAsksBeforeItRemovesMany_R111(t *testing.T) {
	c := setup{catalog: filtered(t, "{removalThreshold: 2}")}.new(t)
	c.sync(true)
	for _, name := range []string{"anna.archer", "ben.baker", "mark.moore"} {
		c.inEntra(name, "")
	}
	run := c.run("sync")
	counts, last := c.pages(run, false)
	held := c.ended(run, counts, last)
	require.Equal(t, 3, held.Held)
	require.Zero(t, held.Removed)
	require.Equal(t, "anna.archer@contoso.example", held.First[0].UserPrincipalName)
	require.Equal(t, 15, c.subscribers())
	require.Equal(t, 3, c.sync(false).Held, "and asks again for as long as nobody decides")

	removing := start(run, c.acts.RemoveGone, activities.SyncEnding{Tenant: "contoso", Round: last.Round, Actor: contract.Actor{RequestedBy: "boss", Reason: "yes"}})
	for range 2 {
		require.Equal(t, contract.TenantSync{Tenant: "contoso", Removed: 3, NumbersLeft: 2}, succeed(t, removing).Counts)
	}
	require.Equal(t, 12, c.subscribers())
	audit, _, err := c.store.ListAudit(t.Context(), store.AuditFilter{RunID: "sync"})
	require.NoError(t, err)
	require.Len(t, audit, 3)
	require.Equal(t, "boss", audit[0].By)
}

func TestSyncDoesNotRemoveWhoHasARun(t *testing.T) {
	c := newContoso(t)
	c.sync(false)
	r, _ := c.begun("anna.archer", "")
	c.inEntra("anna.archer", "")
	require.Equal(t, contract.TenantSync{Tenant: "contoso", Busy: 1}, c.sync(false))
	closeRun(r, lifecycle.RolledBack)
	require.Equal(t, 1, c.sync(false).Removed)
}

func TestSyncFilter_R110(t *testing.T) {
	c := newContoso(t)
	felix, _, err := c.store.ListSubscribers(t.Context(), store.SubscriberFilter{Guests: true})
	require.NoError(t, err)
	require.Len(t, felix, 1, "guests are in the directory, as guests (R112)")
	require.Equal(t, tenantLevel, felix[0].Node)

	put := func(sync string) { succeed(t, c.applying(filtered(t, sync))) }
	put(`{filter: 'user.userType == "Member"', removalThreshold: 3}`)
	require.Equal(t, contract.TenantSync{Tenant: "contoso", Seen: 15, LeftOut: 1, Removed: 1}, c.sync(false), "a new filter is for everybody, not only for who changes")
	require.Equal(t, contract.TenantSync{Tenant: "contoso"}, c.sync(false))
	put(`{filter: 'user.city == "Paris" && user.usageLocation != "XX"', removalThreshold: 3}`)
	held := c.sync(false)
	require.Greater(t, held.Held, 3, "a filter by mistake empties nothing")
	require.Equal(t, 14, c.subscribers())
	put("{removalThreshold: 3}")
	require.Equal(t, contract.TenantSync{Tenant: "contoso", Seen: 15, Added: 1}, c.sync(false), "and whoever is let in again stays")
	require.Equal(t, 15, c.subscribers())

	ten := "[0,1,2,3,4,5,6,7,8,9]"
	put("{filter: '!" + ten + ".all(a, " + ten + ".all(b, " + ten + ".all(c, " + ten + ".all(d, " + ten + `.all(e, a + b + c + d + e >= 0 || user.city == "x")))))'}`)
	refused(t, start(c.run("sync"), c.acts.SyncPage, activities.SyncPageInput{Tenant: "contoso"}), fault.BusinessRule, "expression-error", "sync.filter")
	require.Equal(t, 15, c.subscribers())
}

func TestSyncOfARenamedUser(t *testing.T) {
	c := newContoso(t)
	before := c.subscriber("laura.lewis")
	c.change(func(s *graphsim.State) {
		for i := range s.Users {
			if s.Users[i].ID == before.ID {
				s.Users[i].UserPrincipalName = "laura.lane@contoso.example"
			}
		}
	})
	require.Equal(t, contract.TenantSync{Tenant: "contoso", Seen: 15, Updated: 1}, c.sync(false))
	after := c.subscriber("laura.lane")
	require.Equal(t, before.ID, after.ID)
	require.Equal(t, before.Placement, after.Placement)
	_, known, err := c.store.Subscriber(t.Context(), "contoso", "laura.lewis@contoso.example")
	require.NoError(t, err)
	require.False(t, known)
}

func TestSyncOfAUserWhoWasDeletedAndRecreatedWithTheSameName(t *testing.T) {
	c := newContoso(t)
	old := c.subscriber("laura.lewis")
	c.change(func(s *graphsim.State) {
		for i := range s.Users {
			if s.Users[i].ID == old.ID {
				s.Users[i].ID = "00000000-0000-4000-8000-00000000beef"
			}
		}
		for i := range s.Groups {
			s.Groups[i].Members = slices.DeleteFunc(s.Groups[i].Members, func(id string) bool { return id == old.ID })
		}
	})
	require.Equal(t, contract.TenantSync{Tenant: "contoso", Seen: 15, Added: 1, Removed: 1}, c.sync(false))
	found, known, err := c.store.Subscriber(t.Context(), "contoso", "laura.lewis@contoso.example")
	require.NoError(t, err)
	require.True(t, known)
	require.Equal(t, "00000000-0000-4000-8000-00000000beef", found.ID)
	require.Equal(t, tenantLevel, found.Node, "a new person, who inherits nothing")
}

// A user is recreated, or renamed and the name given on, and only the new one is asked for.
func TestSyncUserSettlesWhoHasTheName(t *testing.T) {
	const newcomer = "00000000-0000-4000-8000-00000000beef"
	for name, deleted := range map[string]bool{"deleted and recreated": true, "renamed, and the name given on": false} {
		t.Run(name, func(t *testing.T) {
			c := newContoso(t)
			old := c.subscriber("laura.lewis")
			named := func(upn string) string {
				who, _, err := c.store.Subscriber(t.Context(), "contoso", upn)
				require.NoError(t, err)
				return who.ID
			}
			c.change(func(s *graphsim.State) {
				i := slices.IndexFunc(s.Users, func(u graphsim.User) bool { return u.ID == old.ID })
				recreated := s.Users[i]
				recreated.ID = newcomer
				s.Users[i].UserPrincipalName = "laura.lewis-old@contoso.example"
				if deleted {
					s.Users = slices.Delete(s.Users, i, i+1)
					for g := range s.Groups {
						s.Groups[g].Members = slices.DeleteFunc(s.Groups[g].Members, func(id string) bool { return id == old.ID })
					}
				}
				s.Users = append(s.Users, recreated)
			})
			sync := start(c.run("sync"), c.acts.SyncUser, activities.UserInTenant{Tenant: "contoso", User: "laura.lewis@contoso.example"})
			succeed(t, sync)
			require.Equal(t, newcomer, named("laura.lewis@contoso.example"), "nobody answers to that name besides")
			books := c.books()
			succeed(t, sync)
			require.Equal(t, books, c.books(), "again changes nothing")
			require.Equal(t, 16, c.subscribers(), "nobody is removed before a round has counted")
			if deleted {
				require.Equal(t, 1, c.sync(false).Removed)
			} else {
				require.Equal(t, old.ID, named("laura.lewis-old@contoso.example"))
				require.Zero(t, c.sync(false).Removed)
			}
			require.Equal(t, newcomer, named("laura.lewis@contoso.example"))
		})
	}
}

func TestSyncHasTheNumbersAuditedWhenItIsDue(t *testing.T) {
	c := newContoso(t)
	ending := func(full bool) *task[activities.SyncEnded] {
		run := c.run(fmt.Sprintf("sync-%d", c.rounds()))
		_, last := c.pages(run, full)
		return start(run, c.acts.EndSync, activities.SyncEnding{Tenant: "contoso", Round: last.Round, Delta: last.Delta})
	}
	audited := func() {
		require.NoError(t, c.acts.RecordFindings(t.Context(), activities.NumberFindings{Tenant: "contoso", Findings: 3}))
	}
	end := ending(false)
	require.Equal(t, tenantLevel, succeed(t, end).AuditAt, "there was none yet")
	require.Equal(t, tenantLevel, succeed(t, end).AuditAt, "a repeat answers the same")
	audited()
	found, err := c.store.Findings(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]int{"contoso": 3}, found)

	require.Empty(t, succeed(t, ending(false)).AuditAt, "what changes costs what changes")
	require.Equal(t, tenantLevel, succeed(t, ending(true)).AuditAt, "everybody was read")
	c.clock.Advance(24*time.Hour - time.Second)
	require.Empty(t, succeed(t, ending(false)).AuditAt)
	c.inEntra("anna.archer", "")
	require.Equal(t, tenantLevel, succeed(t, ending(false)).AuditAt, "she has left a number")
	c.clock.Advance(time.Second)
	require.Equal(t, tenantLevel, succeed(t, ending(false)).AuditAt, "a day has passed")
	audited()
	require.Empty(t, succeed(t, ending(false)).AuditAt)
}

func TestTwoRecordsOfOneAddress(t *testing.T) {
	c := newContoso(t)
	twin := c.subscriber("laura.lewis").Person
	twin.ID = "00000000-0000-4000-8000-00000000beef"
	_, err := c.store.PutSubscribers(t.Context(), "contoso", tenantLevel, selfService, []store.SyncedSubscriber{{Person: twin}})
	require.NoError(t, err)
	require.Equal(t, 16, c.subscribers(), "both are kept")
	books := c.books()
	for _, use := range []func() error{
		func() error { return once(c, c.acts.LocateUser, twin.UserPrincipalName) },
		func() error {
			return once(c, c.acts.PlaceUsers, contract.PlaceRequest{User: twin.UserPrincipalName, Site: "paris"})
		},
		func() error {
			return once(c, c.acts.ShowUser, activities.UserInTenant{Tenant: "contoso", User: twin.UserPrincipalName})
		},
	} {
		f := left(t, use())
		require.Equal(t, fault.InvalidRequest, f.kind)
		require.Contains(t, f.Message(), twin.ID)
		require.Contains(t, f.Message(), c.id("laura.lewis"))
	}
	require.Equal(t, books, c.books())
	succeed(t, c.place(contract.PlaceRequest{User: twin.ID, Site: "paris"}))
}

func TestSyncUser(t *testing.T) {
	c := setup{tenant: withZoe}.new(t)
	sync := start(c.run("sync"), c.acts.SyncUser, activities.UserInTenant{Tenant: "contoso", User: "Zoe.Zimmer@contoso.example"})
	require.Equal(t, activities.SyncedPage{Counts: contract.TenantSync{Tenant: "contoso", Seen: 1, Added: 1}}, succeed(t, sync))
	require.Equal(t, tenantLevel, c.subscriber("zoe.zimmer").Node)
	require.Equal(t, activities.SyncedPage{Counts: contract.TenantSync{Tenant: "contoso", Seen: 1}}, succeed(t, sync))
	refused(t, start(c.run("sync"), c.acts.SyncUser, activities.UserInTenant{Tenant: "contoso", User: "nobody@contoso.example"}), fault.NotFound, "unknown-user", "nobody@contoso.example")

	succeed(t, c.applying(filtered(t, `{filter: 'user.city == "Atlantis"'}`)))
	books := c.books()
	refused(t, start(c.run("sync"), c.acts.SyncUser, activities.UserInTenant{Tenant: "contoso", User: "anna.archer@contoso.example"}), fault.BusinessRule, "filtered-out", "Atlantis")
	require.Equal(t, books, c.books())
}

func TestSyncNeedsACatalog(t *testing.T) {
	c := setup{empty: true}.new(t)
	refused(t, start(c.run("sync"), c.acts.SyncPage, activities.SyncPageInput{Tenant: "contoso"}), fault.BusinessRule, "no-catalog")
}
