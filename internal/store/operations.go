package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tenure/internal/lifecycle"
)

// Operation is a run as it begins.
type Operation struct {
	RunID, WorkflowID string
	Tenant            string
	Subscriber        lifecycle.SubscriberRef
	Request           lifecycle.Request
	// Node is where the subscriber is when the run begins.
	Node string
	// StartedAt is the start of the workflow; the zero value stands for now.
	StartedAt time.Time
}

// OperationRow is a run as the store knows it.
type OperationRow struct {
	Operation
	Status lifecycle.Status
	// ClosedAt is nil while the run is active.
	ClosedAt *time.Time
	// Report is the report's JSON as Finish was given it; nil until then, and for a run that was abandoned.
	Report json.RawMessage
	// Note says why a run ended otherwise than by its own report.
	Note string
	// Active runs are the ones that keep others from the same subscriber.
	Active bool
	// TakenOverBy is the run that followed this one because it was dead.
	TakenOverBy string
}

// outcomeDone is the audit's outcome of a change that is not a run.
const outcomeDone = "done"

// Begin opens a run: from now on the subscriber is busy for everybody else. Beginning the same run again changes nothing.
//
// When the subscriber has an active run of the same workflow, that run is dead, since Temporal keeps at most one run of a
// workflow open: it is closed as failed, and the numbers that it holds pass to the new run. The releases and
// assignments that it had recorded are dropped, because the new run makes a plan of its own. An active run of another workflow refuses with "busy",
// a request id that another run had with "request-repeated", and a run that was closed already with "run-closed".
func (s *Store) Begin(ctx context.Context, op Operation) error {
	request, err := json.Marshal(op.Request)
	if err != nil {
		return fmt.Errorf("begin run %s: encode the request: %w", op.RunID, err)
	}
	return s.update(ctx, "begin run "+op.RunID, func(t *tx) error {
		if op.StartedAt.IsZero() {
			op.StartedAt = t.at
		}
		// A conflicting run may be closed between the two statements; then the row is free in the next round.
		for range 3 {
			inserted, err := t.exec(ctx,
				`INSERT INTO operations (run_id, workflow_id, tenant, subscriber_id, upn, upn_lower, operation, request_id, requested_by, reason, node, status, started_at, request, active)
				 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, TRUE) ON CONFLICT DO NOTHING`,
				op.RunID, op.WorkflowID, op.Tenant, op.Subscriber.ID, op.Subscriber.UserPrincipalName, strings.ToLower(op.Subscriber.UserPrincipalName),
				string(op.Request.Operation), op.Request.RequestID, op.Request.RequestedBy, op.Request.Reason, op.Node, string(lifecycle.Running), micros(op.StartedAt), string(request))
			if err != nil || inserted == 1 {
				return err
			}
			begun, err := t.makeRoom(ctx, op)
			if err != nil || begun {
				return err
			}
		}
		return errors.New("the runs of the subscriber change too fast")
	})
}

// makeRoom finds out why a run could not be inserted. It reports true when the run has begun before; otherwise what was
// in the way is gone when it returns without an error.
func (t *tx) makeRoom(ctx context.Context, op Operation) (begun bool, err error) {
	same, err := t.lockOperations(ctx, `run_id = $1`, op.RunID)
	if err != nil {
		return false, err
	}
	if len(same) == 1 {
		if !same[0].Active {
			return false, runClosed(same[0])
		}
		return true, nil
	}
	active, err := t.lockOperations(ctx, `tenant = $1 AND subscriber_id = $2 AND active`, op.Tenant, op.Subscriber.ID)
	if err != nil {
		return false, err
	}
	if len(active) == 1 {
		if active[0].WorkflowID != op.WorkflowID {
			return false, busy(active[0])
		}
		return false, t.takeOver(ctx, active[0], op)
	}
	if op.Request.RequestID == "" {
		return false, nil
	}
	repeated, err := t.lockOperations(ctx, `request_id = $1 AND request_id <> '' AND taken_over_by = ''`, op.Request.RequestID)
	if err != nil || len(repeated) == 0 {
		return false, err
	}
	return false, &lifecycle.Refusal{
		Code:    "request-repeated",
		Message: fmt.Sprintf("request %s has been run already: %s, run %s, is %s", op.Request.RequestID, repeated[0].Request.Operation, repeated[0].RunID, repeated[0].Status),
		Hint:    "look at that run, or ask again under another request id",
	}
}

