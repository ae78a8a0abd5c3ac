package injectors

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/docker"
	"github.com/firedrill/firedrill/harness/docker/dockertest"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
)

// site is a real topology: an etcd server each on s1 and s2 in dc1, and a bystander in dc2 that watches from outside.
type site struct {
	t     *testing.T
	api   func(ctx context.Context) (map[string]*agent.Client, error) // visitors' sessions
	nodes map[string]*harness.Node
	dir   string
	rec   *record.Recorder
	set   *Set
}

const (
	etcdPort = "2379"
	silence  = "silence"
	refused  = "refused"
	answered = "connected"
)

func newSite(t *testing.T, fittings ...harness.Fitting) *site {
	t.Helper()
	engine := dockertest.Engine(t)
	id := dockertest.Identity("faults")
	stood := dockertest.Up(t, dockertest.Provider(t, engine), id,
		harness.NodeSpec{Name: "s1", Component: harness.Etcd, Datacenter: "dc1", Fittings: fittings},
		harness.NodeSpec{Name: "s2", Component: harness.Etcd, Datacenter: "dc1", Fittings: fittings},
		harness.NodeSpec{Name: "by", Component: harness.Application, Datacenter: "dc2"},
	)
	s := &site{t: t, nodes: map[string]*harness.Node{}, dir: t.TempDir()}
	s.api = func(ctx context.Context) (map[string]*agent.Client, error) {
		return docker.Attach(ctx, engine, id.Run, id.Drill)
	}
	var err error
	s.rec, err = record.Create(s.dir)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.rec.Close() })
	epoch := agent.Monotonic()
	for _, n := range stood {
		n.Agent.Report(nil, epoch)
		s.nodes[n.Name] = n
	}
	s.set = NewSet(Options{Nodes: Nodes(stood, nil), Recorder: s.rec, Now: func() time.Duration { return time.Duration(agent.Monotonic() - epoch) }})
	s.start("s1")
	s.start("s2")
	return s
}

// start runs an etcd server that is a whole cluster by itself.
func (s *site) start(name string) {
	n := s.nodes[name]
	url := "http://" + n.Address + ":" + etcdPort
	require.NoError(s.t, n.Agent.Define(s.t.Context(), agent.Process{Name: "etcd", Argv: []string{
		"etcd", "--data-dir", "/tmp/etcd", "--listen-client-urls", "http://0.0.0.0:" + etcdPort, "--advertise-client-urls", url,
	}}))
	require.NoError(s.t, n.Agent.Start(s.t.Context(), "etcd"))
	s.expect("by", name, etcdPort, answered)
}

// state is the sweep of a node, without the processes that tests declare as they go.
func (s *site) state(n *harness.Node) agent.Sweep {
	s.t.Helper()
	sweep, err := n.Agent.Sweep(s.t.Context())
	require.NoError(s.t, err)
	for _, subject := range []string{"processes", "stopped processes", "limits"} {
		delete(sweep, subject)
	}
	return sweep
}

func (s *site) run(node string, argv ...string) agent.Output {
	s.t.Helper()
	out, err := s.nodes[node].Agent.Exec(s.t.Context(), agent.Command{Argv: argv})
	require.NoError(s.t, err)
	return out
}

// dial says how a TCP connection from one node to another goes within a second.
func (s *site) dial(from, to, port string) string {
	s.t.Helper()
	out := s.run(from, "timeout", "1", "bash", "-c", "</dev/tcp/"+s.nodes[to].Address+"/"+port)
	switch out.Code {
	case 0:
		return answered
	case 124:
		return silence
	}
	return refused
}

// expect waits for a way to be as it should be: servers take a moment to listen.
func (s *site) expect(from, to, port, want string) {
	s.t.Helper()
	require.NoError(s.t, wait.Until(s.t.Context(), from+" to "+to+": "+want, 20*time.Second, func(context.Context) (bool, string, error) {
		got := s.dial(from, to, port)
		return got == want, got, nil
	}))
}

// hold opens a connection from the bystander to a server and keeps it idle; the function returned says its state.
func (s *site) hold(to string) (state func() string) {
	s.t.Helper()
	ctx := s.t.Context()
	client := s.nodes["by"].Agent
	require.NoError(s.t, client.Define(ctx, agent.Process{Name: "client", Argv: []string{
		"bash", "-c", "exec 3<>/dev/tcp/" + s.nodes[to].Address + "/" + etcdPort + "; exec sleep 1000",
	}}))
	require.NoError(s.t, client.Start(ctx, "client"))
	s.t.Cleanup(func() { _ = client.Stop(context.Background(), "client") })
	state = func() string {
		out := s.run("by", "ss", "-Htnp", "dst", s.nodes[to].Address+":"+etcdPort)
		for line := range strings.Lines(out.Stdout) {
			if strings.Contains(line, "sleep") || strings.Contains(line, "bash") {
				return strings.Fields(line)[0]
			}
		}
		return "gone"
	}
	require.NoError(s.t, wait.Until(ctx, "connection held", 5*time.Second, func(context.Context) (bool, string, error) {
		got := state()
		return got == "ESTAB", got, nil
	}))
	return state
}

