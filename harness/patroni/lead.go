package patroni

import (
	"context"
	"fmt"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/wait"
)

// LeadEtcd is the operator's verb that makes a member of etcd its leader, as before maintenance of another datacenter.
// A drill needs it where it matters on which side of a cut the leader is.
const LeadEtcd = "lead-etcd"

// leadEtcd hands the lead over and returns when every member follows the new leader.
func (t *Topology) leadEtcd(ctx context.Context, names []string) error {
	if len(names) != 1 {
		return fmt.Errorf("have %v lead etcd: one member leads", names)
	}
	to, err := harness.Find(t.etcd, names[0])
	if err != nil {
		return err
	}
	next, err := etcdOf(to).status(ctx)
	if err != nil {
		return fmt.Errorf("ask %s: %w", to.Name, err)
	}
	leader, err := t.etcdLeader(ctx)
	if err != nil {
		return err
	}
	if leader[0] != to {
		if err := etcdOf(leader[0]).handOver(ctx, next.Header.MemberID); err != nil {
			return err
		}
	}
	return wait.Until(ctx, to.Name+" leads etcd", operateWithin, func(ctx context.Context) (bool, string, error) {
		members, errs := t.members(ctx)
		followers := 0
		for i, m := range members {
			if errs[i] == nil && m.Leader == next.Header.MemberID {
				followers++
			}
		}
		return followers == len(t.etcd), fmt.Sprintf("%d of %d members say so", followers, len(t.etcd)), nil
	})
}
