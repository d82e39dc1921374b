package graph_test

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/fault"
	"tenure/internal/graph"
	"tenure/internal/lifecycle"
)

func TestMembershipsReadsAllPages(t *testing.T) {
	var s *server
	s = serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("ConsistencyLevel") != "eventual" {
			reply(w, 400, refused("Request_UnsupportedQuery", "the header is missing"))
			return
		}
		if r.URL.Query().Get("$skiptoken") == "" {
			reply(w, 200, fmt.Sprintf(`{"@odata.count":2,"value":[{"id":"%s","displayName":"B","groupTypes":[],"securityEnabled":true,"assignedLicenses":[{"skuId":"%s","disabledPlans":[]}]}],"@odata.nextLink":"%s/v1.0/users/x/memberOf?$skiptoken=1"}`, group2, e5, s.URL))
			return
		}
		reply(w, 200, fmt.Sprintf(`{"value":[{"id":"%s","displayName":"A","groupTypes":["Unified"],"mailEnabled":true}]}`, group1))
	})
	got, err := s.client(t).Memberships(t.Context(), adele)
	want := []lifecycle.Group{
		{ID: group1, DisplayName: "A", Kind: lifecycle.Microsoft365, Licenses: []string{}},
		{ID: group2, DisplayName: "B", Kind: lifecycle.Security, Licenses: []string{e5}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
	first := s.requests()[0]
	query, _ := url.ParseQuery(first.query)
	if query.Get("$count") != "true" || !strings.Contains(query.Get("$select"), "assignedLicenses") {
		t.Errorf("asked %s?%s", first.path, first.query)
	}
	if !strings.HasSuffix(first.path, "/memberOf/graph.group") && !strings.HasSuffix(first.path, "/memberOf/microsoft.graph.group") {
		t.Errorf("asked %s", first.path)
	}
}

func TestMembershipsDoesNotFollowForeignLinks(t *testing.T) {
	_, c := always(t, 200, `{"value":[],"@odata.nextLink":"https://graph.evil.example/v1.0/users"}`)
	_, err := c.Memberships(t.Context(), adele)
	wantKind(t, err, fault.InvalidRequest, "foreign-link")
}

// graph.md §4: what stands in the way of writing members decides the kind.
func TestGroupKinds(t *testing.T) {
	for fields, want := range map[string]lifecycle.GroupKind{
		`"groupTypes":[],"securityEnabled":true`:                                                                                              lifecycle.Security,
		`"groupTypes":["Unified"],"mailEnabled":true,"securityEnabled":false`:                                                                 lifecycle.Microsoft365,
		`"groupTypes":["Unified","DynamicMembership"],"mailEnabled":true`:                                                                     lifecycle.Dynamic,
		`"groupTypes":["DynamicMembership"],"onPremisesSyncEnabled":true,"isAssignableToRole":true`:                                           lifecycle.Dynamic,
		`"groupTypes":[],"onPremisesSyncEnabled":true,"mailEnabled":true,"isAssignableToRole":true`:                                           lifecycle.SyncedGroup,
		`"groupTypes":[],"onPremisesSyncEnabled":false,"isAssignableToRole":true,"mailEnabled":true`:                                          lifecycle.RoleAssignable,
		`"groupTypes":["Unified"],"isAssignableToRole":true,"mailEnabled":true`:                                                               lifecycle.RoleAssignable,
		`"groupTypes":[],"mailEnabled":true,"securityEnabled":true`:                                                                           lifecycle.Mail,
		`"groupTypes":[],"mailEnabled":true,"securityEnabled":false`:                                                                          lifecycle.Mail,
		`"groupTypes":[],"mailEnabled":null,"securityEnabled":null,"onPremisesSyncEnabled":null,"isAssignableToRole":null,"displayName":null`: lifecycle.Security,
	} {
		_, c := always(t, 200, `{"id":"`+group1+`",`+fields+`}`)
		if got, err := c.Group(t.Context(), group1); err != nil || got.Kind != want {
			t.Errorf("%s: got %q, %v; want %q", fields, got.Kind, err, want)
		}
	}
}

func TestGroupByName(t *testing.T) {
	for _, row := range []struct {
		answer, code string
		kind         fault.Kind
	}{
		{`{"value":[{"id":"` + group1 + `","displayName":"O'Neill's"}]}`, "", ""},
		{`{"value":[]}`, graph.CodeUnknownGroup, fault.NotFound},
		{`{"value":[{"id":"1"},{"id":"2"}]}`, graph.CodeAmbiguousGroup, fault.InvalidRequest},
	} {
		s, c := always(t, 200, row.answer)
		g, err := c.Group(t.Context(), "O'Neill's")
		if row.kind == "" {
			if err != nil || g.ID != group1 {
				t.Errorf("got %+v, %v", g, err)
			}
			query, _ := url.ParseQuery(s.last(t).query)
			if query.Get("$filter") != "displayName eq 'O''Neill''s'" {
				t.Errorf("filter %q", query.Get("$filter"))
			}
			continue
		}
		contains(t, wantKind(t, err, row.kind, row.code).Message, "O'Neill's")
	}
	_, c := always(t, 404, refused("Request_ResourceNotFound", "x"))
	_, err := c.Group(t.Context(), group1)
	contains(t, wantKind(t, err, fault.NotFound, graph.CodeUnknownGroup).Message, group1)
}

func TestMembers(t *testing.T) {
	const (
		already = "One or more added object references already exist for the following modified properties: 'members'."
		gone    = "Resource '" + adele + "' does not exist or one of its queried reference-property objects are not present."
		denied  = "Insufficient privileges to complete the operation."
		synced  = "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration."
		mail    = "Cannot Update a mail-enabled security groups and or distribution list."
	)
	for name, row := range map[string]struct {
		add           bool
		status        int
		code, message string
		group         string
		changed       bool
		kind          fault.Kind
		want          string
	}{
		"added":                   {add: true, status: 204, changed: true},
		"already a member":        {add: true, status: 400, code: "Request_BadRequest", message: already},
		"no such group":           {add: true, status: 404, code: "Request_ResourceNotFound", message: gone, kind: fault.NotFound, want: "Request_ResourceNotFound"},
		"concurrent":              {add: true, status: 400, code: "Directory_ConcurrencyViolation", message: "x", kind: fault.Conflict, want: "Directory_ConcurrencyViolation"},
		"removed":                 {status: 204, changed: true},
		"not a member":            {status: 404, code: "Request_ResourceNotFound", message: gone},
		"denied":                  {status: 403, code: "Authorization_RequestDenied", message: denied, group: `"groupTypes":[]`, kind: fault.PermissionDenied, want: "Authorization_RequestDenied"},
		"denied, kind unknown":    {status: 403, code: "Authorization_RequestDenied", message: denied, kind: fault.PermissionDenied, want: "Authorization_RequestDenied"},
		"dynamic":                 {add: true, status: 403, code: "Authorization_RequestDenied", message: denied, group: `"groupTypes":["DynamicMembership"]`, kind: fault.BusinessRule, want: graph.CodeGroupNotWritable},
		"dynamic, removing":       {status: 403, code: "Authorization_RequestDenied", message: denied, group: `"groupTypes":["DynamicMembership"]`, kind: fault.BusinessRule, want: graph.CodeGroupNotWritable},
		"role assignable":         {add: true, status: 403, code: "Authorization_RequestDenied", message: denied, group: `"isAssignableToRole":true`, kind: fault.BusinessRule, want: graph.CodeGroupNotWritable},
		"synced":                  {status: 400, code: "Request_BadRequest", message: synced, group: `"onPremisesSyncEnabled":true`, kind: fault.BusinessRule, want: graph.CodeGroupNotWritable},
		"distribution list":       {add: true, status: 400, code: "Request_BadRequest", message: mail, group: `"mailEnabled":true`, kind: fault.BusinessRule, want: graph.CodeGroupNotWritable},
		"distribution list, gone": {add: true, status: 400, code: "Request_BadRequest", message: mail, kind: fault.BusinessRule, want: graph.CodeGroupNotWritable},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method == "GET" && row.group == "":
					reply(w, 404, refused("Request_ResourceNotFound", gone))
				case r.Method == "GET":
					reply(w, 200, `{"id":"`+group1+`","displayName":"Staff",`+row.group+`}`)
				case row.status == 204:
					w.WriteHeader(204)
				default:
					reply(w, row.status, refused(row.code, row.message))
				}
			})
			c := s.client(t)
			change, verb := c.RemoveMember, "DELETE /v1.0/groups/"+group1+"/members/"+adele+"/$ref"
			if row.add {
				change, verb = c.AddMember, "POST /v1.0/groups/"+group1+"/members/$ref"
			}
			changed, err := change(t.Context(), group1, adele)
			first := s.requests()[0]
			if got := first.method + " " + first.path; got != verb {
				t.Errorf("sent %s; want %s", got, verb)
			}
			if row.add {
				sameJSON(t, first.body, `{"@odata.id":"`+s.URL+`/v1.0/directoryObjects/`+adele+`"}`)
			}
			if row.kind != "" {
				wantKind(t, err, row.kind, row.want)
			} else if err != nil {
				t.Fatal(err)
			}
			if changed != row.changed {
				t.Errorf("changed %v; want %v", changed, row.changed)
			}
		})
	}
}

