package scenarios

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/agent"
)

func TestDifferencesAreResidue(t *testing.T) {
	before := map[string]agent.Sweep{"m1": {"network rules": nil, "processes": {"mysqld runs"}, "mounts": {"a", "b"}}}
	require.Empty(t, differences(before, before))
	now := map[string]agent.Sweep{"m1": {"network rules": {"table firedrill_f1"}, "processes": {"mysqld does not run"}, "mounts": {"a", "b"}}}
	require.Equal(t, []string{
		"m1: network rules: table firedrill_f1 (not before the drill)",
		"m1: processes: mysqld does not run (not before the drill)",
		"m1: processes: no longer mysqld runs",
	}, differences(before, now))
}