// reach opens a connection from one server to the other, whose end will be a FIN; the function returned says its
// state at the far end.
func (s *site) reach(from, to string) (state func() string) {
	s.t.Helper()
	ctx := s.t.Context()
	client := s.nodes[from].Agent
	require.NoError(s.t, client.Define(ctx, agent.Process{Name: "client", Argv: []string{
		"bash", "-c", "exec 3<>/dev/tcp/" + s.nodes[to].Address + "/" + etcdPort + "; exec sleep 1000",
	}}))
	require.NoError(s.t, client.Start(ctx, "client"))
	s.t.Cleanup(func() { _ = client.Stop(context.Background(), "client") })
	port := ""
	require.NoError(s.t, wait.Until(ctx, "connection from "+from, 5*time.Second, func(context.Context) (bool, string, error) {
		for line := range strings.Lines(s.run(from, "cat", "/proc/net/tcp").Stdout) {
			const etcd, established = ":094B", "01"
			if f := strings.Fields(line); strings.HasSuffix(f[2], etcd) && f[3] == established && !strings.HasPrefix(f[2], "0100007F") {
				_, port, _ = strings.Cut(f[1], ":")
			}
		}
		return port != "", "none", nil
	}))
	return func() string {
		for line := range strings.Lines(s.run(to, "cat", "/proc/net/tcp6").Stdout) { // a listener on all addresses
			if f := strings.Fields(line); strings.HasSuffix(f[2], ":"+port) {
				return map[string]string{"01": "ESTAB", "08": "CLOSE-WAIT"}[f[3]]
			}
		}
		return "gone"
	}
}

// remains watches for two seconds that a connection stays as it is.
func (s *site) remains(state func() string, want string) {
	s.t.Helper()
	end := time.Now().Add(2 * time.Second)
	for time.Now().Before(end) {
		require.Equal(s.t, want, state())
		require.NoError(s.t, wait.Hold(s.t.Context(), 100*time.Millisecond))
	}
}

func (s *site) inject(spec Spec) *Injection {
	s.t.Helper()
	i, err := s.set.Inject(s.t.Context(), spec)
	require.NoError(s.t, err)
	e := i.Effect()
	s.t.Logf("%s: bracket %s: %s", i, e.Effective-e.Began, e.Proof)
	return i
}

func (s *site) heal(m Match) {
	s.t.Helper()
	require.NoError(s.t, s.set.Heal(s.t.Context(), m))
	all := s.set.All()
	last := all[len(all)-1]
	s.t.Logf("%s healed: bracket %s: %s", last, last.HealEffect().Effective-last.HealEffect().Began, last.HealEffect().Proof)
	for name, n := range s.nodes {
		left, err := n.Agent.Faults(s.t.Context())
		require.NoError(s.t, err)
		require.Empty(s.t, left, name)
	}
}

// chat makes the bystander talk to a server all the time, so that a cut meets traffic.
func (s *site) chat(to string) {
	s.t.Helper()
	client := s.nodes["by"].Agent
	require.NoError(s.t, client.Define(s.t.Context(), agent.Process{Name: "chat-" + to, Argv: []string{
		"bash", "-c", "while :; do timeout 1 bash -c '</dev/tcp/" + s.nodes[to].Address + "/" + etcdPort + "'; sleep 0.05; done",
	}}))
	require.NoError(s.t, client.Start(s.t.Context(), "chat-"+to))
	s.t.Cleanup(func() { _ = client.Stop(context.Background(), "chat-"+to) })
}

