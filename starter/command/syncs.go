package command

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"tenure/internal/contract"
	"tenure/internal/lifecycle"
	"tenure/starter/output"
)

// awaitSync waits until a sync has ended or asks for a decision.
func (c *Console) awaitSync(ctx context.Context, conn *Connection, run client.WorkflowRun) (result contract.SyncResult, held bool, err error) {
	waiting, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- c.wait(waiting, conn, run, &result) }()
	look := time.NewTicker(c.Pace.Progress)
	defer look.Stop()
	for {
		select {
		case err := <-done:
			return result, false, err
		case <-look.C:
			// Whoever does not answer is told of by wait.
			status, err := syncStatus(waiting, conn, run.GetID())
			if err != nil || status.Status != lifecycle.Held {
				continue
			}
			stop()
			<-done
			return status.SyncResult, true, nil
		}
	}
}

// syncStatus asks the newest run of a sync how far it is.
func syncStatus(ctx context.Context, conn *Connection, workflowID string) (status contract.SyncStatus, err error) {
	value, err := conn.QueryWorkflow(ctx, workflowID, "", contract.SyncQuery)
	if err == nil {
		err = value.Get(&status)
	}
	return status, err
}

// printSync prints what a sync did, and how to answer when it asks.
func (c *Console) printSync(workflowID string, result contract.SyncResult, held bool) error {
	if held {
		c.talk().Line("nobody was removed: allow it with `tenure resolve %s --approve`, or keep them with --rollback", workflowID)
	}
	if c.flags.output == output.LinesFormat {
		return output.Items(c.Out, result.Tenants)
	}
	return c.result(result, func(p output.Paper) {
		for _, t := range result.Tenants {
			p.Line("%s: %s", output.Plain(t.Tenant), strings.Join(syncWords(t), ", "))
			for _, who := range t.First {
				p.Line("  %s", output.Plain(who.UserPrincipalName))
			}
			if more := t.Held - len(t.First); more > 0 && len(t.First) > 0 {
				p.Line("  and %d more", more)
			}
		}
	})
}

// syncWords are the counts of a tenant, those that are not zero and the first three.
func syncWords(t contract.TenantSync) []string {
	words := []string{fmt.Sprintf("%d seen", t.Seen), fmt.Sprintf("%d added", t.Added), fmt.Sprintf("%d updated", t.Updated)}
	for _, count := range []struct {
		n    int
		what string
	}{
		{t.LeftOut, "left out by the filter"}, {t.Removed, "removed"}, {t.NumbersLeft, "numbers of theirs left for an audit of the inventory"},
		{t.Busy, "gone but busy"}, {t.Placed, "placed"}, {t.Onboarding, "onboardings started"}, {t.Held, "gone and not removed:"},
	} {
		if count.n > 0 {
			words = append(words, fmt.Sprintf("%d %s", count.n, count.what))
		}
	}
	if t.Findings != nil && *t.Findings > 0 {
		words = append(words, fmt.Sprintf("%d findings in the inventory (`tenure numbers audit`)", *t.Findings))
	}
	return words
}

// resolveSync decides about the removals that a sync asks about, and waits for its end.
func resolveSync(ctx context.Context, c *Console, conn *Connection, workflowID, action string) error {
	notWaiting := func(why string) error {
		return refused("not-waiting", "", "the sync %s does not wait for this decision: %s", workflowID, why)
	}
	status, err := syncStatus(ctx, conn, workflowID)
	var unknown *serviceerror.NotFound
	switch {
	case errors.As(err, &unknown):
		return unknownRun(workflowID)
	case err != nil:
		return conn.reach(ctx, err)
	case status.Status != lifecycle.Held:
		return notWaiting("it does not ask")
	}
	gone := 0
	for _, t := range status.Tenants {
		gone += t.Held
	}
	question := "Remove %d users from the directory?"
	if action == contract.ResolveRollback {
		question = "Keep %d users in the directory?"
	}
	if err := c.confirm(ctx, question, gone); err != nil {
		return err
	}
	why, err := c.decide(ctx, conn, workflowID, "", action)
	run := conn.GetWorkflow(ctx, workflowID, "")
	switch {
	case err != nil:
		return err
	case why != "":
		return notWaiting(why)
	case c.flags.detach:
		return c.printStarted(workflowID, run.GetRunID())
	}
	var result contract.SyncResult
	if err := c.wait(ctx, conn, run, &result); err != nil {
		return err
	}
	if err := c.printSync(workflowID, result, false); err != nil {
		return err
	}
	if action == contract.ResolveRollback {
		return exit(exitUndone)
	}
	return nil
}

// heldSyncs are the syncs that wait for a decision, as rows of a list of runs.
func (c *Console) heldSyncs(ctx context.Context) ([]contract.Run, error) {
	conn, err := c.temporal(ctx)
	if err != nil {
		return nil, err
	}
	listed, err := conn.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: fmt.Sprintf(
		"WorkflowType = %q AND ExecutionStatus = %q AND %s = %q", contract.SyncDirectory, enums.WORKFLOW_EXECUTION_STATUS_RUNNING, contract.StateAttribute.GetName(), lifecycle.Held)})
	if err != nil {
		return nil, conn.reach(ctx, err)
	}
	var runs []contract.Run
	for _, e := range listed.GetExecutions() {
		runs = append(runs, contract.Run{
			WorkflowID: e.GetExecution().GetWorkflowId(), RunID: e.GetExecution().GetRunId(),
			Operation: contract.SyncOperation, Status: lifecycle.Held, StartedAt: e.GetStartTime().AsTime(),
		})
	}
	return runs, nil
}
