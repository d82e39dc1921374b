package endtoend_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a program that runs beside the test and dies with it.
type process struct {
	name   string
	cmd    *exec.Cmd
	output transcript
	// exited is closed when the process is gone; err is then what Wait said.
	exited chan struct{}
	err    error
}

// launch starts a program. orphaned is the signal that it gets when the test process dies.
func launch(name string, orphaned syscall.Signal, env []string, path string, args ...string) (*process, error) {
	p := &process{name: name, exited: make(chan struct{})}
	p.cmd = exec.Command(path, args...)
	p.cmd.Env = env
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: orphaned}
	p.cmd.WaitDelay = 5 * time.Second
	started := make(chan error, 1)
	go func() {
		// The signal is bound to the thread that starts the process, so that the thread must last as long.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
			close(p.exited)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return p, nil
}

// kill ends the process without warning and waits until it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

func (p *process) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatalf("signal %s: %v", p.name, err)
	}
}

// awaitExit waits until the process has ended and returns its exit code.
func (p *process) awaitExit(t testing.TB, limit time.Duration) int {
	t.Helper()
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(limit):
		t.Fatalf("%s still runs after %v:\n%s", p.name, limit, p.output.tail())
		return -1
	}
}

func (p *process) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// awaitLine waits until the process has printed text, and fails when it ends first.
func (p *process) awaitLine(text string, limit time.Duration) (string, error) {
	for deadline := time.Now().Add(limit); ; {
		for line := range strings.Lines(p.output.String()) {
			if strings.Contains(line, text) && strings.HasSuffix(line, "\n") {
				return strings.TrimSpace(line), nil
			}
		}
		if !p.running() {
			return "", fmt.Errorf("%s ended (%v) before it said %q:\n%s", p.name, p.err, text, p.output.tail())
		}
		if time.Now().After(deadline) {
			return "", fmt.Errorf("%s did not say %q in %v:\n%s", p.name, text, limit, p.output.tail())
		}
		time.Sleep(pause)
	}
}

// transcript is what a process printed.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (x *transcript) Write(b []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.text.Write(b)
}

func (x *transcript) String() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.text.String()
}

// tail is the end of it, for messages.
func (x *transcript) tail() string {
	text := x.String()
	return text[max(0, len(text)-4000):]
}

// pause is how often something that is waited for is looked at.
const pause = 20 * time.Millisecond

// until looks again and again until done says so, and fails with what it said last when that takes too long.
func until(t testing.TB, what string, limit time.Duration, done func() (bool, string)) {
	t.Helper()
	for deadline := time.Now().Add(limit); ; {
		ok, state := done()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited %v in vain until %s; now: %s", limit, what, state)
		}
		time.Sleep(pause)
	}
}

var ports struct {
	sync.Mutex
	given map[int]bool
}

// freePort is a loopback port that nobody listens on and that no other call has given away.
func freePort() (int, error) {
	ports.Lock()
	defer ports.Unlock()
	if ports.given == nil {
		ports.given = map[int]bool{}
	}
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		port := l.Addr().(*net.TCPAddr).Port
		if err := l.Close(); err != nil {
			return 0, err
		}
		if !ports.given[port] {
			ports.given[port] = true
			return port, nil
		}
	}
	return 0, errors.New("no free port on loopback")
}

// needPort is freePort for a test.
func needPort(t testing.TB) int {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// commandLines are those of the running processes that contain text.
func commandLines(t testing.TB, text string) (found []string) {
	t.Helper()
	entries, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		// A process that is gone by now has no command line.
		raw, _ := os.ReadFile(e)
		if line := string(bytes.ReplaceAll(raw, []byte{0}, []byte{' '})); strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return found
}
