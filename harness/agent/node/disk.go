package node

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/wait"
)

// errnos are those that a deed may name.
var errnos = map[string]syscall.Errno{"": 0, agent.ErrnoIO: syscall.EIO, agent.ErrnoReadOnly: syscall.EROFS}

// mayBreakDisk says why not: every process that keeps data must be in reach.
func (a *Agent) mayBreakDisk(agent.DiskSpec) (string, error) {
	if !a.shim.fitted() {
		return notFitted, nil
	}
	seen, keeps := a.shim.hits(), false
	for _, p := range a.procs.keepers() {
		keeps = true
		if reason := reach(p.name, p.pid, seen[p.name].opened, p.isGo); reason != "" {
			return reason, nil
		}
	}
	if !keeps {
		return "nothing on the node keeps data on a disk", nil
	}
	return "", nil
}

// disk fails or slows what processes do to their data.
func (a *Agent) disk(_ context.Context, fault string, d agent.DiskSpec) (agent.Stamp, error) {
	if reason, err := a.mayBreakDisk(d); err != nil || reason != "" {
		return agent.Stamp{}, fmt.Errorf("break disk: %s: %w", reason, err)
	}
	for _, name := range []string{d.Write, d.Sync, d.Change} {
		if _, known := errnos[name]; !known {
			return agent.Stamp{}, fmt.Errorf("break disk: no error is named %q here", name)
		}
	}
	s := settings{
		write: errnos[d.Write], sync: errnos[d.Sync], change: errnos[d.Change],
		writeDelay: d.WriteDelay, syncDelay: d.SyncDelay,
	}
	before, ran := a.shim.hits(), a.procs.keepers()
	seen := func() string { return diskProof(before, a.shim.hits()) }
	a.deeds.push(fault, deed{
		name:    "disk",
		undo:    func() (string, error) { return a.mendDisk(fault, seen, ran) },
		inspect: func() (string, error) { return seen(), nil },
	})
	stamp := agent.Stamp{Began: agent.Monotonic()}
	a.shim.set(fault, s)
	stamp.Effective = agent.Monotonic()
	stamp.Proof = seen()
	return stamp, nil
}

// shimSettles is how long the counters are watched after a heal: calls that were under way have then been counted.
const shimSettles = 50 * time.Millisecond

// mendDisk takes the fault's settings away, and starts what had aborted under them.
func (a *Agent) mendDisk(fault string, seen func() string, ran []target) (string, error) {
	a.shim.clear(fault)
	_ = wait.Hold(context.Background(), shimSettles)
	before := a.shim.hits()
	_ = wait.Hold(context.Background(), shimSettles)
	proof := "no call on a disk was failed or slowed"
	if hit := seen(); hit != "" {
		proof = hit + ", none since"
	}
	if later := diskProof(before, a.shim.hits()); later != "" {
		proof = "another fault goes on: " + later + " in " + shimSettles.String()
	}
	revived, err := a.procs.revive(ran)
	return strings.Join(append([]string{proof}, revived...), "; "), err
}

// diskProof says what the shim has done to files, by process; empty for nothing.
func diskProof(before, now map[string]hits) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(now)) {
		h := now[name].minus(before[name])
		if h.disk() > 0 {
			out = append(out, fmt.Sprintf("%s: %d writes, %d syncs and %d changes of its files hit", name, h.writes, h.syncs, h.changes))
		}
	}
	return strings.Join(out, "; ")
}
