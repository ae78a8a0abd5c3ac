package injectors

import (
	"errors"

	"github.com/firedrill/firedrill/harness/agent"
)

// FreezeParams are the parameters of process.freeze.
type FreezeParams struct {
	Process string `json:"process"`
}

var processFreezeDoc = Doc{
	Summary: "a process and all its children are frozen (SIGSTOP): the kernel still accepts connections for it, nothing ever answers",
	Targets: "nodes that run the process",
	Params: []Param{
		{Name: "process", Meaning: "name of the process as the topology declares it", Required: true},
	},
	Proof:  "the processes are in state T (stopped)",
	Heal:   "the processes continue (SIGCONT) where they were",
	Limits: "a write that was abandoned may still be done after the heal; children of a manager that run in a tree of their own (postgres under Patroni) are frozen by their own name",
}

func newProcessFreeze(p FreezeParams) (Fault, error) {
	if p.Process == "" {
		return nil, errors.New("process: no name is given")
	}
	return onTargets{p, agent.FreezeSpec{Processes: []string{p.Process}}}, nil
}
