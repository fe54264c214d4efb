package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func newManCommand(a *app) *cobra.Command {
	dir := ""
	cmd := &cobra.Command{
		Use:   "man [COMMAND]",
		Short: "Write the manual page of a command",
		Long: `Write the manual page of a command, or of daybook itself, in the format of man.
--dir writes the pages of all commands as files.`,
		Example: `  daybook man run | man -l -
  daybook man --dir /usr/local/share/man/man1`,
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return usageError(cmd, "there is no command %q", strings.Join(args, " "))
			}
			cmd.Root().DisableAutoGenTag = true // no day of its making; SOURCE_DATE_EPOCH sets the month in the title
			header := &doc.GenManHeader{Section: "1", Source: "daybook " + version, Manual: "daybook"}
			if dir == "" {
				return doc.GenMan(about, header, a.stdout)
			}
			if len(args) > 0 {
				return usageError(cmd, "give either a command or --dir, which writes all pages")
			}
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return fmt.Errorf("make the directory of the pages: %w", err)
			}
			return doc.GenManTree(cmd.Root(), header, dir)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "directory for the pages of all commands")
	return cmd
}
