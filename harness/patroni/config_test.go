package patroni

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/hooks"
	"github.com/firedrill/firedrill/harness/images"
)

// built makes the first layout over nodes that only have addresses.
func built(t *testing.T, settings harness.Settings) *Topology {
	t.Helper()
	topology, err := laidOut(t, layouts[0].name, settings)
	require.NoError(t, err)
	return topology
}

func laidOut(t *testing.T, name string, settings harness.Settings) (*Topology, error) {
	t.Helper()
	b, err := harness.NewCatalogue(Kind{}).Find(name)
	require.NoError(t, err)
	var nodes []*harness.Node
	for i, s := range b.Specs {
		nodes = append(nodes, &harness.Node{Name: s.Name, Component: s.Component, Datacenter: s.Datacenter, Address: fmt.Sprintf("10.0.0.%d", i+1)})
	}
	topology, err := b.Build(nodes, settings)
	if err != nil {
		return nil, err
	}
	return topology.(*Topology), nil
}

func settingsOf(triples ...[3]string) harness.Settings {
	s := harness.Settings{}
	for _, t := range triples {
		s.Set(t[0], t[1], t[2])
	}
	return s
}

func TestLayoutsBuild(t *testing.T) {
	for _, b := range harness.NewCatalogue(Kind{}) {
		require.Equal(t, "patroni", b.Kind)
		require.NotEmpty(t, b.Summary)
		require.NotEmpty(t, b.Specs)
	}
	topology := built(t, nil)
	require.Len(t, topology.Databases(), 3)
	require.Equal(t, map[string]string{"10.0.0.4": "p1", "10.0.0.5": "p2", "10.0.0.6": "p3", "p1": "p1", "p2": "p2", "p3": "p3"}, topology.Servers())
	require.Equal(t, PrimaryName, topology.Endpoints()[0].Name)
	require.Equal(t, ProxyName, topology.Endpoints()[1].Name)
}

func TestPatroniYML(t *testing.T) {
	topology := built(t, settingsOf(
		[3]string{"patroni", "tags.clonefrom", "true"},
		[3]string{"p2", "tags.nofailover", "true"},
	))
	for _, n := range topology.Databases() {
		text, err := topology.config.patroni(n)
		require.NoError(t, err)
		var y struct {
			Name  string
			Etcd3 struct{ Hosts []string }
			Tags  map[string]bool
			PG    struct {
				Connect string   `yaml:"connect_address"`
				HBA     []string `yaml:"pg_hba"`
			} `yaml:"postgresql"`
		}
		require.NoError(t, yaml.Unmarshal(text, &y))
		require.Equal(t, n.Name, y.Name)
		require.Equal(t, []string{"10.0.0.1:2379", "10.0.0.2:2379", "10.0.0.3:2379"}, y.Etcd3.Hosts)
		require.Equal(t, n.Address+":5432", y.PG.Connect)
		require.Contains(t, y.PG.HBA[2], "host replication", "without it no replica ever comes")
		require.True(t, y.Tags["clonefrom"])
		require.Equal(t, n.Name == "p2", y.Tags["nofailover"])
	}
}

func TestDynamicConfiguration(t *testing.T) {
	topology := built(t, settingsOf(
		[3]string{"patroni", "ttl", "30"},
		[3]string{"patroni", "synchronous_mode", "true"},
		[3]string{"patroni", "postgresql.use_pg_rewind", "false"},
		[3]string{"postgresql", "synchronous_commit", "remote_write"},
		[3]string{"postgresql", "max_connections", "50"},
	))
	want, err := topology.config.dynamic()
	require.NoError(t, err)
	require.Equal(t, 30, want["ttl"])
	require.Equal(t, 1, want["loop_wait"], "the layout's own")
	require.Equal(t, true, want["synchronous_mode"])
	pg := want["postgresql"].(map[string]any)
	require.Equal(t, false, pg["use_pg_rewind"])
	require.Equal(t, "remote_write", pg["parameters"].(map[string]any)["synchronous_commit"])
	require.Equal(t, 50, pg["parameters"].(map[string]any)["max_connections"])
	fast, err := topology.config.fast()
	require.NoError(t, err)
	require.Equal(t, 20, fast["ttl"], "the start is quick whatever the scenario wants")
	require.NotContains(t, fast, "synchronous_mode", "strict mode would block the first write")
}

