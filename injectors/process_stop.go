package injectors

import (
	"context"
	"errors"

	"github.com/firedrill/firedrill/harness/agent"
)

// StopParams are the parameters of process.stop.
type StopParams struct {
	Process string `json:"process"`
}

var processStopDoc = Doc{
	Summary: "a process is stopped cleanly, as an operator or a package upgrade would, and stays down until the heal",
	Targets: "nodes that run the process",
	Params: []Param{
		{Name: "process", Meaning: "name of the process as the topology declares it", Required: true},
	},
	Proof: "the process has exited",
	Heal:  "the process is started again",
	Limits: "it takes effect when the stop is asked for: the process may serve until it has stopped, for at most 30 s; " +
		"a process that another one manages is that one's to restart (see process.kill)",
}

type processStop struct{ StopParams }

func newProcessStop(p StopParams) (Fault, error) {
	if p.Process == "" {
		return nil, errors.New("process: no name is given")
	}
	return processStop{p}, nil
}

func (f processStop) Resolve(_ []Node, targets []string) (any, []string, error) {
	return f.StopParams, targets, needTargets(targets)
}

// Inject leaves the signal to the agent, which knows how each process is asked to stop.
func (f processStop) Inject(ctx context.Context, env Env) (Effect, error) {
	return end(ctx, env, agent.KillSpec{Processes: []string{f.Process}, Hold: true})
}

func (f processStop) Heal(ctx context.Context, env Env) (Effect, error) {
	return env.healed(ctx, env.Targets, env.Fault)
}
