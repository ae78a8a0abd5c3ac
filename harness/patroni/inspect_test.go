package patroni

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDivergence(t *testing.T) {
	history := parseHistory("1\t0/1B6CCF8\tno recovery target specified\n\n2\t0/5000000\tno recovery target specified\n")
	require.Equal(t, []fork{{1, 0x1B6CCF8}, {2, 0x5000000}}, history)
	leader := inspection{timeline: 3, lsn: 0x6000000}
	require.Empty(t, diverged(inspection{timeline: 3, received: 0x6000000}, leader, history))
	require.Empty(t, diverged(inspection{timeline: 2, received: 0x5000000}, leader, history), "behind, on the same way")
	require.Equal(t, "timeline 2 up to 0/5000060; the leader's history leaves timeline 2 at 0/5000000",
		diverged(inspection{timeline: 2, received: 0x5000060}, leader, history))
	require.Contains(t, diverged(inspection{timeline: 4, received: 1}, leader, history), "not in the history")
}

func TestLSN(t *testing.T) {
	lsn, ok := parseLSN("1A/2B")
	require.True(t, ok)
	require.Equal(t, uint64(0x1A0000002B), lsn)
	require.Equal(t, "1A/2B", lsnText(lsn))
	_, ok = parseLSN("nonsense")
	require.False(t, ok)
}
