package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/firedrill/firedrill/harness/agent"
)

// wipe empties the data directories of a node on which nothing runs and nothing can be started: a lost host. There is
// no way back to push.
func (a *Agent) wipe(_ context.Context, _ string, _ agent.WipeSpec) (agent.Stamp, error) {
	a.procs.mu.Lock() // nothing starts meanwhile
	defer a.procs.mu.Unlock()
	for _, name := range a.procs.order {
		p := a.procs.procs[name]
		if p.pid != 0 || len(p.held) == 0 {
			return agent.Stamp{}, fmt.Errorf("wipe: %s is not held down: only the disk of a lost host is emptied", name)
		}
		for inner, pidFile := range p.spec.Inner {
			if pidFrom(pidFile) != 0 {
				return agent.Stamp{}, fmt.Errorf("wipe: %s still runs: only the disk of a lost host is emptied", inner)
			}
		}
	}
	stamp := agent.Stamp{Began: agent.Monotonic()}
	var proofs []string
	for _, dir := range a.procs.dataDirs() {
		n, err := emptied(dir)
		if err != nil {
			return stamp, fmt.Errorf("wipe %s: %w", dir, err)
		}
		proofs = append(proofs, fmt.Sprintf("%s is empty (%d entries removed)", dir, n))
	}
	stamp.Effective, stamp.Proof = agent.Monotonic(), strings.Join(proofs, "; ")
	return stamp, nil
}

func (a *Agent) mayWipe(agent.WipeSpec) (string, error) {
	a.procs.mu.Lock()
	defer a.procs.mu.Unlock()
	dirs := a.procs.dataDirs()
	if len(dirs) == 0 {
		return "no process of this node keeps data", nil
	}
	for _, dir := range dirs {
		if err := worthEmptying(dir); err != nil {
			return "", err
		}
	}
	return "", nil
}

// dataDirs are the declared data directories, each once. It is called with the lock held.
func (s *supervisor) dataDirs() []string {
	var out []string
	for _, name := range s.order {
		if dir := s.procs[name].spec.DataDir; dir != "" && !slices.Contains(out, dir) {
			out = append(out, dir)
		}
	}
	return out
}

// shallowest is how deep below / a data directory is at least: a typo must not empty /var.
const shallowest = 2

// worthEmptying refuses what cannot be a data directory.
func worthEmptying(dir string) error {
	if !filepath.IsAbs(dir) || filepath.Clean(dir) != dir || strings.Count(dir, "/") < shallowest {
		return fmt.Errorf("%q is not the path of a data directory", dir)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory", dir)
	}
	return nil
}

// emptied removes what is in a directory, and leaves the directory, which may be a mount point and has its owner.
func emptied(dir string) (removed int, err error) {
	if err := worthEmptying(dir); err != nil {
		return 0, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}
