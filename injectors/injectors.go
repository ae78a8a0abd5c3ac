// Package injectors breaks things on purpose: faults, one file each, one registry, and one state machine around them
// all, which keeps the intent on disk before the deed, brackets the deed in time, waits for the proof of its effect
// and undoes it whatever happens.
//
// A new fault is one new file and one line in Builtin.
package injectors

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
)

// Agent is what faults need of a node's agent. *agent.Client is one.
type Agent interface {
	Can(ctx context.Context, d agent.Deed) (reason string, err error)
	Do(ctx context.Context, fault string, d agent.Deed, atMost time.Duration) (agent.Stamp, error)
	Inspect(ctx context.Context, fault string) (agent.Stamp, error)
	Heal(ctx context.Context, fault string) (agent.Stamp, error)
	Processes(ctx context.Context) ([]agent.ProcessState, error)
	Query(ctx context.Context, q agent.Query) (agent.Rows, error)
	Exchange(ctx context.Context, e agent.Exchanges) ([]agent.Exchange, error)
	// Time converts a stamp of the node's clock to the drill's time.
	Time(node int64) time.Duration
}

// Node is a host that a fault can act on, with its agent.
type Node struct {
	Name       string
	Component  string // harness.MySQL, harness.Etcd...
	Datacenter string
	Address    string
	Agent      Agent
	Power      harness.Power // nil where the node has no switch
	Wall       harness.Wall  // nil where its datacenter has no firewall of a provider
	// Admin reaches the node's database from inside the node, with all rights; its driver is empty on a node that
	// has none. Application is how an application logs in there.
	Admin, Application agent.Database
}

// Logins says how databases are reached. A harness.Topology does.
type Logins interface {
	Databases() []*harness.Node
	Admin(n *harness.Node) agent.Database
	Application() agent.Database
}

// Nodes makes what a provider stood up ready for faults. logins may be nil: then no fault reaches a database.
func Nodes(nodes []*harness.Node, logins Logins) []Node {
	databases := map[string]bool{}
	if logins != nil {
		for _, n := range logins.Databases() {
			databases[n.Name] = true
		}
	}
	var out []Node
	for _, n := range nodes {
		node := Node{Name: n.Name, Component: n.Component, Datacenter: n.Datacenter, Address: n.Address, Agent: n.Agent, Power: n.Power, Wall: n.Wall}
		if databases[n.Name] {
			node.Admin, node.Application = logins.Admin(n), logins.Application()
		}
		out = append(out, node)
	}
	return out
}

// Fault is one way to break something. It is made from its parameters and works from them and from the targets in
// Env alone, so that another process can heal it from faults.jsonl: it keeps nothing between Inject and Heal.
type Fault interface {
	// Inject does the deed on all targets at once. It returns when the deed is done, not when its effect shows. After
	// an error it may be half done: Heal undoes whatever part of it there is.
	Inject(ctx context.Context, env Env) (Effect, error)
	// Heal undoes the deed. It is idempotent, and legal without or after half an Inject: what is not in force is
	// healed already.
	Heal(ctx context.Context, env Env) (Effect, error)
}

// Effect says when a deed took effect, in the drill's time, and what was seen of it.
type Effect struct {
	// Began and Effective bracket the deed on all targets: it took effect nowhere before Began, and everywhere by
	// Effective.
	Began, Effective time.Duration
	// Proof is what was observed, for people; empty means nothing yet.
	Proof string
	// OneShot says that nothing is left to heal: a switchover, or the kill of a process whose manager restarts it.
	OneShot bool
}

// Optional capabilities of a Fault, found by type assertion.
type (
	// Resolver completes parameters and targets with what must be looked up among the topology's nodes (addresses,
	// the nodes of a datacenter). It is asked before the intent is written: what is on disk is complete.
	Resolver interface {
		Resolve(nodes []Node, targets []string) (params any, resolved []string, err error)
	}
	// Checker says whether the fault can be injected here. The error wraps harness.ErrUnavailable and gives the
	// reason: the drill is then not drilled. It only looks.
	Checker interface {
		Check(ctx context.Context, env Env) error
	}
	// Awaiter looks once whether the effect shows. No proof yet is no error. Faults whose Inject brings its own
	// proof need none.
	Awaiter interface {
		Observe(ctx context.Context, env Env) (proof string, err error)
	}
	// HealAwaiter looks once whether the heal shows.
	HealAwaiter interface {
		ObserveHeal(ctx context.Context, env Env) (proof string, err error)
	}
)

// Env is what a fault works with.
type Env struct {
	Fault   string // id, unique in the drill; agents keep what is in force under it
	Targets []Node

	node   func(name string) (Node, error)
	budget time.Duration        // of one round of calls to the agents
	atMost time.Duration        // after which the agents heal by themselves; 0: never
	clock  func() time.Duration // the drill's time; a visitor has none, and no switches
	// now brackets the deeds of a visitor, whose agent sessions do not know the drill's epoch; nil for the drill
	// itself, which has the nodes' own, exact stamps.
	now func() time.Duration
}

