package command

import (
	"context"

	"github.com/spf13/cobra"

	"tenure/internal/lifecycle"
	"tenure/starter/output"
)

// cancelExits are those of architecture.md §5.1 for cancel: undone is what was wanted. A run that completed all the
// same was not cancelled.
var cancelExits = map[lifecycle.Status]int{
	lifecycle.Cancelled:  exitDone,
	lifecycle.RolledBack: exitUndone,
	lifecycle.Completed:  exitRefused,
	lifecycle.Held:       exitOperator,
	lifecycle.Failed:     exitIncomplete,
}

type cancelOptions struct{ run string }

func newCancelCommand(c *Console, run func(context.Context, *Console, cancelOptions) error) *cobra.Command {
	var o cancelOptions
	return &cobra.Command{
		Use:   "cancel RUN|USER",
		Short: "stop a run and undo what it has done",
		Long: `Cancel a run: it stops at the next step and undoes what it has done, in reverse order. The command shows the undo and
exits with 0 when everything is undone.`,
		Example: `  tenure cancel ada@contoso.com
  tenure cancel 6f3c9c1e-0d5b-4f0e-9b1f-3a7d5c2e8a10 --yes --reason "wrong person"`,
		GroupID: groupRuns,
		Args:    arguments("RUN|USER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.run = args[0]
			return run(cmd.Context(), c, o)
		},
	}
}

func runCancel(ctx context.Context, c *Console, o cancelOptions) error {
	if err := c.mayAsk(); err != nil {
		return err
	}
	conn, err := c.temporal(ctx)
	if err != nil {
		return err
	}
	run, err := c.find(ctx, conn, o.run)
	if err != nil {
		return err
	}
	if !run.open {
		return finished(run)
	}
	if err := c.confirm(ctx, "Cancel the %s, running since %s, and undo what it has done?", output.Plain(run.String()), output.Time(run.startedAt)); err != nil {
		return err
	}
	if err := conn.CancelWorkflow(ctx, run.workflowID, run.runID); missing(err) {
		return finished(run)
	} else if err != nil {
		return conn.reach(ctx, err)
	}
	if c.flags.detach {
		return c.printStarted(run.workflowID, run.runID)
	}
	return c.attend(ctx, conn, run.subject, cancelExits)
}

func finished(run found) *Failure {
	when := ""
	if run.closedAt != nil {
		when = " at " + output.Time(*run.closedAt)
	}
	return refused("finished", "see it with: tenure status "+run.runID, "the %s is finished%s (%s); there is nothing to cancel", run, when, run.status)
}
