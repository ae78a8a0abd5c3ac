package injectors

import (
	"context"
	"errors"
	"fmt"

	"github.com/firedrill/firedrill/harness/agent"
)

// KillParams are the parameters of process.kill.
type KillParams struct {
	Process    string `json:"process"`
	LetRestart bool   `json:"let_restart,omitempty"`
}

var processKillDoc = Doc{
	Summary: "a process is killed (SIGKILL); its host, its address and its network live on, so peers see a reset at once",
	Targets: "nodes that run the process",
	Params: []Param{
		{Name: "process", Meaning: "name of the process as the topology declares it: mysqld, mariadbd, orchestrator, patroni, postgres, etcd, haproxy, dns", Required: true},
		{Name: "let_restart", Meaning: "let its restart policy bring it back, in place of holding it down until the heal", Default: "false"},
	},
	Proof: "the process is gone from the node's process table",
	Heal:  "the process is started again",
	Limits: "a process that another one manages (postgres under Patroni) is that one's to restart: it cannot be held down, " +
		"the fault is one-shot, and its heal only says so. Processes go by their names: what no shipped topology runs (keepalived) can be " +
		"killed in one of your own that declares it",
}

type processKill struct{ KillParams }

func newProcessKill(p KillParams) (Fault, error) {
	if p.Process == "" {
		return nil, errors.New("process: no name is given")
	}
	return processKill{p}, nil
}

func (f processKill) Resolve(_ []Node, targets []string) (any, []string, error) {
	return f.KillParams, targets, needTargets(targets)
}

func (f processKill) Inject(ctx context.Context, env Env) (Effect, error) {
	return end(ctx, env, agent.KillSpec{Processes: []string{f.Process}, Signal: "KILL", Hold: !f.LetRestart})
}

func (f processKill) Heal(ctx context.Context, env Env) (Effect, error) {
	return env.healed(ctx, env.Targets, env.Fault)
}

// end ends a process on all targets. It is one-shot when the process is everywhere another one's to restart.
func end(ctx context.Context, env Env, spec agent.KillSpec) (Effect, error) {
	effect, err := env.do(ctx, env.Targets, env.Fault, spec)
	if err != nil {
		return effect, err
	}
	effect.OneShot, err = managed(ctx, env, spec.Processes[0])
	return effect, err
}

// managed says whether a process is not supervised by the agent itself on any of the targets.
func managed(ctx context.Context, env Env, process string) (bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), env.budget)
	defer cancel()
	for _, n := range env.Targets {
		states, err := n.Agent.Processes(ctx)
		if err != nil {
			return false, fmt.Errorf("ask who manages %s: %w", process, err)
		}
		for _, s := range states {
			if s.Name == process && !s.Inner {
				return false, nil
			}
		}
	}
	return true, nil
}
