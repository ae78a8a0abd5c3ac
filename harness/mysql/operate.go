package mysql

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Verbs of Operate.
const (
	Switchover    = "switchover"     // [target]: graceful takeover, to a replica of Orchestrator's choice or to the target
	ForceFailover = "force-failover" // fail over although nothing is wrong
	Recover       = "recover"        // node: have its failure recovered now, whatever filters, downtime and blocks say
	Acknowledge   = "acknowledge"    // all recoveries: ends the anti-flapping block
	Downtime      = "downtime"       // node [duration]: automation leaves the node alone
	EndDowntime   = "end-downtime"   // node: and minds it again
	Enable        = "enable"         // automated recoveries, of everything
	Disable       = "disable"        // them
	Replicate     = "replicate"      // node source: on the server itself, as a DBA brings one back
	ForceAlias    = "force-alias"    // alias: a forced failover of whichever cluster Orchestrator takes the alias for
	Relocate      = "relocate"       // below node...: the nodes replicate from the first from now on
	Lead          = "lead"           // Orchestrator: it leads the others, under raft
)

// downtimeDefault is longer than any drill.
const downtimeDefault = time.Hour

// operations are what an operator can do. Each is given the Orchestrator that leads.
var operations = map[string]func(*Topology, context.Context, *managerNode, []string) error{
	Switchover:    (*Topology).switchover,
	ForceFailover: (*Topology).forceFailover,
	Recover:       (*Topology).recover,
	Acknowledge:   (*Topology).acknowledge,
	Downtime:      (*Topology).downtime,
	EndDowntime:   (*Topology).endDowntime,
	Enable: func(t *Topology, ctx context.Context, m *managerNode, _ []string) error {
		return t.automate(ctx, m, true)
	},
	Disable: func(t *Topology, ctx context.Context, m *managerNode, _ []string) error {
		return t.automate(ctx, m, false)
	},
	Replicate:  (*Topology).bringBack,
	ForceAlias: (*Topology).forceAlias,
	Relocate:   (*Topology).relocate,
	Lead:       (*Topology).lead,
}

// Operate implements harness.Topology: what an operator asks of the Orchestrator that leads, or of the controller.
func (t *Topology) Operate(ctx context.Context, verb string, args ...string) error {
	if t.regions != nil {
		return t.operateRegions(ctx, verb, args)
	}
	do, ok := operations[verb]
	if !ok {
		return fmt.Errorf("operate %s: no such operation; there are: %s", verb, strings.Join(slices.Sorted(maps.Keys(operations)), ", "))
	}
	m, err := t.leader(ctx)
	if err != nil {
		return fmt.Errorf("operate %s: %w", verb, err)
	}
	return do(t, ctx, m, args)
}

// databasesOf are the databases that an operator names: exactly so many.
func (t *Topology) databasesOf(args []string, count int) ([]*member, error) {
	var out []*member
	for _, name := range args {
		m := t.member(name)
		if m == nil {
			return nil, fmt.Errorf("%s is no database of this topology", name)
		}
		out = append(out, m)
	}
	if len(out) != count {
		return nil, fmt.Errorf("%d databases were named, and it takes %d", len(out), count)
	}
	return out, nil
}

// forceFailover replaces the server that is named, else the primary.
func (t *Topology) forceFailover(ctx context.Context, m *managerNode, args []string) error {
	if len(args) == 0 {
		primary, err := t.Primary(ctx)
		if err != nil {
			return fmt.Errorf("force a failover: %w", err)
		}
		args = []string{primary.Name}
	}
	failed, err := t.databasesOf(args, 1)
	if err != nil {
		return fmt.Errorf("force a failover: %w", err)
	}
	if _, err := m.api.ForceFailover(ctx, failed[0].instance()); err != nil {
		return fmt.Errorf("force a failover of %s: %w", failed[0].Name, err)
	}
	return nil
}

// forceAlias has Orchestrator find the cluster.
func (t *Topology) forceAlias(ctx context.Context, m *managerNode, args []string) error {
	alias := strings.Join(args, " ")
	if _, err := m.api.ForceFailoverOf(ctx, alias); err != nil {
		return fmt.Errorf("force a failover of the alias %s: %w", alias, err)
	}
	return nil
}

