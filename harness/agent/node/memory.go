package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/wait"
)

// memoryGroup reads the control group that bounds the node's memory, of either version of the kernel's interface.
type memoryGroup struct {
	limit, usage, kills string // files
}

// memoryGroups are where a container finds its own group: version 2, version 1.
var memoryGroups = []memoryGroup{
	{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.events"},
	{"/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes", "/sys/fs/cgroup/memory/memory.oom_control"},
}

// noLimit is what version 1 says for none, rounded down: no machine has so much.
const noLimit = 1 << 60

// ownMemory finds the group and its limit in bytes.
func ownMemory() (memoryGroup, int64, error) {
	for _, g := range memoryGroups {
		data, err := os.ReadFile(g.limit)
		if err != nil {
			continue
		}
		limit, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
		if err != nil || limit >= noLimit { // "max"
			return g, 0, errors.New("the node's memory has no limit: it needs the fitting memory")
		}
		return g, limit, nil
	}
	return memoryGroup{}, 0, errors.New("the node has no control group for memory")
}

// taken is what cannot be reclaimed: the usage without the pages of files, which the kernel gives back when pressed.
func (g memoryGroup) taken() (int64, error) {
	data, err := os.ReadFile(g.usage)
	if err != nil {
		return 0, err
	}
	usage, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	if err != nil {
		return 0, err
	}
	stat, err := os.ReadFile(filepath.Join(filepath.Dir(g.usage), "memory.stat"))
	if err != nil {
		return 0, err
	}
	return usage - numberOf(string(stat), "inactive_file") - numberOf(string(stat), "active_file"), nil
}

// killed counts what the kernel has killed in this group for want of memory.
func (g memoryGroup) killed() int64 {
	data, _ := os.ReadFile(g.kills)
	return numberOf(string(data), "oom_kill")
}

// numberOf reads a line "key number".
func numberOf(text, key string) int64 {
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == key {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			return n
		}
	}
	return 0
}

func mayTakeMemory(agent.MemorySpec) (string, error) {
	if _, _, err := ownMemory(); err != nil {
		return err.Error(), nil
	}
	return "", nil
}

// Steps of a hog. It looks at the group before each, so that it overshoots by at most one.
const (
	hogStep = 8 << 20
	hogLook = 10 * time.Millisecond
)

