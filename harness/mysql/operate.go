package mysql

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Verbs of Operate.
const (
	Switchover    = "switchover"     // [target]: graceful takeover, to a replica of Orchestrator's choice or to the target
	ForceFailover = "force-failover" // fail over although nothing is wrong
	Acknowledge   = "acknowledge"    // all recoveries: ends the anti-flapping block
	Downtime      = "downtime"       // node [duration]: automation leaves the node alone
)

// downtimeDefault is longer than any drill.
const downtimeDefault = time.Hour

// Operate implements harness.Topology: what an operator asks of the Orchestrator that leads.
func (t *Topology) Operate(ctx context.Context, verb string, args ...string) error {
	m, err := t.leader(ctx)
	if err != nil {
		return fmt.Errorf("operate %s: %w", verb, err)
	}
	switch verb {
	case Switchover:
		return t.switchover(ctx, m, args)
	case ForceFailover:
		primary, err := t.Primary(ctx)
		if err != nil {
			return fmt.Errorf("force a failover: %w", err)
		}
		_, err = m.api.ForceFailover(ctx, t.member(primary.Name).instance())
		if err != nil {
			return fmt.Errorf("force a failover: %w", err)
		}
		return nil
	case Acknowledge:
		if err := m.api.Acknowledge(ctx, "drill"); err != nil {
			return fmt.Errorf("acknowledge the recovery: %w", err)
		}
		return nil
	case Downtime:
		return t.downtime(ctx, m, args)
	}
	return fmt.Errorf("operate %s: no such operation; there are: %s", verb,
		strings.Join([]string{Switchover, ForceFailover, Acknowledge, Downtime}, ", "))
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
