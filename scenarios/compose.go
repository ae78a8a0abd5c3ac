package scenarios

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/firedrill/firedrill/harness/wait"
	"github.com/firedrill/firedrill/injectors"
)

// Faults compose: several at once, or one that comes and goes on a schedule. Each is a fault of its own, with its own
// proof and its own heal.

type gatherKey struct{}

// gathered is the faults of a step, noted and not injected.
type gathered struct{ plans []plan }

func gathering(ctx context.Context) *gathered {
	g, _ := ctx.Value(gatherKey{}).(*gathered)
	return g
}

// Plans notes the faults that do would inject.
type Plans struct{ plans []plan }

// Gather calls do, which injects faults by the methods of Drill, and notes them in place of injecting them.
func Gather(ctx context.Context, do func(ctx context.Context) error) (Plans, error) {
	g := &gathered{}
	if err := do(context.WithValue(ctx, gatherKey{}, g)); err != nil {
		return Plans{}, err
	}
	if len(g.plans) == 0 {
		return Plans{}, errors.New("this is no fault: only faults can be put together or on a schedule")
	}
	return Plans{g.plans}, nil
}

// And puts plans together.
func (p Plans) And(other Plans) Plans {
	return Plans{append(p.plans[:len(p.plans):len(p.plans)], other.plans...)}
}

func (p Plans) specs(ctx context.Context) ([]injectors.Spec, error) {
	var out []injectors.Spec
	for _, plan := range p.plans {
		spec, err := plan(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, spec)
	}
	return out, nil
}

// AtOnce injects several faults at the same moment: all are resolved and checked before the first is injected.
func (d *Drill) AtOnce(ctx context.Context, p Plans) error {
	specs, err := p.specs(ctx)
	if err != nil {
		return err
	}
	return d.inject(ctx, specs...)
}

// schedule is faults that come and go in the background.
type schedule struct {
	text   string
	length time.Duration
	stop   context.CancelFunc
	done   chan struct{}
}

// Repeat injects faults, heals them after on, and injects them again after off, so many times in all. The targets are
// found anew each time, by role. It returns when the first round is in force; the rest goes on beside the next steps,
// until it is over or all faults are healed.
func (d *Drill) Repeat(ctx context.Context, text string, times int, on, off time.Duration, p Plans) error {
	if times < 1 || on <= 0 || off <= 0 {
		return fmt.Errorf("%d times, %s on and %s off: nothing of it may be zero", times, on, off)
	}
	before := len(d.injections.All())
	if err := d.AtOnce(ctx, p); err != nil || d.NotDrilled() != "" {
		return err
	}
	first := d.injections.All()[before:]
	// The schedule outlives its step, and ends with endSchedules.
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	s := &schedule{text: text, length: time.Duration(times) * (on + off), stop: stop, done: make(chan struct{})}
	d.schedules = append(d.schedules, s)
	go func() {
		defer close(s.done)
		if err := d.rounds(background, times, on, off, first, p); err != nil && background.Err() == nil {
			d.broken(fmt.Errorf("%s: %w", text, err))
		}
	}()
	return nil
}

// rounds goes through what is left of a schedule; what is in force at its end is for the drill to heal.
func (d *Drill) rounds(ctx context.Context, times int, on, off time.Duration, active []*injectors.Injection, p Plans) error {
	for round := 1; ; round++ {
		if err := wait.Hold(ctx, on); err != nil {
			return err
		}
		for _, i := range active {
			if err := i.Heal(ctx); err != nil {
				return err
			}
		}
		d.healed()
		if round == times {
			return nil
		}
		if err := wait.Hold(ctx, off); err != nil {
			return err
		}
		specs, err := p.specs(ctx)
		if err != nil {
			return err
		}
		if active, err = d.injections.InjectAll(ctx, specs); err != nil {
			return err
		}
	}
}

// AwaitSchedules waits until every schedule has run its rounds.
func (d *Drill) AwaitSchedules(ctx context.Context) error {
	for _, s := range d.schedules {
		err := d.await(ctx, "schedule over: "+s.text, 2*s.length+time.Minute, func() (bool, string) {
			select {
			case <-s.done:
				return true, ""
			default:
				return false, "it runs"
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// endSchedules stops what comes and goes; what is in force stays for the heal that follows.
func (d *Drill) endSchedules() {
	for _, s := range d.schedules {
		s.stop()
		<-s.done
	}
}
