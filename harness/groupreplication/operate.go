package groupreplication

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness/agent"
)

// Verbs of Operate.
const (
	Switchover = "switchover" // [target]: the group makes it its primary, with no write lost
	// ForceFailover has the members that are left go on without the majority, as MySQL's manual has an operator unblock
	// a group. The group cannot know that the others are really gone: where they are not, it is a split brain.
	ForceFailover = "force-failover"
)

// Bounds of what an operator waits for: a switchover waits for running transactions, and a group that is forced took
// 64 s to be one.
const (
	operateTimeout = 60 * time.Second
	forceTimeout   = 3 * time.Minute
)

// Operate implements harness.Topology.
func (t *Topology) Operate(ctx context.Context, verb string, args ...string) error {
	switch verb {
	case Switchover:
		return t.switchover(ctx, args)
	case ForceFailover:
		return t.force(ctx)
	}
	return fmt.Errorf("operate %s: no such operation; there are: %s, %s", verb, Switchover, ForceFailover)
}

// switchover hands the role to a member: the one that was asked for, else the first secondary of the layout.
func (t *Topology) switchover(ctx context.Context, args []string) error {
	best, ok := ruling(t.views(ctx))
	if !ok {
		return errors.New("switch over: no member sees a majority of the group")
	}
	var target *member
	if len(args) > 0 && args[0] != "" {
		if target = t.member(args[0]); target == nil {
			return fmt.Errorf("switch over to %s: it is no member of the group", args[0])
		}
	}
	for _, m := range t.members {
		if target == nil && best.members[m.Name].state == online && m.Name != best.primary() {
			target = m
		}
	}
	if target == nil {
		return errors.New("switch over: no other member is online")
	}
	_, err := target.Agent.Query(ctx, agent.Query{
		Database: t.Admin(target.Node), Timeout: operateTimeout, SQL: "SELECT group_replication_set_as_primary(@@server_uuid)",
	})
	if err != nil {
		return fmt.Errorf("switch over to %s: %w", target.Name, err)
	}
	return nil
}

// force makes a group of the members that one of those that are left can reach.
func (t *Topology) force(ctx context.Context) error {
	for i, v := range t.views(ctx) {
		if !v.in() || v.quorum() {
			continue
		}
		var left []string
		for _, name := range v.names() {
			if m := t.member(name); m != nil && v.members[name].state != unreachable {
				left = append(left, groupAddress(m))
			}
		}
		on := t.members[i]
		_, err := on.Agent.Query(ctx, agent.Query{
			Database: t.Admin(on.Node), Timeout: forceTimeout, SQL: fmt.Sprintf("SET GLOBAL group_replication_force_members = '%s'", strings.Join(left, ",")),
		})
		if err == nil { // while it is set, the member cannot be started again
			err = t.do(ctx, on, "SET GLOBAL group_replication_force_members = ''")
		}
		if err != nil {
			return fmt.Errorf("force a group of %s: %w", strings.Join(left, ", "), err)
		}
		return nil
	}
	return errors.New("force a group: no member is left that has lost the majority")
}
