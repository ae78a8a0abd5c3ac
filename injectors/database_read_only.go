package injectors

import "github.com/firedrill/firedrill/harness/agent"

// ReadOnlyParams are the parameters of database.read_only: there are none.
type ReadOnlyParams struct{}

var databaseReadOnlyDoc = Doc{
	Summary: "a database is set read-only by hand, without a word to the failover manager",
	Targets: "the primary",
	Params:  []Param{},
	Proof:   "MySQL: super_read_only is on (MariaDB: read_only); PostgreSQL: default_transaction_read_only is on",
	Heal: "it takes writes again, if it is still the primary. MySQL: if it replicates from nobody, was not restarted, and still has " +
		"replicas if it had some; else it stays read-only, and the heal says so",
	Limits: "MySQL: not drilled on a server that is read-only already. PostgreSQL: set by ALTER SYSTEM for new transactions, which may still " +
		"turn it off for themselves; a heal resets it to what the configuration files say, and a standby stays one",
}

// readOnlyLock is taken by name in the server, and ends with it: who finds it taken knows that the server was not
// restarted since.
const readOnlyLock = "'firedrill.read_only'"

// attached counts the replicas that fetch from a MySQL server.
const attached = "SELECT COUNT(*) FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'"

func newDatabaseReadOnly(p ReadOnlyParams) (Fault, error) {
	f := onDatabases{params: p, deeds: inMySQL(readOnlyMySQL)}
	f.deeds[driverPostgres] = spoken(readOnlyPostgres())
	return f, nil
}

func readOnlyMySQL(s speech) agent.SQLSpec {
	readOnly := agent.SQLAsk{SQL: "SELECT @@global." + s.Closed}
	writable := agent.SQLAsk{SQL: "SELECT @@global.read_only = 0"}
	return agent.SQLSpec{
		Needs:    []agent.SQLAsk{saying(writable, "it is read-only already")},
		Remember: map[string]agent.SQLAsk{"replicas": {SQL: attached}},
		Apply:    []agent.SQLStep{{SQL: []string{"SELECT GET_LOCK(" + readOnlyLock + ", 0)", "SET GLOBAL " + s.Closed + " = ON"}}},
		Seen:     []agent.SQLAsk{saying(readOnly, s.Closed+" is {answer}")},
		Undo: []agent.SQLStep{{
			If: []agent.SQLAsk{
				not(s.isReplica()),
				{SQL: "SELECT IS_USED_LOCK(" + readOnlyLock + ")"},
				{SQL: "SELECT {replicas} = 0 OR (" + attached + ") > 0"},
			},
			Else:  "it is not the primary any more, or was restarted: it stays as it is",
			SQL:   s.Open,
			Until: &writable, Says: "it takes writes again",
		}},
		Release: []string{"DO RELEASE_LOCK(" + readOnlyLock + ")"},
	}
}

func readOnlyPostgres() agent.SQLSpec {
	readOnly := agent.SQLAsk{SQL: "SELECT setting FROM pg_settings WHERE name = 'default_transaction_read_only'", Is: "on"}
	return agent.SQLSpec{
		Needs: []agent.SQLAsk{saying(not(isStandby), "it is read-only already"), saying(not(readOnly), "it is read-only already")},
		Apply: []agent.SQLStep{{
			SQL: []string{"ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"}, Until: &readOnly,
		}},
		Seen: []agent.SQLAsk{saying(readOnly, "default_transaction_read_only is {answer}")},
		Undo: []agent.SQLStep{{
			SQL:   []string{"ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()"},
			Until: ptr(not(readOnly)), Says: "default_transaction_read_only is {answer}",
		}},
	}
}

// Writable matches what `TARGET is set writable by hand` heals.
func Writable(targets ...string) Match {
	return Match{Faults: []string{"database.read_only"}, Targets: targets}
}
