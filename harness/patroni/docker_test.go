package patroni_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/docker/dockertest"
	"github.com/firedrill/firedrill/harness/patroni"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
)

// stand brings a topology up, times it, and removes it when the test ends.
func stand(t *testing.T, name string, settings harness.Settings) (harness.Topology, []*harness.Node) {
	t.Helper()
	p := dockertest.Provider(t, dockertest.Engine(t))
	blueprint, err := harness.NewCatalogue(patroni.Kind{}).Find(name)
	require.NoError(t, err)
	began := time.Now()
	nodes := dockertest.Up(t, p, dockertest.Identity("patroni"), blueprint.Specs...)
	up := time.Since(began)
	topology, err := blueprint.Build(nodes, settings)
	require.NoError(t, err)
	t.Cleanup(func() { keepLogs(t, topology, nodes) })
	require.NoError(t, topology.Start(t.Context()))
	started := time.Since(began)
	steady(t, topology, 30*time.Second)
	t.Logf("up %s, started %s, steady %s", up.Round(time.Millisecond), started.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	return topology, nodes
}

// keepLogs shows what a failed test leaves behind.
func keepLogs(t *testing.T, topology harness.Topology, nodes []*harness.Node) {
	if !t.Failed() {
		return
	}
	for _, n := range nodes {
		for _, path := range topology.Logs(n) {
			data, err := n.Agent.Read(context.Background(), path)
			t.Logf("%s %s (%v):\n%s", n.Name, path, err, data[max(0, len(data)-20000):])
		}
	}
}

func steady(t *testing.T, topology harness.Topology, within time.Duration) {
	t.Helper()
	require.NoError(t, wait.Until(t.Context(), "steady state", within, func(ctx context.Context) (bool, string, error) {
		reasons, err := topology.Steady(ctx)
		if len(reasons) > 0 {
			return false, reasons[0], err
		}
		return true, "", err
	}))
}

func TestStands(t *testing.T) {
	topology, _ := stand(t, "patroni-3", nil)
	t.Log(topology.Describe(t.Context()))
	primary, err := topology.Primary(t.Context())
	require.NoError(t, err)
	require.Equal(t, "p1", primary.Name)
}

// timeline keeps what Watch and the agents report.
type timeline struct {
	mu     sync.Mutex
	events []record.Event
}

func (l *timeline) Op(record.Op)         {}
func (l *timeline) Sample(record.Sample) {}
func (l *timeline) Probe(record.Probe)   {}
func (l *timeline) Event(e record.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

// find returns the first event of a kind and node that happened after a time.
func (l *timeline) find(kind, node string, after time.Duration) (record.Event, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.events {
		if e.Kind == kind && (node == "" || e.Node == node) && e.T >= after {
			return e, true
		}
	}
	return record.Event{}, false
}

func (l *timeline) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b strings.Builder
	for _, e := range l.events {
		fmt.Fprintf(&b, "%8.3f %-18s %-4s %s %v\n", e.T.Seconds(), e.Kind, e.Node, e.Msg, e.Attrs)
	}
	return b.String()
}

// watch follows a topology until the test ends; now is the time of its events.
func watch(t *testing.T, topology harness.Topology, nodes []*harness.Node) (l *timeline, now func() time.Duration) {
	t.Helper()
	l, epoch := &timeline{}, agent.Monotonic()
	now = func() time.Duration { return time.Duration(agent.Monotonic() - epoch) }
	for _, n := range nodes {
		n.Agent.Report(l, epoch)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		topology.Watch(ctx, l, now)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		t.Logf("timeline:\n%s", l)
	})
	return l, now
}

// write makes the application write rows from a node for a while.
func write(t *testing.T, topology harness.Topology, from *harness.Node, d time.Duration) {
	t.Helper()
	db := topology.Application()
	db.Host = topology.Endpoints()[0].Name
	require.NoError(t, from.Agent.Load(t.Context(), agent.Load{
		Node: from.Name, Vantage: from.Datacenter, FirstID: 1, Database: db, Resolver: topology.Resolver(from.Datacenter),
		Tick: 10 * time.Millisecond, Deadline: time.Second, Servers: topology.Servers(),
	}))
	require.NoError(t, wait.Hold(t.Context(), d))
	require.NoError(t, from.Agent.Quiet(t.Context(), agent.ActivityLoad))
}

