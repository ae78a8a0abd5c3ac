package node

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
)

// cpuPeriod is that of the kernel's own bandwidth control (cpu.cfs_period_us).
const cpuPeriod = 100 * time.Millisecond

// throttle stops all processes of the node for a part of each period.
type throttle struct {
	halts *halts
	find  func() []int
	share float64
	event func(kind, msg string, attrs map[string]string)
	end   context.CancelFunc
	done  chan struct{}

	mu      sync.Mutex
	periods int
	ran     time.Duration // how long they could run, in all periods
	began   int64
}

// starve throttles from the first period on. Quotas would need the container's control group, which it may not write.
func (a *Agent) starve(ctx context.Context, fault string, s agent.CPUSpec) (agent.Stamp, error) {
	if s.Share <= 0 || s.Share >= 100 {
		return agent.Stamp{}, fmt.Errorf("starve of cpu: %g%% is no share", s.Share)
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	t := &throttle{halts: a.halts, find: a.procs.everything, share: s.Share / 100, event: a.event, end: end, done: make(chan struct{})}
	a.deeds.push(fault, deed{name: "cpu", undo: t.undo, inspect: func() (string, error) { return t.proof(), nil }})
	stamp := agent.Stamp{Began: agent.Monotonic()}
	t.began = stamp.Began
	err := t.stop()
	stamp.Effective = agent.Monotonic()
	go t.run(life)
	return stamp, err
}

func (t *throttle) stop() error {
	for _, pid := range t.find() { // new children too
		if err := t.halts.stop(pid, t); err != nil {
			return err
		}
	}
	return nil
}

// run begins with everything stopped, and ends with everything released.
func (t *throttle) run(ctx context.Context) {
	defer close(t.done)
	given := time.Duration(t.share * float64(cpuPeriod))
	for due := time.Now(); ctx.Err() == nil; {
		due = due.Add(cpuPeriod)
		_ = wait.Hold(ctx, time.Until(due)-given)
		if _, err := t.halts.release(t); err != nil {
			t.event(record.KindError, fmt.Sprintf("starve of cpu: %v", err), nil)
		}
		free := agent.Monotonic()
		if wait.Hold(ctx, given) != nil {
			return
		}
		if err := t.stop(); err != nil {
			t.event(record.KindError, fmt.Sprintf("starve of cpu: %v", err), nil)
			return
		}
		t.mu.Lock()
		t.periods++
		t.ran += time.Duration(agent.Monotonic() - free)
		t.mu.Unlock()
		if late := time.Until(due); late < -cpuPeriod {
			due = time.Now() // the node itself was late: periods that are over are not made up for
		}
	}
}

func (t *throttle) proof() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.periods == 0 {
		return ""
	}
	share := 100 * float64(t.ran) / float64(agent.Monotonic()-t.began)
	return fmt.Sprintf("processes throttled in %d periods of %s, and left %.1f%% of the time", t.periods, cpuPeriod, share)
}

func (t *throttle) undo() (string, error) {
	proof := t.proof()
	t.end()
	<-t.done
	kept, err := t.halts.release(t)
	if err != nil {
		return "", err
	}
	if kept > 0 {
		return fmt.Sprintf("%d processes stay stopped by another fault", kept), nil
	}
	if proof == "" {
		return "nothing is throttled", nil
	}
	return "no longer: " + proof, nil
}
