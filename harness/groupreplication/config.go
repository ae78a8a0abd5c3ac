package groupreplication

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/images"
)

// groupName is the group's UUID, which its transactions carry in place of a server's.
const groupName = "f12edf11-0000-4000-8000-0000000000a1"

// Files of Router.
const (
	routerConf  = images.RouterHome + "/mysqlrouter.conf"
	routerState = images.RouterHome + "/state.json"
)

// checkSettings refuses what nobody would read. A server's own name stands for that server alone.
func (t *Topology) checkSettings() error {
	known := []string{harness.MySQL, harness.Router}
	for _, m := range t.members {
		known = append(known, m.Name)
	}
	for _, component := range slices.Sorted(maps.Keys(t.settings)) {
		if !slices.Contains(known, component) {
			return fmt.Errorf("settings of component %q have no reader here; there are: %s", component, strings.Join(known, ", "))
		}
	}
	for key := range t.settings[harness.Router] {
		section, _, dotted := strings.Cut(key, ".")
		if !dotted || !slices.ContainsFunc(routerSections, func(s routerSection) bool { return s.short == section }) {
			return fmt.Errorf("set %s/%s: say in which section of its configuration, as metadata_cache.ttl, routing.connect_timeout or DEFAULT.read_timeout", harness.Router, key)
		}
	}
	return nil
}

// variable is a line of my.cnf.
type variable struct{ key, value string }

// variables of a member: ours, and the scenario's over them.
func (t *Topology) variables(m *member) []variable {
	return override(override(t.standard(m), t.settings[harness.MySQL]), t.settings[m.Name])
}

// standard are our variables, in the order of the file. Of what decides a failover (the time until a silent member is
// expelled, how long a minority waits, what a member does that is thrown out) nothing is set: those are MySQL's defaults.
func (t *Topology) standard(m *member) []variable {
	var seeds, allowed []string
	for _, other := range t.members {
		seeds, allowed = append(seeds, groupAddress(other)), append(allowed, other.Address)
	}
	out := []variable{
		{"datadir", images.MySQLDataDir},
		{"socket", images.MySQLSocket},
		{"pid_file", images.MySQLPidFile},
		{"port", strconv.Itoa(port)},
		{"bind_address", "0.0.0.0"},
		{"secure_file_priv", "NULL"},
		{"skip_name_resolve", "ON"},
		{"mysqlx", "OFF"},

		{"server_id", strconv.Itoa(m.serverID)},
		{"report_host", m.Name},
		{"report_port", strconv.Itoa(port)},
		{"log_bin", "binlog"},
		{"relay_log", "relay"},
		{"relay_log_recovery", "ON"},
		{"log_replica_updates", "ON"},
		{"gtid_mode", "ON"},
		{"enforce_gtid_consistency", "ON"},
		// A server that is not, or no longer, in the group takes no writes: only the group makes one writable.
		{"read_only", "ON"},
		{"super_read_only", "ON"},

		{"plugin_load_add", "group_replication.so"},
		{"group_replication_group_name", groupName},
		{"group_replication_local_address", groupAddress(m)},
		{"group_replication_group_seeds", strings.Join(seeds, ",")},
		// Left to itself it lets private addresses in, and those of a drill are not.
		{"group_replication_ip_allowlist", strings.Join(allowed, ",")},
		// A server that is started again joins by itself. It never makes a group by itself: two could.
		{"group_replication_start_on_boot", "ON"},
		{"group_replication_bootstrap_group", "OFF"},
		{"group_replication_recovery_get_public_key", "ON"},

		// No sync for every commit: see the kind mysql. The group certifies a transaction before it is acknowledged, so
		// the others have it in memory at least.
		{"sync_binlog", "0"},
		{"innodb_flush_log_at_trx_commit", "2"},

		// Small servers, so that a topology over three datacenters fits on a laptop. The tables of the group are there
		// without the rest of the performance schema.
		{"performance_schema", "OFF"},
		{"innodb_buffer_pool_size", "32M"},
		{"innodb_redo_log_capacity", "8M"},
		{"innodb_log_buffer_size", "1M"},
		{"table_open_cache", "64"},
		{"table_definition_cache", "400"},
		{"temptable_max_ram", "2M"},
		// A write that was given up stays a connection in Router, and one here, until the server answers: while the group
		// stands still there is one more with every write that is due.
		{"max_connections", "1000"},
	}
	if m.Fitted(harness.FitShim) {
		out = append(out, variable{"innodb_use_native_aio", "OFF"}) // the shim does not see what goes through libaio
	}
	return out
}