func TestSettingsThatGoNowhereAreRefused(t *testing.T) {
	_, err := newTopology(layouts[0], built(t, nil).nodes, settingsOf([3]string{"mysql", "x", "1"}))
	require.ErrorContains(t, err, "mysql")
	_, err = newTopology(layouts[0], built(t, nil).nodes, settingsOf([3]string{"patroni", "ttl", "{"}))
	require.ErrorContains(t, err, "ttl")
}

func TestHAProxyConfiguration(t *testing.T) {
	topology := built(t, settingsOf(
		[3]string{"haproxy", "inter", "1s"},
		[3]string{"haproxy", "uri", "/read-write"},
		[3]string{"haproxy", "timeout check", "1s"},
	))
	text := topology.config.haproxy()
	require.Contains(t, text, "default-server fall 3 inter 1s on-marked-down shutdown-sessions rise 2\n")
	require.Contains(t, text, "uri /read-write\n")
	require.Contains(t, text, "    timeout check 1s\n")
	require.Contains(t, text, "    server p2 10.0.0.5:5432 check port 8008\n")
}

func TestEtcdFlags(t *testing.T) {
	topology := built(t, settingsOf([3]string{"etcd", "heartbeat-interval", "50"}))
	argv := topology.config.etcdArgv(topology.etcd[1])
	require.Contains(t, argv, "--name=e2")
	require.Contains(t, argv, "--heartbeat-interval=50")
	require.Contains(t, argv, "--initial-cluster=e1=http://10.0.0.1:2380,e2=http://10.0.0.2:2380,e3=http://10.0.0.3:2380")
}

func TestKeptConfigurationHasNoPasswords(t *testing.T) {
	files := built(t, nil).Config()
	require.Contains(t, files, "p1/patroni.yml")
	require.Contains(t, files, "lb/haproxy.cfg")
	for name, text := range files {
		require.NotContains(t, text, images.DrillPassword, name)
	}
}

// The cases were run on Patroni 4.0.7.
func TestEffectiveTimes(t *testing.T) {
	for _, c := range []struct {
		sent map[string]any
		want times
	}{
		{map[string]any{}, times{30, 10, 10}},
		{map[string]any{"ttl": 5.0, "loop_wait": 0.0, "retry_timeout": 1.0}, times{20, 1, 3}},
		{map[string]any{"ttl": 20, "loop_wait": 10, "retry_timeout": 10}, times{20, 1, 9}},
		{map[string]any{"ttl": 20, "loop_wait": 10, "retry_timeout": 6}, times{20, 8, 6}},
		{map[string]any{"ttl": "20", "loop_wait": 1, "retry_timeout": 3}, times{20, 1, 3}},
	} {
		require.Equal(t, c.want, effective(c.sent), "%v", c.sent)
	}
}

func TestInEffectNamesWhatWasClamped(t *testing.T) {
	in := inEffect(map[string]any{"ttl": 5.0, "loop_wait": 1.0, "maximum_lag_on_failover": 1048576.0, "synchronous_mode": "quorum"})
	require.Equal(t, "20 (5 was asked for)", in["ttl"])
	require.Equal(t, "1", in["loop_wait"])
	require.Equal(t, "9 (10 was asked for)", inEffect(map[string]any{"ttl": 20, "retry_timeout": 10})["retry_timeout"])
	require.Equal(t, "1048576", in["maximum_lag_on_failover"])
	require.Equal(t, "quorum", in["synchronous_mode"])
	require.Equal(t, "300", in["primary_start_timeout"])
}

