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
	run                            string
	retry, skip, rollback, approve bool
}

func newResolveCommand(c *Console, run func(context.Context, *Console, resolveOptions) error) *cobra.Command {
	var o resolveOptions
	cmd := &cobra.Command{
		Use:   "resolve RUN|USER (--retry | --skip | --rollback | --approve)",
		Short: "decide about a run that waits for an operator",
		Long: `Decide about a run that waits. A run is held after a step failed for good: --retry tries that step again, after its cause
was mended; --skip goes on without it, where the rules allow that, and shows the step as skipped; --rollback undoes what
was done. A staged onboarding waits until Teams knows the user and looks from time to time; --retry makes it look now.
A sync waits when it would remove more users than the threshold: --approve removes them, --rollback keeps them.
Who decided what, and why, stands in the audit. The command then stays with the run until it ends.`,
		Example: `  tenure list --held
  tenure resolve ada@contoso.com --retry
  tenure resolve ada@contoso.com --skip --reason "the policy was retired"
  tenure resolve 6f3c9c1e-0d5b-4f0e-9b1f-3a7d5c2e8a10 --rollback --yes --reason "wrong person"
  tenure resolve 0d2f6d1a-52c5-4a0e-8a55-0f6f0b8f2a11 --approve --reason "the branch was closed"`,
		GroupID: groupRuns,
		Args:    arguments("RUN|USER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.run = args[0]
			return run(cmd.Context(), c, o)
		},
	}
	cmd.Flags().BoolVar(&o.retry, "retry", false, "try again now what failed, or what the run waits for")
	cmd.Flags().BoolVar(&o.skip, "skip", false, "go on without the step that failed")
	cmd.Flags().BoolVar(&o.rollback, "rollback", false, "undo what was done, or forbid what the run asks about")
	cmd.Flags().BoolVar(&o.approve, "approve", false, "let the run do what it asks about")
	return cmd
}

// decision is the action that the flags name, and the question before it.
func (o resolveOptions) decision() (action, question string, err error) {
	decisions := []struct {
		said             bool
		action, question string
	}{
		{o.retry, contract.ResolveRetry, "Let the %s try again now?"},
		{o.skip, contract.ResolveSkip, "Let the %s go on without the step that failed?"},
		{o.rollback, contract.ResolveRollback, "Undo what the %s has done?"},
		{o.approve, contract.ResolveApprove, "Let the %s do what it asks about?"},
	}
	for _, d := range decisions {
		switch {
		case d.said && action != "":
			return "", "", usage("say one of them", "--%s and --%s contradict each other", action, d.action)
		case d.said:
			action, question = d.action, d.question
		}
	}
	if action == "" {
		return "", "", usage("add --retry, --skip, --rollback or --approve", "say how to resolve the run")
	}
	return action, question, nil
}

func runResolve(ctx context.Context, c *Console, o resolveOptions) error {
	action, question, err := o.decision()
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
	notWaiting := func(why string) error {
		return refused("not-waiting", "see it with: tenure status "+run.runID, "the %s does not wait for this decision: %s", run, why)
	}
	if !run.open {
		return notWaiting("it is " + string(run.status))
	}
	if err := c.confirm(ctx, question, output.Plain(run.String())); err != nil {
		return err
	}
	switch why, err := c.decide(ctx, conn, run.workflowID, run.runID, action); {
	case err != nil:
		return err
	case why != "":
		return notWaiting(why)
	case c.flags.detach:
		return c.printStarted(run.workflowID, run.runID)
	}
	return c.attend(ctx, conn, run.subject, statusExits)
}

// decide sends an operator's decision to a run; without a run id it is the newest one. why is not empty when the run does
// not take the decision.
func (c *Console) decide(ctx context.Context, conn *Connection, workflowID, runID, action string) (why string, err error) {
	update, err := conn.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: workflowID, RunID: runID, UpdateName: contract.ResolveUpdate, WaitForStage: client.WorkflowUpdateStageCompleted,
		Args: []any{contract.Resolution{Action: action, Actor: c.actor()}},
	})
	if err == nil {
		err = update.Get(ctx, nil)
	}
	var rejected *temporal.ApplicationError
	var gone *serviceerror.NotFound
	switch {
	case errors.As(err, &rejected):
		return rejected.Message(), nil
	case errors.As(err, &gone):
		return "it has ended", nil
	case err != nil:
		return "", conn.reach(ctx, err)
	}
	return "", nil
}
