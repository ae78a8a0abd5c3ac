package injectors

import "github.com/firedrill/firedrill/harness/agent"

// NoAckerParams are the parameters of semisync.no_acker: there are none.
type NoAckerParams struct{}

var semisyncNoAckerDoc = Doc{
	Summary: "no replica acknowledges: semi-synchronous replication is off on the replicas, as after maintenance that forgot it, so that " +
		"commits on the primary hang while it answers all else",
	Targets: "every replica of the primary",
	Params:  []Param{},
	Proof:   "Rpl_semi_sync_replica_status is OFF on each of them, while their replication runs",
	Heal:    "it is on again, and the receiver reconnects to say so; one that replicates from nobody any more only has the setting back",
	Limits: "MySQL only. Needs semi-synchronous replication (Given semi-synchronous replication waits for 1 replica). Replicas that are not " +
		"targets acknowledge as before. Commits hang for rpl_semi_sync_source_timeout",
}

func newSemisyncNoAcker(p NoAckerParams) (Fault, error) {
	deeds := inMySQL(noAcker)
	delete(deeds, driverMariaDB)
	return onDatabases{params: p, deeds: deeds, without: map[string]string{
		driverPostgres: "its commits do not wait for semi-synchronous replication",
		driverMariaDB:  "its semi-synchronous replication is set up in other words, which this fault does not know",
	}}, nil
}

func noAcker(s speech) agent.SQLSpec {
	enabled := agent.SQLAsk{SQL: "SHOW GLOBAL VARIABLES LIKE 'rpl_semi_sync_replica_enabled'", Column: "Value", Is: "ON"}
	status := agent.SQLAsk{SQL: "SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_replica_status'", Column: "Value", Is: "OFF"}
	reconnect := []string{"STOP REPLICA IO_THREAD", "START REPLICA IO_THREAD"}
	return agent.SQLSpec{
		Needs: []agent.SQLAsk{
			saying(enabled, "it acknowledges nothing anyway: semi-synchronous replication is off"),
			s.replicates(),
		},
		Apply: []agent.SQLStep{{SQL: append([]string{"SET GLOBAL rpl_semi_sync_replica_enabled = OFF"}, reconnect...)}},
		Seen:  []agent.SQLAsk{saying(status, "Rpl_semi_sync_replica_status is {answer}")},
		Undo: []agent.SQLStep{
			{
				SQL:   []string{"SET GLOBAL rpl_semi_sync_replica_enabled = ON"},
				Until: &enabled, Says: "rpl_semi_sync_replica_enabled is {answer}",
			},
			{If: []agent.SQLAsk{s.isReplica()}, Else: replicatesFromNobody + " any more", SQL: reconnect},
		},
	}
}

// Acknowledged matches what `semi-synchronous replication is acknowledged again` heals.
func Acknowledged() Match { return Match{Faults: []string{"semisync.no_acker"}} }
