package command

import (
	"cmp"
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"tenure/internal/contract"
	"tenure/internal/e164"
	"tenure/internal/lifecycle"
	"tenure/starter/output"
)

// The words that the inventory knows (architecture.md §5.1, §5.2).
var (
	numberTypes  = []string{"directRouting", "callingPlan", "operatorConnect"}
	numberStates = []string{
		string(lifecycle.Available), string(lifecycle.Used), string(lifecycle.Reserved), string(lifecycle.Cooling), string(lifecycle.HeldState),
	}
)

func newNumbersCommand(c *Console) *cobra.Command {
	cmd := newGroupCommand("numbers", "the number inventory: list, show, add, change, audit", groupInventory)
	cmd.AddCommand(
		newNumbersListCommand(c, runNumbersList),
		newNumbersShowCommand(c, runNumbersShow),
		newNumbersAddCommand(c, runNumbersAdd),
		newNumbersAuditCommand(c, runNumbersAudit),
	)
	cmd.AddCommand(newNumbersChangeCommands(c, runNumbersChange)...)
	return cmd
}

type numbersListOptions struct {
	filter  contract.NumberFilter
	summary bool
	paging
}

func newNumbersListCommand(c *Console, run func(context.Context, *Console, numbersListOptions) error) *cobra.Command {
	var o numbersListOptions
	f := &o.filter
	cmd := reading(&cobra.Command{
		Use:   "list",
		Short: "list numbers of the inventory, or count them",
		Long: `List numbers of the inventory in ascending order. With --summary count them by node and state instead, and warn where
fewer are available than the catalog's setting numberThreshold.percent says.`,
		Example: `  tenure numbers list --node london --state available
  tenure numbers list --node emea --below --type directRouting
  tenure numbers list --contains 7946 --all -o jsonl
  tenure numbers list --user ada@contoso.com
  tenure numbers list --summary --node emea --below`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.Below && f.Node == "" {
				return usage(helpHint(cmd), "--below needs --node NODE")
			}
			for _, other := range []string{"state", "limit", "all", "after"} {
				if o.summary && cmd.Flags().Changed(other) {
					return usage(helpHint(cmd), "--summary and --%s contradict each other", other)
				}
			}
			if err := o.check(cmd); err != nil {
				return err
			}
			return run(cmd.Context(), c, o)
		},
	})
	cmd.Flags().StringVar(&f.Node, "node", "", "only at `NODE`, a name or a path")
	cmd.Flags().BoolVar(&f.Below, "below", false, "at the node and below it")
	cmd.Flags().Var(newChoice((*string)(&f.State), numberStates...), "state", "only in `STATE`: available, used, reserved, cooling or held")
	cmd.Flags().Var(newChoice(&f.Type, numberTypes...), "type", "only of `TYPE`: directRouting, callingPlan or operatorConnect")
	cmd.Flags().StringVar(&f.Contains, "contains", "", "only numbers that contain `TEXT`")
	cmd.Flags().StringVar(&f.User, "user", "", "only numbers of `USER`")
	cmd.Flags().BoolVar(&o.summary, "summary", false, "count by node and state instead")
	completeFlag(cmd, "state", numberStates...)
	completeFlag(cmd, "type", numberTypes...)
	o.register(cmd)
	return cmd
}

func runNumbersList(ctx context.Context, c *Console, o numbersListOptions) error {
	if o.summary {
		return c.summarizeNumbers(ctx, o.filter)
	}
	numbers, next, err := pages(o.paging, func(page contract.Page) ([]contract.Number, *string, error) {
		filter := o.filter
		filter.Page = page
		var answer contract.Numbers
		err := c.ask(ctx, errand{contract.ListNumbers, filter, "list numbers " + filter.Node}, &answer)
		return answer.Numbers, answer.Next, err
	})
	if err != nil {
		return err
	}
	return printList(c, contract.Numbers{Numbers: numbers, Next: next}, numbers, next, "no numbers", func(p output.Paper) {
		numberTable(p, numbers)
	})
}

func numberTable(p output.Paper, numbers []contract.Number) {
	rows := make([][]output.Cell, len(numbers))
	for i, n := range numbers {
		rows[i] = []output.Cell{
			output.Text(n.Number), {Text: string(n.State), Paint: paintState(p, n.State)}, output.Text(who(n.User)),
			output.Text(until(n)), output.Text(n.Node), output.Text(who(n.ReservedFor)), output.Text(n.Type),
		}
	}
	p.Table([]output.Column{
		{Title: "NUMBER"}, {Title: "STATE"}, {Title: "USER", Flexible: true}, {Title: "UNTIL"},
		{Title: "NODE", Flexible: true}, {Title: "RESERVED FOR", Flexible: true, Optional: true}, {Title: "TYPE", Optional: true},
	}, rows)
}