func node(t *testing.T, nodes []*harness.Node, name string) *harness.Node {
	t.Helper()
	n, err := harness.Find(nodes, name)
	require.NoError(t, err)
	return n
}

// A killed PostgreSQL comes back in place: the leader stays, and so does its timeline.
func TestKilledPostgresRestartsInPlace(t *testing.T) {
	topology, nodes := stand(t, "patroni-3", nil)
	l, now := watch(t, topology, nodes)
	p1 := node(t, nodes, "p1")
	require.NoError(t, wait.Hold(t.Context(), time.Second)) // Watch has seen who leads
	struck := now()
	stamp, err := p1.Agent.Do(t.Context(), "f", agent.KillSpec{Processes: []string{"postgres"}, Signal: "KILL"}, 0)
	require.NoError(t, err)
	require.Contains(t, stamp.Proof, "postgres")
	steady(t, topology, 30*time.Second)
	t.Logf("steady %s after the kill", now()-struck)
	write(t, topology, node(t, nodes, "app1"), 2*time.Second)
	primary, err := topology.Primary(t.Context())
	require.NoError(t, err)
	require.Equal(t, "p1", primary.Name)
	_, failedOver := l.find(record.KindPromotionStarted, "", struck)
	require.False(t, failedOver)
	final, rows, err := topology.Survey(t.Context())
	require.NoError(t, err)
	require.True(t, final.Complete, final.WaitedFor)
	require.NotEmpty(t, rows)
	require.Equal(t, "p1", rows[0].Server)
	t.Logf("%+v", final)
}

// With primary_start_timeout 0 the same kill moves the leader's role, and the callback takes the name along.
func TestKilledPostgresFailsOver(t *testing.T) {
	settings := harness.Settings{}
	settings.Set("patroni", "primary_start_timeout", "0")
	topology, nodes := stand(t, "patroni-3", settings)
	l, now := watch(t, topology, nodes)
	require.NoError(t, wait.Hold(t.Context(), time.Second))
	struck := now()
	_, err := node(t, nodes, "p1").Agent.Do(t.Context(), "f", agent.KillSpec{Processes: []string{"postgres"}, Signal: "KILL"}, 0)
	require.NoError(t, err)
	var promoted record.Event
	require.NoError(t, wait.Until(t.Context(), "promotion reported", 40*time.Second, func(context.Context) (bool, string, error) {
		var ok bool
		promoted, ok = l.find(record.KindPromoted, "", struck)
		return ok, l.String(), nil
	}))
	require.NotEqual(t, "p1", promoted.Node)
	detected, ok := l.find(record.KindDetected, "p1", struck)
	require.True(t, ok)
	require.Less(t, detected.T, promoted.T)
	var flip record.Event
	require.NoError(t, wait.Until(t.Context(), "callback ran", 20*time.Second, func(context.Context) (bool, string, error) {
		var ok bool
		flip, ok = l.find(record.KindHook, promoted.Node, struck)
		return ok, "", nil
	}))
	require.Equal(t, "0", flip.Attrs["exit"], flip)
	require.Equal(t, "flip", flip.Attrs["action"], flip)
	t.Logf("detected %s, promoted %s, callback done %s after the kill", detected.T-struck, promoted.T-struck, flip.T-struck)
	write(t, topology, node(t, nodes, "app2"), 2*time.Second)
	steady(t, topology, time.Minute)
	t.Logf("steady %s after the kill", now()-struck)
	final, rows, err := topology.Survey(t.Context())
	require.NoError(t, err)
	require.Equal(t, promoted.Node, final.Primary)
	require.True(t, final.Complete, final.WaitedFor)
	require.NotEmpty(t, rows)
	t.Logf("%+v", final)
}

