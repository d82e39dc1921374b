package graph

import (
	"cmp"
	"context"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	abstractions "github.com/microsoft/kiota-abstractions-go"

	"tenure/internal/fault"
)

const (
	numberAssignments = "/admin/teams/telephoneNumberManagement/numberAssignments"
	numberOperations  = "/admin/teams/telephoneNumberManagement/operations"
	// numbersPerPage is the most that Graph gives at a time.
	numbersPerPage = 1000
)

var (
	opNumbers         = operation{"GET " + numberAssignments, "listing telephone numbers", "TeamsTelephoneNumber.Read.All"}
	opAssignNumber    = operation{"POST " + numberAssignments + "/assignNumber", "assigning the number", "TeamsTelephoneNumber.ReadWrite.All"}
	opUnassignNumber  = operation{"POST " + numberAssignments + "/unassignNumber", "unassigning the number", "TeamsTelephoneNumber.ReadWrite.All"}
	opUpdateNumber    = operation{"POST " + numberAssignments + "/updateNumber", "updating the number", "TeamsTelephoneNumber.ReadWrite.All"}
	opNumberOperation = operation{"GET " + numberOperations + "/{id}", "reading the number operation", "TeamsTelephoneNumber.Read.All"}
)

// NumberAssignment is a telephone number as Teams has it. Words are Microsoft's; ones that this program does not know
// are kept as they are.
type NumberAssignment struct {
	ID string `json:"id"`
	// Number is E.164 with its plus sign.
	Number string `json:"telephoneNumber"`
	// Type is directRouting, callingPlan or operatorConnect.
	Type string `json:"numberType"`
	// Category is primary, private or alternate; empty when not assigned.
	Category string `json:"assignmentCategory"`
	// TargetID is the object id of who has the number; empty when nobody has.
	TargetID   string `json:"assignmentTargetId"`
	LocationID string `json:"locationId"`
	// Source is online or onPremises; the latter cannot be changed in the cloud.
	Source string `json:"numberSource"`
	// Activation is activated, assignmentPending, assignmentFailed, updatePending or updateFailed.
	Activation string `json:"activationState"`
	// Status is unassigned, userAssigned, conferenceAssigned, …
	Status       string   `json:"assignmentStatus"`
	Capabilities []string `json:"capabilities"`
}

// OnPremises reports whether the number is mastered on premises.
func (n NumberAssignment) OnPremises() bool { return strings.EqualFold(n.Source, "onPremises") }

// NumbersOf lists the numbers that are assigned to the user, sorted by number. Permission: TeamsTelephoneNumber.Read.All.
func (c *Client) NumbersOf(ctx context.Context, userID string) ([]NumberAssignment, error) {
	if err := required(opNumbers, userID); err != nil {
		return nil, err
	}
	var all []NumberAssignment
	skip := 0
	for range pagesPerList {
		found, next, err := c.numbers(ctx, "assignmentTargetId eq "+Quoted(userID), skip)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
		if skip = next; skip == 0 {
			break
		}
	}
	if skip != 0 {
		return nil, endless(opNumbers)
	}
	// A server that does not know the filter answers with everything.
	all = slices.DeleteFunc(all, func(n NumberAssignment) bool { return !strings.EqualFold(n.TargetID, userID) })
	slices.SortFunc(all, func(a, b NumberAssignment) int { return cmp.Compare(a.Number, b.Number) })
	return all, nil
}

// NumberAssignment reads one number: nil when the tenant does not have it in Teams. Permission: TeamsTelephoneNumber.Read.All.
func (c *Client) NumberAssignment(ctx context.Context, number string) (*NumberAssignment, error) {
	if err := required(opNumbers, number); err != nil {
		return nil, err
	}
	found, _, err := c.numbers(ctx, "telephoneNumber eq "+Quoted(e164(number)), 0)
	if err != nil {
		return nil, err
	}
	for _, n := range found {
		if n.Number == e164(number) {
			return &n, nil
		}
	}
	return nil, nil
}

