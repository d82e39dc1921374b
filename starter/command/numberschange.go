package command

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tenure/internal/contract"
	"tenure/internal/e164"
	"tenure/starter/output"
)

// numbersChange is a command that changes numbers of the inventory.
type numbersChange struct {
	action contract.NumberAction
	// flags is how the usage shows them; short, long and example are the help.
	flags, short, long, example string
	// register adds the flags; they fill the request.
	register func(*cobra.Command, *contract.NumbersChange)
}

var numbersChanges = []numbersChange{
	{
		action: contract.ReserveAction, flags: " [--for USER] [--days N] [--notes TEXT]", short: "keep numbers from being assigned",
		long: `Reserve available numbers, so that nobody is given them until they are unreserved or the days are over.

With --for they are kept for one user instead: only that user can be given them. This leaves their state as it is, and
lasts beyond an offboarding of the user.`,
		example: `  tenure numbers reserve +442079460010 --days 14 --notes "new reception"
  tenure numbers reserve +442079460011 +442079460012 --for ada@contoso.com`,
		register: func(cmd *cobra.Command, in *contract.NumbersChange) {
			cmd.Flags().StringVar(&in.For, "for", "", "keep them for `USER`")
			cmd.Flags().IntVar(&in.Days, "days", 0, "for `N` days of 24 hours, 1 to 999 (default: until unreserved)")
			cmd.Flags().StringVar(&in.Notes, "notes", "", "why, as `TEXT` beside the number")
		},
	},
	{
		action: contract.UnreserveAction, short: "end reservations",
		long:    `Make reserved numbers available again, and numbers that were kept for a user everybody's.`,
		example: `  tenure numbers unreserve +442079460010 --reason "reception has moved"`,
	},
	{
		action: contract.CoolAction, flags: " [--days N]", short: "let available numbers cool",
		long: `Keep available numbers from being assigned for some days. Without --days each number cools for as long as the
catalog's setting numberCooling.days at its own node says.`,
		example: `  tenure numbers cool +442079460010
  tenure numbers cool +442079460010 +442079460011 --days 90`,
		register: func(cmd *cobra.Command, in *contract.NumbersChange) {
			cmd.Flags().IntVar(&in.Days, "days", 0, "for `N` days of 24 hours, 1 to 999 (default: as the number's node has it)")
		},
	},
	{
		action: contract.ReleaseAction, short: "end cooling now",
		long:    `Make cooling numbers available now. Numbers whose time is over become available by themselves.`,
		example: `  tenure numbers release +442079460001`,
	},
	{
		action: contract.MoveAction, flags: " --to NODE", short: "move numbers to another node",
		long: `Move numbers to another node of the same tenant. A number is visible at its node and below. One that a run holds is
not moved, nor one whose user could not see it any more.`,
		example: `  tenure numbers move +442079460010 --to emea
  tenure numbers move +442079460010 +442079460011 --to acme/contoso/emea/london --yes`,
		register: func(cmd *cobra.Command, in *contract.NumbersChange) {
			cmd.Flags().StringVar(&in.To, "to", "", "move to `NODE`, a name or a path")
		},
	},
	{
		action: contract.RemoveAction, short: "take available numbers out of the inventory",
		long:    `Take available numbers out of the inventory; numbers in another state are refused. Nothing changes in Teams.`,
		example: `  tenure numbers remove +442079460010 --reason "given back to the carrier"`,
	},
}

func newNumbersChangeCommands(c *Console, run func(context.Context, *Console, contract.NumbersChange) error) []*cobra.Command {
	var commands []*cobra.Command
	for _, change := range numbersChanges {
		commands = append(commands, newNumbersChangeCommand(c, change, run))
	}
	return commands
}

func newNumbersChangeCommand(c *Console, change numbersChange, run func(context.Context, *Console, contract.NumbersChange) error) *cobra.Command {
	in := contract.NumbersChange{Action: change.action}
	cmd := &cobra.Command{
		Use:     string(change.action) + " NUMBER..." + change.flags,
		Short:   change.short,
		Long:    change.long + "\n\nAll of the numbers are changed or none.",
		Example: change.example,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return usage(helpHint(cmd), "%s needs NUMBER...", path(cmd))
			case len(args) > contract.MaxChanged:
				return usage("do it in parts", "%d numbers are too many at once; %d are allowed", len(args), contract.MaxChanged)
			case cmd.Flags().Changed("days") && (in.Days < 1 || in.Days > contract.MaxDays):
				return usage(helpHint(cmd), "--days %d is out of range; accepted: 1 to %d", in.Days, contract.MaxDays)
			case len(in.Notes) > contract.MaxNotes:
				return usage("say it in fewer words", "--notes has %d bytes; %d are allowed", len(in.Notes), contract.MaxNotes)
			case cmd.Flags().Changed("for") && in.For == "":
				return usage(helpHint(cmd), "--for needs USER")
			case change.action == contract.MoveAction && in.To == "":
				return usage(helpHint(cmd), "numbers move needs --to NODE")
			}
			in.Numbers = nil
			for _, text := range args {
				number, err := e164.Parse(text)
				if err != nil {
					return malformed(err)
				}
				in.Numbers = append(in.Numbers, number)
			}
			return run(cmd.Context(), c, in)
		},
	}
	if change.register != nil {
		change.register(cmd, &in)
	}
	return cmd
}

func runNumbersChange(ctx context.Context, c *Console, in contract.NumbersChange) error {
	if err := c.mayAsk(); err != nil {
		return err
	}
	what := fmt.Sprintf("%s %d numbers", in.Action, len(in.Numbers))
	question := what
	if len(in.Numbers) == 1 {
		what, question = string(in.Action)+" a number", string(in.Action)+" "+in.Numbers[0]
	}
	if err := c.confirm(ctx, "%s?", strings.ToUpper(question[:1])+question[1:]); err != nil {
		return err
	}
	in.Actor = c.actor()
	var changed contract.NumbersChanged
	detached, err := c.change(ctx, errand{contract.ChangeNumbers, in, what}, &changed)
	if detached || err != nil {
		return err
	}
	if changed.Numbers == nil {
		changed.Numbers = []contract.Number{}
	}
	return c.result(changed, func(p output.Paper) {
		if len(changed.Numbers) > 0 {
			numberTable(p, changed.Numbers)
		}
		for _, number := range changed.Removed {
			p.Line("%s removed", number)
		}
	})
}
