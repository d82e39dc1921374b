// Package command is the tenure command line: every command with its flags, its exit codes and its output as
// architecture.md §5.1-§5.3 promises them. A command parses and checks, asks a worker through Temporal, and prints; the
// work itself is the worker's.
package command

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tenure/starter/output"
)

// The groups of the root help.
const (
	groupOperations    = "operations"
	groupRuns          = "runs"
	groupInventory     = "inventory"
	groupConfiguration = "configuration"
	groupOther         = "other"
)

// Run parses the arguments, runs the command that they name and returns the exit code. The error has been printed.
func Run(ctx context.Context, c *Console, args []string) int {
	root := Root(c)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if c.connection != nil {
		c.connection.Close()
	}
	var code exit
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &code):
		return int(code)
	}
	return c.fail(err, args)
}

type failureDocument struct {
	Error failureBody `json:"error"`
}

type failureBody struct {
	Code    string  `json:"code"`
	Message string  `json:"message"`
	Hint    *string `json:"hint"`
}

// fail prints an error: its line to stderr always, and to stdout as JSON for a program that asked for it.
func (c *Console) fail(err error, args []string) int {
	var known *Failure
	if !c.parsed && !errors.As(err, &known) {
		err = usage("see: tenure --help", "%s", err)
	}
	f := failureOf(err)
	for _, line := range f.Lines {
		fmt.Fprintln(c.Err, output.Plain(line))
	}
	fmt.Fprintln(c.Err, output.Plain(f.line()))
	format := c.flags.output
	if format == output.TextFormat {
		format = formatOf(args)
	}
	if format != output.TextFormat && f.Exit != exitInterrupted {
		body := failureBody{Code: f.Code, Message: strings.Join(append(f.Lines, f.Message), "\n")}
		if f.Hint != "" {
			body.Hint = &f.Hint
		}
		_ = output.JSON(c.Out, format, failureDocument{body})
	}
	return f.Exit
}

// Root is the whole command line, for who wants to describe it; Run runs it.
func Root(c *Console) *cobra.Command {
	root := &cobra.Command{
		Use:   "tenure",
		Short: "Onboard, offboard and move Microsoft 365 and Teams Phone users, durably.",
		Long: `Tenure onboards, offboards and moves Microsoft 365 and Teams Phone users, durably: a run survives any crash, and
reports success only after reading the end state back.

Everything goes through Temporal: set TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE, or use the profile file of the
temporal command.`,
		Example: `  tenure plan onboard ada@contoso.com --site london --group "Sales phones"
  tenure onboard ada@contoso.com --site london --group "Sales phones"
  tenure offboard ada@contoso.com
  tenure move ada@contoso.com --to paris --profile sales --keep-number
  tenure status ada@contoso.com --watch
  tenure numbers list --node london --state cooling`,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			c.parsed = true
			return c.flags.check(cmd.Flags())
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Args: knownCommand,
	}
	root.SetIn(c.In)
	root.SetOut(c.Out)
	root.SetErr(c.Err)
	root.AddGroup(
		&cobra.Group{ID: groupOperations, Title: "Operations on users"},
		&cobra.Group{ID: groupRuns, Title: "Runs"},
		&cobra.Group{ID: groupInventory, Title: "Inventory"},
		&cobra.Group{ID: groupConfiguration, Title: "Configuration"},
		&cobra.Group{ID: groupOther, Title: "Other"},
	)
	root.CompletionOptions.DisableDefaultCmd = true
	c.flags.register(root.PersistentFlags())
	completeFlags(root)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usage(helpHint(cmd), "%s", err) })
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { help(c.out(), cmd) })
	root.SetHelpCommand(newHelpCommand())
	root.AddCommand(
		newOnboardCommand(c),
		newOffboardCommand(c),
		newMoveCommand(c),
		newUpdateCommand(c),
		newPlanCommand(c),
		newApplyCommand(c, runApply),
		newStatusCommand(c, runStatus),
		newListCommand(c, runList),
		newCancelCommand(c, runCancel),
		newResolveCommand(c, runResolve),
		newAuditCommand(c),
		newUsersCommand(c),
		newNumbersCommand(c),
		newCatalogCommand(c),
		newDoctorCommand(c, runDoctor),
		newVersionCommand(c),
		newCompletionCommand(c),
	)
	completeLive(c, root)
	return root
}

// newGroupCommand makes a command that only holds others.
func newGroupCommand(name, short, group string) *cobra.Command {
	return &cobra.Command{
		Use: name, Short: short, GroupID: group,
		Args: knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usage(helpHint(cmd), "%s needs a command: %s", name, strings.Join(subcommands(cmd), ", "))
		},
	}
}

// readingAnnotation marks commands that change nothing, whose help leaves the flags of changes out.
const readingAnnotation = "reading"

func reading(cmd *cobra.Command) *cobra.Command {
	cmd.Annotations = map[string]string{readingAnnotation: "true"}
	return cmd
}

func subcommands(cmd *cobra.Command) (names []string) {
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	return names
}
