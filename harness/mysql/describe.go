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
		"gtid_mode", "gtid_strict_mode", "sync_binlog", "innodb_flush_log_at_trx_commit", "replica_net_timeout", "slave_net_timeout",
		"replica_parallel_workers", "slave_parallel_threads", "relay_log_recovery",
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
	maps.Copy(out, t.describeVersions(ctx))
	if t.regions != nil {
		maps.Copy(out, t.describeRegions())
	} else {
		maps.Copy(out, t.describeManager(ctx))
	}
	maps.Copy(out, t.describeServers())
	maps.Copy(out, t.describeEndpoint(ctx))
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

// describeVersions tells the versions of all, and the variables of the first.
func (t *Topology) describeVersions(ctx context.Context) map[string]string {
	m := t.databases[0]
	component := m.vendor.settings
	names := slices.Clone(tellingVariables)
	for key := range t.settings[component] {
		names = append(names, strings.TrimPrefix(normal(key), "loose_"))
	}
	rows, err := m.Agent.Query(ctx, agent.Query{Database: t.Admin(m.Node), Timeout: viewTimeout, SQL: fmt.Sprintf(
		"SHOW GLOBAL VARIABLES WHERE Variable_name IN ('%s')", strings.Join(names, "', '"))})
	if err != nil {
		return map[string]string{component: "unknown: " + err.Error()}
	}
	out := map[string]string{component: t.versions(ctx)}
	for i := range rows.Rows {
		out[component+"/"+rows.Get(i, "Variable_name")] = rows.Get(i, "Value")
	}
	return out
}

// versions are those of the servers: one, or each with those that run it.
func (t *Topology) versions(ctx context.Context) string {
	var order []string
	nodes := map[string][]string{}
	for _, m := range t.databases {
		version := "unknown"
		rows, err := m.Agent.Query(ctx, agent.Query{
			Database: t.Admin(m.Node), Timeout: viewTimeout, SQL: "SELECT CONCAT(@@global.version, ' ', @@global.version_comment) AS version",
		})
		if err == nil {
			version = strings.TrimSpace(rows.Get(0, "version"))
		}
		if nodes[version] == nil {
			order = append(order, version)
		}
		nodes[version] = append(nodes[version], m.Name)
	}
	if len(order) == 1 {
		return order[0]
	}
	for i, version := range order {
		order[i] = version + " (" + strings.Join(nodes[version], ", ") + ")"
	}
	return strings.Join(order, "; ")
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
