package scenarios

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness/mysql"
	"github.com/firedrill/firedrill/harness/patroni"
	"github.com/firedrill/firedrill/injectors"
)

// Delay has replicas apply late. Before the topology stands it is how they are set up, and so it stays; later on it is
// a fault, which is healed.
func (d *Drill) Delay(ctx context.Context, text, target string, by time.Duration) error {
	seconds := int(by / time.Second)
	if by%time.Second != 0 || seconds < 1 {
		return fmt.Errorf("delay %s by %s: replicas are delayed by whole seconds", target, by)
	}
	if d.Stands() || gathering(ctx) != nil {
		return d.Inject(ctx, text, "replication.delayed", target, injectors.DelayedParams{Seconds: seconds})
	}
	m := oneNode.FindStringSubmatch(strings.TrimSpace(target))
	if m == nil || d.manifest.Kind != (mysql.Kind{}).Name() {
		return fmt.Errorf("delay %s: before the topology stands, only nodes of MySQL can be meant, by their names; or put it after the steady state", target)
	}
	for _, name := range strings.Split(m[1], ",") {
		if err := d.Set(strings.TrimSpace(name), "source_delay", strconv.Itoa(seconds)); err != nil {
			return err
		}
	}
	return nil
}

// SemiSync has every commit wait for acknowledgements of so many replicas.
func (d *Drill) SemiSync(replicas int) error {
	if replicas < 1 {
		return fmt.Errorf("semi-synchronous replication waits for %d replicas: it takes 1 at least", replicas)
	}
	for component, values := range mysql.SemiSync(replicas) {
		for key, value := range values {
			if err := d.Set(component, key, value); err != nil {
				return err
			}
		}
	}
	return nil
}

// Synchronous has Patroni's leader wait for a synchronous standby: on while there is one, strict even when there is
// none, off never.
func (d *Drill) Synchronous(mode string) error {
	if d.manifest.Kind != (patroni.Kind{}).Name() {
		return fmt.Errorf("synchronous replication is %s: name a topology of %s first", mode, patroni.Kind{}.Name())
	}
	values, ok := patroni.Synchronous(mode)
	if !ok {
		return fmt.Errorf("synchronous replication is %s: there are on, off and strict", mode)
	}
	for key, value := range values {
		if err := d.Set("patroni", key, value); err != nil {
			return err
		}
	}
	return nil
}
