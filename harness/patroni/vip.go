package patroni

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/keepalived"
	"github.com/firedrill/firedrill/harness/workload"
)

// leadsAndWrites is keepalived's check, as a shell script that ends with 0 while the node beside it leads and takes
// writes. Patroni alone does not do: it answers 200 to whoever holds the leader key, also while PostgreSQL crashes,
// starts, stops, or is not promoted yet. PostgreSQL alone does not do either: one whose Patroni is dead goes on taking
// writes when another leads.
const leadsAndWrites = `#!/bin/sh
timeout 1 curl -qsf -o /dev/null --noproxy '*' http://127.0.0.1:8008/primary &&
[ "$(timeout 1 psql -XAtqw -h ` + socketDir + ` -U postgres -d postgres -c 'SELECT pg_is_in_recovery()')" = f ]
`

func (t *Topology) checkVIPSettings() error {
	if err := keepalived.CheckSettings(t.config.settings[keepalived.Process]); err != nil {
		return err
	}
	if _, set := t.config.settings[keepalived.Process]; set && !t.vip {
		return errors.New("settings of keepalived: this topology has no virtual address")
	}
	for _, n := range t.databases {
		value, ok := t.config.settings[n.Name][keepalived.Priority]
		if !ok {
			continue
		}
		if err := keepalived.CheckPriority(n.Name, value); err != nil {
			return err
		}
		if !t.vip {
			return fmt.Errorf("set %s/%s: this topology has no virtual address", n.Name, keepalived.Priority)
		}
	}
	return nil
}

// holders hold the virtual address between them.
func (t *Topology) holders() keepalived.Group {
	g := keepalived.Group{Nodes: t.databases, Check: leadsAndWrites, Settings: t.config.settings[keepalived.Process], Priorities: map[string]string{}}
	for _, n := range t.databases {
		g.Priorities[n.Name] = t.config.settings[n.Name][keepalived.Priority]
	}
	return g
}

// startKeepalived runs keepalived beside every database.
func (t *Topology) startKeepalived(ctx context.Context) error {
	if !t.vip {
		return nil
	}
	return each(ctx, t.databases, t.holders().Start)
}

// HoldsAddress says whether a database's node has the virtual address.
func (t *Topology) HoldsAddress(ctx context.Context, n *harness.Node) (bool, error) {
	if !t.vip {
		return false, errors.New("this topology has no virtual address")
	}
	return t.holders().Holds(ctx, n)
}

// unsteadyAddress asks the server behind the virtual address who it is, from every application's node.
func (t *Topology) unsteadyAddress(ctx context.Context, leader *harness.Node) []string {
	if !t.vip {
		return nil
	}
	address, err := t.holders().Address()
	if err != nil {
		return []string{err.Error()}
	}
	reasons, _ := all(ctx, harness.ByComponent(t.nodes, harness.Application), func(ctx context.Context, app *harness.Node) (string, error) {
		db := t.Application()
		db.Host = address
		rows, err := app.Agent.Query(ctx, agent.Query{Database: db, SQL: "SELECT current_setting('" + workload.PostgresNode + "') AS node", Timeout: lookWithin})
		switch {
		case err != nil:
			return fmt.Sprintf("nobody answers at the virtual address in %s", app.Datacenter), nil
		case rows.Get(0, "node") != leader.Name:
			return fmt.Sprintf("the virtual address leads to %s in %s, not to the leader %s", rows.Get(0, "node"), app.Datacenter, leader.Name), nil
		}
		return "", nil
	})
	return slices.Compact(slices.DeleteFunc(reasons, func(s string) bool { return s == "" }))
}