func TestEachDatacenterHasItsOwnWayToTheProxy(t *testing.T) {
	topology, err := laidOut(t, "patroni-3dc", harness.Settings{harness.Resolver: {"max_ttl": "20"}})
	require.NoError(t, err)
	at := map[string]*harness.Node{}
	for _, n := range topology.nodes {
		at[n.Name] = n
	}
	for i, datacenter := range []string{"dc1", "dc2", "dc3"} {
		own := at[fmt.Sprint("r", i+1)]
		require.Equal(t, own.Address+":53", topology.Resolver(datacenter))
		r := topology.resolver(own)
		require.Equal(t, map[string]string{ProxyName: at[fmt.Sprint("lb", i+1)].Address}, r.Local)
		require.Equal(t, "20", r.Settings["max_ttl"], "the scenario's, over the layout's 1")
		require.Equal(t, datacenter, at[fmt.Sprint("e", i+1)].Datacenter)
		require.Equal(t, datacenter, at[fmt.Sprint("p", i+1)].Datacenter)
		require.Equal(t, datacenter, at[fmt.Sprint("app", i+1)].Datacenter)
	}
	require.Equal(t, "linode", at["dns"].Datacenter)

	_, err = laidOut(t, "patroni-3dc", harness.Settings{harness.Resolver: {"max_ttl": "0.5"}})
	require.ErrorContains(t, err, "not a number of whole seconds")
	_, err = laidOut(t, "patroni-3", harness.Settings{harness.Resolver: {"max_ttl": "5"}})
	require.ErrorContains(t, err, "settings of resolver: there is no such component")
}

func TestNodesHoldAVirtualAddressBetweenThem(t *testing.T) {
	topology, err := laidOut(t, "patroni-vip", harness.Settings{"p1": {"vip_priority": "150", "tags.nofailover": "true"}, "keepalived": {"fall": "4"}})
	require.NoError(t, err)
	last := topology.Endpoints()[3]
	require.Equal(t, VIPName, last.Name)
	config, err := topology.holders().Config(topology.databases[0])
	require.NoError(t, err)
	require.Contains(t, config, "    priority 150\n")
	require.Contains(t, config, "    fall 4\n")
	yml, err := topology.config.patroni(topology.databases[0])
	require.NoError(t, err)
	require.NotContains(t, string(yml), "vip_priority")
	require.Contains(t, string(yml), "nofailover")
	require.Contains(t, string(yml), "firedrill.node: p1")
	require.Contains(t, topology.Config(), "p2/keepalived.conf")

	for want, s := range map[string]harness.Settings{
		"this topology has no virtual address": {"keepalived": {"fall": "4"}},
		"set p1/vip_priority: this topology":   {"p1": {"vip_priority": "100"}},
	} {
		_, err := laidOut(t, "patroni-3", s)
		require.ErrorContains(t, err, want)
	}
	_, err = laidOut(t, "patroni-vip", harness.Settings{"keepalived": {"preempt": "on"}})
	require.ErrorContains(t, err, "there is no such setting")
}

// The check is run by keepalived, which only sees how it ends. Patroni's 200 means that the node holds the leader key.
func TestOnlyALeaderThatTakesWritesMayHaveTheAddress(t *testing.T) {
	for _, c := range []struct {
		name, curl, psql string
		want             bool
	}{
		{"the leader", "exit 0", "echo f", true},
		{"a replica", "exit 22", "echo t", false},
		{"the leader, not promoted yet", "exit 0", "echo t", false},
		{"the leader, whose PostgreSQL does not run", "exit 0", "exit 2", false},
		{"writable, and Patroni is dead", "exit 7", "echo f", false},
		{"the leader, whose PostgreSQL hangs", "exit 0", "sleep 5; echo f", false},
	} {
		bin := t.TempDir()
		for name, does := range map[string]string{"curl": c.curl, "psql": c.psql} {
			require.NoError(t, os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+does+"\n"), 0o755))
		}
		run := exec.CommandContext(context.WithoutCancel(t.Context()), "sh", "-c", strings.TrimPrefix(leadsAndWrites, "#!/bin/sh\n"))
		run.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH")}
		require.Equal(t, c.want, run.Run() == nil, c.name)
	}
}

