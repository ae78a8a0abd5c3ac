package mysql

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
)

// laidOut is a topology by name over nodes that do not stand.
func laidOut(t *testing.T, name string, settings harness.Settings) (*Topology, error) {
	t.Helper()
	b, err := harness.NewCatalogue(Kind{}).Find(name)
	require.NoError(t, err)
	var nodes []*harness.Node
	for i, s := range b.Specs {
		nodes = append(nodes, &harness.Node{
			Name: s.Name, Component: s.Component, Datacenter: s.Datacenter, Address: "10.0.0." + string(rune('1'+i)), Agent: &agent.Client{},
		})
	}
	topology, err := b.Build(nodes, settings)
	if err != nil {
		return nil, err
	}
	return topology.(*Topology), nil
}

func TestEveryLayoutCanBeLaidOut(t *testing.T) {
	for _, l := range layouts {
		t.Run(l.name, func(t *testing.T) {
			topology, err := laidOut(t, l.name, nil)
			require.NoError(t, err)
			assert.Equal(t, "m1", topology.primaryAtStart().Name)
			assert.Equal(t, l.regions, len(topology.managers) == 0, "something decides on a failover")
			assert.NotNil(t, topology.dns)
			for _, m := range topology.managers {
				_, err := topology.orchestratorJSON(m, true)
				assert.NoError(t, err)
			}
		})
	}
}

func TestOrchestratorsInRaftKnowEachOther(t *testing.T) {
	topology, err := laidOut(t, "mysql-raft", nil)
	require.NoError(t, err)
	all := []string{topology.managers[0].Address, topology.managers[1].Address, topology.managers[2].Address}
	for _, m := range topology.managers {
		config := topology.keepsState(m)
		assert.Equal(t, all, config["RaftNodes"])
		assert.Equal(t, m.Address, config["RaftBind"], "each binds its own address")
		assert.Equal(t, "sqlite3", config["BackendDB"])
	}
}

func TestOrchestratorsOnABackendShareIt(t *testing.T) {
	settings := harness.Settings{harness.Backend: {"max_connections": "50"}}
	topology, err := laidOut(t, "mysql-shared-backend", settings)
	require.NoError(t, err)
	assert.Contains(t, myCnf(topology.backendVariables()), "\nmax_connections = 50\n")
	_, err = laidOut(t, "mysql-3", settings)
	require.ErrorContains(t, err, "have no reader here", "it has no backend")
	assert.Equal(t, topology.keepsState(topology.managers[0]), topology.keepsState(topology.managers[1]))
	assert.Equal(t, "backend", topology.keepsState(topology.managers[0])["MySQLOrchestratorHost"])
	assert.Contains(t, myCnf(topology.backendVariables()), "\nread_only = OFF\n")
	assert.Nil(t, topology.member("backend"), "it is no database of the cluster")
}

func TestOnlyARingHasCoPrimaries(t *testing.T) {
	topology, err := laidOut(t, "mysql-comaster", nil)
	require.NoError(t, err)
	for node, want := range map[string]bool{"m1": true, "m2": true, "m3": false, "o1": false} {
		n, err := harness.Find(topology.nodes, node)
		require.NoError(t, err)
		assert.Equal(t, want, topology.CoPrimary(n), node)
	}
}

func TestServersHaveSettingsOfTheirOwn(t *testing.T) {
	settings := harness.Settings{}
	settings.Set("m3", Source, "m2")
	settings.Set("m2", PromotionRule, "prefer_not")
	settings.Set("m2", "replica_net_timeout", "9")
	topology, err := laidOut(t, "mysql-3", settings)
	require.NoError(t, err)
	assert.Equal(t, "m2", topology.member("m3").source)
	config := decoded(t, topology, false)
	assert.Contains(t, config["DetectPromotionRuleQuery"], "when 'm2' then 'prefer_not'")
	assert.Contains(t, myCnf(topology.variables(topology.member("m2"))), "\nreplica_net_timeout = 9\n")
	for _, m := range topology.databases {
		cnf := myCnf(topology.variables(m))
		assert.NotContains(t, cnf, PromotionRule)
		assert.NotContains(t, cnf, "\n"+Source+" =")
	}
}

func TestSettingsOfAScenarioReplaceThoseOfALayout(t *testing.T) {
	settings := harness.Settings{}
	settings.Set("m2", PromotionRule, "must_not")
	settings.Set("m4", "Skip-Log-Bin", "OFF")
	topology, err := laidOut(t, "mysql-5", settings)
	require.NoError(t, err)
	assert.Equal(t, "must_not", topology.rule(topology.member("m2")))
	assert.Equal(t, 3600, topology.delay(topology.member("m3")))
	cnf := myCnf(topology.variables(topology.member("m4")))
	assert.Contains(t, cnf, "\nskip_log_bin = OFF\n")
	assert.NotContains(t, cnf, "skip_log_bin = ON")
	again, err := laidOut(t, "mysql-5", nil)
	require.NoError(t, err)
	assert.Equal(t, "prefer", again.rule(again.member("m2")), "the layout itself is as it was")
}

func TestServersThatCannotBeSetSoAreRefused(t *testing.T) {
	for want, s := range map[string][3]string{
		`there is no database "m9" to replicate from`: {"m3", Source, "m9"},
		"its sources do not lead to the primary m1":   {"m2", Source, "m2"},
		"can replicate from one of its own replicas":  {"m1", Source, "m1"},
		`"must" is none of prefer, neutral`:           {"m2", PromotionRule, "must"},
		"is not a number of whole seconds":            {"m2", sourceDelay, "soon"},
		`settings of component "m9" have no reader`:   {"m9", PromotionRule, "prefer"},
	} {
		settings := harness.Settings{}
		settings.Set(s[0], s[1], s[2])
		_, err := laidOut(t, "mysql-3", settings)
		assert.ErrorContains(t, err, want)
	}
}

func TestTheWritableOfTwoCoPrimariesIsThePrimary(t *testing.T) {
	ring := func(node, source string, readOnly bool) InstanceState {
		s := known(node, source)
		s.IsCoMaster, s.ReadOnly = true, readOnly
		return s
	}
	instances := []InstanceState{ring("m1", "m2", false), ring("m2", "m1", true), known("m3", "m1")}
	got, _ := choosePrimary(instances, []string{"m1"})
	assert.Equal(t, "m1", got)
	topology, err := laidOut(t, "mysql-comaster", nil)
	require.NoError(t, err)
	assert.Empty(t, topology.instanceReasons(instances, []string{"m1"}))
	views := []view{
		{node: "m1", writable: true, coPrimary: true, source: "m2", replicating: true},
		{node: "m2", coPrimary: true, source: "m1", replicating: true},
		{node: "m3", source: "m1", replicating: true},
	}
	assert.Empty(t, replicationReasons(views))
	assert.Equal(t, "primary", views[0].role())
	assert.Equal(t, "replica", views[1].role())
	views[0].replicating = false
	assert.Equal(t, []string{"m1 has its replication from m2 stopped"}, replicationReasons(views))
}
