package command

import (
	"strings"

	"github.com/spf13/cobra"
)

// helpHint says where a command is explained.
func helpHint(cmd *cobra.Command) string { return "see: " + cmd.CommandPath() + " --help" }

// arguments wants exactly the named arguments.
func arguments(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return usage(helpHint(cmd), "%s needs %s", path(cmd), strings.Join(names[len(args):], " "))
		}
		return tooMany(cmd, names, args)
	}
}

// atLeastOne wants the named argument, once or more often.
func atLeastOne(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage(helpHint(cmd), "%s needs %s", path(cmd), name)
		}
		return nil
	}
}

// atMost takes the named arguments, or fewer.
func atMost(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error { return tooMany(cmd, names, args) }
}

func tooMany(cmd *cobra.Command, names, args []string) error {
	if len(args) > len(names) {
		return usage(helpHint(cmd), "%s does not take the argument %q", path(cmd), args[len(names)])
	}
	return nil
}

// knownCommand refuses arguments of a command that only holds others: they are commands that do not exist.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := helpHint(cmd)
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "? " + hint
	}
	return usage(hint, "unknown command %q for %s", args[0], cmd.CommandPath())
}

// path is the name of a command without the program.
func path(cmd *cobra.Command) string {
	return strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
}
