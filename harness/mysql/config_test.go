package mysql

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/images"
)

// onPaper is mysql-3 over nodes that do not stand.
func onPaper(t *testing.T, settings harness.Settings) *Topology {
	t.Helper()
	b, err := harness.NewCatalogue(Kind{}).Find("mysql-3")
	require.NoError(t, err)
	var nodes []*harness.Node
	for i, s := range b.Specs {
		nodes = append(nodes, &harness.Node{
			Name: s.Name, Component: s.Component, Datacenter: s.Datacenter, Address: "10.0.0." + string(rune('1'+i)), Agent: &agent.Client{},
		})
	}
	topology, err := b.Build(nodes, settings)
	require.NoError(t, err)
	return topology.(*Topology)
}

func TestMyCnf(t *testing.T) {
	topology := onPaper(t, nil)
	cnf := myCnf(topology.variables(topology.member("m2")))
	for _, line := range []string{
		"server_id = 2", "report_host = m2", "gtid_mode = ON", "read_only = ON", "super_read_only = ON", "replica_net_timeout = 4",
	} {
		assert.Contains(t, cnf, "\n"+line+"\n")
	}
	assert.Equal(t, map[string]string{"1": "m1", "2": "m2", "3": "m3"}, topology.Servers())
}

func TestSettingsReplaceLinesOfMyCnf(t *testing.T) {
	settings := harness.Settings{}
	settings.Set(harness.MySQL, "Replica-Net-Timeout", "60")
	settings.Set(harness.MySQL, "sync_binlog", "0")
	topology := onPaper(t, settings)
	cnf := myCnf(topology.variables(topology.member("m1")))
	assert.Contains(t, cnf, "\nreplica_net_timeout = 60\n")
	assert.Contains(t, cnf, "\nsync_binlog = 0\n")
	assert.Equal(t, 1, strings.Count(cnf, "replica_net_timeout"))
}

func decoded(t *testing.T, topology *Topology, mask bool) map[string]any {
	t.Helper()
	text, err := topology.orchestratorJSON(topology.managers[0], mask)
	require.NoError(t, err)
	config := map[string]any{}
	require.NoError(t, json.Unmarshal([]byte(text), &config))
	return config
}

func TestOrchestratorJSON(t *testing.T) {
	config := decoded(t, onPaper(t, nil), false)
	assert.Equal(t, "select case @@report_host when 'm1' then 'dc1' when 'm2' then 'dc1' when 'm3' then 'dc2' else '' end", config["DetectDataCenterQuery"])
	assert.EqualValues(t, 1, config["InstancePollSeconds"])
	hooks := config["PostMasterFailoverProcesses"].([]any)
	assert.Equal(t, "/usr/local/lib/firedrill-hooks/orchestrator-post-failover --name db.shop.test", hooks[len(hooks)-1])
	assert.Contains(t, config["PreFailoverProcesses"].([]any)[0], `"name":"PreFailover"`)
}

func TestSettingsReplaceKeysOfOrchestrator(t *testing.T) {
	settings := harness.Settings{}
	settings.Set(harness.Orchestrator, "instancepollseconds", "5")
	settings.Set(harness.Orchestrator, "RecoverMasterClusterFilters", `["^none$"]`)
	settings.Set(harness.Orchestrator, "PreventCrossDataCenterMasterFailover", "true")
	settings.Set(harness.Orchestrator, "ReplicationLagQuery", "select 61")
	config := decoded(t, onPaper(t, settings), false)
	assert.NotContains(t, config, "InstancePollSeconds", "both would be in the file, and Orchestrator would take either")
	assert.EqualValues(t, 5, config["instancepollseconds"])
	assert.Equal(t, []any{"^none$"}, config["RecoverMasterClusterFilters"])
	assert.Equal(t, true, config["PreventCrossDataCenterMasterFailover"])
	assert.Equal(t, "select 61", config["ReplicationLagQuery"])
}

func TestConfigurationAsKeptHasNoPassword(t *testing.T) {
	settings := harness.Settings{}
	settings.Set(harness.Orchestrator, "HTTPAuthPassword", "hush")
	topology := onPaper(t, settings)
	text, err := topology.orchestratorJSON(topology.managers[0], true)
	require.NoError(t, err)
	assert.NotContains(t, text, images.DrillPassword)
	assert.NotContains(t, text, "hush")
	assert.Contains(t, text, `"MySQLTopologyPassword": "***"`)
}

