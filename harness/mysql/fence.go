package mysql

import (
	"context"
	"fmt"
	"path"
	"strconv"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/hooks"
	"github.com/firedrill/firedrill/harness/images"
)

// The fence is the shipped service beside every server that closes it when no Orchestrator has a quorum. It runs where a
// scenario sets how long it waits for that: fence/after, in seconds.
const (
	fence      = "fence" // the component of its setting, and the process
	fenceAfter = "after"
)

// checkFence refuses what the fence does not have. A topology without raft has no quorum to lose, and no such component.
func (t *Topology) checkFence() error {
	for key, value := range t.settings[fence] {
		switch n, err := strconv.Atoi(value); {
		case key != fenceAfter:
			return fmt.Errorf("set %s/%s: there is no such setting; there is: %s", fence, key, fenceAfter)
		case err != nil || n < 1:
			return fmt.Errorf("set %s/%s: %q is not a number of whole seconds, from 1", fence, key, value)
		}
	}
	return nil
}

// startFence runs the fence beside a server.
func (t *Topology) startFence(ctx context.Context, m *member) error {
	after := t.settings[fence][fenceAfter]
	if after == "" {
		return nil
	}
	script := path.Join(hooks.Dir, hooks.MySQLQuorumFence)
	argv := []string{script, "--after", after}
	for _, o := range t.managers {
		argv = append(argv, fmt.Sprintf("%s:%d", o.Address, apiPort))
	}
	file := hooks.Files()[hooks.MySQLQuorumFence]
	err := m.Agent.Put(ctx, agent.File{Path: script, Mode: uint32(file.Mode), Data: file.Content})
	if err == nil {
		err = m.Agent.Define(ctx, agent.Process{Name: fence, Argv: argv, Env: []string{"MYSQL_FENCE_ARGS=--no-defaults --user=root --socket=" + images.MySQLSocket}})
	}
	if err == nil {
		err = m.Agent.Start(ctx, fence)
	}
	if err != nil {
		return fmt.Errorf("start the fence: %w", err)
	}
	return nil
}
