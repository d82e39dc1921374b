package command

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"tenure/internal/contract"
	"tenure/starter/output"
)

type numbersAuditOptions struct {
	node string
	fix  bool
}

func newNumbersAuditCommand(c *Console, run func(context.Context, *Console, numbersAuditOptions) error) *cobra.Command {
	var o numbersAuditOptions
	cmd := &cobra.Command{
		Use:   "audit [--node NODE] [--fix]",
		Short: "compare the inventory with what Teams has",
		Long: `Compare the inventory with the numbers that Teams has: numbers that only one of them has, other owners, numbers in use
that are available, reserved or cooling here, other types and activation states, users whom the directory does not know,
nodes that are low on numbers. Numbers that a run holds are left alone. Nothing is changed, and the exit code is 2 when
something is found.

With --fix whatever is safe to repair is repaired here, never in Teams, and no number is removed. Numbers that only Teams
has are added at NODE, or at the tenant level. The exit code is 0 when everything that was found is repaired.`,
		Example: `  tenure numbers audit
  tenure numbers audit --node london -o json
  tenure numbers audit --fix --yes --reason "monthly audit"`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), c, o) },
	}
	cmd.Flags().StringVar(&o.node, "node", "", "only numbers at `NODE` (a name or a path) and below")
	cmd.Flags().BoolVar(&o.fix, "fix", false, "repair what is safe to repair")
	return cmd
}

func runNumbersAudit(ctx context.Context, c *Console, o numbersAuditOptions) error {
	request := contract.NumberAuditRequest{Node: o.node, Actor: c.actor()}
	if o.fix {
		if err := c.mayAsk(); err != nil {
			return err
		}
	}
	if !o.fix || !c.flags.yes {
		var found contract.NumberAudit
		if err := c.ask(ctx, errand{contract.AuditNumbers, request, "audit numbers " + o.node}, &found); err != nil {
			return err
		}
		repairable := 0
		for _, f := range found.Findings {
			if f.Fix != nil {
				repairable++
			}
		}
		if !o.fix || repairable == 0 {
			if err := c.printAudit(found); err != nil || found.Found() == 0 {
				return err
			}
			if !o.fix && repairable > 0 {
				c.talk().Line("--fix repairs what has a FIX")
			}
			return exit(exitOperator)
		}
		findingTable(c.talk(), found)
		if err := c.confirm(ctx, "Repair %d?", repairable); err != nil {
			return err
		}
	}
	request.Fix = true
	var repaired contract.NumberAudit
	detached, err := c.change(ctx, errand{contract.AuditNumbers, request, "audit and repair numbers " + o.node}, &repaired)
	if detached || err != nil {
		return err
	}
	if err := c.printAudit(repaired); err != nil {
		return err
	}
	if repaired.Fixed < repaired.Found() {
		return exit(exitOperator)
	}
	return nil
}

func (c *Console) printAudit(audit contract.NumberAudit) error {
	if audit.Findings == nil {
		audit.Findings = []contract.NumberFinding{}
	}
	return printList(c, audit, audit.Findings, nil, "nothing found", func(p output.Paper) {
		findingTable(p, audit)
		c.talk().Line("%d found, %d repaired", audit.Found(), audit.Fixed)
	})
}

func findingTable(p output.Paper, audit contract.NumberAudit) {
	rows := make([][]output.Cell, len(audit.Findings))
	for i, f := range audit.Findings {
		rows[i] = []output.Cell{
			output.Text(output.OrNone(f.Number)), {Text: string(f.Code), Paint: p.Yellow}, output.Text(f.Message), output.Text(output.OrNone(f.Fix)),
		}
	}
	p.Table([]output.Column{{Title: "NUMBER"}, {Title: "FINDING"}, {Title: "WHAT", Flexible: true}, {Title: "FIX", Flexible: true}}, rows)
	if audit.More > 0 {
		p.Line("%s", fmt.Sprintf("… and %d more", audit.More))
	}
}
