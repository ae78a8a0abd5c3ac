package injectors

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/wait"
)

func TestNetworkFaultsSeenFromOutside(t *testing.T) {
	s := newSite(t)
	for name := range s.nodes {
		s.serve(name)
	}
	before := s.sweep()
	for _, c := range []struct {
		name string
		test func(*site)
	}{
		{"net.partition cuts what is established", establishedIsCut}, {"net.partition that refuses both ways", refusalSeen},
		{"net.partition on a port, both ways", portSeen}, {"net.latency", latencySeen}, {"net.latency of a datacenter", farDatacenterSeen},
		{"net.loss", packetLossSeen}, {"net.bandwidth", bandwidthSeen}, {"policing", policingSeen}, {"net.flap", flapSeen},
		{"net.mtu", blackHoleSeen}, {"two at once", twoAtOnceSeen}, {"what is held is let go", heldIsLetGo},
	} {
		t.Run(c.name, func(t *testing.T) {
			inner := *s
			inner.t = t
			c.test(&inner)
			require.Empty(t, inner.set.Open())
			require.Equal(t, before, inner.sweep(), "residue")
		})
		require.NoError(t, s.set.HealAll(t.Context()))
	}
}

const servedPort = "7777"

// byteServer sends and takes bytes: "GET n" and "PUT n", one after the other on a connection.
const byteServer = `use IO::Socket::INET; $SIG{CHLD}='IGNORE'; $SIG{PIPE}='IGNORE';
my $l = IO::Socket::INET->new(LocalPort=>` + servedPort + `, Listen=>50, ReuseAddr=>1) or die $!;
while (my $c = $l->accept) { next if fork; while (my $q = <$c>) { my ($v, $n) = split ' ', $q;
  if ($v eq 'GET') { print $c 'x' x $n } else { read $c, my $d, $n; print $c "k" } $c->flush } exit }`

// byteClient makes one exchange, or dies.
const byteClient = `use IO::Socket::INET; my ($a, $v, $n, $t) = @ARGV; alarm $t;
my $c = IO::Socket::INET->new(PeerAddr=>$a, PeerPort=>` + servedPort + `) or die "connect: $!\n";
print $c "$v $n\n"; print $c 'x' x $n if $v eq 'PUT'; $c->flush; read $c, my $d, $v eq 'GET' ? $n : 1; die "short\n" if !length $d`

// holder keeps one connection and says what comes back on it, a line every 100 ms: an answer, or the error.
const holder = `use IO::Socket::INET; use Errno; $| = 1; $SIG{PIPE}='IGNORE';
my $c = IO::Socket::INET->new(PeerAddr=>$ARGV[0], PeerPort=>` + servedPort + `) or die "connect: $!\n";
open my $o, '>', '/tmp/held'; $o->autoflush; while (1) { if (!syswrite $c, "GET 1\n") { print $o "error $!\n"; exit }
  my $r = ''; vec($r, fileno $c, 1) = 1; if (select $r, undef, undef, 0.1) { my $n = sysread $c, my $d, 100; 
  if (!defined $n) { print $o "error $!\n"; exit } print $o "got\n" if $n } select undef, undef, undef, 0.1 }`

func (s *site) serve(name string) {
	s.t.Helper()
	n := s.nodes[name].Agent
	require.NoError(s.t, n.Define(s.t.Context(), agent.Process{Name: "server", Argv: []string{"perl", "-e", byteServer}}))
	require.NoError(s.t, n.Start(s.t.Context(), "server"))
	require.NoError(s.t, wait.Until(s.t.Context(), "server on "+name, 10*time.Second, func(context.Context) (bool, string, error) {
		got := s.dial("by", name, servedPort)
		return got == answered, got, nil
	}))
}

// exchange is how long it took to send (PUT) or to fetch (GET) so many bytes; false when it did not end in time.
func (s *site) exchange(from, to, verb string, bytes int, within time.Duration) (time.Duration, bool) {
	s.t.Helper()
	began := time.Now()
	out := s.run(from, "perl", "-e", byteClient, s.nodes[to].Address, verb, strconv.Itoa(bytes), strconv.Itoa(int(within.Seconds())))
	took := time.Since(began)
	s.t.Logf("%s %s %d bytes %s: exit %d %s after %s", from, verb, bytes, to, out.Code, strings.TrimSpace(out.Stderr), took)
	return took, out.Code == 0
}

