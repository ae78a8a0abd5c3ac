package injectors

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIsolationCutsInsideFromOutside(t *testing.T) {
	w := newWorld(t)
	i := w.inject(Spec{Name: "datacenter.isolation", Params: IsolationParams{Datacenter: "dc1"}, Targets: []string{"m3"}})
	require.Equal(t, []string{"m1", "m2"}, i.Step().Targets, "the datacenter's nodes, whatever was named")
	var p IsolationParams
	require.NoError(t, json.Unmarshal(w.steps()[0].Params, &p))
	require.Equal(t, []string{"m3", "m4"}, p.Outside)
	require.Len(t, p.Addresses, 4)
	require.Equal(t, []string{"198.18.0.13", "198.18.0.14"}, w.agents["m1"].networks[0].Peers)
	require.Equal(t, []string{"198.18.0.13", "198.18.0.14"}, w.agents["m2"].networks[0].Peers)
	require.Equal(t, []string{"198.18.0.11", "198.18.0.12"}, w.agents["m3"].networks[0].Peers)
	require.NoError(t, w.set.Heal(t.Context(), Rejoined()))
	require.Empty(t, w.inForce())
}

func TestIsolationOfTheOnlyDatacenter(t *testing.T) {
	w := newWorld(t)
	_, _, err := datacenterIsolation{params: IsolationParams{Datacenter: "dc1"}}.Resolve(w.nodes[:2], nil)
	require.ErrorContains(t, err, "all there is")
}
