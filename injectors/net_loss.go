package injectors

import (
	"fmt"

	"github.com/firedrill/firedrill/harness/agent"
)

// LossParams are the parameters of net.loss.
type LossParams struct {
	Percent float64 `json:"percent"`
	Sides
}

var netLossDoc = Doc{
	Summary: "a random part of the packets between the targets and all others is lost, both ways",
	Targets: "the nodes with the bad line",
	Params:  append([]Param{{Name: "percent", Meaning: "of the packets, each way, above 0 and at most 100", Required: true}}, sidesParams...),
	Proof:   "packets dropped, of those that arrived",
	Heal:    "the rules are removed on all nodes",
	Limits: "each packet is lost by itself: there are no bursts of loss. What an interface hands over as one large packet is lost as one. A request and its answer " +
		"are two packets, so that more exchanges fail than packets are lost. " + sidesLimits + ". Needs NET_ADMIN on the nodes",
}

func newNetLoss(p LossParams) (Fault, error) {
	if !(p.Percent > 0 && p.Percent <= 100) {
		return nil, fmt.Errorf("percent: %g (above 0, at most 100)", p.Percent)
	}
	return onBothSides{
		p.Sides, func(s Sides) any { return LossParams{p.Percent, s} },
		func(from []string) agent.Deed { return agent.LossSpec{Percent: p.Percent, Peers: from} },
	}, nil
}
