package injectors

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
)

// HostParams are the parameters of host.lost: there are none.
type HostParams struct{}

var hostLostDoc = Doc{
	Summary: "a host loses its power: no packet leaves it any more, connections to it hang, and everything on it dies",
	Targets: "the hosts",
	Params:  []Param{},
	Proof:   "the processes are gone, and the packets that the cut has stopped so far",
	Heal:    "the network is back, then the processes are started in the order of their declaration",
	Limits: "a virtual machine is switched off at its provider, too (not one that the application runs on: it goes on writing, to " +
		"nobody); a container's agent lives on outside of what is lost. The disk keeps what the kernel had been given: writes that were not yet synced to it survive, as they would not " +
		"in every power loss. Needs NET_ADMIN on the node",
}

type hostLost struct{}

func newHostLost(HostParams) (Fault, error) { return hostLost{}, nil }

// Pieces of the fault in the agent. They are healed in this order, by us and (it is the alphabet's) by an agent
// whose controller is gone: a host that returns has its network before its processes start.
const (
	pieceCut  = "cut"
	pieceKill = "kill"
)

func (hostLost) Resolve(_ []Node, targets []string) (any, []string, error) {
	return HostParams{}, targets, needTargets(targets)
}

func (hostLost) Check(ctx context.Context, env Env) error {
	return able(ctx, env.Targets, agent.NetworkSpec{})
}

// Inject cuts first and kills then: a process that dies on a connected host says goodbye (FIN, RST) to its peers, and
// they would not wait for the timeouts that a power loss costs. The bracket is the cut's: from then on the host is
// lost to all others, whatever its last milliseconds inside.
func (hostLost) Inject(ctx context.Context, env Env) (Effect, error) {
	cut, err := env.do(ctx, env.Targets, env.part(pieceCut), agent.NetworkSpec{Direction: agent.Both, Action: agent.Drop})
	if err != nil {
		return cut, err
	}
	killed, err := env.do(ctx, env.Targets, env.part(pieceKill), agent.KillSpec{Signal: "KILL", Hold: true})
	if err != nil {
		return cut, err
	}
	stopped, _ := env.seen(ctx, env.Targets, env.part(pieceCut)) // a bonus: the dead processes are proof enough
	off, err := switched(ctx, env.Targets, func(ctx context.Context, n Node) (string, error) { return n.Power.Off(ctx) })
	cut.Proof = sentences(killed.Proof, stopped, off)
	return cut, err
}

// switched uses the switches of those that have one, all at once. A host of the application is left on: it is the witness.
func switched(ctx context.Context, nodes []Node, use func(ctx context.Context, n Node) (string, error)) (string, error) {
	proofs, errs := make([]string, len(nodes)), make([]error, len(nodes))
	var all sync.WaitGroup
	for i, n := range nodes {
		if n.Power == nil || n.Component == harness.Application {
			continue
		}
		all.Go(func() {
			said, err := use(ctx, n)
			if said != "" {
				proofs[i] = n.Name + ": " + said
			}
			errs[i] = err
		})
	}
	all.Wait()
	return sentences(proofs...), join(errs)
}

// Observe is for a host that ran nothing: the packets are then the only proof.
func (hostLost) Observe(ctx context.Context, env Env) (string, error) {
	return env.seen(ctx, env.Targets, env.part(pieceCut))
}

// Heal switches machines on first. Their kernels have forgotten the cut, and their agents, which start what ran, the kill: what
// is asked of them then finds nothing to do.
func (hostLost) Heal(ctx context.Context, env Env) (Effect, error) {
	began, machines := env.began()
	_, powerErr := switched(ctx, env.Targets, func(ctx context.Context, n Node) (string, error) { return "", n.Power.On(ctx) })
	network, cutErr := env.healed(ctx, env.Targets, env.part(pieceCut))
	processes, killErr := env.healed(ctx, env.Targets, env.part(pieceKill))
	effect := network.then(processes)
	if machines {
		effect.Began = min(effect.Began, began)
	}
	return effect, errors.Join(powerErr, cutErr, killErr)
}

// began is when the machines among the targets begin to be switched on, if there are any: nobody on them can say it.
func (e Env) began() (at time.Duration, machines bool) {
	for _, n := range e.Targets {
		machines = machines || n.Power != nil
	}
	if machines && e.clock != nil {
		at = e.clock()
	}
	return at, machines && e.clock != nil
}
