package connect

import (
	"context"
	"errors"

	"go.temporal.io/api/serviceerror"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Unreachable reports whether a call failed because Temporal could not be reached, did not let the caller in or does
// not have the namespace, as against an answer about the work itself.
func Unreachable(err error) bool {
	var (
		unavailable *serviceerror.Unavailable
		deadline    *serviceerror.DeadlineExceeded
		denied      *serviceerror.PermissionDenied
		namespace   *serviceerror.NamespaceNotFound
		inactive    *serviceerror.NamespaceInvalidState
	)
	switch {
	case err == nil:
		return false
	case errors.As(err, &unavailable), errors.As(err, &deadline), errors.As(err, &denied),
		errors.As(err, &namespace), errors.As(err, &inactive), errors.Is(err, context.DeadlineExceeded):
		return true
	}
	code := status.Code(err)
	return code == codes.Unavailable || code == codes.DeadlineExceeded || code == codes.Unauthenticated || code == codes.PermissionDenied
}