// Node finds a node that is not a target, by name.
func (e Env) Node(name string) (Node, error) { return e.node(name) }

// part names a piece of the fault to the agents, so that the pieces can be healed one by one in an order of their
// own. An agent whose controller is gone heals them in the order of their names.
func (e Env) part(piece string) string { return e.Fault + "-" + piece }

// do does the same deed on all nodes at once, as a part of the fault (or as the whole of it: env.Fault).
func (e Env) do(ctx context.Context, nodes []Node, id string, d agent.Deed) (Effect, error) {
	return e.everywhere(ctx, nodes, func(ctx context.Context, n Node) (agent.Stamp, error) {
		return n.Agent.Do(ctx, id, d, e.atMost)
	})
}

// able says whether a deed can be done on all nodes. The error wraps harness.ErrUnavailable when it cannot.
func able(ctx context.Context, nodes []Node, d agent.Deed) error {
	for _, n := range nodes {
		reason, err := n.Agent.Can(ctx, d)
		if err != nil {
			return fmt.Errorf("ask %s what it can do: %w", n.Name, err)
		}
		if reason != "" {
			return fmt.Errorf("on %s: %s: %w", n.Name, reason, harness.ErrUnavailable)
		}
	}
	return nil
}

// deed is one call to one agent.
type deed func(ctx context.Context, n Node) (agent.Stamp, error)

// everywhere does a deed on all nodes at once. A cancelled ctx keeps it from beginning, but never interrupts it: an
// agent goes on with what it was asked for, so a deed that was given up half way would meet its own heal.
func (e Env) everywhere(ctx context.Context, nodes []Node, do deed) (Effect, error) {
	if err := ctx.Err(); err != nil {
		return Effect{}, context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.budget)
	defer cancel()
	var began time.Duration
	if e.now != nil {
		began = e.now()
	}
	effect, err := atOnce(ctx, nodes, do)
	if e.now != nil {
		effect.Began, effect.Effective = began, e.now()
	}
	return effect, err
}

// atOnce calls all nodes in parallel and returns when the last has answered.
func atOnce(ctx context.Context, nodes []Node, do deed) (Effect, error) {
	stamps, errs := make([]agent.Stamp, len(nodes)), make([]error, len(nodes))
	var all sync.WaitGroup
	for i, n := range nodes {
		all.Go(func() { stamps[i], errs[i] = do(ctx, n) })
	}
	all.Wait()
	return merge(nodes, stamps), join(errs)
}

// merge brackets the stamps of all nodes in the drill's time, and names the node that each proof is of.
func merge(nodes []Node, stamps []agent.Stamp) Effect {
	var out Effect
	var proofs []string
	for i, s := range stamps {
		began, effective := nodes[i].Agent.Time(s.Began), nodes[i].Agent.Time(s.Effective)
		if i == 0 || began < out.Began {
			out.Began = began
		}
		if i == 0 || effective > out.Effective {
			out.Effective = effective
		}
		if s.Proof != "" {
			proofs = append(proofs, nodes[i].Name+": "+s.Proof)
		}
	}
	out.Proof = strings.Join(proofs, "; ")
	return out
}

// seen asks all nodes what a fault (or a part of it) has done so far. It only looks, so that ctx may interrupt it.
func (e Env) seen(ctx context.Context, nodes []Node, id string) (string, error) {
	effect, err := atOnce(ctx, nodes, func(ctx context.Context, n Node) (agent.Stamp, error) {
		return n.Agent.Inspect(ctx, id)
	})
	return effect.Proof, err
}

// healed undoes a fault (or a part of it) on all nodes.
func (e Env) healed(ctx context.Context, nodes []Node, id string) (Effect, error) {
	return e.everywhere(ctx, nodes, func(ctx context.Context, n Node) (agent.Stamp, error) {
		return n.Agent.Heal(ctx, id)
	})
}

// then is what follows a deed in the same fault: the bracket spans both.
func (e Effect) then(next Effect) Effect {
	e.Began, e.Effective = min(e.Began, next.Began), max(e.Effective, next.Effective)
	e.Proof = sentences(e.Proof, next.Proof)
	return e
}

func sentences(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, "; ")
}

// find looks a node up by name.
func find(nodes []Node, name string) (Node, error) {
	var names []string
	for _, n := range nodes {
		if n.Name == name {
			return n, nil
		}
		names = append(names, n.Name)
	}
	return Node{}, fmt.Errorf("there is no node %q; there are: %s", name, strings.Join(names, ", "))
}

func names(nodes []Node) []string {
	var out []string
	for _, n := range nodes {
		out = append(out, n.Name)
	}
	return out
}

// needTargets is the first thing that most faults ask for.
func needTargets(targets []string) error {
	if len(targets) == 0 {
		return fmt.Errorf("no target is named")
	}
	return nil
}
