package patroni

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/images"
	"github.com/firedrill/firedrill/harness/keepalived"
	"github.com/firedrill/firedrill/harness/workload"
)

// Places inside the nodes.
const (
	patroniYML   = "/etc/patroni/patroni.yml"
	dynamicJSON  = "/etc/patroni/dynamic.json"
	socketDir    = "/run/postgresql"
	postgresHome = "/var/lib/postgresql"
	postgresLog  = "/var/log/postgresql/postgresql.log"
	logDir       = "/var/log/firedrill"
)

// config renders every configuration file from the layout's and the scenario's settings.
type config struct {
	nodes    []*harness.Node
	settings harness.Settings
	standby  string // the node that is a standby cluster of its own; empty where there is none
}

func newConfig(l layout, nodes []*harness.Node, settings harness.Settings) (config, error) {
	c := config{nodes: nodes, settings: merged(l.settings, settings), standby: l.standby}
	if err := checkSettings(c.settings, nodes); err != nil {
		return c, err
	}
	if err := c.checkCallback(); err != nil {
		return c, err
	}
	if _, err := c.fast(); err != nil {
		return c, err
	}
	for _, n := range harness.ByComponent(nodes, harness.Patroni) {
		if _, err := c.patroni(n); err != nil {
			return c, err
		}
	}
	return c, nil
}

// dynamic is the configuration that Patroni keeps in etcd, as the scenario wants it in the end.
func (c config) dynamic() (map[string]any, error) {
	d := map[string]any{
		"maximum_lag_on_failover": 1048576,
		"postgresql": map[string]any{
			"use_pg_rewind": true,
			"use_slots":     true,
			"parameters":    map[string]any{},
		},
	}
	if err := apply(d, c.settings["patroni"], isDynamic); err != nil {
		return nil, fmt.Errorf("patroni: %w", err)
	}
	parameters, err := c.parameters()
	if err != nil {
		return nil, err
	}
	pg, ok := d["postgresql"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("patroni: postgresql must be a section")
	}
	own, _ := pg["parameters"].(map[string]any)
	maps.Copy(parameters, own) // what the scenario says under patroni postgresql.parameters.x holds too
	pg["parameters"] = parameters
	return d, nil
}

// parameters of postgresql.conf. The log is a file of its own: Patroni's would drown in it.
func (c config) parameters() (map[string]any, error) {
	p := map[string]any{
		"wal_log_hints": "on",
		"wal_keep_size": "256MB",
		// A write that hangs holds its connection: two applications with 100 writes a second each must not run into
		// the limit before their own deadline.
		"max_connections":         300,
		"unix_socket_directories": socketDir,
		"logging_collector":       "on",
		"log_directory":           "/var/log/postgresql",
		"log_filename":            "postgresql.log",
		"log_file_mode":           "0644",
		"log_rotation_age":        0,
		"log_line_prefix":         "%m [%p] %q%u@%d ",
		"log_timezone":            "UTC",
	}
	if err := apply(p, c.settings["postgresql"], func(string) bool { return true }); err != nil {
		return nil, fmt.Errorf("postgresql: %w", err)
	}
	return p, nil
}

// fast is the dynamic configuration to start with. At Patroni's default times a replica waits 10 s for its slot;
// and strict synchronous replication would block the first write before there is a standby.
func (c config) fast() (map[string]any, error) {
	d, err := c.dynamic()
	if err != nil {
		return nil, err
	}
	for key := range d {
		if strings.HasPrefix(key, "synchronous_") {
			delete(d, key)
		}
	}
	d["ttl"], d["loop_wait"], d["retry_timeout"] = 20, 1, 3
	return d, nil
}

