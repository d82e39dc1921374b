package codec

import (
	"context"
	"errors"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/failure/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// Data is the data converter of clients and workers. A workflow that meets what it cannot decrypt stops there: its task
// fails and is tried again until a worker has the key. An error would look like that of a step, and undo the run.
func (c *Codec) Data() converter.DataConverter {
	return data{converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), c)}
}

type data struct{ converter.DataConverter }

var _ workflow.ContextAware = data{}

// WithWorkflowContext implements workflow.ContextAware.
func (d data) WithWorkflowContext(workflow.Context) converter.DataConverter {
	return stopping(d)
}

// WithContext implements workflow.ContextAware.
func (d data) WithContext(context.Context) converter.DataConverter { return d }

// stopping panics where a key is missing, which fails the workflow task and not the workflow.
type stopping struct{ converter.DataConverter }

func (s stopping) FromPayload(payload *commonpb.Payload, value any) error {
	return stop(s.DataConverter.FromPayload(payload, value))
}

func (s stopping) FromPayloads(payloads *commonpb.Payloads, values ...any) error {
	return stop(s.DataConverter.FromPayloads(payloads, values...))
}

func stop(err error) error {
	var e *Error
	if errors.As(err, &e) {
		panic(e)
	}
	return err
}

// Failures is the failure converter of clients: messages and stack traces are encrypted, and the error of a failure that
// cannot be decrypted is the *Error that says why.
func (c *Codec) Failures() converter.FailureConverter {
	all := c.Data()
	return failures{temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
		DataConverter: all, EncodeCommonAttributes: c.Enabled(),
	}), all}
}

type failures struct {
	converter.FailureConverter
	data converter.DataConverter
}

func (f failures) FailureToError(from *failure.Failure) error {
	for part := from; part != nil; part = part.GetCause() {
		var e *Error
		if attributes := part.GetEncodedAttributes(); attributes != nil && errors.As(f.data.FromPayload(attributes, new(any)), &e) {
			return e
		}
	}
	return f.FailureConverter.FailureToError(from)
}

// WorkerFailures is the failure converter of workers. It stops a workflow as Data does.
func (c *Codec) WorkerFailures() converter.FailureConverter { return stoppingFailures{c.Failures()} }

type stoppingFailures struct{ converter.FailureConverter }

func (f stoppingFailures) FailureToError(from *failure.Failure) error {
	err := f.FailureConverter.FailureToError(from)
	if e, undecrypted := err.(*Error); undecrypted {
		panic(e)
	}
	return err
}
