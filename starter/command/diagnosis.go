package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"tenure/internal/codec"
	"tenure/internal/connect"
	"tenure/internal/contract"
	"tenure/starter/output"
)

// The states of a check.
const (
	checkOK      = "ok"
	checkWarning = "warning"
	checkProblem = "problem"
)

// check is one thing that was looked at.
type check struct {
	// Check is a word from the help of the command; Subject is which one of several, or null.
	Check   string  `json:"check"`
	Subject *string `json:"subject"`
	State   string  `json:"state"`
	Message string  `json:"message"`
	// Remedy says what to do; null where there is nothing to do.
	Remedy *string `json:"remedy"`
}

// diagnosis is everything that `tenure doctor` finds.
type diagnosis struct {
	Checks   []check                      `json:"checks"`
	Tenants  []contract.TenantPermissions `json:"tenants"`
	Problems int                          `json:"problems"`
	Warnings int                          `json:"warnings"`
}

func (d *diagnosis) add(name, subject, state, remedy, format string, args ...any) {
	c := check{Check: name, State: state, Message: fmt.Sprintf(format, args...)}
	if subject != "" {
		c.Subject = &subject
	}
	if remedy != "" {
		c.Remedy = &remedy
	}
	switch state {
	case checkProblem:
		d.Problems++
	case checkWarning:
		d.Warnings++
	}
	d.Checks = append(d.Checks, c)
}

// Clocks that differ by less than clockTolerance agree; from clockLimit on tokens and dates go wrong.
const (
	clockTolerance = 5 * time.Second
	clockLimit     = 2 * time.Minute
)

// clock compares a clock with this machine's or the worker's.
func (d *diagnosis) clock(whose string, ahead time.Duration, than string) {
	apart := ahead.Abs()
	direction := "ahead of"
	if ahead < 0 {
		direction = "behind"
	}
	message := fmt.Sprintf("%s %s %s", output.Duration(apart), direction, than)
	remedy := "set both clocks by NTP; tokens, retries and the end of cooling go by them"
	switch {
	case apart < clockTolerance:
		d.add("clock", whose, checkOK, "", "agrees with %s", than)
	case apart < clockLimit:
		d.add("clock", whose, checkWarning, remedy, "%s", message)
	default:
		d.add("clock", whose, checkProblem, remedy, "%s", message)
	}
}

// ahead is how far a clock is ahead that showed a time at some moment between two of ours.
func ahead(shown, earliest, latest time.Time) time.Duration {
	switch {
	case shown.Before(earliest):
		return shown.Sub(earliest)
	case shown.After(latest):
		return shown.Sub(latest)
	default:
		return 0
	}
}

// diagnose looks at everything, as far as each thing lets it look at the next. The error is that Temporal cannot be reached,
// or that somebody interrupted.
func (c *Console) diagnose(ctx context.Context) (diagnosis, error) {
	d := diagnosis{Checks: []check{}, Tenants: []contract.TenantPermissions{}}
	conn, err := c.temporal(ctx)
	if err != nil {
		return d, err
	}
	system, err := conn.WorkflowService().GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{})
	if err != nil {
		return d, conn.reach(ctx, err)
	}
	d.add("temporal", "", checkOK, "", "server %s at %s", cmp.Or(system.GetServerVersion(), "of unknown version"), conn.Address)
	if !d.namespace(ctx, conn) {
		return d, ctx.Err()
	}
	d.attributes(ctx, conn)
	d.schedules(ctx, conn)
	if !d.queue(ctx, conn, contract.TaskQueue, enums.TASK_QUEUE_TYPE_WORKFLOW, c.Now()) {
		return d, ctx.Err()
	}
	worker, ok := c.checkWorker(ctx, conn, &d)
	if !ok {
		return d, ctx.Err()
	}
	for _, tenant := range worker.Tenants {
		d.queue(ctx, conn, contract.GraphQueue(tenant), enums.TASK_QUEUE_TYPE_ACTIVITY, c.Now())
	}
	if len(worker.Tenants) > 0 {
		c.checkPermissions(ctx, &d)
	}
	return d, ctx.Err()
}

// namespace reports whether the rest can be looked at.
func (d *diagnosis) namespace(ctx context.Context, conn *Connection) bool {
	described, err := conn.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: conn.Namespace})
	var missing *serviceerror.NamespaceNotFound
	switch {
	case errors.As(err, &missing):
		d.add("namespace", conn.Namespace, checkProblem, "set TEMPORAL_NAMESPACE, or run: temporal operator namespace create --namespace "+conn.Namespace, "does not exist")
		return false
	case err != nil:
		d.add("namespace", conn.Namespace, checkWarning, "allow this login to describe it, or look in the Temporal UI", "cannot be looked at: %v", err)
	default:
		kept := described.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration()
		d.add("namespace", conn.Namespace, checkOK, "", "keeps finished runs for %s", output.Duration(kept))
	}
	return true
}

