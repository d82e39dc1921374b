package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"tenure/internal/catalog"
	"tenure/internal/contract"
	"tenure/internal/lifecycle"
	"tenure/internal/store"
)

// PlaceSubscriber moves the subscriber and all its service records to the node of the change (R50e).
func (a *Activities) PlaceSubscriber(ctx context.Context, in StepInput) (StepResult, error) {
	return done(), a.Store.Place(ctx, runActor(ctx), in.Tenant, in.SubscriberID, *in.Change.Place)
}

// RestorePlacement puts the subscriber and each service record back to where it was.
func (a *Activities) RestorePlacement(ctx context.Context, in StepInput) (StepResult, error) {
	return done(), a.Store.RestorePlace(ctx, runActor(ctx), in.Tenant, in.SubscriberID, *in.Change.Place)
}

// SetRole gives the subscriber the role of the change.
func (a *Activities) SetRole(ctx context.Context, in StepInput) (StepResult, error) {
	return done(), a.Store.SetRole(ctx, runActor(ctx), in.Tenant, in.SubscriberID, *in.Change.Role)
}

// RestoreRole gives the role back that the subscriber had.
func (a *Activities) RestoreRole(ctx context.Context, in StepInput) (StepResult, error) {
	back := lifecycle.ValueChange{From: in.Change.Role.To, To: in.Change.Role.From}
	return done(), a.Store.SetRole(ctx, runActor(ctx), in.Tenant, in.SubscriberID, back)
}

// Move is what one placement changes.
type Move struct {
	contract.Placement
	Tenant     string `json:"tenant"`
	RoleBefore string `json:"roleBefore,omitempty"`
	Role       string `json:"role,omitempty"`
}

// PlacementPlan is a part of who goes where. Moves is what is to be done about it, empty when nothing is to change.
type PlacementPlan struct {
	contract.Placements
	Moves []Move `json:"moves,omitempty"`
}

// placementsPerPart bounds the payload of a part, and how many users are looked at in one statement.
const placementsPerPart = 250

// PlaceUsers decides who goes where and changes nothing: one user by hand, or a part of those who are at a tenant level, by
// the catalog's rules (R113-R116). Guests and those whom a run has just now are left alone, and who was offboarded on
// purpose until something changes that the rule looks at (R117).
func (a *Activities) PlaceUsers(ctx context.Context, in contract.PlaceRequest) (PlacementPlan, error) {
	plan := PlacementPlan{Placements: contract.Placements{Placements: []contract.Placement{}}}
	cat, err := a.catalog(ctx)
	if err != nil {
		return plan, err
	}
	var moves []Move
	if in.User != "" {
		moves, err = a.byHand(ctx, cat, in)
	} else {
		moves, plan.Next, err = a.byRules(ctx, cat, in)
	}
	if err != nil {
		return plan, err
	}
	for _, m := range moves {
		plan.Placements.Placements = append(plan.Placements.Placements, m.Placement)
	}
	if !in.PlanOnly {
		plan.Moves = moves
	}
	return plan, nil
}

// MoveInput are the moves of a part. ByHand says that somebody named the user, who wants to hear of a refusal.
type MoveInput struct {
	Moves  []Move `json:"moves"`
	ByHand bool   `json:"byHand,omitempty"`
	contract.Actor
}

// MoveUsers places users as planned. Those whom a run or somebody's hand has taken since are named as busy; the others are
// placed all the same. Doing it again changes nothing.
func (a *Activities) MoveUsers(ctx context.Context, in MoveInput) (contract.Placements, error) {
	out := contract.Placements{Placements: []contract.Placement{}}
	actor := actorOf(ctx, in.Actor)
	for _, m := range in.Moves {
		err := a.Store.Place(ctx, actor, m.Tenant, m.User.ID, lifecycle.PlaceChange{From: m.From, To: m.To})
		if err == nil && m.Role != m.RoleBefore {
			err = a.Store.SetRole(ctx, actor, m.Tenant, m.User.ID, lifecycle.ValueChange{From: m.RoleBefore, To: m.Role})
		}
		if refusal := (*lifecycle.Refusal)(nil); !in.ByHand && errors.As(err, &refusal) {
			out.Busy = append(out.Busy, m.User)
			continue
		}
		if err != nil {
			return out, fmt.Errorf("place %s at %s: %w", m.User.UserPrincipalName, m.To, err)
		}
		out.Placements = append(out.Placements, m.Placement)
	}
	out.Placed = len(out.Placements)
	return out, nil
}

