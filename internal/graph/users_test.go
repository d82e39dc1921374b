package graph_test

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"tenure/internal/fault"
	"tenure/internal/graph"
	"tenure/internal/lifecycle"
)

const skus = `{"value":[
 {"skuId":"` + e5 + `","skuPartNumber":"SPE_E5","consumedUnits":3,"prepaidUnits":{"enabled":10,"warning":2,"suspended":5},
  "servicePlans":[{"servicePlanId":"57ff2da0-773e-42df-b2af-ffb7a2317929","servicePlanName":"TEAMS1","provisioningStatus":"Success"}]},
 {"skuId":"` + mcoev + `","skuPartNumber":"MCOEV","consumedUnits":1,"prepaidUnits":{"enabled":1}}]}`

const adeleRecord = `{"@odata.context":"x","id":"` + adele + `","userPrincipalName":"adele@contoso.example","displayName":"Adele Vance",
 "accountEnabled":true,"usageLocation":"GB","userType":"Member","onPremisesSyncEnabled":null,"givenName":"Adele","surname":"Vance",
 "city":"London","department":"Sales","country":"United Kingdom","jobTitle":"Manager",
 "licenseAssignmentStates":[
  {"skuId":"` + mcoev + `","disabledPlans":["b","a"],"assignedByGroup":null,"state":"Active","error":"None"},
  {"skuId":"` + e5 + `","disabledPlans":[],"assignedByGroup":"` + group1 + `","state":"Error","error":"CountViolation"},
  {"skuId":"` + e5 + `","disabledPlans":null,"assignedByGroup":null,"state":"Active","error":null}],
 "assignedPlans":[
  {"service":"TeamspaceAPI","capabilityStatus":"Enabled","servicePlanId":"57ff2da0-773e-42df-b2af-ffb7a2317929"},
  {"service":"exchange","capabilityStatus":"Deleted","servicePlanId":"efb87545-963c-4e0d-99df-69c6916d9eb0"},
  {"service":"exchange","capabilityStatus":"Enabled","servicePlanId":"113feb6c-3fe4-4440-bddc-54d774bf0318"}]}`

const plan1, plan2 = "0feaeb32-d00e-4d66-bd5a-43b5b83db82c", "9aaf7827-d63c-4b61-89c3-182f06f82e5c"

// directory answers with Adele and the SKUs.
func directory(t *testing.T) *server {
	user := strings.NewReplacer(`["b","a"]`, `["`+plan2+`","`+plan1+`"]`).Replace(adeleRecord)
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/v1.0/subscribedSkus":
			reply(w, 200, skus)
		case strings.HasPrefix(r.URL.Path, "/v1.0/users/"):
			reply(w, 200, user)
		default:
			reply(w, 404, refused("BadRequest", "Resource not found for the segment"))
		}
	})
}