func TestSettingsThatOrchestratorDoesNotKnowAreRefused(t *testing.T) {
	effective := map[string]any{"InstancePollSeconds": float64(1), "RecoverMasterClusterFilters": []any{"*"}}
	assert.NoError(t, checkEffective(effective, map[string]string{"instancePollSeconds": "1", "RecoverMasterClusterFilters": `["*"]`}))
	assert.EqualError(t, checkEffective(effective, map[string]string{"RecoveryPollSeconds": "1"}),
		"set orchestrator/RecoveryPollSeconds: this Orchestrator has no such setting")
	assert.EqualError(t, checkEffective(effective, map[string]string{"InstancePollSeconds": "2"}),
		"set orchestrator/InstancePollSeconds: it was set to 2, but in effect is 1")
}

func TestSettingsThatNobodyReadsAreRefused(t *testing.T) {
	b, err := harness.NewCatalogue(Kind{}).Find("mysql-3")
	require.NoError(t, err)
	var nodes []*harness.Node
	for _, s := range b.Specs {
		nodes = append(nodes, &harness.Node{Name: s.Name, Component: s.Component, Agent: &agent.Client{}})
	}
	_, err = b.Build(nodes, harness.Settings{"patroni": {"ttl": "30"}})
	assert.ErrorContains(t, err, `settings of component "patroni" have no reader here`)
}

func TestTheNoteOfAHookIsOneJSONLine(t *testing.T) {
	command := strings.NewReplacer(hookLog, "/dev/stdout", "{successorHost}", "m2").Replace(note("PreFailover"))
	run := exec.CommandContext(t.Context(), "bash", "-c", command)
	run.Env = []string{"ORC_SUCCESSOR_HOST=m2"}
	text, err := run.Output()
	require.NoError(t, err)
	fields := map[string]any{}
	require.NoError(t, json.Unmarshal(text, &fields), "%s", text)
	assert.Equal(t, "PreFailover", fields["name"])
	assert.EqualValues(t, 0, fields["exit"])
	assert.Equal(t, "m2", fields["successorHost"])
	assert.Equal(t, "m2", fields["ORC_SUCCESSOR_HOST"])
	assert.Empty(t, fields["ORC_FAILED_HOST"], "unset")
	assert.Equal(t, 1, strings.Count(string(text), "\n"))
}

func TestAServersOwnNameStandsForItAlone(t *testing.T) {
	settings := harness.Settings{}
	settings.Set("m3", "source_delay", "30")
	settings.Set("m3", "max_connections", "20")
	topology := onPaper(t, settings)
	cnf := myCnf(topology.variables(topology.member("m3")))
	assert.Contains(t, cnf, "\nmax_connections = 20\n")
	assert.NotContains(t, cnf, "source_delay", "it is no variable")
	assert.Equal(t, 30, topology.delay(topology.member("m3")))
	assert.Contains(t, myCnf(topology.variables(topology.member("m2"))), "\nmax_connections = 200\n")
	assert.Zero(t, topology.delay(topology.member("m2")))
}

func TestSemiSyncIsForAllToAcknowledgeAndForThePrimaryToWait(t *testing.T) {
	topology := onPaper(t, SemiSync(2))
	assert.Equal(t, 2, topology.ackers())
	for _, m := range topology.databases {
		cnf := myCnf(topology.variables(m))
		assert.Contains(t, cnf, "\nplugin_load = semisync_source.so;semisync_replica.so\n")
		assert.Contains(t, cnf, "\nrpl_semi_sync_source_wait_for_replica_count = 2\n")
		assert.NotContains(t, cnf, semiSyncSource, "a replica that waits hangs in its applier")
	}
	assert.Equal(t, "select 1", decoded(t, topology, false)["DetectSemiSyncEnforcedQuery"])
	assert.Zero(t, onPaper(t, nil).ackers())
}

func TestSettingsOfAServerThatNobodyReadsAreRefused(t *testing.T) {
	b, err := harness.NewCatalogue(Kind{}).Find("mysql-3")
	require.NoError(t, err)
	nodes := onPaper(t, nil).nodes
	for _, c := range []struct{ component, key, value, says string }{
		{"m9", "source_delay", "3", `settings of component "m9" have no reader here`},
		{"m3", "source_delay", "3s", `"3s" is not a number of whole seconds`},
		{"m1", "source_delay", "3", "it is the primary"},
	} {
		settings := harness.Settings{}
		settings.Set(c.component, c.key, c.value)
		_, err := b.Build(nodes, settings)
		require.ErrorContains(t, err, c.says)
	}
}
