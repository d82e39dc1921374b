package graph_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"tenure/internal/fault"
	"tenure/internal/graph"
	"tenure/internal/lifecycle"
)

// The rows of graph.md §3.1 (license), §4 (groups), §5 (numbers) and §11.
func TestErrorTable(t *testing.T) {
	const bad, denied, missing = "Request_BadRequest", "Authorization_RequestDenied", "Request_ResourceNotFound"
	for name, row := range map[string]struct {
		status        int
		code, message string
		kind          fault.Kind
		want          string
	}{
		"no permission":              {403, denied, "Insufficient privileges to complete the operation.", fault.PermissionDenied, denied},
		"no permission in Teams":     {403, "Forbidden", "Missing role permissions on the request. API requires one of 'TeamsTelephoneNumber.ReadWrite.All'. Roles on the request ''.", fault.PermissionDenied, "Forbidden"},
		"SKU not in the tenant":      {400, bad, "License " + e5 + " does not correspond to a valid company License.", fault.BusinessRule, graph.CodeLicenseNotInTenant},
		"no free units":              {400, bad, "Subscription with SKU " + e5 + " does not have any available licenses.", fault.BusinessRule, graph.CodeNoLicenseLeft},
		"no free units, left":        {400, bad, "Subscription with SKU " + e5 + " DOES NOT HAVE ANY AVAILABLE LICENSES left.", fault.BusinessRule, graph.CodeNoLicenseLeft},
		"no usage location":          {400, bad, "License assignment cannot be done for user with invalid usage location.", fault.BusinessRule, graph.CodeUsageLocation},
		"dependency":                 {400, bad, "License assignment failed because service plan A depends on the service plan(s) B, C", fault.BusinessRule, graph.CodeLicenseDependency},
		"mutually exclusive":         {400, bad, "License assignment failed because service plans A, B are mutually exclusive.", fault.BusinessRule, graph.CodeLicenseConflict},
		"license not held":           {400, bad, "User does not have a corresponding license.", fault.BusinessRule, graph.CodeLicenseNotHeld},
		"license inherited":          {400, bad, "User license is inherited from a group membership and it cannot be removed directly from the user.", fault.BusinessRule, graph.CodeLicenseInherited},
		"synced user":                {400, bad, "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration.", fault.BusinessRule, graph.CodeSynced},
		"concurrent write, 409":      {409, "Directory_ConcurrencyViolation", "Error due to concurrent requests being made to the tenant. Please wait briefly and retry.", fault.Conflict, "Directory_ConcurrencyViolation"},
		"concurrent write, 400":      {400, "Directory_ConcurrencyViolation", "x", fault.Conflict, "Directory_ConcurrencyViolation"},
		"concurrent write by words":  {400, bad, "Error due to concurrent requests being made to the tenant.", fault.Conflict, bad},
		"user missing":               {404, missing, "Resource '" + adele + "' does not exist or one of its queried reference-property objects are not present.", fault.NotFound, missing},
		"throttled":                  {429, "TooManyRequests", "Too many requests", fault.Throttled, "TooManyRequests"},
		"throttled by older service": {429, "UnknownError", "", fault.Throttled, "UnknownError"},
		"bandwidth":                  {509, "", "", fault.Throttled, ""},
		"token refused":              {401, "InvalidAuthenticationToken", "Access token has expired or is not yet valid.", fault.Unauthenticated, "InvalidAuthenticationToken"},
		"advanced query":             {400, "Request_UnsupportedQuery", "Operator 'endsWith' is not supported", fault.InvalidRequest, "Request_UnsupportedQuery"},
		"unknown 400":                {400, bad, "Something nobody has seen before.", fault.InvalidRequest, bad},
		"unprocessable":              {422, "x", "y", fault.InvalidRequest, "x"},
		"teapot":                     {418, "x", "y", fault.InvalidRequest, "x"},
		"request timeout":            {408, "", "", fault.Unavailable, ""},
		"internal":                   {500, "InternalServerError", "", fault.Unavailable, "InternalServerError"},
		"not implemented":            {501, "NotImplemented", "GET /v1.0/x", fault.InvalidRequest, "NotImplemented"},
		"bad gateway":                {502, "", "", fault.Unavailable, ""},
		"unavailable":                {503, "serviceNotAvailable", "", fault.Unavailable, "serviceNotAvailable"},
		"gateway timeout":            {504, "", "", fault.Unavailable, ""},
		"number unknown to tenant":   {400, "BadRequest", "Telephone Number '+12065550100' is not found from tenant 'x'", fault.NumberUnavailable, graph.CodeNumberNotFound},
		"no phone license":           {400, "BadRequest", "User 'x' lacks appropriate licenses to assign a 'CallingPlan' number", fault.BusinessRule, graph.CodeTeamsLicenseMissing},
		"Teams knows no such user":   {400, "BadRequest", "The user 'x' is not found", fault.NotFound, graph.CodeTeamsUserNotFound},
		"redirect":                   {302, "", "", fault.InvalidRequest, "unexpected-redirect"},
	} {
		t.Run(name, func(t *testing.T) {
			_, c := always(t, row.status, refused(row.code, row.message), "request-id", "header-id")
			f := wantKind(t, c.ChangeLicenses(t.Context(), adele, nil, []string{e5}), row.kind, row.want)
			if f.Status != row.status || f.RequestID != "header-id" {
				t.Errorf("status %d, request id %q; want %d and header-id", f.Status, f.RequestID, row.status)
			}
			contains(t, f.Message, "changing the licenses", row.message)
		})
	}
}

