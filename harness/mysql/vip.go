package mysql

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/images"
)

// A virtual address is held by keepalived, which runs on every database node, lets only a server that takes writes have
// it, and announces it to the neighbours (gratuitous ARP). A hook that moves it would need a way to log in from
// Orchestrator's host to every database's as root; the check needs nothing but the server beside it.
const (
	keepalived     = "keepalived" // the process, and the component of its settings
	keepalivedConf = "/etc/keepalived/keepalived.conf"
	writableCheck  = "/usr/local/lib/firedrill/takes-writes"
	vipName        = "vip." + zone
	vipHost        = 200 // last part of the address: far above those of the nodes
	interfaceName  = "eth0"
)

// keepalivedDefaults are the settings: of the announcements, in seconds, and of the check. nopreempt is on or off.
var keepalivedDefaults = map[string]string{"advert_int": "1", "interval": "1", "fall": "2", "rise": "1", "nopreempt": "off"}

// vipPriorityDefault is keepalived's own.
const vipPriorityDefault = "100"

func (t *Topology) checkVIPSettings() error {
	for key, value := range t.settings[keepalived] {
		if _, known := keepalivedDefaults[key]; !known {
			return fmt.Errorf("set %s/%s: there is no such setting; there are: advert_int, interval, fall, rise, nopreempt", keepalived, key)
		}
		if _, err := strconv.ParseFloat(value, 64); err != nil && key != "nopreempt" {
			return fmt.Errorf("set %s/%s: %q is not a number", keepalived, key, value)
		}
		if key == "nopreempt" && value != "on" && value != "off" {
			return fmt.Errorf("set %s/%s: %q is neither on nor off", keepalived, key, value)
		}
	}
	for _, m := range t.databases {
		value, ok := t.settings[m.Name][vipPriority]
		if !ok {
			continue
		}
		if n, err := strconv.Atoi(value); err != nil || n < 1 || n > 254 {
			return fmt.Errorf("set %s/%s: %q is not a whole number from 1 to 254", m.Name, vipPriority, value)
		}
		if !t.vip {
			return fmt.Errorf("set %s/%s: this topology has no virtual address", m.Name, vipPriority)
		}
	}
	return nil
}

// virtualAddress is in the network of the nodes.
func (t *Topology) virtualAddress() (string, error) {
	at, err := netip.ParseAddr(t.databases[0].Address)
	if err != nil || !at.Is4() {
		return "", fmt.Errorf("choose a virtual address beside %q: it is no IPv4 address", t.databases[0].Address)
	}
	bytes := at.As4()
	bytes[3] = vipHost
	return netip.AddrFrom4(bytes).String(), nil
}

func (t *Topology) keepalivedSetting(key string) string {
	if v := t.settings[keepalived][key]; v != "" {
		return v
	}
	return keepalivedDefaults[key]
}

// keepalivedConfig is keepalived.conf of a server. The peers are named: no multicast is needed, and a partition between
// two nodes cuts what they say to each other.
func (t *Topology) keepalivedConfig(m *member) (string, error) {
	address, err := t.virtualAddress()
	if err != nil {
		return "", err
	}
	priority := t.settings[m.Name][vipPriority]
	if priority == "" {
		priority = vipPriorityDefault
	}
	var b strings.Builder
	fmt.Fprintf(&b, "global_defs {\n    router_id %s\n    script_user root\n    enable_script_security\n}\n\n", m.Name)
	fmt.Fprintf(&b, "vrrp_script takes_writes {\n    script \"%s\"\n    timeout 2\n", writableCheck)
	for _, key := range []string{"interval", "fall", "rise"} {
		fmt.Fprintf(&b, "    %s %s\n", key, t.keepalivedSetting(key))
	}
	fmt.Fprintf(&b, "}\n\nvrrp_instance primary {\n    state BACKUP\n    interface %s\n    virtual_router_id 51\n    priority %s\n    advert_int %s\n",
		interfaceName, priority, t.keepalivedSetting("advert_int"))
	if t.keepalivedSetting("nopreempt") == "on" {
		b.WriteString("    nopreempt\n")
	}
	fmt.Fprintf(&b, "    unicast_src_ip %s\n    unicast_peer {\n", m.Address)
	for _, other := range t.databases {
		if other != m {
			fmt.Fprintf(&b, "        %s\n", other.Address)
		}
	}
	fmt.Fprintf(&b, "    }\n    track_script {\n        takes_writes\n    }\n    virtual_ipaddress {\n        %s/24 dev %s\n    }\n}\n", address, interfaceName)
	return b.String(), nil
}

// takesWrites is the check, as a shell script that ends with 0 while the server beside it takes writes.
const takesWrites = `#!/bin/sh
[ "$(timeout 1 mysql --no-defaults --socket=` + images.MySQLSocket + ` --user=root --batch --skip-column-names --execute='SELECT @@global.read_only')" = 0 ]
`

// startKeepalived runs keepalived beside a server. -P leaves out what it does for load balancing.
func (t *Topology) startKeepalived(ctx context.Context, m *member) error {
	if !t.vip {
		return nil
	}
	config, err := t.keepalivedConfig(m)
	if err != nil {
		return err
	}
	t.keep(m.Name, "keepalived.conf", config)
	err = m.Agent.Put(ctx, agent.File{Path: keepalivedConf, Data: []byte(config)}, agent.File{Path: writableCheck, Mode: 0o755, Data: []byte(takesWrites)})
	if err == nil {
		err = m.Agent.Define(ctx, agent.Process{
			Name: keepalived, Argv: []string{"keepalived", "-P", "--dont-fork", "--log-console", "--use-file", keepalivedConf},
		})
	}
	if err == nil {
		err = m.Agent.Start(ctx, keepalived)
	}
	if err != nil {
		return fmt.Errorf("start keepalived: %w", err)
	}
	return nil
}

// vipReasons asks the server behind the virtual address who it is, from every application's node.
func (t *Topology) vipReasons(ctx context.Context, writers []string) []string {
	if !t.vip || len(writers) != 1 {
		return nil
	}
	address, err := t.virtualAddress()
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

// HoldsAddress says whether a database's node has the virtual address, by what its kernel takes for its own.
func (t *Topology) HoldsAddress(ctx context.Context, n *harness.Node) (bool, error) {
	if !t.vip {
		return false, errors.New("this topology has no virtual address")
	}
	address, err := t.virtualAddress()
	if err != nil {
		return false, err
	}
	table, err := n.Agent.Read(ctx, "/proc/net/fib_trie")
	if err != nil {
		return false, fmt.Errorf("look for the virtual address on %s: %w", n.Name, err)
	}
	return isLocal(string(table), address), nil
}

// isLocal finds an address in the kernel's own table of routes: a leaf by that name.
func isLocal(table, address string) bool { return strings.Contains(table, "|-- "+address+"\n") }
