package mysql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/images"
	"github.com/firedrill/firedrill/harness/keepalived"
)

// vipName is the name of the virtual address.
const vipName = "vip." + zone

func (t *Topology) checkVIPSettings() error {
	if err := keepalived.CheckSettings(t.settings[keepalived.Process]); err != nil {
		return err
	}
	for _, m := range t.databases {
		value, ok := t.settings[m.Name][keepalived.Priority]
		if !ok {
			continue
		}
		if err := keepalived.CheckPriority(m.Name, value); err != nil {
			return err
		}
		if !t.vip {
			return fmt.Errorf("set %s/%s: this topology has no virtual address", m.Name, keepalived.Priority)
		}
	}
	return nil
}

// holders hold the virtual address between them.
func (t *Topology) holders() keepalived.Group {
	g := keepalived.Group{Nodes: t.Databases(), Check: takesWrites, Settings: t.settings[keepalived.Process], Priorities: map[string]string{}}
	for _, m := range t.databases {
		g.Priorities[m.Name] = t.settings[m.Name][keepalived.Priority]
	}
	return g
}

// takesWrites is the check, as a shell script that ends with 0 while the server beside it takes writes.
const takesWrites = `#!/bin/sh
[ "$(timeout 1 mysql --no-defaults --socket=` + images.MySQLSocket + ` --user=root --batch --skip-column-names --execute='SELECT @@global.read_only')" = 0 ]
`

// startKeepalived runs keepalived beside a server.
func (t *Topology) startKeepalived(ctx context.Context, m *member) error {
	if !t.vip {
		return nil
	}
	config, err := t.holders().Config(m.Node)
	if err != nil {
		return err
	}
	t.keep(m.Name, "keepalived.conf", config)
	return t.holders().Start(ctx, m.Node)
}

// vipReasons asks the server behind the virtual address who it is, from every application's node.
func (t *Topology) vipReasons(ctx context.Context, writers []string) []string {
	if !t.vip || len(writers) != 1 {
		return nil
	}
	address, err := t.holders().Address()
	if err != nil {
		return []string{err.Error()}
	}
	want := t.member(writers[0])
	var reasons []string
	for _, app := range harness.ByComponent(t.nodes, harness.Application) {
		db := t.Application()
		db.Host = address
		rows, err := app.Agent.Query(ctx, agent.Query{Database: db, SQL: "SELECT @@server_id AS id", Timeout: viewTimeout})
		switch id := rows.Get(0, "id"); {
		case err != nil:
			reasons = append(reasons, fmt.Sprintf("nobody answers at the virtual address in %s", app.Datacenter))
		case id != strconv.Itoa(want.serverID):
			reasons = append(reasons, fmt.Sprintf("the virtual address leads to %s in %s, not to the primary %s", t.Servers()[id], app.Datacenter, want.Name))
		}
	}
	return slices.Compact(reasons)
}

// HoldsAddress says whether a database's node has the virtual address.
func (t *Topology) HoldsAddress(ctx context.Context, n *harness.Node) (bool, error) {
	if !t.vip {
		return false, errors.New("this topology has no virtual address")
	}
	return t.holders().Holds(ctx, n)
}