func TestRequestIDIsFoundInTheBodyWhenNoHeaderHasIt(t *testing.T) {
	_, c := always(t, 404, refused("Request_ResourceNotFound", "x"))
	_, err := c.User(t.Context(), adele)
	if f := classified(t, err); f.RequestID != "inner-id" {
		t.Errorf("request id %q; want inner-id", f.RequestID)
	}
}

func TestDeniedNamesThePermission(t *testing.T) {
	_, c := always(t, 403, refused("Authorization_RequestDenied", "Insufficient privileges to complete the operation."))
	f := classified(t, c.ChangeLicenses(t.Context(), adele, nil, []string{e5}))
	contains(t, f.Hint, "LicenseAssignment.ReadWrite.All")
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"7":                              7 * time.Second,
		" 12 ":                           12 * time.Second,
		"0":                              0,
		"0.5":                            500 * time.Millisecond,
		"-3":                             0,
		"3600":                           time.Hour,
		"3601":                           time.Hour,
		"86400":                          time.Hour,
		"99999999999999999999999999":     time.Hour,
		"1e400":                          time.Hour,
		"-1e400":                         0,
		"NaN":                            0,
		"soon":                           0,
		"":                               0,
		"Mon, 23 Nov 2026 04:00:30 GMT":  30 * time.Second,
		"Mon, 23 Nov 2026 03:59:30 GMT":  0,
		"Sat, 23 Nov 2069 04:00:30 GMT":  time.Hour,
		"Monday, 23-Nov-26 04:01:00 GMT": time.Minute,
	} {
		for _, status := range []int{429, 503} {
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", value)
				reply(w, status, refused("TooManyRequests", "slow down"))
			})
			c := s.client(t, func(cfg *graph.Config) { cfg.Clock = func() time.Time { return now } })
			_, err := c.User(t.Context(), adele)
			if f := classified(t, err); f.RetryAfter != want {
				t.Errorf("Retry-After %q with %d: %v; want %v", value, status, f.RetryAfter, want)
			}
			if n := len(s.requests()); n != 1 {
				t.Errorf("Retry-After %q with %d: %d requests; the client must not retry", value, status, n)
			}
		}
	}
}

