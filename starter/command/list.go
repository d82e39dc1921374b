package command

import (
	"context"

	"github.com/spf13/cobra"

	"tenure/internal/contract"
	"tenure/internal/lifecycle"
	"tenure/starter/output"
)

type listOptions struct {
	held, running, failed bool
	paging
}

func newListCommand(c *Console, run func(context.Context, *Console, listOptions) error) *cobra.Command {
	var o listOptions
	cmd := reading(&cobra.Command{
		Use:   "list",
		Short: "list runs, newest first",
		Example: `  tenure list
  tenure list --running
  tenure list --failed --all -o jsonl`,
		GroupID: groupRuns,
		Args:    arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (o.held && o.running) || (o.held && o.failed) || (o.running && o.failed) {
				return usage(helpHint(cmd), "--running, --held and --failed contradict each other")
			}
			if err := o.check(cmd); err != nil {
				return err
			}
			return run(cmd.Context(), c, o)
		},
	})
	cmd.Flags().BoolVar(&o.running, "running", false, "only those that run")
	cmd.Flags().BoolVar(&o.held, "held", false, "only those that wait for an operator")
	cmd.Flags().BoolVar(&o.failed, "failed", false, "only those that failed, undone or not")
	o.register(cmd)
	return cmd
}

func (o listOptions) filter() contract.RunFilter {
	switch {
	case o.held:
		return contract.RunFilter{Statuses: []lifecycle.Status{lifecycle.Held}}
	case o.running:
		return contract.RunFilter{Statuses: []lifecycle.Status{lifecycle.Running, lifecycle.Staged}}
	case o.failed:
		return contract.RunFilter{Statuses: []lifecycle.Status{lifecycle.Failed, lifecycle.RolledBack}}
	default:
		return contract.RunFilter{}
	}
}

func runList(ctx context.Context, c *Console, o listOptions) error {
	runs, next, err := pages(o.paging, func(page contract.Page) ([]contract.Run, *string, error) {
		filter := o.filter()
		filter.Page = page
		var answer contract.Runs
		err := c.ask(ctx, errand{contract.ListRuns, filter, "list runs"}, &answer)
		return answer.Runs, answer.Next, err
	})
	if err != nil {
		return err
	}
	if o.held && o.after == "" {
		syncs, err := c.heldSyncs(ctx)
		if err != nil {
			return err
		}
		runs = append(syncs, runs...)
	}
	if c.flags.output != output.TextFormat {
		// For programs a staged run is a running one (architecture.md §5.2, §5.4).
		for i := range runs {
			if runs[i].Status == lifecycle.Staged {
				runs[i].Status = lifecycle.Running
			}
		}
	}
	return printList(c, contract.Runs{Runs: runs, Next: next}, runs, next, "no runs", func(p output.Paper) {
		rows := make([][]output.Cell, len(runs))
		for i, r := range runs {
			_, paint := p.Status(r.Status)
			rows[i] = []output.Cell{
				{Text: string(r.Status), Paint: paint}, output.Text(string(r.Operation)), output.Text(r.Subscriber.UserPrincipalName),
				output.Text(output.OrNone(r.Node)), output.Text(output.Time(r.StartedAt)), output.Text(r.RunID),
			}
		}
		p.Table([]output.Column{
			{Title: "STATUS"}, {Title: "OPERATION", Optional: true}, {Title: "USER", Flexible: true},
			{Title: "NODE", Optional: true}, {Title: "STARTED", Optional: true}, {Title: "RUN"},
		}, rows)
	})
}
