package node

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/firedrill/firedrill/harness/agent"
	"github.com/firedrill/firedrill/harness/hooks"
)

// replaceable says whether there is a file to replace.
func replaceable(s agent.ReplaceSpec) (string, error) {
	info, err := os.Stat(s.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no " + s.Path, nil
	case err != nil:
		return "", fmt.Errorf("look for %s: %w", s.Path, err)
	case !info.Mode().IsRegular():
		return s.Path + " is not a file", nil
	}
	return "", nil
}

// replace puts other content in a file's place. The file itself is kept by a second name and renamed back by the undo,
// so that it comes back as it was in everything; both changes are one rename, so that nobody ever runs half a script.
func (a *Agent) replace(_ context.Context, fault string, s agent.ReplaceSpec) (agent.Stamp, error) {
	reason, err := replaceable(s)
	if err != nil {
		return agent.Stamp{}, err
	}
	if reason != "" {
		return agent.Stamp{}, fmt.Errorf("replace %s: %s", s.Path, reason)
	}
	over := &layer{show: func() error { return overwrite(s.Path, s.Data) }}
	a.deeds.push(fault, deed{
		name: "replace " + s.Path,
		undo: func() (string, error) { return a.restore(s.Path, over) },
		inspect: func() (string, error) {
			if now, err := os.ReadFile(s.Path); err != nil || !bytes.Equal(now, s.Data) {
				return "", err
			}
			return s.Path + " is the drill's", nil
		},
	})
	stamp := agent.Stamp{Began: agent.Monotonic()}
	if err := a.layers.put(s.Path, over); err != nil {
		return stamp, fmt.Errorf("replace %s: %w", s.Path, err)
	}
	stamp.Effective = agent.Monotonic()
	stamp.Proof = s.Path + " is the drill's"
	return stamp, nil
}

// overwrite replaces a file in one step, and keeps the first content of all by its second name.
func overwrite(path string, data []byte) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if err := os.Link(path, agent.OriginalOf(path)); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	draft := filepath.Join(filepath.Dir(path), ".firedrill-draft-"+filepath.Base(path))
	if err := os.WriteFile(draft, data, info.Mode().Perm()); err != nil {
		return err
	}
	owner := info.Sys().(*syscall.Stat_t) // on Linux it is nothing else
	if err := os.Chown(draft, int(owner.Uid), int(owner.Gid)); err != nil {
		return err
	}
	if err := os.Chmod(draft, info.Mode()); err != nil { // whatever the umask
		return err
	}
	return os.Rename(draft, path)
}

func (a *Agent) restore(path string, over *layer) (string, error) {
	last, err := a.layers.lift(path, over, func() error {
		err := os.Rename(agent.OriginalOf(path), path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it was not replaced, or is back
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("put %s back: %w", path, err)
	}
	if !last {
		return "another fault still replaces " + path, nil
	}
	state, err := fileState(path)
	if err != nil {
		return "", fmt.Errorf("put %s back: %w", path, err)
	}
	return "back in its place: " + state, nil
}

// fileState is a line that tells a file from any other in its place.
func fileState(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	owner := info.Sys().(*syscall.Stat_t)
	return fmt.Sprintf("%s %s %d:%d sha256 %.8x", path, info.Mode(), owner.Uid, owner.Gid, sha256.Sum256(content)), nil
}

// hookFiles are the scripts that failovers run, and whatever a fault may have left beside them.
func hookFiles() ([]string, error) {
	entries, err := os.ReadDir(hooks.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		state, err := fileState(filepath.Join(hooks.Dir, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // a heal has just taken it away
		}
		if err != nil {
			return nil, err
		}
		out = append(out, state)
	}
	return out, nil
}