func TestBodiesThatAreNotOData(t *testing.T) {
	for name, body := range map[string]struct{ contentType, encoding, text, want string }{
		"HTML of a front door": {"text/html", "", "<html><style>p{}</style><body><h1>502 Bad Gateway</h1><script>x()</script></body></html>", "502 Bad Gateway"},
		"empty":                {"", "", "", "502"},
		"truncated":            {"application/json", "", `{"error":{"code":"Request_Bad`, "Request_Bad"},
		"empty object":         {"application/json", "", `{}`, "502"},
		"error null":           {"application/json", "", `{"error":null}`, "502"},
		"error without text":   {"application/json", "", `{"error":{}}`, "502"},
		"error as a word":      {"application/json", "", `{"error":"invalid_client","error_description":"no such app"}`, "invalid_client: no such app"},
		"no envelope":          {"application/json", "", `{"code":"X1","message":"plain"}`, "X1: plain"},
		"message is a number":  {"application/json", "", `{"error":{"code":1,"message":2}}`, "502"},
		"list":                 {"application/json", "", `[1,2]`, "502"},
		"huge":                 {"text/plain", "", strings.Repeat("x", 5<<20), "xxx"},
		"gzip that is none":    {"application/json", "gzip", "plain", "502"},
		"binary":               {"application/octet-stream", "", "\xff\xfe\x00\x01", "502"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "9")
				w.Header().Set("request-id", "r1")
				if body.contentType != "" {
					w.Header().Set("Content-Type", body.contentType)
				}
				if body.encoding != "" {
					w.Header().Set("Content-Encoding", body.encoding)
				}
				w.WriteHeader(502)
				io.WriteString(w, body.text)
			})
			_, err := s.client(t).User(t.Context(), adele)
			f := classified(t, err)
			if f.Kind != fault.Unavailable || f.Status != 502 || f.RetryAfter != 9*time.Second || f.RequestID != "r1" {
				t.Errorf("got %+v", f)
			}
			contains(t, f.Message, body.want)
			if len(f.Message) > 3000 || strings.ContainsAny(f.Message, "<>\n") {
				t.Errorf("message of %d bytes: %.200q", len(f.Message), f.Message)
			}
		})
	}
}

