package command

import (
	"github.com/spf13/cobra"
)

func newPlanCommand(c *Console) *cobra.Command {
	cmd := newGroupCommand("plan", "show what an operation would do, and change nothing", groupOperations)
	cmd.Long = `Show what an operation would do to a user, what it would skip and why, and the state that it would leave.
Nothing is changed. The exit code is 2 when there is something to change and 0 when there is not.`
	cmd.AddCommand(newPlanOnboardCommand(c, runPlanOnboard), newPlanOffboardCommand(c, runPlanOffboard), newPlanMoveCommand(c, runPlanMove))
	return cmd
}
