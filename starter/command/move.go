package command

import (
	"github.com/spf13/cobra"

	"tenure/internal/contract"
	"tenure/internal/lifecycle"
)

// moveOptions are what `move` and `plan move` are asked.
type moveOptions struct {
	joinOptions
	user, numberTo, offboardGroup string
	keepNumber, yourself          bool
}

func (o *moveOptions) register(cmd *cobra.Command) {
	o.joinOptions.register(cmd, "to", "move", "to")
	places := []string{lifecycle.NumberToShared, lifecycle.NumberToSite}
	cmd.Flags().BoolVar(&o.keepNumber, "keep-number", false, "keep the number that the user has")
	cmd.Flags().Var(newChoice(&o.numberTo, places...), "number-to", "where a kept number goes that the new site cannot see: `PLACE` is shared, the nearest node above both sites, or site (default shared)")
	cmd.Flags().StringVar(&o.offboardGroup, "offboard-group", "", "leave with quick add group `QAG`, flagged for offboarding (default: licenses and groups stay)")
	completeFlag(cmd, "number-to", places...)
	registerYourself(cmd, &o.yourself)
}

func (o *moveOptions) read(cmd *cobra.Command, args []string) error {
	o.user = args[0]
	switch flags := cmd.Flags(); {
	case o.keepNumber && flags.Changed("number"):
		return usage("keep the number that the user has, or name another one", "--keep-number and --number contradict each other")
	case !o.keepNumber && flags.Changed("number-to"):
		return usage("only a number that is kept goes somewhere", "--number-to needs --keep-number")
	}
	return o.joinOptions.read(cmd, "to")
}

func (o moveOptions) question(c *Console) contract.PlanRequest {
	request := c.request(lifecycle.Move)
	o.ask(&request)
	request.KeepNumber, request.NumberTo, request.OffboardGroup = o.keepNumber, o.numberTo, o.offboardGroup
	request.Yourself = o.yourself
	return contract.PlanRequest{User: o.user, Request: request}
}

func newMoveCommand(c *Console) *cobra.Command {
	return operating(c, &moveOptions{}, &cobra.Command{
		Use:   "move USER --to NODE (--group QAG | --profile NAME | --set FIELD=VALUE)",
		Short: "move a user to another site with number, policies and role",
		Long: `Move a user from one site to another in one run: what the old site gave is taken away, and what the new site gives
takes its place, with the number that the user has or another one. Licenses and groups stay unless the offboarding
group or what the user joins with says otherwise. The plan is shown first; at the end everything is read back from
Microsoft, and only then the run is completed. A failure puts everything back to how it was at the old site.

USER is a user principal name or an object id. With --keep-number the run holds the number from beginning to end, and
moves it in the inventory where the new site could not see it. Another number is released, and cools where that is
configured, only after the new one works.`,
		Example: `  tenure move ada@contoso.com --to paris --profile sales --keep-number
  tenure move ada@contoso.com --to paris --group "Sales phones" --keep-number --number-to site
  tenure move ada@contoso.com --to acme/contoso/newyork --profile sales --number next --yes
  tenure move ada@contoso.com --to paris --group "Sales phones" --offboard-group "Leavers" --yes --reason "ticket 4711"`,
	})
}

func newPlanMoveCommand(c *Console) *cobra.Command {
	return planning(c, &moveOptions{}, &cobra.Command{
		Use:   "move USER --to NODE (--group QAG | --profile NAME | --set FIELD=VALUE)",
		Short: "show what moving a user to another site would do",
		Example: `  tenure plan move ada@contoso.com --to paris --profile sales --keep-number
  tenure plan move ada@contoso.com --to paris --group "Sales phones" --number next -o json`,
	})
}