func TestSuccessesThatCannotBeRead(t *testing.T) {
	for name, body := range map[string]struct{ contentType, text string }{
		"HTML":                {"text/html", "<html>please log in to the Wi-Fi</html>"},
		"truncated":           {"application/json", `{"id":"x"`},
		"empty":               {"application/json", ""},
		"a list":              {"application/json", `[]`},
		"wrong type":          {"application/json", `{"id":7}`},
		"wrong nested type":   {"application/json", `{"id":"x","licenseAssignmentStates":{"a":1}}`},
		"skuId is no GUID":    {"application/json", `{"id":"x","licenseAssignmentStates":[{"skuId":"E5"}]}`},
		"accountEnabled text": {"application/json", `{"id":"x","accountEnabled":"yes"}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", body.contentType)
				io.WriteString(w, body.text)
			})
			_, err := s.client(t).User(t.Context(), adele)
			f := wantKind(t, err, fault.Unavailable, graph.CodeUnreadable)
			if f.Status != 200 {
				t.Errorf("status %d; want 200", f.Status)
			}
		})
	}
}

func TestNullsInListsAreSkipped(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/subscribedSkus") {
			reply(w, 200, `{"value":[null,{"skuId":null,"servicePlans":[null]}]}`)
			return
		}
		reply(w, 200, `{"value":[null,{"id":"x","licenseAssignmentStates":[null,{"skuId":null}],"assignedPlans":[null]}]}`)
	})
	found, err := s.client(t).FindUsers(t.Context(), graph.UserQuery{}, "")
	users := found.Users
	if err != nil || len(users) != 1 || len(users[0].Licenses) != 1 {
		t.Fatalf("got %+v, %v", users, err)
	}
}

func TestConnectionTrouble(t *testing.T) {
	t.Run("reset", func(t *testing.T) {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) })
		_, err := s.client(t).User(t.Context(), "adele@contoso.example")
		f := wantKind(t, err, fault.Unavailable, "")
		if strings.Contains(f.Message, "adele") || strings.Contains(f.Message, "127.0.0.1") {
			t.Errorf("the message names a person or an address: %s", f.Message)
		}
	})
	t.Run("body cut off", func(t *testing.T) {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, `{"id":"x"`)
		})
		_, err := s.client(t).User(t.Context(), adele)
		wantKind(t, err, fault.Unavailable, graph.CodeUnreadable)
	})
	t.Run("nobody listens", func(t *testing.T) {
		s := serve(t, nil)
		c := s.client(t)
		s.Close()
		_, err := c.User(t.Context(), adele)
		wantKind(t, err, fault.Unavailable, "")
	})
	t.Run("too slow", func(t *testing.T) {
		hold := make(chan struct{})
		defer close(hold)
		s := serve(t, func(http.ResponseWriter, *http.Request) { <-hold })
		c := s.client(t, func(cfg *graph.Config) { cfg.Timeout = 20 * time.Millisecond })
		_, err := c.User(t.Context(), adele)
		contains(t, wantKind(t, err, fault.Unavailable, "").Message, "no answer came in time")
	})
	t.Run("given up", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		hold := make(chan struct{})
		defer close(hold)
		s := serve(t, func(http.ResponseWriter, *http.Request) { cancel(); <-hold })
		_, err := s.client(t).User(ctx, adele)
		contains(t, wantKind(t, err, fault.Unavailable, "").Message, "given up")
	})
}

func TestTokensNeverShow(t *testing.T) {
	secret := token("User.Read.All")
	for name, body := range map[string]string{
		"echoed header":  "GET /v1.0/users HTTP/1.1\r\nAuthorization: Bearer " + secret + "\r\n\r\n",
		"in a message":   refused("x", "the token "+secret+" is not valid"),
		"form echoed":    "client_id=1&client_secret=hunter2-hunter2&grant_type=x",
		"json echoed":    `{"message":"{\"access_token\":\"hunter2-hunter2\"}"}`,
		"long prefix":    strings.Repeat("a ", 298) + secret,
		"url echoed":     "continue=https%3A%2F%2Fx%2F%3Faccess_token%3D" + secret,
		"escaped value":  "assertion%3dhunter2-hunter2%26x",
		"escaped bearer": "Authorization%3A%20Bearer%20hunter2-hunter2",
		"escaped quote":  `\u0022` + secret + `\u0022`,
		"cut within one": strings.Repeat("a ", 65<<9)[:64<<10-30] + secret,
	} {
		t.Run(name, func(t *testing.T) {
			_, c := always(t, 400, body)
			_, err := c.User(t.Context(), adele)
			f := classified(t, err)
			if strings.Contains(f.Message, "eyJ") || strings.Contains(f.Message, "hunter2") {
				t.Errorf("the message shows a secret: %s", f.Message)
			}
		})
	}
}

func TestNothingIsSentForEmptyIDs(t *testing.T) {
	s, c := always(t, 200, `{}`)
	ctx := t.Context()
	_, errUser := c.User(ctx, " ")
	_, errAdd := c.AddMember(ctx, group1, "")
	_, errRemove := c.RemoveMember(ctx, "", adele)
	_, errNumber := c.UnassignNumber(ctx, "", "directRouting")
	for _, err := range []error{
		errUser, errAdd, errRemove, errNumber,
		c.SetUsageLocation(ctx, "", "GB"), c.ReprocessLicenses(ctx, ""), c.RevokeSessions(ctx, ""),
		c.ChangeLicenses(ctx, "", nil, []string{e5}), c.ChangeLicenses(ctx, adele, []lifecycle.LicenseChange{{SKUID: "SPE_E5"}}, nil),
	} {
		if f := classified(t, err); f.Kind != fault.InvalidRequest {
			t.Errorf("got %s: %s", f.Kind, f.Message)
		}
	}
	if n := len(s.requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}
