package mysql_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/docker"
	"github.com/firedrill/firedrill/harness/images"
	"github.com/firedrill/firedrill/harness/mysql"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
)

// history is a sink that keeps everything.
type history struct {
	mu      sync.Mutex
	ops     []record.Op
	samples []record.Sample
	events  []record.Event
}

func (h *history) Op(o record.Op) { h.mu.Lock(); h.ops = append(h.ops, o); h.mu.Unlock() }
func (h *history) Sample(s record.Sample) {
	h.mu.Lock()
	h.samples = append(h.samples, s)
	h.mu.Unlock()
}
func (h *history) Probe(record.Probe)   {}
func (h *history) Event(e record.Event) { h.mu.Lock(); h.events = append(h.events, e); h.mu.Unlock() }

// of returns the events of a kind so far.
func (h *history) of(kind string) []record.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []record.Event
	for _, e := range h.events {
		if e.Kind == kind {
			out = append(out, e)
		}
	}
	return out
}

// acked counts the acknowledged writes of a server since a time.
func (h *history) acked(server string, since time.Duration) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, o := range h.ops {
		if o.Outcome == record.Acked && o.Server == server && o.Start >= since {
			n++
		}
	}
	return n
}

// stand is a topology on real containers, and how long it took.
type stand struct {
	*testing.T
	topology harness.Topology
	nodes    []*harness.Node
	began    time.Time
	history  *history
	epoch    int64
}

// now is the drill's time.
func (s *stand) now() time.Duration { return time.Duration(agent.Monotonic() - s.epoch) }

// watch starts the application, the samplers and the watch on Orchestrator.
func (s *stand) watch() {
	s.Helper()
	watched := make(chan struct{})
	ctx, stop := context.WithCancel(context.Background())
	go func() { defer close(watched); s.topology.Watch(ctx, s.history, s.now) }()
	s.Cleanup(func() { stop(); <-watched })
	for _, n := range s.topology.Databases() {
		require.NoError(s, n.Agent.Observe(s.Context(), agent.Observe{Node: n.Name, Database: s.topology.Admin(n), Every: 50 * time.Millisecond}))
	}
	for i, n := range harness.ByComponent(s.nodes, harness.Application) {
		db := s.topology.Application()
		db.Host = s.topology.Endpoints()[0].Name
		require.NoError(s, n.Agent.Load(s.Context(), agent.Load{
			Node: n.Name, Vantage: n.Datacenter, FirstID: int64(i) << 32, Database: db, Resolver: s.topology.Resolver(n.Datacenter),
			Tick: 20 * time.Millisecond, Deadline: 500 * time.Millisecond, Servers: s.topology.Servers(),
		}))
	}
}

func (s *stand) until(what string, budget time.Duration, done func() bool) {
	s.Helper()
	require.NoError(s, wait.Until(s.Context(), what, budget, func(context.Context) (bool, string, error) { return done(), "", nil }))
}

// standUp starts a topology and waits until it is steady. It skips where it cannot: the reason is said.
func standUp(t *testing.T, name string, settings harness.Settings) *stand {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a Docker engine: not under -short")
	}
	api, err := docker.Connect(t.Context())
	if err != nil {
		t.Skip(err)
	}
	builder := images.New(api, os.Stderr, images.Options{})
	blueprint, err := harness.NewCatalogue(mysql.Kind{}).Find(name)
	require.NoError(t, err)
	if _, err := builder.Ensure(t.Context(), images.MySQL, images.Orchestrator, images.Tools); errors.Is(err, images.ErrNoOrchestrator) {
		t.Skip(err)
	} else {
		require.NoError(t, err)
	}
	binary, err := docker.FindAgent(t.Context(), "", "amd64")
	require.NoError(t, err)
	p := docker.New(api, docker.Options{Images: builder, Binary: binary})
	id := harness.Identity{Run: "test-" + time.Now().Format("150405.000"), Drill: strings.ToLower(t.Name())}
	t.Cleanup(func() { require.NoError(t, p.Down(context.Background(), id)) })

	s := &stand{T: t, began: time.Now(), history: &history{}, epoch: agent.Monotonic()}
	s.nodes, err = p.Up(t.Context(), id, blueprint.Specs)
	require.NoError(t, err)
	for _, n := range s.nodes {
		n.Agent.Report(s.history, s.epoch)
	}
	t.Logf("containers after %s", s.since())
	s.topology, err = blueprint.Build(s.nodes, settings)
	require.NoError(t, err)
	t.Cleanup(s.logs)
	require.NoError(t, s.topology.Start(t.Context()))
	t.Logf("started after %s", s.since())
	return s
}

