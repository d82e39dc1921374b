package command

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"tenure/internal/contract"
	"tenure/starter/output"
)

type resolveOptions struct {
	run                      string
	retry, approve, rollback bool
}

// action is what the flags say; exactly one of them must.
func (o resolveOptions) action() (string, error) {
	var chosen []string
	for action, set := range map[string]bool{contract.ResolveRetry: o.retry, contract.ResolveApprove: o.approve, contract.ResolveRollback: o.rollback} {
		if set {
			chosen = append(chosen, action)
		}
	}
	if len(chosen) != 1 {
		return "", usage("add one of --retry, --approve and --rollback", "say how to resolve the run")
	}
	return chosen[0], nil
}

func newResolveCommand(c *Console, run func(context.Context, *Console, resolveOptions) error) *cobra.Command {
	var o resolveOptions
	cmd := &cobra.Command{
		Use:   "resolve RUN|USER --retry|--approve|--rollback",
		Short: "decide about a run that waits for an operator",
		Long: `Resolve a run that waits. A staged onboarding waits until Teams knows the user and looks from time to time; --retry makes
it look now. A sync waits when it would remove more users than the threshold: --approve lets it, --rollback keeps them. The
command then stays with the run until it ends.`,
		Example: `  tenure resolve ada@contoso.com --retry
  tenure resolve 6f3c9c1e-0d5b-4f0e-9b1f-3a7d5c2e8a10 --retry --yes --reason "licensed today"
  tenure resolve 0d2f6d1a-52c5-4a0e-8a55-0f6f0b8f2a11 --approve --reason "the branch was closed"`,
		GroupID: groupRuns,
		Args:    arguments("RUN|USER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.run = args[0]
			return run(cmd.Context(), c, o)
		},
	}
	cmd.Flags().BoolVar(&o.retry, "retry", false, "try again now what the run waits for")
	cmd.Flags().BoolVar(&o.approve, "approve", false, "let the run do what it asks about")
	cmd.Flags().BoolVar(&o.rollback, "rollback", false, "do not let it")
	return cmd
}

func runResolve(ctx context.Context, c *Console, o resolveOptions) error {
	action, err := o.action()
	if err != nil {
		return err
	}
	if err := c.mayAsk(); err != nil {
		return err
	}
	conn, err := c.temporal(ctx)
	if err != nil {
		return err
	}
	if strings.HasPrefix(o.run, contract.SyncWorkflowPrefix) {
		return resolveSync(ctx, c, conn, o.run, action)
	}
	run, err := c.find(ctx, conn, o.run)
	switch {
	case err != nil:
		return err
	case strings.HasPrefix(run.workflowID, contract.SyncWorkflowPrefix):
		return resolveSync(ctx, c, conn, run.workflowID, action)
	}
	notWaiting := func() error {
		return refused("not-waiting", "see it with: tenure status "+run.runID, "the %s does not wait for a decision (%s)", run, run.status)
	}
	if !run.open {
		return notWaiting()
	}
	if err := c.confirm(ctx, "Let the %s try again now?", output.Plain(run.String())); err != nil {
		return err
	}
	who := c.request(run.operation)
	update, err := conn.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: run.workflowID, RunID: run.runID, UpdateName: contract.ResolveUpdate, WaitForStage: client.WorkflowUpdateStageCompleted,
		Args: []any{contract.Resolution{Action: action, Actor: contract.Actor{RequestedBy: who.RequestedBy, Reason: who.Reason}}},
	})
	if err == nil {
		err = update.Get(ctx, nil)
	}
	var rejected *temporal.ApplicationError
	var gone *serviceerror.NotFound
	switch {
	case errors.As(err, &rejected), errors.As(err, &gone):
		return notWaiting()
	case err != nil:
		return conn.reach(ctx, err)
	case c.flags.detach:
		return c.printStarted(run.workflowID, run.runID)
	}
	return c.attend(ctx, conn, run.subject, statusExits)
}
