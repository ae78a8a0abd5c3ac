package injectors

import (
	"fmt"

	"github.com/firedrill/firedrill/harness/agent"
)

// What database.lock can lock.
const (
	LockTable  = "table"
	LockGlobal = "global"
)

// LockParams are the parameters of database.lock.
type LockParams struct {
	Scope string `json:"scope,omitempty"`
}

var databaseLockDoc = Doc{
	Summary: "a lock blocks writes, as that of a backup that hangs; reads go on",
	Targets: "databases",
	Params: []Param{
		{Name: "scope", Meaning: "table: the application's table; global: everything (MySQL: FLUSH TABLES WITH READ LOCK)", Default: LockTable},
	},
	Proof: "statements that wait for the lock, as the server counts them",
	Heal:  "the lock is given up and its connection closed; a server that was restarted or killed the connection had done so before",
	Limits: "seen only once somebody writes. On a MySQL replica it blocks the applier. PostgreSQL: global is unsupported, and a standby " +
		"takes no such lock",
}

func newDatabaseLock(p LockParams) (Fault, error) {
	if p.Scope == LockTable {
		p.Scope = ""
	}
	f := onDatabases{params: p}
	locked := func(sql string) map[string]func(agent.Database) agent.Deed {
		return inMySQL(func(speech) agent.SQLSpec { return lockMySQL(sql) })
	}
	switch p.Scope {
	case "":
		f.deeds = locked("LOCK TABLES " + agent.LedgerTable + " READ")
		f.deeds[driverPostgres] = spoken(heldPostgres("LOCK TABLE " + agent.LedgerTable + " IN EXCLUSIVE MODE"))
	case LockGlobal:
		f.deeds = locked("FLUSH TABLES WITH READ LOCK")
		f.without = map[string]string{driverPostgres: "it has no lock over all tables"}
	default:
		return nil, fmt.Errorf("scope: %q is neither %s nor %s", p.Scope, LockTable, LockGlobal)
	}
	return f, nil
}

// waitsForLocks counts the statements that a MySQL server has waiting for locks above the rows.
const waitsForLocks = "SELECT COUNT(*) FROM information_schema.processlist WHERE state LIKE 'Waiting for %lock'"

func lockMySQL(lock string) agent.SQLSpec {
	return agent.SQLSpec{
		Remember: map[string]agent.SQLAsk{"connection": {SQL: "SELECT CONNECTION_ID()"}},
		// The lock itself waits for whoever writes; it must not wait for ever.
		Apply:   []agent.SQLStep{{SQL: []string{"SET SESSION lock_wait_timeout = 10", lock}}},
		Seen:    []agent.SQLAsk{{SQL: waitsForLocks, Says: "statements that wait for the lock of connection {connection}: {answer}"}},
		Release: []string{"UNLOCK TABLES"},
	}
}

// heldPostgres is a lock in a transaction that is left open.
func heldPostgres(lock string) agent.SQLSpec {
	return agent.SQLSpec{
		Needs:    []agent.SQLAsk{saying(not(isStandby), "a standby takes no such lock")},
		Remember: map[string]agent.SQLAsk{"connection": {SQL: "SELECT pg_backend_pid()"}},
		Apply: []agent.SQLStep{{SQL: []string{
			"SET lock_timeout = '10s'", "SET idle_in_transaction_session_timeout = 0", "BEGIN", lock,
		}}},
		Seen: []agent.SQLAsk{{
			SQL:  "SELECT count(*) FROM pg_stat_activity WHERE {connection} = ANY(pg_blocking_pids(pid))",
			Says: "statements that wait for the lock of process {connection}: {answer}",
		}},
		Release: []string{"ROLLBACK"},
	}
}

// Unlocked matches what `the lock on TARGET is released` heals.
func Unlocked(targets ...string) Match {
	return Match{Faults: []string{"database.lock"}, Targets: targets}
}
