package injectors

import (
	"cmp"
	"errors"

	"github.com/firedrill/firedrill/harness/agent"
)

// RebootParams are the parameters of host.rebooted.
type RebootParams struct {
	AfterMS float64 `json:"after_ms,omitempty"`
}

// rebootAfter is what a small virtual machine takes from its power button to its services, at best.
const rebootAfterMS = 5000

var hostRebootedDoc = Doc{
	Summary: "a host loses its power and is back after a time: no packet leaves it, everything on it dies, then network and processes return",
	Targets: "the hosts",
	Params: []Param{
		{Name: "after_ms", Meaning: "time from the power cut until the network is back and the processes are started, in milliseconds", Default: "5000"},
	},
	Proof: "the processes are gone",
	Heal:  "the host returns at once, if its time has not come yet",
	Limits: "the node's own agent keeps the time, so the host comes back with a dead controller too. The disk keeps what the " +
		"kernel had been given (see host.lost). Needs NET_ADMIN on the node",
}

func newHostRebooted(p RebootParams) (Fault, error) {
	if p.AfterMS < 0 {
		return nil, errors.New("after_ms: no time is negative")
	}
	p.AfterMS = cmp.Or(p.AfterMS, rebootAfterMS)
	return onTargets{p, agent.RebootSpec{After: milliseconds(p.AfterMS)}}, nil
}