func TestUser(t *testing.T) {
	s := directory(t)
	got, err := s.client(t).User(t.Context(), "adele@contoso.example")
	if err != nil {
		t.Fatal(err)
	}
	want := graph.UserRecord{
		Person: lifecycle.Person{
			ID: adele, UserPrincipalName: "adele@contoso.example", DisplayName: "Adele Vance", Enabled: true,
			GivenName: "Adele", Surname: "Vance", City: "London", Department: "Sales", Country: "United Kingdom", JobTitle: "Manager",
		},
		UsageLocation: "GB",
		Licenses: []lifecycle.License{
			{SKUID: e5, SKU: "SPE_E5", DisabledPlans: []string{}, State: "Active"},
			{SKUID: e5, SKU: "SPE_E5", DisabledPlans: []string{}, GroupID: group1, State: "Error", Error: "CountViolation"},
			{SKUID: mcoev, SKU: "MCOEV", DisabledPlans: []string{plan1, plan2}, State: "Active"},
		},
		HasTeams: true, HasMailbox: false,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	r := s.requests()[0]
	query, _ := url.ParseQuery(r.query)
	if r.path != "/v1.0/users/adele@contoso.example" || !strings.Contains(r.query, "$select=") {
		t.Errorf("asked for %s?%s", r.path, r.query)
	}
	contains(t, query.Get("$select"), "usageLocation", "licenseAssignmentStates", "assignedPlans", "onPremisesSyncEnabled", "userType")
	if r.header.Get("Authorization") != "Bearer "+token("User.Read.All") || r.header.Get("client-request-id") == "" {
		t.Errorf("headers %v", r.header)
	}
	if r.header.Get("Content-Encoding") != "" {
		t.Error("the request is compressed")
	}
}

func TestGuestsAndSyncedUsersAreRecognised(t *testing.T) {
	_, c := always(t, 200, `{"id":"x","userType":"guest","onPremisesSyncEnabled":true,"accountEnabled":false,"assignedPlans":[{"service":"Exchange","capabilityStatus":"Warning","servicePlanId":"`+plan2+`"}]}`)
	got, err := c.User(t.Context(), "x")
	if err != nil || !got.Person.Guest || !got.Person.Synced || got.Person.Enabled || !got.HasMailbox || got.HasTeams {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestFindUsersFollowsItsOwnLinksOnly(t *testing.T) {
	var s *server
	s = serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("$skiptoken") {
		case "":
			reply(w, 200, fmt.Sprintf(`{"value":[{"id":"1"}],"@odata.nextLink":"%s/v1.0/users?$skiptoken=a%%2Bb"}`, s.URL))
		case "a+b":
			reply(w, 200, `{"value":[{"id":"2"}]}`)
		}
	})
	c := s.client(t)
	first, err := c.FindUsers(t.Context(), graph.UserQuery{}, "")
	if err != nil || len(first.Users) != 1 || first.Next == "" {
		t.Fatalf("got %+v, %v", first, err)
	}
	query, _ := url.ParseQuery(s.last(t).query)
	if query.Get("$top") != "999" {
		t.Errorf("page size %q", query.Get("$top"))
	}
	second, err := c.FindUsers(t.Context(), graph.UserQuery{}, first.Next)
	if err != nil || len(second.Users) != 1 || second.Users[0].Person.ID != "2" || second.Next != "" {
		t.Fatalf("got %+v, %v", second, err)
	}
	sent := len(s.requests())
	for _, link := range []string{
		"https://graph.evil.example/v1.0/users", "http://127.0.0.1:1/v1.0/users", s.URL + "/beta/users", s.URL + "/v1.0evil/users",
		strings.Replace(s.URL, "://", "://user:pw@", 1) + "/v1.0/users", strings.Replace(s.URL, "http:", "https:", 1) + "/v1.0/users", "%zz", "/users",
	} {
		_, err := c.FindUsers(t.Context(), graph.UserQuery{}, link)
		wantKind(t, err, fault.InvalidRequest, "foreign-link")
		_, err = c.DeltaUsers(t.Context(), link)
		wantKind(t, err, fault.InvalidRequest, "foreign-link")
	}
	if n := len(s.requests()); n != sent {
		t.Errorf("%d requests followed foreign links", n-sent)
	}
}

func TestListsWithoutAValueAreNotEmptyLists(t *testing.T) {
	_, c := always(t, 200, `{}`)
	_, err := c.FindUsers(t.Context(), graph.UserQuery{}, "")
	wantKind(t, err, fault.Unavailable, graph.CodeUnreadable)
	_, err = c.SKUs(t.Context())
	wantKind(t, err, fault.Unavailable, graph.CodeUnreadable)
	_, err = c.Memberships(t.Context(), adele)
	wantKind(t, err, fault.Unavailable, graph.CodeUnreadable)
	_, err = c.NumbersOf(t.Context(), adele)
	wantKind(t, err, fault.Unavailable, graph.CodeUnreadable)
	_, err = c.TeamsUser(t.Context(), adele)
	wantKind(t, err, fault.Unavailable, graph.CodeUnreadable)
	_, err = c.Group(t.Context(), group1)
	wantKind(t, err, fault.Unavailable, graph.CodeUnreadable)
}

func TestDeltaUsers(t *testing.T) {
	var s *server
	s = serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("$deltatoken") {
		case "":
			reply(w, 200, fmt.Sprintf(`{"value":[{"id":"1","userPrincipalName":"ada@contoso.example","usageLocation":"GB"},{"id":"2","@removed":{"reason":"deleted"}},
				{"id":"3","@removed":{"reason":"changed"}},{"id":"4","userPrincipalName":"bob@contoso.example"},{"id":"5","city":"Paris"},null,
				{"id":"3","userPrincipalName":"back@contoso.example"},{"id":"4","@removed":{"reason":"changed"}}],"@odata.deltaLink":"%s/v1.0/users/delta?$deltatoken=t1"}`, s.URL))
		case "t1":
			reply(w, 410, refused("syncStateNotFound", "The sync state generation is not found"))
		case "t2":
			reply(w, 400, refused("resyncRequired", "Resync is required"))
		}
	})
	c := s.client(t)
	got, err := c.DeltaUsers(t.Context(), "")
	if err != nil || len(got.Users) != 2 || got.Users[0].Person.ID != "1" || got.Users[0].Licenses != nil || got.Users[1].Person.ID != "3" || got.Next != "" || got.Delta == "" {
		t.Fatalf("got %+v, %v", got, err)
	}
	if !reflect.DeepEqual(got.Removed, []string{"2", "4"}) || !reflect.DeepEqual(got.Partial, []string{"5"}) {
		t.Errorf("removed %v, partial %v", got.Removed, got.Partial)
	}
	if r := s.last(t); r.header.Get("Prefer") != "odata.maxpagesize=999" || strings.Contains(r.query, "licenseAssignmentStates") {
		t.Errorf("asked for %s, preferring %q", r.query, r.header.Get("Prefer"))
	}
	if path := s.last(t).path; path != "/v1.0/users/delta()" && path != "/v1.0/users/delta" {
		t.Errorf("asked %s", path)
	}
	for _, link := range []string{got.Delta, strings.Replace(got.Delta, "t1", "t2", 1)} {
		_, err = c.DeltaUsers(t.Context(), link)
		wantKind(t, err, fault.InvalidRequest, graph.CodeDeltaExpired)
	}
}

