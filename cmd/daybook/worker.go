package main

import "github.com/spf13/cobra"

func newWorkerCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "Do one task of a job that runs on many machines",
		Long: `Do one task of a job that runs on many machines, such as that of
'daybook spark emit'. Requests come on standard input, results go to standard
output, and messages for people go to standard error.`,
		Example: `  daybook worker step digest//2026-11-20`,
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newWorkerStepCommand(a))
	return cmd
}

func newWorkerStepCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "step",
		Short:   "Build exactly the named digests, days and months",
		Example: `  daybook worker step digest//2026-11-20`,
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
}
