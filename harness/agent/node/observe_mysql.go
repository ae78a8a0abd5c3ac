package node

import (
	"context"
	"strconv"
	"strings"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
)

// mysqlSelf asks for what does not depend on plugins. Semi-sync variables are there only with the plugin, so they are
// asked by pattern.
const (
	mysqlSelf     = "SELECT @@global.read_only AS read_only, @@global.super_read_only AS super_read_only, @@global.gtid_executed AS gtid"
	mysqlReplica  = "SHOW REPLICA STATUS"
	mysqlSemiSync = "SHOW GLOBAL VARIABLES LIKE 'rpl_semi_sync_source%'"
	mysqlAckers   = "SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_source%'"
)

// detached begins the name of a source that Orchestrator took the server away from.
const detached = "//"

func sampleMySQL(ctx context.Context, db sqlConn, o agent.Observe) (record.Sample, error) {
	self, err := db.Query(ctx, mysqlSelf)
	if err != nil {
		return record.Sample{}, err
	}
	replica, err := db.Query(ctx, mysqlReplica)
	if err != nil {
		return record.Sample{}, err
	}
	s := record.Sample{
		Position: self.Get(0, "gtid"),
		Writable: self.Get(0, "read_only") == "0" && self.Get(0, "super_read_only") == "0",
		Role:     record.RolePrimary,
	}
	if len(replica.Rows) > 0 {
		s.Role = record.RoleReplica
		s.Source = nodeName(o.Nodes, replica.Get(0, "Source_Host"))
		s.Replicating = replica.Get(0, "Replica_IO_Running") == "Yes" && replica.Get(0, "Replica_SQL_Running") == "Yes"
		s.LagMS = -1
		if lag, err := strconv.ParseInt(replica.Get(0, "Seconds_Behind_Source"), 10, 64); err == nil {
			s.LagMS = lag * 1000
		}
		s.DelayS, _ = strconv.ParseInt(replica.Get(0, "SQL_Delay"), 10, 64) // none is zero
	}
	if s.Writable && (o.CoPrimary || strings.HasPrefix(s.Source, detached)) {
		s.Role = record.RolePrimary
	}
	if s.Writable {
		s.Blocked, err = semiSyncBlocked(ctx, db)
	}
	return s, err
}

// semiSyncBlocked says whether a commit would wait for an acknowledgement that nobody can give.
func semiSyncBlocked(ctx context.Context, db sqlConn) (bool, error) {
	vars, err := db.Query(ctx, mysqlSemiSync)
	if err != nil || len(vars.Rows) == 0 {
		return false, err
	}
	v := pairs(vars)
	if v["rpl_semi_sync_source_enabled"] != "ON" {
		return false, nil
	}
	status, err := db.Query(ctx, mysqlAckers)
	if err != nil {
		return false, err
	}
	st := pairs(status)
	clients, _ := strconv.Atoi(st["Rpl_semi_sync_source_clients"])
	needed, _ := strconv.Atoi(v["rpl_semi_sync_source_wait_for_replica_count"])
	return st["Rpl_semi_sync_source_status"] == "ON" && clients < needed, nil
}

func pairs(rows agent.Rows) map[string]string {
	out := map[string]string{}
	for i := range rows.Rows {
		out[rows.Get(i, "Variable_name")] = rows.Get(i, "Value")
	}
	return out
}

// nodeName names an address or a host; one that is not of the topology stays as it is.
func nodeName(names map[string]string, host string) string {
	if name, ok := names[host]; ok {
		return name
	}
	return host
}
