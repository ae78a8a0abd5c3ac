package injectors

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
)

func TestHostFaultsSeenFromOutside(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		name string
		test func(*site)
	}{
		{"process.crashloop", crashLoopSeen}, {"process.crashloop of a managed process", managedCrashLoopSeen},
		{"process.restart", restartSeen}, {"process.restart of a managed process", managedRestartSeen},
		{"host.paused", pauseSeen}, {"host.paused and process.freeze", twoStops}, {"host.rebooted", rebootSeen}, {"host.wiped", wipeSeen},
	} {
		t.Run(c.name, func(t *testing.T) {
			inner := *s
			inner.t = t
			c.test(&inner)
			require.Empty(t, inner.set.Open())
		})
		require.NoError(t, s.set.HealAll(t.Context()))
	}
}

// ask says whether etcd on a node answers a request within a second.
func (s *site) ask(node string) bool {
	s.t.Helper()
	return s.run("by", "curl", "-s", "--max-time", "1", "http://"+s.nodes[node].Address+":"+etcdPort+"/version").Code == 0
}

func (s *site) answers(node string) {
	s.t.Helper()
	s.until("etcd on "+node+" answers", func() (bool, string) { return s.ask(node), "nothing" })
}

func (s *site) until(what string, done func() (bool, string)) {
	s.t.Helper()
	require.NoError(s.t, wait.Until(s.t.Context(), what, 30*time.Second, func(context.Context) (bool, string, error) {
		ok, seen := done()
		return ok, seen, nil
	}))
}

// process is how the agent of a node sees one of its processes.
func (s *site) process(node, name string) agent.ProcessState {
	s.t.Helper()
	states, err := s.nodes[node].Agent.Processes(s.t.Context())
	require.NoError(s.t, err)
	for _, p := range states {
		if p.Name == name {
			return p
		}
	}
	s.t.Fatalf("no process %s on %s", name, node)
	return agent.ProcessState{}
}

// manager runs a process on s1 that starts its worker again whenever it has ended.
func (s *site) manager() (worker func() string) {
	s.t.Helper()
	ctx := s.t.Context()
	n := s.nodes["s1"].Agent
	require.NoError(s.t, n.Define(ctx, agent.Process{
		Name: "manager", Inner: map[string]string{"worker": "/run/worker.pid"},
		Argv: []string{"bash", "-c", "while :; do setsid sleep 1000 & echo $! >/run/worker.pid; wait; done"},
	}))
	require.NoError(s.t, n.Start(ctx, "manager"))
	s.t.Cleanup(func() { _ = n.Stop(context.Background(), "manager") })
	worker = func() string {
		out := s.run("s1", "bash", "-c", "p=$(cat /run/worker.pid) && kill -0 $p && echo $p")
		return strings.TrimSpace(out.Stdout)
	}
	s.until("worker", func() (bool, string) { return worker() != "", "none" })
	return worker
}

func crashLoopSeen(s *site) {
	s.inject(Spec{Name: "process.crashloop", Params: CrashLoopParams{Process: "etcd", EveryMS: record.MS(200 * time.Millisecond)}, Targets: []string{"s1"}})
	began := s.process("s1", "etcd").Restarts
	s.until("it restarts and dies again", func() (bool, string) {
		p := s.process("s1", "etcd")
		return p.Restarts >= began+4, fmt.Sprintf("%d restarts", p.Restarts)
	})
	s.until("it refuses now and then", func() (bool, string) { got := s.dial("by", "s1", etcdPort); return got == refused, got })
	s.heal(Started("etcd", "s1"))
	all := s.set.All()
	require.Regexp(s.t, `etcd runs \(pid \d+\), after it was killed \d+ times`, all[len(all)-1].HealEffect().Proof)
	s.answers("s1")
	stays := s.process("s1", "etcd")
	require.NoError(s.t, wait.Hold(s.t.Context(), time.Second))
	require.Equal(s.t, stays, s.process("s1", "etcd"), "nobody kills it any more")
	require.False(s.t, stays.Held)
}

