package injectors

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestKillOfAManagedProcessIsOneShot(t *testing.T) {
	w := newWorld(t)
	w.agents["m1"].inner = []string{"postgres"}
	i := w.inject(Spec{Name: "process.kill", Params: KillParams{Process: "postgres"}, Targets: []string{"m1"}})
	require.True(t, i.Effect().OneShot)
	require.True(t, w.steps()[1].OneShot)
	require.Empty(t, w.set.Open())
	require.NoError(t, w.set.Heal(t.Context(), Started("postgres", "m1")))
	require.NotEmpty(t, i.HealEffect().Proof)
	require.Empty(t, w.inForce())

	i = w.inject(Spec{Name: "process.kill", Params: KillParams{Process: "mysqld"}, Targets: []string{"m1"}})
	require.False(t, i.Effect().OneShot)
}

func TestKillOfWhatDoesNotRunIsHealedToo(t *testing.T) {
	w := newWorld(t)
	w.agents["m1"].running["mysqld"] = false
	_, err := w.set.Inject(t.Context(), Spec{Name: "process.kill", Params: KillParams{Process: "mysqld"}, Targets: []string{"m1"}})
	require.ErrorContains(t, err, "m1: kill [mysqld]: it does not run")
	require.NoError(t, w.set.HealAll(t.Context()))
	require.Empty(t, w.inForce())
}