func TestGroupKindsAreKept(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	kind := `"groupTypes":["DynamicMembership"]`
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == "GET":
			reply(w, 200, `{"id":"`+group1+`","displayName":"Staff",`+kind+`}`)
		default:
			reply(w, 403, refused("Authorization_RequestDenied", "Insufficient privileges to complete the operation."))
		}
	})
	c := s.client(t, func(cfg *graph.Config) { cfg.Clock = func() time.Time { return now } })
	reads := func() (n int) {
		for _, r := range s.requests() {
			if r.method == "GET" {
				n++
			}
		}
		return n
	}
	for range 3 {
		got, err := c.GroupKind(t.Context(), group1)
		require.NoError(t, err)
		assert.Equal(t, lifecycle.Dynamic, got)
		_, err = c.AddMember(t.Context(), group1, adele)
		wantKind(t, err, fault.BusinessRule, graph.CodeGroupNotWritable)
	}
	assert.Equal(t, 1, reads(), "the kind is read once for all")

	_, err := c.Group(t.Context(), group1)
	require.NoError(t, err)
	assert.Equal(t, 2, reads(), "the group itself, with its licenses, is always read")

	kind = `"groupTypes":[]`
	now = now.Add(5 * time.Minute)
	got, err := c.GroupKind(t.Context(), group1)
	require.NoError(t, err)
	assert.Equal(t, lifecycle.Security, got, "after its lifetime it is read again")

	kind = `"onPremisesSyncEnabled":true`
	_, err = c.AddMember(t.Context(), group1, adele)
	wantKind(t, err, fault.BusinessRule, graph.CodeGroupNotWritable)
	got, err = c.GroupKind(t.Context(), group1)
	require.NoError(t, err)
	assert.Equal(t, lifecycle.SyncedGroup, got, "a refusal that the kept kind does not explain reads it again")
}

