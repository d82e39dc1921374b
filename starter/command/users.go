package command

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tenure/internal/contract"
	"tenure/starter/output"
)

func newUsersCommand(c *Console) *cobra.Command {
	cmd := newGroupCommand("users", "users of the directory: list, show, sync, place", groupInventory)
	cmd.AddCommand(
		newUsersListCommand(c, runUsersList),
		newUsersShowCommand(c, runUsersShow),
		newUsersSyncCommand(c, runUsersSync),
		newUsersPlaceCommand(c, runUsersPlace),
	)
	return cmd
}

type usersListOptions struct {
	node string
	paging
}

func newUsersListCommand(c *Console, run func(context.Context, *Console, usersListOptions) error) *cobra.Command {
	var o usersListOptions
	cmd := reading(&cobra.Command{
		Use:   "list",
		Short: "list users at a node and below",
		Example: `  tenure users list
  tenure users list --node london
  tenure users list --node acme/contoso/emea --all -o jsonl`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			return run(cmd.Context(), c, o)
		},
	})
	cmd.Flags().StringVar(&o.node, "node", "", "only at `NODE` (a name or a path) and below")
	o.register(cmd)
	return cmd
}

func runUsersList(ctx context.Context, c *Console, o usersListOptions) error {
	users, next, err := pages(o.paging, func(page contract.Page) ([]contract.User, *string, error) {
		var answer contract.Users
		err := c.ask(ctx, errand{contract.ListUsers, contract.UserFilter{Node: o.node, Page: page}, "list users " + o.node}, &answer)
		return answer.Users, answer.Next, err
	})
	if err != nil {
		return err
	}
	return printList(c, contract.Users{Users: users, Next: next}, users, next, "no users", func(p output.Paper) {
		rows := make([][]output.Cell, len(users))
		for i, u := range users {
			rows[i] = []output.Cell{
				output.Text(u.UserPrincipalName), output.Text(u.DisplayName), output.Text(output.OrNone(u.Node)),
				output.Text(output.OrNone(u.Role)), output.Text(listed(u.Numbers)),
			}
		}
		p.Table([]output.Column{
			{Title: "USER", Flexible: true}, {Title: "NAME", Flexible: true, Optional: true}, {Title: "NODE", Flexible: true},
			{Title: "ROLE", Flexible: true, Optional: true}, {Title: "NUMBERS", Flexible: true},
		}, rows)
	})
}

func listed(names []string) string {
	if len(names) == 0 {
		return "-"
	}
	return strings.Join(names, ", ")
}

func newUsersShowCommand(c *Console, run func(context.Context, *Console, string) error) *cobra.Command {
	return reading(&cobra.Command{
		Use:   "show USER",
		Short: "show everything about one user",
		Example: `  tenure users show ada@contoso.com
  tenure users show ada@contoso.com -o json`,
		Args: arguments("USER"),
		RunE: func(cmd *cobra.Command, args []string) error { return run(cmd.Context(), c, args[0]) },
	})
}

func runUsersShow(ctx context.Context, c *Console, user string) error {
	var view contract.UserView
	if err := c.ask(ctx, errand{contract.ShowUser, contract.ShowUserRequest{User: user}, "show " + user}, &view); err != nil {
		return err
	}
	return c.result(view, func(p output.Paper) {
		p.Line("%s", p.Bold(output.Plain(view.UserPrincipalName)))
		p.Field("name", view.DisplayName)
		p.Field("id", view.ID)
		p.Field("node", output.OrNone(view.Node))
		p.Field("role", output.OrNone(view.Role))
		p.Field("usage location", output.OrNone(view.UsageLocation))
		p.Field("enterprise voice", map[bool]string{true: "on", false: "off"}[view.EnterpriseVoice])
		p.Field("numbers", view.Numbers...)
		var licenses, policies, services []string
		for _, l := range view.Licenses {
			licenses = append(licenses, output.License(l.SKU, l.Assignment, l.Group))
		}
		for _, kind := range slices.Sorted(maps.Keys(view.Policies)) {
			policies = append(policies, kind+" = "+view.Policies[kind])
		}
		for _, s := range view.Services {
			services = append(services, string(s.Kind)+" at "+s.Node)
		}
		p.Field("licenses", licenses...)
		p.Field("groups", view.Groups...)
		p.Field("policies", policies...)
		p.Field("services", services...)
		if op := view.Operation; op != nil {
			p.Field("operation", string(op.Operation)+", run "+op.RunID)
		}
	})
}

type usersSyncOptions struct {
	user string
	full bool
}

func newUsersSyncCommand(c *Console, run func(context.Context, *Console, usersSyncOptions) error) *cobra.Command {
	var o usersSyncOptions
	cmd := &cobra.Command{
		Use:   "sync [USER]",
		Short: "read users from Microsoft Entra into the directory",
		Long: `Read all users, or one, from Microsoft Entra. New users arrive at the tenant level; known ones stay where they are.
Nothing changes at Microsoft, so it does not ask.`,
		Example: `  tenure users sync
  tenure users sync ada@contoso.com`,
		Args: atMost("USER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.user = ""
			if len(args) > 0 {
				o.user = args[0]
			}
			return run(cmd.Context(), c, o)
		},
	}
	cmd.Flags().BoolVar(&o.full, "full", false, "read everybody, not only what changed (always so in this version)")
	return cmd
}

func runUsersSync(ctx context.Context, c *Console, o usersSyncOptions) error {
	what := o.user
	if what == "" {
		what = "all users"
	}
	var result contract.SyncResult
	detached, err := c.change(ctx, errand{contract.SyncDirectory, contract.SyncRequest{User: o.user, Actor: c.actor()}, "sync " + what}, &result)
	if detached || err != nil {
		return err
	}
	if c.flags.output == output.LinesFormat {
		return output.Items(c.Out, result.Tenants)
	}
	return c.result(result, func(p output.Paper) {
		for _, t := range result.Tenants {
			p.Line("%s: %d seen, %d added, %d updated", output.Plain(t.Tenant), t.Seen, t.Added, t.Updated)
		}
	})
}
