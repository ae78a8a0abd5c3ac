package node

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
)

// absence is something that is taken away and comes back by itself, after a time on the agent's clock. What was done
// for it is kept under ids of their own, and is undone in their order: by the clock, or by a heal that comes first.
type absence struct {
	what  string
	parts []string
	deeds *deeds
	event func(kind, msg string, attrs map[string]string)

	end  context.CancelFunc
	mu   sync.Mutex
	back string // what was seen when it came back; empty: it is away
}

// away pushes the way back of an absence before its parts are done.
func (a *Agent) away(fault, what string, parts ...string) *absence {
	x := &absence{what: what, deeds: a.deeds, event: a.event, end: func() {}}
	for _, p := range parts {
		x.parts = append(x.parts, fault+"-"+p)
	}
	a.deeds.push(fault, deed{name: what, undo: x.undo, inspect: x.inspect})
	return x
}

// until starts the clock. It runs from the moment of effect.
func (x *absence) until(effective int64, after time.Duration) {
	ctx, end := context.WithCancel(context.Background())
	x.mu.Lock()
	x.end = end
	x.mu.Unlock()
	go func() {
		if wait.Hold(ctx, after-time.Duration(agent.Monotonic()-effective)) != nil {
			return // healed before its time
		}
		away := time.Duration(agent.Monotonic() - effective).Round(time.Millisecond)
		proof, err := x.bringBack(fmt.Sprintf("by itself after %s: ", away))
		if err != nil {
			x.event(record.KindError, fmt.Sprintf("%s: it should be over after %s: %v", x.what, after, err), nil)
			return
		}
		x.event(record.KindNote, fmt.Sprintf("the %s is over %s", x.what, proof), nil)
	}()
}

func (x *absence) bringBack(how string) (string, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.back != "" {
		return x.back, nil
	}
	var proofs []string
	var errs []error
	for _, part := range x.parts {
		s, err := x.deeds.heal(part)
		proofs, errs = append(proofs, s.Proof), append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return "", err
	}
	x.back = how + strings.Join(proofs, "; ")
	return x.back, nil
}

func (x *absence) undo() (string, error) {
	x.mu.Lock()
	end := x.end
	x.mu.Unlock()
	end()
	return x.bringBack("")
}

func (x *absence) inspect() (string, error) {
	x.mu.Lock()
	back := x.back
	x.mu.Unlock()
	if back != "" {
		return "it is over " + back, nil
	}
	var proofs []string
	for _, part := range x.parts {
		s, err := x.deeds.inspect(part)
		if err != nil {
			return "", err
		}
		if s.Proof != "" {
			proofs = append(proofs, s.Proof)
		}
	}
	return strings.Join(proofs, "; "), nil
}

// Pieces of an absence.
const (
	pieceNetwork   = "network"
	pieceProcesses = "processes"
)

// restart kills a process that is back after a time.
func (a *Agent) restart(ctx context.Context, fault string, s agent.RestartSpec) (agent.Stamp, error) {
	found, err := a.procs.targets([]string{s.Process})
	if err != nil {
		return agent.Stamp{}, fmt.Errorf("restart: %w", err)
	}
	x := a.away(fault, "restart", pieceProcesses)
	var stamp agent.Stamp
	if part := x.parts[0]; found[0].proc == nil { // its manager would bring it back at once
		stamp, err = a.crashLoop(ctx, part, agent.CrashLoopSpec{Process: s.Process})
	} else {
		stamp, err = a.kill(ctx, part, agent.KillSpec{Processes: []string{s.Process}, Signal: "KILL", Hold: true})
	}
	if err != nil {
		return stamp, err
	}
	x.until(stamp.Effective, s.After)
	return stamp, nil
}

func mayReboot(agent.RebootSpec) (string, error) { return mayAdministerNetwork() }

// reboot is a power cut: the network first, so that no process says goodbye. The bracket is the cut's.
func (a *Agent) reboot(ctx context.Context, fault string, s agent.RebootSpec) (agent.Stamp, error) {
	x := a.away(fault, "reboot", pieceNetwork, pieceProcesses)
	cut, err := a.network(ctx, x.parts[0], agent.NetworkSpec{Direction: agent.Both, Action: agent.Drop})
	if err != nil {
		return cut, err
	}
	killed, err := a.kill(ctx, x.parts[1], agent.KillSpec{Signal: "KILL", Hold: true})
	if err != nil {
		return cut, err
	}
	x.until(cut.Effective, s.After)
	cut.Proof = killed.Proof
	if cut.Proof == "" {
		cut.Proof = "the host is cut off; nothing ran on it"
	}
	return cut, nil
}
