package patroni

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
)

// inspection is what PostgreSQL says of itself, asked from inside its node: Patroni may be dead while it runs.
type inspection struct {
	recovery, readOnly bool
	lsn                uint64 // written by a primary; received and replayed by a replica
	received           uint64 // by a replica: what it has, replayed or not
	timeline           int
	source, receiver   string
	history            []fork // where its timeline comes from; nil where no file tells
}

// inspectSQL takes a primary's timeline from the name of the WAL file that it writes: the control file has the
// old one until the checkpoint after a promotion. A replica that streams says on which it does; one that no longer does
// has WAL files of it, for the control file is late there too. Their names hold for segments of 16 MB, which is
// PostgreSQL's default; with others the control file decides.
const inspectSQL = `SELECT r AS recovery, current_setting('default_transaction_read_only') AS read_only,
 (CASE WHEN r THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END) - '0/0' AS lsn,
 coalesce(CASE WHEN r THEN greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) ELSE pg_current_wal_lsn() END - '0/0', 0) AS received,
 CASE WHEN r THEN greatest((SELECT received_tli FROM pg_stat_wal_receiver),
   (SELECT max(('x' || left(name, 8))::bit(32)::int) FROM pg_ls_waldir(), (SELECT greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::text) AS has(lsn)
     WHERE name ~ '^[0-9A-F]{24}$' AND substr(name, 9) = lpad(split_part(lsn, '/', 1), 8, '0') || '000000' || left(lpad(split_part(lsn, '/', 2), 8, '0'), 2)),
   (SELECT timeline_id FROM pg_control_checkpoint()), (SELECT min_recovery_end_timeline FROM pg_control_recovery()))
   ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END AS timeline,
 (SELECT sender_host FROM pg_stat_wal_receiver) AS source,
 (SELECT status FROM pg_stat_wal_receiver) AS receiver
FROM (SELECT pg_is_in_recovery() AS r) AS self`

func (t *Topology) inspect(ctx context.Context, n *harness.Node) (inspection, error) {
	rows, err := n.Agent.Query(ctx, agent.Query{Database: t.Admin(n), SQL: inspectSQL, Timeout: inspectWithin})
	if err != nil {
		return inspection{}, err
	}
	f := inspection{
		recovery: rows.Get(0, "recovery") == "t", readOnly: rows.Get(0, "read_only") == "on",
		source: rows.Get(0, "source"), receiver: rows.Get(0, "receiver"),
	}
	if f.lsn, err = strconv.ParseUint(rows.Get(0, "lsn"), 10, 64); err != nil {
		return f, fmt.Errorf("read position of %s: %w", n.Name, err)
	}
	if f.received, err = strconv.ParseUint(rows.Get(0, "received"), 10, 64); err != nil {
		return f, fmt.Errorf("read position of %s: %w", n.Name, err)
	}
	if f.timeline, err = strconv.Atoi(rows.Get(0, "timeline")); err != nil {
		return f, fmt.Errorf("read timeline of %s: %w", n.Name, err)
	}
	f.history = t.history(ctx, n, f.timeline)
	return f, nil
}

// history reads the file that names the timelines which a node's own one comes from. The first timeline has none.
func (t *Topology) history(ctx context.Context, n *harness.Node, timeline int) []fork {
	if timeline < 2 {
		return nil
	}
	rows, err := n.Agent.Query(ctx, agent.Query{Database: t.Admin(n), Timeout: inspectWithin,
		SQL: fmt.Sprintf("SELECT pg_read_file('pg_wal/%08X.history', true) AS history", timeline)})
	if err != nil {
		return nil
	}
	return parseHistory(rows.Get(0, "history"))
}

func (t *Topology) inspectAll(ctx context.Context) ([]inspection, []error) {
	return all(ctx, t.databases, t.inspect)
}

// fork is the end of a timeline in the leader's history.
type fork struct {
	timeline int
	at       uint64
}

// leaderHistory reads the leader's own position and the timelines it comes from; nothing where a later one than the
// first has no file.
func (t *Topology) leaderHistory(ctx context.Context, leader *harness.Node) *inspection {
	self, err := t.inspect(ctx, leader)
	if err != nil || self.timeline > 1 && self.history == nil {
		return nil
	}
	return &self
}

// parseHistory reads a timeline history file: timeline, LSN and reason, separated by tabs.
func parseHistory(text string) []fork {
	var out []fork
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		timeline, err := strconv.Atoi(fields[0])
		at, ok := parseLSN(fields[1])
		if err == nil && ok {
			out = append(out, fork{timeline, at})
		}
	}
	return out
}

// diverged puts into words that a node has WAL which the leader's history does not contain; empty means it has not. A
// number does not make a timeline: two nodes that were promoted without knowing of each other both took the next one.
func diverged(node, leader inspection) string {
	if other := namesake(node, leader); other != "" || node.timeline == leader.timeline {
		return other
	}
	for _, f := range leader.history {
		if f.timeline != node.timeline {
			continue
		}
		if node.received <= f.at {
			return "" // it is behind, on the way that the leader came
		}
		return fmt.Sprintf("timeline %d up to %s; the leader's history leaves timeline %d at %s", node.timeline, lsnText(node.received), f.timeline, lsnText(f.at))
	}
	return fmt.Sprintf("timeline %d, which is not in the history of the leader's timeline %d", node.timeline, leader.timeline)
}

// namesake says that a node's timeline is not the one that the leader has, or had, by that number.
func namesake(node, leader inspection) string {
	for i, f := range node.history {
		switch {
		case i >= len(leader.history) || leader.history[i].timeline != f.timeline:
			return "" // no timeline of the leader's has that number
		case leader.history[i].at != f.at:
			return fmt.Sprintf("another timeline %d than the leader's: it left timeline %d at %s, and the leader's left that at %s",
				node.timeline, f.timeline, lsnText(f.at), lsnText(leader.history[i].at))
		}
	}
	return ""
}

// untold says why it cannot be told whether a node has diverged; empty means that it can.
func untold(node inspection) string {
	if node.recovery && node.receiver != streaming && node.timeline > 1 && node.history == nil {
		return fmt.Sprintf("where its timeline %d comes from was not read", node.timeline)
	}
	return ""
}

func parseLSN(text string) (uint64, bool) {
	high, low, ok := strings.Cut(text, "/")
	h, err1 := strconv.ParseUint(high, 16, 32)
	l, err2 := strconv.ParseUint(low, 16, 32)
	return h<<32 | l, ok && err1 == nil && err2 == nil
}

// lsnText writes a position as PostgreSQL does.
func lsnText(lsn uint64) string { return fmt.Sprintf("%X/%X", lsn>>32, uint32(lsn)) }
