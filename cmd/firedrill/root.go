package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/spf13/cobra"
)

// env is the only access of the command to the process it runs in, so that tests can run it in theirs.
type env struct {
	args   []string
	stdin  io.Reader
	stdout io.Writer // results
	stderr io.Writer // for people
	getenv func(string) string
	self   string // this program's own file
	// costly names the run whose machines cost money until they are deleted: a second Ctrl-C does not leave those.
	costly atomic.Pointer[string]
}

func newEnv() *env {
	self, _ := os.Executable()
	return &env{args: os.Args[1:], stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv, self: self}
}

// Exit codes that are not a report's own; see reports.ExitCode for 0, 1, 3 and 4.
const (
	exitUsage       = 2
	exitInterrupted = 130
)

// exit carries an exit code out of a command. An error without one is a matter of usage or configuration.
type exit struct {
	code int
	err  error
}

func (e exit) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e exit) Unwrap() error { return e.err }

func run(e *env) int {
	ctx, stop := interruptible(e)
	defer stop()
	root := rootCommand(e)
	root.SetArgs(e.args)
	err := root.ExecuteContext(ctx)
	var coded exit
	switch {
	case err == nil:
		return 0
	case errors.As(err, &coded):
		e.complain(coded.err)
		return coded.code
	}
	e.complain(err)
	return exitUsage
}

func (e *env) complain(err error) {
	if err != nil && err.Error() != "" {
		_, _ = fmt.Fprintln(e.stderr, "firedrill: "+strings.TrimSpace(err.Error()))
	}
}

// interruptible ends the context at the first Ctrl-C: the drill heals and reports. The second one ends the process
// and says how to heal by hand; where machines cost money it takes a third one.
func interruptible(e *env) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		if _, ok := <-signals; !ok {
			return
		}
		_, _ = fmt.Fprintln(e.stderr, "firedrill: interrupted: healing, collecting and writing the report (once more to leave at once)")
		cancel()
		if _, ok := <-signals; !ok {
			return
		}
		left := "the nodes heal by themselves; remove them with `firedrill clean`"
		if run := e.costly.Load(); run != nil {
			_, _ = fmt.Fprintln(e.stderr, "firedrill: still deleting machines, which cost money (once more to leave them)")
			if _, ok := <-signals; !ok {
				return
			}
			left = "the machines are still there, and cost: `firedrill clean --provider linode --run " + *run + "`"
		}
		_, _ = fmt.Fprintln(e.stderr, "firedrill: left at once: "+left)
		os.Exit(exitInterrupted)
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(signals)
		cancel()
	}
}

func rootCommand(e *env) *cobra.Command {
	root := &cobra.Command{
		Use:   "firedrill",
		Short: "Break a database topology on purpose, and measure whether its failover kept its promises",
		Long: `Firedrill stands up a real database topology, writes to it as the application would, breaks it, and measures
what the failover did: who was promoted, how long writes were down, which acknowledged writes are gone, when the
name or the proxy followed, and whether two nodes took writes at once. Each run ends in a readiness report.

Exit codes: 0 ready; 1 an objective failed; 2 usage or configuration; 3 inconclusive; 4 something could not be healed
or removed (wins over 0 to 3); 130 interrupted, after healing.`,
		SilenceErrors: true, SilenceUsage: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetOut(e.stdout)
	root.SetErr(e.stderr)
	root.AddCommand(
		runCommand(e), listCommand(e), doctorCommand(e), verifyCommand(e), reportCommand(e),
		healCommand(e), cleanCommand(e), versionCommand(e), standinCommand(e), agentCommand(e), mysqlCheckCommand(e), resolverCommand(), appConfigCommand(),
		webCommand(e), dnsFailoverCommand(e),
	)
	return root
}
