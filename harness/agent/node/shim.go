package node

import (
	"debug/buildinfo"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/firedrill/firedrill/harness/agent"
)

// settings are what the shim does to the processes that run under it.
type settings struct {
	write, sync, change   syscall.Errno
	writeDelay, syncDelay time.Duration
	ahead                 time.Duration // of the wall clock, at since
	gainPPB               int64
	since                 int64 // on the monotonic clock
}

// shim keeps the settings of each fault and writes what all of them come to into the file of each process.
type shim struct {
	library string // agent.ShimLibrary, except in tests
	dir     string // of the shared files

	mu       sync.Mutex
	controls map[string]control // by process
	faults   map[string]settings
}

const shimDir = "/run/firedrill/shim"

func newShim() *shim {
	return &shim{library: agent.ShimLibrary, dir: shimDir, controls: map[string]control{}, faults: map[string]settings{}}
}

// fitted says whether the node has the shim.
func (s *shim) fitted() bool {
	_, err := os.Stat(s.library)
	return err == nil
}

// environment puts a process under the shim, if the node has it. What is in force meets the process from its start.
func (s *shim) environment(spec agent.Process) ([]string, error) {
	if !s.fitted() {
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	path := filepath.Join(s.dir, spec.Name)
	if _, ok := s.controls[spec.Name]; !ok {
		if err := os.MkdirAll(s.dir, 0o755); err != nil {
			return nil, fmt.Errorf("share a file with the shim: %w", err)
		}
		c, err := openControl(path)
		if err != nil {
			return nil, fmt.Errorf("share a file with the shim: %w", err)
		}
		c.set(s.all())
		s.controls[spec.Name] = c
	}
	env := []string{"LD_PRELOAD=" + s.library, "FIREDRILL_SHIM=" + path}
	if spec.DataDir != "" {
		env = append(env, "FIREDRILL_SHIM_DIR="+resolved(spec.DataDir))
	}
	return env, nil
}

// resolved is a path as the kernel names it.
func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// set adds the settings of a fault to what is in force; clear takes all of the fault's away.
func (s *shim) set(fault string, x settings) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[fault] = x
	s.write()
}

func (s *shim) clear(fault string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.faults, fault)
	s.write()
}

func (s *shim) write() {
	for _, c := range s.controls {
		c.set(s.all())
	}
}

// all is what the faults in force come to: the longest delay, an error if any has one, the sum of the clocks.
func (s *shim) all() settings {
	sum := settings{since: agent.Monotonic()}
	for _, fault := range slices.Sorted(maps.Keys(s.faults)) {
		f := s.faults[fault]
		sum.write, sum.sync, sum.change = worse(sum.write, f.write), worse(sum.sync, f.sync), worse(sum.change, f.change)
		sum.writeDelay, sum.syncDelay = max(sum.writeDelay, f.writeDelay), max(sum.syncDelay, f.syncDelay)
		sum.ahead += f.ahead + time.Duration(gained(f.gainPPB, sum.since-f.since))
		sum.gainPPB += f.gainPPB
	}
	return sum
}

func worse(a, b syscall.Errno) syscall.Errno {
	if a != 0 {
		return a
	}
	return b
}

// hits are what was counted so far, by process.
func (s *shim) hits() map[string]hits {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]hits{}
	for name, c := range s.controls {
		out[name] = c.hits()
	}
	return out
}

// inForce describes the settings of the node for a sweep.
func (s *shim) inForce() ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for name, c := range s.controls {
		for what, at := range map[string]int{"writes": atWriteErrno, "syncs": atSyncErrno, "changes": atChangeErrno} {
			if e := *c.errno(at); e != 0 {
				out = append(out, fmt.Sprintf("%s: %s fail: %s", name, what, syscall.Errno(e)))
			}
		}
		for what, at := range map[string]int{"writes": atWriteDelay, "syncs": atSyncDelay} {
			if d := *c.number(at); d != 0 {
				out = append(out, fmt.Sprintf("%s: %s take %s", name, what, time.Duration(d)))
			}
		}
		if *c.number(atClockOffset) != 0 || *c.number(atClockRate) != 0 {
			out = append(out, name+": its clock is wrong")
		}
	}
	return out, nil
}

// notFitted is the reason that faults of the shim give on a node without it.
const notFitted = "the node was not fitted with the shim: a drill says so before its topology stands (steps do it by themselves, a Go test calls Drill.Fit)"

// reach says why the shim cannot do something to a running program, by what the kernel and its own counters tell of
// it: empty when it can. counted are the calls that it has seen.
func reach(name string, pid int, counted int64, isGo bool) string {
	switch {
	case counted > 0:
		return ""
	case pid == 0:
		return name + " does not run, and has done nothing yet that tells whether the shim reaches it"
	case isGo:
		return name + " is a Go program, which asks the kernel itself and not libc: it cannot be reached"
	case without(pid):
		return name + " runs without the shim (a static program, or one that drops LD_PRELOAD): it cannot be reached"
	}
	return name + " has the shim, but not one of its calls was seen yet"
}

// without says that the shim is not in a process. The maps of another user's process cannot be read without SYS_PTRACE:
// then only its counters tell.
func without(pid int) bool {
	maps, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/maps")
	return err == nil && !strings.Contains(string(maps), agent.ShimLibrary)
}

// goProgram says whether what a process is started from was built by Go.
func goProgram(spec agent.Process) bool {
	path, err := exec.LookPath(spec.Argv[0])
	if err != nil {
		return false
	}
	_, err = buildinfo.ReadFile(path)
	return err == nil
}
