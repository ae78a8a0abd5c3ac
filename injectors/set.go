package injectors

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firedrill/firedrill/harness/record"
)

// Options of a Set.
type Options struct {
	Registry *Registry // nil means Builtin
	Nodes    []Node    // all of the topology
	Recorder Recorder
	Now      func() time.Duration // the drill's time
	Budgets  Budgets
	// AtMost is the longest that a fault may stay in force: after it the agents heal by themselves. 0 means forever.
	AtMost time.Duration
	// FirstID numbers the first fault, so that several processes can break the same topology one after the other;
	// 0 means 1.
	FirstID int
}

// Set is every fault of a drill, in the order of their injection. It is safe for concurrent use.
type Set struct {
	opts Options
	mu   sync.Mutex
	all  []*Injection
	next int
}

// NewSet returns one with no faults.
func NewSet(o Options) *Set {
	if o.Registry == nil {
		o.Registry = Builtin()
	}
	return &Set{opts: o, next: max(1, o.FirstID)}
}

// Spec asks for a fault.
type Spec struct {
	Name    string   // registry name
	Params  any      // anything that is a JSON object: a parameter struct, a map, json.RawMessage; nil means none
	Targets []string // names of nodes
	Text    string   // the step as the user wrote it
}

// Inject prepares a fault and injects it. See Prepare and Injection.Inject for the errors. The injection is nil only
// when it could not be prepared: then nothing was done.
func (s *Set) Inject(ctx context.Context, spec Spec) (*Injection, error) {
	i, err := s.Prepare(ctx, spec)
	if err != nil {
		return nil, err
	}
	return i, i.Inject(ctx)
}

// InjectAll prepares several faults, and injects them at once when all of them could be prepared. The errors are those
// of Inject.
func (s *Set) InjectAll(ctx context.Context, specs []Spec) ([]*Injection, error) {
	var all []*Injection
	for _, spec := range specs {
		i, err := s.Prepare(ctx, spec)
		if err != nil {
			return nil, err // those prepared before are new: nothing was done, nothing is to be healed
		}
		all = append(all, i)
	}
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for n, i := range all {
		wg.Go(func() { errs[n] = i.Inject(ctx) })
	}
	wg.Wait()
	return all, join(errs)
}

