package injectors

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/firedrill/firedrill/harness/agent"
)

// Sides are the parameters that all faults of a network have in common: the network of the targets is the one between
// them and their peers. Among themselves nothing changes, as inside a datacenter whose line to the world is bad.
type Sides struct {
	Peers      []string          `json:"peers,omitempty"`
	Addresses  map[string]string `json:"addresses,omitempty"`
	Everything bool              `json:"everything,omitempty"`
}

// sidesParams documents them.
var sidesParams = []Param{
	{Name: "peers", Meaning: "names of the nodes at the other end: between them and the targets, not among the targets themselves", Default: "all nodes that are no targets", Filled: true},
	{Name: "addresses", Meaning: "address of each node by its name", Filled: true},
	{Name: "everything", Meaning: "what comes from hosts that are no nodes counts too: with one target and all others for peers", Filled: true},
}

// sidesLimits is what they do not reach.
const sidesLimits = "The loopback is never touched. With several targets, traffic among them is left alone"

// between completes the sides.
func (s Sides) between(nodes []Node, targets []string) (Sides, error) {
	if err := needTargets(targets); err != nil {
		return s, err
	}
	out := Sides{Peers: distinct(s.Peers), Addresses: map[string]string{}}
	maps.Copy(out.Addresses, s.Addresses)
	if len(out.Peers) == 0 {
		for _, n := range nodes {
			if !slices.Contains(targets, n.Name) {
				out.Peers = append(out.Peers, n.Name)
			}
		}
		out.Everything = len(targets) == 1
	}
	if len(out.Peers) == 0 {
		return s, errors.New("the targets are all nodes that there are: there is no network between them and others")
	}
	for _, name := range slices.Concat(targets, out.Peers) {
		n, err := find(nodes, name)
		if err != nil {
			return s, err
		}
		if slices.Contains(targets, name) && slices.Contains(out.Peers, name) {
			return s, fmt.Errorf("%s is at both ends", name)
		}
		out.Addresses[name] = n.Address
	}
	return out, nil
}

// arriving are the addresses whose packets a node treats when they come from the named ones.
func (s Sides) arriving(from []string) []string {
	var out []string
	for _, name := range from {
		out = append(out, s.Addresses[name])
	}
	return out
}

// onBothSides is a fault whose deed each side does to what arrives from the other, because a packet that is stopped
// where it is sent tells its sender at once, which no network does. Faults embed it.
type onBothSides struct {
	ends Sides
	// params are the fault's own, with these sides.
	params func(Sides) any
	// deed is for what arrives from these addresses; none means from everybody.
	deed func(from []string) agent.Deed
}

func (f onBothSides) Resolve(nodes []Node, targets []string) (any, []string, error) {
	sides, err := f.ends.between(nodes, targets)
	return f.params(sides), targets, err
}

// sides are all nodes that do something.
func (f onBothSides) sides(env Env) ([]Node, error) {
	peers, err := reach(env, f.ends.Peers)
	return slices.Concat(env.Targets, peers), err
}

func (f onBothSides) Check(ctx context.Context, env Env) error {
	all, err := f.sides(env)
	if err != nil {
		return err
	}
	return able(ctx, all, f.deed(nil))
}

// at is what one node does.
func (f onBothSides) at(node string, targets []string) agent.Deed {
	switch {
	case !slices.Contains(targets, node):
		return f.deed(f.ends.arriving(targets))
	case f.ends.Everything:
		return f.deed(nil)
	}
	return f.deed(f.ends.arriving(f.ends.Peers))
}

func (f onBothSides) Inject(ctx context.Context, env Env) (Effect, error) {
	if len(f.ends.Peers) == 0 {
		return Effect{}, errors.New("the other end was not resolved")
	}
	all, err := f.sides(env)
	if err != nil {
		return Effect{}, err
	}
	targets := names(env.Targets)
	return env.everywhere(ctx, all, func(ctx context.Context, n Node) (agent.Stamp, error) {
		return n.Agent.Do(ctx, env.Fault, f.at(n.Name, targets), env.atMost)
	})
}

// Observe reads what the nodes have seen. Where nobody has said anything yet, it has the targets knock at their peers.
func (f onBothSides) Observe(ctx context.Context, env Env) (string, error) {
	all, err := f.sides(env)
	if err != nil {
		return "", err
	}
	if proof, err := env.seen(ctx, all, env.Fault); err != nil || proof != "" {
		return proof, err
	}
	if err := knock(ctx, env.Targets, f.ends.arriving(f.ends.Peers), knockPort); err != nil {
		return "", err
	}
	return env.seen(ctx, all, env.Fault)
}

// A knock is for a port that is closed everywhere (the discard service): it costs its host one refusal.
const (
	knockPort   = 9
	knockWithin = 100 * time.Millisecond
)

// knock has nodes begin TCP connections to addresses, so that there is traffic to be seen.
func knock(ctx context.Context, from []Node, to []string, port int) error {
	_, err := atOnce(ctx, from, func(ctx context.Context, n Node) (agent.Stamp, error) {
		for _, address := range to {
			if _, err := n.Agent.Exchange(ctx, agent.Exchanges{Address: address, Port: port, Count: 1, Deadline: knockWithin}); err != nil {
				return agent.Stamp{}, err
			}
		}
		return agent.Stamp{}, nil
	})
	return err
}

// Heal goes on with the nodes that can be reached when others cannot.
func (f onBothSides) Heal(ctx context.Context, env Env) (Effect, error) {
	reached, unreached := f.sides(env)
	effect, err := env.healed(ctx, reached, env.Fault)
	return effect, join([]error{unreached, err})
}

// reach finds nodes that are no targets: all that there are, and an error for those that are not.
func reach(env Env, peers []string) ([]Node, error) {
	var out []Node
	var errs []error
	for _, peer := range peers {
		n, err := env.Node(peer)
		if err != nil {
			errs = append(errs, fmt.Errorf("reach the other side: %w", err))
			continue
		}
		out = append(out, n)
	}
	return out, join(errs)
}

// milliseconds is how parameters give durations.
func milliseconds(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

// networkFaults are what `the network of TARGET is whole again` heals.
var networkFaults = []string{
	"net.partition", "net.ring", "net.latency", "net.loss", "net.bandwidth", "net.flap", "net.mtu", "dns.blocked",
}

// Whole matches what `the network of TARGET is whole again` heals.
func Whole(targets ...string) Match { return Match{Faults: networkFaults, Targets: targets} }
