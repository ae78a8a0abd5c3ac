package injectors

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/firedrill/firedrill/harness/agent"
)

// Directions of a partition.
const (
	BothWays = "both" // neither side hears the other
	OneWay   = "from" // what the targets send does not arrive; what the peers send does
)

// PartitionParams are the parameters of net.partition.
type PartitionParams struct {
	Peers     []string          `json:"peers"`
	Ports     []uint16          `json:"ports,omitempty"`
	Direction string            `json:"direction,omitempty"`
	Action    string            `json:"action,omitempty"`
	Addresses map[string]string `json:"addresses,omitempty"`
}

var netPartitionDoc = Doc{
	Summary: "the targets and their peers do not reach each other, both ways or one way, in silence or refused; established connections are cut too",
	Targets: "one side",
	Params: []Param{
		{Name: "peers", Meaning: "the other side: names of nodes, or addresses of hosts that are no nodes", Required: true},
		{Name: "ports", Meaning: "TCP and UDP ports to cut, of either side when both ways are cut, of the peers when one way is", Default: "all traffic"},
		{Name: "direction", Meaning: "both: neither side hears the other; from: what the targets send does not arrive", Default: BothWays},
		{Name: "action", Meaning: "drop: silence, so that clients run into their timeouts; refuse: a reset (TCP) or ICMP port unreachable", Default: agent.Drop},
		{Name: "addresses", Meaning: "address of each node by its name", Filled: true},
	},
	Proof: "packets stopped by the rules of at least one of the nodes; where there are none yet, the targets knock at their peers",
	Heal:  "the rules are removed on all nodes",
	Limits: "packets are stopped where they arrive, because one that is stopped where it is sent tells its sender at once; " +
		"only those to addresses that are no nodes are stopped there. Needs NET_ADMIN on the nodes",
}

type netPartition struct{ PartitionParams }

func newNetPartition(p PartitionParams) (Fault, error) {
	if p.Direction == "" {
		p.Direction = BothWays
	}
	if p.Action == "" {
		p.Action = agent.Drop
	}
	switch {
	case len(p.Peers) == 0:
		return nil, errors.New("peers: none is named")
	case p.Direction != BothWays && p.Direction != OneWay:
		return nil, fmt.Errorf("direction: %q (%s, %s)", p.Direction, BothWays, OneWay)
	case p.Action != agent.Drop && p.Action != agent.Refuse:
		return nil, fmt.Errorf("action: %q (%s, %s)", p.Action, agent.Drop, agent.Refuse)
	case slices.Contains(p.Ports, 0):
		return nil, errors.New("ports: 0 is not a port")
	}
	return netPartition{p}, nil
}

// Resolve looks up the addresses of all nodes on both sides. An address that is a node's stands for that node.
func (f netPartition) Resolve(nodes []Node, targets []string) (any, []string, error) {
	p := f.PartitionParams
	p.Peers, p.Addresses = slices.Clone(p.Peers), maps.Clone(p.Addresses)
	if p.Addresses == nil {
		p.Addresses = map[string]string{}
	}
	for i, peer := range p.Peers {
		for _, n := range nodes {
			if n.Address == peer {
				p.Peers[i] = n.Name
			}
		}
		if slices.Contains(targets, p.Peers[i]) {
			return nil, nil, fmt.Errorf("partition %s from itself: it is on both sides", p.Peers[i])
		}
	}
	p.Peers = distinct(p.Peers)
	for _, name := range slices.Concat(targets, p.Peers) {
		if isAddress(name) {
			continue
		}
		n, err := find(nodes, name)
		if err != nil {
			return nil, nil, err
		}
		p.Addresses[name] = n.Address
	}
	return p, targets, needTargets(targets)
}

// isAddress tells the address of a host that is no node from the name of one that is.
func isAddress(peer string) bool {
	_, err := netip.ParseAddr(peer)
	return err == nil
}

// sides are all nodes that get rules: the targets, and those peers that are nodes.
func (f netPartition) sides(env Env) ([]Node, error) {
	peers, err := reach(env, slices.DeleteFunc(slices.Clone(f.Peers), isAddress))
	return slices.Concat(env.Targets, peers), err
}

func (f netPartition) Check(ctx context.Context, env Env) error {
	all, err := f.sides(env)
	if err != nil {
		return err
	}
	return able(ctx, all, agent.NetworkSpec{})
}

// rules decides what is in force on which node. It is pure: tested without a kernel.
func (f netPartition) rules(targets []string) map[string][]agent.NetworkSpec {
	base := agent.NetworkSpec{Ports: f.Ports, Action: f.Action, Direction: agent.In}
	out := map[string][]agent.NetworkSpec{}
	add := func(node string, spec agent.NetworkSpec, peers ...string) {
		if spec.Peers = peers; len(peers) > 0 {
			out[node] = append(out[node], spec)
		}
	}
	var ours, theirs, foreign []string // addresses; foreign hosts have no agent of ours
	for _, t := range targets {
		ours = append(ours, f.Addresses[t])
	}
	for _, p := range f.Peers {
		if isAddress(p) {
			foreign = append(foreign, p)
			continue
		}
		theirs = append(theirs, f.Addresses[p])
		arriving := base
		arriving.OwnPorts = f.Direction == OneWay
		add(p, arriving, ours...)
	}
	leaving := base
	leaving.Direction = agent.Out
	for _, t := range targets {
		add(t, leaving, foreign...)
		if f.Direction == BothWays {
			add(t, base, slices.Concat(theirs, foreign)...)
		}
	}
	return out
}

func (f netPartition) Inject(ctx context.Context, env Env) (Effect, error) {
	all, err := f.sides(env)
	if err != nil {
		return Effect{}, err
	}
	rules := f.rules(names(env.Targets))
	// One way, a target gets no rules of its own: a deed there would say nothing and widen the bracket.
	all = slices.DeleteFunc(all, func(n Node) bool { return len(rules[n.Name]) == 0 })
	return env.everywhere(ctx, all, func(ctx context.Context, n Node) (agent.Stamp, error) {
		var whole agent.Stamp
		for i, spec := range rules[n.Name] {
			stamp, err := n.Agent.Do(ctx, env.Fault, spec, env.atMost)
			if err != nil {
				return whole, err
			}
			if i == 0 {
				whole.Began = stamp.Began
			}
			whole.Effective = stamp.Effective
		}
		return whole, nil
	})
}

// Observe reads how many packets the rules have stopped. Where nobody has said anything yet, it has each target knock
// at each peer: a cut between nodes that are silent must be proven too.
func (f netPartition) Observe(ctx context.Context, env Env) (string, error) {
	all, err := f.sides(env)
	if err != nil {
		return "", err
	}
	if proof, err := env.seen(ctx, all, env.Fault); err != nil || proof != "" {
		return proof, err
	}
	if err := f.knock(ctx, env); err != nil {
		return "", err
	}
	return env.seen(ctx, all, env.Fault)
}

func (f netPartition) knock(ctx context.Context, env Env) error {
	port := knockPort
	if len(f.Ports) > 0 {
		port = int(f.Ports[0])
	}
	var peers []string
	for _, peer := range f.Peers {
		if !isAddress(peer) {
			peer = f.Addresses[peer]
		}
		peers = append(peers, peer)
	}
	return knock(ctx, env.Targets, peers, port)
}

// Heal goes on with the nodes that can be reached when others cannot.
func (f netPartition) Heal(ctx context.Context, env Env) (Effect, error) {
	reached, unreached := f.sides(env)
	effect, err := env.healed(ctx, reached, env.Fault)
	return effect, join([]error{unreached, err})
}
