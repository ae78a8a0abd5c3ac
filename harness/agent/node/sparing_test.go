package node

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/agent"
)

// A controller that is reached over the drilled network is let through before any rule, in every chain of the kernel.
func TestTheControllerIsSpared(t *testing.T) {
	rules, err := networkRules(agent.NetworkSpec{Direction: agent.Both})
	require.NoError(t, err)
	require.Empty(t, sparing(rules), "in a container nobody is: the controller comes through the engine")
	before := spared.Load()
	t.Cleanup(func() { spared.Store(before) })
	spared.Store(&[]netip.Addr{netip.MustParseAddr("198.51.100.7")})
	first := sparing(append(rules, rule{chain: chainCut}))
	require.Len(t, first, 2, "what arrives and what leaves, and not in a chain that others jump to")
	require.Equal(t, []string{chainInput, chainOutput}, []string{first[0].chain, first[1].chain})
	for _, r := range first {
		require.Len(t, r.parts[0].sets, 1)
		require.Equal(t, []byte{198, 51, 100, 7}, r.parts[0].sets[0].elements[0].Key)
	}
}