// takeOver closes a dead run in favour of its successor.
func (t *tx) takeOver(ctx context.Context, dead OperationRow, successor Operation) error {
	note := "abandoned: taken over by run " + successor.RunID
	if _, err := t.ExecContext(ctx,
		`UPDATE operations SET active = FALSE, status = $1, closed_at = $2, note = $3, taken_over_by = $4 WHERE run_id = $5 AND active`,
		string(lifecycle.Failed), micros(t.at), note, successor.RunID, dead.RunID); err != nil {
		return err
	}
	held, err := t.lockHeld(ctx, dead.RunID)
	if err != nil {
		return err
	}
	by := Actor{By: successor.Request.RequestedBy, RunID: successor.RunID}
	steps := make([]numberStep, len(held))
	for i, n := range held {
		steps[i] = numberStep{number: n, event: eventHoldPassed, runID: successor.RunID}
	}
	if _, err := t.transition(ctx, by, steps); err != nil {
		return err
	}
	if err := t.notify(ctx, dead, lifecycle.RunEvent(lifecycle.Failed), lifecycle.Failed, dead.Node, note, nil); err != nil {
		return err
	}
	return t.audit(ctx, Actor{By: dead.Request.RequestedBy, Reason: dead.Request.Reason, RunID: dead.RunID}, AuditEntry{
		Operation: string(dead.Request.Operation), Tenant: dead.Tenant, Subscriber: dead.Subscriber,
		Outcome: string(lifecycle.Failed), Detail: map[string]any{"note": note},
	})
}

// FinishInput is how a run ends.
type FinishInput struct {
	// Status is completed, rolled_back, cancelled or failed.
	Status lifecycle.Status
	Report lifecycle.Report
	// Commit lets the recorded releases and assignments happen. Without it they are dropped and the numbers are as they
	// were.
	Commit bool
	// Welcome keeps a notice that asks for the user to be welcomed (R13), besides the one of the end.
	Welcome bool
}

// Finish closes a run. With Commit every number that the run holds and has recorded a release for becomes Available or
// Cooling exactly as recorded (R83, R93), and every number that it has claimed becomes Used by its subscriber (R12); the
// hold of every number ends in any case. A committed offboarding marks the subscriber as offboarded, a committed
// onboarding ends that (R117). Finishing a run again changes nothing, whatever the input; a run that was taken over
// refuses with "run-closed", one that never began with "unknown-run".
func (s *Store) Finish(ctx context.Context, runID string, in FinishInput) error {
	if slices.Contains(lifecycle.Active(), in.Status) {
		return &lifecycle.Refusal{Code: "not-an-end", Message: fmt.Sprintf("a run cannot end as %s", in.Status), Invalid: true}
	}
	report, err := json.Marshal(in.Report)
	if err != nil {
		return fmt.Errorf("finish run %s: encode the report: %w", runID, err)
	}
	return s.update(ctx, "finish run "+runID, func(t *tx) error {
		op, err := t.run(ctx, runID)
		switch {
		case err != nil:
			return err
		case op.TakenOverBy != "":
			return runClosed(op)
		case !op.Active:
			return nil
		}
		if in.Commit {
			if err := t.markOffboarded(ctx, op); err != nil {
				return err
			}
		}
		if err := t.endHolds(ctx, op, in.Commit); err != nil {
			return err
		}
		closed := t.at
		if in.Report.ClosedAt != nil {
			closed = *in.Report.ClosedAt
		}
		if _, err := t.ExecContext(ctx, `UPDATE operations SET active = FALSE, status = $1, closed_at = $2, report = $3 WHERE run_id = $4 AND active`,
			string(in.Status), micros(closed), string(report), runID); err != nil {
			return err
		}
		if err := t.notifyEnd(ctx, op, in); err != nil {
			return err
		}
		steps := map[lifecycle.StepName]lifecycle.Outcome{}
		for _, step := range in.Report.Steps {
			steps[step.Name] = step.Outcome
		}
		return t.audit(ctx, op.actor(), AuditEntry{
			Operation: string(op.Request.Operation), Tenant: op.Tenant, Subscriber: op.Subscriber, Outcome: string(in.Status),
			Detail: map[string]any{"committed": in.Commit, "node": op.Node, "requestId": op.Request.RequestID, "steps": steps},
		})
	})
}

