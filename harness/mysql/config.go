package mysql

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/hooks"
	"github.com/firedrill/firedrill/harness/images"
	"github.com/firedrill/firedrill/harness/keepalived"
)

// Files of ours inside the nodes.
const (
	orchestratorConfig = "/etc/orchestrator.conf.json"
	hookDir            = hooks.Dir
	hookEnv            = "/etc/firedrill/hook.env"
	tokenFile          = "/etc/firedrill/linode.token"
	hookLog            = "/var/log/firedrill/hooks.log"
	flipLog            = "/var/log/firedrill/dns-flip.log"
)

// pollSeconds is how often Orchestrator looks at each server; its default of 5 s is most of the detection time of a crash.
const pollSeconds = 1

// variable is a line of my.cnf.
type variable struct{ key, value string }

// variables of a database: ours, and the scenario's own over them.
func (t *Topology) variables(m *member) []variable {
	own := maps.Clone(t.settings[m.Name])
	for _, other := range []string{Source, PromotionRule, sourceDelay, keepalived.Priority} {
		delete(own, other)
	}
	return override(override(standard(m), t.settings[m.vendor.settings]), own)
}

// backendVariables are those of the server that the Orchestrators share, and the scenario's own over them. It is
// writable from the start, and nothing replicates from it.
func (t *Topology) backendVariables() []variable {
	vars := override(standard(t.backend), map[string]string{"read_only": "OFF", "super_read_only": "OFF"})
	return override(vars, t.settings[harness.Backend])
}

// standard are our variables, in the order of the file: those of every vendor, and the server's own vendor's.
func standard(m *member) []variable {
	out := []variable{
		{"datadir", images.MySQLDataDir},
		{"socket", images.MySQLSocket},
		{"pid_file", images.MySQLPidFile},
		{"port", strconv.Itoa(port)},
		{"bind_address", "0.0.0.0"},
		{"skip_name_resolve", "ON"},

		{"server_id", strconv.Itoa(m.serverID)},
		{"report_host", m.Name},
		{"report_port", strconv.Itoa(port)},
		{"log_bin", "binlog"},
		{"relay_log", "relay"},
		{"relay_log_recovery", "ON"},
		// A primary that comes back after a failover must not take writes again: only a failover manager, or Start,
		// makes a server writable.
		{"read_only", "ON"},
		// No sync for every commit: on three nodes of a small machine it costs most of two cores (a replica at 200
		// commits a second took 45 % of one, 13 % without), which stalls the prober. A killed process or container
		// leaves the page cache alone, so no drill here could lose what this risks.
		{"sync_binlog", "0"},
		{"innodb_flush_log_at_trx_commit", "2"},

		// A server in about 130 MiB, so that a topology over three datacenters fits on a laptop.
		{"performance_schema", "OFF"},
		{"innodb_buffer_pool_size", "32M"},
		{"table_open_cache", "64"},
		{"table_definition_cache", "400"},
		{"max_connections", "200"},
		// What queues up while the server hangs is dead by the time it wakes, and it chews through the queue before it
		// serves anybody: 200 dead connections held the first live write up by 50 to 100 ms.
		{"back_log", "32"},
	}
	out = append(out, m.vendor.variables...)
	if m.Fitted(harness.FitShim) {
		// What goes to the kernel through libaio the shim does not see: InnoDB's own threads write in its place.
		out = append(out, variable{"innodb_use_native_aio", "OFF"})
	}
	return out
}

// override lets the scenario's own settings replace ours. MySQL takes dashes and underscores for the same, and a
// prefix "loose".
func override(vars []variable, settings map[string]string) []variable {
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		own := variable{normal(key), settings[key]}
		i := slices.IndexFunc(vars, func(v variable) bool { return v.key == strings.TrimPrefix(own.key, "loose_") })
		if i < 0 {
			vars = append(vars, own)
			continue
		}
		vars[i] = own
	}
	return vars
}

func normal(key string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimSpace(key)), "-", "_")
}

// myCnf renders a my.cnf.
func myCnf(vars []variable) string {
	var b strings.Builder
	b.WriteString("[mysqld]\n")
	for _, v := range vars {
		fmt.Fprintf(&b, "%s = %s\n", v.key, v.value)
	}
	return b.String()
}

