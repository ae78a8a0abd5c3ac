package injectors

import (
	"context"
	"errors"
	"sync"

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
// lost to all others, whatever its last milliseconds inside. Machines are switched off last, for the same reason.
func (hostLost) Inject(ctx context.Context, env Env) (Effect, error) {
	lost, err := env.silence(ctx, env.Targets)
	if err != nil {
		return lost, err
	}
	machines, _ := bySwitch(env.Targets)
	off, err := switched(ctx, machines, func(ctx context.Context, n Node) (string, error) { return n.Power.Off(ctx) })
	lost.Proof = sentences(lost.Proof, off)
	return lost, err
}

// silence takes network and processes of hosts.
func (e Env) silence(ctx context.Context, nodes []Node) (Effect, error) {
	cut, err := e.do(ctx, nodes, e.part(pieceCut), agent.NetworkSpec{Direction: agent.Both, Action: agent.Drop})
	if err != nil {
		return cut, err
	}
	killed, err := e.do(ctx, nodes, e.part(pieceKill), agent.KillSpec{Signal: "KILL", Hold: true})
	if err != nil {
		return cut, err
	}
	stopped, _ := e.seen(ctx, nodes, e.part(pieceCut)) // a bonus: the dead processes are proof enough
	cut.Proof = sentences(killed.Proof, stopped)
	return cut, nil
}

// bySwitch tells hosts that have a switch from those that have none. A host of the application is among the latter: it is the
// witness, and left on.
func bySwitch(nodes []Node) (machines, others []Node) {
	for _, n := range nodes {
		if n.Power != nil && n.Component != harness.Application {
			machines = append(machines, n)
		} else {
			others = append(others, n)
		}
	}
	return machines, others
}

// switched uses the switches of machines, all at once.
func switched(ctx context.Context, nodes []Node, use func(ctx context.Context, n Node) (string, error)) (string, error) {
	proofs, errs := make([]string, len(nodes)), make([]error, len(nodes))
	var all sync.WaitGroup
	for i, n := range nodes {
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
	on, powerErr := env.on(ctx)
	network, cutErr := env.healed(ctx, env.Targets, env.part(pieceCut))
	processes, killErr := env.healed(ctx, env.Targets, env.part(pieceKill))
	return on(network.then(processes)), errors.Join(powerErr, cutErr, killErr)
}

// on switches machines on. What it returns has a heal begin with that, which nobody on the machines can tell.
func (e Env) on(ctx context.Context) (func(Effect) Effect, error) {
	machines, _ := bySwitch(e.Targets)
	if len(machines) == 0 {
		return func(heal Effect) Effect { return heal }, nil
	}
	began := e.clock()
	_, err := switched(ctx, machines, func(ctx context.Context, n Node) (string, error) { return "", n.Power.On(ctx) })
	return func(heal Effect) Effect {
		heal.Began = min(heal.Began, began)
		return heal
	}, err
}
