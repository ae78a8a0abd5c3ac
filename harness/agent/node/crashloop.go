package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
)

// crashLoop kills one process again and again until it is ended.
type crashLoop struct {
	procs *supervisor
	fault string
	spec  agent.CrashLoopSpec
	event func(kind, msg string, attrs map[string]string)
	end   context.CancelFunc
	done  chan struct{}

	mu     sync.Mutex
	kills  int
	last   int   // pid of the last one killed
	struck int64 // when it had its signal
}

// crashLoop kills the process at once: the stamp brackets the first kill.
func (a *Agent) crashLoop(ctx context.Context, fault string, s agent.CrashLoopSpec) (agent.Stamp, error) {
	found, err := a.procs.targets([]string{s.Process})
	if err != nil {
		return agent.Stamp{}, fmt.Errorf("crash-loop: %w", err)
	}
	if found[0].pid == 0 {
		return agent.Stamp{}, fmt.Errorf("crash-loop %s: it does not run", s.Process)
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	c := &crashLoop{procs: a.procs, fault: fault, spec: s, event: a.event, end: end, done: make(chan struct{})}
	a.deeds.push(fault, deed{name: "crash loop", undo: c.undo, inspect: func() (string, error) { return c.proof(), nil }})
	c.hold(found[0].proc, true)
	stamp := agent.Stamp{Began: agent.Monotonic()}
	err = c.kill(found[0])
	stamp.Effective, stamp.Proof = agent.Monotonic(), c.proof()
	if c.struck != 0 {
		stamp.Effective = c.struck // that it took a while to be gone is not the deed's
	}
	go c.run(life)
	return stamp, err
}

// hold keeps other faults and the restart policy from starting the process between two kills.
func (c *crashLoop) hold(p *process, on bool) {
	if p == nil {
		return
	}
	c.procs.mu.Lock()
	defer c.procs.mu.Unlock()
	if on {
		p.held[c.fault] = true
	} else {
		delete(p.held, c.fault)
	}
}

func (c *crashLoop) run(ctx context.Context) {
	defer close(c.done)
	for ctx.Err() == nil {
		t, err := c.next(ctx)
		if err == nil {
			err = wait.Hold(ctx, c.spec.After)
		}
		if err == nil {
			err = c.kill(t)
		}
		if err != nil && ctx.Err() == nil {
			c.event(record.KindError, fmt.Sprintf("crash-loop %s: %v", c.spec.Process, err), nil)
			return
		}
	}
}

// managerLooks is how often a process that another one manages is looked for.
const managerLooks = 20 * time.Millisecond

// next returns the next incarnation: it starts a supervised one, and waits for the manager of another one.
func (c *crashLoop) next(ctx context.Context) (target, error) {
	for {
		found, err := c.procs.targets([]string{c.spec.Process})
		if err != nil {
			return target{}, err
		}
		t := found[0]
		pause := managerLooks
		if t.proc != nil {
			pause = c.spec.Every
		}
		if t.proc == nil && t.pid != 0 && t.pid != c.lastKilled() {
			return t, nil
		}
		if err := wait.Hold(ctx, pause); err != nil {
			return target{}, err
		}
		if t.proc == nil {
			continue
		}
		if t.pid, err = c.launch(t.proc); err != nil || t.pid != 0 {
			return t, err
		}
	}
}

// launch starts a process that this fault holds down; what another fault holds, or was stopped on purpose, stays down.
func (c *crashLoop) launch(p *process) (pid int, err error) {
	c.procs.mu.Lock()
	defer c.procs.mu.Unlock()
	delete(p.held, c.fault)
	err = c.procs.launch(p)
	p.held[c.fault] = true
	return p.pid, err
}

// kill ends an incarnation and waits until it is gone. A process that has died by itself is no error.
func (c *crashLoop) kill(t target) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := syscall.Kill(t.pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("kill %s: %w", t.name, err)
	}
	c.kills, c.last, c.struck = c.kills+1, t.pid, agent.Monotonic()
	if err := gone(context.Background(), t, exitWithin); err != nil {
		return err
	}
	return c.procs.ended([]target{t})
}

func (c *crashLoop) lastKilled() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}

func (c *crashLoop) proof() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kills == 0 {
		return ""
	}
	return fmt.Sprintf("%s was killed %s so far", c.spec.Process, times(c.kills))
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// undo ends the loop and starts the process if the loop left it dead.
func (c *crashLoop) undo() (string, error) {
	c.end()
	<-c.done
	c.mu.Lock()
	kills := c.kills
	c.mu.Unlock()
	found, err := c.procs.targets([]string{c.spec.Process})
	if err != nil {
		return "", err
	}
	t := found[0]
	c.hold(t.proc, false)
	now := fmt.Sprintf("%s runs (pid %d)", t.name, t.pid)
	if t.pid == 0 || t.proc == nil {
		now, err = c.procs.relaunch(found)
	}
	return fmt.Sprintf("%s, after it was killed %s", now, times(kills)), err
}
