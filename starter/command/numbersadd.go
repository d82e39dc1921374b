package command

import (
	"context"
	"fmt"
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
	partial    bool
}

func newNumbersAddCommand(c *Console, run func(context.Context, *Console, numbersAddOptions) error) *cobra.Command {
	var o numbersAddOptions
	cmd := &cobra.Command{
		Use:   "add NUMBER...|--range A..B|--csv FILE --node NODE --type TYPE",
		Short: "add numbers to the inventory",
		Long: `Add numbers to a node of the inventory. Numbers that Teams has assigned are added as used by that user; numbers that
the inventory has are left as they are, so that a range fills the gaps. Every number and every node is checked before
anything is added.

FILE has a number in the first column of every line. When its first line is a heading with number, the columns number,
node and type are found by it and others are ignored; --node and --type are for lines that have none. Malformed lines
and duplicates are listed with their line numbers and nothing is added, unless --partial adds the others.`,
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
			case o.partial && o.csv == "":
				return usage(helpHint(cmd), "--partial needs --csv FILE")
			case o.node == "" && o.csv == "":
				return usage(helpHint(cmd), "numbers add needs --node NODE")
			case o.kind == "" && o.csv == "":
				return usage(helpHint(cmd), "numbers add needs --type, one of %s", strings.Join(numberTypes, ", "))
			}
			return run(cmd.Context(), c, o)
		},
	}
	cmd.Flags().StringVar(&o.node, "node", "", "add to `NODE`, a name or a path")
	cmd.Flags().Var(newChoice(&o.kind, numberTypes...), "type", "numbers are of `TYPE`: directRouting, callingPlan or operatorConnect")
	cmd.Flags().StringArrayVar(&o.ranges, "range", nil, "add every number of `A..B`, both included; can be repeated")
	cmd.Flags().StringVar(&o.csv, "csv", "", "add the numbers of `FILE`")
	cmd.Flags().BoolVar(&o.partial, "partial", false, "add the right lines of a file although others are wrong")
	completeFlag(cmd, "type", numberTypes...)
	return cmd
}

// numbersAdded is the answer, with what was left out by --partial.
type numbersAdded struct {
	contract.NumbersAdded
	Skipped []string `json:"skipped,omitempty"`
}

func runNumbersAdd(ctx context.Context, c *Console, o numbersAddOptions) error {
	lists, problems, err := o.read()
	if err != nil {
		return err
	}
	request, count, err := batches(lists)
	if err != nil {
		return err
	}
	if err := c.mayAsk(); err != nil {
		return err
	}
	for _, problem := range problems {
		c.talk().Line("left out: %s", output.Plain(problem))
	}
	where := request.Node
	if len(request.More) > 0 {
		where = fmt.Sprintf("%s and others", where)
	}
	if err := c.confirm(ctx, "Add %d to %s as %s?", count, output.Plain(where), request.Type); err != nil {
		return err
	}
	request.Actor = c.actor()
	var added contract.NumbersAdded
	detached, err := c.change(ctx, errand{contract.AddNumbers, request, fmt.Sprintf("add %d to %s", count, where)}, &added)
	if detached || err != nil {
		return err
	}
	return c.result(numbersAdded{added, problems}, func(p output.Paper) { p.Line("%s", addedText(added)) })
}

func addedText(added contract.NumbersAdded) string {
	text := fmt.Sprintf("%d added", added.Added)
	if added.InUse > 0 {
		text += fmt.Sprintf(" (%d of them used in Teams)", added.InUse)
	}
	return text + fmt.Sprintf(", %d there already", added.Existing)
}

// numberList are numbers of one type for one node.
type numberList struct {
	node, kind string
	blocks     []e164.Block
}

// read checks every number and makes plain E.164 of it. problems are what --partial leaves out.
func (o numbersAddOptions) read() (lists []numberList, problems []string, err error) {
	if o.csv != "" {
		lists, problems, err = readNumbers(o.csv, o.node, o.kind)
		if err != nil {
			return nil, nil, err
		}
		if len(problems) > 0 && (!o.partial || len(lists) == 0) {
			failure := malformedNumbers(problems)
			if !o.partial {
				failure.Hint = "correct the file, or add the other lines with --partial"
			}
			return nil, nil, failure
		}
		return lists, problems, nil
	}
	list := numberList{node: o.node, kind: o.kind}
	var numbers []string
	for _, text := range o.numbers {
		number, err := e164.Parse(text)
		if err != nil {
			problems = append(problems, err.Error())
			continue
		}
		numbers = append(numbers, number)
	}
	list.blocks = e164.Blocks(numbers)
	for _, text := range o.ranges {
		block, err := e164.ParseRange(text)
		if err != nil {
			problems = append(problems, fmt.Sprintf("--range %s: %v", text, err))
			continue
		}
		for _, other := range list.blocks {
			if block.Overlaps(other) {
				problems = append(problems, fmt.Sprintf("--range %s overlaps %s", block, other))
			}
		}
		list.blocks = append(list.blocks, block)
	}
	if len(problems) > 0 {
		return nil, nil, malformedNumbers(problems)
	}
	return []numberList{list}, nil, nil
}

func malformedNumbers(problems []string) *Failure {
	f := &Failure{Exit: exitUsage, Code: "malformed-number", Message: problems[0]}
	if len(problems) > 1 {
		f.Lines, f.Message = problems, fmt.Sprintf("%d numbers are malformed or there twice; none was added", len(problems))
	}
	return f
}

// maxListed is how many numbers that do not follow on each other fit into one request to Temporal with room to spare; a
// range takes the room of shortBlock of them.
const (
	maxListed  = 50_000
	shortBlock = 4
)

// batches packs lists into a request. count is how many numbers that are. Numbers that follow on each other travel as
// ranges.
func batches(lists []numberList) (request contract.AddNumbersRequest, count int, err error) {
	var all []contract.NumberBatch
	listed := 0
	for _, list := range lists {
		room := 0
		for _, block := range list.blocks {
			if block.Count > room {
				all, room = append(all, contract.NumberBatch{Node: list.node, Type: list.kind}), contract.MaxBatch
			}
			b := &all[len(all)-1]
			if block.Count < shortBlock {
				for number := range block.All() {
					b.Numbers = append(b.Numbers, number)
				}
				listed += block.Count
			} else {
				b.Ranges = append(b.Ranges, contract.NumberRange{From: block.From, To: block.To})
				listed += shortBlock
			}
			room -= block.Count
			count += block.Count
		}
	}
	if listed > maxListed {
		return request, 0, usage("split the file, or use --range", "%d numbers that do not follow on each other are too many at once; about %d are allowed", listed, maxListed)
	}
	first := all[0]
	return contract.AddNumbersRequest{Node: first.Node, Type: first.Type, Numbers: first.Numbers, Ranges: first.Ranges, More: all[1:]}, count, nil
}

func unreadable(err error) *Failure {
	return &Failure{Exit: exitUsage, Code: "unreadable-file", Message: err.Error()}
}