// Hog takes memory until only so much is left of the group's limit, and goes on taking what becomes free; it gives
// back what others need, so that nobody is killed for it. With a victim (a pid, else 0) it takes all until the kernel
// has killed that one, and then does as without.
func Hog(ctx context.Context, leave int64, victim int) error {
	g, limit, err := ownMemory()
	if err != nil {
		return err
	}
	var chunks [][]byte
	for ctx.Err() == nil {
		all := victim != 0 && alive(victim)
		taken, err := g.taken()
		if err != nil {
			return err
		}
		switch free := limit - taken - leave; {
		case all || free > hogStep:
			chunk, err := unix.Mmap(-1, 0, hogStep, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
			if err != nil {
				return fmt.Errorf("take memory: %w", err)
			}
			for i := 0; i < len(chunk); i += os.Getpagesize() {
				chunk[i] = 1
			}
			chunks = append(chunks, chunk)
		case free < 0 && len(chunks) > 0:
			_ = unix.Munmap(chunks[len(chunks)-1])
			chunks = chunks[:len(chunks)-1]
		default:
			_ = wait.Hold(ctx, hogLook)
		}
	}
	return nil
}

// famine is memory that is taken from the node, and what it costs.
type famine struct {
	a      *Agent
	fault  string
	spec   agent.MemorySpec
	group  memoryGroup
	limit  int64
	before int64  // kills of the group before the fault
	victim target // of the kernel, when spec.Kill
	scores map[int]string
	end    context.CancelFunc
	done   chan struct{}

	mu  sync.Mutex
	hog int // pid
}

func (a *Agent) famine(ctx context.Context, fault string, s agent.MemorySpec) (agent.Stamp, error) {
	group, limit, err := ownMemory()
	if err != nil {
		return agent.Stamp{}, err
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	f := &famine{
		a: a, fault: fault, spec: s, group: group, limit: limit, before: group.killed(), scores: map[int]string{},
		end: end, done: make(chan struct{}),
	}
	if s.Kill {
		if f.victim, err = a.procs.running(s.Process); err != nil {
			end()
			return agent.Stamp{}, fmt.Errorf("take memory: %w", err)
		}
	}
	a.deeds.push(fault, deed{name: "memory", undo: f.undo, inspect: func() (string, error) { return f.proof(), nil }})
	if s.Kill {
		err = f.condemn()
	}
	stamp := agent.Stamp{Began: agent.Monotonic()}
	go f.feed(life)
	if err == nil && s.Kill {
		stamp, err = f.awaitKill(ctx)
	} else if err == nil {
		err = wait.Until(ctx, "memory taken", exitWithin, func(context.Context) (bool, string, error) { return f.scarce() })
		stamp.Effective = agent.Monotonic()
	}
	stamp.Proof = f.proof()
	return stamp, err
}

// condemn makes a process the kernel's first choice, and holds it down once it is dead.
func (f *famine) condemn() error {
	if p := f.victim.proc; p != nil {
		f.a.procs.mu.Lock()
		p.held[f.fault] = true
		f.a.procs.mu.Unlock()
	}
	path := oomScore(f.victim.pid)
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	f.scores[f.victim.pid] = strings.TrimSpace(string(old))
	return os.WriteFile(path, []byte("1000"), 0)
}

func oomScore(pid int) string { return fmt.Sprintf("/proc/%d/oom_score_adj", pid) }

// feed keeps a hog running: the kernel's choice may fall on it too.
func (f *famine) feed(ctx context.Context) {
	defer close(f.done)
	for ctx.Err() == nil {
		cmd := exec.CommandContext(ctx, "/proc/self/exe", "agent", "hog", strconv.FormatInt(f.spec.Leave, 10), strconv.Itoa(f.victim.pid))
		if err := cmd.Start(); err == nil {
			f.mu.Lock()
			f.hog = cmd.Process.Pid
			f.mu.Unlock()
			if !f.spec.Kill { // who only presses must not cost anybody's life
				_ = os.WriteFile(oomScore(cmd.Process.Pid), []byte("1000"), 0)
			}
			_ = cmd.Wait()
		}
		_ = wait.Hold(ctx, hogLook)
	}
}

// scarce says whether about as little is left as was asked for.
func (f *famine) scarce() (bool, string, error) {
	taken, err := f.group.taken()
	if err != nil {
		return false, "", err
	}
	return f.limit-taken <= f.spec.Leave+2*hogStep, fmt.Sprintf("%d of %d MB taken", taken>>20, f.limit>>20), nil
}

// awaitKill brackets the moment at which the kernel kills, between two looks.
func (f *famine) awaitKill(ctx context.Context) (agent.Stamp, error) {
	stamp := agent.Stamp{Began: agent.Monotonic()}
	late := time.Now().Add(exitWithin)
	for alive(f.victim.pid) {
		stamp.Began = agent.Monotonic()
		if time.Now().After(late) {
			_, seen, _ := f.scarce()
			return stamp, fmt.Errorf("take memory: the kernel has not killed %s within %s: %s", f.victim.name, exitWithin, seen)
		}
		if err := wait.Hold(ctx, hogLook/2); err != nil {
			return stamp, err
		}
	}
	stamp.Effective = agent.Monotonic()
	return stamp, nil
}

func (f *famine) proof() string {
	taken, err := f.group.taken()
	if err != nil {
		return ""
	}
	state := fmt.Sprintf("%d of %d MB taken", taken>>20, f.limit>>20)
	if killed := f.group.killed() - f.before; f.spec.Kill {
		if killed == 0 || alive(f.victim.pid) {
			return ""
		}
		return fmt.Sprintf("the kernel killed %s (pid %d) for want of memory (oom_kill %s); %s", f.victim.name, f.victim.pid, times(int(killed)), state)
	}
	if scarce, _, _ := f.scarce(); !scarce {
		return ""
	}
	return state
}

func (f *famine) undo() (string, error) {
	f.end() // kills the hog
	<-f.done
	for pid, old := range f.scores {
		if err := os.WriteFile(oomScore(pid), []byte(old), 0); err != nil && alive(pid) {
			return "", fmt.Errorf("restore oom_score_adj of %d: %w", pid, err)
		}
	}
	back := ""
	if p := f.victim.proc; p != nil {
		f.a.procs.mu.Lock()
		delete(p.held, f.fault)
		f.a.procs.mu.Unlock()
	}
	if f.spec.Kill && !alive(f.victim.pid) {
		var err error
		if back, err = f.a.procs.relaunch([]target{f.victim}); err != nil {
			return "", err
		}
		back += "; "
	}
	taken, err := f.group.taken()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s%d of %d MB are free", back, (f.limit-taken)>>20, f.limit>>20), nil
}

// running finds a process by name, or the node's main one: what a manager manages, else what has data, else the first.
func (s *supervisor) running(name string) (target, error) {
	if name == "" {
		name = s.mainProcess()
	}
	if name == "" {
		return target{}, errors.New("no process is declared on this node")
	}
	found, err := s.targets([]string{name})
	if err != nil {
		return target{}, err
	}
	if found[0].pid == 0 {
		return target{}, fmt.Errorf("%s does not run", name)
	}
	return found[0], nil
}

func (s *supervisor) mainProcess() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := ""
	for _, n := range s.order {
		spec := s.procs[n].spec
		for inner := range spec.Inner {
			return inner
		}
		if name == "" || spec.DataDir != "" && s.procs[name].spec.DataDir == "" {
			name = n
		}
	}
	return name
}
