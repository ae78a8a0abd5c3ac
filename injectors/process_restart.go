package injectors

import (
	"errors"

	"github.com/firedrill/firedrill/harness/agent"
)

// RestartParams are the parameters of process.restart.
type RestartParams struct {
	Process string  `json:"process"`
	AfterMS float64 `json:"after_ms"`
}

var processRestartDoc = Doc{
	Summary: "a process is killed (SIGKILL) and comes back after a time: a slow restart",
	Targets: "nodes that run the process",
	Params: []Param{
		{Name: "process", Meaning: "name of the process as the topology declares it", Required: true},
		{Name: "after_ms", Meaning: "time from the kill to the start of its successor, in milliseconds", Required: true},
	},
	Proof: "the process is gone from the node's process table",
	Heal:  "the process is started at once, if its time has not come yet",
	Limits: "the node's own agent keeps the time, so the process comes back with a dead controller too. A process that another one " +
		"manages (postgres under Patroni) is killed each time it appears until the time is over, and is then its manager's to restart",
}

func newProcessRestart(p RestartParams) (Fault, error) {
	if p.Process == "" {
		return nil, errors.New("process: no name is given")
	}
	if p.AfterMS <= 0 {
		return nil, errors.New("after_ms: give the time after which the process is back")
	}
	return onTargets{p, agent.RestartSpec{Process: p.Process, After: milliseconds(p.AfterMS)}}, nil
}
