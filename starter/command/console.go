package command

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/term"

	"tenure/internal/contract"
	"tenure/internal/lifecycle"
	"tenure/starter/output"
)

// Console is everything that a command has of the world around it. Tests replace its parts.
type Console struct {
	In       io.Reader
	Out, Err io.Writer
	// InTerminal, OutTerminal and ErrTerminal say which of the three is a terminal, Columns how wide it is.
	InTerminal, OutTerminal, ErrTerminal bool
	Columns                              func() int

	Getenv   func(string) string
	Username func() string
	Now      func() time.Time
	NewID    func() string
	// Dial connects to Temporal; it is called once, by the first thing that needs it.
	Dial func(context.Context) (*Connection, error)
	// Pace says how often and how long the command asks.
	Pace Pace

	flags flags
	// planOut is where the plan commands save their plan, or empty.
	planOut string
	// parsed is set once the arguments are understood; errors before that are about them.
	parsed     bool
	connection *Connection
}

// Pace holds the waits of the command.
type Pace struct {
	// Progress is how often a run is asked for its progress.
	Progress time.Duration
	// Silence is how long no worker may answer before the operator is told.
	Silence time.Duration
	// Pickup is how long a question may lie unanswered before the command looks whether there is a worker at all.
	Pickup time.Duration
	// Lost is how long Temporal may be out of reach before following a run is given up.
	Lost time.Duration
	// Completion is how long somebody waits who pressed the tabulator key.
	Completion time.Duration
}

// NewConsole returns the console of this process.
func NewConsole() *Console {
	return &Console{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		InTerminal:  term.IsTerminal(int(os.Stdin.Fd())),
		OutTerminal: term.IsTerminal(int(os.Stdout.Fd())),
		ErrTerminal: term.IsTerminal(int(os.Stderr.Fd())),
		Columns:     terminalColumns,
		Getenv:      os.Getenv,
		Username:    username,
		Now:         time.Now,
		NewID:       uuid.NewString,
		Dial:        dial,
		Pace:        Pace{Progress: 250 * time.Millisecond, Silence: 5 * time.Second, Pickup: 10 * time.Second, Lost: 2 * time.Minute, Completion: 2 * time.Second},
	}
}

func terminalColumns() int {
	for _, f := range []*os.File{os.Stdout, os.Stderr} {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			return columns
		}
	}
	return 80
}

func username() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}

// out is where results go, talk where everything else goes.
func (c *Console) out() output.Paper  { return c.paper(c.Out, c.OutTerminal) }
func (c *Console) talk() output.Paper { return c.paper(c.Err, c.ErrTerminal) }

func (c *Console) paper(w io.Writer, terminal bool) output.Paper {
	p := output.Paper{Writer: w, Style: output.NewStyle(c.flags.colored(terminal, c.Getenv))}
	if terminal {
		p.Columns = c.Columns()
	}
	return p
}

// result prints a result: as text by the given function, else as one JSON document.
func (c *Console) result(value any, text func(output.Paper)) error {
	if c.flags.output == output.TextFormat {
		text(c.out())
		return nil
	}
	return output.JSON(c.Out, c.flags.output, value)
}

// mayAsk is an error when a change needs the answer of somebody who is not there. It is checked before anything else
// happens, so that a program finds out about the missing --yes every time and not only when there is something to do.
func (c *Console) mayAsk() error {
	if c.flags.yes || (c.InTerminal && c.ErrTerminal) {
		return nil
	}
	return &Failure{Exit: exitUsage, Code: "confirmation-needed", Message: "this changes something and there is no terminal to ask on", Hint: "add --yes"}
}

// confirm asks a question, and is an error unless the answer is yes.
func (c *Console) confirm(ctx context.Context, format string, args ...any) error {
	if c.flags.yes {
		return nil
	}
	fmt.Fprintf(c.Err, format+" [y/N] ", args...)
	answers := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(c.In).ReadString('\n')
		answers <- line
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(c.Err)
		return interrupted("nothing was changed")
	case line := <-answers:
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return nil
		}
		return &Failure{Exit: exitInterrupted, Code: "declined", Message: "not confirmed; nothing was changed"}
	}
}

// request fills in who asks, why, and the id that makes asking twice one run.
func (c *Console) request(operation lifecycle.Operation) lifecycle.Request {
	id := c.flags.requestID
	if id == "" {
		id = c.NewID()
	}
	return lifecycle.Request{
		Operation: operation, RequestID: id, RequestedBy: c.requestedBy(), Reason: c.flags.reason, OnFailure: c.onFailure(operation), HoldFor: c.flags.holdFor,
	}
}

// onFailure is what --on-failure says. A limit for a hold asks for one.
func (c *Console) onFailure(operation lifecycle.Operation) string {
	switch {
	case c.flags.onFailure != "":
		return c.flags.onFailure
	case c.flags.holdFor > 0:
		return lifecycle.OnFailureHold
	}
	return lifecycle.DefaultOnFailure(operation)
}

func (c *Console) actor() contract.Actor {
	return contract.Actor{RequestedBy: c.requestedBy(), Reason: c.flags.reason}
}

func (c *Console) requestedBy() string {
	if name := c.Getenv("TENURE_REQUESTED_BY"); name != "" {
		return name
	}
	return c.Username()
}
