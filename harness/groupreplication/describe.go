package groupreplication

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
)

// telling are the variables that decide what a failover costs; a report always has them.
var telling = []string{
	"version", "version_comment", "sync_binlog", "innodb_flush_log_at_trx_commit",
	"group_replication_member_expel_timeout", "group_replication_unreachable_majority_timeout", "group_replication_exit_state_action",
	"group_replication_autorejoin_tries", "group_replication_consistency", "group_replication_member_weight",
	"group_replication_single_primary_mode", "group_replication_flow_control_mode", "group_replication_paxos_single_leader",
}

// Describe implements harness.Topology. What cannot be read says why.
func (t *Topology) Describe(ctx context.Context) map[string]string {
	names := slices.Clone(telling)
	for key := range t.settings[harness.MySQL] {
		names = append(names, strings.TrimPrefix(normal(key), "loose_"))
	}
	m := t.members[0]
	rows, err := m.Agent.Query(ctx, agent.Query{Database: t.Admin(m.Node), Timeout: viewTimeout, SQL: fmt.Sprintf(
		"SHOW GLOBAL VARIABLES WHERE Variable_name IN ('%s')", strings.Join(names, "', '"))})
	if err != nil {
		return map[string]string{"mysql": "unknown: " + err.Error()}
	}
	out := map[string]string{"router": t.routerVersion(ctx)}
	for i := range rows.Rows {
		out["mysql/"+rows.Get(i, "Variable_name")] = rows.Get(i, "Value")
	}
	out["mysql"] = strings.TrimSpace(out["mysql/version"] + " " + out["mysql/version_comment"])
	delete(out, "mysql/version")
	delete(out, "mysql/version_comment")
	return out
}

func (t *Topology) routerVersion(ctx context.Context) string {
	out, err := t.routers[0].Agent.Exec(ctx, agent.Command{Argv: []string{"mysqlrouter", "--version"}, Timeout: viewTimeout})
	if err != nil {
		return "unknown: " + err.Error()
	}
	return strings.TrimSpace(out.Stdout)
}
