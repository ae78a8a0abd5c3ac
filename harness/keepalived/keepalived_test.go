package keepalived

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
)

func TestNodesNameEachOther(t *testing.T) {
	nodes := []*harness.Node{{Name: "a", Address: "10.0.0.1"}, {Name: "b", Address: "10.0.0.2"}, {Name: "c", Address: "10.0.0.3"}}
	g := Group{Nodes: nodes, Settings: map[string]string{"nopreempt": "on", "fall": "5"}, Priorities: map[string]string{"a": "150"}}
	config, err := g.Config(nodes[0])
	require.NoError(t, err)
	for _, line := range []string{
		"    priority 150\n", "    nopreempt\n", "        10.0.0.200/24 dev eth0\n", "    unicast_src_ip 10.0.0.1\n",
		"    unicast_peer {\n        10.0.0.2\n        10.0.0.3\n    }\n", "    fall 5\n", "    rise 1\n",
	} {
		assert.Contains(t, config, line)
	}
	other, err := g.Config(nodes[1])
	require.NoError(t, err)
	assert.Contains(t, other, "    priority 100\n")
	_, err = Group{Nodes: []*harness.Node{{Name: "a", Address: "::1"}}}.Config(nodes[0])
	assert.ErrorContains(t, err, "it is no IPv4 address")
}

func TestWhatKeepalivedCannotBeSetToIsRefused(t *testing.T) {
	for want, settings := range map[string]map[string]string{
		"there is no such setting": {"preempt": "on"},
		"is neither on nor off":    {"nopreempt": "yes"},
		"is not a number":          {"fall": "two"},
	} {
		assert.ErrorContains(t, CheckSettings(settings), want)
	}
	assert.NoError(t, CheckSettings(map[string]string{"nopreempt": "on", "advert_int": "0.5"}))
	assert.ErrorContains(t, CheckPriority("a", "900"), "not a whole number from 1 to 254")
	assert.NoError(t, CheckPriority("a", "254"))
}

func TestAnAddressIsFoundInTheKernelsTable(t *testing.T) {
	const table = "Local:\n  +-- 0.0.0.0/0 3 0 5\n        |-- 10.0.0.1\n           /32 host LOCAL\n        |-- 10.0.0.20\n           /32 host LOCAL\n"
	assert.True(t, isLocal(table, "10.0.0.1"))
	assert.False(t, isLocal(table, "10.0.0.2"), "only the beginning of another one")
	assert.False(t, isLocal(table, "10.0.0.200"))
}
