package injectors

import "github.com/firedrill/firedrill/harness/agent"

// TransactionParams are the parameters of database.transaction: there are none.
type TransactionParams struct{}

var databaseTransactionDoc = Doc{
	Summary: "a long transaction that nobody ends holds its locks. MySQL: it has read the application's whole table for update, " +
		"so that new rows wait for its gap locks; PostgreSQL: a migration that was never committed (ALTER TABLE) bars the table to all",
	Targets: "databases",
	Params:  []Param{},
	Proof:   "transactions that wait for its locks, as the server counts them",
	Heal:    "it is rolled back and its connection closed; a server that was restarted or killed the connection had done so before",
	Limits: "seen only once somebody writes. Each waiter gives up after innodb_lock_wait_timeout (MySQL, 50 s by default). On a MySQL replica " +
		"it blocks the applier, which gives up in the end; a PostgreSQL standby takes no such lock",
}

func newDatabaseTransaction(p TransactionParams) (Fault, error) {
	f := onDatabases{params: p, deeds: inMySQL(gapLocks)}
	f.deeds[driverPostgres] = spoken(heldPostgres("ALTER TABLE " + agent.LedgerTable + " ALTER COLUMN at SET DEFAULT now()"))
	return f, nil
}

// gapLocks of a transaction that has read the application's whole table for update.
func gapLocks(speech) agent.SQLSpec {
	return agent.SQLSpec{
		Remember: map[string]agent.SQLAsk{"connection": {SQL: "SELECT CONNECTION_ID()"}},
		Apply: []agent.SQLStep{{SQL: []string{
			"SET SESSION innodb_lock_wait_timeout = 10", "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", "START TRANSACTION",
			"SELECT COUNT(*) FROM (SELECT id FROM " + agent.LedgerTable + " FOR UPDATE) AS locked",
		}}},
		Seen: []agent.SQLAsk{{
			SQL:  "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'",
			Says: "transactions that wait for the locks of connection {connection}: {answer}",
		}},
		Release: []string{"ROLLBACK"},
	}
}

// RolledBack matches what `the long transaction on TARGET is rolled back` heals.
func RolledBack(targets ...string) Match {
	return Match{Faults: []string{"database.transaction"}, Targets: targets}
}
