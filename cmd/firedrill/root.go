package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// env is the only access of the command to the process it runs in, so that tests can run it in theirs.
type env struct {
	args   []string
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	getenv func(string) string
	self   string // this program's own file
}

func newEnv() *env {
	self, _ := os.Executable()
	return &env{args: os.Args[1:], stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv, self: self}
}

// Version is set at link time.
var Version = "devel"

func run(e *env) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := &cobra.Command{Use: "firedrill", SilenceErrors: true, SilenceUsage: true}
	root.SetArgs(e.args)
	root.AddCommand(agentCommand(e), standinCommand(e))
	if err := root.ExecuteContext(ctx); err != nil {
		_, _ = io.WriteString(e.stderr, "firedrill: "+err.Error()+"\n")
		return 2
	}
	return 0
}
