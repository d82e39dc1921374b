// Package workertest runs the worker inside a test, against a real Temporal server and a simulated tenant over HTTP.
package workertest

import (
	"cmp"
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/testsuite"
	"go.uber.org/zap"

	"tenure/examples"
	"tenure/internal/connect"
	"tenure/internal/contract"
	"tenure/internal/graphsim"
	"tenure/internal/lifecycle"
	"tenure/worker/embedded"
	"tenure/worker/service"
)

// Environment is a running worker with everything around it.
type Environment struct {
	Client client.Client
	Tenant *graphsim.Tenant
	// Address is Temporal's.
	Address string
}

// Start brings everything up on SQLite with one worker and fills the directory from the tenant: the example catalog, all
// users, placed by its rules. It ends with the test. The worker reads TEMPORAL_ADDRESS, so tests that use it cannot run
// side by side.
func Start(tb testing.TB, options graphsim.Options) *Environment {
	tb.Helper()
	return StartOn(tb, options, "sqlite:"+filepath.Join(tb.TempDir(), "tenure.db"), 1)
}

// StartOn is Start on a given store, with that many workers on it.
func StartOn(tb testing.TB, options graphsim.Options, dsn string, workers int) *Environment {
	tb.Helper()
	e, settings := Around(tb, options, dsn)
	for range workers {
		work(tb, settings)
	}
	e.Fill(tb)
	return e
}

// Around is everything around a worker on a given store, and the settings that the worker needs; the directory is empty.
func Around(tb testing.TB, options graphsim.Options, dsn string) (*Environment, service.Settings) {
	tb.Helper()
	tenant, err := graphsim.New(options)
	require.NoError(tb, err)
	address := Serve(tb, tenant)
	server := StartTemporal(tb)
	tb.Setenv("TEMPORAL_ADDRESS", server.FrontendHostPort())
	tb.Setenv("TEMPORAL_NAMESPACE", "default")
	return &Environment{Client: server.Client(), Tenant: tenant, Address: server.FrontendHostPort()}, service.Settings{
		Store:   dsn,
		Webhook: service.WebhookFromEnvironment(),
		Tenants: []service.Tenant{{Name: "contoso", GraphURL: address + "/v1.0", Credential: service.SimulatedCredential}},
	}
}

// While runs a worker while something happens, and stops it as a signal would.
func While(tb testing.TB, settings service.Settings, log *zap.Logger, something func()) {
	tb.Helper()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	s, err := service.Open(ctx, settings, log)
	require.NoError(tb, err)
	defer s.Close()
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, nil) }()
	something()
	stop()
	require.NoError(tb, <-ended)
}

// work runs a worker until the test ends.
func work(tb testing.TB, settings service.Settings) {
	tb.Helper()
	ctx, stop := context.WithCancel(context.Background())
	s, err := service.Open(ctx, settings, zap.NewNop())
	require.NoError(tb, err)
	polling, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- s.Run(ctx, func() { close(polling) }) }()
	tb.Cleanup(func() {
		stop()
		require.NoError(tb, <-ended)
		s.Close()
	})
	select {
	case <-polling:
	case err := <-ended:
		require.NoError(tb, err)
	}
}

// Serve serves a tenant on loopback until the test ends, and returns its address.
func Serve(tb testing.TB, tenant *graphsim.Tenant) string {
	web := httptest.NewServer(tenant)
	tb.Cleanup(web.Close)
	return web.URL
}

// Fill applies the example catalog, reads all users and places them by the catalog's rules.
func (e *Environment) Fill(tb testing.TB) {
	tb.Helper()
	e.Ask(tb, contract.ApplyCatalog, contract.CatalogRequest{File: "examples/catalog.yaml", Text: string(examples.Catalog)}, nil)
	e.Ask(tb, contract.SyncDirectory, contract.SyncRequest{}, nil)
	e.Ask(tb, contract.PlaceUsers, contract.PlaceRequest{}, nil)
}

// Ask runs a short workflow and waits for its answer.
func (e *Environment) Ask(tb testing.TB, workflow string, input, answer any) {
	tb.Helper()
	run, err := e.Client.ExecuteWorkflow(context.Background(), client.StartWorkflowOptions{
		ID: "tenure/" + workflow + "/" + uuid.NewString(), TaskQueue: contract.TaskQueue,
	}, workflow, input)
	require.NoError(tb, err)
	require.NoError(tb, run.Get(context.Background(), answer), workflow)
}

