package graph

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"tenure/internal/fault"
)

// Codes that callers decide by. They stand in fault.Details.Code in place of Microsoft's code, which is
// Request_BadRequest for nearly everything.
const (
	// CodeLicenseNotHeld: a license to remove is not there; read the user again and compute the difference anew.
	CodeLicenseNotHeld = "license-not-held"
	// CodeLicenseInherited: a license to remove comes from a group.
	CodeLicenseInherited = "license-inherited"
	// CodeLicenseNotInTenant: the tenant has no such SKU.
	CodeLicenseNotInTenant = "license-not-in-tenant"
	// CodeNoLicenseLeft: every unit of the SKU is in use.
	CodeNoLicenseLeft = "no-license-left"
	// CodeUsageLocation: the user has no usage location that allows licenses, or Microsoft does not see it yet.
	CodeUsageLocation = "usage-location-invalid"
	// CodeLicenseDependency: a service plan needs another one that would not be there.
	CodeLicenseDependency = "license-dependency"
	// CodeLicenseConflict: two service plans exclude each other.
	CodeLicenseConflict = "license-conflict"
	// CodeAlreadyMember is consumed by AddMember, which reports it as "nothing changed".
	CodeAlreadyMember = "already-member"
	// CodeGroupNotWritable: the group's kind takes no members from an application; the message names the kind.
	CodeGroupNotWritable = "group-not-writable"
	// CodeSynced: the object is mastered on premises.
	CodeSynced = "synced-object"
	// CodeUnknownGroup and CodeAmbiguousGroup: no group, or more than one, has that name.
	CodeUnknownGroup   = "unknown-group"
	CodeAmbiguousGroup = "ambiguous-group"
	// CodeUnknownPolicy: the tenant has no policy of that type and name.
	CodeUnknownPolicy = "unknown-policy"
	// CodeDeltaExpired: the delta link is too old; begin again without one.
	CodeDeltaExpired = "delta-expired"
	// CodeForeignLink: the link leads to another Graph than this client's.
	CodeForeignLink = "foreign-link"
	// CodeNumberNotFound, CodeNumberTaken, CodeNumberNotAssignable and CodeNumberOnPremises: this number cannot be had.
	CodeNumberNotFound      = "number-not-in-teams"
	CodeNumberTaken         = "number-assigned-to-another"
	CodeNumberNotAssignable = "number-not-assignable"
	CodeNumberOnPremises    = "number-on-premises"
	// CodeTeamsLicenseMissing: the user lacks the license that the type of number needs.
	CodeTeamsLicenseMissing = "phone-license-missing"
	// CodeUserHasNumber: the user already has a number of that category.
	CodeUserHasNumber = "user-has-number"
	// CodeTeamsUserNotFound: Teams does not know the user.
	CodeTeamsUserNotFound = "teams-user-not-found"
	// CodeTeamsNotInCloud: the Teams administration interface exists in the global cloud only.
	CodeTeamsNotInCloud = "teams-not-in-cloud"
	// CodeUnreadable: the answer was a success that could not be read.
	CodeUnreadable = "unreadable-answer"
)

// rule recognises a known answer by its text. Messages are not contractual, yet the codes say nothing
// (graph.md §3.1); whatever no rule knows stays a visible InvalidRequest.
type rule struct {
	// text is compared without regard to case; every part must occur.
	text []string
	kind fault.Kind
	code string
	hint string
}

// concurrency is a rule of its own because 409 and 400 both carry it.
var concurrency = []string{"Directory_ConcurrencyViolation", "concurrent requests"}

// rules are the known 400s and 422s of graph.md §3.1 and §4, and the backend messages of §5.2, which come as 400 or
// as the detail of a number operation.
var rules = []rule{
	{[]string{"does not have a corresponding license"}, fault.BusinessRule, CodeLicenseNotHeld, "read the user again and remove only what is still there"},
	{[]string{"inherited from a group membership"}, fault.BusinessRule, CodeLicenseInherited, "remove the user from the group instead"},
	{[]string{"does not correspond to a valid company license"}, fault.BusinessRule, CodeLicenseNotInTenant, "the tenant has no subscription of this SKU"},
	{[]string{"does not have any available licenses"}, fault.BusinessRule, CodeNoLicenseLeft, "buy or free a license and try again"},
	{[]string{"invalid usage location"}, fault.BusinessRule, CodeUsageLocation, "set the usage location first; a fresh one takes a few seconds to be seen"},
	{[]string{"depends on the service plan"}, fault.BusinessRule, CodeLicenseDependency, "assign what the plan depends on in the same change"},
	{[]string{"mutually exclusive"}, fault.BusinessRule, CodeLicenseConflict, "remove the license that excludes the other in the same change"},
	{[]string{"added object references already exist"}, fault.BusinessRule, CodeAlreadyMember, ""},
	{[]string{"on-premises mastered"}, fault.BusinessRule, CodeSynced, "change it in the on-premises directory"},
	{[]string{"mail-enabled security groups"}, fault.BusinessRule, CodeGroupNotWritable, "mail-enabled groups are changed in Exchange only"},
	{[]string{"telephone number", "is not found from tenant"}, fault.NumberUnavailable, CodeNumberNotFound, "acquire the number in Teams first"},
	{[]string{"lacks appropriate licenses"}, fault.BusinessRule, CodeTeamsLicenseMissing, "assign a Teams Phone license and wait until Teams has seen it"},
	{[]string{"already assigned"}, fault.NumberUnavailable, CodeNumberTaken, "take another number, or unassign this one first"},
	{[]string{"assigned to another"}, fault.NumberUnavailable, CodeNumberTaken, "take another number, or unassign this one first"},
	{[]string{"cannot be assigned to a user"}, fault.NumberUnavailable, CodeNumberNotAssignable, "take a number that is meant for users"},
	{[]string{"already has a", "number"}, fault.BusinessRule, CodeUserHasNumber, "unassign the number that the user has, or use another category"},
	{[]string{"number", "on-premises"}, fault.BusinessRule, CodeNumberOnPremises, "the number is managed in the on-premises directory"},
	{[]string{"number", "on premises"}, fault.BusinessRule, CodeNumberOnPremises, "the number is managed in the on-premises directory"},
	{[]string{"policy", "is not supported"}, fault.BusinessRule, CodeUnknownPolicy, "check type and name of the policy in the catalog"},
	{[]string{"policy", "is not found"}, fault.BusinessRule, CodeUnknownPolicy, "check type and name of the policy in the catalog"},
	{[]string{"the user", "is not found"}, fault.NotFound, CodeTeamsUserNotFound, "Teams may need some time after the license was assigned"},
}

