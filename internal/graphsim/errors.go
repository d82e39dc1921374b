package graphsim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// graphError is an answer of 400 and above in Graph's envelope.
type graphError struct {
	status  int
	code    string
	message string
	header  http.Header
}

func (e *graphError) Error() string { return fmt.Sprintf("%d %s: %s", e.status, e.code, e.message) }

func refuse(status int, code, format string, args ...any) error {
	message := format
	if len(args) > 0 {
		message = fmt.Sprintf(format, args...)
	}
	return &graphError{status: status, code: code, message: message}
}

// badRequest is the directory's answer to whatever it will not do.
func badRequest(format string, args ...any) error {
	return refuse(http.StatusBadRequest, "Request_BadRequest", format, args...)
}

func unsupportedQuery(format string, args ...any) error {
	return refuse(http.StatusBadRequest, "Request_UnsupportedQuery", format, args...)
}

func notFound(key string) error {
	return refuse(http.StatusNotFound, "Request_ResourceNotFound",
		"Resource '%s' does not exist or one of its queried reference-property objects are not present.", key)
}

func denied() error {
	return refuse(http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
}

// notModelled refuses what the real service may well do but this one doesn't.
func notModelled(format string, args ...any) error {
	return refuse(http.StatusNotImplemented, "NotImplemented", "graphsim does not implement "+format, args...)
}

const onPremisesMastered = "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration."

func (e *graphError) outcome(header http.Header, requestID string, now time.Time) outcome {
	for key, values := range e.header {
		header[key] = values
	}
	header.Set("Content-Type", jsonType)
	body, _ := json.Marshal(errorBody(e.code, e.message, requestID, header.Get("client-request-id"), now))
	return outcome{status: e.status, header: header, body: body}
}

func errorBody(code, message, requestID, clientRequestID string, now time.Time) map[string]any {
	inner := map[string]any{
		"date": now.Format("2006-01-02T15:04:05"), "request-id": requestID, "client-request-id": clientRequestID,
	}
	return map[string]any{"error": map[string]any{"code": code, "message": message, "innerError": inner}}
}

// statusErrors are the codes and messages of a bare status, as gateways and
// the directory give them.
var statusErrors = map[int][2]string{
	http.StatusBadRequest:          {"Request_BadRequest", "Invalid request."},
	http.StatusUnauthorized:        {"InvalidAuthenticationToken", "Access token validation failure."},
	http.StatusForbidden:           {"Authorization_RequestDenied", "Insufficient privileges to complete the operation."},
	http.StatusNotFound:            {"Request_ResourceNotFound", "Resource does not exist or one of its queried reference-property objects are not present."},
	http.StatusConflict:            {"Directory_ConcurrencyViolation", "Error due to concurrent requests being made to the tenant. Please wait briefly and retry."},
	http.StatusGone:                {"syncStateNotFound", "The sync state generation is not found."},
	http.StatusTooManyRequests:     {"TooManyRequests", "Too many requests from this application and tenant. Please retry later."},
	http.StatusInternalServerError: {"InternalServerError", "An internal server error occurred."},
	http.StatusBadGateway:          {"BadGateway", "The gateway received an invalid answer."},
	http.StatusServiceUnavailable:  {"ServiceUnavailable", "Service is unavailable. Please try again."},
	http.StatusGatewayTimeout:      {"GatewayTimeout", "The gateway did not receive an answer in time."},
}

func statusError(status int) (code, message string) {
	if known, ok := statusErrors[status]; ok {
		return known[0], known[1]
	}
	text := http.StatusText(status)
	if text == "" {
		text = "Unknown Error"
	}
	return strings.ReplaceAll(text, " ", ""), text + "."
}
