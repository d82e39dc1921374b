package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"go.temporal.io/sdk/client"

	"tenure/internal/connect"
	"tenure/internal/contract"
)

// temporalServer is Temporal's development server as a child process.
type temporalServer struct {
	command *exec.Cmd
	exited  chan error
}

// ServerTuning are arguments with which the development server answers as fast as this machine can, its defaults being to
// read each task queue at most 20 times a second and to sync SQLite to disk at every step, and knows our search attributes.
func ServerTuning() []string {
	args := []string{
		"--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL",
		"--dynamic-config-value", "history.transferProcessorMaxPollRPS=1000",
		"--dynamic-config-value", "history.timerProcessorMaxPollRPS=1000",
		"--dynamic-config-value", "history.visibilityProcessorMaxPollRPS=1000",
		"--dynamic-config-value", "matching.useNewMatcher=true",
	}
	for _, name := range contract.SearchAttributes() {
		args = append(args, "--search-attribute", name+"=Keyword")
	}
	return args
}

// temporalArguments start the development server on a database that it keeps.
func temporalArguments(s Settings, database string) []string {
	return append([]string{
		"server", "start-dev", "--ip", "127.0.0.1", "--port", strconv.Itoa(s.TemporalPort), "--ui-port", strconv.Itoa(s.UIPort),
		"--db-filename", database, "--log-level", "warn", "--log-format", "json",
	}, ServerTuning()...)
}

// startTemporal starts the server and waits until it answers.
func startTemporal(ctx context.Context, s Settings, out io.Writer) (*temporalServer, error) {
	path, err := findTemporal(s.TemporalCLI)
	if err != nil {
		return nil, err
	}
	version, err := temporalVersion(ctx, path)
	if err != nil {
		return nil, err
	}
	// A database belongs to the version that made it.
	database := filepath.Join(s.DataDir, "temporal-"+version+".db")
	log, err := os.OpenFile(filepath.Join(s.DataDir, "temporal.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log of the Temporal server: %w", err)
	}
	defer log.Close()
	command := exec.Command(path, temporalArguments(s, database)...)
	command.Stdout, command.Stderr = log, log
	// Not in our process group: on Ctrl-C the worker ends first, and the server only after it.
	command.SysProcAttr = childAttributes()
	server := &temporalServer{command: command, exited: make(chan error, 1)}
	started := make(chan error, 1)
	go func() {
		// The signal that ends the server with us is bound to the thread that starts it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := command.Start()
		started <- err
		if err == nil {
			server.exited <- command.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start the Temporal server: %w", err)
	}
	fmt.Fprintln(out, "starting Temporal", version)
	if err := server.awaitReady(ctx, loopback(s.TemporalPort)); err != nil {
		return nil, errors.Join(fmt.Errorf("%w; see %s", err, log.Name()), server.close())
	}
	return server, nil
}

func (t *temporalServer) awaitReady(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := client.DialContext(ctx, client.Options{HostPort: address, Logger: connect.Quiet()})
		if err == nil {
			c.Close()
			return nil
		}
		select {
		case err := <-t.exited:
			t.exited <- err
			return fmt.Errorf("the Temporal server ended: %v", err)
		case <-ctx.Done():
			return fmt.Errorf("the Temporal server does not answer at %s: %w", address, err)
		case <-tick.C:
		}
	}
}

// close asks the server to end and waits for it.
func (t *temporalServer) close() error {
	if err := t.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop the Temporal server: %w", err)
	}
	select {
	case <-t.exited:
		return nil
	case <-time.After(20 * time.Second):
		return t.command.Process.Kill()
	}
}

// findTemporal finds the temporal command: the given one, on PATH, in bin of the working folder, or beside this program.
func findTemporal(given string) (string, error) {
	if given != "" {
		return given, nil
	}
	if path, err := exec.LookPath("temporal"); err == nil {
		return path, nil
	}
	candidates := []string{filepath.Join("bin", "temporal")}
	if own, err := os.Executable(); err == nil {
		candidates = append(candidates, filepath.Join(filepath.Dir(own), "temporal"))
	}
	for _, path := range candidates {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no temporal command on PATH nor in bin; build it with `make build`, or name it with --temporal-cli")
}

// temporalVersion is the version of the command, fit for a file name.
func temporalVersion(ctx context.Context, path string) (string, error) {
	text, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", path, err)
	}
	// "temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)"; a CLI built from its module calls itself 0.0.0-DEV.
	words := strings.FieldsFunc(string(text), func(r rune) bool { return strings.ContainsRune(" (),\n", r) })
	for i, w := range words {
		if w == "Server" && i+1 < len(words) {
			return "server-" + words[i+1], nil
		}
	}
	return "unknown", nil
}
