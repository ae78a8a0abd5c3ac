package injectors

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/firedrill/firedrill/harness/agent"
)

// BandwidthParams are the parameters of net.bandwidth.
type BandwidthParams struct {
	KilobitsPerSecond uint64            `json:"kilobits_per_second"`
	Addresses         map[string]string `json:"addresses,omitempty"`
}

var netBandwidthDoc = Doc{
	Summary: "the interfaces of the targets send and receive no more than so much",
	Targets: "the nodes with the narrow line",
	Params: []Param{
		{Name: "kilobits_per_second", Meaning: "the most that each interface sends, and receives, in thousands of bits a second; at least 8", Required: true},
		{Name: "addresses", Meaning: "address of each other node by its name: where nothing passes, the targets knock there", Filled: true},
	},
	Proof: "packets that went through the limit, how often it held them back, and how many it dropped",
	Heal:  "the queueing disciplines and the intermediate interfaces are removed",
	Limits: "all traffic of the targets, among themselves too, but not the loopback. What is too much waits for 200 ms and is dropped then; a pause lets a burst of 10 ms of the " +
		"rate (at least 6 kB) pass at once. What arrives is queued where the kernel has intermediate interfaces (ifb), else dropped at once. A node whose interfaces " +
		"have queueing disciplines of their own is left alone: not drilled. Where the kernel makes latency (netem), a limit can only be injected before it. Needs NET_ADMIN on the targets",
}

func newNetBandwidth(p BandwidthParams) (Fault, error) {
	const least = 8
	if p.KilobitsPerSecond < least {
		return nil, fmt.Errorf("kilobits_per_second: %d (%d is the least)", p.KilobitsPerSecond, least)
	}
	return netBandwidth{onTargets{p, agent.BandwidthSpec{BitsPerSecond: p.KilobitsPerSecond * 1000}}, p}, nil
}

type netBandwidth struct {
	onTargets
	BandwidthParams
}

func (f netBandwidth) Resolve(nodes []Node, targets []string) (any, []string, error) {
	p := BandwidthParams{f.KilobitsPerSecond, map[string]string{}}
	for _, n := range nodes {
		if !slices.Contains(targets, n.Name) {
			p.Addresses[n.Name] = n.Address
		}
	}
	return p, targets, needTargets(targets)
}

// Observe has the targets knock at the others where nothing has passed yet.
func (f netBandwidth) Observe(ctx context.Context, env Env) (string, error) {
	if proof, err := f.onTargets.Observe(ctx, env); err != nil || proof != "" {
		return proof, err
	}
	if err := knock(ctx, env.Targets, slices.Sorted(maps.Values(f.Addresses)), knockPort); err != nil {
		return "", err
	}
	return f.onTargets.Observe(ctx, env)
}
