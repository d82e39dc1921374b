package command

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tenure/internal/contract"
	"tenure/internal/lifecycle"
)

// suggester says what may stand for a placeholder, from the live system. typed is what stands there already.
type suggester func(ctx context.Context, c *Console, cmd *cobra.Command, flag, typed string) []cobra.Completion

// suggesters are those of the placeholders of arguments and flags.
var suggesters = map[string]suggester{
	"USER":     suggestUsers,
	"RUN":      suggestRuns,
	"USER|RUN": suggestRunsAndUsers,
	"RUN|USER": suggestRuns,
	"NODE":     suggestNodes,
	"QAG":      suggestGroups,
	"ROLE":     catalogSuggester("roles"),
	"NAME":     catalogSuggester("profiles"),
}

// completeLive makes the shell offer what the live system has, wherever a placeholder says what is wanted. Without Temporal
// or a worker the shell offers nothing.
func completeLive(c *Console, cmd *cobra.Command) {
	if words := placeholders(cmd.Use); len(words) > 0 && cmd.ValidArgsFunction == nil && len(cmd.ValidArgs) == 0 {
		cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
			word := words[min(len(args), len(words)-1)]
			repeated := strings.HasSuffix(word, "...")
			if suggest := suggesters[strings.TrimSuffix(word, "...")]; suggest != nil && (repeated || len(args) < len(words)) {
				return c.suggestions(cmd, suggest, "", typed)
			}
			return nil, wantsFile(word)
		}
	}
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		word, _ := pflag.UnquoteUsage(f)
		suggest := suggesters[word]
		if _, taken := cmd.GetFlagCompletionFunc(f.Name); suggest == nil || taken {
			return
		}
		complete := func(cmd *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return c.suggestions(cmd, suggest, f.Name, typed)
		}
		if err := cmd.RegisterFlagCompletionFunc(f.Name, complete); err != nil {
			panic(err) // the flag does not exist, which every start would show
		}
	})
	for _, sub := range cmd.Commands() {
		completeLive(c, sub)
	}
}

// placeholders are the names of the arguments in a usage line.
func placeholders(use string) (words []string) {
	for _, word := range strings.Fields(use)[1:] {
		word = strings.Trim(word, "[]")
		if word == "" || word != strings.ToUpper(word) || strings.ContainsAny(word, "-(") {
			break
		}
		words = append(words, word)
	}
	return words
}

func wantsFile(word string) cobra.ShellCompDirective {
	if word == "FILE" {
		return cobra.ShellCompDirectiveDefault
	}
	return cobra.ShellCompDirectiveNoFileComp
}

func (c *Console) suggestions(cmd *cobra.Command, suggest suggester, flag, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), c.Pace.Completion)
	defer cancel()
	return suggest(ctx, c, cmd, flag, typed), cobra.ShellCompDirectiveNoFileComp
}

// inquire is ask for somebody who would rather have no answer than wait or read an error.
func (c *Console) inquire(ctx context.Context, workflow string, input, answer any) bool {
	run, _, err := c.sendFor(ctx, errand{workflow, input, "complete a command line"}, c.NewID(), c.Pace.Completion)
	return err == nil && run.Get(ctx, answer) == nil
}

// suggestion is a value with its explanation, or nothing when it does not begin as typed.
func suggestion(into []cobra.Completion, typed, value, explained string) []cobra.Completion {
	if len(value) < len(typed) || !strings.EqualFold(value[:len(typed)], typed) {
		return into
	}
	return append(into, cobra.CompletionWithDesc(value, explained))
}

func suggestUsers(ctx context.Context, c *Console, _ *cobra.Command, _, typed string) (list []cobra.Completion) {
	var answer contract.Users
	if c.inquire(ctx, contract.ListUsers, contract.UserFilter{Contains: typed, Page: contract.Page{Limit: pageOfAll}}, &answer) {
		for _, u := range answer.Users {
			list = suggestion(list, typed, u.UserPrincipalName, u.DisplayName)
		}
	}
	return list
}

// suggestRuns offers the runs that a command can do something about, and whose they are.
func suggestRuns(ctx context.Context, c *Console, cmd *cobra.Command, _, typed string) (list []cobra.Completion) {
	filter := contract.RunFilter{Page: contract.Page{Limit: 50}}
	switch cmd.Name() {
	case "cancel":
		filter.Statuses = lifecycle.Active()
	case "resolve":
		filter.Statuses = []lifecycle.Status{lifecycle.Held, lifecycle.Staged}
	}
	var answer contract.Runs
	if c.inquire(ctx, contract.ListRuns, filter, &answer) {
		for _, r := range answer.Runs {
			what := string(r.Operation) + " " + r.Subscriber.UserPrincipalName + ", " + string(r.Status)
			list = suggestion(list, typed, r.RunID, what)
			if len(filter.Statuses) > 0 {
				list = suggestion(list, typed, r.Subscriber.UserPrincipalName, what)
			}
		}
	}
	return list
}

func suggestRunsAndUsers(ctx context.Context, c *Console, cmd *cobra.Command, flag, typed string) []cobra.Completion {
	return append(suggestUsers(ctx, c, cmd, flag, typed), suggestRuns(ctx, c, cmd, flag, typed)...)
}

// thing is what completion reads of anything in the catalog.
type thing struct {
	Name        string `json:"name"`
	Path        string `json:"path"`
	Level       string `json:"level"`
	Node        string `json:"node"`
	Offboarding bool   `json:"offboarding"`
}

func (c *Console) things(ctx context.Context, kind string) (all []thing) {
	c.inquire(ctx, contract.ShowCatalog, contract.ShowCatalogRequest{Kind: kind}, &all)
	return all
}

func catalogSuggester(kind string) suggester {
	return func(ctx context.Context, c *Console, _ *cobra.Command, _, typed string) (list []cobra.Completion) {
		for _, t := range c.things(ctx, kind) {
			list = suggestion(list, typed, t.Name, "")
		}
		return list
	}
}

// suggestNodes offers names, and paths to whoever began one or where a name is not enough. Where a user goes, only sites do.
func suggestNodes(ctx context.Context, c *Console, cmd *cobra.Command, flag, typed string) (list []cobra.Completion) {
	nodes := c.things(ctx, "nodes")
	named := map[string]int{}
	for _, n := range nodes {
		named[n.Name]++
	}
	sitesOnly := flag == "site" || (flag == "to" && cmd.Name() == "move" && cmd.Parent().Name() != "numbers")
	for _, n := range nodes {
		switch {
		case sitesOnly && n.Level != "site":
		case named[n.Name] > 1 || strings.Contains(typed, "/"):
			list = suggestion(list, typed, n.Path, n.Level)
		default:
			list = suggestion(list, typed, n.Name, n.Path)
		}
	}
	return list
}

// suggestGroups offers quick add groups, those flagged for offboarding where somebody leaves and the others elsewhere.
func suggestGroups(ctx context.Context, c *Console, cmd *cobra.Command, flag, typed string) (list []cobra.Completion) {
	leaving := cmd.Name() == "offboard" || flag == "offboard-group"
	groups := slices.DeleteFunc(c.things(ctx, "groups"), func(t thing) bool { return t.Offboarding != leaving })
	for _, g := range groups {
		list = suggestion(list, typed, g.Name, "of "+g.Node)
	}
	return list
}