// backendRules are meanings that only the detail of a number operation may have: as an answer to a request, the
// status says it better.
var backendRules = []rule{
	{[]string{"service is unavailable"}, fault.Unavailable, "", ""},
	{[]string{"access denied"}, fault.PermissionDenied, "", "the application lacks a right in Teams"},
	{[]string{"concurrent"}, fault.Conflict, "", ""},
}

func (r rule) matches(text string) bool {
	for _, part := range r.text {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

func ruleFor(table []rule, message string) (rule, bool) {
	lower := strings.ToLower(message)
	for _, r := range table {
		if r.matches(lower) {
			return r, true
		}
	}
	return rule{}, false
}

func (x *exchange) concurrent() bool {
	text := strings.ToLower(x.code + " " + x.message)
	for _, mark := range concurrency {
		if strings.Contains(text, strings.ToLower(mark)) {
			return true
		}
	}
	return false
}

// fault judges the exchange: nil for a success.
func (x *exchange) fault() *fault.Error {
	switch {
	case x.token != nil:
		return x.tokenFault()
	case x.transport != nil:
		return x.transportFault()
	case x.unread != nil && x.status < 300:
		f := fault.New(fault.Unavailable, "%s: Microsoft Graph answered %d, but the answer cannot be used: %s", x.operation.doing, x.status, shown(x.unread.Error(), messageLimit))
		f.Details = fault.Details{Code: CodeUnreadable, Status: x.status, RequestID: x.requestID}
		return f
	case x.status < 300:
		return nil
	}
	kind, code, hint := x.judge()
	f := fault.New(kind, "%s: %s", x.operation.doing, x.account())
	f.Details = fault.Details{Code: code, Hint: hint, Status: x.status, RequestID: x.requestID}
	if kind.Retryable() {
		f.RetryAfter = x.retryAfter
	}
	return f
}

// judge is the table of graph.md §11 and architecture.md §3: the status first, then code and message.
func (x *exchange) judge() (kind fault.Kind, code, hint string) {
	switch s := x.status; {
	case s < 400:
		return fault.InvalidRequest, "unexpected-redirect", "check the base URL of Microsoft Graph; redirects are not followed"
	case s == http.StatusUnauthorized:
		return fault.Unauthenticated, x.code, "the token was refused twice; check the credential, the tenant and the cloud"
	case s == http.StatusForbidden:
		return fault.PermissionDenied, x.code, "grant the application " + x.operation.permission + " and restart the worker, since a token keeps its permissions"
	case s == http.StatusNotFound:
		return fault.NotFound, x.code, ""
	case s == http.StatusRequestTimeout:
		return fault.Unavailable, x.code, ""
	case s == http.StatusTooManyRequests, s == 509:
		return fault.Throttled, x.code, ""
	case s == http.StatusConflict, s == http.StatusBadRequest && x.concurrent():
		return fault.Conflict, x.code, ""
	case s == http.StatusNotImplemented:
		// Asking again cannot help: the other side does not know the request.
		return fault.InvalidRequest, x.code, ""
	case s >= 500:
		return fault.Unavailable, x.code, ""
	case s == http.StatusBadRequest, s == http.StatusUnprocessableEntity:
		if r, ok := ruleFor(rules, x.message); ok {
			return r.kind, r.code, r.hint
		}
	}
	return fault.InvalidRequest, x.code, ""
}

// account tells what Microsoft answered, whole.
func (x *exchange) account() string {
	b := fmt.Sprintf("Microsoft Graph answered %d", x.status)
	if x.code != "" {
		b += " " + x.code
	}
	if x.message != "" {
		b += ": " + x.message
	}
	return b
}

func (x *exchange) transportFault() *fault.Error {
	why := "the connection failed: " + shown(networkCause(x.transport), 200)
	switch {
	case errors.Is(x.transport, context.Canceled), x.parent != nil && errors.Is(x.parent.Err(), context.Canceled):
		why = "the call was given up before an answer came"
	case errors.Is(x.transport, context.DeadlineExceeded), isTimeout(x.transport):
		why = "no answer came in time"
	}
	return fault.New(fault.Unavailable, "%s: %s", x.operation.doing, why)
}

// networkCause is the innermost message: outer ones repeat the address, which may hold ids and numbers.
func networkCause(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