// orchestratorJSON renders orchestrator.conf.json. What differs from Orchestrator's defaults is what makes a failover
// fast, and what an unattended one needs. mask hides the passwords.
func (t *Topology) orchestratorJSON(m *managerNode, mask bool) (string, error) {
	password := images.DrillPassword
	if mask {
		password = "***"
	}
	config := map[string]any{
		"ListenAddress":     ":3000",
		"MySQLTopologyUser": "orchestrator", "MySQLTopologyPassword": password,
		"ReplicationCredentialsQuery": fmt.Sprintf("select 'repl', '%s'", password),

		"HostnameResolveMethod": "none", "MySQLHostnameResolveMethod": "@@report_host",
		"DiscoverByShowSlaveHosts": true,
		"DetectClusterAliasQuery":  "select '" + alias + "'",
		"DetectClusterDomainQuery": "select '" + name + "'",
		"DetectInstanceAliasQuery": "select @@report_host",
		"DetectDataCenterQuery":    t.perServer(func(m *member) string { return m.Datacenter }),
		"DetectPromotionRuleQuery": t.perServer(t.rule),

		"InstancePollSeconds": pollSeconds,
		// Calls into a black hole hold everything up; the defaults are 2, 10 and 600 s.
		"MySQLConnectTimeoutSeconds": 1, "MySQLDiscoveryReadTimeoutSeconds": 2, "MySQLTopologyReadTimeoutSeconds": 5,

		"RecoverMasterClusterFilters": []string{"*"}, "RecoverIntermediateMasterClusterFilters": []string{"*"},
		"ApplyMySQLPromotionAfterMasterFailover": true, "UseSuperReadOnly": t.primaryAtStart().Closed == "super_read_only",
		// Production blocks a second failover for an hour; a drill may want one in the same minute.
		"RecoveryPeriodBlockSeconds": 10, "FailureDetectionPeriodBlockMinutes": 1,
	}
	maps.Copy(config, t.keepsState(m))
	if t.readOnlyManagers() {
		config["DiscoverySeeds"] = t.seeds()
	}
	for list, commands := range hookLists() {
		config[list] = commands
	}
	applyOverrides(config, t.settings[harness.Orchestrator])
	if mask {
		maskSecrets(config)
	}
	data, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		return "", fmt.Errorf("render orchestrator.conf.json: %w", err)
	}
	return string(data) + "\n", nil
}

// Where an Orchestrator keeps its own state, and how it speaks to the others under raft.
const (
	stateDir = images.OrchestratorDataDir
	raftPort = 10008
)

// keepsState says where an Orchestrator keeps what it knows, and so how a leader is found among several.
func (t *Topology) keepsState(m *managerNode) map[string]any {
	if t.backend != nil {
		return map[string]any{
			"BackendDB": "mysql", "MySQLOrchestratorHost": t.backend.Name, "MySQLOrchestratorPort": port, "MySQLOrchestratorDatabase": "orchestrator",
			"MySQLOrchestratorUser": "orchestrator", "MySQLOrchestratorPassword": images.DrillPassword,
		}
	}
	out := map[string]any{"BackendDB": "sqlite3", "SQLite3DataFile": stateDir + "/orchestrator.sqlite"}
	if !t.raft {
		return out
	}
	var all []string
	for _, other := range t.managers {
		all = append(all, other.Address)
	}
	out["RaftEnabled"], out["RaftDataDir"], out["RaftNodes"] = true, stateDir+"/raft", all
	out["RaftBind"], out["DefaultRaftPort"] = m.Address, raftPort
	out["HTTPAdvertise"] = fmt.Sprintf("http://%s:3000", m.Address) // followers send what they are asked to the leader
	return out
}

// perServer is a query that gives each server its own answer. It is in the configuration and not in a table, so that
// every GTID set of a fresh topology is empty and no answer is replicated.
func (t *Topology) perServer(answer func(*member) string) string {
	var b strings.Builder
	b.WriteString("select case @@report_host")
	for _, m := range t.databases {
		fmt.Fprintf(&b, " when '%s' then '%s'", m.Name, answer(m))
	}
	b.WriteString(" else '' end")
	return b.String()
}

// applyOverrides replaces keys by the scenario's. Orchestrator matches keys without regard to case, and so do we.
func applyOverrides(config map[string]any, settings map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		for have := range config {
			if strings.EqualFold(have, key) {
				delete(config, have)
			}
		}
		config[key] = jsonValue(settings[key])
	}
}

// jsonValue takes what is JSON as it is (numbers, booleans, lists), and all else as text.
func jsonValue(s string) any {
	var v any
	if json.Unmarshal([]byte(s), &v) == nil {
		return v
	}
	return s
}

func maskSecrets(config map[string]any) {
	for key := range config {
		lower := strings.ToLower(key)
		if strings.Contains(lower, "password") || strings.Contains(lower, "secret") || strings.Contains(lower, "token") && !strings.HasSuffix(lower, "seconds") {
			config[key] = "***"
		}
	}
}

// hookLists are the processes that Orchestrator runs. The DNS flip is the shipped hook; the other lists only write a
// line, which costs no process, so that a drill can tell their order.
func hookLists() map[string][]string {
	out := map[string][]string{}
	for _, list := range []string{
		"OnFailureDetectionProcesses", "PreGracefulTakeoverProcesses", "PreFailoverProcesses", "PostFailoverProcesses",
		"PostUnsuccessfulFailoverProcesses", "PostIntermediateMasterFailoverProcesses", "PostGracefulTakeoverProcesses",
	} {
		out[list] = []string{note(strings.TrimSuffix(list, "Processes"))}
	}
	out["PostMasterFailoverProcesses"] = []string{
		note("PostMasterFailover"),
		path.Join(hookDir, hooks.OrchestratorPostFailover) + " --name " + name,
	}
	return out
}

