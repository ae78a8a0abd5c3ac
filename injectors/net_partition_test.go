package injectors

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/agent"
)

func TestPartitionRules(t *testing.T) {
	const m1, m2, m3, api = "198.18.0.11", "198.18.0.12", "198.18.0.13", "203.0.113.7"
	drop := func(peers ...string) agent.NetworkSpec {
		return agent.NetworkSpec{Peers: peers, Direction: agent.In, Action: agent.Drop}
	}
	refuse3306 := agent.NetworkSpec{Peers: []string{m1}, Ports: []uint16{3306}, OwnPorts: true, Direction: agent.In, Action: agent.Refuse}
	leaving := agent.NetworkSpec{Peers: []string{api}, Direction: agent.Out, Action: agent.Drop}
	for _, c := range []struct {
		name    string
		params  PartitionParams
		targets []string
		want    map[string][]agent.NetworkSpec
	}{
		{"both ways: each side stops what arrives from the other", PartitionParams{Peers: []string{"m2", "m3"}}, []string{"m1"},
			map[string][]agent.NetworkSpec{"m1": {drop(m2, m3)}, "m2": {drop(m1)}, "m3": {drop(m1)}}},
		{"two against one", PartitionParams{Peers: []string{"m3"}}, []string{"m1", "m2"},
			map[string][]agent.NetworkSpec{"m1": {drop(m3)}, "m2": {drop(m3)}, "m3": {drop(m1, m2)}}},
		{"one way: only at the receiver, only on its own port", PartitionParams{Peers: []string{"m2"}, Ports: []uint16{3306}, Direction: OneWay, Action: agent.Refuse}, []string{"m1"},
			map[string][]agent.NetworkSpec{"m2": {refuse3306}}},
		{"an address that is no node's is cut at the targets", PartitionParams{Peers: []string{api}}, []string{"m1"},
			map[string][]agent.NetworkSpec{"m1": {leaving, drop(api)}}},
		{"one way to it", PartitionParams{Peers: []string{api}, Direction: OneWay}, []string{"m1"},
			map[string][]agent.NetworkSpec{"m1": {leaving}}},
		{"an address that is a node's is that node", PartitionParams{Peers: []string{m2}}, []string{"m1"},
			map[string][]agent.NetworkSpec{"m1": {drop(m2)}, "m2": {drop(m1)}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			fault, _, err := w.set.resolve(Spec{Name: "net.partition", Params: c.params, Targets: c.targets})
			require.NoError(t, err)
			got := fault.(netPartition).rules(c.targets)
			for node, specs := range got {
				for i := range specs {
					if c.params.Ports == nil {
						specs[i].OwnPorts = false // of no meaning without ports
					}
				}
				got[node] = specs
			}
			require.Equal(t, c.want, got)

			i := w.inject(Spec{Name: "net.partition", Params: c.params, Targets: c.targets})
			for _, n := range w.nodes {
				require.Equal(t, len(c.want[n.Name]) > 0, len(w.agents[n.Name].did()) > 0, n.Name)
			}
			require.NoError(t, i.Heal(t.Context()))
			require.Empty(t, w.inForce())
		})
	}
}

func TestPartitionKeepsTheAddressesItWasMadeWith(t *testing.T) {
	w := newWorld(t)
	w.inject(Spec{Name: "net.partition", Params: PartitionParams{Peers: []string{"m3"}}, Targets: []string{"m1"}})
	var p PartitionParams
	require.NoError(t, json.Unmarshal(w.steps()[0].Params, &p))
	require.Equal(t, map[string]string{"m1": "198.18.0.11", "m3": "198.18.0.13"}, p.Addresses)
}

// One pair that talks is enough of a proof; nodes with nothing to say to each other give none.
func TestPartitionIsProvenByAnyPair(t *testing.T) {
	w := newWorld(t)
	w.agents["m1"].packets, w.agents["m2"].packets = 0, 0
	i := w.inject(Spec{Name: "net.partition", Params: PartitionParams{Peers: []string{"m2", "m3"}}, Targets: []string{"m1"}})
	require.Equal(t, "m3: 3 packets stopped on input", i.Effect().Proof)
	w.agents["m3"].packets = 0
	i = w.inject(Spec{Name: "net.partition", Params: PartitionParams{Peers: []string{"m2", "m3"}}, Targets: []string{"m1"}})
	require.Empty(t, i.Effect().Proof)
}

// A cut between nodes that say nothing is proven by a knock.
func TestSilentNodesKnock(t *testing.T) {
	w := newWorld(t)
	for _, a := range w.agents {
		a.packets = 0
	}
	w.inject(Spec{Name: "net.partition", Params: PartitionParams{Peers: []string{"m2"}}, Targets: []string{"m1"}})
	require.NotZero(t, w.agents["m1"].knocks)
	require.Zero(t, w.agents["m3"].knocks)
}