func TestAHalfWrittenPageOfChangesIsNoPage(t *testing.T) {
	for name, body := range map[string]string{
		"cut off":        `{"value":[{"id":"1","userPrincipalName":"ada@contoso.example"},{"id":"2","userPri`,
		"no link":        `{"value":[{"id":"1","userPrincipalName":"ada@contoso.example"}]}`,
		"no value":       `{"@odata.deltaLink":"https://graph.microsoft.com/v1.0/users/delta?$deltatoken=t"}`,
		"nothing":        ``,
		"something else": `<html>`,
	} {
		t.Run(name, func(t *testing.T) {
			_, c := always(t, 200, body)
			page, err := c.DeltaUsers(t.Context(), "")
			if f := classified(t, err); f.Kind != fault.Unavailable || len(page.Users) != 0 {
				t.Errorf("%s with %d users", f.Kind, len(page.Users))
			}
		})
	}
}

func TestPatches(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
	c := s.client(t)
	if err := c.SetUsageLocation(t.Context(), adele, "GB"); err != nil {
		t.Fatal(err)
	}
	r := s.last(t)
	if r.method != "PATCH" || r.path != "/v1.0/users/"+adele || r.length != int64(len(r.body)) {
		t.Errorf("sent %s %s of %d", r.method, r.path, r.length)
	}
	sameJSON(t, r.body, `{"@odata.type":"#microsoft.graph.user","usageLocation":"GB"}`)
	if err := c.SetAccountEnabled(t.Context(), adele, false); err != nil {
		t.Fatal(err)
	}
	sameJSON(t, s.last(t).body, `{"@odata.type":"#microsoft.graph.user","accountEnabled":false}`)
}

func TestRevokeSessionsAcceptsAnySuccess(t *testing.T) {
	for status, body := range map[int]string{200: `{"@odata.context":"x","value":true}`, 202: "", 204: ""} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if body != "" {
				reply(w, status, body)
				return
			}
			w.WriteHeader(status)
		})
		if err := s.client(t).RevokeSessions(t.Context(), adele); err != nil {
			t.Errorf("%d: %v", status, err)
		}
		if r := s.last(t); r.method != "POST" || !strings.HasSuffix(r.path, "/revokeSignInSessions") {
			t.Errorf("sent %s %s", r.method, r.path)
		}
	}
}