func (d *diagnosis) attributes(ctx context.Context, conn *Connection) {
	missing, err := connect.MissingSearchAttributes(ctx, conn.OperatorService(), conn.Namespace)
	all := contract.SearchAttributes()
	switch {
	case err != nil:
		d.add("search-attributes", "", checkWarning, "if they are missing, run: "+connect.CreateSearchAttributes(conn.Namespace, all), "cannot be looked at: %v", err)
	case len(missing) > 0:
		d.add("search-attributes", "", checkProblem, "run: "+connect.CreateSearchAttributes(conn.Namespace, missing), "missing as Keyword: %s", strings.Join(missing, ", "))
	default:
		d.add("search-attributes", "", checkOK, "", "all %d are registered", len(all))
	}
}

// pollFresh is how long ago a worker that lives has asked for work at most: a question is open for about a minute. Temporal
// lists those that are gone for longer.
const pollFresh = 90 * time.Second

// queue reports whether a worker polls a queue.
func (d *diagnosis) queue(ctx context.Context, conn *Connection, name string, kind enums.TaskQueueType, now time.Time) bool {
	described, err := conn.DescribeTaskQueue(ctx, name, kind)
	if err != nil {
		d.add("queue", name, checkWarning, "", "cannot be looked at: %v", err)
		return true
	}
	workers := map[string]bool{}
	for _, poller := range described.GetPollers() {
		if now.Sub(poller.GetLastAccessTime().AsTime()) < pollFresh {
			workers[poller.GetIdentity()] = true
		}
	}
	switch len(workers) {
	case 0:
		remedy := "start tenure-worker with the same TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE"
		if name != contract.TaskQueue {
			remedy = "start a tenure-worker whose TENURE_TENANT or TENURE_TENANTS names this tenant"
		}
		d.add("queue", name, checkProblem, remedy, "no worker polls it")
	case 1:
		d.add("queue", name, checkOK, "", "1 worker polls it")
	default:
		d.add("queue", name, checkOK, "", "%d workers poll it", len(workers))
	}
	return len(workers) > 0
}

// schedules are those that workers keep, and what comes of it when one is not there.
func (d *diagnosis) schedules(ctx context.Context, conn *Connection) {
	for _, s := range []struct{ id, absent, paused string }{
		{contract.NumberExpirySchedule, "not there: cooling and reserved numbers become available when somebody ends that", "cooling and reserved numbers do not become available by themselves"},
		{contract.DirectorySyncSchedule, "not there: users are read by `tenure users sync` alone", "users are read by `tenure users sync` alone"},
	} {
		described, err := conn.WorkflowService().DescribeSchedule(ctx, &workflowservice.DescribeScheduleRequest{Namespace: conn.Namespace, ScheduleId: s.id})
		switch {
		case missing(err):
			d.add("schedule", s.id, checkOK, "", "%s", s.absent)
		case err != nil:
			d.add("schedule", s.id, checkWarning, "allow this login to describe schedules, or look in the Temporal UI", "cannot be looked at: %v", err)
		case described.GetSchedule().GetState().GetPaused():
			d.add("schedule", s.id, checkWarning, "run: temporal schedule toggle --unpause --schedule-id "+s.id+" --namespace "+conn.Namespace, "paused: %s", s.paused)
		default:
			next := "never"
			if times := described.GetInfo().GetFutureActionTimes(); len(times) > 0 {
				next = output.Time(times[0].AsTime())
			}
			d.add("schedule", s.id, checkOK, "", "runs next at %s", next)
		}
	}
}

// answerPickups is how many times the wait for a worker to begin a question may take, all in all.
const answerPickups = 3

