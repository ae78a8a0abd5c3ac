package node

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"syscall"
)

// halts are the processes that faults have stopped, and who has stopped them: a process runs again when the last of
// them has let it go.
type halts struct {
	mu sync.Mutex
	by map[int]map[any]bool
}

func newHalts() *halts { return &halts{by: map[int]map[any]bool{}} }

// stop stops a process in the name of an owner. One that is gone is no error.
func (h *halts) stop(pid int, owner any) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.by[pid] == nil {
		h.by[pid] = map[any]bool{}
	}
	h.by[pid][owner] = true
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stop process %d: %w", pid, err)
	}
	return nil
}

// release continues all processes that only the owner has stopped. kept are those that are others' to continue.
func (h *halts) release(owner any) (kept int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var errs []error
	var released []int
	for pid, owners := range h.by {
		if !owners[owner] {
			continue
		}
		if len(owners) > 1 {
			delete(owners, owner)
			kept++
			continue
		}
		if err := syscall.Kill(pid, syscall.SIGCONT); err != nil && !errors.Is(err, syscall.ESRCH) {
			errs = append(errs, fmt.Errorf("continue process %d: %w", pid, err))
			continue
		}
		released = append(released, pid)
	}
	for _, pid := range released { // SIGCONT has taken effect when kill returns
		if statusLetter(pid) == "T" {
			errs = append(errs, fmt.Errorf("continue process %d: it is still stopped", pid))
			continue
		}
		delete(h.by, pid)
	}
	return kept, errors.Join(errs...)
}

// everything is all that runs on the node but the agent and what it does for its controller: the supervised processes,
// those that they manage, and the orphans that process 1 has taken over, each with its descendants, parents first.
func (s *supervisor) everything() []int {
	found, _ := s.targets(nil) // no name, no error
	var roots []int
	for _, t := range found {
		if t.pid != 0 {
			roots = append(roots, t.pid)
		}
	}
	if ourInit() {
		for _, pid := range family()[1] {
			if pid != os.Getpid() {
				roots = append(roots, pid)
			}
		}
	}
	return trees(roots)
}

// ourInit says that process 1 is ours: it then has no children but the agent, and orphans. A test's agent lives on a
// machine whose process 1 has children that are nobody's business.
func ourInit() bool {
	first, err1 := os.Readlink("/proc/1/exe")
	own, err2 := os.Readlink("/proc/self/exe")
	return err1 == nil && err2 == nil && first == own && os.Getppid() == 1
}

// trees are processes with all their descendants, each once, parents first.
func trees(roots []int) []int {
	children := family()
	seen := map[int]bool{}
	var out []int
	for _, pid := range roots {
		if !seen[pid] {
			seen[pid] = true
			out = append(out, pid)
		}
	}
	for i := 0; i < len(out); i++ {
		for _, pid := range children[out[i]] {
			if !seen[pid] {
				seen[pid] = true
				out = append(out, pid)
			}
		}
	}
	return out
}

// family lists the children of each process.
func family() map[int][]int {
	children := map[int][]int{}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if f := statFields(pid); len(f) > 1 {
			if parent, err := strconv.Atoi(f[1]); err == nil {
				children[parent] = append(children[parent], pid)
			}
		}
	}
	return children
}
