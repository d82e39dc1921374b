package command

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"tenure/internal/contract"
	"tenure/starter/output"
)

type usersPlaceOptions struct {
	user, site, role string
	planOnly         bool
	onboard          bool
}

func newUsersPlaceCommand(c *Console, run func(context.Context, *Console, usersPlaceOptions) error) *cobra.Command {
	var o usersPlaceOptions
	cmd := &cobra.Command{
		Use:   "place [USER --site NODE [--role ROLE]]",
		Short: "place users at sites, by the catalog's rules or by hand",
		Long: `Place everybody at the tenant level by the catalog's placement rules, or one user at a site by hand. Guests, users whom a run
has and users who were offboarded on purpose stay; the latter until something changes in Entra that the rule looks at.
Where a rule says onboard, the onboarding is started and goes on by itself. With --plan nothing is changed and the exit
code is 2 when somebody would move.`,
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
	cmd.Flags().BoolVar(&o.onboard, "onboard", true, "onboard those whose rule says so; --onboard=false only places them")
	cmd.Flags().BoolVar(&o.planOnly, "plan", false, "only show who would go where")
	return cmd
}

func runUsersPlace(ctx context.Context, c *Console, o usersPlaceOptions) error {
	if !o.planOnly {
		if err := c.mayAsk(); err != nil {
			return err
		}
	}
	request := contract.PlaceRequest{User: o.user, Site: o.site, Role: o.role, Onboard: o.user == "" && o.onboard, Actor: c.actor()}
	summary := "place users by the catalog's rules"
	if o.user != "" {
		summary = "place " + o.user + " at " + o.site
	}
	if o.planOnly || !c.flags.yes {
		planned, err := c.planPlacements(ctx, request, summary)
		if err != nil {
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
		question := "Place %d?"
		if onboardings := onboardings(planned); onboardings > 0 && o.onboard {
			question = fmt.Sprintf("Place %%d, and onboard %d of them?", onboardings)
		}
		if err := c.confirm(ctx, question, moves(planned)); err != nil {
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

// planPlacements asks for all parts of a plan.
func (c *Console) planPlacements(ctx context.Context, request contract.PlaceRequest, summary string) (planned contract.Placements, err error) {
	request.PlanOnly = true
	for {
		var part contract.Placements
		if err := c.ask(ctx, errand{contract.PlaceUsers, request, "plan: " + summary}, &part); err != nil {
			return planned, err
		}
		planned.Placements = append(planned.Placements, part.Placements...)
		if part.Next == nil {
			return planned, nil
		}
		request.Cursor = *part.Next
	}
}

func onboardings(p contract.Placements) (n int) {
	for _, placement := range p.Placements {
		if placement.Onboard != nil {
			n++
		}
	}
	return n
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
	if more := placements.Placed - len(placements.Placements); more > 0 {
		c.talk().Line("%d were placed; the first %d are shown", placements.Placed, len(placements.Placements))
	}
	if placements.Onboarding > 0 {
		c.talk().Line("%d onboardings were started; `tenure list --running` shows them", placements.Onboarding)
	}
	for _, who := range placements.Busy {
		c.talk().Line("%s was left alone: a run or somebody else has taken them", output.Plain(who.UserPrincipalName))
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
