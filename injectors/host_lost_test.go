package injectors

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
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

// fakeSwitch is the switch of a machine whose agent is one of the fakes: it writes into the same list of deeds.
type fakeSwitch struct {
	of   *fakeAgent
	fail error
}

func (s *fakeSwitch) note(what string) {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.of.calls = append(s.of.calls, what)
}

func (s *fakeSwitch) Off(context.Context) (string, error) {
	s.note("off")
	return "the API says offline", s.fail
}

func (s *fakeSwitch) Reboot(_ context.Context, after time.Duration) (string, error) {
	s.note("reboot after " + after.String())
	return "it reboots", s.fail
}

func (s *fakeSwitch) On(context.Context) error {
	s.note("on")
	return nil
}

// withSwitches makes machines of m1 and m2, of which m2 is the application's.
func withSwitches(t *testing.T, fail error) *world {
	t.Helper()
	w := newWorld(t)
	w.nodes[0].Power, w.nodes[1].Power = &fakeSwitch{of: w.agents["m1"], fail: fail}, &fakeSwitch{of: w.agents["m2"]}
	w.nodes[1].Component = harness.Application
	return w
}

// A machine is switched off after its network and its processes are gone, and on before anything is asked of its agent. One
// that the application runs on stays on.
func TestAMachineIsSwitchedOffLastAndOnFirst(t *testing.T) {
	w := withSwitches(t, nil)
	i := w.inject(Spec{Name: "host.lost", Targets: []string{"m1", "m2", "m3"}})
	require.Contains(t, i.Effect().Proof, "m1: the API says offline")
	require.NotContains(t, i.Effect().Proof, "m2: the API")
	require.NoError(t, w.set.Heal(t.Context(), Returned("m1", "m2", "m3")))
	require.Equal(t, []string{"network f1-cut", "kill f1-kill", "off", "on", "heal f1-cut", "heal f1-kill"}, w.agents["m1"].did())
	for _, name := range []string{"m2", "m3"} {
		require.Equal(t, []string{"network f1-cut", "kill f1-kill", "heal f1-cut", "heal f1-kill"}, w.agents[name].did())
	}
	require.Empty(t, w.inForce())
}

// A switch that does not work leaves the fault in doubt, and the heal brings back what there is to bring back.
func TestASwitchThatFails(t *testing.T) {
	w := withSwitches(t, errors.New("Linode busy."))
	_, err := w.set.Inject(t.Context(), Spec{Name: "host.lost", Targets: []string{"m1"}})
	require.ErrorContains(t, err, "Linode busy.")
	require.NoError(t, w.set.Heal(t.Context(), Returned("m1")))
	require.Empty(t, w.inForce())
	require.Contains(t, w.agents["m1"].did(), "on")
}

// A reboot is the provider's on machines, by itself where no time is given, and the agent's elsewhere.
func TestARebootOfMachines(t *testing.T) {
	w := withSwitches(t, nil)
	w.inject(Spec{Name: "host.rebooted", Targets: []string{"m1", "m3"}})
	require.Equal(t, []string{"network f1-cut", "kill f1-kill", "reboot after 0s"}, w.agents["m1"].did())
	require.Equal(t, []string{"reboot f1"}, w.agents["m3"].did())
	w.inject(Spec{Name: "host.rebooted", Targets: []string{"m1"}, Params: RebootParams{AfterMS: 12000}})
	require.Contains(t, w.agents["m1"].did(), "reboot after 12s")
	require.NoError(t, w.set.HealAll(t.Context()))
	require.Empty(t, w.inForce())
}