// Prepare resolves a fault and checks that it can be injected here, and keeps it in the set. It changes nothing on
// any node. An error that wraps harness.ErrUnavailable means that the drill cannot be held here; any other one is a
// mistake in the spec.
func (s *Set) Prepare(ctx context.Context, spec Spec) (*Injection, error) {
	fault, step, err := s.resolve(spec)
	if err != nil {
		return nil, fmt.Errorf("prepare %s on %s: %w", spec.Name, strings.Join(spec.Targets, ", "), err)
	}
	targets, err := s.nodes(step.Targets)
	if err != nil {
		return nil, fmt.Errorf("prepare %s: %w", spec.Name, err)
	}
	env := Env{Targets: targets, node: func(name string) (Node, error) { return find(s.opts.Nodes, name) }, budget: s.opts.Budgets.orDefaults().Deed, atMost: s.opts.AtMost, clock: s.opts.Now}
	if c, ok := fault.(Checker); ok {
		if err := c.Check(ctx, env); err != nil {
			return nil, fmt.Errorf("prepare %s: %w", spec.Name, err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	env.Fault = fmt.Sprintf("f%d", s.next)
	s.next++
	step.ID = env.Fault
	i := newInjection(fault, env, step, s.opts.Recorder, s.opts.Now, s.opts.Budgets)
	s.all = append(s.all, i)
	return i, nil
}

// resolve completes parameters and targets, so that the intent on disk needs no topology to be understood.
func (s *Set) resolve(spec Spec) (Fault, record.FaultStep, error) {
	step := record.FaultStep{Name: spec.Name, Text: spec.Text, Targets: distinct(spec.Targets), State: record.FaultNew}
	var err error
	if spec.Params != nil {
		if step.Params, err = json.Marshal(spec.Params); err != nil {
			return nil, step, fmt.Errorf("encode parameters: %w", err)
		}
	}
	fault, err := s.opts.Registry.Make(spec.Name, step.Params)
	if err != nil {
		return nil, step, err
	}
	if r, ok := fault.(Resolver); ok {
		var params any
		if params, step.Targets, err = r.Resolve(s.opts.Nodes, step.Targets); err != nil {
			return nil, step, err
		}
		if step.Params, err = json.Marshal(params); err != nil {
			return nil, step, fmt.Errorf("encode parameters: %w", err)
		}
		if fault, err = s.opts.Registry.Make(spec.Name, step.Params); err != nil {
			return nil, step, err
		}
	}
	return fault, step, nil
}

func (s *Set) nodes(targets []string) ([]Node, error) {
	var out []Node
	for _, name := range targets {
		n, err := find(s.opts.Nodes, name)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

// distinct keeps the first of each: who is named twice is broken once.
func distinct(names []string) []string {
	var out []string
	for _, n := range names {
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// All returns every injection, in order.
func (s *Set) All() []*Injection {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}

// Open returns the injections that still need a heal.
func (s *Set) Open() []*Injection {
	return slices.DeleteFunc(s.All(), func(i *Injection) bool { return !i.Open() })
}

// HealAll heals everything that is open, the last one first. It goes on after an error, and can be called again:
// what is left is in Open.
func (s *Set) HealAll(ctx context.Context) error { return healAll(ctx, s.Open()) }

func healAll(ctx context.Context, injections []*Injection) error {
	var errs []error
	for _, i := range slices.Backward(injections) {
		errs = append(errs, i.Heal(ctx))
	}
	return join(errs)
}

// Heal heals the faults that match and are open, the last one first. That nothing matches is an error; that what
// matches is healed already is none.
func (s *Set) Heal(ctx context.Context, m Match) error {
	var matching []*Injection
	for _, i := range s.All() {
		ok, err := m.matches(i.Step())
		if err != nil && i.Open() {
			return err
		}
		if ok && i.State() != record.FaultNew {
			matching = append(matching, i)
		}
	}
	if len(matching) == 0 {
		return fmt.Errorf("heal %s: no such fault was injected", m)
	}
	// A one-shot fault is not open, but who asks for its heal gets the proof that there is nothing left of it.
	return healAll(ctx, matching)
}

// Match selects injections. Empty fields select all.
type Match struct {
	Faults  []string          // registry names
	Targets []string          // the fault's targets are among these
	Params  map[string]string // parameters that have these values
}

// matches says whether a fault is meant. A fault on several targets is healed on all of them or not at all: to mean
// only some of them is an error.
func (m Match) matches(s record.FaultStep) (bool, error) {
	if len(m.Faults) > 0 && !slices.Contains(m.Faults, s.Name) {
		return false, nil
	}
	var params map[string]any
	_ = json.Unmarshal(s.Params, &params) // ours: it was made by resolve
	for k, want := range m.Params {
		if got, ok := params[k]; !ok || fmt.Sprint(got) != want {
			return false, nil
		}
	}
	if len(m.Targets) == 0 {
		return true, nil
	}
	outside := slices.DeleteFunc(slices.Clone(s.Targets), func(t string) bool { return slices.Contains(m.Targets, t) })
	switch len(outside) {
	case 0:
		return true, nil
	case len(s.Targets):
		return false, nil
	}
	return false, fmt.Errorf("heal %s: %s was injected on %s together, and is healed on all of them together",
		m, s.Name, strings.Join(s.Targets, ", "))
}

func (m Match) String() string {
	name := "any fault"
	if len(m.Faults) > 0 {
		name = strings.Join(m.Faults, " or ")
	}
	for k, v := range m.Params {
		name += " (" + k + " " + v + ")"
	}
	if len(m.Targets) > 0 {
		name += " on " + strings.Join(m.Targets, ", ")
	}
	return name
}

// Started matches what `"PROCESS" on TARGET is started` heals.
func Started(process string, targets ...string) Match {
	return Match{Faults: []string{"process.kill", "process.stop", "process.crashloop", "process.restart"}, Targets: targets, Params: map[string]string{"process": process}}
}

// Resumed matches what `"PROCESS" on TARGET is resumed` heals.
func Resumed(process string, targets ...string) Match {
	return Match{Faults: []string{"process.freeze"}, Targets: targets, Params: map[string]string{"process": process}}
}

// Returned matches what `the host of TARGET returns` heals.
func Returned(targets ...string) Match {
	return Match{Faults: []string{"host.lost", "host.rebooted"}, Targets: targets}
}

// Reunited matches what `the partition is healed` heals.
func Reunited() Match { return Match{Faults: []string{"net.partition"}} }

// Rejoined matches what `the isolation is healed` heals.
func Rejoined() Match {
	return Match{Faults: []string{"datacenter.isolation", "datacenter.firewalled"}}
}
