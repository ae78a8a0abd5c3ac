package injectors

import (
	"errors"
	"fmt"
	"slices"

	"github.com/firedrill/firedrill/harness/agent"
)

// LatencyParams are the parameters of net.latency.
type LatencyParams struct {
	LatencyMS float64 `json:"latency_ms"`
	JitterMS  float64 `json:"jitter_ms,omitempty"`
	Sides
}

var netLatencyDoc = Doc{
	Summary: "every round trip between the targets and all others takes so much longer",
	Targets: "the nodes that are far away: a datacenter, a replica",
	Params: append([]Param{
		{Name: "latency_ms", Meaning: "added to each round trip, in milliseconds", Required: true},
		{Name: "jitter_ms", Meaning: "the most by which the latency varies either way, evenly, in milliseconds; packets stay in their order", Default: "0"},
	}, sidesParams...),
	Proof: "the round trip to a peer, measured before and after by connects that are refused; how many packets were held for how long, and how many of them too long",
	Heal:  "what is held is let go, and nothing is held any more",
	Limits: "by netem where the kernel has it and the fault is about all traffic of one target; else the agent holds the packets that arrive at the targets " +
		"(NFQUEUE): they pass when it dies. It holds 20000 packets at most. A packet is held by one process of the node, so that a node without a free core adds to it: " +
		"the proof says so. In order, jitter under a steady stream tends to its upper end. " + sidesLimits + ". Needs NET_ADMIN on the targets",
}

// netLatency is one deed at the targets: a packet that is held once, on its way in, delays the whole round trip.
type netLatency struct {
	onTargets
	LatencyParams
}

func newNetLatency(p LatencyParams) (Fault, error) {
	switch {
	case p.LatencyMS <= 0:
		return nil, fmt.Errorf("latency_ms: %g (more than 0)", p.LatencyMS)
	case p.JitterMS < 0 || p.JitterMS > p.LatencyMS:
		return nil, fmt.Errorf("jitter_ms: %g (from 0 to the latency, %g)", p.JitterMS, p.LatencyMS)
	case p.Everything && len(p.Peers) == 0:
		return nil, errors.New("everything: it is filled together with the peers")
	}
	spec := agent.LatencySpec{Delay: milliseconds(p.LatencyMS), Jitter: milliseconds(p.JitterMS), Everything: p.Everything}
	for _, name := range slices.Sorted(slices.Values(p.Peers)) {
		spec.Peers = append(spec.Peers, agent.Peer{Name: name, Address: p.Addresses[name]})
	}
	return netLatency{onTargets{p, spec}, p}, nil
}

func (f netLatency) Resolve(nodes []Node, targets []string) (any, []string, error) {
	p := f.LatencyParams
	sides, err := p.between(nodes, targets)
	p.Sides = sides
	return p, targets, err
}
