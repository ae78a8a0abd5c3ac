package patroni

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
	"github.com/firedrill/firedrill/harness/workload"
)

// Bounds of a survey's steps.
const (
	leaderWithin  = 30 * time.Second
	replayWithin  = 60 * time.Second
	readWithin    = 60 * time.Second
	inspectWithin = 3 * time.Second
)

// Survey waits for a writable leader and for the replay of its WAL on every streaming replica, then reads the
// application's rows from the leader and the state of every node. A wait that ends without its condition is not an
// error: the survey is then not complete, and says what it waited for.
func (t *Topology) Survey(ctx context.Context) (record.Final, []record.Row, error) {
	final := record.Final{}
	leader, err := t.writableLeader(ctx)
	if err != nil {
		final.WaitedFor = err.Error()
		final.Nodes = t.nodeStates(ctx, nil)
		return final, nil, ctx.Err()
	}
	final.Primary = leader.Name
	waited, err := t.awaitReplay(ctx, leader)
	final.WaitedFor, final.Complete = waited, err == nil
	if err != nil {
		final.WaitedFor = err.Error()
	}
	rows, err := t.rows(ctx, leader)
	if err != nil {
		return final, nil, fmt.Errorf("survey %s: %w", leader.Name, err)
	}
	final.RowCount = len(rows)
	self := t.leaderHistory(ctx, leader)
	if self != nil {
		final.Timeline, final.Forks = self.timeline, recorded(self.history)
	}
	final.Nodes = t.nodeStates(ctx, self)
	return final, rows, ctx.Err()
}

func (t *Topology) writableLeader(ctx context.Context) (leader *harness.Node, err error) {
	err = wait.Until(ctx, "writable leader", leaderWithin, func(ctx context.Context) (bool, string, error) {
		n, err := t.Primary(ctx)
		if err != nil {
			return false, err.Error(), nil
		}
		self, err := t.inspect(ctx, n)
		if err != nil {
			return false, fmt.Sprintf("%s: %s", n.Name, err), nil
		}
		leader = n
		return !self.recovery, n.Name + " is in recovery", nil
	})
	return leader, err
}

// awaitReplay waits until every streaming replica has replayed what the leader has written by now.
func (t *Topology) awaitReplay(ctx context.Context, leader *harness.Node) (string, error) {
	self, err := t.inspect(ctx, leader)
	if err != nil {
		return "", err
	}
	what := fmt.Sprintf("every streaming replica has replayed %s of %s", lsnText(self.lsn), leader.Name)
	var last string
	err = wait.Until(ctx, what, replayWithin, func(ctx context.Context) (bool, string, error) {
		var behind, through []string
		others, errs := t.inspectAll(ctx)
		for i, n := range t.databases {
			switch {
			case n == leader || errs[i] != nil || others[i].receiver != streaming:
			case others[i].lsn < self.lsn:
				behind = append(behind, n.Name+" at "+lsnText(others[i].lsn))
			default:
				through = append(through, n.Name)
			}
		}
		last = list(through)
		return len(behind) == 0, list(behind), nil
	})
	return what + ": " + last, err
}

// rows reads the application's table.
func (t *Topology) rows(ctx context.Context, leader *harness.Node) ([]record.Row, error) {
	admin := t.Admin(leader)
	admin.Name = database
	answer, err := leader.Agent.Query(ctx, agent.Query{
		Database: admin, SQL: "SELECT id, attempt, server FROM " + workload.Table + " ORDER BY id, attempt", Timeout: readWithin,
	})
	if err != nil {
		return nil, fmt.Errorf("read rows: %w", err)
	}
	servers := t.Servers()
	out := make([]record.Row, 0, len(answer.Rows))
	for _, r := range answer.Rows {
		if len(r) != 3 || r[0] == nil || r[1] == nil {
			return nil, errors.New("read rows: a row has no id or attempt")
		}
		id, err1 := strconv.ParseInt(*r[0], 10, 64)
		attempt, err2 := strconv.Atoi(*r[1])
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("read rows: %w", err)
		}
		row := record.Row{ID: id, Attempt: attempt}
		if r[2] != nil {
			row.Server = *r[2]
			if name, ok := servers[row.Server]; ok {
				row.Server = name
			}
		}
		out = append(out, row)
	}
	return out, nil
}

// nodeStates is what every database says now. self is the leader, nil where there is none.
func (t *Topology) nodeStates(ctx context.Context, self *inspection) []record.NodeState {
	found, errs := t.inspectAll(ctx)
	managers, _ := all(ctx, t.databases, func(ctx context.Context, n *harness.Node) (string, error) {
		return processDown(ctx, n, ProcessPatroni), nil
	})
	var out []record.NodeState
	for i, n := range t.databases {
		s := record.NodeState{Node: n.Name, Err: managers[i]}
		if errs[i] != nil {
			s.Err = strings.TrimPrefix(managers[i]+"; PostgreSQL does not answer: "+errs[i].Error(), "; ")
			out = append(out, s)
			continue
		}
		f := found[i]
		s.Reachable, s.Role, s.Writable = true, record.RolePrimary, !f.recovery && !f.readOnly
		if f.recovery {
			s.Role, s.Replicating = record.RoleReplica, f.receiver == streaming
		}
		if f.source != "" {
			s.Source = t.nodeName(f.source)
		}
		s.Position = fmt.Sprintf("%d/%s", f.timeline, lsnText(f.lsn))
		if self == nil {
			s.ErrantUntold = "the leader's history was not read"
		} else {
			s.Errant, s.ErrantUntold = diverged(f, *self), untold(f)
		}
		out = append(out, s)
	}
	return out
}

// recorded is a history as it is kept.
func recorded(history []fork) []record.Fork {
	var out []record.Fork
	for _, f := range history {
		out = append(out, record.Fork{Timeline: f.timeline, At: lsnText(f.at)})
	}
	return out
}

// processDown says that a supervised process does not run; empty means that it does.
func processDown(ctx context.Context, n *harness.Node, process string) string {
	states, err := n.Agent.Processes(ctx)
	if err != nil {
		return err.Error()
	}
	for _, p := range states {
		if p.Name == process && p.PID != 0 {
			return ""
		}
	}
	return process + " does not run"
}
