package graph

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/microsoftgraph/msgraph-sdk-go/groups"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"tenure/internal/fault"
	"tenure/internal/lifecycle"
)

// kindLifetime is how long the kind of a group is kept. Kinds hardly ever change, and explain the same refusal for
// every user of a bulk.
const kindLifetime = 5 * time.Minute

// groupKind is what is kept of a group: nothing that a decision about a user depends on.
type groupKind struct {
	name string
	kind lifecycle.GroupKind
}

var groupFields = []string{
	"id", "displayName", "groupTypes", "mailEnabled", "securityEnabled", "onPremisesSyncEnabled", "isAssignableToRole", "assignedLicenses",
}

var (
	opMemberships  = operation{"GET /users/{id}/memberOf/microsoft.graph.group", "listing the user's groups", "GroupMember.Read.All and User.Read.All"}
	opGroup        = operation{"GET /groups/{id}", "reading the group", "GroupMember.Read.All"}
	opGroupByName  = operation{"GET /groups", "finding the group", "GroupMember.Read.All"}
	opAddMember    = operation{"POST /groups/{id}/members/$ref", "adding the user to the group", "GroupMember.ReadWrite.All"}
	opRemoveMember = operation{"DELETE /groups/{id}/members/{id}/$ref", "removing the user from the group", "GroupMember.ReadWrite.All"}
)

// Memberships lists the groups that the user is a direct member of, sorted by id. A change takes Microsoft some
// seconds to show here. Permission: GroupMember.Read.All and User.Read.All.
func (c *Client) Memberships(ctx context.Context, userID string) ([]lifecycle.Group, error) {
	if err := required(opMemberships, userID); err != nil {
		return nil, err
	}
	found := []lifecycle.Group{}
	next := ""
	for range pagesPerList {
		var page []lifecycle.Group
		err := c.call(ctx, opMemberships, func(ctx context.Context) error {
			cfg := &users.ItemMemberOfGraphGroupRequestBuilderGetRequestConfiguration{Headers: advanced()}
			builder := c.users().ByUserId(userID).MemberOf().GraphGroup()
			if next != "" {
				builder = users.NewItemMemberOfGraphGroupRequestBuilder(next, c.adapter)
			} else {
				cfg.QueryParameters = &users.ItemMemberOfGraphGroupRequestBuilderGetQueryParameters{Select: groupFields, Count: ptr(true), Top: ptr[int32](usersPerPage)}
			}
			answer, err := builder.Get(ctx, cfg)
			if err != nil {
				return err
			}
			if answer == nil || answer.GetValue() == nil {
				return errNothing
			}
			page, next = groupsOf(answer.GetValue()), text(answer.GetOdataNextLink())
			return nil
		})
		if err != nil {
			return nil, err
		}
		found = append(found, page...)
		if next == "" {
			slices.SortFunc(found, func(a, b lifecycle.Group) int { return cmp.Compare(a.ID, b.ID) })
			return found, nil
		}
		if err := c.ownLink(next); err != nil {
			return nil, err
		}
	}
	return nil, endless(opMemberships)
}

// Group reads a group by object id or display name. None is NotFound with CodeUnknownGroup, several of one name are
// InvalidRequest with CodeAmbiguousGroup. Callers who ask for the same group at the same time share one request.
// Permission: GroupMember.Read.All.
func (c *Client) Group(ctx context.Context, idOrName string) (lifecycle.Group, error) {
	if err := required(opGroup, idOrName); err != nil {
		return lifecycle.Group{}, err
	}
	load := c.groupByName
	if uuid.Validate(idOrName) == nil {
		load = c.groupByID
	}
	g, err := c.lookups.get(ctx, idOrName, func(ctx context.Context) (lifecycle.Group, error) { return load(ctx, idOrName) })
	if err != nil {
		return lifecycle.Group{}, err
	}
	g.Licenses = slices.Clone(g.Licenses)
	return g, nil
}

// GroupKind says what the group is as far as writing its members is concerned. Answers are kept for five minutes.
// Errors and permission are those of Group.
func (c *Client) GroupKind(ctx context.Context, groupID string) (lifecycle.GroupKind, error) {
	known, err := c.kinds.get(ctx, groupID, func(ctx context.Context) (groupKind, error) { return c.readKind(ctx, groupID) })
	return known.kind, err
}

func (c *Client) readKind(ctx context.Context, groupID string) (groupKind, error) {
	g, err := c.Group(ctx, groupID)
	return groupKind{g.DisplayName, g.Kind}, err
}

func (c *Client) groupByID(ctx context.Context, groupID string) (g lifecycle.Group, err error) {
	err = c.call(ctx, opGroup, func(ctx context.Context) error {
		answer, err := c.groups().ByGroupId(groupID).Get(ctx, &groups.GroupItemRequestBuilderGetRequestConfiguration{
			QueryParameters: &groups.GroupItemRequestBuilderGetQueryParameters{Select: groupFields},
		})
		if err != nil {
			return err
		}
		if answer == nil || text(answer.GetId()) == "" {
			return errNothing
		}
		g = groupOf(answer)
		return nil
	})
	if fault.Is(err, fault.NotFound) {
		return g, unknownGroup(groupID)
	}
	return g, err
}

