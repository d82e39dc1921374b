package endtoend_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"
)

// temporalServer is a development server that keeps its data in a file, as `tenure-worker dev` runs it.
type temporalServer struct {
	*process
	address, database string
	port              int
}

func startTemporal(dir string) (*temporalServer, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &temporalServer{database: filepath.Join(dir, "temporal.db"), port: port, address: "127.0.0.1:" + strconv.Itoa(port)}
	return s, s.start()
}

func (s *temporalServer) start() error {
	p, err := launch("the Temporal server", syscall.SIGKILL, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Dir(s.database)},
		programs.temporal, "server", "start-dev", "--ip", "127.0.0.1", "--port", strconv.Itoa(s.port), "--headless",
		"--db-filename", s.database, "--log-level", "error", "--log-format", "json",
		"--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL",
		"--dynamic-config-value", "history.transferProcessorMaxPollRPS=1000",
		"--dynamic-config-value", "history.timerProcessorMaxPollRPS=1000",
		"--dynamic-config-value", "history.visibilityProcessorMaxPollRPS=1000",
		"--dynamic-config-value", "matching.useNewMatcher=true",
	)
	if err != nil {
		return err
	}
	s.process = p
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(pause) {
		c, err := s.dial("default")
		if err == nil {
			c.Close()
			return nil
		}
		if !p.running() || time.Now().After(deadline) {
			p.kill()
			return fmt.Errorf("the Temporal server does not answer: %w\n%s", err, p.output.tail())
		}
	}
}

func (s *temporalServer) dial(namespace string) (client.Client, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return client.DialContext(ctx, client.Options{HostPort: s.address, Namespace: namespace, Logger: silent{}})
}

// namespace makes a namespace of its own for a test, and a client for it.
func (s *temporalServer) namespace(t testing.TB, name string) client.Client {
	t.Helper()
	c, err := s.dial(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if _, err := c.WorkflowService().RegisterNamespace(t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: name, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	}); err != nil {
		t.Fatalf("make the namespace %s: %v", name, err)
	}
	until(t, "the namespace "+name+" is there", time.Minute, func() (bool, string) {
		_, err := c.DescribeTaskQueue(t.Context(), "tenure", enums.TASK_QUEUE_TYPE_WORKFLOW)
		return err == nil, fmt.Sprint(err)
	})
	return c
}

// silent drops the SDK's lines.
type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}