// patroni is patroni.yml of a node.
func (c config) patroni(n *harness.Node) ([]byte, error) {
	account := func(user string) map[string]any {
		return map[string]any{"username": user, "password": images.DrillPassword}
	}
	y := map[string]any{
		"scope":     c.scopeOf(n),
		"namespace": namespace,
		"name":      n.Name,
		"restapi":   map[string]any{"listen": fmt.Sprintf("0.0.0.0:%d", restPort), "connect_address": fmt.Sprintf("%s:%d", n.Address, restPort)},
		"etcd3":     map[string]any{"hosts": c.etcdHosts()},
		"postgresql": map[string]any{
			"listen":          fmt.Sprintf("0.0.0.0:%d", postgresPort),
			"connect_address": fmt.Sprintf("%s:%d", n.Address, postgresPort),
			"data_dir":        images.PostgresDataDir,
			"bin_dir":         images.PostgresBinDir,
			"pgpass":          postgresHome + "/pgpass",
			"use_unix_socket": true,
			"authentication":  map[string]any{"superuser": account("postgres"), "replication": account("replicator"), "rewind": account("rewind")},
			// Patroni replaces the file: without a replication line no replica ever comes.
			"pg_hba": []string{
				"local all all trust",
				"host all all 0.0.0.0/0 scram-sha-256",
				"host replication replicator 0.0.0.0/0 scram-sha-256",
			},
			// A node that lost its data is whole again in the time of a copy, not of a spread checkpoint.
			"basebackup": []any{map[string]any{"checkpoint": "fast"}, "no-sync"},
			"callbacks":  c.callbacks(),
			// By which an acknowledgement tells whose it is, whatever way it came.
			"parameters": map[string]any{workload.PostgresNode: n.Name},
		},
	}
	for _, component := range []string{"patroni", n.Name} {
		if err := apply(y, c.settings[component], func(key string) bool { return mayBeLocal(component == n.Name, key) }); err != nil {
			return nil, fmt.Errorf("%s: %w", component, err)
		}
	}
	out, err := yaml.Marshal(y)
	if err != nil {
		return nil, fmt.Errorf("render patroni.yml: %w", err)
	}
	return out, nil
}

// mayBeLocal says whether a key belongs into patroni.yml of a node: of those that were set for that node alone, all that
// are Patroni's.
func mayBeLocal(ofNode bool, key string) bool {
	if ofNode {
		return key != keepalived.Priority
	}
	return isLocal(key)
}

func (c config) etcdHosts() []string {
	var out []string
	for _, e := range harness.ByComponent(c.nodes, harness.Etcd) {
		out = append(out, fmt.Sprintf("%s:%d", e.Address, etcdPort))
	}
	return out
}

// etcdArgv is the command line of an etcd member. The drills of one machine share its disk, whose fsync times would
// be etcd's heartbeat; a killed etcd loses nothing by it, since the kernel has what it wrote.
func (c config) etcdArgv(n *harness.Node) []string {
	var members []string
	for _, e := range harness.ByComponent(c.nodes, harness.Etcd) {
		members = append(members, fmt.Sprintf("%s=http://%s:%d", e.Name, e.Address, etcdPeerPort))
	}
	flags := map[string]string{
		"name":                        n.Name,
		"data-dir":                    images.EtcdDataDir,
		"listen-client-urls":          fmt.Sprintf("http://0.0.0.0:%d", etcdPort),
		"advertise-client-urls":       fmt.Sprintf("http://%s:%d", n.Address, etcdPort),
		"listen-peer-urls":            fmt.Sprintf("http://0.0.0.0:%d", etcdPeerPort),
		"initial-advertise-peer-urls": fmt.Sprintf("http://%s:%d", n.Address, etcdPeerPort),
		"initial-cluster":             strings.Join(members, ","),
		"initial-cluster-state":       "new",
		"unsafe-no-fsync":             "true",
	}
	maps.Copy(flags, c.settings["etcd"])
	argv := []string{"etcd"}
	for _, flag := range sortedKeys(flags) {
		argv = append(argv, "--"+flag+"="+flags[flag])
	}
	return argv
}

// Config are the files as run, by node and name, without passwords.
func (t *Topology) Config() map[string]string {
	out := map[string]string{}
	if dynamic, err := t.config.dynamic(); err == nil {
		if data, err := json.MarshalIndent(dynamic, "", "  "); err == nil {
			out[t.databases[0].Name+"/dynamic.json"] = string(data) + "\n" // one for all nodes, sent through the first
		}
	}
	for _, n := range t.nodes {
		switch n.Component {
		case harness.Patroni:
			text, err := t.config.patroni(n)
			if err != nil {
				text = []byte(err.Error())
			}
			out[n.Name+"/patroni.yml"] = mask(string(text))
			out[n.Name+"/hook.env"] = t.hookEnv(n)
			if t.vip {
				conf, err := t.holders().Config(n)
				if err != nil {
					conf = err.Error()
				}
				out[n.Name+"/keepalived.conf"] = conf
			}
		case harness.Etcd:
			out[n.Name+"/etcd.flags"] = strings.Join(t.config.etcdArgv(n), "\n") + "\n"
		case harness.HAProxy:
			out[n.Name+"/haproxy.cfg"] = t.config.haproxy()
		}
	}
	return out
}

func mask(text string) string { return strings.ReplaceAll(text, images.DrillPassword, "********") }