func TestGroupKindErrorsAreNotKept(t *testing.T) {
	status := 404
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if status == 200 {
			reply(w, 200, `{"id":"`+group1+`"}`)
			return
		}
		reply(w, status, refused("Request_ResourceNotFound", "x"))
	})
	c := s.client(t)
	_, err := c.GroupKind(t.Context(), group1)
	wantKind(t, err, fault.NotFound, graph.CodeUnknownGroup)
	status = 200
	got, err := c.GroupKind(t.Context(), group1)
	require.NoError(t, err)
	assert.Equal(t, lifecycle.Security, got)
}

func TestGroupKindIsSharedInFlight(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		<-release
		reply(w, 200, `{"id":"`+group1+`"}`)
	})
	c := s.client(t)
	var asking, done sync.WaitGroup
	for range 20 {
		asking.Add(1)
		done.Go(func() {
			asking.Done()
			_, err := c.GroupKind(t.Context(), group1)
			assert.NoError(t, err)
		})
	}
	asking.Wait()
	close(release)
	done.Wait()
	assert.Len(t, s.requests(), 1)
}

func TestPagesThatLeadInACircleEnd(t *testing.T) {
	var s *server
	s = serve(t, func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 200, `{"value":[{"id":"1","telephoneNumber":"+1"}],"@odata.nextLink":"`+s.URL+`/v1.0/again"}`)
	})
	c := s.client(t)
	_, err := c.Memberships(t.Context(), adele)
	wantKind(t, err, fault.Unavailable, graph.CodeUnreadable)
	_, err = c.NumbersOf(t.Context(), adele)
	wantKind(t, err, fault.Unavailable, graph.CodeUnreadable)
}