func managedCrashLoopSeen(s *site) {
	worker := s.manager()
	old := worker()
	i := s.inject(Spec{Name: "process.crashloop", Params: CrashLoopParams{Process: "worker", AfterMS: record.MS(50 * time.Millisecond)}, Targets: []string{"s1"}})
	s.until("killed again and again", func() (bool, string) {
		proof, err := i.fault.(Awaiter).Observe(s.t.Context(), i.env)
		require.NoError(s.t, err)
		return strings.Contains(proof, "killed 4 times") || strings.Contains(proof, "killed 5 times"), proof
	})
	s.heal(Started("worker", "s1"))
	s.until("worker runs", func() (bool, string) { return worker() != "" && worker() != old, worker() })
	last := worker()
	require.NoError(s.t, wait.Hold(s.t.Context(), 500*time.Millisecond))
	require.Equal(s.t, last, worker())
}

// The agent keeps the time of a slow restart, and a heal may come before it.
func restartSeen(s *site) {
	const after = 3 * time.Second
	i := s.inject(Spec{Name: "process.restart", Params: RestartParams{Process: "etcd", AfterMS: record.MS(after)}, Targets: []string{"s1"}})
	require.Equal(s.t, refused, s.dial("by", "s1", etcdPort))
	s.until("it is back", func() (bool, string) { p := s.process("s1", "etcd"); return p.PID != 0, p.LastExit })
	away := s.set.opts.Now() - i.Effect().Effective
	require.GreaterOrEqual(s.t, away, after)
	require.Less(s.t, away, after+3*time.Second)
	s.answers("s1")
	s.heal(Started("etcd", "s1"))
	require.Contains(s.t, i.HealEffect().Proof, "by itself after 3")

	i = s.inject(Spec{Name: "process.restart", Params: RestartParams{Process: "etcd", AfterMS: record.MS(time.Hour)}, Targets: []string{"s1"}})
	require.Equal(s.t, refused, s.dial("by", "s1", etcdPort))
	s.heal(Started("etcd", "s1"))
	require.Contains(s.t, i.HealEffect().Proof, "etcd runs")
	s.answers("s1")
}

func managedRestartSeen(s *site) {
	worker := s.manager()
	old := worker()
	i := s.inject(Spec{Name: "process.restart", Params: RestartParams{Process: "worker", AfterMS: record.MS(2 * time.Second)}, Targets: []string{"s1"}})
	s.until("it is over", func() (bool, string) {
		proof, err := i.fault.(Awaiter).Observe(s.t.Context(), i.env)
		require.NoError(s.t, err)
		return strings.Contains(proof, "it is over"), proof
	})
	s.until("worker runs", func() (bool, string) { return worker() != "" && worker() != old, worker() })
	s.heal(Started("worker", "s1"))
}

// A paused host still accepts, because its kernel does, but never answers; a child that nobody supervises is stopped too.
func pauseSeen(s *site) {
	s.answers("s1")
	worker := s.manager()
	i := s.inject(Spec{Name: "host.paused", Targets: []string{"s1"}})
	require.Contains(s.t, i.Effect().Proof, "in state T")
	require.Equal(s.t, answered, s.dial("by", "s1", etcdPort))
	require.False(s.t, s.ask("s1"))
	require.Contains(s.t, s.run("s1", "cat", "/proc/"+worker()+"/status").Stdout, "T (stopped)")
	s.heal(Unpaused("s1"))
	require.True(s.t, s.ask("s1"))
	require.NotContains(s.t, s.run("s1", "cat", "/proc/"+worker()+"/status").Stdout, "T (stopped)")
	s.nothingStopped("s1")
}

func (s *site) nothingStopped(node string) {
	s.t.Helper()
	sweep, err := s.nodes[node].Agent.Sweep(s.t.Context())
	require.NoError(s.t, err)
	require.Empty(s.t, sweep["stopped processes"])
}

