package injectors

import (
	"slices"

	"github.com/firedrill/firedrill/harness/agent"
)

// ErrantParams are the parameters of database.errant: there are none.
type ErrantParams struct{}

var databaseErrantDoc = Doc{
	Summary: "an errant transaction: a replica is made writable for a moment, and a transaction is written there that no other server has",
	Targets: "replicas",
	Params:  []Param{},
	Proof:   "a GTID of the replica's own in its gtid_executed",
	Heal:    "nothing can be undone: a GTID is for ever. The heal says so; super_read_only is as it was from the first moment on",
	Limits: "MySQL only. The transaction inserts a row into the application's table and deletes it again, so that no data differ: what it " +
		"costs shows when the replica is promoted and the others ask it for a transaction that it may have purged",
}

// ownTransactions is the part of gtid_executed that this server wrote itself.
const ownTransactions = "GTID_SUBTRACT(@@global.gtid_executed, GTID_SUBTRACT(@@global.gtid_executed, CONCAT(@@global.server_uuid, ':1-9223372036854775806')))"

func newDatabaseErrant(p ErrantParams) (Fault, error) {
	row := agent.LedgerTable + " WHERE id = -1 AND attempt = -1"
	errant := agent.SQLAsk{SQL: "SELECT GTID_SUBTRACT(" + ownTransactions + ", '{before}')"}
	spec := agent.SQLSpec{
		Needs:    []agent.SQLAsk{saying(isReplica, replicatesFromNobody)},
		Remember: map[string]agent.SQLAsk{"before": {SQL: "SELECT " + ownTransactions}},
		Apply: []agent.SQLStep{
			{SQL: slices.Concat(opened, []string{
				"START TRANSACTION",
				"INSERT INTO " + agent.LedgerTable + " (id, attempt, server) VALUES (-1, -1, @@server_id)", "DELETE FROM " + row, "COMMIT",
			})},
			closed,
		},
		Seen: []agent.SQLAsk{saying(errant, "{answer} is its own")},
		Undo: []agent.SQLStep{{Until: &errant, Says: "nothing can be undone: {answer} is for ever"}},
	}
	return onDatabases{
		params:  p,
		deeds:   map[string]func(agent.Database) agent.Deed{driverMySQL: spoken(spec)},
		without: map[string]string{driverPostgres: "a standby cannot be written to"},
	}, nil
}
