package node

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/wait"
)

const exitWithin = 30 * time.Second

// kill signals processes and waits until they are gone. The stamp ends when the last signal was sent: from then on
// no code of theirs runs (KILL), or their stop has begun. The proof tells when they were really gone.
func (a *Agent) kill(ctx context.Context, fault string, k agent.KillSpec) (agent.Stamp, error) {
	targets, err := a.procs.targets(k.Processes)
	if err != nil {
		return agent.Stamp{}, fmt.Errorf("kill: %w", err)
	}
	ran := a.holdDown(fault, k, targets)
	stamp, err := signalAll(k, ran)
	if err != nil {
		return stamp, err
	}
	if len(ran) == 0 && len(k.Processes) > 0 {
		return stamp, fmt.Errorf("kill %s: it does not run", strings.Join(k.Processes, ", "))
	}
	within := k.Wait
	if within == 0 {
		within = exitWithin
	}
	var proofs []string
	for _, t := range ran {
		if err := gone(ctx, t, within); err != nil {
			return stamp, err
		}
		took := time.Duration(agent.Monotonic() - stamp.Effective).Round(time.Millisecond / 10)
		proofs = append(proofs, fmt.Sprintf("%s (pid %d) gone %s after the signal", t.name, t.pid, took))
	}
	if wholeHost(k) {
		if err := a.procs.ended(ran); err != nil { // all threads: the last one closes the connections
			return stamp, err
		}
		forgotten, err := forgetConnections()
		switch {
		case err != nil:
			proofs = append(proofs, "its connections speak again when the network returns: "+err.Error())
		case forgotten > 0:
			proofs = append(proofs, fmt.Sprintf("%d open connections forgotten", forgotten))
		}
	}
	stamp.Proof = strings.Join(proofs, "; ")
	return stamp, nil
}

// wholeHost says that nothing of the node may live on.
func wholeHost(k agent.KillSpec) bool { return len(k.Processes) == 0 && k.Signal == "KILL" }

// signalAll signals what runs, and all children with it when the whole host dies.
func signalAll(k agent.KillSpec, ran []target) (agent.Stamp, error) {
	victims := map[string][]int{} // found before the first signal: the children of a dead parent are not found any more
	for _, t := range ran {
		victims[t.name] = []int{t.pid}
		if wholeHost(k) {
			victims[t.name] = tree(t.pid)
		}
	}
	stamp := agent.Stamp{Began: agent.Monotonic()}
	for _, t := range ran {
		for _, pid := range victims[t.name] {
			if err := syscall.Kill(pid, killSignal(k.Signal, t)); err != nil && !errors.Is(err, syscall.ESRCH) {
				return stamp, fmt.Errorf("signal %s: %w", t.name, err)
			}
		}
	}
	stamp.Effective = agent.Monotonic()
	return stamp, nil
}

// holdDown notes the way back before the deed, keeps restart policies from undoing it, and returns what runs.
func (a *Agent) holdDown(fault string, k agent.KillSpec, targets []target) (ran []target) {
	a.procs.mu.Lock()
	defer a.procs.mu.Unlock()
	managed := true // all of them by others, which restart them
	for _, t := range targets {
		managed = managed && t.proc == nil
		if t.pid != 0 {
			ran = append(ran, t)
		}
		if k.Hold && t.proc != nil {
			t.proc.held[fault] = true
		}
	}
	a.deeds.push(fault, deed{
		name:    "kill",
		undo:    func() (string, error) { return a.bringBack(fault, ran) },
		inspect: func() (string, error) { return stillDown(ran), nil },
		oneShot: managed,
	})
	return ran
}

// bringBack releases what the fault held down and starts what it had ended, each in the order of its declaration.
func (a *Agent) bringBack(fault string, ran []target) (string, error) {
	a.procs.mu.Lock()
	for _, p := range a.procs.procs {
		delete(p.held, fault)
	}
	a.procs.mu.Unlock()
	return a.procs.relaunch(ran)
}

// relaunch starts what was ended, as soon as it is gone.
func (s *supervisor) relaunch(ran []target) (string, error) {
	if err := s.ended(ran); err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var proofs []string
	for _, t := range ran {
		if t.proc == nil {
			proofs = append(proofs, t.name+" is its manager's to restart")
			continue
		}
		if err := s.launch(t.proc); err != nil {
			return "", err
		}
		if t.proc.pid != 0 {
			proofs = append(proofs, fmt.Sprintf("%s runs (pid %d)", t.name, t.proc.pid))
		} else {
			proofs = append(proofs, t.name+" stays down: another fault holds it, or it was stopped on purpose")
		}
	}
	return strings.Join(proofs, "; "), nil
}

// ended waits for what has its signal but still runs (a clean stop takes its time). To start it before would do
// nothing, and once it has exited nobody would.
func (s *supervisor) ended(ran []target) error {
	late := time.After(exitWithin)
	for _, t := range ran {
		if t.proc == nil {
			continue
		}
		s.mu.Lock()
		same, done := t.proc.pid == t.pid, t.proc.done
		s.mu.Unlock()
		if !same {
			continue
		}
		select {
		case <-done:
		case <-late:
			return fmt.Errorf("%s (pid %d) has its signal and still runs after %s", t.name, t.pid, exitWithin)
		}
	}
	return nil
}

func stillDown(ran []target) string {
	var proofs []string
	for _, t := range ran {
		if !alive(t.pid) {
			proofs = append(proofs, fmt.Sprintf("%s (pid %d) is gone", t.name, t.pid))
		}
	}
	return strings.Join(proofs, "; ")
}

func killSignal(name string, t target) syscall.Signal {
	if sig := unix.SignalNum("SIG" + name); sig != 0 {
		return sig
	}
	if t.proc != nil {
		return stopSignal(t.proc.spec)
	}
	return syscall.SIGINT // the fast shutdown of PostgreSQL, the only kind of inner process so far
}

func gone(ctx context.Context, t target, within time.Duration) error {
	return wait.Until(ctx, t.name+" gone", within, func(context.Context) (bool, string, error) {
		letter := statusLetter(t.pid)
		return letter == "" || letter == "Z" || letter == "X", "state " + letter, nil
	})
}
