package mysql_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/docker/dockertest"
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

// hooks returns the runs of a hook.
func (h *history) hooks(name string) []record.Event {
	return slices.DeleteFunc(h.of(record.KindHook), func(e record.Event) bool { return e.Attrs["name"] != name })
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

// standUp starts a topology.
func standUp(t *testing.T, name string, settings harness.Settings) *stand {
	t.Helper()
	s := made(t, name, settings)
	require.NoError(t, s.topology.Start(t.Context()))
	t.Logf("started after %s", s.since())
	return s
}

// made makes the containers of a topology. It skips where it cannot: the reason is said.
func made(t *testing.T, name string, settings harness.Settings) *stand {
	t.Helper()
	api := dockertest.Engine(t)
	builder := images.New(api, t.Output(), images.Options{})
	blueprint, err := harness.NewCatalogue(mysql.Kind{}).Find(name)
	require.NoError(t, err)
	if _, err := builder.Ensure(t.Context(), images.MySQL, images.Orchestrator, images.Tools); errors.Is(err, images.ErrNoOrchestrator) {
		t.Skip(err)
	} else {
		require.NoError(t, err)
	}
	s := &stand{T: t, began: time.Now(), history: &history{}, epoch: agent.Monotonic()}
	s.nodes = dockertest.Up(t, dockertest.Provider(t, api), dockertest.Identity("mysql"), blueprint.Specs...)
	for _, n := range s.nodes {
		n.Agent.Report(s.history, s.epoch)
	}
	t.Logf("containers after %s", s.since())
	s.topology, err = blueprint.Build(s.nodes, settings)
	require.NoError(t, err)
	t.Cleanup(s.logs)
	return s
}

func (s *stand) node(name string) *harness.Node {
	n, err := harness.Find(s.nodes, name)
	require.NoError(s, err)
	return n
}

func (s *stand) answers(name string) {
	s.Helper()
	n := s.node(name)
	s.until(name+" answers", 20*time.Second, func() bool {
		_, err := n.Agent.Query(s.Context(), agent.Query{Database: s.topology.Admin(n), SQL: "SELECT 1"})
		return err == nil
	})
}

// timeline logs what happened around a moment, and how quick the application's writes were before.
func (s *stand) timeline(from time.Duration) {
	s.history.mu.Lock()
	defer s.history.mu.Unlock()
	var took []time.Duration
	first := time.Duration(0)
	for _, o := range s.history.ops {
		switch {
		case o.End < from && o.Outcome == record.Acked:
			took = append(took, o.End-o.Due)
		case o.Start > from && o.Outcome == record.Acked && (first == 0 || o.End < first):
			first = o.End
		}
	}
	slices.Sort(took)
	if len(took) > 0 {
		s.Logf("%d writes before: median %s, worst %s; first write after %s", len(took), took[len(took)/2], took[len(took)-1], first-from)
	}
	for _, e := range s.history.events {
		if e.T >= from-10*time.Millisecond {
			s.Logf("%8.3f %s %s: %s %v", (e.T - from).Seconds(), e.Kind, e.Node, e.Msg, e.Attrs)
		}
	}
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

// standsWithin is the budget of mysql-3, from asking for the containers to the first write of the application, on a
// machine that has other things to do. Two idle cores need 5 s.
const standsWithin = 30 * time.Second

func TestMySQL3StandsInTime(t *testing.T) {
	s := standUp(t, "mysql-3", nil)
	s.settle()
	s.watch()
	s.until("the application writes", 10*time.Second, func() bool { return s.history.acked("m1", 0) > 0 })
	t.Logf("the application writes after %s", s.since())
	require.Less(t, s.since(), standsWithin)
	primary, err := s.topology.Primary(t.Context())
	require.NoError(t, err)
	require.Equal(t, "m1", primary.Name)
	description := s.topology.Describe(t.Context())
	t.Log(description)
	require.Equal(t, "4", description["mysql/replica_net_timeout"])
	require.Equal(t, "1", description["orchestrator/InstancePollSeconds"])
	require.NotContains(t, description["orchestrator"], "unknown")
	require.Contains(t, s.topology.Config(), "m1/my.cnf")
	require.NotContains(t, s.topology.Config()["o1/orchestrator.conf.json"], images.DrillPassword)
}

// Several Orchestrators, too: it stands, is steady, has the primary that its layout says, a leader, and is written to in
// time. The other topologies are proven by drills, and timed by `make bench`.
func TestRaftStandsInTime(t *testing.T) {
	s := standUp(t, "mysql-raft", nil)
	s.settle()
	s.watch()
	s.until("the application writes", 10*time.Second, func() bool { return s.history.acked("m1", 0) > 0 })
	t.Logf("the application writes after %s", s.since())
	require.Less(t, s.since(), standsWithin)
	primary, err := s.topology.Primary(t.Context())
	require.NoError(t, err)
	require.Equal(t, "m1", primary.Name)
	all, _, err := s.topology.Select(t.Context(), "every Orchestrator")
	require.NoError(t, err)
	leader, _, err := s.topology.Select(t.Context(), "the Orchestrator leader")
	require.NoError(t, err)
	require.Contains(t, all, leader[0])
}

func TestPrimaryIsKilled(t *testing.T) {
	s := standUp(t, "mysql-3", nil)
	s.settle()
	s.watch()
	s.until("writes flow", 10*time.Second, func() bool { return s.history.acked("m1", 0) > 100 })
	m1 := s.node("m1")
	stamp, err := m1.Agent.Do(t.Context(), "kill", agent.KillSpec{Processes: []string{"mysqld"}, Signal: "KILL", Hold: true}, 0)
	require.NoError(t, err)
	killed := m1.Agent.Time(stamp.Effective)
	s.until("promotion", 30*time.Second, func() bool { return len(s.history.of(record.KindPromoted)) > 0 })
	promoted := s.history.of(record.KindPromoted)[0]
	s.until("writes flow to the promoted node", 30*time.Second, func() bool { return s.history.acked(promoted.Node, killed) > 50 })
	s.until("the hook's line", 10*time.Second, func() bool { return len(s.history.hooks("orchestrator-post-failover")) > 0 })
	s.timeline(killed)
	require.NotEqual(t, "m1", promoted.Node)
	for _, e := range s.history.of(record.KindDetected) {
		t.Logf("%s on %s", e.Msg, e.Node)
	}
	primary, err := s.topology.Primary(t.Context())
	require.NoError(t, err)
	require.Equal(t, promoted.Node, primary.Name)

	_, err = m1.Agent.Heal(t.Context(), "kill")
	require.NoError(t, err)
	s.answers("m1")
	for _, n := range harness.ByComponent(s.nodes, harness.Application) {
		require.NoError(t, n.Agent.Quiet(t.Context(), agent.ActivityLoad))
	}
	s.surveyed(promoted.Node)
	hooks := s.history.hooks("orchestrator-post-failover")
	require.Len(t, hooks, 1)
	require.Equal(t, "0", hooks[0].Attrs["exit"])
	require.Equal(t, primary.Address, hooks[0].Attrs["target"])
	var order []string
	for _, e := range s.history.of(record.KindHook) {
		if name := e.Attrs["name"]; !slices.Contains(order, name) {
			order = append(order, name)
		}
	}
	require.Equal(t, []string{"OnFailureDetection", "PreFailover", "PostMasterFailover", "orchestrator-post-failover", "PostFailover"}, order)
}

// surveyed checks the state at the end: the old primary runs read-only, and every acknowledged write of the new one is
// there.
func (s *stand) surveyed(primary string) {
	s.Helper()
	began := time.Now()
	final, rows, err := s.topology.Survey(s.Context())
	require.NoError(s, err)
	s.Logf("survey of %d rows in %s: %+v", len(rows), time.Since(began), final)
	require.True(s, final.Complete, final.WaitedFor)
	require.Equal(s, primary, final.Primary)
	require.Equal(s, final.RowCount, len(rows))
	there := map[int64]bool{}
	for _, r := range rows {
		there[r.ID] = true
	}
	s.history.mu.Lock()
	for _, o := range s.history.ops {
		if o.Outcome == record.Acked && o.Server == primary {
			require.True(s, there[o.ID], "write %d, acknowledged by %s", o.ID, o.Server)
		}
	}
	s.history.mu.Unlock()
	for _, n := range final.Nodes {
		require.True(s, n.Reachable, n.Err)
		require.Equal(s, n.Node == primary, n.Writable, n.Node)
	}
	reasons, err := s.topology.Steady(s.Context())
	require.NoError(s, err)
	require.Contains(s, reasons, "m1 replicates from nobody")
}

func TestOperatorSwitchesOver(t *testing.T) {
	s := standUp(t, "mysql-3", nil)
	s.settle()
	s.watch()
	s.until("writes flow", 10*time.Second, func() bool { return s.history.acked("m1", 0) > 100 })
	for _, target := range []string{"m3", "m1", ""} {
		began, since := time.Now(), s.now()
		require.NoError(t, s.topology.Operate(t.Context(), mysql.Switchover, target))
		t.Logf("switched over to %q in %s", target, time.Since(began))
		primary, err := s.topology.Primary(t.Context())
		require.NoError(t, err)
		if target != "" {
			require.Equal(t, target, primary.Name)
		}
		s.until("writes flow to "+primary.Name, 10*time.Second, func() bool { return s.history.acked(primary.Name, since) > 50 })
		s.settle()
	}
	err := s.topology.Operate(t.Context(), mysql.Switchover, "m9")
	require.ErrorContains(t, err, "m9")
	require.NoError(t, s.topology.Operate(t.Context(), mysql.Acknowledge))
	require.NoError(t, s.topology.Operate(t.Context(), mysql.Downtime, "m2", "1m"))
	leader, ok, err := s.topology.Select(t.Context(), "the Orchestrator leader")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "o1", leader[0].Name)
}

func TestSettingsThatNobodyKnowsStopTheStart(t *testing.T) {
	for component, settings := range map[string]harness.Settings{
		"orchestrator": {"orchestrator": {"RecoveryPollSeconds": "1"}},
		"mysql":        {"mysql": {"replica_net_timeot": "4"}},
	} {
		t.Run(component, func(t *testing.T) {
			s := made(t, "mysql-3", settings)
			err := s.topology.Start(t.Context())
			t.Logf("after %s: %v", s.since(), err)
			for key := range settings[component] {
				require.ErrorContains(t, err, key)
			}
		})
	}
}
