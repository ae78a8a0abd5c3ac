package node

import (
	"testing"

	"github.com/google/nftables/expr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/agent"
)

func TestNetworkRules(t *testing.T) {
	for _, c := range []struct {
		name  string
		spec  agent.NetworkSpec
		in    int
		out   int
		fails string
	}{
		{name: "everything that comes in", spec: agent.NetworkSpec{}, in: 1},
		{name: "a lost host", spec: agent.NetworkSpec{Direction: agent.Both}, in: 1, out: 1},
		{name: "two peers", spec: agent.NetworkSpec{Peers: []string{"192.0.2.1", "2001:db8::1"}}, in: 2},
		{name: "many peers are one rule", spec: agent.NetworkSpec{Peers: []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}}, in: 1},
		{name: "ports of either side", spec: agent.NetworkSpec{Ports: []uint16{3306, 33060}}, in: 2},
		{name: "ports of the peers", spec: agent.NetworkSpec{Ports: []uint16{53}, PeerPorts: true}, in: 1},
		{name: "a refusal takes a rule for TCP and one for the rest, and spares refusals that arrive", spec: agent.NetworkSpec{Peers: []string{"192.0.2.1"}, Action: agent.Refuse}, in: 5},
		{name: "a name is no address", spec: agent.NetworkSpec{Peers: []string{"m1"}}, fails: "peer"},
		{name: "a wrong direction", spec: agent.NetworkSpec{Direction: "up"}, fails: `"up"`},
		{name: "a wrong action", spec: agent.NetworkSpec{Action: "lose"}, fails: `"lose"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			rules, err := networkRules(c.spec)
			if c.fails != "" {
				require.ErrorContains(t, err, c.fails)
				return
			}
			require.NoError(t, err)
			in, out := 0, 0
			for _, r := range rules {
				if r.chain == chainOutput {
					out++
				} else {
					in++
				}
				first, ok := r.parts[0].exprs[0].(*expr.Meta)
				require.True(t, ok)
				assert.Contains(t, []expr.MetaKey{expr.MetaKeyIIFNAME, expr.MetaKeyOIFNAME}, first.Key, "the loopback is spared before anything else")
			}
			assert.Equal(t, c.in, in)
			assert.Equal(t, c.out, out)
		})
	}
}
