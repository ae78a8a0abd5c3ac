package node

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/wait"
)

const (
	// fillerPrefix begins the names of the files that fill volumes.
	fillerPrefix = ".firedrill-fill-"
	// fillable is the largest volume that is filled: one that was made for the drill is far below it, and the disk of
	// whoever runs the drill is far above.
	fillable = 2 << 30
	// refill is how often what others have freed is taken away again.
	refill = 100 * time.Millisecond
)

// dataDirs are the data directories of the node's processes, once each.
func (a *Agent) dataDirs() []string {
	var out []string
	for _, t := range a.procs.keepers() {
		if dir := resolved(t.proc.spec.DataDir); !slices.Contains(out, dir) {
			out = append(out, dir)
		}
	}
	return out
}

func (a *Agent) mayFill(agent.FillSpec) (string, error) {
	dirs := a.dataDirs()
	if len(dirs) == 0 {
		return "nothing on the node keeps data on a disk", nil
	}
	mountinfo, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", fmt.Errorf("read mounts: %w", err)
	}
	for _, dir := range dirs {
		if !ownVolume(mountinfo, dir) {
			return dir + " is not on a volume of its own: filling it would fill somebody else's disk", nil
		}
		size, _, err := space(dir)
		if err != nil {
			return "", err
		}
		if size > fillable {
			return fmt.Sprintf("the volume of %s has %d MiB, and only those of at most %d MiB are filled", dir, size>>20, fillable>>20), nil
		}
	}
	return "", nil
}

// ownVolume says whether a whole file system, and not a part of one (a bind mount), is mounted at a path.
func ownVolume(mountinfo []byte, path string) bool {
	own := false
	lines := bufio.NewScanner(bytes.NewReader(mountinfo))
	for lines.Scan() {
		if f := strings.Fields(lines.Text()); len(f) > 4 && f[4] == path {
			own = f[3] == "/" // the last one mounted there counts
		}
	}
	return own
}

// space is the size of the file system of a path, and what root can still write to it, in bytes.
func space(path string) (size, free uint64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return 0, 0, fmt.Errorf("look at the volume of %s: %w", path, err)
	}
	return s.Blocks * uint64(s.Bsize), s.Bfree * uint64(s.Bsize), nil
}

// filler is the file that keeps a volume full.
type filler struct {
	dir string

	mu   sync.Mutex
	f    *os.File // nil before it begins and after it was stopped
	end  context.CancelFunc
	size int64
}

// fill fills all volumes, and goes on to take what is freed on them.
func (a *Agent) fill(_ context.Context, fault string, s agent.FillSpec) (agent.Stamp, error) {
	if reason, err := a.mayFill(s); err != nil || reason != "" {
		return agent.Stamp{}, fmt.Errorf("fill disk: %s: %w", reason, err)
	}
	var fillers []*filler
	for _, dir := range a.dataDirs() {
		fillers = append(fillers, &filler{dir: dir})
	}
	name, ran := fillerPrefix+strings.ReplaceAll(fault, "/", "-"), a.procs.keepers()
	a.deeds.push(fault, deed{
		name:    "fill",
		undo:    func() (string, error) { return a.makeRoom(fillers, name, ran) },
		inspect: func() (string, error) { return noRoom(fillers) },
	})
	stamp := agent.Stamp{Began: agent.Monotonic()}
	for _, f := range fillers {
		if err := f.begin(name); err != nil {
			return stamp, err
		}
	}
	stamp.Effective = agent.Monotonic()
	var err error
	stamp.Proof, err = noRoom(fillers)
	return stamp, err
}

func (f *filler) begin(name string) error {
	file, err := os.OpenFile(filepath.Join(f.dir, name), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("fill %s: %w", f.dir, err)
	}
	ctx, end := context.WithCancel(context.Background())
	f.mu.Lock()
	f.f, f.end = file, end
	f.mu.Unlock()
	if err := f.take(); err != nil {
		return err
	}
	go func() {
		for wait.Hold(ctx, refill) == nil {
			_ = f.take() // it is looked at in the proof
		}
	}()
	return nil
}

// take takes all that is free: as much as there seems to be at once, then less and less, down to the last page.
func (f *filler) take() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.f == nil {
		return nil // healed meanwhile
	}
	_, free, err := space(f.dir)
	if err != nil {
		return err
	}
	const page = 4096
	for chunk := int64(free); chunk >= page; {
		err := unix.Fallocate(int(f.f.Fd()), 0, f.size, chunk)
		if errors.Is(err, unix.EOPNOTSUPP) {
			chunk = min(chunk, 1<<20)
			_, err = f.f.WriteAt(make([]byte, chunk), f.size)
		}
		switch {
		case err == nil:
			f.size += chunk
			_, left, err := space(f.dir)
			if err != nil {
				return err
			}
			chunk = min(max(chunk, page), int64(left))
		case errors.Is(err, syscall.ENOSPC):
			chunk /= 2
		case errors.Is(err, syscall.EINTR):
		default:
			return fmt.Errorf("fill %s: %w", f.dir, err)
		}
	}
	return nil
}

// noRoom is the proof: nothing is free on any of the volumes.
func noRoom(fillers []*filler) (string, error) {
	var out []string
	for _, f := range fillers {
		if err := f.take(); err != nil {
			return "", err
		}
		size, free, err := space(f.dir)
		if err != nil {
			return "", err
		}
		if free > 0 {
			return "", nil
		}
		out = append(out, fmt.Sprintf("%s has 0 bytes free of %d MiB", f.dir, size>>20))
	}
	return strings.Join(out, "; "), nil
}

// makeRoom removes the files, and starts what had aborted for want of room.
func (a *Agent) makeRoom(fillers []*filler, name string, ran []target) (string, error) {
	var proofs []string
	for _, f := range fillers {
		f.stop()
		if err := os.Remove(filepath.Join(f.dir, name)); err != nil && !os.IsNotExist(err) {
			return "", fmt.Errorf("make room in %s: %w", f.dir, err)
		}
		_, free, err := space(f.dir)
		if err != nil {
			return "", err
		}
		proofs = append(proofs, fmt.Sprintf("%s has %d MiB free", f.dir, free>>20))
	}
	revived, err := a.procs.revive(ran)
	return strings.Join(append(proofs, revived...), "; "), err
}

func (f *filler) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.end != nil {
		f.end()
	}
	if f.f != nil {
		_ = f.f.Close()
		f.f = nil
	}
}

// fillersLeft are the files that fill volumes, for a sweep.
func (a *Agent) fillersLeft() ([]string, error) {
	var out []string
	for _, dir := range a.dataDirs() {
		found, err := filepath.Glob(filepath.Join(dir, fillerPrefix+"*"))
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}
