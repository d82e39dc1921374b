package command

import (
	"context"

	"github.com/spf13/cobra"

	"tenure/internal/contract"
	"tenure/internal/lifecycle"
)

// offboardOptions are what `offboard` and `plan offboard` are asked.
type offboardOptions struct {
	user, group string
}

func (o *offboardOptions) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.group, "group", "", "quick add group `QAG` to offboard with, flagged for offboarding (default: the settings of the user's site)")
}

func newOffboardCommand(c *Console, run func(context.Context, *Console, offboardOptions) error) *cobra.Command {
	var o offboardOptions
	cmd := &cobra.Command{
		Use:   "offboard USER",
		Short: "take number, licenses and place from a user who leaves",
		Long: `Offboard a user: the number is unassigned and cools down, policies and groups of the quick add group are applied,
direct licenses go, the user returns to the tenant level. The plan is shown first; at the end everything is read back
from Microsoft, and only then the run is completed. A step that fails for good holds the run until an operator decides
with tenure resolve; with --on-failure rollback it is undone at once.

USER is a user principal name or an object id.`,
		Example: `  tenure offboard ada@contoso.com
  tenure offboard ada@contoso.com --group "Leavers" --yes --reason "ticket 4711"
  tenure offboard ada@contoso.com --yes --detach -o json
  tenure offboard ada@contoso.com --yes --request-id ticket-4711`,
		GroupID: groupOperations,
		Args:    arguments("USER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.user = args[0]
			return run(cmd.Context(), c, o)
		},
	}
	o.register(cmd)
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

func runOffboard(ctx context.Context, c *Console, o offboardOptions) error {
	return c.operate(ctx, o.question(c))
}

func runPlanOffboard(ctx context.Context, c *Console, o offboardOptions) error {
	return c.preview(ctx, o.question(c))
}

func (o offboardOptions) question(c *Console) contract.PlanRequest {
	request := c.request(lifecycle.Offboard)
	request.Group = o.group
	return contract.PlanRequest{User: o.user, Request: request}
}
