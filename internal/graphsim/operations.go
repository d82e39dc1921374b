package graphsim

import (
	"encoding/base64"
	"net/http"
	"time"
)

const (
	// operationsKept bounds how many finished operations can still be asked for.
	operationsKept = 50_000
	// A quarter of an operation's time passes before its work starts.
	operationQueueing = 4
)

// operation is one order to assign or unassign a number.
type operation struct {
	id       string
	line     *line
	created  time.Time
	starts   time.Time
	finished bool
	problem  string
}

// startOperation accepts an order. The work is judged and done at its due
// time; it reports what went wrong, or nothing.
func (d *directory) startOperation(kind string, l *line, now time.Time, work func(at time.Time) string) *operation {
	delay := d.settings().NumberOperationMs
	op := &operation{
		id:      base64.RawURLEncoding.EncodeToString([]byte(kind + "|" + d.random.guid())),
		line:    l,
		created: now,
		starts:  now.Add(time.Duration(delay) * time.Millisecond / operationQueueing),
	}
	d.operations[op.id] = op
	d.operationQ = append(d.operationQ, op.id)
	if len(d.operationQ) > operationsKept {
		delete(d.operations, d.operationQ[0])
		d.operationQ = d.operationQ[1:]
	}
	if kind == "Assignment" {
		d.changeLine(l, now, func(h *holding) { h.activation = "assignmentPending" })
	}
	d.later(delay, now, func(at time.Time) {
		op.finished, op.problem = true, work(at)
		if op.problem != "" && kind == "Assignment" {
			d.changeLine(l, at, func(h *holding) { h.activation = "assignmentFailed" })
		}
	})
	return op
}

func (op *operation) status(now time.Time) string {
	switch {
	case op.problem != "":
		return "failed"
	case op.finished:
		return "succeeded"
	case now.Before(op.starts):
		return "notStarted"
	default:
		return "running"
	}
}

func accepted(c *call, op *operation) reply {
	location := c.base + "/" + operationsPath + "('" + op.id + "')"
	return reply{status: http.StatusAccepted, header: http.Header{"Location": {location}}}
}

func (d *directory) getOperation(c *call) (reply, error) {
	op := d.operations[c.args[0]]
	if op == nil {
		return reply{}, refuse(http.StatusNotFound, "NotFound", "The operation '%s' is not found.", c.args[0])
	}
	status := op.status(c.now)
	return reply{status: http.StatusOK, body: map[string]any{
		"@odata.context":  c.context("admin/teams/telephoneNumberManagement/operations/$entity"),
		"id":              op.id,
		"createdDateTime": op.created.Format(time.RFC3339),
		"status":          status,
		"numbers": []map[string]any{{
			"resourceLocation": c.base + "/" + numbersPath + "/" + op.line.id,
			"status":           status,
			"statusDetail":     text(op.problem),
		}},
	}}, nil
}
