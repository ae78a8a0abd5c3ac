package node

import (
	"context"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"

	"github.com/google/nftables"

	"github.com/firedrill/firedrill/harness/agent"
)

// surveys are what a sweep looks at, by subject. Whoever adds a deed that changes something new adds a line.
func (a *Agent) surveys() map[string]func() ([]string, error) {
	return map[string]func() ([]string, error){
		"faults in force":   a.faultsLeft,
		"processes":         a.processesNow,
		"limits":            a.limitsNow,
		"stopped processes": stoppedProcesses,
		"network rules":     networkTables,
		"mounts":            mounts,
		"hooks":             hookFiles,
		"held connections":  a.held.lines,

		"queueing disciplines": queueingDisciplines,
		"links":                linksNow,
		"routes":               routesNow,
		"packet queues":        packetQueues,
		"fillers of disks":     a.fillersLeft,
		"disks and clocks":     a.shim.inForce,
	}
}

// sweep says how the node stands. Two sweeps are compared line by line, so a line holds nothing that changes by
// itself: no pid, no counter, no time.
func (a *Agent) sweep(context.Context, *session, empty) (agent.Sweep, error) {
	out := agent.Sweep{}
	for subject, survey := range a.surveys() {
		lines, err := survey()
		if err != nil {
			return nil, fmt.Errorf("sweep %s: %w", subject, err)
		}
		sort.Strings(lines)
		out[subject] = lines
	}
	return out, nil
}

func (a *Agent) faultsLeft() ([]string, error) {
	var out []string
	for _, f := range a.deeds.states() {
		out = append(out, f.Fault+": "+strings.Join(f.Deeds, ", "))
	}
	return out, nil
}

func (a *Agent) processesNow() ([]string, error) {
	var out []string
	for _, p := range a.procs.states() {
		switch {
		case p.Held:
			out = append(out, p.Name+" is held down")
		case p.PID == 0:
			out = append(out, p.Name+" does not run")
		default:
			out = append(out, p.Name+" runs")
		}
	}
	return out, nil
}

// stoppedProcesses are those in state T, by name: whatever stopped them, nobody has continued them.
func stoppedProcesses() ([]string, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || statusLetter(pid) != "T" {
			continue
		}
		comm, _ := os.ReadFile("/proc/" + e.Name() + "/comm")
		out = append(out, strings.TrimSpace(string(comm)))
	}
	return out, nil
}

// networkTables lists every table of the node's rule set. Where the agent may not look, it may not cut either.
func networkTables() ([]string, error) {
	if reason, err := mayCut(agent.NetworkSpec{}); err != nil || reason != "" {
		return nil, err
	}
	conn, err := nftables.New()
	if err != nil {
		return nil, err
	}
	tables, err := conn.ListTables()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, t := range tables {
		out = append(out, fmt.Sprintf("table %s (family %d)", t.Name, t.Family))
	}
	return out, nil
}

// mounts are the file systems of the node with their options, which tell a read-only one.
func mounts() ([]string, error) {
	data, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSpace(string(data)), "\n"), nil
}
