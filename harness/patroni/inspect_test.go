package patroni

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDivergence(t *testing.T) {
	history := parseHistory("1\t0/1B6CCF8\tno recovery target specified\n\n2\t0/5000000\tno recovery target specified\n")
	require.Equal(t, []fork{{1, 0x1B6CCF8}, {2, 0x5000000}}, history)
	leader := inspection{timeline: 3, lsn: 0x6000000, history: history}
	require.Empty(t, diverged(inspection{timeline: 3, received: 0x6000000}, leader))
	require.Empty(t, diverged(inspection{timeline: 3, received: 0x6000000, history: history}, leader))
	require.Empty(t, diverged(inspection{timeline: 2, received: 0x5000000, history: history[:1]}, leader), "behind, on the same way")
	require.Equal(t, "timeline 2 up to 0/5000060; the leader's history leaves timeline 2 at 0/5000000",
		diverged(inspection{timeline: 2, received: 0x5000060, history: history[:1]}, leader))
	require.Contains(t, diverged(inspection{timeline: 4, received: 1}, leader), "not in the history")
	require.Contains(t, diverged(inspection{timeline: 4, received: 1, history: append(history, fork{3, 0x5500000})}, leader), "not in the history")
}

// A node that was promoted while another one was lost has a timeline of the same number as that one takes on its return.
func TestTwoTimelinesOfOneNumber(t *testing.T) {
	history := []fork{{1, 0x1B6CCF8}, {2, 0x20000A0}}
	early := []fork{{1, 0x1B6CCF8}, {2, 0x1BABEA8}}
	said := "another timeline 3 than the leader's: it left timeline 2 at 0/1BABEA8, and the leader's left that at 0/20000A0"
	stuck := inspection{timeline: 3, received: 0x1BAC040, history: early}
	require.Equal(t, said, diverged(stuck, inspection{timeline: 3, lsn: 0x3000000, history: history}))
	require.Equal(t, said, diverged(stuck, inspection{timeline: 4, lsn: 0x4000000, history: append(history, fork{3, 0x3000000})}), "after another promotion, too")

	require.Empty(t, untold(stuck))
	require.Empty(t, untold(inspection{recovery: true, timeline: 3, receiver: streaming}), "what it streams is the leader's")
	require.Empty(t, untold(inspection{recovery: true, timeline: 1}), "the first one comes from nowhere")
	require.Contains(t, untold(inspection{recovery: true, timeline: 3}), "not read")
}

func TestLSN(t *testing.T) {
	lsn, ok := parseLSN("1A/2B")
	require.True(t, ok)
	require.Equal(t, uint64(0x1A0000002B), lsn)
	require.Equal(t, "1A/2B", lsnText(lsn))
	_, ok = parseLSN("nonsense")
	require.False(t, ok)
}
