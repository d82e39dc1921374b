package command

import (
	"context"

	"github.com/spf13/cobra"

	"tenure/internal/contract"
	"tenure/starter/output"
)

type usersPlaceOptions struct {
	user, site, role string
	planOnly         bool
}

func newUsersPlaceCommand(c *Console, run func(context.Context, *Console, usersPlaceOptions) error) *cobra.Command {
	var o usersPlaceOptions
	cmd := &cobra.Command{
		Use:   "place [USER --site NODE [--role ROLE]]",
		Short: "place users at sites, by the catalog's rules or by hand",
		Long: `Place everybody at the tenant level by the catalog's placement rules, or one user at a site by hand. With --plan
nothing is changed and the exit code is 2 when somebody would move.`,
		Example: `  tenure users place --plan
  tenure users place --yes
  tenure users place ada@contoso.com --site london --role Standard`,
		Args: atMost("USER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.user = ""
			if len(args) > 0 {
				o.user = args[0]
			}
			switch {
			case o.user != "" && o.site == "":
				return usage(helpHint(cmd), "placing %s needs --site NODE", o.user)
			case o.user == "" && (o.site != "" || o.role != ""):
				return usage(helpHint(cmd), "--site and --role are for one user; which one is missing")
			}
			return run(cmd.Context(), c, o)
		},
	}
	cmd.Flags().StringVar(&o.site, "site", "", "place the user at `NODE`, a site")
	cmd.Flags().StringVar(&o.role, "role", "", "give the user `ROLE` there")
	cmd.Flags().BoolVar(&o.planOnly, "plan", false, "only show who would go where")
	return cmd
}

func runUsersPlace(ctx context.Context, c *Console, o usersPlaceOptions) error {
	if !o.planOnly {
		if err := c.mayAsk(); err != nil {
			return err
		}
	}
	request := contract.PlaceRequest{User: o.user, Site: o.site, Role: o.role, Actor: c.actor()}
	summary := "place users by the catalog's rules"
	if o.user != "" {
		summary = "place " + o.user + " at " + o.site
	}
	if o.planOnly || !c.flags.yes {
		plan := request
		plan.PlanOnly = true
		var planned contract.Placements
		if err := c.ask(ctx, errand{contract.PlaceUsers, plan, "plan: " + summary}, &planned); err != nil {
			return err
		}
		if o.planOnly {
			if err := c.printPlacements(planned); err != nil {
				return err
			}
			if moves(planned) > 0 {
				return exit(exitOperator)
			}
			return nil
		}
		if moves(planned) == 0 && o.role == "" {
			return c.printPlacements(planned)
		}
		placementTable(c.talk(), planned)
		if err := c.confirm(ctx, "Place %d?", moves(planned)); err != nil {
			return err
		}
	}
	var placed contract.Placements
	detached, err := c.change(ctx, errand{contract.PlaceUsers, request, summary}, &placed)
	if detached || err != nil {
		return err
	}
	return c.printPlacements(placed)
}

func moves(p contract.Placements) (n int) {
	for _, placement := range p.Placements {
		if placement.From != placement.To {
			n++
		}
	}
	return n
}

func (c *Console) printPlacements(placements contract.Placements) error {
	if placements.Placements == nil {
		placements.Placements = []contract.Placement{}
	}
	return printList(c, placements, placements.Placements, nil, "nobody to place", func(p output.Paper) { placementTable(p, placements) })
}

func placementTable(p output.Paper, placements contract.Placements) {
	rows := make([][]output.Cell, len(placements.Placements))
	for i, placement := range placements.Placements {
		rule := placement.Rule
		if rule == "" {
			rule = "by hand"
		}
		rows[i] = []output.Cell{
			output.Text(placement.User.UserPrincipalName), output.Text(placement.From), output.Text(placement.To),
			output.Text(rule), output.Text(output.OrNone(placement.Onboard)),
		}
	}
	p.Table([]output.Column{
		{Title: "USER", Flexible: true}, {Title: "FROM", Flexible: true}, {Title: "TO", Flexible: true},
		{Title: "RULE", Flexible: true, Optional: true}, {Title: "ONBOARD", Optional: true},
	}, rows)
}
