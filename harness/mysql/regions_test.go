package mysql

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/failover"
	"github.com/firedrill/firedrill/harness/images"
	"github.com/firedrill/firedrill/harness/workload"
)

func address(t *testing.T, topology *Topology, name string) string {
	t.Helper()
	n, err := harness.Find(topology.nodes, name)
	require.NoError(t, err)
	return n.Address
}

func TestTheNameLeadsToTheIngressOfThePrimarysRegion(t *testing.T) {
	topology, err := laidOut(t, "mysql-2region", nil)
	require.NoError(t, err)
	assert.Equal(t, "lb1", topology.front(topology.member("m1")).Name)
	assert.Equal(t, "lb2", topology.front(topology.member("m2")).Name)
	assert.Equal(t, map[string]string{address(t, topology, "lb1"): "m1", address(t, topology, "lb2"): "m2"}, topology.Behind())
	require.Len(t, topology.Endpoints(), 1)
	assert.Equal(t, workload.HTTP, topology.Endpoints()[0].Driver)
	assert.Equal(t, "mysql", topology.Application().Driver, "at the database itself an application logs in as ever")

	other, err := laidOut(t, "mysql-3", nil)
	require.NoError(t, err)
	assert.Equal(t, "m1", other.front(other.member("m1")).Name)
	assert.Empty(t, other.Behind())
}

func TestEachRegionHasItsOwnWayToItsDatabase(t *testing.T) {
	topology, err := laidOut(t, "mysql-2region", harness.Settings{harness.Web: {"check": "connect"}})
	require.NoError(t, err)
	argv := topology.webArgv(topology.regions.web("eu-west"))
	assert.Equal(t, []string{
		"/firedrill/firedrill", "web", "--listen", ":8000", "--check", "connect", "--peer", "http://" + address(t, topology, "lb1") + ":8080/healthz",
		"--host", address(t, topology, "m2"), "--port", "3306", "--database", "firedrill",
	}, argv)
	config := topology.proxy(topology.proxies[1]).Config(nil)
	assert.Contains(t, config, "mode http")
	assert.Contains(t, config, "send meth GET uri /healthz")
	assert.Contains(t, config, "server web2 "+address(t, topology, "web2")+":8000 check port 8000\n")
	assert.NotContains(t, config, "web1")
}

func TestTheControllersConfiguration(t *testing.T) {
	settings := harness.Settings{harness.DNSFailover: {"interval": "10", "threshold": "2", "witness": "on", "apply_within": "0"}}
	topology, err := laidOut(t, "mysql-2region", settings)
	require.NoError(t, err)
	text, err := topology.controllerJSON("http://dns:8080")
	require.NoError(t, err)
	assert.NotContains(t, text, images.DrillPassword)
	var cfg failover.Config
	require.NoError(t, json.Unmarshal([]byte(text), &cfg))
	assert.Equal(t, 10*time.Second, cfg.Interval)
	assert.Equal(t, 2*time.Second, cfg.Timeout)
	assert.Equal(t, 2, cfg.Threshold)
	assert.Zero(t, cfg.ApplyWithin)
	assert.True(t, cfg.Witness && cfg.Promote && cfg.Fence)
	assert.False(t, cfg.FailBack)
	assert.Equal(t, "us-east", cfg.Regions[0].Name)
	assert.Equal(t, "http://"+address(t, topology, "web2")+":8000/peer", cfg.Regions[1].Peer)

	topology, err = laidOut(t, "mysql-2region", harness.Settings{harness.DNSFailover: {"promote": "operator"}})
	require.NoError(t, err)
	text, err = topology.controllerJSON("http://dns:8080")
	require.NoError(t, err)
	cfg = failover.Config{}
	require.NoError(t, json.Unmarshal([]byte(text), &cfg))
	assert.False(t, cfg.Promote || cfg.Fence, "who does not promote does not fence")
}

func TestSettingsOfRegionsThatAreNoneAreRefused(t *testing.T) {
	for want, s := range map[string][3]string{
		"connect, write":           {harness.Web, "check", "hope"},
		"there is no such setting": {harness.DNSFailover, "luck", "1"},
		"not a whole number":       {harness.DNSFailover, "interval", "0"},
		"none of on, off":          {harness.DNSFailover, "fence", "perhaps"},
		"have no reader here":      {harness.Orchestrator, "InstancePollSeconds", "1"},
	} {
		settings := harness.Settings{}
		settings.Set(s[0], s[1], s[2])
		_, err := laidOut(t, "mysql-2region", settings)
		assert.ErrorContains(t, err, want)
	}
	_, err := laidOut(t, "mysql-3", harness.Settings{harness.Web: {"check": "write"}})
	assert.ErrorContains(t, err, "have no reader here")
}