func (c *Client) groupByName(ctx context.Context, name string) (g lifecycle.Group, err error) {
	var found []lifecycle.Group
	err = c.call(ctx, opGroupByName, func(ctx context.Context) error {
		answer, err := c.groups().Get(ctx, &groups.GroupsRequestBuilderGetRequestConfiguration{
			QueryParameters: &groups.GroupsRequestBuilderGetQueryParameters{
				Select: groupFields, Filter: ptr("displayName eq " + Quoted(name)), Top: ptr[int32](2),
			},
		})
		if err != nil {
			return err
		}
		if answer == nil || answer.GetValue() == nil {
			return errNothing
		}
		found = groupsOf(answer.GetValue())
		return nil
	})
	switch {
	case err != nil:
		return g, err
	case len(found) == 0:
		return g, unknownGroup(name)
	case len(found) > 1:
		f := fault.New(fault.InvalidRequest, "finding the group: the tenant has several groups named %q", name)
		f.Code, f.Hint = CodeAmbiguousGroup, "name the group by its object id"
		return g, f
	}
	return found[0], nil
}

func unknownGroup(idOrName string) error {
	f := fault.New(fault.NotFound, "finding the group: the tenant has no group %q", idOrName)
	f.Code, f.Hint = CodeUnknownGroup, "check the name or object id in the catalog"
	return f
}

// AddMember makes the user a member. changed is false when the user already was one. A group whose kind takes no
// members from an application is BusinessRule with CodeGroupNotWritable, although Microsoft may call it a missing
// permission. Permission: GroupMember.ReadWrite.All.
func (c *Client) AddMember(ctx context.Context, groupID, userID string) (changed bool, err error) {
	if err := required(opAddMember, groupID, userID); err != nil {
		return false, err
	}
	err = c.call(ctx, opAddMember, func(ctx context.Context) error {
		ref := models.NewReferenceCreate()
		ref.SetOdataId(ptr(c.base.JoinPath("directoryObjects", userID).String()))
		return c.groups().ByGroupId(groupID).Members().Ref().Post(ctx, ref, nil)
	})
	if hasCode(err, CodeAlreadyMember) {
		return false, nil
	}
	if err != nil {
		return false, c.explainGroup(ctx, opAddMember, groupID, err)
	}
	return true, nil
}

// RemoveMember ends the membership. changed is false when there was none; Microsoft says the same (404) when the
// group or the user does not exist, so the caller must know that both do. Kinds and permission as for AddMember.
func (c *Client) RemoveMember(ctx context.Context, groupID, userID string) (changed bool, err error) {
	if err := required(opRemoveMember, groupID, userID); err != nil {
		return false, err
	}
	err = c.call(ctx, opRemoveMember, func(ctx context.Context) error {
		// Ref is what makes this the membership: without it Graph deletes the user (graph.md headline 9).
		return c.groups().ByGroupId(groupID).Members().ByDirectoryObjectId(userID).Ref().Delete(ctx, nil)
	})
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, c.explainGroup(ctx, opRemoveMember, groupID, err)
	}
	return true, nil
}

// explainGroup tells a group that takes no members apart from a permission that is missing: Microsoft's 403 has the
// same words for both (graph.md headline 6), so the group's kind decides. A kind that is kept and that Microsoft's answer
// contradicts is read again.
func (c *Client) explainGroup(ctx context.Context, op operation, groupID string, err error) error {
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind != fault.PermissionDenied && f.Code != CodeSynced && f.Code != CodeGroupNotWritable {
		return err
	}
	read := func(ctx context.Context) (groupKind, error) { return c.readKind(ctx, groupID) }
	g, kept := c.kinds.fresh(groupID)
	if !kept || g.kind.Writable() {
		var lookup error
		if g, lookup = c.kinds.reload(ctx, groupID, read); lookup != nil || g.kind.Writable() {
			return err
		}
	}
	told := fault.New(fault.BusinessRule, "%s: group %q is of kind %s and takes no members from an application (Microsoft Graph answered %d)", op.doing, g.name, g.kind, f.Status)
	told.Details = fault.Details{Code: CodeGroupNotWritable, Hint: groupHints[g.kind], Status: f.Status, RequestID: f.RequestID}
	return told
}

var groupHints = map[lifecycle.GroupKind]string{
	lifecycle.Dynamic:        "change the attribute that the group's rule looks at",
	lifecycle.SyncedGroup:    "change the membership in the on-premises directory",
	lifecycle.Mail:           "change the membership in Exchange",
	lifecycle.RoleAssignable: "the application would need RoleManagement.ReadWrite.Directory",
}

func groupsOf(gs []models.Groupable) []lifecycle.Group {
	out := make([]lifecycle.Group, 0, len(gs))
	for _, g := range gs {
		if g != nil {
			out = append(out, groupOf(g))
		}
	}
	return out
}

func groupOf(g models.Groupable) lifecycle.Group {
	out := lifecycle.Group{ID: text(g.GetId()), DisplayName: text(g.GetDisplayName()), Kind: kindOf(g), Licenses: []string{}}
	for _, l := range g.GetAssignedLicenses() {
		if l != nil {
			out.Licenses = append(out.Licenses, id(l.GetSkuId()))
		}
	}
	slices.Sort(out.Licenses)
	return out
}

// kindOf decides by what stands in the way of writing members first (graph.md §4).
func kindOf(g models.Groupable) lifecycle.GroupKind {
	has := func(kind string) bool {
		return slices.ContainsFunc(g.GetGroupTypes(), func(t string) bool { return strings.EqualFold(t, kind) })
	}
	unified := has("Unified")
	switch {
	case has("DynamicMembership"):
		return lifecycle.Dynamic
	case yes(g.GetOnPremisesSyncEnabled()):
		return lifecycle.SyncedGroup
	case yes(g.GetIsAssignableToRole()):
		return lifecycle.RoleAssignable
	case yes(g.GetMailEnabled()) && !unified:
		return lifecycle.Mail
	case unified:
		return lifecycle.Microsoft365
	}
	return lifecycle.Security
}

// Quoted is a text as a literal of an OData filter.
func Quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func hasCode(err error, code string) bool {
	var f *fault.Error
	return errors.As(err, &f) && f.Code == code && f.Status >= http.StatusBadRequest
}