// ListNumberAssignments reads a page of the tenant's numbers from skip on. next is the skip of the following page,
// and 0 at the end. Permission: TeamsTelephoneNumber.Read.All.
func (c *Client) ListNumberAssignments(ctx context.Context, skip int) (page []NumberAssignment, next int, err error) {
	return c.numbers(ctx, "", skip)
}

func (c *Client) numbers(ctx context.Context, filter string, skip int) ([]NumberAssignment, int, error) {
	query := map[string]string{"%24top": strconv.Itoa(numbersPerPage)}
	if filter != "" {
		query["%24filter"] = filter
	}
	if skip > 0 {
		query["%24skip"] = strconv.Itoa(skip)
	}
	var found page[NumberAssignment]
	_, err := c.raw(ctx, opNumbers, rawRequest{
		method: abstractions.GET, template: numberAssignments + "{?%24filter,%24top,%24skip}", query: query,
	}, func(body []byte) (err error) {
		found, err = many[NumberAssignment](body)
		if slices.ContainsFunc(found.Value, func(n NumberAssignment) bool { return n.Number == "" }) {
			return errNothing
		}
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	for i := range found.Value {
		found.Value[i].Number = e164(found.Value[i].Number)
	}
	// A link says that there is more, whatever its form; so does a full page without one.
	next := 0
	if n := len(found.Value); n > 0 && (found.Next != "" || n >= numbersPerPage) {
		next = skip + n
	}
	return found.Value, next, nil
}

// AssignNumber is an order to give a number to a user.
type AssignNumber struct {
	Number string `json:"telephoneNumber"`
	// UserID is the user's object id.
	UserID string `json:"assignmentTargetId"`
	// Type is directRouting, callingPlan or operatorConnect.
	Type string `json:"numberType"`
	// Category is primary (when empty), private or alternate.
	Category string `json:"assignmentCategory,omitempty"`
	// LocationID is the emergency location, which calling plans in some countries demand.
	LocationID string `json:"locationId,omitempty"`
}

// AssignNumber orders the assignment and returns the id of the operation to poll, or "" when Microsoft names none:
// then poll NumberAssignment. It is not known to be repeatable, so look who has the number first.
// Permission: TeamsTelephoneNumber.ReadWrite.All.
func (c *Client) AssignNumber(ctx context.Context, order AssignNumber) (operationID string, err error) {
	if err := required(opAssignNumber, order.Number, order.UserID, order.Type); err != nil {
		return "", err
	}
	if order.Category == "" {
		order.Category = "primary"
	}
	return c.order(ctx, opAssignNumber, "/assignNumber", order)
}

// UnassignNumber orders that the number is taken from whoever has it; the request names no user, so compare first.
// The result and the permission are those of AssignNumber.
func (c *Client) UnassignNumber(ctx context.Context, number, numberType string) (operationID string, err error) {
	if err := required(opUnassignNumber, number, numberType); err != nil {
		return "", err
	}
	return c.order(ctx, opUnassignNumber, "/unassignNumber", struct {
		Number string `json:"telephoneNumber"`
		Type   string `json:"numberType"`
	}{number, numberType})
}

func (c *Client) order(ctx context.Context, op operation, action string, body any) (string, error) {
	x, err := c.raw(ctx, op, rawRequest{method: abstractions.POST, template: numberAssignments + action, body: body}, nil)
	if err != nil {
		return "", err
	}
	return operationID(x.location), nil
}

var operationPath = regexp.MustCompile(`/operations(?:\('([^']+)'\)|/([^/()]+))/?$`)

// operationID takes the id out of a Location. The address itself is not used: it may lead elsewhere.
func operationID(location string) string {
	u, err := url.Parse(location)
	if err != nil {
		return ""
	}
	m := operationPath.FindStringSubmatch(u.EscapedPath())
	if m == nil {
		return ""
	}
	id, err := url.PathUnescape(m[1] + m[2])
	if err != nil {
		return ""
	}
	return id
}

// UpdateNumber changes what belongs to a number: nil leaves a value, an empty one clears it.
type UpdateNumber struct {
	Number        string    `json:"telephoneNumber"`
	LocationID    *string   `json:"locationId,omitempty"`
	NetworkSiteID *string   `json:"networkSiteId,omitempty"`
	ReverseLookup *[]string `json:"reverseNumberLookupOptions,omitempty"`
}

// UpdateNumber takes effect at once. Permission: TeamsTelephoneNumber.ReadWrite.All.
func (c *Client) UpdateNumber(ctx context.Context, change UpdateNumber) error {
	if err := required(opUpdateNumber, change.Number); err != nil {
		return err
	}
	_, err := c.raw(ctx, opUpdateNumber, rawRequest{method: abstractions.POST, template: numberAssignments + "/updateNumber", body: change}, nil)
	return err
}

// NumberOperation is the progress of an order.
type NumberOperation struct {
	ID string `json:"id"`
	// Status is notStarted, running, succeeded, failed or skipped.
	Status  string           `json:"status"`
	Numbers []NumberProgress `json:"numbers"`
}

// NumberProgress is the progress for one number of an order.
type NumberProgress struct {
	// Resource is the address of the number's assignment.
	Resource string `json:"resourceLocation"`
	Status   string `json:"status"`
	// Detail says what went wrong, in the words of the Teams backend.
	Detail string `json:"statusDetail"`
}

// NumberOperation reads the progress of an order. How long operations are kept is not documented: NotFound means
// that NumberAssignment has to tell. Permission: TeamsTelephoneNumber.Read.All.
func (c *Client) NumberOperation(ctx context.Context, operationID string) (NumberOperation, error) {
	if err := required(opNumberOperation, operationID); err != nil {
		return NumberOperation{}, err
	}
	var op NumberOperation
	var ok bool
	_, err := c.raw(ctx, opNumberOperation, rawRequest{
		method: abstractions.GET, template: numberOperations + "/{operation%2Did}", path: map[string]string{"operation%2Did": operationID},
	}, func(body []byte) (err error) {
		op, ok, err = one[NumberOperation](body)
		if err == nil && (!ok || op.Status == "") {
			return errNothing
		}
		return err
	})
	return op, err
}

// Finished reports whether polling can end. A status that is not known does not end it; the caller's bound does.
func (o NumberOperation) Finished() bool {
	return slices.ContainsFunc([]string{"succeeded", "failed", "skipped"}, func(s string) bool { return strings.EqualFold(s, o.Status) })
}

// Err judges an operation: nil unless it, or one of its numbers, failed. Known words of the Teams backend decide the
// kind; unknown ones are InvalidRequest and shown whole.
func (o NumberOperation) Err() error {
	failed := strings.EqualFold(o.Status, "failed")
	var details []string
	for _, n := range o.Numbers {
		if strings.EqualFold(n.Status, "failed") || failed && n.Detail != "" {
			failed = true
			if n.Detail != "" {
				details = append(details, n.Detail)
			}
		}
	}
	if !failed {
		return nil
	}
	detail := shown(strings.Join(details, "; "), messageLimit)
	if detail == "" {
		f := fault.New(fault.InvalidRequest, "the number operation failed; Microsoft gave no reason")
		f.Code = "number-operation-failed"
		return f
	}
	kind, code, hint := fault.InvalidRequest, "number-operation-failed", ""
	for _, table := range [][]rule{rules, backendRules} {
		if r, ok := ruleFor(table, detail); ok {
			kind, hint = r.kind, r.hint
			code = cmp.Or(r.code, code)
			break
		}
	}
	f := fault.New(kind, "the number operation failed: %s", detail)
	f.Code, f.Hint = code, hint
	return f
}
