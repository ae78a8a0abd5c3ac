package injectors

import (
	"fmt"

	"github.com/firedrill/firedrill/harness/agent"
)

// CPUParams are the parameters of resource.cpu.
type CPUParams struct {
	Share float64 `json:"share,omitempty"`
}

// cpuShare leaves a server alive and of no use: its clients' deadlines pass.
const cpuShare = 5

var resourceCPUDoc = Doc{
	Summary: "a node's processes get a small share of the time only, as under a quota or beside a noisy neighbour",
	Targets: "the nodes",
	Params: []Param{
		{Name: "share", Meaning: "percent of the time that is left to them, on all processors", Default: "5"},
	},
	Proof: "periods in which they were throttled, and the share of the time that they were really left",
	Heal:  "they are throttled no more; nothing is left stopped, but for what another fault has frozen",
	Limits: "they are stopped and continued (SIGSTOP, SIGCONT) in periods of 100 ms, which is what a quota of the kernel's does to them too; " +
		"the share is of time, not of cycles. On a busy machine it is achieved less exactly: the proof says what it was. The agent itself is not throttled",
}

func newResourceCPU(p CPUParams) (Fault, error) {
	if p.Share == 0 {
		p.Share = cpuShare
	}
	if p.Share < 1 || p.Share > 99 {
		return nil, fmt.Errorf("share: %g is not between 1 and 99 percent", p.Share)
	}
	return onTargets{p, agent.CPUSpec{Share: p.Share}}, nil
}

// Unthrottled matches what `TARGET has CPU again` heals.
func Unthrottled(targets ...string) Match {
	return Match{Faults: []string{"resource.cpu"}, Targets: targets}
}
