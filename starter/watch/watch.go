// Package watch follows one run to its end and shows what happens on the way. It only reads: whatever happens here,
// the run goes on.
package watch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"tenure/internal/codec"
	"tenure/internal/connect"
	"tenure/internal/contract"
	"tenure/internal/fault"
	"tenure/internal/lifecycle"
)

// Runs is the part of the Temporal client that following a run needs.
type Runs interface {
	GetWorkflow(ctx context.Context, workflowID, runID string) client.WorkflowRun
	QueryWorkflow(ctx context.Context, workflowID, runID, queryType string, args ...any) (converter.EncodedValue, error)
	DescribeWorkflowExecution(ctx context.Context, workflowID, runID string) (*workflowservice.DescribeWorkflowExecutionResponse, error)
}

// View shows a run. Calls come one after the other.
type View interface {
	// Show is called whenever something changed and about every Watch.Every; most calls bring nothing new.
	Show(Moment)
	// Close is called once at the end, after the last Show.
	Close()
}

// Moment is what is known of a run at one time.
type Moment struct {
	Now    time.Time
	Report lifecycle.Report
	// Attempts are the activities that are being tried now.
	Attempts []Attempt
	// Notice is what stands in the way of following just now, in one sentence, or empty.
	Notice string
}

// Watch follows one run until it has ended or nothing goes on without an operator.
type Watch struct {
	Runs              Runs
	WorkflowID, RunID string
	// Data reads what Runs does not decode by itself.
	Data converter.DataConverter
	// Every is how often progress is asked for.
	Every time.Duration
	// Silence is how long no worker may answer before the operator is told. It bounds each question, too.
	Silence time.Duration
	// Lost is how long Temporal may be out of reach before following is given up.
	Lost time.Duration
	Now  func() time.Time
	View View
}

// Ending is how a run ended. All three can be absent: a completed run has no Cause and no Closed, a run that was
// refused before it had a plan no Report.
type Ending struct {
	Report *lifecycle.Report
	Cause  *fault.Error
	// Closed is set when Temporal ended the run from outside ("was terminated", "timed out"): nobody undid anything.
	Closed string
}

// Follow returns when the run has ended, or is held for an operator. The error is that of the context when the caller stopped following, one
// that connect.Unreachable recognizes when Temporal stayed out of reach for Lost, or the answer to a run that does not exist.
func (w Watch) Follow(ctx context.Context) (Ending, error) {
	defer w.View.Close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()

	type end struct {
		Ending
		error
	}
	ended := make(chan end, 1)
	updates := make(chan func(*Moment))
	go func() {
		ending, err := w.end(ctx, updates)
		ended <- end{ending, err}
	}()
	go w.progress(ctx, updates)
	go w.attempts(ctx, updates)

	tick := time.NewTicker(w.Every)
	defer tick.Stop()
	var moment Moment
	show := func() {
		moment.Now = w.Now()
		w.View.Show(moment)
	}
	for {
		select {
		case update := <-updates:
			update(&moment)
			show()
			if moment.Report.Status == lifecycle.Held {
				report := moment.Report
				return Ending{Report: &report}, nil
			}
		case <-tick.C:
			show()
		case e := <-ended:
			if e.error == nil && e.Report != nil {
				moment = Moment{Report: *e.Report}
				show()
			}
			return e.Ending, e.error
		}
	}
}

// end waits for the run to close, patiently while Temporal is away.
func (w Watch) end(ctx context.Context, updates chan<- func(*Moment)) (Ending, error) {
	var lostSince time.Time
	for {
		ending, err := w.Result(ctx)
		switch {
		case ctx.Err() != nil:
			return Ending{}, ctx.Err()
		case !connect.Unreachable(err):
			return ending, err
		case lostSince.IsZero():
			lostSince = w.Now()
			notice(ctx, updates, "Temporal does not answer; the run goes on when it is back, and so does this")
		case w.Now().Sub(lostSince) > w.Lost:
			return Ending{}, err
		}
		if !pause(ctx, w.Every) {
			return Ending{}, ctx.Err()
		}
	}
}

// Result waits for the run to close and says how it did. The error is about reaching Temporal, finding the run or
// decrypting what it left.
func (w Watch) Result(ctx context.Context) (Ending, error) {
	var report lifecycle.Report
	err := w.Runs.GetWorkflow(ctx, w.WorkflowID, w.RunID).Get(ctx, &report)
	if err == nil {
		return Ending{Report: &report}, nil
	}
	var closed *temporal.WorkflowExecutionError
	var keys *codec.Error
	if !errors.As(err, &closed) || errors.As(err, &keys) {
		return Ending{}, err
	}
	var terminated *temporal.TerminatedError
	var timeout *temporal.TimeoutError
	ending := Ending{}
	switch {
	case errors.As(err, &terminated):
		ending.Closed = "was terminated from outside"
	case errors.As(err, &timeout):
		ending.Closed = "timed out"
	default:
		ending.Report, ending.Cause = contract.Ended(err)
		return ending, nil
	}
	// The workflow never got to write its report, but a worker can still replay how far it came.
	if last, err := w.Progress(ctx); err == nil {
		last.Status = lifecycle.Failed
		last.Failure = fmt.Sprintf("the workflow %s; nobody undid what was done", ending.Closed)
		ending.Report = &last
	}
	return ending, nil
}

// Progress asks a worker for the report so far. It works on closed runs too.
func (w Watch) Progress(ctx context.Context) (lifecycle.Report, error) {
	ctx, cancel := context.WithTimeout(ctx, w.Silence)
	defer cancel()
	var report lifecycle.Report
	answer, err := w.Runs.QueryWorkflow(ctx, w.WorkflowID, w.RunID, contract.ProgressQuery)
	if err != nil {
		return report, err
	}
	return report, answer.Get(&report)
}

func (w Watch) progress(ctx context.Context, updates chan<- func(*Moment)) {
	answered, told := w.Now(), false
	for {
		report, err := w.Progress(ctx)
		var noPoller *serviceerror.FailedPrecondition
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			answered, told = w.Now(), false
			send(ctx, updates, func(m *Moment) { m.Report, m.Notice = report, "" })
		case !told && (errors.As(err, &noPoller) || w.Now().Sub(answered) >= w.Silence):
			told = true
			notice(ctx, updates, "no worker answers; the run goes on when one is back")
		}
		if !pause(ctx, w.Every) {
			return
		}
	}
}

func (w Watch) attempts(ctx context.Context, updates chan<- func(*Moment)) {
	for {
		if described, err := w.Runs.DescribeWorkflowExecution(ctx, w.WorkflowID, w.RunID); err == nil {
			attempts := pending(described, w.Data)
			send(ctx, updates, func(m *Moment) { m.Attempts = attempts })
		}
		if !pause(ctx, w.Every) {
			return
		}
	}
}

func send(ctx context.Context, updates chan<- func(*Moment), update func(*Moment)) {
	select {
	case updates <- update:
	case <-ctx.Done():
	}
}

func notice(ctx context.Context, updates chan<- func(*Moment), text string) {
	send(ctx, updates, func(m *Moment) { m.Notice = text })
}

// pause waits, and reports false when the context ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
