package injectors

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
)

// Recorder keeps the steps of a fault's life and returns only when each is on disk. *record.Recorder is one.
type Recorder interface {
	Fault(record.FaultStep) error
}

// Budgets bound what an injection waits for. Zero values mean the defaults.
type Budgets struct {
	Deed  time.Duration // one round of calls to the agents; default 45 s: a clean stop may take 30 s
	Proof time.Duration // until the effect, or the heal, is observed; default 10 s
	Heal  time.Duration // a whole heal, which nothing can cancel; default 60 s
}

func (b Budgets) orDefaults() Budgets {
	if b.Deed == 0 {
		b.Deed = 45 * time.Second
	}
	if b.Proof == 0 {
		b.Proof = 10 * time.Second
	}
	if b.Heal == 0 {
		b.Heal = time.Minute
	}
	return b
}

// IllegalError says that a fault's state does not allow what was asked for. Nothing was done.
type IllegalError struct {
	Verb  string // inject, heal
	Fault string
	State record.FaultState
}

func (e *IllegalError) Error() string {
	return fmt.Sprintf("%s %s: it is %s", e.Verb, e.Fault, e.State)
}

// Injection is the life of one fault on its targets:
//
//	      Inject                         Heal
//	new ---------> injecting ---> active -----> healing ---> healed
//	                   |                         ^  |
//	             error |                    Heal |  | error
//	                   |                         |  v
//	                   +----------------------> doubtful
//
// From doubtful only Heal is legal, any number of times. Heal of what is healed does nothing. Each state is on disk
// before what follows it is done; the first of them, injecting, carries the intent. It is safe for concurrent use.
type Injection struct {
	fault   Fault
	env     Env
	rec     Recorder
	now     func() time.Duration
	budgets Budgets
	// unreached is why a heal of all targets cannot succeed; those that can be reached are healed all the same.
	unreached error

	deed sync.Mutex // held by Inject and Heal: a heal waits for the injection that it undoes

	mu       sync.Mutex
	step     record.FaultStep // the last one entered
	effect   Effect
	healedBy Effect
}

// legal lists where each state leads.
var legal = map[record.FaultState][]record.FaultState{
	record.FaultNew:       {record.FaultInjecting, record.FaultDoubtful},
	record.FaultInjecting: {record.FaultActive, record.FaultDoubtful},
	record.FaultActive:    {record.FaultHealing, record.FaultDoubtful},
	record.FaultHealing:   {record.FaultHealed, record.FaultDoubtful},
	record.FaultDoubtful:  {record.FaultHealing, record.FaultDoubtful},
}

// ID of the fault, unique in the drill.
func (i *Injection) ID() string { return i.env.Fault }

// Step is the last step of its life, as recorded.
func (i *Injection) Step() record.FaultStep {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.step
}

// State of its life.
func (i *Injection) State() record.FaultState { return i.Step().State }

// Effect says when it took effect and what was seen of it; zero before it is active.
func (i *Injection) Effect() Effect {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.effect
}

// HealEffect says when it was healed and what was seen of it; zero before it is healed.
func (i *Injection) HealEffect() Effect {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.healedBy
}

// Open says that it needs a heal: it has begun, is not healed, and is not a one-shot fault that is done.
func (i *Injection) Open() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return open(i.step)
}

func open(s record.FaultStep) bool {
	switch s.State {
	case record.FaultNew, record.FaultHealed:
		return false
	case record.FaultActive:
		return !s.OneShot
	}
	return true
}

// Inject breaks all targets at once, waits (bounded) until the effect shows, and records it. An effect that does not
// show is no error: the step is recorded without a proof. An error leaves the fault doubtful, except when ctx ended
// while we waited for the proof: it is then active, and the error is ctx's.
func (i *Injection) Inject(ctx context.Context) error {
	i.deed.Lock()
	defer i.deed.Unlock()
	if s := i.State(); s != record.FaultNew {
		return &IllegalError{"inject", i.String(), s}
	}
	if ctx.Err() != nil { // nothing was done, and nothing has to be undone
		return fmt.Errorf("inject %s: %w", i, context.Cause(ctx))
	}
	if err := i.enter(record.FaultInjecting, Effect{}); err != nil {
		return i.doubt("inject", err)
	}
	i.env.budget = i.budgets.Deed
	effect, err := i.safely(func() (Effect, error) { return i.fault.Inject(ctx, i.env) })
	if err != nil {
		return i.doubt("inject", err)
	}
	var waited error
	if awaiter, ok := i.fault.(Awaiter); ok && effect.Proof == "" {
		effect.Proof, waited = i.await(ctx, "effect of "+i.String(), awaiter.Observe)
	}
	i.mu.Lock()
	i.effect = effect
	i.mu.Unlock()
	if err := i.enter(record.FaultActive, effect); err != nil {
		return i.doubt("inject", err)
	}
	if waited != nil {
		return fmt.Errorf("inject %s: %w", i, waited)
	}
	return nil
}

