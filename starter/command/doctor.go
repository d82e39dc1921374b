package command

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tenure/internal/contract"
	"tenure/internal/lifecycle"
	"tenure/starter/output"
)

func newDoctorCommand(c *Console, run func(context.Context, *Console) error) *cobra.Command {
	return reading(&cobra.Command{
		Use:   "doctor",
		Short: "check the whole installation and say what to do",
		Long: `Check what a run depends on: Temporal, its namespace, search attributes and schedules, a worker on every queue, its
encryption, store and catalog, the clocks, and the application permissions that every Microsoft tenant grants, compared
with those that the catalog in force needs. Each line is ok, a warning or a problem, with what to do.

With -o json it prints {"checks": [{"check", "subject", "state", "message", "remedy"}], "tenants": [permissions of each],
"problems", "warnings"}. The checks are temporal, namespace, search-attributes, schedule, queue, worker, encryption,
store, catalog, clock, permissions and display-policy; state is ok, warning or problem.

The exit code is 0 without problems, warnings or not, 2 with one, and 4 when Temporal cannot be reached.`,
		Example: `  tenure doctor
  tenure doctor -o json`,
		GroupID: groupConfiguration,
		Args:    arguments(),
		RunE:    func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), c) },
	})
}

func runDoctor(ctx context.Context, c *Console) error {
	d, err := c.diagnose(ctx)
	if err != nil {
		return err
	}
	if err := c.result(d, func(p output.Paper) { printDiagnosis(p, d) }); err != nil {
		return err
	}
	if d.Problems > 0 {
		return exit(exitOperator)
	}
	return nil
}

// printDiagnosis prints a line for each check with what to do about it, then the permissions of each tenant.
func printDiagnosis(p output.Paper, d diagnosis) {
	for _, c := range d.Checks {
		name := c.Check
		if c.Subject != nil {
			name += " " + *c.Subject
		}
		p.Finding(findings[c.State], name, c.Message, c.Remedy)
	}
	for _, t := range d.Tenants {
		p.Line("")
		tenantPermissions(p, t)
	}
	p.Line("")
	p.Line("%s", p.Bold(fmt.Sprintf("%s, %s", counted(d.Problems, "problem"), counted(d.Warnings, "warning"))))
}

var findings = map[string]output.Severity{checkOK: output.Fine, checkWarning: output.Notable, checkProblem: output.Wrong}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func tenantPermissions(p output.Paper, t contract.TenantPermissions) {
	p.Line("%s", p.Bold(output.Plain(t.Tenant)))
	if t.Problem != nil {
		p.Text("The permissions could not be read: " + *t.Problem)
		return
	}
	rows := make([][]output.Cell, len(t.Features))
	for i, f := range t.Features {
		state, permission := output.Cell{Text: "missing", Paint: p.Red}, f.Accepted[0]
		if f.Held != nil {
			state, permission = output.Cell{Text: "held", Paint: p.Green}, *f.Held
		}
		rows[i] = []output.Cell{output.Text(string(f.Feature)), state, output.Text(permission), output.Text(f.Because)}
	}
	p.Table([]output.Column{{Title: "FEATURE"}, {Title: "STATE"}, {Title: "PERMISSION", Flexible: true}, {Title: "NEEDED BY", Flexible: true, Optional: true}}, rows)
	for _, f := range t.Missing() {
		p.Line("")
		p.Text(remedy(f))
	}
	if len(t.Missing()) > 0 {
		p.Line("")
		p.Text("A token keeps the permissions that it was issued with: restart the workers after granting one.")
	}
	if len(t.Excess) > 0 {
		p.Line("")
		p.Text("Held and needed by nothing: " + strings.Join(t.Excess, ", "))
	}
}

// remedy says what may not be done, and what to do about it.
func remedy(f lifecycle.FeaturePermission) string {
	text := "The application may not " + f.Purpose + ". Grant " + f.Accepted[0]
	if others := f.Accepted[1:]; len(others) > 0 {
		text += " (" + strings.Join(others, " or ") + " would do as well)"
	}
	if f.Advice != nil {
		text += "; or, " + *f.Advice
	}
	return text + "."
}
