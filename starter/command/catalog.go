package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"tenure/internal/catalog"
	"tenure/internal/contract"
	"tenure/starter/output"
)

func newCatalogCommand(c *Console) *cobra.Command {
	cmd := newGroupCommand("catalog", "hierarchy, templates and rules: check, diff, apply, show", groupConfiguration)
	cmd.AddCommand(
		newCatalogCheckCommand(c, runCatalogCheck),
		newCatalogDiffCommand(c, runCatalogDiff),
		newCatalogApplyCommand(c, runCatalogApply),
		newCatalogShowCommand(c, runCatalogShow),
	)
	return cmd
}

type checked struct {
	File     string   `json:"file"`
	Problems []string `json:"problems"`
	// Notes are no problems: what the file says with another effect than may be expected.
	Notes []string `json:"notes"`
}

func newCatalogCheckCommand(c *Console, run func(context.Context, *Console, string) error) *cobra.Command {
	return reading(&cobra.Command{
		Use:     "check FILE",
		Short:   "check a catalog file, without a server",
		Example: `  tenure catalog check catalog.yaml`,
		Args:    arguments("FILE"),
		RunE:    func(cmd *cobra.Command, args []string) error { return run(cmd.Context(), c, args[0]) },
	})
}

func runCatalogCheck(_ context.Context, c *Console, file string) error {
	_, parsed, err := readCatalog(file)
	if err != nil {
		return err
	}
	notes := parsed.Notes()
	return c.result(checked{File: file, Problems: []string{}, Notes: notes}, func(p output.Paper) {
		p.Line("%s: no problems", output.Plain(file))
		for _, note := range notes {
			p.Line("%s %s", p.Yellow("note:"), output.Plain(note))
		}
	})
}

// readCatalog reads a file and checks it, so that a typo is found here and not by a worker.
func readCatalog(file string) (text string, parsed *catalog.Catalog, err error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return "", nil, unreadable(err)
	}
	parsed, err = catalog.Parse(file, raw)
	var problems *catalog.Problems
	switch {
	case errors.As(err, &problems):
		lines := strings.Split(problems.Error(), "\n")
		f := &Failure{Exit: exitUsage, Code: "invalid-catalog", Message: lines[0]}
		if len(lines) > 1 {
			f.Lines, f.Message = lines, fmt.Sprintf("%s has %d problems", file, len(lines))
		}
		return "", nil, f
	case err != nil:
		return "", nil, &Failure{Exit: exitUsage, Code: "invalid-catalog", Message: file + ": " + err.Error()}
	}
	return string(raw), parsed, nil
}

func newCatalogDiffCommand(c *Console, run func(context.Context, *Console, string) error) *cobra.Command {
	return reading(&cobra.Command{
		Use:     "diff FILE",
		Short:   "compare a catalog file with the catalog in force",
		Long:    "Compare a catalog file with the catalog in force. The exit code is 2 when there are differences.",
		Example: `  tenure catalog diff catalog.yaml`,
		Args:    arguments("FILE"),
		RunE:    func(cmd *cobra.Command, args []string) error { return run(cmd.Context(), c, args[0]) },
	})
}

func runCatalogDiff(ctx context.Context, c *Console, file string) error {
	_, diff, err := c.compareCatalog(ctx, file)
	if err != nil {
		return err
	}
	err = printList(c, diff, diff.Differences, nil, "no differences", func(p output.Paper) { differences(p, diff.Differences) })
	if err == nil && len(diff.Differences) > 0 {
		return exit(exitOperator)
	}
	return err
}

func (c *Console) compareCatalog(ctx context.Context, file string) (contract.CatalogRequest, contract.CatalogDiff, error) {
	var diff contract.CatalogDiff
	text, _, err := readCatalog(file)
	if err != nil {
		return contract.CatalogRequest{}, diff, err
	}
	request := contract.CatalogRequest{File: file, Text: text, Actor: c.actor()}
	err = c.ask(ctx, errand{contract.DiffCatalog, request, "compare a catalog"}, &diff)
	if diff.Differences == nil {
		diff.Differences = []contract.CatalogDifference{}
	}
	return request, diff, err
}

