package groupreplication

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
)

func built(t *testing.T, settings harness.Settings) (*Topology, error) {
	t.Helper()
	var nodes []*harness.Node
	for _, p := range layouts[0].places {
		nodes = append(nodes, &harness.Node{Name: p.name, Component: p.component, Datacenter: p.datacenter, Address: "10.0.0." + p.name})
	}
	return build(layouts[0], nodes, settings)
}

func TestSettings(t *testing.T) {
	top, err := built(t, harness.Settings{
		"mysql":  {"group-replication-member-expel-timeout": "0", "sync_binlog": "1"},
		"g3":     {"group_replication_member_weight": "90"},
		"router": {"metadata_cache.ttl": "5", "routing.client_ssl_mode": "DISABLED", "DEFAULT.connect_timeout": "1"},
	})
	require.NoError(t, err)
	g1, g3 := myCnf(top.variables(top.members[0])), myCnf(top.variables(top.members[2]))
	assert.Contains(t, g1, "\ngroup_replication_member_expel_timeout = 0\n")
	assert.Contains(t, g1, "\nsync_binlog = 1\n")
	assert.Equal(t, 1, strings.Count(g1, "sync_binlog"), "replaced, not added")
	assert.NotContains(t, g1, "member_weight")
	assert.Contains(t, g3, "\ngroup_replication_member_weight = 90\n")
	conf := top.routerConfig(2)
	assert.Contains(t, conf, "\nttl = 5\n")
	assert.Contains(t, conf, "\nrouter_id = 2\n")
	assert.Contains(t, conf, "\nclient_ssl_mode = DISABLED\n")
	assert.Contains(t, conf, "\nconnect_timeout = 1\n")
	assert.NotContains(t, conf, "ttl = 0.5")
	assert.NotContains(t, top.routerConfig(1), "\nrouter_id = 2\n", "one Router's keys are not another's")
}

func TestSettingsThatNobodyReads(t *testing.T) {
	for _, s := range []harness.Settings{
		{"orchestrator": {"InstancePollSeconds": "1"}}, {"g4": {"x": "1"}}, {"r1": {"routing.x": "1"}},
		{"router": {"ttl": "1"}}, {"router": {"routing_rw.ttl": "1"}},
	} {
		_, err := built(t, s)
		assert.Error(t, err, "%v", s)
	}
}

// Each datacenter with an application has a Router and a resolver of its own.
func TestLayouts(t *testing.T) {
	for _, l := range layouts {
		at := map[string]map[string]bool{}
		for _, p := range l.places {
			if at[p.component] == nil {
				at[p.component] = map[string]bool{}
			}
			at[p.component][p.datacenter] = true
		}
		assert.Equal(t, at[harness.Application], at[harness.Router], l.name)
		assert.Equal(t, at[harness.Application], at[harness.DNS], l.name)
	}
}
