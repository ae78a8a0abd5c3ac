package node

import (
	"context"
	"strconv"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
)

// postgresSelf asks a primary and a replica the same question. The receiver's sender_host is the node it streams
// from; a primary's timeline is in the name of the WAL file that it writes (the control file has the old one until the
// checkpoint after a promotion); pg_stat_replication of a primary says whether a synchronous commit has anybody to wait for.
const postgresSelf = `SELECT pg_is_in_recovery() AS recovery,
 current_setting('default_transaction_read_only') AS read_only,
 CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END AS lsn,
 CASE WHEN pg_is_in_recovery() THEN (SELECT received_tli FROM pg_stat_wal_receiver)
      ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END AS timeline,
 (SELECT sender_host FROM pg_stat_wal_receiver) AS source,
 (SELECT status FROM pg_stat_wal_receiver) AS receiver,
 CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
      ELSE (extract(epoch FROM now() - pg_last_xact_replay_timestamp()) * 1000)::bigint END AS lag_ms,
 current_setting('synchronous_standby_names') <> '' AND current_setting('synchronous_commit') NOT IN ('off', 'local')
   AND NOT EXISTS (SELECT 1 FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')) AS blocked`

func samplePostgres(ctx context.Context, db sqlConn, o agent.Observe) (record.Sample, error) {
	self, err := db.Query(ctx, postgresSelf)
	if err != nil {
		return record.Sample{}, err
	}
	s := record.Sample{Role: record.RolePrimary, Position: self.Get(0, "timeline") + "/" + self.Get(0, "lsn")}
	if self.Get(0, "recovery") == "t" {
		s.Role = record.RoleReplica
		s.Source = nodeName(o.Nodes, self.Get(0, "source"))
		s.Replicating = self.Get(0, "receiver") == "streaming"
		s.LagMS = -1
		if lag, err := strconv.ParseInt(self.Get(0, "lag_ms"), 10, 64); err == nil {
			s.LagMS = lag
		}
		return s, nil
	}
	s.Writable = self.Get(0, "read_only") == "off"
	s.Blocked = self.Get(0, "blocked") == "t"
	return s, nil
}
