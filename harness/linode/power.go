package linode

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/linode/linodego"
	"golang.org/x/crypto/ssh"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/wait"
)

// power is the switch of one machine.
type power struct {
	p  *Provider
	id harness.Identity
	m  *machine

	mu  sync.Mutex
	ssh *ssh.Client
	off bool // by us, and not yet on again
}

var _ harness.Power = (*power)(nil)

// offBudget is how long a machine may take to be off. The API's recorded time of a shutdown is 28 s; one that does not go
// down is cut after two minutes.
const offBudget = 3 * time.Minute

// Off ends the agent before the machine is asked to go down: an agent that is asked to end heals first. The shutdown is
// ordered at the API, so that Lassie does not boot the machine again.
func (w *power) Off(ctx context.Context) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	began := time.Now()
	w.off = true
	if _, err := sh(ctx, w.ssh, "systemctl kill --signal=KILL "+agentUnit, nil); err != nil {
		return "", fmt.Errorf("end the agent of %s: %w", w.m.Name, err)
	}
	w.m.Agent.Suspend()
	closeQuietly(w.ssh)
	if err := w.p.client.ShutdownInstance(ctx, w.m.id); err != nil {
		return "", fmt.Errorf("shut %s down: %w", w.m.Name, err)
	}
	if err := w.becomes(ctx, linodego.InstanceOffline, offBudget); err != nil {
		return "", err
	}
	return fmt.Sprintf("the API says offline, %s after the order", time.Since(began).Round(100*time.Millisecond)), nil
}

// On boots the machine, waits until its agent answers, and goes on with its session.
func (w *power) On(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.off {
		return nil
	}
	if err := w.boot(ctx); err != nil {
		return err
	}
	client, err := dial(ctx, w.m.Address, w.m.keys)
	if err != nil {
		return err
	}
	bridge, err := open(client, agentPath+" agent connect")
	if err != nil {
		return errors.Join(err, client.Close())
	}
	w.p.keep(w.id, bridge)
	if err := w.m.Agent.Resume(ctx, bridge, agent.Introduction{Owner: true}); err != nil {
		return err
	}
	w.ssh, w.off = client, false
	return nil
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