// holdTalking keeps one connection busy; the function returned counts the answers and says the error there was.
func (s *site) holdTalking(from, to string) (seen func() (answers int, err string)) {
	s.t.Helper()
	ctx, n := s.t.Context(), s.nodes[from].Agent
	s.run(from, "rm", "-f", "/tmp/held")
	require.NoError(s.t, n.Define(ctx, agent.Process{Name: "holder", Argv: []string{"perl", "-e", holder, s.nodes[to].Address}}))
	require.NoError(s.t, n.Start(ctx, "holder"))
	s.t.Cleanup(func() { _ = n.Stop(context.Background(), "holder") })
	seen = func() (int, string) {
		data, _ := n.Read(ctx, "/tmp/held")
		_, failed, _ := strings.Cut(string(data), "error ")
		return strings.Count(string(data), "got"), strings.TrimSpace(failed)
	}
	require.NoError(s.t, wait.Until(ctx, "answers on the held connection", 10*time.Second, func(context.Context) (bool, string, error) {
		answers, failed := seen()
		return answers > 2, failed, nil
	}))
	return seen
}

// trip is the median round trip.
func (s *site) trip(from, to string) time.Duration {
	s.t.Helper()
	got, err := s.nodes[from].Agent.Exchange(s.t.Context(), agent.Exchanges{Address: s.nodes[to].Address, Port: knockPort, Count: 9, Deadline: 3 * time.Second})
	require.NoError(s.t, err)
	took := make([]time.Duration, 0, len(got))
	for _, e := range got {
		took = append(took, e.Took)
	}
	return percentile(took, 50)
}

// sweep is how the nodes stand, processes left out: tests start their own.
func (s *site) sweep() map[string]agent.Sweep {
	s.t.Helper()
	out := map[string]agent.Sweep{}
	for name, n := range s.nodes {
		out[name] = s.state(n)
	}
	return out
}

func establishedIsCut(s *site) {
	seen := s.holdTalking("by", "s1")
	s.inject(Spec{Name: "net.partition", Params: PartitionParams{Peers: []string{"by"}}, Targets: []string{"s1"}})
	require.NoError(s.t, wait.Hold(s.t.Context(), 300*time.Millisecond)) // what was under way has come
	before, _ := seen()
	require.NoError(s.t, wait.Hold(s.t.Context(), time.Second))
	after, failed := seen()
	require.Equal(s.t, before, after, "nothing gets through")
	require.Empty(s.t, failed, "and nobody is told")
	s.heal(Whole("s1"))
	require.NoError(s.t, wait.Until(s.t.Context(), "the held connection goes on", 10*time.Second, func(context.Context) (bool, string, error) {
		n, failed := seen()
		return n > after, failed, nil
	}))
}

// Both sides refuse each other, and each hears it: of new connections, and of the one that was held.
func refusalSeen(s *site) {
	seen := s.holdTalking("by", "s1")
	s.inject(Spec{Name: "net.partition", Params: PartitionParams{Peers: []string{"by"}, Action: agent.Refuse}, Targets: []string{"s1"}})
	require.Equal(s.t, refused, s.dial("by", "s1", servedPort))
	require.Equal(s.t, refused, s.dial("s1", "by", servedPort))
	require.Equal(s.t, answered, s.dial("s2", "s1", servedPort))
	require.NoError(s.t, wait.Until(s.t.Context(), "the held connection is reset", 5*time.Second, func(context.Context) (bool, string, error) {
		_, failed := seen()
		return strings.Contains(failed, "reset"), failed, nil
	}))
	s.heal(Reunited())
	require.Equal(s.t, answered, s.dial("by", "s1", servedPort))
}

func portSeen(s *site) {
	for action, want := range map[string]string{agent.Drop: silence, agent.Refuse: refused} {
		s.inject(Spec{Name: "net.partition", Params: PartitionParams{Peers: []string{"by"}, Ports: []uint16{7777}, Action: action}, Targets: []string{"s1"}})
		require.Equal(s.t, want, s.dial("by", "s1", servedPort))
		require.Equal(s.t, want, s.dial("s1", "by", servedPort))
		require.Equal(s.t, answered, s.dial("by", "s1", etcdPort), "another port is not cut")
		s.heal(Whole("s1"))
		require.Equal(s.t, answered, s.dial("by", "s1", servedPort))
	}
}

func latencySeen(s *site) {
	quick := s.trip("by", "s1")
	i := s.inject(Spec{Name: "net.latency", Params: LatencyParams{LatencyMS: 100}, Targets: []string{"s1"}})
	require.Contains(s.t, i.Effect().Proof, "before")
	for _, pair := range [][2]string{{"by", "s1"}, {"s1", "by"}, {"s1", "s2"}} {
		slow := s.trip(pair[0], pair[1])
		s.t.Logf("round trip from %s to %s: %s, before %s", pair[0], pair[1], slow, quick)
		require.Greater(s.t, slow, 99*time.Millisecond)
		require.Less(s.t, slow, 200*time.Millisecond, "once, not once each way")
	}
	require.Less(s.t, s.trip("by", "s2"), 50*time.Millisecond, "the others are as near as ever")
	_, ok := s.exchange("by", "s1", "GET", 1<<20, 20*time.Second)
	require.True(s.t, ok, "a far node is reached all the same")
	s.heal(Whole("s1"))
	require.Less(s.t, s.trip("by", "s1"), 50*time.Millisecond)

	s.inject(Spec{Name: "net.latency", Params: LatencyParams{LatencyMS: 50, JitterMS: 20}, Targets: []string{"s1"}})
	slow := s.trip("by", "s1")
	s.t.Logf("round trip with jitter: %s", slow)
	require.Greater(s.t, slow, 30*time.Millisecond)
	require.Less(s.t, slow, 150*time.Millisecond)
	s.heal(Whole("s1"))
}

