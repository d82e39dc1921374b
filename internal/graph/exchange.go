package graph

import (
	"context"
	"time"
)

// operation describes a call for messages, metrics and spans. It never holds ids.
type operation struct {
	// template is the method and URL template: "GET /users/{id}".
	template string
	// doing says what the call is for, as the beginning of a sentence: "reading the user".
	doing string
	// permission is the least application permission that the call needs.
	permission string
}

// exchange is what happened to one request. The transport fills it in, and it, not the SDK's error, is what faults
// are made from: the SDK loses the status of answers that are not JSON and writes messages into spans.
type exchange struct {
	operation operation
	// parent is the caller's context, to tell its end from our own time limit.
	parent context.Context

	status     int
	code       string
	message    string
	requestID  string
	retryAfter time.Duration
	location   string

	// transport is set when no answer came, token when none could be obtained, unread when the answer made no sense.
	transport error
	token     error
	unread    error
}

// failed reports whether the transport has already seen why the request failed.
func (x *exchange) failed() bool {
	return x.transport != nil || x.token != nil || x.unread != nil || x.status >= 300
}

type exchangeKey struct{}

func withExchange(ctx context.Context, x *exchange) context.Context {
	return context.WithValue(ctx, exchangeKey{}, x)
}

// exchangeOf returns the exchange that a request belongs to; one of its own when it belongs to none.
func exchangeOf(ctx context.Context) *exchange {
	if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return x
	}
	return &exchange{operation: operation{template: "unknown"}}
}
