package graph_test

import (
	"encoding/json"
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

const numberRow = `{"id":"abc","telephoneNumber":"12065550100","operatorId":"o","numberType":"directRouting","activationState":"activated",
 "capabilities":["userAssignment","hologramAssignment"],"locationId":"loc","assignmentTargetId":"` + adele + `","assignmentCategory":"primary",
 "assignmentStatus":"somethingNew","numberSource":"onPremises","portInStatus":null,"reverseNumberLookupOptions":[]}`

// Microsoft's samples show an object bare, in value, and in a list in value.
func TestNumberAssignmentInEveryForm(t *testing.T) {
	want := graph.NumberAssignment{
		ID: "abc", Number: "+12065550100", Type: "directRouting", Category: "primary", TargetID: adele, LocationID: "loc",
		Source: "onPremises", Activation: "activated", Status: "somethingNew", Capabilities: []string{"userAssignment", "hologramAssignment"},
	}
	for _, body := range []string{numberRow, `{"value":` + numberRow + `}`, `{"value":[` + numberRow + `]}`, `{"@odata.context":"x","value":[` + numberRow + `]}`, `[` + numberRow + `]`} {
		s, c := always(t, 200, body)
		got, err := c.NumberAssignment(t.Context(), "+12065550100")
		if err != nil || got == nil || !reflect.DeepEqual(*got, want) || !got.OnPremises() {
			t.Errorf("%s: got %+v, %v", body, got, err)
		}
		r := s.last(t)
		query, _ := url.ParseQuery(r.query)
		if query.Get("$filter") != "telephoneNumber eq '+12065550100'" || !strings.Contains(r.query, "%2B1206") {
			t.Errorf("asked %s", r.query)
		}
	}
	for _, body := range []string{`{"value":[]}`, `{"value":null}`, strings.Replace(numberRow, "0100", "0199", 1)} {
		_, c := always(t, 200, body)
		if got, err := c.NumberAssignment(t.Context(), "+12065550100"); err != nil || got != nil {
			t.Errorf("%s: got %+v, %v; want none", body, got, err)
		}
	}
	for _, body := range []string{`{"value":7}`, `{"value":[{"telephoneNumber":7}]}`, `"x"`, `{"telephoneNumber":{}}`} {
		_, c := always(t, 200, body)
		_, err := c.NumberAssignment(t.Context(), "+12065550100")
		wantKind(t, err, fault.Unavailable, graph.CodeUnreadable)
	}
}

func TestNumbersOfKeepsTheUsersOwn(t *testing.T) {
	s, c := always(t, 200, `{"value":[{"telephoneNumber":"+2","assignmentTargetId":"`+strings.ToUpper(adele)+`"},{"telephoneNumber":"+3","assignmentTargetId":"other"},{"telephoneNumber":"+1","assignmentTargetId":"`+adele+`"}]}`)
	got, err := c.NumbersOf(t.Context(), adele)
	if err != nil || len(got) != 2 || got[0].Number != "+1" || got[1].Number != "+2" {
		t.Errorf("got %+v, %v", got, err)
	}
	query, _ := url.ParseQuery(s.last(t).query)
	if query.Get("$filter") != "assignmentTargetId eq '"+adele+"'" {
		t.Errorf("filter %q", query.Get("$filter"))
	}
}

func TestListNumberAssignmentsPages(t *testing.T) {
	rows := func(from, n int) string {
		var all []map[string]string
		for i := range n {
			all = append(all, map[string]string{"telephoneNumber": fmt.Sprintf("+1%06d", from+i)})
		}
		raw, _ := json.Marshal(map[string]any{"value": all})
		return string(raw)
	}
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("$skip") {
		case "":
			reply(w, 200, rows(0, 1000))
		case "1000":
			reply(w, 200, strings.Replace(rows(1000, 2), "{", `{"@odata.nextLink":"https://elsewhere.example/x",`, 1))
		default:
			reply(w, 200, `{"value":[]}`)
		}
	})
	c := s.client(t)
	total := 0
	for skip := 0; ; {
		page, next, err := c.ListNumberAssignments(t.Context(), skip)
		if err != nil {
			t.Fatal(err)
		}
		total += len(page)
		if skip = next; skip == 0 {
			break
		}
	}
	if total != 1002 || len(s.requests()) != 3 {
		t.Errorf("%d numbers in %d requests", total, len(s.requests()))
	}
}

