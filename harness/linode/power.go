package linode

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/linode/linodego"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/wait"
)

// power is the switch of one machine.
type power struct {
	p  *Provider
	id harness.Identity
	m  *machine

	mu       sync.Mutex
	off      bool // by us, and not yet on again
	byLassie bool // it is not us who boots it
}

var _ harness.Power = (*power)(nil)

// offBudget is how long a machine may take to be off. The API's recorded time of a shutdown is 28 s; one that does not go
// down is cut after two minutes.
const offBudget = 3 * time.Minute

// Off shuts the machine down at the API, so that Lassie does not boot it again.
func (w *power) Off(ctx context.Context) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.byLassie = false // whatever a reboot before this one left to it: what the API has shut down, it does not boot
	if err := w.endAgent(ctx, "true"); err != nil {
		return "", err
	}
	return w.shutdown(ctx)
}

// endAgent goes before a machine is asked to go down: an agent that is asked to end heals first. It has a connection of its
// own: that of the agent's session ends with the agent.
func (w *power) endAgent(ctx context.Context, then string) error {
	client, err := dialOnce(ctx, w.m.public, w.m.keys)
	if err != nil {
		return fmt.Errorf("log in to %s: %w", w.m.Name, err)
	}
	defer closeQuietly(client)
	w.off = true
	if _, err := sh(ctx, client, "systemctl kill --signal=KILL "+agentUnit+" && "+then, nil); err != nil {
		return fmt.Errorf("end the agent of %s: %w", w.m.Name, err)
	}
	w.m.Agent.Suspend()
	return nil
}

// rebootSoon goes by a timer: the answer of the command is to be out before sshd goes.
const rebootSoon = "systemd-run --quiet --on-active=200ms --timer-property=AccuracySec=50ms systemctl reboot"

func (w *power) shutdown(ctx context.Context) (string, error) {
	began := time.Now()
	if err := w.p.client.ShutdownInstance(ctx, w.m.id); err != nil {
		return "", fmt.Errorf("shut %s down: %w", w.m.Name, err)
	}
	if err := w.becomes(ctx, linodego.InstanceOffline, offBudget); err != nil {
		return "", err
	}
	return fmt.Sprintf("the API says offline, %s after the order", time.Since(began).Round(100*time.Millisecond)), nil
}

// Reboot with no time leaves it to the machine, and to Lassie, which boots what has gone down without an order. With one, it is
// the API that takes the power, and gives it back: Lassie has no part in that.
func (w *power) Reboot(ctx context.Context, after time.Duration) (proof string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	began := time.Now()
	w.byLassie = after == 0
	if w.byLassie {
		proof, err = "it reboots by itself", w.endAgent(ctx, rebootSoon)
	} else if err = w.endAgent(ctx, "true"); err == nil {
		proof, err = w.shutdown(ctx)
	}
	if err != nil {
		return "", fmt.Errorf("reboot %s: %w", w.m.Name, err)
	}
	life, stop := context.WithTimeout(context.WithoutCancel(ctx), offBudget+bootBudget)
	w.p.keep(w.id, closer(stop)) // no boot of a machine that is being deleted
	go func() {
		defer stop()
		if wait.Hold(life, after-time.Since(began)) == nil {
			_ = w.On(life) // the heal tries again, and says why it could not
		}
	}()
	return proof, nil
}

// closer makes of a function something to be closed.
type closer func()

func (c closer) Close() error {
	c()
	return nil
}

// lassieWithin is how long we wait for Lassie to boot a machine, before we do.
const lassieWithin = time.Minute

// On boots the machine if nobody else does, waits until its agent answers, and goes on with its session.
func (w *power) On(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.off {
		return nil
	}
	if w.byLassie {
		// An error is a machine that Lassie has left off, or the end of ctx, which shows below.
		_ = wait.Until(ctx, w.m.Name+" booted by Lassie", lassieWithin, func(ctx context.Context) (bool, string, error) { return w.resumes(ctx, "true") })
	}
	if !w.off {
		return nil
	}
	if err := w.boot(ctx); err != nil {
		return err
	}
	// It may never have gone down.
	return wait.Until(ctx, "agent of "+w.m.Name+" answers again", sshBudget, func(ctx context.Context) (bool, string, error) {
		return w.resumes(ctx, "systemctl start "+agentUnit)
	})
}

// attemptWithin bounds one attempt to speak to an agent that may not be there yet.
const attemptWithin = 20 * time.Second

// resumes tries once, after a command. The agent of before was killed, and nothing restarts it but a boot, or that command.
func (w *power) resumes(ctx context.Context, first string) (bool, string, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptWithin)
	defer cancel()
	client, err := dialOnce(ctx, w.m.public, w.m.keys)
	if err != nil {
		return false, err.Error(), nil
	}
	if _, err := sh(ctx, client, first, nil); err != nil {
		closeQuietly(client)
		return false, err.Error(), nil
	}
	bridge, err := open(client, agentPath+" agent connect")
	if err == nil {
		err = w.m.Agent.Resume(ctx, bridge, agent.Introduction{Owner: true})
	}
	if err != nil {
		closeQuietly(client)
		return false, err.Error(), nil
	}
	w.p.keep(w.id, bridge)
	w.off = false
	return true, "", nil
}

// boot orders the boot of a machine that is off, or on its way there.
func (w *power) boot(ctx context.Context) error {
	l, err := w.p.client.GetInstance(ctx, w.m.id)
	if err != nil {
		return fmt.Errorf("look at %s: %w", w.m.Name, err)
	}
	if l.Status == linodego.InstanceRunning {
		return nil // the shutdown was never ordered
	}
	if err := w.becomes(ctx, linodego.InstanceOffline, offBudget); err != nil {
		return err
	}
	if err := w.p.client.BootInstance(ctx, w.m.id, 0); err != nil {
		return fmt.Errorf("boot %s: %w", w.m.Name, err)
	}
	return w.becomes(ctx, linodego.InstanceRunning, bootBudget)
}

// becomes waits for a state of the machine, by the API.
func (w *power) becomes(ctx context.Context, want linodego.InstanceStatus, within time.Duration) error {
	look := time.Time{}
	return wait.Until(ctx, w.m.Name+" "+string(want), within, func(ctx context.Context) (bool, string, error) {
		if time.Since(look) < w.p.client.GetPollDelay() {
			return false, "", nil
		}
		look = time.Now()
		l, err := w.p.client.GetInstance(ctx, w.m.id)
		if err != nil {
			return false, "", fmt.Errorf("look at %s: %w", w.m.Name, err)
		}
		return l.Status == want, string(l.Status), nil
	})
}
