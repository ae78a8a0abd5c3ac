// Package dialect holds the words in which MySQL and MariaDB say the same: statements, and the names of what they
// answer. Whoever speaks to a server of either asks here, and nowhere else is it asked which of them it is.
package dialect

import (
	"fmt"
	"strings"
)

// Drivers, as agent.Database names them.
const (
	MySQL   = "mysql"
	MariaDB = "mariadb"
)

// Dialect is how one of them speaks.
type Dialect struct {
	Driver  string
	Process string // the server's, as it is called and supervised

	// Self asks a server about itself: one row of read_only, super_read_only and gtid, which is all that it has.
	Self string
	// Replica asks a server how it replicates: no row when it does not. Status names the columns.
	Replica string
	Status  Status
	// LogEnd asks where the server's own binary log ends: one row of File and Position.
	LogEnd string

	// Open makes a server take writes.
	Open []string
	// Closed is the variable that keeps all writes but replication's away. In MariaDB administrators may still write.
	Closed string
	// Unseal lets an administrator write on a server that is closed, and Seal has it as it was at that moment. They
	// need one connection. Whoever opened the server for good meanwhile wins.
	Unseal, Seal []string

	// Own is an expression: of all that the server has, what it wrote itself. OwnSince is a query for what came to it
	// since it answered "{before}"; empty for nothing.
	Own, OwnSince string

	// DelayThread is what must be stopped to change a delay: a thread, after a space, or all when it is empty.
	DelayThread string
	// delay changes it to so many seconds; the verb takes %s.
	delay string

	SemiSync SemiSync

	// Rejoin lets a stopped server that was a primary replicate from where its own history ends.
	Rejoin []string

	attach func(Link) string
}

// Status names columns of the replica status. SQL_Delay and the last errors are called the same everywhere.
type Status struct {
	Source, Receiver, Applier, Lag string
	AppliedFile, AppliedPosition   string // of the source's binary log
}

// SemiSync names what semi-synchronous replication is set and told by, on the source.
type SemiSync struct {
	Variables, States string // patterns that all of them match
	Enabled, Count    string // variables; no Count means that it waits for one
	Active, Clients   string // states
}

// Link is how a replica is attached to its source.
type Link struct {
	Host           string
	Port           int
	User, Password string
	Delay          int // seconds
	// ByPosition counts bytes of the source's binary log, from its beginning, in place of GTIDs. MySQL only.
	ByPosition bool
}

// Attach is the statement that attaches a stopped replica. What is broken is tried again after a second, for a day, and
// a source that is silent for longer than its heartbeats of a second is missed.
func (d Dialect) Attach(l Link) string { return d.attach(l) }

// Delay is the statement that sets by how many seconds a replica applies late, which may be a name for that figure.
func (d Dialect) Delay(seconds string) string { return fmt.Sprintf(d.delay, seconds) }

// Of finds a dialect by driver; ok is false for those of other databases.
func Of(driver string) (d Dialect, ok bool) {
	d, ok = dialects[driver]
	return d, ok
}

// Drivers of all dialects.
func Drivers() []string { return []string{MySQL, MariaDB} }

var dialects = map[string]Dialect{MySQL: mysql, MariaDB: mariadb}

const mysqlOwn = "GTID_SUBTRACT(@@global.gtid_executed, GTID_SUBTRACT(@@global.gtid_executed, CONCAT(@@global.server_uuid, ':1-9223372036854775806')))"

var mysql = Dialect{
	Driver: MySQL, Process: "mysqld",
	Self:    "SELECT @@global.read_only AS read_only, @@global.super_read_only AS super_read_only, @@global.gtid_executed AS gtid",
	Replica: "SHOW REPLICA STATUS",
	Status: Status{
		Source: "Source_Host", Receiver: "Replica_IO_Running", Applier: "Replica_SQL_Running", Lag: "Seconds_Behind_Source",
		AppliedFile: "Relay_Source_Log_File", AppliedPosition: "Exec_Source_Log_Pos",
	},
	LogEnd: "SHOW BINARY LOG STATUS",
	// Off with super_read_only comes read_only too, but not the other way round.
	Open:   []string{"SET GLOBAL super_read_only = OFF", "SET GLOBAL read_only = OFF"},
	Closed: "super_read_only",
	Unseal: []string{"SET @firedrill_super = @@global.super_read_only", "SET GLOBAL super_read_only = OFF"},
	// super_read_only would take read_only with it.
	Seal: []string{"SET GLOBAL super_read_only = IF(@@global.read_only, @firedrill_super, 0)"},
	Own:  mysqlOwn, OwnSince: "SELECT GTID_SUBTRACT(" + mysqlOwn + ", '{before}')",
	DelayThread: " SQL_THREAD", delay: "CHANGE REPLICATION SOURCE TO SOURCE_DELAY = %s",
	SemiSync: SemiSync{
		Variables: "rpl_semi_sync_source%", States: "Rpl_semi_sync_source%",
		Enabled: "rpl_semi_sync_source_enabled", Count: "rpl_semi_sync_source_wait_for_replica_count",
		Active: "Rpl_semi_sync_source_status", Clients: "Rpl_semi_sync_source_clients",
	},
	attach: attachMySQL,
}