func TestFaultsSeenFromOutside(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		name string
		test func(*site)
	}{
		{"process.kill", killSeen}, {"process.kill of a managed process", managedKillSeen}, {"process.stop", stopSeen},
		{"process.freeze", freezeSeen}, {"host.lost", lossSeen}, {"net.partition", partitionSeen},
		{"net.partition one way", oneWaySeen}, {"datacenter.isolation", isolationSeen}, {"heal from another process", visitorHeals},
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

// A killed process leaves its host alive: the kernel says goodbye for it, and refuses new connections.
func killSeen(s *site) {
	connection := s.hold("s1")
	i := s.inject(Spec{Name: "process.kill", Params: KillParams{Process: "etcd"}, Targets: []string{"s1"}})
	require.Equal(s.t, refused, s.dial("by", "s1", etcdPort))
	require.NoError(s.t, wait.Until(s.t.Context(), "goodbye (FIN or RST)", 5*time.Second, func(context.Context) (bool, string, error) {
		got := connection()
		return got != "ESTAB", got, nil
	}))
	require.Contains(s.t, i.Effect().Proof, "gone")
	require.Less(s.t, i.Effect().Effective-i.Effect().Began, 50*time.Millisecond)
	s.heal(Started("etcd", "s1"))
	s.expect("by", "s1", etcdPort, answered)
}

// The manager restarts what it manages; the fault does not pretend to hold it down.
func managedKillSeen(s *site) {
	ctx := s.t.Context()
	n := s.nodes["s1"].Agent
	require.NoError(s.t, n.Define(ctx, agent.Process{
		Name: "manager", Inner: map[string]string{"worker": "/run/worker.pid"},
		Argv: []string{"bash", "-c", "while :; do setsid sleep 1000 & echo $! >/run/worker.pid; wait; done"},
	}))
	require.NoError(s.t, n.Start(ctx, "manager"))
	s.t.Cleanup(func() { _ = n.Stop(context.Background(), "manager") })
	worker := func() string {
		out, err := n.Read(ctx, "/run/worker.pid")
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(out))
	}
	require.NoError(s.t, wait.Until(ctx, "worker", 5*time.Second, func(context.Context) (bool, string, error) { return worker() != "", "none", nil }))
	old := worker()
	i := s.inject(Spec{Name: "process.kill", Params: KillParams{Process: "worker"}, Targets: []string{"s1"}})
	require.True(s.t, i.Effect().OneShot)
	swept, err := n.Sweep(ctx)
	require.NoError(s.t, err)
	require.Empty(s.t, swept["faults in force"], "nothing is left to heal")
	require.NoError(s.t, wait.Until(ctx, "worker restarted", 5*time.Second, func(context.Context) (bool, string, error) { return worker() != old, "none", nil }))
	s.heal(Started("worker", "s1"))
	require.Contains(s.t, i.HealEffect().Proof, "its manager's to restart")

	// A lost host takes the managed ones with it, though they are nobody's children that we supervise.
	last := worker()
	s.inject(Spec{Name: "host.lost", Targets: []string{"s1"}})
	require.NotZero(s.t, s.run("s1", "bash", "-c", "kill -0 "+last).Code, "a worker outlived its host")
	s.heal(Returned("s1"))
	s.expect("by", "s1", etcdPort, answered)
}

func stopSeen(s *site) {
	s.inject(Spec{Name: "process.stop", Params: StopParams{"etcd"}, Targets: []string{"s1", "s2"}})
	require.Equal(s.t, refused, s.dial("by", "s1", etcdPort))
	require.Equal(s.t, refused, s.dial("by", "s2", etcdPort))
	s.heal(Started("etcd", "s1", "s2"))
	s.expect("by", "s1", etcdPort, answered)
	s.expect("by", "s2", etcdPort, answered)
}

// A frozen process still accepts, because its kernel does, but never answers.
func freezeSeen(s *site) {
	ask := func() int {
		return s.run("by", "curl", "-s", "--max-time", "1", "http://"+s.nodes["s1"].Address+":"+etcdPort+"/version").Code
	}
	require.NoError(s.t, wait.Until(s.t.Context(), "etcd answers", 20*time.Second, func(context.Context) (bool, string, error) {
		return ask() == 0, "time-out", nil
	}))
	s.inject(Spec{Name: "process.freeze", Params: FreezeParams{"etcd"}, Targets: []string{"s1"}})
	require.Equal(s.t, answered, s.dial("by", "s1", etcdPort))
	const timedOut = 28
	require.Equal(s.t, timedOut, ask())
	s.heal(Resumed("etcd", "s1"))
	require.Zero(s.t, ask())
}

// No FIN leaves a lost host: its peers' connections hang, and new ones meet silence.
func lossSeen(s *site) {
	connection := s.hold("s1")
	outgoing := s.reach("s1", "s2")
	s.inject(Spec{Name: "host.lost", Targets: []string{"s1"}})
	require.Equal(s.t, silence, s.dial("by", "s1", etcdPort))
	s.remains(connection, "ESTAB")
	require.Equal(s.t, refused, s.dial("s1", "s1", etcdPort), "the process is dead; the node's talk with itself is not cut")
	s.remains(outgoing, "ESTAB")
	s.heal(Returned("s1"))
	s.expect("by", "s1", etcdPort, answered)
	s.remains(connection, "ESTAB")
	s.remains(outgoing, "ESTAB") // the dead do not speak when the network is back: what they had queued is lost
}

