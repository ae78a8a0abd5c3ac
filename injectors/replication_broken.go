package injectors

import (
	"fmt"
	"strings"

	"github.com/firedrill/firedrill/harness/agent"
)

// BrokenParams are the parameters of replication.broken: there are none.
type BrokenParams struct{}

var replicationBrokenDoc = Doc{
	Summary: "replication breaks on a conflict: somebody wrote rows on the replica, without a trace in its binary log, whose " +
		"keys the application uses next",
	Targets: "replicas",
	Params:  []Param{},
	Proof:   "the applier has stopped with the server's own error 1062, duplicate key",
	Heal:    "the planted rows are deleted, again without a trace, and the applier is started; a node that was promoted meanwhile only loses the rows",
	Limits: "MySQL and MariaDB: PostgreSQL's replicas copy pages and have no conflicts. Breaks with the next write of the application, " +
		"so it needs one; the rows are planted in the application's own table, with server 0. A replica that is promoted while " +
		"they are there refuses the application those keys",
}

// plantedKeys is how many keys after the highest are taken. One would do if every write were acknowledged.
const plantedKeys = 20

// removeRows finds the planted rows again by their server, which is none.
const removeRows = "DELETE FROM " + agent.LedgerTable + " WHERE server = 0"

// plantRows takes the keys that follow the highest one: those of the application node that began last. MySQL 9.7 failed
// on its own temporary table (error 1146) where one statement read and filled the table, so it takes two.
func plantRows() []string {
	var rows []string
	for n := range plantedKeys {
		rows = append(rows, fmt.Sprintf("(@firedrill_last + %d, 0, 0)", n+1))
	}
	return []string{
		"SET @firedrill_last = (SELECT MAX(id) FROM " + agent.LedgerTable + ")",
		"INSERT IGNORE INTO " + agent.LedgerTable + " (id, attempt, server) VALUES " + strings.Join(rows, ", "),
	}
}

func newReplicationBroken(p BrokenParams) (Fault, error) {
	return onDatabases{
		params: p, deeds: inMySQL(broken),
		without: map[string]string{driverPostgres: "a physical replica has no rows of its own that could be in conflict"},
	}, nil
}

func broken(s speech) agent.SQLSpec {
	write := func(sql ...string) []string {
		return s.onClosed(append([]string{"SET SESSION sql_log_bin = 0"}, sql...)...)
	}
	return agent.SQLSpec{
		Needs: []agent.SQLAsk{
			s.replicates(),
			{SQL: "SELECT EXISTS (SELECT 1 FROM " + agent.LedgerTable + ")", Says: "the application has written nothing that could be in conflict"},
		},
		Apply: []agent.SQLStep{
			{SQL: []string{"STOP REPLICA SQL_THREAD"}}, // or it would overtake the keys that we look up
			{SQL: write(plantRows()...)},
			s.closed(),
			{SQL: []string{"START REPLICA SQL_THREAD"}},
		},
		Seen: []agent.SQLAsk{
			is(s.ofReplica(s.Status.Applier), "No"),
			saying(is(s.ofReplica("Last_SQL_Errno"), "1062"), "the applier has stopped with error {answer}, duplicate key"),
		},
		Undo: []agent.SQLStep{
			{SQL: write(removeRows), Says: "the planted rows are gone"},
			s.closed(),
			{
				If: []agent.SQLAsk{s.isReplica()}, Else: replicatesFromNobody + " any more",
				SQL: []string{"START REPLICA SQL_THREAD"}, Until: ptr(s.applierRan()), Says: "the applier runs",
			},
		},
	}
}

// ReplicationRepaired matches what `replication on TARGET is repaired` heals.
func ReplicationRepaired(targets ...string) Match {
	return Match{Faults: []string{"replication.broken", "replication.torn_relay_log"}, Targets: targets}
}
