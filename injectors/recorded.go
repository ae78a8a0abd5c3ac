package injectors

import (
	"context"
	"fmt"
	"time"

	"github.com/firedrill/firedrill/harness/record"
)

// Dial opens a session to the agent of a node.
type Dial func(node string) (Agent, error)

// HealRecorded heals everything in a loaded faults.jsonl that is not healed, the last one first, from another process
// than the one that injected it. It goes on after an error. Nodes are dialled once each, when they are needed.
//
// now is the drill's time; where the drill's monotonic clock is out of reach, the wall clock since Manifest.Epoch
// does, because these steps are timed by the caller and not by the nodes.
func HealRecorded(ctx context.Context, reg *Registry, steps []record.FaultStep, dial Dial, rec Recorder, now func() time.Duration) error {
	if reg == nil {
		reg = Builtin()
	}
	node := dialOnce(dial)
	var injections []*Injection
	var errs []error
	for _, step := range Unhealed(steps) {
		i, err := recorded(reg, step, node, rec, now)
		if err != nil {
			errs = append(errs, fmt.Errorf("heal %s (%s): %w", step.ID, step.Name, err))
			continue
		}
		injections = append(injections, i)
	}
	return join(append(errs, healAll(ctx, injections)))
}

// Unhealed returns the last step of each fault that still needs a heal, in the order of their injection.
func Unhealed(steps []record.FaultStep) []record.FaultStep {
	last := map[string]record.FaultStep{}
	var order []string
	for _, s := range steps {
		old, known := last[s.ID]
		if !known {
			order = append(order, s.ID)
		}
		if old.State != record.FaultHealed { // a heal is final, whatever the order of lines of one instant
			last[s.ID] = s
		}
	}
	var out []record.FaultStep
	for _, id := range order {
		if s := last[id]; open(s) {
			out = append(out, s)
		}
	}
	return out
}

// recorded makes an injection of a step, in the state doubtful: what its process did last, we do not know.
func recorded(reg *Registry, step record.FaultStep, node func(string) (Node, error), rec Recorder, now func() time.Duration) (*Injection, error) {
	fault, err := reg.Make(step.Name, step.Params)
	if err != nil {
		return nil, err
	}
	step.State = record.FaultDoubtful
	env := Env{Fault: step.ID, node: node, now: now}
	var errs []error
	for _, name := range step.Targets {
		n, err := node(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		env.Targets = append(env.Targets, n)
	}
	i := newInjection(fault, env, step, rec, now, Budgets{})
	i.unreached = join(errs) // a node that is gone must not keep the rest broken
	return i, nil
}

// dialOnce remembers sessions and failures.
func dialOnce(dial Dial) func(string) (Node, error) {
	type answer struct {
		agent Agent
		err   error
	}
	known := map[string]answer{}
	return func(name string) (Node, error) {
		a, ok := known[name]
		if !ok {
			a.agent, a.err = dial(name)
			known[name] = a
		}
		if a.err != nil {
			return Node{}, fmt.Errorf("reach %s: %w", name, a.err)
		}
		return Node{Name: name, Agent: a.agent}, nil
	}
}
