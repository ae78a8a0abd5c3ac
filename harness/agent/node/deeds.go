package node

import (
	"errors"
	"fmt"
	"sort"
	"strings"
	"sync"

	"github.com/firedrill/firedrill/harness/agent"
)

// deed is one thing done under a fault, with its way back. undo is idempotent and says what it saw afterwards.
type deed struct {
	name    string
	undo    func() (proof string, err error)
	inspect func() (proof string, err error)
}

// deeds are all that is in force on this node, by fault. The agent heals from them alone.
type deeds struct {
	mu      sync.Mutex
	faults  map[string][]deed
	healing sync.Map // fault to *sync.Mutex: one heal of a fault at a time
}

func newDeeds() *deeds { return &deeds{faults: map[string][]deed{}} }

// push notes a deed before it is done.
func (d *deeds) push(fault string, x deed) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults[fault] = append(d.faults[fault], x)
}

// heal undoes a fault, last deed first. What could not be undone stays in force and can be healed again. A fault is
// listed until it is undone, and a second heal waits for the first: nobody takes what is under way for done.
func (d *deeds) heal(fault string) (agent.Stamp, error) {
	one, _ := d.healing.LoadOrStore(fault, &sync.Mutex{})
	one.(*sync.Mutex).Lock()
	defer one.(*sync.Mutex).Unlock()
	d.mu.Lock()
	list := append([]deed(nil), d.faults[fault]...)
	d.mu.Unlock()
	stamp := agent.Stamp{Began: agent.Monotonic()}
	var proofs []string
	var failed []deed
	var errs []error
	for i := len(list) - 1; i >= 0; i-- {
		proof, err := list[i].undo()
		if err != nil {
			failed = append([]deed{list[i]}, failed...)
			errs = append(errs, fmt.Errorf("undo %s: %w", list[i].name, err))
			continue
		}
		proofs = append(proofs, proof)
	}
	stamp.Effective = agent.Monotonic()
	d.mu.Lock()
	// What was pushed meanwhile stays: only heals take deeds out, and this is the only one of the fault.
	if left := append(failed, d.faults[fault][len(list):]...); len(left) > 0 {
		d.faults[fault] = left
	} else {
		delete(d.faults, fault)
	}
	d.mu.Unlock()
	if len(list) == 0 {
		proofs = append(proofs, "nothing of it was in force")
	}
	stamp.Proof = strings.Join(proofs, "; ")
	return stamp, errors.Join(errs...)
}

func (d *deeds) healAll() {
	for _, f := range d.states() {
		_, _ = d.heal(f.Fault) // what fails stays listed, and a visitor can heal it
	}
}

// inspect gathers what the deeds of a fault have done so far. No proof at all is no error.
func (d *deeds) inspect(fault string) (agent.Stamp, error) {
	d.mu.Lock()
	list := append([]deed(nil), d.faults[fault]...)
	d.mu.Unlock()
	stamp := agent.Stamp{Began: agent.Monotonic()}
	var proofs []string
	for _, x := range list {
		proof, err := x.inspect()
		if err != nil {
			return stamp, fmt.Errorf("inspect %s: %w", x.name, err)
		}
		if proof != "" {
			proofs = append(proofs, proof)
		}
	}
	stamp.Effective = agent.Monotonic()
	stamp.Proof = strings.Join(proofs, "; ")
	return stamp, nil
}

func (d *deeds) states() []agent.FaultState {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []agent.FaultState
	for fault, list := range d.faults {
		state := agent.FaultState{Fault: fault}
		for _, x := range list {
			state.Deeds = append(state.Deeds, x.name)
		}
		out = append(out, state)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Fault < out[j].Fault })
	return out
}