func farDatacenterSeen(s *site) {
	s.inject(Spec{Name: "net.latency", Params: LatencyParams{LatencyMS: 80}, Targets: []string{"s1", "s2"}})
	require.Less(s.t, s.trip("s1", "s2"), 40*time.Millisecond, "inside, all is near")
	require.Greater(s.t, s.trip("by", "s1"), 79*time.Millisecond)
	require.Greater(s.t, s.trip("s2", "by"), 79*time.Millisecond)
	s.heal(Whole("s1", "s2"))
}

// lost is the share of exchanges without an answer.
func (s *site) lost(from, to string) float64 {
	s.t.Helper()
	const exchanges = 200
	got, err := s.nodes[from].Agent.Exchange(s.t.Context(), agent.Exchanges{
		Address: s.nodes[to].Address, Port: knockPort, Count: exchanges, Parallel: 20, Deadline: 300 * time.Millisecond,
	})
	require.NoError(s.t, err)
	lost := 0
	for _, e := range got {
		if e.Outcome == agent.Silence {
			lost++
		}
	}
	return float64(lost) / exchanges
}

// A round trip is two packets: of 30 percent each way, 51 percent do not come back.
func packetLossSeen(s *site) {
	s.inject(Spec{Name: "net.loss", Params: LossParams{Percent: 30}, Targets: []string{"s1"}})
	for _, pair := range [][2]string{{"by", "s1"}, {"s1", "by"}} {
		lost := s.lost(pair[0], pair[1])
		s.t.Logf("%.0f%% of the round trips from %s to %s lost", 100*lost, pair[0], pair[1])
		require.InDelta(s.t, 0.51, lost, 0.2)
	}
	require.Less(s.t, s.lost("by", "s2"), 0.05)
	s.heal(Whole("s1"))
	require.Less(s.t, s.lost("by", "s1"), 0.05)
}

func bandwidthSeen(s *site) {
	const size = 300_000 // 2.4 s at a megabit a second
	i := s.inject(Spec{Name: "net.bandwidth", Params: BandwidthParams{KilobitsPerSecond: 1000}, Targets: []string{"s1"}})
	for _, verb := range []string{"GET", "PUT"} {
		took, ok := s.exchange("by", "s1", verb, size, 20*time.Second)
		require.True(s.t, ok)
		require.Greater(s.t, took, 1800*time.Millisecond, verb)
		require.Less(s.t, took, 10*time.Second, verb)
	}
	proof, err := i.fault.(Awaiter).Observe(s.t.Context(), i.env)
	require.NoError(s.t, err)
	s.t.Log(proof)
	require.Contains(s.t, proof, "held back")
	s.heal(Whole("s1"))
	took, ok := s.exchange("by", "s1", "GET", size, 20*time.Second)
	require.True(s.t, ok)
	require.Less(s.t, took, time.Second)
}

// Kernels without intermediate interfaces drop what arrives too fast.
func policingSeen(s *site) {
	ctx, n := s.t.Context(), s.nodes["s1"].Agent
	s.t.Cleanup(func() { _, _ = n.Heal(context.Background(), "police") })
	_, err := n.Do(ctx, "police", agent.BandwidthSpec{BitsPerSecond: 2_000_000, Police: true}, 0)
	require.NoError(s.t, err)
	took, ok := s.exchange("by", "s1", "PUT", 500_000, 30*time.Second)
	require.True(s.t, ok)
	require.Greater(s.t, took, 400*time.Millisecond, "2 seconds less what the bucket holds; milliseconds without")
	seen, err := n.Inspect(ctx, "police")
	require.NoError(s.t, err)
	s.t.Log(seen.Proof)
	require.Contains(s.t, seen.Proof, "received")
	_, err = n.Heal(ctx, "police")
	require.NoError(s.t, err)
}

