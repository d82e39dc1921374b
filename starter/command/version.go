package command

import (
	"runtime"

	"github.com/spf13/cobra"

	"tenure/internal/version"
	"tenure/starter/output"
)

type versions struct {
	Version string `json:"version"`
	Go      string `json:"go"`
}

func newVersionCommand(c *Console) *cobra.Command {
	return reading(&cobra.Command{
		Use:     "version",
		Short:   "print the version",
		Example: "  tenure version",
		GroupID: groupOther,
		Args:    arguments(),
		RunE: func(*cobra.Command, []string) error {
			return c.result(versions{version.Version, runtime.Version()}, func(p output.Paper) { p.Line("tenure %s", version.Version) })
		},
	})
}
