package injectors

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFrozenProcessIsResumed(t *testing.T) {
	w := newWorld(t)
	i := w.inject(Spec{Name: "process.freeze", Params: FreezeParams{"mysqld"}, Targets: []string{"m1", "m2"}})
	require.Equal(t, "m1: freeze seen; m2: freeze seen", i.Effect().Proof)
	require.NoError(t, w.set.Heal(t.Context(), Resumed("mysqld", "m1", "m2")))
	require.Empty(t, w.inForce())
}