func differences(p output.Paper, list []contract.CatalogDifference) {
	for _, d := range list {
		symbol, paint := "~", p.Yellow
		switch {
		case strings.HasPrefix(d.Action, "add"):
			symbol, paint = "+", p.Green
		case strings.HasPrefix(d.Action, "remov"):
			symbol, paint = "-", p.Red
		}
		text := d.Kind + " " + d.Name
		if d.Detail != "" {
			text += ": " + d.Detail
		}
		p.Line("%s", paint(symbol+" "+output.Plain(text)))
	}
}

func newCatalogApplyCommand(c *Console, run func(context.Context, *Console, string) error) *cobra.Command {
	return &cobra.Command{
		Use:   "apply FILE",
		Short: "put a catalog file in force",
		Long:  "Show what differs from the catalog in force, ask, and put the file in force. The numbers that it lists are loaded.",
		Example: `  tenure catalog apply catalog.yaml
  tenure catalog apply catalog.yaml --yes --reason "new site Paris"`,
		Args: arguments("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error { return run(cmd.Context(), c, args[0]) },
	}
}

func runCatalogApply(ctx context.Context, c *Console, file string) error {
	if _, _, err := readCatalog(file); err != nil {
		return err
	}
	if err := c.mayAsk(); err != nil {
		return err
	}
	request, diff, err := c.compareCatalog(ctx, file)
	if err != nil {
		return err
	}
	if len(diff.Differences) > 0 {
		differences(c.talk(), diff.Differences)
		if err := c.confirm(ctx, "Put %s in force?", output.Plain(file)); err != nil {
			return err
		}
	}
	var applied contract.CatalogApplied
	detached, err := c.change(ctx, errand{contract.ApplyCatalog, request, "put a catalog in force"}, &applied)
	if detached || err != nil {
		return err
	}
	if applied.Differences == nil {
		applied.Differences = []contract.CatalogDifference{}
	}
	return c.result(applied, func(p output.Paper) {
		if applied.Changed {
			p.Line("revision %d is in force", applied.Revision)
		} else {
			p.Line("revision %d was in force already", applied.Revision)
		}
		p.Line("numbers: %s", addedText(applied.Numbers))
	})
}

type catalogShowOptions struct{ kind, name string }

func newCatalogShowCommand(c *Console, run func(context.Context, *Console, catalogShowOptions) error) *cobra.Command {
	return reading(&cobra.Command{
		Use:   "show [KIND [NAME]]",
		Short: "show the catalog in force, as it takes effect",
		Long: `Show the catalog in force: how many there are of each kind, all of a kind, or one. What is inherited is shown where it
counts, with where it comes from. A field display policy is shown as the whole form: every field with its access (hidden,
read or edit) and the value that it starts as, whether the policy mentions it or not; "policies" and custom_string_1..10
stand for those that are not listed by themselves.`,
		Example: `  tenure catalog show
  tenure catalog show nodes london
  tenure catalog show policy onboarding-default
  tenure catalog show groups -o json`,
		Args: atMost("KIND", "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			args = append(args, "", "")
			return run(cmd.Context(), c, catalogShowOptions{args[0], args[1]})
		},
	})
}

func runCatalogShow(ctx context.Context, c *Console, o catalogShowOptions) error {
	var answer json.RawMessage
	if err := c.ask(ctx, errand{contract.ShowCatalog, contract.ShowCatalogRequest{Kind: o.kind, Name: o.name}, "show the catalog"}, &answer); err != nil {
		return err
	}
	// A worker that answers with text has laid it out already.
	var text string
	if json.Unmarshal(answer, &text) != nil {
		laidOut, err := yaml.JSONToYAML(answer)
		if err != nil {
			return fmt.Errorf("lay out the catalog: %w", err)
		}
		text = string(laidOut)
	}
	return c.result(answer, func(p output.Paper) {
		for line := range strings.Lines(strings.TrimRight(text, "\n") + "\n") {
			p.Line("%s", output.Plain(strings.TrimRight(line, "\n")))
		}
	})
}