// A scenario's own times and strict synchronous replication hold once it stands, and a switchover to a named node works.
func TestSettingsHoldAndOperatorSwitchesOver(t *testing.T) {
	settings := harness.Settings{}
	for k, v := range map[string]string{"ttl": "25", "loop_wait": "10", "retry_timeout": "5", "synchronous_mode": "true", "synchronous_mode_strict": "true"} {
		settings.Set("patroni", k, v)
	}
	settings.Set("postgresql", "work_mem", "8MB")
	topology, nodes := stand(t, "patroni-3", settings)
	d := topology.Describe(t.Context())
	require.Equal(t, "25", d["ttl"])
	require.Equal(t, "10", d["loop_wait"])
	require.Equal(t, "true", d["synchronous_mode"])
	p1 := node(t, nodes, "p1")
	rows, err := p1.Agent.Query(t.Context(), agent.Query{Database: topology.Admin(p1),
		SQL: "SELECT current_setting('work_mem') AS work_mem, (SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync') AS sync"})
	require.NoError(t, err)
	require.Equal(t, "8MB", rows.Get(0, "work_mem"))
	require.Equal(t, "1", rows.Get(0, "sync"))
	leaders, ok, err := topology.Select(t.Context(), "the etcd leader")
	require.NoError(t, err)
	require.True(t, ok)
	require.Len(t, leaders, 1)

	l, now := watch(t, topology, nodes)
	require.NoError(t, wait.Hold(t.Context(), time.Second))
	asked := now()
	require.ErrorContains(t, topology.Operate(t.Context(), "switchover", "p1"), "refused by Patroni")
	var standby string
	for _, name := range []string{"p2", "p3"} { // only the synchronous one may become the leader
		if err = topology.Operate(t.Context(), "switchover", name); err == nil {
			standby = name
			break
		}
		t.Log(err)
	}
	require.NoError(t, err)
	t.Logf("switchover to %s in %s", standby, now()-asked)
	steady(t, topology, time.Minute)
	primary, err := topology.Primary(t.Context())
	require.NoError(t, err)
	require.Equal(t, standby, primary.Name)
	_, ok = l.find(record.KindPromoted, standby, asked)
	require.True(t, ok)
}

// A Patroni that is killed leaves its PostgreSQL, which takes writes beside the new leader: the survey finds what it
// has and the leader has not.
func TestSurveyFindsTheOldPrimarysOwnWAL(t *testing.T) {
	topology, nodes := stand(t, "patroni-3", nil)
	l, now := watch(t, topology, nodes)
	require.NoError(t, wait.Hold(t.Context(), time.Second))
	struck := now()
	p1 := node(t, nodes, "p1")
	_, err := p1.Agent.Do(t.Context(), "f", agent.KillSpec{Processes: []string{"patroni"}, Signal: "KILL", Hold: true}, 0)
	require.NoError(t, err)
	require.NoError(t, wait.Until(t.Context(), "promotion", time.Minute, func(context.Context) (bool, string, error) {
		_, ok := l.find(record.KindPromoted, "", struck)
		return ok, "", nil
	}))
	t.Logf("promoted %s after the kill", now()-struck)
	app := topology.Application()
	app.Host = p1.Address
	_, err = p1.Agent.Query(t.Context(), agent.Query{Database: app, SQL: "INSERT INTO ledger (id, attempt, server) VALUES (1, 0, 'x')"})
	require.NoError(t, err, "the old primary still takes writes")
	final, rows, err := topology.Survey(t.Context())
	require.NoError(t, err)
	require.NotEqual(t, "p1", final.Primary)
	require.Empty(t, rows)
	require.Contains(t, final.Nodes[0].Errant, "timeline 2 up to")
	require.True(t, final.Nodes[0].Writable)
	require.Equal(t, "patroni does not run", final.Nodes[0].Err)
	t.Logf("%+v", final)
	healing := now()
	_, err = p1.Agent.Heal(t.Context(), "f")
	require.NoError(t, err)
	steady(t, topology, 2*time.Minute)
	t.Logf("rejoined %s after the heal", now()-healing)
	final, _, err = topology.Survey(t.Context())
	require.NoError(t, err)
	require.Empty(t, final.Nodes[0].Errant)
}
