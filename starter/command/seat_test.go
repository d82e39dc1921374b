package command_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tenure/internal/schematest"
	"tenure/starter/command"
)

var update = flag.Bool("update", false, "write the golden files anew")

// seat is an operator at a command line.
type seat struct {
	t       *testing.T
	console *command.Console
	out     *buffer
	err     *buffer
}

// newSeat is a seat without a terminal, connected to the test server.
func newSeat(t *testing.T) *seat {
	t.Helper()
	t.Setenv("TEMPORAL_ADDRESS", server.address)
	t.Setenv("TEMPORAL_NAMESPACE", "default")
	t.Setenv("TEMPORAL_CONFIG_FILE", filepath.Join(t.TempDir(), "none.toml"))
	s := &seat{t: t, console: command.NewConsole(), out: newBuffer(), err: newBuffer()}
	c := s.console
	c.In, c.Out, c.Err = strings.NewReader(""), s.out, s.err
	c.InTerminal, c.OutTerminal, c.ErrTerminal = false, false, false
	c.Columns = func() int { return 80 }
	c.Username = func() string { return "operator" }
	c.Getenv = func(key string) string { return "" }
	c.Pace = command.Pace{Progress: 10 * time.Millisecond, Silence: time.Second, Pickup: time.Minute, Lost: time.Minute, Completion: time.Minute}
	return s
}

// atTerminal makes it a terminal on which the operator types that.
func (s *seat) atTerminal(typed string) *seat {
	c := s.console
	c.In, c.InTerminal, c.OutTerminal, c.ErrTerminal = strings.NewReader(typed), true, true, true
	return s
}

// idle connects to the namespace that no worker serves.
func (s *seat) idle() *seat {
	s.t.Setenv("TEMPORAL_NAMESPACE", idle)
	s.console.Pace.Pickup = 20 * time.Millisecond
	return s
}

// result is what a command left.
type result struct {
	code        int
	out, errout string
}

func (s *seat) tenure(arguments ...string) result {
	s.t.Helper()
	return s.tenureUntil(s.t.Context(), arguments...)
}

// tenureUntil ends the command with an interrupt when the context ends.
func (s *seat) tenureUntil(ctx context.Context, arguments ...string) result {
	s.t.Helper()
	code := command.Run(ctx, s.console, arguments)
	schematest.Check(s.t, arguments, s.out.String())
	return result{code, s.out.String(), s.err.String()}
}

func (r result) exits(t *testing.T, code int) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit %d, want %d\nstdout: %s\nstderr: %s", r.code, code, r.out, r.errout)
	}
}

func (r result) says(t *testing.T, text string) {
	t.Helper()
	if !strings.Contains(r.errout, text) {
		t.Errorf("stderr does not say %q:\n%s", text, r.errout)
	}
}

// decode reads stdout as one JSON document that has exactly the fields of Out.
func decode[Out any](t *testing.T, r result) Out {
	t.Helper()
	var out Out
	decoder := json.NewDecoder(strings.NewReader(r.out))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&out); err != nil {
		t.Fatalf("decode: %v\nstdout: %s\nstderr: %s", err, r.out, r.errout)
	}
	return out
}

type failure struct {
	Error struct {
		Code    string  `json:"code"`
		Message string  `json:"message"`
		Hint    *string `json:"hint"`
	} `json:"error"`
}

// golden compares with testdata/<name>.golden.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -update writes it anew)\ngot:\n%s\nwant:\n%s", file, got, want)
	}
}

// buffer is a writer that can be read, and waited on, while a command writes.
type buffer struct {
	mu      sync.Mutex
	changed *sync.Cond
	bytes   bytes.Buffer
}

func newBuffer() *buffer {
	b := &buffer{}
	b.changed = sync.NewCond(&b.mu)
	return b
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.changed.Broadcast()
	return b.bytes.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bytes.String()
}

// await returns when the text has been written; the test binary's own time limit ends it otherwise.
func (b *buffer) await(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for !strings.Contains(b.bytes.String(), text) {
		b.changed.Wait()
	}
}
