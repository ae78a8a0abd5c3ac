package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	oneShot bool // its undo changes nothing: it is not in force once it is done
}

// deeds are all that is in force on this node, by fault. The agent heals from them alone.
type deeds struct {
	mu      sync.Mutex
	faults  map[string][]deed
	limits  map[string]*limit // of the faults that end by themselves
	doing   map[string]int    // deeds that are under way, by fault
	done    *sync.Cond        // on mu: one of them has ended
	healing sync.Map          // fault to *sync.Mutex: one heal of a fault at a time
}

// limit is a clock that ends a fault.
type limit struct {
	stop      context.CancelFunc
	effective int64 // when the fault's first deed took effect; 0: not yet
}

func newDeeds() *deeds {
	d := &deeds{faults: map[string][]deed{}, limits: map[string]*limit{}, doing: map[string]int{}}
	d.done = sync.NewCond(&d.mu)
	return d
}

// begin notes that a deed of a fault is under way, until end is called.
func (d *deeds) begin(fault string) (end func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.doing[fault]++
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.doing[fault]--; d.doing[fault] == 0 {
			delete(d.doing, fault)
		}
		d.done.Broadcast()
	}
}

// settled returns the deeds of a fault once none is under way. A deed whose way back is pushed but which is not yet
// done would else be done after its heal; what can be undone at once is undone before the wait.
func (d *deeds) settled(fault string) []deed {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.doing[fault] > 0 {
		list := append([]deed(nil), d.faults[fault]...)
		d.mu.Unlock()
		for _, x := range slices.Backward(list) {
			_, _ = x.undo() // it is undone again, and heard, after the wait
		}
		d.mu.Lock()
	}
	for d.doing[fault] > 0 {
		d.done.Wait()
	}
	return append([]deed(nil), d.faults[fault]...)
}

// expire starts the clock that ends a fault, once for all of its deeds. down returns when the first took effect.
func (d *deeds) expire(fault string, run func(ctx context.Context, down func() int64)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.limits[fault] != nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	l := &limit{stop: stop}
	d.limits[fault] = l
	go run(ctx, func() int64 {
		d.mu.Lock()
		defer d.mu.Unlock()
		return l.effective
	})
}

// took notes when a deed of the fault took effect, for its clock.
func (d *deeds) took(fault string, s agent.Stamp) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if l := d.limits[fault]; l != nil && l.effective == 0 {
		l.effective = s.Effective
	}
}

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
	stamp := agent.Stamp{Began: agent.Monotonic()}
	list := d.settled(fault)
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
		if l := d.limits[fault]; l != nil {
			l.stop()
			delete(d.limits, fault)
		}
	}
	d.mu.Unlock()
	if len(list) == 0 {
		proofs = append(proofs, "nothing of it was in force")
	}
	stamp.Proof = strings.Join(proofs, "; ")
	return stamp, errors.Join(errs...)
}

// healAll heals everything, twice what fails: a switch in a frozen process is thrown back only after the process runs
// again.
func (d *deeds) healAll() {
	for range 2 {
		for _, f := range d.states() {
			_, _ = d.heal(f.Fault) // what fails stays listed, and a visitor can heal it
		}
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

// states lists what is in force.
func (d *deeds) states() []agent.FaultState {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []agent.FaultState
	for fault, list := range d.faults {
		state := agent.FaultState{Fault: fault}
		for _, x := range list {
			if !x.oneShot {
				state.Deeds = append(state.Deeds, x.name)
			}
		}
		if len(state.Deeds) > 0 {
			out = append(out, state)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Fault < out[j].Fault })
	return out
}
