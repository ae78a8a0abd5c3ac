package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/moby/moby/client"

	"github.com/firedrill/firedrill/harness/agent"
)

// Owner names this process so that another one can tell whether it still lives: boot id, pid and the process's start
// time, because pids come back.
func Owner() string {
	pid := os.Getpid()
	return strings.Join([]string{agent.BootID(), strconv.Itoa(pid), startTime(pid)}, ":")
}

// ownerLives says whether the process that a label names still runs on this machine. An owner of another machine
// or another boot cannot be asked: another boot is dead for sure, another machine is taken as alive.
func ownerLives(label string) bool {
	parts := strings.Split(label, ":")
	if len(parts) != 3 || parts[0] != agent.BootID() {
		return false
	}
	pid, err := strconv.Atoi(parts[1])
	return err == nil && parts[2] != "" && startTime(pid) == parts[2]
}

// startTime is field 22 of /proc/PID/stat, in clock ticks since boot; empty when there is no such process.
func startTime(pid int) string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	i := strings.LastIndexByte(string(data), ')')
	fields := strings.Fields(string(data[i+1:]))
	if len(fields) < 20 {
		return ""
	}
	return fields[19]
}

// Leftover is a run whose containers or networks are still there.
type Leftover struct {
	Run        string
	Containers int
	Networks   int
	Volumes    int
	Alive      bool // its owner still runs
}

// Leftovers lists what carries our label.
func Leftovers(ctx context.Context, api *client.Client) ([]Leftover, error) {
	byRun := map[string]*Leftover{}
	note := func(labels map[string]string) *Leftover {
		l := byRun[labels[LabelRun]]
		if l == nil {
			l = &Leftover{Run: labels[LabelRun]}
			byRun[l.Run] = l
		}
		l.Alive = l.Alive || ownerLives(labels[LabelOwner])
		return l
	}
	filters := make(client.Filters).Add("label", LabelRun)
	containers, err := api.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: filters})
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	for _, c := range containers.Items {
		note(c.Labels).Containers++
	}
	nets, err := api.NetworkList(ctx, client.NetworkListOptions{Filters: filters})
	if err != nil {
		return nil, fmt.Errorf("list networks: %w", err)
	}
	for _, n := range nets.Items {
		note(n.Labels).Networks++
	}
	volumes, err := api.VolumeList(ctx, client.VolumeListOptions{Filters: filters})
	if err != nil {
		return nil, fmt.Errorf("list volumes: %w", err)
	}
	for _, v := range volumes.Items {
		note(v.Labels).Volumes++
	}
	var out []Leftover
	for _, l := range byRun {
		out = append(out, *l)
	}
	return out, nil
}

// Clean removes what a run left, or all runs when none is named. Runs whose owner lives are spared unless all is set. It
// returns what it removed.
func Clean(ctx context.Context, api *client.Client, run string, all bool) ([]Leftover, error) {
	left, err := Leftovers(ctx, api)
	if err != nil {
		return nil, err
	}
	var removed []Leftover
	var errs []error
	for _, l := range left {
		if l.Alive && !all || run != "" && l.Run != run {
			continue
		}
		if err := remove(ctx, api, make(client.Filters).Add("label", LabelRun+"="+l.Run)); err != nil {
			errs = append(errs, err)
			continue
		}
		removed = append(removed, l)
	}
	return removed, errors.Join(append(errs, cleanCache(ctx, api, all && run == ""))...)
}

// cleanCache removes the agents' volumes that no container uses; those in use are refused by the engine.
func cleanCache(ctx context.Context, api *client.Client, all bool) error {
	if !all {
		return nil
	}
	return removeVolumes(ctx, api, make(client.Filters).Add("label", LabelCache))
}

// Attach opens visitors' sessions to the agents of a run that stands, by node name: for a heal from another process.
// A drill's name narrows it; empty means all drills of the run.
func Attach(ctx context.Context, api *client.Client, run, drill string) (map[string]*agent.Client, error) {
	filters := make(client.Filters).Add("label", LabelRun+"="+run)
	if drill != "" {
		filters = filters.Add("label", LabelDrill+"="+drill)
	}
	list, err := api.ContainerList(ctx, client.ContainerListOptions{Filters: filters})
	if err != nil {
		return nil, fmt.Errorf("list containers of run %s: %w", run, err)
	}
	out := map[string]*agent.Client{}
	var errs []error
	for _, c := range list.Items {
		name := c.Labels[LabelNode]
		if name == "" {
			continue
		}
		stream, err := openBridge(ctx, api, c.ID)
		if err != nil {
			errs = append(errs, fmt.Errorf("reach agent of %s: %w", name, err))
			continue
		}
		session, err := agent.Dial(ctx, name, stream, agent.Introduction{})
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out[c.Labels[LabelDrill]+"/"+name] = session
	}
	return out, errors.Join(errs...)
}