// markOffboarded keeps the mark of a committed run's subscriber (R117).
func (t *tx) markOffboarded(ctx context.Context, op OperationRow) (err error) {
	switch op.Request.Operation {
	case lifecycle.Offboard:
		_, err = t.ExecContext(ctx, `UPDATE subscribers SET offboarded_at = $1, offboarded_as = person, changed_at = $1 WHERE tenant = $2 AND id = $3`,
			micros(t.at), op.Tenant, op.Subscriber.ID)
	case lifecycle.Onboard, lifecycle.Move:
		_, err = t.ExecContext(ctx, `UPDATE subscribers SET offboarded_at = NULL, changed_at = $1 WHERE tenant = $2 AND id = $3 AND offboarded_at IS NOT NULL`,
			micros(t.at), op.Tenant, op.Subscriber.ID)
	}
	return err
}

// SetStatus says whether an active run is running, staged or held, and with held why. The status of a closed run is
// Finish's: "run-closed".
func (s *Store) SetStatus(ctx context.Context, runID string, status lifecycle.Status, failure string) error {
	if !slices.Contains(lifecycle.Active(), status) {
		return &lifecycle.Refusal{Code: "not-a-status", Message: fmt.Sprintf("an active run cannot be %s", status), Invalid: true}
	}
	return s.update(ctx, "set the status of run "+runID, func(t *tx) error {
		op, err := t.activeRun(ctx, runID)
		if err != nil || op.Status == status {
			return err
		}
		if status == lifecycle.Held {
			if err := t.notify(ctx, op, lifecycle.RunEvent(status), status, op.Node, failure, nil); err != nil {
				return err
			}
		}
		_, err = t.ExecContext(ctx, `UPDATE operations SET status = $1 WHERE run_id = $2`, string(status), runID)
		return err
	})
}

func (op OperationRow) actor() Actor {
	return Actor{By: op.Request.RequestedBy, Reason: op.Request.Reason, RunID: op.RunID}
}

// run locks the operation of a run for the rest of the transaction; "unknown-run" when it never began.
func (t *tx) run(ctx context.Context, runID string) (OperationRow, error) {
	found, err := t.lockOperations(ctx, `run_id = $1`, runID)
	if err != nil {
		return OperationRow{}, err
	}
	if len(found) == 0 {
		return OperationRow{}, &lifecycle.Refusal{Code: "unknown-run", Message: fmt.Sprintf("run %s has not begun", runID)}
	}
	return found[0], nil
}

// activeRun is run for changes that only an active run may make. It fences off what is left of a run that was taken
// over: an activity that was still under way can change nothing any more.
func (t *tx) activeRun(ctx context.Context, runID string) (OperationRow, error) {
	op, err := t.run(ctx, runID)
	if err == nil && !op.Active {
		err = runClosed(op)
	}
	return op, err
}

func (t *tx) lockOperations(ctx context.Context, where string, args ...any) ([]OperationRow, error) {
	return query(ctx, t, scanOperation, `SELECT `+operationColumns+` FROM operations WHERE `+where+t.dialect.forUpdate, args...)
}