// Heal undoes the fault and waits (bounded) until that shows. It goes on when ctx ends: it has a budget of its own.
// An error leaves the fault doubtful, and Heal can be called again.
func (i *Injection) Heal(ctx context.Context) error {
	i.deed.Lock()
	defer i.deed.Unlock()
	switch s := i.State(); s {
	case record.FaultHealed:
		return nil
	case record.FaultActive, record.FaultDoubtful:
	default:
		return &IllegalError{"heal", i.String(), s}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), i.budgets.Heal)
	defer cancel()
	// A step that cannot be recorded makes the fault doubtful in the end, but must not keep us from healing.
	recorded := i.enter(record.FaultHealing, Effect{})
	i.env.budget = i.budgets.Heal
	effect, err := i.safely(func() (Effect, error) { return i.fault.Heal(ctx, i.env) })
	if err = join([]error{i.unreached, err, recorded}); err != nil {
		return i.doubt("heal", err)
	}
	if awaiter, ok := i.fault.(HealAwaiter); ok && effect.Proof == "" {
		effect.Proof, _ = i.await(ctx, "heal of "+i.String(), awaiter.ObserveHeal)
	}
	i.mu.Lock()
	i.healedBy = effect
	i.mu.Unlock()
	if err := i.enter(record.FaultHealed, effect); err != nil {
		return i.doubt("heal", err)
	}
	return nil
}

// String names it for people: f1 (process.kill on m1, m2).
func (i *Injection) String() string {
	s := i.Step()
	return fmt.Sprintf("%s (%s on %s)", s.ID, s.Name, strings.Join(s.Targets, ", "))
}

// await looks until there is a proof. Only the end of ctx is an error: what cannot be seen, for whatever reason, is
// an effect without a proof.
func (i *Injection) await(ctx context.Context, what string, observe func(context.Context, Env) (string, error)) (string, error) {
	var proof string
	_ = wait.Until(ctx, what, i.budgets.Proof, func(ctx context.Context) (bool, string, error) {
		seen, err := observe(ctx, i.env)
		if err != nil {
			return false, err.Error(), nil // the next look may be luckier
		}
		proof = seen
		return proof != "", "nothing", nil
	})
	if ctx.Err() != nil {
		return proof, context.Cause(ctx)
	}
	return proof, nil
}

// safely turns a fault's panic into an error: what it had begun must still be healed.
func (i *Injection) safely(do func() (Effect, error)) (effect Effect, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("a defect of ours: %v", p)
		}
	}()
	return do()
}

// enter records the next state. The time of a step with an effect is the effect's, not that of the proof, which may
// have come seconds later; it is never before that of the step before it, whatever the error of a node's clock.
func (i *Injection) enter(to record.FaultState, effect Effect) error {
	i.mu.Lock()
	step := i.step
	i.mu.Unlock()
	if !slices.Contains(legal[step.State], to) {
		panic(fmt.Sprintf("fault %s: illegal step from %s to %s", step.ID, step.State, to))
	}
	at := i.now()
	if effect.Effective != 0 {
		at = effect.Effective
	}
	step.T, step.State, step.Err = max(step.T, at), to, ""
	step.Began, step.Effective, step.Proof = effect.Began, effect.Effective, effect.Proof
	step.OneShot = step.OneShot || effect.OneShot
	return i.keep(step)
}

func (i *Injection) keep(step record.FaultStep) error {
	i.mu.Lock()
	i.step = step
	i.mu.Unlock()
	return i.rec.Fault(step)
}

// doubt records that something went wrong; what is in force now is for Heal to undo. A fault that could not be
// recorded has nothing better than the error that it returns.
func (i *Injection) doubt(verb string, cause error) error {
	err := fmt.Errorf("%s %s: %w", verb, i, cause)
	step := i.Step()
	step.T, step.State, step.Err = max(step.T, i.now()), record.FaultDoubtful, err.Error()
	step.Began, step.Effective, step.Proof, step.OneShot = 0, 0, "", false
	return errors.Join(err, i.keep(step))
}

// newInjection is a fault that waits for its Inject.
func newInjection(fault Fault, env Env, step record.FaultStep, rec Recorder, now func() time.Duration, b Budgets) *Injection {
	if len(step.Params) == 0 {
		step.Params = json.RawMessage("{}")
	}
	return &Injection{fault: fault, env: env, step: step, rec: rec, now: now, budgets: b.orDefaults()}
}