// logs says what the nodes said, when the test failed.
func (s *stand) logs() {
	if !s.Failed() {
		return
	}
	for _, n := range s.nodes {
		for _, path := range s.topology.Logs(n) {
			data, _ := n.Agent.Read(context.Background(), path)
			lines := strings.Split(strings.TrimSpace(string(data)), "\n")
			s.Logf("%s %s:\n%s", n.Name, path, strings.Join(lines[max(0, len(lines)-40):], "\n"))
		}
	}
}

func (s *stand) since() time.Duration { return time.Since(s.began).Round(time.Millisecond) }

func (s *stand) settle() {
	s.Helper()
	last := ""
	require.NoError(s, wait.Until(s.Context(), "steady state", 40*time.Second, func(ctx context.Context) (bool, string, error) {
		reasons, err := s.topology.Steady(ctx)
		if seen := strings.Join(reasons, "; "); seen != last {
			last = seen
			s.Logf("%s: not steady: %s", s.since(), seen)
		}
		return len(reasons) == 0, last, err
	}))
	s.Logf("steady after %s", s.since())
}

func TestMySQL3IsSteadyInTime(t *testing.T) {
	s := standUp(t, "mysql-3", nil)
	s.settle()
	primary, err := s.topology.Primary(t.Context())
	require.NoError(t, err)
	require.Equal(t, "m1", primary.Name)
}

func TestPrimaryIsKilled(t *testing.T) {
	s := standUp(t, "mysql-3", nil)
	s.settle()
	t.Logf("%v", s.topology.Describe(t.Context()))
	s.watch()
	s.until("writes flow", 10*time.Second, func() bool { return s.history.acked("m1", 0) > 100 })

	m1, err := harness.Find(s.nodes, "m1")
	require.NoError(t, err)
	stamp, err := m1.Agent.Kill(t.Context(), agent.KillSpec{Fault: "kill", Processes: []string{"mysqld"}, Signal: "KILL", Hold: true})
	require.NoError(t, err)
	killed := m1.Agent.Time(stamp.Effective)
	s.until("promotion", 30*time.Second, func() bool { return len(s.history.of(record.KindPromoted)) > 0 })
	promoted := s.history.of(record.KindPromoted)[0]
	t.Logf("promoted %s after %s", promoted.Node, promoted.T-killed)
	s.until("writes flow again", 30*time.Second, func() bool { return s.history.acked(promoted.Node, killed) > 50 })
	s.until("the hook's line", 10*time.Second, func() bool { return len(named(s.history.of(record.KindHook), "orchestrator-post-failover")) > 0 })

	primary, err := s.topology.Primary(t.Context())
	require.NoError(t, err)
	require.Equal(t, promoted.Node, primary.Name)
	_, err = m1.Agent.Heal(t.Context(), "kill")
	require.NoError(t, err)
	s.until("the old primary answers", 20*time.Second, func() bool {
		_, err := m1.Agent.Query(t.Context(), agent.Query{Database: s.topology.Admin(m1), SQL: "SELECT 1"})
		return err == nil
	})
	for _, n := range harness.ByComponent(s.nodes, harness.Application) {
		require.NoError(t, n.Agent.Quiet(t.Context(), agent.ActivityLoad))
	}
	began := time.Now()
	final, rows, err := s.topology.Survey(t.Context())
	require.NoError(t, err)
	t.Logf("survey in %s: %+v", time.Since(began), final)
	for _, e := range s.history.events {
		if e.T >= killed-10*time.Millisecond {
			t.Logf("%8.3f %s %s: %s %v", (e.T - killed).Seconds(), e.Kind, e.Node, e.Msg, e.Attrs)
		}
	}
	require.True(t, final.Complete)
	require.Equal(t, promoted.Node, final.Primary)
	require.Equal(t, final.RowCount, len(rows))
	reasons, err := s.topology.Steady(t.Context())
	require.NoError(t, err)
	t.Logf("not whole: %s", strings.Join(reasons, "; "))
	hooks := named(s.history.of(record.KindHook), "orchestrator-post-failover")
	require.Len(t, hooks, 1)
	require.Equal(t, "0", hooks[0].Attrs["exit"])
}

// named filters hook events.
func named(events []record.Event, name string) []record.Event {
	return slices.DeleteFunc(events, func(e record.Event) bool { return e.Attrs["name"] != name })
}
