package injectors

import "github.com/firedrill/firedrill/harness/agent"

// TornParams are the parameters of replication.torn_relay_log: there are none.
type TornParams struct{}

var replicationTornRelayLogDoc = Doc{
	Summary: "the relay log of a replica is torn: what it had received and not yet applied is zeros, as after a power loss",
	Targets: "replicas that replicate by GTID auto-position",
	Params:  []Param{},
	Proof:   "the applier has stopped with the server's own error (13121, or 1594 of older servers: relay log read failure)",
	Heal:    "RESET REPLICA: the relay logs are thrown away, what was in them is fetched again, and the applier runs",
	Limits: "MySQL only. The applier is stopped for a moment, so that there is something to destroy: it fails when nothing is " +
		"written for 10 seconds. RESET REPLICA forgets a delay (SQL_Delay). What the source has purged cannot be fetched again",
}

func newReplicationTornRelayLog(p TornParams) (Fault, error) {
	return onDatabases{
		params: p,
		deeds: map[string]func(agent.Database) agent.Deed{
			driverMySQL: func(db agent.Database) agent.Deed { return agent.TornRelayLogSpec{Database: db} },
		},
		without: map[string]string{
			driverPostgres: "it has no relay log",
			driverMariaDB:  "with GTIDs it throws its relay logs away whenever both threads were stopped, and fetches them again",
		},
	}, nil
}
