package command

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/serviceerror"

	"tenure/internal/lifecycle"
	"tenure/starter/output"
	"tenure/starter/watch"
)

// subject is a run that a command deals with.
type subject struct {
	workflowID, runID string
	operation         lifecycle.Operation
	user              lifecycle.SubscriberRef
}

func (s subject) String() string {
	who := s.user.UserPrincipalName
	if who == "" {
		who = s.user.ID
	}
	operation := string(s.operation)
	if operation == "" {
		operation = "operation"
	}
	return operation + " of " + who
}

// attend follows a run to its end, showing what happens, prints the report and returns the exit code as an error.
// exits maps the run's final status to the code.
func (c *Console) attend(ctx context.Context, conn *Connection, run subject, exits map[lifecycle.Status]int) error {
	w := c.watch(conn, run)
	w.View = c.view()
	ending, err := w.Follow(ctx)
	var missing *serviceerror.NotFound
	switch {
	case ctx.Err() != nil:
		f := interrupted("the run goes on")
		f.Hint = "come back with: tenure status " + run.runID + " --watch"
		return f
	case errors.As(err, &missing):
		return unknownRun(run.workflowID)
	case err != nil:
		err = conn.reach(ctx, err)
		var f *Failure
		if errors.As(err, &f) && f.Exit == exitUnreachable {
			f.Message += "; the run goes on without this command"
			f.Hint = "come back with: tenure status " + run.runID + " --watch"
		}
		return err
	}
	return c.conclude(run, ending, exits)
}

func (c *Console) watch(conn *Connection, run subject) watch.Watch {
	return watch.Watch{
		Runs: conn, WorkflowID: run.workflowID, RunID: run.runID, Data: conn.Data,
		Every: c.Pace.Progress, Silence: c.Pace.Silence, Lost: c.Pace.Lost, Now: c.Now,
	}
}

func (c *Console) view() watch.View {
	switch {
	case c.flags.output == output.LinesFormat:
		return &watch.Events{Out: c.Out, Talk: c.talk()}
	case c.live():
		return &watch.Live{Talk: c.talk(), Erase: c.OutTerminal && c.flags.output == output.TextFormat}
	default:
		return &watch.Lines{Talk: c.talk()}
	}
}

// live reports whether there is a terminal to redraw on.
func (c *Console) live() bool { return c.ErrTerminal && c.Getenv("TERM") != "dumb" }

// conclude prints how a run ended and returns its exit code.
func (c *Console) conclude(run subject, ending watch.Ending, exits map[lifecycle.Status]int) error {
	if refusal := untouched(run, ending); refusal != nil {
		return refusal
	}
	report := *ending.Report
	if err := c.printReport(report); err != nil {
		return err
	}
	if c.flags.output != output.TextFormat && report.Status != lifecycle.Completed {
		text := run.String() + ": " + string(report.Status)
		if report.Failure != "" {
			text += ": " + report.Failure
		}
		c.talk().Line("tenure: %s", output.Plain(text))
	}
	if code := exits[report.Status]; code != exitDone {
		return exit(code)
	}
	return nil
}

// untouched is the failure of a run that ended without a report, or before its first step; nil for any other.
func untouched(run subject, ending watch.Ending) error {
	began := ending.Report != nil && (len(ending.Report.Steps) > 0 || ending.Report.Status == lifecycle.Completed)
	switch {
	case ending.Closed != "" && !begun(ending.Report):
		f := &Failure{Exit: exitUndone, Code: "closed-outside", Message: run.String() + " " + ending.Closed + " before it changed anything"}
		if ending.Report == nil {
			// Nobody can say how far it came, and nobody undid it.
			f.Exit, f.Message = exitIncomplete, run.String()+" "+ending.Closed+" and was not undone"
			f.Hint = "look at what is left with: tenure users show " + run.user.ID
		}
		return f
	case began:
		return nil
	case ending.Cause != nil:
		return fromFault(ending.Cause)
	case ending.Report != nil && ending.Report.Status == lifecycle.Cancelled:
		return nil
	default:
		return &Failure{Exit: exitUndone, Code: "cancelled", Message: run.String() + " was cancelled before it changed anything"}
	}
}

// begun reports whether any step of a run has changed something or may have.
func begun(r *lifecycle.Report) bool {
	if r == nil {
		return false
	}
	for _, s := range r.Steps {
		if s.StartedAt != nil && s.Outcome != lifecycle.Unchanged && s.Outcome != lifecycle.Skipped {
			return true
		}
	}
	return false
}

type reportEvent struct {
	At     time.Time        `json:"at"`
	Event  string           `json:"event"`
	Report lifecycle.Report `json:"report"`
}

func (c *Console) printReport(report lifecycle.Report) error {
	report = output.WithoutNulls(report)
	if c.flags.output == output.LinesFormat {
		return output.JSON(c.Out, output.LinesFormat, reportEvent{At: c.Now().UTC(), Event: "report", Report: report})
	}
	return c.result(report, func(p output.Paper) {
		p.Report(report, c.ui(report.WorkflowID, report.RunID))
	})
}
