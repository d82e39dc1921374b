package command

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"tenure/internal/contract"
	"tenure/internal/lifecycle"
	"tenure/starter/output"
)

// offboardOptions are what `offboard` and `plan offboard` are asked.
type offboardOptions struct {
	user, group string
}

func (o *offboardOptions) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.group, "group", "", "quick add group `QAG` to offboard with, flagged for offboarding (default: the settings of the user's site)")
}

func newOffboardCommand(c *Console, run func(context.Context, *Console, offboardOptions) error) *cobra.Command {
	var o offboardOptions
	cmd := &cobra.Command{
		Use:   "offboard USER",
		Short: "take number, licenses and place from a user who leaves",
		Long: `Offboard a user: the number is unassigned and cools down, policies and groups of the quick add group are applied,
direct licenses go, the user returns to the tenant level. The plan is shown first; at the end everything is read back
from Microsoft, and only then the run is completed. A failure undoes what was done.

USER is a user principal name or an object id.`,
		Example: `  tenure offboard ada@contoso.com
  tenure offboard ada@contoso.com --group "Leavers" --yes --reason "ticket 4711"
  tenure offboard ada@contoso.com --yes --detach -o json
  tenure offboard ada@contoso.com --yes --request-id ticket-4711`,
		GroupID: groupOperations,
		Args:    arguments("USER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.user = args[0]
			return run(cmd.Context(), c, o)
		},
	}
	o.register(cmd)
	return cmd
}

func runOffboard(ctx context.Context, c *Console, o offboardOptions) error {
	if err := c.mayAsk(); err != nil {
		return err
	}
	request := c.request(lifecycle.Offboard)
	request.Group = o.group
	// With --yes nobody looks at a plan before the run makes its own; with --detach nobody would see its refusal.
	brief := c.flags.yes && !c.flags.detach
	answer, err := c.plan(ctx, contract.PlanRequest{User: o.user, Request: request, Brief: brief})
	if err != nil {
		return err
	}
	switch {
	case answer.Existing != nil:
		return c.join(ctx, subject{answer.Existing.WorkflowID, answer.Existing.RunID, answer.Existing.Operation, lifecycle.SubscriberRef{UserPrincipalName: o.user}}, request.RequestID)
	case answer.Busy != nil:
		return busy(o.user, *answer.Busy)
	}
	if !brief && (c.flags.output == output.TextFormat || !c.flags.yes) {
		c.talk().Plan(answer.Plan, answer.Node)
		c.talk().Line("")
	}
	if err := c.confirm(ctx, "Offboard %s?", output.Plain(answer.Plan.Subscriber.UserPrincipalName)); err != nil {
		return err
	}
	request.Tenant, request.SubscriberID = answer.Tenant, answer.Plan.Subscriber.ID
	return c.start(ctx, contract.QuickOffboard, request, answer)
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
func (c *Console) start(ctx context.Context, workflow string, request lifecycle.Request, answer contract.PlanAnswer) error {
	conn, err := c.temporal(ctx)
	if err != nil {
		return err
	}
	who := answer.Plan.Subscriber
	id := contract.SubscriberWorkflowID(request.Tenant, request.SubscriberID)
	run, err := conn.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: id, TaskQueue: contract.TaskQueue,
		WorkflowIDConflictPolicy:                 enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		StaticSummary:                            fmt.Sprintf("%s %s from %s", request.Operation, who.UserPrincipalName, answer.Node),
		TypedSearchAttributes: temporal.NewSearchAttributes(
			contract.OperationAttribute.ValueSet(string(request.Operation)),
			contract.TenantAttribute.ValueSet(request.Tenant),
			contract.NodeAttribute.ValueSet(answer.Node),
			contract.StateAttribute.ValueSet(string(lifecycle.Running)),
			contract.RequestAttribute.ValueSet(request.RequestID),
		),
	}, workflow, request)
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
