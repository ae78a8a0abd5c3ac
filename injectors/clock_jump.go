package injectors

import (
	"fmt"
	"math"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
)

// ClockJumpParams are the parameters of clock.jump.
type ClockJumpParams struct {
	ByMS float64 `json:"by_ms"`
}

// What the faults of the clock share in their docs.
const (
	clockTargets = "nodes on which a process runs whose clock is libc's: databases (and Patroni)"
	clockProof   = "wrong times that the processes were told"
	clockHeal    = "the clock is right with the next question"
	clockLimits  = "the wall clock of the node's supervised processes and their children only, by a shim before libc (LD_PRELOAD); what is " +
		"measured on the monotonic clock (leases of etcd, time-outs) goes on as it should. Go programs (etcd, Orchestrator) ask " +
		"the kernel themselves and are out of reach: the proof names who is not reached, and a node with none in reach is not drilled"
)

// farthestMS bounds a jump: about ten years, so that no reckoning in nanoseconds overflows.
const farthestMS = 10 * 366 * 24 * 3600 * 1000

var clockJumpDoc = Doc{
	Summary: "the clock of a node jumps, forward or back",
	Targets: clockTargets,
	Params: []Param{
		{Name: "by_ms", Meaning: "milliseconds that the clock jumps forward; negative is back", Required: true},
	},
	Proof:    clockProof,
	Heal:     clockHeal,
	Limits:   clockLimits,
	Fittings: []harness.Fitting{harness.FitShim},
}

func newClockJump(p ClockJumpParams) (Fault, error) {
	if p.ByMS == 0 || math.Abs(p.ByMS) > farthestMS {
		return nil, fmt.Errorf("by_ms %g: not 0, and at most ten years either way", p.ByMS)
	}
	return onTargets{p, agent.ClockSpec{Ahead: milliseconds(p.ByMS)}}, nil
}

// ClockRight matches what `the clock of TARGET is right again` heals.
func ClockRight(targets ...string) Match {
	return Match{Faults: []string{"clock.jump", "clock.drift"}, Targets: targets}
}
