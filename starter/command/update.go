package command

import (
	"github.com/spf13/cobra"

	"tenure/internal/contract"
	"tenure/internal/lifecycle"
)

// updateOptions are what `update` and `plan update` are asked.
type updateOptions struct {
	user, role string
	// pairs are the values of --set as given, set what read makes of them.
	pairs []string
	set   map[string]string
}

func (o *updateOptions) register(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&o.pairs, "set", nil, "give a field a value, `FIELD=VALUE`, as the field display policy allows; can be repeated")
	cmd.Flags().StringVar(&o.role, "role", "", "act as `ROLE`, whose field display policy then counts")
}

func (o *updateOptions) read(cmd *cobra.Command, args []string) (err error) {
	o.user = args[0]
	if len(o.pairs) == 0 {
		return usage(helpHint(cmd), "%s needs --set FIELD=VALUE", path(cmd))
	}
	o.set, err = fields(o.pairs)
	return err
}

func (o updateOptions) question(c *Console) contract.PlanRequest {
	request := c.request(lifecycle.Update)
	request.Set, request.ActAs = o.set, o.role
	return contract.PlanRequest{User: o.user, Request: request}
}

func newUpdateCommand(c *Console) *cobra.Command {
	return operating(c, &updateOptions{}, &cobra.Command{
		Use:   "update USER --set FIELD=VALUE",
		Short: "change single things of a user where they are",
		Long: `Change single things of a user: usageLocation, licenses (the direct ones, all of them), groups (to join), number (+E164,
next or none), role and policy.TYPE (empty clears it). What is not set stays as it is. The rules are those of onboarding:
an edit of licenses for somebody who has some from a group, or where licenses are retained, is refused and nothing is
touched, as is what the field display policy for subscribers hides or makes read-only. A number that is replaced is
released when the other one works. The plan is shown first; a failure undoes what was done.`,
		Example: `  tenure update ada@contoso.com --set usageLocation=GB
  tenure update ada@contoso.com --set licenses=SPE_E5,MCOEV --set policy.TeamsCallingPolicy=AllOn
  tenure update ada@contoso.com --set policy.TenantDialPlan= --yes
  tenure update ada@contoso.com --set number=next --role site-admin`,
	})
}

func newPlanUpdateCommand(c *Console) *cobra.Command {
	return planning(c, &updateOptions{}, &cobra.Command{
		Use:   "update USER --set FIELD=VALUE",
		Short: "show what an update of a user would do",
		Example: `  tenure plan update ada@contoso.com --set licenses=SPE_E5,MCOEV
  tenure plan update ada@contoso.com --set number=none -o json`,
	})
}