func (t *Topology) recover(ctx context.Context, m *managerNode, args []string) error {
	failed, err := t.databasesOf(args, 1)
	if err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	if err := m.api.Recover(ctx, failed[0].instance()); err != nil {
		return fmt.Errorf("recover %s: %w", failed[0].Name, err)
	}
	return nil
}

func (t *Topology) acknowledge(ctx context.Context, m *managerNode, _ []string) error {
	if err := m.api.Acknowledge(ctx, "drill"); err != nil {
		return fmt.Errorf("acknowledge the recovery: %w", err)
	}
	return nil
}

func (t *Topology) automate(ctx context.Context, m *managerNode, on bool) error {
	if err := m.api.GlobalRecoveries(ctx, on); err != nil {
		return fmt.Errorf("turn global recoveries %s: %w", map[bool]string{true: "on", false: "off"}[on], err)
	}
	return nil
}

// bringBack attaches a server to a source as at the start, whatever it replicated from before.
func (t *Topology) bringBack(ctx context.Context, _ *managerNode, args []string) error {
	both, err := t.databasesOf(args, 2)
	if err == nil {
		statements := slices.Concat([]string{"STOP REPLICA"}, both[0].Rejoin, []string{t.changeSource(both[0], both[1].Name), "START REPLICA"})
		err = t.do(ctx, both[0], statements...)
	}
	if err != nil {
		return fmt.Errorf("have %s replicate: %w", strings.Join(args, " from "), err)
	}
	return nil
}

func (t *Topology) endDowntime(ctx context.Context, m *managerNode, args []string) error {
	back, err := t.databasesOf(args, 1)
	if err != nil {
		return fmt.Errorf("end downtime: %w", err)
	}
	if err := m.api.EndDowntime(ctx, back[0].instance()); err != nil {
		return fmt.Errorf("end downtime of %s: %w", back[0].Name, err)
	}
	return nil
}

func (t *Topology) switchover(ctx context.Context, m *managerNode, args []string) error {
	primary, err := t.Primary(ctx)
	if err != nil {
		return fmt.Errorf("switch over: %w", err)
	}
	var designated Instance
	if len(args) > 0 && args[0] != "" {
		target := t.member(args[0])
		if target == nil {
			return fmt.Errorf("switch over to %s: it is no database of this topology", args[0])
		}
		designated = target.instance()
	}
	if _, err := m.api.Takeover(ctx, t.member(primary.Name).instance(), designated); err != nil {
		return fmt.Errorf("switch over: %w", err)
	}
	return nil
}

func (t *Topology) downtime(ctx context.Context, m *managerNode, args []string) error {
	if len(args) == 0 || t.member(args[0]) == nil {
		return fmt.Errorf("begin downtime of %s: name a database of this topology", strings.Join(args, " "))
	}
	d := downtimeDefault
	if len(args) > 1 {
		var err error
		if d, err = time.ParseDuration(args[1]); err != nil {
			return fmt.Errorf("begin downtime of %s: %w", args[0], err)
		}
	}
	if err := m.api.Downtime(ctx, t.member(args[0]).instance(), "drill", d); err != nil {
		return fmt.Errorf("begin downtime of %s: %w", args[0], err)
	}
	return nil
}

// relocate puts servers below the first of the names. One that is there already stays.
func (t *Topology) relocate(ctx context.Context, m *managerNode, names []string) error {
	if len(names) < 2 {
		return fmt.Errorf("relocate %s: name a server and those to put below it", strings.Join(names, " "))
	}
	var all []Instance
	for _, name := range names {
		db := t.member(name)
		if db == nil {
			return fmt.Errorf("relocate %s: it is no database of this topology", name)
		}
		all = append(all, db.instance())
	}
	for _, at := range all[1:] {
		if err := m.api.Relocate(ctx, at, all[0]); err != nil {
			return fmt.Errorf("relocate %s below %s: %w", at.Hostname, all[0].Hostname, err)
		}
	}
	return nil
}
