package mysql

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/images"
	"github.com/firedrill/firedrill/harness/keepalived"
	"github.com/firedrill/firedrill/harness/record"
)

func endpoints(t *Topology) map[string]string {
	out := map[string]string{}
	for _, e := range t.Endpoints() {
		out[e.Name] = e.Kind
	}
	return out
}

func TestADatacenterAsksItsOwnResolver(t *testing.T) {
	topology, err := laidOut(t, "mysql-resolvers", harness.Settings{harness.DNS: {"ttl": "120"}, harness.Resolver: {"max_ttl": "5"}})
	require.NoError(t, err)
	require.Len(t, topology.resolvers, 2)
	assert.Equal(t, topology.resolvers[0].Address+":53", topology.Resolver("dc1"))
	assert.Equal(t, topology.resolvers[1].Address+":53", topology.Resolver("dc2"))
	assert.Equal(t, topology.dns.Address+":53", topology.Resolver("elsewhere"))
	assert.Equal(t, 120, topology.Endpoints()[0].TTL)

	without, err := laidOut(t, "mysql-3", nil)
	require.NoError(t, err)
	assert.Equal(t, without.dns.Address+":53", without.Resolver("dc1"))
	assert.Equal(t, 30, without.Endpoints()[0].TTL)
}

func TestSettingsOfTheNameThatNobodyReadsAreRefused(t *testing.T) {
	for want, s := range map[string]harness.Settings{
		"there is no such setting; there are: [ttl]": {harness.DNS: {"TTL": "5"}},
		"is not a number of whole seconds":           {harness.DNS: {"ttl": "5 seconds"}},
		`component "resolver" have no reader here`:   {harness.Resolver: {"max_ttl": "5"}},
		`component "haproxy" have no reader here`:    {harness.HAProxy: {"inter": "5s"}},
		`component "keepalived" have no reader here`: {keepalived.Process: {"nopreempt": "on"}},
		"this topology has no virtual address":       {"m1": {keepalived.Priority: "150"}},
	} {
		_, err := laidOut(t, "mysql-3", s)
		assert.ErrorContains(t, err, want)
	}
	for want, s := range map[string]harness.Settings{
		"there is no such setting":      {keepalived.Process: {"preempt": "on"}},
		"is neither on nor off":         {keepalived.Process: {"nopreempt": "yes"}},
		"is not a number":               {keepalived.Process: {"fall": "two"}},
		"not a whole number from 1 to ": {"m1": {keepalived.Priority: "900"}},
	} {
		_, err := laidOut(t, "mysql-vip", s)
		assert.ErrorContains(t, err, want)
	}
}

func TestAProxyChecksWhatItStandsInFrontOf(t *testing.T) {
	topology, err := laidOut(t, "mysql-haproxy", nil)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{name: record.ProbeDNS, "proxy.shop.test": record.ProbeConnection}, endpoints(topology))
	config := topology.proxy(topology.proxies[0]).Config(nil)
	assert.Contains(t, config, "bind :3306\n")
	assert.Contains(t, config, "uri /primary\n")
	assert.Contains(t, config, "server m2 "+topology.member("m2").Address+":3306 check port 9200\n")

	raft, err := laidOut(t, "mysql-raft-haproxy", nil)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{name: record.ProbeDNS}, endpoints(raft), "no application writes through Orchestrators")
	config = raft.proxy(raft.proxies[0]).Config(nil)
	assert.Contains(t, config, "bind :3000\n")
	assert.Contains(t, config, "uri /api/leader-check\n")
	assert.Contains(t, config, "server o3 "+raft.managers[2].Address+":3000 check port 3000\n")
	assert.NotContains(t, config, "server m1")
}

func TestServersHoldAVirtualAddressBetweenThem(t *testing.T) {
	settings := harness.Settings{keepalived.Process: {"nopreempt": "on"}, "m1": {keepalived.Priority: "150"}}
	topology, err := laidOut(t, "mysql-vip", settings)
	require.NoError(t, err)
	assert.Equal(t, record.ProbeConnection, endpoints(topology)[vipName])
	config, err := topology.holders().Config(topology.member("m1").Node)
	require.NoError(t, err)
	for _, line := range []string{
		"    priority 150\n", "    nopreempt\n", "        10.0.0.200/24 dev eth0\n", "    unicast_src_ip 10.0.0.1\n",
		"    unicast_peer {\n        10.0.0.2\n        10.0.0.3\n    }\n", "    fall 2\n",
	} {
		assert.Contains(t, config, line)
	}
	other, err := topology.holders().Config(topology.member("m2").Node)
	require.NoError(t, err)
	assert.Contains(t, other, "    priority 100\n")
	assert.NotContains(t, myCnf(topology.variables(topology.member("m1"))), keepalived.Priority)

	b, err := harness.NewCatalogue(Kind{}).Find("mysql-vip")
	require.NoError(t, err)
	for _, s := range b.Specs {
		assert.Equal(t, s.Component == harness.MySQL, s.Image == images.MySQLVIP, s.Name)
	}
}

// The check is run by keepalived, which only sees how it ends.
func TestOnlyAServerThatTakesWritesMayHaveTheAddress(t *testing.T) {
	bin := t.TempDir()
	for said, want := range map[string]bool{"echo 0": true, "echo 1": false, "exit 1": false, "sleep 5": false} {
		require.NoError(t, os.WriteFile(filepath.Join(bin, "mysql"), []byte("#!/bin/sh\n"+said+"\n"), 0o755))
		run := exec.CommandContext(context.WithoutCancel(t.Context()), "sh", "-c", strings.TrimPrefix(takesWrites, "#!/bin/sh\n"))
		run.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH")}
		assert.Equal(t, want, run.Run() == nil, said)
	}
}
