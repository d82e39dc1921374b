package command

import (
	"github.com/spf13/cobra"

	"tenure/internal/contract"
	"tenure/internal/lifecycle"
)

// offboardOptions are what `offboard` and `plan offboard` are asked.
type offboardOptions struct {
	user, group string
	yourself    bool
}

func (o *offboardOptions) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.group, "group", "", "quick add group `QAG` to offboard with, flagged for offboarding (default: the settings of the user's site)")
	registerYourself(cmd, &o.yourself)
}

func (o *offboardOptions) read(_ *cobra.Command, args []string) error {
	o.user = args[0]
	return nil
}

func newOffboardCommand(c *Console) *cobra.Command {
	return operating(c, &offboardOptions{}, &cobra.Command{
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
	})
}

func newPlanOffboardCommand(c *Console) *cobra.Command {
	return planning(c, &offboardOptions{}, &cobra.Command{
		Use:   "offboard USER",
		Short: "show what offboarding a user would do",
		Example: `  tenure plan offboard ada@contoso.com
  tenure plan offboard ada@contoso.com --group "Leavers" -o json`,
	})
}

func (o offboardOptions) question(c *Console) contract.PlanRequest {
	request := c.request(lifecycle.Offboard)
	request.Group, request.Yourself = o.group, o.yourself
	return contract.PlanRequest{User: o.user, Request: request}
}
