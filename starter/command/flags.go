package command

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tenure/internal/lifecycle"
	"tenure/starter/output"
)

// flags are those that every command takes (architecture.md §5.1).
type flags struct {
	output    output.Format
	color     string
	yes       bool
	detach    bool
	reason    string
	requestID string
	// onFailure is empty when nobody said: then the operation decides.
	onFailure string
	holdFor   time.Duration
}

// changeFlags mean something only to commands that change something; the others accept them and do not show them.
var changeFlags = []string{"yes", "detach", "reason", "request-id", "on-failure", "hold-for"}

func (f *flags) register(set *pflag.FlagSet) {
	f.output = output.TextFormat
	set.VarP(newChoice((*string)(&f.output), output.Formats()...), "output", "o", "result as `FORMAT`: text, json or jsonl")
	f.color = "auto"
	set.Var(newChoice(&f.color, "auto", "always", "never"), "color", "color `WHEN`: auto, always or never (NO_COLOR is honored)")
	set.BoolVar(&f.yes, "yes", false, "do not ask; without a terminal a change needs it")
	set.BoolVar(&f.detach, "detach", false, "start, print the run and return")
	set.StringVar(&f.reason, "reason", "", "why, as `TEXT` for the record")
	set.StringVar(&f.requestID, "request-id", "", "starting twice with the same `ID` is one run")
	set.Var(newChoice(&f.onFailure, lifecycle.OnFailureRollback, lifecycle.OnFailureHold), "on-failure", "`WHAT` to do after a permanent failure: rollback, or hold for an operator (default: hold to offboard, else rollback)")
	set.DurationVar(&f.holdFor, "hold-for", 0, "hold no longer than `DURATION`, like 24h, then roll back")
}

func completeFlags(cmd *cobra.Command) {
	fixed := map[string][]string{
		"output":     output.Formats(),
		"color":      {"auto", "always", "never"},
		"on-failure": {lifecycle.OnFailureRollback, lifecycle.OnFailureHold},
	}
	for name, values := range fixed {
		completeFlag(cmd, name, values...)
	}
}

// completeFlag makes the shell offer the values of a flag.
func completeFlag(cmd *cobra.Command, name string, values ...string) {
	if err := cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag does not exist, which every start would show
	}
}

// requestIDs are visible in Temporal's search attributes and may become part of a workflow id.
var requestIDs = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$`)

// check refuses what the flags' own types cannot.
func (f *flags) check(set *pflag.FlagSet) error {
	switch {
	case set.Changed("hold-for") && f.holdFor < time.Minute:
		return usage("say it like 30m or 24h, a minute at least", "--hold-for %s is no time for an operator", f.holdFor)
	case set.Changed("hold-for") && f.onFailure == lifecycle.OnFailureRollback:
		return usage("leave one of them out", "--hold-for and --on-failure rollback contradict each other")
	case set.Changed("request-id") && !requestIDs.MatchString(f.requestID):
		return usage("use letters, digits, dots, dashes, colons and underscores, 128 at most, and nothing personal", "%q cannot be a request id", f.requestID)
	}
	return nil
}

func (f *flags) colored(terminal bool, getenv func(string) string) bool {
	switch f.color {
	case "always":
		return true
	case "never":
		return false
	}
	return terminal && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
}

// choice is a flag value from a closed list.
type choice struct {
	value   *string
	allowed []string
}

func newChoice(value *string, allowed ...string) *choice { return &choice{value, allowed} }

func (c *choice) String() string {
	if c.value == nil {
		return ""
	}
	return *c.value
}

// Set implements pflag.Value.
func (c *choice) Set(text string) error {
	if !slices.Contains(c.allowed, text) {
		return usage("", "must be one of %s", strings.Join(c.allowed, ", "))
	}
	*c.value = text
	return nil
}

// Type implements pflag.Value.
func (c *choice) Type() string { return "word" }

// formatOf finds what -o asks for when the flags could not be parsed as a whole, so that a program that
// asked for JSON gets its error as JSON.
func formatOf(args []string) output.Format {
	for i, arg := range args {
		value := ""
		switch {
		case arg == "--":
			return output.TextFormat
		case (arg == "-o" || arg == "--output") && i+1 < len(args):
			value = args[i+1]
		case strings.HasPrefix(arg, "--output="):
			value = strings.TrimPrefix(arg, "--output=")
		case strings.HasPrefix(arg, "-o"):
			value = strings.TrimPrefix(strings.TrimPrefix(arg, "-o"), "=")
		}
		if slices.Contains(output.Formats(), value) {
			return output.Format(value)
		}
	}
	return output.TextFormat
}
