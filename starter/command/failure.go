package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/sdk/temporal"

	"tenure/internal/codec"
	"tenure/internal/fault"
	"tenure/internal/lifecycle"
)

// The exit codes of architecture.md §5.1.
const (
	exitDone        = 0
	exitUndone      = 1
	exitOperator    = 2 // also: there are changes or findings
	exitUsage       = 3
	exitUnreachable = 4
	exitRefused     = 5
	exitIncomplete  = 6
	exitInterrupted = 130
)

// exit ends the command with a code and says nothing more: what there is to say has been printed.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// Failure is an error as the operator and programs see it.
type Failure struct {
	Exit int
	// Code is a short kebab-case word for programs.
	Code string
	// Message says what happened to what; Hint what to do (may be empty).
	Message, Hint string
	// Lines are printed before the message, one problem each.
	Lines []string
}

func (f *Failure) Error() string { return f.Message }

// line is the failure on one line, as it goes to stderr.
func (f *Failure) line() string {
	text := strings.Join(strings.Fields(f.Message), " ")
	if f.Hint != "" {
		text += "; " + f.Hint
	}
	return "tenure: " + text
}

func usage(hint, format string, args ...any) *Failure {
	return &Failure{Exit: exitUsage, Code: "usage", Message: fmt.Sprintf(format, args...), Hint: hint}
}

func refused(code, hint, format string, args ...any) *Failure {
	return &Failure{Exit: exitRefused, Code: code, Message: fmt.Sprintf(format, args...), Hint: hint}
}

func interrupted(what string) *Failure {
	return &Failure{Exit: exitInterrupted, Code: "interrupted", Message: "interrupted; " + what}
}

// statusExits are the exit codes of a run that is looked at or waited for.
var statusExits = map[lifecycle.Status]int{
	lifecycle.Running:    exitDone,
	lifecycle.Completed:  exitDone,
	lifecycle.RolledBack: exitUndone,
	lifecycle.Cancelled:  exitUndone,
	lifecycle.Held:       exitOperator,
	lifecycle.Failed:     exitIncomplete,
}

// kindExits are the exit codes of an error that came before anything was touched. Kinds that are not listed exit 1.
var kindExits = map[fault.Kind]int{
	fault.InvalidRequest:    exitUsage,
	fault.NotFound:          exitUsage,
	fault.BusinessRule:      exitRefused,
	fault.NumberUnavailable: exitRefused,
	fault.StalePlan:         exitRefused,
	fault.PermissionDenied:  exitRefused,
}

// fromFault is the failure for an error that a worker classified, before anything was touched.
func fromFault(e *fault.Error) *Failure {
	f := &Failure{Exit: exitUndone, Code: e.Code, Message: e.Message, Hint: e.Hint}
	if code, ok := kindExits[e.Kind]; ok {
		f.Exit = code
	}
	if f.Exit == exitUsage && e.Status != 0 {
		// Microsoft refused a request that this program made: nothing that the operator typed is wrong.
		f.Exit = exitUndone
	}
	if f.Code == "" {
		f.Code = kebab(cmp.Or(string(e.Kind), "Failed"))
	}
	if e.RequestID != "" {
		f.Message += " (Microsoft request " + e.RequestID + ")"
	}
	return f
}

// failureOf classifies any error of a command.
func failureOf(err error) *Failure {
	var failure *Failure
	if errors.As(err, &failure) {
		return failure
	}
	if errors.Is(err, context.Canceled) {
		return interrupted("nothing was started")
	}
	var keys *codec.Error
	var timeout *temporal.TimeoutError
	received, classified := fault.Received(err)
	switch {
	case errors.As(err, &keys):
		return &Failure{Exit: exitUsage, Code: "encryption-keys", Message: keys.Message, Hint: "the command and the workers need the same keys"}
	case classified:
		return fromFault(received)
	case errors.As(err, &timeout):
		return &Failure{Exit: exitUndone, Code: "timed-out", Message: "nobody did the work in time", Hint: "is a worker running for every tenant? the run in the Temporal UI says what it waited for"}
	default:
		return &Failure{Exit: exitUndone, Code: "failed", Message: err.Error()}
	}
}

func kebab(name string) string {
	var b strings.Builder
	for i, r := range name {
		if r >= 'A' && r <= 'Z' {
			if i > 0 {
				b.WriteByte('-')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}
