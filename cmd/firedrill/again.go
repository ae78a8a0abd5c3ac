package main

import (
	"github.com/spf13/cobra"

	"github.com/firedrill/firedrill/reports"
	"github.com/firedrill/firedrill/scenarios"
)

func verifyCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "verify RUN", Short: "Judge a recorded run again, and write its reports", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := scenarios.Verify(cmd.Context(), args[0])
			return again(e, args[0], r, err)
		},
	}
}

func reportCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "report RUN", Short: "Write the reports of a recorded run again", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			r, err := scenarios.Report(args[0])
			return again(e, args[0], r, err)
		},
	}
}

func again(e *env, dir string, r reports.Report, err error) error {
	if err != nil {
		return err
	}
	conclude(e, dir, r)
	if code := reports.ExitCode(r); code != 0 {
		return exit{code, nil}
	}
	return nil
}
