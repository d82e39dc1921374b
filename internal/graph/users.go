package graph

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"tenure/internal/fault"
	"tenure/internal/lifecycle"
)

// UserRecord is a user of the directory with licenses.
type UserRecord struct {
	Person        lifecycle.Person
	UsageLocation string
	// Licenses are direct and inherited ones, sorted by SKU id and group id. They are nil in records of DeltaUsers, because
	// Graph does not track their changes.
	Licenses []lifecycle.License
	// HasTeams and HasMailbox: a plan of that service is assigned and enabled, which says nothing yet about the
	// service having noticed.
	HasTeams   bool
	HasMailbox bool
}

// userFields are asked for by name: without them Graph leaves out licenses and usage location.
var userFields = append([]string{"licenseAssignmentStates"}, trackedFields...)

// trackedFields are the properties whose changes delta queries report.
var trackedFields = []string{
	"id", "userPrincipalName", "displayName", "accountEnabled", "usageLocation", "userType", "onPremisesSyncEnabled",
	"assignedPlans", "givenName", "surname", "city", "department", "country", "jobTitle",
}

// usersPerPage is the most that Graph gives at a time.
const usersPerPage = 999

// largePages asks for them where there is no $top. Graph may not care.
var largePages = fmt.Sprintf("odata.maxpagesize=%d", usersPerPage)

var (
	opUser          = operation{"GET /users/{id}", "reading the user", "User.Read.All"}
	opUsers         = operation{"GET /users", "listing users", "User.Read.All"}
	opDelta         = operation{"GET /users/delta", "listing changed users", "User.Read.All"}
	opUsageLocation = operation{"PATCH /users/{id}", "setting the usage location", "User.ReadUpdate.All"}
	opEnabled       = operation{"PATCH /users/{id}", "enabling or blocking the account", "User.EnableDisableAccount.All"}
	opRevoke        = operation{"POST /users/{id}/revokeSignInSessions", "revoking the sign-in sessions", "User.RevokeSessions.All"}
)

// errNothing is an answer without what was asked for. Taking it for a user without licenses, or a tenant without
// numbers, would be wrong in the worst way.
var errNothing = errors.New("what was asked for is not in it")

// User reads one user by object id or user principal name. A user who does not exist is NotFound.
// Permission: User.Read.All, and for the names of SKUs LicenseAssignment.Read.All or Organization.Read.All.
func (c *Client) User(ctx context.Context, idOrUPN string) (UserRecord, error) {
	if strings.TrimSpace(idOrUPN) == "" {
		return UserRecord{}, fault.New(fault.InvalidRequest, "reading a user: no id or user principal name was given")
	}
	var record UserRecord
	err := c.call(ctx, opUser, func(ctx context.Context) error {
		u, err := c.users().ByUserId(idOrUPN).Get(ctx, &users.UserItemRequestBuilderGetRequestConfiguration{
			QueryParameters: &users.UserItemRequestBuilderGetQueryParameters{Select: userFields},
		})
		if err != nil {
			return err
		}
		if u == nil || text(u.GetId()) == "" {
			return errNothing
		}
		record = userRecord(u)
		return nil
	})
	if err != nil {
		return UserRecord{}, err
	}
	return record, c.nameSKUs(ctx, &record)
}

// UserChanges is a page of what changed among the users.
type UserChanges struct {
	// Users are new or changed, Removed the object ids of those that are gone, and Partial of those of whom Graph said no
	// more than what changed. Nobody is in two of them or twice in one: the last that Graph said counts.
	Users            []UserRecord
	Removed, Partial []string
	// Next is the token of the next page. On the last page it is empty, and Delta is the token for the next round.
	Next  string
	Delta string
}

