package injectors

import (
	"fmt"
	"math"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
)

// ClockDriftParams are the parameters of clock.drift.
type ClockDriftParams struct {
	Percent float64 `json:"percent"`
}

// A clock that runs more than ten times as fast, or backwards, is no clock.
const (
	fastestPercent = 900
	slowestPercent = -99
)

var clockDriftDoc = Doc{
	Summary: "the clock of a node runs too fast or too slow: it is right at first, and ever more wrong",
	Targets: clockTargets,
	Params: []Param{
		{Name: "percent", Meaning: "how much faster it runs, in percent (0.01 is 8.6 seconds a day); negative is slower", Required: true},
	},
	Proof:    clockProof,
	Heal:     clockHeal,
	Limits:   clockLimits,
	Fittings: []harness.Fitting{harness.FitShim},
}

func newClockDrift(p ClockDriftParams) (Fault, error) {
	if p.Percent == 0 || p.Percent > fastestPercent || p.Percent < slowestPercent {
		return nil, fmt.Errorf("percent %g: not 0, and from %d to %d", p.Percent, slowestPercent, fastestPercent)
	}
	const ppbOfPercent = 1e7
	return onTargets{p, agent.ClockSpec{GainPPB: int64(math.Round(p.Percent * ppbOfPercent))}}, nil
}
