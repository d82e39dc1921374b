package command_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"tenure/internal/contract"
)

// idle is a namespace on the test server that no worker serves.
const idle = "idle"

// server is a Temporal development server with one worker whose workflows do what the running test says.
var server struct {
	address string
	client  client.Client
	// idle is a client of the namespace without a worker.
	idle client.Client
}

// handlers are the workflows of the running test by type.
var handlers sync.Map

// handler runs a workflow of any type with its decoded arguments.
type handler func(ctx workflow.Context, arguments converter.EncodedValues) (any, error)

// on makes the worker run f as the workflow of that type until the test ends.
func on[In, Out any](t *testing.T, workflowType string, f func(workflow.Context, In) (Out, error)) {
	t.Helper()
	handlers.Store(workflowType, handler(func(ctx workflow.Context, arguments converter.EncodedValues) (any, error) {
		var in In
		if err := arguments.Get(&in); err != nil {
			return nil, err
		}
		return f(ctx, in)
	}))
	t.Cleanup(func() { handlers.Delete(workflowType) })
}

// answers makes the worker answer a question, always the same, and keeps the last input.
func answers[In, Out any](t *testing.T, workflowType string, out Out) (last func() In) {
	t.Helper()
	var got kept[In]
	on(t, workflowType, func(_ workflow.Context, in In) (Out, error) {
		got.keep(in)
		return out, nil
	})
	return got.last
}

// kept passes a value from the worker to the test.
type kept[T any] struct {
	mu    sync.Mutex
	value T
}

func (k *kept[T]) keep(value T) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.value = value
}

func (k *kept[T]) last() T {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.value
}

func dispatch(ctx workflow.Context, arguments converter.EncodedValues) (any, error) {
	name := workflow.GetInfo(ctx).WorkflowType.Name
	h, ok := handlers.Load(name)
	if !ok {
		return nil, fmt.Errorf("no test expects %s", name)
	}
	return h.(handler)(ctx, arguments)
}

// failing is an activity that ends with the error that the running test put there.
var failing struct {
	sync.Mutex
	err error
}

func fail(context.Context) error {
	failing.Lock()
	defer failing.Unlock()
	return failing.err
}

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	quiet := log.NewStructuredLogger(slog.New(slog.DiscardHandler))
	path, err := temporalCLI()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	extra := []string{"--namespace", idle, "--dynamic-config-value", "history.transferProcessorMaxPollRPS=1000", "--dynamic-config-value", "history.visibilityProcessorMaxPollRPS=1000"}
	for _, name := range contract.SearchAttributes() {
		extra = append(extra, "--search-attribute", name+"=Keyword")
	}
	dev, err := testsuite.StartDevServer(context.Background(), testsuite.DevServerOptions{
		ExistingPath: path, LogLevel: "never", ExtraArgs: extra, Stdout: io.Discard, Stderr: io.Discard,
		ClientOptions: &client.Options{Logger: quiet},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "start the development server:", err)
		return 1
	}
	defer func() { _ = dev.Stop() }()
	server.address, server.client = dev.FrontendHostPort(), dev.Client()
	if server.idle, err = client.NewClientFromExisting(server.client, client.Options{Namespace: idle, Logger: quiet}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	w := worker.New(server.client, contract.TaskQueue, worker.Options{})
	w.RegisterDynamicWorkflow(dispatch, workflow.DynamicRegisterOptions{})
	w.RegisterActivity(fail)
	if err := w.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer w.Stop()
	return m.Run()
}

// temporalCLI finds the Temporal command: on PATH, or where `make build` puts it.
func temporalCLI() (string, error) {
	if path, err := exec.LookPath("temporal"); err == nil {
		return path, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			path := filepath.Join(dir, "bin", "temporal")
			if _, err := os.Stat(path); err != nil {
				return "", errors.New("these tests need the Temporal CLI: run `make bin/temporal`")
			}
			return path, nil
		}
	}
	return "", errors.New("no go.mod above the test")
}
