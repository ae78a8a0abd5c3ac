package injectors

import (
	"context"

	"github.com/firedrill/firedrill/harness/agent"
)

var hostWipedDoc = Doc{
	Summary: "the disk of a lost host is emptied: it returns with no data, as a replaced machine does",
	Targets: "hosts that are lost (host.lost)",
	Params:  []Param{},
	Proof:   "the data directories of all its processes are empty",
	Heal:    "none: what is gone is gone. The host itself returns with the heal of host.lost",
	Limits: "irreversible, and one-shot. Only the declared data directories are emptied, and only while nothing of the host runs. " +
		"What comes back then is the software's own affair: MySQL is initialised as a fresh server, which replicates from nobody until " +
		"somebody provisions it; PostgreSQL under Patroni clones itself from the leader; an etcd member whose data is gone cannot " +
		"rejoin by itself: it stays down until it is removed from the cluster and added again",
}

type hostWiped struct{ onTargets }

func newHostWiped(p HostParams) (Fault, error) {
	return hostWiped{onTargets{p, agent.WipeSpec{}}}, nil
}

// Inject leaves nothing to heal.
func (f hostWiped) Inject(ctx context.Context, env Env) (Effect, error) {
	effect, err := f.onTargets.Inject(ctx, env)
	effect.OneShot = err == nil
	return effect, err
}