func (a *Activities) byHand(ctx context.Context, cat *catalog.Catalog, in contract.PlaceRequest) ([]Move, error) {
	node, err := cat.Node(in.Site)
	if err != nil {
		return nil, err
	}
	who, known, err := a.Store.Subscriber(ctx, "", in.User)
	if err != nil {
		return nil, err
	}
	if !known {
		return nil, &lifecycle.Refusal{Code: "unknown-user", Message: "the directory does not know " + in.User, Hint: "run `tenure users sync " + in.User + "` if Entra does", Invalid: true}
	}
	level, err := cat.Tenant(who.Tenant)
	switch {
	case err != nil:
		return nil, err
	case !node.IsSite():
		return nil, &lifecycle.Refusal{Code: "not-a-site", Message: fmt.Sprintf("%s is a node of level %s; users are placed at sites", node.Path(), node.Level())}
	case !level.Covers(node):
		return nil, &lifecycle.Refusal{Code: "other-tenant", Message: fmt.Sprintf("%s belongs to another tenant than %s", node.Path(), who.UserPrincipalName)}
	case who.Guest:
		return nil, &lifecycle.Refusal{Code: "guest", Message: who.UserPrincipalName + " is a guest; guests stay at the tenant level"}
	}
	role := roleAt(cat, who.Role, node)
	if in.Role != "" {
		wanted, ok := cat.Role(in.Role)
		if !ok {
			return nil, &lifecycle.Refusal{Code: "unknown-role", Message: fmt.Sprintf("there is no role %q", in.Role), Hint: "see `tenure catalog show roles`", Invalid: true}
		}
		if !wanted.AllowedAt(node.Level()) {
			return nil, &lifecycle.Refusal{Code: "role-not-allowed", Message: fmt.Sprintf("the role %s is not allowed at level %s", in.Role, node.Level())}
		}
		role = in.Role
	}
	if who.Node == node.Path() && role == who.Role {
		return nil, nil
	}
	return []Move{{Placement: placement(who, node.Path(), "", nil), Tenant: who.Tenant, RoleBefore: who.Role, Role: role}}, nil
}

// byRules decides a part: the first users, after the cursor, of whom any goes anywhere.
func (a *Activities) byRules(ctx context.Context, cat *catalog.Catalog, in contract.PlaceRequest) (moves []Move, next *string, err error) {
	levels := cat.Tenants()
	if in.Tenant != "" {
		level, err := cat.Tenant(in.Tenant)
		if err != nil {
			return nil, nil, err
		}
		levels = []*catalog.Node{level}
	}
	// A cursor is the store's, after the tenant that it is for.
	begun, after, resumed := strings.Cut(in.Cursor, "|")
	for i, level := range levels {
		if resumed && level.TenantName() != begun {
			continue
		}
		cursor := after
		resumed, after = false, ""
		busy, err := a.busy(ctx, level.TenantName())
		if err != nil {
			return nil, nil, err
		}
		for more := true; more; more = cursor != "" {
			list, following, err := a.Store.ListSubscribers(ctx, store.SubscriberFilter{Tenant: level.TenantName(), Node: level.Path(), Limit: placementsPerPart, Cursor: cursor})
			if err != nil {
				return nil, nil, err
			}
			cursor = following
			for _, who := range list {
				if who.Guest || busy[who.ID] {
					continue
				}
				placed, ok, err := placeOf(cat, who)
				if err != nil {
					return nil, nil, err
				}
				if !ok {
					continue
				}
				var onboard *string
				if placed.Onboard != nil {
					onboard = &placed.Onboard.Name
				}
				moves = append(moves, Move{
					Placement: placement(who, placed.Site.Path(), placed.Text, onboard),
					Tenant:    who.Tenant, RoleBefore: who.Role, Role: roleAt(cat, who.Role, placed.Site),
				})
			}
			if len(moves) > 0 && (cursor != "" || i+1 < len(levels)) {
				return moves, partAfter(levels[i:], cursor), nil
			}
		}
	}
	return moves, nil, nil
}

// partAfter is where the next part begins: after the cursor in the first level, or with the level after that.
func partAfter(levels []*catalog.Node, cursor string) *string {
	level := levels[0]
	if cursor == "" {
		level = levels[1]
	}
	return orNull(level.TenantName() + "|" + cursor)
}

func placeOf(cat *catalog.Catalog, who store.Subscriber) (catalog.Placement, bool, error) {
	user := catalog.UserOf(lifecycle.Snapshot{Person: who.Person, UsageLocation: who.UsageLocation})
	if who.OffboardedAs != nil {
		return cat.PlaceAgain(who.Tenant, user, catalog.UserOf(lifecycle.Snapshot{Person: who.OffboardedAs.Person, UsageLocation: who.OffboardedAs.UsageLocation}))
	}
	return cat.Place(who.Tenant, user)
}

// busy are the users of a tenant whom a run has now, by object id.
func (a *Activities) busy(ctx context.Context, tenant string) (map[string]bool, error) {
	users := map[string]bool{}
	for cursor := ""; ; {
		runs, next, err := a.Store.FindOperations(ctx, store.OperationFilter{
			Tenant: tenant, Statuses: lifecycle.Active(), Limit: 1000, Cursor: cursor,
		})
		if err != nil {
			return nil, err
		}
		for _, r := range runs {
			users[r.Subscriber.ID] = true
		}
		if cursor = next; cursor == "" {
			return users, nil
		}
	}
}

func placement(who store.Subscriber, to, rule string, onboard *string) contract.Placement {
	return contract.Placement{
		User: lifecycle.SubscriberRef{ID: who.ID, UserPrincipalName: who.UserPrincipalName},
		From: who.Node, To: to, Rule: rule, Onboard: onboard,
	}
}

// roleAt is the role after placing: a self-service role is kept, else it is the node's default (architecture.md §5.4).
func roleAt(cat *catalog.Catalog, current string, node *catalog.Node) string {
	if role, ok := cat.Role(current); ok && role.Interface == catalog.SelfService {
		return current
	}
	if role, ok := cat.DefaultRole(node.Level()); ok {
		return role.Name
	}
	return current
}
