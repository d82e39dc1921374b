package command

import (
	"github.com/spf13/cobra"
)

func newPlanCommand(c *Console) *cobra.Command {
	cmd := newGroupCommand("plan", "show what an operation would do, and change nothing", groupOperations)
	cmd.Long = `Show what an operation would do to a user, what it would skip and why, and the state that it would leave.
Nothing is changed. The exit code is 2 when there is something to change and 0 when there is not. With --out the plan is
saved, and tenure apply carries out exactly that plan or, when something has changed since, nothing.`
	cmd.PersistentFlags().StringVar(&c.planOut, "out", "", "save the plan to `FILE`, for tenure apply")
	cmd.AddCommand(newPlanOnboardCommand(c), newPlanOffboardCommand(c), newPlanMoveCommand(c), newPlanUpdateCommand(c))
	return cmd
}
