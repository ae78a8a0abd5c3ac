package injectors

import (
	"errors"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
)

// MemoryParams are the parameters of resource.memory.
type MemoryParams struct {
	Leave   int64  `json:"leave,omitempty"`
	Kill    bool   `json:"kill,omitempty"`
	Process string `json:"process,omitempty"`
}

// memoryLeft is enough for the agent's own commands, and for a server that asks for nothing new.
const memoryLeft = 24

var resourceMemoryDoc = Doc{
	Summary: "a hog takes a node's memory up to its limit: under pressure, or until the kernel's OOM killer takes the database",
	Targets: "the nodes",
	Params: []Param{
		{Name: "leave", Meaning: "megabytes that are left to the others", Default: "24"},
		{Name: "kill", Meaning: "take everything, until the kernel has killed the process", Default: "false"},
		{Name: "process", Meaning: "the process that the kernel shall kill", Default: "the node's main one, its database"},
	},
	Proof: "what is taken of the limit; with kill, the kernel's own count of its kills, and the process gone",
	Heal:  "the hog is gone, and with kill the process is started again",
	Limits: "the node needs a limit of memory from the beginning (the fitting). The pages of files are not counted: the kernel takes them back, " +
		"and what is read anew is slow. Under pressure nobody is killed: the hog gives back what others need, a moment later. With kill the " +
		"process is made the kernel's first choice (oom_score_adj 1000) and is held down until the heal; one that another process manages " +
		"(postgres under Patroni) is that one's to restart, and the hog then leaves what it was told to leave",
	Fittings: []harness.Fitting{harness.FitMemory},
}

func newResourceMemory(p MemoryParams) (Fault, error) {
	if p.Leave < 0 || p.Leave > harness.MemoryLimit>>20 {
		return nil, errors.New("leave: give megabytes, less than the node has")
	}
	if p.Process != "" && !p.Kill {
		return nil, errors.New("process: only with kill")
	}
	if p.Leave == 0 {
		p.Leave = memoryLeft
	}
	return onTargets{p, agent.MemorySpec{Leave: p.Leave << 20, Kill: p.Kill, Process: p.Process}}, nil
}

// Unhogged matches what `TARGET has memory again` heals.
func Unhogged(targets ...string) Match {
	return Match{Faults: []string{"resource.memory"}, Targets: targets}
}
