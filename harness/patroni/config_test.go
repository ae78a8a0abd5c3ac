package patroni

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/images"
)

// built makes the first layout over nodes that only have addresses.
func built(t *testing.T, settings harness.Settings) *Topology {
	t.Helper()
	var nodes []*harness.Node
	for i, s := range layouts[0].specs {
		nodes = append(nodes, &harness.Node{Name: s.Name, Component: s.Component, Datacenter: s.Datacenter, Address: "10.0.0." + string(rune('1'+i))})
	}
	topology, err := newTopology(layouts[0], nodes, settings)
	require.NoError(t, err)
	return topology
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
	require.Equal(t, map[string]string{"10.0.0.4": "p1", "10.0.0.5": "p2", "10.0.0.6": "p3"}, topology.Servers())
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
