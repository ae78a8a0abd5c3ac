package injectors

import (
	"context"
	"fmt"
	"maps"

	"github.com/firedrill/firedrill/harness/agent"
)

// RingParams are the parameters of net.ring.
type RingParams struct {
	Addresses map[string]string `json:"addresses,omitempty"`
}

var netRingDoc = Doc{
	Summary: "of the targets each reaches only the two that stand next to it, in the order in which they are named and round: a majority is connected, and no node sees it",
	Targets: "the nodes of the ring, at least four",
	Params:  []Param{{Name: "addresses", Meaning: "address of each target by its name", Filled: true}},
	Proof:   "packets stopped by the rules of at least one of the targets",
	Heal:    "the rules are removed on all targets",
	Limits:  "nodes that are not in the ring are reached by all of it, as before. Needs NET_ADMIN on the targets",
}

type netRing struct {
	onTargets
	RingParams
}

func newNetRing(p RingParams) (Fault, error) {
	return netRing{onTargets{p, agent.NetworkSpec{}}, p}, nil
}

// Resolve keeps the order of the targets: it is that of the ring.
func (f netRing) Resolve(nodes []Node, targets []string) (any, []string, error) {
	const least = 4
	if len(targets) < least {
		return nil, nil, fmt.Errorf("a ring of %d: with less than %d each is next to all others", len(targets), least)
	}
	p := RingParams{Addresses: maps.Clone(f.Addresses)}
	if p.Addresses == nil {
		p.Addresses = map[string]string{}
	}
	for _, t := range targets {
		n, err := find(nodes, t)
		if err != nil {
			return nil, nil, err
		}
		p.Addresses[t] = n.Address
	}
	return p, targets, nil
}

// across are the addresses of those that do not stand next to the i-th of the ring.
func (f netRing) across(ring []string, i int) []string {
	var out []string
	for j, other := range ring {
		if apart := (j - i + len(ring)) % len(ring); apart > 1 && apart < len(ring)-1 {
			out = append(out, f.Addresses[other])
		}
	}
	return out
}

func (f netRing) Inject(ctx context.Context, env Env) (Effect, error) {
	ring := names(env.Targets)
	specs := map[string]agent.NetworkSpec{}
	for i, name := range ring {
		specs[name] = agent.NetworkSpec{Peers: f.across(ring, i), Direction: agent.In, Action: agent.Drop}
		if len(specs[name].Peers) == 0 {
			return Effect{}, fmt.Errorf("a ring of %d has nothing to cut", len(ring)) // no peers would mean all
		}
	}
	return env.everywhere(ctx, env.Targets, func(ctx context.Context, n Node) (agent.Stamp, error) {
		return n.Agent.Do(ctx, env.Fault, specs[n.Name], env.atMost)
	})
}

// Observe has each knock at those across where nobody has said anything yet.
func (f netRing) Observe(ctx context.Context, env Env) (string, error) {
	if proof, err := f.onTargets.Observe(ctx, env); err != nil || proof != "" {
		return proof, err
	}
	ring := names(env.Targets)
	for i, n := range env.Targets {
		if err := knock(ctx, []Node{n}, f.across(ring, i), knockPort); err != nil {
			return "", err
		}
	}
	return f.onTargets.Observe(ctx, env)
}