func TestNumberOrders(t *testing.T) {
	const path = "/v1.0/admin/teams/telephoneNumberManagement/numberAssignments/"
	for location, want := range map[string]string{
		"https://graph.microsoft.com/v1.0/admin/teams/telephoneNumberManagement/operations('QXNzaWdu')": "QXNzaWdu",
		"https://elsewhere.example/operations/QXNz?x=y":                                                 "QXNz",
		"/operations/a%2Fb":     "a/b",
		"/operations('a%2Bb')/": "a+b",
		"/operations/":          "",
		"/somewhere/else":       "",
		"":                      "",
		"%zz":                   "",
	} {
		for _, status := range []int{200, 202, 204} {
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if location != "" {
					w.Header().Set("Location", location)
				}
				w.WriteHeader(status)
			})
			c := s.client(t)
			got, err := c.AssignNumber(t.Context(), graph.AssignNumber{Number: "+12065550100", Type: "directRouting", UserID: adele})
			if err != nil || got != want {
				t.Errorf("Location %q with %d: %q, %v; want %q", location, status, got, err, want)
			}
		}
	}

	s, c := always(t, 202, "")
	if _, err := c.AssignNumber(t.Context(), graph.AssignNumber{Number: "+1", Type: "callingPlan", UserID: adele, Category: "private", LocationID: "loc"}); err != nil {
		t.Fatal(err)
	}
	if r := s.last(t); r.method != "POST" || r.path != path+"assignNumber" || r.header.Get("Content-Type") != "application/json" {
		t.Errorf("sent %s %s as %s", r.method, r.path, r.header.Get("Content-Type"))
	}
	sameJSON(t, s.last(t).body, `{"telephoneNumber":"+1","assignmentTargetId":"`+adele+`","numberType":"callingPlan","assignmentCategory":"private","locationId":"loc"}`)
	if _, err := c.UnassignNumber(t.Context(), "+1", "directRouting"); err != nil {
		t.Fatal(err)
	}
	sameJSON(t, s.last(t).body, `{"telephoneNumber":"+1","numberType":"directRouting"}`)
	empty := ""
	if err := c.UpdateNumber(t.Context(), graph.UpdateNumber{Number: "+1", LocationID: &empty}); err != nil {
		t.Fatal(err)
	}
	sameJSON(t, s.last(t).body, `{"telephoneNumber":"+1","locationId":""}`)
	if got := s.last(t).path; got != path+"updateNumber" {
		t.Errorf("sent to %s", got)
	}
}

func TestNumberOperation(t *testing.T) {
	op := `{"id":"o1","createdDateTime":"x","status":"running","numbers":[{"resourceLocation":"r","status":"running","statusDetail":null}]}`
	for _, body := range []string{op, `{"value":` + op + `}`, `{"value":[` + op + `]}`} {
		s, c := always(t, 200, body)
		got, err := c.NumberOperation(t.Context(), "a/b+c")
		want := graph.NumberOperation{ID: "o1", Status: "running", Numbers: []graph.NumberProgress{{Resource: "r", Status: "running"}}}
		if err != nil || !reflect.DeepEqual(got, want) || got.Finished() || got.Err() != nil {
			t.Errorf("got %+v, %v", got, err)
		}
		if r := s.last(t); r.path != "/v1.0/admin/teams/telephoneNumberManagement/operations/a/b+c" {
			t.Errorf("asked %s", r.path)
		}
	}
	_, c := always(t, 200, `{"value":[]}`)
	_, err := c.NumberOperation(t.Context(), "o1")
	wantKind(t, err, fault.Unavailable, graph.CodeUnreadable)
}

