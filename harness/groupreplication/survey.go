package groupreplication

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
	"github.com/firedrill/firedrill/harness/workload"
)

// replayBudget is how long the survey waits for what is under way.
const replayBudget = 30 * time.Second

// Survey implements harness.Topology. A server that does not run or does not answer is a finding, not an error; an
// error says that the survey itself could not be made.
func (t *Topology) Survey(ctx context.Context) (record.Final, []record.Row, error) {
	var final record.Final
	node, err := t.Primary(ctx)
	if err != nil {
		final.WaitedFor = err.Error()
		final.Nodes, err = t.states(ctx, nil)
		return final, nil, err
	}
	primary := t.member(node.Name)
	final.Primary = primary.Name
	applied, waited := t.awaitApplied(ctx, primary)
	final.WaitedFor = waited
	if final.Nodes, err = t.states(ctx, primary); err != nil {
		return final, nil, err
	}
	rows, err := t.rows(ctx, primary)
	if err != nil {
		final.WaitedFor += "; the rows could not be read: " + err.Error()
		return final, rows, nil
	}
	final.Complete, final.RowCount = applied, len(rows)
	return final, rows, nil
}

// awaitApplied waits until every online member has applied all that the primary has. It returns whether that became
// true, and says in words what was waited for.
func (t *Topology) awaitApplied(ctx context.Context, primary *member) (bool, string) {
	var waited []string
	err := wait.Until(ctx, "members have applied everything", replayBudget, func(ctx context.Context) (bool, string, error) {
		views := t.views(ctx)
		top := views[slices.Index(t.members, primary)]
		if top.err != nil {
			return false, top.words(), nil
		}
		waited = nil
		var behind []string
		for i, v := range views {
			if t.members[i] == primary || !v.in() {
				continue
			}
			waited = append(waited, v.node)
			missing, err := t.subtract(ctx, primary, top.executed, v.executed)
			if err != nil {
				return false, err.Error(), nil
			}
			if missing != "" {
				behind = append(behind, v.node+" lacks "+missing)
			}
		}
		return len(behind) == 0, strings.Join(behind, "; "), nil
	})
	switch {
	case err != nil:
		return false, err.Error()
	case len(waited) == 0:
		return true, "nothing: there is no other member beside " + primary.Name
	}
	return true, strings.Join(waited, ", ") + " had applied everything that " + primary.Name + " has"
}

// subtract has the set algebra done by a server: a minus b.
func (t *Topology) subtract(ctx context.Context, on *member, a, b string) (string, error) {
	rows, err := on.Agent.Query(ctx, agent.Query{
		Database: t.Admin(on.Node), Timeout: viewTimeout,
		SQL: fmt.Sprintf("SELECT GTID_SUBTRACT('%s', '%s') AS rest", a, b),
	})
	if err != nil {
		return "", fmt.Errorf("compare GTID sets: %w", err)
	}
	return strings.ReplaceAll(rows.Get(0, "rest"), "\n", ""), nil
}

// states reads every server. Without a primary there is nothing to compare transactions with.
func (t *Topology) states(ctx context.Context, primary *member) ([]record.NodeState, error) {
	var out []record.NodeState
	views := t.views(ctx)
	for i, v := range views {
		m := t.members[i]
		state := record.NodeState{Node: v.node, Reachable: v.err == nil, Role: v.role(), Writable: v.writable, Position: v.executed}
		switch {
		case v.err != nil:
			state.Err = whyDown(ctx, m.Node, v.err)
		case state.Role == record.RoleReplica:
			state.Source, state.Replicating = v.primary(), v.own() == online && v.quorum()
		case state.Role == "":
			state.Err = v.node + " is " + v.own()
		}
		if primary != nil && m != primary && v.err == nil {
			if top := views[slices.Index(t.members, primary)]; top.err == nil {
				errant, err := t.subtract(ctx, m, v.executed, top.executed)
				if err != nil {
					return out, err
				}
				state.Errant = errant
			}
		}
		out = append(out, state)
	}
	return out, ctx.Err()
}

// whyDown tells a process that does not run from one that does not answer.
func whyDown(ctx context.Context, n *harness.Node, err error) string {
	states, procErr := n.Agent.Processes(ctx)
	if procErr != nil {
		return procErr.Error()
	}
	for _, p := range states {
		switch {
		case p.Name != mysqld:
		case p.PID == 0:
			return "mysqld does not run: " + p.LastExit
		case p.Frozen:
			return "mysqld is frozen"
		}
	}
	return err.Error()
}

// rows reads the application's table, a page at a time.
func (t *Topology) rows(ctx context.Context, primary *member) ([]record.Row, error) {
	return workload.ReadRows(ctx, primary.Agent, t.Admin(primary.Node), table, t.Servers())
}
