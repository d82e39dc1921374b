package contract

import (
	"errors"

	"go.temporal.io/sdk/temporal"

	"tenure/internal/fault"
	"tenure/internal/lifecycle"
)

// Ending makes the error with which a run that did not complete closes, so that Temporal shows it as failed or
// cancelled and whoever waits still gets the report. A cancelled run that was undone closes as Canceled; everything
// else as Failed with the type of the error that ended it.
func Ending(report lifecycle.Report, cause *fault.Error) error {
	if report.Status == lifecycle.Cancelled {
		return temporal.NewCanceledError(report)
	}
	return temporal.NewApplicationErrorWithOptions(cause.Message, string(cause.Kind), temporal.ApplicationErrorOptions{
		NonRetryable: true,
		Details:      []any{cause.Details, report},
	})
}

// Ended reads back what Ending made from the error that a client got for a run. report is nil when the run left none
// (it was terminated, or refused before it had a plan), cause is nil for a cancelled run.
func Ended(err error) (report *lifecycle.Report, cause *fault.Error) {
	var cancelled *temporal.CanceledError
	if errors.As(err, &cancelled) {
		var r lifecycle.Report
		if cancelled.HasDetails() && cancelled.Details(&r) == nil {
			return &r, nil
		}
		return nil, nil
	}
	var app *temporal.ApplicationError
	if !errors.As(err, &app) {
		return nil, nil
	}
	cause, _ = fault.Received(err)
	var d fault.Details
	var r lifecycle.Report
	if app.HasDetails() && app.Details(&d, &r) == nil && r.Status != "" {
		return &r, cause
	}
	return nil, cause
}
