package command

import (
	"context"

	"github.com/spf13/cobra"

	"tenure/internal/contract"
)

func newApplyCommand(c *Console, run func(context.Context, *Console, string) error) *cobra.Command {
	return &cobra.Command{
		Use:   "apply FILE",
		Short: "carry out a saved plan, exactly that or nothing",
		Long: `Carry out a plan that was saved with --out. When anything that the plan looked at has changed since, the plan is stale:
nothing is touched, and the command says what changed. A plan that was altered is refused.`,
		Example: `  tenure plan offboard ada@contoso.com --out ada.json
  tenure apply ada.json
  tenure apply ada.json --yes --reason "approved in ticket 4711"`,
		GroupID: groupOperations,
		Args:    arguments("FILE"),
		RunE:    func(cmd *cobra.Command, args []string) error { return run(cmd.Context(), c, args[0]) },
	}
}

func runApply(ctx context.Context, c *Console, file string) error {
	plan, saved, err := loadPlan(file)
	if err != nil {
		return err
	}
	request := saved
	now := c.request(saved.Operation)
	request.RequestID, request.RequestedBy, request.Reason = now.RequestID, now.RequestedBy, now.Reason
	request.OnFailure, request.HoldFor = now.OnFailure, now.HoldFor
	request.Expect = &plan
	return c.operate(ctx, contract.PlanRequest{User: plan.Subscriber.ID, Request: request})
}