// DeltaUsers reads a page of changes: all users for an empty token, then by the Next or Delta of the page before.
// A token that Graph no longer accepts is InvalidRequest with CodeDeltaExpired: begin again with an empty one.
// Permission: User.Read.All.
func (c *Client) DeltaUsers(ctx context.Context, token string) (UserChanges, error) {
	if token != "" {
		if err := c.ownLink(token); err != nil {
			return UserChanges{}, err
		}
	}
	var page UserChanges
	err := c.call(ctx, opDelta, func(ctx context.Context) error {
		request := &users.DeltaRequestBuilderGetRequestConfiguration{Headers: abstractions.NewRequestHeaders()}
		request.Headers.Add("Prefer", largePages)
		builder := users.NewDeltaRequestBuilder(token, c.adapter)
		if token == "" {
			builder = c.users().Delta()
			request.QueryParameters = &users.DeltaRequestBuilderGetQueryParameters{Select: trackedFields}
		}
		answer, err := builder.GetAsDeltaGetResponse(ctx, request)
		if err != nil {
			return err
		}
		// Without either link nobody would know whether this was all.
		if answer == nil || answer.GetValue() == nil || text(answer.GetOdataNextLink()) == "" && text(answer.GetOdataDeltaLink()) == "" {
			return errNothing
		}
		page = changes(answer.GetValue())
		page.Next, page.Delta = text(answer.GetOdataNextLink()), text(answer.GetOdataDeltaLink())
		return nil
	})
	if err != nil {
		var f *fault.Error
		if errors.As(err, &f) && (f.Status == 410 || slices.Contains([]string{"resyncRequired", "syncStateNotFound", "syncStateInvalid"}, f.Code)) {
			f.Kind, f.Code, f.Hint = fault.InvalidRequest, CodeDeltaExpired, "read all users again"
		}
		return UserChanges{}, err
	}
	return page, nil
}

// changes sorts what a page says. A user may be on it more than once, say deleted and restored.
func changes(said []models.Userable) (page UserChanges) {
	last := map[string]int{}
	for i, u := range said {
		if u != nil && text(u.GetId()) != "" {
			last[text(u.GetId())] = i
		}
	}
	for i, u := range said {
		if u == nil {
			continue
		}
		who := text(u.GetId())
		if at, ok := last[who]; !ok || at != i {
			continue
		}
		switch {
		case u.GetAdditionalData()["@removed"] != nil:
			page.Removed = append(page.Removed, who)
		case text(u.GetUserPrincipalName()) == "":
			// Everybody has a name, so this is not all that there is to say.
			page.Partial = append(page.Partial, who)
		default:
			page.Users = append(page.Users, userRecord(u))
		}
	}
	return page
}

// SetUsageLocation sets the country whose license rules apply, as an ISO 3166 alpha-2 code. Setting what is already
// there succeeds. Microsoft has been seen to report success without the permission when nothing changes, so read first.
// Permission: User.ReadUpdate.All or User.ReadWrite.All.
func (c *Client) SetUsageLocation(ctx context.Context, userID, location string) error {
	return c.patchUser(ctx, opUsageLocation, userID, func(u models.Userable) { u.SetUsageLocation(&location) })
}

// SetAccountEnabled blocks or allows sign-in. Permission: User.EnableDisableAccount.All and User.Read.All; for
// holders of privileged roles the application needs a directory role as well.
func (c *Client) SetAccountEnabled(ctx context.Context, userID string, enabled bool) error {
	return c.patchUser(ctx, opEnabled, userID, func(u models.Userable) { u.SetAccountEnabled(&enabled) })
}

func (c *Client) patchUser(ctx context.Context, op operation, userID string, set func(models.Userable)) error {
	if err := required(op, userID); err != nil {
		return err
	}
	return c.call(ctx, op, func(ctx context.Context) error {
		u := models.NewUser()
		set(u)
		_, err := c.users().ByUserId(userID).Patch(ctx, u, nil)
		return err
	})
}

