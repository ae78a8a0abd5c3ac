package node

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/record"
	"github.com/firedrill/firedrill/harness/wait"
)

// supervisor runs the node's programs, so that a program that dies leaves its host, its address and its network alive.
type supervisor struct {
	logDir string
	state  string // file that has the processes after a reboot; empty: none
	shim   *shim
	event  func(kind, msg string, attrs map[string]string)

	mu    sync.Mutex
	procs map[string]*process
	order []string
}

type process struct {
	spec     agent.Process
	pid      int           // 0: not running
	done     chan struct{} // closed when the running incarnation has exited
	held     map[string]bool
	down     bool // stopped on purpose, without a fault
	wanted   bool // started, and not stopped on purpose: it runs again after a reboot
	starts   int
	lastExit string
	// reviveUntil is how long an exit is still taken for the consequence of a fault that is healed.
	reviveUntil time.Time
}

func newSupervisor(logDir string, shim *shim, event func(kind, msg string, attrs map[string]string)) *supervisor {
	return &supervisor{logDir: logDir, shim: shim, event: event, procs: map[string]*process{}}
}

func (s *supervisor) define(spec agent.Process) error {
	if spec.Name == "" || len(spec.Argv) == 0 {
		return fmt.Errorf("define process: name and command are needed")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.procs[spec.Name]
	if p == nil {
		p = &process{held: map[string]bool{}}
		s.procs[spec.Name] = p
		s.order = append(s.order, spec.Name)
	}
	p.spec = spec
	return s.remember()
}

func (s *supervisor) start(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.procs[name]
	if p == nil {
		return fmt.Errorf("start %s: no such process is declared", name)
	}
	p.down, p.wanted = false, true
	if err := s.remember(); err != nil {
		return err
	}
	return s.launch(p)
}

// launch is called with the lock held. A process that runs, or that a fault holds down, is left alone.
func (s *supervisor) launch(p *process) error {
	if p.pid != 0 || len(p.held) > 0 || p.down {
		return nil
	}
	cmd, err := s.command(p.spec)
	if err != nil {
		return err
	}
	err = cmd.Start()
	_ = cmd.Stdout.(*os.File).Close() // the child has its own copy
	if err != nil {
		return fmt.Errorf("start %s: %w", p.spec.Name, err)
	}
	p.pid, p.done = cmd.Process.Pid, make(chan struct{})
	p.starts++
	s.event(record.KindProcess, p.spec.Name+" started", map[string]string{
		"process": p.spec.Name, "state": "started", "pid": strconv.Itoa(p.pid),
	})
	go s.await(p, cmd)
	return nil
}

func (s *supervisor) command(spec agent.Process) (*exec.Cmd, error) {
	log, err := os.OpenFile(filepath.Join(s.logDir, spec.Name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Name, err)
	}
	argv := commandLine(spec)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = spec.Dir, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	home := "/root"
	if spec.User != "" {
		cred, dir, err := credential(spec.User)
		if err != nil {
			_ = log.Close()
			return nil, fmt.Errorf("start %s: %w", spec.Name, err)
		}
		cmd.SysProcAttr.Credential, home = cred, dir
	}
	under, err := s.shim.environment(spec)
	if err != nil {
		_ = log.Close()
		return nil, fmt.Errorf("start %s: %w", spec.Name, err)
	}
	cmd.Env = environment(home, append(under, spec.Env...))
	return cmd, nil
}

// await reports the exit and starts the process again if its policy, and no fault, says so.
func (s *supervisor) await(p *process, cmd *exec.Cmd) {
	err := cmd.Wait()
	how := "exited with code 0"
	if err != nil {
		how = err.Error()
	}
	s.mu.Lock()
	p.pid, p.lastExit = 0, how
	close(p.done)
	restart := p.pauseBeforeRestart()
	s.mu.Unlock()
	s.event(record.KindProcess, p.spec.Name+": "+how, map[string]string{
		"process": p.spec.Name, "state": "exited", "how": how,
	})
	if restart == 0 || wait.Hold(context.Background(), restart) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.launch(p); err != nil {
		s.event(record.KindError, err.Error(), nil)
	}
}

// stop asks for a clean end and keeps the process down.
func (s *supervisor) stop(ctx context.Context, name string) error {
	s.mu.Lock()
	p := s.procs[name]
	if p == nil {
		s.mu.Unlock()
		return fmt.Errorf("stop %s: no such process is declared", name)
	}
	p.down, p.wanted = true, false
	err := s.remember()
	pid, done, sig := p.pid, p.done, stopSignal(p.spec)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	if pid == 0 {
		return nil
	}
	if err := syscall.Kill(pid, sig); err != nil {
		return fmt.Errorf("stop %s: %w", name, err)
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop %s: %w", name, ctx.Err())
	}
}

// stopAll ends everything at once: the node is being removed.
func (s *supervisor) stopAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.procs {
		p.down = true
		if p.pid != 0 {
			for _, pid := range tree(p.pid) {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	}
}

func (s *supervisor) states() []agent.ProcessState {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []agent.ProcessState
	for _, name := range s.order {
		p := s.procs[name]
		out = append(out, agent.ProcessState{
			Name: name, PID: p.pid, Frozen: p.pid != 0 && statusLetter(p.pid) == "T",
			Held: len(p.held) > 0, Restarts: max(0, p.starts-1), LastExit: p.lastExit,
		})
		for inner, path := range p.spec.Inner {
			pid := pidFrom(path)
			out = append(out, agent.ProcessState{Name: inner, Inner: true, PID: pid, Frozen: pid != 0 && statusLetter(pid) == "T"})
		}
	}
	return out
}

func stopSignal(spec agent.Process) syscall.Signal {
	if sig := unix.SignalNum("SIG" + spec.StopSignal); sig != 0 {
		return sig
	}
	return syscall.SIGTERM
}

// target is a process that a fault acts on: a supervised one, or one that a supervised one manages.
type target struct {
	name string
	pid  int
	proc *process // nil for an inner one
	isGo bool     // what it is started from was built by Go; told by supervised and keepers only
}

// targets resolves names; none means all supervised processes and those that they manage.
func (s *supervisor) targets(names []string) ([]target, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(names) == 0 {
		names = s.names()
	}
	var out []target
	for _, name := range names {
		if p := s.procs[name]; p != nil {
			out = append(out, target{name: name, pid: p.pid, proc: p})
			continue
		}
		path, ok := s.inner(name)
		if !ok {
			return nil, fmt.Errorf("no process %q on this node (there are: %s)", name, strings.Join(s.names(), ", "))
		}
		out = append(out, target{name: name, pid: pidFrom(path)})
	}
	return out, nil
}

func (s *supervisor) inner(name string) (pidFile string, ok bool) {
	for _, p := range s.procs {
		if path, ok := p.spec.Inner[name]; ok {
			return path, true
		}
	}
	return "", false
}

func (s *supervisor) names() []string {
	var out []string
	for _, name := range s.order {
		out = append(out, name)
		for inner := range s.procs[name].spec.Inner {
			out = append(out, inner)
		}
	}
	return out
}

// pidFrom reads the first line of a pid file; 0 when there is no such process.
func pidFrom(path string) int {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(strings.SplitN(string(data), "\n", 2)[0]))
	if err != nil || !alive(pid) {
		return 0
	}
	return pid
}

// alive says whether a process still runs; a zombie does not.
func alive(pid int) bool {
	letter := statusLetter(pid)
	return letter != "" && letter != "Z" && letter != "X"
}

// statusLetter is the state in /proc/PID/stat (R, S, D, T, Z), empty when there is no such process.
func statusLetter(pid int) string {
	fields := statFields(pid)
	if len(fields) == 0 {
		return ""
	}
	return fields[0]
}

// statFields are those of /proc/PID/stat after the command, which may itself contain spaces and brackets.
func statFields(pid int) []string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	i := strings.LastIndexByte(string(data), ')')
	if i < 0 {
		return nil
	}
	return strings.Fields(string(data[i+1:]))
}

// tree returns a process and all its descendants, parents first.
func tree(root int) []int { return trees([]int{root}) }
