package command

import (
	"context"
	"maps"

	"github.com/spf13/cobra"

	"tenure/internal/lifecycle"
	"tenure/starter/output"
	"tenure/starter/watch"
)

type statusOptions struct {
	runs              []string
	watch, exitStatus bool
}

func newStatusCommand(c *Console, run func(context.Context, *Console, statusOptions) error) *cobra.Command {
	var o statusOptions
	cmd := reading(&cobra.Command{
		Use:   "status USER|RUN...",
		Short: "show the newest run of a user, or one run, or several",
		Long: `Show a run: the newest one of a user, or the one that a workflow id or run id names. With --watch it is followed to
its end. The exit code is 0 when the run could be shown; with --exit-status it is the run's own.

Several are shown with a line for each, and followed in one view. Then -o json prints {"reports": []}, the events of
-o jsonl carry the "runId", and the exit code with --exit-status is the highest of the runs.`,
		Example: `  tenure status ada@contoso.com
  tenure status 6f3c9c1e-0d5b-4f0e-9b1f-3a7d5c2e8a10 --watch
  tenure status ada@contoso.com bob@contoso.com --watch
  tenure status subscriber/contoso/0b5e… --exit-status -o json`,
		GroupID: groupRuns,
		Args:    atLeastOne("USER|RUN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.runs = args
			return run(cmd.Context(), c, o)
		},
	})
	cmd.Flags().BoolVarP(&o.watch, "watch", "w", false, "follow the run to its end")
	cmd.Flags().BoolVar(&o.exitStatus, "exit-status", false, "exit with the run's own code")
	return cmd
}

func runStatus(ctx context.Context, c *Console, o statusOptions) error {
	conn, err := c.temporal(ctx)
	if err != nil {
		return err
	}
	if len(o.runs) > 1 {
		return c.showSeveral(ctx, conn, o)
	}
	run, err := c.find(ctx, conn, o.runs[0])
	if err != nil {
		return err
	}
	if run.open && o.watch {
		exits := maps.Clone(statusExits)
		if !o.exitStatus {
			clear(exits)
		}
		return c.attend(ctx, conn, run.subject, exits)
	}
	report, code, err := c.standing(ctx, conn, run)
	if err != nil {
		return err
	}
	if err := c.printReport(report); err != nil {
		return err
	}
	if o.exitStatus && code != exitDone {
		return exit(code)
	}
	return nil
}

// standing is how a run stands, and its exit code.
func (c *Console) standing(ctx context.Context, conn *Connection, run found) (lifecycle.Report, int, error) {
	switch {
	case run.open:
		report, err := c.underWay(ctx, conn, run)
		return report, statusExits[report.Status], err
	case run.report != nil:
		c.talk().Line("Temporal does not keep this run any more; this is the report that it left")
		return *run.report, statusExits[run.report.Status], nil
	case !run.kept:
		c.talk().Line("Temporal does not keep this run any more; only its row is left")
		return run.outline(), statusExits[run.status], nil
	}
	ending, err := c.watch(conn, run.subject).Result(ctx)
	if err != nil {
		return lifecycle.Report{}, exitUndone, conn.reach(ctx, err)
	}
	report, code := run.ended(ending)
	return report, code, nil
}

// underWay is how far an open run has come.
func (c *Console) underWay(ctx context.Context, conn *Connection, run found) (lifecycle.Report, error) {
	report, err := c.watch(conn, run.subject).Progress(ctx)
	switch {
	case ctx.Err() != nil:
		return report, interrupted("the run goes on")
	case err != nil:
		c.talk().Line("no worker answers; the run goes on when one is back. What Temporal itself knows:")
		report = run.outline()
	}
	if run.staged && report.Status == lifecycle.Running && c.flags.output == output.TextFormat {
		report.Status = lifecycle.Staged
	}
	return report, nil
}

// ended is the report of a run that has ended, and its exit code. One that left no report of its own gets an outline.
func (f found) ended(ending watch.Ending) (lifecycle.Report, int) {
	refusal := untouched(f.subject, ending)
	if refusal == nil || ending.Report != nil {
		return *ending.Report, statusExits[ending.Report.Status]
	}
	report := f.outline()
	if report.Status == "" || report.Status == lifecycle.Running {
		report.Status = lifecycle.RolledBack
	}
	failure := failureOf(refusal)
	if failure.Exit == exitIncomplete {
		report.Status = lifecycle.Failed
	}
	report.Failure = failure.Message
	return report, failure.Exit
}
