package mysql

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

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
	applied, waited := t.awaitReplay(ctx, primary)
	final.WaitedFor = waited
	if final.Nodes, err = t.states(ctx, primary); err != nil {
		return final, nil, err
	}
	rows, err := t.rows(ctx, primary)
	if err != nil {
		final.WaitedFor += "; the rows could not be read: " + err.Error()
		return final, rows, nil
	}
	t.beyond(ctx, final.Nodes, rows)
	final.Complete, final.RowCount = applied, len(rows)
	return final, rows, nil
}

// beyondMost is how many IDs of rows the record keeps of a server that has others than the primary.
const beyondMost = 20000

// beyond notes, for each server with transactions of its own, which rows of the application are among them: what an
// acknowledged write became that the primary has not. A server that cannot be read has none on record.
func (t *Topology) beyond(ctx context.Context, nodes []record.NodeState, have []record.Row) {
	known := map[int64]bool{}
	for _, r := range have {
		known[r.ID] = true
	}
	for i := range nodes {
		n := &nodes[i]
		if n.Errant == "" {
			continue
		}
		rows, err := t.rows(ctx, t.member(n.Node))
		if err != nil {
			n.Err = strings.TrimPrefix(n.Err+"; its rows could not be read: "+err.Error(), "; ")
			continue
		}
		n.Beyond = others(rows, known, beyondMost)
	}
}

// others are the IDs of rows that are not known, each once and so many at most.
func others(rows []record.Row, known map[int64]bool, most int) []int64 {
	var out []int64
	for _, r := range rows {
		again := len(out) > 0 && out[len(out)-1] == r.ID // attempts of one write follow each other
		if !known[r.ID] && !again && len(out) < most {
			out = append(out, r.ID)
		}
	}
	return out
}

// awaitReplay waits until every server that replicates from the primary has applied all that the primary has. It
// returns whether that became true, and says in words what was waited for.
func (t *Topology) awaitReplay(ctx context.Context, primary *member) (bool, string) {
	var waited []string
	err := wait.Until(ctx, "replicas have applied everything", replayBudget, func(ctx context.Context) (bool, string, error) {
		views := t.views(ctx)
		top := views[slices.Index(t.databases, primary)]
		if top.err != nil {
			return false, fmt.Sprintf("%s does not answer: %s", primary.Name, top.err), nil
		}
		byName := map[string]view{}
		for _, v := range views {
			byName[v.node] = v
		}
		waited = nil
		var behind []string
		for _, m := range t.databases {
			v := byName[m.Name]
			if m == primary || v.err != nil || !fed(byName, v, primary.Name) {
				continue
			}
			waited = append(waited, m.Name)
			missing, err := t.history.lacks(ctx, t, v, top, byName)
			if err != nil {
				return false, err.Error(), nil
			}
			if missing != "" {
				behind = append(behind, m.Name+" lacks "+missing)
			}
		}
		return len(behind) == 0, strings.Join(behind, "; "), nil
	})
	switch {
	case err != nil:
		return false, err.Error()
	case len(waited) == 0:
		return true, "nothing: no replica replicates from " + primary.Name
	}
	return true, strings.Join(waited, ", ") + " had applied everything that " + primary.Name + " has"
}

// fed says whether all that a server has soon reaches another one: everybody on the way replicates, and not late on
// purpose.
func fed(views map[string]view, v view, by string) bool {
	for range views {
		if !v.replicating || v.delayed {
			return false
		}
		if v.source == by {
			return true
		}
		v = views[v.source]
	}
	return false
}

// states reads every server. Without a primary there is nothing to compare transactions with.
func (t *Topology) states(ctx context.Context, primary *member) ([]record.NodeState, error) {
	var out []record.NodeState
	var err error
	views := t.views(ctx)
	for i, v := range views {
		m := t.databases[i]
		state := record.NodeState{
			Node: v.node, Reachable: v.err == nil, Role: v.role(), Writable: v.writable, Source: v.source,
			Replicating: v.replicating, Position: cmp.Or(v.executed, v.logEnd),
		}
		switch {
		case v.err != nil:
			state.Err = t.whyDown(ctx, m, v.err)
		case v.source != "" && !v.replicating && state.Role != record.RolePrimary: // one that is promoted may go on naming its source
			state.Err = v.trouble()
		}
		if primary != nil && m != primary && v.err == nil {
			if top := views[slices.Index(t.databases, primary)]; top.err == nil {
				if state.Errant, state.ErrantUntold, err = t.history.errant(ctx, t, v, top); err != nil {
					return out, err
				}
			}
		}
		out = append(out, state)
	}
	return out, ctx.Err()
}

// whyDown tells a process that does not run from one that does not answer.
func (t *Topology) whyDown(ctx context.Context, m *member, err error) string {
	states, procErr := m.Agent.Processes(ctx)
	if procErr != nil {
		return procErr.Error()
	}
	for _, p := range states {
		switch {
		case p.Name != m.Process:
		case p.PID == 0:
			return m.Process + " does not run: " + p.LastExit
		case p.Frozen:
			return m.Process + " is frozen"
		}
	}
	return err.Error()
}

// rows reads the application's table on a server, a page at a time.
func (t *Topology) rows(ctx context.Context, m *member) ([]record.Row, error) {
	return workload.ReadRows(ctx, m.Agent, t.Admin(m.Node), table, t.Servers())
}
