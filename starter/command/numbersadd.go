package command

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"tenure/internal/contract"
	"tenure/internal/e164"
	"tenure/starter/output"
)

type numbersAddOptions struct {
	node, kind string
	numbers    []string
	ranges     []string
	csv        string
}

func newNumbersAddCommand(c *Console, run func(context.Context, *Console, numbersAddOptions) error) *cobra.Command {
	var o numbersAddOptions
	cmd := &cobra.Command{
		Use:   "add NUMBER...|--range A..B|--csv FILE --node NODE --type TYPE",
		Short: "add numbers to the inventory",
		Long: `Add numbers to a node of the inventory. Numbers that Teams has assigned are added as used by that user; numbers that
the inventory has are left as they are. Every number is checked before anything is added.

FILE has a number in the first column of every line; other columns and a heading are ignored.`,
		Example: `  tenure numbers add +442079460001 "+44 20 7946 0002" --node london --type directRouting
  tenure numbers add --range +442079460100..+442079460199 --node london --type directRouting
  tenure numbers add --csv numbers.csv --node london --type operatorConnect --yes`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.numbers = args
			sources := 0
			for _, given := range []bool{len(args) > 0, len(o.ranges) > 0, o.csv != ""} {
				if given {
					sources++
				}
			}
			switch {
			case sources == 0:
				return usage(helpHint(cmd), "numbers add needs NUMBER..., --range A..B or --csv FILE")
			case sources > 1:
				return usage(helpHint(cmd), "give numbers, --range or --csv, not several of them")
			case o.node == "":
				return usage(helpHint(cmd), "numbers add needs --node NODE")
			case o.kind == "":
				return usage(helpHint(cmd), "numbers add needs --type, one of %s", strings.Join(numberTypes, ", "))
			}
			return run(cmd.Context(), c, o)
		},
	}
	cmd.Flags().StringVar(&o.node, "node", "", "add to `NODE`, a name or a path")
	cmd.Flags().Var(newChoice(&o.kind, numberTypes...), "type", "numbers are of `TYPE`: directRouting, callingPlan or operatorConnect")
	cmd.Flags().StringArrayVar(&o.ranges, "range", nil, "add every number of `A..B`, both included; can be repeated")
	cmd.Flags().StringVar(&o.csv, "csv", "", "add the numbers of `FILE`")
	completeFlag(cmd, "type", numberTypes...)
	return cmd
}

func runNumbersAdd(ctx context.Context, c *Console, o numbersAddOptions) error {
	request, count, err := o.request()
	if err != nil {
		return err
	}
	if err := c.mayAsk(); err != nil {
		return err
	}
	if err := c.confirm(ctx, "Add %d to %s as %s?", count, output.Plain(o.node), o.kind); err != nil {
		return err
	}
	request.Actor = c.actor()
	var added contract.NumbersAdded
	detached, err := c.change(ctx, errand{contract.AddNumbers, request, fmt.Sprintf("add %d to %s", count, o.node)}, &added)
	if detached || err != nil {
		return err
	}
	return c.result(added, func(p output.Paper) { p.Line("%s", addedText(added)) })
}

func addedText(added contract.NumbersAdded) string {
	text := fmt.Sprintf("%d added", added.Added)
	if added.InUse > 0 {
		text += fmt.Sprintf(" (%d of them used in Teams)", added.InUse)
	}
	return text + fmt.Sprintf(", %d there already", added.Existing)
}

// maxListed is how many single numbers fit into one request to Temporal with room to spare.
const maxListed = 50_000

// request checks every number and makes plain E.164 of it. count is how many numbers that are.
func (o numbersAddOptions) request() (request contract.AddNumbersRequest, count int, err error) {
	request = contract.AddNumbersRequest{Node: o.node, Type: o.kind}
	var problems []string
	for _, text := range o.ranges {
		block, err := e164.ParseRange(text)
		if err != nil {
			problems = append(problems, fmt.Sprintf("--range %s: %v", text, err))
			continue
		}
		request.Ranges = append(request.Ranges, contract.NumberRange{From: block.From, To: block.To})
		count += block.Count
	}
	for _, text := range o.numbers {
		number, err := e164.Parse(text)
		if err != nil {
			problems = append(problems, err.Error())
			continue
		}
		request.Numbers = append(request.Numbers, number)
	}
	if o.csv != "" {
		numbers, wrong, err := readNumbers(o.csv)
		if err != nil {
			return request, 0, err
		}
		request.Numbers, problems = numbers, wrong
	}
	count += len(request.Numbers)
	switch {
	case len(problems) == 1:
		return request, 0, malformed(errors.New(problems[0]))
	case len(problems) > 1:
		return request, 0, &Failure{
			Exit: exitUsage, Code: "malformed-number", Lines: problems,
			Message: fmt.Sprintf("%d numbers are malformed; none was added", len(problems)),
		}
	case len(request.Numbers) > maxListed:
		return request, 0, usage("split the file, or use --range", "%d numbers are too many at once; %d are allowed", len(request.Numbers), maxListed)
	}
	return request, count, nil
}

// readNumbers reads the first column of a CSV file. problems name the line that each is on.
func readNumbers(file string) (numbers, problems []string, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, nil, unreadable(err)
	}
	defer f.Close()
	reader := csv.NewReader(f)
	reader.FieldsPerRecord = -1
	reader.TrimLeadingSpace = true
	for first := true; ; first = false {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, &Failure{Exit: exitUsage, Code: "unreadable-file", Message: file + ": " + err.Error()}
		}
		text := strings.TrimSpace(strings.TrimPrefix(record[0], "\ufeff"))
		line, _ := reader.FieldPos(0)
		number, err := e164.Parse(text)
		switch {
		case text == "", first && strings.EqualFold(text, "number"):
		case err != nil:
			problems = append(problems, fmt.Sprintf("%s:%d: %v", file, line, err))
		default:
			numbers = append(numbers, number)
		}
	}
	if len(numbers) == 0 && len(problems) == 0 {
		return nil, nil, &Failure{Exit: exitUsage, Code: "no-numbers", Message: file + " has no numbers in it"}
	}
	return numbers, problems, nil
}

func unreadable(err error) *Failure {
	return &Failure{Exit: exitUsage, Code: "unreadable-file", Message: err.Error()}
}
