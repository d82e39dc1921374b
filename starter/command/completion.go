package command

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

func newCompletionCommand(c *Console) *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return reading(&cobra.Command{
		Use:   "completion " + strings.Join(shells, "|"),
		Short: "print a script that completes commands and flags in a shell",
		Example: `  source <(tenure completion bash)
  tenure completion zsh > "${fpath[1]}/_tenure"
  tenure completion fish > ~/.config/fish/completions/tenure.fish
  tenure completion powershell | Out-String | Invoke-Expression`,
		GroupID:   groupOther,
		ValidArgs: shells,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := arguments(strings.Join(shells, "|"))(cmd, args); err != nil {
				return err
			}
			if !slices.Contains(shells, args[0]) {
				return usage(helpHint(cmd), "there is no completion for %q, only for %s", args[0], strings.Join(shells, ", "))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(c.Out, true)
			case "zsh":
				return root.GenZshCompletion(c.Out)
			case "fish":
				return root.GenFishCompletion(c.Out, true)
			default:
				return root.GenPowerShellCompletionWithDesc(c.Out)
			}
		},
	})
}
