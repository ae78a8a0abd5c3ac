package mysql

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/dialect"
	"github.com/firedrill/firedrill/harness/record"
)

// view is what a server says of itself.
type view struct {
	node        string
	err         error // it did not answer
	writable    bool
	coPrimary   bool   // it is a primary when it is writable, although it replicates
	source      string // where it replicates from, as it names it; empty for nobody
	replicating bool   // receiver and applier both run
	delayed     bool   // it applies late on purpose
	lagging     bool   // it applies late, and not on purpose
	executed    string // all that it has, as its vendor counts it; empty without GTIDs
	logEnd      string // where its own binary log ends; only where there are no GTIDs
	applied     string // where in its source's binary log it is
	ioError     string
	sqlError    string
}

// viewTimeout bounds a look at a server: one that hangs must not hold up what is said of the others.
const viewTimeout = 2 * time.Second

// lagMax, in seconds, is what a replica under load may be behind: the figure has no finer steps and jumps by one.
const lagMax = 1

// view asks a server about itself, from inside its node.
func (t *Topology) view(ctx context.Context, m *member) view {
	v := view{node: m.Name, coPrimary: t.CoPrimary(m.Node)}
	ask := func(sql string) agent.Rows {
		if v.err != nil {
			return agent.Rows{}
		}
		var rows agent.Rows
		rows, v.err = m.Agent.Query(ctx, agent.Query{Database: t.Admin(m.Node), SQL: sql, Timeout: viewTimeout})
		return rows
	}
	var log agent.Rows
	self := ask(m.Self)
	replica := ask(m.Replica)
	if t.byPosition() {
		log = ask(m.LogEnd)
	}
	if v.err != nil {
		return v
	}
	v.writable = self.Get(0, "read_only") == "0" && self.Get(0, "super_read_only") == "0"
	v.executed = strings.ReplaceAll(self.Get(0, "gtid"), "\n", "")
	v.logEnd = dialect.Position(log.Get(0, "File"), log.Get(0, "Position"))
	v.applied = dialect.Position(replica.Get(0, m.Status.AppliedFile), replica.Get(0, m.Status.AppliedPosition))
	v.source = replica.Get(0, m.Status.Source)
	v.replicating = replica.Get(0, m.Status.Receiver) == "Yes" && replica.Get(0, m.Status.Applier) == "Yes"
	v.delayed = replica.Get(0, "SQL_Delay") != "" && replica.Get(0, "SQL_Delay") != "0"
	lag, err := strconv.Atoi(replica.Get(0, m.Status.Lag))
	v.lagging = err == nil && lag > lagMax && !v.delayed
	v.ioError, v.sqlError = replica.Get(0, "Last_IO_Error"), replica.Get(0, "Last_SQL_Error")
	return v
}

// views asks all servers at once, in the order of the layout.
func (t *Topology) views(ctx context.Context) []view {
	out := make([]view, len(t.databases))
	var all sync.WaitGroup
	for i, m := range t.databases {
		all.Go(func() { out[i] = t.view(ctx, m) })
	}
	all.Wait()
	return out
}

// trouble says in words why a server does not replicate; empty when it does. There are no figures in it that change
// from look to look.
func (v view) trouble() string {
	switch {
	case v.err != nil:
		return fmt.Sprintf("%s does not answer: %s", v.node, strings.TrimPrefix(v.err.Error(), v.node+": "))
	case v.source == "":
		return v.node + " replicates from nobody"
	case v.replicating && v.lagging:
		return fmt.Sprintf("%s lags behind %s", v.node, v.source)
	case v.replicating:
		return ""
	case v.sqlError != "":
		return fmt.Sprintf("%s does not apply what it gets from %s: %s", v.node, v.source, brief(v.sqlError))
	case v.ioError != "":
		return fmt.Sprintf("%s does not receive from %s: %s", v.node, v.source, brief(v.ioError))
	}
	return fmt.Sprintf("%s has its replication from %s stopped", v.node, v.source)
}

// brief cuts what changes with every retry off a message of MySQL's.
func brief(s string) string {
	for _, tail := range []string{". This was attempt", " Message:", "; See ", " - retry-time"} {
		if i := strings.Index(s, tail); i > 0 {
			s = s[:i]
		}
	}
	return s
}

// detached says that Orchestrator took the server away from its source, which it only names any more.
func (v view) detached() bool { return strings.HasPrefix(v.source, Detached) }

// role is the record's word. A deposed primary that came back read-only is neither.
func (v view) role() string {
	switch {
	case v.err != nil:
		return ""
	case v.writable && (v.coPrimary || v.detached()):
		return record.RolePrimary
	case v.source != "":
		return record.RoleReplica
	case v.writable:
		return record.RolePrimary
	}
	return ""
}
