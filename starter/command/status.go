package command

import (
	"context"
	"maps"

	"github.com/spf13/cobra"

	"tenure/internal/lifecycle"
	"tenure/starter/output"
)

type statusOptions struct {
	run               string
	watch, exitStatus bool
}

func newStatusCommand(c *Console, run func(context.Context, *Console, statusOptions) error) *cobra.Command {
	var o statusOptions
	cmd := reading(&cobra.Command{
		Use:   "status USER|RUN",
		Short: "show the newest run of a user, or one run",
		Long: `Show a run: the newest one of a user, or the one that a workflow id or run id names. With --watch it is followed to
its end. The exit code is 0 when the run could be shown; with --exit-status it is the run's own.`,
		Example: `  tenure status ada@contoso.com
  tenure status 6f3c9c1e-0d5b-4f0e-9b1f-3a7d5c2e8a10 --watch
  tenure status subscriber/contoso/0b5e… --exit-status -o json`,
		GroupID: groupRuns,
		Args:    arguments("USER|RUN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.run = args[0]
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
	run, err := c.find(ctx, conn, o.run)
	if err != nil {
		return err
	}
	exits := maps.Clone(statusExits)
	if !o.exitStatus {
		clear(exits)
	}
	switch {
	case run.open && o.watch:
		return c.attend(ctx, conn, run.subject, exits)
	case run.open:
		return c.showOpen(ctx, conn, run, exits)
	case run.report != nil:
		c.talk().Line("Temporal does not keep this run any more; this is the report that it left")
		return c.show(*run.report, exits)
	case !run.kept:
		c.talk().Line("Temporal does not keep this run any more; only its row is left")
		return c.show(run.outline(), exits)
	}
	ending, err := c.watch(conn, run.subject).Result(ctx)
	if err != nil {
		return conn.reach(ctx, err)
	}
	if refusal := untouched(run.subject, ending); refusal != nil && ending.Report == nil {
		return c.showRefused(run, refusal, o.exitStatus)
	}
	return c.show(*ending.Report, exits)
}

func (c *Console) showOpen(ctx context.Context, conn *Connection, run found, exits map[lifecycle.Status]int) error {
	report, err := c.watch(conn, run.subject).Progress(ctx)
	switch {
	case ctx.Err() != nil:
		return interrupted("the run goes on")
	case err != nil:
		c.talk().Line("no worker answers; the run goes on when one is back. What Temporal itself knows:")
		report = run.outline()
	}
	if run.staged && report.Status == lifecycle.Running && c.flags.output == output.TextFormat {
		report.Status = lifecycle.Staged
	}
	return c.show(report, exits)
}

// showRefused shows a run that ended without a report of its own.
func (c *Console) showRefused(run found, refusal error, exitStatus bool) error {
	report := run.outline()
	if report.Status == "" || report.Status == lifecycle.Running {
		report.Status = lifecycle.RolledBack
	}
	failure := failureOf(refusal)
	if failure.Exit == exitIncomplete {
		report.Status = lifecycle.Failed
	}
	report.Failure = failure.Message
	if err := c.printReport(report); err != nil {
		return err
	}
	if exitStatus {
		return exit(failure.Exit)
	}
	return nil
}

func (c *Console) show(report lifecycle.Report, exits map[lifecycle.Status]int) error {
	if err := c.printReport(report); err != nil {
		return err
	}
	if code := exits[report.Status]; code != exitDone {
		return exit(code)
	}
	return nil
}
