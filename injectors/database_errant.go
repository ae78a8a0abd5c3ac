package injectors

import "github.com/firedrill/firedrill/harness/agent"

// ErrantParams are the parameters of database.errant: there are none.
type ErrantParams struct{}

var databaseErrantDoc = Doc{
	Summary: "an errant transaction: a replica is made writable for a moment, and a transaction is written there that no other server has",
	Targets: "replicas",
	Params:  []Param{},
	Proof:   "a GTID of the replica's own in its gtid_executed (MariaDB: gtid_binlog_state)",
	Heal:    "nothing can be undone: a GTID is for ever. The heal says so; super_read_only is as it was from the first moment on",
	Limits: "MySQL and MariaDB. The transaction inserts a row into the application's table and deletes it again, so that no data differ: what it " +
		"costs shows when the replica is promoted and the others ask it for a transaction that it may have purged",
}

func newDatabaseErrant(p ErrantParams) (Fault, error) {
	return onDatabases{
		params: p, deeds: inMySQL(errant),
		without: map[string]string{driverPostgres: "a standby cannot be written to"},
	}, nil
}

func errant(s speech) agent.SQLSpec {
	row := agent.LedgerTable + " WHERE id = -1 AND attempt = -1"
	own := agent.SQLAsk{SQL: s.OwnSince}
	return agent.SQLSpec{
		Needs:    []agent.SQLAsk{s.replicates()},
		Remember: map[string]agent.SQLAsk{"before": {SQL: "SELECT " + s.Own}},
		Apply: []agent.SQLStep{
			{SQL: s.onClosed(
				"START TRANSACTION",
				"INSERT INTO "+agent.LedgerTable+" (id, attempt, server) VALUES (-1, -1, @@server_id)", "DELETE FROM "+row, "COMMIT",
			)},
			s.closed(),
		},
		Seen: []agent.SQLAsk{saying(own, "{answer} is its own")},
		Undo: []agent.SQLStep{{Until: &own, Says: "nothing can be undone: {answer} is for ever"}},
	}
}
