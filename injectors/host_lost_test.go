package injectors

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// No packet may leave a lost host, so the cut comes first; and a host that returns has its network first.
func TestHostIsCutBeforeItIsKilledAndConnectedBeforeItIsStarted(t *testing.T) {
	w := newWorld(t)
	i := w.inject(Spec{Name: "host.lost", Targets: []string{"m1", "m2"}})
	require.Equal(t, "m1: mysqld gone; m2: mysqld gone; m1: 3 packets stopped on input; m2: 3 packets stopped on input", i.Effect().Proof)
	require.NoError(t, w.set.Heal(t.Context(), Returned("m1", "m2")))
	for _, name := range []string{"m1", "m2"} {
		require.Equal(t, []string{"network f1-cut", "kill f1-kill", "heal f1-cut", "heal f1-kill"}, w.agents[name].did())
		cut := w.agents[name].networks[0]
		require.Empty(t, cut.Peers, "from everybody")
		require.Equal(t, "both", cut.Direction)
		require.Equal(t, "drop", cut.Action)
	}
	require.Less(t, pieceCut, pieceKill, "an agent on its own heals in this order")
}

func TestHostThatRanNothingIsLostToo(t *testing.T) {
	w := newWorld(t)
	w.agents["m1"].running = map[string]bool{}
	i := w.inject(Spec{Name: "host.lost", Targets: []string{"m1"}})
	require.Equal(t, "m1: 3 packets stopped on input", i.Effect().Proof)
}
