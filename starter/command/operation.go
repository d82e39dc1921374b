package command

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"tenure/internal/contract"
	"tenure/internal/lifecycle"
	"tenure/starter/output"
)

// operations are the ways to change one user, and all in which they differ once the request is made.
var operations = map[lifecycle.Operation]struct {
	workflow string
	// confirmation asks whether to begin with a user; summary says in the Temporal UI what is done to whom, and the node.
	confirmation, summary string
}{
	lifecycle.Onboard:  {contract.Onboard, "Onboard %s?", "onboard %s at %s"},
	lifecycle.Offboard: {contract.QuickOffboard, "Offboard %s?", "offboard %s from %s"},
	lifecycle.Move:     {contract.MoveBetweenSites, "Move %s?", "move %s to %s"},
	lifecycle.Update:   {contract.UpdateSubscriber, "Update %s?", "update %s at %s"},
}

// asked is what the command of an operation, and the one that only plans it, are asked on the command line.
type asked interface {
	register(cmd *cobra.Command)
	// read takes the arguments and refuses flags that are missing, malformed or contradictory.
	read(cmd *cobra.Command, args []string) error
	question(c *Console) contract.PlanRequest
}

// operating completes the command that carries an operation out.
func operating(c *Console, o asked, cmd *cobra.Command) *cobra.Command {
	cmd.GroupID = groupOperations
	return asking(c, o, cmd, c.operate)
}

// planning completes the command that shows an operation's plan and changes nothing.
func planning(c *Console, o asked, cmd *cobra.Command) *cobra.Command {
	return asking(c, o, reading(cmd), c.preview)
}

func asking(c *Console, o asked, cmd *cobra.Command, run func(context.Context, contract.PlanRequest) error) *cobra.Command {
	cmd.Args = arguments("USER")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.read(cmd, args); err != nil {
			return err
		}
		return run(cmd.Context(), o.question(c))
	}
	o.register(cmd)
	return cmd
}

// operate carries out what the question asks to plan: it shows the plan, asks, starts the run and stays with it.
func (c *Console) operate(ctx context.Context, question contract.PlanRequest) error {
	if err := c.mayAsk(); err != nil {
		return err
	}
	request := question.Request
	// With --yes nobody looks at a plan before the run makes its own; with --detach nobody would see its refusal.
	question.Brief, question.Change = c.flags.yes && !c.flags.detach, true
	answer, err := c.plan(ctx, question)
	if err != nil {
		return err
	}
	switch {
	case answer.Existing != nil:
		return c.join(ctx, subject{answer.Existing.WorkflowID, answer.Existing.RunID, answer.Existing.Operation, lifecycle.SubscriberRef{UserPrincipalName: question.User}}, request.RequestID)
	case answer.Busy != nil:
		return busy(question.User, *answer.Busy)
	}
	if !question.Brief && (c.flags.output == output.TextFormat || !c.flags.yes) {
		c.talk().Plan(answer.Plan, answer.Node)
		c.talk().Line("")
	}
	if err := c.confirm(ctx, operations[request.Operation].confirmation, output.Plain(answer.Plan.Subscriber.UserPrincipalName)); err != nil {
		return err
	}
	request.Tenant, request.SubscriberID = answer.Tenant, answer.Plan.Subscriber.ID
	return c.start(ctx, request, answer)
}

// preview shows the plan of an operation and changes nothing.
func (c *Console) preview(ctx context.Context, question contract.PlanRequest) error {
	answer, err := c.plan(ctx, question)
	switch {
	case err != nil:
		return err
	case answer.Existing != nil:
		return refused("request-exists", "see it with: tenure status "+answer.Existing.RunID, "request %s belongs to run %s; there is nothing to plan", question.Request.RequestID, answer.Existing.RunID)
	case answer.Busy != nil:
		return busy(question.User, *answer.Busy)
	}
	plan := answer.Plan
	if plan.Warnings == nil {
		plan.Warnings = []lifecycle.Warning{}
	}
	if c.planOut != "" {
		if err := savePlan(c.planOut, plan); err != nil {
			return err
		}
	}
	if err := c.result(plan, func(p output.Paper) { p.Plan(plan, answer.Node) }); err != nil {
		return err
	}
	if plan.Changes() {
		return exit(exitOperator)
	}
	return nil
}

