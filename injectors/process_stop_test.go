package injectors

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStoppedProcessIsStarted(t *testing.T) {
	w := newWorld(t)
	i := w.inject(Spec{Name: "process.stop", Params: StopParams{"mysqld"}, Targets: []string{"m1"}})
	require.Equal(t, "m1: mysqld gone", i.Effect().Proof)
	require.Contains(t, w.inForce(), "m1 mysqld is down")
	require.NoError(t, w.set.Heal(t.Context(), Started("mysqld")))
	require.Empty(t, w.inForce())
}
