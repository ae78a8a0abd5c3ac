package mysql

import (
	"context"
	"fmt"
	"strings"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/dialect"
	"github.com/firedrill/firedrill/harness/record"
)

// history compares what servers have, in the way in which they count it.
type history interface {
	// lacks names what a replica has not applied of what there is to apply; empty for nothing. The views are of all.
	lacks(ctx context.Context, t *Topology, replica view, primary view, all map[string]view) (string, error)
	// errant names what a server has that the primary has not; empty for nothing. untold says why that is no proof.
	errant(ctx context.Context, t *Topology, server, primary view) (errant, untold string, err error)
}

// gtidSets is MySQL with GTIDs: a server does the algebra.
type gtidSets struct{}

func (gtidSets) lacks(ctx context.Context, t *Topology, replica, primary view, _ map[string]view) (string, error) {
	return t.subtract(ctx, t.member(primary.node), primary.executed, replica.executed)
}

func (gtidSets) errant(ctx context.Context, t *Topology, server, primary view) (string, string, error) {
	errant, err := t.subtract(ctx, t.member(server.node), server.executed, primary.executed)
	return errant, "", err
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

// gtidDomains is MariaDB, which has no function for it.
type gtidDomains struct{}

func (gtidDomains) lacks(_ context.Context, _ *Topology, replica, primary view, _ map[string]view) (string, error) {
	return beyond(primary.executed, replica.executed)
}

func (gtidDomains) errant(_ context.Context, _ *Topology, server, primary view) (string, string, error) {
	errant, err := beyond(server.executed, primary.executed)
	return errant, "", err
}

// coordinates is MySQL without GTIDs: a server knows how far it has come in its source's binary log, and nothing of
// anybody else's.
type coordinates struct{}

// lacks compares a replica with its own source: when every replica on the way has what its source has, all have what
// the primary has.
func (coordinates) lacks(_ context.Context, _ *Topology, replica, _ view, all map[string]view) (string, error) {
	source, ok := all[replica.source]
	switch {
	case !ok || source.err != nil:
		return "", fmt.Errorf("compare %s with its source %s, which does not answer", replica.node, replica.source)
	case source.logEnd == "":
		return "", fmt.Errorf("compare %s with its source %s, which writes no binary log", replica.node, replica.source)
	case replica.applied != source.logEnd:
		return fmt.Sprintf("what is from %s to %s on %s", replica.applied, source.logEnd, source.node), nil
	}
	return "", nil
}

// errant compares the application's rows: without GTIDs nothing else tells what is where.
func (coordinates) errant(ctx context.Context, t *Topology, server, primary view) (string, string, error) {
	var tables [2][]record.Row
	for i, node := range []string{server.node, primary.node} {
		rows, err := t.rows(ctx, t.member(node))
		if err != nil {
			return "", "the application's rows could not be compared: " + err.Error(), nil
		}
		tables[i] = rows
	}
	if own := rowsBeyond(tables[0], tables[1]); own != "" {
		return own, "", nil
	}
	return "", "without GTIDs only the application's rows can be compared, and it has none of its own", nil
}

// rowsShown is how many rows are named.
const rowsShown = 5

// rowsBeyond names the rows of a that b has not.
func rowsBeyond(a, b []record.Row) string {
	type key struct {
		id      int64
		attempt int
	}
	have := map[key]bool{}
	for _, r := range b {
		have[key{r.ID, r.Attempt}] = true
	}
	var named []string
	own := 0
	for _, r := range a {
		if have[key{r.ID, r.Attempt}] {
			continue
		}
		if own++; own <= rowsShown {
			named = append(named, fmt.Sprintf("%d of %s", r.ID, r.Server))
		}
	}
	if own == 0 {
		return ""
	}
	if own > rowsShown {
		named = append(named, "...")
	}
	return fmt.Sprintf("rows of the application, %d in all: %s", own, strings.Join(named, ", "))
}

// beyond is what one MariaDB server has and another has not.
func beyond(a, b string) (string, error) {
	mine, err := dialect.ParseDomains(a)
	if err != nil {
		return "", err
	}
	theirs, err := dialect.ParseDomains(b)
	if err != nil {
		return "", err
	}
	return mine.Beyond(theirs), nil
}
