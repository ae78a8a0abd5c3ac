package node

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firedrill/firedrill/harness/agent"
)

// fittedShim is a shim of a node that has the library.
func fittedShim(t *testing.T) *shim {
	s := newShim()
	s.dir, s.library = t.TempDir(), filepath.Join(t.TempDir(), "shim.so")
	require.NoError(t, os.WriteFile(s.library, nil, 0o755))
	return s
}

func TestProcessesStartUnderTheShim(t *testing.T) {
	s := fittedShim(t)
	data := t.TempDir()
	env, err := s.environment(agent.Process{Name: "mysqld", DataDir: data})
	require.NoError(t, err)
	require.Equal(t, []string{"LD_PRELOAD=" + s.library, "FIREDRILL_SHIM=" + filepath.Join(s.dir, "mysqld"), "FIREDRILL_SHIM_DIR=" + data}, env)
	s.library = "/nowhere"
	env, err = s.environment(agent.Process{Name: "mysqld", DataDir: data})
	require.NoError(t, err)
	require.Empty(t, env, "a node that was not fitted")
}

// Faults of one node add up, each is taken away on its own, and a process that starts later meets what is in force.
func TestFaultsOfOneNodeAddUp(t *testing.T) {
	s := fittedShim(t)
	_, err := s.environment(agent.Process{Name: "early"})
	require.NoError(t, err)
	s.set("f1", settings{write: syscall.EIO, syncDelay: time.Second, ahead: time.Minute})
	s.set("f2", settings{syncDelay: 2 * time.Second, ahead: -time.Hour})
	_, err = s.environment(agent.Process{Name: "late"})
	require.NoError(t, err)
	for _, name := range []string{"early", "late"} {
		c := s.controls[name]
		require.Equal(t, int32(syscall.EIO), *c.errno(atWriteErrno), name)
		require.Equal(t, int64(2*time.Second), *c.number(atSyncDelay), name)
		require.Equal(t, int64(time.Minute-time.Hour), *c.number(atClockOffset), name)
	}
	lines, err := s.inForce()
	require.NoError(t, err)
	require.Len(t, lines, 6)
	s.clear("f2")
	require.Equal(t, int64(time.Second), *s.controls["late"].number(atSyncDelay))
	s.clear("f1")
	s.clear("f1")
	lines, err = s.inForce()
	require.NoError(t, err)
	require.Empty(t, lines)
}

func TestDriftGoesOnWhenOtherFaultsComeAndGo(t *testing.T) {
	s := fittedShim(t)
	since := agent.Monotonic() - int64(time.Hour)
	s.set("drift", settings{gainPPB: 100_000_000, since: since})
	require.InDelta(t, float64(6*time.Minute), float64(s.all().ahead), float64(time.Second), "a tenth of an hour")
	s.set("jump", settings{ahead: time.Hour})
	require.InDelta(t, float64(66*time.Minute), float64(s.all().ahead), float64(time.Second))
	require.Equal(t, int64(100_000_000), s.all().gainPPB)
	require.Equal(t, int64(9*365*24*time.Hour), gained(9_000_000_000, int64(365*24*time.Hour)), "more than 64 bits in between")
}

func TestWhomTheShimReaches(t *testing.T) {
	self := os.Getpid()
	require.Empty(t, reach("mysqld", self, 1, false))
	require.Contains(t, reach("mysqld", 0, 0, false), "does not run")
	require.Contains(t, reach("etcd", self, 0, true), "is a Go program")
	require.Contains(t, reach("busybox", self, 0, false), "runs without the shim")
	require.True(t, goProgram(agent.Process{Argv: []string{os.Args[0]}}))
}

func TestOnlyAWholeFileSystemIsAVolumeOfItsOwn(t *testing.T) {
	const mounts = `1 0 0:1 / / rw - overlay overlay rw
2 1 254:0 /var/lib/docker/volumes/x/_data /var/lib/mysql rw - ext4 /dev/vda rw
3 1 0:77 / /var/lib/etcd rw - tmpfs tmpfs rw,size=524288k
`
	require.True(t, ownVolume([]byte(mounts), "/var/lib/etcd"))
	require.False(t, ownVolume([]byte(mounts), "/var/lib/mysql"), "a folder of the machine's own disk")
	require.False(t, ownVolume([]byte(mounts), "/var/lib"))
}