func TestTheCallbackMayBeAnother(t *testing.T) {
	standard := built(t, nil)
	require.False(t, standard.hasEnv())
	require.Equal(t, "/usr/local/lib/firedrill-hooks/patroni-on-role-change", standard.config.callbacks()["on_stop"])

	env, err := laidOut(t, "patroni-3", harness.Settings{"callback": {"script": "patroni-env-rewrite", "ENV_REWRITE_HOSTS": "none"}})
	require.NoError(t, err)
	require.Equal(t, "/usr/local/lib/firedrill-hooks/patroni-env-rewrite", env.config.callbacks()["on_role_change"])
	text := env.hookEnv(env.databases[1])
	require.Contains(t, text, "ENV_REWRITE_HOSTS=\n", "none leaves it empty")
	require.Contains(t, text, "ENV_REWRITE_FILE="+envOfDatabase+"\n")
	require.Contains(t, text, "DNS_FLIP_TARGET="+env.databases[1].Address+"\n")
	require.Equal(t, EnvName, env.Endpoints()[3].Name)

	settings := harness.Settings{}
	settings.SetFile("patroni", "on_role_change", "flip.sh", []byte("#!/bin/sh\nexit 3\n"))
	require.Equal(t, map[string]string{"file/patroni:on_role_change": "flip.sh"}, settings.Flat(), "a report has no use for its text")
	own, err := laidOut(t, "patroni-3", settings)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"on_role_change": userCallbackDir + "/flip.sh"}, own.config.callbacks(), "it is all there is")
	var put []string
	for _, f := range own.callbackFiles(own.databases[0]) {
		if f.Path == userCallbackFiles+"/flip.sh" {
			require.Equal(t, "#!/bin/sh\nexit 3\n", string(f.Data))
		}
		put = append(put, f.Path)
	}
	require.Contains(t, put, userCallbackDir+"/flip.sh")

	for want, s := range map[string]harness.Settings{
		"is no callback that ships":          {"callback": {"script": "flip"}},
		"the variables of its configuration": {"callback": {"hosts": "a"}},
	} {
		_, err := laidOut(t, "patroni-3", s)
		require.ErrorContains(t, err, want)
	}
	wrong := harness.Settings{}
	wrong.SetFile("patroni", "on_promote", "flip.sh", nil)
	_, err = laidOut(t, "patroni-3", wrong)
	require.ErrorContains(t, err, "there are: patroni:on_reload")
}

// Patroni does not mind how a callback ends; the drill's log must.
func TestACallbackOfTheUsersIsLogged(t *testing.T) {
	dir := t.TempDir()
	for name, f := range hooks.Files() {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), f.Content, f.Mode))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "own"), []byte("#!/bin/sh\necho $# >&2\nexit 3\n"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "run"), 0o755))
	wrapper := strings.ReplaceAll(strings.ReplaceAll(loggedCallback, hookDir, dir), userCallbackFiles, dir)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "run", "own"), []byte(wrapper), 0o755))
	run := exec.CommandContext(t.Context(), filepath.Join(dir, "run", "own"), "on_role_change", "primary", "shop")
	run.Env = []string{"PATH=" + os.Getenv("PATH"), "FIREDRILL_HOOK_LOG=" + filepath.Join(dir, "log")}
	require.Error(t, run.Run())
	require.Equal(t, 3, run.ProcessState.ExitCode())
	line, err := os.ReadFile(filepath.Join(dir, "log"))
	require.NoError(t, err)
	require.Contains(t, string(line), `"name":"own"`)
	require.Contains(t, string(line), `"exit":3,"args":["on_role_change","primary","shop"]`)
	require.Contains(t, string(line), `"cause":"on_role_change primary"`)
}
