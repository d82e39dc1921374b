package command

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"tenure/internal/contract"
	"tenure/internal/lifecycle"
	"tenure/starter/output"
)

func newDoctorCommand(c *Console, run func(context.Context, *Console) error) *cobra.Command {
	return reading(&cobra.Command{
		Use:   "doctor",
		Short: "check the permissions that the tenants grant",
		Long: `Compare the application permissions that every Microsoft tenant grants with those that the catalog in force needs:
for each feature the permission held or missing, and the permissions held that nothing needs.

The exit code is 2 when a permission is missing or a tenant cannot be asked.`,
		Example: `  tenure doctor
  tenure doctor -o json`,
		GroupID: groupConfiguration,
		Args:    arguments(),
		RunE:    func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), c) },
	})
}

func runDoctor(ctx context.Context, c *Console) error {
	var answer contract.Permissions
	if err := c.ask(ctx, errand{contract.CheckPermissions, contract.PermissionsRequest{}, "check the permissions"}, &answer); err != nil {
		return err
	}
	findings := false
	for _, t := range answer.Tenants {
		findings = findings || t.Problem != nil || len(t.Missing()) > 0
	}
	err := c.result(answer, func(p output.Paper) {
		if len(answer.Tenants) == 0 {
			p.Line("the catalog in force attaches no Microsoft tenant")
		}
		for i, t := range answer.Tenants {
			if i > 0 {
				p.Line("")
			}
			tenantPermissions(p, t)
		}
	})
	if err == nil && findings {
		return exit(exitOperator)
	}
	return err
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
