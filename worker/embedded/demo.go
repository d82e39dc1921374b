package embedded

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/term"

	"tenure/internal/graphsim"
)

// Demo starts everything in a folder that it removes again, offboards one person with the tenure command and stops.
func Demo(ctx context.Context, s Settings) (err error) {
	dir, err := os.MkdirTemp("", "tenure-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s.DataDir = dir
	for _, port := range []*int{&s.TemporalPort, &s.UIPort, &s.TenantPort, &s.HTTPPort} {
		if *port, err = freeOr(*port); err != nil {
			return err
		}
	}
	command, err := tenureCommand()
	if err != nil {
		return err
	}
	who, err := someone()
	if err != nil {
		return err
	}
	fmt.Println("Starting a Temporal server, a simulated Microsoft 365 tenant and a worker.")
	e, err := start(ctx, s, os.Stdout)
	if err != nil {
		return err
	}
	defer func() {
		e.stop()
		if stopped := e.wait(); err == nil {
			err = stopped
		}
	}()
	terminal := term.IsTerminal(int(os.Stdin.Fd()))
	ui := "http://" + loopback(s.UIPort)
	run := func(args ...string) error {
		fmt.Printf("\n$ tenure %s\n", strings.Join(args, " "))
		c := exec.CommandContext(ctx, command, args...)
		c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
		c.Env = append(os.Environ(), "TENURE_TEMPORAL_UI="+ui)
		var exit *exec.ExitError
		if err := c.Run(); errors.As(err, &exit) && exit.ExitCode() == 2 {
			// A plan with changes.
			return nil
		} else if err != nil {
			return fmt.Errorf("tenure %s: %w", strings.Join(args, " "), err)
		}
		return nil
	}
	steps := [][]string{{"users", "list"}, {"users", "show", who}, {"offboard", who}, {"users", "show", who}}
	if !terminal {
		// Nobody can be asked, so the plan is shown by itself.
		steps = [][]string{{"users", "list"}, {"plan", "offboard", who}, {"offboard", who, "--yes"}, {"users", "show", who}}
	}
	for _, args := range steps {
		if err := run(args...); err != nil {
			return err
		}
	}
	fmt.Printf("\nThe run and everything that led to it: %s\n", ui)
	if terminal {
		fmt.Print("Press Enter to stop everything. ")
		if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
			fmt.Println()
		}
	}
	return nil
}

// freeOr is the port, or another one when something else has it: a demo should not fail for that.
func freeOr(port int) (int, error) {
	if checkFree(port) == nil {
		return port, nil
	}
	l, err := net.Listen("tcp", loopback(0))
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// tenureCommand is the command beside this program.
func tenureCommand() (string, error) {
	own, err := os.Executable()
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(own), "tenure")
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("the tenure command is not beside this program; run `make build`: %w", err)
	}
	return path, nil
}

// someone is the first person of the default tenant who shows the whole of an offboarding: a number, a direct license
// and an account in use.
func someone() (string, error) {
	state := graphsim.DefaultState()
	holders := map[string]bool{}
	for _, n := range state.Numbers {
		holders[n.AssignedTo] = true
	}
	for _, u := range state.Users {
		if len(u.DirectLicenses) > 0 && (holders[u.ID] || holders[u.UserPrincipalName]) {
			return u.UserPrincipalName, nil
		}
	}
	return "", fmt.Errorf("the default tenant has nobody with a number and a direct license")
}
