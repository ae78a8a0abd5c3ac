package injectors

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/docker/dockertest"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
)

// expiries keeps what the nodes say of faults that outlived their time, by fault.
type expiries struct {
	mu   sync.Mutex
	seen map[string]record.Event
}

func (*expiries) Op(record.Op)         {}
func (*expiries) Sample(record.Sample) {}
func (*expiries) Probe(record.Probe)   {}
func (x *expiries) Event(e record.Event) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if e.Kind == record.KindExpired {
		x.seen[e.Attrs["fault"]] = e
	}
}

// A controller that lives and says nothing does not keep a fault in force for longer than it may be: the nodes heal
// it, every part of it, by their own clocks, and say so.
func TestFaultExpires(t *testing.T) {
	engine := dockertest.Engine(t)
	stood := dockertest.Up(t, dockertest.Provider(t, engine), dockertest.Identity("expired"),
		harness.NodeSpec{Name: "x1", Component: harness.Application}, harness.NodeSpec{Name: "x2", Component: harness.Application})
	ctx, epoch := t.Context(), agent.Monotonic()
	told := &expiries{seen: map[string]record.Event{}}
	before := map[string]agent.Sweep{}
	for _, n := range stood {
		n.Agent.Report(told, epoch)
		require.NoError(t, n.Agent.Define(ctx, agent.Process{Name: "sleeper", Argv: []string{"sleep", "1000"}}))
		require.NoError(t, n.Agent.Start(ctx, "sleeper"))
		var err error
		before[n.Name], err = n.Agent.Sweep(ctx)
		require.NoError(t, err)
	}
	rec, err := record.Create(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { _ = rec.Close() })
	const atMost = 2 * time.Second
	set := NewSet(Options{
		Nodes: Nodes(stood, nil), Recorder: rec, AtMost: atMost, Budgets: Budgets{Proof: 100 * time.Millisecond},
		Now: func() time.Duration { return time.Duration(agent.Monotonic() - epoch) },
	})
	for _, spec := range []Spec{
		{Name: "process.kill", Params: KillParams{Process: "sleeper"}, Targets: []string{"x1"}},
		{Name: "host.lost", Targets: []string{"x2"}},
	} {
		i, err := set.Inject(ctx, spec)
		require.NoError(t, err)
		require.Contains(t, i.Effect().Proof, "sleeper")
	}
	parts := []string{"f1", "f2-" + pieceCut, "f2-" + pieceKill}
	require.NoError(t, wait.Until(ctx, "faults expired", 20*time.Second, func(context.Context) (bool, string, error) {
		told.mu.Lock()
		defer told.mu.Unlock()
		return len(told.seen) == len(parts), strconv.Itoa(len(told.seen)), nil
	}))
	for _, part := range parts {
		e := told.seen[part]
		down, err := strconv.ParseInt(e.Attrs["down_ns"], 10, 64)
		require.NoError(t, err, part)
		up, err := strconv.ParseInt(e.Attrs["up_ns"], 10, 64)
		require.NoError(t, err, part)
		inForce := time.Duration(up - down)
		assert.InDelta(t, atMost, inForce, float64(time.Second), "%s was in force for %s", part, inForce)
		t.Logf("%s was in force for %s: %s", part, inForce, e.Msg)
	}
	for _, n := range stood {
		now, err := n.Agent.Sweep(ctx)
		require.NoError(t, err)
		assert.Equal(t, before[n.Name], now, n.Name)
	}
	require.Len(t, set.Open(), 2, "the controller does not know it yet")
	require.NoError(t, set.HealAll(ctx), "and what is healed can be healed")
}
