package command

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
	"golang.org/x/sync/errgroup"

	"tenure/internal/lifecycle"
	"tenure/starter/output"
	"tenure/starter/watch"
)

// reports are several runs as one document.
type reports struct {
	Reports []lifecycle.Report `json:"reports"`
}

// showSeveral shows several runs, and with --watch follows all of them in one view until the last one has ended or waits for
// an operator.
func (c *Console) showSeveral(ctx context.Context, conn *Connection, o statusOptions) error {
	var runs []found
	for _, name := range o.runs {
		run, err := c.find(ctx, conn, name)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(runs, func(known found) bool { return known.runID == run.runID }) {
			runs = append(runs, run)
		}
	}
	views := c.views(runs, o.watch)
	all, codes := make([]lifecycle.Report, len(runs)), make([]int, len(runs))
	following, fctx := errgroup.WithContext(ctx)
	for i, run := range runs {
		following.Go(func() (err error) {
			if run.open && o.watch {
				all[i], codes[i], err = c.follow(fctx, conn, run, views[i], len(runs))
			} else {
				all[i], codes[i], err = c.standing(fctx, conn, run)
			}
			if err == nil && c.flags.output == output.LinesFormat {
				err = c.printReport(all[i])
			}
			return err
		})
	}
	err := following.Wait()
	switch {
	case ctx.Err() != nil:
		f := interrupted("the runs go on")
		f.Hint = "come back with: tenure status " + strings.Join(o.runs, " ") + " --watch"
		return f
	case err != nil:
		return err
	}
	if err := c.printReports(all); err != nil {
		return err
	}
	if code := slices.Max(codes); o.exitStatus && code != exitDone {
		return exit(code)
	}
	return nil
}

// crowd is how many runs are asked about as often as one; more are asked less often, each.
const crowd = 8

// follow stays with one of several runs.
func (c *Console) follow(ctx context.Context, conn *Connection, run found, view watch.View, among int) (lifecycle.Report, int, error) {
	w := c.watch(conn, run.subject)
	w.View, w.Every = view, w.Every*time.Duration(1+among/crowd)
	ending, err := w.Follow(ctx)
	var missing *serviceerror.NotFound
	switch {
	case errors.As(err, &missing):
		return lifecycle.Report{}, exitUndone, unknownRun(run.workflowID)
	case err != nil:
		return lifecycle.Report{}, exitUndone, conn.reach(ctx, err)
	}
	report, code := run.ended(ending)
	return report, code, nil
}

// views are those of the runs that are followed, which share a terminal or a stream.
func (c *Console) views(runs []found, watched bool) []watch.View {
	views := make([]watch.View, len(runs))
	if !watched {
		return views
	}
	var open []int
	var names []string
	for i, run := range runs {
		if run.open {
			open, names = append(open, i), append(names, run.String())
		}
	}
	board := watch.NewBoard(c.talk(), names)
	for n, i := range open {
		talk := c.talk()
		talk.Writer = output.Prefixed(talk.Writer, output.Plain(names[n])+":")
		switch {
		case c.flags.output == output.LinesFormat:
			views[i] = &watch.Events{Out: c.Out, Talk: talk, RunID: runs[i].runID}
		case c.live():
			views[i] = board.View(n)
		default:
			views[i] = &watch.Lines{Talk: talk}
		}
	}
	return views
}

func (c *Console) printReports(all []lifecycle.Report) error {
	if c.flags.output == output.LinesFormat {
		return nil // each was printed when it was there
	}
	document := reports{make([]lifecycle.Report, len(all))}
	for i, r := range all {
		document.Reports[i] = output.WithoutNulls(r)
	}
	return c.result(document, func(p output.Paper) { p.Runs(all) })
}
