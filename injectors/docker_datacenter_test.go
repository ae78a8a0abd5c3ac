package injectors

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/docker/dockertest"
	"github.com/firedrill/firedrill/harness/record"
)

// twoDatacenters are ten plain nodes, five in each.
func twoDatacenters(t *testing.T) (*Set, map[string]*harness.Node) {
	t.Helper()
	var specs []harness.NodeSpec
	for i := range 10 {
		specs = append(specs, harness.NodeSpec{
			Name: fmt.Sprintf("n%d", i), Component: harness.Application, Datacenter: fmt.Sprintf("dc%d", 1+i/5),
		})
	}
	stood := dockertest.Up(t, dockertest.Provider(t, dockertest.Engine(t)), dockertest.Identity("dc"), specs...)
	rec, err := record.Create(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { _ = rec.Close() })
	epoch := agent.Monotonic()
	nodes := map[string]*harness.Node{}
	for _, n := range stood {
		n.Agent.Report(nil, epoch)
		nodes[n.Name] = n
	}
	set := NewSet(Options{Nodes: Nodes(stood, nil), Recorder: rec, Now: func() time.Duration { return time.Duration(agent.Monotonic() - epoch) }})
	t.Cleanup(func() { require.NoError(t, set.HealAll(t.Context())) })
	return set, nodes
}

// cutTimes is how long a partition of a datacenter took, from the first node to the last, each time.
type cutTimes struct {
	Nodes  int       `json:"nodes"`
	Cut    []float64 `json:"cut_ms"`
	Healed []float64 `json:"healed_ms"`
}

// cutAndHeal isolates dc1 again and again.
func cutAndHeal(t *testing.T, set *Set, rounds int) cutTimes {
	t.Helper()
	out := cutTimes{Nodes: 10}
	var cut, healed []time.Duration
	for range rounds {
		i, err := set.Inject(t.Context(), Spec{Name: "datacenter.isolation", Params: IsolationParams{Datacenter: "dc1"}})
		require.NoError(t, err)
		require.NotEmpty(t, i.Effect().Proof)
		require.NoError(t, i.Heal(t.Context()))
		c, h := i.Effect(), i.HealEffect()
		cut, healed = append(cut, c.Effective-c.Began), append(healed, h.Effective-h.Began)
		out.Cut, out.Healed = append(out.Cut, record.MS(c.Effective-c.Began)), append(out.Healed, record.MS(h.Effective-h.Began))
	}
	for name, took := range map[string][]time.Duration{"cut": cut, "healed": healed} {
		t.Logf("%s: first to last of 10 nodes: p50 %s, max %s (%d rounds)", name, percentile(took, 50), percentile(took, 100), rounds)
	}
	return out
}

// A datacenter is cut and healed on all of its nodes at nearly the same time. The bound is wide: machines are busy.
func TestDatacenterIsCutAtOnce(t *testing.T) {
	set, nodes := twoDatacenters(t)
	times := cutAndHeal(t, set, 3)
	for _, ms := range append(times.Cut, times.Healed...) {
		require.Less(t, ms, 1000.0)
	}
	ringSeen(t, set, nodes)
}

// In a ring, neighbours reach each other, and nobody else does.
func ringSeen(t *testing.T, set *Set, nodes map[string]*harness.Node) {
	t.Helper()
	ring := []string{"n0", "n5", "n1", "n6", "n2"}
	i, err := set.Inject(t.Context(), Spec{Name: "net.ring", Targets: ring})
	require.NoError(t, err)
	outcome := func(from, to string) string {
		got, err := nodes[from].Agent.Exchange(t.Context(), agent.Exchanges{Address: nodes[to].Address, Port: knockPort, Count: 1, Deadline: 500 * time.Millisecond})
		require.NoError(t, err)
		return got[0].Outcome
	}
	for at, from := range ring {
		for to := range ring {
			apart := (to - at + len(ring)) % len(ring)
			switch apart {
			case 0:
			case 1, len(ring) - 1:
				require.Equal(t, agent.Refused, outcome(from, ring[to]), "%s to %s", from, ring[to])
			default:
				require.Equal(t, agent.Silence, outcome(from, ring[to]), "%s to %s", from, ring[to])
			}
		}
	}
	require.Equal(t, agent.Refused, outcome("n9", "n0"), "outside of the ring, all goes on")
	require.NoError(t, i.Heal(t.Context()))
	require.Equal(t, agent.Refused, outcome("n0", "n1"))
}

// TestBenchDatacenterCut measures for docs/performance.md: `make bench`.
func TestBenchDatacenterCut(t *testing.T) {
	dir := os.Getenv("FIREDRILL_BENCH")
	if dir == "" {
		t.Skip("figures are `make bench`'s: FIREDRILL_BENCH is not set")
	}
	set, _ := twoDatacenters(t)
	require.NoError(t, record.WriteJSON(filepath.Join(dir, "partition.json"), cutAndHeal(t, set, 30)))
}