// checkWorker asks a worker about itself; ok is false when none answered.
func (c *Console) checkWorker(ctx context.Context, conn *Connection, d *diagnosis) (answer contract.WorkerCheck, ok bool) {
	bounded, cancel := context.WithTimeout(ctx, answerPickups*c.Pace.Pickup)
	defer cancel()
	asked := c.Now()
	run, _, err := c.send(bounded, errand{contract.CheckWorker, contract.WorkerCheckRequest{}, "ask a worker how it is set up"}, c.NewID())
	sent := c.Now()
	if err == nil {
		err = c.wait(bounded, conn, run, &answer)
	}
	answered := c.Now()
	var keys *codec.Error
	switch {
	case errors.As(err, &keys):
		d.add("encryption", "", checkProblem, "give workers and commands the same file of keys (TENURE_ENCRYPTION_KEYS)", "%s", keys.Message)
		return answer, false
	case bounded.Err() != nil:
		if run != nil {
			c.forget(conn, run, "no worker answered")
		}
		d.add("worker", "", checkProblem, "look at the worker's log; its version may be older than this command's", "no worker answered within %s", output.Duration(answerPickups*c.Pace.Pickup))
		return answer, false
	case err != nil:
		f := failureOf(err)
		d.add("worker", "", checkProblem, f.Hint, "%s", f.Message)
		return answer, false
	}
	d.add("worker", "", checkOK, "", "tenure-worker %s answers", answer.Version)
	d.encryption(conn.Keys, answer.Keys)
	d.store(answer)
	d.catalog(answer)
	if described, err := conn.DescribeWorkflowExecution(ctx, run.GetID(), run.GetRunID()); err == nil {
		d.clock("Temporal", ahead(described.GetWorkflowExecutionInfo().GetStartTime().AsTime(), asked, sent), "this machine's")
	}
	d.clock("worker", ahead(answer.At, asked, answered), "this machine's")
	for _, clock := range answer.Clocks {
		d.clock("Microsoft of "+clock.Tenant, clock.Ahead, "the worker's")
	}
	return answer, true
}

func (d *diagnosis) encryption(own, workers []string) {
	switch {
	case len(own) == 0 && len(workers) == 0:
		d.add("encryption", "", checkOK, "", "off: Temporal can read what it keeps")
	case slices.Equal(own, workers):
		d.add("encryption", "", checkOK, "", "AES-256-GCM with key %s, the worker alike", own[0])
	default:
		d.add("encryption", "", checkWarning, "give workers and commands the same file of keys, in the same order",
			"this command has the keys %s and the worker %s", cmp.Or(strings.Join(own, ", "), "none"), cmp.Or(strings.Join(workers, ", "), "none"))
	}
}

func (d *diagnosis) store(w contract.WorkerCheck) {
	if w.Schema != w.KnownSchema {
		d.add("store", "", checkProblem, "restart the workers, all with the newest version", "its schema has version %d, the worker that answered is made for %d", w.Schema, w.KnownSchema)
		return
	}
	d.add("store", "", checkOK, "", "schema version %d, up to date", w.Schema)
}

func (d *diagnosis) catalog(w contract.WorkerCheck) {
	switch {
	case w.Catalog == nil:
		d.add("catalog", "", checkProblem, "run: tenure catalog apply FILE", "none has been applied yet")
	case w.CatalogProblem != nil:
		d.add("catalog", "", checkProblem, "mend it and run: tenure catalog apply FILE", "%s", *w.CatalogProblem)
	case len(w.Tenants) == 0:
		d.add("catalog", "", checkProblem, "name one at the level that stands for it: tenant: NAME", "revision %d attaches no Microsoft tenant to any node", w.Catalog.Number)
	default:
		d.add("catalog", "", checkOK, "", "revision %d, applied at %s by %s", w.Catalog.Number, output.Time(w.Catalog.AppliedAt), output.OrNone(w.Catalog.By))
	}
}

// checkPermissions asks what the tenants grant.
func (c *Console) checkPermissions(ctx context.Context, d *diagnosis) {
	var answer contract.Permissions
	if err := c.ask(ctx, errand{contract.CheckPermissions, contract.PermissionsRequest{}, "check the permissions"}, &answer); err != nil {
		f := failureOf(err)
		d.add("permissions", "", checkProblem, f.Hint, "%s", f.Message)
		return
	}
	d.Tenants = answer.Tenants
	for _, t := range answer.Tenants {
		var lacking []string
		for _, f := range t.Missing() {
			lacking = append(lacking, string(f.Feature))
		}
		switch {
		case t.Problem != nil:
			d.add("permissions", t.Tenant, checkProblem, "look at the worker of this tenant and its credential", "could not be read: %s", *t.Problem)
		case len(lacking) > 0:
			d.add("permissions", t.Tenant, checkProblem, "see the table of the tenant", "missing for %s", strings.Join(lacking, ", "))
		case len(t.Excess) > 0:
			d.add("permissions", t.Tenant, checkWarning, "take away what nothing needs", "held and needed by nothing: %s", strings.Join(t.Excess, ", "))
		default:
			d.add("permissions", t.Tenant, checkOK, "", "none missing, none too many")
		}
		if t.Recommendation != nil {
			d.add("display-policy", t.Tenant, checkWarning, *t.Recommendation, "the catalog has no field display policy that keeps licenses read-only")
		}
	}
}
