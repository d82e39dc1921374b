package command

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tenure/starter/output"
)

// help prints what a command is for, how to write it, examples and flags.
func help(p output.Paper, cmd *cobra.Command) {
	text := cmd.Long
	if text == "" {
		text = strings.ToUpper(cmd.Short[:1]) + cmd.Short[1:] + "."
	}
	for i, paragraph := range strings.Split(text, "\n\n") {
		if i > 0 {
			p.Line("")
		}
		p.Text(paragraph)
	}
	heading := func(title string) { p.Line("\n%s", p.Bold(title)) }

	heading("Usage")
	switch {
	case cmd.HasAvailableSubCommands():
		p.Line("  %s COMMAND [flags]", cmd.CommandPath())
	default:
		p.Line("  %s [flags]", strings.TrimSuffix(cmd.UseLine(), " [flags]"))
	}
	for _, group := range cmd.Groups() {
		var members []*cobra.Command
		for _, sub := range cmd.Commands() {
			if sub.GroupID == group.ID && sub.IsAvailableCommand() {
				members = append(members, sub)
			}
		}
		if len(members) > 0 {
			heading(group.Title)
			printCommands(p, members)
		}
	}
	if len(cmd.Groups()) == 0 && cmd.HasAvailableSubCommands() {
		heading("Commands")
		printCommands(p, cmd.Commands())
	}
	if cmd.Example != "" {
		heading("Examples")
		p.Line("%s", cmd.Example)
	}
	hidden := []string{"help"}
	if cmd.HasParent() && (cmd.Annotations[readingAnnotation] != "" || cmd.HasAvailableSubCommands()) {
		hidden = append(hidden, changeFlags...)
	}
	own, shared := flagTexts(p, cmd.LocalNonPersistentFlags(), hidden), flagTexts(p, cmd.InheritedFlags(), hidden)
	if !cmd.HasParent() {
		shared = flagTexts(p, cmd.PersistentFlags(), hidden)
	}
	if own != "" {
		heading("Flags")
		p.Line("%s", own)
	}
	if shared != "" {
		heading("Flags of every command")
		p.Line("%s", shared)
	}
	if cmd.HasAvailableSubCommands() {
		p.Line("\n`%s COMMAND --help` says more about a command.", cmd.CommandPath())
	}
}

func newHelpCommand() *cobra.Command {
	return reading(&cobra.Command{
		Use:     "help [COMMAND]...",
		Short:   "explain a command",
		Example: "  tenure help numbers add",
		GroupID: groupOther,
		RunE: func(cmd *cobra.Command, args []string) error {
			explained, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return usage(helpHint(cmd.Root()), "there is no command %q", strings.Join(args, " "))
			}
			return explained.Help()
		},
	})
}

func printCommands(p output.Paper, commands []*cobra.Command) {
	width := 0
	for _, sub := range commands {
		width = max(width, len(sub.Name()))
	}
	for _, sub := range commands {
		if sub.IsAvailableCommand() {
			p.Line("  %s%s  %s", sub.Name(), strings.Repeat(" ", width-len(sub.Name())), sub.Short)
		}
	}
}

func flagTexts(p output.Paper, set *pflag.FlagSet, hidden []string) string {
	shown := pflag.NewFlagSet("", pflag.ContinueOnError)
	shown.SortFlags = false
	set.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden && !slices.Contains(hidden, f.Name) {
			shown.AddFlag(f)
		}
	})
	return strings.TrimRight(shown.FlagUsagesWrapped(p.TextColumns()), "\n")
}