// groupAddress is where a member is heard by the others. No names: the group and Router look them up anew at every
// connection, in the threads that do all the rest, and glibc asks a DNS server for the half that /etc/hosts has not.
func groupAddress(m *member) string { return fmt.Sprintf("%s:%d", m.Address, groupPort) }

// override lets settings replace ours. MySQL takes dashes and underscores for the same, and a prefix "loose".
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

// routerSection is a section of Router's configuration, and what settings call it.
type routerSection struct {
	short, title string
	keys         []variable
}

// routerSections are what `mysqlrouter --bootstrap` writes, as far as the way to the primary needs it, with its times.
var routerSections = []routerSection{
	{"DEFAULT", "DEFAULT", []variable{
		{"runtime_folder", "/run/mysqlrouter"},
		{"logging_folder", ""}, // to standard error, which the agent keeps
		{"keyring_path", images.RouterKeyring},
		{"master_key_path", images.RouterMasterKey},
		{"dynamic_state", routerState},
		{"connect_timeout", "5"},
		{"read_timeout", "30"},
		{"unknown_config_option", "error"},
	}},
	{"logger", "logger", []variable{{"level", "INFO"}}},
	{"metadata_cache", "metadata_cache:bootstrap", []variable{
		{"cluster_type", "gr"},
		{"user", "router"},
		{"ttl", "0.5"},
		{"use_gr_notifications", "0"},
	}},
	{"routing", "routing:bootstrap_rw", []variable{
		{"bind_address", "0.0.0.0"},
		{"bind_port", strconv.Itoa(writePort)},
		{"destinations", "metadata-cache://" + clusterName + "/?role=PRIMARY"},
		{"routing_strategy", "first-available"},
		{"protocol", "classic"},
		// Every write opens a connection, a hundred of them may hang at once, and Router blocks a client after a
		// hundred failures.
		{"max_connect_errors", "4294967295"},
	}},
}

// routerConfig renders mysqlrouter.conf of a Router, by its number in the metadata.
func (t *Topology) routerConfig(id int) string {
	var b strings.Builder
	for _, s := range routerSections {
		keys := s.keys
		if s.short == "metadata_cache" {
			keys = append(slices.Clone(keys), variable{"router_id", strconv.Itoa(id)})
		}
		own := map[string]string{}
		for key, value := range t.settings[harness.Router] {
			if rest, ok := strings.CutPrefix(key, s.short+"."); ok {
				own[rest] = value
			}
		}
		fmt.Fprintf(&b, "[%s]\n", s.title)
		for _, v := range override(slices.Clone(keys), own) {
			fmt.Fprintf(&b, "%s = %s\n", v.key, v.value)
		}
	}
	return b.String()
}

// routerStateFile tells a Router where to look first; it keeps it up to date itself.
func (t *Topology) routerStateFile() ([]byte, error) {
	var servers []string
	for _, m := range t.members {
		servers = append(servers, fmt.Sprintf("mysql://%s:%d", m.Address, port))
	}
	data, err := json.Marshal(map[string]any{
		"version": "1.0.0",
		"metadata-cache": map[string]any{
			"group-replication-id": groupName, "cluster-metadata-servers": servers,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("render state of Router: %w", err)
	}
	return data, nil
}

// keep notes a configuration as it was run.
func (t *Topology) keep(node, name, content string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.configs[node+"/"+name] = content
}

// Config implements harness.Topology. There are no secrets in these files: Router's password is in its keyring.
func (t *Topology) Config() map[string]string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.configs)
}
