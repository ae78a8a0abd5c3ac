package node

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/wait"
)

// herd is the processes that a freeze has stopped.
type herd struct {
	halts *halts
	find  func() []int // the processes to stop, parents first

	mu   sync.Mutex
	pids map[int]bool
}

// freeze stops whole process trees: a database that forks (PostgreSQL) is frozen with all its backends.
func (a *Agent) freeze(ctx context.Context, fault string, f agent.FreezeSpec) (agent.Stamp, error) {
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
	return a.stopHerd(ctx, fault, "freeze", func() []int { return trees(roots) })
}

// pause stops the whole node but its agent.
func (a *Agent) pause(ctx context.Context, fault string, _ agent.PauseSpec) (agent.Stamp, error) {
	if len(a.procs.everything()) == 0 {
		return agent.Stamp{}, fmt.Errorf("pause: nothing runs on this node")
	}
	return a.stopHerd(ctx, fault, "pause", a.procs.everything)
}

func (a *Agent) stopHerd(ctx context.Context, fault, name string, find func() []int) (agent.Stamp, error) {
	h := &herd{halts: a.halts, find: find, pids: map[int]bool{}}
	a.deeds.push(fault, deed{name: name, undo: h.thaw, inspect: func() (string, error) { return h.proof(), nil }})
	stamp := agent.Stamp{Began: agent.Monotonic()}
	err := wait.Until(ctx, "processes stopped", exitWithin, func(context.Context) (bool, string, error) { return h.stop() })
	stamp.Effective = agent.Monotonic()
	stamp.Proof = h.proof()
	return stamp, err
}

// quickLooks are made one right after the other before a freeze is waited for: a signal takes effect within
// microseconds, and the bracket of the fault should say so.
const quickLooks = 20

// stop signals parents first, so that they fork no more, then their children until there are no new ones.
func (h *herd) stop() (done bool, seen string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	running := 0
	for range quickLooks {
		news := 0
		running = 0
		for _, pid := range h.find() {
			if !h.pids[pid] {
				news++
				h.pids[pid] = true
				if err := h.halts.stop(pid, h); err != nil {
					return false, "", err
				}
			}
			if letter := statusLetter(pid); letter != "T" && letter != "" && letter != "Z" {
				running++
			}
		}
		if news == 0 && running == 0 {
			return true, "", nil
		}
	}
	return false, fmt.Sprintf("%d running", running), nil
}

// thaw continues them all, but for those that another fault has stopped too.
func (h *herd) thaw() (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	kept, err := h.halts.release(h)
	if err != nil {
		return "", err
	}
	proof := fmt.Sprintf("%d processes run again", len(h.pids)-kept)
	if kept > 0 {
		proof += fmt.Sprintf(", %d stay stopped by another fault", kept)
	}
	return proof, nil
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