// hookTokens are what Orchestrator tells its hooks, by the name of the placeholder in a command; hookVariables are the
// same in the environment. A placeholder that has no value in a recovery stays as it is, braces and all.
var (
	hookTokens = []string{
		"failureType", "command", "failedHost", "failureCluster", "failureClusterAlias", "countReplicas", "replicaHosts",
		"lostReplicas", "countLostReplicas", "isSuccessful", "successorHost", "successorPort", "orchestratorHost",
	}
	hookVariables = []string{
		"ORC_FAILURE_TYPE", "ORC_COMMAND", "ORC_FAILED_HOST", "ORC_FAILURE_CLUSTER", "ORC_FAILURE_CLUSTER_ALIAS", "ORC_COUNT_REPLICAS",
		"ORC_REPLICA_HOSTS", "ORC_LOST_REPLICAS", "ORC_IS_SUCCESSFUL", "ORC_SUCCESSOR_HOST", "ORC_ORCHESTRATOR_HOST",
	}
)

// note is a shell command that appends a line to the log of hooks, with everything that the hook was told; Orchestrator
// fills the braces in, the shell the variables. It never fails.
func note(name string) string {
	var b strings.Builder
	b.WriteString(`echo '{"name":"` + name + `","exit":0,"cause":"{failureType}","failed":"{failedHost}","recovery":"{recoveryUID}"`)
	for _, token := range hookTokens {
		b.WriteString(`,"` + token + `":"{` + token + `}"`)
	}
	for _, variable := range hookVariables {
		b.WriteString(`,"` + variable + `":"'"$` + variable + `"'"`)
	}
	b.WriteString("}' >> " + hookLog + " || true")
	return b.String()
}

// managerFiles are what an Orchestrator's node needs: its configuration, and the hooks as in production.
func managerFiles(conf string) []agent.File {
	out := []agent.File{
		{Path: orchestratorConfig, Mode: 0o600, Data: []byte(conf)},
		{Path: hookLog},
	}
	for name, f := range hooks.Files() {
		out = append(out, agent.File{Path: path.Join(hookDir, name), Mode: uint32(f.Mode.Perm()), Data: f.Content})
	}
	return out
}

// hookSecrets are how the hooks reach the endpoint's API: hook.env, which has no secret in it, and the token's own file.
func hookSecrets(linode map[string]string) []agent.File {
	env := fmt.Sprintf("LINODE_URL=%s\nLINODE_TOKEN_FILE=%s\nDNS_FLIP_NAME=%s\nDNS_FLIP_LOG=%s\nFIREDRILL_HOOK_LOG=%s\n",
		linode["LINODE_URL"], tokenFile, name, flipLog, hookLog)
	return []agent.File{
		{Path: hookEnv, Data: []byte(env)},
		{Path: tokenFile, Mode: 0o600, Data: []byte(linode["LINODE_TOKEN"] + "\n")},
	}
}

// effective reads the configuration as Orchestrator itself understood it, and refuses settings that it does not know:
// Orchestrator would ignore them without a word.
func (t *Topology) effective(ctx context.Context, m *managerNode) (map[string]any, error) {
	argv := []string{images.OrchestratorBinary, "-config", orchestratorConfig, "-c", "dump-config"}
	if t.raft {
		argv = append(argv, "-ignore-raft-setup") // else it refuses every command under raft, even this one
	}
	out, err := m.Agent.Exec(ctx, agent.Command{Argv: argv})
	if err != nil {
		return nil, fmt.Errorf("read effective configuration of %s: %w", m.Name, err)
	}
	config := map[string]any{}
	if err := json.Unmarshal([]byte(out.Stdout), &config); err != nil {
		return nil, fmt.Errorf("read effective configuration of %s: %w: %s", m.Name, err, lastLines(out.Stderr, 2))
	}
	return config, checkEffective(config, t.settings[harness.Orchestrator])
}

func checkEffective(config map[string]any, settings map[string]string) error {
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		have, ok := lookFold(config, key)
		if !ok {
			return fmt.Errorf("set orchestrator/%s: this Orchestrator has no such setting", key)
		}
		want := jsonValue(settings[key])
		if fmt.Sprint(have) != fmt.Sprint(want) {
			return fmt.Errorf("set orchestrator/%s: it was set to %v, but in effect is %v", key, want, have)
		}
	}
	return nil
}

func lookFold(config map[string]any, key string) (any, bool) {
	for have, v := range config {
		if strings.EqualFold(have, key) {
			return v, true
		}
	}
	return nil, false
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], " | ")
}

// keep notes a configuration as it was run.
func (t *Topology) keep(node, name, content string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.configs[node+"/"+name] = content
}

// Config implements harness.Topology.
func (t *Topology) Config() map[string]string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.configs)
}
