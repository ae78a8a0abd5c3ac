package injectors

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/docker/dockertest"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
)

const diskDir = "/var/lib/etcd"

// A program that keeps data, as a database does: ten times a second it writes a line to a file and syncs it, with the
// time that it sees, and says on its standard output how that went and how long it took.
const keeper = `
use IO::Handle; use POSIX;
sub uptime { open(my $u, "<", "/proc/uptime"); (split " ", <$u>)[0] }
my $fd = POSIX::open("` + diskDir + `/rows", O_CREAT|O_WRONLY|O_APPEND, 0644) or die "open: $!";
open(my $h, ">&=", $fd) or die "handle: $!";
$| = 1;
while (1) {
	my ($from, $how) = (uptime(), "ok");
	my $n = POSIX::write($fd, "x" x 4096, 4096);
	if (!defined $n || $n < 4096) { $how = "write: $!" }
	else { $h->sync or $how = "sync: $!" }
	printf "%d %.3f %s\n", time(), uptime() - $from, $how;
	select(undef, undef, undef, 0.1);
}`

// shelf is two nodes with a data volume and the shim: s1 and s2 keep data, s2 by way of a database that aborts on an
// error and is nobody's to restart.
type shelf struct {
	*site
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	stood := dockertest.Up(t, dockertest.Provider(t, dockertest.Engine(t)), dockertest.Identity("disk"),
		harness.NodeSpec{Name: "s1", Component: harness.Etcd, Datacenter: "dc1", DataDir: diskDir, DataOwner: "etcd", Fittings: []harness.Fitting{harness.FitVolume, harness.FitShim}},
		harness.NodeSpec{Name: "s2", Component: harness.Etcd, Datacenter: "dc1", DataDir: diskDir, DataOwner: "etcd", Fittings: []harness.Fitting{harness.FitVolume, harness.FitShim}},
		harness.NodeSpec{Name: "bare", Component: harness.Etcd, Datacenter: "dc1", DataDir: diskDir, DataOwner: "etcd"},
	)
	s := &shelf{&site{t: t, nodes: map[string]*harness.Node{}, dir: t.TempDir()}}
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
	s.keep("s1", keeper)
	s.keep("s2", strings.ReplaceAll(keeper, "select(", `$how eq "ok" or exit 1; select(`))
	s.keep("bare", keeper)
	return s
}

func (s *shelf) keep(node, program string) {
	n := s.nodes[node]
	require.NoError(s.t, n.Agent.Define(s.t.Context(), agent.Process{Name: "keeper", Argv: []string{"perl", "-e", program}, User: "etcd", DataDir: diskDir}))
	require.NoError(s.t, n.Agent.Start(s.t.Context(), "keeper"))
	s.says(node, "ok")
}

// line is what a keeper has said last: what it takes for the time, how long it took, how it went.
type line struct {
	at   time.Time
	took float64 // seconds
	how  string
}