// RevokeSessions ends all sign-in sessions; it takes Microsoft some minutes. Permission: User.RevokeSessions.All.
func (c *Client) RevokeSessions(ctx context.Context, userID string) error {
	if err := required(opRevoke, userID); err != nil {
		return err
	}
	return c.call(ctx, opRevoke, func(ctx context.Context) error {
		_, err := c.users().ByUserId(userID).RevokeSignInSessions().PostAsRevokeSignInSessionsPostResponse(ctx, nil)
		return err
	})
}

// required refuses empty ids: an empty path segment would address the collection, or something else entirely.
func required(op operation, values ...string) error {
	for _, v := range values {
		if strings.TrimSpace(v) == "" {
			return fault.New(fault.InvalidRequest, "%s: an id is missing", op.doing)
		}
	}
	return nil
}

// advanced are the headers of advanced queries; Graph refuses these without them.
func advanced() *abstractions.RequestHeaders {
	h := abstractions.NewRequestHeaders()
	h.Add("ConsistencyLevel", "eventual")
	return h
}

func userRecords(us []models.Userable) []UserRecord {
	out := make([]UserRecord, 0, len(us))
	for _, u := range us {
		if u != nil {
			out = append(out, userRecord(u))
		}
	}
	return out
}

func userRecord(u models.Userable) UserRecord {
	r := UserRecord{
		Person: lifecycle.Person{
			ID: text(u.GetId()), UserPrincipalName: text(u.GetUserPrincipalName()), DisplayName: text(u.GetDisplayName()),
			Guest: strings.EqualFold(text(u.GetUserType()), "Guest"), Enabled: yes(u.GetAccountEnabled()), Synced: yes(u.GetOnPremisesSyncEnabled()),
			GivenName: text(u.GetGivenName()), Surname: text(u.GetSurname()), City: text(u.GetCity()),
			Department: text(u.GetDepartment()), Country: text(u.GetCountry()), JobTitle: text(u.GetJobTitle()),
		},
		UsageLocation: text(u.GetUsageLocation()),
	}
	if states := u.GetLicenseAssignmentStates(); states != nil {
		r.Licenses = licenses(states)
	}
	for _, p := range u.GetAssignedPlans() {
		// Warning is the grace period after a subscription ended; the service still works.
		if p == nil || !slices.Contains([]string{"enabled", "warning"}, strings.ToLower(text(p.GetCapabilityStatus()))) {
			continue
		}
		plan, service := id(p.GetServicePlanId()), text(p.GetService())
		r.HasTeams = r.HasTeams || plan == planTeams || strings.EqualFold(service, "TeamspaceAPI")
		r.HasMailbox = r.HasMailbox || strings.EqualFold(service, "exchange") && plan != planExchangeFoundation
	}
	return r
}

// Service plans that are told apart by id (Microsoft's product names and service plan identifiers).
const (
	planTeams = "57ff2da0-773e-42df-b2af-ffb7a2317929" // TEAMS1
	// EXCHANGE_S_FOUNDATION comes with products that bring no mailbox.
	planExchangeFoundation = "113feb6c-3fe4-4440-bddc-54d774bf0318"
)

func licenses(states []models.LicenseAssignmentStateable) []lifecycle.License {
	out := make([]lifecycle.License, 0, len(states))
	for _, s := range states {
		if s == nil {
			continue
		}
		l := lifecycle.License{
			SKUID: id(s.GetSkuId()), DisabledPlans: ids(s.GetDisabledPlans()), GroupID: text(s.GetAssignedByGroup()),
			State: text(s.GetState()), Error: text(s.GetError()),
		}
		// The documentation has null where the service says None.
		if strings.EqualFold(l.Error, "None") {
			l.Error = ""
		}
		slices.Sort(l.DisabledPlans)
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b lifecycle.License) int {
		return cmp.Or(cmp.Compare(a.SKUID, b.SKUID), cmp.Compare(a.GroupID, b.GroupID))
	})
	return out
}

func pointers(records []UserRecord) []*UserRecord {
	out := make([]*UserRecord, len(records))
	for i := range records {
		out[i] = &records[i]
	}
	return out
}