// attachMySQL has the source's own key fetched: over TCP without TLS the log-in works without it only while the source
// remembers the user.
func attachMySQL(l Link) string {
	auto := 1
	if l.ByPosition {
		auto = 0
	}
	return fmt.Sprintf("CHANGE REPLICATION SOURCE TO SOURCE_HOST='%s', SOURCE_PORT=%d, SOURCE_USER='%s', SOURCE_PASSWORD='%s', "+
		"SOURCE_AUTO_POSITION=%d, SOURCE_CONNECT_RETRY=1, SOURCE_RETRY_COUNT=86400, SOURCE_HEARTBEAT_PERIOD=1, "+
		"GET_SOURCE_PUBLIC_KEY=1, SOURCE_DELAY=%d", l.Host, l.Port, l.User, l.Password, auto, l.Delay)
}

// mariadbOwn is the server's own entry in the state of its binary log, which has the last transaction that each server
// wrote. The position (gtid_binlog_pos) has the last of all only, and hides behind it what a replica wrote before.
const mariadbOwn = "REGEXP_SUBSTR(@@global.gtid_binlog_state, CONCAT('(?<![0-9-])[0-9]+-', @@global.server_id, '-[0-9]+'))"

var mariadb = Dialect{
	Driver: MariaDB, Process: "mariadbd",
	Self:    "SELECT @@global.read_only AS read_only, 0 AS super_read_only, @@global.gtid_binlog_state AS gtid",
	Replica: "SHOW REPLICA STATUS",
	Status: Status{
		Source: "Master_Host", Receiver: "Slave_IO_Running", Applier: "Slave_SQL_Running", Lag: "Seconds_Behind_Master",
		AppliedFile: "Relay_Master_Log_File", AppliedPosition: "Exec_Master_Log_Pos",
	},
	LogEnd: "SHOW BINLOG STATUS",
	Open:   []string{"SET GLOBAL read_only = OFF"},
	Closed: "read_only",
	Own:    mariadbOwn, OwnSince: "SELECT IF(" + mariadbOwn + " = '{before}', '', " + mariadbOwn + ")",
	delay: "CHANGE MASTER TO MASTER_DELAY = %s",
	// slave_pos counts what came by replication only: else it would ask for all from the beginning.
	Rejoin: []string{"SET GLOBAL gtid_slave_pos = @@global.gtid_binlog_pos"},
	SemiSync: SemiSync{
		Variables: "rpl_semi_sync_master%", States: "Rpl_semi_sync_master%", Enabled: "rpl_semi_sync_master_enabled",
		Active: "Rpl_semi_sync_master_status", Clients: "Rpl_semi_sync_master_clients",
	},
	attach: attachMariaDB,
}

// attachMariaDB asks for no TLS: from 11.4 on a replica insists on it, and an older source has none unless it is told.
func attachMariaDB(l Link) string {
	return fmt.Sprintf("CHANGE MASTER TO MASTER_HOST='%s', MASTER_PORT=%d, MASTER_USER='%s', MASTER_PASSWORD='%s', "+
		"MASTER_USE_GTID=slave_pos, MASTER_SSL=0, MASTER_SSL_VERIFY_SERVER_CERT=0, MASTER_CONNECT_RETRY=1, MASTER_HEARTBEAT_PERIOD=1, MASTER_DELAY=%d",
		l.Host, l.Port, l.User, l.Password, l.Delay)
}

// Threads of a replica, after STOP REPLICA and START REPLICA, which both understand.
const (
	Receiver = " IO_THREAD"
	Applier  = " SQL_THREAD"
)

// Position writes a place in a binary log; empty when there is none.
func Position(file, offset string) string {
	if file == "" {
		return ""
	}
	return file + ":" + strings.TrimSpace(offset)
}