// summarizeNumbers counts numbers and warns of nodes that are low on them (R95).
func (c *Console) summarizeNumbers(ctx context.Context, filter contract.NumberFilter) error {
	var answer contract.NumberSummary
	if err := c.ask(ctx, errand{contract.SummarizeNumbers, filter, "count numbers " + filter.Node}, &answer); err != nil {
		return err
	}
	if answer.Summary == nil {
		answer.Summary = []contract.NodeNumbers{}
	}
	return printList(c, answer, answer.Summary, nil, "no numbers", func(p output.Paper) {
		rows := make([][]output.Cell, len(answer.Summary))
		for i, n := range answer.Summary {
			share := output.Text(fmt.Sprintf("%.1f%%", n.Share))
			if n.Low {
				share.Paint = p.Red
			}
			rows[i] = []output.Cell{output.Text(n.Node)}
			for _, count := range []int{n.Total, n.Available, n.Used, n.Reserved, n.Cooling, n.Held} {
				rows[i] = append(rows[i], output.Text(strconv.Itoa(count)))
			}
			rows[i] = append(rows[i], share)
		}
		p.Table([]output.Column{
			{Title: "NODE", Flexible: true}, {Title: "TOTAL"}, {Title: "AVAILABLE"}, {Title: "USED"}, {Title: "RESERVED", Optional: true},
			{Title: "COOLING", Optional: true}, {Title: "HELD", Optional: true}, {Title: "SHARE"},
		}, rows)
		for _, n := range answer.Summary {
			if n.Low {
				c.talk().Line("warning: %s is low on numbers: %d of %d are available, less than %d%%", output.Plain(n.Node), n.Available, n.Total, *n.Threshold)
			}
		}
	})
}

func paintState(p output.Paper, state lifecycle.NumberState) func(string) string {
	switch state {
	case lifecycle.Available:
		return p.Green
	case lifecycle.Cooling, lifecycle.HeldState, lifecycle.Reserved:
		return p.Yellow
	default:
		return nil
	}
}

func who(user *lifecycle.SubscriberRef) string {
	switch {
	case user == nil:
		return "-"
	case user.UserPrincipalName == "":
		return user.ID
	default:
		return user.UserPrincipalName
	}
}

// until is the day on which the state of a number ends by itself, and how far off that is (R96).
func until(n contract.Number) string {
	end := n.CoolingUntil
	if end == nil {
		end = n.ReservedUntil
	}
	if end == nil {
		return "-"
	}
	text := end.UTC().Format("2006-01-02")
	switch {
	case n.DaysLeft == nil:
		return text
	case *n.DaysLeft == 1:
		return text + " (1 day)"
	default:
		return fmt.Sprintf("%s (%d days)", text, *n.DaysLeft)
	}
}

func newNumbersShowCommand(c *Console, run func(context.Context, *Console, string) error) *cobra.Command {
	return reading(&cobra.Command{
		Use:   "show NUMBER",
		Short: "show one number with its history",
		Example: `  tenure numbers show +442079460001
  tenure numbers show "+44 20 7946 0001" -o json`,
		Args: arguments("NUMBER"),
		RunE: func(cmd *cobra.Command, args []string) error { return run(cmd.Context(), c, args[0]) },
	})
}

func runNumbersShow(ctx context.Context, c *Console, text string) error {
	number, err := e164.Parse(text)
	if err != nil {
		return malformed(err)
	}
	var view contract.NumberView
	if err := c.ask(ctx, errand{contract.ShowNumber, contract.ShowNumberRequest{Number: number}, "show a number"}, &view); err != nil {
		return err
	}
	if view.History == nil {
		view.History = []contract.NumberEvent{}
	}
	return c.result(view, func(p output.Paper) {
		p.Line("%s", p.Bold(output.Plain(view.Number.Number)))
		p.Field("state", string(view.State))
		p.Field("node", view.Node)
		p.Field("type", view.Type)
		p.Field("vendor", output.OrNone(view.Vendor))
		if view.Activation != "" {
			p.Field("activation", view.Activation)
		}
		p.Field("user", who(view.User))
		if view.ReservedFor != nil {
			p.Field("reserved for", who(view.ReservedFor))
		}
		if until(view.Number) != "-" {
			p.Field("until", until(view.Number))
		}
		p.Field("notes", output.OrNone(view.Notes))
		if len(view.History) == 0 {
			return
		}
		p.Line("")
		rows := make([][]output.Cell, len(view.History))
		for i, e := range view.History {
			rows[i] = []output.Cell{
				output.Text(output.Time(e.At)), output.Text(e.Event), output.Text(stateOrNone(e.From)),
				output.Text(stateOrNone(e.To)), output.Text(output.OrNone(e.By)), output.Text(cmp.Or(e.Detail, "-")), output.Text(output.OrNone(e.RunID)),
			}
		}
		p.Table([]output.Column{
			{Title: "AT"}, {Title: "EVENT"}, {Title: "FROM"}, {Title: "TO"}, {Title: "BY", Flexible: true},
			{Title: "DETAIL", Flexible: true, Optional: true}, {Title: "RUN", Optional: true},
		}, rows)
	})
}

func stateOrNone(state *lifecycle.NumberState) string { return output.OrNone((*string)(state)) }

func malformed(err error) *Failure {
	return &Failure{Exit: exitUsage, Code: "malformed-number", Message: err.Error()}
}