func partitionSeen(s *site) {
	s.chat("s1")
	connection := s.hold("s1")
	i := s.inject(Spec{Name: "net.partition", Params: PartitionParams{Peers: []string{"by"}}, Targets: []string{"s1"}})
	require.Contains(s.t, i.Effect().Proof, "packets stopped")
	require.Equal(s.t, silence, s.dial("by", "s1", etcdPort))
	require.Equal(s.t, silence, s.dial("s1", "by", "9"), "the other way too")
	require.Equal(s.t, answered, s.dial("by", "s2", etcdPort))
	require.Equal(s.t, answered, s.dial("s1", "s2", etcdPort))
	require.Equal(s.t, "ESTAB", connection())
	s.heal(Reunited())
	require.Equal(s.t, answered, s.dial("by", "s1", etcdPort))
	require.Equal(s.t, refused, s.dial("s1", "by", "9"))
}

// One way on a port: what the other asks of the same port number goes on.
func oneWaySeen(s *site) {
	for action, want := range map[string]string{agent.Drop: silence, agent.Refuse: refused} {
		params := PartitionParams{Peers: []string{"s2"}, Ports: []uint16{2379}, Direction: OneWay, Action: action}
		i, err := s.set.Prepare(s.t.Context(), Spec{Name: "net.partition", Params: params, Targets: []string{"s1"}})
		require.NoError(s.t, err)
		i.budgets.Proof = time.Millisecond // nobody talks before we do
		require.NoError(s.t, i.Inject(s.t.Context()))
		require.Equal(s.t, want, s.dial("s1", "s2", etcdPort))
		require.Equal(s.t, refused, s.dial("s1", "s2", "9"), "another port is not cut")
		require.Equal(s.t, answered, s.dial("s2", "s1", etcdPort), "the other way is not cut")
		proof, err := i.fault.(Awaiter).Observe(s.t.Context(), i.env)
		require.NoError(s.t, err)
		require.Contains(s.t, proof, "s2: ")
		s.heal(Reunited())
		require.Equal(s.t, answered, s.dial("s1", "s2", etcdPort))
	}
}

func isolationSeen(s *site) {
	s.chat("s2")
	s.inject(Spec{Name: "datacenter.isolation", Params: IsolationParams{Datacenter: "dc1"}})
	for _, server := range []string{"s1", "s2"} {
		require.Equal(s.t, silence, s.dial("by", server, etcdPort))
		require.Equal(s.t, silence, s.dial(server, "by", "9"))
	}
	require.Equal(s.t, answered, s.dial("s1", "s2", etcdPort), "inside, all goes on")
	s.heal(Rejoined())
	require.Equal(s.t, answered, s.dial("by", "s1", etcdPort))
}

// A visitor heals from the file what the owner of the nodes had broken and no longer heals itself.
func visitorHeals(s *site) {
	ctx := s.t.Context()
	s.chat("s2")
	s.inject(Spec{Name: "host.lost", Targets: []string{"s1"}})
	s.inject(Spec{Name: "net.partition", Params: PartitionParams{Peers: []string{"s2"}}, Targets: []string{"by"}})
	run := readFaults(s.t, s.dir)
	visitors, err := s.api(ctx)
	require.NoError(s.t, err)
	dial := func(node string) (Agent, error) {
		v, ok := visitors["faults/"+node]
		if !ok {
			return nil, fmt.Errorf("no such node")
		}
		return v, nil
	}
	rec, err := record.Create(s.dir)
	require.NoError(s.t, err)
	defer rec.Close()
	require.NoError(s.t, HealRecorded(ctx, nil, run, dial, rec, s.set.opts.Now))
	s.expect("by", "s1", etcdPort, answered)
	s.expect("by", "s2", etcdPort, answered)
	require.Empty(s.t, Unhealed(readFaults(s.t, s.dir)))
	require.NoError(s.t, s.set.HealAll(ctx), "the owner finds it healed")
}

func readFaults(t *testing.T, dir string) []record.FaultStep {
	t.Helper()
	manifest, err := json.Marshal(record.Manifest{})
	require.NoError(t, err)
	require.NoError(t, record.WriteFile(dir+"/"+record.ManifestFile, manifest))
	run, err := record.Load(dir)
	require.NoError(t, err)
	return run.Faults
}
