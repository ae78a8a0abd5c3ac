package injectors

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/wait"
)

// FirewalledParams are the parameters of datacenter.firewalled.
type FirewalledParams struct {
	Datacenter string            `json:"datacenter"`
	Outside    map[string]string `json:"outside,omitempty"`
}

var datacenterFirewalledDoc = Doc{
	Summary: "a datacenter is cut from all else by the firewall of its provider, both ways, in silence; inside it everything goes on",
	Targets: "none is named: they are the nodes of the datacenter",
	Params: []Param{
		{Name: "datacenter", Meaning: "name of the datacenter", Required: true},
		{Name: "outside", Meaning: "address of each node that is not in it, by its name", Filled: true},
	},
	Proof: "a node of the datacenter that reached one outside reaches it no more, and the same the other way",
	Heal:  "the firewall has the rules back that it had, and the nodes reach each other again",
	Limits: "for machines of a provider that has a firewall. The provider takes its time, so the bracket is wider than that of datacenter.isolation. " +
		"Linode's Cloud Firewall does not filter VLAN interfaces: what speaks over a VLAN is not cut off",
}

// datacenterFirewalled is an isolation by the provider. It is healed in the process that injected it: another one has no account.
type datacenterFirewalled struct{ FirewalledParams }

func newDatacenterFirewalled(p FirewalledParams) (Fault, error) {
	if p.Datacenter == "" {
		return nil, errors.New("datacenter: none is named")
	}
	return datacenterFirewalled{p}, nil
}

// Resolve makes the nodes of the datacenter the targets, whatever targets were named.
func (f datacenterFirewalled) Resolve(nodes []Node, _ []string) (any, []string, error) {
	p := FirewalledParams{Datacenter: f.Datacenter, Outside: map[string]string{}}
	var inside []string
	for _, n := range nodes {
		if n.Datacenter == p.Datacenter {
			inside = append(inside, n.Name)
		} else {
			p.Outside[n.Name] = n.Address
		}
	}
	switch {
	case len(inside) == 0:
		return nil, nil, fmt.Errorf("there is no node in datacenter %q", p.Datacenter)
	case len(p.Outside) == 0:
		return nil, nil, fmt.Errorf("datacenter %q is all there is: nothing to isolate it from", p.Datacenter)
	}
	return p, inside, nil
}

func (f datacenterFirewalled) Check(_ context.Context, env Env) error {
	for _, n := range env.Targets {
		if n.Wall == nil {
			return fmt.Errorf("%s has no firewall of a provider: `datacenter \"NAME\" is isolated` does the same in the nodes: %w", n.Name, harness.ErrUnavailable)
		}
	}
	return nil
}

// Inject returns when nobody gets through: a provider that has taken a rule has not enforced it yet.
func (f datacenterFirewalled) Inject(ctx context.Context, env Env) (Effect, error) {
	if err := f.until(ctx, env, agent.Refused); err != nil {
		return Effect{}, fmt.Errorf("before the isolation: %w", err)
	}
	effect := Effect{Began: env.clock()}
	if err := env.Targets[0].Wall.Shut(ctx); err != nil {
		return effect, err
	}
	err := f.until(ctx, env, agent.Silence)
	effect.Effective = env.clock()
	effect.Proof = fmt.Sprintf("nobody outside reaches %s any more, nor it them: %d knocks at what answered before, the last %s after the order",
		env.Targets[0].Name, len(f.probes(env)), (effect.Effective - effect.Began).Round(time.Millisecond))
	return effect, err
}

func (f datacenterFirewalled) Heal(ctx context.Context, env Env) (Effect, error) {
	if env.Targets[0].Wall == nil {
		return Effect{}, fmt.Errorf("the firewall of %s is its provider's, which only the run has an account for: delete the machines with `firedrill clean`", f.Datacenter)
	}
	effect := Effect{Began: env.clock()}
	if err := env.Targets[0].Wall.Open(ctx); err != nil {
		return effect, err
	}
	err := f.until(ctx, env, agent.Refused)
	effect.Effective = env.clock()
	effect.Proof = "they reach each other again"
	return effect, err
}

// probe is a knock from one node at another.
type probe struct {
	name, peer string
	from       Node
	address    string
}

// probes are one way and the other, between the first node inside and each outside.
func (f datacenterFirewalled) probes(env Env) []probe {
	in := env.Targets[0]
	var out []probe
	for name, address := range f.Outside {
		peer, err := env.Node(name)
		if err != nil {
			continue
		}
		out = append(out, probe{in.Name, name, in, address}, probe{name, in.Name, peer, in.Address})
	}
	return out
}

// firewallWithin is how long a provider may take to enforce what it has taken.
const (
	firewallWithin = time.Minute
	firewallKnock  = time.Second
)

// until knocks at a port that is closed everywhere, which refuses those who get through, until all knocks end so.
func (f datacenterFirewalled) until(ctx context.Context, env Env, want string) error {
	return wait.Until(ctx, "knocks at and from "+f.Datacenter+" end in "+want, firewallWithin, func(ctx context.Context) (bool, string, error) {
		probes := f.probes(env)
		other, errs := make([]string, len(probes)), make([]error, len(probes))
		var all sync.WaitGroup // all at once: silence costs its whole deadline, and the bracket of the fault spans them
		for i, p := range probes {
			all.Go(func() { other[i], errs[i] = p.knock(ctx, want) })
		}
		all.Wait()
		others := sentences(other...)
		return others == "", others, errors.Join(errs...)
	})
}

// knock says who was answered otherwise.
func (p probe) knock(ctx context.Context, want string) (otherwise string, err error) {
	got, err := p.from.Agent.Exchange(ctx, agent.Exchanges{Address: p.address, Port: knockPort, Count: 1, Deadline: firewallKnock})
	if err != nil {
		return "", fmt.Errorf("knock from %s at %s: %w", p.name, p.peer, err)
	}
	if len(got) == 0 || got[0].Outcome != want {
		return p.name + " to " + p.peer, nil
	}
	return "", nil
}