func TestFailedNumberOperations(t *testing.T) {
	for detail, want := range map[string]struct {
		kind fault.Kind
		code string
	}{
		"Telephone Number '+1' is not found from tenant 'x'":                   {fault.NumberUnavailable, graph.CodeNumberNotFound},
		"User 'x' lacks appropriate licenses to assign a 'CallingPlan' number": {fault.BusinessRule, graph.CodeTeamsLicenseMissing},
		"The user 'x' is not found":                                            {fault.NotFound, graph.CodeTeamsUserNotFound},
		"Service is unavailable. Please try again":                             {fault.Unavailable, "number-operation-failed"},
		"Access Denied.": {fault.PermissionDenied, "number-operation-failed"},
		"Telephone Number '+1' is already assigned to another user":        {fault.NumberUnavailable, graph.CodeNumberTaken},
		"User 'x' already has a primary telephone number assigned.":        {fault.BusinessRule, graph.CodeUserHasNumber},
		"Telephone Number '+1' has already been assigned to another user.": {fault.NumberUnavailable, graph.CodeNumberTaken},
		"Telephone Number '+1' cannot be assigned to a user.":              {fault.NumberUnavailable, graph.CodeNumberNotAssignable},
		"The number is managed on-premises":                                {fault.BusinessRule, graph.CodeNumberOnPremises},
		"Something new":                                                    {fault.InvalidRequest, "number-operation-failed"},
		"":                                                                 {fault.InvalidRequest, "number-operation-failed"},
	} {
		op := graph.NumberOperation{Status: "failed", Numbers: []graph.NumberProgress{{Status: "failed", Detail: detail}}}
		if !op.Finished() {
			t.Error("a failed operation is not finished")
		}
		f := wantKind(t, op.Err(), want.kind, want.code)
		contains(t, f.Message, detail)
	}
	for _, status := range []string{"succeeded", "skipped", "notStarted", "running", "unknownFutureValue"} {
		op := graph.NumberOperation{Status: status}
		if err := op.Err(); err != nil || op.Finished() != (status == "succeeded" || status == "skipped") {
			t.Errorf("%s: %v, finished %v", status, err, op.Finished())
		}
	}
}

const configuration = `{"id":"x","isEnterpriseVoiceEnabled":true,"accountType":"ineligibleUser","featureTypes":["Teams"],
 "telephoneNumbers":[{"telephoneNumber":"+2","assignmentCategory":"private"},{"telephoneNumber":"1","assignmentCategory":"primary"}],
 "effectivePolicyAssignments":[
  {"policyType":"TeamsMeetingPolicy","policyAssignment":{"displayName":"Tag:Staff","assignmentType":"group","policyId":"p2","groupId":"g"}},
  {"policyType":"TeamsAppSetupPolicy","policyAssignment":null},
  {"policyType":"TeamsCallingPolicy","policyAssignment":{"displayName":"AllOn","assignmentType":"direct","policyId":"p1","groupId":null}}]}`

