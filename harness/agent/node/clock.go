package node

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/wait"
)

// mayTurnClock says why not: there must be a process whose clock can be reached.
func (a *Agent) mayTurnClock(agent.ClockSpec) (string, error) {
	if !a.shim.fitted() {
		return notFitted, nil
	}
	reachable, reasons := a.clocks()
	switch {
	case len(reachable) > 0:
		return "", nil
	case len(reasons) > 0:
		return strings.Join(reasons, "; "), nil
	}
	return "nothing runs on the node whose clock could be turned", nil
}

// clocks sorts the processes that run into those whose clock can be turned, and the reasons why others' cannot. A Go
// program is out of reach even where a library of its is counted: its own clock is not libc's.
func (a *Agent) clocks() (reachable, reasons []string) {
	seen := a.shim.hits()
	for _, p := range a.procs.supervised() {
		counted := seen[p.name].asked
		if p.isGo {
			counted = 0
		}
		if reason := reach(p.name, p.pid, counted, p.isGo); reason != "" {
			reasons = append(reasons, reason)
			continue
		}
		reachable = append(reachable, p.name)
	}
	return reachable, reasons
}

// turnClock puts the wall clock of the node's processes wrong.
func (a *Agent) turnClock(_ context.Context, fault string, c agent.ClockSpec) (agent.Stamp, error) {
	if reason, err := a.mayTurnClock(c); err != nil || reason != "" {
		return agent.Stamp{}, fmt.Errorf("turn clock: %s: %w", reason, err)
	}
	before := a.shim.hits()
	_, reasons := a.clocks()
	seen := func() string { return clockProof(before, a.shim.hits()) }
	a.deeds.push(fault, deed{
		name:    "clock",
		undo:    func() (string, error) { return a.clockRight(fault, seen) },
		inspect: func() (string, error) { return withReasons(seen(), reasons), nil },
	})
	stamp := agent.Stamp{Began: agent.Monotonic()}
	a.shim.set(fault, settings{ahead: c.Ahead, gainPPB: c.GainPPB, since: stamp.Began})
	stamp.Effective = agent.Monotonic()
	stamp.Proof = withReasons(seen(), reasons)
	return stamp, nil
}

// withReasons adds who is not reached to what was seen.
func withReasons(seen string, reasons []string) string {
	if seen == "" || len(reasons) == 0 {
		return seen
	}
	return seen + " (" + strings.Join(reasons, "; ") + ")"
}

func (a *Agent) clockRight(fault string, seen func() string) (string, error) {
	a.shim.clear(fault)
	_ = wait.Hold(context.Background(), shimSettles)
	before := a.shim.hits()
	_ = wait.Hold(context.Background(), shimSettles)
	if later := clockProof(before, a.shim.hits()); later != "" {
		return "another fault goes on: " + later + " in " + shimSettles.String(), nil
	}
	if proof := seen(); proof != "" {
		return proof + ", none since: the offset is 0", nil
	}
	return "nobody had asked the clock; the offset is 0", nil
}

// clockProof says how many wrong times were told, by process; empty for none.
func clockProof(before, now map[string]hits) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if n := now[name].minus(before[name]).skewed; n > 0 {
			out = append(out, fmt.Sprintf("%s was told the wrong time %d times", name, n))
		}
	}
	return strings.Join(out, "; ")
}
