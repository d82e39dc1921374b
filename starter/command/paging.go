package command

import (
	"github.com/spf13/cobra"

	"tenure/internal/contract"
	"tenure/starter/output"
)

// paging is what lists are asked for.
type paging struct {
	limit int
	all   bool
	after string
}

// pageOfAll is how many items --all asks for at a time.
const pageOfAll = 500

func (o *paging) register(cmd *cobra.Command) {
	cmd.Flags().IntVar(&o.limit, "limit", 100, "show at most `N`")
	cmd.Flags().BoolVar(&o.all, "all", false, "show all")
	cmd.Flags().StringVar(&o.after, "after", "", "go on at `CURSOR`, the \"next\" of the page before")
}

func (o *paging) check(cmd *cobra.Command) error {
	switch {
	case o.limit < 1:
		return usage(helpHint(cmd), "--limit must be at least 1")
	case o.all && cmd.Flags().Changed("limit"):
		return usage(helpHint(cmd), "--all and --limit contradict each other")
	case o.all && o.after != "":
		return usage(helpHint(cmd), "--all and --after contradict each other")
	}
	return nil
}

// pages reads one page, or with --all every page, which leaves no next.
func pages[T any](o paging, read func(contract.Page) ([]T, *string, error)) (items []T, next *string, err error) {
	items = []T{}
	page := contract.Page{Limit: o.limit, Cursor: o.after}
	if o.all {
		page.Limit = pageOfAll
	}
	for {
		part, next, err := read(page)
		if err != nil {
			return nil, nil, err
		}
		items = append(items, part...)
		if !o.all || next == nil || len(part) == 0 {
			if o.all {
				next = nil
			}
			return items, next, nil
		}
		page.Cursor = *next
	}
}

// printList prints a list in the format that was asked for; document is its JSON form.
func printList[T any](c *Console, document any, items []T, next *string, none string, text func(output.Paper)) error {
	if c.flags.output == output.LinesFormat {
		return output.Items(c.Out, items)
	}
	return c.result(document, func(p output.Paper) {
		if len(items) == 0 {
			c.talk().Line("%s", none)
			return
		}
		text(p)
		if next != nil {
			c.talk().Line("there are more: add --all, or --after %s", *next)
		}
	})
}
