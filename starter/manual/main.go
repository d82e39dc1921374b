// Command manual writes the documentation of the tenure command from its help: one page of markdown with everything, and
// a man page for each command. `make docs` runs it.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"tenure/starter/command"
)

func main() {
	page := flag.String("markdown", "docs/commands.md", "where the page of markdown goes")
	man := flag.String("man", "bin/man", "folder for the man pages")
	flag.Parse()
	if err := write(*page, *man); err != nil {
		fmt.Fprintln(os.Stderr, "manual:", err)
		os.Exit(1)
	}
}

func write(page, man string) error {
	text, err := markdown()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(page), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(page, text, 0o644); err != nil {
		return err
	}
	if err := os.MkdirAll(man, 0o755); err != nil {
		return err
	}
	return manPages(man)
}

// markdown is what `--help` says of every command.
func markdown() ([]byte, error) {
	var page bytes.Buffer
	page.WriteString("# The tenure command\n\nWritten by `make docs` from what `--help` says of each command.\n")
	err := each(func(cmd *cobra.Command, help string) {
		fmt.Fprintf(&page, "\n## %s\n\n```text\n%s```\n", cmd.CommandPath(), help)
	})
	return page.Bytes(), err
}

// manPages writes tenure-offboard.1 and so on.
func manPages(folder string) error {
	root := command.Root(console(&bytes.Buffer{}))
	root.DisableAutoGenTag = true
	return doc.GenManTree(root, &doc.GenManHeader{Title: "TENURE", Section: "1", Source: "Tenure", Manual: "Tenure"}, folder)
}

// each visits every command that can be seen, a command before those below it.
func each(visit func(cmd *cobra.Command, help string)) error {
	var out bytes.Buffer
	var below func(*cobra.Command) error
	below = func(cmd *cobra.Command) error {
		out.Reset()
		if err := cmd.Help(); err != nil {
			return err
		}
		visit(cmd, out.String())
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				if err := below(sub); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return below(command.Root(console(&out)))
}

// console prints to out as to a file.
func console(out *bytes.Buffer) *command.Console {
	c := command.NewConsole()
	c.Out, c.Err = out, out
	c.InTerminal, c.OutTerminal, c.ErrTerminal = false, false, false
	return c
}
