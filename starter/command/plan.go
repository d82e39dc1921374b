package command

import (
	"context"

	"github.com/spf13/cobra"

	"tenure/internal/contract"
	"tenure/internal/lifecycle"
	"tenure/starter/output"
)

func newPlanCommand(c *Console) *cobra.Command {
	cmd := newGroupCommand("plan", "show what an operation would do, and change nothing", groupOperations)
	cmd.Long = `Show what an operation would do to a user, what it would skip and why, and the state that it would leave.
Nothing is changed. The exit code is 2 when there is something to change and 0 when there is not.`
	cmd.AddCommand(newPlanOffboardCommand(c, runPlanOffboard))
	return cmd
}

func newPlanOffboardCommand(c *Console, run func(context.Context, *Console, offboardOptions) error) *cobra.Command {
	var o offboardOptions
	cmd := reading(&cobra.Command{
		Use:   "offboard USER",
		Short: "show what offboarding a user would do",
		Example: `  tenure plan offboard ada@contoso.com
  tenure plan offboard ada@contoso.com --group "Leavers" -o json`,
		Args: arguments("USER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.user = args[0]
			return run(cmd.Context(), c, o)
		},
	})
	o.register(cmd)
	return cmd
}

func runPlanOffboard(ctx context.Context, c *Console, o offboardOptions) error {
	request := c.request(lifecycle.Offboard)
	request.Group = o.group
	answer, err := c.plan(ctx, contract.PlanRequest{User: o.user, Request: request})
	switch {
	case err != nil:
		return err
	case answer.Existing != nil:
		return refused("request-exists", "see it with: tenure status "+answer.Existing.RunID, "request %s belongs to run %s; there is nothing to plan", request.RequestID, answer.Existing.RunID)
	case answer.Busy != nil:
		return busy(o.user, *answer.Busy)
	}
	plan := answer.Plan
	if plan.Warnings == nil {
		plan.Warnings = []lifecycle.Warning{}
	}
	if err := c.result(plan, func(p output.Paper) { p.Plan(plan, answer.Node) }); err != nil {
		return err
	}
	if plan.Changes() {
		return exit(exitOperator)
	}
	return nil
}
