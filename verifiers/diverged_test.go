package verifiers

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/record"
)

// ended is a failover to m2 with the servers as they were at the end.
func ended(nodes ...record.NodeState) *history {
	h := failover()
	h.Manifest.Final.Nodes = append([]record.NodeState{{Node: "m2", Reachable: true, Role: record.RolePrimary, Writable: true}}, nodes...)
	return h
}

func TestASplitThatNobodyMinds(t *testing.T) {
	old := record.NodeState{Node: "m1", Reachable: true, Role: record.RolePrimary, Writable: true, Errant: "uuid:44-860", Beyond: []int64{7, 8, 9}}
	with := record.NodeState{Node: "m3", Reachable: true, Role: record.RoleReplica, Replicating: true, Source: "m1", Errant: "uuid:44-860"}
	h := ended(old, with)
	found := diagnosed(diverged, h)
	require.Len(t, found, 1, "what follows the stray is part of it")
	assert.Equal(t, record.SeverityCritical, found[0].Severity)
	assert.Equal(t, "two clusters at the end: m1 takes writes beside m2, and m3 with it; its history is not the past of m2 (uuid:44-860), "+
		"3 rows of the application among it; the failover manager reports no problem with it", found[0].Summary)
	judged(t, h, found[0])

	both := ended(old).event(end, record.KindManager, "", "", "alias", "shop", "clusters", "m1 and m2").event(end, record.KindDetected, "m1", "DeadMaster")
	assert.Contains(t, diagnosed(diverged, both)[0].Summary, "; both claim the alias shop")
	assert.NotContains(t, diagnosed(diverged, both)[0].Summary, "reports no problem")

	closed := old
	closed.Writable, closed.Role = false, record.RoleReplica
	found = diagnosed(diverged, ended(closed))
	require.Len(t, found, 1)
	assert.Contains(t, found[0].Summary, "m1 follows nobody, and what it has is not the past of m2")

	back := record.NodeState{Node: "m1", Reachable: true, Role: record.RoleReplica, Replicating: true, Source: "m2"}
	assert.Empty(t, diagnosed(diverged, ended(back)), "it was rewound and follows")
	late := record.NodeState{Node: "m1", Reachable: true, Role: record.RoleReplica}
	assert.Empty(t, diagnosed(diverged, ended(late)), "it has nothing of its own")
	assert.Empty(t, diagnosed(diverged, failover()))
}
