package mysql

import (
	"encoding/base64"
	"errors"
	"net"
	"testing"
	"time"

	mdns "github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/record"
)

func whole() []view {
	return []view{
		{node: "m1", writable: true},
		{node: "m2", source: "m1", replicating: true},
		{node: "m3", source: "m2", replicating: true},
	}
}

func TestReplicationReasons(t *testing.T) {
	assert.Empty(t, replicationReasons(whole()), "a chain is whole too")
	for name, c := range map[string]struct {
		change func([]view)
		want   []string
	}{
		"old primary came back":  {func(v []view) { v[0].writable = false; v[1] = view{node: "m2", writable: true} }, []string{"m1 replicates from nobody"}},
		"nobody is writable":     {func(v []view) { v[0].writable = false }, []string{"no server is writable", "m1 replicates from nobody"}},
		"two are writable":       {func(v []view) { v[2] = view{node: "m3", writable: true} }, []string{"m1 and m3 are both writable"}},
		"a replica does not run": {func(v []view) { v[2] = view{node: "m3", err: errors.New("refused")} }, []string{"m3 does not answer: refused"}},
		"replication is stopped": {func(v []view) { v[2].replicating = false }, []string{"m3 has its replication from m2 stopped"}},
		"the source is gone": {func(v []view) {
			v[1].replicating, v[1].ioError = false, "Error connecting to source 'repl@m1:3306'. This was attempt 3/86400, with a delay of 1 seconds between attempts. Message: Can't connect"
		}, []string{"m2 does not receive from m1: Error connecting to source 'repl@m1:3306'"}},
		"a replica of a stray": {func(v []view) { v[0].writable = false; v[2] = view{node: "m3", writable: true} },
			[]string{"m1 replicates from nobody", "m2 replicates from m1, not from the primary m3"}},
		"a writable replica": {func(v []view) { v[0].source = "m2" }, []string{"m1 is writable and replicates from m2"}},
	} {
		t.Run(name, func(t *testing.T) {
			views := whole()
			c.change(views)
			assert.Equal(t, c.want, replicationReasons(views))
		})
	}
}

func known(node, source string) InstanceState {
	s := InstanceState{Key: Instance{node, 3306}, ClusterName: "m1:3306", IsLastCheckValid: true}
	if source != "" {
		s.MasterKey = Instance{source, 3306}
	}
	return s
}

func TestInstanceReasons(t *testing.T) {
	topology := onPaper(t, nil)
	all := func() []InstanceState { return []InstanceState{known("m1", ""), known("m2", "m1"), known("m3", "m1")} }
	assert.Empty(t, topology.instanceReasons(all(), []string{"m1"}))
	assert.Equal(t, []string{"Orchestrator does not know m3"}, topology.instanceReasons(all()[:2], []string{"m1"}))
	stale := all()
	stale[1].IsLastCheckValid = false
	stale[2].ClusterName = "m3:3306"
	assert.Equal(t, []string{"Orchestrator cannot read m2", "Orchestrator takes m3 for a part of another cluster, m3:3306"},
		topology.instanceReasons(stale, []string{"m1"}))
	assert.Equal(t, []string{"Orchestrator does not see yet that m1 is a replica", "Orchestrator does not see yet that m2 is the primary"},
		topology.instanceReasons(all(), []string{"m2"}))
}

func TestChoosePrimary(t *testing.T) {
	downtimed := known("m1", "")
	downtimed.IsDowntimed = true
	for name, c := range map[string]struct {
		instances []InstanceState
		writers   []string
		want      string
	}{
		"all is well":                        {[]InstanceState{known("m1", ""), known("m2", "m1")}, []string{"m1"}, "m1"},
		"the primary hangs":                  {[]InstanceState{known("m1", ""), known("m2", "m1")}, nil, "m1"},
		"the failed one is back, read-only":  {[]InstanceState{downtimed, known("m2", "")}, []string{"m2"}, "m2"},
		"split brain: the downtimed is not":  {[]InstanceState{downtimed, known("m2", "")}, []string{"m1", "m2"}, "m2"},
		"the once failed one is primary now": {[]InstanceState{downtimed, known("m2", "m1")}, []string{"m1"}, "m1"},
		"Orchestrator does not answer":       {nil, []string{"m3"}, "m3"},
		"nothing to go by":                   {nil, nil, ""},
		"two roots and two writers":          {[]InstanceState{known("m1", ""), known("m2", "")}, []string{"m1", "m2"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, why := choosePrimary(c.instances, c.writers)
			assert.Equal(t, c.want, got)
			assert.Equal(t, got == "", why != "")
		})
	}
}

func TestRole(t *testing.T) {
	assert.Equal(t, record.RolePrimary, view{writable: true}.role())
	assert.Equal(t, record.RoleReplica, view{source: "m1"}.role())
	assert.Empty(t, view{}.role(), "a deposed primary that came back read-only")
	assert.Empty(t, view{err: errors.New("refused"), writable: true}.role())
}

func TestFirstAddress(t *testing.T) {
	reply := new(mdns.Msg).SetQuestion("db.shop.test.", mdns.TypeA)
	reply.Answer = append(reply.Answer, &mdns.A{Hdr: mdns.RR_Header{Name: "db.shop.test.", Rrtype: mdns.TypeA, Class: mdns.ClassINET}, A: net.IPv4(10, 0, 0, 2)})
	packed, err := reply.Pack()
	require.NoError(t, err)
	got, err := firstAddress(base64.StdEncoding.EncodeToString(packed))
	require.NoError(t, err)
	assert.Equal(t, "10.0.0.2", got)
	_, err = firstAddress("")
	assert.EqualError(t, err, "no answer")
	reply.Answer, reply.Rcode = nil, mdns.RcodeNameError
	packed, err = reply.Pack()
	require.NoError(t, err)
	_, err = firstAddress(base64.StdEncoding.EncodeToString(packed))
	assert.EqualError(t, err, "no address (NXDOMAIN)")
}

func TestOrchestratorHoldsBackForThreeOfItsPolls(t *testing.T) {
	assert.Equal(t, 3*time.Second, onPaper(t, nil).holdsBack())
	assert.Equal(t, 15*time.Second, onPaper(t, harness.Settings{"orchestrator": {"instancePollSeconds": "5"}}).holdsBack())
}

func TestWarningsOnWhatWasAskedForAreNoReason(t *testing.T) {
	mixed := on("m1", "NoProblem")
	mixed.StructureAnalysis = []string{"StatementAndRowLoggingReplicasStructureWarning"}
	assert.Empty(t, analysisReasons([]Analysis{mixed}))
	mixed.StructureAnalysis = append(mixed.StructureAnalysis, "ErrantGTIDStructureWarning")
	mixed.Analysis = "UnreachableMaster"
	assert.Equal(t, []string{"Orchestrator reports UnreachableMaster on m1", "Orchestrator reports ErrantGTIDStructureWarning on m1"},
		analysisReasons([]Analysis{mixed}))
}
