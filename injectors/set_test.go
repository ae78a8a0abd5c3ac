package injectors

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/record"
)

func TestHealIsLastInFirstOut(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"m1", "m2", "m3"} {
		w.inject(Spec{Name: "process.freeze", Params: FreezeParams{"mysqld"}, Targets: []string{name}})
	}
	require.Len(t, w.set.Open(), 3)
	require.NoError(t, w.set.HealAll(t.Context()))
	var order []string
	for _, s := range w.steps() {
		if s.State == record.FaultHealed {
			order = append(order, s.Targets[0])
		}
	}
	require.Equal(t, []string{"m3", "m2", "m1"}, order)
	require.NoError(t, w.set.HealAll(t.Context()), "nothing is open: nothing to do")
}

func TestHealAllGoesOnAfterAnError(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"m1", "m2"} {
		w.inject(Spec{Name: "process.freeze", Params: FreezeParams{"mysqld"}, Targets: []string{name}})
	}
	w.agents["m2"].before = func(string) error { return errors.New("hangs") }
	require.ErrorContains(t, w.set.HealAll(t.Context()), "hangs")
	require.Equal(t, []string{"m2 f2"}, w.inForce())
	require.Len(t, w.set.Open(), 1)
}

func TestStepsHealTheMatchingFault(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.inject(Spec{Name: "process.freeze", Params: FreezeParams{"mysqld"}, Targets: []string{"m1"}})
	w.inject(Spec{Name: "process.kill", Params: KillParams{Process: "mysqld"}, Targets: []string{"m1"}})
	w.inject(Spec{Name: "process.stop", Params: StopParams{"mysqld"}, Targets: []string{"m2"}})
	w.inject(Spec{Name: "net.partition", Params: PartitionParams{Peers: []string{"m2"}}, Targets: []string{"m1"}})
	w.inject(Spec{Name: "datacenter.isolation", Params: map[string]string{"datacenter": "dc2"}})
	w.inject(Spec{Name: "host.lost", Targets: []string{"m3"}})

	require.ErrorContains(t, w.set.Heal(ctx, Started("postgres", "m1")), "no such fault was injected")
	require.ErrorContains(t, w.set.Heal(ctx, Started("mysqld", "m3")), "no such fault was injected")
	for _, c := range []struct {
		match Match
		left  int
	}{
		{Started("mysqld", "m1"), 5}, {Started("mysqld", "m2", "m3"), 4}, {Resumed("mysqld", "m1"), 3},
		{Reunited(), 2}, {Rejoined(), 1}, {Returned("m3"), 0}, {Returned("m3"), 0},
	} {
		require.NoError(t, w.set.Heal(ctx, c.match), c.match)
		require.Len(t, w.set.Open(), c.left, c.match)
	}
	require.Empty(t, w.inForce())
}

func TestAFaultIsHealedOnAllOfItsTargetsTogether(t *testing.T) {
	w := newWorld(t)
	w.inject(Spec{Name: "process.kill", Params: KillParams{Process: "mysqld"}, Targets: []string{"m1", "m2", "m1"}})
	require.Equal(t, []string{"m1", "m2"}, w.set.All()[0].Step().Targets, "who is named twice is killed once")
	require.EqualError(t, w.set.Heal(t.Context(), Started("mysqld", "m1")),
		"heal process.kill or process.stop or process.crashloop or process.restart (process mysqld) on m1: process.kill was injected on m1, m2 together, and is healed on all of them together")
	require.NoError(t, w.set.Heal(t.Context(), Started("mysqld", "m2", "m1")))
	require.NoError(t, w.set.Heal(t.Context(), Started("mysqld", "m1", "m2")), "it is healed already")
}

func TestSpecsThatCannotBeMeant(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		spec Spec
		want string
	}{
		{Spec{Name: "process.slay"}, `there is no fault "process.slay"`},
		{Spec{Name: "process.kill", Targets: []string{"m1"}}, "process: no name is given"},
		{Spec{Name: "process.kill", Params: map[string]any{"process": "mysqld", "hold": true}, Targets: []string{"m1"}}, `unknown field "hold"`},
		{Spec{Name: "process.kill", Params: KillParams{Process: "mysqld"}}, "no target is named"},
		{Spec{Name: "process.kill", Params: KillParams{Process: "mysqld"}, Targets: []string{"m9"}}, `there is no node "m9"; there are: m1, m2, m3`},
		{Spec{Name: "host.lost"}, "no target is named"},
		{Spec{Name: "net.partition", Targets: []string{"m1"}}, "peers: none is named"},
		{Spec{Name: "net.partition", Params: PartitionParams{Peers: []string{"m1"}}, Targets: []string{"m1"}}, "partition m1 from itself"},
		{Spec{Name: "net.partition", Params: PartitionParams{Peers: []string{"198.18.0.11"}}, Targets: []string{"m1"}}, "partition m1 from itself"},
		{Spec{Name: "net.partition", Params: PartitionParams{Peers: []string{"m9"}}, Targets: []string{"m1"}}, `there is no node "m9"`},
		{Spec{Name: "net.partition", Params: PartitionParams{Peers: []string{"m2"}, Direction: "to"}, Targets: []string{"m1"}}, `direction: "to"`},
		{Spec{Name: "net.partition", Params: PartitionParams{Peers: []string{"m2"}, Action: "eat"}, Targets: []string{"m1"}}, `action: "eat"`},
		{Spec{Name: "net.partition", Params: PartitionParams{Peers: []string{"m2"}, Ports: []uint16{0}}, Targets: []string{"m1"}}, "0 is not a port"},
		{Spec{Name: "datacenter.isolation"}, "datacenter: none is named"},
		{Spec{Name: "datacenter.isolation", Params: IsolationParams{Datacenter: "dc9"}}, `there is no node in datacenter "dc9"`},
	} {
		_, err := w.set.Inject(t.Context(), c.spec)
		require.ErrorContains(t, err, c.want)
		require.NotErrorIs(t, err, harness.ErrUnavailable)
	}
	require.Empty(t, w.steps(), "nothing was intended")
	require.Empty(t, w.set.All())
}

func TestFaultThatCannotRunHereIsUnavailable(t *testing.T) {
	for _, name := range []string{"host.lost", "net.partition", "datacenter.isolation"} {
		w := newWorld(t)
		for _, a := range w.agents {
			a.cannot = "it has no NET_ADMIN"
		}
		spec := samples[name]
		spec.Name = name
		_, err := w.set.Inject(t.Context(), spec)
		require.ErrorIs(t, err, harness.ErrUnavailable)
		require.ErrorContains(t, err, "NET_ADMIN")
		require.Empty(t, w.steps())
	}
}

func TestIDsContinue(t *testing.T) {
	w := newWorld(t)
	opts := w.set.opts
	opts.FirstID = 7
	i, err := NewSet(opts).Prepare(t.Context(), Spec{Name: "host.lost", Targets: []string{"m1"}})
	require.NoError(t, err)
	require.Equal(t, "f7 (host.lost on m1)", i.String())
}
