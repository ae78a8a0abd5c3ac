package mysql

import (
	"context"
	"fmt"
	"strconv"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
)

// Variables of semi-synchronous replication.
const (
	semiSyncCount  = "rpl_semi_sync_source_wait_for_replica_count"
	semiSyncSource = "rpl_semi_sync_source_enabled"
)

// SemiSync are the settings with which every commit waits until so many replicas have it. A primary that cannot get
// that does not go on without, for a day: a time-out would turn a promise of no loss into none in silence.
//
// All servers can acknowledge; only the primary waits. A replica that waited too would hang in its applier, for
// replicas of its own. Orchestrator has the server that it promotes wait (DetectSemiSyncEnforcedQuery).
func SemiSync(replicas int) harness.Settings {
	out := harness.Settings{}
	out.Set(harness.MySQL, "plugin_load", "semisync_source.so;semisync_replica.so")
	out.Set(harness.MySQL, "rpl_semi_sync_replica_enabled", "ON")
	out.Set(harness.MySQL, "rpl_semi_sync_source_timeout", "86400000")
	out.Set(harness.MySQL, semiSyncCount, strconv.Itoa(replicas))
	out.Set(harness.Orchestrator, "DetectSemiSyncEnforcedQuery", "select 1")
	return out
}

// ackers is how many replicas must acknowledge a commit; 0 when none must.
func (t *Topology) ackers() int {
	for key, value := range t.settings[harness.MySQL] {
		if normal(key) == semiSyncCount {
			n, _ := strconv.Atoi(value) // the server refuses to start with what is no number
			return n
		}
	}
	return 0
}

// waitForAcks has the primary wait for acknowledgements from now on.
func (t *Topology) waitForAcks(ctx context.Context, m *member) error {
	if t.ackers() == 0 {
		return nil
	}
	return t.do(ctx, m, "SET GLOBAL "+semiSyncSource+" = ON")
}

// ackReasons says why a commit on the primary would hang.
func (t *Topology) ackReasons(ctx context.Context, writers []string) []string {
	need := t.ackers()
	if need == 0 || len(writers) != 1 {
		return nil
	}
	m := t.member(writers[0])
	rows, err := m.Agent.Query(ctx, agent.Query{
		Database: t.Admin(m.Node), Timeout: viewTimeout,
		SQL: "SHOW GLOBAL STATUS WHERE Variable_name IN ('Rpl_semi_sync_source_status', 'Rpl_semi_sync_source_clients')",
	})
	if err != nil {
		return []string{err.Error()}
	}
	state := map[string]string{}
	for i := range rows.Rows {
		state[rows.Get(i, "Variable_name")] = rows.Get(i, "Value")
	}
	clients, _ := strconv.Atoi(state["Rpl_semi_sync_source_clients"])
	switch {
	case state["Rpl_semi_sync_source_status"] != "ON":
		return []string{m.Name + " does not wait for acknowledgements"}
	case clients < need:
		return []string{fmt.Sprintf("%s waits for %d to acknowledge, and %d can", m.Name, need, clients)}
	}
	return nil
}
