package mysql

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness/wait"
)

// yieldWithin bounds an election under raft, and one more if the first went to somebody else.
const yieldWithin = 30 * time.Second

// lead has one of the Orchestrators lead the others: all but it step back in an election. Only raft knows this.
func (t *Topology) lead(ctx context.Context, _ *managerNode, args []string) error {
	name := strings.Join(args, " ")
	i := slices.IndexFunc(t.managers, func(m *managerNode) bool { return m.Name == name })
	switch {
	case i < 0:
		return fmt.Errorf("have %s lead: it is no Orchestrator of this topology", name)
	case !t.raft:
		return fmt.Errorf("have %s lead: the Orchestrators of this topology are not in raft", name)
	}
	if err := wait.Until(ctx, name+" leads the Orchestrators", yieldWithin, t.yielding(t.managers[i])); err != nil {
		return fmt.Errorf("have %s lead: %w", name, err)
	}
	return nil
}

// yielding looks who leads, and asks a leader that is not the right one to step back, once.
func (t *Topology) yielding(to *managerNode) wait.Poll {
	asked := ""
	return func(ctx context.Context) (bool, string, error) {
		leader, err := t.leader(ctx)
		if err != nil {
			return false, err.Error(), nil
		}
		if leader == to {
			return true, "", nil
		}
		if leader.Name != asked {
			asked = leader.Name
			err = leader.api.Yield(ctx, to.Address)
		}
		if err != nil {
			return false, err.Error(), nil
		}
		return false, leader.Name + " leads", nil
	}
}
