package injectors

import "github.com/firedrill/firedrill/harness/agent"

var hostPausedDoc = Doc{
	Summary: "a whole host is frozen: no process of it runs, while its kernel still accepts connections and acknowledges packets",
	Targets: "the hosts",
	Params:  []Param{},
	Proof:   "all its processes are in state T (stopped)",
	Heal:    "the processes continue (SIGCONT) where they were, but for those that another fault has frozen too",
	Limits: "the agent itself goes on, outside of the drilled host; a write that was abandoned may still be done after the heal. A machine " +
		"whose hypervisor has stopped it acknowledges nothing: that is the network of a lost host (host.lost)",
}

func newHostPaused(p HostParams) (Fault, error) {
	return onTargets{p, agent.PauseSpec{}}, nil
}

// Unpaused matches what `TARGET resumes` heals.
func Unpaused(targets ...string) Match {
	return Match{Faults: []string{"host.paused"}, Targets: targets}
}
