// Package keepalived gives a virtual address to the one of several nodes whose check says that it takes writes. Both
// kinds use it: keepalived runs on every database node, and announces the address to the neighbours (gratuitous ARP). A
// hook that moves it would need a way to log in from the failover manager's host to every database's as root; the check
// needs nothing but the server beside it.
package keepalived

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
)

const (
	// Process is what drills call it, and the component of its settings.
	Process = "keepalived"
	// Priority is the setting of a database node: of two that may have the address, the one with the higher has it.
	Priority = "vip_priority"
)

const (
	configFile    = "/etc/keepalived/keepalived.conf"
	checkFile     = "/usr/local/lib/firedrill/takes-writes"
	hostPart      = 200 // last part of the address: far above those of the nodes
	interfaceName = "eth0"
	// priorityDefault is keepalived's own.
	priorityDefault = "100"
)

// defaults are the settings: of the announcements, in seconds, and of the check. nopreempt is on or off.
var defaults = map[string]string{"advert_int": "1", "interval": "1", "fall": "2", "rise": "1", "nopreempt": "off"}

// CheckSettings refuses what keepalived cannot be set to.
func CheckSettings(settings map[string]string) error {
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		value := settings[key]
		if _, known := defaults[key]; !known {
			return fmt.Errorf("set %s/%s: there is no such setting; there are: advert_int, interval, fall, rise, nopreempt", Process, key)
		}
		if _, err := strconv.ParseFloat(value, 64); err != nil && key != "nopreempt" {
			return fmt.Errorf("set %s/%s: %q is not a number", Process, key, value)
		}
		if key == "nopreempt" && value != "on" && value != "off" {
			return fmt.Errorf("set %s/%s: %q is neither on nor off", Process, key, value)
		}
	}
	return nil
}

// CheckPriority refuses what is no priority of a node.
func CheckPriority(node, value string) error {
	if n, err := strconv.Atoi(value); err != nil || n < 1 || n > 254 {
		return fmt.Errorf("set %s/%s: %q is not a whole number from 1 to 254", node, Priority, value)
	}
	return nil
}

// Group is the nodes that hold the address between them.
type Group struct {
	Nodes      []*harness.Node
	Check      string            // a shell script that ends with 0 while the server beside it takes writes
	Settings   map[string]string // keepalived's own, over the defaults
	Priorities map[string]string // by node, where one has one
}

// Address is in the network of the nodes.
func (g Group) Address() (string, error) {
	at, err := netip.ParseAddr(g.Nodes[0].Address)
	if err != nil || !at.Is4() {
		return "", fmt.Errorf("choose a virtual address beside %q: it is no IPv4 address", g.Nodes[0].Address)
	}
	bytes := at.As4()
	bytes[3] = hostPart
	return netip.AddrFrom4(bytes).String(), nil
}

func (g Group) setting(key string) string {
	if v := g.Settings[key]; v != "" {
		return v
	}
	return defaults[key]
}

// Config is keepalived.conf of a node. The peers are named: no multicast is needed, and a partition between two nodes
// cuts what they say to each other.
func (g Group) Config(n *harness.Node) (string, error) {
	address, err := g.Address()
	if err != nil {
		return "", err
	}
	priority := g.Priorities[n.Name]
	if priority == "" {
		priority = priorityDefault
	}
	var b strings.Builder
	fmt.Fprintf(&b, "global_defs {\n    router_id %s\n    script_user root\n    enable_script_security\n}\n\n", n.Name)
	fmt.Fprintf(&b, "vrrp_script takes_writes {\n    script \"%s\"\n    timeout 2\n", checkFile)
	for _, key := range []string{"interval", "fall", "rise"} {
		fmt.Fprintf(&b, "    %s %s\n", key, g.setting(key))
	}
	fmt.Fprintf(&b, "}\n\nvrrp_instance primary {\n    state BACKUP\n    interface %s\n    virtual_router_id 51\n    priority %s\n    advert_int %s\n",
		interfaceName, priority, g.setting("advert_int"))
	if g.setting("nopreempt") == "on" {
		b.WriteString("    nopreempt\n")
	}
	fmt.Fprintf(&b, "    unicast_src_ip %s\n    unicast_peer {\n", n.Address)
	for _, other := range g.Nodes {
		if other.Name != n.Name {
			fmt.Fprintf(&b, "        %s\n", other.Address)
		}
	}
	fmt.Fprintf(&b, "    }\n    track_script {\n        takes_writes\n    }\n    virtual_ipaddress {\n        %s/24 dev %s\n    }\n}\n", address, interfaceName)
	return b.String(), nil
}

// Start runs keepalived on a node of the group. -P leaves out what it does for load balancing.
func (g Group) Start(ctx context.Context, n *harness.Node) error {
	config, err := g.Config(n)
	if err != nil {
		return err
	}
	err = n.Agent.Put(ctx, agent.File{Path: configFile, Data: []byte(config)}, agent.File{Path: checkFile, Mode: 0o755, Data: []byte(g.Check)})
	if err == nil {
		err = n.Agent.Define(ctx, agent.Process{
			Name: Process, Argv: []string{"keepalived", "-P", "--dont-fork", "--log-console", "--use-file", configFile},
		})
	}
	if err == nil {
		err = n.Agent.Start(ctx, Process)
	}
	if err != nil {
		return fmt.Errorf("start keepalived: %w", err)
	}
	return nil
}

// Holds says whether a node has the address, by what its kernel takes for its own.
func (g Group) Holds(ctx context.Context, n *harness.Node) (bool, error) {
	address, err := g.Address()
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
