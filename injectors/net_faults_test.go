package injectors

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/agent"
)

// The network of one target is everything but its loopback; that of a datacenter is what joins it to the others.
func TestSidesOfANetworkFault(t *testing.T) {
	for _, c := range []struct {
		name       string
		peers      []string
		targets    []string
		want       []string
		everything bool
		fails      string
	}{
		{name: "one target, all others", targets: []string{"m1"}, want: []string{"m2", "m3", "m4"}, everything: true},
		{name: "a datacenter", targets: []string{"m1", "m2"}, want: []string{"m3", "m4"}},
		{name: "to one peer only", targets: []string{"m1"}, peers: []string{"m3", "m3"}, want: []string{"m3"}},
		{name: "all there is", targets: []string{"m1", "m2", "m3", "m4"}, fails: "all nodes that there are"},
		{name: "with itself", targets: []string{"m1"}, peers: []string{"m1"}, fails: "both ends"},
		{name: "with nobody we know", targets: []string{"m1"}, peers: []string{"m9"}, fails: `no node "m9"`},
		{name: "of nobody", fails: "no target"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Sides{Peers: c.peers}.between(newWorld(t).nodes, c.targets)
			if c.fails != "" {
				require.ErrorContains(t, err, c.fails)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, got.Peers)
			require.Equal(t, c.everything, got.Everything)
			require.Len(t, got.Addresses, len(c.targets)+len(c.want))
		})
	}
}

func TestEachSideTreatsWhatArrivesFromTheOther(t *testing.T) {
	w := newWorld(t)
	fault, _, err := w.set.resolve(Spec{Name: "net.loss", Params: LossParams{Percent: 20}, Targets: []string{"m1", "m2"}})
	require.NoError(t, err)
	f := fault.(onBothSides)
	targets := []string{"m1", "m2"}
	require.Equal(t, agent.LossSpec{Percent: 20, Peers: []string{"198.18.0.13", "198.18.0.14"}}, f.at("m1", targets))
	require.Equal(t, agent.LossSpec{Percent: 20, Peers: []string{"198.18.0.11", "198.18.0.12"}}, f.at("m3", targets))

	fault, _, err = w.set.resolve(Spec{Name: "net.loss", Params: LossParams{Percent: 20}, Targets: []string{"m1"}})
	require.NoError(t, err)
	f = fault.(onBothSides)
	require.Equal(t, agent.LossSpec{Percent: 20}, f.at("m1", []string{"m1"}), "from everybody")
	require.Equal(t, agent.LossSpec{Percent: 20, Peers: []string{"198.18.0.11"}}, f.at("m2", []string{"m1"}))
}

func TestLatencyIsTheTargetsAlone(t *testing.T) {
	w := newWorld(t)
	w.inject(Spec{Name: "net.latency", Params: LatencyParams{LatencyMS: 0.5}, Targets: []string{"m1", "m2"}})
	require.NotEmpty(t, w.agents["m1"].did())
	require.Empty(t, w.agents["m3"].did())
	var p LatencyParams
	require.NoError(t, json.Unmarshal(w.steps()[0].Params, &p))
	require.Equal(t, []string{"m3", "m4"}, p.Peers)
	require.Equal(t, "198.18.0.13", p.Addresses["m3"])
}

func TestRingOfNeighbours(t *testing.T) {
	w := newWorld(t)
	w.inject(Spec{Name: "net.ring", Targets: []string{"m1", "m3", "m2", "m4"}})
	for node, across := range map[string]string{"m1": "198.18.0.12", "m2": "198.18.0.11", "m3": "198.18.0.14", "m4": "198.18.0.13"} {
		require.Equal(t, []string{across}, w.agents[node].networks[0].Peers, node)
	}
	_, err := w.set.Prepare(t.Context(), Spec{Name: "net.ring", Targets: []string{"m1", "m2", "m3"}})
	require.ErrorContains(t, err, "next to all others")
}

func TestNetworkParametersAreChecked(t *testing.T) {
	for name, params := range map[string]string{
		"net.latency": `{"latency_ms": 10, "jitter_ms": 11}`, "net.loss": `{"percent": 0}`, "net.bandwidth": `{"kilobits_per_second": 7}`,
		"net.flap": `{"down_ms": 1000, "up_ms": 1}`, "net.mtu": `{"larger_than": 10}`,
	} {
		_, err := Builtin().Make(name, json.RawMessage(params))
		require.ErrorContains(t, err, "parameters of "+name)
	}
}

func TestWholeMeansEveryNetworkFault(t *testing.T) {
	for _, e := range Builtin().List() {
		if strings.HasPrefix(e.Name, "net.") {
			require.True(t, slices.Contains(networkFaults, e.Name), e.Name)
		}
	}
}