// What two faults have stopped runs again when both are healed, whichever comes first.
func twoStops(s *site) {
	for _, first := range []Match{Unpaused("s1"), Resumed("etcd", "s1")} {
		last := Resumed("etcd", "s1")
		if first.Faults[0] == "process.freeze" {
			last = Unpaused("s1")
		}
		s.inject(Spec{Name: "process.freeze", Params: FreezeParams{"etcd"}, Targets: []string{"s1"}})
		s.inject(Spec{Name: "host.paused", Targets: []string{"s1"}})
		require.NoError(s.t, s.set.Heal(s.t.Context(), first))
		require.False(s.t, s.ask("s1"), "the other fault is in force")
		s.heal(last)
		s.answers("s1")
		s.nothingStopped("s1")
	}
}

func rebootSeen(s *site) {
	const after = 4 * time.Second
	connection := s.hold("s1")
	i := s.inject(Spec{Name: "host.rebooted", Params: RebootParams{AfterMS: record.MS(after)}, Targets: []string{"s1"}})
	require.Equal(s.t, silence, s.dial("by", "s1", etcdPort))
	require.Equal(s.t, "ESTAB", connection(), "no FIN leaves it")
	s.expect("by", "s1", etcdPort, answered)
	require.GreaterOrEqual(s.t, s.set.opts.Now()-i.Effect().Effective, after)
	s.heal(Returned("s1"))
	require.Contains(s.t, i.HealEffect().Proof, "by itself after 4")
	s.answers("s1")

	s.inject(Spec{Name: "host.rebooted", Params: RebootParams{AfterMS: record.MS(time.Hour)}, Targets: []string{"s1"}})
	require.Equal(s.t, silence, s.dial("by", "s1", etcdPort))
	s.heal(Returned("s1"))
	s.expect("by", "s1", etcdPort, answered)
}

// Only the disk of a lost host is emptied, and only its data directories.
func wipeSeen(s *site) {
	ctx := s.t.Context()
	n := s.nodes["s2"].Agent
	url := "http://" + s.nodes["s2"].Address + ":" + etcdPort
	etcdctl := func(argv ...string) string {
		return s.run("s2", append([]string{"etcdctl", "--endpoints", url}, argv...)...).Stdout
	}
	_, err := s.set.Inject(ctx, Spec{Name: "host.wiped", Targets: []string{"s1"}})
	require.ErrorContains(s.t, err, "no process of this node keeps data", "its etcd declares no data directory")

	require.NoError(s.t, n.Stop(ctx, "etcd"))
	require.NoError(s.t, n.Define(ctx, agent.Process{Name: "etcd", DataDir: "/var/lib/precious", Argv: []string{
		"etcd", "--data-dir", "/var/lib/precious", "--listen-client-urls", "http://0.0.0.0:" + etcdPort, "--advertise-client-urls", url,
	}}))
	require.NoError(s.t, n.Start(ctx, "etcd"))
	s.answers("s2")
	require.Contains(s.t, etcdctl("put", "key", "value"), "OK")
	i, err := s.set.Inject(ctx, Spec{Name: "host.wiped", Targets: []string{"s2"}})
	require.ErrorContains(s.t, err, "etcd is not held down")
	require.NoError(s.t, i.Heal(ctx))
	require.Contains(s.t, etcdctl("get", "key"), "value")

	s.inject(Spec{Name: "host.lost", Targets: []string{"s2"}})
	i = s.inject(Spec{Name: "host.wiped", Targets: []string{"s2"}})
	require.True(s.t, i.Effect().OneShot)
	require.Contains(s.t, i.Effect().Proof, "/var/lib/precious is empty (1 entries removed)")
	require.Empty(s.t, s.run("s2", "ls", "-A", "/var/lib/precious").Stdout)
	require.NotEmpty(s.t, s.run("s2", "ls", "-A", "/tmp/etcd").Stdout, "what is not declared is not touched")
	s.heal(Returned("s2"))
	s.answers("s2")
	require.NotContains(s.t, etcdctl("get", "key"), "value", "it is a new server")
}
