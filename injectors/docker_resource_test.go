package injectors

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/wait"
)

func TestResourceFaultsSeenFromOutside(t *testing.T) {
	s := newSite(t, harness.FitMemory)
	_, stop := s.burner()
	stop() // declared, so that it is in the first sweep too
	for _, c := range []struct {
		name string
		test func(*site)
	}{
		{"resource.cpu", cpuSeen}, {"resource.cpu and process.freeze", throttledAndFrozen},
		{"resource.memory", pressureSeen}, {"resource.memory with a kill", oomSeen}, {"resource.files", filesSeen},
	} {
		t.Run(c.name, func(t *testing.T) {
			inner := *s
			inner.t = t
			before := inner.swept("s1")
			c.test(&inner)
			require.Empty(t, inner.set.Open())
			require.Equal(t, before, inner.swept("s1"), "the node is as it was")
		})
		require.NoError(t, s.set.HealAll(t.Context()))
	}
}

// swept is how a node stands in all that a fault can change.
func (s *site) swept(node string) agent.Sweep {
	s.t.Helper()
	sweep, err := s.nodes[node].Agent.Sweep(s.t.Context())
	require.NoError(s.t, err)
	return sweep
}

// cycles says how much processor time a process of s1 has had, in clock ticks of 10 ms.
func (s *site) cycles(pid string) int {
	s.t.Helper()
	fields := strings.Fields(s.run("s1", "cat", "/proc/"+pid+"/stat").Stdout)
	require.Greater(s.t, len(fields), 14)
	return number(s.t, fields[13]) + number(s.t, fields[14])
}

func number(t *testing.T, text string) int {
	t.Helper()
	n := 0
	for _, c := range text {
		require.Contains(t, "0123456789", string(c))
		n = 10*n + int(c-'0')
	}
	return n
}

// burner runs a process on s1 that takes a whole processor.
func (s *site) burner() (pid string, stop func()) {
	s.t.Helper()
	n := s.nodes["s1"].Agent
	require.NoError(s.t, n.Define(s.t.Context(), agent.Process{Name: "burner", Argv: []string{"bash", "-c", "while :; do :; done"}}))
	require.NoError(s.t, n.Start(s.t.Context(), "burner"))
	return fmt.Sprint(s.process("s1", "burner").PID), func() { require.NoError(s.t, n.Stop(s.t.Context(), "burner")) }
}

// cpuSeen measures what a process that wants a whole processor really gets, before, during and after.
func cpuSeen(s *site) {
	pid, stop := s.burner()
	defer stop()
	took := func() float64 {
		began, was := time.Now(), s.cycles(pid)
		require.NoError(s.t, wait.Hold(s.t.Context(), 2*time.Second))
		return float64(s.cycles(pid)-was) / (float64(time.Since(began)) / float64(10*time.Millisecond))
	}
	before := took()
	i := s.inject(Spec{Name: "resource.cpu", Params: CPUParams{Share: 10}, Targets: []string{"s1"}})
	during := took()
	proof, err := i.fault.(Awaiter).Observe(s.t.Context(), i.env)
	require.NoError(s.t, err)
	s.heal(Unthrottled("s1"))
	after := took()
	s.t.Logf("share of a processor: %.2f before, %.2f at 10%%, %.2f after: %s", before, during, after, proof)
	require.Less(s.t, during, 0.25)
	require.Greater(s.t, during, 0.0)
	require.Greater(s.t, before, 2*during)
	require.Greater(s.t, after, 2*during)
	s.nothingStopped("s1")
	s.answers("s1")
}

// A process that another fault has frozen does not run in the time that is left to the others.
func throttledAndFrozen(s *site) {
	s.inject(Spec{Name: "process.freeze", Params: FreezeParams{"etcd"}, Targets: []string{"s1"}})
	s.inject(Spec{Name: "resource.cpu", Params: CPUParams{Share: 50}, Targets: []string{"s1"}})
	for range 20 {
		require.Contains(s.t, s.run("s1", "cat", fmt.Sprintf("/proc/%d/status", s.process("s1", "etcd").PID)).Stdout, "T (stopped)")
	}
	require.NoError(s.t, s.set.Heal(s.t.Context(), Unthrottled("s1")))
	require.True(s.t, s.process("s1", "etcd").Frozen, "the freeze is in force")
	s.heal(Resumed("etcd", "s1"))
	s.answers("s1")
	s.nothingStopped("s1")
}

// Under pressure the memory is gone, and nobody is killed.
func pressureSeen(s *site) {
	i, err := s.set.Inject(s.t.Context(), Spec{Name: "resource.memory", Targets: []string{"by"}})
	require.ErrorIs(s.t, err, harness.ErrUnavailable, "by was not fitted")
	require.Nil(s.t, i)

	pid := s.process("s1", "etcd").PID
	i = s.inject(Spec{Name: "resource.memory", Params: MemoryParams{Leave: 64}, Targets: []string{"s1"}})
	require.Regexp(s.t, `9\d\d of 1024 MB taken`, i.Effect().Proof)
	require.NoError(s.t, wait.Hold(s.t.Context(), 2*time.Second))
	require.True(s.t, s.ask("s1"))
	require.Equal(s.t, pid, s.process("s1", "etcd").PID, "etcd lives on")
	s.heal(Unhogged("s1"))
	require.Regexp(s.t, `[89]\d\d of 1024 MB are free`, i.HealEffect().Proof)
}

func oomSeen(s *site) {
	i := s.inject(Spec{Name: "resource.memory", Params: MemoryParams{Kill: true}, Targets: []string{"s1"}})
	require.Contains(s.t, i.Effect().Proof, "the kernel killed etcd")
	require.Equal(s.t, refused, s.dial("by", "s1", etcdPort))
	require.Contains(s.t, s.process("s1", "etcd").LastExit, "killed")
	require.True(s.t, s.process("s1", "etcd").Held)
	s.heal(Unhogged("s1"))
	s.answers("s1")
}

// What is open goes on; a new connection is accepted by the kernel, and never by the server.
func filesSeen(s *site) {
	s.answers("s1")
	i := s.inject(Spec{Name: "resource.files", Targets: []string{"s1", "s2"}})
	require.Regexp(s.t, `etcd \(pid \d+\) may have 4 open files and has \d+`, i.Effect().Proof)
	require.Equal(s.t, answered, s.dial("by", "s1", etcdPort))
	require.False(s.t, s.ask("s1"))
	s.heal(Unlimited("s1", "s2"))
	s.answers("s1")
	s.answers("s2")
}
