package command

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"tenure/internal/codec"
	"tenure/internal/connect"
	"tenure/starter/output"
	"tenure/starter/watch"
)

// Temporal is the part of Temporal's client that the command uses.
type Temporal interface {
	watch.Runs
	ExecuteWorkflow(ctx context.Context, options client.StartWorkflowOptions, workflow any, args ...any) (client.WorkflowRun, error)
	CancelWorkflow(ctx context.Context, workflowID, runID string) error
	UpdateWorkflow(ctx context.Context, options client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error)
	TerminateWorkflow(ctx context.Context, workflowID, runID, reason string, details ...any) error
	ListWorkflow(ctx context.Context, request *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error)
	GetWorkflowHistory(ctx context.Context, workflowID, runID string, isLongPoll bool, filter enums.HistoryEventFilterType) client.HistoryEventIterator
	DescribeTaskQueue(ctx context.Context, taskQueue string, taskQueueType enums.TaskQueueType) (*workflowservice.DescribeTaskQueueResponse, error)
	Close()
}

// Connection is an open connection, where it goes and how what comes from there is read.
type Connection struct {
	Temporal
	Address, Namespace string
	Data               converter.DataConverter
	Failures           converter.FailureConverter
}

// dialTimeout bounds connecting.
const dialTimeout = 5 * time.Second

func dial(ctx context.Context) (*Connection, error) {
	options, err := connect.Options()
	var keys *codec.Error
	switch {
	case errors.As(err, &keys):
		return nil, keys
	case err != nil:
		return nil, &Failure{Exit: exitUnreachable, Code: "temporal-settings", Message: err.Error(), Hint: "see TEMPORAL_CONFIG_FILE, TEMPORAL_PROFILE and the other TEMPORAL_* variables"}
	}
	options.Logger = connect.Quiet()
	options.ConnectionOptions.GetSystemInfoTimeout = dialTimeout
	limited, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	c, err := client.DialContext(limited, options)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, unreachable(options.HostPort, options.Namespace, err)
	}
	return &Connection{Temporal: c, Address: options.HostPort, Namespace: options.Namespace, Data: options.DataConverter, Failures: options.FailureConverter}, nil
}

func unreachable(address, namespace string, err error) *Failure {
	return &Failure{
		Exit: exitUnreachable, Code: "temporal-unreachable",
		Message: fmt.Sprintf("cannot reach Temporal at %s (namespace %s): %s", address, namespace, strings.TrimSpace(err.Error())),
		Hint:    "start it with `make dev`, or set TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE",
	}
}

// temporal connects at the first call.
func (c *Console) temporal(ctx context.Context) (*Connection, error) {
	if c.connection == nil {
		connection, err := c.Dial(ctx)
		if err != nil {
			return nil, err
		}
		c.connection = connection
	}
	return c.connection, nil
}

// reach turns an error of a call to Temporal into the failure that it means.
func (c *Connection) reach(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil || !connect.Unreachable(err) {
		return err
	}
	return unreachable(c.Address, c.Namespace, err)
}

// uiOfDevelopment is where the development server of `make dev` has its UI.
const uiOfDevelopment = "http://127.0.0.1:8233"

// ui is where a run can be looked at. Nothing says where the UI of a Temporal server is, so that only a setting or a
// server on this machine gives an address.
func (c *Console) ui(workflowID, runID string) output.Address {
	base := c.Getenv("TENURE_TEMPORAL_UI")
	if base == "" && c.connection != nil && loopback(c.connection.Address) {
		base = uiOfDevelopment
	}
	if base == "" || c.connection == nil || runID == "" {
		return ""
	}
	return output.Address(fmt.Sprintf("%s/namespaces/%s/workflows/%s/%s/history",
		strings.TrimSuffix(base, "/"), url.PathEscape(c.connection.Namespace), url.PathEscape(workflowID), url.PathEscape(runID)))
}

func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
