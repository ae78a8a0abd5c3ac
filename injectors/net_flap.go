package injectors

import (
	"fmt"

	"github.com/firedrill/firedrill/harness/agent"
)

// FlapParams are the parameters of net.flap.
type FlapParams struct {
	DownMS float64 `json:"down_ms"`
	UpMS   float64 `json:"up_ms"`
	Sides
}

var netFlapDoc = Doc{
	Summary: "the network between the targets and all others goes down and comes up, again and again, in silence",
	Targets: "the nodes with the bad line",
	Params: append([]Param{
		{Name: "down_ms", Meaning: "how long it is down each time, in milliseconds, at least 20", Required: true},
		{Name: "up_ms", Meaning: "how long it is up each time, in milliseconds, at least 20", Required: true},
	}, sidesParams...),
	Proof: "how often it was down so far, and the packets stopped",
	Heal:  "the rules are removed on all nodes",
	Limits: "it begins with down. Each node keeps the time by its own clock, from when it was told: on machines of their own their edges drift apart as their clocks do. " +
		"The interfaces stay up: nothing on the nodes is told. " + sidesLimits + ". Needs NET_ADMIN on the nodes",
}

func newNetFlap(p FlapParams) (Fault, error) {
	const shortest = 20
	if p.DownMS < shortest || p.UpMS < shortest {
		return nil, fmt.Errorf("down_ms %g, up_ms %g (%d is the least)", p.DownMS, p.UpMS, shortest)
	}
	return onBothSides{
		p.Sides, func(s Sides) any { return FlapParams{p.DownMS, p.UpMS, s} },
		func(from []string) agent.Deed {
			return agent.FlapSpec{Down: milliseconds(p.DownMS), Up: milliseconds(p.UpMS), Peers: from}
		},
	}, nil
}
