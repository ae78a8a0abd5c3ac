package mysql

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
)

// telling are the settings that decide what a failover costs; a report always has them.
var (
	tellingVariables = []string{
		"version", "version_comment", "gtid_mode", "sync_binlog", "innodb_flush_log_at_trx_commit", "replica_net_timeout",
		"replica_parallel_workers", "relay_log_recovery",
	}
	tellingKeys = []string{
		"InstancePollSeconds", "MySQLConnectTimeoutSeconds", "MySQLDiscoveryReadTimeoutSeconds", "MySQLTopologyReadTimeoutSeconds",
		"RecoveryPeriodBlockSeconds", "FailureDetectionPeriodBlockMinutes", "RecoverMasterClusterFilters",
		"ApplyMySQLPromotionAfterMasterFailover", "PreventCrossDataCenterMasterFailover", "FailMasterPromotionOnLagMinutes",
		"FailMasterPromotionIfSQLThreadNotUpToDate", "DelayMasterPromotionIfSQLThreadNotUpToDate",
		"DetachLostReplicasAfterMasterFailover",
	}
)

// Describe implements harness.Topology. What cannot be read says why.
func (t *Topology) Describe(ctx context.Context) map[string]string {
	out := map[string]string{}
	maps.Copy(out, t.describeMySQL(ctx))
	maps.Copy(out, t.describeManager(ctx))
	maps.Copy(out, t.describeServers())
	return out
}

// describeServers says what is told of single servers: verifiers read it to say why a replica was passed over.
func (t *Topology) describeServers() map[string]string {
	out := map[string]string{}
	for _, m := range t.databases {
		if rule := t.rule(m); rule != neutral {
			out[m.Name+"/"+PromotionRule] = rule
		}
		if delay := t.delay(m); delay > 0 {
			out[m.Name+"/"+sourceDelay] = strconv.Itoa(delay)
		}
	}
	return out
}

func (t *Topology) describeMySQL(ctx context.Context) map[string]string {
	names := slices.Clone(tellingVariables)
	for key := range t.settings[harness.MySQL] {
		names = append(names, strings.TrimPrefix(normal(key), "loose_"))
	}
	m := t.databases[0]
	rows, err := m.Agent.Query(ctx, agent.Query{Database: t.Admin(m.Node), Timeout: viewTimeout, SQL: fmt.Sprintf(
		"SHOW GLOBAL VARIABLES WHERE Variable_name IN ('%s')", strings.Join(names, "', '"))})
	if err != nil {
		return map[string]string{"mysql": "unknown: " + err.Error()}
	}
	out := map[string]string{}
	for i := range rows.Rows {
		out["mysql/"+rows.Get(i, "Variable_name")] = rows.Get(i, "Value")
	}
	out["mysql"] = strings.TrimSpace(out["mysql/version"] + " " + out["mysql/version_comment"])
	delete(out, "mysql/version")
	delete(out, "mysql/version_comment")
	return out
}

func (t *Topology) describeManager(ctx context.Context) map[string]string {
	m := t.managers[0]
	out := map[string]string{}
	status, err := m.api.Status(ctx)
	if err != nil {
		out[harness.Orchestrator] = "unknown: " + err.Error()
	} else {
		out[harness.Orchestrator] = status.Version()
	}
	config, err := t.effective(ctx, m)
	if err != nil {
		return out
	}
	for _, key := range append(slices.Clone(tellingKeys), slices.Collect(maps.Keys(t.settings[harness.Orchestrator]))...) {
		if v, ok := lookFold(config, key); ok {
			out[harness.Orchestrator+"/"+key] = fmt.Sprint(v)
		}
	}
	return out
}
