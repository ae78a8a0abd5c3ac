package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/firedrill/firedrill/harness/agent"
)

// openFiles are a process's limits of open files, and how many it has open.
type openFiles struct {
	Soft uint64 `json:"soft"`
	Hard uint64 `json:"hard"`
	Open int    `json:"open"`
}

// LimitFiles sets the soft limit of open files of a process, or only looks when soft is negative, and writes what
// holds now. It is run as the user of the process: the kernel lets nobody else without CAP_SYS_RESOURCE.
func LimitFiles(out io.Writer, pid int, soft int64) error {
	var old unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &old); err != nil {
		return fmt.Errorf("read limit of process %d: %w", pid, err)
	}
	now := old
	if soft >= 0 {
		now.Cur = min(uint64(soft), old.Max)
		if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &now, nil); err != nil {
			return fmt.Errorf("set limit of process %d: %w", pid, err)
		}
	}
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(openFiles{Soft: now.Cur, Hard: now.Max, Open: len(entries)})
}

// limitFiles has LimitFiles run as the user of the process.
func limitFiles(pid int, soft int64) (openFiles, error) {
	cred, err := userOf(pid)
	if err != nil {
		return openFiles{}, err
	}
	cmd := exec.Command("/proc/self/exe", "agent", "limit-files", strconv.Itoa(pid), "--", strconv.FormatInt(soft, 10))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred}
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
		}
		return openFiles{}, fmt.Errorf("limit open files of process %d: %w", pid, err)
	}
	var files openFiles
	return files, json.Unmarshal(out, &files)
}

// userOf reads the user and group of a process.
func userOf(pid int) (*syscall.Credential, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return nil, err
	}
	id := func(key string) uint32 {
		for line := range strings.Lines(string(status)) {
			if f := strings.Fields(line); len(f) > 1 && f[0] == key {
				n, _ := strconv.ParseUint(f[1], 10, 32)
				return uint32(n)
			}
		}
		return 0
	}
	return &syscall.Credential{Uid: id("Uid:"), Gid: id("Gid:"), NoSetGroups: false}, nil
}

// shortage is a lowered limit of a process and its descendants.
type shortage struct {
	name  string
	root  int
	limit uint64

	mu  sync.Mutex
	old map[int]uint64 // soft limits before
}

func (a *Agent) shortage(_ context.Context, fault string, s agent.FilesSpec) (agent.Stamp, error) {
	t, err := a.procs.running(s.Process)
	if err != nil {
		return agent.Stamp{}, fmt.Errorf("limit open files: %w", err)
	}
	x := &shortage{name: t.name, root: t.pid, limit: s.Limit, old: map[int]uint64{}}
	ran := a.procs.supervised()
	undo := func() (string, error) {
		proof, err := x.undo()
		if err != nil {
			return "", err
		}
		revived, err := a.procs.revive(ran) // mysqld ends by itself when it cannot open a file that it must
		return strings.Join(append([]string{proof}, revived...), "; "), err
	}
	a.deeds.push(fault, deed{name: "files", undo: undo, inspect: func() (string, error) { return x.proof(), nil }})
	stamp := agent.Stamp{Began: agent.Monotonic()}
	err = x.lower()
	stamp.Effective, stamp.Proof = agent.Monotonic(), x.proof()
	return stamp, err
}

func (x *shortage) lower() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, pid := range tree(x.root) { // the root first: what it forks from then on has its limit
		now, err := limitFiles(pid, -1)
		if err == nil && now.Soft != x.limit {
			x.old[pid] = now.Soft
			_, err = limitFiles(pid, int64(x.limit))
		}
		if err != nil && (pid == x.root || alive(pid)) {
			return err
		}
	}
	return nil
}

func (x *shortage) proof() string {
	now, err := limitFiles(x.root, -1)
	if err != nil || now.Soft != x.limit {
		return ""
	}
	return fmt.Sprintf("%s (pid %d) may have %d open files and has %d", x.name, x.root, now.Soft, now.Open)
}

// undo restores what was lowered, and what was forked from it since.
func (x *shortage) undo() (string, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !alive(x.root) {
		return x.name + " has ended, and its limit with it", nil
	}
	restored := 0
	for _, pid := range tree(x.root) {
		soft, lowered := x.old[pid]
		if !lowered {
			soft = x.old[x.root]
		}
		now, err := limitFiles(pid, -1)
		if err == nil && now.Soft == x.limit && soft != 0 {
			_, err = limitFiles(pid, int64(soft))
			restored++
		}
		if err != nil && alive(pid) {
			return "", err
		}
	}
	now, err := limitFiles(x.root, -1)
	return fmt.Sprintf("%s (pid %d) may have %d open files again (%d processes)", x.name, x.root, now.Soft, restored), err
}

// limitsNow are what faults can change of a running process, and our own helpers that take from it.
func (a *Agent) limitsNow() ([]string, error) {
	found, err := a.procs.targets(nil)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, t := range found {
		if t.pid == 0 {
			continue
		}
		limits, err1 := os.ReadFile(fmt.Sprintf("/proc/%d/limits", t.pid))
		score, err2 := os.ReadFile(oomScore(t.pid))
		if err1 != nil || err2 != nil {
			continue // it has just ended
		}
		files := ""
		for line := range strings.Lines(string(limits)) {
			if rest, ok := strings.CutPrefix(line, "Max open files"); ok {
				files = strings.Fields(rest)[0]
			}
		}
		out = append(out, fmt.Sprintf("%s: %s open files, oom_score_adj %s", t.name, files, strings.TrimSpace(string(score))))
	}
	for _, pid := range family()[os.Getpid()] {
		if line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); strings.Contains(string(line), "\x00agent\x00hog\x00") {
			out = append(out, "a memory hog of ours runs")
		}
	}
	return out, nil
}
