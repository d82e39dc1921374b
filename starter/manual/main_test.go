package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestMarkdownIsUpToDate(t *testing.T) {
	want, err := markdown()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../docs/commands.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Error("docs/commands.md is not what the help says now; run `make docs`")
	}
}

func TestEveryCommandIsExplained(t *testing.T) {
	folder := t.TempDir()
	if err := manPages(folder); err != nil {
		t.Fatal(err)
	}
	seen := 0
	err := each(func(cmd *cobra.Command, help string) {
		seen++
		path := cmd.CommandPath()
		if cmd.Short == "" || (cmd.Runnable() && !cmd.HasAvailableSubCommands() && cmd.Example == "") {
			t.Errorf("%s has no short text or no example", path)
		}
		for line := range strings.Lines(cmd.Example) {
			if line := strings.TrimSpace(line); line != "" && !strings.Contains(line, "tenure ") {
				t.Errorf("%s: %q shows no use of the command", path, line)
			}
		}
		page, err := os.ReadFile(filepath.Join(folder, strings.ReplaceAll(path, " ", "-")+".1"))
		if err != nil || !strings.Contains(string(page), cmd.Short) {
			t.Errorf("%s: man page: %v\n%s", path, err, page)
		}
	})
	if err != nil || seen < 10 {
		t.Errorf("%d commands seen, %v", seen, err)
	}
}