// Offboard starts QuickOffboard for a user by principal name.
func (e *Environment) Offboard(tb testing.TB, user, group string) client.WorkflowRun {
	tb.Helper()
	var view contract.UserView
	e.Ask(tb, contract.ShowUser, contract.ShowUserRequest{User: user}, &view)
	return e.OffboardID(tb, view.ID, group)
}

// OffboardID starts QuickOffboard for a user by object id.
func (e *Environment) OffboardID(tb testing.TB, id, group string) client.WorkflowRun {
	tb.Helper()
	return e.Run(tb, contract.QuickOffboard, lifecycle.Request{Operation: lifecycle.Offboard, SubscriberID: id, Group: group})
}

// Onboard starts Onboard for a user by principal name at London.
func (e *Environment) Onboard(tb testing.TB, user, group, number string) client.WorkflowRun {
	tb.Helper()
	var view contract.UserView
	e.Ask(tb, contract.ShowUser, contract.ShowUserRequest{User: user}, &view)
	return e.Run(tb, contract.Onboard, lifecycle.Request{Operation: lifecycle.Onboard, SubscriberID: view.ID, Site: "london", Group: group, Number: number})
}

// Move starts MoveBetweenSites for a user by principal name, as the request says.
func (e *Environment) Move(tb testing.TB, user string, how lifecycle.Request) client.WorkflowRun {
	tb.Helper()
	var view contract.UserView
	e.Ask(tb, contract.ShowUser, contract.ShowUserRequest{User: user}, &view)
	how.Operation, how.SubscriberID = lifecycle.Move, view.ID
	return e.Run(tb, contract.MoveBetweenSites, how)
}

// Update starts UpdateSubscriber for a user by principal name, with the fields that are set.
func (e *Environment) Update(tb testing.TB, user string, set map[string]string) client.WorkflowRun {
	tb.Helper()
	var view contract.UserView
	e.Ask(tb, contract.ShowUser, contract.ShowUserRequest{User: user}, &view)
	return e.Run(tb, contract.UpdateSubscriber, lifecycle.Request{Operation: lifecycle.Update, SubscriberID: view.ID, Set: set})
}

// Run starts an operation on one user; what the request leaves open is filled in.
func (e *Environment) Run(tb testing.TB, workflow string, request lifecycle.Request) client.WorkflowRun {
	tb.Helper()
	request.Tenant, request.RequestID, request.RequestedBy = "contoso", uuid.NewString(), "test"
	request.OnFailure = cmp.Or(request.OnFailure, lifecycle.OnFailureRollback)
	run, err := e.Client.ExecuteWorkflow(context.Background(), client.StartWorkflowOptions{
		ID: contract.SubscriberWorkflowID("contoso", request.SubscriberID), TaskQueue: contract.TaskQueue, WorkflowExecutionErrorWhenAlreadyStarted: true,
	}, workflow, request)
	require.NoError(tb, err)
	return run
}

// StartTemporal starts a development server with the settings of `tenure-worker dev` on a free port.
func StartTemporal(tb testing.TB) *testsuite.DevServer {
	tb.Helper()
	options := client.Options{Logger: connect.Quiet()}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	server, err := testsuite.StartDevServer(ctx, testsuite.DevServerOptions{
		ExistingPath: Temporal(tb), ClientOptions: &options, DBFilename: filepath.Join(tb.TempDir(), "temporal.db"),
		LogLevel: "error", ExtraArgs: embedded.ServerTuning(),
	})
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = server.Stop() })
	return server
}

// Temporal is the temporal command: on PATH, else as `make build` leaves it.
func Temporal(tb testing.TB) string {
	tb.Helper()
	if path, err := exec.LookPath("temporal"); err == nil {
		return path
	}
	path := filepath.Join(Root(tb), "bin", "temporal")
	if _, err := os.Stat(path); err != nil {
		tb.Fatal("no temporal command on PATH nor in bin; run `make build`")
	}
	return path
}

// Root is the top folder of the module.
func Root(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	require.NoError(tb, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			tb.Fatal(fmt.Errorf("no go.mod above the test"))
		}
		dir = parent
	}
}
