package node

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/wait"
)

// herd is the processes that a freeze has stopped.
type herd struct {
	mu   sync.Mutex
	pids map[int]bool
}

// freeze stops whole process trees: a database that forks (PostgreSQL) is frozen with all its backends.
func (a *Agent) freeze(ctx context.Context, _ *session, f agent.FreezeSpec) (agent.Stamp, error) {
	targets, err := a.procs.targets(f.Processes)
	if err != nil {
		return agent.Stamp{}, fmt.Errorf("freeze: %w", err)
	}
	var roots []int
	for _, t := range targets {
		if t.pid != 0 {
			roots = append(roots, t.pid)
		}
	}
	if len(roots) == 0 {
		return agent.Stamp{}, fmt.Errorf("freeze %s: it does not run", strings.Join(f.Processes, ", "))
	}
	h := &herd{pids: map[int]bool{}}
	a.deeds.push(f.Fault, deed{name: "freeze", undo: h.thaw, inspect: func() (string, error) { return h.proof(), nil }})
	stamp := agent.Stamp{Began: agent.Monotonic()}
	err = wait.Until(ctx, "processes stopped", exitWithin, func(context.Context) (bool, string, error) {
		return h.stop(roots)
	})
	stamp.Effective = agent.Monotonic()
	stamp.Proof = h.proof()
	return stamp, err
}

// quickLooks are made one right after the other before a freeze is waited for: a signal takes effect within
// microseconds, and the bracket of the fault should say so.
const quickLooks = 20

// stop signals the roots first, so that they fork no more, then their children until there are no new ones.
func (h *herd) stop(roots []int) (done bool, seen string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	running := 0
	for range quickLooks {
		news := 0
		running = 0
		for _, root := range roots {
			for _, pid := range tree(root) {
				if !h.pids[pid] {
					news++
					h.pids[pid] = true
					if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil && !errors.Is(err, syscall.ESRCH) {
						return false, "", fmt.Errorf("stop process %d: %w", pid, err)
					}
				}
				if letter := statusLetter(pid); letter != "T" && letter != "" && letter != "Z" {
					running++
				}
			}
		}
		if news == 0 && running == 0 {
			return true, "", nil
		}
	}
	return false, fmt.Sprintf("%d running", running), nil
}

// thaw continues them all.
func (h *herd) thaw() (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for pid := range h.pids {
		if err := syscall.Kill(pid, syscall.SIGCONT); err != nil && !errors.Is(err, syscall.ESRCH) {
			return "", fmt.Errorf("continue process %d: %w", pid, err)
		}
	}
	for pid := range h.pids {
		if statusLetter(pid) == "T" {
			return "", fmt.Errorf("continue process %d: it is still stopped", pid)
		}
	}
	return fmt.Sprintf("%d processes run again", len(h.pids)), nil
}

func (h *herd) proof() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for pid := range h.pids {
		if statusLetter(pid) == "T" {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d processes in state T (stopped)", n, len(h.pids))
}
