package injectors

import (
	"fmt"

	"github.com/firedrill/firedrill/harness/agent"
)

// MTUParams are the parameters of net.mtu.
type MTUParams struct {
	LargerThan uint32 `json:"larger_than"`
	Sides
}

var netMTUDoc = Doc{
	Summary: "packets between the targets and all others that are too large vanish, and nobody is told (an MTU black hole): small exchanges work, large ones hang",
	Targets: "the nodes behind the narrow tunnel",
	Params:  append([]Param{{Name: "larger_than", Meaning: "bytes of an IP packet, its headers counted; at least 100", Required: true}}, sidesParams...),
	Proof:   "packets swallowed",
	Heal:    "the rules are removed on all nodes, and the offloads of their interfaces are on again that were on before",
	Limits: "for sizes to be those on the wire, the interfaces of all nodes of the fault stop joining packets for as long as it is in force (offloads tso, gso and gro), which costs processor time. " +
		"A kernel that probes for the path's MTU (net.ipv4.tcp_mtu_probing) finds a way after a while; by default it does not. " + sidesLimits + ". Needs NET_ADMIN on the nodes",
}

func newNetMTU(p MTUParams) (Fault, error) {
	const least = 100
	if p.LargerThan < least {
		return nil, fmt.Errorf("larger_than: %d (%d is the least)", p.LargerThan, least)
	}
	return onBothSides{
		p.Sides, func(s Sides) any { return MTUParams{p.LargerThan, s} },
		func(from []string) agent.Deed { return agent.BlackHoleSpec{LargerThan: p.LargerThan, Peers: from} },
	}, nil
}
