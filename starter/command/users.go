package command

import (
	"context"
	"encoding/csv"
	"fmt"
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
	contract.UserFilter
	csv bool
	paging
}

func newUsersListCommand(c *Console, run func(context.Context, *Console, usersListOptions) error) *cobra.Command {
	var o usersListOptions
	cmd := reading(&cobra.Command{
		Use:   "list",
		Short: "list users at a node and below",
		Example: `  tenure users list
  tenure users list --node london --role site-admin
  tenure users list --unplaced --contains smith
  tenure users list --node acme/contoso/emea --all --csv > emea.csv`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.csv && c.flags.output != output.TextFormat {
				return usage(helpHint(cmd), "--csv and -o %s contradict each other", c.flags.output)
			}
			if err := o.check(cmd); err != nil {
				return err
			}
			return run(cmd.Context(), c, o)
		},
	})
	cmd.Flags().StringVar(&o.Node, "node", "", "only at `NODE` (a name or a path) and below")
	cmd.Flags().StringVar(&o.Role, "role", "", "only those who hold `ROLE`")
	cmd.Flags().StringVar(&o.Contains, "contains", "", "only those with `TEXT` in the principal name or the display name")
	cmd.Flags().BoolVar(&o.Unplaced, "unplaced", false, "only those at a tenant level")
	cmd.Flags().BoolVar(&o.Guests, "guests", false, "only guests")
	cmd.Flags().BoolVar(&o.csv, "csv", false, "as comma separated values with a header line")
	o.register(cmd)
	return cmd
}

func runUsersList(ctx context.Context, c *Console, o usersListOptions) error {
	users, next, err := pages(o.paging, func(page contract.Page) ([]contract.User, *string, error) {
		filter := o.UserFilter
		filter.Page = page
		var answer contract.Users
		err := c.ask(ctx, errand{contract.ListUsers, filter, "list users " + o.Node}, &answer)
		return answer.Users, answer.Next, err
	})
	if err != nil {
		return err
	}
	if o.csv {
		return c.usersCSV(users)
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

// usersCSV writes users with the names of JSON as its header; several numbers stand in one field.
func (c *Console) usersCSV(users []contract.User) error {
	w := csv.NewWriter(c.Out)
	rows := [][]string{{"id", "userPrincipalName", "displayName", "node", "role", "numbers"}}
	for _, u := range users {
		row := []string{u.ID, u.UserPrincipalName, u.DisplayName, "", "", strings.Join(u.Numbers, " ")}
		if u.Node != nil {
			row[3] = *u.Node
		}
		if u.Role != nil {
			row[4] = *u.Role
		}
		rows = append(rows, row)
	}
	return w.WriteAll(rows)
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
	// The last run is for people; to programs `tenure status` tells it.
	last := view.LastRun
	view.LastRun = nil
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
		switch {
		case view.Operation != nil:
			p.Field("operation", string(view.Operation.Operation)+", run "+view.Operation.RunID)
		case last != nil:
			p.Field("last run", fmt.Sprintf("%s of %s: %s, run %s", last.Operation, output.Time(last.StartedAt), last.Status, last.RunID))
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
		Long: `Read from Microsoft Entra what has changed among the users, or everybody with --full, or one user. New users arrive at
the tenant level; known ones stay where they are. Users who are gone from Entra, or whom the catalog's filter no longer
lets in, are removed from the directory; when they are more than the threshold (sync.removalThreshold) nobody is: the sync then
waits for "tenure resolve", and the exit code is 2. Nothing changes at Microsoft, so it does not ask.`,
		Example: `  tenure users sync
  tenure users sync --full --reason "after the merger"
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
	cmd.Flags().BoolVar(&o.full, "full", false, "read everybody, not only what changed")
	return cmd
}

func runUsersSync(ctx context.Context, c *Console, o usersSyncOptions) error {
	what := o.user
	if what == "" {
		what = "all users"
	}
	id := c.flags.requestID
	if id == "" {
		id = c.NewID()
	}
	run, conn, err := c.send(ctx, errand{contract.SyncDirectory, contract.SyncRequest{User: o.user, Full: o.full, Actor: c.actor()}, "sync " + what}, id)
	if err != nil {
		return err
	}
	if c.flags.detach {
		return c.printStarted(run.GetID(), run.GetRunID())
	}
	result, held, err := c.awaitSync(ctx, conn, run)
	if ctx.Err() != nil {
		return interrupted("the sync goes on as " + run.GetID())
	}
	if err != nil {
		return err
	}
	if err := c.printSync(run.GetID(), result, held); err != nil {
		return err
	}
	if held {
		return exit(exitOperator)
	}
	return nil
}
