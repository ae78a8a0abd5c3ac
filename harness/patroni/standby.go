package patroni

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/firedrill/firedrill/harness"
)

// A standby cluster is a Patroni cluster of its own, whose leader is a replica of another cluster's. Here both keep
// their keys in the same etcd, under scopes of their own: neither knows of the other but by replication.

// standbyScope is the scope of the standby cluster, where a layout has one.
const standbyScope = "firedrill-standby"

// follows says whether a node belongs to the standby cluster.
func (c config) follows(n *harness.Node) bool { return c.standby == n.Name }

// scopeOf is the scope of a node's cluster.
func (c config) scopeOf(n *harness.Node) string {
	if c.follows(n) {
		return standbyScope
	}
	return scope
}

// standbyCluster is the dynamic configuration d for a node, which says whom a standby cluster follows: whichever node of
// the main cluster takes writes, from the slot that is kept for it there.
func (c config) standbyCluster(n *harness.Node, d map[string]any) map[string]any {
	if !c.follows(n) {
		return d
	}
	var hosts []string
	for _, other := range harness.ByComponent(c.nodes, harness.Patroni) {
		if !c.follows(other) {
			hosts = append(hosts, other.Address)
		}
	}
	d = maps.Clone(d)
	d["standby_cluster"] = map[string]any{"host": strings.Join(hosts, ","), "port": postgresPort, "primary_slot_name": n.Name}
	return d
}

// follow has the main cluster follow the standby cluster when it comes back, as patronictl edit-config does: in etcd,
// where its configuration outlives its nodes.
func (t *Topology) follow(ctx context.Context, _ []string) error {
	leader, err := harness.Find(t.databases, t.config.standby)
	if err != nil {
		return fmt.Errorf("find the standby cluster: %w", err)
	}
	var last error
	for _, member := range t.etcd {
		if last = followVia(ctx, etcdOf(member), leader); last == nil {
			return nil
		}
	}
	return last
}

func followVia(ctx context.Context, member etcdClient, leader *harness.Node) error {
	k, err := member.keys(ctx, scope)
	if err != nil {
		return err
	}
	dynamic := map[string]any{}
	if err := json.Unmarshal([]byte(k["config"].Value), &dynamic); err != nil {
		return fmt.Errorf("read dynamic configuration of the main cluster: %w", err)
	}
	dynamic["standby_cluster"] = map[string]any{"host": leader.Address, "port": postgresPort}
	value, err := json.Marshal(dynamic)
	if err != nil {
		return fmt.Errorf("encode dynamic configuration: %w", err)
	}
	return member.put(ctx, namespace+scope+"/config", value)
}

// heads are one node of each cluster, through which its dynamic configuration is set.
func (t *Topology) heads() []*harness.Node {
	out := t.databases[:1]
	for _, n := range t.databases {
		if t.config.follows(n) {
			out = append(out[:1:1], n)
		}
	}
	return out
}

// keysFrom reads the keys of the cluster that applications belong to from one member of etcd: the main one, until the
// standby cluster was told to follow nobody any more.
func (t *Topology) keysFrom(ctx context.Context, member *harness.Node) (keys, error) {
	main, err := etcdOf(member).keys(ctx, scope)
	if err != nil || t.config.standby == "" {
		return main, err
	}
	other, err := etcdOf(member).keys(ctx, standbyScope)
	if err != nil {
		return nil, err
	}
	detached, err := detached(other)
	if err == nil && detached {
		return other, nil
	}
	return main, err
}

// detached says whether a cluster follows nobody. One that has no configuration yet has not begun.
func detached(k keys) (bool, error) {
	text := k["config"].Value
	if text == "" {
		return false, nil
	}
	var dynamic struct {
		StandbyCluster json.RawMessage `json:"standby_cluster"`
	}
	if err := json.Unmarshal([]byte(text), &dynamic); err != nil {
		return false, fmt.Errorf("read dynamic configuration of the standby cluster: %w", err)
	}
	return len(dynamic.StandbyCluster) == 0 || string(dynamic.StandbyCluster) == "null", nil
}