func (s *shelf) last(node string) (line, bool) {
	data, err := s.nodes[node].Agent.Read(s.t.Context(), "/var/log/firedrill/keeper.log")
	if err != nil {
		return line{}, false
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	f := strings.SplitN(lines[len(lines)-1], " ", 3)
	if len(f) < 3 {
		return line{}, false
	}
	at, _ := strconv.ParseInt(f[0], 10, 64)
	took, _ := strconv.ParseFloat(f[1], 64)
	return line{time.Unix(at, 0), took, f[2]}, true
}

// sees waits until a keeper's last line is as it should be.
func (s *shelf) sees(node, what string, right func(line) bool) {
	s.t.Helper()
	require.NoError(s.t, wait.Until(s.t.Context(), node+": "+what, 20*time.Second, func(context.Context) (bool, string, error) {
		l, ok := s.last(node)
		return ok && right(l), fmt.Sprintf("%+v", l), nil
	}))
}

func (s *shelf) says(node, how string) {
	s.t.Helper()
	s.sees(node, how, func(l line) bool { return strings.HasPrefix(l.how, how) })
}

func TestDiskAndClockSeenFromOutside(t *testing.T) {
	s := newShelf(t)
	sweeps := map[string]agent.Sweep{}
	for name, n := range s.nodes {
		sweeps[name] = s.state(n)
	}
	for _, c := range []struct {
		name string
		test func(*shelf)
	}{
		{"fittings", fittingsSeen}, {"not fitted", notFittedSeen}, {"disk.full", fullSeen}, {"disk.readonly", readOnlySeen}, {"disk.error", errorSeen},
		{"disk.slow", slowSeen}, {"two faults of one disk", bothSeen}, {"what aborted is started again", abortedSeen},
		{"clock.jump", jumpSeen}, {"clock.drift", driftSeen}, {"a Go program", goSeen},
	} {
		t.Run(c.name, func(t *testing.T) {
			inner := &shelf{&site{}}
			*inner.site = *s.site
			inner.t = t
			c.test(inner)
			require.Empty(t, inner.set.Open())
			for name, n := range s.nodes {
				require.Equal(t, sweeps[name], inner.state(n), name)
			}
		})
		require.NoError(t, s.set.HealAll(t.Context()))
	}
}

func fittingsSeen(s *shelf) {
	out := s.run("s1", "stat", "-f", "-c", "%T", diskDir)
	require.Equal(s.t, "tmpfs\n", out.Stdout)
	out = s.run("s1", "stat", "-c", "%U %a", diskDir)
	require.Equal(s.t, "etcd 700\n", out.Stdout)
	out = s.run("s1", "df", "--output=size", "-B1", diskDir)
	require.Contains(s.t, out.Stdout, strconv.Itoa(harness.VolumeSize))
	out = s.run("bare", "stat", "-f", "-c", "%T", diskDir)
	require.NotEqual(s.t, "tmpfs\n", out.Stdout)
}

// A node that was not fitted is not broken, and says why.
func notFittedSeen(s *shelf) {
	for fault, why := range map[string]string{"disk.full": "not on a volume of its own", "disk.error": "not fitted", "clock.jump": "not fitted"} {
		spec := Spec{Name: fault, Targets: []string{"bare"}}
		if fault == "clock.jump" {
			spec.Params = ClockJumpParams{ByMS: 1000}
		}
		_, err := s.set.Prepare(s.t.Context(), spec)
		require.ErrorIs(s.t, err, harness.ErrUnavailable)
		require.ErrorContains(s.t, err, why)
	}
}

func fullSeen(s *shelf) {
	i := s.inject(Spec{Name: "disk.full", Targets: []string{"s1"}})
	require.Contains(s.t, i.Effect().Proof, "0 bytes free")
	s.says("s1", "write: No space left on device")
	require.NotZero(s.t, s.run("s1", "bash", "-c", "echo one byte > "+diskDir+"/more").Code)
	require.Zero(s.t, s.run("s1", "bash", "-c", "echo more > /tmp/elsewhere").Code)
	s.run("s1", "rm", diskDir+"/rows") // it is still open: nothing is freed yet, but then somebody frees something
	require.Zero(s.t, s.run("s1", "rm", "-f", diskDir+"/more").Code)
	s.says("s1", "write: No space left on device")
	s.heal(Emptied("s1"))
	require.Contains(s.t, i.HealEffect().Proof, "MiB free")
	s.says("s1", "ok")
}

func readOnlySeen(s *shelf) {
	s.inject(Spec{Name: "disk.readonly", Targets: []string{"s1"}})
	s.says("s1", "write: Read-only file system")
	s.heal(Mended("s1"))
	s.says("s1", "ok")
}

func errorSeen(s *shelf) {
	i := s.inject(Spec{Name: "disk.error", Targets: []string{"s1"}})
	require.Contains(s.t, i.Effect().Proof, "keeper: ")
	s.says("s1", "write: Input/output error")
	s.heal(Mended("s1"))
	require.Contains(s.t, i.HealEffect().Proof, "none since")
	s.says("s1", "ok")
	s.inject(Spec{Name: "disk.error", Params: DiskErrorParams{SyncOnly: true}, Targets: []string{"s1"}})
	s.says("s1", "sync: Input/output error")
	s.heal(Mended("s1"))
	s.says("s1", "ok")
}

func slowSeen(s *shelf) {
	s.inject(Spec{Name: "disk.slow", Params: DiskSlowParams{SyncMS: 700}, Targets: []string{"s1"}})
	s.sees("s1", "0.7 s a round", func(l line) bool { return l.how == "ok" && l.took >= 0.7 })
	s.heal(Mended("s1"))
	s.sees("s1", "quick again", func(l line) bool { return l.how == "ok" && l.took < 0.5 })
	s.inject(Spec{Name: "disk.slow", Targets: []string{"s1"}})
	s.sees("s1", "0.25 s a round", func(l line) bool { return l.how == "ok" && l.took >= 0.25 })
	s.heal(Mended("s1"))
	s.sees("s1", "quick again", func(l line) bool { return l.how == "ok" && l.took < 0.2 })
	// A heal ends a wait that is under way.
	s.inject(Spec{Name: "disk.slow", Params: DiskSlowParams{SyncMS: 60_000}, Targets: []string{"s1"}})
	s.heal(Mended("s1"))
	s.sees("s1", "quick again", func(l line) bool { return l.how == "ok" && l.took < 0.2 })
}

// Two faults of one disk add up, and each is healed on its own.
func bothSeen(s *shelf) {
	s.inject(Spec{Name: "disk.slow", Params: DiskSlowParams{WriteMS: 300}, Targets: []string{"s1"}})
	s.inject(Spec{Name: "disk.error", Targets: []string{"s1"}})
	s.sees("s1", "slow and in error", func(l line) bool { return strings.HasPrefix(l.how, "write: ") && l.took >= 0.3 })
	require.NoError(s.t, s.set.Heal(s.t.Context(), Match{Faults: []string{"disk.error"}, Targets: []string{"s1"}}))
	s.sees("s1", "only slow", func(l line) bool { return l.how == "ok" && l.took >= 0.3 })
	require.NoError(s.t, s.set.Heal(s.t.Context(), Match{Faults: []string{"disk.slow"}, Targets: []string{"s1"}}))
	s.sees("s1", "quick again", func(l line) bool { return l.how == "ok" && l.took < 0.3 })
}

// What ran before the fault runs again after it, also when it ends only just after the heal.
func abortedSeen(s *shelf) {
	s.inject(Spec{Name: "disk.error", Targets: []string{"s2"}})
	s.says("s2", "write: Input/output error")
	require.NoError(s.t, wait.Until(s.t.Context(), "keeper ends", 10*time.Second, func(ctx context.Context) (bool, string, error) {
		states, err := s.nodes["s2"].Agent.Processes(ctx)
		return err == nil && states[0].PID == 0, "it runs", err
	}))
	s.heal(Mended("s2"))
	s.says("s2", "ok")
}

func jumpSeen(s *shelf) {
	i := s.inject(Spec{Name: "clock.jump", Params: ClockJumpParams{ByMS: 300_000}, Targets: []string{"s1"}})
	require.Contains(s.t, i.Effect().Proof, "keeper was told the wrong time")
	about := func(want time.Duration) func(line) bool {
		return func(l line) bool { return (time.Until(l.at) - want).Abs() < 30*time.Second }
	}
	s.sees("s1", "5 minutes ahead", about(5*time.Minute))
	s.sees("s1", "its own time goes on", func(l line) bool { return l.how == "ok" && l.took < 5 })
	s.inject(Spec{Name: "clock.jump", Params: ClockJumpParams{ByMS: -3600_000}, Targets: []string{"s1"}})
	s.sees("s1", "both jumps", about(-55*time.Minute))
	s.heal(ClockRight("s1"))
	require.Contains(s.t, i.HealEffect().Proof, "the offset is 0")
	s.sees("s1", "the right time", about(0))
}

func driftSeen(s *shelf) {
	s.inject(Spec{Name: "clock.drift", Params: ClockDriftParams{Percent: 900}, Targets: []string{"s1"}})
	s.sees("s1", "ever more ahead", func(l line) bool { return time.Until(l.at) > 20*time.Second })
	s.sees("s1", "ever more ahead", func(l line) bool { return time.Until(l.at) > 40*time.Second })
	s.heal(ClockRight("s1"))
	s.sees("s1", "the right time", func(l line) bool { return time.Until(l.at).Abs() < 10*time.Second })
}

// etcd writes and reads its clock without libc: it is not drilled, and says so.
func goSeen(s *shelf) {
	ctx := s.t.Context()
	n := s.nodes["s1"].Agent
	require.NoError(s.t, n.Stop(ctx, "keeper"))
	require.NoError(s.t, n.Define(ctx, agent.Process{Name: "etcd", Argv: []string{"etcd", "--data-dir", diskDir + "/etcd"}, User: "etcd", DataDir: diskDir}))
	require.NoError(s.t, n.Start(ctx, "etcd"))
	s.expectUp("s1", diskDir+"/etcd/member/wal")
	for fault, params := range map[string]any{"disk.error": nil, "clock.jump": ClockJumpParams{ByMS: 1000}} {
		_, err := s.set.Prepare(ctx, Spec{Name: fault, Params: params, Targets: []string{"s1"}})
		s.t.Log(err)
		if fault == "disk.error" {
			require.ErrorIs(s.t, err, harness.ErrUnavailable)
			require.ErrorContains(s.t, err, "etcd is a Go program")
		}
	}
	require.NoError(s.t, n.Stop(ctx, "etcd"))
	require.NoError(s.t, n.Start(ctx, "keeper"))
	s.says("s1", "ok")
}

func (s *shelf) expectUp(node, path string) {
	s.t.Helper()
	require.NoError(s.t, wait.Until(s.t.Context(), path+" on "+node, 20*time.Second, func(context.Context) (bool, string, error) {
		return s.run(node, "test", "-e", path).Code == 0, "not there", nil
	}))
}
