package injectors

import (
	"cmp"
	"context"
	"errors"
	"time"

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
	Limits: "the node's own agent keeps the time, so the host comes back with a dead controller too. A virtual machine reboots by itself, " +
		"as soon as it can, where no time is given; with one, its provider takes its power and gives it back no earlier. The disk keeps what the " +
		"kernel had been given (see host.lost). Needs NET_ADMIN on the node",
}

// hostRebooted is the agent's on a container, and the provider's on a machine.
type hostRebooted struct {
	onTargets
	after time.Duration // as it was given; 0: it was not
}

func newHostRebooted(p RebootParams) (Fault, error) {
	if p.AfterMS < 0 {
		return nil, errors.New("after_ms: no time is negative")
	}
	given := milliseconds(p.AfterMS)
	deed := agent.RebootSpec{After: milliseconds(cmp.Or(p.AfterMS, rebootAfterMS))}
	return hostRebooted{onTargets{p, deed}, given}, nil
}

func (f hostRebooted) Inject(ctx context.Context, env Env) (Effect, error) {
	machines, others := bySwitch(env.Targets)
	var effects []Effect
	if len(others) > 0 {
		e, err := env.do(ctx, others, env.Fault, f.deed)
		if err != nil {
			return e, err
		}
		effects = append(effects, e)
	}
	if len(machines) > 0 {
		e, err := env.silence(ctx, machines)
		if err != nil {
			return e, err
		}
		said, err := switched(ctx, machines, func(ctx context.Context, n Node) (string, error) { return n.Power.Reboot(ctx, f.after) })
		if err != nil {
			return e, err
		}
		e.Proof = sentences(e.Proof, said)
		effects = append(effects, e)
	}
	effect := effects[0]
	for _, e := range effects[1:] {
		effect = effect.then(e)
	}
	return effect, nil
}

// Observe is for containers, whose agents know.
func (f hostRebooted) Observe(ctx context.Context, env Env) (string, error) {
	_, others := bySwitch(env.Targets)
	return env.seen(ctx, others, env.Fault)
}

func (f hostRebooted) Heal(ctx context.Context, env Env) (Effect, error) {
	on, powerErr := env.on(ctx)
	effect, err := env.healed(ctx, env.Targets, env.Fault)
	// A machine that could not be rebooted is silent and on.
	machines, _ := bySwitch(env.Targets)
	_, cutErr := env.healed(ctx, machines, env.part(pieceCut))
	_, killErr := env.healed(ctx, machines, env.part(pieceKill))
	return on(effect), errors.Join(powerErr, err, cutErr, killErr)
}