// plan asks a worker for the plan of an operation. The store may have a run as active that Temporal has closed, after a
// termination say; such a run keeps nobody busy.
func (c *Console) plan(ctx context.Context, question contract.PlanRequest) (contract.PlanAnswer, error) {
	var answer contract.PlanAnswer
	ask := errand{contract.PlanOperation, question, fmt.Sprintf("plan: %s %s", question.Request.Operation, question.User)}
	err := c.ask(ctx, ask, &answer)
	if err != nil || answer.Busy == nil {
		return answer, err
	}
	conn, err := c.temporal(ctx)
	if err != nil {
		return answer, err
	}
	running, err := c.describe(ctx, conn, answer.Busy.WorkflowID, answer.Busy.RunID)
	if forgotten := (*serviceerror.NotFound)(nil); err != nil && !errors.As(err, &forgotten) || running.open {
		// The run is open, or Temporal does not say; then the store's word stands.
		if question.Change {
			question.LiveRun = answer.Busy.RunID
			ask.input = question
			err = c.ask(ctx, ask, &answer)
			return answer, err
		}
		return answer, nil
	}
	question.DeadRun = answer.Busy.RunID
	ask.input = question
	answer = contract.PlanAnswer{}
	err = c.ask(ctx, ask, &answer)
	return answer, err
}

// start starts an operation on one user and stays with it. A user on whom something runs already is left alone, unless
// what runs was started with the same request id.
func (c *Console) start(ctx context.Context, request lifecycle.Request, answer contract.PlanAnswer) error {
	conn, err := c.temporal(ctx)
	if err != nil {
		return err
	}
	who, operation := answer.Plan.Subscriber, operations[request.Operation]
	id := contract.SubscriberWorkflowID(request.Tenant, request.SubscriberID)
	run, err := conn.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: id, TaskQueue: contract.TaskQueue,
		WorkflowIDConflictPolicy:                 enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		StaticSummary:                            fmt.Sprintf(operation.summary, who.UserPrincipalName, answer.Node),
		TypedSearchAttributes:                    contract.RunAttributes(request, answer.Node),
	}, operation.workflow, request)
	var already *serviceerror.WorkflowExecutionAlreadyStarted
	switch {
	case errors.As(err, &already):
		running, err := c.describe(ctx, conn, id, already.RunId)
		if err != nil {
			return err
		}
		running.user = who
		if running.requestID == request.RequestID {
			return c.join(ctx, running.subject, request.RequestID)
		}
		return busy(who.UserPrincipalName, contract.RunRef{WorkflowID: id, RunID: running.runID, Operation: running.operation, StartedAt: &running.startedAt})
	case err != nil && ctx.Err() != nil:
		f := interrupted("whether the run was started is not known")
		f.Hint = "see: tenure status " + id
		return f
	case err != nil:
		return conn.reach(ctx, err)
	}
	return c.stay(ctx, conn, subject{id, run.GetRunID(), request.Operation, who})
}

// join attaches to the run that a request id belongs to.
func (c *Console) join(ctx context.Context, run subject, requestID string) error {
	conn, err := c.temporal(ctx)
	if err != nil {
		return err
	}
	c.talk().Line("request %s was started before; this is its run", requestID)
	return c.stay(ctx, conn, run)
}

// stay waits for a run, or with --detach only says which one it is.
func (c *Console) stay(ctx context.Context, conn *Connection, run subject) error {
	if c.flags.detach {
		return c.printStarted(run.workflowID, run.runID)
	}
	if ui := c.ui(run.workflowID, run.runID); ui != "" && c.flags.output == output.TextFormat {
		c.talk().Line("run %s: %s", run.runID, ui)
	}
	return c.attend(ctx, conn, run, statusExits)
}

func busy(user string, run contract.RunRef) *Failure {
	operation, since := run.Operation, ""
	if operation == "" {
		operation = "an operation"
	}
	if run.StartedAt != nil {
		since = " since " + output.Time(*run.StartedAt)
	}
	return refused("busy", "follow it with: tenure status "+run.RunID+" --watch", "%s is busy: %s has been running%s as %s, run %s", user, operation, since, run.WorkflowID, run.RunID)
}