func TestTeamsUser(t *testing.T) {
	for _, body := range []string{configuration, `{"value":` + configuration + `}`} {
		s, c := always(t, 200, body)
		got, err := c.TeamsUser(t.Context(), adele)
		want := &lifecycle.TeamsUser{
			EnterpriseVoice: true,
			Numbers:         []lifecycle.TeamsNumber{{Number: "+1", Category: "primary"}, {Number: "+2", Category: "private"}},
			Policies: []lifecycle.Policy{
				{Type: "TeamsCallingPolicy", Name: "AllOn", ID: "p1", Direct: true}, {Type: "TeamsMeetingPolicy", Name: "Staff", ID: "p2"},
			},
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v", got, err)
		}
		if r := s.last(t); r.path != "/v1.0/admin/teams/userConfigurations/"+adele || r.header.Get("Prefer") != "include-unknown-enum-members" {
			t.Errorf("asked %s with %v", r.path, r.header)
		}
	}
	_, c := always(t, 200, `{"id":"x","telephoneNumbers":null,"effectivePolicyAssignments":null,"isEnterpriseVoiceEnabled":null}`)
	if got, err := c.TeamsUser(t.Context(), adele); err != nil || got == nil || got.EnterpriseVoice || got.Numbers == nil || got.Policies == nil {
		t.Errorf("got %+v, %v", got, err)
	}
	_, c = always(t, 404, refused("NotFound", "x"))
	if got, err := c.TeamsUser(t.Context(), adele); err != nil || got != nil {
		t.Errorf("got %+v, %v; want neither", got, err)
	}
	_, c = always(t, 403, refused("Forbidden", "x"))
	if got, err := c.TeamsUser(t.Context(), adele); got != nil || classified(t, err).Kind != fault.PermissionDenied {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestPolicies(t *testing.T) {
	refuse := false
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/v1.0/admin/teams/policy/getPolicyId(type='TeamsCallingPolicy',name='AllOn')"):
			reply(w, 200, `{"value":[{"name":"Tag:AllOn","policyId":"VnMA"}]}`)
		case strings.HasPrefix(r.URL.Path, "/v1.0/admin/teams/policy/getPolicyId(type='TeamsCallingPolicy',name='O''Neill & co/x')"):
			reply(w, 200, `{"value":[{"name":"Other","policyId":"zzz"},{"name":"O'Neill & co/x","policyId":"abc"}]}`)
		case strings.Contains(r.URL.Path, "name='Lost'"):
			reply(w, 404, refused("NotFound", "x"))
		case strings.Contains(r.URL.Path, "getPolicyId"):
			reply(w, 200, `{"value":[]}`)
		case refuse:
			reply(w, 400, refused("BadRequest", "no such policy"))
		default:
			w.WriteHeader(204)
		}
	})
	c := s.client(t)
	for range 2 {
		if got, err := c.PolicyID(t.Context(), "TeamsCallingPolicy", "AllOn"); err != nil || got != "VnMA" {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	if n := len(s.requests()); n != 1 {
		t.Errorf("%d requests; the second answer must come from the cache", n)
	}
	if got, err := c.PolicyID(t.Context(), "TeamsCallingPolicy", "O'Neill & co/x"); err != nil || got != "abc" {
		t.Errorf("got %q, %v", got, err)
	}
	for _, name := range []string{"Nope", "Lost"} {
		_, err := c.PolicyID(t.Context(), "TeamsCallingPolicy", name)
		contains(t, wantKind(t, err, fault.BusinessRule, graph.CodeUnknownPolicy).Message, "TeamsCallingPolicy", name)
	}

	if err := c.AssignPolicies(t.Context(), adele, []graph.PolicyAssignment{{Type: "TeamsCallingPolicy", ID: "VnMA"}, {Type: "TeamsMeetingPolicy", ID: "b"}}); err != nil {
		t.Fatal(err)
	}
	const kind = `"@odata.type":"#microsoft.graph.teamsAdministration.teamsPolicyUserAssignment","userId":"` + adele + `",`
	if r := s.last(t); r.path != "/v1.0/admin/teams/policy/userAssignments/assign" {
		t.Errorf("sent to %s", r.path)
	}
	sameJSON(t, s.last(t).body, `{"value":[{`+kind+`"policyType":"TeamsCallingPolicy","policyId":"VnMA"},{`+kind+`"policyType":"TeamsMeetingPolicy","policyId":"b"}]}`)
	if err := c.UnassignPolicies(t.Context(), adele, []string{"TeamsCallingPolicy"}); err != nil {
		t.Fatal(err)
	}
	if r := s.last(t); r.path != "/v1.0/admin/teams/policy/userAssignments/unassign" {
		t.Errorf("sent to %s", r.path)
	}
	sameJSON(t, s.last(t).body, `{"value":[{`+kind+`"policyType":"TeamsCallingPolicy"}]}`)

	sent := len(s.requests())
	if err := c.AssignPolicies(t.Context(), adele, nil); err != nil || len(s.requests()) != sent {
		t.Errorf("no policies: %v and %d requests", err, len(s.requests())-sent)
	}
	refuse = true
	wantKind(t, c.AssignPolicies(t.Context(), adele, []graph.PolicyAssignment{{Type: "TeamsCallingPolicy", ID: "VnMA"}}), fault.InvalidRequest, "BadRequest")
	sent = len(s.requests())
	if _, err := c.PolicyID(t.Context(), "TeamsCallingPolicy", "AllOn"); err != nil || len(s.requests()) != sent+1 {
		t.Errorf("after a refusal the id must be asked for again: %v, %d requests", err, len(s.requests())-sent)
	}
}

func TestTeamsIsNotAskedForOutsideTheGlobalCloud(t *testing.T) {
	s, _ := always(t, 200, `{}`)
	c := s.client(t, func(cfg *graph.Config) { cfg.Cloud = graph.USGov })
	_, err := c.TeamsUser(t.Context(), adele)
	wantKind(t, err, fault.BusinessRule, graph.CodeTeamsNotInCloud)
	if len(s.requests()) != 0 {
		t.Error("a request was sent")
	}
}
