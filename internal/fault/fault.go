// Package fault makes every error that leaves an activity. Retryability, delay and type of an activity's error are
// read from its outermost value only, so nothing may wrap what this package made.
package fault

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"

	"tenure/internal/lifecycle"
)

// Kind is the type of an error, from the closed list of architecture.md §3.
type Kind string

// The retryable kinds.
const (
	// Throttled: Microsoft asked to wait (429); RetryAfter says how long.
	Throttled Kind = "Throttled"
	// Unavailable: the other side did not answer, or answered 5xx.
	Unavailable Kind = "Unavailable"
	// Conflict: a concurrent change; trying again helps.
	Conflict Kind = "Conflict"
	// NotYet: what was asked for has been accepted and is not visible or not finished yet.
	NotYet Kind = "NotYet"
)

// The kinds that no retry mends.
const (
	NotFound          Kind = "NotFound"
	PermissionDenied  Kind = "PermissionDenied"
	InvalidRequest    Kind = "InvalidRequest"
	BusinessRule      Kind = "BusinessRule"
	NumberUnavailable Kind = "NumberUnavailable"
	StalePlan         Kind = "StalePlan"
	Unauthenticated   Kind = "Unauthenticated"
)

// Retryable reports whether trying the same again can help.
func (k Kind) Retryable() bool {
	return k == Throttled || k == Unavailable || k == Conflict || k == NotYet
}

// Error is a classified error. It carries no token and no secret.
type Error struct {
	Kind Kind
	// Message says what happened to what, and what to do.
	Message string
	// RetryAfter is the wait that the other side asked for, or that the caller thinks right; zero leaves it to the retry policy.
	RetryAfter time.Duration
	Details
}

// Details travel with the error to whoever shows it.
type Details struct {
	// Code is a short kebab-case word for programs ("unknown-user"), or Microsoft's error code.
	Code string `json:"code,omitempty"`
	Hint string `json:"hint,omitempty"`
	// Status and RequestID are those of Microsoft Graph's answer; Status is 0 when the error is our own judgement.
	Status    int    `json:"status,omitempty"`
	RequestID string `json:"requestId,omitempty"`
}

func (e *Error) Error() string { return e.Message }

// New makes an error of a kind.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Waiting makes a NotYet error that asks to be tried again after delay.
func Waiting(delay time.Duration, format string, args ...any) *Error {
	e := New(NotYet, format, args...)
	e.RetryAfter = delay
	return e
}

// Is reports whether err is, or wraps, a classified error of that kind.
func Is(err error, kind Kind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == kind
}

// Leave turns any error into what may leave an activity: an ApplicationError of a kind of the closed list as the
// outermost value. Refusals keep their code; cancellation passes as it is; what nobody classified is Unavailable, so
// that it is retried and seen rather than taken for a decision.
func Leave(err error) error {
	if err == nil {
		return nil
	}
	var app *temporal.ApplicationError
	var classified *Error
	var refusal *lifecycle.Refusal
	switch {
	case temporal.IsCanceledError(err):
		return err
	case errors.Is(err, context.Canceled):
		// Activities here do not heartbeat, so only a stopping worker cancels their context: another attempt must follow.
		return temporal.NewApplicationErrorWithOptions("the worker stopped during the step; it is tried again", string(Unavailable), temporal.ApplicationErrorOptions{})
	case errors.As(err, &classified):
		message := err.Error()
		return temporal.NewApplicationErrorWithOptions(message, string(classified.Kind), temporal.ApplicationErrorOptions{
			NonRetryable:   !classified.Kind.Retryable(),
			NextRetryDelay: classified.RetryAfter,
			Details:        []any{classified.Details},
		})
	case errors.As(err, &refusal):
		kind := BusinessRule
		if refusal.Invalid {
			kind = InvalidRequest
		}
		return temporal.NewApplicationErrorWithOptions(refusal.Message, string(kind), temporal.ApplicationErrorOptions{
			NonRetryable: true,
			Details:      []any{Details{Code: refusal.Code, Hint: refusal.Hint}},
		})
	case errors.As(err, &app):
		return app
	default:
		return temporal.NewApplicationErrorWithOptions(err.Error(), string(Unavailable), temporal.ApplicationErrorOptions{})
	}
}

// Received reads back what Leave made, from the error that a workflow or a client was given. It reports false for
// errors that did not come from an activity of this program.
func Received(err error) (*Error, bool) {
	var app *temporal.ApplicationError
	if !errors.As(err, &app) {
		return nil, false
	}
	e := &Error{Kind: Kind(app.Type()), Message: app.Message()}
	if app.HasDetails() {
		// Details that are not ours leave the fields empty; the message is what counts then.
		_ = app.Details(&e.Details)
	}
	return e, true
}