func flapSeen(s *site) {
	i := s.inject(Spec{Name: "net.flap", Params: FlapParams{DownMS: 400, UpMS: 600}, Targets: []string{"s1"}})
	outcomes := map[string]int{}
	changes, last := 0, ""
	for range 40 {
		got, err := s.nodes["by"].Agent.Exchange(s.t.Context(), agent.Exchanges{Address: s.nodes["s1"].Address, Port: knockPort, Count: 1, Deadline: 100 * time.Millisecond})
		require.NoError(s.t, err)
		if outcomes[got[0].Outcome]++; got[0].Outcome != last {
			changes++
		}
		last = got[0].Outcome
		require.NoError(s.t, wait.Hold(s.t.Context(), 20*time.Millisecond))
	}
	s.t.Logf("%v, %d changes", outcomes, changes)
	require.Greater(s.t, outcomes[agent.Silence], 3)
	require.Greater(s.t, outcomes[agent.Refused], 3)
	require.Greater(s.t, changes, 2)
	proof, err := i.fault.(Awaiter).Observe(s.t.Context(), i.env)
	require.NoError(s.t, err)
	require.Contains(s.t, proof, "times so far")
	s.heal(Whole("s1"))
	require.NoError(s.t, wait.Hold(s.t.Context(), 500*time.Millisecond))
	require.Equal(s.t, answered, s.dial("by", "s1", servedPort), "it does not flap any more")
}

// Small exchanges work, large ones hang, both ways; and packets that are joined are told from one that is large.
func blackHoleSeen(s *site) {
	s.inject(Spec{Name: "net.mtu", Params: MTUParams{LargerThan: 1000}, Targets: []string{"s1"}})
	for _, pair := range [][2]string{{"by", "s1"}, {"s1", "by"}} {
		_, ok := s.exchange(pair[0], pair[1], "GET", 100, 3*time.Second)
		require.True(s.t, ok, "a small answer arrives")
		_, ok = s.exchange(pair[0], pair[1], "GET", 100_000, 3*time.Second)
		require.False(s.t, ok, "a large answer hangs")
		_, ok = s.exchange(pair[0], pair[1], "PUT", 100_000, 3*time.Second)
		require.False(s.t, ok, "a large question hangs")
	}
	_, ok := s.exchange("by", "s2", "GET", 100_000, 3*time.Second)
	require.True(s.t, ok, "elsewhere, all goes on")
	s.heal(Whole("s1"))
	_, ok = s.exchange("by", "s1", "GET", 100_000, 3*time.Second)
	require.True(s.t, ok)

	// At the wire's own size nothing is too large, however much is sent at once.
	s.inject2(Spec{Name: "net.mtu", Params: MTUParams{LargerThan: 1500}, Targets: []string{"s1"}})
	_, ok = s.exchange("by", "s1", "GET", 1_000_000, 10*time.Second)
	require.True(s.t, ok, "what an interface joins is not taken for one large packet")
	s.heal(Whole("s1"))
}

// inject2 injects what has no effect that could be waited for.
func (s *site) inject2(spec Spec) {
	s.t.Helper()
	i, err := s.set.Prepare(s.t.Context(), spec)
	require.NoError(s.t, err)
	i.budgets.Proof = time.Millisecond
	require.NoError(s.t, i.Inject(s.t.Context()))
}

// Faults of one node add up, and each is healed by itself.
func twoAtOnceSeen(s *site) {
	latency := s.inject(Spec{Name: "net.latency", Params: LatencyParams{LatencyMS: 60}, Targets: []string{"s1"}})
	more := s.inject(Spec{Name: "net.latency", Params: LatencyParams{LatencyMS: 40}, Targets: []string{"s1"}})
	s.inject(Spec{Name: "net.bandwidth", Params: BandwidthParams{KilobitsPerSecond: 10_000}, Targets: []string{"s1"}})
	require.Greater(s.t, s.trip("by", "s1"), 99*time.Millisecond)
	require.NoError(s.t, latency.Heal(s.t.Context()))
	trip := s.trip("by", "s1")
	require.Greater(s.t, trip, 39*time.Millisecond)
	require.Less(s.t, trip, 99*time.Millisecond)
	require.NoError(s.t, more.Heal(s.t.Context()))
	s.heal(Whole("s1"))
}

// What is held when the heal comes is let go: it does not wait for its time.
func heldIsLetGo(s *site) {
	s.inject(Spec{Name: "net.latency", Params: LatencyParams{LatencyMS: 3000}, Targets: []string{"s1"}})
	type answer struct {
		took time.Duration
		ok   bool
	}
	done := make(chan answer, 1)
	go func() {
		took, ok := s.exchange("by", "s1", "GET", 10, 10*time.Second)
		done <- answer{took, ok}
	}()
	require.NoError(s.t, wait.Hold(s.t.Context(), 500*time.Millisecond))
	healed := time.Now()
	s.heal(Whole("s1"))
	a := <-done
	require.True(s.t, a.ok)
	require.Less(s.t, time.Since(healed), 2*time.Second)
}

// percentile of a few figures; it sorts them.
func percentile(figures []time.Duration, p int) time.Duration {
	slices.Sort(figures)
	return figures[min(len(figures)-1, len(figures)*p/100)]
}