func busy(op OperationRow) *lifecycle.Refusal {
	return &lifecycle.Refusal{
		Code:    "busy",
		Message: fmt.Sprintf("user %s is busy: %s, run %s of %s, is %s since %s", op.Subscriber.ID, op.Request.Operation, op.RunID, op.WorkflowID, op.Status, op.StartedAt.Format(time.RFC3339)),
		Hint:    "wait for that run to end, or cancel it",
	}
}

func runClosed(op OperationRow) *lifecycle.Refusal {
	r := &lifecycle.Refusal{Code: "run-closed", Message: fmt.Sprintf("run %s is closed: %s", op.RunID, op.Status)}
	if op.Note != "" {
		r.Message += " (" + op.Note + ")"
	}
	return r
}

// OperationFilter selects runs; empty fields select all.
type OperationFilter struct {
	// UPN is compared without regard to case.
	Tenant, SubscriberID, UPN, RunID, WorkflowID, RequestID string
	Statuses                                                []lifecycle.Status
	// Limit is the size of a page: 100 when 0, at most 1000. Cursor is where the page before ended.
	Limit  int
	Cursor string
}

// FindOperations lists runs, those that started last first, and the cursor of the next page; empty on the last one.
func (s *Store) FindOperations(ctx context.Context, f OperationFilter) (list []OperationRow, next string, err error) {
	var c conditions
	c.equal("tenant", f.Tenant)
	c.equal("subscriber_id", f.SubscriberID)
	c.equal("upn_lower", strings.ToLower(f.UPN))
	c.equal("run_id", f.RunID)
	c.equal("workflow_id", f.WorkflowID)
	c.equal("request_id", f.RequestID)
	if len(f.Statuses) > 0 {
		marks := slices.Repeat([]string{"?"}, len(f.Statuses))
		values := make([]any, len(f.Statuses))
		for i, status := range f.Statuses {
			values[i] = string(status)
		}
		c.add("status IN ("+strings.Join(marks, ", ")+")", values...)
	}
	key, err := cursorKey(f.Cursor, 2)
	if err != nil {
		return nil, "", err
	}
	if key != nil {
		started, err := cursorNumber(key[0])
		if err != nil {
			return nil, "", err
		}
		c.add("(started_at, run_id) < (?, ?)", started, key[1])
	}
	size := pageSize(f.Limit)
	err = s.view(ctx, "list operations", func(t *tx) error {
		list, err = query(ctx, t, scanOperation, `SELECT `+operationColumns+` FROM operations`+c.where()+` ORDER BY started_at DESC, run_id DESC LIMIT `+c.arg(size+1), c.args...)
		return err
	})
	list, next = page(list, size, func(op OperationRow) string {
		return cursorAfter(strconv.FormatInt(micros(op.StartedAt), 10), op.RunID)
	})
	return list, next, err
}

const operationColumns = `run_id, workflow_id, tenant, subscriber_id, upn, node, status, started_at, closed_at, request, report, note, taken_over_by, active`

func scanOperation(row scanner) (op OperationRow, err error) {
	var started int64
	var closed sql.NullInt64
	var request, report string
	if err = row.Scan(&op.RunID, &op.WorkflowID, &op.Tenant, &op.Subscriber.ID, &op.Subscriber.UserPrincipalName, &op.Node, &op.Status,
		&started, &closed, &request, &report, &op.Note, &op.TakenOverBy, &op.Active); err != nil {
		return op, err
	}
	op.StartedAt, op.ClosedAt = fromMicros(started), fromMicrosOrNull(closed)
	if report != "" {
		op.Report = json.RawMessage(report)
	}
	if err = json.Unmarshal([]byte(request), &op.Request); err != nil {
		err = fmt.Errorf("decode the request of run %s: %w", op.RunID, err)
	}
	return op, err
}
